"""The chapters are true, complete and in order: each example runs, each clause and reading has its place."""

import doctest
import re
from importlib.resources import files
from pathlib import Path
from typing import Final

import pytest

from scope_spec import CLAUSES, READINGS

FIRST: Final = "00-reading-order.md"
LAST: Final = "10-readings.md"
CHAPTERS: Final = {
    entry.name: entry.read_text(encoding="utf-8")
    for entry in sorted(files("scope_spec").iterdir(), key=lambda entry: entry.name)
    if entry.name.endswith(".md")
}
FEWEST_EXAMPLES: Final = 3
NOT_JUDGED: Final = [id_ for id_, clause in CLAUSES.items() if clause.excluded or clause.unjudged]

TAG: Final = re.compile(r"\[([A-Z]+-\d+[a-z]?|A\d+)\]")
TAG_LIKE: Final = re.compile(r"\[[A-Z][A-Za-z]*-?\d+[a-z]*\]")
BARE_ID: Final = re.compile(r"(?<![\w-])([A-Z]{3,}-\d+[a-z]?|A\d+)(?![\w-])")

every_chapter = pytest.mark.parametrize("name", CHAPTERS)


def parted(text: str) -> tuple[str, str]:
    """Part Markdown into prose and Python, each with blank lines where the other stands."""
    prose, python = [], []
    fence = ""
    for line in text.splitlines():
        if line.startswith("```"):
            fence = "" if fence else line
            prose.append("")
            python.append("")
        else:
            prose.append("" if fence else line)
            python.append(line if fence == "```python" else "")
    assert not fence, "a fence is left open"
    return "\n".join(prose), "\n".join(python)


def examples(name: str, text: str) -> doctest.DocTest:
    """Collect the examples of a chapter, which share their names from top to bottom."""
    return doctest.DocTestParser().get_doctest(parted(text)[1], {}, name, name, 0)


def failures(name: str, text: str) -> tuple[int, str]:
    """Run the examples of a chapter, and tell how many failed and how."""
    report: list[str] = []
    results = doctest.DocTestRunner(verbose=False).run(examples(name, text), out=report.append)
    return results.failed, "".join(report)


def tags(text: str) -> set[str]:
    """Give the ids that the prose of a chapter tags."""
    return set(TAG.findall(parted(text)[0]))


# The examples


@every_chapter
def test_every_example_is_true(name: str) -> None:
    failed, report = failures(name, CHAPTERS[name])
    assert not failed, report


@every_chapter
def test_a_chapter_has_several_examples(name: str) -> None:
    shown = [example for example in examples(name, CHAPTERS[name]).examples if example.want]
    assert len(shown) >= FEWEST_EXAMPLES


@every_chapter
def test_no_example_is_overlooked(name: str) -> None:
    # Each prompt in the file is an example that was collected, on the line where it stands.
    prompts = [number for number, line in enumerate(CHAPTERS[name].splitlines()) if line.startswith(">>>")]
    assert prompts == [example.lineno for example in examples(name, CHAPTERS[name]).examples]
    assert all(line.startswith(">>>") for line in CHAPTERS[name].splitlines() if ">>> " in line)


@every_chapter
def test_every_example_can_fail(name: str) -> None:
    # An example whose answer is changed is noticed, whichever it is.
    text = CHAPTERS[name]
    lines = text.splitlines()
    answers = [example.lineno + example.source.count("\n") for example in examples(name, text).examples if example.want]
    for number in answers:
        assert not lines[number].startswith((">>>", "...", "```"))
        lines[number] += " indeed"
    failed, _ = failures(name, "\n".join(lines))
    assert failed == len(answers)


def test_a_fence_ends_an_answer() -> None:
    assert failures("right", "Say:\n\n```python\n>>> 1 + 1\n2\n```\nAnd so on.\n") == (0, "")
    failed, report = failures("wrong", "Say:\n\n```python\n>>> 1 + 1\n3\n```\nAnd so on.\n")
    assert failed == 1
    assert 'File "wrong", line 4, in wrong' in report


def test_an_example_that_raises_fails() -> None:
    failed, report = failures("wrong", "```python\n>>> 1 / 0\n1\n```\n")
    assert failed == 1
    assert "ZeroDivisionError" in report


def test_only_python_is_run() -> None:
    assert not examples("text", "```text\n>>> 1 / 0\n```\n\n>>> 1 / 0\n").examples


# The tags


def test_every_clause_is_tagged_before_the_readings() -> None:
    tagged = set[str]().union(*(tags(text) for name, text in CHAPTERS.items() if name not in (FIRST, LAST)))
    assert [id_ for id_ in CLAUSES if id_ not in tagged] == []


def test_every_reading_is_tagged_before_its_own_section() -> None:
    tagged = set[str]().union(*(tags(text) for name, text in CHAPTERS.items() if name not in (FIRST, LAST)))
    assert [id_ for id_ in READINGS if id_ not in tagged] == []


@every_chapter
def test_no_unknown_id_is_tagged(name: str) -> None:
    known = {*CLAUSES, *READINGS}
    prose = parted(CHAPTERS[name])[0]
    assert tags(CHAPTERS[name]) <= known
    assert [text for text in TAG_LIKE.findall(prose) if text[1:-1] not in known] == []


@every_chapter
def test_no_unknown_id_is_mentioned(name: str) -> None:
    assert {*BARE_ID.findall(CHAPTERS[name])} <= {*CLAUSES, *READINGS}


@pytest.mark.parametrize("id_", NOT_JUDGED)
def test_what_is_not_judged_is_said_to_be_so(id_: str) -> None:
    said = "excluded" if CLAUSES[id_].excluded else "judge|transcript"
    paragraphs = [
        paragraph
        for text in CHAPTERS.values()
        for paragraph in parted(text)[0].split("\n\n")
        if f"[{id_}]" in paragraph
    ]
    assert any(re.search(said, paragraph) for paragraph in paragraphs)


# The last chapter


def sections() -> dict[str, str]:
    """Give the last chapter's section on each reading, in order, by its heading."""
    parts = re.split(r"^### (.*)\n", CHAPTERS[LAST], flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_reading_has_one_section() -> None:
    headings = re.findall(r"^### (.*)$", CHAPTERS[LAST], flags=re.MULTILINE)
    assert sorted(headings) == sorted(f"{reading.name} [{reading.id}]" for reading in READINGS.values())


@pytest.mark.parametrize("id_", READINGS)
def test_the_section_of_a_reading_tells_its_sides(id_: str) -> None:
    reading = READINGS[id_]
    section = sections()[f"{reading.name} [{id_}]"]
    told = re.sub(r"\s+", " ", parted(section)[0])
    *others, last = (f"`{value}`" for value in reading.values)
    assert f"The sides are {', '.join(others)} and {last}." in told
    assert "default" in told
    assert examples(id_, section).examples


# The order


def test_the_chapters_are_numbered_without_gaps() -> None:
    numbers = [name.partition("-")[0] for name in CHAPTERS]
    assert numbers == [f"{number:02}" for number in range(len(CHAPTERS))]
    first, *_, last = CHAPTERS
    assert (first, last) == (FIRST, LAST)


@pytest.mark.parametrize("name", [name for name in CHAPTERS if name != FIRST])
def test_a_chapter_has_its_number_in_its_title(name: str) -> None:
    number = int(name.partition("-")[0])
    title = CHAPTERS[name].splitlines()[0]
    assert title.startswith(f"# {number}. ")
    assert f"{number}. [{title.partition('. ')[2]}]({name}): " in CHAPTERS[FIRST]


def test_the_chapters_are_data_of_the_package() -> None:
    room = Path(__file__).parents[1] / "spec" / "scope_spec"
    assert list(CHAPTERS) == sorted(path.name for path in room.glob("*.md"))


# The form


@every_chapter
def test_lines_fit(name: str) -> None:
    assert [line for line in CHAPTERS[name].splitlines() if len(line) > 110 or line != line.rstrip()] == []


@every_chapter
def test_only_plain_dashes(name: str) -> None:
    assert not re.search("[\u2012-\u2015]", CHAPTERS[name])

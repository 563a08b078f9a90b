"""Laws and mutants stand where the specification explains what they are about."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from scope_properties import laws, mutants
from scope_properties.laws.book import Law
from scope_spec import CLAUSES

CHAPTERS = {
    re.sub(r"^\d\d-(the-)?", "", entry.name.removesuffix(".md")).replace("-", "_"): entry.read_text(encoding="utf-8")
    for entry in sorted(files("scope_spec").iterdir(), key=lambda entry: entry.name)
    if re.match(r"0[1-9]-", entry.name)
}
"""The text of each chapter, by the name that its file of laws has."""

every_chapter = pytest.mark.parametrize("chapter", CHAPTERS)


def names(package: tuple[object, ...]) -> list[str]:
    return [getattr(module, "__name__", "").rpartition(".")[2] for module in package]


def tags(chapter: str) -> set[str]:
    return set(re.findall(r"\[([A-Z]+-\d+[a-z]?)\]", CHAPTERS[chapter]))


@pytest.mark.parametrize("package", [laws.CHAPTERS, mutants.CHAPTERS], ids=["laws", "mutants"])
def test_there_is_a_file_for_each_chapter_in_reading_order(package: tuple[object, ...]) -> None:
    assert names(package) == [*CHAPTERS, "totality"]


@every_chapter
def test_a_law_stands_in_a_chapter_that_explains_its_first_clause(chapter: str) -> None:
    module = laws.CHAPTERS[names(laws.CHAPTERS).index(chapter)]
    stated = [law for law in vars(module).values() if isinstance(law, Law)]
    assert stated
    assert {law.clauses[0] for law in stated} <= tags(chapter)


@every_chapter
def test_a_mutant_stands_in_a_chapter_that_explains_its_clause(chapter: str) -> None:
    module = mutants.CHAPTERS[names(mutants.CHAPTERS).index(chapter)]
    assert {mutant.clause for mutant in module.MUTANTS} <= tags(chapter)


def test_no_name_is_given_twice() -> None:
    written = [mutant.name for module in mutants.CHAPTERS for mutant in module.MUTANTS]
    assert len(written) == len(set(written)) == len(mutants.MUTANTS)


@pytest.mark.parametrize("law", laws.LAWS.values(), ids=laws.LAWS)
def test_a_law_states_clauses_in_a_sentence(law: Law) -> None:
    assert set(law.clauses) <= CLAUSES.keys()
    assert law.says.endswith(".")
    assert "\n" not in law.says

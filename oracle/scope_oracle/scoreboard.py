"""The scoreboard: what is recorded of released SDKs, clause by clause.

`python -m scope_oracle.scoreboard` writes results/scoreboard.md, the same as a page to look at in
results/scoreboard.html, and a page for each release with the shortest trace of each finding, from the recorded results
beside them; the tests fail where one is not current. With a subject and a release it first checks that one and records
the result, or what a setting changes where the subject has one, and with a revision at that one: a line of releases is
judged at the newest that it speaks. A number is that of the episodes, where a whole check would take too long. Nothing
in the pages is written by hand: what a finding comes down to is in the *.causes.toml files.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from scope_judge.findings import DEFAULT_READINGS
from scope_model.events import Header, Transcript
from scope_properties.subjects import Subject
from scope_spec import CLAUSES, REVISIONS, Revision

from .causes import Causes, causes_of, explained
from .checking import check
from .ending import held_back
from .forms import result_json
from .issues import frequency_of, issue, replay_of
from .jobs import Jobs, Opening, processes
from .names import UnknownName
from .page import report_html, write_whole
from .reports import UNNAMED, Found, Report, report_of
from .settings import EXAMPLES, changes, settings_page
from .subjects import DriverFault, SubjectUnavailable, sdk_of, subject
from .terminal import finding_text
from .wording import frequency

RESULTS: Final = Path(str(files("scope_oracle"))) / "results"
"""Where results are recorded: `scopelaw check SUBJECT --format json`, one file a release."""

BOARD: Final = RESULTS / "scoreboard.md"
HISTORIES: Final = RESULTS / "history"
"""Where histories are recorded: `scopelaw history SUBJECT RELEASE... --format json`, one file an SDK."""

LOOKED_AT: Final = RESULTS / "scoreboard.html"
"""The same as a page to look at, which holds every trace."""

PAST: Final = RESULTS / "history.md"
SETTINGS: Final = RESULTS / "settings"
"""Where it is recorded what the settings of drivers change."""

SET: Final = RESULTS / "settings.md"
ISSUES: Final = RESULTS / "issues"
"""Where the texts of issues are, in a folder for each release."""

_WIDTH: Final = 110
_ABOUT_THE_PAST: Final = """\
Written by `python -m scope_oracle.scoreboard` from what `scopelaw history` learnt by running releases. Each was
checked, and the shortest trace of each finding was played to all that did not show it by themselves. Releases that are
not in a list, or that were passed over, were not run: a finding may have come or gone in them. What an old release
shows is settled only where the scoreboard has it, too."""
_ABOUT: Final = """\
Written by `python -m scope_oracle.scoreboard` from the results recorded beside this file. A cell says what a check of
that release found of the clause; a verdict leads to its shortest trace and to the line that replays it. *Not
reached* is not *holds*: no episode asked the question."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What is recorded of one release: the result as `result_json` gives it, and why each finding stands."""

    # Any: JSON, whose form is that of forms.result_json.
    result: Mapping[str, Any]
    known: Causes

    @property
    def subject(self) -> str:
        """The name of the SDK on the command line."""
        return str(self.result["subject"])

    @property
    def version(self) -> str:
        """Its release."""
        return str(self.result["version"])

    @property
    def name(self) -> str:
        """The name of its files."""
        return f"{self.subject}-{self.version}"

    @property
    def report(self) -> Report:
        """The result as it is told to people."""
        return report_of(self.result)

    def why(self, found: Found) -> str:
        """Why a finding stands, where that is settled."""
        cause = self.known.of(f"{found.clause}/{found.cause}", self.version)
        if cause is None:
            return "not settled"
        return f"{'a reading' if found.verdict == 'unspecified' else 'its code'}: {explained(cause, self.version)}"


def recorded(results: Path = RESULTS) -> list[Recorded]:
    """All that is recorded, SDK by SDK, the oldest release first."""
    found = []
    for path in results.glob("*.json"):
        result = json.loads(path.read_text("utf-8"))
        found.append(Recorded(result, causes_of(result["subject"], RESULTS)))
    return sorted(found, key=lambda each: (each.subject, _order(each.version)))


def _order(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


def board(releases: list[Recorded]) -> str:
    """The table, clauses by releases, as Markdown."""
    head = ["clause", *(f"{each.subject} {each.version}" for each in releases)]
    states = [{row["clause"]: row for row in each.result["clauses"]} for each in releases]
    lines = [
        "# Scoreboard",
        "",
        _ABOUT,
        "",
        _row(head),
        _row(["---"] * len(head)),
    ]
    for name, clause in CLAUSES.items():
        if any(name in known for known in states):
            cells = [_cell(each, known.get(name)) for each, known in zip(releases, states, strict=True)]
            lines.append(_row([f"{name} {clause.title}", *cells]))
    lines += ["", "| release | revision | episodes | seed | date |", "|---|---|---|---|---|"]
    lines += [
        _row(
            [
                f"{each.subject} {each.version}",
                *(str(each.result[key]) for key in ("revision", "examples", "seed", "date")),
            ]
        )
        for each in releases
    ]
    return "\n".join(lines) + "\n"


# Any: see Recorded.
def _cell(release: Recorded, row: Mapping[str, Any] | None) -> str:
    if row is None:
        return "does not bind"
    if "verdict" not in row:
        return str(row["state"])
    return f"[{row['verdict']}]({release.name}.md#{row['clause'].lower()})"


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def page(release: Recorded) -> str:
    """The findings of one release in full, as Markdown."""
    lines = [
        f"# {release.subject} {release.version}",
        "",
        "Written by `python -m scope_oracle.scoreboard`. Back to the [scoreboard](scoreboard.md).",
    ]
    report = release.report
    for clause in dict.fromkeys(found.clause for found in report.findings):
        lines += ["", f"## {clause}", "", CLAUSES[clause].title + "."]
        for found in report.findings:
            if found.clause == clause:
                lines += ["", *_shown(release, report, found)]
    return "\n".join(lines) + "\n"


def _shown(release: Recorded, report: Report, found: Found) -> Iterator[str]:
    of_the_run = Transcript(Header(report.revision, release.subject, release.version), ())
    text = finding_text(
        found.finding,
        found.transcript or of_the_run,
        readings={},
        replay=None,
        width=_WIDTH,
        told=found.because if found.transcript is None else None,
        found=frequency_of(report, found) or None,
        also=found.others,
    )
    yield from ("```", *(line.plain.rstrip() for line in text), "```", "", release.why(found))
    yield from ("", "```sh", replay_of(report, found), "```")


def issues(release: Recorded) -> dict[Path, str]:
    """The text of an issue for each fault that goes against more than a reading, by its place."""
    report, texts = release.report, {}
    for verdict in ("discouraged", "violates"):  # of one fault the graver is told
        for found in report.findings:
            if found.verdict == verdict:
                cause = release.known.of(f"{found.clause}/{found.cause}", release.version)
                texts[ISSUES / release.name / f"{found.clause}-{found.cause}.md"] = issue(report, found, cause)
    return texts


def past() -> str:
    """In which release each finding came and went, as Markdown."""
    lines = [
        "# History",
        "",
        _ABOUT_THE_PAST,
    ]
    for path in sorted(HISTORIES.glob("*.json")):
        history = json.loads(path.read_text("utf-8"))
        releases = history["releases"]
        ran = ", ".join(history["ran"])
        lines += [
            "",
            f"## {history['subject']}",
            "",
            f"Of {len(releases)} releases from {releases[0]} to {releases[-1]} these were run: {ran}.",
            *_made_with(history),
        ]
        lines += [
            f"Passed over: {release}, of no use ({because})." for release, because in history.get("useless", {}).items()
        ]
        lines += [
            "",
            "| finding | because | first release run with it | first release run without it |",
            "|---|---|---|---|",
        ]
        for life in history["lives"]:
            cause = life.get("cause", UNNAMED)
            name = f"{life['clause']}/{cause} {life['verdict']}"
            because = life["because"].replace("|", "\\|")
            if "episodes" in life:  # which were not counted at first
                because += f" ({frequency(life['episodes'], life['examples'])})"
            lines.append(_row([name, because, life["first"], _gone(life, releases)]))
    return "\n".join(lines) + "\n"


# Any: JSON, whose form is that of forms.history_json.
def _gone(life: Mapping[str, Any], releases: Sequence[str]) -> str:
    """The first release that was run without a finding, and those passed over before it."""
    if life["gone"] is None:
        return "still there"
    last = life.get("last")  # which was not written down at first
    over = [] if last is None else releases[releases.index(last) + 1 : releases.index(life["gone"])]
    return str(life["gone"]) + (f" ({', '.join(over)} passed over)" if over else "")


# Any: JSON, whose form is that of forms.history_json.
def _made_with(history: Mapping[str, Any]) -> Iterator[str]:
    """How a history was learnt; the first did not say."""
    if "date" in history:
        yield (
            f"Each was put through {history['examples']} episodes and judged by MCP {history['revision']}, whatever "
            f"revision it speaks, with scopelaw {history['scopelaw_version']} on {history['date']}."
        )


def pages() -> dict[Path, str]:
    """Every page by its place."""
    releases = recorded()
    each_page = {RESULTS / f"{each.name}.md": page(each) for each in releases}
    each_issue = {path: text for each in releases for path, text in issues(each).items()}
    changed = settings_page(json.loads(path.read_text("utf-8")) for path in sorted(SETTINGS.glob("*.json")))
    alone = {BOARD: board(releases), LOOKED_AT: looked_at(releases), PAST: past(), SET: changed}
    return alone | each_page | each_issue


def looked_at(releases: Sequence[Recorded]) -> str:
    """The scoreboard as HTML."""
    return report_html([each.report for each in releases], "Scoreboard")


def record(
    opening: Opening,
    results: Path = RESULTS,
    examples: int | None = None,
    revision: Revision = REVISIONS[-1],
) -> None:
    """Check a release as `scopelaw check` does, and keep the result with its date.

    Raises DriverFault where the check ends by one, and KeyboardInterrupt where it is interrupted: what was recorded
    before then stays as it was.
    """
    with opening() as chosen, Jobs(opening, processes(), revision, DEFAULT_READINGS) as bench:
        result = check(chosen, revision=revision, examples=examples, bench=bench)
    if result.fault is not None:
        raise DriverFault(result.fault)
    if not result.complete:
        raise KeyboardInterrupt
    form = result_json(result, readings=DEFAULT_READINGS) | {"date": datetime.now(UTC).date().isoformat()}
    path = results / f"{result.subject}-{result.version}.json"
    write_whole(path, json.dumps(form, indent=1) + "\n")


def record_setting(
    name: str,
    opening: Callable[[str], AbstractContextManager[Subject]],
    results: Path = SETTINGS,
    examples: int = EXAMPLES,
    revision: Revision = REVISIONS[-1],
) -> None:
    """Find out what a setting changes, and keep it with its date; raises what `record` does."""
    form = changes(name, opening, revision=revision, examples=examples)
    made = {"scopelaw_version": version("scopelaw"), "date": datetime.now(UTC).date().isoformat()}
    results.mkdir(exist_ok=True)
    write_whole(results / f"{name}-{form['version']}.json", json.dumps(form | made, indent=1) + "\n")


def main(arguments: Sequence[str]) -> int:
    """Record a release where one is named, and write the pages; ends with 2 where nothing can be recorded."""
    try:
        if arguments:
            name, release, *how = arguments
            examples = next((int(word) for word in how if word.isdecimal()), None)
            revision = next((known for known in REVISIONS if known in how), REVISIONS[-1])
            if sdk_of(name) == name:
                record(partial(subject, name, release), examples=examples, revision=revision)
            else:
                record_setting(name, partial(subject, release=release), revision=revision)
        write()
    except (DriverFault, SubjectUnavailable, UnknownName) as wrong:
        print(f"scoreboard: {wrong}", file=sys.stderr)  # noqa: T201 - its output
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def write() -> None:
    """Write every page, and remove the issues of what is recorded no more; an interrupt waits until all are current."""
    written = pages()
    with held_back():
        for path, text in written.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, text)
        for path in {*ISSUES.glob("*/*.md")} - written.keys():
            path.unlink()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

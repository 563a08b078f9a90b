"""Reports as one HTML page: findings by verdict, each with its diagram, and a table of clauses by clients."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from markupsafe import Markup

from scope_spec import CLAUSES, VERDICTS, Clause, Verdict

from .checking import Result
from .diagram import Diagram, diagram
from .expecting import Met
from .forms import result_json
from .issues import frequency_of, issue, messages_of, replay_of, sent_in, told_of
from .outcome import COUNTED, HEADINGS, SAYS, SEVERITY, hindrances
from .reports import Found, Report, Standing, report_of
from .selecting import family
from .tally import Kind, kind_of
from .templating import TEMPLATES
from .wording import reading_line


@dataclass(frozen=True, slots=True)
class Entry:
    """A finding as it stands on the page; the first of a clause is where the clause's permalink leads."""

    report: Report
    slug: str
    found: Found
    is_first: bool
    places: Mapping[Kind, str]

    @property
    def place(self) -> str:
        """Its permalink."""
        return self.places[kind_of(self.found.finding)]

    @property
    def clause(self) -> Clause:
        """What it is a finding of."""
        return CLAUSES[self.found.clause]

    @property
    def family(self) -> str:
        """How the id of its clause begins."""
        return family(self.found.clause)

    @property
    def sent(self) -> str:
        """What is accused, in a line."""
        return sent_in(told_of(self.found))

    @property
    def diagram(self) -> Diagram | None:
        """Its trace, drawn, where one trace shows it."""
        told = told_of(self.found)
        return None if told is None or self.found.transcript is None else diagram(told, self.found.transcript.events)

    @property
    def cast(self) -> Mapping[str, str]:
        """Who is who in the diagram."""
        told = told_of(self.found)
        return {} if told is None else told.cast

    @property
    def messages(self) -> list[str]:
        """The step that is accused, as HTTP."""
        return messages_of(self.found)

    @property
    def notes(self) -> Iterator[tuple[str, str]]:
        """What else is known of it."""
        yield from (("reading", line) for line in reading_line(self.found.finding, self.report.readings))
        often = frequency_of(self.report, self.found)
        if often:
            yield "found", often
        if self.found.expected is not None:
            yield "expected", self.found.expected

    @property
    def also(self) -> list[tuple[str, str | None]]:
        """What else the trace shows, and where that stands if it does."""
        return [
            (f"{clause}/{cause} ({SAYS[verdict]})", self.places.get((clause, verdict, cause)))
            for clause, verdict, cause in self.found.others
        ]

    @property
    def replay(self) -> str:
        """The command that shows it again."""
        return replay_of(self.report, self.found)

    @property
    def is_a_fault(self) -> bool:
        """Whether there is an issue to file: where the documents leave a choice there is none."""
        return self.found.finding.verdict != "unspecified"

    @property
    def markdown(self) -> str:
        """The finding as an issue."""
        return issue(self.report, self.found)


@dataclass(frozen=True, slots=True)
class Group:
    """The findings of one verdict, and how many clauses have it as their worst, over all runs."""

    verdict: Verdict
    entries: Sequence[Entry]
    clauses: int

    @property
    def short(self) -> str:
        """The verdict in a word."""
        return SAYS[self.verdict]

    @property
    def title(self) -> str:
        """Its heading."""
        return HEADINGS[self.verdict]

    @property
    def counted(self) -> str:
        """What follows the number of clauses."""
        return COUNTED[self.verdict]


@dataclass(frozen=True, slots=True)
class Run:
    """What was run, and what it was not put through."""

    slug: str
    report: Report

    @property
    def name(self) -> str:
        """The client, with its release."""
        return self.report.name

    @property
    def says(self) -> str:
        """What was run, in a line."""
        report = self.report
        ran = f"{report.revision}: {report.examples} episodes, seed {report.seed}"
        dated = f"{ran}, {report.date}" if report.date else ran
        return dated if report.complete else f"{dated}; interrupted, and this is what was found so far"

    @property
    def left_out(self) -> list[str]:
        """What kept the client from being put through all, a sentence each."""
        return hindrances(self.report)


@dataclass(frozen=True, slots=True)
class Cell:
    """What became of a clause in one run; None where the clause was not asked about."""

    run: str
    place: str
    standing: Standing | None

    @property
    def found(self) -> bool:
        """Whether it leads to findings."""
        return self.standing is not None and self.standing.verdict is not None

    @property
    def kind(self) -> str:
        """What its colour goes by."""
        if self.standing is None:
            return "absent"
        return self.standing.verdict or self.says.replace(" ", "-")

    @property
    def says(self) -> str:
        """The cell itself."""
        if self.standing is None:
            return "–"
        if self.standing.out_of_reach:
            return "out of reach"
        return self.standing.state if self.standing.verdict is None else SAYS[self.standing.verdict]

    @property
    def label(self) -> str:
        """The cell for whoever hears it without its table."""
        clause = "" if self.standing is None else self.standing.clause
        return f"{self.says}: {self.run}, {clause}"

    @property
    def reached(self) -> str:
        """In how many places the question was asked."""
        return "" if self.standing is None else str(self.standing.reached)


@dataclass(frozen=True, slots=True)
class Row:
    """A clause, and what became of it in each run."""

    clause: Clause
    cells: Sequence[Cell]

    @property
    def family(self) -> str:
        """How its id begins."""
        return family(self.clause.id)


def result_html(result: Result, *, readings: Mapping[str, str], met: Met | None = None) -> str:
    """A result as one page."""
    return report_html([report_of(result_json(result, readings=readings, met=met))])


def report_html(reports: Sequence[Report], title: str | None = None) -> str:
    """One page over one report or several, with nothing outside of it; it needs its script for the filter alone."""
    runs = [Run(slug, report) for slug, report in zip(_slugs(reports), reports, strict=True)]
    entries = [entry for run in runs for entry in _entries(run)]
    order = list(CLAUSES)
    entries.sort(key=lambda entry: order.index(entry.found.clause))  # a clause's findings together, whatever the run
    matrix = list(_matrix(runs))
    style, script = _part("page.css"), _part("page.js")
    return TEMPLATES.get_template("page.html").render(
        title=title or f"scopelaw: {reports[0].name if len(reports) == 1 else f'{len(reports)} clients'}",
        runs=runs,
        entries=entries,
        groups=[_group(verdict, entries, matrix) for verdict in VERDICTS],
        states=_states(matrix),
        matrix=matrix,
        families=list(dict.fromkeys(row.family for row in matrix)),
        style=Markup(style),  # noqa: S704 - our own, and of no parts
        script=Markup(script),  # noqa: S704
        style_hash=_hash(style),
        script_hash=_hash(script),
        version=version("scopelaw"),
        at=_at,
    )


def _group(verdict: Verdict, entries: Iterable[Entry], matrix: Iterable[Row]) -> Group:
    worst = [cell for row in matrix for cell in row.cells if cell.standing and cell.standing.verdict == verdict]
    return Group(verdict, [entry for entry in entries if entry.found.verdict == verdict], len(worst))


def _entries(run: Run) -> Iterator[Entry]:
    worst_first = sorted(run.report.findings, key=lambda found: -SEVERITY[found.verdict])
    places = {
        kind_of(found.finding): f"{run.slug}/{found.clause}/{found.cause}/{found.verdict}" for found in worst_first
    }
    seen = set[str]()
    for found in worst_first:
        yield Entry(run.report, run.slug, found, found.clause not in seen, places)
        seen.add(found.clause)


def _matrix(runs: Sequence[Run]) -> Iterator[Row]:
    known = [{standing.clause: standing for standing in run.report.clauses} for run in runs]
    for id_, clause in CLAUSES.items():
        if any(id_ in standings for standings in known):
            cells = [
                Cell(run.name, f"{run.slug}/{id_}", standings.get(id_))
                for run, standings in zip(runs, known, strict=True)
            ]
            yield Row(clause, cells)


def _states(matrix: Iterable[Row]) -> list[tuple[str, int]]:
    """How many clauses hold and how many do not get so far, over all runs."""
    counts = Counter(cell.says for row in matrix for cell in row.cells if cell.standing and not cell.found)
    said = (("hold", "holds"), ("not reached", "not reached"), ("out of reach", "out of reach"))
    return [(words, counts[state]) for words, state in said if counts[state]]


def _slugs(reports: Iterable[Report]) -> Iterator[str]:
    """A name for each that a link may hold, no two the same."""
    taken = set[str]()
    for report in reports:
        name = re.sub(r"[^\w.@-]+", "-", f"{report.subject}-{report.version}" if report.version else report.subject)
        slug, number = name, 1
        while slug in taken:
            number += 1
            slug = f"{name}-{number}"
        taken.add(slug)
        yield slug


def _at(lane: int, lanes: int) -> str:
    """Where a lane is, from left to right."""
    return f"{100 * (lane + 0.5) / lanes:.4g}%"


def _part(name: str) -> str:
    return (files("scope_oracle") / "templates" / name).read_text("utf-8")


def _hash(text: str) -> str:
    """What a Content-Security-Policy knows a style or a script by."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def write_whole(path: Path, text: str) -> None:
    """Write a file whole or not at all: whoever reads it meanwhile sees the old one."""
    if path.exists() and not path.is_file():  # a device or a pipe is written to, never replaced
        path.write_text(text, "utf-8", "backslashreplace")
        return
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fresh.write_text(text, "utf-8", "backslashreplace")
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)

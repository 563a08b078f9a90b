"""Vectors as files: written, read back, and told as exchanges. What they are, scope_spec/vectors/README.md says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import click
from rich.text import Text

from scope_judge.findings import Finding
from scope_model.events import CallStarted, Transcript
from scope_properties.vectors.search import vectors as search
from scope_properties.vectors.vector import ClauseVector, Neighbour, ReadingVector, Vectors
from scope_spec import READINGS

from .exchange import exchange
from .terminal import exchange_text
from .transcripts import read, write

FORM: Final = 1
"""The version of the form of the index."""

HOME: Final = Path(str(files("scope_spec").joinpath("vectors")))
_INDEX: Final = "index.json"


# --- written --------------------------------------------------------------------------------------


def written(vectors: Vectors) -> dict[str, str]:
    """The files of some vectors, by their names: the index, and a transcript each."""
    texts: dict[str, str] = {}

    def put(name: str, transcript: Transcript) -> str:
        texts[name] = "".join(write(transcript))
        return name

    index = {
        "vectors": FORM,
        "clauses": [_clause_record(vector, put) for vector in vectors.clauses],
        "readings": [_reading_record(vector, put) for vector in vectors.readings],
    }
    return {_INDEX: json.dumps(index, indent=1) + "\n", **texts}


Put = Callable[[str, Transcript], str]
"""Keeps a transcript under a name, and gives the name."""


def _clause_record(vector: ClauseVector, put: Put) -> dict[str, object]:
    name, near = f"clauses/{vector.clause}", vector.neighbour
    record: dict[str, object] = {
        "clause": vector.clause,
        "breaks": put(f"{name}.breaks.jsonl", vector.transcript),
        "finding": _finding_record(vector.finding),
        "also": [_finding_record(each) for each in vector.also],
    }
    if near is None:
        return record | {"keeps": None, "why": _WHY}
    differs = [{"how": how, "event": at} for how, at in near.differs]
    return record | {"keeps": put(f"{name}.keeps.jsonl", near.transcript), "differs": differs}


_WHY: Final = "No transcript was found in which one or two events differ, the clause applies and is kept."


def _reading_record(vector: ReadingVector, put: Put) -> dict[str, object]:
    return {
        "reading": vector.reading,
        "value": vector.value,
        "transcript": put(f"readings/{vector.reading}.{vector.value}.jsonl", vector.transcript),
        "by_default": [_finding_record(each) for each in vector.by_default],
        "otherwise": [_finding_record(each) for each in vector.otherwise],
    }


def _finding_record(finding: Finding) -> dict[str, object]:
    return {name: value for name, value in asdict(finding).items() if value is not None}


def save(texts: Mapping[str, str], home: Path = HOME) -> None:
    """Write the files of the vectors, and remove those that are of none any more."""
    for old in (*home.glob("*/*.jsonl"), home / _INDEX):
        old.unlink(missing_ok=True)
    for name, text in texts.items():
        (home / name).parent.mkdir(exist_ok=True)
        (home / name).write_text(text, encoding="utf-8", newline="\n")


def saved(home: Path = HOME) -> dict[str, str]:
    """The files of the vectors as they are, by their names."""
    names = [_INDEX, *sorted(str(path.relative_to(home)) for path in home.glob("*/*.jsonl"))]
    return {name: (home / name).read_text("utf-8") for name in names}


# --- read back ------------------------------------------------------------------------------------


@cache
def kept(home: Path = HOME) -> Vectors:
    """The vectors that are kept."""
    # Any: what the schema describes, and the tests hold the file against.
    index: dict[str, list[dict[str, Any]]] = json.loads((home / _INDEX).read_text("utf-8"))

    def get(name: str) -> Transcript:
        return read((home / name).read_bytes().splitlines())

    def neighbour(record: Mapping[str, Any]) -> Neighbour | None:
        if record["keeps"] is None:
            return None
        return Neighbour(get(record["keeps"]), tuple((each["how"], each["event"]) for each in record["differs"]))

    clauses = (
        ClauseVector(
            record["clause"],
            get(record["breaks"]),
            Finding(**record["finding"]),
            _findings(record["also"]),
            neighbour(record),
        )
        for record in index["clauses"]
    )
    readings = (
        ReadingVector(
            record["reading"],
            record["value"],
            get(record["transcript"]),
            _findings(record["by_default"]),
            _findings(record["otherwise"]),
        )
        for record in index["readings"]
    )
    return Vectors(tuple(clauses), tuple(readings))


def _findings(records: list[dict[str, Any]]) -> tuple[Finding, ...]:
    return tuple(Finding(**record) for record in records)


# --- told -----------------------------------------------------------------------------------------


def clause_text(clause: str, width: int) -> Iterator[Text]:
    """The pair of a clause, as exchanges: what breaks it, and what its neighbour does otherwise."""
    for vector in kept().clauses:
        if vector.clause == clause:
            found = (vector.finding, *vector.also)
            yield from _told("The shortest transcript that breaks it:", vector.transcript, _because(found), width)
            if vector.neighbour is not None:
                marks = {at: (how,) for how, at in vector.neighbour.differs}
                yield from _told("Its nearest neighbour that does not:", vector.neighbour.transcript, marks, width)


def reading_text(reading: str, width: int) -> Iterator[Text]:
    """For each value of a reading the shortest transcript that it decides, with what is found on either side."""
    default = READINGS[reading].default
    for vector in kept().readings:
        if vector.reading == reading:
            marks: dict[int, tuple[str, ...]] = {}
            for value, findings in ((default, vector.by_default), (vector.value, vector.otherwise)):
                for at, said in _because(findings, f"by {value}, ").items():
                    marks[at] = (*marks.get(at, ()), *said)
            yield from _told(f"Where {vector.value} differs from {default}:", vector.transcript, marks, width)


def _because(findings: tuple[Finding, ...], when: str = "") -> dict[int, tuple[str, ...]]:
    marks: dict[int, tuple[str, ...]] = {}
    for found in findings:
        mark = f"{when}{found.clause} {found.verdict}: {found.because}"
        marks[found.event] = (*marks.get(found.event, ()), mark)
    return marks


def _told(title: str, transcript: Transcript, marks: Mapping[int, tuple[str, ...]], width: int) -> Iterator[Text]:
    yield Text()
    yield Text(title, style="bold")
    calls = frozenset(event.call for event in transcript.events if isinstance(event, CallStarted))
    yield from exchange_text(exchange(transcript, marks, shows_metadata=True, calls=calls), width)


# --- the command ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Row:
    """A vector in the list."""

    name: str
    says: str


def _rows(vectors: Vectors) -> Iterator[_Row]:
    for vector in vectors.clauses:
        finding = vector.finding
        yield _Row(vector.clause, f"{finding.verdict}  {finding.cause}: {finding.because}")
    for each in vectors.readings:
        yield _Row(f"{each.reading}={each.value}", _sides(each))


def _sides(vector: ReadingVector) -> str:
    one, other = (", ".join(f"{found.clause}/{found.cause}" for found in side) or "nothing" for side in _both(vector))
    return f"{one} by default, {other} otherwise"


def _both(vector: ReadingVector) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    return vector.by_default, vector.otherwise


@click.command(
    "vectors",
    short_help="List, check or write the vectors.",
    epilog="\b\nExamples:\n  scopelaw vectors\n  scopelaw vectors --check",
)
@click.option("--check", "act", flag_value="check", help="Find them anew, and say which files would change.")
@click.option("--write", "act", flag_value="write", help="Find them anew, and write their files.")
def command(*, act: str | None) -> int:
    """List the vectors: for each clause the shortest transcript that breaks it, and where the readings differ.

    Ends with 1 where --check finds a file that would change.
    """
    if act is None:
        for row in _rows(kept()):
            click.echo(f"{row.name:<14} {row.says}")
        return 0
    texts = written(search())
    if act == "write":
        save(texts)
        return 0
    now = saved()
    changed = sorted(name for name in texts.keys() | now.keys() if texts.get(name) != now.get(name))
    for name in changed:
        click.echo(f"{name} would change")
    return 1 if changed else 0

"""Results that were written as JSON, read back: whatever a page or an issue is made of."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cattrs import Converter, transform_error
from cattrs.errors import BaseValidationError
from cattrs.v import format_exception

from scope_judge.findings import Finding
from scope_model.events import Transcript
from scope_spec import CLAUSES, READINGS, Revision, Verdict

from .exchange import shown
from .forms import FORM
from .outcome import State
from .subjects import BUILT
from .tally import Kind
from .transcripts import UnusableTranscript, read
from .wording import release_of

UNNAMED: Final = "unnamed"
"""The cause of what was recorded before causes had names."""

_A_REPORT: Final = "a report is what scopelaw check --format json prints"


class UnusableReport(ValueError):
    """What was read is no result that can be told here; the text says in one sentence why, and what to do."""


@dataclass(frozen=True, slots=True)
class Other:
    """Another finding that a trace shows."""

    clause: str
    cause: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Found:
    """One of the findings of a result; without `event` and `transcript` it is said of the whole run.

    `expected` is why it is borne with, where it is.
    """

    clause: str
    verdict: Verdict
    because: str
    replay: str
    cause: str = UNNAMED
    event: int | None = None
    reading: str | None = None
    episodes: int | None = None
    also: tuple[Other, ...] = ()
    transcript: Transcript | None = None
    expected: str | None = None

    @property
    def finding(self) -> Finding:
        """What the judge said."""
        return Finding(self.clause, self.verdict, self.event or 0, self.because, self.cause, self.reading)

    @property
    def others(self) -> tuple[Kind, ...]:
        """What else the trace shows."""
        return tuple((other.clause, other.verdict, other.cause) for other in self.also)


@dataclass(frozen=True, slots=True)
class Gone:
    """A finding that was expected, and is not there; with the reason why it was expected."""

    finding: str
    reason: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What became of one clause."""

    clause: str
    state: State
    reached: int
    verdict: Verdict | None = None
    out_of_reach: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """A result, with the members that `scope_oracle.forms` describes; recorded ones have a `date`."""

    scopelaw: int
    subject: str
    version: str | None
    revision: Revision
    seed: int
    examples: int
    clauses: tuple[Standing, ...]
    findings: tuple[Found, ...]
    complete: bool = True
    readings: Mapping[str, str] = field(default_factory=dict)
    uncalled: tuple[str, ...] = ()
    skipped: Mapping[str, int] = field(default_factory=dict)
    failed: Mapping[str, int] = field(default_factory=dict)
    date: str | None = None
    gone: tuple[Gone, ...] = ()

    @property
    def name(self) -> str:
        """The subject with its release, for people."""
        return shown(self.subject if self.version is None else f"{self.subject} {self.version}")

    @property
    def tested(self) -> str:
        """The subject as it is named on the command line, on whatever machine the report is read."""
        released = self.subject in BUILT and self.version is not None
        return release_of(self.subject, str(self.version)) if released else self.subject


def read_report(path: Path) -> Report:
    """Read a file that holds one result; raises UnusableReport or OSError."""
    reports = read_reports(path)
    if len(reports) > 1:
        raise UnusableReport(f"{len(reports)} results, and no one of them is named; scopelaw report tells them all")
    return reports[0]


def read_reports(path: Path) -> list[Report]:
    """Read what `scopelaw check --format json` wrote, or `pytest --scopelaw-report`: a result, or one a line.

    Raises UnusableReport or OSError.
    """
    text = path.read_bytes()
    try:
        try:
            forms = [json.loads(text)]
        except json.JSONDecodeError:
            forms = list(map(json.loads, text.splitlines() or [text]))
    except (ValueError, RecursionError):
        raise UnusableReport(f"not JSON; {_A_REPORT}") from None
    return list(map(report_of, forms))


def report_of(form: object) -> Report:
    """The report in a JSON form; raises UnusableReport."""
    if not isinstance(form, dict) or "scopelaw" not in form or "clauses" not in form:
        raise UnusableReport(f"no result; {_A_REPORT}")
    if form["scopelaw"] != FORM:
        raise _of_another(f"written in form {shown(str(form['scopelaw']))}, and {FORM} is the form that is known here")
    try:
        report = _CONVERTER.structure(form, Report)
    except BaseValidationError as wrong:
        raise UnusableReport(f"no result: {shown(transform_error(wrong, 'report', _sentence)[0])}") from None
    named = {each.clause for each in report.clauses} | {found.clause for found in report.findings}
    named |= {other.clause for found in report.findings for other in found.also}
    _are_known("clause", named, CLAUSES)
    _are_known("reading", {*report.readings} | {each.reading for each in report.findings if each.reading}, READINGS)
    for found in report.findings:
        if found.transcript is not None and not 0 <= (found.event or 0) < len(found.transcript.events):
            raise UnusableReport(f"no result: the event of a finding of {found.clause} is not in its transcript")
    return report


def _are_known(kind: str, names: set[str], known: Mapping[str, object]) -> None:
    for name in sorted(names - known.keys()):
        raise _of_another(f"names the {kind} {shown(name)}, which is not known here")


def _of_another(difference: str) -> UnusableReport:
    return UnusableReport(f"{difference}: check again, or read it with the scopelaw that wrote it")


class _NotSo(ValueError):
    """A value that is not what it must be; says so."""


def _sentence(wrong: BaseException, kind: type | None) -> str:
    return str(wrong) if isinstance(wrong, _NotSo) else format_exception(wrong, kind)


# Any: cattrs hands over whatever was read, and the type.
def _strictly(kind: type) -> Callable[[Any, Any], Any]:
    def take(value: Any, _: Any) -> Any:  # noqa: ANN401
        if type(value) is not kind:
            raise _NotSo(f"not {_CALLED[kind]}")
        return value

    return take


_CALLED: Final = {str: "a string", int: "a whole number", bool: "true or false"}


# Any: see _strictly.
def _transcript(value: Any, _: Any) -> Transcript:  # noqa: ANN401
    if not isinstance(value, list):
        raise _NotSo("not a list")
    try:
        return read(map(json.dumps, value))
    except UnusableTranscript as wrong:
        raise _NotSo(f"transcript, {wrong}") from None


_CONVERTER: Final = Converter()
for _kind in _CALLED:
    _CONVERTER.register_structure_hook(_kind, _strictly(_kind))
_CONVERTER.register_structure_hook(Transcript, _transcript)

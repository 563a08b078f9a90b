"""Reports as JSON: what `check`, `judge`, `history` and `compare` print with `--format json`.

Each has a JSON Schema (2020-12) in `scope_spec/schema`, which says what every member means. Each has the member
`scopelaw`, the version of these forms: members may be added to a version, and none will change its meaning. Version 2
has `findings` where version 1 had `broken`, and the state "found" of a clause.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from time import monotonic
from typing import Final, Self

from scope_judge.findings import DEFAULT_READINGS, Finding
from scope_spec import VERDICTS

from .checking import Result
from .comparing import Difference
from .expecting import Met
from .history import History
from .outcome import counted, rows
from .tally import Broken
from .transcripts import records

FORM: Final = 2
"""The version of these forms."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a report came to be: the words of the command, how many seconds it took, and on which day (in UTC)."""

    command: tuple[str, ...]
    seconds: float
    date: str

    @classmethod
    def since(cls, began: float, *command: str) -> Self:
        """A command that began then, by the monotonic clock, and is done."""
        return cls(command, round(monotonic() - began, 3), datetime.now(UTC).date().isoformat())


def _written_by(ran: Ran | None = None) -> dict[str, object]:
    """What every report begins with."""
    form: dict[str, object] = {"scopelaw": FORM, "scopelaw_version": version("scopelaw")}
    return form if ran is None else form | {"command": list(ran.command), "seconds": ran.seconds, "date": ran.date}


def counts_of(findings: Iterable[Finding]) -> dict[str, int]:
    """How many findings have each verdict, the worst first."""
    number = Counter(finding.verdict for finding in findings)
    return {verdict: number[verdict] for verdict in VERDICTS}


def result_json(
    result: Result, *, readings: Mapping[str, str], met: Met | None = None, ran: Ran | None = None
) -> dict[str, object]:
    """The form of a result (check.schema.json)."""
    form = _written_by(ran) | {
        "subject": result.subject,
        "version": result.version,
        "revision": result.revision,
        "readings": {id_: value for id_, value in readings.items() if value != DEFAULT_READINGS[id_]},
        "engine": result.engine,
        "seed": result.seed,
        "examples": result.examples,
        "complete": result.complete,
        "uncalled": list(result.uncalled),
        "skipped": dict(result.skipped),
        "failed": dict(result.failed),
        "clauses": [
            {"clause": row.clause.id, "title": row.clause.title, "state": row.state, "reached": row.reached}
            | ({} if row.verdict is None else {"verdict": row.verdict})
            | ({"out_of_reach": True} if row.out_of_reach else {})
            for row in rows(result)
        ],
        "counts": counted(result),
        "findings": [broken_json(broken) | _expected_json(broken, met) for broken in result.broken],
    }
    if result.fault is not None:
        form["fault"] = result.fault
    return form if met is None else form | {"gone": [{"finding": e.named, "reason": e.reason} for e in met.gone]}


def _expected_json(broken: Broken, met: Met | None) -> dict[str, object]:
    entry = None if met is None else met.entry_of(broken)
    return {} if entry is None else {"expected": entry.reason}


def broken_json(broken: Broken) -> dict[str, object]:
    """The form of what a check found."""
    form = finding_json(broken.finding)
    form["episodes"] = broken.found_in
    form["also"] = [{"clause": clause, "cause": cause, "verdict": verdict} for clause, verdict, cause in broken.also]
    form["replay"] = broken.replay
    if broken.of_the_run:
        del form["event"]
    else:
        form["transcript"] = list(records(broken.transcript))
    return form


def finding_json(finding: Finding) -> dict[str, object]:
    """The form of a finding (judge.schema.json)."""
    form: dict[str, object] = {
        "clause": finding.clause,
        "cause": finding.cause,
        "verdict": finding.verdict,
        "event": finding.event,
        "because": finding.because,
    }
    return form if finding.reading is None else form | {"reading": finding.reading}


def footer_json(events: int, findings: Iterable[Finding], *, ran: Ran) -> dict[str, object]:
    """The form of the line after the findings of a recording (judge.schema.json)."""
    return {"end": True, "events": events} | counts_of(findings) | _written_by(ran)


def history_json(subject: str, history: History, *, ran: Ran) -> dict[str, object]:
    """The form of a history (history.schema.json)."""
    return _written_by(ran) | {
        "subject": subject,
        "revision": history.revision,
        "examples": history.examples,
        "seed": history.seed,
        "releases": list(history.releases),
        "ran": list(history.ran),
        "useless": dict(history.useless),
        "counts": counts_of(life.broken.finding for life in history.lives),
        "lives": [
            finding_json(life.broken.finding)
            | {"episodes": life.broken.found_in, "examples": life.broken.out_of}
            | {"first": life.first, "last": life.last, "gone": life.gone, "replay": life.broken.replay}
            for life in history.lives
        ],
    }


def difference_json(difference: Difference | None, left: str, right: str, *, ran: Ran) -> dict[str, object]:
    """The form of a comparison (compare.schema.json): `difference` is null where there is none."""
    found = () if difference is None else difference.found
    form = _written_by(ran) | {
        "left": left,
        "right": right,
        "counts": counts_of(finding for side in found for finding in side),
        "difference": None,
    }
    if difference is not None:
        form["difference"] = {
            "events": difference.events,
            "requested": difference.requested,
            "findings": [list(map(finding_json, side)) for side in difference.found],
            "replay": difference.replay,
            "transcripts": [list(records(transcript)) for transcript in difference.transcripts],
        }
    return form

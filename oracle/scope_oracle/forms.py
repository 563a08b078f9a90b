"""Reports as JSON.

The form of a result has the members `scopelaw` (1, the version of this form), `subject`, `version`, `revision`,
`readings` (those that differ from the defaults), `seed`, `examples`, `complete`, `uncalled` (the operations that the
client was to call and never called), `skipped` (what it cannot do, with the number of episodes), `clauses` and
`broken`. Each of `clauses` has `clause`, `title`, `state` ("holds", "broken" or "not reached"), `reached`,
`out_of_reach` (true) where not even the reference client reaches it, and `verdict` where it is broken. Each of
`broken` has `clause`, `cause` (a short stable name for the kind of fault within the clause), `verdict`, `event`,
`because`, `reading` if it rests on one, `episodes` (in how many of the `examples` it was found), `also` (the `clause`,
`cause` and `verdict` of each other finding that its transcript shows), `replay`, and `transcript`, the list of its
lines. What only the whole run shows has neither `event` nor `transcript`, and its replay shows one instance. Members
may be added; none will change its meaning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

from scope_judge.findings import DEFAULT_READINGS, Finding

from .checking import Result
from .comparing import Difference
from .expecting import Met
from .history import History
from .outcome import counted, rows
from .tally import Broken
from .transcripts import records

FORM: Final = 1
"""The version of the JSON form of a result."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a result came to be: the words of the command, and how many seconds it took."""

    command: tuple[str, ...]
    seconds: float


def result_json(
    result: Result, *, readings: Mapping[str, str], met: Met | None = None, ran: Ran | None = None
) -> dict[str, object]:
    """The JSON form of a result, as this module describes it."""
    known = {} if met is None else {id(broken): expected for broken, expected in met.known}
    form: dict[str, object] = {
        "scopelaw": FORM,
        "scopelaw_version": version("scopelaw"),
        "subject": result.subject,
        "version": result.version,
        "revision": result.revision,
        "readings": {id_: value for id_, value in readings.items() if value != DEFAULT_READINGS[id_]},
        "seed": result.seed,
        "examples": result.examples,
        "complete": result.complete,
        "uncalled": list(result.uncalled),
        "skipped": dict(result.skipped),
        "clauses": [
            {"clause": row.clause.id, "title": row.clause.title, "state": row.state, "reached": row.reached}
            | ({} if row.verdict is None else {"verdict": row.verdict})
            | ({"out_of_reach": True} if row.out_of_reach else {})
            for row in rows(result)
        ],
        "counts": counted(result),
        "broken": [
            broken_json(broken) | ({"expected": known[id(broken)].reason} if id(broken) in known else {})
            for broken in result.broken
        ],
    }
    if met is not None:
        form["gone"] = [{"finding": each.named, "reason": each.reason} for each in met.gone]
    return form if ran is None else form | {"command": list(ran.command), "seconds": ran.seconds}


def broken_json(broken: Broken) -> dict[str, object]:
    """The JSON form of what a check found."""
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
    """The JSON form of a finding."""
    form: dict[str, object] = {
        "clause": finding.clause,
        "cause": finding.cause,
        "verdict": finding.verdict,
        "event": finding.event,
        "because": finding.because,
    }
    return form if finding.reading is None else form | {"reading": finding.reading}


def history_json(subject: str, history: History) -> dict[str, object]:
    """The JSON form of a history."""
    return {
        "scopelaw": FORM,
        "scopelaw_version": version("scopelaw"),
        "subject": subject,
        "revision": history.revision,
        "examples": history.examples,
        "seed": history.seed,
        "releases": list(history.releases),
        "ran": list(history.ran),
        "useless": dict(history.useless),
        "lives": [
            finding_json(life.broken.finding)
            | {"episodes": life.broken.found_in, "examples": life.broken.out_of}
            | {"first": life.first, "last": life.last, "gone": life.gone, "replay": life.broken.replay}
            for life in history.lives
        ],
    }


def difference_json(difference: Difference | None, left: str, right: str) -> dict[str, object]:
    """The JSON form of a comparison: `difference` is null where there is none."""
    form: dict[str, object] = {"scopelaw": FORM, "left": left, "right": right, "difference": None}
    if difference is not None:
        form["difference"] = {
            "events": difference.events,
            "requested": difference.requested,
            "findings": [list(map(finding_json, found)) for found in difference.found],
            "replay": difference.replay,
            "transcripts": [list(records(transcript)) for transcript in difference.transcripts],
        }
    return form

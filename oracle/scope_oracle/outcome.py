"""What a result comes to: a row a clause, and a summary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from scope_spec import CLAUSES, VERDICTS, Clause, Verdict

from .checking import Result
from .exchange import shown
from .reaching import selected_at
from .tally import Broken

SEVERITY: Final[Mapping[Verdict, int]] = {verdict: -place for place, verdict in enumerate(VERDICTS)}
"""How bad a verdict is: more is worse."""

_A_CHOICE: Final = "where the documents leave a choice"

SAYS: Final[Mapping[Verdict, str]] = {"violates": "violates", "discouraged": "discouraged", "unspecified": "differs"}
"""What a report says of a clause whose worst finding has this verdict."""

COUNTED: Final[Mapping[Verdict, str]] = {
    "violates": "violate",
    "discouraged": "discouraged",
    "unspecified": f"differ {_A_CHOICE}",
}
"""What follows the number of such clauses."""

_FAILURES: Final = 5
"""How many of the errors that ended calls are told, the most frequent first."""

HEADINGS: Final[Mapping[Verdict, str]] = {verdict: says.capitalize() for verdict, says in SAYS.items()} | {
    "unspecified": f"{SAYS['unspecified'].capitalize()} {_A_CHOICE}"
}
"""What stands over such findings."""

State = Literal["holds", "found", "not reached"]
"""What became of a clause: nothing was found, something was, or no episode asked."""


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one clause."""

    clause: Clause
    state: State
    reached: int
    verdict: Verdict | None
    broken: tuple[Broken, ...]
    out_of_reach: bool = False

    @property
    def says(self) -> str:
        """Its state, by the worst verdict where something was found."""
        if self.out_of_reach:
            return "out of reach"
        return self.state if self.verdict is None else SAYS[self.verdict]


def rows(result: Result) -> list[Row]:
    """A row for each selected clause that a transcript can break at this revision, in the catalogue's order."""
    found = []
    for clause in selected_at(result.revision, result.selection):
        broken = tuple(each for each in result.broken if each.finding.clause == clause.id)
        verdict = max((each.finding.verdict for each in broken), key=SEVERITY.__getitem__, default=None)
        reached = result.reached.get(clause.id, 0)
        state: State = "found" if broken else "holds" if reached else "not reached"
        beyond = state == "not reached" and result.within_reach is not None and clause.id not in result.within_reach
        found.append(Row(clause, state, reached, verdict, broken, beyond))
    return found


def counted(result: Result) -> dict[str, int]:
    """How many clauses have each verdict as their worst, how many hold, and how many were not reached."""
    table = rows(result)
    verdicts = {verdict: sum(row.verdict == verdict for row in table) for verdict in VERDICTS}
    return verdicts | {state: sum(row.state == state for row in table) for state in ("holds", "not reached")}


def counts_told(number: Mapping[str, int], beyond: int) -> str:
    """Such counts as a sentence, the worst first; `beyond` of those not reached are out of reach."""
    counts = [f"{number[verdict]} {says}" for verdict, says in COUNTED.items()]
    out_of_reach = f" ({beyond} of them out of reach)" if beyond else ""
    return ", ".join((*counts, f"{number['holds']} hold", f"{number['not reached']} not reached{out_of_reach}"))


def summary(result: Result) -> list[str]:
    """What a result comes to: what was run, what came of it, and which clauses no run can judge."""
    version = f" {shown(result.version)}" if result.version else ""
    ran = f"{shown(result.subject)}{version}, {result.revision}: {result.examples} episodes, seed {result.seed}"
    if result.engine == "hypothesis":
        ran += ", chosen by Hypothesis"
    table = rows(result)
    beyond, clauses = sum(row.out_of_reach for row in table), f"{len(table)} clause{'s' if len(table) > 1 else ''}"
    excluded = sum(clause.excluded is not None for clause in CLAUSES.values())
    kept = sum(clause.unjudged is not None for clause in CLAUSES.values())
    judged = (clause for clause in CLAUSES.values() if not clause.excluded and not clause.unjudged)
    elsewhere = sum(not clause.binds_at(result.revision) for clause in judged)
    apart = f"{excluded} more are excluded and {kept} are kept by the model's laws alone"
    if elsewhere:
        apart += f"; {elsewhere} do not bind at {result.revision}"
    return [
        ran if result.complete else f"{ran}; interrupted, and this is what was found so far",
        f"{clauses}: {counts_told(counted(result), beyond)}",
        f"{apart}: see scopelaw explain",
    ]


class Hindered(Protocol):
    """A result, or what was read back of one, as far as it says what kept a client from being put through all."""

    @property
    def examples(self) -> int:
        """How many episodes were played."""

    @property
    def uncalled(self) -> tuple[str, ...]:
        """What the client was to call and never called."""

    @property
    def skipped(self) -> Mapping[str, int]:
        """What it cannot do, with the number of episodes."""

    @property
    def failed(self) -> Mapping[str, int]:
        """What it raised in calls, with the number of episodes."""


def hindrances(of: Hindered) -> list[str]:
    """What a client never called, cannot do, and raised, a sentence each."""
    most = sorted(of.failed.items(), key=lambda each: (-each[1], each[0]))
    return [
        *(f"{shown(operation)} was never called" for operation in of.uncalled),
        *(f"skipped in {n} of {of.examples} episodes: {shown(why)}" for why, n in sorted(of.skipped.items())),
        *(f"raised in {n} of {of.examples} episodes: {shown(why)}" for why, n in most[:_FAILURES]),
    ]


def left_out(result: Result) -> list[str]:
    """What this client was not put through, and why, a sentence each."""
    missed = [row.clause.id for row in rows(result) if row.state == "not reached" and not row.out_of_reach]
    said = hindrances(result)
    if said and missed:
        said.append(f"what the reference client reaches, and this one did not: {', '.join(missed)}")
    return said

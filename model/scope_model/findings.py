"""Findings: what a judge says, under the readings and at the revision that are in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final

from scope_spec import CLAUSES, READINGS, Revision, Verdict

DEFAULT_READINGS: Final[Mapping[str, str]] = MappingProxyType(
    {name: reading.default for name, reading in READINGS.items()}
)


@dataclass(frozen=True, slots=True)
class Finding:
    """A clause that the client broke, at which event (counted from 0 after the header), and why.

    `reading` names the disputed choice that the verdict rests on, where it rests on one.
    """

    clause: str
    verdict: Verdict
    event: int
    because: str
    reading: str | None = None


@dataclass(frozen=True, slots=True)
class Unless:
    """A disputed choice: with this value of the reading in force, what was done is right."""

    reading: str
    value: str


@cache
def _unreached(revision: Revision) -> dict[str, int]:
    """A count of none for each clause in force at a revision that a transcript can show to be broken."""
    return {
        name: 0
        for name, clause in CLAUSES.items()
        if clause.binds_at(revision) and clause.excluded is None and clause.unjudged is None
    }


class Findings:
    """The findings so far, and how often each clause's antecedent held.

    A clause that was never reached was not tested.
    """

    __slots__ = ("_counts", "at", "found", "readings")

    def __init__(self, revision: Revision, readings: Mapping[str, str]) -> None:
        self.found: list[Finding] = []
        self.at = -1
        self.readings = readings if readings is DEFAULT_READINGS else {**DEFAULT_READINGS, **readings}
        self._counts = _unreached(revision).copy()

    @property
    def reached(self) -> Mapping[str, int]:
        """How often each clause's antecedent held, those left out for which it never did."""
        return {clause: count for clause, count in self._counts.items() if count}

    def reach(self, clause: str) -> bool:
        """Count that `clause` applies here, and say whether it binds at this revision."""
        if clause in self._counts:
            self._counts[clause] += 1
            return True
        return False

    def broke(
        self,
        clause: str,
        because: str,
        *,
        unless: Unless | None = None,
        disputed: str | None = None,
        verdict: Verdict | None = None,
    ) -> None:
        """Find `clause` broken, unless a reading allows it.

        `disputed` names the reading that it rests on, where no value of that reading allows it; `verdict` is given
        where it is not the clause's own.
        """
        if clause not in self._counts:
            return
        if unless is not None and self.readings[unless.reading] == unless.value:
            return
        reading = disputed if unless is None else unless.reading
        self.found.append(Finding(clause, verdict or CLAUSES[clause].verdict, self.at, because, reading))

"""Findings: what a judge says, under the readings and at the revision that are in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from scope_spec import CLAUSES, READINGS, VERDICTS, Reading, Verdict

DEFAULT_READINGS: Final[Mapping[str, str]] = MappingProxyType(
    {name: reading.default for name, reading in READINGS.items()}
)


@dataclass(frozen=True, slots=True)
class Finding:
    """A clause that the client broke, at which event (counted from 0 after the header), and why.

    `cause` is a short stable name for the kind of fault within its clause. `reading` names the disputed choice that
    the verdict rests on, where it rests on one.
    """

    clause: str
    verdict: Verdict
    event: int
    because: str
    cause: str
    reading: str | None = None


HOLDS: Final = "holds"
"""A clause's answer where it applies and is kept."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A clause's answer where it applies and is not kept: the kind of fault, and a sentence."""

    cause: str
    because: str


Answer = Literal["holds"] | Broken | None
"""What a clause says of an occasion: that it is kept, that it is broken, or nothing where it does not apply."""


def _resting() -> dict[str, tuple[Reading, ...]]:
    rest: dict[str, dict[str, Reading]] = {}
    for reading in READINGS.values():
        for fault in (*reading.settles, *(fault for value in reading.alternatives for fault in value.allows)):
            rest.setdefault(fault, {})[reading.id] = reading
    return {fault: tuple(readings.values()) for fault, readings in rest.items()}


_RESTING: Final[Mapping[str, tuple[Reading, ...]]] = MappingProxyType(_resting())
"""The readings on which a fault (`CLAUSE/cause`) rests."""


def finding_of(
    clause: str, broken: Broken, event: int, readings: Mapping[str, str], gravest: Verdict
) -> Finding | None:
    """The finding that a broken clause comes to, None where a reading in force allows what was done.

    What rests on a reading never violates, and is unspecified unless the documents favour the side that is taken.
    Whoever asks for another side than the default has settled the dispute.
    """
    fault, reading = f"{clause}/{broken.cause}", None
    verdict = milder(CLAUSES[clause].verdict, gravest)
    for resting in _RESTING.get(fault, ()):
        value = readings[resting.id]
        if fault in resting.alternative(value).allows:
            return None
        bound = verdict if value != resting.default else "discouraged" if resting.favoured else "unspecified"
        if reading is None or milder(bound, verdict) != verdict:
            reading = resting.id
        verdict = milder(bound, verdict)
    return Finding(clause, verdict, event, broken.because, broken.cause, reading)


def milder(one: Verdict, other: Verdict) -> Verdict:
    """The less grave of two verdicts."""
    return max(one, other, key=VERDICTS.index)

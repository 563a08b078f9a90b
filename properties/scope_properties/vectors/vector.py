"""What a vector is."""

from __future__ import annotations

from dataclasses import dataclass

from scope_judge.findings import Finding
from scope_model.events import Transcript

from .changes import How


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A transcript in which the clause applies and is kept, and nothing is found.

    It differs from the one that breaks the clause at these events, each as it is numbered there.
    """

    transcript: Transcript
    differs: tuple[tuple[How, int], ...]


@dataclass(frozen=True, slots=True)
class ClauseVector:
    """The shortest transcript that breaks a clause, what is found in it, and its neighbour that breaks nothing."""

    clause: str
    transcript: Transcript
    finding: Finding
    also: tuple[Finding, ...]
    neighbour: Neighbour | None


@dataclass(frozen=True, slots=True)
class ReadingVector:
    """The shortest transcript that a value of a reading decides, and what is found in it by default and otherwise."""

    reading: str
    value: str
    transcript: Transcript
    by_default: tuple[Finding, ...]
    otherwise: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Vectors:
    """All of them, in the order of the catalogues."""

    clauses: tuple[ClauseVector, ...]
    readings: tuple[ReadingVector, ...]

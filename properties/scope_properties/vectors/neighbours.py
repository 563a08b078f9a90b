"""Neighbours: the least that would have had to be otherwise for a clause to be kept."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from scope_judge.findings import Finding
from scope_judge.judge import judge, judged
from scope_model.events import Transcript

from .changes import Change, changes, changes_at, client_changes
from .plausible import oddities
from .smaller import weight
from .vector import Neighbour


def neighbour(transcript: Transcript, finding: Finding) -> Neighbour | None:
    """The nearest transcript in one event in which the clause of `finding` applies and is kept.

    Nothing is found in it but what else was found. What the client does is changed before what it meets.
    """
    for candidates in (client_changes, changes):
        kept = _kept(((change,) for change in candidates(transcript)), transcript, finding)
        if kept is not None:
            return kept
    return None


def is_near(transcript: Transcript, finding: Finding) -> bool:
    """Whether there is such a transcript in which the client does something else where it broke the clause."""
    faults = _faults_beside(transcript, finding)
    return any(_keeps(each.transcript, finding.clause, faults) for each in changes_at(transcript, finding.event))


def neighbour_in_two_events(transcript: Transcript, finding: Finding) -> Neighbour | None:
    """The nearest one in two events, of which one is where the client broke the clause."""
    return _kept(_pairs(transcript, finding.event), transcript, finding)


def _kept(candidates: Iterator[tuple[Change, ...]], transcript: Transcript, finding: Finding) -> Neighbour | None:
    faults = _faults_beside(transcript, finding)
    kept = [each for each in candidates if _keeps(each[-1].transcript, finding.clause, faults)]
    if not kept:
        return None
    nearest = min(kept, key=lambda each: tuple(_distance(change, finding.event) for change in each))
    return Neighbour(nearest[-1].transcript, tuple((change.how, change.event) for change in nearest))


def _pairs(transcript: Transcript, broken_at: int) -> Iterator[tuple[Change, Change]]:
    for one in changes(transcript):
        moved = {"changed": 0, "added": 1, "left out": -1}[one.how] if one.event <= broken_at else 0
        at = broken_at + moved
        if one.event < at < len(one.transcript.events):
            for other in changes_at(one.transcript, at):
                yield one, other


def _keeps(transcript: Transcript, clause: str, faults: Collection[tuple[str, str, int]]) -> bool:
    if oddities(transcript.events) != 0:
        return False
    judging = judged(transcript)
    return judging.reached[clause] > 0 and all(_kind(each) in faults for each in judging.found)


def _faults_beside(transcript: Transcript, finding: Finding) -> set[tuple[str, str, int]]:
    return {_kind(each) for each in judge(transcript) if each.clause != finding.clause}


def _kind(finding: Finding) -> tuple[str, str, int]:
    return finding.clause, finding.cause, finding.event


def _distance(change: Change, at: int) -> tuple[object, ...]:
    how = ("changed", "added", "left out").index(change.how)
    return not change.is_alike, how, abs(change.event - at), weight(change.transcript)

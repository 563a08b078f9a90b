"""The search for vectors: what the clients that are wrong on purpose show, made as small as it can be.

Every mutant and every policy is put through the same episodes, and what it leaves is judged. Of the transcripts that
show what is looked for the few that show it soonest are made smaller, and the smallest is the vector. What none of
them shows is sought in the vectors that were found, with one event changed. The same each time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache, partial
from itertools import chain, islice
from typing import Final

from scope_judge.findings import Finding
from scope_judge.judge import judge
from scope_model.events import (
    AuthorizationServerMetadata,
    CallEnded,
    ClientRegistration,
    ClientRestarted,
    Event,
    TokenExpired,
    Transcript,
)
from scope_model.policies import POLICIES
from scope_properties.episodes import Episode
from scope_properties.model_subject import ModelSubject
from scope_properties.mutants import MUTANTS
from scope_properties.runs import run
from scope_properties.sampling import sample
from scope_properties.tables import RESOURCES, USER_DELEGATED
from scope_spec import CLAUSES, READINGS

from .changes import changes, in_other_setups
from .neighbours import is_near, neighbour, neighbour_in_two_events
from .plausible import oddities
from .smaller import Shows, smallest, weight
from .vector import ClauseVector, ReadingVector, Vectors

_SEED: Final = 11
_EXAMPLES: Final = 120
_AT_MOST: Final = 1_500
_THOROUGHLY: Final = 10
_KEPT: Final = 3
_IN_RESERVE: Final = 20

Goal = tuple[str, str | None]
"""What is looked for: a clause, or a reading and one of its values."""

JUDGED: Final = tuple(
    (name, None) for name, clause in CLAUSES.items() if clause.excluded is None and clause.unjudged is None
)
"""The goal of each clause that transcripts are judged by."""

DISPUTED: Final = tuple(
    (name, value) for name, reading in READINGS.items() for value in reading.values if value != reading.default
)
"""The goal of each value of a reading that is not its default."""


# --- what a transcript shows ----------------------------------------------------------------------


def others(goal: Goal, transcript: Transcript, found: list[Finding] | None = None) -> int | None:
    """How much else is found in a transcript beside what is looked for, None where that is not."""
    name, value = goal
    by_default = judge(transcript) if found is None else found
    if value is None:
        sought = any(finding.clause == name and finding.verdict == CLAUSES[name].verdict for finding in by_default)
        return len(by_default) - 1 if sought else None
    otherwise = judge(transcript, {name: value})
    differ = set(map(_kind, by_default)) != set(map(_kind, otherwise))
    return len(by_default) + len(otherwise) - 1 if differ else None


def _kind(finding: Finding) -> tuple[str, str, int]:
    return finding.clause, finding.cause, finding.event


def _allowing() -> dict[str, list[Goal]]:
    allowing: dict[str, list[Goal]] = {}
    for name, value in DISPUTED:
        for fault in READINGS[name].alternative(value).allows:
            allowing.setdefault(fault, []).append((name, value))
    return allowing


_ALLOWING: Final[Mapping[str, list[Goal]]] = _allowing()
"""The values that allow a fault (`CLAUSE/cause`)."""

# A value that allows no fault changes what is known, and only judging by it tells what it decides.
_TRIED: Final = tuple(goal for goal in DISPUTED if all(goal not in goals for goals in _ALLOWING.values()))


def _evident(found: list[Finding]) -> dict[Goal, tuple[int, int]]:
    """What findings tell by themselves: the goals that they show, after how many others and at which event."""
    shown: dict[Goal, tuple[int, int]] = {}
    for at, finding in enumerate(found):
        if finding.verdict == CLAUSES[finding.clause].verdict:
            shown.setdefault((finding.clause, None), (at, finding.event))
        for goal in _ALLOWING.get(f"{finding.clause}/{finding.cause}", ()):
            shown.setdefault(goal, (at, finding.event))
    return shown


class _Shown:
    """For each goal the few transcripts that show it best: those of clients that are made to, with little else."""

    def __init__(self) -> None:
        self._kept: dict[Goal, list[tuple[tuple[bool, int, int, int], Transcript]]] = {}
        self._seen = 0

    def best(self, goal: Goal, count: int = _KEPT) -> list[Transcript]:
        """The best, of the clients that are made to show it where any did."""
        kept = self._kept.get(goal, [])
        return [transcript for (strange, *_), transcript in kept if strange == kept[0][0][0]][:count]

    def take(self, transcript: Transcript, clause: str | None = None, *, thoroughly: bool = False) -> bool:
        """Note what a transcript shows, of a client that is made to break `clause`; whether it does."""
        self._seen += 1
        found = judge(transcript)
        shown = _evident(found)
        for tried in _TRIED if thoroughly else ():
            if len(self.best(tried)) < _KEPT and others(tried, transcript, found) is not None:
                shown[tried] = (len(found), len(transcript.events))
        for goal, rank in shown.items():
            kept = [*self._kept.get(goal, ()), ((goal != (clause, None), *rank, self._seen), transcript)]
            self._kept[goal] = sorted(kept, key=lambda each: each[0])[:_IN_RESERVE]
        return (clause, None) in shown


# --- what shows it --------------------------------------------------------------------------------


@cache
def _episodes(grant_types: tuple[str, ...], count: int) -> tuple[Episode, ...]:
    return tuple(islice(sample(_SEED, grant_types=grant_types), count))


def _shown() -> _Shown:
    """What all clients show; a mutant goes on for longer until its clause is shown."""
    shown = _Shown()
    for name, policy in POLICIES.items():
        for at, episode in enumerate(_episodes(USER_DELEGATED, _EXAMPLES)):
            shown.take(run(episode, ModelSubject(policy, label=name)), thoroughly=at < _THOROUGHLY)
    for mutant in MUTANTS.values():
        times = 0
        for at, episode in enumerate(_episodes(mutant.grant_types, _AT_MOST) if mutant.law_only is None else ()):
            if at >= _EXAMPLES and times >= _KEPT:
                break
            times += shown.take(run(episode, mutant.subject), mutant.clause, thoroughly=at < _THOROUGHLY)
    return shown


def _named(transcript: Transcript) -> Transcript:
    """The same with the resource named wherever it was left out."""
    return Transcript(transcript.header, tuple(_naming(event) for event in transcript.events))


def _naming(event: Event) -> Event:
    if isinstance(event, (TokenExpired, ClientRestarted, CallEnded, ClientRegistration, AuthorizationServerMetadata)):
        return event
    return event if event.resource is not None else replace(event, resource=RESOURCES[0])


# --- the vectors ----------------------------------------------------------------------------------


def _smallest(shown: list[Transcript], shows: Shows) -> Transcript | None:
    found = [each for transcript in shown if shows(each := smallest(transcript, shows)) is not None]
    return min(found, key=lambda each: ((shows(each) or 0) + (oddities(each.events) or 0), weight(each)), default=None)


def _changed(goals: list[Goal], known: Iterable[Transcript]) -> dict[Goal, Transcript]:
    """For some goals the smallest transcripts that show them, made of what is known by changing one event."""
    shown: dict[Goal, list[Transcript]] = {goal: [] for goal in goals}
    for transcript in known:
        changed = (change.transcript for change in changes(transcript))
        for other in chain(changed, in_other_setups(transcript)):
            if oddities(other.events) is None:
                continue
            found = judge(other)
            evident = _evident(found)
            for goal in goals:
                if goal in evident or (goal in _TRIED and others(goal, other, found) is not None):
                    shown[goal].append(other)
    return _best({goal: sorted(transcripts, key=weight)[:_KEPT] for goal, transcripts in shown.items()})


def _best(shown: Mapping[Goal, list[Transcript]]) -> dict[Goal, Transcript]:
    best = {goal: _smallest(transcripts, partial(others, goal)) for goal, transcripts in shown.items()}
    return {goal: transcript for goal, transcript in best.items() if transcript is not None}


def vectors() -> Vectors:
    """All vectors, those left out for which nothing was found."""
    shown = _shown()
    goals = [*JUDGED, *DISPUTED]
    best = _best({goal: shown.best(goal) for goal in goals})
    known = sorted(dict.fromkeys(best.values()), key=weight)
    changed = _changed([goal for goal in goals if goal not in best], known)
    best |= changed
    best |= _changed([goal for goal in goals if goal not in best], chain(changed.values(), map(_named, known)))
    clauses = (_clause_vector(name, best[name, None], shown) for name, _ in JUDGED if (name, None) in best)
    readings = (_reading_vector(name, value, best[name, value]) for name, value in DISPUTED if (name, value) in best)
    return Vectors(tuple(clauses), tuple(readings))


def _clause_vector(clause: str, transcript: Transcript, shown: _Shown) -> ClauseVector:
    """The vector of a clause: where the shortest transcript has no neighbour in one event, the shortest that has."""
    nearest = neighbour(transcript, _broken(clause, transcript))
    if nearest is None:
        shows = partial(_beside_a_neighbour, clause)
        near = (each for each in shown.best((clause, None), _IN_RESERVE) if shows(each) is not None)
        longer = _smallest(list(islice(near, 1)), shows)
        if longer is not None:
            transcript = _shortest_with_a_neighbour(clause, longer)
            nearest = neighbour(transcript, _broken(clause, transcript))
    finding = _broken(clause, transcript)
    if nearest is None:
        nearest = neighbour_in_two_events(transcript, finding)
    also = tuple(found for found in judge(transcript) if found != finding)
    return ClauseVector(clause, transcript, finding, also, nearest)


def _shortest_with_a_neighbour(clause: str, transcript: Transcript) -> Transcript:
    """The same with one event after the other left out, as long as there is a neighbour anywhere."""
    events, least = tuple(transcript.events), others((clause, None), transcript) or 0
    for at in range(len(events)):
        shorter = Transcript(transcript.header, events[:at] + events[at + 1 :])
        odd, besides = oddities(shorter.events), others((clause, None), shorter)
        if odd is not None and besides is not None and odd + besides <= least + (oddities(events) or 0):
            if neighbour(shorter, _broken(clause, shorter)) is not None:
                return _shortest_with_a_neighbour(clause, shorter)
    return transcript


def _broken(clause: str, transcript: Transcript) -> Finding:
    verdict = CLAUSES[clause].verdict
    return next(found for found in judge(transcript) if found.clause == clause and found.verdict == verdict)


def _beside_a_neighbour(clause: str, transcript: Transcript) -> int | None:
    besides = others((clause, None), transcript)
    if besides is None or not is_near(transcript, _broken(clause, transcript)):
        return None
    return besides


def _reading_vector(reading: str, value: str, transcript: Transcript) -> ReadingVector:
    by_default, otherwise = judge(transcript), judge(transcript, {reading: value})
    return ReadingVector(reading, value, transcript, tuple(by_default), tuple(otherwise))

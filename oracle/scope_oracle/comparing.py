"""Comparing two subjects: the shortest world and trace in which they ask for different scopes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from scope_judge.account import ScopeRequest
from scope_judge.findings import Finding
from scope_judge.judge import judge
from scope_model.events import (
    CLIENT_CREDENTIALS,
    REFRESH_TOKEN,
    TOKEN_EXCHANGE,
    AuthorizationRequest,
    Event,
    TokenRequest,
    Transcript,
    WireScope,
)
from scope_model.scopes import same_scopes
from scope_properties.episodes import Episode
from scope_properties.runs import run
from scope_properties.shrinking import Length, shrink
from scope_properties.subjects import Subject
from scope_spec import Revision

from .checking import EXAMPLES, Progress, generated, ignore, mostly_delegated
from .grounds import Grounds, grounds, spelled
from .replays import replay_of
from .tally import Kind, kind_of


@dataclass(frozen=True, slots=True)
class Difference:
    """The first requests that differ: their places in the two transcripts, what each asks for, and what is found there.

    A place is None where one subject asks and the other does not ask at all.
    """

    episode: Episode
    transcripts: tuple[Transcript, Transcript]
    events: tuple[int | None, int | None]
    requested: tuple[WireScope, WireScope]
    found: tuple[tuple[Finding, ...], tuple[Finding, ...]]
    replay: str

    @property
    def kinds(self) -> list[set[Kind]]:
        """What is found of each request: two differences that differ in it have other causes."""
        return [set(map(kind_of, found)) for found in self.found]

    @property
    def grounds(self) -> list[Grounds]:
        """The spellings that each request rests on, or that its absence does."""
        return [
            grounds(spelled(transcript), last, transcript.events[last])
            for transcript, at in zip(self.transcripts, self.events, strict=True)
            for last in (len(transcript.events) - 1 if at is None else at,)
        ]


def compare(
    left: Subject,
    right: Subject,
    *,
    revision: Revision = "2026-07-28",
    examples: int = EXAMPLES,
    seed: int = 0,
    progress: Callable[[Progress], None] = ignore,
) -> Difference | None:
    """The first difference found, as short as it gets, or None. Order and repeats are no difference."""
    shared = tuple(known for known in mostly_delegated(left) if known in right.grant_types)
    for done, episode in enumerate(generated(revision, examples, seed, shared), start=1):
        first = first_difference(episode, left, right)
        if first is not None:
            progress(Progress(0, 1, 1, "shortening the trace"))
            shortest = shrink(episode, partial(_length, first, left, right))
            return first_difference(shortest, left, right)
        progress(Progress(done, examples, 0, "running episodes"))
    return None


def _length(first: Difference, left: Subject, right: Subject, episode: Episode) -> Length | None:
    """How many spellings are not plain, and then how many events there are; None where it has another cause."""
    difference = first_difference(episode, left, right)
    if difference is None or difference.kinds != first.kinds:
        return None
    rests_on = difference.grounds
    if any(now.has_slid_from(then) for then, now in zip(first.grounds, rests_on, strict=True)):
        return None
    return sum(len(each.odd) for each in rests_on), max(at for at in difference.events if at is not None)


def first_difference(episode: Episode, left: Subject, right: Subject) -> Difference | None:
    """Where two subjects first ask for different scopes in an episode, or None."""
    transcripts = run(episode, left), run(episode, right)
    requests = tuple(
        [(at, event) for at, event in enumerate(transcript.events) if _asks(event)] for transcript in transcripts
    )
    for at in range(max(map(len, requests))):
        pair = tuple(found[at] if at < len(found) else (None, None) for found in requests)
        (at_left, asks_left), (at_right, asks_right) = pair
        if not _same(asks_left, asks_right):
            return Difference(
                episode,
                transcripts,
                (at_left, at_right),
                (_scope(asks_left), _scope(asks_right)),
                (_found(transcripts[0], at_left), _found(transcripts[1], at_right)),
                replay_of(episode),
            )
    return None


def _found(transcript: Transcript, at: int | None) -> tuple[Finding, ...]:
    return tuple(finding for finding in judge(transcript) if finding.event == at)


def _asks(event: Event) -> bool:
    match event:
        case AuthorizationRequest():
            return True
        case TokenRequest(grant_type):
            return grant_type in (CLIENT_CREDENTIALS, TOKEN_EXCHANGE, REFRESH_TOKEN)
        case _:
            return False


def _same(left: Event | None, right: Event | None) -> bool:
    if type(left) is not type(right):
        return False
    return same_scopes(ScopeRequest.of(_scope(left)).wanted, ScopeRequest.of(_scope(right)).wanted)


def _scope(event: Event | None) -> WireScope:
    return event.scope if isinstance(event, AuthorizationRequest | TokenRequest) else None

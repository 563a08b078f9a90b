"""Comparing two subjects: the shortest world and trace in which they ask for different scopes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from scope_judge.account import ScopeRequest
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
from .replays import replay_of


@dataclass(frozen=True, slots=True)
class Difference:
    """The first requests that differ: their places in the two transcripts, and what each asks for.

    A place is None where one subject asks and the other does not ask at all.
    """

    episode: Episode
    transcripts: tuple[Transcript, Transcript]
    events: tuple[int | None, int | None]
    requested: tuple[WireScope, WireScope]
    replay: str


def compare(
    left: Subject,
    right: Subject,
    *,
    revision: Revision = "2026-07-28",
    examples: int = EXAMPLES,
    seed: int = 0,
    progress: Callable[[Progress], None] = ignore,
) -> Difference | None:
    """The shortest difference found in `examples` episodes, or None. Order and repeats are no difference."""
    shared = tuple(known for known in mostly_delegated(left) if known in right.grant_types)
    for done, episode in enumerate(generated(revision, examples, seed, shared), start=1):
        if _difference(episode, left, right) is not None:
            progress(Progress(0, 1, 1, "shortening the trace"))
            shortest = shrink(episode, lambda tried: _length(_difference(tried, left, right)))
            return _difference(shortest, left, right)
        progress(Progress(done, examples, 0, "running episodes"))
    return None


def _length(difference: Difference | None) -> Length | None:
    if difference is None:
        return None
    return (max(at for at in difference.events if at is not None),)


def _difference(episode: Episode, left: Subject, right: Subject) -> Difference | None:
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
                replay_of(episode),
            )
    return None


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

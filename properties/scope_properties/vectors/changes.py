"""Changes: a transcript with one event changed, added or left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, combinations
from typing import Final, Literal, get_args

from scope_model.events import (
    AUTHORIZATION_CODE,
    CLIENT_CREDENTIALS,
    OFFLINE_ACCESS,
    REFRESH_TOKEN,
    AuthorizationRequest,
    AuthorizationResponse,
    AuthorizationServerMetadata,
    CallEnded,
    CallStarted,
    ClientRegistration,
    ClientReported,
    ClientRestarted,
    ConfiguredMode,
    Event,
    ProtectedResourceMetadata,
    ResourceRequest,
    ResourceResponse,
    TokenRequest,
    TokenResponse,
    Transcript,
)

from .wording import ACCESS_TOKENS, OPERATIONS, REFRESH_TOKENS, RESOURCES, SCOPES, words_of

How = Literal["changed", "added", "left out"]

_MOST_WORDS: Final = 3
_BESIDE: Final = ("b",)
_OF_THE_CLIENT: Final = (
    ResourceRequest,
    ClientRegistration,
    AuthorizationRequest,
    TokenRequest,
    ClientReported,
    CallStarted,
    CallEnded,
)


@dataclass(frozen=True, slots=True)
class Change:
    """What was done to a transcript, at which of its events.

    `is_alike` is whether the event is another one of the same kind.
    """

    how: How
    event: int
    transcript: Transcript
    is_alike: bool = False


def changes_at(transcript: Transcript, at: int) -> Iterator[Change]:
    """What a client might have done in place of what it did."""
    words = _Words(transcript)
    header, events = transcript.header, tuple(transcript.events)
    for other in chain(words.variants(events[at]), words.actions()):
        changed = Transcript(header, (*events[:at], other, *events[at + 1 :]))
        yield Change("changed", at, changed, _is_alike(events[at], other))


def client_changes(transcript: Transcript) -> Iterator[Change]:
    """What a client might have done otherwise, in one event."""
    words = _Words(transcript)
    header, events = transcript.header, tuple(transcript.events)
    for at, event in enumerate(events):
        if isinstance(event, _OF_THE_CLIENT):
            yield from changes_at(transcript, at)
    for at in range(len(events) + 1):
        for other in words.actions():
            yield Change("added", at, Transcript(header, (*events[:at], other, *events[at:])))
    for at, event in enumerate(events):
        if isinstance(event, _OF_THE_CLIENT):
            yield Change("left out", at, Transcript(header, events[:at] + events[at + 1 :]))


def changes(transcript: Transcript) -> Iterator[Change]:
    """What might have been otherwise in one event."""
    yield from client_changes(transcript)
    words = _Words(transcript)
    header, events = transcript.header, tuple(transcript.events)
    for at, event in enumerate(events):
        for other in words.conditions(event):
            yield Change("changed", at, Transcript(header, (*events[:at], other, *events[at + 1 :])), is_alike=True)
    for at in range(len(events) + 1):
        for other in words.documents():
            yield Change("added", at, Transcript(header, (*events[:at], other, *events[at:])))
    for at, event in enumerate(events):
        if not isinstance(event, _OF_THE_CLIENT):
            yield Change("left out", at, Transcript(header, events[:at] + events[at + 1 :]))


def in_other_setups(transcript: Transcript) -> Iterator[Transcript]:
    """The same of a client for which its caller configured something else."""
    for mode in get_args(ConfiguredMode):
        for configured in _Words(transcript).lists:
            setup = replace(transcript.header, configured_scopes=configured, configured_mode=mode)
            yield Transcript(setup, transcript.events)


def _is_alike(one: Event, other: Event) -> bool:
    if isinstance(one, TokenRequest) and isinstance(other, TokenRequest):
        return one.grant_type == other.grant_type
    return type(one) is type(other)


class _Words:
    """The events that can be made of the words of a transcript, the plainest first."""

    def __init__(self, transcript: Transcript) -> None:
        self.events = transcript.events
        self.words = words_of(transcript, SCOPES)
        self.tokens = [None, *words_of(transcript, ACCESS_TOKENS)]
        self.refresh_tokens = words_of(transcript, REFRESH_TOKENS)
        self.operations = words_of(transcript, OPERATIONS) or ["read"]
        self.resources = [None, *words_of(transcript, RESOURCES), *_RESOURCES]
        known = list(dict.fromkeys((*self.words, *_BESIDE)))
        named = [names for size in range(1, _MOST_WORDS + 1) for names in combinations(known, size)]
        reversed_ = [tuple(reversed(names)) for names in named if len(names) > 1]
        self.lists = [None, *named, *reversed_]
        self.scopes = [None if names is None else " ".join(names) for names in self.lists]

    def variants(self, event: Event) -> Iterator[Event]:
        """The same event of a client with another member."""
        match event:
            case ResourceRequest():
                yield from (replace(event, access_token=token) for token in self.tokens)
                yield from (replace(event, operation=operation) for operation in self.operations)
            case ClientRegistration():
                yield from (replace(event, scope=scope) for scope in self.scopes)
                yield from (replace(event, grant_types=types) for types in _GRANT_TYPES)
            case AuthorizationRequest():
                yield from (replace(event, scope=scope) for scope in self.scopes)
                yield from (replace(event, prompt=prompt) for prompt in (None, "consent"))
                yield from (replace(event, scope=scope, prompt="consent") for scope in self._offline())
                yield from (replace(event, resource=resource) for resource in self.resources)
            case TokenRequest():
                yield from (replace(event, scope=scope) for scope in self.scopes)
                yield from (replace(event, refresh_token=token) for token in self.refresh_tokens)
                yield from (replace(event, resource=resource) for resource in self.resources)
            case ClientReported():
                yield from (replace(event, granted=names) for names in (*self.lists, ()))
            case _:
                return

    def _offline(self) -> Iterator[str]:
        return (scope for scope in self.scopes if scope is not None and OFFLINE_ACCESS in scope.split(" "))

    def actions(self) -> Iterator[Event]:
        """What a client may do at any time."""
        for operation in self.operations:
            yield from (ResourceRequest(operation, token) for token in self.tokens)
        yield from (AuthorizationRequest(scope) for scope in self.scopes)
        yield from (AuthorizationRequest(scope, prompt="consent") for scope in self._offline())
        yield TokenRequest(AUTHORIZATION_CODE)
        yield from (TokenRequest(CLIENT_CREDENTIALS, scope) for scope in self.scopes)
        for token in self.refresh_tokens:
            yield from (TokenRequest(REFRESH_TOKEN, scope, token) for scope in self.scopes)
        yield from (CallEnded(event.call) for event in self.events if isinstance(event, CallStarted))

    def conditions(self, event: Event) -> Iterator[Event]:
        """The same event of a server with another member."""
        match event:
            case ResourceResponse():
                yield from (replace(event, status=status) for status in (200, 401, 403))
                yield from (replace(event, www_authenticate=lines) for lines in self._challenges())
            case ProtectedResourceMetadata():
                yield from (replace(event, scopes_supported=names) for names in (*self.lists, ()))
                yield from (replace(event, resource=resource) for resource in self.resources)
            case AuthorizationServerMetadata():
                yield from (replace(event, scopes_supported=names) for names in (*self.lists, ()))
            case AuthorizationResponse():
                yield from (AuthorizationResponse(code=True), AuthorizationResponse(error="access_denied"))
            case TokenResponse():
                yield from (replace(event, scope=scope) for scope in (*self.scopes, ""))
                yield from (replace(event, scope=scope.replace(" ", ",")) for scope in self.scopes if scope)
                yield from (replace(event, refresh_token=token) for token in (None, "r1", "r2"))
            case _:
                return

    def _challenges(self) -> Iterator[tuple[str, ...]]:
        yield ()
        for scope in (*self.scopes[1:], ""):
            yield (f'Bearer scope="{scope}"',)
            yield (f'Bearer error="insufficient_scope", scope="{scope}"',)
        for one in self.words:
            for other in (*self.words, *_BESIDE):
                yield (f'Bearer scope="{one}", Bearer scope="{other}"',)
                yield (f'Bearer scope="{one}", scope="{other}"',)
                yield (f'Bearer scope="{one}", Bearer error="insufficient_scope", scope="{other}"',)

    def documents(self) -> Iterator[Event]:
        """What may be learnt, reported, or happen at any time."""
        for resource in self.resources:
            yield from (ProtectedResourceMetadata(resource, scopes_supported=names) for names in self.lists[:_FEW])
        yield from (AuthorizationServerMetadata(scopes_supported=names) for names in self.lists[:_FEW])
        yield from (ClientReported(names) for names in self.lists)
        yield ClientRestarted()


_FEW: Final = 5
_RESOURCES: Final = ("https://one.example", "https://two.example/mcp", "https://ONE.example/mcp")
_GRANT_TYPES: Final = (None, (AUTHORIZATION_CODE,), (AUTHORIZATION_CODE, REFRESH_TOKEN))

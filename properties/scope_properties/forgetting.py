"""Forgetting never accuses: what a recorder may lose, and what its loss may and may not change in a judgement.

Hardly a recording is whole. A browser's export leaves the Authorization header out, a proxy sees no clock, a log
begins in the middle. What was not seen is unknown, and a client may only be accused of what is wrong in every history
that fits. So two laws hold of a judge, for each `Omission`:

- `gained` is empty: each accusation has one of its own that was there before, and is no graver.
- `lost` is empty: an accusation that rests on nothing of what was left out is still there, and no softer.

Both speak of findings at `discouraged` or above, and compare them event by event. A finding may come under another
clause: which name explains a fault best depends on what else is known. It may not become graver by that, nor two
findings out of one. One of the same clause may move to another event, where that rests on what was left out: a count
is full later, a call is over at the end, another request is the one that leaves a challenge out.

Not among the omissions, because their absence speaks:

- Metadata documents. A client that fetches none knows none, and a scope that only a document lists came from nowhere.
  If a recorder might lose them, no upper bound on a request would ever hold.
- Restarts. A client whose memory might be gone at any time need not remember what it asked for, nor count attempts:
  a recording is that of one process, unless it says otherwise.
- That a token runs out while a challenge or a refusal is news. If it might at any time, no renewal would ever answer
  the challenge before it, and no endless one would be found. Where the last call was served, it may go unseen.
- That a call was broken off. What a client sends after it was cut short is another call's, and else a second try.
- Some calls of several. A request that is made again within one call might then be another call's each time.
- The requests for scopes themselves and what is answered to calls, but for a beginning or an end as a whole: they are
  what is judged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, NamedTuple, get_args

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from scope_judge.findings import Finding
from scope_model.events import (
    BROKEN_OFF,
    REFRESH_TOKEN,
    AuthorizationRequest,
    AuthorizationResponse,
    AuthorizationServerMetadata,
    CallEnded,
    CallStarted,
    ClientRegistration,
    ClientReported,
    ClientRestarted,
    Event,
    ProtectedResourceMetadata,
    Received,
    ResourceRequest,
    ResourceResponse,
    Sent,
    TokenExpired,
    TokenRequest,
    TokenResponse,
    Transcript,
)
from scope_spec import CLAUSES
from scope_spec import Event as EventName

# --- what is left of a recording ------------------------------------------------------------------

Loss = Mapping[int, Event | None]
"""What cannot be lost in parts: what becomes of the events at these places, None where nothing is left of them."""


@dataclass(frozen=True, slots=True)
class Remainder:
    """What is left of a recording, and at which place of the whole each of its events stood."""

    transcript: Transcript
    places: tuple[int, ...]

    def without(self, losses: Iterable[Loss]) -> Remainder:
        """What is left after these losses, which speak of the places of this remainder."""
        became = {at: event for loss in losses for at, event in loss.items()}
        events = enumerate(self.transcript.events)
        left = [(event, at) for at, was in events if (event := became.get(at, was)) is not None]
        kept = Transcript(self.transcript.header, tuple(event for event, _ in left))
        return Remainder(kept, tuple(self.places[at] for _, at in left))


def whole(transcript: Transcript) -> Remainder:
    """A recording of which nothing was lost."""
    return Remainder(transcript, tuple(range(len(transcript.events))))


# --- what may be lost -----------------------------------------------------------------------------

Losses = Callable[[Sequence[Event]], Iterable[Loss]]

_STAND_ALONE: Final = frozenset({"SEL-4", "OFFLINE-4", "OFFLINE-5"})
"""What one message breaks, whatever came before or comes after."""

_OF_A_CHALLENGE: Final = frozenset(
    {"CHAL-1", "OFFLINE-3", "SEL-5", "REG-2", "ORDER-2", "ACC-1", "ACC-2", "ACC-4", "ACC-6"}
    | {name for name in CLAUSES if name.startswith("PARSE-")}
)
"""What a request breaks that answers a challenge: which one it answers, if any, is told by what became of the others.

A renewal by the clock answers none, and may ask for what it asked before.
"""

_OF_THE_END: Final = frozenset({"STEP-7", "GRANT-3"})
"""What is broken by something that never happens: found when the call ends, or the transcript."""

_OF_A_PAST: Final = frozenset(
    {"SEL-1", "SEL-2", "SEL-3", "SEL-6", "SEL-7", "META-1", "META-3", "EXT-1", "OFFLINE-1", "REG-1", "ACC-7"}
)
"""What is too much only where nothing came before: a call that shows no token may have carried one."""

_IN_A_ROW: Final = frozenset({"RETRY-1", "RETRY-2", "RETRY-4", "CHAL-7", "STEP-3"})
"""What is found of many requests in a row where no calls were written down, and within one call where they were."""

_COUNTED: Final = _IN_A_ROW | frozenset({"CHAL-8"})
"""What is found when a count is full, which is later where less was seen."""

_OF_A_CALL: Final = _OF_THE_END | _COUNTED | frozenset({"RETRY-3", "RETRY-5", "STEP-5", "OFFLINE-2"})
"""What is held against a client within one call of its application, or where no other awaits an answer."""

_FORGOTTEN: Final = frozenset({"ACC-8", "ACC-10"})
"""What shows in two reports: the first was right, and the second has lost what the first had."""

_MESSAGES: Final = (*get_args(Sent), *get_args(Received))
_ALL: Final = frozenset(CLAUSES)


def _observed_on(event: EventName) -> frozenset[str]:
    """The clauses that show on such an event, there or elsewhere."""
    return frozenset(name for name, clause in CLAUSES.items() if event in clause.observed)


@dataclass(frozen=True, slots=True)
class Omission:
    """One thing that recorders lose: `losses` are its parts, any of which may be lost together.

    `keeps` are the clauses that do not rest on it: findings of theirs survive it, at each event that is left.
    """

    name: str
    losses: Losses
    keeps: frozenset[str]


_OMISSIONS: Final[dict[str, Omission]] = {}


def _omission(keeps: frozenset[str]) -> Callable[[Losses], Losses]:
    def enter(losses: Losses) -> Losses:
        _OMISSIONS[losses.__name__] = Omission(losses.__name__, losses, keeps)
        return losses

    return enter


@_omission(keeps=_STAND_ALONE)
def beginning(events: Sequence[Event]) -> Iterator[Loss]:
    """A recording may begin at any time of rest at which a token is held, and the first request that is left shows it.

    Where that is a call without a token, or a request for scopes, nobody can tell it from a client's first. Nor can
    anybody tell what answers a challenge that came before.
    """
    issued = set[str]()
    shows = _what_the_next_request_shows(events)
    for at, (event, moment) in enumerate(zip(events, _moments(events), strict=True)):
        if not any(moment) and shows[at] in issued:
            yield dict.fromkeys(range(at))
        if isinstance(event, TokenResponse):
            issued.update(token for token in (event.access_token, event.refresh_token) if token is not None)


@_omission(keeps=_ALL - _OF_THE_END)
def ending(events: Sequence[Event]) -> Iterator[Loss]:
    """A recording may end at any time."""
    for at in range(len(events)):
        yield dict.fromkeys(range(at, len(events)))


@_omission(keeps=_ALL)
def names_of_the_issuer(events: Sequence[Event]) -> Iterator[Loss]:
    """Where all name the same issuer, any of them may leave its name out."""
    names = {name for event in events for name in _issuers(event)}
    if len(names) == 1:
        for at, event in enumerate(events):
            if isinstance(event, _NAMES_AN_ISSUER) and event.issuer is not None:
                yield {at: replace(event, issuer=None)}


@_omission(keeps=_ALL)
def names_of_the_resource(events: Sequence[Event]) -> Iterator[Loss]:
    """Where all name the same resource, any of them may leave its name out."""
    named = {at: event for at, event in enumerate(events) if isinstance(event, _NAMES_A_RESOURCE) and event.resource}
    if len({event.resource for event in named.values()}) == 1:
        for at, event in named.items():
            yield {at: replace(event, resource=None)}


@_omission(keeps=_ALL - _FORGOTTEN)
def reports(events: Sequence[Event]) -> Iterator[Loss]:
    """What a client says of itself is asked for by whoever drives it, and on no wire."""
    return _each(events, ClientReported)


@_omission(keeps=_ALL - _observed_on("client_registration"))
def registrations(events: Sequence[Event]) -> Iterator[Loss]:
    """A client may have been registered long before the recording."""
    return _each(events, ClientRegistration)


@_omission(keeps=_ALL - _OF_A_CALL - _OF_A_CHALLENGE)
def calls(events: Sequence[Event]) -> Iterator[Loss]:
    """What the application asked for is known to whoever drives the client, who writes all of it down, or nothing.

    Not where two calls of one operation overlap: without them the second is a second try of the first (ruling 7).
    """
    broken_off = any(isinstance(event, CallEnded) and event.outcome == BROKEN_OFF for event in events)
    if not broken_off and not any(moment.overlaps for moment in _moments(events)):
        yield {at: None for at, event in enumerate(events) if isinstance(event, (CallStarted, CallEnded))}


@_omission(keeps=_ALL - _OF_A_CHALLENGE)
def expiries_at_rest(events: Sequence[Event]) -> Iterator[Loss]:
    """A client's clock is on no wire: after a call that was served, what it does next shows that a token ran out.

    Not while a challenge waits, which whatever is asked for then answers.
    """
    served = False
    for at, (event, moment) in enumerate(zip(events, _moments(events), strict=True)):
        if isinstance(event, TokenExpired) and served and not moment.waits:
            yield {at: None}
        if isinstance(event, _MESSAGES):
            served = isinstance(event, ResourceResponse) and event.status < 300


@_omission(keeps=_ALL - _observed_on("resource_request") - _OF_A_PAST)
def authorization_headers(events: Sequence[Event]) -> Iterator[Loss]:
    """A browser's export leaves every Authorization header out."""
    yield _presenting(events, None)


@_omission(keeps=_STAND_ALONE | {"CHAL-1"})
def tokens_in_headers(events: Sequence[Event]) -> Iterator[Loss]:
    """A careful recorder writes the same thing in place of every token that is presented."""
    yield _presenting(events, "redacted")


@_omission(keeps=_STAND_ALONE)
def bodies_of_token_responses(events: Sequence[Event]) -> Iterator[Loss]:
    """What a token endpoint answers may be compressed, cut, or left out: it is an answer, and nobody can read it."""
    for at, event in enumerate(events):
        if isinstance(event, TokenResponse):
            yield {at: TokenResponse(issuer=event.issuer, resource=event.resource)}


OMISSIONS: Final[Mapping[str, Omission]] = MappingProxyType(_OMISSIONS)
"""Everything that a recorder may lose, by name."""

_NAMES_AN_ISSUER: Final = (
    ClientRegistration,
    AuthorizationRequest,
    TokenRequest,
    AuthorizationServerMetadata,
    AuthorizationResponse,
    TokenResponse,
    ClientReported,
)
_NAMES_A_RESOURCE: Final = (
    ResourceRequest,
    AuthorizationRequest,
    TokenRequest,
    ResourceResponse,
    ProtectedResourceMetadata,
    AuthorizationResponse,
    TokenResponse,
    CallStarted,
    ClientReported,
)


def _issuers(event: Event) -> tuple[str, ...]:
    """The issuers that an event names, those of a resource's metadata too."""
    if isinstance(event, ProtectedResourceMetadata):
        return event.authorization_servers
    return (event.issuer,) if isinstance(event, _NAMES_AN_ISSUER) and event.issuer is not None else ()


def _each(events: Sequence[Event], kind: type[Event]) -> Iterator[Loss]:
    return ({at: None} for at, event in enumerate(events) if isinstance(event, kind))


def _presenting(events: Sequence[Event], token: str | None) -> Loss:
    return {
        at: replace(event, access_token=token)
        for at, event in enumerate(events)
        if isinstance(event, ResourceRequest) and event.access_token is not None
    }


class _Moment(NamedTuple):
    """What goes on before an event: calls, several of one operation, challenges that wait, and those of ended calls.

    And token requests that are not yet answered.
    """

    calls: bool
    overlaps: bool
    waits: bool
    left: bool
    asks: bool


def _moments(events: Sequence[Event]) -> Iterator[_Moment]:
    """What goes on before each event."""
    under_way, waiting, left = dict[int, str](), set[tuple[str | None, str]](), set[tuple[str | None, str]]()
    asked = 0
    for event in events:
        overlaps = len(set(under_way.values())) < len(under_way)
        yield _Moment(len(under_way) > 0, overlaps, len(waiting) > 0, len(left) > 0, asked > 0)
        match event:
            case CallStarted():
                under_way[event.call] = event.operation
            case CallEnded():
                over = under_way.pop(event.call, None)
                left |= {each for each in waiting if each[1] == over and over not in under_way.values()}
                waiting -= left
            case ResourceResponse() if event.status in (401, 403):
                waiting.add((event.resource, event.operation))
            case ResourceRequest():
                waiting.discard((event.resource, event.operation))
                left.discard((event.resource, event.operation))
            case TokenRequest():
                asked += 1
            case TokenResponse():
                asked -= 1
            case ClientRestarted():
                waiting.clear()
                left.clear()
            case _:
                pass


def _what_the_next_request_shows(events: Sequence[Event]) -> list[str | None]:
    """The token in the first request from each event on, where it carries one."""
    shows: list[str | None] = []
    token: str | None = None
    for event in reversed(events):
        match event:
            case ResourceRequest():
                token = event.access_token
            case TokenRequest() if event.grant_type == REFRESH_TOKEN:
                token = event.refresh_token
            case TokenRequest() | AuthorizationRequest() | ClientRegistration():
                token = None
            case _:
                pass
        shows.append(token)
    return shows[::-1]


# --- any of it, drawn -----------------------------------------------------------------------------


@st.composite
def remainders(draw: DrawFn, transcript: Transcript, omissions: Sequence[str] = tuple(OMISSIONS)) -> Remainder:
    """What is left of a transcript after these omissions, one after the other: all or any of the parts of each."""
    left = whole(transcript)
    for name in omissions:
        losses = list(OMISSIONS[name].losses(left.transcript.events))
        left = left.without(draw(_some_of(losses)))
    return left


def _some_of(losses: Sequence[Loss]) -> SearchStrategy[list[Loss]]:
    each = st.lists(st.booleans(), min_size=len(losses), max_size=len(losses))
    some = each.map(lambda chosen: [loss for loss, lost in zip(losses, chosen, strict=True) if lost])
    one = st.sampled_from(losses).map(lambda loss: [loss]) if losses else some
    return st.just(list(losses)) | one | some


def together() -> SearchStrategy[tuple[str, ...]]:
    """Omissions that may come together.

    Not a beginning and what calls carry: where no token is shown, nobody can tell that one is held.
    """
    return st.sets(st.sampled_from(tuple(OMISSIONS)), min_size=2).map(_compatible)


def _compatible(names: set[str]) -> tuple[str, ...]:
    apart = {"authorization_headers"} if "beginning" in names else set[str]()
    return tuple(name for name in OMISSIONS if name in names - apart)


# --- the laws -------------------------------------------------------------------------------------

Judging = Callable[[Transcript], Sequence[Finding]]
_GRAVITY: Final = {"discouraged": 1, "violates": 2}


def gained(judging: Judging, transcript: Transcript, left: Remainder) -> list[Finding]:
    """The accusations that came up because something was left out; a judge has none.

    Each has one of its own that was there before: at the same event, or of the same clause at another, where it is less
    clear when a count is full, a call over, or which of two requests answers a challenge. Two things are no forgetting
    of what was seen. That something never happened, where the last messages were left out: a transcript says by its
    footer that it is whole. And that many requests in a row are one call where no calls were written down.
    """
    before, after = _accusations(judging, whole(transcript)), _accusations(judging, left)
    allowed = frozenset[str]()
    if _last_message(left) != _last_message(whole(transcript)):
        allowed |= _OF_THE_END
    if _has_calls(transcript) and not _has_calls(left.transcript):
        allowed |= _IN_A_ROW
    gone = [
        one
        for one in _unanswered(before, after, _same_fault, _same_event)
        if one.event in left.places or one.clause in _COUNTED or one.clause in _OF_THE_END
    ]
    new = _unanswered(_unanswered(after, before, _same_fault, _same_event), gone, _same_clause)
    return [one for one in new if one.clause not in allowed]


def lost(judging: Judging, transcript: Transcript, left: Remainder, keeps: frozenset[str]) -> list[Finding]:
    """The accusations by clauses of `keeps` that are gone or softer, though their events are still there."""
    before = [
        found
        for found in _accusations(judging, whole(transcript))
        if found.clause in keeps and found.event in left.places
    ]
    return _unanswered(before, _accusations(judging, left), _same_fault, _same_event)


def _has_calls(transcript: Transcript) -> bool:
    """Whether whoever drove the client wrote its calls down."""
    return any(isinstance(event, CallStarted) for event in transcript.events)


def _last_message(left: Remainder) -> int | None:
    """Where the last event stood that was on the wire."""
    placed = zip(reversed(left.places), reversed(left.transcript.events), strict=True)
    return next((at for at, event in placed if isinstance(event, _MESSAGES)), None)


def _accusations(judging: Judging, left: Remainder) -> list[Finding]:
    """What a judge finds at `discouraged` or above, by the places of the whole, the gravest first."""
    found = [replace(one, event=left.places[one.event]) for one in judging(left.transcript) if one.verdict in _GRAVITY]
    return sorted(found, key=lambda one: -_GRAVITY[one.verdict])


Alike = Callable[[Finding, Finding], bool]


def _same_clause(one: Finding, other: Finding) -> bool:
    return one.clause == other.clause


def _same_event(one: Finding, other: Finding) -> bool:
    return one.event == other.event


def _same_fault(one: Finding, other: Finding) -> bool:
    return _same_event(one, other) and _same_clause(one, other)


def _unanswered(these: Iterable[Finding], by: Iterable[Finding], *alike: Alike) -> list[Finding]:
    """Those of `these` for which nothing is left in `by` that is alike and as grave; each answers one."""
    answers, alone = list(by), list(these)
    for are_alike in alike:
        these, alone = alone, []
        for one in these:
            answer = next((other for other in answers if are_alike(one, other) and _is_as_grave(other, one)), None)
            if answer is None:
                alone.append(one)
            else:
                answers.remove(answer)
    return alone


def _is_as_grave(one: Finding, other: Finding) -> bool:
    return _GRAVITY[one.verdict] >= _GRAVITY[other.verdict]

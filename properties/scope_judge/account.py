"""Facts: what a transcript tells of a resource, and of a client's account there. No clause is named here.

Times are the numbers of events, so that "since that token" and "since that grant" are comparisons; `NEVER` comes
before all of them. What was not seen is unknown, a value of its own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Literal

from scope_model.events import CLIENT_CREDENTIALS, REFRESH_TOKEN, TOKEN_EXCHANGE, WireScope
from scope_model.scopes import NO_SCOPES, MalformedScope, Scope, ScopeSet, parse_scope, read_scope

from .knowledge import UNKNOWN, Known
from .misreadings import Misreading
from .parsed import ParsedChallenge, Said

NEVER: Final = -1
"""The time of what has not happened."""

SEEN_BACK: Final = 8
"""How many challenges that nothing answered a request may reach back over."""

Renewal = Literal["authorization", "refresh"]
"""How a token was renewed in answer to a challenge."""


@dataclass(frozen=True, slots=True)
class ScopeRequest:
    """A request's `scope` parameter: as sent, cut at each space, and as the scopes that it names.

    `scope` is None where the parameter says nothing, and `wanted` the empty set there. `fault` is what is wrong with it
    by the grammar. It is `malformed` where it is more than its scopes, so that nobody but the server knows what it was
    taken for.
    """

    wire: WireScope
    pieces: tuple[str, ...]
    scope: ScopeSet | None
    wanted: ScopeSet
    fault: MalformedScope | None
    malformed: bool

    @staticmethod
    @lru_cache(maxsize=256)  # each request comes as an occasion of its own, and again in the next round
    def of(wire: WireScope) -> ScopeRequest:
        """Read a parameter, all of it where it was repeated."""
        if wire is None:
            return _OMITTED
        text = wire if isinstance(wire, str) else " ".join(wire)
        pieces, parsed = tuple(text.split(" ")), parse_scope(text)
        if isinstance(parsed, ScopeSet):
            return ScopeRequest(wire, pieces, parsed, parsed, None, malformed=False)
        wanted = read_scope(text)
        malformed = pieces != ("",) and len(set(pieces)) > len(wanted)
        return ScopeRequest(wire, pieces, wanted or None, wanted, parsed, malformed)


_OMITTED: Final = ScopeRequest(None, (), None, NO_SCOPES, None, malformed=False)


@dataclass(slots=True, eq=False)
class PendingChallenge:
    """A 401 or 403 that awaits its answer.

    `sent_at` is when the request went out that it answers. `repeats` is whether it says the same as the challenge
    that the token was just renewed for, and `renewed` how that was. `refreshed_at` is when a refresh was tried in
    answer, `alone` whether nothing else was sent to the resource since, `times` how many requests answered it. `call`
    is the call that it came in, where calls are known, and `held` what the client was known to hold then.
    `beside` is another of the same operation, whose request was on its way at the same time, and `passed_over`
    whether a later one was answered first. `sent_again` is whether the request that it refuses was refused before, and
    `ended_at` when the call ended that it came in. `doubted` is whether the request that answered it may be for
    another.
    """

    operation: str
    challenge: ParsedChallenge
    at: int
    sent_at: int
    renewed: Renewal | None = None
    repeats: bool = False
    outdated: bool = False
    refreshed_at: int = NEVER
    alone: bool = True
    times: int = 0
    call: int | None = None
    held: Known | None = None
    beside: PendingChallenge | None = None
    passed_over: bool = False
    sent_again: bool = False
    ended_at: int = NEVER
    doubted: bool = False

    @property
    def and_those_beside(self) -> Iterator[PendingChallenge]:
        """It, and those of its operation whose requests were on their way at the same time."""
        one: PendingChallenge | None = self
        while one is not None:
            yield one
            one = one.beside


@dataclass(slots=True)
class Attempts:
    """The authorization requests that one operation caused: in a row, since it was last served, and in one call.

    `named` is what the challenges of the row named, `grew` whether each named something new, and `asked` what the
    last request asked for. `said` is what the last challenge said, `renewed` what renewed the token since. `carried`
    is the token of the last request, `sent_at` when it went out, NEVER once it was answered; `refused` is the status
    of the last answer where it was a 403, and `resent` how often the request was sent again unchanged since.
    `refreshes` is how often a refresh renewed the token in answer to its challenges: in a row, and since a call began.
    `left` is the challenge that was left unanswered when the request was last sent, `at_once` how many calls of the
    operation there were at once since the call began that is counted.
    """

    in_a_row: int = 0
    since_served: int = 0
    in_call: int = 0
    at_once: int = 0
    call: int | None = None
    calls: frozenset[int] = frozenset()
    named: set[Scope] = field(default_factory=set)
    grew: bool = True
    asked: ScopeSet = NO_SCOPES
    said: Said | None = None
    renewed: Renewal | None = None
    carried: str | None = None
    sent_at: int = NEVER
    refused: ParsedChallenge | None = None
    resent: int = 0
    refreshes: int = 0
    left: PendingChallenge | None = None


@dataclass(slots=True)
class Life:
    """A client's process: when its memory was last lost."""

    restarted_at: int = NEVER


@dataclass(slots=True)
class Token:
    """The newest access token of an account, in one state.

    `answers` is the challenge that it was issued for, None where there was none. `differs` is whether its
    scope is another than was asked for. `tried` is whether the operation was sent with it, or what has to come first
    was refused, `used_at` when a call first carried it, `served` whether one that did was served, and `passed_over`
    whether a request that was surely sent later went without it.
    """

    access_token: str | None
    issued_at: int
    answers: PendingChallenge | None = None
    differs: bool = False
    suffices: bool = True
    state: Literal["new", "in use", "set aside", "rejected", "expired"] = "new"
    tried: bool = False
    used_at: int = NEVER
    expired_at: int = NEVER
    served: bool = False
    passed_over: bool = False


Told = Literal["nothing", "explicit", "omitted", "nobody", "unseen"]
"""How a grant became known: by the response, by the request where the response was silent, by nobody; or unseen."""


@dataclass(slots=True, eq=False)
class Account:
    """What a client requested, was granted and holds at one (issuer, resource).

    `requested` is None until a token was issued. `asked` is what the request of the last grant named, `earlier` the
    grant before it, `first` what the first of the `rounds` of grants asked for, `aborted` what was asked for in vain.
    `narrowed` is the scope of a refreshed token that has less than the grant, `refreshed` what refreshes said since.

    `pending` is the request that awaits its token, `refreshing` and `assertion` those of a refresh and of the last leg
    of an exchange, `leg` its grant type, `sourced` what of it some source names, `audience` the resource that its
    chain names. `awaited` is how many token requests are unanswered, `mixed` whether several are and a refresh or a leg
    of an exchange is among them, so that nobody knows which answer is whose. `invented` is what was requested without a
    source, `unseen` the tokens that nobody saw issued. `replaced` are the refresh tokens that a refresh replaced,
    `outlived` those of earlier grants. `under_way` are the authorizations of which not all came to an end, `redeemed`
    how many did, and `overlaps` whether the last one began while another was under way. `refresh_kept_at` is when a
    refresh last brought no new refresh token, so that the old one stayed.
    `carries` is what the assertion carries that the last leg of an exchange is to present, None where nobody knows.
    `refusals` is how often the same request was refused, one time after the other, and `may_pass` whether the last time
    says nothing of the same request now. `refresh_refused` is a refresh token that was refused, for which scope, and
    the calls that went on then, `refresh_refusals` how often.
    """

    life: Life
    issuer: str | None = None
    requested: Known | None = None
    granted: Known = UNKNOWN
    in_hand: Known = UNKNOWN
    told: Told = "nothing"
    refresh_told: Literal["nothing", "explicit", "omitted"] = "nothing"
    asked: ScopeSet | None = None
    earlier: Known | None = None
    first: ScopeSet = NO_SCOPES
    rounds: int = 0
    aborted: ScopeSet = NO_SCOPES
    narrowed: ScopeSet | None = None
    refreshed: ScopeSet = NO_SCOPES

    token: Token | None = None
    refresh_token: str | None = None
    replaced: set[str] = field(default_factory=set)
    outlived: set[str] = field(default_factory=set)
    replaced_at: int = NEVER
    grant_type: str | None = None

    pending: ScopeRequest | None = None
    refreshing: ScopeRequest | None = None
    assertion: ScopeRequest | None = None
    carries: ScopeSet | None = None
    awaited: int = 0
    mixed: bool = False
    under_way: list[ScopeSet] = field(default_factory=list)
    redeemed: int = 0
    overlaps: bool = False
    sourced: ScopeSet = NO_SCOPES
    leg: str | None = None
    audience: str | None = None
    refused: ScopeSet | None = None
    invented: set[Scope] = field(default_factory=set)
    unseen: set[str] = field(default_factory=set)
    refresh_sent: str | None = None
    refresh_refused: tuple[str | None, ScopeSet | None, frozenset[int]] | None = None
    refresh_refusals: int = 0
    refusals: int = 0
    may_pass: bool = False

    asked_at: int = NEVER
    granted_at: int = NEVER
    called_at: int = NEVER
    refused_at: int = NEVER
    refresh_failed_at: int = NEVER
    refresh_kept_at: int = NEVER
    reported_at: int = NEVER

    @property
    def forgot(self) -> Literal["a refresh failed", "the client restarted"] | None:
        """What may have cost the account since the last grant."""
        if self.refresh_failed_at > self.granted_at:
            return "a refresh failed"
        return "the client restarted" if self.restarted else None

    @property
    def restarted(self) -> bool:
        """Whether the memory was lost since the last grant."""
        return self.life.restarted_at > self.granted_at

    @property
    def has_kept_its_refresh_token(self) -> bool:
        """Whether the refresh token that it holds stayed when the last refresh brought no new one."""
        return self.refresh_token is not None and self.refresh_kept_at > max(self.granted_at, self.life.restarted_at)

    @property
    def acts_for_itself(self) -> bool:
        """Whether the client acts without a user."""
        return self.grant_type == CLIENT_CREDENTIALS

    def await_token(self, leg: str) -> None:
        """Count a token request, of a grant type."""
        alike = self.leg == leg and leg not in (REFRESH_TOKEN, TOKEN_EXCHANGE)
        self.mixed = self.mixed or (self.awaited > 0 and not alike)
        self.leg, self.awaited = leg, self.awaited + 1

    def forget(self) -> None:
        """Take all that was requested and granted here to be unknown, until the next grant says more."""
        self.requested = self.granted = self.in_hand = UNKNOWN
        self.told, self.refresh_told, self.narrowed, self.earlier = "unseen", "nothing", None, None
        self.refresh_kept_at = NEVER


@dataclass(slots=True, eq=False)
class Resource:
    """A protected resource: its names, its metadata, its challenges, and the account that is in use there.

    `published` is the name in its own metadata document, `listed` its scopes, `parent_listed` those of documents
    that name a parent of it. `pending` are the challenges that await their answers, by operation, `answering` the
    one that a request was made for, and `doubtful` those taken to be answered where others waited; `left` are the last
    whose calls ended without an answer, and `owed` the tokens that an operation was not yet sent with. `epoch` counts
    how often it moved to another authorization server. `misread` is what only misreadings find in its challenges, each
    with those misreadings and when they first could. `shown` are the tokens of others that it was called with before it
    had a document. `called_by_name` and `asked_by_name` are whether it was called, or asked for, by its name, and
    `called_before` is whether the recording begins after it was called. `asked_for` is the challenge that the last
    request answered, and `in_vain` that of one that was refused, until its operation is tried again or its call ends.
    `awaited` is the challenge that a token is asked for, whatever other operations are called before it comes.
    """

    name: str | None
    published: str | None = None
    listed: ScopeSet | None = None
    parent_listed: ScopeSet | None = None
    publishes_empty: bool = False
    issuers: tuple[str, ...] = ()
    document_at: int = NEVER
    called_at: int = NEVER
    responded_at: int = NEVER
    called_by_name: bool = False
    asked_by_name: bool = False
    called_before: bool = False
    pending: dict[str, PendingChallenge] = field(default_factory=dict)
    answering: PendingChallenge | None = None
    awaited: PendingChallenge | None = None
    asked_for: PendingChallenge | None = None
    in_vain: PendingChallenge | None = None
    doubtful: deque[PendingChallenge] = field(default_factory=lambda: deque(maxlen=SEEN_BACK))
    left: deque[PendingChallenge] = field(default_factory=lambda: deque(maxlen=SEEN_BACK))
    owed: dict[str, Token] = field(default_factory=dict)
    attempts: dict[str, Attempts] = field(default_factory=dict)
    account: Account | None = None
    epoch: int = 0
    misread: dict[str, dict[Misreading, int]] = field(default_factory=dict)
    shown: dict[str, None] = field(default_factory=dict)

    def lists(self, scope: str) -> bool:
        """Whether its metadata lists a scope, or that of a parent."""
        return scope in (self.listed or NO_SCOPES) or scope in (self.parent_listed or NO_SCOPES)

    def may_misread(self, challenge: ParsedChallenge, at: int) -> None:
        """Note what somebody may take for scopes in a challenge of it."""
        for name, wrong in challenge.only_misread:
            self.misread.setdefault(name, {}).setdefault(wrong, at)

    def did_not_misread(self, challenge: ParsedChallenge, asked: Collection[str]) -> None:
        """Forget what the request that answers a challenge would name, had it been misread."""
        for name, wrong in challenge.only_misread:
            found = self.misread.get(name)
            if found is not None and name not in asked:
                found.pop(wrong, None)
                if not found:
                    del self.misread[name]

    def attempt(self, operation: str) -> Attempts:
        """What was tried for an operation."""
        tried = self.attempts.get(operation)
        if tried is None:
            tried = self.attempts[operation] = Attempts()
        return tried

    @property
    def has_its_own_document(self) -> bool:
        """Whether the metadata document that it published names it as it is called, but for a slash."""
        return self.published is not None and self.published.rstrip("/") == (self.name or "").rstrip("/")

    @property
    def goes_by_its_name(self) -> bool:
        """Whether it is asked for by the name that it is called by, or may be, as it was called before the recording.

        Its own document says so, or a request did.
        """
        return self.has_its_own_document or self.asked_by_name or self.called_before

    @property
    def called(self) -> bool:
        """Whether it was ever called."""
        return self.called_at != NEVER or self.responded_at != NEVER

    @property
    def was_just_challenged(self) -> bool:
        """Whether the last that was heard of it is a challenge, or where it may go by another name, one waits."""
        if self.responded_at < self.called_at or not self.pending:
            return False
        newest = next(reversed(self.pending.values()))
        return not self.goes_by_its_name or (newest.at == self.responded_at and newest.ended_at == NEVER)

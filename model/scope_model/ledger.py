"""What a transcript tells about a client: the judge's account, kept apart from what it makes of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Final, Literal

from .challenges import Challenge, MalformedChallenge, bearer_challenge, parse_challenges
from .events import CLIENT_CREDENTIALS, Header, WireScope
from .misreadings import Heading, Misreading, heading, misreadings_of
from .scopes import NO_SCOPES, MalformedScope, Scope, ScopeSet, parse_scope, read_scope

Renewal = Literal["authorization", "refresh"]
"""How an operation's token was renewed since its last response."""


_PLAIN: Final = re.compile(r'Bearer(?: [a-z_]+="[^"\\]*"(?:, [a-z_]+="[^"\\]*")*)?').fullmatch
_PUNCTUATION: Final = re.compile(r'[\s"=]+')


@dataclass(frozen=True, slots=True)
class Understood:
    """What a 401 or 403 says, whatever becomes of it.

    `text` is its scope as it stands. `scope` is what it asks for, None where it names nothing that can be relied
    on; `tolerated` is what it names all the same, and `repeats` what only the repetitions of its scope parameter
    name. `disputed` is the reading on which `scope` rests, where several things could be read. `plain` is whether it
    is spelled as the documents spell it, so that no reading of it is a matter of skill, and `misread` are the
    misreadings that see something else here than is there, with what they see.
    """

    status: int
    text: str | None
    plain: bool
    misread: tuple[tuple[Misreading, Heading], ...]
    scope: ScopeSet | None = None
    tolerated: ScopeSet = NO_SCOPES
    repeats: ScopeSet = NO_SCOPES
    disputed: Literal["A6", "A16"] | None = None
    insufficient: bool = False
    names_metadata: bool = False
    malformed: bool = False

    @property
    def can_be_misread(self) -> bool:
        """Whether some misreading sees other scopes, so that one cannot tell what a client made of it."""
        return any(seen.scope != self.text and wrong.clause != "CHAL-6" for wrong, seen in self.misread)


# Remembered, because a server spells its challenges the same way each time.
@lru_cache(maxsize=512)
def understand(status: int, lines: tuple[str, ...], several: str) -> Understood:
    """Read a 401 or 403, by the value of the reading A16 where several Bearer challenges differ."""
    parsed = parse_challenges(lines)
    right = bearer_challenge(parsed)
    seen = heading(right)
    plain = len(lines) == 1 and _PLAIN(lines[0]) is not None
    understood = partial(Understood, status, seen.scope, plain, misreadings_of(lines, seen))
    if any(isinstance(part, MalformedChallenge) for part in parsed):
        # Whatever somebody may read out of it, with commas taken either way.
        words = _PUNCTUATION.sub(" ", " ".join(lines))
        return understood(tolerated=read_scope(words) | read_scope(words.replace(",", " ")), malformed=True)
    if right is None:
        return understood()
    bearers = [part for part in parsed if isinstance(part, Challenge) and part.is_bearer]
    values = [value for bearer in bearers for name, value in bearer.parameters if name == "scope"]
    alone = len(bearers) == 1
    differ = not alone and len({bearer.get("scope") for bearer in bearers}) > 1
    relied_on = {"first": bearers[0], "last": bearers[-1]}.get(several, right) if differ else right
    text = relied_on.get("scope")
    repeated = any(sum(name == "scope" for name, _ in bearer.parameters) > 1 for bearer in bearers)
    scope = None if text is None or repeated else parse_scope(text)
    return understood(
        scope=None if isinstance(scope, MalformedScope) else scope,
        tolerated=read_scope(" ".join(values)),
        repeats=read_scope(" ".join(values[1:])) - read_scope(values[0]) if alone and repeated else NO_SCOPES,
        disputed="A6" if text == "" else "A16" if differ else None,
        insufficient=status == 403 and seen.error == "insufficient_scope",
        names_metadata=any(bearer.get("resource_metadata") is not None for bearer in bearers),
    )


@dataclass(slots=True)
class PendingChallenge:
    """A 401 or 403 that awaits its answer: what it `says`, and what came of it.

    `refreshed` is whether a refresh was tried in answer. `renewed` is what had renewed the token just before, and
    `repeated` the same where the same 401 came again. `outdated` is whether it speaks of another token than the
    newest, as where calls overlap, and `insisted` whether it answers a request that was sent again after a 403 that
    asked for nothing.
    """

    operation: str
    says: Understood
    renewed: Renewal | None
    repeated: Renewal | None
    outdated: bool
    insisted: bool
    refreshed: bool = False


@dataclass(slots=True)
class Chain:
    """The authorization requests that one operation caused: in a row, and since it was last served.

    `named` is what the challenges of the row named; `grew` whether each named something new. `carried` is the token
    of its last request, `sent` whether that awaits its answer, and `forbidden` whether the last answer was a 403 that
    asked for nothing.
    """

    in_a_row: int = 0
    since_served: int = 0
    renewed: Renewal | None = None
    named: set[Scope] = field(default_factory=set)
    grew: bool = True
    asked: ScopeSet = NO_SCOPES
    lines: tuple[str, ...] = ()
    carried: str | None = None
    sent: bool = False
    forbidden: bool = False


Told = Literal["nothing", "explicit", "omitted", "both omitted", "refresh explicit", "refresh omitted"]
"""How the last token response spoke about scope."""


@dataclass(slots=True)
class Account:
    """What the wire says about one (issuer, resource): the three scope sets, the tokens, and their story.

    `requested` is None until a token was issued. `first` is the first request that led to a token, `widened`
    whether a later one asked for more. `ever` is all that was ever requested, or granted beyond that, and has a
    source, `invented` what had none; `heard` is what challenges named that caused no request, and `misheard` what
    their misreadings name. `earlier` is the grant before this one, `pending` the request that awaits its token, `leg`
    that request's grant type. `in_use` is whether the last call carried the newest token, and `retried` the operation
    for which that was issued, where one is known.
    """

    requested: ScopeSet | None = None
    granted: ScopeSet | None = None
    in_hand: ScopeSet | None = None
    earlier: ScopeSet | None = None
    first: ScopeSet = NO_SCOPES
    widened: bool = False
    ever: set[Scope] = field(default_factory=set)
    invented: set[str] = field(default_factory=set)
    heard: set[Scope] = field(default_factory=set)
    misheard: dict[str, Misreading] = field(default_factory=dict)
    told: Told = "nothing"
    reported_rightly: bool = False
    narrowed: ScopeSet | None = None

    pending: ScopeSet | None = None
    sourced: ScopeSet = NO_SCOPES
    malformed: bool = False
    grant_type: str | None = None
    leg: str | None = None

    access_token: str | None = None
    fresh: bool = False
    retried: str | None = None
    in_use: bool = False
    differed: bool = False
    rejected: bool = False
    expired: bool = False
    refresh_token: str | None = None
    replaced: set[str] = field(default_factory=set)
    outlived: set[str] = field(default_factory=set)

    refused: ScopeSet | None = None
    was_refused: bool = False
    failed: bool = False
    refresh_failed: bool = False
    restarted: bool = False
    just_issued_without_refresh_token: bool = False


@dataclass(slots=True)
class Resource:
    """What the wire says about one resource: its metadata, its pending challenge, its operations.

    `known` is whether its metadata was seen, `stale` whether a challenge pointed to it again since.
    """

    name: str | None
    listed: ScopeSet | None = None
    publishes_empty: bool = False
    known: bool = False
    stale: bool = False
    issuer: str | None = None
    challenge: PendingChallenge | None = None
    answered: PendingChallenge | None = None
    chains: dict[str, Chain] = field(default_factory=dict)
    account: Account | None = None


Situation = tuple[Literal["user", "machine"], Literal["initial", "step-up", "again"]]
"""For whom scopes are requested: for the first time, after insufficient_scope, or after a later 401."""


@dataclass(slots=True)
class Asking:
    """One request for scopes: `scope` as understood (None where it was left out), and all that bounds it.

    `answers` is the challenge that it answers, and `challenge` what that says. `configured` is what the caller
    configured, with the mode that the transcript declares, if it does. `raw` are the pieces of the parameter as
    sent, and `malformed` whether they are more than its scopes. `sourced` becomes what some source names: only that
    can be expected again.
    """

    scope: ScopeSet | None
    resource: Resource
    account: Account
    answers: PendingChallenge | None
    challenge: Understood | None
    grant_type: str
    header: Header
    configured: ScopeSet | None
    server_listed: ScopeSet | None
    foreign: set[Scope]
    registered: ScopeSet | None
    owners: dict[Scope, Account]
    reads_plain: set[Situation]
    raw: tuple[str, ...] = ()
    malformed: bool = False
    sourced: ScopeSet = NO_SCOPES

    @property
    def wanted(self) -> ScopeSet:
        """What is asked for: the empty set where the parameter was left out."""
        return self.scope if self.scope is not None else NO_SCOPES

    @property
    def situation(self) -> Situation:
        """Which of a client's rules is at work."""
        whom: Literal["user", "machine"] = "machine" if self.grant_type == CLIENT_CREDENTIALS else "user"
        if self.initial:
            return whom, "initial"
        return whom, "step-up" if self.challenge is not None and self.challenge.status == 403 else "again"

    @property
    def initial(self) -> bool:
        """Whether no token was ever issued here."""
        return self.account.requested is None

    @property
    def challenged(self) -> ScopeSet | None:
        """The challenge's scopes, where it names any that can be relied on."""
        return None if self.challenge is None else self.challenge.scope

    @property
    def listed(self) -> ScopeSet | None:
        """The resource metadata's scopes."""
        return self.resource.listed


def pieces(scope: WireScope) -> tuple[str, ...]:
    """A request's `scope` as sent, cut at each space."""
    if scope is None:
        return ()
    return tuple((scope if isinstance(scope, str) else " ".join(scope)).split(" "))


def wire_scopes(scope: WireScope) -> ScopeSet | None:
    """What a request's `scope` asks for, all of a repeated parameter, None where it says nothing."""
    if scope is None:
        return None
    return read_scope(scope if isinstance(scope, str) else " ".join(scope)) or None

"""Occasions: what a clause looks at. Each is frozen, and its antecedents have names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from types import MappingProxyType
from typing import ClassVar, Final, Literal, Self

from typing_extensions import override

from scope_model.events import (
    AUTHORIZATION_CODE,
    CLIENT_CREDENTIALS,
    JWT_BEARER,
    OFFLINE_ACCESS,
    TOKEN_EXCHANGE,
    AuthorizationRequest,
    ConfiguredMode,
    Header,
    TokenRequest,
)
from scope_model.scopes import NO_SCOPES, Scope, ScopeSet, same_scopes, scopes
from scope_spec import CLAUSES, Verdict

from .account import NEVER, Account, Attempts, PendingChallenge, Resource, ScopeRequest, Token
from .findings import HOLDS, Answer, Broken
from .misreadings import SEARCHING
from .parsed import ParsedChallenge

FEW: Final = 3
"""How many requests for scopes one call may cause: the bound of the official suite (RETRY-1)."""

ENDLESS: Final = 8
"""How many in a row show that there is no bound at all (RETRY-2)."""

ENOUGH: Final = 2
"""How many requests for scopes of one operation are enough to give up after them (STEP-2)."""

SURELY: Final = 2
"""How often a token request was refused before nothing about it can be new: a client authenticates in one of two ways.

In the header or in the body (RFC 6749 section 2.3.1); which it is, a client may have to find out, and nobody records.
"""

OFFLINE: Final = scopes(OFFLINE_ACCESS)
_LONGEST: Final = 200
_LONGEST_ERROR: Final = 80
_SHOWN: Final = 4

Whom = Literal["user", "machine", "enterprise"]
Situation = tuple[Whom, Literal["initial", "step-up", "again"]]
"""For whom scopes are requested: for the first time, after insufficient_scope, or after a later 401."""
_FOR: Final[Mapping[str, Whom]] = MappingProxyType({CLIENT_CREDENTIALS: "machine", TOKEN_EXCHANGE: "enterprise"})

Origin = Literal["known", "moved", "configured", "listed", "parent", "elsewhere", "server", "foreign", "nowhere"]
"""Where a requested scope is first named: before or by the challenge ("known"), or where else."""

Owner = Account | Resource | Literal["foreign"]
"""Who named a scope: an account by a request or a grant, a resource by a challenge, or a document of others."""

FOREIGN: Final = "foreign"
_NOWHERE: Final[Mapping[Owner, int]] = MappingProxyType({})


def listing(names: Iterable[Scope]) -> str:
    """The first few of some scopes, for a sentence; of one that is very long its beginning."""
    shown = list(islice(names, _SHOWN + 1))
    short = [name if len(name) <= _LONGEST else f"{name[:_LONGEST]}..." for name in shown[:_SHOWN]]
    return " ".join(short) + (" ..." if len(shown) > _SHOWN else "")


def missing(required: ScopeSet, wanted: ScopeSet) -> list[Scope]:
    """Some of what `wanted` lacks of `required`, without offline_access, which has clauses of its own."""
    if required <= wanted:
        return []
    lacking = (scope for scope in required if scope not in wanted and scope != OFFLINE_ACCESS)
    return list(islice(lacking, _SHOWN + 1))


def _lacking(wanted: ScopeSet, required: ScopeSet | None) -> list[Scope]:
    """What `wanted` lacks of `required`, in its order."""
    if required is None or required <= wanted:
        return []
    return [scope for scope in required if scope not in wanted]


def is_implied(scope: Scope, by: ScopeSet) -> bool:
    """Whether the shape of its name suggests that another scope implies it, as `a` does `a:read`."""
    return any(scope[:at] in by for at, letter in enumerate(scope) if letter in ":./")


@dataclass(eq=False)
class Occasion:
    """Something that a client did; `gravest` bounds the verdict."""

    gravest: ClassVar[Verdict] = "violates"

    @property
    def presumes_tokens(self) -> bool:
        """Whether what is said of it rests on calls being recorded with their tokens.

        It is then said once such a call was seen.
        """
        return False

    @property
    def otherwise(self) -> Iterator[Self]:
        """The same as it may be taken in other ways: the way that speaks best for the client is the right one."""
        yield from ()


@dataclass(eq=False)
class ScopesSent(Occasion):
    """A request that may carry a scope parameter."""

    request: ScopeRequest


@dataclass(eq=False)
class ResourceNamed(Occasion):
    """A request of a chain: the resource that it names, and the one that it should name, None where nothing says."""

    named: str | None
    right: str | None


@dataclass(eq=False)
class Registered(Occasion):
    """A client registration, and what of its scope only others name, None where there are no others."""

    header: Header
    grant_types: tuple[str, ...]
    strays: list[Scope] | None


@dataclass(eq=False)
class TokenShown(Occasion):
    """A token that is sent to somebody: by whom it was issued, and by whom those are that belong there."""

    kind: Literal["access-token", "refresh-token"]
    issuer: str
    right: tuple[str, ...]


@dataclass(eq=False)
class Called(Occasion):
    """A request to a resource: with which token, and what came of the operation so far.

    `same_call` is whether the application made the request before in the same call, None where nobody says, and `rests`
    whether something was served last, so that the token may have run out unseen.
    """

    account: Account | None
    access_token: str | None
    attempts: Attempts
    same_call: bool | None
    rests: bool

    @property
    @override
    def presumes_tokens(self) -> bool:
        return True

    @property
    def was_resent(self) -> int:
        """How often it was sent before with the same token, since that was answered with a 403."""
        return self.attempts.resent

    @property
    def follows_a_refusal(self) -> bool:
        """Whether it is the first since an authorization failed that cost nothing else, with a token in use."""
        account = self.account
        if account is None or account.token is None or account.token.state != "in use":
            return False
        if account.token.access_token is None:
            return False  # for all that is known there is none
        news = account.refused_at > max(account.called_at, account.token.issued_at, account.life.restarted_at)
        return news and account.refresh_failed_at < account.token.issued_at


@dataclass(eq=False)
class Settled(Occasion):
    """A challenge whose fate is known: it was answered by a request for scopes, or it was given up.

    `excused` is whether what the caller configured keeps the client from asking for more, `asked_before` how many
    requests for scopes it had made by then for other operations. `deceived` is whether its decoy is why it was given
    up, None as long as only the end can tell.
    """

    account: Account | None
    pending: PendingChallenge
    attempts: Attempts
    listed: ScopeSet | None
    excused: bool
    answered: bool
    asked_before: int
    deceived: bool | None = False

    gravest: ClassVar[Verdict] = "discouraged"  # giving up is permitted

    challenge: ParsedChallenge = field(init=False)
    """What it says."""
    can_be_met: bool = field(init=False)
    """Whether a client with a user and attempts left could have asked for what it names, and had not yet."""

    def __post_init__(self) -> None:
        """Name what every clause asks for."""
        self.challenge = self.pending.challenge
        self.can_be_met = self._can_be_met()

    @property
    def beyond(self) -> ScopeSet:
        """What it asks for that is surely not held; empty where that is unknown, or it asks for nothing."""
        challenge, held = self.challenge, self.pending.held
        if held is None or held.at_most is None:
            return NO_SCOPES
        if challenge.scope is not None:
            return challenge.scope - held.at_most
        names_nothing = challenge.insufficient and not challenge.unclear and self.listed is not None
        return self.listed - held.at_most - OFFLINE if names_nothing and self.listed is not None else NO_SCOPES

    def _can_be_met(self) -> bool:
        account, challenge = self.account, self.challenge
        if account is None or account.acts_for_itself or self.excused or self.pending.outdated:
            return False
        if not challenge.insufficient and (challenge.status != 401 or self.pending.renewed == "authorization"):
            return False
        before = 1 if self.answered else 0
        if self.attempts.since_served - before >= ENOUGH or account.refused_at > account.granted_at:
            return False
        beyond = self.beyond
        return len(beyond) > 0 and (self.answered or not beyond <= self.attempts.asked)

    @property
    def is_fair(self) -> bool:
        """Whether nothing but the client stood in the way, the spelling of the challenge neither."""
        return self.challenge.plain and self.can_be_met

    @property
    def is_implied(self) -> bool:
        """Whether the names of all that is asked for suggest that what is held implies them (A14)."""
        account = self.account
        return account is not None and all(is_implied(scope, account.in_hand.at_least) for scope in self.beyond)

    @property
    def deceit(self) -> str:
        """What its decoy is taken for, in a sentence."""
        return f"the challenge was not answered, as if its error were {(self.decoy or '')[:_LONGEST_ERROR]!r}"

    @property
    def seems_misread(self) -> bool:
        """Whether it was given up, and its decoy alone explains that: no spent patience, refresh or implied name."""
        pending = self.pending
        tried = pending.sent_again or pending.renewed is not None or self.attempts.since_served > 0
        if tried or pending.refreshed_at != NEVER or self.is_implied:
            return False
        return self.can_be_met and not self.answered and self.decoy is not None

    @property
    def decoy(self) -> str | None:
        """Another error than its own, that a search would find inside another value: all that is odd about it."""
        challenge = self.challenge
        if (
            not challenge.insufficient
            or challenge.plain
            or any(wrong is not SEARCHING for wrong, _ in challenge.misread)
        ):
            return None
        found = next((seen.error for _, seen in challenge.misread), None)
        return None if found is None or found.replace("\\", "").strip('"') == challenge.error else found


@dataclass(eq=False)
class CallOver(Occasion):
    """A call that is over: what was tried for it, and whether it was broken off, as it went on for ever."""

    attempts: Attempts
    broken_off: bool


@dataclass(eq=False)
class TokenTried(Occasion):
    """A token whose fate is known: the operation that it was issued for was sent with it, or was not."""

    token: Token

    @property
    @override
    def presumes_tokens(self) -> bool:
        return True


@dataclass(eq=False)
class CodeExchanged(Occasion):
    """The exchange of an authorization code, and what was authorized, None where nobody saw it."""

    request: ScopeRequest
    authorized: ScopeSet | None


@dataclass(eq=False)
class AssertionPresented(Occasion):
    """The last leg of an exchange, and what it leaves out of the challenge that the assertion carries."""

    lost: list[Scope]


@dataclass(eq=False)
class RefreshAsked(Occasion):
    """A refresh: what it asks for, the account that its token belongs to, and the challenge that it answers.

    `attempts` are those for the challenged operation, and `allowed` is how many refreshes one call may cause, where
    calls were written down, else None. `repeated` is how often it was refused before in the same call, None where no
    refresh was.
    """

    event: TokenRequest
    request: ScopeRequest
    account: Account
    answers: PendingChallenge | None
    attempts: Attempts | None
    allowed: int | None
    repeated: int | None
    meanwhile: bool

    def may_have_been_on_its_way(self, at: int) -> bool:
        """Whether it answers a challenge that came before another token did, as where two come at once."""
        return self.answers is not None and self.answers.at < at


@dataclass(eq=False)
class RefreshTried(Occasion):
    """A refresh in answer to a challenge for more scope, and what of that it could not bring."""

    lost: ScopeSet


Basis = Literal[
    "unseen",
    "explicit",
    "omitted",
    "nobody",
    "refresh omitted",
    "refresh omitted after a narrow one",
    "forgot since",
    "refused since",
]
"""What the right answer rests on, when a client is asked what it holds."""


@dataclass(eq=False)
class Reported(Occasion):
    """What a client says that it holds, None where it says that it does not know, and its account."""

    account: Account
    said: frozenset[str] | None

    @cached_property
    def is_right(self) -> bool:
        """Whether it can be what the grant, or the token in hand, carries."""
        known = (self.account.in_hand, self.account.granted)
        return self.said is not None and any(held.can_be(self.said) for held in known)

    @cached_property
    def basis(self) -> Basis:
        """What the right answer rests on."""
        account = self.account
        token_at = NEVER if account.token is None else account.token.issued_at
        if account.reported_at > max(account.granted_at, token_at):
            if max(account.refresh_failed_at, account.life.restarted_at) > account.reported_at:
                return "forgot since"
            if account.refused_at > account.reported_at:
                return "refused since"
        if account.told == "nothing":
            return "unseen"
        if account.told == "nobody" or account.refresh_told == "nothing":
            return account.told
        if account.refresh_told == "explicit":
            return "explicit"
        return "refresh omitted after a narrow one" if account.narrowed is not None else "refresh omitted"

    @property
    def was_told(self) -> bool:
        """Whether the right answer rests on what a response said, be it before something may have cost it."""
        if self.basis in ("forgot since", "refused since"):
            return self.account.told == "explicit" or self.account.refresh_told == "explicit"
        return self.basis == "explicit"

    @property
    def may_speak_of_the_last(self) -> bool:
        """Whether the newest token was never used, and came with an empty scope: no grammar has one (RFC 6749 A.4)."""
        account, token = self.account, self.account.token
        return token is not None and token.used_at == NEVER and account.granted.exact == NO_SCOPES

    @property
    def is_open(self) -> bool:
        """Whether what was granted can be more than one set, as where a response lists it with commas (A26)."""
        return self.account.granted.exact is None or len(self.account.in_hand.one_of) > 0

    @property
    def shown(self) -> str:
        """What it says, for a sentence."""
        if self.said is None:
            return "that it does not know"
        return listing(sorted(map(Scope, self.said))) or "no scope"

    @property
    def answer(self) -> Answer:
        """What a clause says of the report that rests on it."""
        if self.may_speak_of_the_last:
            return None
        if self.is_right or (self.said is None and self.is_open):
            return HOLDS
        known = self.account.granted.shown
        if known is None:
            known = self.account.in_hand.shown
        if known is None:
            return HOLDS if self.said is None else None
        cause = "wrong"
        if self.said is None:
            cause = "unknown-though-told" if self.was_told else "unknown"
        was = listing(known) or "no scope"
        return Broken(cause, f"what was granted is {was}, and the client reports {self.shown}")


@dataclass(eq=False)
class Asked(Occasion):
    """A request that selects scopes, and all that bounds it.

    `first` is whether no token was issued here before, None where nobody knows. `answers` is the challenge that it
    answers, `attempts` those for its operation, this one included, and `asked_last` what the one before asked for.
    `allowed` is how many one call may cause, where calls were written down, else None. `just_registered` is whether the
    client registered since the resource answered. `named` is who named each
    scope, and when. `may_answer` are the other challenges that it may answer.
    """

    header: Header
    event: AuthorizationRequest | TokenRequest
    request: ScopeRequest
    grant_type: str
    resource: Resource
    account: Account
    first: bool | None
    answers: PendingChallenge | None
    attempts: Attempts | None
    asked_last: ScopeSet
    allowed: int | None
    configured: ScopeSet | None
    mode: ConfiguredMode | None
    server_listed: ScopeSet | None
    registered: ScopeSet | None
    just_registered: bool
    named: Mapping[str, Mapping[Owner, int]]
    others_exist: bool
    any_foreign: bool
    follows_a_token_without_refresh: bool
    may_answer: tuple[PendingChallenge, ...] = ()
    is_first_if_tokens_are_seen: bool = False

    wanted: ScopeSet = field(init=False)
    """What is asked for: the empty set where the parameter was left out."""
    challenge: ParsedChallenge | None = field(init=False)
    """What the challenge says."""
    challenged: ScopeSet | None = field(init=False)
    """The challenge's scopes, where it names any that can be relied on."""
    unclear: bool = field(init=False)
    """Whether the challenge may be read to name scopes, or not."""
    listed: ScopeSet | None = field(init=False)
    """The resource metadata's scopes."""
    lost_challenged: list[Scope] = field(init=False)
    """What the challenge asks for, and the request does not."""
    lost_listed: list[Scope] = field(init=False)
    """What a first request that answers no scopes leaves out of the metadata's list."""
    surplus: Mapping[Origin, list[Scope]] = field(init=False)
    """What is asked for beyond what was named before or by the challenge, by where it is first named."""
    unsourced: list[Scope] = field(init=False)
    """What nothing at this place names: nobody can expect to see it asked for again."""
    has_no_source: bool = field(init=False)
    """Whether it is a first request, and neither challenge nor metadata names a scope."""
    accumulates: bool = field(init=False)
    """Whether what was had before is to be asked for again: at this revision, and in this account."""
    number: int = field(init=False)
    """The how manieth request for one call it is, or for one operation in a row where no calls are known."""

    def __post_init__(self) -> None:
        """Name what nearly every clause asks for."""
        self.wanted = wanted = self.request.wanted
        self.listed = self.resource.listed
        self.challenge = challenge = None if self.answers is None else self.answers.challenge
        self.challenged = None if challenge is None else challenge.scope
        self.unclear = challenge is not None and challenge.unclear
        self.lost_challenged = _lacking(wanted, self.challenged)
        silent = self.first and self.challenged is None and not self.unclear
        self.lost_listed = _lacking(wanted, self.listed) if silent else []
        origins = self._origins()
        self.surplus = self._surplus(origins) if origins else origins
        # Where not all was seen, what names a scope may be what was not.
        known = origins if self.history_known else _NO_SURPLUS
        self.unsourced = [scope for origin in _UNSOURCED for scope in known.get(origin, ())] if known else []
        lists_nothing = self.listed is None and not self.resource.parent_listed
        self.has_no_source = bool(silent) and lists_nothing and not self.request.malformed
        self.accumulates = self.account.requested is not None and CLAUSES["ACC-1"].binds_at(self.header.revision)
        tried = self.attempts
        self.number = 1 if tried is None else tried.in_a_row if self.allowed is None else tried.in_call

    @property
    @override
    def presumes_tokens(self) -> bool:
        return self.is_first_if_tokens_are_seen

    @property
    @override
    def otherwise(self) -> Iterator[Self]:
        challenged = self.challenged if self.history_known else None
        read = [scope for scope in challenged or () if scope in self.wanted and self.is_new(scope)]
        for answers in self.may_answer:
            if not answers.challenge.may_name(read):
                continue  # the one that it fits best was read
            tried = self.resource.attempt(answers.operation)
            yield replace(self, answers=answers, attempts=tried, asked_last=tried.asked, may_answer=())

    @property
    def refused(self) -> ScopeSet | None:
        """What was asked for and refused just before, with no answer of the resource since."""
        return self.account.refused if self.account.refused_at > self.resource.responded_at else None

    @property
    def authenticates_itself(self) -> bool:
        """Whether it goes to the token endpoint, with a client authentication that is not seen."""
        return isinstance(self.event, TokenRequest)

    @property
    def may_have_been_on_its_way(self) -> bool:
        """Whether it may answer a challenge of its own, that came before another request was refused."""
        answered = [self.answers, *self.may_answer]
        return any(each is not None and each.times <= 1 and each.at < self.account.refused_at for each in answered)

    @property
    def answers_401(self) -> bool:
        """Whether it answers a 401, which may be read as a first handshake (A8)."""
        return self.challenge is not None and self.challenge.status == 401

    @property
    def selects(self) -> bool:
        """Whether this revision says how scopes are selected."""
        return CLAUSES["CHAL-1"].binds_at(self.header.revision)

    @property
    def history_known(self) -> bool:
        """Whether all that was requested and granted here before was seen: else nothing is too much."""
        requested = self.account.requested
        return self.first is not None and (requested is None or requested.at_most is not None)

    @property
    def situation(self) -> Situation:
        """Which of a client's rules is at work."""
        whom = _FOR.get(self.grant_type, "user")
        if self.account.requested is None:
            return whom, "initial"
        return whom, "step-up" if self.challenge is not None and self.challenge.status == 403 else "again"

    # --- the lower bounds ---

    @property
    def is_configured(self) -> bool:
        """Whether the request is what the caller configured, or part of it."""
        if self.configured is None or self.request.scope is None:
            return False
        return self.wanted <= self.configured or self.wanted - OFFLINE <= self.configured

    @property
    def is_excused(self) -> bool:
        """Whether what the caller configured may be what keeps it from asking for more."""
        return self.mode in ("override", None) and self.is_configured

    def _supported(self, had: ScopeSet) -> ScopeSet:
        """What of some scopes the caller supports: all, where it declares no ceiling."""
        return had & self.configured if self.mode == "ceiling" and self.configured is not None else had

    @property
    def was_asked_in_vain(self) -> bool:
        """Whether all that is to be asked for just was, and was refused, so that less is another way out (STEP-1)."""
        needed, refused = self.challenged if self.challenged is not None else self.listed, self.refused
        if refused is None and self.answers is not None and self.answers is self.resource.in_vain:
            refused = self.asked_last
        return refused is not None and needed is not None and needed <= refused

    @property
    def asks_for_more_than_was_granted(self) -> bool:
        """Whether it asks for some of the challenge that was surely not granted before."""
        wanted = (self.challenged or NO_SCOPES) & self.wanted
        return self.account.granted.surely_lacks_some(wanted)

    @property
    def takes_the_list_instead(self) -> bool:
        """Whether it asks for something new that the metadata lists, and not for all of the challenge."""
        listed, challenged = self.listed, self.challenged
        if listed is None or challenged is None or not self.lost_challenged:
            return False
        return any(scope in listed and scope not in challenged and not self.was_had(scope) for scope in self.wanted)

    @property
    def heeds_what_is_plain(self) -> bool:
        """Whether it asks for all that a plain challenge names, some of which nothing else named before."""
        challenge, challenged = self.challenge, self.challenged
        if challenge is None or not challenge.plain or challenged is None or self.lost_challenged:
            return False
        return any(self.is_new(scope) for scope in challenged)

    @property
    def is_left_to_policy(self) -> bool:
        """Whether an exchange names no scope, and what an exchange brought before is not known to fall short (A31)."""
        if self.grant_type != TOKEN_EXCHANGE or self.request.wire is not None or self.challenge is None:
            return False
        account = self.account
        falls_short = self.challenge.insufficient or account.granted.surely_lacks_some(self.challenged or NO_SCOPES)
        return account.grant_type != JWT_BEARER or not falls_short

    @property
    def repeats_the_last(self) -> bool:
        """Whether no scopes were challenged, and the request is that of the last grant again."""
        account = self.account
        if self.challenged is not None or account.told in ("nothing", "unseen"):
            return False
        renews = self.challenge is None or (
            account.asked is None and (self.challenge.status == 401 or self.grant_type == TOKEN_EXCHANGE)
        )
        return renews and same_scopes(self.wanted, account.asked or NO_SCOPES)

    @cached_property
    def lost_granted(self) -> list[Scope]:
        """What was surely granted before, has a source, and is not asked for again."""
        if self.account.requested is None:
            return []
        granted = self.account.granted
        lost = missing(self._supported(granted.at_least), self.wanted)
        choices = [missing(self._supported(choice), self.wanted) for choice in granted.one_of]
        if choices and all(choices):
            lost = choices[0]
        if not lost or self.repeats_the_last:
            return []
        return [scope for scope in lost if scope not in self.account.invented]

    @cached_property
    def lost_requested(self) -> list[Scope]:
        """What was surely requested before, by a client that remembers, and is not asked for again."""
        requested = self.account.requested
        if requested is None or self.account.restarted:
            return []
        lost = missing(self._supported(requested.at_least), self.wanted)
        return [] if lost and self.repeats_the_last else lost

    @property
    def lost_aborted(self) -> list[Scope]:
        """What was requested in vain since the last grant, and is not asked for again (A19)."""
        aborted = self.account.aborted
        return [] if self.account.restarted or not aborted else missing(self._supported(aborted), self.wanted)

    # --- the upper bounds ---

    def _origins(self) -> Mapping[Origin, list[Scope]]:
        found: dict[Origin, list[Scope]] = {}
        named = self.listed if self.challenged is None else self.challenged
        if named is not None and self.wanted <= named:
            return found
        for scope in self.wanted:
            if scope != OFFLINE_ACCESS and (origin := self.origin(scope)) != "known":
                found.setdefault(origin, []).append(scope)
        if "server" in found and self._takes_the_servers_list(found.get("moved", [])):
            found["server"] += found.pop("moved", [])
        return found

    def _takes_the_servers_list(self, moved: list[Scope]) -> bool:
        """Whether all of the server's list is asked for, which then explains what was challenged elsewhere, too."""
        listed = self.server_listed or NO_SCOPES
        return listed <= self.wanted | OFFLINE and all(scope in listed for scope in moved)

    def _surplus(self, origins: Mapping[Origin, list[Scope]]) -> Mapping[Origin, list[Scope]]:
        if not self.history_known:
            return _NO_SURPLUS
        if self.selects and (self.lost_challenged or self.lost_listed) and not self.was_asked_in_vain:
            # What was asked for in place of what is required is no fault of its own.
            return {origin: names for origin, names in origins.items() if origin == "foreign"}
        return origins

    def origin(self, scope: Scope) -> Origin:
        """Where a scope is first named."""
        places = self.named.get(scope, _NOWHERE)
        if self.account in places or places.get(self.resource, NEVER) == self.resource.epoch:
            return "known"
        if scope in self.account.invented:
            return "known"  # and was found when it was first asked for
        if self._challenge_names(scope):
            return "known"
        if self.configured is not None and scope in self.configured and self.mode != "none":
            bound = self.challenged if self.challenged is not None else self.listed
            return "known" if bound is None or scope in bound else "configured"
        if self.listed is not None and scope in self.listed and self.challenged is None:
            return "known"
        return self._origin_afar(scope, places)

    def _challenge_names(self, scope: Scope) -> bool:
        challenge = self.challenge
        if challenge is None:
            return False
        return scope in challenge.tolerated or (challenge.scope is not None and scope in challenge.scope)

    def _origin_afar(self, scope: Scope, places: Mapping[Owner, int]) -> Origin:
        if self.resource in places:
            return "moved"
        if self.listed is not None and scope in self.listed:
            return "listed"
        if self.resource.parent_listed is not None and scope in self.resource.parent_listed:
            return "parent"
        if self.server_listed is not None and scope in self.server_listed:
            return "server"
        if self.configured is not None and scope in self.configured:
            return "configured"
        if scope in self.resource.misread:
            return "nowhere"  # a text in one of its own headers is nearer than who else names a scope like it
        if len(places) > (FOREIGN in places):
            return "elsewhere"
        return "foreign" if FOREIGN in places else "nowhere"

    def was_had(self, scope: Scope) -> bool:
        """Whether a scope was asked for or granted here before."""
        return self.account in self.named.get(scope, _NOWHERE) or scope in self.account.invented

    def is_new(self, scope: Scope) -> bool:
        """Whether nothing but the challenge explains that a scope is asked for."""
        if self.was_had(scope):
            return False
        return not any(
            known is not None and scope in known for known in (self.listed, self.server_listed, self.configured)
        )

    def joins(self, names: Iterable[Scope]) -> bool:
        """Whether these surely stand beside a challenge's scopes, not in their place: it is spelled plainly.

        What the caller configured may come from there.
        """
        if self.challenged is None or self.challenge is None or not self.challenge.plain:
            return False
        return self.configured is None or not any(scope in self.configured for scope in names)

    @property
    def offline_is_named(self) -> bool:
        """Whether offline_access is a scope like any other here: challenged, listed, configured, or had before."""
        if not self.history_known:
            return True
        for known in (self.listed, self.configured, self.resource.parent_listed):
            if known is not None and OFFLINE_ACCESS in known:
                return True
        return self.origin(Scope(OFFLINE_ACCESS)) in ("known", "moved")

    # --- the number of requests ---

    @property
    def could_refresh(self) -> bool:
        """Whether a refresh token that stayed in use would have done, as nothing is asked for but a new token."""
        account, answers = self.account, self.answers
        if self.grant_type != AUTHORIZATION_CODE or not account.has_kept_its_refresh_token or self.unclear:
            return False
        if self.resource.epoch > 0:  # a grant elsewhere may have taken its place, where one is kept for each resource
            return False
        if not (self.wanted - OFFLINE) | (self.challenged or NO_SCOPES) <= account.granted.at_least:
            return False
        expired = account.token is not None and account.token.state == "expired"
        if answers is None:
            return expired
        if answers.at < account.refresh_kept_at:
            return False  # the refresh was for another challenge, that came at the same time
        # Who knows that its token expired does not send it.
        current = expired or not answers.outdated
        return self.answers_401 and answers.renewed is None and answers.refreshed_at == NEVER and current

    @property
    def is_again(self) -> bool:
        """Whether the call caused a request before."""
        return self.attempts is not None and self.attempts.in_a_row > 1

    @property
    def is_covered(self) -> bool:
        """Whether the call caused a request before, and the token carries what the challenge asks for all the same."""
        challenge = self.challenge
        if not self.is_again or challenge is None or not challenge.insufficient or challenge.scope is None:
            return False
        token = self.account.token
        came_since = token is not None and self.answers is not None and self.answers.at > token.issued_at
        return came_since and challenge.scope <= self.account.in_hand.at_least | OFFLINE

    @property
    def unseen(self) -> ScopeSet:
        """The scopes that were asked for or granted here before, and that no token shows: offline_access."""
        return OFFLINE if all(map(self.was_had, OFFLINE)) else NO_SCOPES


_NO_SURPLUS: Final[Mapping[Origin, list[Scope]]] = MappingProxyType({})
_UNSOURCED: Final[tuple[Origin, ...]] = ("elsewhere", "foreign", "nowhere")

OCCASIONS: Final[tuple[type[Occasion], ...]] = (
    Asked,
    AssertionPresented,
    Called,
    CallOver,
    CodeExchanged,
    RefreshAsked,
    RefreshTried,
    Registered,
    Reported,
    ResourceNamed,
    ScopesSent,
    Settled,
    TokenShown,
    TokenTried,
)
"""Every kind of occasion."""

"""Transcripts of clients that conform: every choice that the documents leave to a client is drawn, and no other.

A client here is a set of habits, and what it knows. A call of the application is a generator that stops where
something else may happen, so that calls overlap. Nothing is shared with the reference model but the vocabulary.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass, field, replace
from typing import Final, Literal, TypeVar

from conforming_challenges import Heading, Scopes
from conforming_servers import AuthorizationServer, ResourceServer, Tokens, join
from draws import Draws
from scope_model.events import (
    AUTHORIZATION_CODE,
    CLIENT_CREDENTIALS,
    JWT_BEARER,
    OFFLINE_ACCESS,
    REFRESH_TOKEN,
    TOKEN_EXCHANGE,
    AuthorizationRequest,
    CallEnded,
    CallStarted,
    ClientRegistration,
    ClientReported,
    ClientRestarted,
    ConfiguredMode,
    Event,
    ResourceRequest,
    ResourceResponse,
    TokenRequest,
    TokenResponse,
)
from scope_model.scopes import MalformedScope, parse_scope
from scope_spec import Revision

Answer = TypeVar("Answer")
Steps = Generator[None, None, Answer]
"""Something that takes time: it yields where other calls may go on, and ends with its answer."""

Occasion = Literal["first", "again", "step-up", "unprompted"]

FEW: Final = 3
IDENTITY_PROVIDER: Final = "https://idp.example"


@dataclass(slots=True)
class Account:
    """What the client knows of one issuer and resource: None is unknown. `token` and `refresh_token` it holds."""

    requested: Scopes = ()
    granted: Scopes | None = ()
    held: Scopes | None = ()
    token: str | None = None
    refresh_token: str | None = None
    known: bool = False
    stated: bool = False
    expired: bool = False
    from_before: bool = False

    @property
    def asked_or_granted(self) -> Scopes:
        """Everything known to have been asked for or granted."""
        return join(self.requested, self.granted)


@dataclass(slots=True)
class Place:
    """A resource as the client sees it. `heard` are scopes of challenges that caused no request."""

    server: ResourceServer
    issuer: str
    name: str
    listed: Scopes | None = None
    fetched: bool = False
    heard: Scopes = ()
    busy: bool = False
    deferred: tuple[Call, Heading] | None = None
    accounts: dict[str, Account] = field(default_factory=dict)
    attempts: Counter[str] = field(default_factory=Counter)
    tried: set[str] = field(default_factory=set)
    open: dict[str, Scopes] = field(default_factory=dict)
    refusals: int = 0
    refused: dict[frozenset[str], int] = field(default_factory=dict)
    sent: bool = False
    served: bool = False

    @property
    def account(self) -> Account:
        """The account at the issuer that the client believes in."""
        return self.accounts.setdefault(self.issuer, Account())


@dataclass(slots=True)
class Call:
    """A call of the application, and what was done for it so far."""

    at: Place
    operation: str
    number: int
    renewed: bool = False
    refreshed: bool = False
    resent: bool = False
    refusals: int = 0


@dataclass(frozen=True, slots=True)
class Habits:
    """What a client does in the same way each time, drawn once."""

    revision: Revision
    grant_type: str
    wants_refresh_token: bool | None
    configured: Scopes | None
    mode: ConfiguredMode | None
    fetches: str
    offline: str
    order: str
    sources: str
    keeps_declined: bool
    keeps_failed: bool
    forgets_requested: bool
    accumulates: bool
    reads_commas: bool
    counts_per_call: bool
    renews_unasked: bool
    sure: bool
    speaks_of_calls: bool
    reports: bool
    at_once: int
    queues: bool

    @classmethod
    def draw(cls, draws: Draws, revision: Revision, vocabulary: Scopes) -> Habits:
        """Any client of this revision."""
        mode = draws.one_of("configured", no=64, none=4, fallback=10, override=8, ceiling=8, undeclared=6)
        configured = None if mode == "no" else draws.some_of(vocabulary, 0.6) or vocabulary[:1]
        grant_type = draws.one_of("grant type", authorization_code=76, client_credentials=16, token_exchange=8)
        if grant_type == "token_exchange" and revision < "2025-11-25":
            grant_type = AUTHORIZATION_CODE
        queues = not draws.whether("asks for several tokens at once", 0.1)
        return cls(
            revision=revision,
            grant_type=grant_type,
            wants_refresh_token=draws.any_of((None, True, True, False)),
            configured=configured,
            mode=None if mode in ("no", "undeclared") else mode,  # type: ignore[arg-type]  # the words are the modes
            fetches=draws.one_of("metadata fetched", each=50, once=35, before=15),
            offline=draws.one_of("offline_access", each=40, once=20, never=40),
            order=draws.one_of("order", seen=60, sorted=20, any=20),
            sources=draws.one_of("sources before 2025-11-25", challenge=50, metadata=20, all=10, any=20),
            keeps_declined=draws.whether("declined scopes are asked for again", 0.6) or not queues,
            keeps_failed=draws.whether("failed requests are remembered", 0.2),
            forgets_requested=draws.whether("requests are forgotten at a restart", 0.5),
            accumulates=revision == "2026-07-28" or draws.whether("union before 2026-07-28", 0.5),
            reads_commas=draws.whether("commas are read as separators", 0.5),
            counts_per_call=draws.whether("attempts are counted per call", 0.3),
            renews_unasked=draws.whether("renews before it is asked to", 0.5),
            sure=draws.whether("sure of what it holds", 0.8),
            speaks_of_calls=draws.whether("calls are written down", 0.5),
            reports=draws.whether("reports", 0.5),
            at_once=draws.any_of((1, 1, 1, 2, 3)),
            queues=queues,
        )

    @property
    def selects(self) -> bool:
        """Whether the revision has a scope selection strategy."""
        return self.revision >= "2025-11-25"

    @property
    def has_user(self) -> bool:
        """Whether somebody can be asked for consent."""
        return self.grant_type == AUTHORIZATION_CODE


class Client:
    """A client that conforms, in a world of servers; `events` is what its recorder wrote down."""

    def __init__(self, draws: Draws, habits: Habits, tokens: Tokens) -> None:
        self.draws = draws
        self.habits = habits
        self.tokens = tokens
        self.servers: dict[str, AuthorizationServer] = {}
        self.places: list[Place] = []
        self.events: list[Event] = []
        self.calls = 0
        self._read: set[str] = set()
        self._lists_offline: dict[str, bool] = {}
        self._listed: dict[str, Scopes | None] = {}
        self._registered: set[str] = set()
        self._stepped_up = False
        self._gave_up = False

    # --- calls ------------------------------------------------------------------------------------

    def call(self, at: Place, operation: str) -> Steps[None]:
        """What the application asks for, from its beginning to its end."""
        self.calls += 1
        call = Call(at, operation, self.calls)
        if self.habits.speaks_of_calls:
            self.events.append(CallStarted(call.number, operation, at.server.url))
        served = yield from self._served(call)
        if self.habits.speaks_of_calls:
            outcome = "served" if served else self.draws.any_of(("failed", "unauthorized", None))
            self.events.append(CallEnded(call.number, outcome))

    def _served(self, call: Call) -> Steps[bool]:
        at = call.at
        if at.account.expired:
            yield from self._renew_unasked(call)
        while True:
            token = at.account.token
            self._send(call, token)
            yield
            status, heading = at.server.answer(call.operation, token)
            self.events.append(ResourceResponse(call.operation, status, heading.lines, at.server.url))
            if heading.scope and status in (401, 403):
                at.open[call.operation] = heading.scope
            at.served = status == 200
            yield
            if status == 200:
                at.attempts[self._counted_as(call)] = 0
                at.tried.discard(call.operation)
                return True
            again = yield from self._answer(call, status, self._understood(heading), token)
            if not again:
                return False

    def _counted_as(self, call: Call) -> str:
        """Attempts are counted for each operation, and by some clients for each call of it (A17)."""
        alone = self.habits.counts_per_call and self.habits.speaks_of_calls
        return f"{call.operation} {call.number}" if alone else call.operation

    def _send(self, call: Call, token: str | None) -> None:
        at = call.at
        at.open.pop(call.operation, None)
        if at.deferred is not None and at.deferred[0].operation == call.operation:
            at.deferred = None
        at.sent = at.sent or token is not None
        call.refusals = at.refusals
        self.events.append(ResourceRequest(call.operation, token, at.server.url))

    def _understood(self, heading: Heading) -> Heading:
        """What the client makes of a header that need not be understood."""
        if heading.malformed and not self.draws.whether("malformed header understood", 0.3):
            return Heading(heading.lines)
        if heading.doubtful and self.draws.whether("repeated parameter not understood", 0.5):
            return replace(heading, scope=None)
        return heading

    def _answer(self, call: Call, status: int, heading: Heading, token: str | None) -> Steps[bool]:
        """Do what a response asks for; True where the call is worth another try."""
        if status == 401:
            return (yield from self._unauthorized(call, heading, token))
        if status == 403 and heading.error == "insufficient_scope":
            return (yield from self._insufficient(call, heading, token))
        if status >= 500 and not call.resent and self.draws.whether("resent after a server error", 0.3):
            call.resent = True
            return True
        return False

    def _unauthorized(self, call: Call, heading: Heading, token: str | None) -> Steps[bool]:
        at = call.at
        if token is not None and call.renewed:
            self.draws.taken["second 401 surfaced"] += 1
            return False  # CHAL-8
        if self.draws.whether("401 given up", 0.05) and self._may_give_up(at):
            at.heard = join(at.heard, heading.scope)
            return False
        yield from self._take(at)
        try:
            if self._newer(at, token):
                return True
            yield from self._look_up(at, heading)
            if self._newer(at, token):
                return True
            return (yield from self._renewed(call, heading, token))
        finally:
            at.busy = False

    def _renewed(self, call: Call, heading: Heading, token: str | None) -> Steps[bool]:
        account = call.at.account
        call.renewed = token is not None
        within = account.granted is None or set(heading.scope or ()) <= set(account.granted)
        if account.refresh_token is not None and within and self.draws.whether("401 answered by a refresh", 0.8):
            call.renewed = True
            if (yield from self._refresh(call.at)):
                call.at.heard = join(call.at.heard, heading.scope)
                return True
            if self.draws.whether("rejected token forgotten", 0.5):
                account.token = None
            if self.draws.whether("failed refresh surfaced", 0.2):
                return False
        return (yield from self._obtain(call, heading, "again" if account.known else "first"))

    def _insufficient(self, call: Call, heading: Heading, token: str | None) -> Steps[bool]:
        at = call.at
        if at.account.token in (None, token) and not self._can_help(call, heading):
            return False
        if self._gives_up(call, heading):
            return False
        yield from self._take(at)
        try:
            if self._newer(at, token) and self.draws.whether("tried again with the newer token", 0.8):
                return True
            yield from self._look_up(at, heading)
            if self._refresh_can_help(call, heading) and self.draws.whether("403 answered by a refresh", 0.7):
                call.refreshed = True
                if (yield from self._refresh(at)):
                    at.heard = join(at.heard, heading.scope)
                    return True
            if not self._can_help(call, heading):
                return self._newer(at, token)
            return (yield from self._obtain(call, heading, "step-up" if at.account.known else "first"))
        finally:
            at.busy = False

    def _newer(self, at: Place, token: str | None) -> bool:
        """Whether there is another token by now than the one that was sent."""
        newer = at.account.token not in (None, token)
        self.draws.taken["another call brought a token"] += newer
        return newer

    def _can_help(self, call: Call, heading: Heading) -> bool:
        """Whether another request can change anything (RETRY-3)."""
        account = call.at.account
        if heading.scope is None or account.held is None or not set(heading.scope) <= set(account.held):
            return True
        return call.operation not in call.at.tried and self.draws.whether("prompt for what is held", 0.3)

    def _refresh_can_help(self, call: Call, heading: Heading) -> bool:
        """Whether the grant covers what the token lacks (STEP-6)."""
        account = call.at.account
        if call.refreshed or account.refresh_token is None or account.granted is None or account.held is None:
            return False
        named = set(heading.scope or ())
        return bool(named) and named <= set(account.granted) and not named <= set(account.held)

    def _gives_up(self, call: Call, heading: Heading) -> bool:
        """Whether the application is told, and nothing else is done: seldom, where there is a user (STEP-2)."""
        chance = 0.1 if self.habits.has_user else 0.3
        if not self.draws.whether("403 given up", chance) or not self._may_give_up(call.at):
            return False
        call.at.heard = join(call.at.heard, heading.scope)
        if self.draws.whether("challenge answered later", 0.5):
            call.at.deferred = (call, heading)
        return True

    def _may_give_up(self, at: Place) -> bool:
        if not self.habits.has_user or self._stepped_up:
            return True
        if not at.account.known:  # no step-up, but a first handshake
            return True
        allowed, self._gave_up = not self._gave_up, True
        return allowed

    def _take(self, at: Place) -> Steps[None]:
        while at.busy and self.habits.queues:
            yield
        at.busy = True

    # --- metadata and registration ----------------------------------------------------------------

    def _look_up(self, at: Place, heading: Heading | None) -> Steps[None]:
        """Fetch the metadata that a challenge points to, and that of the authorization server (META-4)."""
        if self.habits.revision >= "2025-06-18":
            again = self.habits.fetches == "each" or (
                heading is not None and heading.metadata and self.draws.whether("metadata fetched again", 0.7)
            )
            if again or not at.fetched:
                yield from self._fetch(at)
        if at.issuer not in self._read or self.draws.whether("server metadata read again", 0.2):
            for document in self.servers[at.issuer].documents():
                self.events.append(document)
                if document.issuer == at.issuer:
                    self._listed[at.issuer] = document.scopes_supported
                    self._lists_offline[at.issuer] = OFFLINE_ACCESS in (document.scopes_supported or ())
            self._read.add(at.issuer)
            yield

    def _fetch(self, at: Place) -> Steps[None]:
        at.fetched, at.listed = True, None
        for document in at.server.documents():
            self.events.append(document)
            if document.resource != at.server.published:
                continue  # META-3
            at.listed, at.name = document.scopes_supported or None, at.server.published
            if document.authorization_servers and at.issuer not in document.authorization_servers:
                self.draws.taken["moved"] += 1
                at.issuer = self.draws.any_of(document.authorization_servers)
        yield

    def _register(self, at: Place, selected: Scopes) -> None:
        if at.issuer in self._registered or not self.draws.whether("registration", 0.7):
            return
        self._registered.add(at.issuer)
        scope = self.draws.any_of((None, selected, join(selected, at.server.vocabulary), at.server.vocabulary[:1]))
        own = (TOKEN_EXCHANGE, JWT_BEARER) if self.habits.grant_type == "token_exchange" else (self.habits.grant_type,)
        grant_types: Scopes | None = own
        if self.habits.wants_refresh_token or self.draws.whether("registers for refresh tokens", 0.5):
            grant_types = (*own, REFRESH_TOKEN)
        elif self.draws.whether("registers no grant types", 0.2):
            grant_types = None
        self.events.append(ClientRegistration(" ".join(scope) if scope else None, grant_types, at.issuer))

    # --- which scopes -----------------------------------------------------------------------------

    def _select(self, at: Place, heading: Heading | None, occasion: Occasion) -> Scopes | None:
        """The scopes to ask for, empty where the parameter is left out; None where asking cannot help."""
        challenged = None if heading is None else heading.scope
        chosen = self._chosen(at, challenged, occasion)
        if chosen is None:
            return None
        heeded = challenged is not None and set(challenged) <= set(chosen)
        if heeded and at.heard and self.draws.whether("joined an earlier challenge", 0.3):
            chosen = join(chosen, at.heard)
        limited = self._limited(chosen, challenged)
        return None if limited is None else self._ordered(limited)

    def _chosen(self, at: Place, challenged: Scopes | None, occasion: Occasion) -> Scopes | None:
        if self.habits.mode == "override" and occasion != "step-up":
            return self.habits.configured
        if not self.habits.selects:
            return self._from_any_source(at, challenged)
        if occasion == "first":
            return self._at_first(at, challenged)
        if occasion == "step-up":
            return self._at_step_up(at, challenged)
        prior = self._prior(at) if self.habits.accumulates else ()
        return join(prior, challenged) if prior else self._at_first(at, challenged)

    def _at_first(self, at: Place, challenged: Scopes | None) -> Scopes:
        """The challenge, else the metadata, else what was configured, else nothing (SEL-1 to SEL-3)."""
        chosen = challenged or at.listed
        if chosen is None and self.habits.mode in (None, "fallback"):
            chosen = self.habits.configured
        return chosen or ()

    def _at_step_up(self, at: Place, challenged: Scopes | None) -> Scopes | None:
        prior = self._prior(at) if self.habits.accumulates or self.draws.whether("union now and then", 0.2) else ()
        if challenged is None:
            wider = join(prior, at.listed)
            held = at.account.held
            return wider if wider and (held is None or not set(wider) <= set(held)) else None
        if at.listed and self.draws.whether("metadata joined at a step-up", 0.05):
            return join(prior, challenged, at.listed)
        return join(prior, challenged)

    def _prior(self, at: Place) -> Scopes:
        """What was requested and granted before; what was declined is asked for again, or not (A2)."""
        account = at.account
        if account.granted is not None and not self.habits.keeps_declined:
            return account.granted
        return account.asked_or_granted

    def _from_any_source(self, at: Place, challenged: Scopes | None) -> Scopes:
        """Before 2025-11-25 no document says which source to prefer."""
        sources = self.habits.sources
        if sources == "any":
            sources = self.draws.any_of(("challenge", "metadata", "all", "configured", "server", "none"))
        prior = self._prior(at) if self.habits.accumulates else ()
        match sources:
            case "challenge":
                return join(prior, challenged or at.listed)
            case "metadata":
                return join(prior, at.listed or challenged)
            case "configured":
                return join(prior, self.habits.configured if self.habits.mode != "none" else None)
            case "server":
                return join(prior, self._listed.get(at.issuer))
            case "none":
                return prior
            case _:
                return join(prior, challenged, at.listed)

    def _limited(self, chosen: Scopes, challenged: Scopes | None) -> Scopes | None:
        """Not beyond a ceiling (A11)."""
        if self.habits.mode != "ceiling" or self.habits.configured is None:
            return chosen
        within = tuple(scope for scope in chosen if scope in self.habits.configured)
        if not within or (set(challenged or ()) - set(within) and self.draws.whether("beyond the ceiling", 0.6)):
            return None
        return within

    def _ordered(self, chosen: Scopes) -> Scopes:
        if self.habits.order == "sorted":
            return tuple(sorted(chosen))
        return self.draws.shuffled(chosen) if self.habits.order == "any" else chosen

    def _with_offline_access(self, at: Place, chosen: Scopes) -> Scopes:
        """Add offline_access where a refresh token is wanted and the server lists the scope (OFFLINE-1)."""
        habit = self.habits.offline
        if habit == "never" or self.habits.wants_refresh_token is False or not self._lists_offline.get(at.issuer):
            return chosen
        if self.habits.grant_type != AUTHORIZATION_CODE or (habit == "once" and at.account.known):
            return chosen
        if not chosen and not self.draws.whether("offline_access alone", 0.1):
            return chosen
        self.draws.taken["offline_access added"] += 1
        return join(chosen, (OFFLINE_ACCESS,))

    # --- the authorization server -----------------------------------------------------------------

    def _obtain(self, call: Call, heading: Heading | None, occasion: Occasion) -> Steps[bool]:
        """Ask for a token with the scopes that the occasion calls for; True where one came."""
        at = call.at
        if at.attempts[self._counted_as(call)] >= FEW:
            self.draws.taken["attempts used up"] += 1
            return False
        chosen = self._select(at, heading, occasion)
        if chosen is None:
            return False
        self.draws.taken[f"asked: {occasion}"] += 1
        self._stepped_up = self._stepped_up or occasion == "step-up"
        at.attempts[self._counted_as(call)] += 1
        at.tried.add(call.operation)
        at.open.pop(call.operation, None)
        self._register(at, chosen)
        match self.habits.grant_type:
            case "client_credentials":
                return (yield from self._present_credentials(call, chosen))
            case "token_exchange":
                return (yield from self._exchange(call, chosen))
            case _:
                return (yield from self._authorize(call, heading, chosen))

    def _authorize(self, call: Call, heading: Heading | None, chosen: Scopes) -> Steps[bool]:
        at = call.at
        asked = self._with_offline_access(at, chosen)
        if self._was_refused(call, asked):
            return False
        error = yield from self._consent(at, asked)
        least = self._least(at, heading)
        if error == "invalid_scope" and set(least) < set(asked) and at.attempts[self._counted_as(call)] < FEW:
            if self.draws.whether("less asked for after invalid_scope", 0.5):
                at.attempts[self._counted_as(call)] += 1
                asked = least
                error = yield from self._consent(at, asked)
        if error is not None:
            if self.habits.keeps_failed and at.account.known:
                at.account.requested = join(at.account.requested, asked)
            return False
        self._send_token_request(at, TokenRequest(AUTHORIZATION_CODE))
        yield
        response = self.servers[at.issuer].grant(at.server.url, asked, refreshable=True)
        self._hear(at, response)
        learned = self._learn(at, asked, response)
        yield
        return learned

    def _least(self, at: Place, heading: Heading | None) -> Scopes:
        """What no request may leave out: the challenge, and what was granted (CHAL-1, ACC-2)."""
        granted = at.account.granted if at.account.known else ()
        return join(granted, None if heading is None else heading.scope)

    def _consent(self, at: Place, asked: Scopes) -> Steps[str | None]:
        """Send the user to the authorization endpoint; the error that comes back, None where a code does."""
        prompt = None
        if OFFLINE_ACCESS in asked:
            prompt = self.draws.any_of(("consent", "consent", "login consent", None))
        text = " ".join(asked) or None
        self.events.append(AuthorizationRequest(text, prompt, at.issuer, at.name))
        yield
        response = self.servers[at.issuer].authorize()
        if response is None:
            return "never"
        self.events.append(replace(response, issuer=at.issuer, resource=at.name))
        self._note_refusal(at, asked, response.error)
        yield
        return response.error

    @staticmethod
    def _was_refused(call: Call, asked: Scopes) -> bool:
        """Whether another call was refused the same since this one was sent (RETRY-5)."""
        return call.at.refused.get(frozenset(asked), 0) > call.refusals

    @staticmethod
    def _note_refusal(at: Place, asked: Scopes, error: str | None) -> None:
        if error is not None:
            at.refusals += 1
            at.refused[frozenset(asked)] = at.refusals

    def _present_credentials(self, call: Call, asked: Scopes) -> Steps[bool]:
        at = call.at
        if self._was_refused(call, asked):
            return False
        self._send_token_request(at, TokenRequest(CLIENT_CREDENTIALS, " ".join(asked) or None))
        yield
        response = self.servers[at.issuer].grant(at.server.url, asked, refreshable=False)
        self._hear(at, response)
        learned = self._learn(at, asked, response)
        yield
        return learned

    def _exchange(self, call: Call, asked: Scopes) -> Steps[bool]:
        """An assertion from the identity provider, and a token for it from the authorization server (EXT-1, EXT-2)."""
        at = call.at
        if self._was_refused(call, asked):
            return False
        provider = IDENTITY_PROVIDER if len(self.servers) > 1 else at.issuer
        self.events.append(TokenRequest(TOKEN_EXCHANGE, " ".join(asked) or None, None, provider, at.name))
        yield
        said = " ".join(self.draws.some_of(asked, 0.8)) if self.draws.whether("assertion with a scope", 0.4) else None
        self.events.append(TokenResponse(f"assertion{len(self.events)}", said, None, None, provider, at.name))
        yield
        repeated = asked if self.draws.whether("scope repeated in the last leg", 0.5) else ()
        self._send_token_request(at, TokenRequest(JWT_BEARER, " ".join(repeated) or None))
        yield
        response = self.servers[at.issuer].grant(at.server.url, repeated or asked, refreshable=False)
        if not repeated and response.access_token is not None and response.scope is None:
            response = replace(response, scope=" ".join(self.tokens.good[response.access_token].scope))
        self._hear(at, response)
        learned = self._learn(at, asked, response)
        yield
        return learned

    def _refresh(self, at: Place) -> Steps[bool]:
        """Renew the token, for all of its grant or for part of it (REFRESH-1, REFRESH-2)."""
        account = at.account
        assert account.refresh_token is not None
        named: Scopes = ()
        if account.granted and self.draws.whether("refresh names scopes", 0.3):
            named = self.draws.some_of(account.granted, 0.7)
        presented = account.refresh_token
        self._send_token_request(at, TokenRequest(REFRESH_TOKEN, " ".join(named) or None, presented))
        yield
        response = self.servers[at.issuer].refresh(presented, named)
        self._hear(at, response)
        if response.access_token is None:
            account.refresh_token = None
            return False
        account.token, account.expired = response.access_token, False
        account.refresh_token = response.refresh_token or presented
        account.stated = response.scope is not None
        if response.scope is None:
            account.held = named or account.granted
        else:
            account.held = self._read_scope(response.scope, named or account.granted)
        yield
        return True

    def _send_token_request(self, at: Place, request: TokenRequest) -> None:
        self.draws.taken[f"token request: {request.grant_type}"] += 1
        self.events.append(replace(request, issuer=at.issuer, resource=at.name))

    def _hear(self, at: Place, response: TokenResponse) -> None:
        self.events.append(replace(response, issuer=at.issuer, resource=at.name))

    def _learn(self, at: Place, asked: Scopes, response: TokenResponse) -> bool:
        """Take the scope that the response states, or else the one asked for (GRANT-1 to GRANT-4, RETAIN-4)."""
        account, before = at.account, replace(at.account)
        if response.access_token is None:
            self._note_refusal(at, asked, response.error)
            return False
        granted = asked or None if response.scope is None else self._read_scope(response.scope, asked)
        account.requested, account.granted, account.held = asked, granted, granted
        if not self.habits.queues:  # nobody knows which of several answers belongs to which request
            account.requested = join(before.requested, before.granted, asked)
        account.token, account.refresh_token = response.access_token, response.refresh_token
        account.known, account.expired = True, False
        account.stated = response.scope is not None
        at.heard = tuple(scope for scope in at.heard if scope not in asked)
        return True

    def _read_scope(self, text: str, asked: Scopes | None) -> Scopes:
        """The scopes that a response states; commas may stand between them, where that makes sense of them."""
        if self.habits.reads_commas and set(text.split(",")) <= set(asked or ()):
            text = text.replace(",", " ")
        read = parse_scope(text)
        return () if isinstance(read, MalformedScope) else tuple(read)

    # --- between calls ----------------------------------------------------------------------------

    def _renew_unasked(self, call: Call) -> Steps[None]:
        """The clock says that the token is out: renew it before anybody complains, or let somebody complain."""
        at = call.at
        yield from self._take(at)
        try:
            if not at.account.expired:
                return
            if not self.habits.renews_unasked:
                if self.draws.whether("expired token not sent", 0.5):
                    at.account.token = None
                return
            if at.account.refresh_token is not None and (yield from self._refresh(at)):
                self.draws.taken["refreshed by the clock"] += 1
                return
            if not at.open:
                yield from self._obtain(call, None, "unprompted")
        finally:
            at.busy = False

    def settle_deferred(self, at: Place) -> Steps[None]:
        """Answer a challenge that was left alone, and then try its operation again."""
        if at.deferred is None:  # somebody was faster, or the client restarted
            return
        call, heading = at.deferred
        at.deferred = None
        yield from self._take(at)
        try:
            yield from self._look_up(at, heading)
            answered = yield from self._obtain(call, heading, "step-up" if at.account.known else "first")
        finally:
            at.busy = False
        if answered:
            yield from self.call(at, call.operation)

    def prepare(self, at: Place) -> Steps[None]:
        """Fetch the metadata, and perhaps ask for a token, before anything is called."""
        yield from self._take(at)
        try:
            yield from self._look_up(at, None)
            if not at.account.from_before and self.draws.whether("authorized before the first call", 0.3):
                yield from self._obtain(Call(at, "initialize", 0), None, "first")
        finally:
            at.busy = False

    def refresh_at_rest(self, at: Place) -> Steps[None]:
        """Renew a token that nobody complained about."""
        yield from self._take(at)
        try:
            if at.account.refresh_token is not None and not at.open:
                yield from self._refresh(at)
            elif self._may_renew(at):
                yield from self._obtain(Call(at, "renew", 0), None, "unprompted")
        finally:
            at.busy = False

    def _may_renew(self, at: Place) -> bool:
        """Whether credentials may be presented again although nobody asked for it."""
        return self.habits.grant_type == CLIENT_CREDENTIALS and at.account.known and at.served and not at.open

    def restart(self) -> None:
        """Lose the memory, and keep the token storage."""
        self.events.append(ClientRestarted())
        for at in self.places:
            at.deferred, at.heard, at.busy = None, (), False
            at.attempts.clear()
            at.tried.clear()
            at.open.clear()
            if self.draws.whether("metadata forgotten at a restart", 0.5):
                at.fetched, at.listed = False, None
                self._read.discard(at.issuer)
            for account in at.accounts.values():
                account.requested = () if self.habits.forgets_requested else account.requested

    def report(self, at: Place) -> None:
        """Say what is held: the grant or the token's scope, or that it is not known."""
        known = self.draws.any_of((at.account.granted, at.account.held))
        if not at.account.known or (at.account.from_before and not at.sent):
            return
        if not (self.habits.sure or at.account.stated) and self.draws.whether("unsure", 0.5):
            known = None
        granted = None if known is None else self.draws.shuffled(known)
        self.events.append(ClientReported(granted, at.issuer, at.name))

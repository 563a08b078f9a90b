"""Transcripts of clients that conform: every choice that the documents leave to a client is drawn, and no other.

A client here is a set of habits, and what it knows. A call of the application is a generator that stops where
something else may happen, so that calls overlap. Nothing is shared with the reference model but the vocabulary.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import Final, TypeVar

from conforming_challenges import Heading, Scopes
from conforming_habits import Call, Habits, Place
from conforming_selection import Occasion, Selection
from conforming_servers import AuthorizationServer, Tokens, join
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
    Event,
    ResourceRequest,
    ResourceResponse,
    TokenRequest,
    TokenResponse,
)
from scope_model.scopes import MalformedScope, parse_scope

Answer = TypeVar("Answer")
Steps = Generator[None, None, Answer]
"""Something that takes time: it yields where other calls may go on, and ends with its answer."""


FEW: Final = 3
IDENTITY_PROVIDER: Final = "https://idp.example"


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
        self._selection = Selection(draws, habits)
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
        if call.renewed:
            self.draws.taken["second 401 surfaced"] += 1
            return False  # CHAL-8
        if self.draws.whether("401 given up", 0.05) and self._may_give_up(at):
            at.heard = join(at.heard, heading.scope)
            return False
        yield from self._take(at)
        try:
            if self._renewed_by_another(call, token):
                return True
            yield from self._look_up(at, heading)
            if self._renewed_by_another(call, token):
                return True
            return (yield from self._renewed(call, heading, token))
        finally:
            at.busy = False

    def _renewed(self, call: Call, heading: Heading, token: str | None) -> Steps[bool]:
        account = call.at.account
        call.renewed = token is not None or account.known
        within = account.granted is None or set(heading.scope or ()) <= set(account.granted)
        if account.refresh_token is not None and within and self.draws.whether("401 answered by a refresh", 0.8):
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

    def _renewed_by_another(self, call: Call, token: str | None) -> bool:
        """Whether another call brought a token since: that is a renewal of this one, too (CHAL-8)."""
        newer = self._newer(call.at, token)
        call.renewed = call.renewed or (newer and token is not None)
        return newer

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
        if heading.deceives or not self.draws.whether("403 given up", chance) or not self._may_give_up(call.at):
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
                    self._selection.server_lists[at.issuer] = document.scopes_supported
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

    # --- the authorization server -----------------------------------------------------------------

    def _obtain(self, call: Call, heading: Heading | None, occasion: Occasion) -> Steps[bool]:
        """Ask for a token with the scopes that the occasion calls for; True where one came."""
        at = call.at
        if at.attempts[self._counted_as(call)] >= FEW:
            self.draws.taken["attempts used up"] += 1
            return False
        # Another call of the same operation may have been told more since: that is authoritative for this one, too.
        challenged = join(None if heading is None else heading.scope, at.open.get(call.operation)) or None
        chosen = self._selection.select(at, challenged, occasion)
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
                return (yield from self._authorize(call, challenged, chosen))

    def _authorize(self, call: Call, challenged: Scopes | None, chosen: Scopes) -> Steps[bool]:
        at = call.at
        asked = self._selection.with_offline_access(at, chosen)
        if self._was_refused(call, asked):
            return False
        error = yield from self._consent(at, asked)
        less = self._less(call, challenged, asked)
        if error == "invalid_scope" and less and self.draws.whether("less asked for after invalid_scope", 0.5):
            at.attempts[self._counted_as(call)] += 1
            asked = less
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

    def _less(self, call: Call, challenged: Scopes | None, asked: Scopes) -> Scopes:
        """What no request may leave out (CHAL-1, ACC-2), if that is less than was asked for and may be tried."""
        account = call.at.account
        if challenged is None or call.at.attempts[self._counted_as(call)] >= FEW:
            return ()
        least = join(account.granted if account.known else (), challenged)
        return least if set(least) < set(asked) else ()

    def _consent(self, at: Place, asked: Scopes) -> Steps[str | None]:
        """Send the user to the authorization endpoint; the error that comes back, None where a code does."""
        prompt = None
        if OFFLINE_ACCESS in asked:
            prompt = self.draws.any_of(("consent", "consent", "login consent", None))
        if not self.habits.queues:  # another request may be made before this one is answered
            at.account.requested = join(at.account.requested, at.account.granted, asked)
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
            if account.granted is None:  # what the token has was granted, whatever else was
                account.requested = join(account.requested, account.held)
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
        answered = False
        yield from self._take(at)
        try:
            yield from self._look_up(at, heading)
            if not set(heading.scope or ()) <= set(at.account.held or ()):
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
            if at.account.refresh_token is not None and not at.open and at.served:  # a clock lets a new token be tried
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
        at.account.stated = at.account.stated or known is not None  # who has said it knows it
        granted = None if known is None else self.draws.shuffled(known)
        self.events.append(ClientReported(granted, at.issuer, at.name))

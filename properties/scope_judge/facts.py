"""The wire turned into facts: each event changes what is known, and gives the occasions on which clauses speak.

An occasion is given before the facts change by it, so that a clause sees what the client had before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from functools import partial
from itertools import islice
from types import MappingProxyType
from typing import Any, Final

from scope_model.events import (
    AUTHORIZATION_CODE,
    BROKEN_OFF,
    CLIENT_CREDENTIALS,
    JWT_BEARER,
    OFFLINE_ACCESS,
    REFRESH_TOKEN,
    TOKEN_EXCHANGE,
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
    Header,
    ProtectedResourceMetadata,
    ResourceRequest,
    ResourceResponse,
    TokenExpired,
    TokenRequest,
    TokenResponse,
)
from scope_model.scopes import NO_SCOPES, ScopeSet, read_scope, same_scopes

from .account import NEVER, Account, Attempts, Life, PendingChallenge, Renewal, Resource, ScopeRequest, Token
from .answering import Requesting, waiting_at
from .calls import Calls
from .documents import Documents
from .first_legs import FirstLegs
from .granting import issue, leave_unknown, refresh, refuse, refuse_token, said_by
from .knowledge import UNKNOWN, Known
from .occasions import (
    FEW,
    OFFLINE,
    Asked,
    AssertionPresented,
    Called,
    CallOver,
    CodeExchanged,
    Occasion,
    Owner,
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
from .parsed import ParsedChallenge, read_response
from .places import Places, canonical, is_parent

Occasions = Iterable[Occasion]


class Facts:
    """What a transcript tells so far. `hear` each event in turn; what it gives is to be looked at as it comes.

    `tokens_seen` is whether a call was seen with a token that was issued: only then is it known that calls are
    recorded with their tokens. `called` are the names by which something is called sooner or later, and
    `heeds` whether the client is known to heed plain challenges.
    """

    def __init__(
        self, header: Header, readings: Mapping[str, str], called: Collection[str] = (), *, heeds: bool = False
    ) -> None:
        self.header = header
        self._life = Life()
        self.places = Places(self._life, called)
        self.tokens_seen = False
        self.at = NEVER
        self._several = readings["A16"]
        self._commas = readings["A26"]
        self._mode = header.configured_mode or _MODES.get(readings["A11"])
        configured = header.configured_scopes
        self._configured = None if configured is None else read_scope(" ".join(configured)) or None
        self._excused = self._configured is not None and header.configured_mode not in ("none", "fallback", None)
        self._began_midway = header.began_midway
        self._issued_by: dict[str, str | None] = {}
        self._named: dict[str, dict[Owner, int]] = {}
        self._documents = Documents(self.places, self._named)
        self._redeeming: tuple[Account, Resource] | None = None
        self._first_legs = FirstLegs()
        self._authorizing: dict[Resource, Account] = {}
        self._touched: dict[Resource, None] = {}
        self._calls = Calls()
        self._unknown_expired_at = NEVER
        self._called: Resource | None = None
        self._called_elsewhere_at = NEVER
        self._rests = False
        self._heeds, self._heeds_decoys, self._gives_up = heeds, False, False
        self._deceived: list[Settled] = []
        self._asked_before = 0
        self._asked_for: dict[tuple[Resource, str], int] = defaultdict(int)

    def hear(self, event: Event) -> Occasions:
        """Take the next event in."""
        self.at += 1
        return _HANDLERS[type(event)](self, event)

    def end(self) -> Occasions:
        """What the end of a transcript tells: of tokens that were used, but not for what they were issued for.

        And of challenges that were given up for their decoys by who heeds plain ones, and no other that has one.
        """
        for resource in self.places.known:
            newest = None if resource.account is None else resource.account.token
            for operation, token in resource.owed.items():
                if self._calls.of(operation):
                    continue  # its call may go on
                used_at = max(token.used_at, NEVER if newest is None else newest.used_at)
                if token.state != "expired" and used_at > token.issued_at and resource.responded_at > used_at:
                    yield TokenTried(token)
            discovers = resource.document_at > resource.called_at  # as whoever is about to answer does
            for pending in resource.pending.values():
                comes_first = discovers or _granted_since(resource, pending)
                left = not comes_first and (pending.renewed is not None or not pending.alone)
                if left and pending.refreshed_at == NEVER and not pending.passed_over:
                    yield self._given_up(resource, pending)
        for settled in self._deceived:
            settled.deceived = self._heeds and not (self._heeds_decoys or self._gives_up)
            yield settled

    # --- calls ------------------------------------------------------------------------------------

    def _call_started(self, event: CallStarted) -> Occasions:
        self._calls.begin(event, self.at)
        if event.resource is not None:
            self._found(self.places.known_as(event.resource))
        return ()

    def _call_ended(self, event: CallEnded) -> Occasions:
        started = self._calls.end(event.call)
        if started is None:
            return
        resource = self.places.called(started.resource)
        yield CallOver(resource.attempt(started.operation), event.outcome == BROKEN_OFF)
        pending = resource.pending.get(started.operation)
        if any(self.places.called(other) is resource for other in self._calls.resources(started.operation)):
            which = (resource.attempt(started.operation).left, pending)  # nobody knows whose is whose
            resource.left.extend(dict.fromkeys(one for left in which if left for one in left.and_those_beside))
            return
        self._no_longer_in_vain(resource, started.operation)
        tried = resource.attempt(started.operation)
        tried.left = None
        if event.outcome == BROKEN_OFF:
            # What the client would have done with the last answers, nobody knows.
            resource.attempts[started.operation] = Attempts(since_served=tried.since_served)
            resource.owed.pop(started.operation, None)
            resource.pending.pop(started.operation, None)
            return
        owed = resource.owed.get(started.operation)
        if owed is not None and owed.suffices and owed.state in ("new", "in use", "set aside"):
            yield TokenTried(resource.owed.pop(started.operation))
        if pending is None:
            return
        if pending.refreshed_at == NEVER and not pending.passed_over:
            yield self._given_up(resource, pending)
        # A later request may still answer it, where none is known to answer a call that goes on.
        pending.passed_over, pending.call, pending.ended_at = True, event.call, self.at
        resource.left.append(pending)
        if pending.challenge.refuses_plainly:
            del resource.pending[started.operation]

    def _resource_request(self, event: ResourceRequest) -> Occasions:
        resource = self._found(self.places.called(event.resource))
        account = self._account_in_call(resource, event.access_token)
        shown = self._shown(resource, event.access_token)
        if shown is not None:
            yield shown
        tried = resource.attempt(event.operation)
        given_up = self._tried_again(resource, tried, event.operation)
        if given_up is not None:
            yield given_up
        same_call = self._same_call(tried, event)
        yield Called(account, event.access_token, tried, same_call, self._rests)
        if account is not None:
            used = self._token_used(resource, account, event)
            if used is not None:
                yield used
            account.called_at = self.at
        if self._called is not None and self._called is not resource:
            self._called_elsewhere_at = self._called.called_at
        self._called = resource
        self._rests = False
        tried.carried, tried.sent_at, resource.called_at = event.access_token, self.at, self.at
        resource.answering = None
        if resource.awaited is not None and resource.awaited.operation == event.operation:
            resource.awaited = None

    def _account_in_call(self, resource: Resource, token: str | None) -> Account | None:
        """The account in use, which is unknown where a token is carried that nobody saw issued."""
        holder = None if token is None else self.places.holders.get(token)
        if token is None or holder is not None:
            if holder is not None and holder[1] is resource:
                resource.account = holder[0]
            return resource.account
        account = self.places.account(resource, None)
        if token not in account.unseen:
            account.unseen.add(token)
            # One value in all calls, after tokens that are never carried, is one that was struck out.
            if account.token is None or self.tokens_seen:
                account.forget()
                account.awaited, account.mixed = 0, False  # what was awaited came, unseen
                account.token = Token(token, self.at, state="in use")
                self.places.carriers[token] = account, resource
                self._began_midway = resource.called_before = True
        return account

    def _shown(self, resource: Resource, token: str | None) -> TokenShown | None:
        """A call's token: whether it is of an authorization server of the resource, by the document that names those.

        Nobody knows where the document is not seen, or where all tokens look alike, as where they were struck out.
        """
        issuer = self._issued_by.get(token or "")
        if token is None or issuer is None or token not in self.places.holders:
            return None
        if self.places.holders[token][1] is resource:
            return TokenShown("access-token", issuer, (issuer,))
        if resource.published is None:
            resource.shown[token] = None
        elif resource.issuers and len(self._issued_by) > 1:
            return TokenShown("access-token", issuer, tuple(map(canonical, resource.issuers)))
        return None

    def _tried_again(self, resource: Resource, tried: Attempts, operation: str) -> Settled | RefreshTried | None:
        """A challenge is over when its operation is tried again."""
        pending = resource.pending.pop(operation, None)
        overlaps = self._calls.overlap(operation)
        if not overlaps:
            for one in [each for each in resource.doubtful if each.operation == operation]:
                resource.doubtful.remove(one)
        if pending is not None or (tried.sent_at == NEVER and not overlaps):
            if pending is not None and pending.beside is None and pending is not tried.left and overlaps:
                pending.beside = tried.left
            tried.left = pending
        for other in resource.pending.values():
            other.alone = False
        if pending is None:
            return None
        pending.alone = False
        self._shows_what_was_refreshed(resource, pending)
        if pending.passed_over:
            return None
        if _granted_since(resource, pending):
            return None  # another call brought a grant, and whether it suffices is tried first
        if overlaps:
            return None  # this may be another call
        if pending.refreshed_at == NEVER:
            return self._given_up(resource, pending)
        if pending.call is not None and pending.call in self._calls.of(operation):
            return self._refreshed_in_answer(resource, pending)
        if not pending.challenge.insufficient or self._a_refresh_suffices(resource.account, pending):
            return None
        return self._given_up(resource, pending)  # for all that is known, before the clock ran out

    @staticmethod
    def _a_refresh_suffices(account: Account | None, pending: PendingChallenge) -> bool:
        """Whether all that a challenge names was granted, so that a refresh may bring it back (STEP-6)."""
        scope = pending.challenge.scope
        return account is not None and scope is not None and scope <= account.granted.at_least

    @staticmethod
    def _shows_what_was_refreshed(resource: Resource, pending: PendingChallenge) -> None:
        """Of two 401s at once a refresh answered the one whose operation is tried again first."""
        taken = resource.answering
        if taken is None or taken is pending or taken.refreshed_at <= pending.at or pending.refreshed_at != NEVER:
            return
        if taken.challenge.status == pending.challenge.status == 401:
            taken.refreshed_at, pending.refreshed_at = NEVER, taken.refreshed_at

    @staticmethod
    def _no_longer_in_vain(resource: Resource, operation: str) -> None:
        """The challenges of an operation are over that was tried again and answered, or whose call ended."""
        if resource.in_vain is not None and resource.in_vain.operation == operation:
            resource.in_vain = None
        if resource.asked_for is not None and resource.asked_for.operation == operation:
            resource.in_vain = resource.asked_for = None

    def _refreshed_in_answer(self, resource: Resource, pending: PendingChallenge) -> RefreshTried | None:
        account, scope = resource.account, pending.challenge.scope
        if (
            pending.doubted
            or account is None
            or not pending.challenge.insufficient
            or scope is None
            or account.granted.at_most is None
        ):
            return None
        return RefreshTried(scope - account.granted.at_most)

    def _same_call(self, tried: Attempts, event: ResourceRequest) -> bool | None:
        """Whether a request is of the same call as the last of its operation, and what that leaves of its attempts."""
        calls = self._calls.of(event.operation)
        call = min(calls, default=None)
        same = None if call is None else calls == {call} == tried.calls
        if not tried.calls.issuperset(calls) if calls else tried.renewed is None:
            tried.refreshes = 0
        tried.calls = frozenset(calls)
        if same is False:
            tried.said = None  # it may be another call's
        if tried.renewed is None:
            tried.in_a_row, tried.grew, tried.asked, tried.said, tried.named = 0, True, NO_SCOPES, None, set()
        if call is not None and call != tried.call:
            tried.call, tried.in_call, tried.at_once = call, 0, 0
        tried.at_once = max(tried.at_once, len(tried.calls))
        again = tried.refused is not None and tried.renewed is None and tried.carried == event.access_token
        tried.resent = tried.resent + 1 if again and same is not False else 0
        return same

    def _token_used(self, resource: Resource, account: Account, event: ResourceRequest) -> TokenTried | None:
        token, carried = account.token, event.access_token
        self.tokens_seen = self.tokens_seen or carried in self.places.holders
        if token is None:
            return None
        if carried is None or carried != token.access_token:
            token.state = "set aside" if token.state == "in use" else token.state
            owed = resource.owed.get(event.operation)
            if owed is not None and carried is not None and owed.access_token == carried:
                return self._owed_no_longer(resource, event.operation)  # another came since, for another operation
            known_before = token.passed_over or token.state != "new"
            if known_before or not self._knows_of(token, resource, event.operation):
                return None
            token.passed_over = True
            return TokenTried(token) if token.differs else None
        if token.used_at == NEVER:
            token.used_at = self.at
            self._owed_to_another(resource, token, event.operation)
        if token.state in ("new", "set aside"):
            token.state = "in use"
        return self._owed_no_longer(resource, event.operation)

    def _owed_to_another(self, resource: Resource, token: Token, operation: str) -> None:
        """What carries a token first may have caused it, where nobody saw how it was answered before."""
        if NEVER < resource.attempt(operation).sent_at < token.issued_at and not self._calls.of(operation):
            resource.owed = {other: owed for other, owed in resource.owed.items() if owed is not token}

    @staticmethod
    def _owed_no_longer(resource: Resource, operation: str) -> TokenTried | None:
        owed = resource.owed.pop(operation, None)
        if owed is None:
            return None
        owed.tried = True
        return TokenTried(owed)

    def _knows_of(self, token: Token, resource: Resource, operation: str) -> bool:
        """Whether a request was surely sent after a token came: by a call that began since, or at the second chance."""
        if self._calls.of(operation):
            return self._calls.began_after(operation, token.issued_at)
        return resource.responded_at > token.issued_at and resource.called_at > token.issued_at

    def _resource_response(self, event: ResourceResponse) -> Occasions:
        resource = self._found(self.places.called(event.resource))
        tried, account = resource.attempt(event.operation), resource.account
        renewed, tried.renewed = tried.renewed, None
        sent_at, tried.sent_at = tried.sent_at, NEVER
        resource.responded_at = self.at
        resource.called_before = resource.called_before or resource.called_at == NEVER
        self._rests = event.status < 300
        overlaps = self._calls.overlap(event.operation)
        if not overlaps:
            self._no_longer_in_vain(resource, event.operation)
        if account is not None:
            account.refused = None
        if event.status < 300:
            self._serves(account, tried)
            left = tried.left if overlaps else None
            resource.left.extend(self._left_by_another_call(account, tried, event.operation))
            resource.attempts[event.operation] = Attempts(call=tried.call, calls=tried.calls, left=left)
        if event.status not in (401, 403):
            tried.refused, tried.refreshes = None, 0
            return ()
        if not self._calls.of(event.operation):
            self._comes_first(account, tried)
        challenge = read_response(event.status, event.www_authenticate, self._several)
        if challenge.presumes_a_token and resource.called_at == NEVER:
            self._began_midway = True  # the request that it answers was not seen, nor where its token came from
        pending = PendingChallenge(
            event.operation,
            challenge,
            self.at,
            self.at if sent_at == NEVER else sent_at,
            renewed,
            repeats=self._repeats(account, event, tried, challenge),
            outdated=sent_at != NEVER and self._is_outdated(account, tried.carried, sent_at),
            call=self._calls.only(event.operation),
            held=self._held(account, challenge),
            sent_again=tried.resent > 0,
        )
        if event.status == 401 and account is not None and account.token is not None and not pending.outdated:
            account.token.state = "rejected"
        if tried.refused is not None and tried.refused.refuses_plainly != challenge.refuses_plainly:
            tried.resent = 0
        tried.refused = challenge if event.status == 403 else None
        for scope in challenge.tolerated:
            self._named.setdefault(scope, {})[resource] = resource.epoch
        resource.may_misread(challenge, self.at)
        # What a refresh answered is over.
        left = tried.left if tried.left is not None and tried.left.refreshed_at == NEVER else None
        pending.beside = resource.pending.pop(event.operation, left if challenge.refuses_plainly else None)
        resource.pending[event.operation] = pending
        self.places.waiting[resource] = None
        return ()

    @staticmethod
    def _serves(account: Account | None, tried: Attempts) -> None:
        """An operation was served with the token that it carried."""
        token = None if account is None else account.token
        if token is not None and token.access_token == tried.carried:
            token.served = True

    def _left_by_another_call(
        self, account: Account | None, tried: Attempts, operation: str
    ) -> Iterable[PendingChallenge]:
        """The challenge that the operation was left with, where the token that serves it was asked for before."""
        if account is None or account.token is None or tried.left is None or self._calls.of(operation):
            return ()
        if tried.left.refreshed_at != NEVER:
            return ()  # the token was asked for because of it
        served = account.token.access_token == tried.carried
        return (tried.left,) if served and account.asked_at < tried.left.at < account.token.issued_at else ()

    def _repeats(
        self, account: Account | None, event: ResourceResponse, tried: Attempts, challenge: ParsedChallenge
    ) -> bool:
        """Whether a 401 says what that said which the token was issued for, and no other came since.

        Where calls are not known, a token that served since may have been revoked in between.
        """
        if event.status != 401 or tried.said != challenge.says or account is None or account.token is None:
            return False
        if account.token.served and not self._calls.of(event.operation):
            return False
        answered = account.token.answers
        return answered is not None and answered.operation == event.operation

    @staticmethod
    def _comes_first(account: Account | None, tried: Attempts) -> None:
        """What no call of the application is may have to come before one, as a session has: refused, it was a try."""
        token = None if account is None else account.token
        if token is not None and token.access_token is not None and token.access_token == tried.carried:
            token.tried = True

    def _held(self, account: Account | None, challenge: ParsedChallenge) -> Known | None:
        """What a client holds when it is challenged; offline_access once it was asked for, since no token shows it."""
        if account is None:
            return None
        held = account.in_hand if challenge.insufficient else account.granted
        if held.at_most is None or account not in self._named.get(OFFLINE_ACCESS, {}):
            return held
        return Known(held.at_least, held.at_most | OFFLINE)

    def _is_outdated(self, account: Account | None, carried: str | None, sent_at: int) -> bool:
        """Whether a request went out with another token than the newest, or before it came, as where calls overlap."""
        token = None if account is None else account.token
        if token is None or token.access_token is None:
            return False
        return sent_at < token.issued_at or (self.tokens_seen and token.access_token != carried)

    def _settled(self, resource: Resource, pending: PendingChallenge, *, answered: bool) -> Settled:
        excused = self._excused or self._documents.foreign_at > pending.at
        # Nobody saw whether a registration was accepted.
        excused = excused or (not answered and self._documents.registered_at > pending.at)
        tried = resource.attempt(pending.operation)
        elsewhere = self._asked_before - self._asked_for.get((resource, pending.operation), 0)
        settled = Settled(resource.account, pending, tried, resource.listed, excused, answered, elsewhere)
        self._heeds_decoys = self._heeds_decoys or (answered and settled.decoy is not None)
        return settled

    def _given_up(self, resource: Resource, pending: PendingChallenge, *, heeded: bool = False) -> Settled:
        """A challenge that was left alone, its scopes heeded or not: where its decoy may be why, the end can tell."""
        settled = self._settled(resource, pending, answered=False)
        self._gives_up = self._gives_up or (settled.is_fair and pending.challenge.insufficient)
        if settled.seems_misread and not heeded:
            settled.deceived = None
            self._deceived.append(settled)
        return settled

    # --- metadata and registration ----------------------------------------------------------------

    def _found(self, resource: Resource, name: str | None = None) -> Resource:
        """A resource that something happens at, with the document that was fetched for it before."""
        self._touched[resource] = None
        self._documents.hand_over(resource, name)
        return resource

    def _resource_metadata(self, event: ProtectedResourceMetadata) -> Occasions:
        resource = self._documents.of_a_resource(event, self.at)
        if resource is None or not resource.shown:
            return ()
        before, resource.shown = resource.shown, {}
        return [shown for token in before if (shown := self._shown(resource, token)) is not None]

    def _server_metadata(self, event: AuthorizationServerMetadata) -> Occasions:
        self._documents.of_a_server(event, self.at)
        return ()

    def _client_registration(self, event: ClientRegistration) -> Occasions:
        issuer, scope = None if event.issuer is None else canonical(event.issuer), ScopeRequest.of(event.scope).scope
        strays = self._documents.strays(scope or NO_SCOPES, issuer, self._configured)
        yield Registered(self.header, event.grant_types or (AUTHORIZATION_CODE,), strays)
        self._documents.register(issuer, scope, self.at)

    # --- requests for scopes ----------------------------------------------------------------------

    def _authorization_request(self, event: AuthorizationRequest) -> Occasions:
        return self._asks(event, AUTHORIZATION_CODE)

    def _asks(self, event: AuthorizationRequest | TokenRequest, grant_type: str, *, is_whole: bool = True) -> Occasions:
        """A request for scopes; one that is not whole may have been going to name more of them."""
        request = ScopeRequest.of(event.scope)
        yield ScopesSent(request)
        resource = self._asked_of(event)
        if resource is None:
            self._redeeming = None  # nobody but the server can tell for which resource this is
            return
        # The first leg of an exchange goes to an identity provider: the account is where the last one leads to.
        account = self.places.account(resource, None if grant_type == TOKEN_EXCHANGE else event.issuer)
        account.audience = event.resource
        # Registered anew it sends another request, of another client.
        account.may_pass = account.may_pass or self._documents.registered_at > account.refused_at
        yield ResourceNamed(event.resource, resource.published)
        challenges, is_new = waiting_at(resource), partial(self._is_new, account)
        requesting = Requesting(
            resource,
            challenges,
            account,
            request.wanted,
            grant_type,
            is_new,
            self._calls,
            self._configured,
            self._unknown_expired_at,
            self._elsewhere_at(resource),
            self._rests,
        )
        answers, candidates = requesting.answers()
        yield from self._passed_over(resource, challenges, answers, request)
        tried = None if answers is None else resource.attempt(answers.operation)
        last = NO_SCOPES if tried is None else tried.asked
        doubted = any(each.operation != answers.operation for each in candidates) if answers is not None else False
        allowed = (
            None if answers is None or tried is None else self._count(answers, tried, request.wanted, doubted=doubted)
        )
        first = (None if self._began_midway else True) if account.requested is None else False
        presumes = bool(first) and answers is not None and answers.challenge.presumes_a_token
        asked = Asked(
            self.header,
            event,
            request,
            grant_type,
            resource,
            account,
            None if presumes else first,
            answers,
            tried,
            last,
            allowed,
            self._configured,
            self._mode,
            self._documents.listed_by_the_server(account, resource),
            *self._documents.registration(account, resource),
            self._named,
            len(self.places.known) > 1 or resource.epoch > 0,
            self._documents.any_foreign,
            self._wants_a_refresh_token(resource, account),
            candidates,
        )
        if is_whole:
            yield asked
        if is_whole and presumes:
            yield replace(asked, is_first_if_tokens_are_seen=True, first=first)
        if answers is not None:
            yield self._settled(resource, answers, answered=True)
            refreshed = answers.refreshed_at != NEVER and answers.alone
            if refreshed and (in_vain := self._refreshed_in_answer(resource, answers)) is not None:
                yield in_vain
            self._answered(resource, answers)
            answers.doubted = answers.doubted or len(candidates) > 0 or requesting.may_be_for_what_was_left(answers)
            if candidates and answers not in resource.doubtful:
                resource.doubtful.append(answers)
        self._remember(asked)

    @staticmethod
    def _answered(resource: Resource, answers: PendingChallenge) -> None:
        """Forget a challenge; one beside it may have the same answer, or one of its own."""
        pending = resource.pending.pop(answers.operation, None)
        left = answers.beside if pending is answers else pending
        if left is not None and not left.challenge.refuses_plainly:
            left.passed_over = True
            resource.pending[answers.operation] = left

    def _elsewhere_at(self, resource: Resource) -> int:
        """When another resource was last called."""
        called = self._called
        return self._called_elsewhere_at if called is None or called is resource else called.called_at

    def _asked_of(self, event: AuthorizationRequest | TokenRequest) -> Resource | None:
        """The resource that a request is for, None where it is not named and several may have one coming."""
        places = self.places
        if event.resource is None and len(places.known) > 1 and len(places.waiting) > 0:
            first, *others = islice(places.waiting, 2)
            if others:
                return None
            places.current = first
        return self._found(places.asked(event.resource), event.resource)

    def _passed_over(
        self,
        resource: Resource,
        challenges: list[PendingChallenge],
        answers: PendingChallenge | None,
        request: ScopeRequest,
    ) -> Occasions:
        """Challenges that were left behind when the one that is answered was caused, or have the same answer."""
        if answers is None or answers.passed_over:
            return
        for other in challenges:
            if other is answers or other.passed_over:
                continue
            together = other.operation == answers.operation or other.at >= answers.sent_at
            heeded = request.scope is None or other.challenge.is_met_by(request.wanted)  # a default may be all of it
            if together and other.challenge.insufficient and other.challenge.is_met_by(request.wanted):
                other.passed_over = True
            elif other.at < answers.sent_at:
                other.passed_over = True
                sent_again = resource.pending.get(other.operation) is not other
                if other.refreshed_at == NEVER and not (sent_again and _granted_since(resource, other)):
                    yield self._given_up(resource, other, heeded=heeded)

    def _is_new(self, account: Account, scope: str) -> bool:
        return account not in self._named.get(scope, {})

    def _count(self, answers: PendingChallenge, tried: Attempts, wanted: ScopeSet, *, doubted: bool) -> int | None:
        """Count a request against the operation that caused it; how many one call may cause, where calls are known.

        One that may be for another operation is none of that row, for all that is known.
        """
        named = answers.challenge.scope or NO_SCOPES
        tried.grew = tried.grew and not (tried.in_a_row > 0 and tried.named.issuperset(named))
        answers.times += 1
        tried.in_a_row += not doubted
        tried.since_served += 1
        tried.named.update(named)
        tried.asked = wanted
        calls = self._calls.of(answers.operation)
        if calls:
            tried.in_call += not doubted
            return FEW * max(len(calls), tried.at_once)
        tried.in_call = answers.times
        return FEW if answers.times > 1 else None

    def _wants_a_refresh_token(self, resource: Resource, account: Account) -> bool:
        """Whether the last thing that happened is a token that came without a refresh token."""
        token = account.token
        if token is None or token.access_token is None or account.refresh_token is not None:
            return False
        if account.leg != AUTHORIZATION_CODE or token.state == "expired" or self.header.wants_refresh_token is False:
            return False
        if token.issued_at < self._life.restarted_at or resource.in_vain is not None:
            return False
        last = max(resource.responded_at, resource.called_at, self._elsewhere_at(resource))
        return token.issued_at > last and not waiting_at(resource)

    def _remember(self, asked: Asked) -> None:
        account, invented = asked.account, asked.unsourced
        self._heeds = self._heeds or asked.heeds_what_is_plain
        if invented:
            account.invented.update(invented)
        self._name(account, asked.wanted)
        account.sourced = asked.wanted - ScopeSet(invented) if invented else asked.wanted
        account.pending, account.carries = asked.request, None
        if asked.grant_type != AUTHORIZATION_CODE:
            account.await_token(asked.grant_type)
        elif account.awaited == 0:
            account.leg = AUTHORIZATION_CODE
        account.under_way.append(account.sourced)
        account.asked_at = self.at
        account.overlaps = len(account.under_way) > 1
        asked.resource.answering = asked.resource.asked_for = asked.resource.awaited = asked.answers
        self.places.waiting.pop(asked.resource, None)
        self._redeeming = account, asked.resource
        self._authorizing[asked.resource] = account
        self._asked_before += 1
        self._documents.used_at = self.at
        if asked.answers is not None:
            if not asked.may_answer:
                asked.resource.did_not_misread(asked.answers.challenge, frozenset(asked.request.pieces))
            self._asked_for[asked.resource, asked.answers.operation] += 1

    # --- tokens -----------------------------------------------------------------------------------

    def _authorization_response(self, event: AuthorizationResponse) -> Occasions:
        account, resource = self._place_of(event.issuer, event.resource)
        if event.error is not None:
            refuse(account, event.error, self.at)
            resource.in_vain = resource.asked_for
            self._done(account, resource)
        return ()

    def _place_of(self, issuer: str | None, resource: str | None) -> tuple[Account, Resource]:
        """Whose request an answer belongs to: the one that is named, else the last."""
        last = self._redeeming
        named = None if resource is None else self.places.named(resource)
        if last is not None and named in (None, last[1]) and _is_or_awaits(last[0], issuer):
            return last
        if named is None:
            named = self.places.current or self.places.asked(resource)
        if named.account is not None and _is_or_awaits(named.account, issuer):
            return named.account, named
        return self.places.account(named, issuer), named

    def _token_request(self, event: TokenRequest) -> Occasions:
        if event.grant_type == CLIENT_CREDENTIALS:
            return self._asks(event, CLIENT_CREDENTIALS)
        if event.grant_type == REFRESH_TOKEN:
            return self._refreshes(event)
        if event.grant_type == TOKEN_EXCHANGE:
            return self._exchanges(event)
        return self._presents(event) if event.grant_type == JWT_BEARER else self._redeems(event)

    def _exchanges(self, event: TokenRequest) -> Occasions:
        """The first leg of an exchange. One that names no scope leaves it to the last to name them."""
        self._first_legs.begin(event)
        if event.scope is not None:
            yield from self._asks(event, TOKEN_EXCHANGE)

    def _presents(self, event: TokenRequest) -> Occasions:
        """The last leg of an exchange: where the first named no scope, or nobody saw it, this one asks for scopes."""
        first = self._first_legs.go_on(event)
        if first is None and event.scope is not None and not self._names_scopes_already(event):
            first = event
        if first is not None:
            yield from self._asks(replace(first, scope=event.scope), TOKEN_EXCHANGE)
            if self._redeeming is not None:
                self._redeeming[0].awaited -= 1  # the assertion came
        yield from self._redeems(event)

    def _names_scopes_already(self, event: TokenRequest) -> bool:
        """Whether the first leg is known to have named scopes, and not that of another resource that waits for one."""
        account, resource = self._being_authorized(event)
        named = None if event.resource is None else self.places.named(event.resource)
        if named is not resource and named in self.places.waiting:
            return False
        return account.leg == TOKEN_EXCHANGE or len(account.under_way) > account.redeemed

    def _redeems(self, event: TokenRequest) -> Occasions:
        """The exchange of a code, or of an assertion: it goes on with the request that was answered last."""
        request = ScopeRequest.of(event.scope)
        account, resource = self._being_authorized(event)
        if account is resource.account:
            self.places.account(resource, event.issuer if account.issuer is None else account.issuer)  # where it is
        yield ResourceNamed(event.resource, account.audience or resource.published)
        if event.grant_type == AUTHORIZATION_CODE:
            yield CodeExchanged(request, None if account.pending is None else account.pending.wanted)
        elif (presented := self._presented(resource, account, request)) is not None:
            yield presented
        account.assertion, account.carries = request, None
        account.await_token(event.grant_type)
        account.audience = account.audience or event.resource

    def _presented(self, resource: Resource, account: Account, request: ScopeRequest) -> AssertionPresented | None:
        """The last leg that names scopes, of an exchange in answer to a challenge that names some.

        Where all that was refused before, or the caller configured something, less is a way out.
        """
        answers, carried, asked = resource.awaited, account.carries, account.pending
        if answers is None or answers.doubted or carried is None or asked is None or request.scope is None:
            return None
        challenged = answers.challenge.scope
        if challenged is None or self._excused or account.overlaps or account.refused_at > answers.at:
            return None
        heeded = challenged & carried & asked.wanted
        return AssertionPresented([scope for scope in heeded if scope not in request.wanted])

    def _being_authorized(self, event: TokenRequest) -> tuple[Account, Resource]:
        """Whose code is redeemed: that of the resource that is named, the only one under way, or the last."""
        named = None if event.resource is None else self.places.named(event.resource)
        if named is not None and named.account is not None and named.account.under_way:
            self._redeeming = named.account, named
        elif named is not None and self._redeeming is not None and self._redeeming[1] is named:
            pass  # a code that was refused is sent again
        elif self._authorizing:
            named = next(reversed(self._authorizing))
            self._redeeming = self._authorizing[named], named
        else:
            return self._place_of(event.issuer, event.resource)
        return self._redeeming

    def _refreshes(self, event: TokenRequest) -> Occasions:
        request = ScopeRequest.of(event.scope)
        yield ScopesSent(request)
        seen = self.places.refreshed_by.get(event.refresh_token or "")
        account, resource = place = seen or self._refreshed_unseen(event)
        self.places.current = resource
        known = seen is not None or event.refresh_token is None
        yield ResourceNamed(event.resource, (account.audience or resource.published) if known else resource.published)
        answers, doubted = self._refresh_answers(resource, account)
        tried = None if answers is None else resource.attempt(answers.operation)
        calls = () if answers is None else self._calls.of(answers.operation)
        allowed = FEW * len(calls) if calls else None
        repeated = self._repeated(account, event, request)
        meanwhile = answers is not None and answers.call is None and self._elsewhere_at(resource) > answers.at
        yield RefreshAsked(event, request, account, answers, tried, allowed, repeated, meanwhile)
        unused = account.token if account.token is not None and account.token.used_at == NEVER else None
        resource.owed = {operation: owed for operation, owed in resource.owed.items() if owed is not unused}
        yield from self._shown_for_a_refresh(event)
        account.refreshing, account.refresh_sent = request, event.refresh_token
        account.await_token(REFRESH_TOKEN)
        self._redeeming = place
        resource.answering = resource.awaited = answers
        if answers is not None:
            answers.refreshed_at, answers.doubted = self.at, answers.doubted or doubted

    def _repeated(self, account: Account, event: TokenRequest, request: ScopeRequest) -> int | None:
        """How often a refresh was refused before in this very call, None where none was, or nobody knows."""
        token, scope, calls = account.refresh_refused or (None, None, frozenset())
        if token is None or len(calls) != 1 or calls != self._calls.numbers:
            return None
        return account.refresh_refusals if (token, scope) == (event.refresh_token, request.scope) else 0

    def _shown_for_a_refresh(self, event: TokenRequest) -> Occasions:
        """A refresh token: whether it is sent to the authorization server that issued it, of several."""
        issuer, issuers = self._issued_by.get(event.refresh_token or ""), self._documents.issuers
        sent_to = None if event.issuer is None else canonical(event.issuer)
        if issuer is not None and sent_to in issuers and len(issuers) > 1 and len(self._issued_by) > 1:
            yield TokenShown("refresh-token", issuer, (sent_to,))

    def _refreshed_unseen(self, event: TokenRequest) -> tuple[Account, Resource]:
        """Whose a refresh token is that nobody saw issued: it speaks for a grant that nobody saw.

        A resource whose grant or document was seen is no other name for the one that it is for.
        """
        places, current = self.places, self.places.current
        known = current is not None and current.account is not None and current.account.requested is not None
        seen = known or (current is not None and current.published is not None)
        stored = event.refresh_token is not None
        elsewhere = stored and seen and event.resource is not None and places.named(event.resource) is None
        resource = self._found(places.asked(event.resource, stored=elsewhere))
        account = places.account(resource, event.issuer)
        if stored and account.requested is None:
            account.forget()
            self._began_midway = True
        return account, resource

    def _refresh_answers(self, resource: Resource, account: Account) -> tuple[PendingChallenge | None, bool]:
        """The challenge that a refresh answers, and whether it may be for another that asks for more.

        It is the latest, unless the clock ran out since or other calls were made.
        """
        if account.token is not None and account.token.state == "expired":
            return None, False
        since = (one for one in waiting_at(resource) if one.at > self._unknown_expired_at)
        waiting = [one for one in since if self._calls.may_go_on(one.call) and (one.refreshed_at == NEVER or one.alone)]
        latest = waiting[0] if waiting and waiting[0].alone else None
        new = [one for one in waiting if one.refreshed_at == NEVER and not one.repeats]
        rejected = next((one for one in new if one.challenge.status == 401), None)
        answers = rejected or (latest if latest is None or not latest.repeats else next(iter(new), latest))
        return answers, any(one is not answers and one.challenge.insufficient for one in waiting)

    def _token_response(self, event: TokenResponse) -> Occasions:
        if self._first_legs.are_awaited:
            return self._silence_answered(event)
        self._token_answered(event)
        return ()

    def _silence_answered(self, event: TokenResponse) -> Occasions:
        """An answer, where it may be that of a first leg which named no scope."""
        if self._first_legs.is_asserted(event):
            return
        refused = self._first_legs.refused(event)
        if refused is not None:
            yield from self._asks(refused, TOKEN_EXCHANGE, is_whole=False)
        self._token_answered(event)

    def _token_answered(self, event: TokenResponse) -> None:
        account, resource = self._place_of(event.issuer, event.resource)
        self._began_midway = self._began_midway or account.leg is None
        account.awaited = max(0, account.awaited - 1)
        if event.access_token is None and event.error is not None:
            refuse_token(account, event.error, self.at, self._calls.numbers)
            resource.in_vain = resource.asked_for
        elif event.access_token is None:
            leave_unknown(account, self.at)
            resource.owed.clear()
        elif _is_an_assertion(event, account):
            carried, asked = read_scope(event.scope or ""), account.pending
            silent = event.scope is None and not account.mixed
            account.carries = asked.wanted if silent and asked is not None else carried
            self._name(account, carried)
            return
        else:
            said = said_by(event, account, self._commas)
            had_a_token = account.token is not None and account.token.access_token is not None
            if account.leg == REFRESH_TOKEN:
                refresh(account, event, said, self.at)
                named = None if said is None else said.at_most
            else:
                issue(account, event, said, self.at, began_midway=self._began_midway)
                named = account.granted.at_most
            self._new_token(account, resource, event)
            if resource.awaited is not None:
                self._renewed(account, resource, resource.awaited, had_a_token=had_a_token)
            self._name(account, named or NO_SCOPES)
        if account.mixed:
            account.granted = account.in_hand = UNKNOWN
            account.told, account.mixed = "unseen", account.awaited > 0
        self._done(account, resource)

    def _done(self, account: Account, resource: Resource) -> None:
        """Forget an authorization that came to an end."""
        if not account.under_way:
            self._authorizing.pop(resource, None)

    def _new_token(self, account: Account, resource: Resource, event: TokenResponse) -> None:
        answering = resource.awaited
        asked, granted = account.asked, account.granted.exact
        explicit = account.leg != REFRESH_TOKEN and account.told == "explicit" and not account.mixed
        account.token = Token(
            event.access_token,
            self.at,
            answering,
            explicit and asked is not None and granted is not None and not same_scopes(asked, granted),
            answering is None or not self._may_fall_short(account.in_hand, answering.challenge),
        )
        self.places.holders[event.access_token or ""] = account, resource
        self._note_who_issued(event, resource)
        self.places.waiting.pop(resource, None)
        if event.refresh_token is not None:
            self.places.refreshed_by[event.refresh_token] = account, resource

    def _renewed(self, account: Account, resource: Resource, answering: PendingChallenge, *, had_a_token: bool) -> None:
        """A new token in answer to a challenge."""
        renewed: Renewal = "refresh" if account.leg == REFRESH_TOKEN else "authorization"
        goes_on = answering.ended_at == NEVER
        if account.token is not None and goes_on and self._is_surely_for(answering, account):
            resource.owed[answering.operation] = account.token
        tried = resource.attempt(answering.operation)
        tried.renewed = renewed
        tried.refreshes += renewed == "refresh"
        had_a_token = had_a_token and (tried.carried is not None or not (self.tokens_seen or account.unseen))
        certain = had_a_token and not answering.doubted
        tried.said = answering.challenge.says if certain and answering.challenge.status == 401 else None

    def _name(self, account: Account, scopes: ScopeSet) -> None:
        """Note what an account named by a request or a grant, but for what it invented."""
        for scope in scopes:
            if scope not in account.invented:
                self._named.setdefault(scope, {})[account] = self.at

    @staticmethod
    def _is_surely_for(answering: PendingChallenge, account: Account) -> bool:
        """Whether a token was issued for a challenge, and not by the clock, nor for another that was asked for."""
        if answering.doubted or account.under_way or account.overlaps:
            return False
        if answering.call is not None or account.leg not in (REFRESH_TOKEN, CLIENT_CREDENTIALS):
            return True
        return account.leg == CLIENT_CREDENTIALS and answering.alone

    @staticmethod
    def _may_fall_short(held: Known, challenge: ParsedChallenge) -> bool:
        """Whether a token lacks, or in one reading of its scope may lack, some of what a challenge asks for."""
        nothing = held.exact is not None and not held.exact
        return nothing or (challenge.scope is not None and not held.may_cover(challenge.scope))

    def _note_who_issued(self, event: TokenResponse, resource: Resource) -> None:
        """Note by whom tokens were issued: the authorization server that says so, if the resource names it too."""
        issuer = canonical(event.issuer or "")
        if issuer not in map(canonical, resource.issuers):
            return
        for token in (event.access_token, event.refresh_token):
            if token is not None:
                known = self._issued_by.setdefault(token, issuer)
                self._issued_by[token] = known if known == issuer else None  # nobody knows of which

    # --- around the wire --------------------------------------------------------------------------

    def _token_expired(self, event: TokenExpired) -> Occasions:
        places, token = self.places, event.access_token
        account, resource = places.holders.get(token) or places.carriers.get(token) or (None, None)
        if account is None:
            self._began_midway, self._unknown_expired_at = True, self.at
        if account is not None and resource is not None and account.token is not None:
            if account.token.access_token == event.access_token:
                account.token.state, account.token.expired_at = "expired", self.at
                self.places.waiting[resource] = None
            elif account.token.access_token is None:  # what nobody could read may have brought no other
                account.token.expired_at = self.at
        return ()

    def _client_restarted(self, _: ClientRestarted) -> Occasions:
        self._asked_before = 0
        self._asked_for.clear()
        self._calls.lose()
        for resource in self._touched:
            for pending in resource.pending.values():
                if pending.refreshed_at == NEVER and not pending.passed_over:
                    yield self._settled(resource, pending, answered=False)
            resource.pending, resource.attempts = {}, {}
            resource.answering = resource.awaited = resource.in_vain = resource.asked_for = None
            resource.doubtful.clear()
            resource.left.clear()
            resource.document_at = NEVER
            resource.owed = {}
        self._touched.clear()
        self._life.restarted_at = self.at

    def _are_others_known(self, event: ClientReported) -> bool:
        """Whether what a report names, and nothing was called by, is none of the resources that are known."""
        known = self.places.known
        name = known[0].name if len(known) == 1 and known[0].called_by_name else None
        return len(known) > 1 or (name is not None and not is_parent(event.resource or "", name))

    def _client_reported(self, event: ClientReported) -> Occasions:
        if event.resource is not None and self.places.named(event.resource) is None and self._are_others_known(event):
            return
        account, resource = self._place_of(event.issuer, event.resource)
        used = resource.account
        if used is not None and (event.issuer is None or canonical(event.issuer) == canonical(used.issuer or "")):
            account = used
        reported = Reported(account, None if event.granted is None else frozenset(event.granted))
        yield reported
        if reported.is_right:
            account.reported_at = self.at


_MODES: Final[Mapping[str, ConfiguredMode]] = MappingProxyType(
    {"override": "override", "ceiling": "ceiling", "none": "none"}
)
"""What undeclared configured scopes mean by each value of A11: by its default, any of these."""


def _granted_since(resource: Resource, pending: PendingChallenge) -> bool:
    return resource.account is not None and resource.account.granted_at > pending.at


def _is_an_assertion(event: TokenResponse, account: Account) -> bool:
    """Whether a response answers the first leg of an exchange, not a last one that overlaps it."""
    awaits_the_last = account.mixed and account.assertion is not None
    is_the_last = awaits_the_last and event.issuer is not None and event.issuer == account.issuer
    return account.leg == TOKEN_EXCHANGE and not is_the_last


def _is_or_awaits(account: Account, issuer: str | None) -> bool:
    """Whether an answer of an issuer is for an account: it is that issuer's, or awaits one, be it of its first leg."""
    if issuer is None or account.issuer is None or account.awaited > 0:
        return True
    return canonical(issuer) == canonical(account.issuer)


# Any: each handler takes the event type that is its key, which a dict cannot say.
_HANDLERS: Final[Mapping[type[Event], Callable[[Facts, Any], Occasions]]] = MappingProxyType(
    {
        CallStarted: Facts._call_started,  # noqa: SLF001 - the class's own methods
        CallEnded: Facts._call_ended,  # noqa: SLF001
        ResourceRequest: Facts._resource_request,  # noqa: SLF001
        ResourceResponse: Facts._resource_response,  # noqa: SLF001
        ProtectedResourceMetadata: Facts._resource_metadata,  # noqa: SLF001
        AuthorizationServerMetadata: Facts._server_metadata,  # noqa: SLF001
        ClientRegistration: Facts._client_registration,  # noqa: SLF001
        AuthorizationRequest: Facts._authorization_request,  # noqa: SLF001
        AuthorizationResponse: Facts._authorization_response,  # noqa: SLF001
        TokenRequest: Facts._token_request,  # noqa: SLF001
        TokenResponse: Facts._token_response,  # noqa: SLF001
        TokenExpired: Facts._token_expired,  # noqa: SLF001
        ClientRestarted: Facts._client_restarted,  # noqa: SLF001
        ClientReported: Facts._client_reported,  # noqa: SLF001
    }
)

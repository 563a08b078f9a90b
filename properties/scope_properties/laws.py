"""The laws: what must hold of every step that a reference client takes, each a function that reads as its name.

A law looks at one transition (the client before, the event, the client after, and what it did), or at what it is
about in one. It answers True or False, or None where it does not apply; a law that never applied proved nothing, so
that reach is counted. Some ask what the same client would have done had the event been another: a client is a value,
so it can be asked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, TypeVar

from scope_model.challenges import Challenge, bearer_challenge, parse_challenges
from scope_model.client import (
    TRANSITIONS,
    Asserting,
    Authorizing,
    Call,
    Calling,
    Challenged,
    Client,
    Exchanging,
    Failed,
    Grant,
    Idle,
    Illegal,
    LearningResource,
    Memory,
    Noted,
    Refreshing,
    Served,
    Step,
    Storage,
    select,
)
from scope_model.events import (
    AUTHORIZATION_CODE,
    CLIENT_CREDENTIALS,
    OFFLINE_ACCESS,
    REFRESH_TOKEN,
    TOKEN_EXCHANGE,
    AuthorizationRequest,
    AuthorizationResponse,
    ClientRegistration,
    ClientRestarted,
    FetchResourceMetadata,
    Key,
    ProtectedResourceMetadata,
    ResourceRequest,
    ResourceResponse,
    TokenRequest,
    TokenResponse,
)
from scope_model.scopes import NO_SCOPES, ScopeSet, parse_scope, read_scope, same_scopes, scopes
from scope_model.spellings import SPELLINGS

from .model_subject import Transition

_OFFLINE: Final = scopes(OFFLINE_ACCESS)


Topic = TypeVar("Topic")
Find = Callable[["Transition"], Topic | None]
"""Where a law's topic is found in a transition; None where there is none, and the law has nothing to say."""


# Any: each law takes the topic that its own `about` finds, which one type of law cannot say.
@dataclass(frozen=True, slots=True)
class Law:
    """An invariant: its name and sentence, the clauses that it states, what it is about, and the check itself."""

    name: str
    says: str
    clauses: tuple[str, ...]
    about: Find[Any]
    holds: Callable[[Any], bool | None]


_LAWS: Final[dict[str, Law]] = {}
LAWS: Final = MappingProxyType(_LAWS)
"""Every law, by name."""

_BY_TOPIC: Final[defaultdict[Find[Any], list[Law]]] = defaultdict(list)


def law(
    *clauses: str, about: Find[Topic]
) -> Callable[[Callable[[Topic], bool | None]], Callable[[Topic], bool | None]]:
    """Enter a function into the book of laws, under the clauses that it states."""

    def enter(holds: Callable[[Topic], bool | None]) -> Callable[[Topic], bool | None]:
        stated = Law(holds.__name__, (holds.__doc__ or "").strip(), clauses, about, holds)
        _LAWS[stated.name] = stated
        _BY_TOPIC[about].append(stated)
        return holds

    return enter


# --- what laws are about --------------------------------------------------------------------------


def _any(moved: Transition) -> Transition:
    """Every transition."""
    return moved


def _sends(moved: Transition) -> Transition | None:
    """A transition that sends a request to an authorization server."""
    return moved if isinstance(moved.action, (AuthorizationRequest, TokenRequest)) else None


@dataclass(frozen=True, slots=True)
class _Request:
    """A request for scopes that a transition sends, what it answers, and what the client's policy selects here."""

    client: Client
    call: Call
    key: Key
    challenged: Challenged
    grant: Grant | None
    asked: ScopeSet
    text: str | None
    chosen: ScopeSet

    def choosing(self, memory: Memory | None = None, storage: Storage | None = None) -> ScopeSet:
        """What the policy would select, did the client remember or store something else."""
        known = self.client
        other = Client(known.setup, storage or known.storage, memory or known.memory)
        return select(other, self.call, self.challenged, self.key.issuer) or NO_SCOPES

    @property
    def listed(self) -> ScopeSet | None:
        return self.client.memory.resource_metadata.get(self.call.resource)

    @property
    def server_listed(self) -> ScopeSet | None:
        return self.client.memory.server_metadata.get(self.key.issuer)


@lru_cache(maxsize=1)  # the laws look at one transition after the other
def _requested(moved: Transition) -> _Request | None:
    """The request for scopes that this transition sends, if it sends one."""
    action = moved.action
    if isinstance(action, TokenRequest):
        if action.grant_type not in (CLIENT_CREDENTIALS, TOKEN_EXCHANGE):
            return None
    elif not isinstance(action, AuthorizationRequest):
        return None
    phase = moved.after.phase
    if not isinstance(phase, (Authorizing, Exchanging, Asserting)):
        return None
    challenged = moved.challenged
    if challenged is None:
        return None
    client, call = moved.after, phase.call
    key = Key(phase.issuer, call.resource)
    text = action.scope if isinstance(action.scope, str | None) else " ".join(action.scope)
    asked = NO_SCOPES if text is None else read_scope(text)
    chosen = select(client, call, challenged, key.issuer) or NO_SCOPES
    return _Request(client, call, key, challenged, client.storage.grants.get(key), asked, text, chosen)


@dataclass(frozen=True, slots=True)
class _Issued:
    """A grant that a transition writes down, with the response that it comes from."""

    moved: Transition
    phase: Exchanging
    response: TokenResponse
    grant: Grant


def _issued(moved: Transition) -> _Issued | None:
    """The grant that this transition writes down, if it does."""
    phase, event = moved.before.phase, moved.event
    if not isinstance(phase, Exchanging) or not isinstance(event, TokenResponse) or event.access_token is None:
        return None
    grant = moved.after.storage.grants.get(Key(phase.issuer, phase.call.resource))
    return None if grant is None else _Issued(moved, phase, event, grant)


@dataclass(frozen=True, slots=True)
class _Refreshed:
    """A refresh that a transition takes in, with the account before and after."""

    response: TokenResponse
    before: Grant
    after: Grant


def _refreshed(moved: Transition) -> _Refreshed | None:
    """The refresh that this transition takes in, if it does."""
    phase, event = moved.before.phase, moved.event
    if not isinstance(phase, Refreshing) or not isinstance(event, TokenResponse) or event.access_token is None:
        return None
    return _Refreshed(event, moved.before.storage.grants[phase.key], moved.after.storage.grants[phase.key])


@dataclass(frozen=True, slots=True)
class _Challenge:
    """A 401 or 403 that a transition hears: its Bearer challenges, and the scopes and error of the one to answer."""

    moved: Transition
    phase: Calling
    response: ResourceResponse
    bearers: list[Challenge]
    scopes: ScopeSet | None
    error: str | None

    def answer(self, lines: tuple[str, ...] | None = None) -> Step:
        """What the client made of the challenge, or would have made of it in these words."""
        moved, response = self.moved, self.response
        if lines is None or lines == response.www_authenticate:
            return moved.after, moved.action
        other = ResourceResponse(response.operation, response.status, lines, response.resource)
        return moved.step(moved.before, other)


def _challenge(moved: Transition) -> _Challenge | None:
    """The challenge that this transition hears while it waits for an answer."""
    phase, event = moved.before.phase, moved.event
    if not isinstance(phase, Calling) or not isinstance(event, ResourceResponse):
        return None
    if event.status not in (401, 403) or event.operation != phase.call.operation:
        return None
    parts = parse_challenges(event.www_authenticate)
    bearers = [part for part in parts if isinstance(part, Challenge) and part.is_bearer]
    answered = bearer_challenge(bearers) or Challenge("Bearer")
    scope = answered.get("scope")
    named = None if scope is None else read_scope(scope) or None
    return _Challenge(moved, phase, event, bearers, named, answered.get("error"))


# --- selection ------------------------------------------------------------------------------------


@law("CHAL-1", "GRANT-7", "STEP-3", "REG-2", "ACC-6", "OFFLINE-3", about=_requested)
def what_is_challenged_is_asked_for(request: _Request) -> bool | None:
    """Every scope that a challenge names is in the request that answers it."""
    if request.challenged.scope is None:
        return None
    return request.challenged.scope <= request.asked


@law("SEL-1", about=_requested)
def at_first_the_challenge_alone_decides(request: _Request) -> bool | None:
    """The first request asks for what the challenge names, and for nothing beside it."""
    if request.grant is not None or request.challenged.scope is None:
        return None
    return request.asked - _OFFLINE <= request.challenged.scope


@law("SEL-2", about=_requested)
def without_a_challenge_the_metadata_decides(request: _Request) -> bool | None:
    """A first request that answers no scopes asks for all that the resource metadata lists."""
    if request.grant is not None or request.challenged.scope is not None:
        return None
    return None if request.listed is None else same_scopes(request.asked - _OFFLINE, request.listed - _OFFLINE)


@law("SEL-3", "META-1", about=_requested)
def with_nothing_to_go_by_the_parameter_is_left_out(request: _Request) -> bool | None:
    """Without a challenge, a list or a configuration a first request sends no scope."""
    if request.grant is not None or request.challenged.scope is not None:
        return None
    if request.listed is not None or request.client.setup.configured is not None:
        return None
    return request.text is None


@law("SEL-4", about=_sends)
def what_is_sent_is_well_formed(moved: Transition) -> bool | None:
    """A scope parameter is sent once, and follows the grammar."""
    action = moved.action
    if not isinstance(action, (AuthorizationRequest, TokenRequest)) or action.scope is None:
        return None
    return isinstance(action.scope, str) and isinstance(parse_scope(action.scope), ScopeSet)


@law("SEL-5", about=_requested)
def the_metadata_says_nothing_about_the_challenge(request: _Request) -> bool | None:
    """Had the resource metadata listed other scopes, a challenge would be answered alike."""
    if request.challenged.scope is None:
        return None
    known, resource = request.client.memory, request.call.resource
    return all(
        same_scopes(request.chosen, request.choosing(Memory({resource: listed}, known.server_metadata, known.attempts)))
        for listed in (scopes("x"), request.challenged.scope)
    )


@law("SEL-6", "ACC-3", "ORDER-2", "EXT-1", "PARSE-1", about=_requested)
def nothing_is_asked_for_without_a_source(request: _Request) -> bool | None:
    """Every scope in a request was requested, granted, challenged, listed by the resource, or configured."""
    grant, challenged = request.grant, request.challenged.scope
    known = challenged if challenged is not None else request.listed or NO_SCOPES
    if grant is not None:
        known = known | grant.requested | (grant.granted or NO_SCOPES)
    return request.asked <= known | (request.client.setup.configured or NO_SCOPES) | _OFFLINE | (
        request.server_listed or NO_SCOPES
    )


@law("SEL-7", about=_requested)
def the_servers_own_list_is_no_source(request: _Request) -> bool | None:
    """Had the authorization server listed other scopes, the request would be the same, offline_access apart."""
    known = request.client.memory
    other = Memory(known.resource_metadata, {request.key.issuer: scopes("x y")}, known.attempts)
    return same_scopes(request.choosing(other) - _OFFLINE, request.chosen - _OFFLINE)


@law("SEL-8", "RETRY-5", about=_any)
def a_refused_request_is_not_sent_again(moved: Transition) -> bool | None:
    """An error of the authorization server goes to the application."""
    if not isinstance(moved.event, AuthorizationResponse) or moved.event.error is None:
        return None
    return isinstance(moved.action, Failed) if isinstance(moved.before.phase, Authorizing) else None


@law("ORDER-3", about=_requested)
def scopes_stand_in_first_seen_order(request: _Request) -> bool | None:
    """A request names what was requested before in the order of then, then what is new, each once."""
    if request.text is None:
        return None
    grant, news = request.grant, request.challenged.scope or request.listed or NO_SCOPES
    seen = news if grant is None else grant.requested | (grant.granted or NO_SCOPES) | news
    return request.text == str(request.asked) and (seen & request.asked) == (request.asked & seen)


@law("ORDER-1", about=_requested)
def order_carries_no_meaning(request: _Request) -> bool | None:
    """Had the challenge named its scopes in another order, the same scopes would be asked for."""
    if request.challenged.scope is None:
        return None
    backwards = replace(request.challenged, scope=ScopeSet(reversed(list(request.challenged.scope))))
    chosen = select(request.client, request.call, backwards, request.key.issuer)
    return same_scopes(chosen or NO_SCOPES, request.chosen)


# --- challenges -----------------------------------------------------------------------------------


@law("PARSE-2", "PARSE-3", "PARSE-4", "PARSE-5", "PARSE-6", "PARSE-7", "PARSE-8", "PARSE-9", about=_challenge)
def every_legal_spelling_is_read_alike(heard: _Challenge) -> bool | None:
    """However a challenge is spelled, it is answered as if it were spelled plainly."""
    if len(heard.bearers) != 1:
        return None
    plain = SPELLINGS["plain"](heard.bearers[0].parameters)
    return None if plain == heard.response.www_authenticate else heard.answer(plain) == heard.answer()


@law("CHAL-6", about=_challenge)
def a_first_challenge_needs_no_error_code(heard: _Challenge) -> bool | None:
    """A 401 is answered alike with an error code and without."""
    if heard.response.status != 401 or len(heard.bearers) != 1:
        return None
    others = [(name, value) for name, value in heard.bearers[0].parameters if name != "error"]
    plain = SPELLINGS["plain"]
    return heard.answer(plain(others)) == heard.answer(plain([("error", "invalid_token"), *others]))


@law("PARSE-10", "STEP-1", about=_challenge)
def no_challenge_is_swallowed(heard: _Challenge) -> bool | None:
    """Every challenge is followed by a request of the client's own, or by a failure that the application sees."""
    return not isinstance(heard.moved.action, (Noted, Served, Illegal))


@law("STEP-2", about=_challenge)
def a_first_step_up_is_tried(heard: _Challenge) -> bool | None:
    """A challenge for more than is held leads to the authorization server as long as attempts are left."""
    wanted, call, before = heard.scopes, heard.phase.call, heard.moved.before
    if heard.response.status != 403 or heard.error != "insufficient_scope" or wanted is None:
        return None
    grant = before.grant(call.resource)
    if before.memory.attempts.get(call, 0) or (grant and grant.in_hand is not None and wanted <= grant.in_hand):
        return None
    return not isinstance(heard.moved.action, Failed)


@law("CHAL-7", about=_challenge)
def a_bare_403_asks_for_nothing(heard: _Challenge) -> bool | None:
    """A 403 without insufficient_scope is a failure, and no wish for scopes."""
    if heard.response.status != 403 or heard.error == "insufficient_scope":
        return None
    return isinstance(heard.moved.action, Failed)


@law("CHAL-8", about=_challenge)
def a_token_just_issued_is_not_replaced(heard: _Challenge) -> bool | None:
    """A 401 on a token that this call has just been authorized for is a failure."""
    if heard.response.status != 401 or heard.phase.after != "authorization":
        return None
    return isinstance(heard.moved.action, Failed)


@law("CHAL-5", about=_any)
def a_call_is_never_refused_locally(moved: Transition) -> bool | None:
    """Whatever its token carries, a call is sent: only the server knows what covers it."""
    if not isinstance(moved.event, Call) or not isinstance(moved.before.phase, Idle):
        return None
    return isinstance(moved.action, (ResourceRequest, TokenRequest))


@law("META-3", about=_any)
def foreign_metadata_is_not_used(moved: Transition) -> bool | None:
    """Metadata that names another resource is a failure, and is not remembered."""
    phase, event = moved.before.phase, moved.event
    if not isinstance(phase, LearningResource) or not isinstance(event, ProtectedResourceMetadata):
        return None
    if event.resource is None or event.resource == phase.call.resource:
        return None
    return isinstance(moved.action, Failed) and moved.after.memory == moved.before.memory


@law("META-4", about=_challenge)
def metadata_that_is_pointed_to_is_fetched(heard: _Challenge) -> bool | None:
    """A challenge that names the resource metadata is followed by fetching it, where it leads to a request."""
    action = heard.moved.action
    if isinstance(action, Failed) or (isinstance(action, TokenRequest) and action.grant_type == REFRESH_TOKEN):
        return None
    named = any(bearer.get("resource_metadata") is not None for bearer in heard.bearers)
    return isinstance(action, FetchResourceMetadata) if named else None


# --- accumulation ---------------------------------------------------------------------------------


@law("ACC-1", "ACC-4", about=_any)
def requested_scopes_only_grow(moved: Transition) -> bool | None:
    """No step of a client takes back what it once asked for."""
    before, after, request = moved.before.storage.grants, moved.after.storage.grants, _requested(moved)
    if not before:
        return None
    if after is not before:
        if not all(grant.requested <= after[key].requested for key, grant in before.items() if key in after):
            return False
    return request is None or request.grant is None or request.grant.requested - _OFFLINE <= request.asked


@law("ACC-2", about=_requested)
def what_was_granted_is_asked_for_again(request: _Request) -> bool | None:
    """Whoever authorizes again asks for what was granted before, too."""
    if request.grant is None or request.grant.granted is None:
        return None
    return request.grant.granted - _OFFLINE <= request.asked


@law("ACC-5", about=_requested)
def a_challenge_already_covered_changes_nothing(request: _Request) -> bool | None:
    """A challenge for what was requested before leads to the very request of before."""
    if request.grant is None or request.challenged.scope is None:
        return None
    before = request.grant.requested | (request.grant.granted or NO_SCOPES)
    if not request.challenged.scope <= before:
        return None
    return same_scopes(request.asked - _OFFLINE, before - _OFFLINE)


@law("ACC-7", about=_any)
def one_account_never_touches_another(moved: Transition) -> bool | None:
    """What happens at one authorization server and resource changes, and is changed by, that account alone."""
    before, phase, request, asked = moved.before.storage.grants, moved.before.phase, _requested(moved), None
    if isinstance(moved.event, TokenResponse) and isinstance(phase, (Exchanging, Refreshing)):
        own = phase.key if isinstance(phase, Refreshing) else Key(phase.issuer, phase.call.resource)
        others = {key: grant for key, grant in before.items() if key != own}
        if any(moved.after.storage.grants.get(key) != grant for key, grant in others.items()):
            return False
        asked = True if others else None
    if request is None:
        return asked
    stored = request.client.storage
    alone = {} if request.grant is None else {request.key: request.grant}
    if len(alone) == len(stored.grants):
        return asked
    chosen = request.choosing(storage=Storage(alone, stored.issuers, stored.registered))
    return same_scopes(chosen, request.chosen)


@law("ACC-8", about=_any)
def a_restart_keeps_the_account(moved: Transition) -> bool | None:
    """A restart loses memory, and nothing that is stored; a failed refresh loses the refresh token alone."""
    if isinstance(moved.event, ClientRestarted):
        return moved.after == Client(moved.before.setup, moved.before.storage, Memory())
    phase, event = moved.before.phase, moved.event
    if isinstance(phase, Refreshing) and isinstance(event, TokenResponse) and event.access_token is None:
        before, after = moved.before.storage.grants[phase.key], moved.after.storage.grants[phase.key]
        return replace(before, refresh_token=None) == after
    return None


@law("ACC-10", about=_any)
def a_failure_changes_no_grant(moved: Transition) -> bool | None:
    """A call that fails leaves every account as it was."""
    if not isinstance(moved.action, Failed) or not moved.before.storage.grants:
        return None
    before, after, phase = moved.before.storage.grants, moved.after.storage.grants, moved.before.phase
    if isinstance(phase, Refreshing):
        # A refresh that failed on the way costs its refresh token, which is for another law to say (ACC-8).
        before = {**before, phase.key: replace(before[phase.key], refresh_token=None)}
    return after == before


@law("STEP-5", about=_challenge)
def a_wider_scope_needs_a_new_grant(heard: _Challenge) -> bool | None:
    """A challenge for what was never granted is not answered with a refresh."""
    grant, action = heard.moved.before.grant(heard.phase.call.resource), heard.moved.action
    if heard.response.status != 403 or heard.scopes is None or grant is None or grant.granted is None:
        return None
    if heard.scopes <= grant.granted:
        return None
    return not (isinstance(action, TokenRequest) and action.grant_type == REFRESH_TOKEN)


# --- the grant ------------------------------------------------------------------------------------


@law("GRANT-2", "GRANT-3", about=_issued)
def an_explicit_scope_is_the_grant(issued: _Issued) -> bool | None:
    """What a token response says was granted is what was granted, be it narrower or wider."""
    if issued.response.scope is None:
        return None
    said, grant = read_scope(issued.response.scope), issued.grant
    return grant.granted == said and grant.in_hand == said


@law("GRANT-1", about=_issued)
def an_omitted_scope_retains_what_was_asked(issued: _Issued) -> bool | None:
    """A token response that names no scope grants exactly what this request asked for."""
    if issued.response.scope is not None or issued.phase.asked is None:
        return None
    return issued.grant.granted == issued.phase.asked and issued.grant.in_hand == issued.phase.asked


@law("GRANT-4", about=_issued)
def nothing_asked_and_nothing_said_is_unknown(issued: _Issued) -> bool | None:
    """Where neither request nor response names a scope, nobody knows what was granted."""
    if issued.response.scope is not None or issued.phase.asked is not None:
        return None
    return issued.grant.granted is None and issued.grant.in_hand is None


@law("GRANT-5", about=_issued)
def a_token_says_nothing_of_itself(issued: _Issued) -> bool | None:
    """Whatever a token's own characters, the account is the same."""
    after, _ = issued.moved.step(issued.moved.before, replace(issued.response, access_token="t.scope=x.t"))
    key = Key(issued.phase.issuer, issued.phase.call.resource)
    grant = after.storage.grants[key]
    return (grant.granted, grant.in_hand) == (issued.grant.granted, issued.grant.in_hand)


@law("GRANT-6", about=_sends)
def a_code_is_exchanged_without_a_scope(moved: Transition) -> bool | None:
    """The exchange of an authorization code names no scope."""
    if not isinstance(moved.action, TokenRequest) or moved.action.grant_type != AUTHORIZATION_CODE:
        return None
    return moved.action.scope is None


@law("STEP-7", "OFFLINE-2", about=_issued)
def a_new_token_is_used_at_once(issued: _Issued) -> bool | None:
    """After a token comes the call for which it was asked, with that token, refresh token or not."""
    call, action = issued.phase.call, issued.moved.action
    return isinstance(action, ResourceRequest) and (action.operation, action.access_token) == (
        call.operation,
        issued.response.access_token,
    )


@law("EXT-2", about=_any)
def the_last_leg_decides(moved: Transition) -> bool | None:
    """The first leg of a token exchange changes no account."""
    if not isinstance(moved.before.phase, Asserting) or not isinstance(moved.event, TokenResponse):
        return None
    return moved.after.storage == moved.before.storage


@law("EXT-3", about=_sends)
def client_credentials_are_never_refreshed(moved: Transition) -> bool | None:
    """A client that has no user asks for a new token in place of a refresh."""
    if moved.before.setup.grant_type == AUTHORIZATION_CODE or not isinstance(moved.action, TokenRequest):
        return None
    return moved.action.grant_type != REFRESH_TOKEN


# --- refreshes ------------------------------------------------------------------------------------


@law("RETAIN-1", "REFRESH-3", about=_refreshed)
def a_silent_refresh_restores_the_grant(refreshed: _Refreshed) -> bool | None:
    """A refresh that names no scope, answered by none, brings a token for the whole grant."""
    if refreshed.response.scope is not None:
        return None
    return refreshed.after.in_hand == refreshed.before.granted


@law("RETAIN-2", about=_refreshed)
def a_refresh_narrows_the_token_alone(refreshed: _Refreshed) -> bool | None:
    """What a refresh brings is in hand; what was consented stays."""
    if refreshed.response.scope is None:
        return None
    before, after = refreshed.before, refreshed.after
    return after.in_hand == read_scope(refreshed.response.scope) and after.granted == before.granted


@law("RETAIN-3", about=_refreshed)
def the_newest_refresh_token_is_kept(refreshed: _Refreshed) -> bool | None:
    """A new refresh token replaces the old one; where none comes, the old one stays."""
    return refreshed.after.refresh_token == (refreshed.response.refresh_token or refreshed.before.refresh_token)


@law("RETAIN-4", about=_issued)
def a_refresh_token_speaks_for_its_own_grant(issued: _Issued) -> bool | None:
    """A new grant comes with its own refresh token, or with none."""
    if issued.moved.before.setup.grant_type != AUTHORIZATION_CODE:
        return None
    return issued.grant.refresh_token == issued.response.refresh_token


@law("REFRESH-1", "REFRESH-2", about=_sends)
def a_refresh_never_asks_outside_the_grant(moved: Transition) -> bool | None:
    """A refresh names no scope that was not granted, and none at all where the grant is unknown."""
    action, phase = moved.action, moved.after.phase
    if not isinstance(action, TokenRequest) or action.grant_type != REFRESH_TOKEN or not isinstance(phase, Refreshing):
        return None
    if action.scope is None:
        return True
    granted = moved.before.storage.grants[phase.key].granted
    return granted is not None and isinstance(action.scope, str) and read_scope(action.scope) <= granted


# --- offline access, registration, resource -------------------------------------------------------


@law("OFFLINE-1", about=_requested)
def offline_access_is_added_only_where_wanted_and_listed(request: _Request) -> bool | None:
    """A client adds offline_access only if it wants a refresh token and the authorization server lists the scope."""
    if OFFLINE_ACCESS not in request.asked:
        return None
    named = (request.challenged.scope or request.listed or NO_SCOPES) | (request.client.setup.configured or NO_SCOPES)
    if request.grant is not None:
        named = named | request.grant.requested | (request.grant.granted or NO_SCOPES)
    if OFFLINE_ACCESS in named:
        return None
    return request.client.setup.wants_refresh_token and OFFLINE_ACCESS in (request.server_listed or NO_SCOPES)


@law("OFFLINE-5", about=_sends)
def offline_access_comes_with_consent(moved: Transition) -> bool | None:
    """A request for offline_access prompts for consent."""
    if not isinstance(moved.action, AuthorizationRequest) or not isinstance(moved.action.scope, str):
        return None
    return moved.action.prompt == "consent" if OFFLINE_ACCESS in moved.action.scope.split(" ") else None


@law("OFFLINE-4", "REG-1", about=_any)
def registration_names_what_will_be_used(moved: Transition) -> bool | None:
    """A client that wants refresh tokens registers for them, and registers for no scope in particular."""
    action, setup = moved.action, moved.after.setup
    if not isinstance(action, ClientRegistration):
        return None
    wants = setup.wants_refresh_token and setup.grant_type == AUTHORIZATION_CODE
    return action.scope is None and (not wants or REFRESH_TOKEN in (action.grant_types or ()))


@law("ISO-1", about=_sends)
def every_request_names_its_resource(moved: Transition) -> bool | None:
    """Each request to an authorization server names the resource of the call that caused it."""
    action, phase = moved.action, moved.after.phase
    if not isinstance(action, (AuthorizationRequest, TokenRequest)):
        return None
    if not isinstance(phase, (Authorizing, Exchanging, Asserting, Refreshing)):
        return None
    return action.resource == phase.call.resource


# --- attempts -------------------------------------------------------------------------------------


@law("RETRY-1", "RETRY-2", "RETRY-4", about=_any)
def attempts_are_few_and_counted_by_operation(moved: Transition) -> bool | None:
    """Each request for scopes counts against its own operation until that is served, and the count is bounded."""
    before, after, request = moved.before.memory.attempts, moved.after.memory.attempts, _requested(moved)
    if isinstance(moved.event, ClientRestarted):
        return None
    if request is not None:
        count = before.get(request.call, 0) + 1
        return after == {**before, request.call: count} and count <= moved.before.setup.policy.attempts
    if not before:
        return None
    if isinstance(moved.action, Served):
        return after == {call: count for call, count in before.items() if call != moved.action.call}
    return after == before


@law("RETRY-3", "OFFLINE-6", about=_requested)
def nothing_is_asked_for_twice_without_progress(request: _Request) -> bool | None:
    """After a first attempt a step-up asks again only for what the token still lacks, offline_access apart."""
    if request.challenged.status != 403 or request.grant is None:
        return None
    if request.grant.in_hand is None or request.client.memory.attempts.get(request.call, 0) < 2:
        return None
    return not (request.challenged.scope or request.asked) - _OFFLINE <= request.grant.in_hand


@law(about=_any)
def an_illegal_event_changes_nothing(moved: Transition) -> bool | None:
    """An event that has no place leaves the client as it was, and says so."""
    return moved.after is moved.before if isinstance(moved.action, Illegal) else None


def broken_by(moved: Transition, reached: dict[str, int] | None = None) -> list[str]:
    """The names of the laws that a transition breaks; counts in `reached` those that apply to it.

    Where the table says that an event has no place, one law alone applies.
    """
    illegal = type(moved.event) not in TRANSITIONS[type(moved.before.phase)]
    broken = set()
    for about, laws in _OF_AN_ILLEGAL_EVENT if illegal else _BY_TOPIC.items():
        topic = about(moved)
        if topic is None:
            continue
        for stated in laws:
            holds = stated.holds(topic)
            if holds is None:
                continue
            if reached is not None:
                reached[stated.name] = reached.get(stated.name, 0) + 1
            if not holds:
                broken.add(stated.name)
    return [name for name in _LAWS if name in broken] if broken else []


_OF_AN_ILLEGAL_EVENT: Final = ((_any, [_LAWS[an_illegal_event_changes_nothing.__name__]]),)

__all__ = ["LAWS", "Law", "broken_by", "law"]

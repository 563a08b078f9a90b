"""The laws: what must hold of every step that a reference client takes, each a function that reads as its name.

A law looks at one transition: the client before, the event, the client after, and what it did. It answers True or
False, or None where it does not apply; a law that never applied proved nothing, so that reach is counted. Some
ask what the same client would have done had the event been another: a client is a value, so it can be asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from scope_model.challenges import Challenge, parse_challenges
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
    FetchResourceMetadata,
    Grant,
    Idle,
    Illegal,
    Key,
    LearningResource,
    Memory,
    Noted,
    Refreshing,
    Served,
    no,
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
    ProtectedResourceMetadata,
    ResourceRequest,
    ResourceResponse,
    TokenRequest,
    TokenResponse,
)
from scope_model.misreadings import Heading, read_challenge
from scope_model.scopes import NO_SCOPES, ScopeSet, parse_scope, read_scope, same_scopes, scopes
from scope_model.servers import SPELLINGS

from .episodes import Transition

_OFFLINE: Final = scopes(OFFLINE_ACCESS)


Holds = Callable[["Transition"], bool | None]
About = Callable[["Transition"], object]
"""What a law speaks of, found in a transition: None where there is no such thing, and no need to ask the law."""


@dataclass(frozen=True, slots=True)
class Law:
    """An invariant: its name and sentence, the clauses that it states, the check itself, and what it is about."""

    name: str
    says: str
    clauses: tuple[str, ...]
    holds: Holds
    about: About | None = None


_LAWS: Final[dict[str, Law]] = {}
LAWS: Final = MappingProxyType(_LAWS)
"""Every law, by name."""


def law(*clauses: str, about: About | None = None) -> Callable[[Holds], Holds]:
    """Enter a function into the book of laws, under the clauses that it states."""

    def enter(holds: Holds) -> Holds:
        _LAWS[holds.__name__] = Law(holds.__name__, (holds.__doc__ or "").strip(), clauses, holds, about)
        return holds

    return enter


# --- what a transition asks for -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Request:
    """A request for scopes that a transition sends, and what it answers."""

    client: Client
    call: Call
    key: Key
    challenged: Challenged
    scope: ScopeSet | None
    text: str | None

    def chosen(self, client: Client | None = None) -> ScopeSet:
        """What this client's policy selects here, or what it would, were it `client`."""
        return select(client or self.client, self.call, self.challenged, self.key.issuer) or NO_SCOPES

    @property
    def grant(self) -> Grant | None:
        return self.client.storage.grants.get(self.key)

    @property
    def asked(self) -> ScopeSet:
        return self.scope or NO_SCOPES

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
    if not isinstance(phase, Authorizing | Exchanging | Asserting):
        return None
    challenged = moved.challenged
    if challenged is None:
        return None
    text = action.scope if isinstance(action.scope, str | None) else " ".join(action.scope)
    key = Key(phase.issuer, phase.call.resource)
    return _Request(moved.after, phase.call, key, challenged, None if text is None else read_scope(text) or None, text)


def _held(moved: Transition) -> Iterator[tuple[Key, Grant, Grant]]:
    """Every account that was there before and is there after."""
    for key, before in moved.before.storage.grants.items():
        after = moved.after.storage.grants.get(key)
        if after is not None:
            yield key, before, after


def _issued(moved: Transition) -> tuple[Exchanging, TokenResponse, Grant] | None:
    """The grant that this transition writes down, with the response that it comes from."""
    phase, event = moved.before.phase, moved.event
    if not isinstance(phase, Exchanging) or not isinstance(event, TokenResponse) or event.access_token is None:
        return None
    grant = moved.after.storage.grants.get(Key(phase.issuer, phase.call.resource))
    return None if grant is None else (phase, event, grant)


def _refreshed(moved: Transition) -> tuple[TokenResponse, Grant, Grant] | None:
    """The refresh that this transition takes in, with the account before and after."""
    phase, event = moved.before.phase, moved.event
    if not isinstance(phase, Refreshing) or not isinstance(event, TokenResponse) or event.access_token is None:
        return None
    return event, moved.before.storage.grants[phase.key], moved.after.storage.grants[phase.key]


@lru_cache(maxsize=1)
def _challenge(moved: Transition) -> tuple[ResourceResponse, Heading] | None:
    """The challenge that this transition hears while it waits for one."""
    if isinstance(moved.before.phase, Calling) and isinstance(moved.event, ResourceResponse):
        if moved.event.status in (401, 403) and moved.event.operation == moved.before.phase.call.operation:
            return moved.event, read_challenge(moved.event.www_authenticate)
    return None


# --- selection ------------------------------------------------------------------------------------


@law("CHAL-1", "GRANT-7", "STEP-3", "REG-2", "ACC-6", "OFFLINE-3", about=_requested)
def what_is_challenged_is_asked_for(moved: Transition) -> bool | None:
    """Every scope that a challenge names is in the request that answers it."""
    request = _requested(moved)
    if request is None or request.challenged.scope is None:
        return None
    return request.challenged.scope <= request.asked


@law("SEL-1", about=_requested)
def at_first_the_challenge_alone_decides(moved: Transition) -> bool | None:
    """The first request asks for what the challenge names, and for nothing beside it."""
    request = _requested(moved)
    if request is None or request.grant is not None or request.challenged.scope is None:
        return None
    return request.asked - _OFFLINE <= request.challenged.scope


@law("SEL-2", about=_requested)
def without_a_challenge_the_metadata_decides(moved: Transition) -> bool | None:
    """A first request that answers no scopes asks for all that the resource metadata lists."""
    request = _requested(moved)
    if request is None or request.grant is not None or request.challenged.scope is not None:
        return None
    return None if request.listed is None else same_scopes(request.asked - _OFFLINE, request.listed - _OFFLINE)


@law("SEL-3", "META-1", about=_requested)
def with_nothing_to_go_by_the_parameter_is_left_out(moved: Transition) -> bool | None:
    """Without a challenge, a list or a configuration a first request sends no scope."""
    request = _requested(moved)
    if request is None or request.grant is not None or request.challenged.scope is not None:
        return None
    if request.listed is not None or request.client.setup.configured is not None:
        return None
    return request.text is None


@law("SEL-4")
def what_is_sent_is_well_formed(moved: Transition) -> bool | None:
    """A scope parameter is sent once, and follows the grammar."""
    action = moved.action
    if not isinstance(action, AuthorizationRequest | TokenRequest) or action.scope is None:
        return None
    return isinstance(action.scope, str) and isinstance(parse_scope(action.scope), ScopeSet)


@law("SEL-5", about=_requested)
def the_metadata_says_nothing_about_the_challenge(moved: Transition) -> bool | None:
    """Had the resource metadata listed other scopes, a challenge would be answered alike."""
    request = _requested(moved)
    if request is None or request.challenged.scope is None:
        return None
    memory = request.client.memory
    for listed in (scopes("x"), request.challenged.scope):
        other = replace(memory, resource_metadata={**memory.resource_metadata, request.call.resource: listed})
        if not same_scopes(request.chosen(replace(request.client, memory=other)), request.chosen()):
            return False
    return True


@law("SEL-6", "ACC-3", "ORDER-2", "EXT-1", "PARSE-1", about=_requested)
def nothing_is_asked_for_without_a_source(moved: Transition) -> bool | None:
    """Every scope in a request was requested, granted, challenged, listed by the resource, or configured."""
    request = _requested(moved)
    if request is None:
        return None
    grant, challenged = request.grant, request.challenged.scope
    known = challenged if challenged is not None else request.listed or NO_SCOPES
    if grant is not None:
        known = known | grant.requested | (grant.granted or NO_SCOPES)
    return request.asked <= known | (request.client.setup.configured or NO_SCOPES) | _OFFLINE | (
        request.server_listed or NO_SCOPES
    )


@law("SEL-7", about=_requested)
def the_servers_own_list_is_no_source(moved: Transition) -> bool | None:
    """Had the authorization server listed other scopes, the request would be the same, offline_access apart."""
    request = _requested(moved)
    if request is None:
        return None
    memory = request.client.memory
    other = replace(memory, server_metadata={**memory.server_metadata, request.key.issuer: scopes("x y")})
    chosen = request.chosen(replace(request.client, memory=other))
    return same_scopes(chosen - _OFFLINE, request.chosen() - _OFFLINE)


@law("SEL-8", "RETRY-5")
def a_refused_request_is_not_sent_again(moved: Transition) -> bool | None:
    """An error of the authorization server goes to the application."""
    if not isinstance(moved.event, AuthorizationResponse) or moved.event.error is None:
        return None
    return isinstance(moved.action, Failed) if isinstance(moved.before.phase, Authorizing) else None


@law("ORDER-3", about=_requested)
def scopes_stand_in_first_seen_order(moved: Transition) -> bool | None:
    """A request names what was requested before in the order of then, then what is new, each once."""
    request = _requested(moved)
    if request is None or request.text is None:
        return None
    grant, news = request.grant, request.challenged.scope or request.listed or NO_SCOPES
    seen = news if grant is None else grant.requested | (grant.granted or NO_SCOPES) | news
    return request.text == str(request.asked) and (seen & request.asked) == (request.asked & seen)


@law("ORDER-1", about=_requested)
def order_carries_no_meaning(moved: Transition) -> bool | None:
    """Had the challenge named its scopes in another order, the same scopes would be asked for."""
    request = _requested(moved)
    if request is None or request.challenged.scope is None:
        return None
    backwards = replace(request.challenged, scope=ScopeSet(reversed(list(request.challenged.scope))))
    chosen = select(request.client, request.call, backwards, request.key.issuer)
    return same_scopes(chosen or NO_SCOPES, request.chosen())


# --- challenges -----------------------------------------------------------------------------------


@law("PARSE-2", "PARSE-3", "PARSE-4", "PARSE-5", "PARSE-6", "PARSE-7", "PARSE-8", "PARSE-9", about=_challenge)
def every_legal_spelling_is_read_alike(moved: Transition) -> bool | None:
    """However a challenge is spelled, it is answered as if it were spelled plainly."""
    heard = _challenge(moved)
    if heard is None or moved.event != heard[0]:
        return None
    response = heard[0]
    bearers = [part for part in parse_challenges(response.www_authenticate) if isinstance(part, Challenge)]
    plain = [part for part in bearers if part.is_bearer]
    if len(plain) != 1:
        return None
    lines = SPELLINGS["plain"](plain[0].parameters)
    after, action = moved.step(moved.before, replace(response, www_authenticate=lines))
    return action == moved.action and after == moved.after


@law("CHAL-6", about=_challenge)
def a_first_challenge_needs_no_error_code(moved: Transition) -> bool | None:
    """A 401 is answered alike with an error code and without."""
    heard = _challenge(moved)
    if heard is None or heard[0].status != 401:
        return None
    bearers = [part for part in parse_challenges(heard[0].www_authenticate) if isinstance(part, Challenge)]
    if len(bearers) != 1 or not bearers[0].is_bearer:
        return None
    others = [(name, value) for name, value in bearers[0].parameters if name != "error"]
    answers = []
    for parameters in (others, [("error", "invalid_token"), *others]):
        event = replace(heard[0], www_authenticate=SPELLINGS["plain"](parameters))
        answers.append(moved.step(moved.before, event))
    return answers[0] == answers[1]


@law("PARSE-10", "STEP-1")
def no_challenge_is_swallowed(moved: Transition) -> bool | None:
    """Every challenge is followed by a request of the client's own, or by a failure that the application sees."""
    if _challenge(moved) is None:
        return None
    return not isinstance(moved.action, Noted | Served | Illegal)


@law("STEP-2", about=_challenge)
def a_first_step_up_is_tried(moved: Transition) -> bool | None:
    """A challenge for more than is held leads to the authorization server as long as attempts are left."""
    heard = _challenge(moved)
    if heard is None or heard[0].status != 403 or heard[1].error != "insufficient_scope":
        return None
    wanted, call = (
        heard[1].scopes,
        moved.before.phase.call if isinstance(moved.before.phase, Calling) else None,
    )
    grant = None if call is None else moved.before.grant(call.resource)
    if call is None or wanted is None or (grant is not None and grant.in_hand is not None and wanted <= grant.in_hand):
        return None
    if moved.before.memory.attempts.get(call, 0):
        return None
    return not isinstance(moved.action, Failed)


@law("CHAL-7", about=_challenge)
def a_bare_403_asks_for_nothing(moved: Transition) -> bool | None:
    """A 403 without insufficient_scope is a failure, and no wish for scopes."""
    heard = _challenge(moved)
    if heard is None or heard[0].status != 403 or heard[1].error == "insufficient_scope":
        return None
    return isinstance(moved.action, Failed)


@law("CHAL-8", about=_challenge)
def a_token_just_issued_is_not_replaced(moved: Transition) -> bool | None:
    """A 401 on a token that this call has just been authorized for is a failure."""
    heard, phase = _challenge(moved), moved.before.phase
    if heard is None or heard[0].status != 401 or not isinstance(phase, Calling) or phase.after != "authorization":
        return None
    return isinstance(moved.action, Failed)


@law("CHAL-5")
def a_call_is_never_refused_locally(moved: Transition) -> bool | None:
    """Whatever its token carries, a call is sent: only the server knows what covers it."""
    if not isinstance(moved.event, Call) or not isinstance(moved.before.phase, Idle):
        return None
    return isinstance(moved.action, ResourceRequest | TokenRequest)


@law("META-3")
def foreign_metadata_is_not_used(moved: Transition) -> bool | None:
    """Metadata that names another resource is a failure, and is not remembered."""
    phase, event = moved.before.phase, moved.event
    if not isinstance(phase, LearningResource) or not isinstance(event, ProtectedResourceMetadata):
        return None
    if event.resource is None or event.resource == phase.call.resource:
        return None
    return isinstance(moved.action, Failed) and moved.after.memory == moved.before.memory


@law("META-4", about=_challenge)
def metadata_that_is_pointed_to_is_fetched(moved: Transition) -> bool | None:
    """A challenge that names the resource metadata is followed by fetching it, where it leads to a request."""
    heard = _challenge(moved)
    if heard is None or isinstance(moved.action, Failed):
        return None
    named = any(
        isinstance(part, Challenge) and part.is_bearer and part.get("resource_metadata") is not None
        for part in parse_challenges(heard[0].www_authenticate)
    )
    refreshes = isinstance(moved.action, TokenRequest) and moved.action.grant_type == REFRESH_TOKEN
    return None if not named or refreshes else isinstance(moved.action, FetchResourceMetadata)


# --- accumulation ---------------------------------------------------------------------------------


@law("ACC-1", "ACC-4")
def requested_scopes_only_grow(moved: Transition) -> bool | None:
    """No step of a client takes back what it once asked for."""
    accounts = list(_held(moved))
    if not accounts:
        return None
    request = _requested(moved)
    kept = all(before.requested <= after.requested for _, before, after in accounts)
    asks_again = request is None or request.grant is None or request.grant.requested - _OFFLINE <= request.asked
    return kept and asks_again


@law("ACC-2", about=_requested)
def what_was_granted_is_asked_for_again(moved: Transition) -> bool | None:
    """Whoever authorizes again asks for what was granted before, too."""
    request = _requested(moved)
    if request is None or request.grant is None or request.grant.granted is None:
        return None
    return request.grant.granted - _OFFLINE <= request.asked


@law("ACC-5", about=_requested)
def a_challenge_already_covered_changes_nothing(moved: Transition) -> bool | None:
    """A challenge for what was requested before leads to the very request of before."""
    request = _requested(moved)
    if request is None or request.grant is None or request.challenged.scope is None:
        return None
    before = request.grant.requested | (request.grant.granted or NO_SCOPES)
    if not request.challenged.scope <= before:
        return None
    return same_scopes(request.asked - _OFFLINE, before - _OFFLINE)


@law("ACC-7")
def one_account_never_touches_another(moved: Transition) -> bool | None:
    """What happens at one authorization server and resource changes, and is changed by, that account alone."""
    phase = moved.before.phase
    key = phase.key if isinstance(phase, Refreshing) else None
    if isinstance(phase, Authorizing | Exchanging | Asserting):
        key = Key(phase.issuer, phase.call.resource)
    others = {known: grant for known, grant in moved.before.storage.grants.items() if known != key}
    if not others or isinstance(moved.event, ClientRestarted):
        return None
    if isinstance(phase, Exchanging | Refreshing) and isinstance(moved.event, TokenResponse):
        if any(moved.after.storage.grants.get(known) != grant for known, grant in others.items()):
            return False
    request = _requested(moved)
    if request is None:
        return True
    storage = request.client.storage
    alone = {known: grant for known, grant in storage.grants.items() if known == request.key}
    chosen = request.chosen(replace(request.client, storage=replace(storage, grants=alone)))
    return same_scopes(chosen, request.chosen())


@law("ACC-8")
def a_restart_keeps_the_account(moved: Transition) -> bool | None:
    """A restart loses memory, and nothing that is stored; a failed refresh loses the refresh token alone."""
    if isinstance(moved.event, ClientRestarted):
        return moved.after == Client(moved.before.setup, moved.before.storage, Memory())
    phase, event = moved.before.phase, moved.event
    if isinstance(phase, Refreshing) and isinstance(event, TokenResponse) and event.access_token is None:
        before, after = moved.before.storage.grants[phase.key], moved.after.storage.grants[phase.key]
        return replace(before, refresh_token=None) == after
    return None


@law("ACC-10")
def a_failure_changes_no_grant(moved: Transition) -> bool | None:
    """A call that fails leaves every account as it was."""
    if not isinstance(moved.action, Failed) or not moved.before.storage.grants:
        return None
    return moved.after.storage.grants == moved.before.storage.grants


@law("STEP-5", about=_challenge)
def a_wider_scope_needs_a_new_grant(moved: Transition) -> bool | None:
    """A challenge for what was never granted is not answered with a refresh."""
    heard, phase = _challenge(moved), moved.before.phase
    if heard is None or not isinstance(phase, Calling) or heard[0].status != 403 or heard[1].scopes is None:
        return None
    grant = moved.before.grant(phase.call.resource)
    if grant is None or grant.granted is None or heard[1].scopes <= grant.granted:
        return None
    return not (isinstance(moved.action, TokenRequest) and moved.action.grant_type == REFRESH_TOKEN)


# --- the grant ------------------------------------------------------------------------------------


@law("GRANT-2", "GRANT-3", about=_issued)
def an_explicit_scope_is_the_grant(moved: Transition) -> bool | None:
    """What a token response says was granted is what was granted, be it narrower or wider."""
    issued = _issued(moved)
    if issued is None or issued[1].scope is None:
        return None
    said, grant = read_scope(issued[1].scope), issued[2]
    return grant.granted == said and grant.in_hand == said


@law("GRANT-1", about=_issued)
def an_omitted_scope_retains_what_was_asked(moved: Transition) -> bool | None:
    """A token response that names no scope grants exactly what this request asked for."""
    issued = _issued(moved)
    if issued is None or issued[1].scope is not None or issued[0].asked is None:
        return None
    return issued[2].granted == issued[0].asked and issued[2].in_hand == issued[0].asked


@law("GRANT-4", about=_issued)
def nothing_asked_and_nothing_said_is_unknown(moved: Transition) -> bool | None:
    """Where neither request nor response names a scope, nobody knows what was granted."""
    issued = _issued(moved)
    if issued is None or issued[1].scope is not None or issued[0].asked is not None:
        return None
    return issued[2].granted is None and issued[2].in_hand is None


@law("GRANT-5", about=_issued)
def a_token_says_nothing_of_itself(moved: Transition) -> bool | None:
    """Whatever a token's own characters, the account is the same."""
    issued = _issued(moved)
    if issued is None:
        return None
    after, _ = moved.step(moved.before, replace(issued[1], access_token="t.scope=x.t"))
    key = Key(issued[0].issuer, issued[0].call.resource)
    grant = after.storage.grants[key]
    return (grant.granted, grant.in_hand) == (issued[2].granted, issued[2].in_hand)


@law("GRANT-6")
def a_code_is_exchanged_without_a_scope(moved: Transition) -> bool | None:
    """The exchange of an authorization code names no scope."""
    if not isinstance(moved.action, TokenRequest) or moved.action.grant_type != AUTHORIZATION_CODE:
        return None
    return moved.action.scope is None


@law("STEP-7", "OFFLINE-2", about=_issued)
def a_new_token_is_used_at_once(moved: Transition) -> bool | None:
    """After a token comes the call for which it was asked, with that token, refresh token or not."""
    issued = _issued(moved)
    if issued is None:
        return None
    call, action = issued[0].call, moved.action
    return isinstance(action, ResourceRequest) and (action.operation, action.access_token) == (
        call.operation,
        issued[1].access_token,
    )


@law("EXT-2")
def the_last_leg_decides(moved: Transition) -> bool | None:
    """The first leg of a token exchange changes no account."""
    if not isinstance(moved.before.phase, Asserting) or not isinstance(moved.event, TokenResponse):
        return None
    return moved.after.storage == moved.before.storage


@law("EXT-3")
def client_credentials_are_never_refreshed(moved: Transition) -> bool | None:
    """A client that has no user asks for a new token in place of a refresh."""
    if moved.before.setup.grant_type == AUTHORIZATION_CODE or not isinstance(moved.action, TokenRequest):
        return None
    return moved.action.grant_type != REFRESH_TOKEN


# --- refreshes ------------------------------------------------------------------------------------


@law("RETAIN-1", "REFRESH-3", about=_refreshed)
def a_silent_refresh_restores_the_grant(moved: Transition) -> bool | None:
    """A refresh that names no scope, answered by none, brings a token for the whole grant."""
    refreshed = _refreshed(moved)
    if refreshed is None or refreshed[0].scope is not None:
        return None
    return refreshed[2].in_hand == refreshed[1].granted


@law("RETAIN-2", about=_refreshed)
def a_refresh_narrows_the_token_alone(moved: Transition) -> bool | None:
    """What a refresh brings is in hand; what was consented stays."""
    refreshed = _refreshed(moved)
    if refreshed is None or refreshed[0].scope is None:
        return None
    return refreshed[2].in_hand == read_scope(refreshed[0].scope) and refreshed[2].granted == refreshed[1].granted


@law("RETAIN-3", about=_refreshed)
def the_newest_refresh_token_is_kept(moved: Transition) -> bool | None:
    """A new refresh token replaces the old one; where none comes, the old one stays."""
    refreshed = _refreshed(moved)
    if refreshed is None:
        return None
    return refreshed[2].refresh_token == (refreshed[0].refresh_token or refreshed[1].refresh_token)


@law("RETAIN-4", about=_issued)
def a_refresh_token_speaks_for_its_own_grant(moved: Transition) -> bool | None:
    """A new grant comes with its own refresh token, or with none."""
    issued = _issued(moved)
    if issued is None or moved.before.setup.grant_type != AUTHORIZATION_CODE:
        return None
    return issued[2].refresh_token == issued[1].refresh_token


@law("REFRESH-1", "REFRESH-2")
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
def offline_access_is_added_only_where_wanted_and_listed(moved: Transition) -> bool | None:
    """A client adds offline_access only if it wants a refresh token and the authorization server lists the scope."""
    request = _requested(moved)
    if request is None or OFFLINE_ACCESS not in request.asked:
        return None
    named = (request.challenged.scope or request.listed or NO_SCOPES) | (request.client.setup.configured or NO_SCOPES)
    if request.grant is not None:
        named = named | request.grant.requested | (request.grant.granted or NO_SCOPES)
    if OFFLINE_ACCESS in named:
        return None
    return request.client.setup.wants_refresh_token and OFFLINE_ACCESS in (request.server_listed or NO_SCOPES)


@law("OFFLINE-5")
def offline_access_comes_with_consent(moved: Transition) -> bool | None:
    """A request for offline_access prompts for consent."""
    if not isinstance(moved.action, AuthorizationRequest) or not isinstance(moved.action.scope, str):
        return None
    return moved.action.prompt == "consent" if OFFLINE_ACCESS in moved.action.scope.split(" ") else None


@law("OFFLINE-4", "REG-1")
def registration_names_what_will_be_used(moved: Transition) -> bool | None:
    """A client that wants refresh tokens registers for them, and registers for no scope in particular."""
    action, setup = moved.action, moved.after.setup
    if not isinstance(action, ClientRegistration):
        return None
    wants = setup.wants_refresh_token and setup.grant_type == AUTHORIZATION_CODE
    return action.scope is None and (not wants or REFRESH_TOKEN in (action.grant_types or ()))


@law("ISO-1")
def every_request_names_its_resource(moved: Transition) -> bool | None:
    """Each request to an authorization server names the resource of the call that caused it."""
    action, phase = moved.action, moved.after.phase
    if not isinstance(action, AuthorizationRequest | TokenRequest):
        return None
    if not isinstance(phase, Authorizing | Exchanging | Asserting | Refreshing):
        return None
    return action.resource == phase.call.resource


# --- attempts -------------------------------------------------------------------------------------


@law("RETRY-1", "RETRY-2", "RETRY-4")
def attempts_are_few_and_counted_by_operation(moved: Transition) -> bool | None:
    """Each request for scopes counts against its own operation until that is served, and the count is bounded."""
    before, after = moved.before.memory.attempts, moved.after.memory.attempts
    if isinstance(moved.event, ClientRestarted):
        return None
    request = _requested(moved)
    if request is None:
        served = moved.action.call if isinstance(moved.action, Served) else None
        return after == {call: count for call, count in before.items() if call != served} if before else None
    others = {call: count for call, count in before.items() if call != request.call}
    count = before.get(request.call, 0) + 1
    return after == {**others, request.call: count} and count <= moved.before.setup.policy.attempts


@law("RETRY-3", "OFFLINE-6", about=_requested)
def nothing_is_asked_for_twice_without_progress(moved: Transition) -> bool | None:
    """After a first attempt a step-up asks again only for what the token still lacks, offline_access apart."""
    request = _requested(moved)
    if request is None or request.challenged.status != 403 or request.grant is None:
        return None
    if request.grant.in_hand is None or request.client.memory.attempts.get(request.call, 0) < 2:
        return None
    return not (request.challenged.scope or request.asked) - _OFFLINE <= request.grant.in_hand


@law()
def an_illegal_event_changes_nothing(moved: Transition) -> bool | None:
    """An event that has no place leaves the client as it was, and says so."""
    return moved.after is moved.before if isinstance(moved.action, Illegal) else None


def broken_by(moved: Transition, reached: dict[str, int] | None = None) -> list[str]:
    """The names of the laws that a transition breaks; counts in `reached` those that apply to it.

    Where the table says that an event has no place, one law alone applies.
    """
    broken = []
    illegal = TRANSITIONS[type(moved.before.phase)][type(moved.event)] is no
    there: dict[About | None, bool] = {None: True}
    if not illegal:
        there.update((about, about(moved) is not None) for about in _ABOUT)
    for name in (an_illegal_event_changes_nothing.__name__,) if illegal else _LAWS:
        stated = _LAWS[name]
        if not there[stated.about]:
            continue
        holds = stated.holds(moved)
        if holds is not None and reached is not None:
            reached[name] = reached.get(name, 0) + 1
        if holds is False:
            broken.append(name)
    return broken


_ABOUT: Final[tuple[About, ...]] = (_requested, _issued, _refreshed, _challenge)

__all__ = ["LAWS", "Law", "broken_by", "law"]

"""The client half: `step(client, event) -> (client, action)`.

Rule 1: everything that affects the state machine is in this file and nowhere else. A client is a value;
`step` is total: an event that the phase has no use for leaves the client unchanged and says so (`Illegal`).

Theory of operation. The application asks for a `Call`. The client sends a `ResourceRequest`; where that is
challenged it learns the resource's and the authorization server's metadata, registers, chooses its scopes by
its policy, authorizes, exchanges the code and sends the request again. What it must never confuse are three
scope sets for each (issuer, resource):

    requested   what it last asked for, and with what it once asked for in it           R
    granted     what the resource owner consented to: the scope of the refresh token    G, or unknown
    in_hand     what the access token in hand carries: a refresh may narrow it          T, or unknown

What is kept where says what a restart costs: `Storage` survives it, `Memory` does not (ACC-8).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, assert_never, get_args
from urllib.parse import urlsplit

from .challenges import bearer_challenge, parse_challenges
from .events import (
    AUTHORIZATION_CODE,
    JWT_BEARER,
    OFFLINE,
    OFFLINE_ACCESS,
    REFRESH_TOKEN,
    TOKEN_EXCHANGE,
    AuthorizationRequest,
    AuthorizationResponse,
    AuthorizationServerMetadata,
    ClientRegistration,
    ClientRestarted,
    FetchResourceMetadata,
    FetchServerMetadata,
    Key,
    ProtectedResourceMetadata,
    RegistrationResponse,
    ResourceRequest,
    ResourceResponse,
    Sent,
    TokenExpired,
    TokenRequest,
    TokenResponse,
    Unavailable,
)
from .policies import Policy, mcp_2026_07_28
from .scopes import NO_SCOPES, ScopeSet, read_scope
from .selections import Sources

# --- what a client hears and does -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Call:
    """The application asks for an operation of a resource: the only event that does not come off the wire."""

    resource: str
    operation: str


Heard = (
    Call
    | ResourceResponse
    | ProtectedResourceMetadata
    | AuthorizationServerMetadata
    | Unavailable
    | RegistrationResponse
    | AuthorizationResponse
    | TokenResponse
    | TokenExpired
    | ClientRestarted
)


@dataclass(frozen=True, slots=True)
class Served:
    """The call succeeded."""

    call: Call


@dataclass(frozen=True, slots=True)
class Failed:
    """The call failed; `reason` is one sentence for the application."""

    call: Call
    reason: str


@dataclass(frozen=True, slots=True)
class Noted:
    """The event was taken in; there is nothing to do."""


@dataclass(frozen=True, slots=True)
class Illegal:
    """The event has no place in this phase; the client is unchanged."""

    reason: str


Action = Sent | FetchResourceMetadata | FetchServerMetadata | Served | Failed | Noted | Illegal


# --- what a client knows --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Grant:
    """The account of one key: the three scope sets, and the tokens that they speak of."""

    requested: ScopeSet
    granted: ScopeSet | None
    in_hand: ScopeSet | None
    access_token: str
    refresh_token: str | None = None
    expired: bool = False


@dataclass(frozen=True, slots=True)
class Setup:
    """How the application set the client up."""

    policy: Policy = mcp_2026_07_28
    configured: ScopeSet | None = None
    wants_refresh_token: bool = True
    grant_type: str = AUTHORIZATION_CODE


@dataclass(frozen=True, slots=True)
class Storage:
    """What survives a restart: grants, which issuer each resource was authorized at, and registrations."""

    grants: Mapping[Key, Grant] = field(default_factory=dict)
    issuers: Mapping[str, str] = field(default_factory=dict)
    registered: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Memory:
    """What a restart loses: metadata, and how many authorization requests each operation has caused."""

    resource_metadata: Mapping[str, ScopeSet | None] = field(default_factory=dict)
    server_metadata: Mapping[str, ScopeSet | None] = field(default_factory=dict)
    attempts: Mapping[Call, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Challenged:
    """What a 401 or 403 said: its scopes, and whether it named the resource metadata and insufficient_scope."""

    status: int
    scope: ScopeSet | None
    names_metadata: bool
    insufficient_scope: bool


@dataclass(frozen=True, slots=True)
class Idle:
    """Between calls."""


@dataclass(frozen=True, slots=True)
class Calling:
    """A request is on its way; `after` says what renewed its token within this call, if anything did."""

    call: Call
    after: str | None = None


@dataclass(frozen=True, slots=True)
class LearningResource:
    """Waiting for the protected resource metadata."""

    call: Call
    challenged: Challenged


@dataclass(frozen=True, slots=True)
class LearningServer:
    """Waiting for the authorization server metadata."""

    call: Call
    challenged: Challenged
    issuer: str


@dataclass(frozen=True, slots=True)
class Registering:
    """Waiting for the registration to be accepted."""

    call: Call
    challenged: Challenged
    issuer: str


@dataclass(frozen=True, slots=True)
class Authorizing:
    """Waiting for the user agent to come back."""

    call: Call
    issuer: str
    scope: ScopeSet | None


@dataclass(frozen=True, slots=True)
class Asserting:
    """Waiting for the first leg of a token exchange: an assertion, not yet an access token (EXT-2)."""

    call: Call
    issuer: str
    scope: ScopeSet | None


@dataclass(frozen=True, slots=True)
class Exchanging:
    """Waiting for an access token; `asked` is what this leg's own request asked for."""

    call: Call
    issuer: str
    scope: ScopeSet | None
    asked: ScopeSet | None


@dataclass(frozen=True, slots=True)
class Refreshing:
    """Waiting for a refreshed access token; `challenged` is what to answer should that fail."""

    call: Call
    key: Key
    challenged: Challenged | None


Phase = (
    Idle | Calling | LearningResource | LearningServer | Registering | Authorizing | Asserting | Exchanging | Refreshing
)


@dataclass(frozen=True, slots=True)
class Client:
    """A client: how it was set up, what it stores, what it remembers, and what it is waiting for."""

    setup: Setup = Setup()
    storage: Storage = Storage()
    memory: Memory = Memory()
    phase: Phase = Idle()

    def grant(self, resource: str) -> Grant | None:
        """The account of `resource` at the issuer where it was last authorized, or None."""
        issuer = self.storage.issuers.get(resource)
        return None if issuer is None else self.storage.grants.get(Key(issuer, resource))


Step = tuple[Client, Action]


def step(client: Client, event: Heard) -> Step:
    """Take one event in and answer with the client that results and the one thing that it does next.

    Total: an event that is illegal in this phase returns the same client and `Illegal`.
    """
    return TRANSITIONS[type(client.phase)].get(type(event), _illegal)(client, client.phase, event)


# --- the transitions ------------------------------------------------------------------------------


def _begin(client: Client, _: Idle, call: Call) -> Step:
    """Send the request, with a token that the clock still allows; refresh first where it does not."""
    grant = client.grant(call.resource)
    if grant is not None and grant.expired and grant.refresh_token is not None:
        return _refresh(client, call, None)
    return _send(client, call, None)


def _answered(client: Client, phase: Calling, response: ResourceResponse) -> Step:
    """Serve, step up, authorize, or give up (STEP-1, STEP-2, CHAL-6, CHAL-7, CHAL-8, PARSE-10)."""
    call = phase.call
    if response.operation != call.operation:
        return client, Illegal(f"a response to {response.operation!r} while waiting for {call.operation!r}")
    if 200 <= response.status < 300:
        memory = client.memory
        if call in memory.attempts:
            attempts = {known: count for known, count in memory.attempts.items() if known != call}
            memory = Memory(memory.resource_metadata, memory.server_metadata, attempts)
        return Client(client.setup, client.storage, memory, Idle()), Served(call)

    challenge = challenged(response)
    if response.status != 401 and not (response.status == 403 and challenge.insufficient_scope):
        return _fail(client, call, f"the resource server answered {response.status}")
    refreshable = _refresh_may_suffice(client.grant(call.resource), challenge)
    if challenge.status == 401 and (phase.after == "authorization" or (phase.after == "refresh" and refreshable)):
        return _fail(client, call, "the resource server rejects the token that was just issued")
    if phase.after is None and refreshable:
        return _refresh(client, call, challenge)
    return _prepare(client, call, challenge)


def challenged(response: ResourceResponse) -> Challenged:
    """What a response asks for, read off its Bearer challenge; an empty scope is none (A6)."""
    bearer = bearer_challenge(parse_challenges(response.www_authenticate))
    if bearer is None:
        return Challenged(response.status, None, names_metadata=False, insufficient_scope=False)
    return Challenged(
        response.status,
        read_scope(bearer.get("scope") or "") or None,
        names_metadata=bearer.get("resource_metadata") is not None,
        insufficient_scope=bearer.get("error") == "insufficient_scope",
    )


def _refresh_may_suffice(grant: Grant | None, challenged: Challenged) -> bool:
    """Whether a new token for the same grant could answer the challenge (STEP-5, STEP-6, CHAL-8)."""
    if grant is None or grant.refresh_token is None:
        return False
    wanted = challenged.scope
    if challenged.status == 401:
        return wanted is None or grant.granted is None or wanted <= grant.granted
    if wanted is None or grant.granted is None or grant.in_hand is None:
        return False
    return wanted <= grant.granted and not wanted <= grant.in_hand


def _prepare(client: Client, call: Call, challenged: Challenged) -> Step:
    """Learn what choosing scopes needs; metadata that the challenge points to is fetched anew (META-4)."""
    if client.memory.attempts.get(call, 0) >= client.setup.policy.attempts:
        return _fail(client, call, "the resource server keeps challenging; giving up (RETRY-1)")
    if challenged.names_metadata or call.resource not in client.memory.resource_metadata:
        phase = LearningResource(call, challenged)
        return Client(client.setup, client.storage, client.memory, phase), FetchResourceMetadata(call.resource)
    return _learn_server(client, call, challenged, client.storage.issuers[call.resource])


def _resource_learnt(client: Client, phase: LearningResource, document: ProtectedResourceMetadata) -> Step:
    """Use a document only if it speaks of this very resource (META-3); an empty list is silence (META-1)."""
    call = phase.call
    if document.resource is not None and document.resource != call.resource:
        return _fail(client, call, f"the resource metadata is that of {document.resource!r} (META-3)")
    issuer = next(iter(document.authorization_servers), _origin(call.resource))
    return _remember_resource(client, phase, document.scopes_supported, issuer)


def _no_resource_metadata(client: Client, phase: LearningResource, _: Unavailable) -> Step:
    """Without metadata the issuer of before stays, or is the resource's own origin as in 2025-03-26."""
    resource = phase.call.resource
    return _remember_resource(client, phase, None, client.storage.issuers.get(resource) or _origin(resource))


def _remember_resource(client: Client, phase: LearningResource, listed: tuple[str, ...] | None, issuer: str) -> Step:
    memory, resource = client.memory, phase.call.resource
    metadata = {**memory.resource_metadata, resource: _listed(listed)}
    client = Client(
        client.setup,
        Storage(client.storage.grants, {**client.storage.issuers, resource: issuer}, client.storage.registered),
        Memory(metadata, memory.server_metadata, memory.attempts),
        client.phase,
    )
    return _learn_server(client, phase.call, phase.challenged, issuer)


def _learn_server(client: Client, call: Call, challenged: Challenged, issuer: str) -> Step:
    if issuer not in client.memory.server_metadata:
        phase = LearningServer(call, challenged, issuer)
        return Client(client.setup, client.storage, client.memory, phase), FetchServerMetadata(issuer)
    return _register(client, call, challenged, issuer)


def _server_learnt(client: Client, phase: LearningServer, document: AuthorizationServerMetadata) -> Step:
    """Use a document only if it speaks of this very issuer (META-3)."""
    if document.issuer is not None and document.issuer != phase.issuer:
        return _fail(client, phase.call, f"the server metadata is that of {document.issuer!r} (META-3)")
    return _remember_server(client, phase, _listed(document.scopes_supported))


def _no_server_metadata(client: Client, phase: LearningServer, _: Unavailable) -> Step:
    """Go on with nothing known of the server."""
    return _remember_server(client, phase, None)


def _remember_server(client: Client, phase: LearningServer, listed: ScopeSet | None) -> Step:
    memory = client.memory
    metadata = {**memory.server_metadata, phase.issuer: listed}
    memory = Memory(memory.resource_metadata, metadata, memory.attempts)
    client = Client(client.setup, client.storage, memory, client.phase)
    return _register(client, phase.call, phase.challenged, phase.issuer)


def _register(client: Client, call: Call, challenged: Challenged, issuer: str) -> Step:
    """Register once an issuer, for every grant type in use, and for no scope in particular (OFFLINE-4, REG-1)."""
    if issuer in client.storage.registered:
        return _request(client, call, challenged, issuer)
    setup = client.setup
    refreshes = setup.wants_refresh_token and setup.grant_type == AUTHORIZATION_CODE
    grant_types = (setup.grant_type, REFRESH_TOKEN) if refreshes else (setup.grant_type,)
    phase = Registering(call, challenged, issuer)
    return Client(setup, client.storage, client.memory, phase), ClientRegistration(None, grant_types, issuer)


def _registered(client: Client, phase: Registering, response: RegistrationResponse) -> Step:
    """Be known from here on, unless the registration was refused."""
    if response.error is not None:
        return _fail(client, phase.call, f"the registration was refused: {response.error}")
    storage = client.storage
    storage = Storage(storage.grants, storage.issuers, storage.registered | {phase.issuer})
    client = Client(client.setup, storage, client.memory, client.phase)
    return _request(client, phase.call, phase.challenged, phase.issuer)


def select(client: Client, call: Call, challenged: Challenged, issuer: str) -> ScopeSet | None:
    """The scopes that the policy asks for now, or None to leave the parameter out (SEL-1 to SEL-7, ACC-1 to ACC-6).

    The same for every grant type (STEP-3, GRANT-7, EXT-1), and never cut to what was registered (REG-2). Only the
    account of this issuer and resource is consulted (ACC-7). A scope is taken as it is written (ORDER-2), and
    offline_access is an ordinary one where it is named (OFFLINE-3), as is all that a challenge names (CHAL-1).
    """
    setup, memory = client.setup, client.memory
    grant = client.storage.grants.get(Key(issuer, call.resource))
    sources = Sources(
        None if grant is None else grant.requested,
        None if grant is None else grant.granted,
        None if grant is None else grant.in_hand,
        challenged.scope,
        memory.resource_metadata.get(call.resource),
        memory.server_metadata.get(issuer),
        setup.configured,
        setup.wants_refresh_token,
    )
    policy = setup.policy
    if grant is None:
        selection = policy.select
    elif challenged.status == 403:
        selection = policy.step_up or policy.select
    else:
        selection = policy.reauthorize or policy.select
    return selection(sources)


def _covers(grant: Grant | None, challenged: ScopeSet | None, selected: ScopeSet | None) -> bool:
    """Whether the token has what is asked for; offline_access lacks once, if it is challenged (OFFLINE-6)."""
    if grant is None or grant.in_hand is None:
        return False
    tried = challenged is None or grant.requested >= OFFLINE
    wanted = challenged or selected or NO_SCOPES
    return (wanted - OFFLINE if tried else wanted) <= grant.in_hand


def _request(client: Client, call: Call, challenged: Challenged, issuer: str) -> Step:
    """Ask for the selected scopes, unless that is in vain or too often (RETRY-1 to RETRY-4, OFFLINE-5, OFFLINE-6).

    The request names the resource that is called (ISO-1).
    """
    setup, memory = client.setup, client.memory
    scope = select(client, call, challenged, issuer)
    attempts = memory.attempts.get(call, 0)
    if challenged.status == 403:
        grant = client.storage.grants.get(Key(issuer, call.resource))
        if _covers(grant, challenged.scope, scope) and (attempts or challenged.scope is None):
            return _fail(client, call, "the token already carries what the challenge asks for (RETRY-3)")
    supported = setup.policy.configured_mode != "ceiling" or setup.configured is None
    if not supported and challenged.scope is not None and not challenged.scope <= (scope or NO_SCOPES):
        return _fail(client, call, "the challenge asks for scopes that this client does not support (A11)")

    counted = Memory(memory.resource_metadata, memory.server_metadata, {**memory.attempts, call: attempts + 1})
    text = None if scope is None else str(scope)
    if setup.grant_type == AUTHORIZATION_CODE:
        prompt = "consent" if scope is not None and OFFLINE_ACCESS in scope else None
        return (
            Client(setup, client.storage, counted, Authorizing(call, issuer, scope)),
            AuthorizationRequest(text, prompt, issuer, call.resource),
        )
    phase = (
        Asserting(call, issuer, scope) if setup.grant_type == TOKEN_EXCHANGE else Exchanging(call, issuer, scope, scope)
    )
    return (
        Client(setup, client.storage, counted, phase),
        TokenRequest(setup.grant_type, text, None, issuer, call.resource),
    )


def _authorized(client: Client, phase: Authorizing, response: AuthorizationResponse) -> Step:
    """Exchange the code, without a scope (GRANT-6); a refusal changes nothing that is held (ACC-10, SEL-8, RETRY-5)."""
    if response.error is not None or not response.code:
        return _fail(client, phase.call, f"authorization failed: {response.error or 'no code'}")
    request = TokenRequest(AUTHORIZATION_CODE, None, None, phase.issuer, phase.call.resource)
    exchanging = Exchanging(phase.call, phase.issuer, phase.scope, phase.scope)
    return Client(client.setup, client.storage, client.memory, exchanging), request


def _asserted(client: Client, phase: Asserting, response: TokenResponse) -> Step:
    """Present the assertion; its scope is not yet that of an access token (EXT-2)."""
    if response.access_token is None:
        return _fail(client, phase.call, f"token exchange failed: {response.error or 'no token'}")
    request = TokenRequest(JWT_BEARER, None, None, phase.issuer, phase.call.resource)
    exchanging = Exchanging(phase.call, phase.issuer, phase.scope, None)
    return Client(client.setup, client.storage, client.memory, exchanging), request


def _exchanged(client: Client, phase: Exchanging, response: TokenResponse) -> Step:
    """Write the new grant down and send the original request again (GRANT-1 to GRANT-5, RETAIN-4, STEP-7, A19).

    A refresh token may come or not (OFFLINE-2); one that comes with client credentials is not used (EXT-3).
    """
    if response.access_token is None:
        return _fail(client, phase.call, f"the token request failed: {response.error or 'no token'}")
    setup, key = client.setup, Key(phase.issuer, phase.call.resource)
    earlier = client.storage.grants.get(key)
    granted = granted_scopes(setup.policy, phase.asked, response.scope, earlier)
    refresh_token = response.refresh_token if setup.grant_type == AUTHORIZATION_CODE else None
    asked = phase.scope or (earlier.requested if earlier is not None else NO_SCOPES)
    grant = Grant(asked, granted, granted, response.access_token, refresh_token)
    return _send(_store(client, key, grant), phase.call, "authorization")


def granted_scopes(
    policy: Policy, asked: ScopeSet | None, answered: str | None, earlier: Grant | None
) -> ScopeSet | None:
    """What a token response grants: its word, else what this request asked, else nobody knows (GRANT-1 to GRANT-4).

    Never read off the token (GRANT-5). A policy may say what an omitted scope means to its client.
    """
    if answered is not None:
        return read_scope(answered)
    match policy.on_omitted_scope:
        case "retain":
            return asked
        case "keep":
            return earlier.granted if earlier is not None else asked
        case "clear":
            return NO_SCOPES
        case "forget":
            return None
        case _:
            assert_never(policy.on_omitted_scope)


def _refresh(client: Client, call: Call, challenged: Challenged | None) -> Step:
    """Refresh without a scope, which always asks for the whole grant and never for more (REFRESH-1 to REFRESH-3)."""
    key = Key(client.storage.issuers[call.resource], call.resource)
    token = client.storage.grants[key].refresh_token
    phase = Refreshing(call, key, challenged)
    return Client(client.setup, client.storage, client.memory, phase), TokenRequest(
        REFRESH_TOKEN, None, token, key.issuer, key.resource
    )


def _refreshed(client: Client, phase: Refreshing, response: TokenResponse) -> Step:
    """Narrow what is in hand, never what was consented (RETAIN-1, RETAIN-2, REFRESH-3).

    A new refresh token replaces the old one (RETAIN-3); a failure costs the refresh token alone (ACC-8).
    """
    grant = client.storage.grants[phase.key]
    if response.access_token is None:
        client = _store(client, phase.key, replace(grant, refresh_token=None))
        if phase.challenged is not None:
            return _prepare(client, phase.call, phase.challenged)
        return _send(client, phase.call, None)
    if response.scope is not None:
        in_hand: ScopeSet | None = read_scope(response.scope)
    else:
        in_hand = NO_SCOPES if client.setup.policy.on_omitted_scope == "clear" else grant.granted
    refresh_token = response.refresh_token or grant.refresh_token
    grant = Grant(grant.requested, grant.granted, in_hand, response.access_token, refresh_token)
    return _send(_store(client, phase.key, grant), phase.call, "refresh")


def _expire(client: Client, _: Phase, event: TokenExpired) -> Step:
    """Mark the token; the account of what was granted stays."""
    for key, grant in client.storage.grants.items():
        if grant.access_token == event.access_token:
            return _store(client, key, replace(grant, expired=True)), Noted()
    return client, Noted()


def _restart(client: Client, _: Phase, __: ClientRestarted) -> Step:
    """Lose the memory and keep the storage (ACC-8)."""
    return Client(client.setup, client.storage), Noted()


def _illegal(client: Client, phase: Phase, event: Heard) -> Step:
    return client, Illegal(f"{type(event).__name__} has no place while {type(phase).__name__}")


def _send(client: Client, call: Call, after: str | None) -> Step:
    """Send the call whatever scopes the token carries: only the server can judge that (CHAL-5, STEP-7, ISO-2)."""
    grant = client.grant(call.resource)
    request = ResourceRequest(call.operation, None if grant is None else grant.access_token, call.resource)
    return Client(client.setup, client.storage, client.memory, Calling(call, after)), request


def _fail(client: Client, call: Call, reason: str) -> Step:
    return Client(client.setup, client.storage, client.memory, Idle()), Failed(call, reason)


def _store(client: Client, key: Key, grant: Grant) -> Client:
    storage = client.storage
    storage = Storage({**storage.grants, key: grant}, storage.issuers, storage.registered)
    return Client(client.setup, storage, client.memory, client.phase)


def _listed(names: tuple[str, ...] | None) -> ScopeSet | None:
    """The scopes of a metadata list; names that are no scope-tokens cannot be asked for (SEL-4, META-1)."""
    return read_scope(" ".join(names or ())) or None


def _origin(resource: str) -> str:
    parts = urlsplit(resource)
    return f"{parts.scheme}://{parts.netloc}"


EVENTS: Final[tuple[type[Heard], ...]] = get_args(Heard)
"""Every kind of event that a client can hear."""

# Any: the row and the column of a cell are the types of its last two parameters, which a dict cannot say.
Transition = Callable[[Client, Any, Any], Step]

_ANYWHERE: Final[Mapping[type[Heard], Transition]] = {TokenExpired: _expire, ClientRestarted: _restart}

TRANSITIONS: Final[Mapping[type[Phase], Mapping[type[Heard], Transition]]] = {
    Idle: {Call: _begin, **_ANYWHERE},
    Calling: {ResourceResponse: _answered, **_ANYWHERE},
    LearningResource: {ProtectedResourceMetadata: _resource_learnt, Unavailable: _no_resource_metadata, **_ANYWHERE},
    LearningServer: {AuthorizationServerMetadata: _server_learnt, Unavailable: _no_server_metadata, **_ANYWHERE},
    Registering: {RegistrationResponse: _registered, **_ANYWHERE},
    Authorizing: {AuthorizationResponse: _authorized, **_ANYWHERE},
    Asserting: {TokenResponse: _asserted, **_ANYWHERE},
    Exchanging: {TokenResponse: _exchanged, **_ANYWHERE},
    Refreshing: {TokenResponse: _refreshed, **_ANYWHERE},
}
"""What happens in each phase on each event that has a place there: every other event is illegal."""

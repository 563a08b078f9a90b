"""The client: a total table of transitions, and one readable example of each thing that it does."""

from dataclasses import replace
from typing import Any, Final, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scope_model.client import (
    EVENTS,
    TRANSITIONS,
    Action,
    Asserting,
    Authorizing,
    Call,
    Calling,
    Challenged,
    Client,
    Exchanging,
    Failed,
    Grant,
    Heard,
    Idle,
    Illegal,
    LearningResource,
    LearningServer,
    Memory,
    Noted,
    Phase,
    Refreshing,
    Registering,
    Served,
    Setup,
    Storage,
    challenged,
    granted_scopes,
    select,
    step,
)
from scope_model.events import (
    AUTHORIZATION_CODE,
    CLIENT_CREDENTIALS,
    JWT_BEARER,
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
    TokenExpired,
    TokenRequest,
    TokenResponse,
    Unavailable,
)
from scope_model.policies import POLICIES, OnOmittedScope, Policy, mcp_2026_07_28, own_function
from scope_model.scopes import NO_SCOPES, ScopeSet, scopes
from scope_model.selections import Sources, challenge, configured, first_of, resource_metadata

RS: Final = "https://rs.example/mcp"
OTHER_RS: Final = "https://other.example/mcp"
AS: Final = "https://as.example"
OTHER_AS: Final = "https://other-as.example"
KEY: Final = Key(AS, RS)
READ: Final = Call(RS, "read")
WRITE: Final = Call(RS, "write")


# --- what is heard --------------------------------------------------------------------------------


def answered(status: int, *parameters: str, operation: str = "read", metadata: bool = False) -> ResourceResponse:
    """A response of the resource server, with these parameters in its Bearer challenge."""
    if metadata:
        parameters = (*parameters, 'resource_metadata="https://rs.example/metadata"')
    lines = () if status == 200 else (f"Bearer {', '.join(parameters)}".rstrip(),)
    return ResourceResponse(operation, status, lines, RS)


def unauthorized(scope: str | None = None, *, operation: str = "read", metadata: bool = False) -> ResourceResponse:
    parameters = () if scope is None else (f'scope="{scope}"',)
    return answered(401, *parameters, operation=operation, metadata=metadata)


def insufficient(scope: str | None = None, *, operation: str = "write", metadata: bool = False) -> ResourceResponse:
    parameters = () if scope is None else (f'scope="{scope}"',)
    return answered(403, 'error="insufficient_scope"', *parameters, operation=operation, metadata=metadata)


def described(*listed: str, resource: str | None = RS, issuers: tuple[str, ...] = (AS,)) -> ProtectedResourceMetadata:
    return ProtectedResourceMetadata(resource, issuers, listed or None)


def listing(*listed: str, issuer: str | None = AS) -> AuthorizationServerMetadata:
    return AuthorizationServerMetadata(issuer, listed or None)


OK: Final = answered(200)
WRITTEN: Final = answered(200, operation="write")
CODE: Final = AuthorizationResponse(code=True)
DENIED: Final = AuthorizationResponse(error="access_denied")


def token(name: str = "t1", scope: str | None = None, refresh_token: str | None = None) -> TokenResponse:
    return TokenResponse(name, scope, refresh_token)


# --- what is done ---------------------------------------------------------------------------------


def told(client: Client, *events: Heard) -> tuple[Client, list[Action]]:
    """Tell a client one thing after another; nothing may be out of place."""
    actions: list[Action] = []
    for event in events:
        client, action = step(client, event)
        assert not isinstance(action, Illegal), action
        actions.append(action)
    return client, actions


def last(client: Client, *events: Heard) -> Action:
    return told(client, *events)[1][-1]


def knowing(client: Client | None = None, *, listed: str | None = None, server_listed: str | None = None) -> Client:
    """A client that has learnt its servers and registered, so that a challenge leads to a request at once."""
    client = client or Client()
    memory = Memory(
        {RS: None if listed is None else scopes(listed)},
        {AS: None if server_listed is None else scopes(server_listed)},
    )
    storage = replace(client.storage, issuers={RS: AS}, registered=frozenset({AS}))
    return replace(client, memory=memory, storage=storage)


def holding(
    granted: str | None,
    *,
    requested: str | None = None,
    in_hand: str | None = None,
    refresh_token: str | None = None,
    expired: bool = False,
    setup: Setup = Setup(),  # noqa: B008 - a frozen value
) -> Client:
    """A client that knows its servers and holds a grant: by default what was requested, all of it in hand."""
    known = None if granted is None else scopes(granted)
    grant = Grant(
        scopes(granted or "") if requested is None else scopes(requested),
        known,
        known if in_hand is None else scopes(in_hand),
        "t1",
        refresh_token,
        expired,
    )
    client = knowing(Client(setup))
    return replace(client, storage=replace(client.storage, grants={KEY: grant}))


def account(client: Client) -> Grant:
    grant = client.grant(RS)
    assert grant is not None
    return grant


def asked(action: Action) -> str | None:
    """What an authorization or token request asks for."""
    assert isinstance(action, AuthorizationRequest | TokenRequest), action
    assert not isinstance(action.scope, tuple)
    return action.scope


def reason(action: Action) -> str:
    assert isinstance(action, Failed), action
    return action.reason


# --- the table ------------------------------------------------------------------------------------

AT_401: Final = Challenged(401, None, names_metadata=False, insufficient_scope=False)
HELD: Final = holding("a", refresh_token="r1")

# In each phase: a client that is in it, and the events that have a place there besides expiry and restart.
LEGAL: Final[dict[type[Phase], tuple[Phase, tuple[Heard, ...]]]] = {
    Idle: (Idle(), (READ,)),
    Calling: (Calling(READ), (OK,)),
    LearningResource: (LearningResource(READ, AT_401), (described(), Unavailable())),
    LearningServer: (LearningServer(READ, AT_401, AS), (listing(), Unavailable())),
    Registering: (Registering(READ, AT_401, AS), (RegistrationResponse(),)),
    Authorizing: (Authorizing(READ, AS, None), (CODE,)),
    Asserting: (Asserting(READ, AS, None), (token(),)),
    Exchanging: (Exchanging(READ, AS, None, None), (token(),)),
    Refreshing: (Refreshing(READ, KEY, None), (token(),)),
}
ANYWHERE: Final[tuple[Heard, ...]] = (TokenExpired("t1"), ClientRestarted())
SAMPLES: Final[tuple[Heard, ...]] = (
    READ,
    OK,
    described(),
    listing(),
    Unavailable(),
    RegistrationResponse(),
    CODE,
    token(),
    *ANYWHERE,
)
CELLS: Final = [(phase, event) for phase in get_args(Phase) for event in SAMPLES]


def test_the_table_has_a_row_for_each_phase_and_the_events_that_have_a_place_there() -> None:
    assert set(TRANSITIONS) == set(get_args(Phase)) == set(LEGAL)
    assert set(EVENTS) == set(get_args(Heard)) == {type(event) for event in SAMPLES}
    for phase, row in TRANSITIONS.items():
        assert set(row) == {type(legal) for legal in (*LEGAL[phase][1], *ANYWHERE)}


@pytest.mark.parametrize(
    ("phase", "event"), CELLS, ids=[f"{phase.__name__}-{type(event).__name__}" for phase, event in CELLS]
)
def test_each_cell_is_legal_or_leaves_the_client_as_it_was(phase: type[Phase], event: Heard) -> None:
    client = replace(HELD, phase=LEGAL[phase][0])
    after, action = step(client, event)
    if type(event) in {type(legal) for legal in (*LEGAL[phase][1], *ANYWHERE)}:
        assert not isinstance(action, Illegal)
        assert after is not client
    else:
        assert after is client
        assert action == Illegal(f"{type(event).__name__} has no place while {phase.__name__}")


def test_a_response_to_another_operation_is_illegal() -> None:
    client, _ = told(Client(), READ)
    after, action = step(client, WRITTEN)
    assert after is client
    assert action == Illegal("a response to 'write' while waiting for 'read'")


CHALLENGES: Final = (
    (),
    ("Bearer",),
    ('Bearer error="insufficient_scope"',),
    ('Bearer error="insufficient_scope", scope="a b"',),
    ('Bearer error="insufficient_scope", scope="c", resource_metadata="x"',),
    ('Bearer scope=""', "nonsense ="),
)
LISTS: Final = (None, (), ("a",), ("a b", "é"), ("offline_access",))
POOL: Final[tuple[Heard, ...]] = (
    *(Call(resource, operation) for resource in (RS, OTHER_RS, "nowhere") for operation in ("read", "write")),
    *(
        ResourceResponse(operation, status, lines)
        for operation in ("read", "write")
        for status in (200, 401, 403, 500)
        for lines in CHALLENGES
    ),
    *(
        ProtectedResourceMetadata(resource, issuers, listed)
        for resource in (None, RS, OTHER_RS)
        for issuers in ((), (AS,), (OTHER_AS, AS))
        for listed in LISTS
    ),
    *(AuthorizationServerMetadata(issuer, listed) for issuer in (None, AS) for listed in LISTS),
    Unavailable(),
    RegistrationResponse(),
    *(AuthorizationResponse(code, error) for code in (True, False) for error in (None, "access_denied")),
    *(
        TokenResponse(access_token, scope, refresh_token)
        for access_token in ("t1", "t2", None)
        for scope in (None, "", "b a", "offline_access", 'é "')
        for refresh_token in (None, "r1")
    ),
    *ANYWHERE,
)
# What has a place in a phase is heard most of the time, or a client would not get far.
PLACED: Final = {
    phase: [event for event in POOL if type(event) in {type(legal) for legal in events}]
    for phase, (_, events) in LEGAL.items()
}
choices = st.tuples(st.integers(0, 5), st.integers(0, 10**4))


setups = st.builds(
    Setup,
    st.sampled_from(tuple(POLICIES.values())),
    st.sampled_from((None, scopes("a k"))),
    st.booleans(),
    st.sampled_from((AUTHORIZATION_CODE, CLIENT_CREDENTIALS, TOKEN_EXCHANGE)),
)


@given(setups, st.lists(choices, max_size=100))
def test_any_sequence_of_events_is_taken_in_and_always_in_the_same_way(
    setup: Setup, drawn: list[tuple[int, int]]
) -> None:
    client = Client(setup)
    for placed, at in drawn:
        events = PLACED[type(client.phase)] if placed else POOL
        event = events[at % len(events)]
        after, action = step(client, event)
        assert (after, action) == step(client, event)
        assert after.setup is setup
        assert after is client or not isinstance(action, Illegal)
        assert isinstance(after.phase, Idle) or not isinstance(action, Served | Failed)
        client = after


# --- the first authorization ----------------------------------------------------------------------


def test_a_call_that_is_served_needs_nothing_else() -> None:
    client, actions = told(Client(), READ, OK)
    assert actions == [ResourceRequest("read", None, RS), Served(READ)]
    assert client == Client()


def test_a_401_leads_through_the_whole_flow() -> None:
    client, actions = told(
        Client(),
        READ,
        unauthorized("a b", metadata=True),
        described("a", "b", "c"),
        listing("offline_access"),
        RegistrationResponse(),
        CODE,
        token("t1", "a b", "r1"),
        OK,
    )
    assert actions == [
        ResourceRequest("read", None, RS),
        FetchResourceMetadata(RS),
        FetchServerMetadata(AS),
        ClientRegistration(None, (AUTHORIZATION_CODE, REFRESH_TOKEN), AS),
        AuthorizationRequest("a b offline_access", "consent", AS, RS),
        TokenRequest(AUTHORIZATION_CODE, None, None, AS, RS),
        ResourceRequest("read", "t1", RS),
        Served(READ),
    ]
    assert client.phase == Idle()
    assert client.storage == Storage(
        {KEY: Grant(scopes("a b offline_access"), scopes("a b"), scopes("a b"), "t1", "r1")},
        {RS: AS},
        frozenset({AS}),
    )
    assert client.memory == Memory({RS: scopes("a b c")}, {AS: scopes("offline_access")})


def test_a_known_token_is_presented() -> None:
    assert last(HELD, READ) == ResourceRequest("read", "t1", RS)


def test_a_call_is_sent_whatever_scopes_its_token_carries() -> None:
    assert last(holding(""), WRITE) == ResourceRequest("write", "t1", RS)


@pytest.mark.parametrize("status", [200, 204, 299])
def test_any_success_serves_the_call(status: int) -> None:
    assert told(HELD, READ, ResourceResponse("read", status)) == (HELD, [last(HELD, READ), Served(READ)])


@pytest.mark.parametrize("status", [100, 199, 300, 302, 400, 402, 404, 500])
def test_other_failures_are_reported_whatever_they_say_about_scopes(status: int) -> None:
    for parameters in ((), ('error="insufficient_scope"', 'scope="b"')):
        client, actions = told(HELD, READ, answered(status, *parameters))
        assert actions[-1] == Failed(READ, f"the resource server answered {status}")
        assert client == HELD


def test_a_403_that_is_not_about_scopes_is_reported() -> None:
    for parameters in ((), ('scope="b"',), ('error="invalid_token"',)):
        client, actions = told(HELD, READ, answered(403, *parameters))
        assert reason(actions[-1]) == "the resource server answered 403"
        assert client == HELD


@pytest.mark.parametrize(
    ("response", "understood"),
    [
        (
            ResourceResponse("read", 401),
            Challenged(401, None, names_metadata=False, insufficient_scope=False),
        ),
        (unauthorized(), AT_401),
        (unauthorized(""), AT_401),
        (unauthorized(" "), AT_401),
        (unauthorized("é"), AT_401),
        (
            unauthorized("b a", metadata=True),
            Challenged(401, scopes("b a"), names_metadata=True, insufficient_scope=False),
        ),
        (
            insufficient("a"),
            Challenged(403, scopes("a"), names_metadata=False, insufficient_scope=True),
        ),
    ],
)
def test_a_challenge_is_read_off_the_response(response: ResourceResponse, understood: Challenged) -> None:
    assert challenged(response) == understood


@pytest.mark.parametrize(
    ("listed", "wants", "request_"),
    [
        ("offline_access", True, AuthorizationRequest("a offline_access", "consent", AS, RS)),
        ("offline_access", False, AuthorizationRequest("a", None, AS, RS)),
        ("x", True, AuthorizationRequest("a", None, AS, RS)),
        (None, True, AuthorizationRequest("a", None, AS, RS)),
    ],
)
def test_offline_access_is_asked_for_with_consent(
    listed: str | None, *, wants: bool, request_: AuthorizationRequest
) -> None:
    client = knowing(Client(Setup(wants_refresh_token=wants)), server_listed=listed)
    assert last(client, READ, unauthorized("a")) == request_


def test_consent_is_asked_for_wherever_offline_access_comes_from() -> None:
    assert last(knowing(), READ, unauthorized("offline_access a")) == AuthorizationRequest(
        "offline_access a", "consent", AS, RS
    )


def test_with_nothing_to_ask_for_the_parameter_is_left_out() -> None:
    client, actions = told(knowing(), READ, unauthorized(), CODE, token("t1"))
    assert asked(actions[1]) is None
    assert account(client) == Grant(NO_SCOPES, None, None, "t1")


def test_what_the_caller_configured_is_asked_for_last() -> None:
    client = knowing(Client(Setup(configured=scopes("k"))))
    assert asked(last(client, READ, unauthorized())) == "k"
    assert asked(last(client, READ, unauthorized("a"))) == "a"


# --- metadata and registration --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wants", "grant_type", "registered"),
    [
        (True, AUTHORIZATION_CODE, (AUTHORIZATION_CODE, REFRESH_TOKEN)),
        (False, AUTHORIZATION_CODE, (AUTHORIZATION_CODE,)),
        (True, CLIENT_CREDENTIALS, (CLIENT_CREDENTIALS,)),
        (True, TOKEN_EXCHANGE, (TOKEN_EXCHANGE,)),
    ],
)
def test_a_registration_names_the_grant_types_in_use(
    *, wants: bool, grant_type: str, registered: tuple[str, ...]
) -> None:
    client = Client(Setup(wants_refresh_token=wants, grant_type=grant_type))
    register = last(client, READ, unauthorized("a"), described(), listing())
    assert register == ClientRegistration(None, registered, AS)


def test_a_client_registers_once_with_each_issuer() -> None:
    client, _ = told(
        Client(), READ, unauthorized("a"), described(), listing(), RegistrationResponse(), CODE, token(), OK
    )
    other = Call(OTHER_RS, "read")
    same = described(resource=OTHER_RS)
    assert isinstance(last(client, other, unauthorized("a"), same), AuthorizationRequest)
    new = described(resource=OTHER_RS, issuers=(OTHER_AS,))
    elsewhere = listing(issuer=OTHER_AS)
    assert last(client, other, unauthorized("a"), new, elsewhere) == ClientRegistration(
        None, (AUTHORIZATION_CODE, REFRESH_TOKEN), OTHER_AS
    )


def test_metadata_is_fetched_once_unless_a_challenge_points_to_it() -> None:
    client = knowing(listed="m")
    assert asked(last(client, READ, unauthorized())) == "m"
    assert last(client, READ, unauthorized(metadata=True)) == FetchResourceMetadata(RS)
    assert asked(last(client, READ, unauthorized(metadata=True), described("n"))) == "n"
    assert asked(last(client, READ, unauthorized(metadata=True), described())) is None


def test_metadata_of_another_resource_is_not_used() -> None:
    client, actions = told(Client(), READ, unauthorized(), described("x", resource=OTHER_RS))
    assert reason(actions[-1]) == f"the resource metadata is that of {OTHER_RS!r} (META-3)"
    assert client == Client()


def test_metadata_of_another_issuer_is_not_used() -> None:
    client, actions = told(Client(), READ, unauthorized(), described(), listing("offline_access", issuer=OTHER_AS))
    assert reason(actions[-1]) == f"the server metadata is that of {OTHER_AS!r} (META-3)"
    assert not client.memory.server_metadata


def test_metadata_that_names_nobody_is_used() -> None:
    register = last(Client(), READ, unauthorized(), described("a", resource=None), listing(issuer=None))
    assert register == ClientRegistration(None, (AUTHORIZATION_CODE, REFRESH_TOKEN), AS)


def test_of_several_issuers_the_first_is_used() -> None:
    several = described(issuers=(OTHER_AS, AS))
    assert last(Client(), READ, unauthorized(), several) == FetchServerMetadata(OTHER_AS)


def test_without_a_named_issuer_it_is_the_resources_own_origin() -> None:
    origin = FetchServerMetadata("https://rs.example")
    assert last(Client(), READ, unauthorized(), described(issuers=())) == origin
    assert last(Client(), READ, unauthorized(), Unavailable()) == origin


def test_without_metadata_the_issuer_of_before_stays() -> None:
    client, _ = told(HELD, ClientRestarted())
    action = last(client, WRITE, insufficient("b"), Unavailable())
    assert action == FetchServerMetadata(AS)


def test_without_server_metadata_nothing_is_known_of_the_server() -> None:
    client, actions = told(Client(), READ, unauthorized("a"), described(), Unavailable(), RegistrationResponse())
    assert asked(actions[-1]) == "a"
    assert client.memory.server_metadata == {AS: None}


def test_a_registration_that_is_refused_fails_the_call() -> None:
    refused = RegistrationResponse(error="invalid_client_metadata")
    client, actions = told(Client(), READ, unauthorized("a"), described(), listing(), refused)
    assert actions[-1] == Failed(READ, "the registration was refused: invalid_client_metadata")
    assert client.storage.registered == frozenset()


def test_what_is_learnt_of_one_server_takes_nothing_from_what_is_known_of_others() -> None:
    other, elsewhere = Call(OTHER_RS, "read"), Key(OTHER_AS, OTHER_RS)
    held = Grant(scopes("o"), scopes("o"), scopes("o"), "t0")
    client, _ = told(
        Client(
            storage=Storage({elsewhere: held}, {OTHER_RS: OTHER_AS}, frozenset({OTHER_AS})),
            memory=Memory({OTHER_RS: scopes("m")}, {OTHER_AS: scopes("n")}, {other: 2}),
        ),
        *(READ, unauthorized("a"), described("p"), listing("q"), RegistrationResponse(), CODE, token("t1", "a"), OK),
    )
    new = Grant(scopes("a"), scopes("a"), scopes("a"), "t1")
    assert client.storage == Storage(
        {elsewhere: held, KEY: new}, {OTHER_RS: OTHER_AS, RS: AS}, frozenset({AS, OTHER_AS})
    )
    assert client.memory == Memory(
        {OTHER_RS: scopes("m"), RS: scopes("p")}, {OTHER_AS: scopes("n"), AS: scopes("q")}, {other: 2}
    )


@pytest.mark.parametrize(
    ("listed", "used"),
    [((), None), (("",), None), (("a", "b"), "a b"), (("é", "a"), "a"), (("é",), None), (("a a",), "a")],
)
def test_a_list_is_used_for_the_scopes_in_it(listed: tuple[str, ...], used: str | None) -> None:
    document = ProtectedResourceMetadata(RS, (AS,), listed)
    client, actions = told(replace(knowing(), memory=Memory({}, {AS: None})), READ, unauthorized(), document)
    assert asked(actions[-1]) == used
    assert client.memory.resource_metadata == {RS: None if used is None else scopes(used)}


# --- the token response ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "answered_", "granted"),
    [
        ("retain", "a", "a"),
        ("retain", "b a x", "b a x"),
        ("retain", "", ""),
        ("retain", None, "a b"),
        ("keep", None, "e f"),
        ("keep", "a", "a"),
        ("clear", None, ""),
        ("clear", "a", "a"),
        ("forget", None, None),
        ("forget", "a", "a"),
    ],
)
def test_a_token_response_is_the_grant_and_a_policy_says_what_silence_means(
    policy: OnOmittedScope, answered_: str | None, granted: str | None
) -> None:
    rule = replace(mcp_2026_07_28, on_omitted_scope=policy)
    earlier = Grant(scopes("e f g"), scopes("e f"), scopes("e"), "t0")
    expected = None if granted is None else scopes(granted)
    assert granted_scopes(rule, scopes("a b"), answered_, earlier) == expected


def test_what_is_kept_at_first_is_what_was_asked() -> None:
    assert granted_scopes(replace(mcp_2026_07_28, on_omitted_scope="keep"), scopes("a"), None, None) == scopes("a")


def test_nobody_knows_what_is_granted_where_nothing_was_said() -> None:
    assert granted_scopes(mcp_2026_07_28, None, None, None) is None


def test_a_new_token_replaces_the_account() -> None:
    client, actions = told(
        holding("a", requested="a d", refresh_token="r1"),
        WRITE,
        insufficient("b"),
        CODE,
        token("t2", "a b"),
    )
    assert asked(actions[1]) == "a d b"
    # The earlier refresh token still stands for the earlier grant, so it is not taken along.
    assert account(client) == Grant(scopes("a d b"), scopes("a b"), scopes("a b"), "t2", None)
    assert actions[-1] == ResourceRequest("write", "t2", RS)


def test_a_request_without_scope_takes_nothing_back() -> None:
    silent = Policy("silent", "Nothing.", "", first_of())
    client, actions = told(holding("a", setup=Setup(silent)), WRITE, insufficient("b"), CODE, token("t2", "z"))
    assert asked(actions[1]) is None
    assert account(client) == Grant(scopes("a"), scopes("z"), scopes("z"), "t2")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (DENIED, "authorization failed: access_denied"),
        (AuthorizationResponse(code=True, error="invalid_scope"), "authorization failed: invalid_scope"),
        (AuthorizationResponse(), "authorization failed: no code"),
    ],
)
def test_a_refusal_keeps_the_grant(answer: AuthorizationResponse, why: str) -> None:
    client, actions = told(HELD, WRITE, insufficient("b"), answer)
    assert reason(actions[-1]) == why
    assert client.storage == HELD.storage


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (TokenResponse(error="invalid_grant"), "the token request failed: invalid_grant"),
        (TokenResponse(), "the token request failed: no token"),
    ],
)
def test_a_failed_exchange_keeps_the_grant(answer: TokenResponse, why: str) -> None:
    client, actions = told(HELD, WRITE, insufficient("b"), CODE, answer)
    assert reason(actions[-1]) == why
    assert client.storage == HELD.storage


def test_a_token_that_is_rejected_at_once_is_not_renewed_again() -> None:
    client, actions = told(knowing(), READ, unauthorized("a"), CODE, token("t1", "a"), unauthorized("a"))
    assert reason(actions[-1]) == "the resource server rejects the token that was just issued"
    assert account(client).access_token == "t1"


# --- stepping up ----------------------------------------------------------------------------------


def test_a_403_steps_up_and_sends_the_call_again() -> None:
    client, actions = told(HELD, WRITE, insufficient("b"), CODE, token("t2", "a b", "r2"), WRITTEN)
    assert actions == [
        ResourceRequest("write", "t1", RS),
        AuthorizationRequest("a b", None, AS, RS),
        TokenRequest(AUTHORIZATION_CODE, None, None, AS, RS),
        ResourceRequest("write", "t2", RS),
        Served(WRITE),
    ]
    assert account(client) == Grant(scopes("a b"), scopes("a b"), scopes("a b"), "t2", "r2")
    assert client.memory.attempts == {}


def test_a_policy_has_a_choice_for_each_occasion() -> None:
    each = Policy(
        "each",
        "One for each.",
        "",
        configured,
        step_up=challenge,
        reauthorize=first_of(challenge, configured),
    )
    setup = Setup(each, scopes("k"))
    held = holding("a", setup=setup)
    assert select(knowing(Client(setup)), READ, challenged(unauthorized("b")), AS) == scopes("k")
    assert select(held, READ, challenged(insufficient("b")), AS) == scopes("b")
    assert select(held, READ, challenged(unauthorized()), AS) == scopes("k")
    plain = replace(each, step_up=None, reauthorize=None)
    held = holding("a", setup=Setup(plain, scopes("k")))
    for response in (insufficient("b"), unauthorized("b")):
        assert select(held, READ, challenged(response), AS) == scopes("k")


def test_a_policy_sees_all_that_the_client_knows() -> None:
    seen: list[Sources] = []
    setup = Setup(own_function(seen.append), scopes("k"))
    held = holding("a b", requested="a b c", in_hand="a", setup=setup)
    knows = replace(held, memory=Memory({RS: scopes("m")}, {AS: scopes("s")}))
    select(knows, READ, challenged(insufficient("d")), AS)
    select(Client(Setup(setup.policy, wants_refresh_token=False)), READ, challenged(unauthorized()), AS)
    everything = Sources(
        requested=scopes("a b c"),
        granted=scopes("a b"),
        in_hand=scopes("a"),
        challenge=scopes("d"),
        resource_metadata=scopes("m"),
        server_metadata=scopes("s"),
        configured=scopes("k"),
        wants_refresh_token=True,
    )
    assert seen == [everything, Sources()]


def test_only_the_account_of_this_issuer_and_resource_is_consulted() -> None:
    asking = challenged(insufficient("b"))
    assert select(HELD, WRITE, asking, AS) == scopes("a b")
    assert select(HELD, WRITE, asking, OTHER_AS) == scopes("b")
    assert select(HELD, Call(OTHER_RS, "write"), asking, AS) == scopes("b")


def test_a_resource_that_moved_has_a_new_account_and_keeps_the_old_one() -> None:
    moved = described(issuers=(OTHER_AS,))
    client, actions = told(
        HELD,
        WRITE,
        insufficient("b", metadata=True),
        moved,
        listing(issuer=OTHER_AS),
        RegistrationResponse(),
        CODE,
        token("t9", "b"),
    )
    assert asked(actions[4]) == "b"
    assert account(client) == Grant(scopes("b"), scopes("b"), scopes("b"), "t9")
    assert client.storage.grants[KEY] == account(HELD)


def test_without_a_grant_there_a_moved_resource_is_called_without_a_token() -> None:
    moved = described(issuers=(OTHER_AS,))
    client, _ = told(HELD, WRITE, insufficient("b", metadata=True), moved, ClientRestarted())
    assert client.grant(RS) is None
    assert last(client, READ) == ResourceRequest("read", None, RS)


def test_three_attempts_and_no_more() -> None:
    client, actions = told(
        knowing(),
        READ,
        unauthorized("a"),
        CODE,
        token("t1", "a"),
        insufficient("b", operation="read"),
        CODE,
        token("t2", "a b"),
        insufficient("c", operation="read"),
        CODE,
        token("t3", "a b c"),
        insufficient("d", operation="read"),
    )
    assert [asked(actions[at]) for at in (1, 4, 7)] == ["a", "a b", "a b c"]
    assert reason(actions[-1]) == "the resource server keeps challenging; giving up (RETRY-1)"
    # The next call of the same operation has no more attempts; another operation has its own.
    spent = "the resource server keeps challenging; giving up (RETRY-1)"
    assert reason(last(client, READ, insufficient("d", operation="read"))) == spent
    assert asked(last(client, WRITE, insufficient("d"))) == "a b c d"


def test_the_bound_is_the_policys() -> None:
    setup = Setup(replace(mcp_2026_07_28, attempts=1))
    client, _ = told(holding("a", setup=setup), WRITE, insufficient("b"), DENIED)
    assert reason(last(client, WRITE, insufficient("b"))).endswith("giving up (RETRY-1)")
    never = Setup(replace(mcp_2026_07_28, attempts=0))
    assert reason(last(holding("a", setup=never), WRITE, insufficient("b"))).endswith("giving up (RETRY-1)")


def test_a_call_that_is_served_counts_anew() -> None:
    client, _ = told(HELD, WRITE, insufficient("b"), DENIED)
    client, _ = told(client, READ, insufficient("b", operation="read"), DENIED)
    assert client.memory.attempts == {WRITE: 1, READ: 1}
    client, _ = told(client, READ, OK)
    assert client.memory.attempts == {WRITE: 1}
    client, _ = told(client, READ, OK)
    assert client.memory.attempts == {WRITE: 1}
    client, _ = told(client, WRITE, WRITTEN)
    assert client.memory.attempts == {}


def test_asking_twice_for_what_the_token_carries_is_no_progress() -> None:
    covered = "the token already carries what the challenge asks for (RETRY-3)"
    client, actions = told(HELD, WRITE, insufficient("a"), CODE, token("t2", "a"))
    # Once may help, as the server knows more than the client.
    assert asked(actions[1]) == "a"
    assert reason(last(client, insufficient("a"))) == covered


def test_a_step_up_that_is_not_told_what_for_asks_for_the_metadata() -> None:
    client = replace(HELD, memory=Memory({RS: scopes("a m")}, {AS: None}))
    assert asked(last(client, WRITE, insufficient())) == "a m"
    covered = "the token already carries what the challenge asks for (RETRY-3)"
    assert reason(last(HELD, WRITE, insufficient())) == covered


def test_offline_access_alone_is_no_progress() -> None:
    client = replace(HELD, memory=Memory({RS: None}, {AS: scopes("offline_access")}))
    covered = "the token already carries what the challenge asks for (RETRY-3)"
    assert reason(last(client, WRITE, insufficient())) == covered


def test_progress_is_asked_of_the_token_in_hand_whatever_was_granted() -> None:
    covered = "the token already carries what the challenge asks for (RETRY-3)"
    assert reason(last(holding(None, requested="a", in_hand="a"), WRITE, insufficient())) == covered
    narrowed, _ = told(holding("a b", in_hand="a"), WRITE, insufficient("b"), DENIED)
    assert asked(last(narrowed, WRITE, insufficient("b"))) == "a b"
    assert reason(last(narrowed, WRITE, insufficient("a"))) == covered


def test_where_nothing_is_known_of_the_token_a_challenge_is_answered() -> None:
    assert asked(last(holding(None, requested="a"), WRITE, insufficient())) == "a"
    assert asked(last(holding(None, requested="a"), WRITE, insufficient("a"))) == "a"


@pytest.mark.parametrize(
    ("supported", "named", "asked_"),
    [("a b", "b", "a b"), ("b", "b", "b"), ("a", "b", None), ("a b", "b c", None), (None, "b c", "a b c")],
)
def test_a_client_with_a_ceiling_fails_where_a_challenge_is_beyond_it(
    supported: str | None, named: str, asked_: str | None
) -> None:
    setup = Setup(POLICIES["configured-subset"], None if supported is None else scopes(supported))
    action = last(holding("a", setup=setup), WRITE, insufficient(named))
    if asked_ is None:
        why = "the challenge asks for scopes that this client does not support (A11)"
        assert reason(action) == why
    else:
        assert asked(action) == asked_


def test_only_a_ceiling_keeps_a_client_from_answering_with_less_than_the_challenge() -> None:
    client = knowing(Client(Setup(POLICIES["csharp-sdk-after-1238"], scopes("k"))))
    assert asked(last(client, READ, unauthorized("a"))) == "k"


def test_a_ceiling_that_nobody_configured_is_none() -> None:
    metadata = Policy("metadata", "The metadata.", "", resource_metadata, configured_mode="ceiling")
    client = knowing(Client(Setup(metadata)), listed="m")
    assert asked(last(client, READ, unauthorized("a"))) == "m"


def test_a_ceiling_on_all_that_is_challenged_fails_too() -> None:
    setup = Setup(POLICIES["configured-subset"], scopes("x"))
    action = last(knowing(Client(setup)), READ, unauthorized("a"))
    assert reason(action) == "the challenge asks for scopes that this client does not support (A11)"
    assert asked(last(knowing(Client(setup)), READ, unauthorized())) is None


# --- refreshing -----------------------------------------------------------------------------------

REFRESH: Final = TokenRequest(REFRESH_TOKEN, None, "r1", AS, RS)


def test_an_expired_token_is_refreshed_before_the_call() -> None:
    client, actions = told(HELD, TokenExpired("t1"), READ, token("t2", "a", "r2"), OK)
    assert actions == [Noted(), REFRESH, ResourceRequest("read", "t2", RS), Served(READ)]
    assert account(client) == Grant(scopes("a"), scopes("a"), scopes("a"), "t2", "r2")


def test_an_expired_token_without_a_refresh_token_is_sent_all_the_same() -> None:
    client, actions = told(holding("a"), TokenExpired("t1"), READ)
    assert account(client).expired
    assert actions[-1] == ResourceRequest("read", "t1", RS)


def test_the_expiry_of_an_unknown_token_changes_nothing() -> None:
    client, actions = told(HELD, TokenExpired("t9"))
    assert actions == [Noted()]
    assert client is HELD


@pytest.mark.parametrize("phase", [phase for phase, _ in LEGAL.values()], ids=lambda phase: type(phase).__name__)
def test_a_token_may_expire_at_any_time(phase: Phase) -> None:
    client, actions = told(replace(HELD, phase=phase), TokenExpired("t1"))
    assert actions == [Noted()]
    assert client.phase is phase
    assert account(client) == replace(account(HELD), expired=True)


@pytest.mark.parametrize("scope", [None, "a"])
def test_a_401_is_answered_by_a_refresh_where_the_grant_covers_it(scope: str | None) -> None:
    assert last(HELD, READ, unauthorized(scope)) == REFRESH
    assert last(holding(None, refresh_token="r1"), READ, unauthorized(scope)) == REFRESH


def test_whether_a_refresh_answers_a_401_is_asked_of_the_grant() -> None:
    # Of what was granted, not of what was requested or is in hand; and it may be more than is challenged.
    narrowed = holding("a b", requested="a b c", in_hand="a", refresh_token="r1")
    for scope in ("a", "b", "a b"):
        assert last(narrowed, READ, unauthorized(scope)) == REFRESH
    for scope in ("c", "a c", "a b c"):
        assert isinstance(last(narrowed, READ, unauthorized(scope)), AuthorizationRequest)
    unknown = holding(None, requested="a", in_hand="a", refresh_token="r1")
    assert last(unknown, READ, unauthorized("b")) == REFRESH


def test_a_401_beyond_the_grant_or_without_a_refresh_token_authorizes() -> None:
    assert asked(last(HELD, READ, unauthorized("b"))) == "a b"
    assert asked(last(holding("a"), READ, unauthorized("a"))) == "a"


def test_a_403_is_answered_by_a_refresh_only_where_that_could_help() -> None:
    narrowed = holding("a b", in_hand="a", refresh_token="r1")
    assert last(narrowed, WRITE, insufficient("b")) == REFRESH
    for client, scope, request_ in (
        (narrowed, "a", "a b"),
        (narrowed, "c", "a b c"),
        (narrowed, "b c", "a b c"),
        (narrowed, None, "a b"),
        (holding("a b", in_hand="a"), "b", "a b"),
        (holding("a b", refresh_token="r1"), "b", "a b"),
        (holding(None, requested="a", refresh_token="r1"), "b", "a b"),
        (holding(None, requested="a b", in_hand="a", refresh_token="r1"), "b", "a b"),
    ):
        assert asked(last(client, WRITE, insufficient(scope))) == request_
    unseen = replace(account(narrowed), in_hand=None)
    unseen_client = replace(narrowed, storage=replace(narrowed.storage, grants={KEY: unseen}))
    assert asked(last(unseen_client, WRITE, insufficient("b"))) == "a b"


def test_a_call_on_its_way_says_what_renewed_its_token() -> None:
    assert told(HELD, READ)[0].phase == Calling(READ)
    assert told(HELD, READ, unauthorized("a"), token("t2"))[0].phase == Calling(READ, "refresh")
    assert told(HELD, READ, unauthorized("b"), CODE, token("t2"))[0].phase == Calling(READ, "authorization")


def test_one_refresh_a_call() -> None:
    client, actions = told(HELD, READ, unauthorized("a"), token("t2", "a", "r2"), unauthorized("a"))
    assert isinstance(actions[-1], Failed)
    assert account(client).refresh_token == "r2"


def test_a_401_that_names_more_after_a_refresh_leads_to_the_user() -> None:
    _, actions = told(HELD, READ, unauthorized(), token("t2", "a", "r2"), unauthorized("b"))
    assert isinstance(actions[-1], AuthorizationRequest)


def test_a_challenge_for_offline_access_is_progress_once() -> None:
    client, actions = told(
        holding("a"), WRITE, insufficient("b"), CODE, token("t2", "a b"), insufficient("offline_access")
    )
    assert isinstance(actions[-1], AuthorizationRequest)
    _, actions = told(client, CODE, token("t3", "a b"), insufficient("offline_access"))
    assert isinstance(actions[-1], Failed)


def test_a_refresh_token_that_is_not_rotated_stays() -> None:
    client, _ = told(HELD, TokenExpired("t1"), READ, token("t2", "a"))
    assert account(client).refresh_token == "r1"


def test_a_narrow_refresh_narrows_the_token_and_a_plain_one_restores_it() -> None:
    wide = holding("a b", refresh_token="r1")
    client, _ = told(wide, TokenExpired("t1"), READ, token("t2", "a"), OK)
    assert account(client) == Grant(scopes("a b"), scopes("a b"), scopes("a"), "t2", "r1")
    client, _ = told(client, TokenExpired("t2"), READ, token("t3"), OK)
    assert account(client) == Grant(scopes("a b"), scopes("a b"), scopes("a b"), "t3", "r1")


def test_after_a_narrow_refresh_a_step_up_asks_for_the_whole_grant() -> None:
    client, _ = told(holding("a b", refresh_token="r1"), TokenExpired("t1"), READ, token("t2", "a"), OK)
    assert asked(last(client, WRITE, insufficient("c"))) == "a b c"


def test_a_refresh_that_says_nothing_clears_the_account_of_those_who_clear() -> None:
    setup = Setup(POLICIES["rust-sdk-before-888"])
    client, _ = told(holding("a", refresh_token="r1", setup=setup), TokenExpired("t1"), READ, token("t2"))
    assert account(client).in_hand == NO_SCOPES
    assert account(client).granted == scopes("a")


def test_a_failed_refresh_costs_the_refresh_token_alone() -> None:
    refused = TokenResponse(error="invalid_grant")
    client, actions = told(HELD, TokenExpired("t1"), READ, refused)
    assert account(client) == Grant(scopes("a"), scopes("a"), scopes("a"), "t1", None, expired=True)
    assert actions[-1] == ResourceRequest("read", "t1", RS)
    # So that whoever authorizes again still asks for all that was granted.
    assert asked(last(client, unauthorized("b"))) == "a b"


def test_a_failed_refresh_leads_back_to_the_challenge() -> None:
    client, actions = told(HELD, READ, unauthorized("a"), TokenResponse(error="invalid_grant"))
    assert actions[-1] == AuthorizationRequest("a", None, AS, RS)
    assert account(client).refresh_token is None


# --- restarting -----------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", [phase for phase, _ in LEGAL.values()], ids=lambda phase: type(phase).__name__)
def test_a_restart_loses_the_memory_and_keeps_the_storage(phase: Phase) -> None:
    before = replace(HELD, phase=phase, memory=replace(HELD.memory, attempts={READ: 2}))
    client, actions = told(before, ClientRestarted())
    assert actions == [Noted()]
    assert client == Client(HELD.setup, HELD.storage, Memory(), Idle())


def test_after_a_restart_the_account_is_still_known() -> None:
    client, actions = told(HELD, ClientRestarted(), WRITE, insufficient("b"), described(), listing())
    assert actions[2:] == [
        FetchResourceMetadata(RS),
        FetchServerMetadata(AS),
        AuthorizationRequest("a b", None, AS, RS),
    ]
    assert client.storage.registered == {AS}


# --- clients that act for themselves --------------------------------------------------------------


def test_client_credentials_ask_with_the_token_request_itself() -> None:
    client = knowing(Client(Setup(grant_type=CLIENT_CREDENTIALS)))
    client, actions = told(client, READ, unauthorized("a"), token("t1", None, "r1"), OK)
    assert actions[1:] == [
        TokenRequest(CLIENT_CREDENTIALS, "a", None, AS, RS),
        ResourceRequest("read", "t1", RS),
        Served(READ),
    ]
    # A refresh token that should not have come is not used.
    assert account(client) == Grant(scopes("a"), scopes("a"), scopes("a"), "t1", None)
    client, actions = told(client, WRITE, insufficient("b"), token("t2"))
    assert actions[1] == TokenRequest(CLIENT_CREDENTIALS, "a b", None, AS, RS)
    assert account(client).granted == scopes("a b")


def test_an_exchange_has_two_legs_and_only_the_last_one_grants() -> None:
    client = knowing(Client(Setup(grant_type=TOKEN_EXCHANGE)))
    client, actions = told(client, READ, unauthorized("a b"), token("assertion", "z"), token("t1", "a"), OK)
    assert actions[1:] == [
        TokenRequest(TOKEN_EXCHANGE, "a b", None, AS, RS),
        TokenRequest(JWT_BEARER, None, None, AS, RS),
        ResourceRequest("read", "t1", RS),
        Served(READ),
    ]
    assert account(client) == Grant(scopes("a b"), scopes("a"), scopes("a"), "t1")


def test_what_an_exchange_leaves_unsaid_is_unknown() -> None:
    client = knowing(Client(Setup(grant_type=TOKEN_EXCHANGE)))
    client, _ = told(client, READ, unauthorized("a b"), token("assertion"), token("t1"))
    assert account(client) == Grant(scopes("a b"), None, None, "t1")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (TokenResponse(error="invalid_scope"), "token exchange failed: invalid_scope"),
        (TokenResponse(), "token exchange failed: no token"),
    ],
)
def test_a_failed_first_leg_keeps_the_grant(answer: TokenResponse, why: str) -> None:
    before = holding("a", setup=Setup(grant_type=TOKEN_EXCHANGE))
    client, actions = told(before, WRITE, insufficient("b"), answer)
    assert reason(actions[-1]) == why
    assert client.storage == before.storage


# --- values ---------------------------------------------------------------------------------------


def test_a_client_is_a_value() -> None:
    assert Client() == Client(Setup(), Storage(), Memory(), Idle())
    for value in (Client(), Setup(), Storage(), Memory(), KEY, account(HELD)):
        field: Any = next(iter(type(value).__dataclass_fields__))
        with pytest.raises(AttributeError):
            setattr(value, field, None)


def test_a_step_changes_nothing_that_was_there() -> None:
    before = holding("a", refresh_token="r1")
    told(before, WRITE, insufficient("b", metadata=True), described("m"), CODE, token("t2"), WRITTEN)
    assert before == holding("a", refresh_token="r1")
    assert isinstance(account(before).granted, ScopeSet)

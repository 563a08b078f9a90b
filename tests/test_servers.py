"""The servers: each freedom does what it says, and what the RFCs bind them to holds whatever the freedom."""

from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scope_model.challenges import bearer_challenge, parse_challenges
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
    FetchResourceMetadata,
    FetchServerMetadata,
    Key,
    ProtectedResourceMetadata,
    RegistrationResponse,
    ResourceRequest,
    ResourceResponse,
    TokenRequest,
    TokenResponse,
    Unavailable,
)
from scope_model.scopes import NO_SCOPES, ScopeSet, read_scope, same_scopes, scopes
from scope_model.servers import (
    Answer,
    AuthorizationServer,
    Challenging,
    Consent,
    Freedom,
    Granting,
    Issued,
    Named,
    Registers,
    Request,
    ResourceServer,
    Servers,
    answer,
    metadata_url,
)
from scope_model.spellings import MISSPELLINGS, SPELLINGS
from scope_properties.strategies import challengings, grantings, scope_sets

RS: Final = "https://rs.example/mcp"
OTHER_RS: Final = "https://other.example/mcp"
AS: Final = "https://as.example"
OTHER_AS: Final = "https://other-as.example"
KEY: Final = Key(AS, RS)
FREE: Final = Freedom()

WORLD: Final = Servers(
    resources={
        RS: ResourceServer(RS, AS, {"read": scopes("a"), "write": scopes("a b"), "ping": NO_SCOPES}, ("a", "b")),
        OTHER_RS: ResourceServer(OTHER_RS, OTHER_AS, {"read": scopes("a")}),
    },
    issuers={
        AS: AuthorizationServer(AS, ("offline_access",), scopes("z")),
        OTHER_AS: AuthorizationServer(OTHER_AS),
    },
)


def with_token(scope: str, *, key: Key = KEY) -> Servers:
    """The world after `t1`, of `scope`, was issued together with the refresh token `r1`."""
    issued = Issued(key, scopes(scope))
    return replace(WORLD, access_tokens={"t1": issued}, refresh_tokens={"r1": issued}, serial=2)


def called(
    servers: Servers, operation: str, token: str | None = "t1", how: Challenging = FREE.challenging
) -> ResourceResponse:
    response = answer(servers, ResourceRequest(operation, token, RS), Freedom(challenging=how))
    assert response[0] is servers
    assert isinstance(response[1], ResourceResponse)
    return response[1]


def said(response: ResourceResponse) -> dict[str, str]:
    """The parameters of the Bearer challenge of a response."""
    challenge = bearer_challenge(parse_challenges(response.www_authenticate))
    assert challenge is not None
    return dict(challenge.parameters)


def token_for(
    asked: str | None, how: Granting, servers: Servers = WORLD, key: Key = KEY
) -> tuple[Servers, TokenResponse]:
    """Authorize and exchange the code."""
    consented, response = answer(
        servers, AuthorizationRequest(asked, None, key.issuer, key.resource), Freedom(granting=how)
    )
    assert response == AuthorizationResponse(code=True, issuer=key.issuer, resource=key.resource)
    # What was granted was settled by the authorization: the freedom of the exchange has no say.
    exchange = TokenRequest(AUTHORIZATION_CODE, None, None, key.issuer, key.resource)
    issued, token = answer(consented, exchange, Freedom(granting=Granting("refused")))
    assert isinstance(token, TokenResponse)
    return issued, token


def refreshed(
    servers: Servers, how: Granting = FREE.granting, *, scope: str | None = None, token: str | None = "r1"
) -> tuple[Servers, TokenResponse]:
    request = TokenRequest(REFRESH_TOKEN, scope, token, AS, RS)
    after, response = answer(servers, request, Freedom(granting=how))
    assert isinstance(response, TokenResponse)
    return after, response


# The resource server


@pytest.mark.parametrize(
    ("held", "operation", "status"),
    [
        ("a", "read", 200),
        ("b a", "write", 200),
        ("a b c", "write", 200),
        ("", "ping", 200),
        ("a", "write", 403),
        ("", "read", 403),
        ("A", "read", 403),
    ],
)
def test_a_token_is_good_for_what_it_covers(held: str, operation: str, status: int) -> None:
    assert called(with_token(held), operation).status == status


def test_what_is_served_carries_no_challenge() -> None:
    assert called(with_token("a"), "read") == ResourceResponse("read", 200, (), RS)


def test_without_a_token_the_answer_is_401_and_names_no_error() -> None:
    response = called(WORLD, "write", None)
    assert response.status == 401
    assert said(response) == {
        "scope": "a b",
        "resource_metadata": f"{RS}/.well-known/oauth-protected-resource",
    }


@pytest.mark.parametrize(
    "servers",
    [
        WORLD,
        with_token("a b").expire("t1"),
        with_token("a b", key=Key(AS, OTHER_RS)),
        with_token("a b", key=Key(OTHER_AS, RS)),
        with_token("a b").move(RS, OTHER_AS),
    ],
    ids=["unknown", "expired", "of another resource", "of another issuer", "of the former issuer"],
)
def test_a_token_that_is_not_good_here_gets_401_invalid_token(servers: Servers) -> None:
    response = called(servers, "write")
    assert (response.status, said(response)["error"]) == (401, "invalid_token")


def test_a_token_of_too_little_scope_gets_403_insufficient_scope() -> None:
    response = called(with_token("a"), "write")
    assert (response.operation, response.status, response.resource) == ("write", 403, RS)
    assert said(response)["error"] == "insufficient_scope"
    assert said(response)["scope"] == "a b"


def test_what_does_not_exist_is_404() -> None:
    assert called(with_token("a"), "unheard-of") == ResourceResponse("unheard-of", 404, (), RS)
    nowhere = ResourceRequest("read", "t1", "https://nowhere.example")
    assert answer(WORLD, nowhere, FREE)[1] == ResourceResponse("read", 404, (), "https://nowhere.example")


def test_an_unnamed_resource_is_the_first() -> None:
    assert answer(with_token("a"), ResourceRequest("read", "t1"), FREE)[1] == ResourceResponse("read", 200)


@pytest.mark.parametrize(
    ("how", "status", "error"),
    [
        (Challenging("unauthorized"), 401, "invalid_token"),
        (Challenging("insufficient_scope"), 403, "insufficient_scope"),
    ],
)
def test_a_server_may_challenge_a_token_that_would_do(how: Challenging, status: int, error: str) -> None:
    response = called(with_token("a b"), "write", how=how)
    assert (response.status, said(response)["error"], said(response)["scope"]) == (status, error, "a b")


def test_a_server_may_forbid_without_a_challenge() -> None:
    assert called(with_token("a b"), "write", how=Challenging("forbidden")) == ResourceResponse("write", 403, (), RS)
    assert called(WORLD, "write", None, Challenging("forbidden")).status == 401


@pytest.mark.parametrize(
    ("named", "held", "scope"),
    [
        ("needed", "a c", "a b"),
        ("missing", "a c", "b"),
        ("needed-and-held", "c a", "a b c"),
        ("unnamed", "a c", None),
        ("empty", "a c", ""),
        (scopes("x y"), "a c", "x y"),
    ],
)
def test_a_challenge_names_what_it_is_told_to(named: Named, held: str, scope: str | None) -> None:
    assert said(called(with_token(held), "write", how=Challenging(scope=named))).get("scope") == scope


def test_a_challenge_of_a_token_that_lacks_nothing_names_all_that_is_needed() -> None:
    how = Challenging("insufficient_scope", "missing")
    assert said(called(with_token("a b"), "write", how=how))["scope"] == "a b"


def test_a_challenge_may_keep_its_metadata_and_its_error_to_itself() -> None:
    quiet = Challenging(names_metadata=False, names_error=False)
    assert said(called(WORLD, "read", "t1", quiet)) == {"scope": "a"}
    # A 403 without insufficient_scope would not be about scopes.
    assert said(called(with_token(""), "read", how=quiet)) == {"error": "insufficient_scope", "scope": "a"}


@pytest.mark.parametrize("spelling", [*SPELLINGS, *MISSPELLINGS])
def test_a_challenge_is_spelled_as_it_is_told_to(spelling: str) -> None:
    response = called(with_token("a"), "write", how=Challenging(spelling=spelling))
    write = {**SPELLINGS, **MISSPELLINGS}[spelling]
    metadata = f"{RS}/.well-known/oauth-protected-resource"
    assert response.www_authenticate == write(
        [("error", "insufficient_scope"), ("scope", "a b"), ("resource_metadata", metadata)]
    )


@given(scope_sets(), st.sampled_from(("read", "write", "ping")), challengings(hostile=False))
def test_a_server_without_malice_serves_exactly_what_is_covered(
    held: ScopeSet, operation: str, how: Challenging
) -> None:
    needs = WORLD.resources[RS].needs[operation]
    response = called(with_token(str(held)), operation, how=how)
    assert (response.status == 200) == (needs <= held)
    assert bool(response.www_authenticate) == (response.status != 200)


def test_a_401_may_come_without_a_challenge() -> None:
    bare = Challenging("bare_unauthorized")
    for token in ("t1", None):
        assert called(with_token("a b"), "write", token, bare) == ResourceResponse("write", 401, (), RS)


def test_a_403_may_name_another_error_beside_all_else() -> None:
    response = called(with_token("a b"), "write", how=Challenging("another_error"))
    assert (response.status, said(response)["error"], said(response)["scope"]) == (403, "access_denied", "a b")
    assert called(WORLD, "write", None, Challenging("another_error")).status == 401


def test_a_description_changes_with_each_token() -> None:
    how = Challenging("unauthorized", describes=True)
    first, second = (
        said(called(servers, "read", how=how)) for servers in (with_token("a"), token_for("a", FREE.granting)[0])
    )
    assert first["error_description"] == second["error_description"] == "after 1 tokens"
    later = said(called(token_for("a", FREE.granting, with_token("a"))[0], "read", how=how))
    assert later == {**first, "error_description": "after 2 tokens"}


# Metadata and registration


def test_a_document_may_appear_with_the_first_401() -> None:
    hidden = replace(WORLD, resources={RS: replace(WORLD.resources[RS], reserved=True)})
    assert answer(hidden, FetchResourceMetadata(RS), FREE) == (hidden, Unavailable())
    there, response = answer(hidden, ResourceRequest("read", None, RS), FREE)
    assert response == called(WORLD, "read", None)
    assert answer(there, FetchResourceMetadata(RS), FREE) == (there, answer(WORLD, FetchResourceMetadata(RS), FREE)[1])


def test_server_metadata_may_wrongly_describe_another_issuer() -> None:
    servers = replace(WORLD, issuers={AS: replace(WORLD.issuers[AS], describes=OTHER_AS)})
    assert answer(servers, FetchServerMetadata(AS), FREE)[1] == AuthorizationServerMetadata(
        OTHER_AS, ("offline_access",)
    )


def test_a_registration_that_names_scopes_may_be_refused() -> None:
    servers = replace(WORLD, issuers={AS: replace(WORLD.issuers[AS], registers="nothing with a scope")})
    refused = RegistrationResponse(error="invalid_client_metadata")
    assert answer(servers, ClientRegistration("a", issuer=AS), FREE) == (servers, refused)
    assert answer(servers, ClientRegistration(issuer=AS), FREE) == (servers, RegistrationResponse())


@pytest.mark.parametrize(("presumes", "error"), [(True, 'error="invalid_token", '), (False, "")])
def test_a_token_that_was_not_sent_may_be_called_invalid(presumes: bool, error: str) -> None:  # noqa: FBT001
    servers = replace(WORLD, resources={RS: replace(WORLD.resources[RS], presumes=presumes)})
    (line,) = called(servers, "read", None).www_authenticate
    assert line.startswith(f'Bearer {error}scope="a"')


@pytest.mark.parametrize(
    ("inserts", "place"),
    [
        (True, "https://rs.example/.well-known/oauth-protected-resource/mcp"),
        (False, "https://rs.example/mcp/.well-known/oauth-protected-resource"),
    ],
)
def test_the_metadata_may_be_before_or_after_the_path(inserts: bool, place: str) -> None:  # noqa: FBT001
    server = ResourceServer("https://rs.example/mcp", AS, {}, inserts=inserts)
    assert metadata_url(server) == place


@pytest.mark.parametrize(("rotates", "renewed"), [(True, "r2"), (False, "r1")])
def test_a_refresh_may_bring_the_same_refresh_token_again(rotates: bool, renewed: str) -> None:  # noqa: FBT001
    held = with_token("a")
    held = replace(held, issuers={AS: replace(held.issuers[AS], rotates=rotates)})
    servers, response = refreshed(held, Granting())
    assert response == TokenResponse("t2", "a", renewed, None, AS, RS)
    assert list(servers.refresh_tokens) == [renewed]


@pytest.mark.parametrize(
    ("registers", "scope"), [("as asked", "a b"), ("another scope", "registered"), ("no scope", None)]
)
def test_a_registration_may_be_for_another_scope_or_say_none(registers: Registers, scope: str | None) -> None:
    servers = replace(WORLD, issuers={AS: replace(WORLD.issuers[AS], registers=registers)})
    assert answer(servers, ClientRegistration("a b", issuer=AS), FREE) == (servers, RegistrationResponse(scope))


@pytest.mark.parametrize(
    ("request_", "document"),
    [
        (FetchResourceMetadata(RS), ProtectedResourceMetadata(RS, (AS,), ("a", "b"))),
        (FetchResourceMetadata(OTHER_RS), ProtectedResourceMetadata(OTHER_RS, (OTHER_AS,), None)),
        (FetchResourceMetadata("https://nowhere.example"), Unavailable()),
        (FetchServerMetadata(AS), AuthorizationServerMetadata(AS, ("offline_access",))),
        (FetchServerMetadata("https://nowhere.example"), Unavailable()),
        (ClientRegistration(), RegistrationResponse()),
    ],
)
def test_each_document_is_what_the_server_is(request_: Request, document: Answer) -> None:
    assert answer(WORLD, request_, FREE) == (WORLD, document)


def test_a_document_may_wrongly_describe_another_resource() -> None:
    wrong = replace(WORLD.resources[RS], describes="https://elsewhere.example")
    servers = replace(WORLD, resources={RS: wrong})
    document = answer(servers, FetchResourceMetadata(RS), FREE)[1]
    assert document == ProtectedResourceMetadata("https://elsewhere.example", (AS,), ("a", "b"))


def test_metadata_may_change() -> None:
    document = answer(WORLD.republish(RS, ("c",)), FetchResourceMetadata(RS), FREE)[1]
    assert document == ProtectedResourceMetadata(RS, (AS,), ("c",))
    moved = answer(WORLD.move(RS, OTHER_AS), FetchResourceMetadata(RS), FREE)[1]
    assert moved == ProtectedResourceMetadata(RS, (OTHER_AS,), ("a", "b"))
    assert answer(WORLD.move(RS, OTHER_AS), FetchResourceMetadata(OTHER_RS), FREE)[1] == (
        ProtectedResourceMetadata(OTHER_RS, (OTHER_AS,), None)
    )


# What is granted


def test_servers_that_are_told_nothing_grant_what_is_asked_and_challenge_plainly() -> None:
    assert Freedom() == Freedom(Challenging(None, "needed", "plain"), Granting("asked"))


@pytest.mark.parametrize(
    ("how", "granted", "stated"),
    [
        (Granting(), "a b", "a b"),
        (Granting(says=False), "a b", None),
        (Granting(reorders=True), "a b", "b a"),
        (Granting(commas=True), "a b", "a,b"),
        (Granting("wider", with_=scopes("c"), reorders=True, commas=True), "a b c", "c,b,a"),
        (Granting("narrower", scopes("b")), "a", "a"),
        (Granting("narrower", scopes("b"), says=False), "a", "a"),
        (Granting("narrower", scopes("x"), says=False), "a b", None),
        (Granting("wider", with_=scopes("c")), "a b c", "a b c"),
        (Granting("wider", with_=scopes("c"), says=False), "a b c", "a b c"),
        (Granting("wider", with_=scopes("a"), says=False), "a b", None),
        (Granting(without=scopes("a"), with_=scopes("c")), "a b", "a b"),
        (Granting("empty"), "", ""),
        (Granting("empty", says=False), "", ""),
    ],
)
def test_what_differs_from_the_request_is_stated_and_what_equals_it_may_be(
    how: Granting, granted: str, stated: str | None
) -> None:
    servers, token = token_for("a b", how)
    assert token == TokenResponse("t1", stated, "r1", None, AS, RS)
    assert servers.access_tokens == {"t1": Issued(KEY, scopes(granted))}
    assert servers.refresh_tokens == {"r1": Issued(KEY, scopes(granted))}


def is_told(how: Granting) -> bool:
    """Whether something is granted, and what is, is written as the grammar has it."""
    return how.grant not in ("refused", "invalid_scope", "refused_code") and not how.commas


@given(scope_sets(min_size=1), grantings().filter(is_told))
def test_a_client_can_always_tell_what_was_granted(asked: ScopeSet, how: Granting) -> None:
    servers, token = token_for(str(asked), how)
    told = asked if token.scope is None else read_scope(token.scope)
    assert same_scopes(servers.access_tokens["t1"].scope, told)
    assert (token.refresh_token is not None) == how.refresh_token == bool(servers.refresh_tokens)


@pytest.mark.parametrize("asked", [None, "", " "])
@pytest.mark.parametrize(("how", "stated"), [(Granting(), "z"), (Granting(says=False), None)])
def test_a_request_without_scope_gets_the_default_told_or_untold(
    asked: str | None, how: Granting, stated: str | None
) -> None:
    servers, token = token_for(asked, how)
    assert servers.access_tokens["t1"].scope == scopes("z")
    assert token.scope == stated


def test_a_grant_of_nothing_is_always_told() -> None:
    assert token_for(None, Granting("empty", says=False))[1].scope == ""


@pytest.mark.parametrize(
    ("how", "error"),
    [(Granting("refused"), "access_denied"), (Granting("invalid_scope"), "invalid_scope")],
)
def test_an_authorization_may_be_refused(how: Granting, error: str) -> None:
    servers, response = answer(WORLD, AuthorizationRequest("a", None, AS, RS), Freedom(granting=how))
    assert servers is WORLD
    assert response == AuthorizationResponse(code=False, error=error, issuer=AS, resource=RS)


def test_a_repeated_scope_parameter_is_invalid() -> None:
    asked = AuthorizationRequest(("a", "b"), None, AS, RS)
    assert answer(WORLD, asked, FREE)[1] == AuthorizationResponse(
        code=False, error="invalid_scope", issuer=AS, resource=RS
    )


@pytest.mark.parametrize("grant_type", [AUTHORIZATION_CODE, REFRESH_TOKEN, CLIENT_CREDENTIALS, TOKEN_EXCHANGE])
def test_a_repeated_scope_parameter_is_invalid_at_the_token_endpoint(grant_type: str) -> None:
    servers, _ = answer(with_token("a b"), AuthorizationRequest("a", None, AS, RS), FREE)
    repeated = TokenRequest(grant_type, ("a", "b"), "r1", AS, RS)
    assert answer(servers, repeated, FREE) == (servers, TokenResponse(error="invalid_scope", issuer=AS, resource=RS))


def test_a_code_is_exchanged_once() -> None:
    servers, first = token_for("a", Granting())
    assert first.access_token == "t1"
    again = TokenRequest(AUTHORIZATION_CODE, None, None, AS, RS)
    assert answer(servers, again, FREE) == (
        servers,
        TokenResponse(error="invalid_grant", issuer=AS, resource=RS),
    )


def test_a_code_may_be_refused_after_consent() -> None:
    refusing = Freedom(granting=Granting("refused_code"))
    consented, response = answer(WORLD, AuthorizationRequest("a", None, AS, RS), refusing)
    assert response == AuthorizationResponse(code=True, issuer=AS, resource=RS)
    refused = TokenResponse(error="invalid_grant", issuer=AS, resource=RS)
    exchange = TokenRequest(AUTHORIZATION_CODE, None, None, AS, RS)
    assert answer(consented, exchange, FREE) == (WORLD, refused)
    held = with_token("a")
    assert refreshed(held, Granting("refused_code")) == (held, refused)


def test_a_token_may_be_brief_however_it_comes() -> None:
    servers, _ = token_for("a", Granting(brief=True))
    assert servers.access_tokens["t1"].brief
    servers, _ = refreshed(with_token("a"), Granting(brief=True))
    assert (servers.access_tokens["t2"].brief, servers.access_tokens["t1"].brief) == (True, False)


def test_a_code_belongs_to_its_issuer_and_resource() -> None:
    consented, _ = answer(WORLD, AuthorizationRequest("a", None, AS, RS), FREE)
    for issuer, resource in ((OTHER_AS, RS), (AS, OTHER_RS)):
        elsewhere = TokenRequest(AUTHORIZATION_CODE, None, None, issuer, resource)
        assert answer(consented, elsewhere, FREE)[1] == TokenResponse(
            error="invalid_grant", issuer=issuer, resource=resource
        )


def test_several_authorizations_may_wait_for_their_codes() -> None:
    servers = WORLD
    for key in (KEY, Key(OTHER_AS, OTHER_RS)):
        servers, _ = answer(servers, AuthorizationRequest("a", None, key.issuer, key.resource), FREE)
    for key in (KEY, Key(OTHER_AS, OTHER_RS)):
        exchange = TokenRequest(AUTHORIZATION_CODE, None, None, key.issuer, key.resource)
        servers, token = answer(servers, exchange, FREE)
        assert isinstance(token, TokenResponse)
        assert token.scope == "a"


def test_unnamed_servers_are_the_first() -> None:
    consented, response = answer(WORLD, AuthorizationRequest("a"), FREE)
    assert response == AuthorizationResponse(code=True, issuer=AS, resource=RS)
    token = answer(consented, TokenRequest(AUTHORIZATION_CODE, issuer="https://nowhere.example"), FREE)[1]
    assert token == TokenResponse("t1", "a", "r1", None, AS, RS)


def test_every_token_is_new() -> None:
    servers, first = token_for("a", Granting())
    _, second = token_for("a", Granting(), servers)
    assert (first.access_token, second.access_token) == ("t1", "t2")
    assert (first.refresh_token, second.refresh_token) == ("r1", "r2")


def test_a_token_may_come_without_a_refresh_token() -> None:
    servers, token = token_for("a", Granting(refresh_token=False))
    assert token.refresh_token is None
    assert not servers.refresh_tokens


# Refreshing


def test_a_refresh_without_scope_brings_the_whole_grant() -> None:
    servers, token = refreshed(with_token("a b"))
    assert token == TokenResponse("t2", "a b", "r2", None, AS, RS)
    # And leaves the earlier token as good as it was.
    assert servers.access_tokens == dict.fromkeys(("t1", "t2"), Issued(KEY, scopes("a b")))


def test_a_rotated_refresh_token_replaces_the_old_one() -> None:
    servers, _ = refreshed(with_token("a b"))
    assert servers.refresh_tokens == {"r2": Issued(KEY, scopes("a b"))}
    assert refreshed(servers)[1].error == "invalid_grant"
    assert refreshed(servers, token="r2")[1].access_token == "t3"


def test_a_refresh_token_that_is_not_rotated_stays_in_use() -> None:
    servers, token = refreshed(with_token("a b"), Granting(refresh_token=False))
    assert token.refresh_token is None
    assert refreshed(servers)[1].access_token == "t3"


def test_a_narrow_refresh_narrows_the_token_and_not_the_grant() -> None:
    servers, token = refreshed(with_token("a b"), Granting("narrower", scopes("b"), says=False))
    assert token.scope == "a"
    assert servers.access_tokens["t2"].scope == scopes("a")
    assert servers.refresh_tokens["r2"].scope == scopes("a b")
    assert refreshed(servers, token="r2")[1].scope == "a b"


@pytest.mark.parametrize(
    ("scope", "how", "stated"),
    [
        ("a", Granting(), "a"),
        ("a", Granting(says=False), None),
        ("b a", Granting(reorders=True), "a b"),
        # A refresh cannot widen, whatever the server would like.
        (None, Granting("wider", with_=scopes("c")), "a b"),
        (None, Granting("empty"), "a b"),
        (None, Granting(says=False), None),
        # What a narrower grant would leave out, only a narrower one does.
        (None, Granting(without=scopes("a")), "a b"),
    ],
)
def test_a_refresh_stays_within_the_grant(scope: str | None, how: Granting, stated: str | None) -> None:
    servers, token = refreshed(with_token("a b"), how, scope=scope)
    assert token.scope == stated
    assert servers.access_tokens["t2"].scope <= scopes("a b")


def test_a_refresh_outside_the_grant_is_invalid_scope() -> None:
    servers = with_token("a b")
    assert refreshed(servers, scope="a c") == (
        servers,
        TokenResponse(error="invalid_scope", issuer=AS, resource=RS),
    )
    assert refreshed(servers, Granting("invalid_scope"))[1].error == "invalid_scope"


@pytest.mark.parametrize("token", [None, "", "r9", "t1"])
def test_an_unknown_refresh_token_is_invalid_grant(token: str | None) -> None:
    servers = with_token("a b")
    assert refreshed(servers, token=token) == (
        servers,
        TokenResponse(error="invalid_grant", issuer=AS, resource=RS),
    )


def test_a_refresh_token_is_good_for_its_own_issuer_and_resource() -> None:
    assert refreshed(with_token("a b", key=Key(OTHER_AS, RS)))[1].error == "invalid_grant"
    assert refreshed(with_token("a b", key=Key(AS, OTHER_RS)))[1].error == "invalid_grant"
    assert refreshed(with_token("a b"), Granting("refused"))[1].error == "invalid_grant"


# Clients that act for themselves


def test_client_credentials_yield_a_token_and_no_refresh_token() -> None:
    servers, token = answer(WORLD, TokenRequest(CLIENT_CREDENTIALS, "a b", None, AS, RS), FREE)
    assert token == TokenResponse("t1", "a b", None, None, AS, RS)
    assert isinstance(servers, Servers)
    assert servers.access_tokens["t1"].scope == scopes("a b")
    assert not servers.refresh_tokens


@pytest.mark.parametrize("grant_type", [CLIENT_CREDENTIALS, TOKEN_EXCHANGE])
@pytest.mark.parametrize("how", [Granting("refused"), Granting("invalid_scope")])
def test_a_token_request_may_be_refused(grant_type: str, how: Granting) -> None:
    servers, response = answer(WORLD, TokenRequest(grant_type, "a", None, AS, RS), Freedom(granting=how))
    assert servers is WORLD
    assert response == TokenResponse(error="invalid_scope", issuer=AS, resource=RS)


def test_an_exchange_has_two_legs_and_the_last_one_says_its_scope() -> None:
    how = Freedom(granting=Granting(says=False))
    servers, assertion = answer(WORLD, TokenRequest(TOKEN_EXCHANGE, "a b", None, AS, RS), how)
    assert assertion == TokenResponse("assertion", None, None, None, AS, RS)
    assert not servers.access_tokens
    issued, token = answer(servers, TokenRequest(JWT_BEARER, None, None, AS, RS), FREE)
    # The second leg's own request named nothing, so silence would tell the client nothing.
    assert token == TokenResponse("t1", "a b", None, None, AS, RS)
    assert issued.access_tokens["t1"].scope == scopes("a b")


@pytest.mark.parametrize(
    ("asked", "how", "named"),
    [
        ("a", Granting(), None),
        ("a b", Granting("narrower", without=scopes("b")), None),
        ("a", Granting("wider", with_=scopes("x")), "a x"),
        (None, Granting(), "d"),
    ],
)
def test_an_assertion_names_what_it_approves_where_that_is_not_what_was_asked(
    asked: str | None, how: Granting, named: str | None
) -> None:
    world = replace(WORLD, issuers={AS: AuthorizationServer(AS, default=scopes("d"))})
    _, assertion = answer(world, TokenRequest(TOKEN_EXCHANGE, asked, None, AS, RS), Freedom(granting=how))
    assert assertion == TokenResponse("assertion", named, None, None, AS, RS)


def test_what_is_done_for_one_resource_takes_nothing_from_another() -> None:
    other, waiting = Issued(Key(OTHER_AS, OTHER_RS), scopes("o")), Consent(scopes("w"), Granting())
    mine = with_token("a b")
    servers = replace(
        mine,
        access_tokens={**mine.access_tokens, "t0": other},
        refresh_tokens={**mine.refresh_tokens, "r0": other},
        consents={other.key: waiting},
    )
    asserted, _ = answer(servers, TokenRequest(TOKEN_EXCHANGE, "a", None, AS, RS), FREE)
    for after in (
        token_for("a", Granting(), servers)[0],
        refreshed(servers)[0],
        asserted,
        answer(asserted, TokenRequest(JWT_BEARER, None, None, AS, RS), FREE)[0],
        answer(servers, TokenRequest(CLIENT_CREDENTIALS, "a", None, AS, RS), FREE)[0],
        servers.expire("t1"),
        servers.move(RS, OTHER_AS),
        servers.republish(RS, None),
    ):
        assert after != servers
        assert after.access_tokens["t0"] == after.refresh_tokens["r0"] == other
        assert after.consents[other.key] == waiting
        assert after.resources[OTHER_RS] == WORLD.resources[OTHER_RS]
        assert after.issuers == WORLD.issuers


def test_an_answer_changes_nothing_that_was_there() -> None:
    before = with_token("a b")
    refreshed(before)
    token_for("a", Granting(), before)
    before.expire("t1")
    assert before == with_token("a b")

"""The servers over HTTP: they leave the transcript that the events alone leave, and let no breach pass."""

import base64
import json
from dataclasses import replace
from itertools import islice
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.reference import BACK, CHALLENGE, FORM, VERIFIER, Answered, Front
from over_http import Direct, ModelOverHttp, OverHttp
from scope_judge.judge import judge
from scope_model.challenges import Challenge, parse_challenges
from scope_model.client import Call
from scope_model.events import (
    AUTHORIZATION_CODE,
    CLIENT_CREDENTIALS,
    JWT_BEARER,
    REFRESH_TOKEN,
    AuthorizationRequest,
    AuthorizationResponse,
    ClientRegistration,
    Event,
    ResourceRequest,
    ResourceResponse,
    TokenRequest,
    TokenResponse,
    WireScope,
)
from scope_model.scopes import scopes
from scope_model.servers import AuthorizationServer, Challenging, Granting, ResourceServer, Servers
from scope_model.spellings import SPELLINGS
from scope_oracle.world import Addresses, HttpRequest, HttpResponse, HttpWorld, OfAnotherEpisode
from scope_properties.episodes import STREAM, Episode, MakeCall, Plan
from scope_properties.model_subject import ModelSubject
from scope_properties.runs import Run, run
from scope_properties.sampling import sample
from scope_properties.strategies import episodes
from scope_properties.tables import USER_DELEGATED, WITHOUT_A_USER
from scope_properties.world import PATIENCE, Exhausted, World
from scope_spec import Revision

RESOURCE = "https://one.example/mcp"
ISSUER = "https://as.example"


def header(response: HttpResponse, name: str) -> list[str]:
    return [value for known, value in response.headers if known == name]


def parsed(line: str) -> Challenge:
    (challenge,) = parse_challenges([line])
    assert isinstance(challenge, Challenge)
    return challenge


def returned(response: HttpResponse) -> dict[str, str]:
    """The query with which the user agent comes back."""
    (location,) = header(response, "Location")
    assert location.startswith(f"{BACK}?")
    return {name: value for name, (value,) in parse_qs(urlsplit(location).query).items()}


def form(url: str, fields: dict[str, object]) -> HttpRequest:
    given = {name: value for name, value in fields.items() if value is not None}
    return HttpRequest("POST", url, body=urlencode(given, doseq=True).encode())


def call(operation: str, token: str | None = None, resource: str = RESOURCE) -> HttpRequest:
    headers = () if token is None else (("authorization", f"Bearer {token}"),)
    message = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": operation}}
    return HttpRequest("POST", resource, headers, json.dumps(message).encode())


# --- the reference model over HTTP ---


@pytest.mark.parametrize("grant_types", [USER_DELEGATED, WITHOUT_A_USER])
def test_http_changes_nothing_in_a_transcript(grant_types: tuple[str, ...]) -> None:
    @settings(max_examples=150, derandomize=True, database=None, deadline=None)
    @given(episodes(grant_types=grant_types))
    def the_same(episode: Episode) -> None:
        registering = replace(episode, plan=replace(episode.plan, registration="dynamic"))
        running = Run(registering.plan, ModelOverHttp())
        running.play(*registering.steps)
        assert running.transcript == run(registering, ModelSubject())
        assert isinstance(running.session, OverHttp)
        web = running.session.front.web
        assert isinstance(web, Direct)
        assert not web.http.complaints

    the_same()


# --- one episode after another ---


EARLIER, LATER = 1, 2


def kind_of(request: HttpRequest) -> str:
    """What a request is for: its grant type, or the end of its path."""
    (grant_type,) = parse_qs(request.body.decode()).get("grant_type", ("",))
    return grant_type or urlsplit(request.url).path.rpartition("/")[2]


def sent_in(episode: Episode, number: int) -> list[HttpRequest]:
    """What the reference client sends in an episode of that number."""
    running = Run(episode.plan, ModelOverHttp(Addresses({}, number)))
    running.play(*episode.steps)
    assert isinstance(running.session, OverHttp)
    assert isinstance(running.session.front.web, Direct)
    return running.session.front.web.sent


def test_who_brings_what_was_handed_out_in_one_episode_is_no_part_of_another() -> None:
    refused = set()
    for episode in (*islice(sample(0), 40), *islice(sample(0, grant_types=WITHOUT_A_USER), 40)):
        for request in sent_in(episode, EARLIER):
            if f"~{EARLIER}" in f"{request.url} {request.headers} {request.body!r}":
                later = HttpWorld(World(episode.plan), Addresses({}, LATER))
                with pytest.raises(OfAnotherEpisode):
                    later.handle(request)
                assert later.world.events == []
                refused.add(kind_of(request))
    assert refused == {"authorize", "mcp", AUTHORIZATION_CODE, REFRESH_TOKEN, *WITHOUT_A_USER, JWT_BEARER}


@pytest.mark.parametrize("scheme", ["Bearer t1~{}", "bearer t1~{}"])
@pytest.mark.parametrize(("method", "message"), [("GET", {}), ("POST", {"id": 1, "method": "initialize"})])
def test_a_token_of_another_episode_opens_no_stream_and_no_session(
    scheme: str, method: str, message: dict[str, object]
) -> None:
    resource = ResourceServer(RESOURCE, ISSUER, {STREAM: scopes("a")})
    http = HttpWorld(World(Plan(Servers({RESOURCE: resource}, {}))), Addresses({}, LATER))
    ours, theirs = (
        HttpRequest(method, RESOURCE, (("Authorization", scheme.format(number)),), json.dumps(message).encode())
        for number in (LATER, EARLIER)
    )
    http.handle(ours)
    before = list(http.world.events)
    with pytest.raises(OfAnotherEpisode):
        http.handle(theirs)
    assert http.world.events == before


def test_a_client_of_another_episode_is_known_by_basic_authentication_too() -> None:
    http = HttpWorld(world_of().world, Addresses({}, LATER))
    http.know(ISSUER, "c", secret="s")

    def asking(client_id: str) -> HttpRequest:
        asked = form(f"{ISSUER}/token", {"grant_type": CLIENT_CREDENTIALS, "resource": RESOURCE})
        basic = base64.b64encode(f"{client_id}:s".encode()).decode()
        return replace(asked, headers=(("Authorization", f"Basic {basic}"),))

    assert json.loads(http.handle(asking(f"c~{LATER}")).body)["access_token"] == f"t1~{LATER}"
    with pytest.raises(OfAnotherEpisode):
        http.handle(asking(f"c~{EARLIER}"))


@pytest.mark.parametrize("token", ["undefined", "t1~", "~", "t1~x", f"t1~{LATER}~", ""])
def test_what_was_never_handed_out_is_part_of_the_episode_in_which_it_comes(token: str) -> None:
    http = HttpWorld(world_of().world, Addresses({}, LATER))
    assert http.handle(call("read", token)).status == 401
    assert last(http, ResourceRequest) == ResourceRequest("read", token or None, RESOURCE)


# --- one request at a time ---


def world_of(
    resources: tuple[str, ...] = (RESOURCE,),
    issuer: str = ISSUER,
    listed: tuple[str, ...] | None = ("a", "b"),
) -> HttpWorld:
    servers = Servers(
        {name: ResourceServer(name, issuer, {"read": scopes("a"), "write": scopes("b")}, listed) for name in resources},
        {issuer: AuthorizationServer(issuer, listed)},
    )
    http = HttpWorld(World(Plan(servers)))
    http.know(issuer, "c", [BACK])
    return http


def authorize(http: HttpWorld, *more: tuple[str, str], **changed: str | None) -> HttpResponse:
    fields = {
        "response_type": "code",
        "client_id": "c",
        "redirect_uri": BACK,
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        "state": "a state/",
        "resource": RESOURCE,
    }
    query = [(name, value) for name, value in {**fields, **changed}.items() if value is not None]
    return http.handle(HttpRequest("GET", f"{ISSUER}/authorize?{urlencode([*query, *more])}"))


def redeem(http: HttpWorld, code: str | None, **changed: str | None) -> HttpResponse:
    fields = {
        "grant_type": AUTHORIZATION_CODE,
        "client_id": "c",
        "code": code,
        "redirect_uri": BACK,
        "code_verifier": VERIFIER,
        "resource": RESOURCE,
    }
    return http.handle(form(f"{ISSUER}/token", {**fields, **changed}))


def last(http: HttpWorld, kind: type[Event]) -> Event:
    return next(event for event in reversed(http.world.events) if isinstance(event, kind))


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_challenges_arrive_as_they_are_spelled(spelling: str) -> None:
    http = world_of()
    http.world.begin(MakeCall(Call(RESOURCE, "read"), (Challenging(spelling=spelling),)))
    response = http.handle(call("read"))
    assert response.status == 401
    sent = last(http, ResourceResponse)
    assert isinstance(sent, ResourceResponse)
    assert tuple(header(response, "WWW-Authenticate")) == sent.www_authenticate
    assert json.loads(response.body)["error"]["message"]


def test_a_served_call_is_a_result() -> None:
    http = world_of()
    token = json.loads(redeem(http, returned(authorize(http, scope="a"))["code"]).body)["access_token"]
    response = http.handle(call("read", token))
    assert response.status == 200
    assert json.loads(response.body)["id"] == 7
    assert "result" in json.loads(response.body)
    assert http.handle(call("write", token)).status == 403


def test_resource_metadata_is_where_the_challenges_point_and_where_rfc_9728_says() -> None:
    http = world_of()
    for url in (
        f"{RESOURCE}/.well-known/oauth-protected-resource",
        "https://one.example/.well-known/oauth-protected-resource/mcp",
        "https://one.example/.well-known/oauth-protected-resource",
    ):
        response = http.handle(HttpRequest("GET", url))
        assert json.loads(response.body)["resource"] == RESOURCE


def test_an_origin_with_two_resources_has_no_metadata_of_its_own() -> None:
    http = world_of(("https://one.example/a", "https://one.example/b"))
    at = "https://one.example/.well-known/oauth-protected-resource"
    assert http.handle(HttpRequest("GET", at)).status == 404
    assert json.loads(http.handle(HttpRequest("GET", f"{at}/b")).body)["resource"] == "https://one.example/b"


@pytest.mark.parametrize(
    ("issuer", "paths"),
    [
        (ISSUER, ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"]),
        (
            f"{ISSUER}/tenant",
            [
                "/.well-known/oauth-authorization-server/tenant",
                "/.well-known/openid-configuration/tenant",
                "/tenant/.well-known/openid-configuration",
            ],
        ),
    ],
)
def test_server_metadata_is_where_rfc_8414_and_openid_say(issuer: str, paths: list[str]) -> None:
    http = world_of(issuer=issuer)
    for path in paths:
        found = json.loads(http.handle(HttpRequest("GET", f"{ISSUER}{path}")).body)
        assert found["issuer"] == issuer
        assert found["token_endpoint"] == f"{issuer}/token"
        assert found["code_challenge_methods_supported"] == ["S256"]
        assert found["authorization_response_iss_parameter_supported"] is True


@pytest.mark.parametrize("listed", [None, (), ("a", "b")])
def test_a_list_of_scopes_is_published_as_it_is_even_empty(listed: tuple[str, ...] | None) -> None:
    http = world_of(listed=listed)
    for url in (
        f"{RESOURCE}/.well-known/oauth-protected-resource",
        f"{ISSUER}/.well-known/oauth-authorization-server",
    ):
        found = json.loads(http.handle(HttpRequest("GET", url)).body)
        assert found.get("scopes_supported", None) == (None if listed is None else list(listed))
        assert ("scopes_supported" in found) is (listed is not None)


@pytest.mark.parametrize(
    ("query", "scope"),
    [
        ("", None),
        ("scope=", ""),
        ("scope=a+b", "a b"),
        ("scope=a%20%20b", "a  b"),
        ("scope=%22%22", '""'),
        ("scope=a&scope=b", ("a", "b")),
    ],
)
def test_a_scope_is_written_down_as_it_was_sent(query: str, scope: WireScope) -> None:
    http = world_of()
    http.handle(HttpRequest("GET", f"{ISSUER}/authorize?{query}"))
    http.handle(HttpRequest("POST", f"{ISSUER}/token", body=f"grant_type=client_credentials&{query}".encode()))
    asked, token = last(http, AuthorizationRequest), last(http, TokenRequest)
    assert isinstance(asked, AuthorizationRequest)
    assert isinstance(token, TokenRequest)
    assert (asked.scope, token.scope) == (scope, scope)


def test_an_absent_resource_stays_absent_in_the_transcript_and_the_grant_is_for_what_was_called() -> None:
    two = "https://two.example/mcp"
    http = world_of((RESOURCE, two))
    http.handle(call("read", resource=two))
    code = returned(authorize(http, scope="a", resource=None))["code"]
    http.handle(call("read", resource=RESOURCE))
    issued = json.loads(redeem(http, code, resource=None).body)
    assert http.handle(call("read", issued["access_token"], two)).status == 200
    http.handle(call("read", resource=RESOURCE))
    fields = {"grant_type": "refresh_token", "client_id": "c", "refresh_token": issued["refresh_token"]}
    refreshed = json.loads(http.handle(form(f"{ISSUER}/token", {**fields})).body)
    assert http.handle(call("read", refreshed["access_token"], two)).status == 200
    asked = [event for event in http.world.events if isinstance(event, AuthorizationRequest | TokenRequest)]
    assert [event.resource for event in asked] == [None, None, None]
    assert [event.issuer for event in asked] == [ISSUER] * 3


def test_state_comes_back_and_so_does_the_issuer() -> None:
    back = returned(authorize(world_of()))
    assert (back["state"], back["iss"]) == ("a state/", ISSUER)


def test_a_refusal_comes_back_too() -> None:
    http = world_of()
    http.world.begin(MakeCall(Call(RESOURCE, "read"), grants=(Granting("refused"),)))
    back = returned(authorize(http))
    assert (back["error"], back["state"], back["iss"]) == ("access_denied", "a state/", ISSUER)
    assert not http.complaints


@pytest.mark.parametrize(
    ("changed", "error", "because"),
    [
        ({"code_challenge": None}, "invalid_request", "no code_challenge"),
        ({"code_challenge_method": "plain"}, "invalid_request", "no code_challenge"),
        ({"code_challenge_method": None}, "invalid_request", "no code_challenge"),
        ({"response_type": "token"}, "unsupported_response_type", "not code"),
    ],
)
def test_a_faulty_authorization_request_is_sent_back(changed: dict[str, str | None], error: str, because: str) -> None:
    http = world_of()
    assert returned(authorize(http, **changed))["error"] == error
    assert because in http.complaints[0]
    assert last(http, AuthorizationResponse) == AuthorizationResponse(error=error, issuer=ISSUER, resource=RESOURCE)


@pytest.mark.parametrize("changed", [{"redirect_uri": "https://evil.example/"}, {"client_id": "unknown"}])
def test_nobody_is_sent_where_no_client_registered(changed: dict[str, str | None]) -> None:
    http = world_of()
    response = authorize(http, **changed)
    assert response.status == 400
    assert not header(response, "Location")
    assert "redirect_uri" in http.complaints[0]


def test_the_only_redirect_uri_may_be_left_out() -> None:
    http = world_of()
    code = returned(authorize(http, redirect_uri=None))["code"]
    assert redeem(http, code, redirect_uri=None).status == 200


@pytest.mark.parametrize(
    ("changed", "status", "error"),
    [
        ({"code_verifier": "w" * 43}, 400, "invalid_grant"),
        ({"code_verifier": None}, 400, "invalid_grant"),
        ({"redirect_uri": None}, 400, "invalid_grant"),
        ({"redirect_uri": f"{BACK}/"}, 400, "invalid_grant"),
        ({"code": "unknown"}, 400, "invalid_grant"),
        ({"client_id": "other"}, 400, "invalid_grant"),
        ({"client_id": "unknown"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": None}, 400, "unsupported_grant_type"),
    ],
)
def test_a_faulty_token_request_is_refused(changed: dict[str, str | None], status: int, error: str) -> None:
    http = world_of()
    http.know(ISSUER, "other", [BACK])
    code = returned(authorize(http))["code"]
    response = redeem(http, **{"code": code, **changed})
    assert (response.status, json.loads(response.body)) == (status, {"error": error})
    assert len(http.complaints) == 1
    assert last(http, TokenResponse) == TokenResponse(error=error, issuer=ISSUER, resource=RESOURCE)


def test_a_code_is_good_once_and_until_the_next_consent() -> None:
    http = world_of()
    code = returned(authorize(http))["code"]
    assert redeem(http, code).status == 200
    assert redeem(http, code).status == 400
    older, newer = (returned(authorize(http, state=state))["code"] for state in ("1", "2"))
    assert redeem(http, older).status == 400
    assert redeem(http, newer).status == 200


@pytest.mark.parametrize("how", [Granting(), Granting("refused")])
def test_a_request_that_is_fetched_twice_was_made_once(how: Granting) -> None:
    http = world_of()
    http.world.begin(MakeCall(Call(RESOURCE, "read"), grants=(how,)))
    assert authorize(http) == authorize(http)
    assert sum(isinstance(event, AuthorizationRequest) for event in http.world.events) == 1


def test_a_request_is_made_anew_with_another_state_or_none_and_when_something_came_between() -> None:
    http = world_of()
    for state in ("1", "2", None, None):
        authorize(http, state=state)
    redeem(http, returned(authorize(http, state="3"))["code"])
    authorize(http, state="3")
    assert sum(isinstance(event, AuthorizationRequest) for event in http.world.events) == 6


def test_a_request_that_is_fetched_for_ever_ends_the_patience() -> None:
    http = world_of()
    for _ in range(PATIENCE):
        authorize(http)
    with pytest.raises(Exhausted):
        authorize(http)


def test_a_code_of_one_issuer_is_worth_nothing_at_another() -> None:
    other = "https://other-as.example"
    servers = Servers(
        {RESOURCE: ResourceServer(RESOURCE, ISSUER, {})},
        {name: AuthorizationServer(name) for name in (ISSUER, other)},
    )
    http = HttpWorld(World(Plan(servers)))
    http.know(ISSUER, "c", [BACK])
    http.know(other, "c", [BACK])
    code = returned(authorize(http))["code"]
    fields = {"grant_type": AUTHORIZATION_CODE, "client_id": "c", "code": code, "redirect_uri": BACK}
    response = http.handle(form(f"{other}/token", {**fields, "code_verifier": VERIFIER}))
    assert json.loads(response.body) == {"error": "invalid_grant"}


def test_a_client_may_name_itself_by_basic_authentication() -> None:
    http = world_of()
    http.know(ISSUER, "a machine", [])
    basic = base64.b64encode(b"a%20machine:secret").decode()
    sent = form(f"{ISSUER}/token", {"grant_type": CLIENT_CREDENTIALS, "resource": RESOURCE})
    for credentials, status in ((f"Basic {basic}", 200), ("Basic é", 401), ("Bearer x", 401)):
        headers = (("AUTHORIZATION", credentials),)
        assert http.handle(HttpRequest("POST", sent.url, headers, sent.body)).status == status


def odd(**changes: object) -> HttpWorld:
    """A world whose resource, issuer or grants are odd in some way."""
    server = ResourceServer(RESOURCE, ISSUER, {"read": scopes("a")})
    issuer = AuthorizationServer(ISSUER)
    # The names come from the dataclasses themselves.
    resources = {name: value for name, value in changes.items() if hasattr(server, name) and name != "describes"}
    issuers = {name: value for name, value in changes.items() if hasattr(issuer, name)}
    server, issuer = replace(server, **resources), replace(issuer, **issuers)  # type: ignore[arg-type]
    return HttpWorld(World(Plan(Servers({RESOURCE: server}, {ISSUER: issuer}))))


def test_a_document_that_is_not_there_yet_is_404() -> None:
    http = odd(reserved=True)
    place = HttpRequest("GET", f"{RESOURCE}/.well-known/oauth-protected-resource")
    assert http.handle(place).status == 404
    assert http.handle(call("read")).status == 401
    assert json.loads(http.handle(place).body)["resource"] == RESOURCE


def test_a_document_may_name_another_issuer() -> None:
    http = odd(describes="https://elsewhere.example")
    document = json.loads(http.handle(HttpRequest("GET", f"{ISSUER}/.well-known/oauth-authorization-server")).body)
    assert (document["issuer"], document["token_endpoint"]) == ("https://elsewhere.example", f"{ISSUER}/token")


@pytest.mark.parametrize(("registers", "scope"), [("another scope", "registered"), ("no scope", None)])
def test_a_registration_response_may_change_the_scope_or_leave_it_out(registers: str, scope: str | None) -> None:
    body = json.dumps({"redirect_uris": [BACK], "scope": "a"}).encode()
    response = odd(registers=registers).handle(HttpRequest("POST", f"{ISSUER}/register", body=body))
    assert response.status == 201
    assert json.loads(response.body).get("scope") == scope


def test_a_registration_that_names_scopes_may_be_refused() -> None:
    http = odd(registers="nothing with a scope")
    body = json.dumps({"redirect_uris": [BACK], "scope": "a"}).encode()
    response = http.handle(HttpRequest("POST", f"{ISSUER}/register", body=body))
    assert (response.status, json.loads(response.body)) == (400, {"error": "invalid_client_metadata"})
    assert http.complaints == []


@pytest.mark.parametrize(
    ("asked", "method"),
    [(None, "client_secret_basic"), ("client_secret_post", "client_secret_post"), ("none", "none")],
)
def test_a_client_may_get_a_secret_unless_it_wants_none(asked: str | None, method: str) -> None:
    http = odd(keeps_secrets=True)
    metadata = {"redirect_uris": [BACK]} | ({} if asked is None else {"token_endpoint_auth_method": asked})
    request = HttpRequest("POST", f"{ISSUER}/register", body=json.dumps(metadata).encode())
    known = json.loads(http.handle(request).body)
    assert known["token_endpoint_auth_method"] == method
    grant = {"grant_type": CLIENT_CREDENTIALS, "client_id": known["client_id"], "resource": RESOURCE}
    for secret, status in ((known.get("client_secret"), 200), ("another", 200 if method == "none" else 401)):
        assert http.handle(form(f"{ISSUER}/token", {**grant, "client_secret": secret})).status == status


def test_the_metadata_is_where_the_challenges_point() -> None:
    for inserts in (True, False):
        http = odd(inserts=inserts)
        (line,) = header(http.handle(call("read")), "WWW-Authenticate")
        (place,) = (value for name, value in parsed(line).parameters if name == "resource_metadata")
        assert json.loads(http.handle(HttpRequest("GET", place)).body)["resource"] == RESOURCE
        assert ("/.well-known/oauth-protected-resource/mcp" in place) == inserts


def granted_in_a_form(accept: str = "*/*") -> tuple[HttpWorld, HttpResponse]:
    """A world whose authorization server answers in forms, and an answer of it."""
    http = odd(form_encoded=True)
    http.know(ISSUER, "machine")
    fields = {"grant_type": CLIENT_CREDENTIALS, "client_id": "machine", "resource": RESOURCE, "scope": "a b"}
    asked = form(f"{ISSUER}/token", dict(fields))
    return http, http.handle(replace(asked, headers=(("Accept", accept),)))


def test_a_token_response_may_be_a_form() -> None:
    _, response = granted_in_a_form()
    assert header(response, "Content-Type") == ["application/x-www-form-urlencoded"]
    given = {name: value for name, (value,) in parse_qs(response.body.decode()).items()}
    assert given == {"access_token": "t1", "token_type": "Bearer", "expires_in": "3600", "scope": "a b"}


def test_whoever_accepts_json_gets_it() -> None:
    http, response = granted_in_a_form("application/json")
    assert json.loads(response.body)["scope"] == "a b"
    assert last(http, TokenResponse) == TokenResponse("t1", "a b", issuer=ISSUER, resource=RESOURCE)


def test_what_a_form_says_is_read_by_whoever_uses_it() -> None:
    http, _ = granted_in_a_form()
    assert last(http, TokenResponse) == TokenResponse(issuer=ISSUER, resource=RESOURCE)
    http.handle(call("read", "another"))
    assert last(http, TokenResponse) == TokenResponse(issuer=ISSUER, resource=RESOURCE)
    http.handle(call("read", "t1"))
    assert last(http, TokenResponse) == TokenResponse("t1", "a b", issuer=ISSUER, resource=RESOURCE)


class Illiterate(Front):
    """A way to the servers that reads no forms."""

    def read(self, response: Answered) -> dict[str, str]:
        return {} if FORM["Content-Type"] in response.values("content-type") else super().read(response)


def test_a_client_that_reads_no_form_is_accused_of_nothing() -> None:
    unread = 0
    for episode in islice(sample(1), 600):
        running = Run(episode.plan, ModelOverHttp())
        assert isinstance(running.session, OverHttp)
        running.session.front = Illiterate(running.session.front.web, method="client_secret_post")
        running.play(*episode.steps)
        assert judge(running.transcript) == []
        tokens = [event for event in running.transcript.events if isinstance(event, TokenResponse)]
        unread += any(event.access_token is None and event.error is None for event in tokens)
    assert unread > 10


def test_a_stream_is_guarded_where_the_resource_server_guards_it_and_there_is_none() -> None:
    server = ResourceServer(RESOURCE, ISSUER, {"read": scopes("a"), STREAM: scopes("b")})
    http = HttpWorld(World(Plan(Servers({RESOURCE: server}, {ISSUER: AuthorizationServer(ISSUER)}))))
    http.know(ISSUER, "machine")
    http.world.begin(MakeCall(Call(RESOURCE, "read"), (Challenging("forbidden"),)))
    for scope, status in ((None, 401), ("a", 403), ("a b", 405)):
        fields: dict[str, object] = {
            "grant_type": CLIENT_CREDENTIALS,
            "client_id": "machine",
            "resource": RESOURCE,
            "scope": scope,
        }
        token = None if scope is None else json.loads(http.handle(form(f"{ISSUER}/token", fields)).body)["access_token"]
        response = http.handle(replace(call("read", token), method="GET", body=b""))
        assert response.status == status
        assert ("WWW-Authenticate" in dict(response.headers)) == (status != 405)
        assert last(http, ResourceRequest) == ResourceRequest(STREAM, token, RESOURCE)
        answered = last(http, ResourceResponse)
        assert isinstance(answered, ResourceResponse)
        assert answered.status == status
    assert http.handle(call("read", "t2")).status == 403  # the choices are for the calls
    listed = http.handle(HttpRequest("POST", RESOURCE, body=b'{"id": 1, "method": "tools/list"}'))
    assert [tool["name"] for tool in json.loads(listed.body)["result"]["tools"]] == ["read"]


@pytest.mark.parametrize(("revision", "guards"), [("2025-11-25", True), ("2026-07-28", False)])
def test_streams_are_guarded_at_the_revisions_that_have_them(revision: Revision, guards: bool) -> None:  # noqa: FBT001
    drawn = [episode.plan.servers.resources.values() for episode in islice(sample(1, revision=revision), 100)]
    assert any(STREAM in server.needs for servers in drawn for server in servers) == guards


@pytest.mark.parametrize(("brief", "seconds"), [(True, 1), (False, 3600)])
def test_a_brief_token_says_so(brief: bool, seconds: int) -> None:  # noqa: FBT001 - a parameter goes by its name
    http = odd()
    http.know(ISSUER, "machine")
    http.world.begin(MakeCall(Call(RESOURCE, "read"), grants=(Granting(brief=brief),)))
    asked = form(f"{ISSUER}/token", {"grant_type": CLIENT_CREDENTIALS, "client_id": "machine", "resource": RESOURCE})
    assert json.loads(http.handle(asked).body)["expires_in"] == seconds


def test_a_registration_is_echoed_and_written_down_as_sent() -> None:
    http = world_of()
    metadata = {"redirect_uris": [BACK], "grant_types": [AUTHORIZATION_CODE], "scope": "a  b", "x": 1}
    response = http.handle(HttpRequest("POST", f"{ISSUER}/register", body=json.dumps(metadata).encode()))
    assert response.status == 201
    assert json.loads(response.body).items() >= metadata.items()
    assert last(http, ClientRegistration) == ClientRegistration("a  b", (AUTHORIZATION_CODE,), ISSUER)


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b'{"scope": ["a"]}', b'{"redirect_uris": [1]}', b"[" * 10**5])
def test_a_malformed_registration_is_refused(body: bytes) -> None:
    http = world_of()
    response = http.handle(HttpRequest("POST", f"{ISSUER}/register", body=body))
    assert (response.status, json.loads(response.body)) == (400, {"error": "invalid_client_metadata"})
    assert http.complaints


@pytest.mark.parametrize(
    ("method", "status", "member"),
    [
        ("initialize", 200, "result"),
        ("tools/list", 200, "result"),
        ("no/such", 200, "error"),
        (1, 400, "error"),
    ],
)
def test_what_is_no_call_is_answered_without_a_token(method: object, status: int, member: str) -> None:
    http = world_of()
    message = {"jsonrpc": "2.0", "id": 1, "method": method}
    response = http.handle(HttpRequest("POST", RESOURCE, body=json.dumps(message).encode()))
    assert response.status == status
    assert member in json.loads(response.body)
    assert not http.world.events


@pytest.mark.parametrize("method", [["tools/call"], {}, 7, None, True])
def test_a_method_that_is_no_string_is_no_request(method: object) -> None:
    plan = Plan(Servers({RESOURCE: ResourceServer(RESOURCE, ISSUER, {"read": scopes("a")}, None)}, {}))
    message = json.dumps({"jsonrpc": "2.0", "id": 7, "method": method}).encode()
    assert HttpWorld(World(plan)).handle(HttpRequest("POST", RESOURCE, (), message)).status == 400


def test_a_notification_is_accepted() -> None:
    body = json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}).encode()
    assert world_of().handle(HttpRequest("POST", RESOURCE, body=body)).status == 202


def test_what_is_not_there_is_not_found_and_not_for_ever() -> None:
    http = world_of()
    response = http.handle(HttpRequest("GET", RESOURCE))
    assert (response.status, header(response, "Allow")) == (405, ["POST"])

    def ask_for_ever() -> None:
        while http.handle(HttpRequest("GET", "https://[")).status == 404:
            pass

    with pytest.raises(Exhausted):
        ask_for_ever()


@settings(max_examples=200, derandomize=True, database=None, deadline=None)
@given(
    st.sampled_from(["GET", "POST"]),
    st.sampled_from([RESOURCE, f"{ISSUER}/authorize", f"{ISSUER}/token", f"{ISSUER}/register", ""]),
    st.text(),
    st.binary(),
)
def test_whatever_is_sent_gets_an_answer(method: str, url: str, query: str, body: bytes) -> None:
    headers = (("Authorization", query),)
    response = world_of().handle(HttpRequest(method, f"{url}?{query}", headers, body))
    assert response.status in {200, 201, 202, 302, 400, 401, 403, 404, 405}

"""HAR: a recording of a real client is read as the transcript that the client would have left."""

import base64
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorded import read_har
from scope_judge.judge import judge
from scope_model.events import (
    JWT_BEARER,
    TOKEN_EXCHANGE,
    AuthorizationRequest,
    AuthorizationResponse,
    AuthorizationServerMetadata,
    ClientRegistration,
    Event,
    Header,
    ProtectedResourceMetadata,
    ResourceRequest,
    ResourceResponse,
    TokenRequest,
    TokenResponse,
)
from scope_oracle.transcripts import UnusableTranscript

Entry = dict[str, Any]  # Any: JSON


RS = "https://rs.example/mcp"
AS = "https://as.example"
BACK = "http://localhost:3030/callback"
CHALLENGE = 'Bearer scope="a", resource_metadata="https://rs.example/.well-known/oauth-protected-resource/mcp"'


def entry(
    method: str,
    url: str,
    status: int = 200,
    answer: object = "",
    *,
    body: str | None = None,
    sent: dict[str, str] | None = None,
    received: dict[str, str] | None = None,
) -> Entry:
    """One exchange as a browser records it."""
    request: Entry = {
        "method": method,
        "url": url,
        "headers": [{"name": name, "value": value} for name, value in (sent or {}).items()],
    }
    if body is not None:
        request["postData"] = {"mimeType": "x", "text": body}
    response = {
        "status": status,
        "headers": [{"name": name, "value": value} for name, value in (received or {}).items()],
        "content": {"text": answer if isinstance(answer, str) else json.dumps(answer)},
    }
    return {"request": request, "response": response}


def call(
    method: str, status: int, *, token: str | None = None, challenge: str | None = None, **params: object
) -> Entry:
    """A JSON-RPC call of the resource server."""
    sent = {"MCP-Protocol-Version": "2026-07-28"}
    return entry(
        "POST",
        RS,
        status,
        body=json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}),
        sent=sent if token is None else sent | {"authorization": f"Bearer {token}"},
        received=None if challenge is None else {"WWW-Authenticate": challenge},
    )


def authorize(status: int = 302, scope: str | None = "a", state: str = "s1", location: str | None = None) -> Entry:
    """A visit to the authorization endpoint."""
    query = {"response_type": "code", "client_id": "c", "redirect_uri": BACK, "state": state, "resource": RS}
    if scope is not None:
        query["scope"] = scope
    received = {} if location is None else {"Location": location}
    return entry("GET", f"{AS}/authorize?{urlencode(query)}", status, received=received)


def token(answer: dict[str, object], status: int = 200, **form: str) -> Entry:
    """A visit to the token endpoint."""
    return entry("POST", f"{AS}/token", status, answer, body=urlencode({"resource": RS, **form}))


FOUND_AT = "https://rs.example/.well-known/oauth-protected-resource/mcp"
RESOURCE_METADATA = entry(
    "GET",
    FOUND_AT,
    answer={"resource": RS, "authorization_servers": [f"{AS}/"], "scopes_supported": ["a", "b"]},
)
SERVER_METADATA = entry(
    "GET",
    f"{AS}/.well-known/oauth-authorization-server",
    answer={
        "issuer": AS,
        "authorization_endpoint": f"{AS}/authorize",
        "token_endpoint": f"{AS}/token",
        "registration_endpoint": f"{AS}/register",
    },
)
REGISTRATION = entry(
    "POST",
    f"{AS}/register",
    201,
    body=json.dumps({"redirect_uris": [BACK], "grant_types": ["authorization_code"], "scope": "a b"}),
)
GRANT = [
    authorize(location=f"{BACK}?code=1&state=s1"),
    entry("GET", f"{BACK}?code=1&state=s1"),
    token(
        {"access_token": "very-secret-1", "scope": "a", "refresh_token": "very-secret-2"},
        grant_type="authorization_code",
        code="1",
    ),
]


def har(*entries: Entry) -> bytes:
    """The file of these exchanges."""
    return json.dumps({"log": {"version": "1.2", "entries": entries}}).encode()


def events(*entries: Entry) -> list[Event]:
    """What is read from these exchanges."""
    return list(read_har(har(*entries)).events)


def test_a_whole_flow_is_read() -> None:
    recording = har(
        call("initialize", 401, challenge=CHALLENGE, clientInfo={"name": "mine", "version": "1.0"}),
        entry("GET", "https://rs.example/favicon.ico", 404),
        RESOURCE_METADATA,
        SERVER_METADATA,
        REGISTRATION,
        *GRANT,
        call(
            "tools/call",
            403,
            token="very-secret-1",
            challenge='Bearer error="insufficient_scope"',
            name="write",
        ),
        token({"access_token": "very-secret-3"}, grant_type="refresh_token", refresh_token="very-secret-2"),
    )
    transcript = read_har(recording)
    assert transcript.header == Header("2026-07-28", "mine", "1.0")
    assert list(transcript.events) == [
        ResourceRequest("initialize", None, RS),
        ResourceResponse("initialize", 401, (CHALLENGE,), RS),
        ProtectedResourceMetadata(RS, (AS,), ("a", "b"), FOUND_AT),
        AuthorizationServerMetadata(AS),
        ClientRegistration("a b", ("authorization_code",), AS),
        AuthorizationRequest("a", None, AS, RS),
        AuthorizationResponse(code=True, issuer=AS, resource=RS),
        TokenRequest("authorization_code", None, None, AS, RS),
        TokenResponse("t1", "a", "r1", None, AS, RS),
        ResourceRequest("write", "t1", RS),
        ResourceResponse("write", 403, ('Bearer error="insufficient_scope"',), RS),
        TokenRequest("refresh_token", None, "r1", AS, RS),
        TokenResponse("t2", None, None, None, AS, RS),
    ]
    assert "very-secret" not in repr(transcript)


def test_what_is_read_can_be_judged() -> None:
    flow = [call("read", 401, challenge=CHALLENGE), RESOURCE_METADATA, SERVER_METADATA]
    good, bad = authorize(location=f"{BACK}?code=1&state=s1"), authorize(scope="b")
    assert not judge(read_har(har(*flow, good)))
    assert [finding.clause for finding in judge(read_har(har(*flow, bad)))] == ["CHAL-1"]


@pytest.mark.parametrize("named", [RS, "https://other.example/mcp"])
@pytest.mark.parametrize("documents", [[RESOURCE_METADATA, SERVER_METADATA], []])
def test_a_call_is_not_renamed_by_the_resource_that_its_code_was_exchanged_for(
    documents: list[Entry], named: str
) -> None:
    grant = [
        authorize(location=f"{BACK}?code=1&state=s1"),
        token({"access_token": "t", "scope": "a"}, grant_type="authorization_code", code="1", resource=named),
    ]
    challenge = CHALLENGE if documents else 'Bearer scope="a"'
    told = read_har(har(call("read", 401, challenge=challenge), *documents, *grant, call("read", 200, token="t")))
    assert told.events[0] == ResourceRequest("read", None, RS)
    assert {finding.clause for finding in judge(told)} == (set() if named == RS else {"ISO-1"})


@pytest.mark.parametrize("named", [RS, "https://rs.example", None])
@pytest.mark.parametrize(("place", "found"), [(FOUND_AT, {"META-3"}), (FOUND_AT.removesuffix("/mcp"), set())])
def test_a_document_at_the_address_of_a_path_that_names_the_parent_does_not_rename_what_is_called(
    place: str, found: set[str], named: str | None
) -> None:
    document = entry(
        "GET",
        place,
        answer={"resource": "https://rs.example", "authorization_servers": [AS], "scopes_supported": ["p"]},
    )
    resource = {} if named is None else {"resource": named}
    query = {"response_type": "code", "client_id": "c", "redirect_uri": BACK, "state": "s", "scope": "p", **resource}
    asked = entry("GET", f"{AS}/authorize?{urlencode(query)}")
    told = read_har(har(call("read", 401, challenge="Bearer"), document, SERVER_METADATA, asked))
    graver = {finding.clause for finding in judge(told) if finding.verdict != "unspecified"}
    assert graver == found


@pytest.mark.parametrize("answer", ["code=1", "error=access_denied"])
def test_the_user_agent_may_come_back_to_the_request_that_then_leads_back_to_the_client(answer: str) -> None:
    told = events(authorize(200), entry("POST", f"{AS}/login", 302), authorize(location=f"{BACK}?{answer}&state=s1"))
    refused = "access_denied" if answer.startswith("error") else None
    assert told == [
        AuthorizationRequest("a", None, None, RS),
        AuthorizationResponse(refused is None, refused, resource=RS),
    ]


@pytest.mark.parametrize("before", [True, False])
def test_a_stream_that_was_refused_at_first_makes_no_later_request_its_own(*, before: bool) -> None:
    stream, first = (
        entry("GET", RS, 401, received={"www-authenticate": CHALLENGE}),
        call("read", 401, challenge=CHALLENGE),
    )
    told = [*((stream, first) if before else (first, stream)), RESOURCE_METADATA, SERVER_METADATA]
    told += [*granted("a", "t1"), call("read", 200, token="t1")]
    told += [call("write", 403, token="t1", challenge=f'{INSUFFICIENT}, scope="c"')]
    right, wrong = ([*told, *granted(scope, "t2"), call("write", 200, token="t2")] for scope in ("a c", "a"))
    assert not [finding for finding in judge(read_har(har(*right))) if finding.verdict != "unspecified"]
    assert "CHAL-1" in {finding.clause for finding in judge(read_har(har(*wrong)))}


def granted(scope: str, access: str) -> list[Entry]:
    """An authorization for some scopes, and its code exchanged."""
    back = f"{BACK}?code={access}&state={access}"
    return [
        authorize(scope=scope, state=access, location=back),
        token({"access_token": access, "scope": scope}, grant_type="authorization_code", code=access),
    ]


INSUFFICIENT = 'Bearer error="insufficient_scope"'
UNKNOWN_LISTS = {
    "a challenge without scope is answered with more than before": [
        *(call("read", 401, challenge='Bearer scope="a"'), *granted("a", "t1"), call("read", 200, token="t1")),
        *(
            call("write", 403, token="t1", challenge=INSUFFICIENT),
            *granted("a x", "t2"),
            call("write", 200, token="t2"),
        ),
    ],
    "more than the challenge joins what was had": [
        *(call("read", 401, challenge='Bearer scope="a"'), *granted("a", "t1"), call("read", 200, token="t1")),
        call("write", 403, token="t1", challenge=f'{INSUFFICIENT}, scope="b"'),
        *(*granted("a b x", "t2"), call("write", 200, token="t2")),
    ],
    "a client without a user asks for what nothing names": [
        call("read", 401, challenge="Bearer"),
        token({"access_token": "t1", "scope": "x"}, grant_type="client_credentials", scope="x"),
        call("read", 200, token="t1"),
    ],
}


@pytest.mark.parametrize("told", [pytest.param(told, id=sentence) for sentence, told in UNKNOWN_LISTS.items()])
def test_a_document_that_was_fetched_before_may_list_what_is_asked_for(told: list[Entry]) -> None:
    def accused(*entries: Entry) -> set[str]:
        return {finding.clause for finding in judge(read_har(har(*entries))) if finding.verdict != "unspecified"}

    first, *rest = told
    nothing_listed = entry("GET", FOUND_AT, answer={"resource": RS, "authorization_servers": [AS]})
    assert accused(*told) == set()
    assert accused(first, nothing_listed, *rest) in ({"SEL-6"}, {"SEL-3"})


def test_the_redirect_may_be_a_request_of_its_own() -> None:
    # The user signs in first, on pages of the server's own, and comes back to the same authorization request.
    visits = [authorize(200), entry("POST", f"{AS}/login", 302), authorize(200)]
    back = entry("GET", f"{BACK}?error=access_denied&state=s1")
    assert events(*visits, back, authorize(200, state="s2")) == [
        AuthorizationRequest("a", None, None, RS),
        AuthorizationResponse(error="access_denied", resource=RS),
        AuthorizationRequest("a", None, None, RS),
    ]


@pytest.mark.parametrize(
    ("query", "scope"),
    [
        ("", None),
        ("&scope=", ""),
        ("&scope=a+b", "a b"),
        ("&scope=a%20b", "a b"),
        ("&scope=a&scope=b", ("a", "b")),
    ],
)
def test_scope_is_what_was_on_the_wire(query: str, scope: str | tuple[str, ...] | None) -> None:
    (event,) = events(entry("GET", f"{AS}/authorize?response_type=code{query}"))
    assert event == AuthorizationRequest(scope)


IDP = "https://idp.example"


@pytest.mark.parametrize("client_there", ["c", "another"])
@pytest.mark.parametrize("named", [{"resource": RS}, {}])
def test_the_first_leg_of_an_exchange_is_read_wherever_it_goes(client_there: str, named: dict[str, str]) -> None:
    """An identity provider that no metadata names knows the client by whatever id, and signs the user in as well."""
    sign_in = urlencode({"response_type": "code", "client_id": client_there, "scope": "openid", "redirect_uri": BACK})
    first = {"grant_type": TOKEN_EXCHANGE, "client_id": client_there, "audience": AS, "scope": "a", **named}
    last = {"grant_type": JWT_BEARER, "client_id": "c", "assertion": "very-secret-0"}
    told = events(
        entry("GET", f"{IDP}/authorize?{sign_in}", 302, received={"Location": f"{BACK}?code=0"}),
        call("initialize", 401, challenge=CHALLENGE),
        RESOURCE_METADATA,
        SERVER_METADATA,
        entry("POST", f"{IDP}/token", 200, {"access_token": "very-secret-0"}, body=urlencode(first)),
        entry("POST", f"{AS}/token", 200, {"access_token": "very-secret-1", "scope": "a"}, body=urlencode(last)),
        call("tools/call", 200, token="very-secret-1", name="read"),
    )
    assert told[4:] == [
        TokenRequest(TOKEN_EXCHANGE, "a", None, None, named.get("resource")),
        TokenResponse("t1", None, None, None, None, named.get("resource")),
        TokenRequest(JWT_BEARER, None, None, AS),
        TokenResponse("t2", "a", None, None, AS),
        ResourceRequest("read", "t2", RS),
        ResourceResponse("read", 200, (), RS),
    ]


def test_a_document_may_cover_more_than_one_url() -> None:
    place = "https://rs.example/.well-known/oauth-protected-resource"
    document = entry(
        "GET",
        f"{place}?nonce=1",
        answer={"resource": "https://rs.example/"},
    )
    found = events(call("read", 401, challenge="Bearer"), document)
    assert found[0] == ResourceRequest("read", None, "https://rs.example/")
    assert found[2] == ProtectedResourceMetadata("https://rs.example/", url=place)


def test_a_stream_that_is_challenged_is_a_call() -> None:
    stream = entry("GET", RS, 401, received={"www-authenticate": "Bearer\nBasic"})
    assert events(stream) == [
        ResourceRequest("GET", None, RS),
        ResourceResponse("GET", 401, ("Bearer", "Basic"), RS),
    ]


def test_errors_of_the_token_endpoint_are_told() -> None:
    found = events(
        call("read", 200),
        token({"error": "invalid_scope"}, 400, grant_type="client_credentials", scope="a"),
        token({}, 502, grant_type="client_credentials"),
        token({}, 0, grant_type="client_credentials"),
    )
    assert found[2:] == [
        TokenRequest("client_credentials", "a", resource=RS),
        TokenResponse(error="invalid_scope", resource=RS),
        TokenRequest("client_credentials", resource=RS),
        TokenResponse(error="HTTP 502", resource=RS),
        TokenRequest("client_credentials", resource=RS),
    ]


def test_entries_are_taken_in_the_order_of_their_time() -> None:
    first = call("first", 200) | {"startedDateTime": "2026-08-01T10:00:00.100Z"}
    second = call("second", 200) | {"startedDateTime": "2026-08-01T12:00:00.200+02:00"}
    assert [event.operation for event in events(second, first) if isinstance(event, ResourceRequest)] == [
        "first",
        "second",
    ]


OTHER_RS = "https://other.example/mcp"


@pytest.mark.parametrize(
    ("scope", "redeemed_for", "named"),
    [("[redacted]", OTHER_RS, []), ("a", OTHER_RS, []), ("a", "https://third.example/mcp", ["ISO-1"])],
)
def test_what_redeems_a_code_that_nobody_saw_asked_for_is_not_told(
    scope: str, redeemed_for: str, named: list[str]
) -> None:
    message = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "read"}})
    document = {"resource": OTHER_RS, "authorization_servers": [AS]}
    query = {"response_type": "code", "client_id": "c", "redirect_uri": BACK, "state": "s2", "resource": OTHER_RS}
    recording = har(
        call("initialize", 401, challenge=CHALLENGE),
        RESOURCE_METADATA,
        SERVER_METADATA,
        authorize(location=f"{BACK}?code=1&state=s1"),
        entry("POST", OTHER_RS, 401, body=message, received={"WWW-Authenticate": 'Bearer scope="a"'}),
        entry("GET", "https://other.example/.well-known/oauth-protected-resource/mcp", answer=document),
        entry(
            "GET",
            f"{AS}/authorize?{urlencode({**query, 'scope': scope})}",
            302,
            received={"Location": f"{BACK}?code=2&state=s2"},
        ),
        entry(
            "POST",
            f"{AS}/token",
            body=urlencode({"grant_type": "authorization_code", "code": "2", "resource": redeemed_for}),
        ),
    )
    assert [found.clause for found in judge(read_har(recording)) if found.verdict == "violates"] == named


@pytest.mark.parametrize(("took", "comes_last"), [(900, False), (1005, False), (1500, True)])
def test_a_token_comes_when_its_answer_ends(took: float, *, comes_last: bool) -> None:
    """Times are rounded, so that what ends a moment after something else began may have caused that."""
    answered = token({"access_token": "very-secret-1"}, grant_type="client_credentials", scope="a")
    asked = answered | {"startedDateTime": "2026-08-01T10:00:01Z", "time": took}
    refused = call("initialize", 401, challenge=CHALLENGE) | {"startedDateTime": "2026-08-01T10:00:00Z"}
    found = SERVER_METADATA | {"startedDateTime": "2026-08-01T10:00:02Z"}
    kinds = [
        type(event)
        for event in events(
            refused,
            asked,
            found,
            call("read", 200, token="very-secret-1") | {"startedDateTime": "2026-08-01T10:00:03Z"},
        )
    ]
    assert (kinds.index(TokenResponse) > kinds.index(AuthorizationServerMetadata)) is comes_last


def test_encoded_bodies_and_batches_are_read() -> None:
    document = {"resource": RS, "authorization_servers": [AS]}
    encoded = entry("GET", "https://rs.example/metadata")
    encoded["response"]["content"] = {
        "text": base64.b64encode(json.dumps(document).encode()).decode(),
        "encoding": "base64",
    }
    batch = entry("POST", RS, body=json.dumps([{"jsonrpc": "2.0", "method": "list"}]))
    answer = entry("POST", RS, body=json.dumps({"jsonrpc": "2.0", "id": 1, "result": {}}))
    form = token({}, 400)
    form["request"]["postData"] = {"params": [{"name": "grant_type", "value": "refresh_token"}]}
    found = events(encoded, batch, answer, form)
    assert found[0] == ProtectedResourceMetadata(RS, (AS,), url="https://rs.example/metadata")
    assert [event.operation for event in found if isinstance(event, ResourceRequest)] == ["list", "response"]
    assert TokenRequest("refresh_token", issuer=AS) in found


def test_the_revision_is_what_the_client_speaks_unless_one_is_asked_for() -> None:
    old = call("read", 401, challenge="Bearer")
    old["request"]["headers"][0]["value"] = "2025-06-18"
    assert read_har(har(old)).header.revision == "2025-06-18"
    assert read_har(har(old), "2025-11-25").header.revision == "2025-11-25"
    assert read_har(har(authorize())).header.revision == "2026-07-28"
    old["request"]["headers"][0]["value"] = "DRAFT"
    assert read_har(har(old), "2025-11-25").header.revision == "2025-11-25"
    with pytest.raises(UnusableTranscript, match="speaks MCP 'DRAFT'"):
        read_har(har(old))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not a HAR file: not JSON"),
        (b"\xff\xfe", "not a HAR file: not UTF-8"),
        (b"[" * 100_000, "not a HAR file: not JSON"),
        (b"[]", "not a HAR file: log.entries, a list, is missing"),
        (b'{"log": {"entries": {}}}', "not a HAR file: log.entries, a list, is missing"),
        (har(), "no call of a protected resource and no authorization request is in this recording"),
        (har(entry("GET", "http://[")), "no call of a protected resource"),
    ],
)
def test_what_is_no_recording_is_said_in_one_sentence(data: bytes, says: str) -> None:
    with pytest.raises(UnusableTranscript) as caught:
        read_har(data)
    assert str(caught.value).startswith(says)


NOISE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=150)
@given(st.data())
def test_whatever_is_in_it_a_recording_is_read_or_refused(data: st.DataObject) -> None:
    entries = json.loads(har(call("read", 401, challenge=CHALLENGE), RESOURCE_METADATA, SERVER_METADATA, *GRANT))
    for _ in range(3):
        place: Any = entries["log"]
        while isinstance(place, dict | list) and place:
            keys = sorted(place) if isinstance(place, dict) else range(len(place))
            key = data.draw(st.sampled_from(keys))
            if not isinstance(place[key], dict | list) or data.draw(st.integers(0, 4)) == 0:
                place[key] = data.draw(NOISE)
                break
            place = place[key]
    try:
        transcript = read_har(json.dumps(entries).encode())
    except UnusableTranscript:
        return
    judge(transcript)


@pytest.mark.parametrize("kind", [None, "application/json", "application/x-www-form-urlencoded; charset=utf-8"])
@pytest.mark.parametrize("blank", ["", "\n", "\ufeff"])
def test_a_token_response_may_be_a_form_whatever_it_is_called(kind: str | None, blank: str) -> None:
    answered = token({}, grant_type="refresh_token", refresh_token="r")
    answered["response"]["content"] = {"text": f"{blank}token_type=bearer&access_token=t&scope=a+b"}
    answered["response"]["headers"] = [] if kind is None else [{"name": "Content-Type", "value": kind}]
    answer = events(call("initialize", 401, challenge=CHALLENGE), RESOURCE_METADATA, SERVER_METADATA, answered)
    response = next(event for event in answer if isinstance(event, TokenResponse))
    assert (response.access_token is not None, response.scope) == (True, "a b")


@pytest.mark.parametrize("name", ["x", "X", "-", "a"])
def test_a_scope_of_one_letter_is_a_scope(name: str) -> None:
    refused = call("initialize", 401, challenge=f'Bearer scope="{name}"')
    answer = events(refused, RESOURCE_METADATA, SERVER_METADATA, authorize(scope=name))
    assert isinstance(answer[1], ResourceResponse)
    assert answer[1].www_authenticate == (f'Bearer scope="{name}"',)
    asked = next(event for event in answer if isinstance(event, AuthorizationRequest))
    assert asked.scope == name


@pytest.mark.parametrize("mark", ["*", "***", "xxx", "--", "•", "…"])
def test_a_mark_in_place_of_a_scope_is_none(mark: str) -> None:
    answer = events(call("initialize", 401, challenge=CHALLENGE), RESOURCE_METADATA, authorize(scope=mark))
    assert not any(isinstance(event, AuthorizationRequest) and event.scope == mark for event in answer)

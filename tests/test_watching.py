"""What a world sees of a client that nobody drives: where its calls begin and end, one apart from the other."""

from __future__ import annotations

import json
from dataclasses import replace
from urllib.parse import urlencode

import pytest

from scope_model.client import Call
from scope_model.events import (
    CLIENT_CREDENTIALS,
    REFRESH_TOKEN,
    CallEnded,
    CallStarted,
    Event,
    Key,
    ResourceRequest,
    ResourceResponse,
    TokenExpired,
    TokenRequest,
    TokenResponse,
)
from scope_model.scopes import scopes
from scope_model.servers import AuthorizationServer, Challenging, Granting, Issued, ResourceServer, Servers
from scope_oracle.subjects.watching import HANDSHAKES, WatchingWorld
from scope_oracle.world import BRIEFLY, Addresses, HttpRequest
from scope_properties.episodes import MakeCall, MoveResource, Plan, RepublishMetadata
from scope_properties.world import PATIENCE, Exhausted, World

RESOURCE, ISSUER, TOOL = "https://one.example/mcp", "https://as.example", "test-tool"


def watching(needs: str = "") -> WatchingWorld:
    """A world in which all that a client asks for needs some scopes, and a token."""
    guarded = {name: scopes(needs) for name in (*HANDSHAKES, "tools/list", TOOL)}
    servers = Servers({RESOURCE: ResourceServer(RESOURCE, ISSUER, guarded)}, {ISSUER: AuthorizationServer(ISSUER)})
    return WatchingWorld(World(Plan(servers)), Addresses({}))


def send(world: WatchingWorld, operation: str, serial: object) -> int:
    """Send a request, without a token."""
    message: dict[str, object] = {"jsonrpc": "2.0", "id": serial, "method": operation}
    if operation == TOOL:
        message |= {"method": "tools/call", "params": {"name": TOOL}}
    return world.handle(HttpRequest("POST", RESOURCE, body=json.dumps(message).encode())).status


def told(events: list[Event]) -> list[tuple[str, object]]:
    """The events in short."""
    kept: list[tuple[str, object]] = []
    for event in events:
        match event:
            case CallStarted(number, _, _):
                kept.append(("begins", number))
            case CallEnded(number, outcome):
                kept.append(("ends", (number, outcome)))
            case ResourceRequest(operation, _, _):
                kept.append(("request", operation))
            case ResourceResponse(_, status, _, _):
                kept.append(("response", status))
            case _:
                pass
    return kept


def test_what_is_sent_again_by_its_id_is_one_call_and_another_id_is_another() -> None:
    world = watching("a")
    for serial in (1, 1, 2, "1"):
        assert send(world, TOOL, serial) == 401
    world.end_calls()
    exchanged = [("request", TOOL), ("response", 401)]
    assert told(world.world.events) == [
        ("begins", 1),
        *exchanged,
        *exchanged,
        ("begins", 2),
        *exchanged,
        ("begins", 3),
        *exchanged,
        *(("ends", (number, None)) for number in (1, 2, 3)),
    ]


def test_lists_are_calls_and_handshakes_and_notifications_are_none() -> None:
    world = watching("a")
    for name in (*HANDSHAKES, "tools/list", "ping", "notifications/initialized"):
        send(world, name, 0)
    assert [event for event in world.world.events if isinstance(event, CallStarted)] == [
        CallStarted(1, "tools/list", RESOURCE)
    ]


def test_what_goes_on_when_a_client_is_ended_has_no_end() -> None:
    world, ended = watching("a"), list[bool]()
    world.lose_patience = lambda: ended.append(True)
    for _ in range(PATIENCE):
        send(world, TOOL, 1)
    with pytest.raises(Exhausted):
        send(world, TOOL, 1)
    world.end_calls()
    assert ended == [True]
    assert not any(isinstance(event, CallEnded) for event in world.world.events)


def served(world: WatchingWorld, operation: str, serial: object) -> list[tuple[str, object]]:
    """What is written down of a request that is served."""
    before = len(world.world.events)
    assert send(world, operation, serial) == 200
    return told(world.world.events[before:])


def test_a_served_call_has_ended_and_its_id_may_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    world = watching()
    # A server that is free for everybody is none that the model has: what is answered is not the point here.
    monkeypatch.setattr(world.world, "answer", lambda request: ResourceResponse(request.operation, 200, (), RESOURCE))
    assert served(world, TOOL, 1) == [("begins", 1), ("ends", (1, "served"))]
    assert served(world, TOOL, 1) == [("begins", 2), ("ends", (2, "served"))]
    assert served(world, "tools/list", 1) == [("begins", 3), ("ends", (3, "served"))]


def test_ids_begin_anew_with_each_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    world = watching("a")
    assert send(world, TOOL, 1) == 401
    with monkeypatch.context() as patched:
        patched.setattr(world.world, "answer", lambda request: ResourceResponse(request.operation, 200, (), RESOURCE))
        assert served(world, "server/discover", 0) == []
    assert send(world, TOOL, 1) == 401
    assert [event.call for event in world.world.events if isinstance(event, CallStarted)] == [1, 2]


def test_a_brief_token_expires_when_a_call_was_served_and_time_has_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    passed: list[float] = []
    monkeypatch.setattr("scope_oracle.subjects.watching.sleep", passed.append)
    world = watching("a")
    world.know(ISSUER, "machine")
    for brief in (False, True):
        world.world.begin(MakeCall(Call(RESOURCE, TOOL), grants=(Granting(brief=brief),)))
        fields = {"grant_type": CLIENT_CREDENTIALS, "client_id": "machine", "resource": RESOURCE, "scope": "a"}
        world.handle(HttpRequest("POST", f"{ISSUER}/token", body=urlencode(fields).encode()))
    for token, status in (("t1", 200), ("t2", 401)):
        body = json.dumps({"id": token, "method": "tools/call", "params": {"name": TOOL}}).encode()
        headers = (("Authorization", f"Bearer {token}"),)
        assert world.handle(HttpRequest("POST", RESOURCE, headers, body)).status == status
    assert TokenExpired("t2") in world.world.events
    assert len(passed) == 1
    assert passed[0] > BRIEFLY


@pytest.mark.parametrize("brief", [True, False])
def test_a_client_may_end_because_a_brief_token_was_over_before_it_was_sent(brief: bool) -> None:  # noqa: FBT001
    world = watching("a")
    world.know(ISSUER, "machine")
    assert send(world, TOOL, 1) == 401
    world.world.begin(MakeCall(Call(RESOURCE, TOOL), grants=(Granting(brief=brief),)))
    fields = {"grant_type": CLIENT_CREDENTIALS, "client_id": "machine", "resource": RESOURCE, "scope": "a"}
    world.handle(HttpRequest("POST", f"{ISSUER}/token", body=urlencode(fields).encode()))
    before = len(world.world.events)
    world.end_calls()
    assert world.world.events[before:] == [*[TokenExpired("t1")] * brief, CallEnded(1)]


@pytest.mark.parametrize("brief", [True, False])
def test_who_refreshes_a_brief_token_may_go_by_a_clock_that_looks_ahead(brief: bool) -> None:  # noqa: FBT001
    world = watching("a")
    world.know(ISSUER, "machine")
    issued = Issued(Key(ISSUER, RESOURCE), scopes("a"), brief)
    world.world.servers = replace(world.world.servers, access_tokens={"t0": issued}, refresh_tokens={"r0": issued})
    fields = {"grant_type": REFRESH_TOKEN, "client_id": "machine", "refresh_token": "r0"}
    assert world.handle(HttpRequest("POST", f"{ISSUER}/token", body=urlencode(fields).encode())).status == 200
    *before, request, response = world.world.events
    assert before == [TokenExpired("t0")] * brief
    assert isinstance(request, TokenRequest)
    assert isinstance(response, TokenResponse)
    assert ("t0" in world.world.servers.access_tokens) is not brief


def result_type(world: WatchingWorld, serial: int, revision: str) -> object:
    """What kind of result the tool gives to a request that carries a token, by its revision."""
    body = json.dumps({"id": serial, "method": "tools/call", "params": {"name": TOOL}}).encode()
    headers = (("Authorization", "Bearer t1"), ("MCP-Protocol-Version", revision))
    response = world.handle(HttpRequest("POST", RESOURCE, headers, body))
    return json.loads(response.body).get("result", {}).get("resultType", response.status)


def test_a_tool_has_its_call_sent_again_where_calls_are_coming_and_what_comes_before_them_happens() -> None:
    world, old, new = watching(), "2025-11-25", "2026-07-28"
    issued = Issued(Key(ISSUER, RESOURCE), scopes(""))
    world.world.servers = replace(world.world.servers, access_tokens={"t1": issued})
    call = MakeCall(Call(RESOURCE, TOOL))
    changes = RepublishMetadata(RESOURCE, ("x",)), MoveResource(RESOURCE, ISSUER)
    world.world.coming.extend((call, call, *changes, call, replace(call, challenges=(Challenging("forbidden"),))))
    assert result_type(world, 1, old) == "complete"
    assert result_type(world, 2, new) == "input_required"
    assert world.world.servers.resources[RESOURCE].scopes_supported is None
    assert result_type(world, 3, new) == "input_required"
    assert world.world.servers.resources[RESOURCE].scopes_supported == ("x",)
    assert result_type(world, 4, new) == 403
    assert result_type(world, 5, new) == "complete"  # nothing is coming

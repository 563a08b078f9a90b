"""A HAR file of a transcript: what a browser would have recorded of the same exchanges, in their order."""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from urllib.parse import urlencode

from recorded import BACK, BEGUN, Entry, entry
from scope_model.events import (
    AUTHORIZATION_CODE,
    JWT_BEARER,
    TOKEN_EXCHANGE,
    AuthorizationRequest,
    AuthorizationResponse,
    AuthorizationServerMetadata,
    CallEnded,
    CallStarted,
    ClientRegistration,
    ClientRestarted,
    Event,
    ProtectedResourceMetadata,
    ResourceRequest,
    ResourceResponse,
    TokenExpired,
    TokenRequest,
    TokenResponse,
    Transcript,
)
from scope_properties.forgetting import OMISSIONS, whole

Answer = ResourceResponse | AuthorizationResponse | TokenResponse


class NotOnTheWireError(Exception):
    """Something that no wire shows, and whose absence speaks."""


def as_har(transcript: Transcript) -> bytes:
    """The file; raises NotOnTheWireError for restarts, and for what forgetting.py counts among no omissions.

    All names have to be there.
    """
    left = whole(transcript)
    for name in ("calls", "expiries_at_rest"):
        left = left.without(OMISSIONS[name].losses(left.transcript.events))
    events = left.transcript.events
    if any(isinstance(event, CallStarted | CallEnded | TokenExpired | ClientRestarted) for event in events):
        raise NotOnTheWireError
    answers = _answers(events)
    entries = [one for at, event in enumerate(events) for one in _entries(transcript, at, event, answers.get(at))]
    return json.dumps({"log": {"version": "1.2", "entries": entries}}).encode()


def _answers(events: Sequence[Event]) -> Mapping[int, tuple[int, Answer]]:
    """What each request is answered with, and where that stands: of several alike the first is answered first."""
    sent: dict[tuple[object, ...], deque[int]] = defaultdict(deque)
    found: dict[int, tuple[int, Answer]] = {}
    for at, event in enumerate(events):
        match event:
            case ResourceRequest():
                sent["call", event.resource, event.operation].append(at)
            case AuthorizationRequest():
                sent["login", event.resource, event.issuer].append(at)
            case TokenRequest():
                sent["token", event.resource, event.issuer].append(at)
            case ResourceResponse():
                found[_first(sent["call", event.resource, event.operation])] = at, event
            case AuthorizationResponse():
                found[_first(sent["login", event.resource, event.issuer])] = at, event
            case TokenResponse():
                found[_first(sent["token", event.resource, event.issuer])] = at, event
            case _:
                pass
    return found


def _first(waiting: deque[int]) -> int:
    if not waiting:
        raise NotOnTheWireError
    return waiting.popleft()


def _entries(transcript: Transcript, at: int, event: Event, answer: tuple[int, Answer] | None) -> Iterator[Entry]:
    """The exchanges of an event that is sent, or of a document that is found."""
    ended, answered = answer or (at, None)
    match event:
        case ResourceRequest():
            one = _call(transcript, at, event)
            if isinstance(answered, ResourceResponse):
                one["response"]["status"] = answered.status
                lines = ({"name": "WWW-Authenticate", "value": line} for line in answered.www_authenticate)
                one["response"]["headers"] += lines
            yield _timed(one, at, ended)
        case ProtectedResourceMetadata():
            yield _timed(_document(event), at)
        case AuthorizationServerMetadata():
            yield _timed(_server_document(event), at)
        case ClientRegistration():
            sent = _given(scope=event.scope, redirect_uris=[BACK], grant_types=event.grant_types)
            yield _timed(
                entry("POST", f"{event.issuer}/register", 201, {**sent, "client_id": "c"}, body=json.dumps(sent)), at
            )
        case AuthorizationRequest():
            login = _login(at, event, answered)
            yield _timed(login, at, ended)
            if answered is not None:
                yield _timed(entry("GET", login["response"]["redirectURL"]), ended)
        case TokenRequest():
            yield _timed(_exchange(event, answered), at, ended)
        case _:
            pass


def _timed(one: Entry, begun: float, ended: float | None = None) -> Entry:
    """An exchange, a second to an event."""
    took = 0 if ended is None else ended - begun
    started = (BEGUN + timedelta(seconds=begun)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {**one, "startedDateTime": started, "time": took * 1000}


def _given(**members: object) -> dict[str, object]:
    return {name: value for name, value in members.items() if value is not None}


def _call(transcript: Transcript, at: int, event: ResourceRequest) -> Entry:
    """A call that is not answered."""
    sent: dict[str, str] = {"MCP-Protocol-Version": transcript.header.revision}
    if event.access_token is not None:
        sent["Authorization"] = f"Bearer {event.access_token}"
    method, params = "tools/call", {"name": event.operation}
    if event.operation == "initialize":
        method, params = "initialize", {"protocolVersion": transcript.header.revision}
    message = {"jsonrpc": "2.0", "id": at, "method": method, "params": params}
    return entry("POST", event.resource or "", 0, body=json.dumps(message), sent=sent)


def _document(event: ProtectedResourceMetadata) -> Entry:
    """Resource metadata at its well-known place (RFC 9728 section 3.1)."""
    scheme, _, rest = (event.resource or "").partition("://")
    host, _, path = rest.partition("/")
    place = event.url or f"{scheme}://{host}/.well-known/oauth-protected-resource/{path}".rstrip("/")
    listed = _given(scopes_supported=event.scopes_supported, authorization_servers=event.authorization_servers)
    return entry("GET", place, 200, {"resource": event.resource, **listed})


def _server_document(event: AuthorizationServerMetadata) -> Entry:
    issuer = event.issuer
    endpoints = {f"{name}_endpoint": f"{issuer}/{name}" for name in ("authorization", "token", "registration")}
    listed = _given(scopes_supported=event.scopes_supported)
    return entry(
        "GET", f"{issuer}/.well-known/oauth-authorization-server", 200, {"issuer": issuer, **endpoints, **listed}
    )


def _login(at: int, event: AuthorizationRequest, answered: Answer | None) -> Entry:
    """A visit to the authorization endpoint, which leads back once it is answered."""
    query = {"response_type": "code", "client_id": "c", "redirect_uri": BACK, "state": f"s{at}"}
    query |= {name: str(value) for name, value in _given(scope=event.scope, prompt=event.prompt).items()}
    query |= {"resource": event.resource or ""}
    place = f"{event.issuer}/authorization?{urlencode(query)}"
    if not isinstance(answered, AuthorizationResponse):
        return entry("GET", place, 200, "a login page")
    given = {"error": answered.error} if answered.error is not None else {"code": f"c{at}"}
    back = f"{BACK}?{urlencode({**given, 'state': f's{at}'})}"
    return entry("GET", place, 302, received={"Location": back})


def _exchange(event: TokenRequest, answered: Answer | None) -> Entry:
    """A visit to the token endpoint."""
    form = _given(grant_type=event.grant_type, scope=event.scope, resource=event.resource, client_id="c")
    form |= _given(refresh_token=event.refresh_token)
    form |= {"code": "x"} if event.grant_type == AUTHORIZATION_CODE else {}
    form |= {"assertion": f"assertion of {event.resource}"} if event.grant_type == JWT_BEARER else {}
    if not isinstance(answered, TokenResponse):
        return entry("POST", f"{event.issuer}/token", 0, body=form)
    token = answered.access_token
    if event.grant_type == TOKEN_EXCHANGE and token is not None:
        token = f"assertion of {event.resource}"
    answer = _given(
        error=answered.error, access_token=token, scope=answered.scope, refresh_token=answered.refresh_token
    )
    return entry("POST", f"{event.issuer}/token", 200 if answered.error is None else 400, answer, body=form)

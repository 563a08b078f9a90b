"""HAR: what a browser or a proxy recorded of a real client, read as a transcript.

A HAR file holds whole HTTP exchanges, in which OAuth is a handful among many. What is recognised: calls of a
protected resource (JSON-RPC, or whatever else goes to a URL that challenged a call), the metadata documents,
registrations, authorization requests and the redirects back, token requests. All else is passed over. Tokens
are renamed `t1`, `r1`, ...: whether two are the same is all that matters, and no finding may spread a secret.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from scope_model.events import (
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
    Transcript,
    WireScope,
)
from scope_spec import REVISIONS, Revision

from .transcripts import UnusableTranscript

NEWEST: Final = REVISIONS[-1]
"""The revision that is taken where a recording names none."""

# Any: JSON from elsewhere, of which nothing is known before it is looked at.
Json = Any


@dataclass(frozen=True, slots=True)
class _Message:
    """One exchange, as far as it can be made out; a status of 0 is an answer that never came."""

    method: str
    url: str
    query: str
    sent: Mapping[str, list[str]]
    request: Json
    form: list[tuple[str, str]]
    status: int
    received: Mapping[str, list[str]]
    answer: dict[str, Json]


def read_har(data: bytes, revision: Revision | None = None) -> Transcript:
    """Read a HAR file as a transcript; raises UnusableTranscript.

    A `revision` that is given is in force whatever the client spoke; else what MCP-Protocol-Version says is.
    """
    messages = list(_messages(data))
    recognising = _Recognising(messages)
    for message in messages:
        recognising.take(message)
    if not any(isinstance(event, ResourceRequest | AuthorizationRequest) for event in recognising.events):
        raise UnusableTranscript("no call of a protected resource and no authorization request is in this HAR")
    name, version = recognising.client
    header = Header(revision or _spoken(messages), name, version)
    return Transcript(header, tuple(recognising.events))


# --- the format -----------------------------------------------------------------------------------


def _messages(data: bytes) -> Iterator[_Message]:
    try:
        har = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise UnusableTranscript("not a HAR file: not UTF-8") from None
    except (ValueError, RecursionError):
        raise UnusableTranscript("not a HAR file: not JSON") from None
    log = har.get("log") if isinstance(har, dict) else None
    entries = log.get("entries") if isinstance(log, dict) else None
    if not isinstance(entries, list):
        raise UnusableTranscript("not a HAR file: log.entries, a list, is missing")
    for entry in sorted((entry for entry in entries if isinstance(entry, dict)), key=_started):
        message = _message(entry)
        if message is not None:
            yield message


def _started(entry: dict[str, Json]) -> float:
    """When an entry began; those that do not say stand first, in the order of the file."""
    try:
        return datetime.fromisoformat(entry["startedDateTime"]).timestamp()
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return 0.0


def _message(entry: dict[str, Json]) -> _Message | None:
    request, response = entry.get("request"), entry.get("response")
    if not isinstance(request, dict) or not isinstance(request.get("url"), str):
        return None
    if not isinstance(response, dict):
        response = {}
    try:
        url = urlsplit(request["url"])
        place = f"{url.scheme}://{url.netloc.lower()}{url.path}"
    except ValueError:
        return None
    posted = request.get("postData")
    body = _text(posted.get("text")) if isinstance(posted, dict) else ""
    given = _pairs(posted.get("params")) if isinstance(posted, dict) else []
    status = response.get("status")
    answer = _json(_content(response.get("content")))
    return _Message(
        _text(request.get("method")).upper(),
        place,
        url.query,
        _headers(request.get("headers")),
        _json(body),
        _parameters(body) if body else given,
        status if isinstance(status, int) else 0,
        _headers(response.get("headers")),
        answer if isinstance(answer, dict) else {},
    )


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""


def _pairs(value: Json) -> list[tuple[str, str]]:
    listed = value if isinstance(value, list) else []
    return [(_text(pair.get("name")), _text(pair.get("value"))) for pair in listed if isinstance(pair, dict)]


def _headers(value: Json) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, text in _pairs(value):
        # Some tools join repeated headers with line breaks.
        found.setdefault(name.lower(), []).extend(text.split("\n"))
    return found


def _content(value: Json) -> str:
    if not isinstance(value, dict):
        return ""
    text = _text(value.get("text"))
    if value.get("encoding") != "base64":
        return text
    try:
        return base64.b64decode(text).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ""


def _json(text: str) -> Json:
    if text[:1] not in ("{", "["):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _parameters(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True)
    except ValueError:
        return []


# --- what is OAuth in it --------------------------------------------------------------------------


@dataclass(slots=True)
class _Asked:
    """An authorization request that awaits its redirect; `key` tells it from the next one."""

    key: tuple[str, ...]
    issuer: str | None
    resource: str | None


@dataclass(slots=True)
class _Recognising:
    """Finds the events in a recording; what is what may depend on what comes later, so all is seen first."""

    messages: list[_Message]
    events: list[Event] = field(default_factory=list)
    client: tuple[str, str | None] = ("unnamed", None)
    _guarded: set[str] = field(default_factory=set)
    _documents: set[str] = field(default_factory=set)
    _endpoints: dict[str, str] = field(default_factory=dict)
    _issuers: dict[str, str] = field(default_factory=dict)
    _asked: dict[tuple[str, str | None], _Asked] = field(default_factory=dict)
    _names: dict[str, dict[str, str]] = field(default_factory=lambda: {"t": {}, "r": {}})

    def __post_init__(self) -> None:
        for message in self.messages:
            answer = message.answer
            if _is_resource_metadata(message):
                self._documents.add(answer["resource"])
            elif _is_server_metadata(message):
                issuer = _issuer(answer["issuer"])
                for name, endpoint in answer.items():
                    if name.endswith("_endpoint") and isinstance(endpoint, str):
                        self._endpoints[endpoint.partition("?")[0]] = issuer
                self._issuers[_origin(issuer)] = issuer
            elif _challenges(message) or _operation(message) is not None:
                self._guarded.add(message.url)

    def take(self, message: _Message) -> None:
        """Recognise one exchange, or pass it over."""
        query = _parameters(message.query)
        self._redirect(message)
        if _is_resource_metadata(message):
            answer = message.answer
            servers = tuple(_issuer(each) for each in _texts(answer.get("authorization_servers")) or ())
            named = self._resource(answer["resource"])
            listed = _texts(answer.get("scopes_supported"))
            self.events.append(ProtectedResourceMetadata(named, servers, listed, message.url))
        elif _is_server_metadata(message):
            answer = message.answer
            listed = _texts(answer.get("scopes_supported"))
            self.events.append(AuthorizationServerMetadata(_issuer(answer["issuer"]), listed))
        elif message.method == "GET" and ("response_type", "code") in query:
            self._authorization(message, query)
        elif message.method == "POST" and _one(message.form, "grant_type") is not None:
            self._token(message)
        elif message.method == "POST" and _is_registration(message):
            sent = message.request
            scope, types = sent.get("scope"), _texts(sent.get("grant_types"))
            self.events.append(
                ClientRegistration(scope if isinstance(scope, str) else None, types, self._issuer_of(message))
            )
        elif message.url in self._guarded and message.method != "OPTIONS":
            self._call(message)

    def _call(self, message: _Message) -> None:
        operation = _operation(message) or message.method
        sent = message.request
        if operation == "initialize" and isinstance(sent, dict):
            self._introduce(sent)
        scheme, _, token = next(iter(message.sent.get("authorization", [])), "").partition(" ")
        named = self._name("t", token.strip()) if scheme.lower() == "bearer" and token else None
        resource = self._resource(message.url)
        self.events.append(ResourceRequest(operation, named, resource))
        if message.status:
            lines = tuple(message.received.get("www-authenticate", ()))
            self.events.append(ResourceResponse(operation, message.status, lines, resource))

    def _introduce(self, sent: dict[str, Json]) -> None:
        given = sent.get("params")
        info = given.get("clientInfo") if isinstance(given, dict) else None
        if isinstance(info, dict) and isinstance(info.get("name"), str):
            version = info.get("version")
            self.client = info["name"], version if isinstance(version, str) else None

    def _authorization(self, message: _Message, query: list[tuple[str, str]]) -> None:
        key = (
            message.url,
            *(_one(query, name) or "" for name in ("client_id", "state", "code_challenge", "scope")),
        )
        back = (_place(_one(query, "redirect_uri") or ""), _one(query, "state"))
        if back in self._asked and self._asked[back].key == key:
            return  # the user agent came back to it, from a login page for instance
        issuer, resource = self._issuer_of(message), self._named_resource(query)
        self.events.append(AuthorizationRequest(_scope(query), _one(query, "prompt"), issuer, resource))
        self._asked[back] = _Asked(key, issuer, resource)
        self._redirect(message)

    def _redirect(self, message: _Message) -> None:
        """The way back: a Location header, or the request that follows it, whichever comes first."""
        for place in (*message.received.get("location", ()), f"{message.url}?{message.query}"):
            given = _parameters(place.partition("?")[2].partition("#")[0])
            code, error, state = (_one(given, name) for name in ("code", "error", "state"))
            if code is None and error is None:
                continue
            asked = self._asked.pop((_place(place), state), None)
            if asked is not None:
                self.events.append(AuthorizationResponse(error is None, error, asked.issuer, asked.resource))

    def _token(self, message: _Message) -> None:
        issuer, resource = self._issuer_of(message), self._named_resource(message.form)
        refresh_token = _one(message.form, "refresh_token")
        grant_type = _one(message.form, "grant_type") or ""
        used = None if refresh_token is None else self._name("r", refresh_token)
        self.events.append(TokenRequest(grant_type, _scope(message.form), used, issuer, resource))
        if not message.status:
            return
        answer = message.answer
        access, renewed = answer.get("access_token"), answer.get("refresh_token")
        if message.status >= 300 or not isinstance(access, str):
            error = _text(answer.get("error")) or f"HTTP {message.status}"
            self.events.append(TokenResponse(error=error, issuer=issuer, resource=resource))
            return
        scope = answer.get("scope")
        self.events.append(
            TokenResponse(
                self._name("t", access),
                scope if isinstance(scope, str) else None,
                self._name("r", renewed) if isinstance(renewed, str) else None,
                None,
                issuer,
                resource,
            )
        )

    def _resource(self, url: str) -> str:
        """The name of the resource behind a URL: that of the document that covers it, else itself."""
        place = url.rstrip("/")
        covering = [known for known in self._documents if f"{place}/".startswith(f"{known.rstrip('/')}/")]
        return max(covering, key=len, default=url)

    def _named_resource(self, given: list[tuple[str, str]]) -> str | None:
        named = _one(given, "resource")
        return None if named is None else self._resource(named)

    def _issuer_of(self, message: _Message) -> str | None:
        return self._endpoints.get(message.url) or self._issuers.get(_origin(message.url))

    def _name(self, letter: str, token: str) -> str:
        known = self._names[letter]
        return known.setdefault(token, f"{letter}{len(known) + 1}")


def _is_resource_metadata(message: _Message) -> bool:
    answer = message.answer
    well_known = "/.well-known/oauth-protected-resource" in message.url or "authorization_servers" in answer
    return _found(message) and well_known and isinstance(answer.get("resource"), str)


def _is_server_metadata(message: _Message) -> bool:
    answer = message.answer
    endpoints = "authorization_endpoint" in answer or "token_endpoint" in answer
    return _found(message) and endpoints and isinstance(answer.get("issuer"), str)


def _found(message: _Message) -> bool:
    return message.method == "GET" and message.status == 200


def _is_registration(message: _Message) -> bool:
    sent = message.request
    return isinstance(sent, dict) and isinstance(sent.get("redirect_uris"), list)


def _challenges(message: _Message) -> bool:
    return message.status in (401, 403) and "www-authenticate" in message.received


def _operation(message: _Message) -> str | None:
    """What a JSON-RPC request calls: its method, or the tool; None for what is no JSON-RPC."""
    sent = message.request if message.method == "POST" else None
    if isinstance(sent, list):
        sent = next(iter(sent), None)
    if not isinstance(sent, dict) or "jsonrpc" not in sent:
        return None
    method, given = sent.get("method"), sent.get("params")
    if not isinstance(method, str):
        return "response"  # the client answers what the server asked
    tool = given.get("name") if method == "tools/call" and isinstance(given, dict) else None
    return tool if isinstance(tool, str) else method


def _spoken(messages: list[_Message]) -> Revision:
    """The revision that the client says it speaks, the newest where it says nothing."""
    spoken = [version for message in messages for version in message.sent.get("mcp-protocol-version", ())]
    for version in spoken:
        for known in REVISIONS:
            if version == known:
                return known
    if spoken:
        raise UnusableTranscript(
            f"the client speaks MCP {spoken[0][:40]!r}, which is not known here; choose with --revision"
        )
    return NEWEST


def _one(given: list[tuple[str, str]], name: str) -> str | None:
    return next((value for known, value in given if known == name), None)


def _scope(given: list[tuple[str, str]]) -> WireScope:
    values = tuple(value for name, value in given if name == "scope")
    return values[0] if len(values) == 1 else values or None


def _texts(value: Json) -> tuple[str, ...] | None:
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else None


def _issuer(text: str) -> str:
    """An issuer without a trailing slash, which some libraries add."""
    return text.rstrip("/")


def _origin(url: str) -> str:
    return "/".join(url.split("/", 3)[:3])


def _place(url: str) -> str:
    return url.partition("?")[0].rstrip("/")

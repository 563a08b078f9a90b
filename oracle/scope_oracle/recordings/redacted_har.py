"""A HAR of what was recognised in a recording, with a name in place of each secret; all else is left out.

It is read as the same transcript as the recording itself.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlencode

from . import messages
from .exchanges import Exchange, Headers, Json, parameters
from .messages import META
from .redacting import KEPT, Redactor
from .survey import Request, Survey, challenge_of

_HEADERS: Final = ("authorization", "mcp-session-id", "user-agent", "origin", "location", "www-authenticate")
_PLAIN: Final = ("accept", "content-type", "mcp-protocol-version")
_LISTS: Final = ("grant_types", "response_types", "scopes_supported", "redirect_uris", "authorization_servers")
_TITLES: Final = ("client_name", "name", "version")


def write(exchanges: Iterable[Exchange], redactor: Redactor) -> str:
    """The HAR file of what counts in a recording."""
    survey = Survey(exchanges)
    writer = _Writer(redactor, survey.requests)
    entries = [writer.entry(exchange) for exchange in _recognised(survey)]
    creator = {"name": "scopelaw redact", "version": "1"}
    return json.dumps({"log": {"version": "1.2", "creator": creator, "entries": entries}}, indent=1) + "\n"


def _recognised(survey: Survey) -> list[Exchange]:
    """What tells of a client: calls, requests, documents, and the ways back from a login."""
    found = [*survey.calls, *survey.documents, *survey.server_documents, *survey.unread_documents]
    found += (request.exchange for request in survey.requests)
    found += survey.returns
    return sorted(found, key=lambda exchange: (exchange.begun, exchange.number))


class _Writer:
    """Writes exchanges as entries."""

    def __init__(self, redactor: Redactor, requests: Iterable[Request]) -> None:
        self._redactor = redactor
        # A verifier and its challenge (RFC 7636) tell whose a code is, so the names stay such a pair.
        self._pairs: dict[str, str] = {}
        for request in requests:
            verifier = request.parameter("code_verifier")
            if verifier is not None:
                self._pairs[challenge_of(verifier)] = challenge_of(redactor.name("k", verifier))

    def entry(self, exchange: Exchange) -> dict[str, Json]:
        """One exchange as an entry of HAR."""
        request: dict[str, Json] = {
            "method": exchange.method,
            "url": self._redactor.url(exchange.place) + self._query(exchange),
            "httpVersion": "HTTP/1.1",
            "headers": self._headers(exchange.sent),
            "queryString": [],
            "cookies": [],
            "headersSize": -1,
            "bodySize": -1,
        }
        posted = self._posted(exchange)
        if posted is not None:
            request["postData"] = {"mimeType": exchange.sent_one("content-type"), "text": posted}
        body = self._body(exchange)
        content = {"size": -1, "mimeType": exchange.received_one("content-type")}
        return {
            "startedDateTime": datetime.fromtimestamp(exchange.begun, UTC).isoformat(),
            "time": round((exchange.ended - exchange.begun) * 1000, 3),
            "request": request,
            "response": {
                "status": exchange.status,
                "statusText": "",
                "httpVersion": "HTTP/1.1",
                "headers": self._headers(exchange.received),
                "cookies": [],
                "content": content if body is None else content | {"text": body},
                "redirectURL": self._url(exchange.redirect),
                "headersSize": -1,
                "bodySize": -1,
                **({"_fetchedViaServiceWorker": True} if exchange.doubled else {}),
            },
            "cache": {},
            "timings": {"send": -1, "wait": -1, "receive": -1},
        }

    # --- the parts --------------------------------------------------------------------------------

    def _query(self, exchange: Exchange) -> str:
        return "?" + urlencode(self._given(parameters(exchange.query))) if exchange.query else ""

    def _given(self, given: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        return [(name, self._value(name, value)) for name, value in given]

    def _value(self, name: str, value: str) -> str:
        if name == "code_challenge" and value in self._pairs:
            return self._pairs[value]
        if name == "request":
            inside = messages.request_object(value)
            return "unread" if inside is None else _request_object(self._given(inside))
        if name == "request_uri":
            return f"urn:ietf:params:oauth:request_uri:{self._redactor.name('k', value)}"
        return self._redactor.value(name, value)

    def _url(self, url: str) -> str:
        place, mark, query = url.partition("?")
        query, hash_, fragment = query.partition("#")
        tail = urlencode(self._given(parameters(query)))
        return self._redactor.url(place) + mark + tail + hash_ + urlencode(self._given(parameters(fragment)))

    def _headers(self, headers: Headers) -> list[dict[str, str]]:
        return [
            {"name": name, "value": self._header(name, value)}
            for name, values in headers.items()
            if name in _HEADERS or name in _PLAIN
            for value in values
        ]

    def _header(self, name: str, value: str) -> str:
        redactor = self._redactor
        match name:
            case "authorization":
                client = messages.client_of_header(value)
                if client is not None:
                    return "Basic " + base64.b64encode(f"{redactor.name('c', client)}:".encode()).decode()
                scheme, _, token = value.partition(" ")
                return f"{scheme} {redactor.name('t', token.strip())}"
            case "mcp-session-id":
                return redactor.name("s", value)
            case "user-agent":
                return redactor.name("x", value)
            case "www-authenticate":
                return redactor.line(value)
            case "location" | "origin":
                return self._url(value)
            case _:
                return value

    def _posted(self, exchange: Exchange) -> str | None:
        if not exchange.posted:
            return exchange.posted
        sent = exchange.request
        if isinstance(sent, list):
            return json.dumps([_call(each) for each in sent[:1]])
        if isinstance(sent, dict):
            return json.dumps(_call(sent) if "jsonrpc" in sent else self._members(sent))
        return urlencode(self._given(exchange.form))

    def _body(self, exchange: Exchange) -> str | None:
        answer = exchange.answer
        if messages.operation(exchange) is not None:
            agreed = messages.agreed_version(exchange)
            return json.dumps({} if agreed is None else {"result": {"protocolVersion": agreed}})
        if answer:
            return json.dumps(self._members(answer))
        if exchange.body is None:
            return None
        return "unread" if exchange.body.strip() else exchange.body

    def _members(self, members: dict[str, Json]) -> dict[str, Json]:
        """The members of a message that a transcript is made of."""
        kept: dict[str, Json] = {}
        for name, value in members.items():
            if isinstance(value, str):
                kept[name] = self._redactor.text(value) if name in _TITLES else self._value(name, value)
            elif name in _LISTS and isinstance(value, list):
                kept[name] = list(self._listed(name, value))
            elif name in KEPT:
                kept[name] = value
        return kept

    def _listed(self, name: str, value: list[Json]) -> Iterator[Json]:
        urls = name in ("redirect_uris", "authorization_servers")
        for each in value:
            if isinstance(each, str):
                yield self._redactor.url(each) if urls else each


def _request_object(given: Iterable[tuple[str, str]]) -> str:
    inside = base64.urlsafe_b64encode(json.dumps(dict(given)).encode()).rstrip(b"=").decode()
    return f"e30.{inside}.x"


def _call(sent: Json) -> dict[str, Json]:
    """A JSON-RPC request without its arguments."""
    if not isinstance(sent, dict):
        return {}
    kept: dict[str, Json] = {name: sent[name] for name in ("jsonrpc", "method") if isinstance(sent.get(name), str)}
    if isinstance(sent.get("id"), int):
        kept["id"] = sent["id"]
    given = sent.get("params")
    if not isinstance(given, dict):
        return kept
    names: dict[str, Json] = {}
    if sent.get("method") == "tools/call" and isinstance(given.get("name"), str):
        names["name"] = given["name"]
    meta = given.get("_meta")
    names |= _introduction(given, "")
    if isinstance(meta, dict):
        names["_meta"] = _introduction(meta, META)
    return kept | {"params": names}


def _introduction(members: dict[str, Json], prefix: str) -> dict[str, Json]:
    """What a client says of itself."""
    info, version = members.get(f"{prefix}clientInfo"), members.get(f"{prefix}protocolVersion")
    kept: dict[str, Json] = {}
    if isinstance(info, dict):
        names = ("name", "version")
        kept[f"{prefix}clientInfo"] = {name: info[name] for name in names if isinstance(info.get(name), str)}
    if isinstance(version, str):
        kept[f"{prefix}protocolVersion"] = version
    return kept

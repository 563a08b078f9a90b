"""What one exchange is to OAuth and to MCP, as far as it shows by itself."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

from scope_model.events import WireScope

from .exchanges import Exchange, Json, Parameters, one, read_json, struck_out

DEVICE_CODE: Final = "urn:ietf:params:oauth:grant-type:device_code"
RESOURCE_METADATA: Final = "/.well-known/oauth-protected-resource"
_SERVER_METADATA: Final = ("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration")
_MCP_METHODS: Final = re.compile(
    r"(?:initialize|ping|(?:notifications|tools|resources|prompts|completion|logging|roots|sampling|elicitation|server"
    r"|tasks|subscriptions)/.+)"
)
META: Final = "io.modelcontextprotocol/"
"""What the members of `_meta` begin with that name the client and its version of the protocol."""


# --- metadata and registration --------------------------------------------------------------------


def is_resource_metadata(exchange: Exchange) -> bool:
    """Whether a protected resource metadata document came (RFC 9728)."""
    if exchange.method != "GET" or exchange.status != 200 or exchange.body is None:
        return False
    known = RESOURCE_METADATA in exchange.place or "authorization_servers" in exchange.answer
    return known and isinstance(exchange.answer.get("resource"), str)


def is_server_metadata(exchange: Exchange) -> bool:
    """Whether an authorization server metadata document came (RFC 8414, OpenID Connect Discovery)."""
    if exchange.method != "GET" or exchange.status != 200 or '"issuer"' not in (exchange.body or ""):
        return False
    answer = exchange.answer
    endpoints = "authorization_endpoint" in answer or "token_endpoint" in answer
    return endpoints and isinstance(answer.get("issuer"), str)


def is_unread_metadata(exchange: Exchange) -> bool:
    """Whether a metadata document came, or was found unchanged, and what it says was not kept."""
    known = RESOURCE_METADATA in exchange.place or any(name in exchange.place for name in _SERVER_METADATA)
    if not known or exchange.method != "GET" or exchange.status not in (200, 304):
        return False
    # What can be read, and is no document, is a page of whoever has no metadata.
    return not exchange.answer and (exchange.status == 304 or not (exchange.body or "").strip())


def is_registration(exchange: Exchange) -> bool:
    """Whether a client was registered (RFC 7591)."""
    sent = exchange.request if exchange.method == "POST" and exchange.posted else None
    return isinstance(sent, dict) and isinstance(sent.get("redirect_uris"), list)


# --- calls ----------------------------------------------------------------------------------------


def operation(exchange: Exchange) -> str | None:
    """What a JSON-RPC request calls: its method, or the tool; None for what is no JSON-RPC."""
    sent = _json_rpc(exchange)
    if sent is None:
        return None
    method, given = sent.get("method"), sent.get("params")
    if not isinstance(method, str):
        return "response"  # the client answers what the server asked
    tool = given.get("name") if method == "tools/call" and isinstance(given, dict) else None
    return tool if isinstance(tool, str) else method


def _json_rpc(exchange: Exchange) -> dict[str, Json] | None:
    sent = exchange.request if exchange.method == "POST" and exchange.posted else None
    if isinstance(sent, list):
        sent = next(iter(sent), None)
    return sent if isinstance(sent, dict) and "jsonrpc" in sent else None


def speaks_mcp(exchange: Exchange) -> bool:
    """Whether a request is one of MCP for certain, and of no other protocol on JSON-RPC."""
    if "mcp-protocol-version" in exchange.sent or "mcp-session-id" in exchange.sent:
        return True
    sent = _json_rpc(exchange)
    method = None if sent is None else sent.get("method")
    return isinstance(method, str) and _MCP_METHODS.fullmatch(method) is not None


def introduction(exchange: Exchange) -> tuple[str, str | None] | None:
    """The name and version that a client gives itself, with `initialize` or with each request."""
    sent = _json_rpc(exchange)
    given = None if sent is None else sent.get("params")
    if not isinstance(given, dict):
        return None
    meta = given.get("_meta")
    for info in (given.get("clientInfo"), meta.get(f"{META}clientInfo") if isinstance(meta, dict) else None):
        if isinstance(info, dict) and isinstance(info.get("name"), str):
            version = info.get("version")
            return info["name"], version if isinstance(version, str) else None
    return None


def spoken_version(exchange: Exchange) -> str | None:
    """The revision that a request says it speaks."""
    said = exchange.sent_one("mcp-protocol-version")
    if said:
        return said
    sent = _json_rpc(exchange)
    given = None if sent is None else sent.get("params")
    meta = given.get("_meta") if isinstance(given, dict) else None
    version = meta.get(f"{META}protocolVersion") if isinstance(meta, dict) else None
    return version if isinstance(version, str) else None


def agreed_version(exchange: Exchange) -> str | None:
    """The revision that a server agrees to speak, in its answer to `initialize`."""
    if operation(exchange) != "initialize":
        return None
    result = exchange.answer.get("result")
    version = result.get("protocolVersion") if isinstance(result, dict) else None
    return version if isinstance(version, str) else None


def proposed_version(exchange: Exchange) -> str | None:
    """The revision that a client asks for in `initialize`."""
    sent = _json_rpc(exchange)
    given = None if sent is None or sent.get("method") != "initialize" else sent.get("params")
    version = given.get("protocolVersion") if isinstance(given, dict) else None
    return version if isinstance(version, str) else None


def bearer(exchange: Exchange) -> str | None:
    """The access token that a request carries."""
    scheme, _, token = exchange.sent_one("authorization").partition(" ")
    return token.strip() or None if scheme.lower() in ("bearer", "dpop") else None


def challenges(exchange: Exchange) -> bool:
    """Whether a request was refused with a challenge."""
    return exchange.status in (401, 403) and "www-authenticate" in exchange.received


def hides_challenge(exchange: Exchange) -> bool:
    """Whether a request was refused, and the headers that would say why were not kept."""
    if exchange.status not in (401, 403):
        return False
    lines = exchange.received.get("www-authenticate", ())
    return not exchange.received or (bool(lines) and all(struck_out(line) for line in lines))


# --- requests to an authorization server ----------------------------------------------------------


def grant_type(exchange: Exchange) -> str | None:
    """The grant type of a token request, None for what is none."""
    return one(exchange.form, "grant_type") if exchange.method == "POST" and exchange.posted else None


def authorization(exchange: Exchange, query: Parameters) -> Parameters | None:
    """The parameters of an authorization request as they were sent, None for what is none."""
    given = query
    if exchange.method == "POST":
        given = exchange.form if exchange.posted and "response_type" in exchange.posted else ()
    if grant_type(exchange) is not None:
        return None
    by_reference = one(given, "client_id") is not None and (
        one(given, "request_uri") is not None or one(given, "request") is not None
    )
    return given if "code" in (one(given, "response_type") or "").split() or by_reference else None


def request_object(text: str) -> Parameters | None:
    """The parameters in a request object (RFC 9101), None where it is encrypted or no such thing."""
    parts = text.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = read_json(base64.urlsafe_b64decode(parts[1] + "==").decode())
    except (binascii.Error, ValueError):
        return None
    if not isinstance(claims, dict):
        return None
    return tuple((name, value) for name, value in claims.items() if isinstance(value, str))


def client_of_credentials(exchange: Exchange) -> str | None:
    """The client that authenticates with HTTP Basic."""
    return client_of_header(exchange.sent_one("authorization"))


def client_of_header(header: str) -> str | None:
    """The client in the credentials of HTTP Basic."""
    scheme, _, given = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(given).decode().partition(":")[0] or None
    except (binascii.Error, ValueError):
        return None


def scope(given: Parameters) -> WireScope:
    """The `scope` parameter as it was sent."""
    values = tuple(value for name, value in given if name == "scope")
    return values[0] if len(values) == 1 else values or None


def texts(value: Json) -> tuple[str, ...] | None:
    """A list of strings, None for what is no list."""
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else None

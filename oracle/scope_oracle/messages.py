"""Events as the HTTP messages that they were, written from a transcript.

Tokens stand by their names. What a transcript does not hold (codes, `state`, PKCE, client ids) is left out, and so are
the headers that say nothing about scope.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode, urlsplit

from scope_model.events import (
    AuthorizationRequest,
    AuthorizationResponse,
    AuthorizationServerMetadata,
    ClientRegistration,
    Event,
    ProtectedResourceMetadata,
    ResourceRequest,
    ResourceResponse,
    TokenRequest,
    TokenResponse,
    WireScope,
)

from .exchange import shown

_RESOURCE: Final = "https://server.example/mcp"
_ISSUER: Final = "https://as.example"
"""Where what has no name is said to be, since there is one of each."""

_JSON: Final = "Content-Type: application/json"
_FORM: Final = "Content-Type: application/x-www-form-urlencoded"


def message(event: Event, tokens: Mapping[str, str]) -> str | None:
    """The HTTP message of an event, with `tokens` by their names; None for what is none."""
    match event:
        case ResourceRequest(operation, access_token):
            credentials = [] if access_token is None else [f"Authorization: Bearer {tokens[access_token]}"]
            call = {"jsonrpc": "2.0", "method": "tools/call", "params": {"name": operation}}
            return _request("POST", event.resource or _RESOURCE, [*credentials, _JSON], json.dumps(call))
        case ResourceResponse(_, status):
            return _response(status, [f"WWW-Authenticate: {line}" for line in event.www_authenticate])
        case ProtectedResourceMetadata():
            servers = list(event.authorization_servers)
            return _answer(
                resource=event.resource, authorization_servers=servers, scopes_supported=event.scopes_supported
            )
        case AuthorizationServerMetadata():
            return _answer(issuer=event.issuer, scopes_supported=event.scopes_supported)
        case ClientRegistration(scope, grant_types):
            metadata = json.dumps(_without_none({"scope": scope, "grant_types": grant_types}))
            return _request("POST", f"{event.issuer or _ISSUER}/register", [_JSON], metadata)
        case AuthorizationRequest(scope, prompt):
            asked = [("response_type", "code"), *_scopes(scope), *_given(resource=event.resource, prompt=prompt)]
            return _request("GET", f"{event.issuer or _ISSUER}/authorize?{urlencode(asked)}")
        case AuthorizationResponse(code, error):
            back = urlencode(_given(error=error, code="(a code)" if code else None, iss=event.issuer), safe="()")
            return _response(HTTPStatus.FOUND, [f"Location: (redirect_uri)?{back}"])
        case TokenRequest(grant_type, scope, refresh_token):
            renewed = None if refresh_token is None else tokens[refresh_token]
            given = _given(refresh_token=renewed, resource=event.resource)
            body = urlencode([("grant_type", grant_type), *_scopes(scope), *given])
            return _request("POST", f"{event.issuer or _ISSUER}/token", [_FORM], body)
        case TokenResponse():
            return _issued(event, tokens)
        case _:
            return None


def _issued(event: TokenResponse, tokens: Mapping[str, str]) -> str | None:
    """The answer of a token endpoint; None for one that could not be read."""
    if event.access_token is None:
        return None if event.error is None else _answer(HTTPStatus.BAD_REQUEST, error=event.error)
    renewing = None if event.refresh_token is None else tokens[event.refresh_token]
    token = tokens[event.access_token]
    return _answer(access_token=token, token_type="Bearer", scope=event.scope, refresh_token=renewing)


def _request(method: str, url: str, headers: Iterable[str] = (), body: str = "") -> str:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return _written([f"{method} {target} HTTP/1.1", f"Host: {parts.netloc}", *headers], body)


def _response(status: int, headers: Iterable[str] = (), body: str = "") -> str:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return _written([f"HTTP/1.1 {status} {phrase}".rstrip(), *headers], body)


def _answer(status: int = HTTPStatus.OK, **members: object) -> str:
    return _response(status, [_JSON], json.dumps(_without_none(members)))


def _written(head: list[str], body: str) -> str:
    return "\n".join(map(shown, [*head, *(["", body] if body else [])]))


def _without_none(members: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in members.items() if value is not None}


def _given(**parameters: str | None) -> list[tuple[str, str]]:
    return [(name, value) for name, value in parameters.items() if value is not None]


def _scopes(scope: WireScope) -> list[tuple[str, str]]:
    """The parameter as often as it was sent."""
    sent = () if scope is None else (scope,) if isinstance(scope, str) else scope
    return [("scope", each) for each in sent]

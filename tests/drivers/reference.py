"""The reference model behind the driver contract, over real HTTP: no finding may be made of it.

Started as `python reference.py [MUTANT...]`; each `start` brings on the next of the mutants, so that one process
plays them all. A mutant must be caught by the clause that it names.
"""

import base64
import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection
from itertools import count, cycle
from typing import Protocol, assert_never
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from scope_model.client import Action, Call, Client, Failed, Heard, Idle, Illegal, Noted, Served, Setup
from scope_model.events import (
    AUTHORIZATION_CODE,
    JWT_BEARER,
    TOKEN_EXCHANGE,
    AuthorizationRequest,
    AuthorizationResponse,
    AuthorizationServerMetadata,
    ClientRegistration,
    ClientRestarted,
    FetchResourceMetadata,
    FetchServerMetadata,
    ProtectedResourceMetadata,
    RegistrationResponse,
    ResourceRequest,
    ResourceResponse,
    TokenExpired,
    TokenRequest,
    TokenResponse,
    Unavailable,
)
from scope_model.scopes import ScopeSet
from scope_model.servers import Answer, Request
from scope_properties.model_subject import ModelSubject
from scope_properties.mutants import MUTANTS

BACK = "http://localhost:3030/callback"
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


@dataclass
class Answered:
    """An HTTP response; header names in lower case."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def values(self, name: str) -> list[str]:
        return [value for known, value in self.headers if known == name]


class Sends(Protocol):
    """A way to the servers."""

    def send(
        self, method: str, url: str, body: str | None = None, headers: dict[str, str] | None = None
    ) -> Answered: ...


class TurnedAway(Exception):
    """The servers have answered this call for long enough."""


@dataclass
class Web:
    """Connections that are kept, one for each origin."""

    connections: dict[str, HTTPConnection] = field(default_factory=dict)

    def send(self, method: str, url: str, body: str | None = None, headers: dict[str, str] | None = None) -> Answered:
        parts = urlsplit(url)
        connection = self.connections.setdefault(parts.netloc, HTTPConnection(parts.netloc, timeout=5))
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target, body, headers or {})
        response = connection.getresponse()
        pairs = [(name.lower(), value) for name, value in response.getheaders()]
        answered = Answered(response.status, pairs, response.read())
        if answered.status == 503:
            raise TurnedAway
        return answered


@dataclass
class Front:
    """The model's requests as HTTP requests, and what comes back as the model's events."""

    web: Sends
    endpoints: dict[str, dict[str, str]] = field(default_factory=dict)
    clients: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    document: str | None = None
    method: str = "none"
    code: str | None = None
    provider: dict[str, str] = field(default_factory=dict)
    assertion: str | None = None
    states: Iterator[str] = field(default_factory=lambda: map(str, count()))

    def answer(self, request: Request) -> Answer:
        match request:
            case ResourceRequest(operation, token, resource):
                assert resource is not None
                message = {"jsonrpc": "2.0", "id": 7, **self.message(request)}
                headers = JSON | {"Accept": "application/json, text/event-stream"}
                if token is not None:
                    headers["Authorization"] = f"Bearer {token}"
                response = self.web.send("POST", resource, json.dumps(message), headers)
                return ResourceResponse(
                    operation, response.status, tuple(response.values("www-authenticate")), resource
                )
            case FetchResourceMetadata(resource):
                parts = urlsplit(resource)
                found = self._document(
                    f"{parts.scheme}://{parts.netloc}/.well-known/oauth-protected-resource{parts.path}"
                )
                if found is None:
                    return Unavailable()
                servers = tuple(found["authorization_servers"])
                return ProtectedResourceMetadata(str(found["resource"]), servers, _listed(found))
            case FetchServerMetadata(issuer):
                found = self._document(f"{issuer}/.well-known/oauth-authorization-server")
                if found is None:
                    return Unavailable()
                self.endpoints[issuer] = {name: str(url) for name, url in found.items() if name.endswith("_endpoint")}
                return AuthorizationServerMetadata(str(found["issuer"]), _listed(found))
            case ClientRegistration():
                return self._register(request)
            case AuthorizationRequest():
                return self._authorize(request)
            case TokenRequest():
                return self._token(request)
            case _:
                assert_never(request)

    def message(self, request: ResourceRequest) -> dict[str, object]:
        return {"method": "tools/call", "params": {"name": request.operation}}

    def _document(self, url: str) -> dict[str, list[str]] | None:
        response = self.web.send("GET", url)
        assert response.status in {200, 404}
        return json.loads(response.body) if response.status == 200 else None

    def _register(self, request: ClientRegistration) -> RegistrationResponse:
        at = request.issuer or ""
        if self.document is not None:
            self.clients[at] = (self.document, None)
        if at not in self.clients:
            metadata = {
                "redirect_uris": [BACK],
                "application_type": "native",
                "token_endpoint_auth_method": self.method,
                "grant_types": request.grant_types,
                "scope": request.scope,
            }
            body = json.dumps({name: value for name, value in metadata.items() if value is not None})
            response = self.web.send("POST", self.endpoints[at]["registration_endpoint"], body, JSON)
            document = json.loads(response.body)
            if response.status == 400:
                return RegistrationResponse(error=document["error"])
            assert response.status == 201
            self.clients[at] = (document["client_id"], document.get("client_secret"))
            return RegistrationResponse(document.get("scope"))
        return RegistrationResponse()

    def _authorize(self, request: AuthorizationRequest) -> AuthorizationResponse:
        issuer, state = request.issuer or "", next(self.states)
        fields = {
            "response_type": "code",
            "client_id": self.clients[issuer][0],
            "redirect_uri": BACK,
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            "state": state,
            "scope": request.scope,
            "prompt": request.prompt,
            "resource": request.resource,
        }
        query = urlencode({name: value for name, value in fields.items() if value is not None}, doseq=True)
        response = self.web.send("GET", f"{self.endpoints[issuer]['authorization_endpoint']}?{query}")
        (location,) = response.values("location")
        assert location.startswith(f"{BACK}?")
        back = {name: value for name, (value,) in parse_qs(urlsplit(location).query).items()}
        assert back["state"] == state
        self.code = back.get("code")
        return AuthorizationResponse("code" in back, back.get("error"), back["iss"], request.resource)

    def _token(self, request: TokenRequest) -> TokenResponse:
        if request.grant_type == TOKEN_EXCHANGE:
            return self._exchange(request)
        issuer, redeems = request.issuer or "", request.grant_type == AUTHORIZATION_CODE
        client_id, secret = self.clients[issuer]
        fields: dict[str, object] = {
            "grant_type": request.grant_type,
            "client_id": client_id,
            "client_secret": secret,
            "scope": request.scope,
            "resource": request.resource,
            "refresh_token": request.refresh_token,
            "code": self.code if redeems else None,
            "redirect_uri": BACK if redeems else None,
            "code_verifier": VERIFIER if redeems else None,
            "assertion": self.assertion if request.grant_type == JWT_BEARER else None,
        }
        found = self._posted(self.endpoints[issuer]["token_endpoint"], fields)
        return TokenResponse(
            found.get("access_token"),
            found.get("scope"),
            found.get("refresh_token"),
            found.get("error"),
            issuer,
            request.resource,
        )

    def _exchange(self, request: TokenRequest) -> TokenResponse:
        """The first leg, at the identity provider: what it brings is nothing that the model looks into."""
        fields: dict[str, object] = {
            "grant_type": request.grant_type,
            "requested_token_type": "urn:ietf:params:oauth:token-type:id-jag",
            "subject_token": self.provider["id_token"],
            "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
            "client_id": self.provider["client_id"],
            "client_secret": self.provider["client_secret"],
            "audience": request.issuer,
            "resource": request.resource,
            "scope": request.scope,
        }
        found = self._posted(f"{self.provider['issuer']}/token", fields)
        self.assertion = found.get("access_token")
        token = None if self.assertion is None else "assertion"
        return TokenResponse(token, found.get("scope"), None, found.get("error"), request.issuer, request.resource)

    def _posted(self, url: str, fields: dict[str, object]) -> dict[str, str]:
        given = {name: value for name, value in fields.items() if value is not None}
        response = self.web.send("POST", url, urlencode(given, doseq=True), FORM)
        return self.read(response)

    def read(self, response: Answered) -> dict[str, str]:
        if FORM["Content-Type"] in response.values("content-type"):
            return dict(parse_qsl(response.body.decode(), keep_blank_values=True))
        found: dict[str, str] = json.loads(response.body)
        assert response.status == (400 if "error" in found else 200)
        return found


def _listed(document: dict[str, list[str]]) -> tuple[str, ...] | None:
    listed = document.get("scopes_supported")
    return None if listed is None else tuple(listed)


@dataclass
class Application:
    """One application around a model client."""

    subject: ModelSubject
    servers: dict[str, str]
    client: Client
    front: Front

    def hear(self, event: Heard) -> Action:
        self.client, action = self.subject.step(self.client, event)
        return action

    def call(self, server: str, operation: str) -> dict[str, object]:
        action = self.hear(Call(self.servers[server], operation))
        try:
            while not isinstance(action, Served | Failed | Noted | Illegal):
                action = self.hear(self.front.answer(action))
        except TurnedAway:
            self.client = replace(self.client, phase=Idle())
            return {"outcome": "refused", "error": "the servers have had enough"}
        if isinstance(action, Served):
            return {"outcome": "served"}
        return {"outcome": "refused", "error": repr(action)}

    def expire(self, server: str) -> dict[str, object]:
        grant = self.client.grant(self.servers[server])
        if grant is not None:
            self.hear(TokenExpired(grant.access_token))
        return {"ok": True}

    def restart(self) -> dict[str, object]:
        self.hear(ClientRestarted())
        return {"ok": True}

    def report(self, server: str) -> dict[str, object]:
        grant = self.client.grant(self.servers[server])
        if grant is None:
            return {"skipped": {"message": "it holds no grant"}}
        return {"granted": None if grant.granted is None else list(grant.granted)}


def application(subject: ModelSubject, web: Web, command: dict[str, object]) -> Application:
    """The application that a reset asks for."""
    servers, clients, configured = command["servers"], command["clients"], command["configured_scopes"]
    assert isinstance(servers, dict)
    setup = Setup(
        subject.policy,
        ScopeSet(configured) if isinstance(configured, list) else None,
        command["wants_refresh_token"] is True,
        str(command["grant"]),
    )
    known = clients if isinstance(clients, dict) else {}
    registered = {issuer: (client["client_id"], client["client_secret"]) for issuer, client in known.items()}
    document, provider = command["document_url"], command["identity_provider"] or {}
    assert document is None or isinstance(document, str)
    assert isinstance(provider, dict)
    front = Front(web, clients=registered, document=document, provider=provider)
    return Application(subject, servers, Client(setup), front)


def main() -> None:
    """Answer commands until there are no more."""
    subjects = cycle([MUTANTS[name].subject for name in sys.argv[1:]] or [ModelSubject()])
    subject = ModelSubject()
    web = Web()
    app: Application | None = None
    for line in sys.stdin:
        command = json.loads(line)
        answer: dict[str, object]
        match command["command"]:
            case "start":
                subject = next(subjects)
                client = {"name": subject.name, "version": "0", "language": "Python"}
                answer = {"version": 1, "client": client, "revisions": ["2025-11-25", "2026-07-28"]}
            case "stop":
                return
            case "reset":
                app = application(subject, web, command)
                answer = {"ok": True}
            case name:
                assert app is not None
                given = {known: value for known, value in command.items() if known not in {"command", "seq"}}
                answer = getattr(app, name)(**given)
        print(json.dumps({"seq": command["seq"], **answer} if "seq" in command else answer), flush=True)


if __name__ == "__main__":
    main()

"""The model's servers over HTTP, sans I/O: `HttpWorld.handle` turns one request into one response.

A request becomes an event, the world answers it, and the answer becomes a response, so that what a client
does over HTTP leaves the very transcript that the model leaves without. What is written down is what was
sent: a `resource` that a client left out stays absent in the transcript, although the servers are told which
one they may assume. What HTTP adds to the events (PKCE, `state`, `redirect_uri`, client ids) is checked here;
a breach is answered with the error of its RFC and kept as a complaint.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from time import time
from typing import Final
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

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
    Event,
    FetchResourceMetadata,
    FetchServerMetadata,
    Key,
    ProtectedResourceMetadata,
    RegistrationResponse,
    ResourceRequest,
    ResourceResponse,
    TokenRequest,
    TokenResponse,
    WireScope,
)
from scope_model.scopes import read_scope
from scope_model.servers import Consent, metadata_url
from scope_properties.episodes import STREAM
from scope_properties.world import World
from scope_spec import REVISIONS

Headers = Sequence[tuple[str, str]]
Parameters = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request as any HTTP library has it; header names in any case."""

    method: str
    url: str
    headers: Headers = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A response; a header that comes several times is several pairs, in their order."""

    status: int
    headers: Headers = ()
    body: bytes = b""


KNOWN: Final = "a-client"
SECRET: Final = "a secret"
"""What each issuer knows a client by that registered beforehand."""

BRIEFLY: Final = 1
"""Seconds that a brief token has."""

METHODS: Final = frozenset({"initialize", "server/discover", "tools/list", "ping", STREAM})
"""The methods of MCP that a resource server may guard as it guards its tools, and that are none."""

DOCUMENT: Final = "https://client.example/client.json"
"""Where a client's metadata would be; no server here fetches it."""

IDENTITY_PROVIDER: Final = "https://idp.example"
"""Where the user of a token exchange has signed in; clients are known there as KNOWN."""

ID_JAG: Final = "urn:ietf:params:oauth:token-type:id-jag"
ID_TOKEN_TYPE: Final = "urn:ietf:params:oauth:token-type:id_token"

ID_TOKEN: Final = "an ID token"
"""What the identity provider gave the client when the user signed in."""


class OfAnotherEpisode(Exception):
    """A request carries what was handed out in another episode."""


class Addresses:
    """What clients see of a world: the origins where its servers really are, and tokens that no other world has.

    `origins` are by the origins of the servers' names. Without the number of an `episode`, tokens keep their names.
    """

    def __init__(self, origins: Mapping[str, str], episode: int | None = None) -> None:
        self._origins = dict(origins)
        self._names = {address: name for name, address in origins.items()}
        self._episode = episode

    def outward(self, text: str) -> str:
        """A text for clients, with the origins that they can reach."""
        for name, address in self._origins.items():
            text = text.replace(name, address)
        return text

    def inward(self, url: str) -> str:
        """A client's URL, with the name that the world has for its origin."""
        origin = "/".join(url.split("/", 3)[:3])
        return url if origin not in self._names else self._names[origin] + url[len(origin) :]

    def own(self, name: str) -> str:
        """A token, code or client id for clients, as no other episode has it."""
        # A tilde may stand in all of them (RFC 6750 section 2.1, RFC 6749 appendix A), and in none of their names.
        return name if self._episode is None else f"{name}~{self._episode}"

    def named(self, given: str) -> str:
        """What a client gives as such, by the name that the world has for it; raises OfAnotherEpisode."""
        name, tilde, episode = given.rpartition("~")
        if self._episode is None or not tilde or not episode.isdecimal():
            return given
        if episode != str(self._episode):
            raise OfAnotherEpisode
        return name


@dataclass(frozen=True, slots=True)
class Registration:
    """What an issuer knows of a client: where it may be sent back to (None: to any place), and its secret."""

    redirect_uris: tuple[str, ...] | None
    secret: str | None = None


@dataclass(frozen=True, slots=True)
class Code:
    """What an authorization code stands for until it is redeemed."""

    issuer: str
    client_id: str
    redirect_uri: str | None
    challenge: str
    resource: str | None


@dataclass(frozen=True, slots=True)
class Assertion:
    """What an ID-JAG stands for: where and by whom it may be redeemed, and what was approved.

    `says` is whether the authorization server names a scope that equals what is asked of it.
    """

    issuer: str
    client_id: str
    resource: str
    consent: Consent
    says: bool


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a request is refused whatever its scopes: the error code of its RFC, and a sentence."""

    error: str
    because: str


Handler = Callable[[HttpRequest], HttpResponse]


class HttpWorld:
    """A world of servers at their own URLs; `complaints` says what was wrong with requests, scopes aside.

    Without `addresses`, clients find each server where its name says.
    """

    def __init__(self, world: World, addresses: Addresses | None = None) -> None:
        self.world = world
        self.complaints: list[str] = []
        self._addresses = addresses or Addresses({})
        self._clients: dict[tuple[str, str], Registration] = {}
        self._codes: dict[str, Code] = {}
        self._assertions: dict[str, Assertion] = {}
        self._unread: dict[str | None, tuple[int, TokenResponse]] = {}
        self._issued = 0
        self._sent_back = "", 0, HttpResponse(400)
        self._called: str | None = None
        self._resources: dict[str, str] = {}
        self._handlers: dict[tuple[str, str], Handler] = {}
        for issuer in world.servers.issuers:
            self._open_issuer(issuer)
            if world.plan.registration == "document":
                self.know(issuer, DOCUMENT)
            elif world.plan.registration == "known":
                self.know(issuer, KNOWN, secret=SECRET)
        if world.plan.grant_type == TOKEN_EXCHANGE:
            self._open_identity_provider()
        for resource in world.servers.resources:
            self._open_resource(resource)

    def _open_identity_provider(self) -> None:
        self.know(IDENTITY_PROVIDER, KNOWN, secret=SECRET)
        self._publish(IDENTITY_PROVIDER, self._identity_metadata)
        self._handlers["POST", _place(f"{IDENTITY_PROVIDER}/token")] = self._assert

    def _publish(self, issuer: str, handler: Handler) -> None:
        """Put an issuer's metadata where clients look for it."""
        origin, path = _split(issuer)
        # RFC 8414 section 3.1 inserts the well-known name before the path, OpenID Connect appends it.
        for url in (
            f"{origin}/.well-known/oauth-authorization-server{path}",
            f"{origin}/.well-known/openid-configuration{path}",
            f"{origin}{path}/.well-known/openid-configuration",
        ):
            self._handlers["GET", _place(url)] = handler

    def _open_issuer(self, issuer: str) -> None:
        self._publish(issuer, partial(self._server_metadata, issuer))
        self._handlers["POST", _place(f"{issuer}/register")] = partial(self._register, issuer)
        self._handlers["GET", _place(f"{issuer}/authorize")] = partial(self._authorize, issuer)
        self._handlers["POST", _place(f"{issuer}/token")] = partial(self._token, issuer)

    def _open_resource(self, resource: str) -> None:
        origin, path = _split(resource)
        published = [
            metadata_url(self.world.servers.resources[resource]),  # where the challenges point
            f"{origin}/.well-known/oauth-protected-resource{path}",
        ]
        if sum(_split(other)[0] == origin for other in self.world.servers.resources) == 1:
            published.append(f"{origin}/.well-known/oauth-protected-resource")
        for url in published:
            self._handlers["GET", _place(url)] = partial(self._resource_metadata, resource)
        self._resources[_place(resource)] = resource
        self._handlers["POST", _place(resource)] = partial(self._call, resource)
        if STREAM in self.world.servers.resources[resource].needs:
            self._handlers["GET", _place(resource)] = partial(self._stream, resource)

    def know(
        self, issuer: str, client_id: str, redirect_uris: Sequence[str] | None = None, secret: str | None = None
    ) -> None:
        """Let `issuer` know a client that registered out of band, or by a metadata document."""
        known = None if redirect_uris is None else tuple(redirect_uris)
        self._clients[issuer, client_id] = Registration(known, secret)

    def about(self, resource: str) -> None:
        """Take requests that name no resource to be about this one."""
        self._called = resource

    def called(self, request: HttpRequest) -> ResourceRequest | None:
        """The operation that a request is about, or None where it is about anything else; raises OfAnotherEpisode."""
        resource = self._resources.get(_place(self._addresses.inward(request.url)))
        if resource is None or request.method != "POST":
            return None
        return self._operation(resource, request, json_object(request.body))

    def _operation(self, resource: str, request: HttpRequest, message: Mapping[str, object]) -> ResourceRequest | None:
        token = self._bearer(request)
        method, parameters = message.get("method"), message.get("params")
        operation = method
        if method == "tools/call":
            operation = parameters.get("name") if isinstance(parameters, dict) else None
        if not isinstance(operation, str):  # whatever JSON it is
            return None
        if method != "tools/call" and operation not in self.world.servers.resources[resource].needs:
            return None
        return ResourceRequest(operation, token, resource)

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer one request. Total but for Exhausted, when a call goes on for ever, and OfAnotherEpisode.

        Of what belongs to another episode, nothing is written down.
        """
        url = self._addresses.inward(request.url)
        request, place = HttpRequest(request.method, url, request.headers, request.body), _place(url)
        handler = self._handlers.get((request.method, place))
        if handler is not None:
            return handler(request)
        self.world.spend()
        allowed = [method for method, known in self._handlers if known == place]
        return HttpResponse(405, (("Allow", ", ".join(allowed)),)) if allowed else HttpResponse(404)

    # --- the resource server ----------------------------------------------------------------------

    def _call(self, resource: str, request: HttpRequest) -> HttpResponse:
        """Serve an operation: a tool by its name, or another method of MCP where the resource server guards it.

        What it does not guard is free for everybody, so that a client may begin with the handshake.
        """
        message = json_object(request.body)
        method, serial = message.get("method"), message.get("id")
        called = self._operation(resource, request, message)
        if called is None:
            self.world.spend()
            return self._besides(resource, message)
        self.about(resource)
        self.has_read(called.access_token)
        response = self.world.answer(called)
        assert isinstance(response, ResourceResponse)
        challenges = self._challenges(response)
        if response.status == 200:
            if method == "tools/call":
                return _rpc(200, serial, result=self.tool_result(request))
            return self._besides(resource, message)
        error = {"code": -32001, "message": f"the resource server answers {response.status}"}
        return _rpc(response.status, serial, challenges, error=error)

    def tool_result(self, request: HttpRequest) -> Mapping[str, object]:  # noqa: ARG002 - every call is the same here
        """What a tool comes to."""
        return {"content": [], "isError": False, "resultType": "complete"}

    def _stream(self, resource: str, request: HttpRequest) -> HttpResponse:
        """Have no stream for whoever may have one (MCP 2025-11-25, Listening for Messages from the Server)."""
        token = self._bearer(request)
        self.has_read(token)
        response = self.world.answer(ResourceRequest(STREAM, token, resource))
        assert isinstance(response, ResourceResponse)
        if response.status == _OK:
            response = self.world.events[-1] = replace(response, status=_NO_STREAM)
        return HttpResponse(response.status, self._challenges(response))

    def _challenges(self, response: ResourceResponse) -> Headers:
        return [("WWW-Authenticate", self._addresses.outward(line)) for line in response.www_authenticate]

    def _besides(self, resource: str, message: Mapping[str, object]) -> HttpResponse:
        """Just enough of MCP for a client that begins with the handshake and the list of tools."""
        method, serial, parameters = message.get("method"), message.get("id"), message.get("params")
        if not isinstance(method, str):
            return _rpc(400, serial, error={"code": -32600, "message": "this is not a request"})
        if serial is None:
            return HttpResponse(202)
        tools = [
            {"name": operation, "inputSchema": {"type": "object"}}
            for operation in self.world.servers.resources[resource].needs
            if operation not in METHODS
        ]
        wished = parameters.get("protocolVersion") if isinstance(parameters, dict) else None
        known = {
            "initialize": {
                "protocolVersion": wished if wished in REVISIONS else self.world.plan.revision,
                "capabilities": {"tools": {}},
                "serverInfo": _SERVER_INFO,
            },
            "server/discover": {
                "supportedVersions": list(REVISIONS),
                "capabilities": {"tools": {}},
                "resultType": "complete",
                "serverInfo": _SERVER_INFO,  # its place in drafts, which released clients were built on
                "_meta": {"io.modelcontextprotocol/serverInfo": _SERVER_INFO},
                **_FRESH,
            },
            "tools/list": {"tools": tools, "resultType": "complete", **_FRESH},
            "ping": {},
        }
        if method not in known:
            return _rpc(200, serial, error={"code": -32601, "message": f"there is no method {method!r}"})
        # A session is for a client to name from here on, and nothing hangs on it (MCP 2025-11-25, Transports).
        session = (("Mcp-Session-Id", "session"),) if method == "initialize" else ()
        return _rpc(200, serial, session, result=known[method])

    def _resource_metadata(self, resource: str, _: HttpRequest) -> HttpResponse:
        document = self.world.answer(FetchResourceMetadata(resource))
        if not isinstance(document, ProtectedResourceMetadata):
            return HttpResponse(404)
        return _json(
            200,
            {
                "resource": self._addresses.outward(document.resource or ""),
                "authorization_servers": [self._addresses.outward(each) for each in document.authorization_servers],
                "scopes_supported": _list(document.scopes_supported),
                "bearer_methods_supported": ["header"],
            },
        )

    # --- the authorization server -----------------------------------------------------------------

    def _server_metadata(self, issuer: str, _: HttpRequest) -> HttpResponse:
        document = self.world.answer(FetchServerMetadata(issuer))
        assert isinstance(document, AuthorizationServerMetadata)
        address = self._addresses.outward(issuer)
        return _json(
            200,
            {
                "issuer": self._addresses.outward(document.issuer or ""),
                "authorization_endpoint": f"{address}/authorize",
                "token_endpoint": f"{address}/token",
                "registration_endpoint": f"{address}/register",
                "scopes_supported": _list(document.scopes_supported),
                "response_types_supported": ["code"],
                "grant_types_supported": list(_GRANT_TYPES),
                "token_endpoint_auth_methods_supported": [
                    "none",
                    "client_secret_basic",
                    "client_secret_post",
                ],
                "code_challenge_methods_supported": ["S256"],
                "authorization_response_iss_parameter_supported": True,
                "client_id_metadata_document_supported": self.world.plan.registration == "document",
            },
        )

    def _register(self, issuer: str, request: HttpRequest) -> HttpResponse:
        """Register a client, with a secret or without: RFC 7591 section 3.2.1 lets the server choose."""
        metadata = json_object(request.body)
        scope, grant_types = metadata.get("scope"), _strings(metadata.get("grant_types", ()))
        redirect_uris = _strings(metadata.get("redirect_uris", ()))
        if not metadata or not isinstance(scope, str | None) or grant_types is None or redirect_uris is None:
            self.world.spend()
            self.complaints.append("registration: it is malformed")
            return _json(400, {"error": "invalid_client_metadata"})
        sent_types = grant_types if "grant_types" in metadata else None
        answer = self.world.answer(ClientRegistration(scope, sent_types, issuer))
        assert isinstance(answer, RegistrationResponse)
        if answer.error is not None:
            return _json(400, {"error": answer.error})
        self._issued += 1
        client_id, secret = f"client-{self._issued}", self._secret(issuer, metadata)
        granted = {"client_id": self._addresses.own(client_id), "scope": answer.scope, **secret}
        self.know(issuer, client_id, redirect_uris, SECRET if "client_secret" in granted else None)
        return _json(201, {**metadata, **granted})

    def _secret(self, issuer: str, metadata: Mapping[str, object]) -> dict[str, object]:
        """How a client that registers is to authenticate: by a secret where the issuer keeps them and it may."""
        method = metadata.get("token_endpoint_auth_method", "client_secret_basic")  # the default of RFC 7591 section 2
        if method == "none" or not self.world.servers.issuers[issuer].keeps_secrets:
            return {"token_endpoint_auth_method": "none"}
        return {"token_endpoint_auth_method": method, "client_secret": SECRET, "client_secret_expires_at": 0}

    def _authorize(self, issuer: str, request: HttpRequest) -> HttpResponse:
        """Send the user agent back with a code or an error, or keep it here (RFC 6749 section 4.1.2.1).

        A URL that is fetched again before anything else happens is the same request: its `state` says so.
        """
        query = parse_qs(urlsplit(request.url).query, keep_blank_values=True)
        if _one(query, "state") and self._sent_back[:2] == (request.url, len(self.world.events)):
            self.world.spend()
            return self._sent_back[2]
        response = self._ask(issuer, query)
        self._sent_back = request.url, len(self.world.events), response
        return response

    def _ask(self, issuer: str, query: Parameters) -> HttpResponse:
        """Ask the user."""
        scope, prompt, resource = _scope(query), _one(query, "prompt"), self._resource(query)
        client_id, redirect_uri = self._named(query, "client_id") or "", _one(query, "redirect_uri")
        back = _back(self._clients.get((issuer, client_id)), redirect_uri)
        sent = AuthorizationRequest(scope, prompt, issuer, resource)
        meant = resource or self._called
        fault = _fault_of_authorization(query, back)
        if fault is None:
            response = self.world.answer(AuthorizationRequest(scope, prompt, issuer, meant), sent)
            assert isinstance(response, AuthorizationResponse)
        else:
            response = AuthorizationResponse(error=fault.error, issuer=issuer, resource=meant)
            self._complain("authorization request", fault, sent, response)
        if back is None:
            return _json(400, {"error": response.error})
        code = None
        if response.code:
            self._issued += 1
            code = f"code-{self._issued}"
            challenge = _one(query, "code_challenge") or ""
            # The servers keep one consent for each issuer and resource: a newer one voids the older code.
            self._codes = {
                known: older
                for known, older in self._codes.items()
                if (older.issuer, older.resource) != (issuer, meant)
            }
            self._codes[code] = Code(issuer, client_id, redirect_uri, challenge, meant)
            code = self._addresses.own(code)
        iss = self._addresses.outward(issuer)
        answer = {"code": code, "error": response.error, "state": _one(query, "state"), "iss": iss}
        given = {name: value for name, value in answer.items() if value is not None}
        return HttpResponse(302, (("Location", f"{back}{'&' if '?' in back else '?'}{urlencode(given)}"),))

    def _token(self, issuer: str, request: HttpRequest) -> HttpResponse:
        """Issue a token, or refuse before anybody looks at the scopes."""
        form = _form(request)
        grant_type, resource = _one(form, "grant_type") or "", self._resource(form)
        client_id, secret = self._credentials(request, form)
        refresh_token = self._named(form, "refresh_token") if grant_type == REFRESH_TOKEN else None
        code = self._codes.pop(self._named(form, "code") or "", None) if grant_type == AUTHORIZATION_CODE else None
        self.has_read(refresh_token)
        assertion = self._assertions.get(_one(form, "assertion") or "") if grant_type == JWT_BEARER else None
        scope, meant = _scope(form), resource or self._resource_of(code or assertion, refresh_token)
        sent = TokenRequest(grant_type, scope, refresh_token, issuer, resource)
        fault = self._fault_of_client(issuer, client_id, secret)
        if grant_type not in _GRANT_TYPES:
            fault = Fault("unsupported_grant_type", f"the grant type {grant_type!r} is unknown")
        elif fault is None and grant_type == AUTHORIZATION_CODE:
            fault = _fault_of_code(code, issuer, client_id, form)
        elif fault is None and grant_type == JWT_BEARER:
            fault = _fault_of_assertion(assertion, issuer, client_id, meant)
        if fault is None:
            if assertion is not None:
                self._honour(assertion, scope)
            response = self.world.answer(TokenRequest(grant_type, scope, refresh_token, issuer, meant), sent)
            assert isinstance(response, TokenResponse)
        else:
            response = TokenResponse(error=fault.error, issuer=issuer, resource=meant)
            self._complain("token request", fault, sent, response)
        if response.access_token is None:
            return _refused(response)
        issued = self.world.servers.access_tokens.get(response.access_token)
        document: dict[str, object] = {
            "access_token": self._addresses.own(response.access_token),
            "token_type": "Bearer",
            "expires_in": BRIEFLY if issued is not None and issued.brief else _LONG,
            "scope": response.scope,
            "refresh_token": response.refresh_token and self._addresses.own(response.refresh_token),
        }
        if not self.world.servers.issuers[issuer].form_encoded or "json" in _header(request, "accept"):
            return _json(200, document)
        self._leave_unread(response)
        return HttpResponse(200, ((_CONTENT_TYPE, _FORM), _NOT_STORED), urlencode(_given(document)).encode())

    def _leave_unread(self, response: TokenResponse) -> None:
        """Write down that an answer in a form told the client nothing, which is so until it uses what was in it."""
        at = len(self.world.events) - 1
        self.world.events[at] = replace(response, access_token=None, scope=None, refresh_token=None)
        self._unread |= {token: (at, response) for token in (response.access_token, response.refresh_token) if token}

    def has_read(self, token: str | None) -> None:
        """Write down that a client has read the answer that a token of either kind came with."""
        if token in self._unread:
            at, response = self._unread[token]
            self.world.events[at] = response

    def _fault_of_client(self, issuer: str, client_id: str, secret: str | None) -> Fault | None:
        registration = self._clients.get((issuer, client_id))
        if registration is None:
            return Fault("invalid_client", "the client is not registered here")
        if registration.secret not in (None, secret):
            return Fault("invalid_client", "the client_secret is wrong")
        return None

    def _honour(self, assertion: Assertion, scope: WireScope) -> None:
        """Go by what the assertion approves, and what of it the request names; silence is for what it names."""
        asked, says = assertion.consent.asked, True
        if isinstance(scope, str) and (named := read_scope(scope)):
            asked = named if asked is None else named & asked
            says = assertion.says or asked != named
        granting = replace(assertion.consent.granting, says=says)
        key, servers = Key(assertion.issuer, assertion.resource), self.world.servers
        self.world.servers = replace(servers, consents={**servers.consents, key: Consent(asked, granting)})

    # --- the identity provider --------------------------------------------------------------------

    def _identity_metadata(self, _: HttpRequest) -> HttpResponse:
        """Where to exchange tokens. No transcript speaks of it: it lists no scopes of any resource."""
        self.world.spend()
        address = self._addresses.outward(IDENTITY_PROVIDER)
        return _json(
            200,
            {
                "issuer": address,
                "authorization_endpoint": f"{address}/authorize",
                "token_endpoint": f"{address}/token",
                "response_types_supported": ["code"],
                "grant_types_supported": [TOKEN_EXCHANGE],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
                "code_challenge_methods_supported": ["S256"],
            },
        )

    def _assert(self, request: HttpRequest) -> HttpResponse:
        """Exchange the user's ID token for an ID-JAG (RFC 8693; MCP Enterprise-Managed Authorization, section 4).

        The issuer that is written down is the one that is to redeem it.
        """
        form = _form(request)
        client_id, secret = self._credentials(request, form)
        audience, resource, scope = self._audience(form), self._resource(form), _scope(form)
        sent = TokenRequest(_one(form, "grant_type") or "", scope, None, audience, resource)
        fault = self._fault_of_client(IDENTITY_PROVIDER, client_id, secret) or _fault_of_exchange(form)
        if fault is None and (audience is None or resource not in self.world.servers.resources):
            fault = Fault("invalid_target", "the audience or the resource is unknown")
        if fault is not None or audience is None or resource is None:
            assert fault is not None
            refusal = TokenResponse(error=fault.error, issuer=audience, resource=resource)
            self._complain("token exchange", fault, sent, refusal)
            return _refused(refusal)
        response = self.world.answer(sent)
        assert isinstance(response, TokenResponse)
        if response.access_token is None:
            return _refused(response)
        return _json(
            200,
            {
                "access_token": self._jag(audience, resource),
                "token_type": "N_A",
                "issued_token_type": ID_JAG,
                "expires_in": _LIFETIME,
                "scope": response.scope,
            },
        )

    def _jag(self, issuer: str, resource: str) -> str:
        """An ID-JAG for what was just approved; nobody here checks its signature."""
        consent = self.world.servers.consents[Key(issuer, resource)]
        # Which client the issuer knows this one by, the identity provider is told out of band.
        client_id = [known for at, known in self._clients if at == issuer][-1]
        approved = self.world.servers.approved(issuer, consent)
        self._issued += 1
        now = int(time())
        claims = {
            "iss": self._addresses.outward(IDENTITY_PROVIDER),
            "sub": "a user",
            "aud": self._addresses.outward(issuer),
            "resource": self._addresses.outward(resource),
            "client_id": self._addresses.own(client_id),
            "jti": self._addresses.own(f"jag-{self._issued}"),
            "iat": now,
            "exp": now + _LIFETIME,
            **({"scope": str(approved)} if approved else {}),
        }
        parts = (json.dumps(part).encode() for part in ({"typ": "oauth-id-jag+jwt", "alg": "HS256"}, claims))
        jag = ".".join(map(_base64url, (*parts, b"a signature")))
        says = self.world.exchanges[-1].freedom.granting.says
        self._assertions[jag] = Assertion(issuer, client_id, resource, consent, says)
        return jag

    def _audience(self, form: Parameters) -> str | None:
        """The issuer that an assertion is asked for."""
        audience = self._addresses.inward(_one(form, "audience") or "").rstrip("/")
        return next((issuer for issuer in self.world.servers.issuers if issuer.rstrip("/") == audience), None)

    # --- both -------------------------------------------------------------------------------------

    def _named(self, parameters: Parameters, name: str) -> str | None:
        """What a parameter gives of what was handed out, by the name that the world has for it."""
        given = _one(parameters, name)
        return None if given is None else self._addresses.named(given)

    def _bearer(self, request: HttpRequest) -> str | None:
        """The access token of a request."""
        scheme, _, token = _header(request, "authorization").partition(" ")
        return self._addresses.named(token.strip()) or None if scheme.lower() == "bearer" else None

    def _credentials(self, request: HttpRequest, form: Parameters) -> tuple[str, str | None]:
        """The client of a request, and the secret that it gives."""
        client_id, secret = _credentials(request, form)
        return self._addresses.named(client_id), secret

    def _resource(self, parameters: Parameters) -> str | None:
        """The `resource` of a request, by the name that the world has for it."""
        resource = _one(parameters, "resource")
        return None if resource is None else self._addresses.inward(resource)

    def _resource_of(self, grant: Code | Assertion | None, refresh_token: str | None) -> str | None:
        """What a token request without `resource` is for: that of its grant, else what was called last."""
        if grant is not None:
            return grant.resource
        held = self.world.servers.refresh_tokens.get(refresh_token or "")
        return self._called if held is None else held.key.resource

    def _complain(self, about: str, fault: Fault, sent: Event, response: Event) -> None:
        """Write an exchange down in which the scopes were never looked at."""
        self.world.spend()
        self.world.events += (sent, response)
        self.complaints.append(f"{about}: {fault.because}")


_CONTENT_TYPE: Final = "Content-Type"
_FORM: Final = "application/x-www-form-urlencoded"
_NOT_STORED: Final = ("Cache-Control", "no-store")
_SERVER_INFO: Final = {"name": "scopelaw", "version": "0"}
# What MCP 2026-07-28 has every cacheable result say; here nothing outlives its answer.
_FRESH: Final = {"ttlMs": 0, "cacheScope": "private"}
_OK: Final = 200
_NO_STREAM: Final = 405
_LONG: Final = 3600
_GRANT_TYPES: Final = (AUTHORIZATION_CODE, REFRESH_TOKEN, CLIENT_CREDENTIALS, JWT_BEARER)
_LIFETIME: Final = 300


def _fault_of_authorization(query: Parameters, back: str | None) -> Fault | None:
    """What forbids to ask the user; `back` is where the user agent may be sent afterwards, if anywhere."""
    if back is None:
        return Fault("invalid_request", "the client or its redirect_uri is not registered here")
    if _one(query, "response_type") != "code":
        return Fault("unsupported_response_type", "the response_type is not code")
    if not _one(query, "code_challenge") or _one(query, "code_challenge_method") != "S256":
        return Fault("invalid_request", "there is no code_challenge by S256")
    return None


def _fault_of_code(code: Code | None, issuer: str, client_id: str, form: Parameters) -> Fault | None:
    """What forbids to redeem a code (RFC 6749 section 4.1.3, RFC 7636 section 4.6)."""
    if code is None:
        return Fault("invalid_grant", "the code is unknown, or was used before")
    if (code.issuer, code.client_id) != (issuer, client_id):
        return Fault("invalid_grant", "the code was issued to another client")
    if code.redirect_uri != _one(form, "redirect_uri"):
        return Fault("invalid_grant", "the redirect_uri is not that of the authorization request")
    digest = hashlib.sha256((_one(form, "code_verifier") or "").encode()).digest()
    if _base64url(digest) != code.challenge:
        return Fault("invalid_grant", "the code_verifier does not fit the code_challenge")
    return None


def _fault_of_exchange(form: Parameters) -> Fault | None:
    """What forbids to issue an ID-JAG (MCP Enterprise-Managed Authorization, section 4)."""
    if _one(form, "grant_type") != TOKEN_EXCHANGE:
        return Fault("unsupported_grant_type", "the identity provider only exchanges tokens")
    if _one(form, "requested_token_type") != ID_JAG:
        return Fault("invalid_request", "the requested_token_type is not that of an ID-JAG")
    if _one(form, "subject_token_type") != ID_TOKEN_TYPE:
        return Fault("invalid_request", "the subject_token_type is not that of an ID token")
    if _one(form, "subject_token") != ID_TOKEN:
        return Fault("invalid_grant", "the subject_token was not issued here")
    return None


def _fault_of_assertion(assertion: Assertion | None, issuer: str, client_id: str, resource: str | None) -> Fault | None:
    """What forbids to redeem an assertion (RFC 7523 section 3)."""
    if assertion is None or assertion.issuer != issuer:
        return Fault("invalid_grant", "the assertion was not issued for this authorization server")
    if assertion.client_id != client_id:
        return Fault("invalid_grant", "the assertion was issued to another client")
    if assertion.resource != resource:
        return Fault("invalid_target", "the assertion was issued for another resource")
    return None


# --- reading --------------------------------------------------------------------------------------


def _form(request: HttpRequest) -> Parameters:
    return parse_qs(request.body.decode("utf-8", "replace"), keep_blank_values=True)


def _split(url: str) -> tuple[str, str]:
    """The origin and the path of an identifier, without a slash at the end."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")


def _place(url: str) -> str:
    """What a URL points to: its query aside, and its root with or without the slash."""
    place = url.partition("#")[0].partition("?")[0]
    return place if place.count("/") > 2 else f"{place}/"


def _one(parameters: Parameters, name: str) -> str | None:
    return next(iter(parameters.get(name, ())), None)


def _scope(parameters: Parameters) -> WireScope:
    """The `scope` as sent: absent, a raw string even if it is empty, or the strings of a repeated one."""
    values = parameters.get("scope", ())
    return tuple(values) if len(values) > 1 else next(iter(values), None)


def _header(request: HttpRequest, name: str) -> str:
    return next((value for known, value in request.headers if known.lower() == name), "")


def _credentials(request: HttpRequest, form: Parameters) -> tuple[str, str | None]:
    """Client id and secret: of HTTP Basic, form-encoded within, or of the form (RFC 6749 section 2.3.1)."""
    scheme, _, encoded = _header(request, "authorization").partition(" ")
    if scheme.lower() == "basic":
        try:
            client_id, _, secret = base64.b64decode(encoded).decode().partition(":")
        except ValueError:
            return "", None
        return unquote_plus(client_id), unquote_plus(secret)
    return _one(form, "client_id") or "", _one(form, "client_secret")


def _back(registration: Registration | None, redirect_uri: str | None) -> str | None:
    """Where the user agent may be sent, if anywhere (RFC 6749 section 3.1.2.3)."""
    if registration is None:
        return None
    known = registration.redirect_uris
    if redirect_uri is None:
        return known[0] if known is not None and len(known) == 1 else None
    return redirect_uri if known is None or redirect_uri in known else None


def json_object(body: bytes) -> dict[str, object]:
    """The JSON object that a body holds, empty where it holds none."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _strings(value: object) -> tuple[str, ...] | None:
    """The strings of a list, or None where it is none or holds anything else."""
    if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
        return None
    return tuple(value)


# --- writing --------------------------------------------------------------------------------------


def _base64url(octets: bytes) -> str:
    """Base64url without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def _refused(response: TokenResponse) -> HttpResponse:
    """The error of a token endpoint (RFC 6749 section 5.2)."""
    return _json(401 if response.error == "invalid_client" else 400, {"error": response.error})


def _list(names: tuple[str, ...] | None) -> list[str] | None:
    return None if names is None else list(names)


def _json(status: int, document: Mapping[str, object], headers: Headers = ()) -> HttpResponse:
    """A JSON response without the members that are None."""
    always = ((_CONTENT_TYPE, "application/json"), _NOT_STORED)
    return HttpResponse(status, (*always, *headers), json.dumps(_given(document)).encode())


def _given(document: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in document.items() if value is not None}


def _rpc(status: int, serial: object, headers: Headers = (), **outcome: object) -> HttpResponse:
    return _json(status, {"jsonrpc": "2.0", "id": serial, **outcome}, headers)

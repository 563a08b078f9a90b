"""The server half: a resource server and an authorization server, with every freedom that the RFCs leave them.

`answer(servers, request, freedom) -> (servers, event)` is pure. What a server must do follows from its state;
what it may do is a `Freedom`, so that a property run can be any server that the documents allow: how a
challenge is worded and spelled, what is granted and whether it is said, whether a refresh token comes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal, TypeVar, assert_never
from urllib.parse import urlsplit

from .events import (
    AUTHORIZATION_CODE,
    JWT_BEARER,
    REFRESH_TOKEN,
    TOKEN_EXCHANGE,
    AuthorizationRequest,
    AuthorizationResponse,
    AuthorizationServerMetadata,
    ClientRegistration,
    FetchResourceMetadata,
    FetchServerMetadata,
    Key,
    ProtectedResourceMetadata,
    RegistrationResponse,
    ResourceRequest,
    ResourceResponse,
    Sent,
    TokenRequest,
    TokenResponse,
    Unavailable,
)
from .scopes import NO_SCOPES, ScopeSet, read_scope
from .spellings import spelled

K = TypeVar("K")
V = TypeVar("V")

# --- freedoms -------------------------------------------------------------------------------------

Named = Literal["needed", "missing", "needed-and-held", "unnamed", "empty"] | ScopeSet
"""What a challenge names: all that the operation needs, what the token lacks of it, those needed together with
those held, nothing, an empty string, or the scopes given."""

Rejects = Literal["unauthorized", "insufficient_scope", "forbidden", "bare_unauthorized", "another_error"]
"""How any token is turned down: with 401 (revoked early), 403 insufficient_scope, a 403 or a 401 without a challenge,
or a 403 whose challenge names another error."""


@dataclass(frozen=True, slots=True)
class Challenging:
    """How a resource server answers one request, and words its challenge.

    `rejects` is None where it only challenges a request that its token does not cover; else it challenges
    whatever the token. Where `describes`, the challenge has a description that no other answer has.
    """

    rejects: Rejects | None = None
    scope: Named = "needed"
    spelling: str = "plain"
    names_metadata: bool = True
    names_error: bool = True
    describes: bool = False


Grants = Literal["asked", "narrower", "wider", "empty", "refused", "invalid_scope", "refused_code"]
"""What is granted: all that was asked, all without some, all with some more, nothing, or a refusal: by the user, of
the scope, or of the code that the user consented to."""


@dataclass(frozen=True, slots=True)
class Granting:
    """What an authorization server, and its user, make of one request.

    A narrower grant leaves out `without`, a wider one adds `with_`. `says` is whether the response names a scope
    that equals the request; one that differs is always named (RFC 6749 section 5.1), in an order of the server's
    own where `reorders`, and with commas between them where `commas`. A `brief` token's lifetime ends with the call
    that it was issued for.
    """

    grant: Grants = "asked"
    without: ScopeSet = NO_SCOPES
    with_: ScopeSet = NO_SCOPES
    says: bool = True
    reorders: bool = False
    refresh_token: bool = True
    commas: bool = False
    brief: bool = False


@dataclass(frozen=True, slots=True)
class Freedom:
    """What the servers choose to do in answer to one request."""

    challenging: Challenging = Challenging()
    granting: Granting = Granting()


# --- state ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ResourceServer:
    """A protected resource: what each operation needs, and what its metadata says.

    `describes` is the `resource` that the metadata document names, where that is wrongly another one. Where
    `reserved`, the document is there only once the resource was asked for in vain. It `presumes` a token where a
    request without one is told that its token is invalid, against RFC 6750 section 3.1, and it `inserts` the well-known
    name before the path of the document's URL as RFC 9728 section 3.1 does; else challenges point behind the path.
    """

    resource: str
    issuer: str
    needs: Mapping[str, ScopeSet]
    scopes_supported: tuple[str, ...] | None = None
    describes: str | None = None
    reserved: bool = False
    presumes: bool = False
    inserts: bool = False


Registers = Literal["as asked", "another scope", "no scope", "nothing with a scope"]
"""What a registration response says of the scope (RFC 7591 section 3.2.1), or that one that names any is refused."""


@dataclass(frozen=True, slots=True)
class AuthorizationServer:
    """An issuer: what its metadata lists, and what it grants to a request that names no scope.

    `describes` is the `issuer` that the metadata document names, where that is wrongly another one. One that `rotates`
    answers a refresh with another refresh token, else with the same again (RFC 6749 section 6). It `keeps_secrets`
    with clients that register for one, and answers token requests in a form where it is `form_encoded`; neither is
    seen but over HTTP.
    """

    issuer: str
    scopes_supported: tuple[str, ...] | None = None
    default: ScopeSet = NO_SCOPES
    describes: str | None = None
    registers: Registers = "as asked"
    rotates: bool = True
    keeps_secrets: bool = False
    form_encoded: bool = False


@dataclass(frozen=True, slots=True)
class Issued:
    """What a token speaks for, and whether its lifetime is `brief`."""

    key: Key
    scope: ScopeSet
    brief: bool = False


@dataclass(frozen=True, slots=True)
class Consent:
    """An authorization waiting for its code to be exchanged."""

    asked: ScopeSet | None
    granting: Granting


@dataclass(frozen=True, slots=True)
class Servers:
    """All the servers of a world, and all that they have issued."""

    resources: Mapping[str, ResourceServer]
    issuers: Mapping[str, AuthorizationServer]
    access_tokens: Mapping[str, Issued] = field(default_factory=dict)
    refresh_tokens: Mapping[str, Issued] = field(default_factory=dict)
    consents: Mapping[Key, Consent] = field(default_factory=dict)
    serial: int = 1

    def approved(self, issuer: str, consent: Consent) -> ScopeSet:
        """What an assertion may be redeemed for: what was asked, or its default, and what is granted beyond it."""
        base = self.issuers[issuer].default if consent.asked is None else consent.asked
        return base | _granted(base, consent.granting)

    def expire(self, access_token: str) -> Servers:
        """The same servers after the lifetime of `access_token`."""
        return replace(self, access_tokens=_without(self.access_tokens, access_token))

    def move(self, resource: str, issuer: str) -> Servers:
        """The same servers after `resource` moved to another authorization server."""
        moved = replace(self.resources[resource], issuer=issuer)
        return replace(self, resources={**self.resources, resource: moved})

    def republish(self, resource: str, scopes_supported: tuple[str, ...] | None) -> Servers:
        """The same servers after `resource` changed its metadata (META-4)."""
        changed = replace(self.resources[resource], scopes_supported=scopes_supported)
        return replace(self, resources={**self.resources, resource: changed})


Request = Sent | FetchResourceMetadata | FetchServerMetadata
Answer = (
    ResourceResponse
    | ProtectedResourceMetadata
    | AuthorizationServerMetadata
    | Unavailable
    | RegistrationResponse
    | AuthorizationResponse
    | TokenResponse
)


def answer(servers: Servers, request: Request, freedom: Freedom) -> tuple[Servers, Answer]:
    """Answer one request of a client, as the RFCs bind the servers and `freedom` leaves them free. Total."""
    match request:
        case ResourceRequest():
            response = _serve(servers, request, freedom.challenging)
            return _disclosed(servers, response), response
        case FetchResourceMetadata(resource):
            described = servers.resources.get(resource)
            if described is None or described.reserved:
                return servers, Unavailable()
            document = ProtectedResourceMetadata(
                described.describes or resource, (described.issuer,), described.scopes_supported
            )
            return servers, document
        case FetchServerMetadata(issuer):
            known = servers.issuers.get(issuer)
            return servers, Unavailable() if known is None else AuthorizationServerMetadata(
                known.describes or issuer, known.scopes_supported
            )
        case ClientRegistration():
            return servers, _registered(servers, request)
        case AuthorizationRequest():
            return _consent(servers, request, freedom.granting)
        case TokenRequest():
            return _token(servers, request, freedom.granting)
        case _:
            assert_never(request)


# --- the resource server --------------------------------------------------------------------------


def _serve(servers: Servers, request: ResourceRequest, how: Challenging) -> ResourceResponse:
    """Serve, or challenge: 401 for a token that is not good here, 403 for one that carries too little (CHAL-2)."""
    server = servers.resources.get(request.resource or next(iter(servers.resources)))
    if server is None or request.operation not in server.needs:
        return ResourceResponse(request.operation, 404, (), request.resource)
    needs = server.needs[request.operation]
    issued = servers.access_tokens.get(request.access_token or "")
    good = issued if issued is not None and issued.key == Key(server.issuer, server.resource) else None
    held = NO_SCOPES if good is None else good.scope
    presented = request.access_token is not None or server.presumes
    status, error = _rejected(how, held if good is not None else None, needs, presented=presented)
    if status == 200 or how.rejects == ("forbidden" if status == 403 else "bare_unauthorized"):
        return ResourceResponse(request.operation, status, (), request.resource)

    parameters: list[tuple[str, str]] = []
    if error is not None and (how.names_error or status == 403):
        parameters.append(("error", error))
    named = _named_scopes(how, needs, held)
    if named is not None:
        parameters.append(("scope", named))
    if how.names_metadata:
        parameters.append(("resource_metadata", metadata_url(server)))
    if how.describes:
        parameters.append(("error_description", f"after {servers.serial - 1} tokens"))
    return ResourceResponse(request.operation, status, spelled(how.spelling, parameters), request.resource)


def metadata_url(server: ResourceServer) -> str:
    """Where the challenges of a resource say that its metadata is."""
    if not server.inserts:
        return f"{server.resource}{_WELL_KNOWN}"
    parts = urlsplit(server.resource)
    return f"{parts.scheme}://{parts.netloc}{_WELL_KNOWN}{parts.path}"


_WELL_KNOWN: Final = "/.well-known/oauth-protected-resource"


def _rejected(how: Challenging, held: ScopeSet | None, needs: ScopeSet, *, presented: bool) -> tuple[int, str | None]:
    """The status of an answer, and the error that its challenge names: `held` is None where no token is good here."""
    if held is None or how.rejects in ("unauthorized", "bare_unauthorized"):
        return 401, "invalid_token" if presented else None
    if how.rejects in ("forbidden", "another_error"):
        return 403, "access_denied"
    if how.rejects == "insufficient_scope" or not needs <= held:
        return 403, "insufficient_scope"
    return 200, None


def _disclosed(servers: Servers, response: ResourceResponse) -> Servers:
    """The same servers, where a request in vain has the document of its resource appear."""
    server = servers.resources.get(response.resource or next(iter(servers.resources)))
    if server is None or not server.reserved or response.status != 401:
        return servers
    return replace(servers, resources={**servers.resources, server.resource: replace(server, reserved=False)})


def _named_scopes(how: Challenging, needs: ScopeSet, held: ScopeSet) -> str | None:
    if isinstance(how.scope, ScopeSet):
        return str(how.scope)
    named = {
        "needed": needs,
        "missing": needs - held or needs,
        "needed-and-held": needs | held,
        "unnamed": NO_SCOPES,
        "empty": NO_SCOPES,
    }[how.scope]
    return str(named) if named or how.scope == "empty" else None


# --- the authorization server ---------------------------------------------------------------------


def _registered(servers: Servers, request: ClientRegistration) -> RegistrationResponse:
    server = servers.issuers.get(request.issuer or "")
    match "as asked" if server is None else server.registers:
        case "another scope":
            return RegistrationResponse("registered")
        case "no scope":
            return RegistrationResponse()
        case "nothing with a scope" if request.scope is not None:
            return RegistrationResponse(error="invalid_client_metadata")
        case _:
            return RegistrationResponse(request.scope if isinstance(request.scope, str) else None)


_REFUSALS: Final = ("refused", "invalid_scope", "refused_code")


def _consent(servers: Servers, request: AuthorizationRequest, how: Granting) -> tuple[Servers, AuthorizationResponse]:
    key = _key(servers, request)
    refused: str | None = None
    if how.grant == "refused":
        refused = "access_denied"
    elif how.grant == "invalid_scope" or isinstance(request.scope, tuple):
        refused = "invalid_scope"
    else:
        consent = Consent(_asked(request), how)
        servers = replace(servers, consents={**servers.consents, key: consent})
    return servers, AuthorizationResponse(refused is None, refused, *_named(key))


def _token(servers: Servers, request: TokenRequest, how: Granting) -> tuple[Servers, TokenResponse]:
    key = _key(servers, request)
    if isinstance(request.scope, tuple):
        return servers, TokenResponse(None, None, None, "invalid_scope", *_named(key))
    if request.grant_type == REFRESH_TOKEN:
        return _refresh(servers, request, key, how)
    if request.grant_type in (AUTHORIZATION_CODE, JWT_BEARER):
        consent = servers.consents.get(key)
        if consent is None:
            return servers, TokenResponse(None, None, None, "invalid_grant", *_named(key))
        servers = replace(servers, consents=_without(servers.consents, key))
        if consent.granting.grant == "refused_code":
            return servers, TokenResponse(None, None, None, "invalid_grant", *_named(key))
        return _issue(servers, key, consent.asked, consent.granting)
    if how.grant in _REFUSALS:
        return servers, TokenResponse(None, None, None, "invalid_scope", *_named(key))
    if request.grant_type == TOKEN_EXCHANGE:
        # RFC 7521 section 4.1: an assertion is presented again where another grant has a refresh token.
        consent = Consent(_asked(request), replace(how, says=True, refresh_token=False))
        servers = replace(servers, consents={**servers.consents, key: consent})
        approved = servers.approved(key.issuer, consent)
        # RFC 8693 section 2.2.1: a scope that is not identical to the request's is named.
        named = None if approved == consent.asked else str(approved) or None
        return servers, TokenResponse("assertion", named, None, None, *_named(key))
    return _issue(servers, key, _asked(request), replace(how, refresh_token=False))


def _issue(servers: Servers, key: Key, asked: ScopeSet | None, how: Granting) -> tuple[Servers, TokenResponse]:
    """Issue an access token: what differs from the request is said, what equals it may be (GRANT-2, GRANT-3)."""
    base = servers.issuers[key.issuer].default if asked is None else asked
    granted = _granted(base, how)
    says = how.says or (asked is not None and granted != asked) or how.grant == "empty"
    access_token, refresh_token = f"t{servers.serial}", f"r{servers.serial}" if how.refresh_token else None
    issued = Issued(key, granted, how.brief)
    tokens = {**servers.access_tokens, access_token: issued}
    refreshes = {**servers.refresh_tokens, refresh_token: issued} if refresh_token else servers.refresh_tokens
    servers = replace(servers, access_tokens=tokens, refresh_tokens=refreshes, serial=servers.serial + 1)
    return servers, TokenResponse(
        access_token, _stated(granted, how) if says else None, refresh_token, None, *_named(key)
    )


def _refresh(servers: Servers, request: TokenRequest, key: Key, how: Granting) -> tuple[Servers, TokenResponse]:
    """Refresh within the grant; a new refresh token replaces the old one, with the same scope (RFC 6749 section 6)."""
    held = servers.refresh_tokens.get(request.refresh_token or "")
    asked = _asked(request)
    if held is None or held.key != key or how.grant in ("refused", "refused_code"):
        return servers, TokenResponse(None, None, None, "invalid_grant", *_named(key))
    if how.grant == "invalid_scope" or (asked is not None and not asked <= held.scope):
        return servers, TokenResponse(None, None, None, "invalid_scope", *_named(key))
    base = held.scope if asked is None else asked
    granted = base - how.without if how.grant == "narrower" else base
    access_token = f"t{servers.serial}"
    refresh_tokens, refresh_token = servers.refresh_tokens, None
    if how.refresh_token:
        refresh_token = f"r{servers.serial}" if servers.issuers[key.issuer].rotates else request.refresh_token or ""
        refresh_tokens = {**_without(refresh_tokens, request.refresh_token or ""), refresh_token: held}
    servers = replace(
        servers,
        access_tokens={**servers.access_tokens, access_token: Issued(key, granted, how.brief)},
        refresh_tokens=refresh_tokens,
        serial=servers.serial + 1,
    )
    says = how.says or granted != base
    return servers, TokenResponse(
        access_token, _stated(granted, how) if says else None, refresh_token, None, *_named(key)
    )


def _granted(base: ScopeSet, how: Granting) -> ScopeSet:
    match how.grant:
        case "narrower":
            return base - how.without
        case "wider":
            return base | how.with_
        case "empty":
            return NO_SCOPES
        case _:
            return base


def _stated(granted: ScopeSet, how: Granting) -> str:
    stated = " ".join(reversed(list(granted))) if how.reorders else str(granted)
    return stated.replace(" ", ",") if how.commas else stated


def _asked(request: AuthorizationRequest | TokenRequest) -> ScopeSet | None:
    return read_scope(request.scope) or None if isinstance(request.scope, str) else None


def _key(servers: Servers, request: AuthorizationRequest | TokenRequest) -> Key:
    issuer = request.issuer if request.issuer in servers.issuers else next(iter(servers.issuers))
    return Key(issuer or "", request.resource or next(iter(servers.resources)))


def _named(key: Key) -> tuple[str, str]:
    return key.issuer, key.resource


def _without(mapping: Mapping[K, V], key: K) -> dict[K, V]:
    return {known: value for known, value in mapping.items() if known != key}

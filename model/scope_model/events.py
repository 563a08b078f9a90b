"""The wire vocabulary: what a client sends, what it receives, and what happens around it.

One frozen dataclass an event, named and with the members of OAuth's own documents. An absent member (None)
means "not sent"; `scope` is always the raw string that was on the wire, and a tuple of strings where a
request repeated the parameter. `issuer` and `resource` may be left out where there is one of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from scope_spec import Revision

from .scopes import scopes

WireScope = str | tuple[str, ...] | None
"""A request's `scope` as sent: absent, one raw string, or the strings of a repeated parameter (SEL-4)."""

ConfiguredMode = Literal["none", "fallback", "override", "ceiling"]
"""What a caller's configured scopes mean to its client (reading A11)."""

OFFLINE_ACCESS: Final = "offline_access"
OFFLINE: Final = scopes(OFFLINE_ACCESS)
"""The one scope that speaks of a token instead of a resource: the refresh token (OIDC Core section 11)."""

AUTHORIZATION_CODE: Final = "authorization_code"
REFRESH_TOKEN: Final = "refresh_token"
CLIENT_CREDENTIALS: Final = "client_credentials"
TOKEN_EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT_BEARER: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@dataclass(frozen=True, slots=True)
class Key:
    """What scopes belong to: one authorization server and one resource (ACC-7)."""

    issuer: str
    resource: str


@dataclass(frozen=True, slots=True)
class Header:
    """What a transcript says before its events: the revision in force and how the client was set up.

    `began_midway` says that something came before the first event, or is missing, that a scope may come from.
    """

    revision: Revision
    client_name: str = "unnamed"
    client_version: str | None = None
    configured_scopes: tuple[str, ...] | None = None
    configured_mode: ConfiguredMode | None = None
    wants_refresh_token: bool | None = None
    began_midway: bool = False


# --- what a client sends --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ResourceRequest:
    """A call of an operation, with the access token that it carried."""

    operation: str
    access_token: str | None = None
    resource: str | None = None


@dataclass(frozen=True, slots=True)
class ClientRegistration:
    """A dynamic registration request (RFC 7591)."""

    scope: WireScope = None
    grant_types: tuple[str, ...] | None = None
    issuer: str | None = None


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A user agent sent to the authorization endpoint (RFC 6749 section 4.1.1)."""

    scope: WireScope = None
    prompt: str | None = None
    issuer: str | None = None
    resource: str | None = None


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A request to the token endpoint, of whatever grant type."""

    grant_type: str
    scope: WireScope = None
    refresh_token: str | None = None
    issuer: str | None = None
    resource: str | None = None


# --- what it receives -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ResourceResponse:
    """The resource server's answer, with every `WWW-Authenticate` line as it stood."""

    operation: str
    status: int
    www_authenticate: tuple[str, ...] = ()
    resource: str | None = None


@dataclass(frozen=True, slots=True)
class ProtectedResourceMetadata:
    """A protected resource metadata document (RFC 9728).

    `resource` is what the document says it is, and `url` where it was found, where that was written down.
    """

    resource: str | None = None
    authorization_servers: tuple[str, ...] = ()
    scopes_supported: tuple[str, ...] | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class AuthorizationServerMetadata:
    """An authorization server metadata document (RFC 8414); `issuer` is what the document says it is."""

    issuer: str | None = None
    scopes_supported: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class AuthorizationResponse:
    """The redirect back: a code, or an error (RFC 6749 section 4.1.2)."""

    code: bool = False
    error: str | None = None
    issuer: str | None = None
    resource: str | None = None


@dataclass(frozen=True, slots=True)
class TokenResponse:
    """The token endpoint's answer: an access token, or an error (RFC 6749 section 5).

    With neither, it is an answer that whoever recorded it could not read, and no refusal.
    """

    access_token: str | None = None
    scope: str | None = None
    refresh_token: str | None = None
    error: str | None = None
    issuer: str | None = None
    resource: str | None = None


# --- what no transcript holds ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FetchResourceMetadata:
    """Fetch the protected resource metadata of `resource`."""

    resource: str


@dataclass(frozen=True, slots=True)
class FetchServerMetadata:
    """Fetch the authorization server metadata of `issuer`."""

    issuer: str


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The metadata document that was asked for does not exist."""


@dataclass(frozen=True, slots=True)
class RegistrationResponse:
    """The registration was accepted, for a scope of the server's choice where it names one, or refused (RFC 7591)."""

    scope: str | None = None
    error: str | None = None


# --- what happens around it -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CallStarted:
    """The application asks for an operation, written down by whoever drives the client; `call` is its number."""

    call: int
    operation: str
    resource: str | None = None


BROKEN_OFF: Final = "broken off"
"""The outcome of a call that did not end by itself: the servers stopped answering it after very many requests."""


@dataclass(frozen=True, slots=True)
class CallEnded:
    """The application has the answer to a call: `served`, or however else it was told that the call failed.

    One that was BROKEN_OFF has no answer.
    """

    call: int
    outcome: str | None = None


@dataclass(frozen=True, slots=True)
class TokenExpired:
    """An access token's lifetime ended, and the client's clock shows it."""

    access_token: str


@dataclass(frozen=True, slots=True)
class ClientRestarted:
    """The client's memory was lost; its token storage was kept."""


@dataclass(frozen=True, slots=True)
class ClientReported:
    """What the client says that it holds, when asked at rest; None where it says that it does not know."""

    granted: tuple[str, ...] | None = None
    issuer: str | None = None
    resource: str | None = None


Sent = ResourceRequest | ClientRegistration | AuthorizationRequest | TokenRequest
Received = (
    ResourceResponse | ProtectedResourceMetadata | AuthorizationServerMetadata | AuthorizationResponse | TokenResponse
)
Event = Sent | Received | CallStarted | CallEnded | TokenExpired | ClientRestarted | ClientReported


@dataclass(frozen=True, slots=True)
class Transcript:
    """A header and its events, in the order in which they happened."""

    header: Header
    events: Sequence[Event]

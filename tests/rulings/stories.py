"""Recordings told as stories: each step of a story is what a client or a server does, in the field's own words."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final, Literal, Self

from scope_model.events import (
    AUTHORIZATION_CODE,
    CLIENT_CREDENTIALS,
    REFRESH_TOKEN,
    AuthorizationRequest,
    AuthorizationResponse,
    AuthorizationServerMetadata,
    CallEnded,
    CallStarted,
    ClientRegistration,
    ClientReported,
    ClientRestarted,
    ConfiguredMode,
    Event,
    Header,
    ProtectedResourceMetadata,
    ResourceRequest,
    ResourceResponse,
    TokenExpired,
    TokenRequest,
    TokenResponse,
    Transcript,
    WireScope,
)
from scope_spec import Revision

RESOURCE: Final = "https://rs.example/mcp"
OTHER_RESOURCE: Final = "https://other.example/mcp"
ISSUER: Final = "https://as.example"
OTHER_ISSUER: Final = "https://other-as.example"

NEW: Final[Revision] = "2026-07-28"
OLD: Final[Revision] = "2025-11-25"
BEFORE_SELECTION: Final[Revision] = "2025-06-18"
OLDEST: Final[Revision] = "2025-03-26"


class Said(Enum):
    """What a token response says of its scope, where it is not a string of its own or nothing."""

    AS_ASKED = auto()


AS_ASKED: Final = Said.AS_ASKED
TokenScope = str | Literal[Said.AS_ASKED] | None


def bearer(scope: str | None = None, error: str | None = None, more: str = "") -> str:
    """A Bearer challenge spelled plainly."""
    parameters = [
        *([f'error="{error}"'] if error is not None else []),
        *([f'scope="{scope}"'] if scope is not None else []),
        *([more] if more else []),
    ]
    return f"Bearer {', '.join(parameters)}".rstrip()


@dataclass(frozen=True, slots=True)
class Story:
    """What happened so far, and where and how what comes next happens.

    `issuer` and `resource` are written on each event (None: on none), `grant_type` is how tokens are obtained.
    """

    header: Header
    events: tuple[Event, ...] = ()
    resource: str | None = RESOURCE
    issuer: str | None = ISSUER
    grant_type: str = AUTHORIZATION_CODE

    @property
    def transcript(self) -> Transcript:
        """The story as the judge hears it."""
        return Transcript(self.header, self.events)

    def then(self, *events: Event) -> Self:
        """Any events, as they are."""
        return replace(self, events=(*self.events, *events))

    def at(self, resource: str | None = RESOURCE, issuer: str | None = ISSUER) -> Self:
        """What comes next is about this resource and this authorization server."""
        return replace(self, resource=resource, issuer=issuer)

    # --- calls and their answers ---

    def calls(self, operation: str = "read", token: str | None = None) -> Self:
        """A call is sent."""
        return self.then(ResourceRequest(operation, token, self.resource))

    def answers(self, operation: str, status: int, *lines: str) -> Self:
        """A call is answered."""
        return self.then(ResourceResponse(operation, status, lines, self.resource))

    def served(self, operation: str = "read", token: str | None = "t1") -> Self:
        """A call is sent and served."""
        return self.calls(operation, token).answers(operation, 200)

    def unauthorized(
        self,
        scope: str | None = None,
        operation: str = "read",
        token: str | None = None,
        *,
        error: str | None = None,
        more: str = "",
    ) -> Self:
        """A call is sent and answered with a 401."""
        return self.calls(operation, token).answers(operation, 401, bearer(scope, error, more))

    def insufficient(self, scope: str | None = None, operation: str = "write", token: str | None = "t1") -> Self:
        """A call is sent and answered with a 403 that asks for more scope."""
        return self.calls(operation, token).answers(operation, 403, bearer(scope, "insufficient_scope"))

    def application_calls(self, call: int, operation: str = "write") -> Self:
        """The application makes a call."""
        return self.then(CallStarted(call, operation, self.resource))

    def application_has(self, call: int, outcome: str = "served") -> Self:
        """The application has the answer to a call."""
        return self.then(CallEnded(call, outcome))

    # --- metadata and registration ---

    def discovers(self, *listed: str, by_server: tuple[str, ...] | None = None) -> Self:
        """The metadata of the resource and of its authorization server are fetched."""
        issuers = () if self.issuer is None else (self.issuer,)
        return self.then(
            ProtectedResourceMetadata(self.resource, issuers, listed or None),
            AuthorizationServerMetadata(self.issuer, by_server),
        )

    def registers(self, scope: WireScope = None) -> Self:
        """The client registers itself, refresh tokens included."""
        return self.then(ClientRegistration(scope, (AUTHORIZATION_CODE, REFRESH_TOKEN), self.issuer))

    # --- tokens ---

    def asks(self, scope: WireScope, prompt: str | None = None) -> Self:
        """A request for scopes, by the story's grant type."""
        if self.grant_type == AUTHORIZATION_CODE:
            return self.then(AuthorizationRequest(scope, prompt, self.issuer, self.resource))
        return self.then(TokenRequest(self.grant_type, scope, None, self.issuer, self.resource))

    def consents(self) -> Self:
        """The user consents, and the code is exchanged."""
        if self.grant_type != AUTHORIZATION_CODE:
            return self
        return self.then(
            AuthorizationResponse(code=True, issuer=self.issuer, resource=self.resource),
            TokenRequest(AUTHORIZATION_CODE, None, None, self.issuer, self.resource),
        )

    def refuses(self) -> Self:
        """The user refuses."""
        return self.then(AuthorizationResponse(error="access_denied", issuer=self.issuer, resource=self.resource))

    def issued(self, token: str | None, scope: str | None = None, refresh: str | None = None) -> Self:
        """A token response, without a member of which nothing is known."""
        return self.then(TokenResponse(token, scope, refresh, None, self.issuer, self.resource))

    def obtains(
        self,
        scope: WireScope,
        token: str,
        said: TokenScope = AS_ASKED,
        refresh: str | None = None,
        prompt: str | None = None,
    ) -> Self:
        """A request for scopes, granted."""
        echoed = scope if isinstance(scope, str) else None
        return self.asks(scope, prompt).consents().issued(token, echoed if isinstance(said, Said) else said, refresh)

    def asks_to_refresh(self, refresh: str = "r1", scope: WireScope = None) -> Self:
        """A refresh request."""
        return self.then(TokenRequest(REFRESH_TOKEN, scope, refresh, self.issuer, self.resource))

    def refreshes(
        self,
        token: str,
        refresh: str = "r1",
        scope: WireScope = None,
        said: str | None = None,
        rotated: str | None = None,
    ) -> Self:
        """A refresh, granted."""
        return self.asks_to_refresh(refresh, scope).issued(token, said, rotated)

    def refresh_refused(self, refresh: str = "r1") -> Self:
        """A refresh, refused."""
        refused = TokenResponse(error="invalid_grant", issuer=self.issuer, resource=self.resource)
        return self.asks_to_refresh(refresh).then(refused)

    def expires(self, token: str = "t1") -> Self:
        """An access token's lifetime ends, and the client knows."""
        return self.then(TokenExpired(token))

    def restarts(self) -> Self:
        """The client forgets what it has not stored."""
        return self.then(ClientRestarted())

    def reports(self, *granted: str) -> Self:
        """The client says what it holds."""
        return self.then(ClientReported(granted, self.issuer, self.resource))

    def reports_that_it_does_not_know(self) -> Self:
        """The client says that it does not know what it holds."""
        return self.then(ClientReported(None, self.issuer, self.resource))

    # --- whole scenes ---

    def handshake(
        self,
        scope: str | None = "a",
        token: str = "t1",
        said: TokenScope = AS_ASKED,
        refresh: str | None = "r1",
        by_server: tuple[str, ...] | None = None,
    ) -> Self:
        """The first call is challenged for `scope`, which is asked for, granted, and used."""
        refresh = refresh if self.grant_type == AUTHORIZATION_CODE else None
        return (
            self.unauthorized(scope)
            .discovers(by_server=by_server)
            .obtains(scope, token, said, refresh)
            .served("read", token)
        )

    def step_up(
        self,
        challenged: str,
        asked: WireScope,
        tokens: tuple[str, str] = ("t1", "t2"),
        operation: str = "write",
        *,
        said: TokenScope = AS_ASKED,
        refresh: str | None = "r2",
    ) -> Self:
        """A call is challenged for more, which is asked for, granted, and used."""
        refresh = refresh if self.grant_type == AUTHORIZATION_CODE else None
        before, after = tokens
        return (
            self.insufficient(challenged, operation, before)
            .obtains(asked, after, said, refresh)
            .served(operation, after)
        )


def story(
    revision: Revision = NEW,
    *,
    grant_type: str = AUTHORIZATION_CODE,
    configured: tuple[ConfiguredMode | None, str] | None = None,
    wants_refresh_token: bool | None = None,
) -> Story:
    """A story that begins, at a revision, of a client set up in some way."""
    mode, scopes = configured if configured is not None else (None, None)
    header = Header(
        revision,
        configured_scopes=None if scopes is None else tuple(scopes.split(" ")),
        configured_mode=mode,
        wants_refresh_token=wants_refresh_token,
    )
    return Story(header, grant_type=grant_type)


def by_itself(revision: Revision = NEW) -> Story:
    """A story of a client without a user."""
    return story(revision, grant_type=CLIENT_CREDENTIALS)


def named_only(told: Story, keeps: Callable[[int, Event], bool], *members: str) -> Story:
    """The same recording, with `issuer` and `resource` (or `members` alone) kept on some events, and on no other."""
    lost = members or ("issuer", "resource")

    def unnamed(event: Event) -> Event:
        without = copy(event)
        for member in lost:
            if hasattr(event, member):
                object.__setattr__(without, member, None)
        return without

    return replace(
        told,
        events=tuple(event if keeps(at, event) else unnamed(event) for at, event in enumerate(told.events)),
    )


def unnamed(told: Story) -> Story | None:
    """The same recording without any name, None where it takes names to tell its issuers or resources apart."""
    for member in ("issuer", "resource"):
        if len({getattr(event, member, None) for event in told.events} - {None}) > 1:
            return None
    return named_only(told, lambda _, __: False)

"""Resource servers and authorization servers with every freedom that the RFCs leave them, drawn anew at each answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count

from conforming_challenges import Heading, Scopes, Writer
from draws import Draws
from scope_model.events import (
    OFFLINE_ACCESS,
    AuthorizationResponse,
    AuthorizationServerMetadata,
    ProtectedResourceMetadata,
    TokenResponse,
)


def join(*parts: Scopes | None) -> Scopes:
    """The union in first-seen order; None is nothing."""
    return tuple(dict.fromkeys(scope for part in parts for scope in part or ()))


@dataclass(frozen=True, slots=True)
class Token:
    """What an access or a refresh token stands for: at which issuer, for which resource, with which scopes."""

    issuer: str
    resource: str
    scope: Scopes


@dataclass(slots=True)
class Tokens:
    """All tokens that are good."""

    good: dict[str, Token] = field(default_factory=dict)
    numbers: count[int] = field(default_factory=lambda: count(1))

    def issue(self, kind: str, token: Token) -> str:
        """A new token; `kind` is the first letter of its name."""
        name = f"{kind}{next(self.numbers)}"
        self.good[name] = token
        return name


@dataclass(slots=True)
class ResourceServer:
    """One resource: `published` is what its metadata calls it, `needs` what each of its operations needs."""

    draws: Draws
    tokens: Tokens
    writer: Writer
    url: str
    published: str
    vocabulary: Scopes
    needs: dict[str, Scopes]
    issuers: Scopes
    listed: Scopes | None
    has_metadata: bool
    points_to_it: bool
    mislabels: bool = False

    @property
    def issuer(self) -> str:
        """The authorization server whose tokens it takes."""
        return self.issuers[0]

    def documents(self) -> list[ProtectedResourceMetadata]:
        """What is found where its metadata should be: sometimes another resource's first."""
        found = []
        if self.mislabels and self.draws.whether("metadata of another resource", 0.5):
            foreign = ("foreign", self.vocabulary[0])
            found.append(ProtectedResourceMetadata("https://elsewhere.example/mcp", self.issuers, foreign))
        if self.has_metadata:
            found.append(ProtectedResourceMetadata(self.published, self.issuers, self.listed))
        return found

    def answer(self, operation: str, access_token: str | None) -> tuple[int, Heading]:
        """A status and its header, for a request with this token."""
        token = self.tokens.good.get(access_token or "")
        needs = self.needs[operation]
        if token is None or token.issuer not in self.issuers or token.resource != self.url:
            return self._unauthorized(needs, presented=access_token is not None)
        if not set(needs) <= set(token.scope):
            return self._insufficient(needs, token.scope)
        match self.draws.one_of("served", yes=90, error=3, forbidden=3, revoked=2, hostile=2):
            case "error":
                return self._failed(needs)
            case "forbidden":
                return self._forbidden()
            case "revoked":
                self.tokens.good.pop(access_token or "", None)
                return self._unauthorized(needs, presented=True)
            case "hostile":
                return self._insufficient(join(needs, self.draws.some_of(self.vocabulary, 0.3)), token.scope)
            case _:
                return 200, Heading(())

    def _pointer(self) -> str | None:
        return f"{self.url}/.well-known/oauth-protected-resource" if self.points_to_it else None

    def _unauthorized(self, needs: Scopes, *, presented: bool) -> tuple[int, Heading]:
        if self.draws.whether("401 without a header", 0.05):
            return 401, Heading(())
        told = self.draws.one_of("401 names", needs=60, nothing=25, more=8, empty=2, offline=2)
        error = "invalid_token" if presented and self.draws.whether("401 with an error", 0.7) else None
        return 401, self.writer.write(error, self._told(told, needs, ()), self._pointer())

    def _insufficient(self, needs: Scopes, held: Scopes) -> tuple[int, Heading]:
        if self.draws.whether("401 for insufficient scope", 0.1):
            return 401, self.writer.write("invalid_token", needs, self._pointer())
        if self.draws.whether("403 without insufficient_scope", 0.05):
            return self._forbidden()
        told = self.draws.one_of("403 names", needs=35, delta=25, all=18, nothing=12, more=6, empty=1, offline=2)
        return 403, self.writer.write("insufficient_scope", self._told(told, needs, held), self._pointer())

    def _told(self, told: str, needs: Scopes, held: Scopes) -> Scopes | None:
        match told:
            case "nothing":
                return None
            case "empty":
                return ()
            case "delta":
                return tuple(scope for scope in needs if scope not in held) or needs
            case "all":
                return self.draws.shuffled(join(held, needs))
            case "more":
                return join(needs, self.draws.some_of(self.vocabulary))
            case "offline":
                return join(needs, (OFFLINE_ACCESS,))
            case _:
                return needs

    def _forbidden(self) -> tuple[int, Heading]:
        if self.draws.whether("403 without a header", 0.5):
            return 403, Heading(())
        return 403, self.writer.write(self.draws.any_of((None, "access_denied", "Insufficient_Scope")), None, None)

    def _failed(self, needs: Scopes) -> tuple[int, Heading]:
        status = self.draws.any_of((400, 404, 500, 503))
        if self.draws.whether("a challenge with another status", 0.2):
            return status, self.writer.write("insufficient_scope", needs, None)
        return status, Heading(())


@dataclass(slots=True)
class AuthorizationServer:
    """One issuer: `default` is what it grants where nothing is asked for."""

    draws: Draws
    tokens: Tokens
    issuer: str
    vocabulary: Scopes
    default: Scopes
    listed: Scopes | None
    refreshes: bool
    rotates: bool
    mislabels: bool = False

    def documents(self) -> list[AuthorizationServerMetadata]:
        """What is found where its metadata should be: sometimes another issuer's first."""
        found = []
        if self.mislabels and self.draws.whether("metadata of another issuer", 0.5):
            found.append(AuthorizationServerMetadata("https://elsewhere.example", ("foreign", OFFLINE_ACCESS)))
        return [*found, AuthorizationServerMetadata(self.issuer, self.listed)]

    def authorize(self) -> AuthorizationResponse | None:
        """The redirect back, or None where the user never comes back."""
        consent = self.draws.one_of("consent", code=88, access_denied=5, invalid_scope=4, server_error=1, never=2)
        if consent == "never":
            return None
        return AuthorizationResponse(code=True) if consent == "code" else AuthorizationResponse(error=consent)

    def grant(self, resource: str, scope: Scopes, *, refreshable: bool) -> TokenResponse:
        """Redeem a code or credentials for `scope`, empty where nothing was asked for."""
        if self.draws.whether("token request refused", 0.02):
            return TokenResponse(error=self.draws.any_of(("invalid_grant", "invalid_scope", "server_error")))
        granted, said = self._decide(scope)
        token = Token(self.issuer, resource, granted)
        refresh_token = None
        if refreshable and self.refreshes and self.draws.whether("refresh token issued", 0.85):
            refresh_token = self.tokens.issue("r", token)
        return TokenResponse(self.tokens.issue("t", token), said, refresh_token)

    def _decide(self, scope: Scopes) -> tuple[Scopes, str | None]:
        """What is granted, and what is said of it."""
        if not scope:
            stated = self.draws.whether("default stated", 0.6)
            return self.default, " ".join(self.default) if stated else None
        kind = self.draws.one_of(
            "grant", echoed=45, omitted=22, narrower=9, wider=7, reordered=5, empty=2, different=3, commas=4, unechoed=3
        )
        match kind:
            case "omitted":
                return scope, None
            case "narrower":
                granted = self.draws.some_of(scope, 0.6)
            case "wider":
                granted = join(scope, self.draws.some_of(self.vocabulary))
            case "reordered":
                granted = self.draws.shuffled(scope)
            case "empty":
                granted = ()
            case "different":
                granted = self.draws.some_of(self.vocabulary)
            case "commas":
                return scope, ",".join(scope)
            case "unechoed":
                granted = tuple(name for name in scope if name != OFFLINE_ACCESS)
            case _:
                granted = scope
        return granted, " ".join(granted)

    def refresh(self, refresh_token: str, scope: Scopes) -> TokenResponse:
        """Renew a token, within what the refresh token stands for."""
        grant = self.tokens.good.get(refresh_token)
        if grant is None or grant.issuer != self.issuer or self.draws.whether("refresh refused", 0.2):
            self.tokens.good.pop(refresh_token, None)
            return TokenResponse(error="invalid_grant")
        granted = scope or grant.scope
        said = None
        match self.draws.one_of("refresh", omitted=45, echoed=25, narrower=20, reordered=10):
            case "echoed":
                said = " ".join(granted)
            case "narrower":
                granted = self.draws.some_of(granted, 0.6)
                said = " ".join(granted)
            case "reordered":
                said = " ".join(self.draws.shuffled(granted))
            case _:
                pass
        renewed = None
        if self.rotates and self.draws.whether("refresh token rotated", 0.8):
            del self.tokens.good[refresh_token]
            renewed = self.tokens.issue("r", grant)
        token = self.tokens.issue("t", Token(grant.issuer, grant.resource, granted))
        return TokenResponse(token, said, renewed)

"""The words that probes are told in: a world of one or two servers, and what happens in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from scope_model.client import Call
from scope_model.events import CLIENT_CREDENTIALS
from scope_model.scopes import NO_SCOPES, scopes
from scope_model.servers import AuthorizationServer, Challenging, Granting, ResourceServer, Servers
from scope_properties.episodes import Episode, EpisodeStep, ExpireToken, MakeCall, Plan, ReportGrant, RestartClient

ONE: Final = "https://one.example/mcp"
TWO: Final = "https://two.example/mcp"
ISSUER: Final = "https://as.example"
OTHER: Final = "https://other-as.example"

EXPIRED: Final = ExpireToken(ONE)
RESTARTED: Final = RestartClient()
REPORTED: Final = ReportGrant(ONE)

SILENT: Final = Granting(says=False)
ALONE: Final = Granting(refresh_token=False)
"""Without a refresh token."""
REFUSED: Final = Granting("refused")
UNNAMED: Final = Challenging(scope="unnamed")
REVOKED: Final = Challenging("unauthorized")
FORBIDDEN: Final = Challenging("forbidden")

NEEDS: Final[Mapping[str, str]] = MappingProxyType({"read": "a", "write": "b", "delete": "c"})


def call(
    operation: str, *challenges: Challenging, grants: tuple[Granting, ...] = (), persists: bool = False, at: str = ONE
) -> MakeCall:
    """A call, with the choices of its servers."""
    return MakeCall(Call(at, operation), challenges, grants, persists)


READ: Final = call("read")
WRITE: Final = call("write")
DELETE: Final = call("delete")


def more(names: str, spelling: str = "plain") -> Challenging:
    """A 403 that names these scopes, whatever the token carries."""
    return Challenging("insufficient_scope", scopes(names), spelling)


def spelled(spelling: str) -> Challenging:
    """A challenge for what is needed, spelled like this."""
    return Challenging(spelling=spelling)


def narrower(without: str) -> Granting:
    """A grant that lacks these scopes."""
    return Granting("narrower", without=scopes(without))


def wider(names: str) -> Granting:
    """A grant of these scopes as well."""
    return Granting("wider", with_=scopes(names))


def probe(
    *steps: EpisodeStep,
    needs: Mapping[str, str] = NEEDS,
    lists: str | None = None,
    server_lists: str | None = None,
    default: str = "",
    describes: str | None = None,
    configured: str | None = None,
    wants: bool = True,
    second: bool = False,
    moves: bool = False,
) -> Episode:
    """What happens in a world of one server, or of two where there is a `second`, at one issuer unless it `moves`."""
    guarded = {operation: scopes(names) for operation, names in needs.items()}
    listed = None if lists is None else tuple(lists.split())
    known = None if server_lists is None else tuple(server_lists.split())
    resources = {ONE: ResourceServer(ONE, ISSUER, guarded, listed, describes)}
    if second:
        resources[TWO] = ResourceServer(TWO, ISSUER, {name: scopes(f"two-{name}") for name in NEEDS})
    issuers = {ISSUER: AuthorizationServer(ISSUER, known, scopes(default) if default else NO_SCOPES)}
    if moves:
        issuers[OTHER] = AuthorizationServer(OTHER, known)
    wished = None if configured is None else scopes(configured)
    plan = Plan(Servers(resources, issuers), configured=wished, wants_refresh_token=wants)
    return Episode(plan, steps)


def without_a_user(episode: Episode) -> Episode:
    """The same with client credentials."""
    return replace(episode, plan=replace(episode.plan, grant_type=CLIENT_CREDENTIALS))

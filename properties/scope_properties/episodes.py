"""Episodes: a world of servers and what happens in it, as data: to be generated, shrunk, kept and replayed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from scope_model.client import Call
from scope_model.events import AUTHORIZATION_CODE
from scope_model.scopes import ScopeSet
from scope_model.servers import Challenging, Granting, Servers
from scope_spec import Revision


@dataclass(frozen=True, slots=True)
class MakeCall:
    """The application calls an operation; the servers' choices are used up in order, then the servers are plain.

    Where `persists`, the last choices go on for the whole call.
    """

    call: Call
    challenges: tuple[Challenging, ...] = ()
    grants: tuple[Granting, ...] = ()
    persists: bool = False


@dataclass(frozen=True, slots=True)
class ExpireToken:
    """The access token in use at `resource` reaches the end of its lifetime."""

    resource: str


@dataclass(frozen=True, slots=True)
class RestartClient:
    """The client loses its memory and keeps its token storage."""


@dataclass(frozen=True, slots=True)
class ReportGrant:
    """The client is asked what it holds for `resource`."""

    resource: str


@dataclass(frozen=True, slots=True)
class RepublishMetadata:
    """`resource` changes the scopes in its metadata."""

    resource: str
    scopes_supported: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class MoveResource:
    """`resource` moves to another authorization server."""

    resource: str
    issuer: str


@dataclass(frozen=True, slots=True)
class OverlapCalls:
    """Two calls are in flight at once: the second is answered only when the first is over."""

    first: MakeCall
    second: MakeCall


EpisodeStep = MakeCall | OverlapCalls | ExpireToken | RestartClient | ReportGrant | RepublishMetadata | MoveResource


Registration = Literal["dynamic", "known", "document"]
"""How clients become known to issuers: by RFC 7591, beforehand, or by a document at the URL that is their id."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The world as it starts, and how the client is set up in it.

    `wants_refresh_token` is None for a client that is not set up at all, and keeps it to itself.
    """

    servers: Servers
    revision: Revision = "2026-07-28"
    configured: ScopeSet | None = None
    wants_refresh_token: bool | None = True
    grant_type: str = AUTHORIZATION_CODE
    registration: Registration = "dynamic"


@dataclass(frozen=True, slots=True)
class Episode:
    """A plan, and what happens in it."""

    plan: Plan
    steps: tuple[EpisodeStep, ...]

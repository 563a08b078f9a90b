"""Episodes: a world of servers and what happens in it, as data: to be generated, shrunk, kept and replayed."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, replace
from typing import Final, Literal

from scope_model.client import Call
from scope_model.events import AUTHORIZATION_CODE, TOKEN_EXCHANGE
from scope_model.scopes import ScopeSet
from scope_model.servers import Challenging, Granting, Servers
from scope_spec import Revision

STREAM: Final = "GET"
"""The request for a stream of the server's own messages, as recordings call it; a resource server may guard it, too."""


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

    `wants_refresh_token` is None for a client that is not set up at all, and keeps it to itself. Where it
    `shares_configuration`, the application hands the same configuration object to its clients of all servers, and where
    it `sends_again`, it makes a call that failed once more by itself.
    """

    servers: Servers
    revision: Revision = "2026-07-28"
    configured: ScopeSet | None = None
    wants_refresh_token: bool | None = True
    grant_type: str = AUTHORIZATION_CODE
    registration: Registration = "dynamic"
    shares_configuration: bool = False
    sends_again: bool = False


@dataclass(frozen=True, slots=True)
class Episode:
    """A plan, and what happens in it."""

    plan: Plan
    steps: tuple[EpisodeStep, ...]


def as_administered(episode: Episode) -> Episode:
    """The same episode, but that for clients that an enterprise manages a resource stays where it is.

    Which authorization server the identity provider vouches to is set up beforehand, and no client finds it out. Nor
    are scopes configured: what that means to a client's other grants need not be what it means to this one.
    """
    if episode.plan.grant_type != TOKEN_EXCHANGE:
        return episode
    steps = tuple(step for step in episode.steps if not isinstance(step, MoveResource))
    return Episode(replace(episode.plan, configured=None), steps)


def without_streams(episode: Episode) -> Episode:
    """The same episode, but that no resource server guards its stream."""
    servers = episode.plan.servers
    resources = {
        name: replace(server, needs={known: needed for known, needed in server.needs.items() if known != STREAM})
        for name, server in servers.resources.items()
    }
    return replace(episode, plan=replace(episode.plan, servers=replace(servers, resources=resources)))


def without_spellings(episode: Episode, spellings: Container[str]) -> Episode:
    """The same episode, but that what is spelled in one of these ways is spelled plainly."""

    def plainly(call: MakeCall) -> MakeCall:
        challenges = (
            replace(each, spelling="plain") if each.spelling in spellings else each for each in call.challenges
        )
        return replace(call, challenges=tuple(challenges))

    def respelled(step: EpisodeStep) -> EpisodeStep:
        match step:
            case MakeCall():
                return plainly(step)
            case OverlapCalls(first, second):
                return OverlapCalls(plainly(first), plainly(second))
            case _:
                return step

    return Episode(episode.plan, tuple(map(respelled, episode.steps)))


def fit_to_world(step: EpisodeStep, world: Servers) -> EpisodeStep:
    """The same step in a world that may have fewer servers than were drawn from: theirs become its first."""
    one, issuer = next(iter(world.resources)), next(iter(world.issuers))
    match step:
        case RestartClient():
            return step
        case OverlapCalls(first, second):
            first, second = _fit_call(first, world), _fit_call(second, world)
            # Two calls of the same operation at once could not be told apart on the wire.
            return first if first.call == second.call else OverlapCalls(first, second)
        case MakeCall():
            return _fit_call(step, world)
        case MoveResource():
            at = step.resource if step.resource in world.resources else one
            return MoveResource(at, step.issuer if step.issuer in world.issuers else issuer)
        case _:
            return step if step.resource in world.resources else replace(step, resource=one)


def _fit_call(step: MakeCall, world: Servers) -> MakeCall:
    call = step.call
    if call.resource in world.resources:
        return step
    return replace(step, call=Call(next(iter(world.resources)), call.operation))

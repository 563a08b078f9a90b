"""Shrinking an episode to the shortest trace that still shows what it showed.

Hypothesis minimises the choices behind a value and cannot start from a value that is already at hand. A finding
is read as a trace: so the measure here is how long it takes to get there, and then how plain the episode is.
Greedy and deterministic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields, replace
from typing import Final, TypeVar

from scope_model.client import Call
from scope_model.events import AUTHORIZATION_CODE
from scope_model.scopes import NO_SCOPES, ScopeSet
from scope_model.servers import AuthorizationServer, Challenging, Granting, ResourceServer, Servers

from .episodes import Episode, EpisodeStep, MakeCall, OverlapCalls, Plan, RepublishMetadata, fit_to_world
from .tables import OPERATIONS, PLAIN_SCOPES

Choice = TypeVar("Choice", Challenging, Granting)
Server = TypeVar("Server", ResourceServer, AuthorizationServer)

Length = tuple[int, ...]
"""How much it takes to see something, what matters most first."""

Shows = Callable[[Episode], Length | None]
"""How long it takes an episode to show what is looked for, or None where it does not."""

TRIALS: Final = 1_500
"""How many simpler episodes are tried at the most: shrinking always ends."""


def as_it_is(episode: Episode) -> Episode:
    """The episode itself."""
    return episode


def shrink(
    episode: Episode, shows: Shows, playable: Callable[[Episode], Episode] = as_it_is, trials: int = TRIALS
) -> Episode:
    """The plainest episode found from `episode` on that still `shows`; `episode` itself where it does not.

    At most `trials` simpler ones are tried, each as far as it is `playable`.
    """
    length = shows(episode)
    if length is None:
        return episode
    best = (length, complexity(episode))
    tried = {repr(episode)}
    improved = True
    while improved:
        improved, simpler, at = False, list(candidates(episode)), 0
        while at < len(simpler) and len(tried) <= trials:
            one = playable(simpler[at])
            at += 1
            described = repr(one)
            if described in tried:
                continue
            tried.add(described)
            length = shows(one)
            if length is not None and (length, complexity(one)) < best:
                # Go on from here: what comes earlier has just been tried on an episode much like this one.
                episode, best, improved = one, (length, complexity(one)), True
                simpler, at = list(candidates(episode)), at - 1
    return episode


def complexity(episode: Episode) -> tuple[int, list[int]]:
    """How much there is to read in an episode, and how plain its scopes are in the order in which they come."""
    return _weight(episode), list(map(_name_weight, _names_in(episode)))


def _weight(episode: Episode) -> int:
    plan = episode.plan
    total = 10 * len(episode.steps) + 5 * (len(plan.servers.resources) + len(plan.servers.issuers))
    total += _scopes_weight(plan.configured) + (not plan.wants_refresh_token)
    total += 5 * (plan.grant_type != AUTHORIZATION_CODE) + 5 * (plan.registration != "dynamic")
    total += plan.shares_configuration + plan.sends_again
    for resource in plan.servers.resources.values():
        total += _names_weight(resource.scopes_supported) + sum(map(_scopes_weight, resource.needs.values()))
        total += len(resource.needs) + len(_oddities(resource))
    for issuer in plan.servers.issuers.values():
        total += _names_weight(issuer.scopes_supported) + _scopes_weight(issuer.default)
        total += len(_oddities(issuer))
    return total + sum(map(_step_weight, episode.steps))


def _step_weight(step: EpisodeStep) -> int:
    match step:
        case MakeCall(call, challenges, grants, persists):
            total = 2 * OPERATIONS.index(call.operation) if call.operation in OPERATIONS else 0
            total += 2 * persists + 4 * len(challenges) + 4 * len(grants)
            return total + sum(map(_distance, challenges)) + sum(map(_distance, grants))
        case OverlapCalls(first, second):
            return 10 + _step_weight(first) + _step_weight(second)
        case RepublishMetadata(_, listed):
            return _names_weight(listed)
        case _:
            return 0


_EMPTY: Final = ("scope", "empty")
"""A challenge for the empty scope, which is odder than one that names none."""


def _distance(choice: Challenging | Granting) -> int:
    """How far a choice is from the plain one."""
    plain = type(choice)()
    total = 0
    for field in fields(choice):
        value = getattr(choice, field.name)
        if value != getattr(plain, field.name):
            total += 8 if field.name == "spelling" else 2 if (field.name, value) == _EMPTY else 1
            total += _scopes_weight(value) if isinstance(value, ScopeSet) else 0
    return total


def _scopes_weight(scopes: ScopeSet | None) -> int:
    return 0 if scopes is None else 1 + sum(map(_name_weight, scopes))


def _names_weight(names: tuple[str, ...] | None) -> int:
    return 0 if names is None else 1 + sum(map(_name_weight, names))


def _name_weight(name: str) -> int:
    return 2 + PLAIN_SCOPES.index(name) if name in PLAIN_SCOPES else 8


# --- simpler episodes -----------------------------------------------------------------------------


def candidates(episode: Episode) -> Iterator[Episode]:
    """Simpler episodes, the boldest first."""
    plan, steps = episode.plan, episode.steps
    for at in range(len(steps)):
        yield Episode(plan, steps[: at + 1])
    for at in range(len(steps)):
        if len(steps) > 1:
            yield Episode(plan, steps[:at] + steps[at + 1 :])
    for at, step in enumerate(steps):
        for plainer in _simpler_steps(step):
            yield Episode(plan, (*steps[:at], fit_to_world(plainer, plan.servers), *steps[at + 1 :]))
    for simpler in _simpler_plans(plan):
        yield Episode(simpler, tuple(fit_to_world(step, simpler.servers) for step in steps))
    yield from _renamed(episode)


def _simpler_plans(plan: Plan) -> Iterator[Plan]:
    servers = plan.servers
    for name in list(servers.resources)[1:]:
        kept = {known: server for known, server in servers.resources.items() if known != name}
        yield replace(plan, servers=replace(servers, resources=kept))
    for name in list(servers.issuers)[1:]:
        first = next(iter(servers.issuers))
        moved = {
            known: replace(server, issuer=first if server.issuer == name else server.issuer)
            for known, server in servers.resources.items()
        }
        left = {known: server for known, server in servers.issuers.items() if known != name}
        yield replace(plan, servers=replace(servers, resources=moved, issuers=left))
    for configured in _fewer(plan.configured):
        yield replace(plan, configured=configured)
    if not plan.wants_refresh_token:
        yield replace(plan, wants_refresh_token=True)
    if plan.grant_type != AUTHORIZATION_CODE:
        yield replace(plan, grant_type=AUTHORIZATION_CODE)
    if plan.registration != "dynamic":
        yield replace(plan, registration="dynamic")
    if plan.shares_configuration:
        yield replace(plan, shares_configuration=False)
    if plan.sends_again:
        yield replace(plan, sends_again=False)
    for name, resource in servers.resources.items():
        for plainer in _simpler_resources(resource):
            resources = {**servers.resources, name: plainer}
            yield replace(plan, servers=replace(servers, resources=resources))
    for name, issuer in servers.issuers.items():
        for simpler in _simpler_issuers(issuer):
            yield replace(plan, servers=replace(servers, issuers={**servers.issuers, name: simpler}))


def _oddities(server: ResourceServer | AuthorizationServer) -> dict[str, object]:
    """What a plain server has in each way in which this one is odd."""
    return {
        way.name: way.default
        for way in fields(server)
        if way.default not in (MISSING, NO_SCOPES) and way.name != "scopes_supported"
        if getattr(server, way.name) != way.default
    }


def _less_odd(server: Server) -> Iterator[Server]:
    for name, value in _oddities(server).items():
        plainer: Server = replace(server, **{name: value})  # type: ignore[arg-type]  # each way with its own default
        yield plainer


def _simpler_resources(resource: ResourceServer) -> Iterator[ResourceServer]:
    yield from _less_odd(resource)
    for listed in _fewer_names(resource.scopes_supported):
        yield replace(resource, scopes_supported=listed)
    for operation, needed in resource.needs.items():
        for fewer in _fewer(needed):
            yield replace(resource, needs={**resource.needs, operation: fewer or NO_SCOPES})
    for operation in list(resource.needs)[1:]:
        kept = {known: needed for known, needed in resource.needs.items() if known != operation}
        yield replace(resource, needs=kept)


def _simpler_issuers(issuer: AuthorizationServer) -> Iterator[AuthorizationServer]:
    yield from _less_odd(issuer)
    for listed in _fewer_names(issuer.scopes_supported):
        yield replace(issuer, scopes_supported=listed)
    for default in _fewer(issuer.default):
        yield replace(issuer, default=default or NO_SCOPES)


def _simpler_steps(step: EpisodeStep) -> Iterator[EpisodeStep]:
    match step:
        case MakeCall():
            yield from _simpler_calls(step)
        case OverlapCalls(first, second):
            yield first
            yield second
            for plainer in _simpler_calls(first):
                yield replace(step, first=plainer)
            for plainer in _simpler_calls(second):
                yield replace(step, second=plainer)
        case RepublishMetadata(_, listed):
            for fewer in _fewer_names(listed):
                yield replace(step, scopes_supported=fewer)
        case _:
            return


def _simpler_calls(step: MakeCall) -> Iterator[MakeCall]:
    call, challenges, grants = step.call, step.challenges, step.grants
    if step.persists:
        yield replace(step, persists=False)
    for operation in OPERATIONS:
        if operation != call.operation:
            yield replace(step, call=Call(call.resource, operation))
    for at, challenge in enumerate(challenges):
        yield replace(step, challenges=challenges[:at] + challenges[at + 1 :])
        for plainer in _plainer(challenge):
            yield replace(step, challenges=(*challenges[:at], plainer, *challenges[at + 1 :]))
    for at, grant in enumerate(grants):
        yield replace(step, grants=grants[:at] + grants[at + 1 :])
        for simpler in _plainer(grant):
            yield replace(step, grants=(*grants[:at], simpler, *grants[at + 1 :]))


def _plainer(choice: Choice) -> Iterator[Choice]:
    plain = type(choice)()
    for field in fields(choice):
        value, plainest = getattr(choice, field.name), getattr(plain, field.name)
        if value != plainest:
            # The name comes from the dataclass itself and the value from another instance of it.
            yield replace(choice, **{field.name: plainest})
            if (field.name, value) == _EMPTY:
                yield replace(choice, **{field.name: "unnamed"})  # type: ignore[arg-type]
            for fewer in _fewer(value) if isinstance(value, ScopeSet) else ():
                if fewer is not None:
                    yield replace(choice, **{field.name: fewer})  # type: ignore[arg-type]


def _fewer(scopes: ScopeSet | None) -> Iterator[ScopeSet | None]:
    if scopes is None:
        return
    yield None
    if len(scopes) > 1:
        for scope in scopes:
            yield scopes - ScopeSet((scope,))


def _fewer_names(names: tuple[str, ...] | None) -> Iterator[tuple[str, ...] | None]:
    if names is None:
        return
    yield None
    for at in range(len(names)):
        if len(names) > 1:
            yield names[:at] + names[at + 1 :]


# --- other names ----------------------------------------------------------------------------------


def _renamed(episode: Episode) -> Iterator[Episode]:
    """The same episode with one scope exchanged for a plainer one."""
    used = sorted(_names_in(episode), key=_name_weight, reverse=True)
    for old in used:
        for new in PLAIN_SCOPES:
            if _name_weight(new) < _name_weight(old):
                yield _rename(episode, {old: new, new: old} if new in used else {old: new})


def _names_in(episode: Episode) -> list[str]:
    """The scopes of an episode, each once: those of its steps in their order, then those of the world."""
    names: dict[str, None] = {}
    _rename(episode, {}, names)
    return list(names)


def _rename(episode: Episode, names: dict[str, str], seen: dict[str, None] | None = None) -> Episode:
    def one(name: str) -> str:
        if seen is not None:
            seen.setdefault(name)
        return names.get(name, name)

    def some(scopes: ScopeSet) -> ScopeSet:
        return ScopeSet(map(one, scopes))

    def listed(given: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return None if given is None else tuple(dict.fromkeys(map(one, given)))

    def challenging(how: Challenging) -> Challenging:
        return replace(how, scope=some(how.scope)) if isinstance(how.scope, ScopeSet) else how

    def granting(how: Granting) -> Granting:
        return replace(how, without=some(how.without), with_=some(how.with_))

    def calling(step: MakeCall) -> MakeCall:
        return replace(
            step,
            challenges=tuple(map(challenging, step.challenges)),
            grants=tuple(map(granting, step.grants)),
        )

    def renamed(step: EpisodeStep) -> EpisodeStep:
        match step:
            case MakeCall():
                return calling(step)
            case OverlapCalls(first, second):
                return OverlapCalls(calling(first), calling(second))
            case RepublishMetadata(_, supported):
                return replace(step, scopes_supported=listed(supported))
            case _:
                return step

    plan, steps = episode.plan, tuple(map(renamed, episode.steps))
    servers: Servers = replace(
        plan.servers,
        resources={
            name: replace(
                server,
                needs={operation: some(needed) for operation, needed in server.needs.items()},
                scopes_supported=listed(server.scopes_supported),
            )
            for name, server in plan.servers.resources.items()
        },
        issuers={
            name: replace(server, scopes_supported=listed(server.scopes_supported), default=some(server.default))
            for name, server in plan.servers.issuers.items()
        },
    )
    configured = None if plan.configured is None else some(plan.configured)
    return Episode(replace(plan, servers=servers, configured=configured), steps)

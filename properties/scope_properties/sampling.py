"""Episodes from a seed: the same ones on every machine, whatever else is installed or imported.

What Hypothesis draws depends on its release and on the modules that are loaded, which is right for finding faults
and wrong for a seed that is printed beside a finding. So a check draws from the tables of `strategies` itself, with
nothing but the one method of `random.Random` that is promised to stay as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from random import Random
from typing import TypeVar

from scope_model.client import Call
from scope_model.servers import AuthorizationServer, Challenging, ResourceServer, Servers
from scope_spec import Revision

from .episodes import (
    Episode,
    EpisodeStep,
    ExpireToken,
    MakeCall,
    MoveResource,
    OverlapCalls,
    Plan,
    ReportGrant,
    RepublishMetadata,
    RestartClient,
)
from .strategies import (
    CALLS,
    CONFIGURED,
    DESCRIBED,
    GRANTINGS,
    ISSUERS,
    LISTS,
    NEEDS,
    OPERATIONS,
    PLACES,
    REGISTRATIONS,
    RESOURCES,
    SERVER_LISTS,
    SPELLED,
    USER_DELEGATED,
    WORDINGS,
    fit_to_world,
)

T = TypeVar("T")

_NARROW = tuple(how for how in GRANTINGS if how.grant == "narrower")
_SILENT = tuple(how for how in GRANTINGS if how.grant == "asked" and not how.says)

MOST_GROUPS = 6
"""How many things happen after the first call, at the most."""


def sample(
    seed: int, *, revision: Revision = "2026-07-28", grant_types: tuple[str, ...] = USER_DELEGATED
) -> Iterator[Episode]:
    """Episodes without end, always the same ones for a seed."""
    # Random() is promised to repeat for a seed; the whole number is spread first, so that neighbours differ.
    draws = _Draws(Random(f"scopelaw {seed}"))  # noqa: S311 - nothing here is a secret
    while True:
        yield draws.episode(revision, grant_types)


class _Draws:
    """Choices from tables, one after the other."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def among(self, choices: Sequence[T]) -> T:
        return choices[int(self._random.random() * len(choices))]

    def up_to(self, most: int) -> range:
        """A few more often than many."""
        return range(int(self._random.random() ** 2 * (most + 1)))

    def episode(self, revision: Revision, grant_types: tuple[str, ...]) -> Episode:
        plan = self.plan(revision, grant_types)
        steps: list[EpisodeStep] = [self.make_call(self.among(CALLS))]
        if self.among((True, False)):
            steps.append(ReportGrant(RESOURCES[0]))
        for _ in range(int(self._random.random() * (MOST_GROUPS + 1))):
            steps.extend(self.related_steps())
        return Episode(plan, tuple(fit_to_world(step, plan.servers) for step in steps))

    def plan(self, revision: Revision, grant_types: tuple[str, ...]) -> Plan:
        issuers = ISSUERS[: self.among((1, 1, 2))]
        resources = RESOURCES[: self.among((1, 1, 2))]
        servers = Servers(
            resources={
                name: ResourceServer(
                    name,
                    self.among(issuers),
                    {operation: self.among(NEEDS) for operation in OPERATIONS},
                    self.among(LISTS),
                    self.among(DESCRIBED),
                )
                for name in resources
            },
            issuers={name: AuthorizationServer(name, self.among(SERVER_LISTS), self.among(NEEDS)) for name in issuers},
        )
        wants, grant_type = self.among((True, True, False)), self.among(grant_types)
        return Plan(servers, revision, self.among(CONFIGURED), wants, grant_type, self.among(REGISTRATIONS))

    def make_call(self, call: Call) -> MakeCall:
        return MakeCall(
            call,
            tuple(self.challenging() for _ in self.up_to(5)),
            tuple(self.among(GRANTINGS) for _ in self.up_to(3)),
            self.among((False, False, False, True)),
        )

    def challenging(self) -> Challenging:
        wording = self.among(WORDINGS)
        return wording if self.among((True, False)) else replace(wording, spelling=self.among(SPELLED))

    def related_steps(self) -> tuple[EpisodeStep, ...]:
        """Steps that belong together, as in `strategies.related_steps`."""
        first = RESOURCES[0]
        at_first = self.make_call(Call(first, self.among(OPERATIONS)))
        match self.among(("call", "call", "report", "expire", "twice", "restart", "overlap", "move", "alone")):
            case "call":
                return (self.make_call(self.among(CALLS)),)
            case "move":
                return (MoveResource(first, self.among(ISSUERS)), at_first)
            case "overlap":
                return (OverlapCalls(at_first, self.make_call(self.among(CALLS))),)
            case "report":
                return (at_first, ReportGrant(first))
            case "expire":
                return (ExpireToken(first), at_first)
            case "twice":
                # What a narrow refresh costs shows when the next one is silent (REFRESH-3).
                narrow = replace(at_first, grants=(self.among(_NARROW),))
                silent = replace(self.make_call(narrow.call), grants=(self.among(_SILENT),))
                return (ExpireToken(first), narrow, ExpireToken(first), silent, ReportGrant(first))
            case "restart":
                return (RestartClient(), at_first)
            case _:
                place = self.among(PLACES)
                alone: tuple[EpisodeStep, ...] = (
                    ReportGrant(place),
                    ExpireToken(place),
                    RestartClient(),
                    RepublishMetadata(place, self.among(LISTS)),
                    MoveResource(place, self.among(ISSUERS)),
                )
                return (self.among(alone),)

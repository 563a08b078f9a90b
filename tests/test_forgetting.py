"""Forgetting never accuses, and an accusation that stands on what was seen survives what was not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import islice
from types import MappingProxyType
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scope_model.client import Call, Served
from scope_model.events import CallEnded, CallStarted, Transcript
from scope_model.judge import judge
from scope_model.policies import POLICIES
from scope_properties.episodes import Episode, ModelSession, ModelSubject, Plan, World, run
from scope_properties.forgetting import OMISSIONS, Remainder, gained, lost, remainders, together
from scope_properties.mutants import EQUIVALENTS, MUTANTS
from scope_properties.sampling import sample
from scope_properties.strategies import USER_DELEGATED, WITHOUT_A_USER, episodes
from scope_spec import REVISIONS, Revision

# --- whose transcripts ----------------------------------------------------------------------------


class DrivenSession(ModelSession):
    """A session in which whoever drives the client writes down what the application asks for."""

    def call(self, call: Call) -> None:
        """Make a call, and write down that it begins and ends."""
        written = self.world.events
        number = sum(isinstance(event, CallStarted) for event in written)
        written.append(CallStarted(number, call.operation, call.resource))
        try:
            super().call(call)
        finally:
            served = isinstance(self.transitions[-1].action, Served)
            written.append(CallEnded(number, "served" if served else "failed"))


@dataclass(frozen=True, slots=True)
class Driven(ModelSubject):
    """A model client whose calls are in the transcript."""

    def open(self, plan: Plan, world: World) -> DrivenSession:
        """Start a client with nothing stored."""
        opened = ModelSubject.open(self, plan, world)
        return DrivenSession(world, opened.client, opened.step)


@dataclass(frozen=True, slots=True)
class Kept:
    """A client whose transcripts are kept, and for which revision and grant types it is meant."""

    subject: Driven
    revision: Revision = "2026-07-28"
    grant_types: tuple[str, ...] = USER_DELEGATED

    def transcripts(self, seed: int) -> Iterator[Transcript]:
        """Its transcripts of sampled episodes, without end."""
        for episode in sample(seed, revision=self.revision, grant_types=self.grant_types):
            yield run(episode, self.subject)


CLIENTS: Final[Mapping[str, Kept]] = MappingProxyType(
    {f"reference at {revision}": Kept(Driven(), revision) for revision in REVISIONS}
    | {"reference without a user": Kept(Driven(), grant_types=WITHOUT_A_USER)}
    | {f"policy {name}": Kept(Driven(policy)) for name, policy in POLICIES.items()}
    | {f"equivalent {one.name}": Kept(Driven(one.policy), one.revision) for one in EQUIVALENTS}
    | {
        f"mutant {name}": Kept(Driven(mutant.policy, mutant.step), grant_types=mutant.grant_types)
        for name, mutant in MUTANTS.items()
    }
)

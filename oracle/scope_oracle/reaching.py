"""Which clauses can be reached at all: those that the reference client comes to where a subject does not.

It is put through what the subject was put through: the same grant types, and the same parts of the same episodes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from typing import Final

from scope_judge.judge import judged
from scope_model.client import Call
from scope_model.events import ResourceResponse
from scope_properties.episodes import STREAM, Episode, Plan
from scope_properties.model_subject import ModelSession, ModelSubject
from scope_properties.runs import run
from scope_properties.world import World
from scope_spec import CLAUSES, Clause, Revision

from .selecting import Selection
from .subjects.watching import ROUNDS

ENOUGH: Final = 200
"""Episodes after which what the reference has not reached counts as out of reach: it reaches the rest in far fewer."""

_HANDSHAKE_OF_OLD: Final = "initialize"
_HANDSHAKE: Final = "server/discover"
_REFUSED: Final = 400


class Standalone(ModelSubject):
    """The reference as a client that decides by itself what it calls: whatever its server has, in turn."""

    @property
    def standalone(self) -> bool:
        """As the client in whose place it is."""
        return True

    def open(self, plan: Plan, world: World) -> ModelSession:
        """Start a client with nothing stored, that wants refresh tokens unless the plan says otherwise."""
        wants = plan.wants_refresh_token is not False
        session = ModelSubject.open(self, replace(plan, wants_refresh_token=wants), world)
        return _Standing(session.world, session.client, session.step)


class _Standing(ModelSession):
    """Calls everything in turn."""

    def call(self, call: Call) -> None:
        """Begin with the handshake of the revision, and go on for as long as it is served."""
        for operation in self._operations(call):
            if operation != STREAM:
                self.world.proceed()
            super().call(Call(call.resource, operation))
            if not self._is_served():
                return
            for token in self.world.brief_tokens:
                self.world.expire(token)
                self.expire(token)

    def _operations(self, call: Call) -> Iterator[str]:
        plan = self.world.plan
        other = _HANDSHAKE_OF_OLD if plan.revision in ROUNDS else _HANDSHAKE
        yield from (each for each in plan.servers.resources[call.resource].needs if each != other)
        while plan.revision in ROUNDS and self.world.coming:
            yield call.operation

    def _is_served(self) -> bool:
        last = self.world.events[-1]
        return isinstance(last, ResourceResponse) and last.status < _REFUSED


def judged_at(revision: Revision) -> tuple[Clause, ...]:
    """The clauses that a transcript can break at a revision, in the catalogue's order."""
    return tuple(
        clause
        for clause in CLAUSES.values()
        if clause.binds_at(revision) and not clause.excluded and not clause.unjudged
    )


def selected_at(revision: Revision, selection: Selection) -> tuple[Clause, ...]:
    """Those of them that a selection takes."""
    return tuple(clause for clause in judged_at(revision) if selection.may_take(clause.id))


class NothingSelected(ValueError):
    """A selection takes no clause that a transcript can break."""

    def __init__(self, revision: Revision) -> None:
        super().__init__(f"what is selected leaves no clause to judge at {revision}: see scopelaw explain")


def within_reach(clauses: Collection[str], episodes: Iterable[Episode], *, standalone: bool) -> frozenset[str]:
    """Those of the clauses that the reference comes to in some of the episodes; no more are played than it takes."""
    reference = Standalone() if standalone else ModelSubject()
    left = set(clauses)
    for episode in episodes:
        if not left:
            break
        left.difference_update(judged(run(episode, reference)).reached)
    return frozenset(clauses) - left

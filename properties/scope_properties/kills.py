"""The kill matrix: which laws a mutant breaks in a fixed run, how often, and how often one of them alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from typing import Final

from scope_model.client import Illegal

from .episodes import Episode
from .laws import broken_by
from .model_subject import Transition, transitions_of
from .mutants import MUTANTS, Mutant
from .runs import Run
from .sampling import sample
from .tables import UNEXPECTED_EVENTS

EPISODES: Final = 300
"""How many episodes the run has."""

_DISTURBED: Final = 12
"""In how many of them a mutant also hears events that have no place."""


@dataclass(frozen=True, slots=True)
class Kills:
    """In how many episodes a mutant breaks some law, each law, and each law where no other one breaks."""

    episodes: int = 0
    by: Counter[str] = field(default_factory=Counter)
    by_it_alone: Counter[str] = field(default_factory=Counter)


@cache
def kills_of(name: str) -> Kills:
    """What comes of a mutant in the fixed run."""
    mutant, by, alone, episodes = MUTANTS[name], Counter[str](), Counter[str](), 0
    for at, episode in enumerate(_episodes(mutant.grant_types)):
        run = Run(episode.plan, mutant.subject)
        run.play(*episode.steps)
        transitions = transitions_of(run.session)
        unexpected = _unexpected(mutant, transitions) if at < _DISTURBED else ()
        broken = {law for transition in (*transitions, *unexpected) for law in broken_by(transition)}
        by.update(broken)
        episodes += bool(broken)
        if len(broken) == 1:
            alone.update(broken)
    return Kills(episodes, by, alone)


@cache
def _episodes(grant_types: tuple[str, ...]) -> tuple[Episode, ...]:
    return tuple(islice(sample(11, grant_types=grant_types), EPISODES))


def _unexpected(mutant: Mutant, transitions: list[Transition]) -> Iterator[Transition]:
    """What a mutant does about events that have no place."""
    for transition in transitions:
        for event in UNEXPECTED_EVENTS:
            after, action = mutant.step(transition.before, event)
            if isinstance(action, Illegal):
                yield Transition(transition.before, event, after, action, mutant.step)

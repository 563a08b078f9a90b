"""The generator: the same episodes for a seed, all that a world allows in them, and short ones where they shrink."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import islice
from typing import get_args

import pytest
from hypothesis import Phase, find, given, settings

from scope_model.client import Call
from scope_properties.episodes import (
    Episode,
    EpisodeStep,
    ExpireToken,
    MakeCall,
    MoveResource,
    OverlapCalls,
    RestartClient,
)
from scope_properties.model_subject import ModelSubject
from scope_properties.reach import FREEDOMS, NEVER_BY_THE_REFERENCE, freedoms_of
from scope_properties.runs import Run
from scope_properties.sampling import sample
from scope_properties.strategies import episodes
from scope_properties.tables import ISSUERS, OPERATIONS, RESOURCES, USER_DELEGATED, WITHOUT_A_USER

SAMPLED: dict[tuple[str, ...], list[Episode]] = {
    grant_types: list(islice(sample(3, grant_types=grant_types), 400))
    for grant_types in (USER_DELEGATED, WITHOUT_A_USER)
}
FIXED = settings(max_examples=2_000, derandomize=True, database=None, deadline=None)

every_sample = pytest.mark.parametrize("grant_types", SAMPLED, ids=["delegated", "without a user"])


def resources_of(step: EpisodeStep) -> set[str]:
    match step:
        case RestartClient():
            return set()
        case MakeCall(call):
            return {call.resource}
        case OverlapCalls(first, second):
            return {first.call.resource, second.call.resource}
        case _:
            return {step.resource}


@every_sample
def test_a_seed_gives_the_same_episodes_and_another_one_others(grant_types: tuple[str, ...]) -> None:
    assert list(islice(sample(3, grant_types=grant_types), 400)) == SAMPLED[grant_types]
    assert next(sample(4, grant_types=grant_types)) != SAMPLED[grant_types][0]


@every_sample
def test_every_step_fits_its_world(grant_types: tuple[str, ...]) -> None:
    for episode in SAMPLED[grant_types]:
        servers = episode.plan.servers
        assert episode.plan.grant_type in grant_types
        assert {resource.issuer for resource in servers.resources.values()} <= servers.issuers.keys()
        for step in episode.steps:
            assert resources_of(step) <= servers.resources.keys()
            assert not isinstance(step, MoveResource) or step.issuer in servers.issuers
            assert not isinstance(step, OverlapCalls) or step.first.call != step.second.call


@every_sample
def test_everything_happens_in_some_episode(grant_types: tuple[str, ...]) -> None:
    kinds = Counter(type(step) for episode in SAMPLED[grant_types] for step in episode.steps)
    assert kinds.keys() == set(get_args(EpisodeStep))


def drawn_by_hypothesis() -> list[Episode]:
    drawn: list[Episode] = []

    @settings(FIXED, max_examples=1_000, phases=[Phase.generate])
    @given(episodes())
    def draw(episode: Episode) -> None:
        drawn.append(episode)

    draw()
    return drawn


def reached(made: Iterable[Episode]) -> set[object]:
    """All that happens in some episodes: kinds of steps, how clients are set up, and the freedoms that servers show."""
    seen: set[object] = set()
    for episode in made:
        plan = episode.plan
        seen.update(("registration", plan.registration), ("wants a refresh token", plan.wants_refresh_token))
        seen.update(map(type, episode.steps))
        seen.update(len(step.challenges) > 5 for step in episode.steps if isinstance(step, MakeCall))
        run = Run(plan, ModelSubject())
        run.play(*episode.steps)
        seen.update(freedoms_of(run.world))
    return seen


def test_servers_use_every_freedom_in_some_episode_and_both_drivers_reach_the_same() -> None:
    sampled = reached(islice(sample(3), 1_000))
    assert set(FREEDOMS) - sampled == set()
    assert not sampled.intersection(NEVER_BY_THE_REFERENCE)
    assert {*get_args(EpisodeStep), True, False} <= sampled
    assert reached(drawn_by_hypothesis()) == sampled


def shortest(shows: type[EpisodeStep] | None) -> Episode:
    return find(
        episodes(), lambda episode: shows is None or any(isinstance(s, shows) for s in episode.steps), settings=FIXED
    )


def test_the_plainest_episode_is_one_call_to_one_server() -> None:
    plainest = shortest(None)
    assert plainest.steps == (MakeCall(Call(RESOURCES[0], OPERATIONS[0])),)
    assert (list(plainest.plan.servers.resources), list(plainest.plan.servers.issuers)) == (
        [RESOURCES[0]],
        [ISSUERS[0]],
    )


@pytest.mark.parametrize("shows", [ExpireToken, MoveResource, RestartClient])
def test_what_shows_something_shrinks_to_one_server_and_a_few_steps(shows: type[EpisodeStep]) -> None:
    shown = shortest(shows)
    assert len(shown.plan.servers.resources) == 1
    assert len(shown.steps) <= 6

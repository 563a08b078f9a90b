"""Runs: what an application does of itself, and what is written down of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scope_model.client import Call
from scope_model.events import CallEnded, CallStarted, ResourceResponse
from scope_model.scopes import scopes
from scope_model.servers import AuthorizationServer, Challenging, ResourceServer, Servers
from scope_oracle import from_httpx_auth
from scope_oracle.checking import generated
from scope_properties.episodes import Episode, EpisodeStep, MakeCall, Plan
from scope_properties.model_subject import ModelSubject
from scope_properties.runs import Run, run
from scope_properties.subjects import Subject
from test_python_api import Careless

RESOURCE, ISSUER = "https://one.example/mcp", "https://as.example"
FORBIDDEN = Challenging("forbidden")


def statuses(plan: Plan, *challenges: Challenging) -> list[list[int]]:
    """What each call was answered with."""
    calls: list[list[int]] = []
    for event in run(Episode(plan, (MakeCall(Call(RESOURCE, "read"), challenges),)), ModelSubject()).events:
        match event:
            case CallStarted():
                calls.append([])
            case ResourceResponse(_, status, _, _):
                calls[-1].append(status)
            case _:
                pass
    return calls


def plan(*, sends_again: bool) -> Plan:
    servers = Servers(
        {RESOURCE: ResourceServer(RESOURCE, ISSUER, {"read": scopes("a")})}, {ISSUER: AuthorizationServer(ISSUER)}
    )
    return Plan(servers, sends_again=sends_again)


@pytest.mark.parametrize(
    ("sends_again", "challenges", "answered"),
    [
        (True, (Challenging(), FORBIDDEN), [[401, 403], [200]]),
        (True, (Challenging(), FORBIDDEN, FORBIDDEN), [[401, 403], [403]]),
        (True, (Challenging(),), [[401, 200]]),
        (False, (Challenging(), FORBIDDEN), [[401, 403]]),
    ],
)
def test_a_host_sends_a_failed_call_again_once_and_as_a_call_of_its_own(
    sends_again: bool,  # noqa: FBT001 - a parameter goes by its name
    challenges: tuple[Challenging, ...],
    answered: list[list[int]],
) -> None:
    assert statuses(plan(sends_again=sends_again), *challenges) == answered


def test_a_call_that_is_sent_again_has_a_number_of_its_own() -> None:
    episode = Episode(plan(sends_again=True), (MakeCall(Call(RESOURCE, "read"), (Challenging(), FORBIDDEN)),))
    events = run(episode, ModelSubject()).events
    assert [event.call for event in events if isinstance(event, CallStarted | CallEnded)] == [1, 1, 2, 2]


def as_second_calls(episode: Episode, subject: Subject) -> Episode:
    """The same episode of a host that sends nothing again, and whose user makes each failed call a second time."""
    quiet = replace(episode.plan, sends_again=False)
    playing, steps = Run(quiet, subject), list[EpisodeStep]()
    for step in episode.steps:
        before = len(playing.world.events)
        playing.play(step)
        steps.append(step)
        answers = [event for event in playing.world.events[before:] if isinstance(event, ResourceResponse)]
        if isinstance(step, MakeCall) and not any(
            answer.status == 200 and answer.operation == step.call.operation for answer in answers
        ):
            steps.append(playing.world.left_of(step))
            playing.play(steps[-1])
    return Episode(quiet, tuple(steps))


@pytest.mark.parametrize("subject", [ModelSubject(), from_httpx_auth(Careless)], ids=["model", "over HTTP"])
def test_what_a_host_sends_again_by_itself_shows_nothing_that_a_second_call_does_not(subject: Subject) -> None:
    again = 0
    for episode in generated("2026-07-28", 200, 0):
        if episode.plan.sends_again:
            running = Run(episode.plan, subject)
            running.play(*episode.steps)
            twice = as_second_calls(episode, subject)
            assert run(twice, subject) == running.transcript
            again += running.world.sent_again
    assert again

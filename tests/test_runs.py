"""Runs: what an application does of itself, and what is written down of it."""

from __future__ import annotations

import pytest

from scope_model.client import Call
from scope_model.events import CallEnded, CallStarted, ResourceResponse
from scope_model.scopes import scopes
from scope_model.servers import AuthorizationServer, Challenging, ResourceServer, Servers
from scope_properties.episodes import Episode, MakeCall, Plan
from scope_properties.model_subject import ModelSubject
from scope_properties.runs import run

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

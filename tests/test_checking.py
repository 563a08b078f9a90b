"""Checking: how a subject is got to know before it is judged."""

from __future__ import annotations

import pytest

from scope_model.client import Call
from scope_model.events import AUTHORIZATION_CODE, BROKEN_OFF, CLIENT_CREDENTIALS, CallEnded, ResourceRequest
from scope_oracle.checking import check, examiner, plain_episode
from scope_oracle.exchange import exchange, exchange_of
from scope_properties.episodes import Episode, MakeCall, OverlapCalls
from scope_properties.model_subject import ModelSubject
from scope_properties.mutants import MUTANTS
from scope_properties.runs import run
from scope_properties.world import PATIENCE
from scope_spec import REVISIONS, Revision


class Limited(ModelSubject):
    """The reference, as a client that can be set up with one grant type alone."""

    only = AUTHORIZATION_CODE

    @property
    def grant_types(self) -> tuple[str, ...]:
        """The one."""
        return (self.only,)


class Unattended(Limited):
    """The reference, without a user."""

    only = CLIENT_CREDENTIALS


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_subject_is_known_by_a_plain_episode_of_each_grant_type_it_has(revision: Revision) -> None:
    situations = {(who, when) for who in ("user", "machine") for when in ("initial", "step-up", "again")}
    known = examiner(ModelSubject(), revision).reads_plain
    assert known == situations if revision >= "2025-11-25" else known <= situations
    assert {who for who, _ in examiner(Limited(), revision).reads_plain} <= {"user"}
    assert {who for who, _ in examiner(Unattended(), revision).reads_plain} <= {"machine"}
    assert examiner(Limited(), revision).reads_plain | examiner(Unattended(), revision).reads_plain == known


def test_two_faults_of_one_clause_are_found_apart() -> None:
    found = check(MUTANTS["replaces"].subject, examples=60).broken
    causes = {broken.finding.cause for broken in found if broken.finding.clause == "ACC-1"}
    assert {"dropped", "declined"} <= causes
    assert len({broken.replay for broken in found if broken.finding.clause == "ACC-1"}) == len(causes)


def test_a_call_on_which_the_world_lost_its_patience_is_found() -> None:
    stubborn = MUTANTS["client-credentials-send-again"].subject
    (broken,) = (each for each in check(stubborn, examples=150).broken if each.finding.cause == "broken-off")
    assert broken.transcript.events[broken.finding.event] == CallEnded(1, BROKEN_OFF)
    sent = sum(isinstance(event, ResourceRequest) for event in broken.transcript.events)
    assert PATIENCE // 2 < sent <= PATIENCE
    whole, told = exchange(broken.transcript, {}).lines, exchange_of(broken.transcript, broken.finding).lines
    (so_on,) = (line for line in told if line.speaker == "…")
    assert so_on.says.startswith("and so on: ")
    assert len(told) < len(whole) // 4
    assert told[-1].marks == (broken.finding.because,)


def test_each_of_two_overlapping_calls_has_its_own_patience() -> None:
    plan = plain_episode("2026-07-28", CLIENT_CREDENTIALS).plan
    read, write = (Call(next(iter(plan.servers.resources)), operation) for operation in ("read", "write"))
    episode = Episode(plan, (OverlapCalls(MakeCall(read), MakeCall(write)), MakeCall(read)))
    events = run(episode, MUTANTS["client-credentials-send-again"].subject).events
    ended = [(event.call, event.outcome) for event in events if isinstance(event, CallEnded)]
    assert ended == [(2, BROKEN_OFF), (1, None), (3, None)]

"""Checking: how a subject is got to know before it is judged."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from click.testing import CliRunner

from scope_model.client import Call
from scope_model.events import (
    AUTHORIZATION_CODE,
    BROKEN_OFF,
    CLIENT_CREDENTIALS,
    TOKEN_EXCHANGE,
    CallEnded,
    ResourceRequest,
)
from scope_model.policies import POLICIES
from scope_model.servers import Challenging
from scope_oracle import cli
from scope_oracle.checking import Result, check, examiner, plain_episode
from scope_oracle.commands import opening
from scope_oracle.exchange import exchange, exchange_of
from scope_oracle.outcome import left_out, rows
from scope_properties.episodes import Episode, MakeCall, OverlapCalls, Plan
from scope_properties.model_subject import ModelSubject
from scope_properties.mutants import MUTANTS
from scope_properties.runs import run
from scope_properties.subjects import Session
from scope_properties.world import PATIENCE, World
from scope_spec import REVISIONS, Revision
from test_history import Idle


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


class Managed(Limited):
    """The reference, with a user whom an identity provider vouches for."""

    only = TOKEN_EXCHANGE


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_subject_is_known_by_a_plain_episode_of_each_grant_type_it_has(revision: Revision) -> None:
    situations = {(who, when) for who in ("user", "machine", "enterprise") for when in ("initial", "step-up", "again")}
    known = examiner(ModelSubject(), revision).reads_plain
    assert known == situations if revision >= "2025-11-25" else known <= situations
    assert {who for who, _ in examiner(Limited(), revision).reads_plain} <= {"user"}
    assert {who for who, _ in examiner(Unattended(), revision).reads_plain} <= {"machine"}
    assert {who for who, _ in examiner(Managed(), revision).reads_plain} <= {"enterprise"}
    each = (examiner(subject, revision).reads_plain for subject in (Limited(), Unattended(), Managed()))
    assert frozenset().union(*each) == known


def test_two_faults_of_one_clause_are_found_apart() -> None:
    found = check(MUTANTS["replaces"].subject, examples=60).broken
    causes = {broken.finding.cause for broken in found if broken.finding.clause == "ACC-1"}
    assert {"dropped", "declined"} <= causes
    assert len({broken.replay for broken in found if broken.finding.clause == "ACC-1"}) == len(causes)


class Skipping(Idle):
    """What a driver does where its SDK cannot be set up."""

    skipped = ("it can only register itself",)


class Choosy(ModelSubject):
    """The reference, as an SDK that cannot be registered beforehand, nor be without a user."""

    @property
    def grant_types(self) -> tuple[str, ...]:
        return (AUTHORIZATION_CODE,)

    def open(self, plan: Plan, world: World) -> Session:  # type: ignore[override]  # where it cannot, it is no model client
        return ModelSubject.open(self, plan, world) if plan.registration == "dynamic" else Skipping()


def test_what_a_subject_cannot_do_is_counted_and_said() -> None:
    result = check(Choosy(), examples=30)
    ((reason, count),) = result.skipped.items()
    assert reason == "it can only register itself"
    assert 0 < count < 30
    assert left_out(result)[0] == f"skipped in {count} of 30 episodes: {reason}"


def test_what_was_skipped_is_said_with_the_clauses_that_it_leaves_out() -> None:
    result = Result("x", "1", "2026-07-28", 0, 9, {}, (), within_reach=frozenset({"ACC-1", "SEL-1"}), skipped={"no": 9})
    assert left_out(result) == [
        "skipped in 9 of 9 episodes: no",
        "what the reference client reaches, and this one did not: SEL-1, ACC-1",
    ]


def test_a_row_says_whether_its_clause_could_have_been_reached() -> None:
    reached = {row.clause.id: row.says for row in rows(check(Choosy(), examples=200))}
    assert reached["EXT-1"] == reached["STEP-3"] == "out of reach"  # nobody is without a user
    assert reached["ACC-1"] == "holds"
    early = {row.clause.id: row.says for row in rows(check(Choosy(), examples=1))}
    assert "not reached" in early.values()


class Mute(ModelSubject):
    """A client that never calls anything."""

    def open(self, plan: Plan, world: World) -> Session:  # type: ignore[override]  # it is no model client  # noqa: ARG002
        return Idle()


def test_a_check_that_can_test_nothing_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    subject = Mute()
    result = check(subject, examples=5)
    assert (result.examples, result.complete) == (0, False)
    assert result.fault == "nothing can be tested: no call arrived at the server"
    monkeypatch.setattr(opening, "subject", lambda *_, **__: nullcontext(subject))
    for words in (["check", "model"], ["check", "model", "--format", "json"]):
        said = CliRunner().invoke(cli.cli, [*words, "--examples", "5", "--jobs", "1"])
        assert (said.exit_code, said.stdout) == (2, "")
        assert said.stderr == f"scopelaw: {result.fault}\n"


def test_no_client_of_the_models_is_turned_away() -> None:
    for policy in POLICIES.values():
        examiner(ModelSubject(policy), "2026-07-28")
    for mutant in MUTANTS.values():
        examiner(mutant.subject, "2026-07-28")


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
    endless = MakeCall(write, (Challenging("insufficient_scope"),), persists=True)
    episode = Episode(plan, (OverlapCalls(MakeCall(read), endless), MakeCall(read)))
    events = run(episode, MUTANTS["client-credentials-send-again"].subject).events
    ended = [(event.call, event.outcome) for event in events if isinstance(event, CallEnded)]
    assert ended == [(1, None), (2, BROKEN_OFF), (3, None)]

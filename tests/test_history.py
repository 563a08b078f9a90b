"""The history of a finding: learnt from releases that run, and from no others."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from importlib.metadata import version
from itertools import count
from typing import cast

import pytest

from scope_model.client import Call
from scope_model.events import ClientReported
from scope_model.policies import mcp_2025_11_25, mcp_2026_07_28
from scope_oracle.forms import Ran, history_json
from scope_oracle.history import History, history
from scope_oracle.subjects import DriverFault, SubjectUnavailable
from scope_oracle.terminal import life_line
from scope_properties.episodes import Plan
from scope_properties.model_subject import ModelSession, ModelSubject
from scope_properties.subjects import Session, Subject
from scope_properties.world import World


class Idle:
    """A session in which nothing ever happens."""

    def call(self, call: Call) -> None:
        """Make no call."""

    def overlap(self, first: Call, second: Call, turn: object) -> None:
        """Make no call."""

    def expire(self, access_token: str) -> None:
        """Have no clock."""

    def restart(self) -> bool:
        return True

    def report(self, resource: str) -> ClientReported | None:  # noqa: ARG002 - as every session has it
        return None


class Useless(ModelSubject):
    """A release that cannot make a single call."""

    def open(self, plan: Plan, world: World) -> Session:  # type: ignore[override]  # it is no model client  # noqa: ARG002
        return Idle()


class Faulty(ModelSubject):
    """A release on which the driver fails."""

    def open(self, plan: Plan, world: World) -> Session:  # type: ignore[override]  # it never opens  # noqa: ARG002
        raise DriverFault("the driver failed to call")


class Interrupted:
    """A release of old in the midst of which somebody loses patience; what it is else is the model."""

    def __init__(self, at: int) -> None:
        self.model = ModelSubject(mcp_2025_11_25)
        self.opened = count(1)
        self.at = at

    def __getattr__(self, name: str) -> object:
        return getattr(self.model, name)

    def open(self, plan: Plan, world: World) -> ModelSession:
        if next(self.opened) == self.at:
            raise KeyboardInterrupt
        return self.model.open(plan, world)


RELEASES = {
    "1": ModelSubject(mcp_2025_11_25),
    "2": ModelSubject(mcp_2025_11_25),
    "3": Useless(),
    "3.1": Faulty(),
    "4": ModelSubject(mcp_2026_07_28),
    "5": ModelSubject(mcp_2026_07_28),
}


UNBUILT = "cannot build 3.2: make ended with 1: there is no 3.2"


@cache
def learnt(*releases: str) -> History:
    def opening(release: str) -> AbstractContextManager[Subject]:
        if release not in RELEASES:
            raise SubjectUnavailable(UNBUILT)
        return nullcontext(RELEASES[release])

    return history(opening, releases, revision="2026-07-28", examples=60)


def lives(known: History, clause: str) -> set[tuple[str, str | None]]:
    return {(life.first, life.gone) for life in known.lives if life.broken.finding.clause == clause}


def test_a_finding_goes_with_the_first_release_that_does_not_show_it() -> None:
    assert lives(learnt("1", "2", "4", "5"), "ACC-1") == {("1", "4")}


def test_two_faults_of_one_clause_have_lives_of_their_own() -> None:
    faults = {(life.broken.finding.clause, life.broken.finding.cause) for life in learnt("1", "2", "4", "5").lives}
    assert len({clause for clause, _ in faults}) < len(faults)


def test_a_finding_comes_with_the_first_release_that_shows_it() -> None:
    assert lives(learnt("5", "4", "2", "1"), "ACC-1") == {("2", None)}


def test_a_finding_that_is_absent_from_both_ends_of_a_list_is_found() -> None:
    assert lives(learnt("5", "2", "4"), "ACC-1") == {("2", "4")}


def test_a_finding_that_comes_again_has_two_lives() -> None:
    assert lives(learnt("1", "4", "2"), "ACC-1") == {("1", "4"), ("2", None)}


def test_a_release_that_cannot_make_a_call_says_nothing_of_any_finding() -> None:
    known = learnt("1", "2", "3", "3.1", "3.2", "4", "5")
    assert lives(known, "ACC-1") == {("1", "4")}
    assert known.useless == {
        "3": "nothing can be tested: no call arrived at the server",
        "3.1": "the driver failed to call",
        "3.2": UNBUILT,
    }
    assert not {"3", "3.1", "3.2"} & {*known.ran}


def test_the_first_release_run_without_a_finding_is_told_from_the_one_that_it_went_in() -> None:
    for releases, last, over, told in (
        (("1", "2", "4"), "2", (), "gone in 4"),
        (("1", "2", "3", "3.2", "4"), "2", ("3", "3.2"), "4 is the first run without it"),
    ):
        known = learnt(*releases)
        (life,) = (each for each in known.lives if each.broken.finding.cause == "dropped" and each.first == "1")
        assert (life.last, life.gone) == (last, "4")
        assert known.passed_over(life) == over
        assert life_line(life, known) == told


def test_a_history_says_what_it_was_made_with() -> None:
    form = history_json("ours", learnt("1", "4"), ran=Ran.since(0, "scopelaw", "history"))
    assert {name: form[name] for name in ("scopelaw_version", "revision", "examples", "seed")} == {
        "scopelaw_version": version("scopelaw"),
        "revision": "2026-07-28",
        "examples": 60,
        "seed": 0,
    }


@pytest.mark.parametrize("releases", [("3", "5"), ("1", "3")])
def test_a_history_has_to_begin_and_end_with_a_release_that_can(releases: tuple[str, str]) -> None:
    with pytest.raises(DriverFault, match=r"^3: nothing can be tested: no call arrived at the server$"):
        learnt(*releases)


@pytest.mark.parametrize("at", [1, 70, 200])
def test_an_interrupt_leaves_no_half_of_a_history(at: int) -> None:
    interrupted = Interrupted(at)

    def opening(release: str) -> AbstractContextManager[Subject]:
        # It has the members of the model, which no type checker can see.
        return nullcontext(cast("Subject", interrupted) if release == "1" else RELEASES[release])

    with pytest.raises(KeyboardInterrupt):
        history(opening, ["1", "5"], revision="2026-07-28", examples=60)

"""Checks whose episodes Hypothesis chooses: they find what other checks find, shrink it, and keep it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner
from hypothesis.database import InMemoryExampleDatabase

from scope_oracle import check
from scope_oracle.cli import cli
from scope_oracle.exploring import explore
from scope_oracle.reaching import Standalone
from scope_oracle.subjects import DriverFault
from scope_oracle.tally import kind_of
from scope_properties.episodes import Episode, Plan
from scope_properties.machine import machine_for
from scope_properties.model_subject import ModelSession, ModelSubject
from scope_properties.mutants import MUTANTS
from scope_properties.world import World

FORGETFUL: Final = MUTANTS["replaces"].subject


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hypothesis keeps its examples in the folder that it is run in."""
    monkeypatch.chdir(tmp_path)


def test_nothing_is_found_of_the_reference() -> None:
    result = explore(ModelSubject(), examples=40, database=InMemoryExampleDatabase())
    assert result.complete
    assert result.examples >= 40
    assert not result.broken
    assert result.reached["ACC-1"]


def test_what_is_found_is_short_replays_and_is_tried_first_the_next_time() -> None:
    database = InMemoryExampleDatabase()
    result = explore(FORGETFUL, examples=40, database=database)
    (dropped,) = (each for each in result.broken if kind_of(each.finding) == ("ACC-1", "discouraged", "dropped"))
    assert len(dropped.transcript.events) < 30
    told = CliRunner().invoke(cli, ["check", "mcp-2025-11-25", "--replay", dropped.replay])
    assert "ACC-1/dropped discouraged" in told.stdout
    assert database.data  # what it shrank to
    again = explore(FORGETFUL, examples=1, database=database)
    assert ("ACC-1", "discouraged", "dropped") in {kind_of(each.finding) for each in again.broken}


def test_a_client_that_runs_whole_episodes_has_its_turn_here_alone() -> None:
    result = explore(Standalone(), examples=10, database=InMemoryExampleDatabase())
    assert result.complete
    assert not [each for each in result.broken if each.finding.verdict != "unspecified"]
    with pytest.raises(ValueError, match="runs whole episodes by itself"):
        machine_for(Standalone())


class Mortal(ModelSubject):
    """The reference, behind a driver that dies."""

    left = 30

    def open(self, plan: Plan, world: World) -> ModelSession:
        type(self).left -= 1
        if self.left < 0:
            raise DriverFault("the driver is gone")
        return super().open(plan, world)


def test_a_driver_that_dies_ends_it_with_what_was_found() -> None:
    result = explore(Mortal(), examples=100, database=InMemoryExampleDatabase())
    assert (result.complete, result.fault) == (False, "the driver is gone")
    assert 0 < result.examples <= 30


class Interrupted(ModelSubject):
    """The reference, whose user has other things to do."""

    left = 30

    def playable(self, episode: Episode) -> Episode:
        type(self).left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        return episode


def test_an_interrupt_ends_it_with_what_was_found() -> None:
    result = explore(Interrupted(), examples=100, database=InMemoryExampleDatabase())
    assert (result.complete, result.fault) == (False, None)
    assert 0 < result.examples <= 30


def test_the_command_and_the_test_of_ones_own_have_it() -> None:
    told = CliRunner().invoke(
        cli, ["check", "mcp-2025-11-25", "--engine", "hypothesis", "--examples", "20", "--format", "json"]
    )
    assert told.exit_code == 1
    form = json.loads(told.stdout)
    assert form["engine"] == "hypothesis"
    assert "ACC-1" in {each["clause"] for each in form["findings"]}
    checked = check(FORGETFUL, engine="hypothesis", examples=20, select=["ACC-1"])
    assert {each.finding.clause for each in checked.failing()} == {"ACC-1"}


@pytest.mark.parametrize(
    ("words", "says"),
    [(["--engine", "hypothesi"], "did you mean hypothesis"), (["--engine", "hypothesis", "--jobs", "2"], "--jobs")],
)
def test_what_cannot_be_is_one_sentence(words: list[str], says: str) -> None:
    told = CliRunner().invoke(cli, ["check", *words])
    assert told.exit_code == 2
    assert says in told.stderr
    assert told.stderr.count("\n") == 1

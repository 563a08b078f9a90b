"""Bugs planted into a private copy of the released Python SDK: each is real, and a check finds it by its clause."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from statistics import median

import pytest

from planted.bugs import BUGS, CHAPTERS
from planted.commanded import Results
from planted.hunting import found
from planted.planting import FLOW, Bug, Edit, OtherRelease, copied, planted
from planted.table import PAGE, page
from scope_oracle.subjects.python_sdk import PythonSdk
from scope_properties.runs import run
from scope_spec import CLAUSES

AT_LEAST = 40
NINE_IN_TEN = 0.9
HALF_WITHIN = 50
"""By so many episodes half of the bugs must be found."""

bugs = pytest.mark.parametrize("bug", BUGS.values(), ids=BUGS)


def test_there_are_enough_bugs_and_no_two_of_a_name() -> None:
    assert len(BUGS) == sum(len(chapter.BUGS) for chapter in CHAPTERS) >= AT_LEAST
    assert {bug.clause for bug in BUGS.values()} <= set(CLAUSES)


@bugs
def test_a_bug_changes_the_wire_in_a_legal_situation(bug: Bug) -> None:
    assert run(bug.probe, planted(bug)).events != run(bug.probe, PythonSdk()).events


def test_the_sdk_that_others_import_stays_as_it_is() -> None:
    before = {name: module for name, module in sys.modules.items() if name.startswith("mcp")}
    bug = BUGS["replaces"]
    wrong = planted(bug)
    assert wrong.sdk.auth is not PythonSdk().sdk.auth
    assert {name: module for name, module in sys.modules.items() if name.startswith("mcp")} == before


def test_an_edit_that_does_not_fit_the_release_is_told() -> None:
    stale = replace(BUGS["replaces"], edits=(Edit(FLOW, "what no release says", ""),))
    with pytest.raises(OtherRelease, match=r"matches mcp\.client\.auth\.oauth2 0 times: 'what no release says'"):
        planted(stale)


def test_a_copy_for_another_process_has_the_bug(tmp_path: Path) -> None:
    bug = BUGS["replaces"]
    copied(bug, tmp_path)
    (edit,) = bug.edits
    assert edit.replace in tmp_path.joinpath(*FLOW.split(".")).with_suffix(".py").read_text("utf-8")


@pytest.mark.long
@bugs
def test_a_bug_is_found_by_its_clause_as_nothing_else_is(bug: Bug) -> None:
    assert found(bug.name) is not None


@pytest.mark.long
def test_half_of_the_bugs_are_found_soon() -> None:
    assert median(one.episode for one in map(found, BUGS) if one is not None) <= HALF_WITHIN


def test_a_conformance_client_shows_nine_in_ten_of_the_bugs_that_it_can() -> None:
    commanded = Results.kept().found
    assert set(commanded) == {name for name, bug in BUGS.items() if bug.commanded}
    dead = {name: one for name, one in commanded.items() if one is not None}
    assert all(one.kind[0] == BUGS[name].clause for name, one in dead.items())
    assert len(dead) >= NINE_IN_TEN * len(commanded)


@pytest.mark.long
def test_the_table_is_current() -> None:
    assert PAGE.read_text("utf-8") == page()

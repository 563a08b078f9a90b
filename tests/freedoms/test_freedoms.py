"""Who errs by a freedom alone is found where that is, and not without it; the page that lists them is current."""

from __future__ import annotations

import pytest

from freedoms.erring import FAULTS
from freedoms.table import COUNTED, NOBODY, PAGE, page
from scope_oracle.checking import Examiner, examiner, generated
from scope_oracle.tally import Kind, kind_of
from scope_properties.episodes import Episode
from scope_properties.mutants import MUTANTS
from scope_properties.reach import NEVER_BY_THE_REFERENCE, freedoms_of


def shown(examining: Examiner, episode: Episode) -> tuple[set[Kind], set[str]]:
    """What is found of a client in an episode, and the freedoms that reach counts."""
    running = examining.play(episode)
    found = examining.judge(running.transcript).found
    return set(map(kind_of, found)), set(freedoms_of(running.world))


@pytest.mark.parametrize("freedom", FAULTS)
def test_a_fault_is_found_where_the_freedom_is_that_shows_it_and_not_without_it(freedom: str) -> None:
    fault = FAULTS[freedom]
    right, wrong = (examiner(client, fault.revision) for client in fault.clients())
    dies = 0
    for episode in generated(fault.revision, fault.examples, 0):
        without = fault.without(episode)
        found, counted = shown(wrong, without)
        assert freedom not in counted
        assert found <= shown(right, without)[0]
        if without != episode:
            found, counted = shown(wrong, episode)
            new = found - shown(right, episode)[0]
            assert freedom in counted or not new
            dies += any(clause == fault.clause for clause, _, _ in new)
    assert dies


def test_whatever_somebody_errs_by_is_counted_and_nobody_errs_by_what_nobody_can() -> None:
    by_mutants = set().union(*(mutant.only_by for mutant in MUTANTS.values()))
    assert by_mutants | FAULTS.keys() | NOBODY.keys() <= set(COUNTED)
    assert set(NEVER_BY_THE_REFERENCE) <= FAULTS.keys()
    assert not NOBODY.keys() & (by_mutants | FAULTS.keys())


def test_the_page_is_current() -> None:
    assert PAGE.read_text("utf-8") == page(), "run python -m freedoms.table in tests"

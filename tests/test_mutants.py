"""Every mutant dies, of the clause that it names and of nothing unrelated; every law has one that it alone kills."""

from __future__ import annotations

from functools import cache

import pytest

from scope_judge.judge import judge, judged
from scope_oracle.checking import Examiner, examiner, generated
from scope_properties.episodes import Episode
from scope_properties.kills import Kills, kills_of
from scope_properties.laws import LAWS, broken_by
from scope_properties.model_subject import ModelSession, ModelSubject
from scope_properties.mutants import EQUIVALENTS, MUTANTS, Equivalent, Mutant
from scope_properties.reach import FREEDOMS, freedoms_of
from scope_properties.runs import Run
from scope_properties.shrinking import Length, shrink
from scope_properties.tables import USER_DELEGATED, WITHOUT_A_USER
from scope_spec import CLAUSES, Revision

REVISION: Revision = "2026-07-28"
DEADLINE = 2_000
"""By so many episodes a mutant must be dead."""

WATCHED = 200
"""In so many episodes nothing but what it declares may be found."""

OFTEN = 10
"""In so many episodes of the fixed run a law must catch its mutant."""

JUDGED = [mutant for mutant in MUTANTS.values() if mutant.law_only is None]


@cache
def episodes(grant_types: tuple[str, ...]) -> list[Episode]:
    """The same episodes for every mutant."""
    return list(generated(REVISION, DEADLINE, 7, grant_types))


def clauses_found(examining: Examiner, episode: Episode) -> set[str]:
    """The clauses that the judge finds broken."""
    return {finding.clause for finding in examining.judged(episode)[1].found}


@pytest.mark.parametrize("mutant", JUDGED, ids=lambda mutant: mutant.name)
def test_a_mutant_dies_of_its_clause_and_of_nothing_unrelated(mutant: Mutant) -> None:
    examining = examiner(mutant.subject, REVISION)
    made = episodes(mutant.grant_types)
    for episode in made[:WATCHED]:
        strangers = clauses_found(examining, episode) - mutant.also - {mutant.clause}
        assert not strangers
    assert any(mutant.clause in clauses_found(examining, episode) for episode in made)


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=lambda mutant: mutant.name)
def test_what_a_mutant_is_said_to_break_exists(mutant: Mutant) -> None:
    assert mutant.says
    assert not mutant.clause or mutant.clause in CLAUSES
    assert mutant.also <= CLAUSES.keys() - {mutant.clause}
    if mutant.law_only is None:
        clause = CLAUSES[mutant.clause]
        assert clause.excluded is None
        assert clause.unjudged is None


@pytest.mark.parametrize(
    "mutant",
    [mutant for mutant in MUTANTS.values() if mutant.law_only is not None],
    ids=lambda mutant: mutant.name,
)
def test_a_mutant_that_only_a_law_can_see_is_shown_by_no_transcript(mutant: Mutant) -> None:
    examining = examiner(mutant.subject, REVISION)
    made = episodes(mutant.grant_types)[:WATCHED]
    assert not set().union(*(clauses_found(examining, episode) for episode in made))


@pytest.mark.parametrize("name", ["replaces", "reverses", "first-scheme", "wiped-by-a-refusal", "no-bound"])
def test_a_mutant_is_shown_by_a_short_trace(name: str) -> None:
    mutant = MUTANTS[name]
    examining = examiner(mutant.subject, REVISION)

    def shows(episode: Episode) -> Length | None:
        _, judge = examining.judged(episode)
        return next(((found.event,) for found in judge.found if found.clause == mutant.clause), None)

    shown = next(episode for episode in episodes(mutant.grant_types) if shows(episode) is not None)
    shortest = shrink(shown, shows)
    assert len(shortest.steps) <= (3 if name != "no-bound" else 1)
    assert shows(shortest) == shows(shrink(shortest, shows))


# The freedoms of the servers


@pytest.mark.parametrize("mutant", [mutant for mutant in JUDGED if mutant.only_by], ids=lambda mutant: mutant.name)
def test_a_mutant_that_errs_by_a_freedom_alone_lives_without_it(mutant: Mutant) -> None:
    assert mutant.only_by <= set(FREEDOMS)
    examining = examiner(mutant.subject, REVISION)
    for episode in episodes(mutant.grant_types)[:600]:
        run = Run(episode.plan, mutant.subject)
        run.play(*episode.steps)
        found = judged(run.transcript, examining.readings, examining.reads_plain).found
        # What it does besides may be a matter of reading, as to register for all scopes (A20).
        wrong = [one for one in found if one.clause == mutant.clause or one.verdict != "unspecified"]
        assert not wrong or mutant.only_by & set(freedoms_of(run.world))


# The kill matrix


@pytest.fixture(scope="module")
def kills() -> dict[str, Kills]:
    return {name: kills_of(name) for name in MUTANTS}


def test_every_mutant_breaks_laws_in_five_of_three_hundred_episodes(kills: dict[str, Kills]) -> None:
    # One that errs by a freedom alone is as rare as the freedom, and some of these err on the wire alone.
    often = {name: known for name, known in kills.items() if not MUTANTS[name].only_by}
    assert {name: known.episodes for name, known in often.items() if known.episodes < OFTEN // 2} == {}


@pytest.mark.parametrize("law", LAWS)
def test_every_law_has_a_mutant_that_it_alone_catches(law: str, kills: dict[str, Kills]) -> None:
    assert max(known.by_it_alone[law] for known in kills.values()) >= OFTEN


def test_no_law_catches_only_what_another_one_catches_too(kills: dict[str, Kills]) -> None:
    caught = {law: {name for name, known in kills.items() if known.by[law]} for law in LAWS}
    assert [(law, other) for law in LAWS for other in LAWS if law != other and caught[law] <= caught[other]] == []


# What is no mutant


@pytest.mark.parametrize("equivalent", EQUIVALENTS, ids=lambda equivalent: equivalent.name)
def test_what_cannot_be_killed_lives(equivalent: Equivalent) -> None:
    assert equivalent.why
    subject = ModelSubject(equivalent.policy)
    examining = examiner(subject, equivalent.revision)
    for episode in generated(equivalent.revision, 400, 5):
        found = examining.judged(episode)[1].found
        assert [finding for finding in found if finding.clause != "ORDER-3"] == []


def test_the_reference_breaks_no_clause_and_no_law() -> None:
    reached: dict[str, int] = {}
    for grant_types in (USER_DELEGATED, WITHOUT_A_USER):
        for episode in episodes(grant_types)[:600]:
            run = Run(episode.plan, ModelSubject())
            run.play(*episode.steps)
            assert judge(run.transcript) == []
            assert isinstance(run.session, ModelSession)
            for moved in run.session.transitions:
                assert broken_by(moved, reached) == []

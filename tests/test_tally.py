"""What many episodes come to: whoever never steps up is found, once, and nobody else is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

import pytest

from scope_judge.findings import DEFAULT_READINGS, Finding
from scope_oracle.checking import Alone, Result, check, examiner, generated, mostly_delegated, replayed
from scope_oracle.forms import broken_json
from scope_oracle.grounds import PLAIN, Grounds
from scope_oracle.history import history
from scope_oracle.jobs import Jobs
from scope_oracle.outcome import rows
from scope_oracle.page import result_html
from scope_oracle.tally import NEVER_STEPS_UP, OPPORTUNITIES, Broken, Judged, Tally, given_up, kind_of
from scope_oracle.terminal import broken_text
from scope_properties.episodes import Plan
from scope_properties.model_subject import ModelSession, ModelSubject
from scope_properties.mutants import MUTANTS
from scope_properties.subjects import Subject
from scope_properties.world import World

NEVER = MUTANTS["never-steps-up"].subject
DRAWN = mostly_delegated(NEVER)
EXAMPLES = 60


class Once(ModelSubject):
    """A client that steps up in its first episodes, and never again."""

    opened: list[Plan] = []  # noqa: RUF012 - a subject is frozen, and has slots
    patience = 12

    def open(self, plan: Plan, world: World) -> ModelSession:
        """The reference at first, then the mutant."""
        self.opened.append(plan)
        return (ModelSubject() if len(self.opened) <= self.patience else NEVER).open(plan, world)


def never(say: Callable[[str], None] | None = None) -> AbstractContextManager[Subject]:  # noqa: ARG001
    """The mutant, for each process that asks."""
    return nullcontext(NEVER)


def said(result: Result) -> list[Broken]:
    """What is said of never stepping up."""
    return [broken for broken in result.broken if kind_of(broken.finding) == NEVER_STEPS_UP]


@pytest.fixture(scope="module")
def result() -> Result:
    """A short check of the mutant."""
    return check(NEVER, examples=EXAMPLES)


def test_who_never_steps_up_is_found_once_with_the_number_of_opportunities(result: Result) -> None:
    (broken,) = said(result)
    working = Alone(examiner(NEVER, "2026-07-28"))
    counted = sum(one.opportunities for one in working.judge(generated("2026-07-28", EXAMPLES, 0, DRAWN)))
    assert broken.finding.reading == "A21"
    assert counted >= OPPORTUNITIES
    assert broken.finding.because.endswith(f"in 0 of {counted} fair opportunities")
    (row,) = (row for row in rows(result) if row.clause.id == "STEP-2")
    assert row.verdict == "discouraged"
    assert row.reached >= counted


def test_its_trace_is_the_shortest_of_a_challenge_given_up(result: Result) -> None:
    (broken,) = said(result)
    given = next(each for each in result.broken if kind_of(each.finding) == ("STEP-2", "unspecified", "given-up"))
    assert (broken.replay, broken.finding.event) == (given.replay, given.finding.event)
    assert len(broken.episode.steps) == 1


def test_its_replay_shows_the_challenge_given_up(result: Result) -> None:
    (broken,) = said(result)
    transcript, findings = replayed(NEVER, broken.replay)
    assert transcript == broken.transcript
    assert [(each.clause, each.verdict, each.event) for each in findings] == [
        ("STEP-2", "unspecified", broken.finding.event)
    ]


def test_several_processes_count_together(result: Result) -> None:
    with Jobs(never, 2, "2026-07-28", {}) as bench:
        assert check(NEVER, examples=EXAMPLES, bench=bench).broken == result.broken


def test_who_steps_up_is_not_found() -> None:
    assert said(check(ModelSubject(), examples=EXAMPLES)) == []


def test_who_steps_up_once_is_not_found() -> None:
    Once.opened.clear()
    wavering = Once()
    sometimes = check(wavering, examples=EXAMPLES)
    assert any(broken.finding.clause == "STEP-2" for broken in sometimes.broken)
    assert said(sometimes) == []


def test_a_reading_may_leave_stepping_up_to_the_client() -> None:
    assert said(check(NEVER, examples=EXAMPLES, readings={**DEFAULT_READINGS, "A21": "optional"})) == []


def test_an_interrupted_check_counts_what_it_saw() -> None:
    tried = 0

    def progress(_: object) -> None:
        nonlocal tried
        tried += 1
        if tried == EXAMPLES:
            raise KeyboardInterrupt

    stopped = check(NEVER, examples=10 * EXAMPLES, progress=progress)
    assert not stopped.complete
    assert len(said(stopped)) == 1


def test_a_few_opportunities_are_no_proof(result: Result) -> None:
    (broken,) = said(result)
    tally = Tally()
    for _ in range(OPPORTUNITIES - 1):
        tally.add(Judged({}, {NEVER_STEPS_UP: broken}, 1, stepped_up=False))
    assert tally.found == []
    tally.add(Judged({}, {}, 1, stepped_up=False))
    assert tally.found == [broken]
    assert tally.counted(broken).finding.because.endswith(f"in 0 of {OPPORTUNITIES} fair opportunities")
    tally.add(Judged({}, {}, 0, stepped_up=True))
    assert tally.found == []


def test_what_is_not_counted_keeps_its_sentence(result: Result) -> None:
    other = next(each for each in result.broken if kind_of(each.finding) != NEVER_STEPS_UP)
    assert Tally(opportunities=9).counted(other).finding == other.finding


def test_what_is_given_up_is_found_in_a_transcript_where_it_is_settled(result: Result) -> None:
    (broken,) = said(result)
    again = list(given_up(broken.transcript, {}))
    assert [replace(each, because="") for each in again] == [replace(broken.finding, because="")]
    unsettled = replace(broken.transcript, events=broken.transcript.events[: broken.finding.event])
    assert list(given_up(unsettled, {})) == []


def test_nobody_steps_up_before_a_revision_says_so(result: Result) -> None:
    (broken,) = said(result)
    before = replace(broken.transcript.header, revision="2025-06-18")
    assert list(given_up(replace(broken.transcript, header=before), {})) == []


def test_an_episode_in_which_a_challenge_is_answered_shows_nothing(result: Result) -> None:
    (broken,) = said(result)
    judged = Alone(examiner(ModelSubject(), "2026-07-28")).judge_one(broken.episode)
    assert judged.stepped_up
    assert NEVER_STEPS_UP not in judged.broken


def test_its_history_is_that_of_its_trace() -> None:
    releases = {"1": NEVER, "2": NEVER, "3": ModelSubject()}

    def opening(release: str) -> AbstractContextManager[Subject]:
        return nullcontext(releases[release])

    known = history(opening, tuple(releases), revision="2026-07-28", examples=EXAMPLES)
    lives = [life for life in known.lives if kind_of(life.broken.finding) == NEVER_STEPS_UP]
    assert [(life.first, life.gone) for life in lives] == [("1", "3")]


def test_what_is_said_of_the_whole_run_is_told_in_a_sentence_and_not_as_a_trace(result: Result) -> None:
    (broken,) = said(result)
    text = "\n".join(line.plain for line in broken_text(broken, readings={}, width=100))
    assert f"\n  {broken.finding.because}\n" in text
    assert "→" not in text
    assert f"scope_oracle.replay(SUBJECT, '{broken.replay}')" in text
    (form,) = (each for each in map(broken_json, result.broken) if each["cause"] == "never-steps-up")
    assert not {"event", "transcript"} & form.keys()
    assert form["because"] == broken.finding.because
    html = result_html(result, readings={})
    assert f"<dt>Seen</dt><dd>{broken.finding.because}</dd>" in html
    assert html.count("<ol ") == len(result.broken) - 1


def test_each_finding_says_in_how_many_episodes_it_was_found(result: Result) -> None:
    working = Alone(examiner(NEVER, "2026-07-28"))
    seen = Counter(kind for one in working.judge(generated("2026-07-28", EXAMPLES, 0, DRAWN)) for kind in one.broken)
    assert {kind_of(broken.finding): broken.found_in for broken in result.broken} == seen
    assert {broken.out_of for broken in result.broken} == {EXAMPLES}
    assert 1 < seen[NEVER_STEPS_UP] < EXAMPLES
    for broken in result.broken:
        counted = f"in {broken.found_in} of {EXAMPLES} episodes"
        assert f"  found:    {counted}" in [line.plain for line in broken_text(broken, readings={}, width=100)]
        assert broken_json(broken)["episodes"] == broken.found_in
        assert f"<dt>found</dt><dd>{counted}</dd>" in result_html(result, readings={})


def test_what_is_spelled_plainly_is_kept_before_what_is_short(result: Result) -> None:
    (broken,) = said(result)
    odd = Grounds(frozenset(("no-blanks",)), (frozenset(("no-blanks",)),))
    short, long = (
        replace(broken, finding=Finding("ACC-1", "discouraged", event, "why", "dropped"), grounds=rests_on)
        for event, rests_on in ((1, odd), (2, PLAIN))
    )
    for order in ((short, long), (long, short)):
        tally = Tally()
        for each in order:
            tally.add(Judged({}, {kind_of(each.finding): each}, 0, stepped_up=False))
        assert tally.found == [long]


def test_a_finding_of_each_kind_is_kept_where_it_comes_first(result: Result) -> None:
    (broken,) = said(result)
    early, late = (
        replace(broken, finding=Finding("ACC-1", "discouraged", event, "why", "dropped")) for event in (1, 2)
    )
    other = replace(broken, finding=Finding("ACC-1", "discouraged", 3, "why", "declined"))
    tally = Tally()
    for each in (late, other, early):
        tally.add(Judged({}, {kind_of(each.finding): each}, 0, stepped_up=False))
    assert tally.found == [other, early]

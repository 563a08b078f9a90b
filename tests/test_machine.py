import re

import pytest
from hypothesis import Phase, given, settings
from hypothesis.stateful import run_state_machine_as_test

from scope_model.events import Transcript
from scope_properties.agreement import agreement
from scope_properties.episodes import Episode
from scope_properties.laws import LAWS
from scope_properties.machine import SILENT_WORLDS, WORLDS, ScopeMachine, machine_for
from scope_properties.model_subject import ModelSubject
from scope_properties.mutants import MUTANTS
from scope_properties.reach import Reach
from scope_properties.strategies import episodes
from scope_properties.tables import USER_DELEGATED, WITHOUT_A_USER

FIXED = settings(
    max_examples=60,
    stateful_step_count=15,
    derandomize=True,
    database=None,
    deadline=None,
    phases=(Phase.generate, Phase.shrink),
)


def failure(machine: type[ScopeMachine]) -> tuple[list[str], list[str]]:
    """The steps that a bad machine's run shrinks to, after the first, and the objections to the last.

    At which event is left out: it depends on the world that is left over, which may be one of several.
    """
    with pytest.raises(AssertionError) as failed:
        run_state_machine_as_test(machine, settings=FIXED)
    printed = "\n".join(failed.value.__notes__).splitlines()
    steps = [line for line in printed if line.startswith("state.") and not line.startswith("state.start_client(")]
    return steps[:-1], re.sub(r", at event \d+", "", str(failed.value)).splitlines()


# The reference


def test_the_reference_passes() -> None:
    run_state_machine_as_test(ScopeMachine, settings=FIXED)


def test_a_longer_run_of_the_reference_leaves_nothing_unreached() -> None:
    reach = Reach()
    for worlds in (WORLDS, SILENT_WORLDS):
        machine = machine_for(ModelSubject(), worlds, failing="unspecified", counting=reach)
        run_state_machine_as_test(machine, settings=settings(FIXED, max_examples=1_200))
    assert reach.missing() == []


def test_the_same_seed_gives_the_same_transcripts() -> None:
    def transcripts() -> list[Transcript]:
        written: list[Transcript] = []

        class Written(ScopeMachine):
            reach = Reach()

            def teardown(self) -> None:
                written.append(self.run.transcript)

        run_state_machine_as_test(Written, settings=settings(FIXED, max_examples=20))
        return written

    assert transcripts() == transcripts()


# Bad machines, and how short they fail


READ = "Call(resource='https://one.example/mcp', operation='read')"


def test_a_client_that_replaces_is_caught_by_both_formulations() -> None:
    steps, objections = failure(machine_for(MUTANTS["replaces"].subject))
    assert steps == [f"state.call_and_challenge_for_one_scope_after_another(call={READ})"]
    grow, again = "requested_scopes_only_grow", "what_was_granted_is_asked_for_again"
    assert objections == [
        f"law: {grow}, ACC-1: {LAWS[grow].says}",
        f"law: {again}, ACC-2: {LAWS[again].says}",
        "judge: ACC-1, discouraged: a was asked for before, and is missing",
        "judge: ACC-1, discouraged: b was asked for before, and is missing",
    ]


def test_a_client_that_reverses_is_caught_by_a_law_while_the_judge_calls_it_unspecified() -> None:
    steps, objections = failure(machine_for(MUTANTS["reverses"].subject))
    assert len(steps) == 1
    law = "scopes_stand_in_first_seen_order"
    assert objections == [f"law: {law}, ORDER-3: {LAWS[law].says}"]


def test_a_client_that_loses_its_account_to_a_refusal_is_caught_when_it_is_refused() -> None:
    steps, objections = failure(machine_for(MUTANTS["wiped-by-a-refusal"].subject))
    assert len(steps) == 2
    assert objections == ["law: a_failure_changes_no_grant, ACC-10: A call that fails leaves every account as it was."]


def test_a_client_that_acts_on_illegal_events_is_caught_by_unexpected_ones() -> None:
    steps, objections = failure(machine_for(MUTANTS["acts-on-illegal-events"].subject))
    assert steps == ["state.restart_client()", "state.send_unexpected_events()"]
    law = "an_illegal_event_changes_nothing"
    assert objections == [f"law: {law}: {LAWS[law].says}"]


@pytest.mark.parametrize(
    "name",
    [
        "sticks-narrow",
        "two-at-most",
        "any-403-is-a-challenge",
        "cut-to-the-registered",
        "wiped-by-a-refused-code",
        "last-scheme",
        "compares-descriptions",
        "shared-between-resources",
        "bound-for-the-session",
    ],
)
def test_the_judge_alone_finds_in_the_machine_what_it_finds_in_a_check(name: str) -> None:
    mutant = MUTANTS[name]

    class Judged(ScopeMachine):
        subject = mutant.subject
        reach = Reach()

        def check(self) -> None:
            _, findings = self.watch.look()
            assert mutant.clause not in {finding.clause for finding in findings}

    with pytest.raises(AssertionError):
        run_state_machine_as_test(Judged, settings=settings(FIXED, max_examples=2_000, phases=[Phase.generate]))


# Two formulations


def some_episodes(grant_types: tuple[str, ...] = USER_DELEGATED) -> list[Episode]:
    drawn: list[Episode] = []

    @settings(FIXED, max_examples=400, phases=[Phase.generate])
    @given(episodes(grant_types=grant_types))
    def draw(episode: Episode) -> None:
        drawn.append(episode)

    draw()
    return drawn


@pytest.fixture(scope="module")
def delegated() -> list[Episode]:
    return some_episodes()


def test_both_formulations_are_silent_on_the_reference(delegated: list[Episode]) -> None:
    for drawn in (delegated, some_episodes(WITHOUT_A_USER)):
        assert agreement(ModelSubject(), drawn) == []


@pytest.mark.parametrize(
    "name",
    [
        "metadata-before-challenge",
        "default-scope",
        "openid-always",
        "bare-403-is-a-challenge",
        "never-steps-up",
        "replaces",
        "requested-only",
        "wiped-by-a-refusal",
        "ignores-a-narrower-grant",
        "scope-at-exchange",
        "refreshes-beyond-the-grant",
        "keeps-the-old-refresh-token",
        "no-consent-prompt",
        "reverses",
    ],
)
def test_both_formulations_name_the_same_fault(name: str, delegated: list[Episode]) -> None:
    mutant = MUTANTS[name]
    assert agreement(mutant.subject, delegated, mutant.also | {mutant.clause}) == []


def test_what_only_one_of_them_can_see_is_a_disagreement(delegated: list[Episode]) -> None:
    parted = agreement(MUTANTS["renews-for-ever"].subject, delegated[:1])
    assert parted == ["a_token_just_issued_is_not_replaced is broken, and the judge never finds CHAL-8"]

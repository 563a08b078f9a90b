"""Released SDKs behind their drivers, and clients behind their wrappers: what is recorded of them is what they do.

These build them, with toolchains that not every machine has: `pytest -m released` runs them, and the gate.
"""

import json
from collections.abc import Iterator

import pytest
from _pytest.mark import ParameterSet

from scope_oracle.checking import Alone, check, examiner
from scope_oracle.replays import episode_of
from scope_oracle.scoreboard import Recorded, recorded
from scope_oracle.smoking import smoke
from scope_oracle.subjects import BUILT, WRAPPED, sdk_of, subject
from scope_oracle.subjects.building import manifest, recipe
from scope_oracle.tally import Kind, kind_of
from scope_properties.subjects import Subject

pytestmark = pytest.mark.released

EXAMPLES = 100
COSTLY_EXAMPLES = 6
"""Each is a process of its own."""

TRIES = 100
"""Two entries of a map change places in one of eight walks over it in Go, so that few plays show what there is."""

PINNED = [
    release
    for release in recorded()
    if release.version == (recipe if release.subject in WRAPPED else manifest)(sdk_of(release.subject)).version
]


def test_every_sdk_that_is_built_has_results_of_the_release_that_it_pins() -> None:
    assert {release.subject for release in PINNED} - {*WRAPPED} == {*BUILT} - {*WRAPPED}


@pytest.mark.long
def test_every_wrapped_client_has_results_of_the_release_that_it_pins() -> None:
    assert {release.subject for release in PINNED} >= {*WRAPPED}


def chosen(release: Recorded) -> ParameterSet:
    """A release to play; a wrapped client is long to install and to play."""
    return pytest.param(release, marks=[pytest.mark.long] if release.subject in WRAPPED else [], id=release.name)


@pytest.fixture(scope="module", params=map(chosen, PINNED))
def release(request: pytest.FixtureRequest) -> Recorded:
    found: Recorded = request.param
    return found


@pytest.fixture(scope="module")
def built(release: Recorded) -> Iterator[Subject]:
    with subject(release.subject, release.version) as there:
        yield there
    assert getattr(there, "parting", []) == []


def kinds(release: Recorded) -> set[Kind]:
    return {(found["clause"], found["verdict"], found["cause"]) for found in release.result["findings"]}


def test_it_plays_its_part(built: Subject) -> None:
    assert [test for test in smoke(built, "2026-07-28") if test.outcome == "failed"] == []


def test_a_short_check_finds_nothing_that_is_not_recorded(built: Subject, release: Recorded) -> None:
    recorded_at = release.result["revision"]
    examples = COSTLY_EXAMPLES if built.standalone else EXAMPLES
    result = check(built, revision=recorded_at, examples=examples, seed=release.result["seed"])
    assert result.complete, result.fault
    found = {kind_of(broken.finding): broken.replay for broken in result.broken}
    assert {kind: replay for kind, replay in found.items() if kind not in kinds(release)} == {}


def test_every_recorded_finding_is_found_again(built: Subject, release: Recorded) -> None:
    bench = Alone(examiner(built, release.result["revision"]))
    missing = []
    for found in release.result["findings"]:
        kind, episode = (found["clause"], found["verdict"], found["cause"]), episode_of(found["replay"])
        if not any(kind in bench.judge_one(episode).broken for _ in range(TRIES)):
            missing.append((kind, json.dumps(found["because"])))
    assert missing == []

"""Settled by repair: an edit of what is taken for the cause of a finding ends that finding, and brings no other."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version

import pytest
from repairing import repaired_python

from scope_oracle.causes import Cause, Edit, causes_of
from scope_oracle.checking import Alone, examiner, generated, mostly_delegated
from scope_oracle.replays import episode_of
from scope_oracle.scoreboard import RESULTS, Recorded, recorded
from scope_oracle.subjects.python_sdk import PythonSdk
from scope_oracle.tally import NEVER_STEPS_UP, Kind, Tally, kind_of
from scope_properties.subjects import Subject

EXAMPLES = 400
INSTALLED = next(each for each in recorded() if each.name == f"python-sdk-{version('mcp')}")
CAUSES = causes_of("python-sdk", RESULTS)


def name_of(kind: Kind) -> str:
    clause, _, cause = kind
    return f"{clause}/{cause}"


def kinds(release: Recorded) -> set[Kind]:
    return {(found["clause"], found["verdict"], found["cause"]) for found in release.result["broken"]}


def repaired(release: Recorded) -> list[Cause]:
    """The causes that say what would end them, where they stand in a release."""
    return [cause for cause in release.known.cause if cause.repair and release.version in cause.at]


def shown(subject: Subject, release: Recorded, examples: int) -> set[Kind]:
    """What a short check finds, together with what the recorded traces show."""
    revision, seed = release.result["revision"], release.result["seed"]
    bench, tally = Alone(examiner(subject, revision)), Tally()
    for judged in bench.judge(map(subject.playable, generated(revision, examples, seed, mostly_delegated(subject)))):
        tally.add(judged)
    replays = [episode_of(found["replay"]) for found in release.result["broken"]]
    by_replay = {kind for episode in replays for kind in bench.judge_one(episode).broken}
    return {kind_of(broken.finding) for broken in tally.found} | (by_replay - {NEVER_STEPS_UP})


def differs(release: Recorded, cause: Cause, found: set[Kind]) -> list[str]:
    """What is not as it would be if the cause were the cause of its findings, and of no other."""
    went = release.known.ended_with(cause, release.version)
    may_go = went | release.known.shared_with(went)
    before = kinds(release)
    left = {kind for kind in found if name_of(kind) in went}
    return [
        *(f"{kind} is still there" for kind in sorted(left)),
        *(f"{kind} is new" for kind in sorted(found - before - left)),
        *(f"{kind} went, too" for kind in sorted(before - found) if name_of(kind) not in may_go),
    ]


@pytest.mark.parametrize("cause", repaired(INSTALLED), ids=lambda cause: cause.findings[0])
def test_a_repair_ends_what_it_is_said_to_and_nothing_else(cause: Cause) -> None:
    with repaired_python(INSTALLED.known.edits_for(cause, INSTALLED.version)):
        assert differs(INSTALLED, cause, shown(PythonSdk(), INSTALLED, EXAMPLES)) == []


def test_without_a_repair_all_that_is_recorded_is_shown() -> None:
    nothing: Sequence[Edit] = ()
    with repaired_python(nothing):
        assert kinds(INSTALLED) - shown(PythonSdk(), INSTALLED, EXAMPLES) == set()

"""Settled by repair: an edit of what is taken for the cause of a finding ends that finding, and brings no other."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from pathlib import Path

import pytest

from repairing import repaired_python
from scope_oracle.causes import Cause, Edit
from scope_oracle.checking import Alone, examiner, generated, mostly_delegated
from scope_oracle.replays import episode_of
from scope_oracle.scoreboard import Recorded, recorded
from scope_oracle.subjects import silent
from scope_oracle.subjects.building import build, manifest
from scope_oracle.subjects.driver import Driven
from scope_oracle.subjects.python_sdk import PythonSdk
from scope_oracle.tally import NEVER_STEPS_UP, Kind, Tally, kind_of
from scope_properties.subjects import Subject

EXAMPLES = 400
EXAMPLES_DRIVEN = 250
FREQUENT = 4
"""In how many episodes something has to be found, before that it is found no more says anything."""

UNSETTLED = {
    ("typescript-sdk", "ACC-4/round-forgotten"),
    ("typescript-sdk", "PARSE-8/substring"),
    ("typescript-sdk", "RETRY-3/covered"),
}
"""What is written down as the cause of these is not proven: with its edit they are rarer, and still there."""
RELEASES = {release.name: release for release in recorded()}
INSTALLED = RELEASES[f"python-sdk-{version('mcp')}"]
PYTHON = [release for release in RELEASES.values() if release.subject == "python-sdk"]
IN_NODE = [release for release in RELEASES.values() if release.subject in ("typescript-sdk", "typescript-sdk-v1")]
EDITED = Path(__file__).with_name("edited.mjs")


def name_of(kind: Kind) -> str:
    clause, _, cause = kind
    return f"{clause}/{cause}"


def kinds(release: Recorded) -> set[Kind]:
    return {(found["clause"], found["verdict"], found["cause"]) for found in release.result["findings"]}


def repaired(release: Recorded) -> list[Cause]:
    """The causes that say what would end them, where they stand in a release."""
    return [cause for cause in release.known.cause if cause.repair and release.version in cause.at]


def found(subject: Subject, release: Recorded, examples: int) -> dict[Kind, int]:
    """What a short check finds, each kind with the number of episodes that show it."""
    revision, seed = release.result["revision"], release.result["seed"]
    bench, tally = Alone(examiner(subject, revision)), Tally()
    for judged in bench.judge(map(subject.playable, generated(revision, examples, seed, mostly_delegated(subject)))):
        tally.add(judged)
    return {kind_of(broken.finding): tally.counted(broken).found_in for broken in tally.found}


def replayed(subject: Subject, release: Recorded) -> set[Kind]:
    """What the recorded traces show."""
    bench = Alone(examiner(subject, release.result["revision"]))
    replays = [episode_of(each["replay"]) for each in release.result["findings"]]
    return {kind for episode in replays for kind in bench.judge_one(episode).broken} - {NEVER_STEPS_UP}


def differs(subject: Subject, release: Recorded, cause: Cause, unrepaired: dict[Kind, int], examples: int) -> list[str]:
    """What is not as it would be if the cause were that of its findings, and of no others.

    What a short check of the unrepaired SDK finds has to be there still; what is too rare for that may be shown by
    nothing but a trace that needs the fault.
    """
    ended = release.known.ended_with(cause, release.version)
    may_go = ended | release.known.shared_with(ended)
    shown = found(subject, release, examples).keys() | replayed(subject, release)
    unsettled = {name for subject_name, name in UNSETTLED if subject_name == release.subject}
    left = {kind for kind in shown if name_of(kind) in ended - unsettled}
    gone = {kind for kind, times in unrepaired.items() if times >= FREQUENT and kind[1] != "unspecified"} - shown
    return [
        *(f"{kind} is still there" for kind in sorted(left)),
        *(f"{kind} is new" for kind in sorted(shown - kinds(release) - unrepaired.keys() - left)),
        *(f"{kind} went, too" for kind in sorted(gone) if name_of(kind) not in may_go),
    ]


@pytest.fixture(scope="module")
def unrepaired() -> dict[Kind, int]:
    return found(PythonSdk(), INSTALLED, EXAMPLES)


@pytest.mark.parametrize("cause", repaired(INSTALLED), ids=lambda cause: cause.findings[0])
def test_a_repair_ends_what_it_is_said_to_and_nothing_else(cause: Cause, unrepaired: dict[Kind, int]) -> None:
    with repaired_python(INSTALLED.known.edits_for(cause, INSTALLED.version)):
        assert differs(PythonSdk(), INSTALLED, cause, unrepaired, EXAMPLES) == []


def test_loading_the_sdk_anew_without_an_edit_changes_nothing(unrepaired: dict[Kind, int]) -> None:
    with repaired_python(()):
        assert found(PythonSdk(), INSTALLED, EXAMPLES) == unrepaired


@pytest.mark.parametrize("release", [*PYTHON, *IN_NODE], ids=lambda release: release.name)
def test_every_fault_has_a_repair(release: Recorded) -> None:
    faults = {name_of(kind) for kind in kinds(release) if kind[1] != "unspecified"}
    assert faults - {name for cause in repaired(release) for name in cause.findings} == set()


def in_node(release: Recorded, edits: Sequence[Edit]) -> Driven:
    """The driver of a TypeScript SDK whose modules are edited as they are loaded."""
    driver = manifest(release.subject)
    built = build(driver, release.version, silent)
    given = f"EDITS={json.dumps([asdict(edit) for edit in edits])}"
    command = ("env", given, "node", "--import", str(EDITED), *built.command[1:])
    return Driven(release.subject, command, driver, built.folder, built.release)


@cache
def unrepaired_in_node(name: str) -> dict[Kind, int]:
    with in_node(RELEASES[name], ()) as subject:
        return found(subject, RELEASES[name], EXAMPLES_DRIVEN)


@pytest.mark.released
@pytest.mark.parametrize(
    ("release", "cause"),
    [
        (release, cause)
        for release in IN_NODE
        for cause in repaired(release)
        if not {(release.subject, name) for name in cause.findings} & UNSETTLED
    ],
    ids=lambda each: each.name if isinstance(each, Recorded) else each.findings[0],
)
def test_a_repair_of_a_typescript_sdk_ends_what_it_is_said_to(release: Recorded, cause: Cause) -> None:
    with in_node(release, release.known.edits_for(cause, release.version)) as subject:
        assert differs(subject, release, cause, unrepaired_in_node(release.name), EXAMPLES_DRIVEN) == []

"""Settled by repair: an edit of what is taken for the cause of a finding ends that finding, and brings no other.

Those of the Python SDK are tried on the line that is installed, those of the TypeScript SDK, both lines, where its
drivers can be built: `pytest -m released tests/test_repairs.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

import pytest

from compiling import in_go, in_rust
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

EXAMPLES = {"python-sdk": 300, "typescript-sdk": 90, "typescript-sdk-v1": 90, "go-sdk": 250, "rust-sdk": 250}
"""How long the short check after the recorded traces is, so that all repairs of a line take a minute or two."""
FREQUENT = 6
"""In how many episodes something has to be found, before that it is found no more says anything."""

RELEASES = {release.name: release for release in recorded()}
COMPILED: Mapping[str, Callable[[str, Sequence[Edit]], AbstractContextManager[Subject]]] = {
    "go-sdk": in_go,
    "rust-sdk": in_rust,
}
REPAIRED = [release for release in RELEASES.values() if release.subject in {*EXAMPLES} - {*COMPILED}]
INSTALLED = RELEASES[f"python-sdk-{version('mcp')}"]
IN_NODE = [release for release in REPAIRED if release.subject != "python-sdk"]
EDITED = Path(__file__).with_name("edited.mjs")


@dataclass(frozen=True, slots=True)
class Shown:
    """What an SDK shows: in a short check, each kind with the number of its episodes, and in the recorded traces."""

    checked: Mapping[Kind, int]
    replayed: frozenset[Kind]

    @property
    def kinds(self) -> frozenset[Kind]:
        """All of it."""
        return frozenset(self.checked) | self.replayed


def name_of(kind: Kind) -> str:
    clause, _, cause = kind
    return f"{clause}/{cause}"


def kinds(release: Recorded) -> set[Kind]:
    return {(found["clause"], found["verdict"], found["cause"]) for found in release.result["findings"]}


def repaired(release: Recorded) -> list[Cause]:
    """The causes with edits that are said to end them, where they stand in a release."""
    here = [cause for cause in release.known.cause if release.version in cause.at]
    return [cause for cause in here if cause.edits or cause.together]


@contextmanager
def edited(release: Recorded, edits: Sequence[Edit]) -> Iterator[Subject]:
    """A release whose modules are edited as they are loaded, or whose source is before it is compiled."""
    if release.subject == "python-sdk":
        with repaired_python(edits):
            yield PythonSdk()
        return
    if release.subject in COMPILED:
        with COMPILED[release.subject](release.version, edits) as compiled:
            yield compiled
        return
    driver = manifest(release.subject)
    built = build(driver, release.version, silent)
    given = f"EDITS={json.dumps([asdict(edit) for edit in edits])}"
    command = ("env", given, "node", "--import", str(EDITED), *built.command[1:])
    with Driven(release.subject, command, driver, built.folder, built.release) as subject:
        yield subject


def shown_by(subject: Subject, release: Recorded) -> Shown:
    revision, seed = release.result["revision"], release.result["seed"]
    bench, tally = Alone(examiner(subject, revision)), Tally()
    replays = [episode_of(each["replay"]) for each in release.result["findings"]]
    replayed = {kind for episode in replays for kind in bench.judge_one(episode).broken} - {NEVER_STEPS_UP}
    episodes = generated(revision, EXAMPLES[release.subject], seed, mostly_delegated(subject))
    for judged in bench.judge(map(subject.playable, episodes)):
        tally.add(judged)
    checked = {kind_of(broken.finding): tally.counted(broken).found_in for broken in tally.found}
    return Shown(checked, frozenset(replayed))


@cache
def shown(name: str, edits: tuple[Edit, ...]) -> Shown:
    """What a release shows with some edits, which more than one cause may need."""
    with edited(RELEASES[name], edits) as subject:
        return shown_by(subject, RELEASES[name])


def differs(release: Recorded, cause: Cause) -> list[str]:
    """What is not as it would be if the cause were that of its findings, and of no others.

    What a short check of the unrepaired SDK finds has to be there still; what is too rare for that may be shown by
    nothing but a trace that needs the fault.
    """
    ended = release.known.ended_with(cause, release.version)
    may_go = ended | release.known.shared_with(ended)
    before = shown(release.name, ()).checked
    after = shown(release.name, release.known.edits_for(cause, release.version)).kinds
    left = {kind for kind in after if name_of(kind) in ended}
    gone = {kind for kind, times in before.items() if times >= FREQUENT and kind[1] != "unspecified"} - after
    return [
        *(f"{kind} is still there" for kind in sorted(left)),
        *(f"{kind} is new" for kind in sorted(after - kinds(release) - before.keys() - left)),
        *(f"{kind} went, too" for kind in sorted(gone) if name_of(kind) not in may_go),
    ]


@pytest.mark.parametrize("release", REPAIRED, ids=lambda release: release.name)
def test_every_fault_has_a_repair(release: Recorded) -> None:
    faults = {name_of(kind) for kind in kinds(release) if kind[1] != "unspecified"}
    in_words = [cause for cause in release.known.cause if cause.repair and release.version in cause.at]
    assert faults - {name for cause in in_words for name in cause.findings} == set()


@pytest.mark.parametrize("cause", repaired(INSTALLED), ids=lambda cause: cause.findings[0])
def test_a_repair_ends_what_it_is_said_to_and_nothing_else(cause: Cause) -> None:
    assert differs(INSTALLED, cause) == []


def test_loading_the_sdk_anew_without_an_edit_changes_nothing() -> None:
    assert shown(INSTALLED.name, ()) == shown_by(PythonSdk(), INSTALLED)


@pytest.mark.released
@pytest.mark.parametrize(
    ("release", "cause"),
    [(release, cause) for release in IN_NODE for cause in repaired(release)],
    ids=lambda each: each.name if isinstance(each, Recorded) else each.findings[0],
)
def test_a_repair_of_a_typescript_sdk_ends_what_it_is_said_to(release: Recorded, cause: Cause) -> None:
    assert differs(release, cause) == []

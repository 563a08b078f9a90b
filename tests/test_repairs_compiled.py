"""Settled by repair, for compiled SDKs: a build with an edit of the cause lacks its findings, and shows no others."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from compiling import in_go, in_rust
from scope_oracle.causes import Cause
from scope_oracle.scoreboard import Recorded
from scope_oracle.tally import Kind
from test_repairs import RELEASES, differs, found

EXAMPLES = 250
QUICK = {"CHAL-7/authorization", "SEL-1/metadata-instead", "SEL-4/leading-space"}
"""What is repaired of the Rust SDK in the gate: cargo takes half a minute of processor time for each."""

GO = next(release for release in RELEASES.values() if release.subject == "go-sdk")
RUST = next(release for release in RELEASES.values() if release.subject == "rust-sdk")

pytestmark = pytest.mark.released


def repairs_of(release: Recorded) -> list[Cause]:
    """The causes that have edits: the repair of some is known in words alone."""
    return [cause for cause in release.known.cause if cause.edits and release.version in cause.at]


@pytest.fixture(scope="module")
def unrepaired_in_go(tmp_path_factory: pytest.TempPathFactory) -> dict[Kind, int]:
    with in_go(GO.version, (), tmp_path_factory.mktemp("go")) as subject:
        return found(subject, GO, EXAMPLES)


@pytest.mark.parametrize("cause", repairs_of(GO), ids=lambda cause: cause.findings[0])
def test_a_repair_of_the_go_sdk_ends_what_it_is_said_to(
    cause: Cause, unrepaired_in_go: dict[Kind, int], tmp_path: Path
) -> None:
    with in_go(GO.version, GO.known.edits_for(cause, GO.version), tmp_path) as subject:
        assert differs(subject, GO, cause, unrepaired_in_go, EXAMPLES) == []


@cache
def unrepaired_in_rust() -> dict[Kind, int]:
    with in_rust(RUST.version, ()) as subject:
        return found(subject, RUST, EXAMPLES)


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "cause",
    [
        pytest.param(cause, id=cause.findings[0], marks=() if QUICK & {*cause.findings} else pytest.mark.long)
        for cause in repairs_of(RUST)
    ],
)
def test_a_repair_of_the_rust_sdk_ends_what_it_is_said_to(cause: Cause) -> None:
    unrepaired = unrepaired_in_rust()
    with in_rust(RUST.version, RUST.known.edits_for(cause, RUST.version)) as subject:
        assert differs(subject, RUST, cause, unrepaired, EXAMPLES) == []

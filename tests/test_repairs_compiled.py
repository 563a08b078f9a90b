"""Settled by repair, for compiled SDKs: a build with an edit of the cause lacks its findings, and shows no others."""

from __future__ import annotations

import pytest

from scope_oracle.causes import Cause
from test_repairs import RELEASES, differs, repaired

QUICK = {"CHAL-7/authorization", "SEL-1/metadata-instead", "SEL-4/leading-space"}
"""What is repaired of the Rust SDK in the gate: cargo takes half a minute of processor time for each."""

GO = next(release for release in RELEASES.values() if release.subject == "go-sdk")
RUST = next(release for release in RELEASES.values() if release.subject == "rust-sdk")

pytestmark = pytest.mark.released


@pytest.mark.parametrize("cause", repaired(GO), ids=lambda cause: cause.findings[0])
def test_a_repair_of_the_go_sdk_ends_what_it_is_said_to(cause: Cause) -> None:
    assert differs(GO, cause) == []


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "cause",
    [
        pytest.param(cause, id=cause.findings[0], marks=() if QUICK & {*cause.findings} else pytest.mark.long)
        for cause in repaired(RUST)
    ],
)
def test_a_repair_of_the_rust_sdk_ends_what_it_is_said_to(cause: Cause) -> None:
    assert differs(RUST, cause) == []

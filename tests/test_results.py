"""The recorded findings on released SDKs: each is settled, and each still replays on the release it speaks of."""

from __future__ import annotations

import json
import tomllib
from importlib.metadata import version
from importlib.resources import files

import pytest

from scope_oracle.checking import replayed
from scope_oracle.subjects import subject
from scope_oracle.transcripts import read
from scope_spec import CLAUSES

RESULTS = files("scope_oracle").joinpath("results")
RELEASES = ("1.30.0", "2.3.0")
RECORDED = {release: json.loads(RESULTS.joinpath(f"python-sdk-{release}.json").read_text()) for release in RELEASES}
CAUSES = tomllib.loads(RESULTS.joinpath("python-sdk.causes.toml").read_text())["finding"]
INSTALLED = version("mcp")


def test_the_sdk_under_test_is_one_whose_results_are_recorded() -> None:
    assert INSTALLED in RELEASES


@pytest.mark.parametrize("release", RELEASES)
def test_every_recorded_finding_is_settled_and_nothing_else_is(release: str) -> None:
    recorded = {(found["clause"], found["verdict"]) for found in RECORDED[release]["broken"]}
    settled = [(cause["clause"], cause["verdict"]) for cause in CAUSES if cause["release"] == release]
    assert sorted(settled) == sorted(recorded)
    for cause in CAUSES:
        assert cause["whose"] == ("a reading" if cause["verdict"] == "unspecified" else "the SDK")
        assert cause["cause"].endswith(".")


@pytest.mark.parametrize("release", RELEASES)
def test_a_record_is_complete(release: str) -> None:
    record = RECORDED[release]
    assert (record["subject"], record["version"], record["complete"]) == ("python-sdk", release, True)
    assert record["examples"] >= 1_000
    judged = [name for name, clause in CLAUSES.items() if clause.excluded is None and clause.unjudged is None]
    stated = {row["clause"] for row in record["clauses"]}
    assert set(judged) <= stated


@pytest.mark.parametrize("at", range(len(RECORDED[INSTALLED]["broken"])))
def test_a_recorded_trace_replays_on_the_installed_release(at: int) -> None:
    recorded = RECORDED[INSTALLED]["broken"][at]
    with subject("python-sdk") as installed:
        transcript, findings = replayed(installed, recorded["replay"])
    assert transcript == read(json.dumps(line) for line in recorded["transcript"])
    found = [{"clause": known.clause, "verdict": known.verdict, "event": known.event} for known in findings]
    assert {name: recorded[name] for name in ("clause", "verdict", "event")} in found


def broken_at(release: str) -> set[tuple[str, str]]:
    return {(found["clause"], found["verdict"]) for found in RECORDED[release]["broken"]}


def test_step_up_accumulates_in_2_and_replaces_in_1() -> None:
    assert ("ACC-1", "discouraged") in broken_at("1.30.0")
    assert ("ACC-1", "discouraged") not in broken_at("2.3.0")

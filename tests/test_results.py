"""What is recorded of released SDKs: each finding is settled, each page is current, and each trace still replays."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from scope_oracle import scoreboard
from scope_oracle.checking import replayed
from scope_oracle.jobs import Jobs
from scope_oracle.scoreboard import HISTORIES, ISSUES, Recorded, issues, page, pages, record, recorded
from scope_oracle.subjects import BUILT, WRAPPED, DriverFault, sdk_of, subject
from scope_oracle.tally import NEVER_STEPS_UP, kind_of
from scope_oracle.transcripts import read
from scope_properties.reach import is_judged
from scope_spec import CLAUSES

RELEASES = {release.name: release for release in recorded()}
INSTALLED = RELEASES[f"python-sdk-{version('mcp')}"]
PAST = {path.stem: json.loads(path.read_text("utf-8")) for path in HISTORIES.glob("*.json")}


# Any: JSON, whose form is that of scope_oracle.forms.
def kinds(found: Iterable[Mapping[str, Any]], cause: str = "cause") -> list[tuple[str, str, str]]:
    """The kinds of some findings, which are written down without a cause where causes had no names."""
    return sorted((each["clause"], each["verdict"], each.get(cause, "unnamed")) for each in found)


def breaks_acc_1(release: Recorded) -> bool:
    return any((clause, verdict) == ("ACC-1", "discouraged") for clause, verdict, _ in kinds(release.result["broken"]))


@pytest.mark.parametrize("release", RELEASES.values(), ids=RELEASES)
def test_every_recorded_finding_is_settled_and_nothing_else_is(release: Recorded) -> None:
    found = {f"{clause}/{cause}" for clause, _, cause in kinds(release.result["broken"])}
    causes = [cause for cause in release.known.cause if release.version in cause.at]
    settled = [name for cause in causes for name in cause.findings]
    assert found <= {*settled}
    of_any_release = {
        f"{broken['clause']}/{broken['cause']}"
        for each in recorded_of(release.subject)
        for broken in each.result["broken"]
    }
    however_set = {
        f"{broken['clause']}/{broken['cause']}"
        for each in recorded_of(release.subject)
        for broken in each.result["broken"]
        if each.version == release.version
    }
    for cause in causes:
        assert however_set & {*cause.findings}, f"{cause.findings} stand in no record of {release.name}"
        assert {*cause.findings} <= of_any_release
        assert cause.why.endswith(".")
        assert not cause.edits or cause.repair
        assert {*cause.together} <= {*settled}
    assert len(settled) == len({*settled}), "a finding has one cause"


ISSUE = ["Expected", "Seen", "The clause", "The place", "To see it again"]


def recorded_of(subject: str) -> list[Recorded]:
    """The records of an SDK, with whatever setting."""
    return [release for release in RELEASES.values() if sdk_of(release.subject) == sdk_of(subject)]


@pytest.mark.parametrize("release", RELEASES.values(), ids=RELEASES)
def test_a_record_is_that_of_a_whole_check(release: Recorded) -> None:
    record = release.result
    assert sdk_of(release.subject) in BUILT
    assert record["complete"] is True
    assert record["examples"] >= (30 if release.subject in WRAPPED else 1_000)  # of those each is a process
    judged = [name for name in CLAUSES if is_judged(name, record["revision"])]
    stated = {row["clause"] for row in record["clauses"]}
    assert set(judged) <= stated


def test_every_recorded_finding_has_a_cause() -> None:
    # The histories are older than causes, and their pages say so: they are recorded anew one by one.
    found = [broken for release in RELEASES.values() for broken in release.result["broken"]]
    assert [each for each in found if "cause" not in each] == []


def test_every_page_is_current() -> None:
    for path, text in pages().items():
        assert path.read_text("utf-8") == text, "run python -m scope_oracle.scoreboard"
    assert {*ISSUES.glob("*/*.md")} <= pages().keys(), "run python -m scope_oracle.scoreboard"


@pytest.mark.parametrize("release", RELEASES.values(), ids=RELEASES)
def test_each_fault_has_the_text_of_an_issue(release: Recorded) -> None:
    graver = {
        f"{clause}-{cause}" for clause, verdict, cause in kinds(release.result["broken"]) if verdict != "unspecified"
    }
    texts = {path.stem: text for path, text in issues(release).items()}
    assert texts.keys() == graver
    for text in texts.values():
        headings = re.findall(r"^\*\*([A-Z][a-z ]+)\*\*", text, re.MULTILINE)
        assert [name for name in headings if name in ISSUE] == ISSUE


@pytest.mark.parametrize("at", range(len(INSTALLED.result["broken"])))
def test_a_recorded_trace_replays_on_the_installed_release(at: int) -> None:
    found = INSTALLED.result["broken"][at]
    with subject("python-sdk") as installed:
        transcript, findings = replayed(installed, found["replay"])
    assert transcript == read(json.dumps(line) for line in found["transcript"])
    again = {(known.event, kind_of(known)) for known in findings}
    clause, verdict, cause = kind = found["clause"], found["verdict"], found["cause"]
    if kind == NEVER_STEPS_UP:  # one episode shows no more than that a challenge is given up
        verdict, cause = "unspecified", "given-up"
    assert (found["event"], (clause, verdict, cause)) in again


def test_a_line_that_ends_before_the_union_was_required_is_not_held_to_it() -> None:
    assert RELEASES["python-sdk-1.30.0"].result["revision"] == "2025-11-25"
    assert not breaks_acc_1(RELEASES["python-sdk-1.30.0"])


@pytest.mark.parametrize("sdk", PAST)
def test_a_history_was_learnt_by_running_releases(sdk: str) -> None:
    history = PAST[sdk]
    assert sdk in BUILT
    assert {history["releases"][0], history["releases"][-1]} <= {*history["ran"]} <= {*history["releases"]}
    for life in history["lives"]:
        assert {life["first"], life["gone"]} - {None} <= {*history["releases"]}


@pytest.mark.parametrize(
    ("sdk", "release"),
    [
        ("go-sdk", "1.7.0-pre.1"),
        ("python-sdk", "2.0.0"),
        ("rust-sdk", "3.0.0-beta.1"),
        ("typescript-sdk", "2.0.0-beta.1"),
    ],
)
def test_a_client_that_replaced_is_caught_until_the_release_that_accumulates(sdk: str, release: str) -> None:
    lost = [life for life in PAST[sdk]["lives"] if (life["clause"], life["verdict"]) == ("ACC-1", "discouraged")]
    assert release in {life["gone"] for life in lost}


def test_a_release_is_recorded_with_its_causes_and_read_back(tmp_path: Path) -> None:
    record(partial(subject, "mcp-2025-11-25"), tmp_path, examples=60)
    (release,) = recorded(tmp_path)
    assert release.result["complete"] is True
    text = page(release)
    for found in release.result["broken"]:
        assert f"{found['clause']}/{found['cause']}  {found['verdict']}  mcp-2025-11-25\n" in text
    assert "ACC-1/dropped  discouraged" in text


@pytest.mark.parametrize("ends", [DriverFault("it fell over"), KeyboardInterrupt()])
def test_a_recording_that_is_ended_leaves_what_was_recorded(
    ends: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opening = partial(subject, "mcp-2025-11-25")
    record(opening, tmp_path, examples=20)
    (path,) = tmp_path.iterdir()
    before = path.read_bytes()

    def end(*_: object) -> None:
        raise ends

    monkeypatch.setattr(Jobs, "shorten", end)
    with pytest.raises(type(ends)):
        record(opening, tmp_path, examples=20)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [before]


@pytest.mark.parametrize(
    ("how", "revision", "examples"),
    [([], "2026-07-28", None), (["2025-11-25"], "2025-11-25", None), (["40", "2025-06-18"], "2025-06-18", 40)],
)
def test_a_recording_is_told_a_revision_and_a_number_of_episodes(
    how: list[str], revision: str, examples: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Mapping[str, object]] = []
    monkeypatch.setattr(scoreboard, "record", lambda _, **how: told.append(how))
    monkeypatch.setattr(scoreboard, "write", lambda: None)
    assert scoreboard.main(["model", "1", *how]) == 0
    assert told == [{"revision": revision, "examples": examples}]


@pytest.mark.parametrize(("ends", "status"), [(DriverFault("it fell over"), 2), (KeyboardInterrupt(), 130)])
def test_what_ends_a_recording_writes_no_page(
    ends: BaseException, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(*_: object, **__: object) -> None:
        raise ends

    monkeypatch.setattr(scoreboard, "record", end)
    monkeypatch.setattr(scoreboard, "write_whole", end)
    assert scoreboard.main(["model", "1"]) == status

"""What is recorded of released SDKs: each finding is settled, each page is current, and each trace still replays."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from scope_model.policies import mcp_2025_11_25
from scope_oracle import scoreboard
from scope_oracle.causes import causes_of
from scope_oracle.checking import replayed
from scope_oracle.jobs import Jobs
from scope_oracle.releases import rust_sdk_2_2
from scope_oracle.scoreboard import (
    HISTORIES,
    ISSUES,
    RESULTS,
    SETTINGS,
    Recorded,
    issues,
    page,
    pages,
    past,
    record,
    record_setting,
    recorded,
)
from scope_oracle.settings import EXAMPLES, settings_page
from scope_oracle.subjects import BUILT, DRIVEN, WRAPPED, DriverFault, sdk_of, subject
from scope_oracle.subjects.building import manifest
from scope_oracle.tally import NEVER_STEPS_UP, kind_of
from scope_oracle.transcripts import read
from scope_properties.model_subject import ModelSubject
from scope_properties.reach import is_judged
from scope_properties.subjects import Subject
from scope_spec import CLAUSES

RELEASES = {release.name: release for release in recorded()}
INSTALLED = RELEASES[f"python-sdk-{version('mcp')}"]
PAST = {path.stem: json.loads(path.read_text("utf-8")) for path in HISTORIES.glob("*.json")}


# Any: JSON, whose form is that of scope_oracle.forms.
def kinds(found: Iterable[Mapping[str, Any]], cause: str = "cause") -> list[tuple[str, str, str]]:
    """The kinds of some findings, which are written down without a cause where causes had no names."""
    return sorted((each["clause"], each["verdict"], each.get(cause, "unnamed")) for each in found)


def breaks_acc_1(release: Recorded) -> bool:
    return any(
        (clause, verdict) == ("ACC-1", "discouraged") for clause, verdict, _ in kinds(release.result["findings"])
    )


@pytest.mark.parametrize("release", RELEASES.values(), ids=RELEASES)
def test_every_recorded_finding_is_settled_and_nothing_else_is(release: Recorded) -> None:
    found = {f"{clause}/{cause}" for clause, _, cause in kinds(release.result["findings"])}
    causes = [cause for cause in release.known.cause if release.version in cause.at]
    settled = [name for cause in causes for name in cause.findings]
    assert found <= {*settled}
    of_any_release = {
        f"{broken['clause']}/{broken['cause']}"
        for each in recorded_of(release.subject)
        for broken in each.result["findings"]
    }
    for cause in causes:
        assert found & {*cause.findings}, f"{cause.findings} stand in no record of {release.name}"
        assert {*cause.findings} <= of_any_release
        assert cause.why.endswith(".")
        assert not cause.edits or cause.repair
        assert {*cause.together} <= {*settled}
    assert len(settled) == len({*settled}), "a finding has one cause"


TRACED = {"python-sdk", "typescript-sdk", "typescript-sdk-v1"}
"""The SDKs of which each cause is traced to a line of its source."""


@pytest.mark.parametrize("sdk", sorted(TRACED))
def test_every_cause_names_its_place_in_each_release(sdk: str) -> None:
    known = causes_of(sdk, RESULTS)
    assert known.cause
    for cause in known.cause:
        unplaced = [release for release, place in cause.at.items() if not re.search(r"\.\w+:[0-9]", place)]
        assert unplaced == [], f"{cause.findings} stand at no line of {unplaced}"


ISSUE = ["Expected", "Seen", "The clause", "The place", "To see it again"]


def recorded_of(subject: str) -> list[Recorded]:
    return [release for release in RELEASES.values() if release.subject == subject]


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
    found = [broken for release in RELEASES.values() for broken in release.result["findings"]]
    assert [each for each in found if "cause" not in each] == []


def test_every_page_is_current() -> None:
    for path, text in pages().items():
        assert path.read_text("utf-8") == text, "run python -m scope_oracle.scoreboard"
    assert {*ISSUES.glob("*/*.md")} <= pages().keys(), "run python -m scope_oracle.scoreboard"


@pytest.mark.parametrize("release", RELEASES.values(), ids=RELEASES)
def test_each_fault_has_the_text_of_an_issue(release: Recorded) -> None:
    graver = {
        f"{clause}-{cause}" for clause, verdict, cause in kinds(release.result["findings"]) if verdict != "unspecified"
    }
    texts = {path.stem: text for path, text in issues(release).items()}
    assert texts.keys() == graver
    for text in texts.values():
        headings = re.findall(r"^\*\*([A-Z][a-z ]+)\*\*", text, re.MULTILINE)
        assert [name for name in headings if name in ISSUE] == ISSUE


@pytest.mark.parametrize("at", range(len(INSTALLED.result["findings"])))
def test_a_recorded_trace_replays_on_the_installed_release(at: int) -> None:
    found = INSTALLED.result["findings"][at]
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
    ("sdk", "release", "clause"),
    [
        ("go-sdk", "1.7.0-pre.1", "ACC-8"),
        ("python-sdk", "2.0.0", "ACC-4"),
        ("rust-sdk", "3.0.0-beta.1", "ACC-1"),
        ("typescript-sdk", "2.0.0-beta.1", "ACC-2"),
    ],
)
def test_what_a_client_lost_is_caught_until_the_release_that_accumulates(sdk: str, release: str, clause: str) -> None:
    lost = [life for life in PAST[sdk]["lives"] if (life["clause"], life["verdict"]) == (clause, "discouraged")]
    assert release in {life["gone"] for life in lost}


class Keyed(ModelSubject):
    """A client in the place of one with a setting."""

    version = "2.3.0"


def test_what_a_setting_takes_away_and_brings_is_recorded_and_stands_on_its_page(tmp_path: Path) -> None:
    sides = {"python-sdk": mcp_2025_11_25, "python-sdk+shared-metadata": rust_sdk_2_2}

    def opening(name: str) -> AbstractContextManager[Subject]:
        return nullcontext(Keyed(sides[name]))

    record_setting("python-sdk+shared-metadata", opening, tmp_path, examples=40)
    changed = json.loads((tmp_path / "python-sdk+shared-metadata-2.3.0.json").read_text("utf-8"))
    without, with_it = changed["without"], changed["with"]
    gone, come, both = (
        without.keys() - with_it.keys(),
        with_it.keys() - without.keys(),
        without.keys() & with_it.keys(),
    )
    assert gone
    assert come
    assert both
    lines = settings_page([changed]).splitlines()
    assert "## python-sdk+shared-metadata 2.3.0" in lines
    assert manifest("python-sdk").settings["shared-metadata"] in lines
    rows = [line for line in lines if line.startswith("| ") and not line.startswith("| finding ")]
    assert rows == sorted(
        [f"| {name} | in {without[name]} of 40 episodes | not found |" for name in gone]
        + [f"| {name} | not found | in {with_it[name]} of 40 episodes |" for name in come]
    )
    assert lines[-1].startswith(f"{len(both)} findings are there either way. Learnt in 40 episodes at 2026-07-28, ")


@pytest.mark.parametrize("setting", [f"{sdk}+{name}" for sdk in DRIVEN for name in manifest(sdk).settings])
def test_what_each_setting_changes_is_recorded(setting: str) -> None:
    sdk = sdk_of(setting)
    changed = json.loads((SETTINGS / f"{setting}-{manifest(sdk).version}.json").read_text("utf-8"))
    assert (changed["subject"], changed["version"]) == (setting, manifest(sdk).version)
    assert changed["examples"] >= EXAMPLES
    assert changed["with"].keys() != changed["without"].keys()


def test_the_releases_passed_over_before_the_first_without_a_finding_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = {"clause": "ACC-1", "cause": "dropped", "verdict": "discouraged", "because": "b is missing"}
    lives = [
        life | {"first": "1", "last": "1", "gone": "2"},
        life | {"first": "2", "last": "2", "gone": "5"},
        life | {"first": "5", "last": "5", "gone": None},
    ]
    made = {"scopelaw_version": "9", "revision": "2026-07-28", "examples": 60, "seed": 0, "date": "2026-11-26"}
    useless = {"3": "no token", "4": "no build"}
    history = {"subject": "ours", "releases": [*"12345"], "ran": [*"125"], "useless": useless, "lives": lives}
    (tmp_path / "ours.json").write_text(json.dumps(history | made), "utf-8")
    monkeypatch.setattr(scoreboard, "HISTORIES", tmp_path)
    text = past()
    assert (
        "put through 60 episodes and judged by MCP 2026-07-28, whatever revision it speaks, with scopelaw 9 on" in text
    )
    for line in (
        "Passed over: 4, of no use (no build).",
        "| ACC-1/dropped discouraged | b is missing | 1 | 2 |",
        "| ACC-1/dropped discouraged | b is missing | 2 | 5 (3, 4 passed over) |",
        "| ACC-1/dropped discouraged | b is missing | 5 | still there |",
    ):
        assert line in text.splitlines()


def test_a_release_is_recorded_with_its_causes_and_read_back(tmp_path: Path) -> None:
    record(partial(subject, "mcp-2025-11-25"), tmp_path, examples=60)
    (release,) = recorded(tmp_path)
    assert release.result["complete"] is True
    text = page(release)
    for found in release.result["findings"]:
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


def test_an_interrupt_leaves_every_page_old_or_every_page_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt = partial(signal.raise_signal, signal.SIGINT)
    written = {tmp_path / "issues" / "new" / name: "new" for name in ("a.md", "b.md")}
    gone = tmp_path / "issues" / "old" / "c.md"
    gone.parent.mkdir(parents=True)
    gone.write_text("old", "utf-8")

    def write_page(path: Path, text: str) -> None:
        path.write_text(text, "utf-8")
        interrupt()

    monkeypatch.setattr(scoreboard, "ISSUES", tmp_path / "issues")
    monkeypatch.setattr(scoreboard, "write_whole", write_page)
    monkeypatch.setattr(scoreboard, "pages", interrupt)
    assert scoreboard.main([]) == 130
    assert {*tmp_path.glob("issues/*/*")} == {gone}
    monkeypatch.setattr(scoreboard, "pages", lambda: written)
    assert scoreboard.main([]) == 130
    assert {*tmp_path.glob("issues/*/*")} == {*written}

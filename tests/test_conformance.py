"""The conformance clients of released SDKs: each difference from the driver is explained, and the page is current.

Their records take long to make, and are made by hand: these tests hold the page to them when they are.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from scope_model.client import Call
from scope_oracle import checking, conformance
from scope_oracle.checking import plain_episode
from scope_oracle.conformance import (
    PAGE,
    Form,
    as_called,
    driver_of,
    forms,
    lost,
    main,
    page,
    reasons,
    record,
    scenario_of,
    unexplained,
)
from scope_oracle.subjects import DRIVEN, DriverFault
from scope_properties.episodes import Episode, ExpireToken, MakeCall, OverlapCalls, RestartClient
from scope_spec import CLAUSES
from test_command import CLIENT, python

RESOURCE = "https://one.example/mcp"
RECORDED = {form["subject"]: form for form in forms()}

pytestmark = pytest.mark.long


def test_the_page_is_current() -> None:
    assert PAGE.read_text("utf-8") == page()


def test_the_official_sdks_are_recorded() -> None:
    assert set(RECORDED) == {name for name in DRIVEN if not name.endswith("-v1")}


def test_every_difference_that_no_run_explains_has_a_reason_and_nothing_else_has() -> None:
    needed = [(sdk, kind) for sdk, form in RECORDED.items() for kind in unexplained(form)]
    assert len(set(needed)) == len(needed)
    assert set(reasons()) == set(needed)
    assert all(reason.endswith(".") for reason in reasons().values())


@pytest.mark.parametrize("form", RECORDED.values(), ids=RECORDED)
def test_a_record_is_that_of_a_whole_check_of_the_recorded_release(form: Form) -> None:
    driver = driver_of(form["subject"])
    assert (form["version"], form["complete"]) == (driver["version"], True)
    assert form["examples"] >= 40
    assert not form["uncalled"] or "never-steps-up" in {each["cause"] for each in form["findings"]}
    assert len(form["client"]["commit"]) == 40
    found, tried = ({(each["clause"], each["cause"]) for each in form[name]} for name in ("findings", "tried"))
    assert {(each["clause"], each["cause"]) for each in driver["findings"]} <= found | tried
    assert {clause for clause, _ in found | tried} <= set(CLAUSES)


def test_the_scenario_is_the_one_that_a_command_asks_for() -> None:
    assert scenario_of("./client") == "auth/scope-step-up"
    assert scenario_of("cd there && MCP_CONFORMANCE_SCENARIO=auth/basic-cimd ./client") == "auth/basic-cimd"


def test_what_one_run_cannot_be_put_through_is_named() -> None:
    plain = plain_episode("2026-07-28")
    assert list(lost(plain)) == []
    read, write = MakeCall(Call(RESOURCE, "read")), MakeCall(Call(RESOURCE, "write"))
    beyond = Episode(plain.plan, (read, ExpireToken(RESOURCE), read, RestartClient(), OverlapCalls(read, write), write))
    assert list(lost(beyond)) == [
        "a restart",
        "calls that overlap",
        "an operation other than the tool that is called again",
    ]
    delete = MakeCall(Call(RESOURCE, "delete"))
    assert list(lost(Episode(plain.plan, (read, write, delete, delete)))) == []
    assert list(lost(Episode(plain.plan, (read, write, delete, write)))) == [
        "an operation other than the tool that is called again"
    ]
    assert list(lost(plain_episode("2026-07-28", "client_credentials"))) == ["a client without a user"]
    elsewhere = MakeCall(Call("https://two.example/mcp", "read"))
    assert list(lost(Episode(plain.plan, (read, elsewhere)))) == ["several servers"]


def test_one_run_has_the_server_that_is_called_first() -> None:
    plain = plain_episode("2026-07-28")
    (one,) = plain.plan.servers.resources.values()
    two = replace(one, resource="https://two.example/mcp")
    servers = replace(plain.plan.servers, resources={each.resource: each for each in (one, two)})
    calls = tuple(MakeCall(Call(two.resource, operation)) for operation in ("delete", "read", "delete"))
    resources = as_called(Episode(replace(plain.plan, servers=servers), calls)).plan.servers.resources
    assert list(resources) == [two.resource, one.resource]
    assert resources == servers.resources
    assert as_called(plain) == plain


def test_a_client_is_recorded_with_what_its_driver_alone_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "COSTLY_EXAMPLES", 4)
    record("go-sdk", "c" * 40, "client.py", f"{CLIENT} replaces", results=tmp_path)
    (path,) = tmp_path.iterdir()
    form = json.loads(path.read_text("utf-8"))
    assert (form["subject"], form["examples"], form["complete"]) == ("go-sdk", 4, True)
    assert CLIENT not in path.read_text("utf-8")
    shown = {(each["clause"], each["cause"]) for each in form["findings"]}
    assert ("ACC-1", "dropped") in shown
    missing = {(each["clause"], each["cause"]) for each in driver_of("go-sdk")["findings"]} - shown
    assert {(each["clause"], each["cause"]) for each in form["tried"]} == missing


def test_a_client_at_fault_leaves_the_record_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "COSTLY_EXAMPLES", 4)
    with pytest.raises(DriverFault):
        record("go-sdk", "c" * 40, "client.py", python("raise SystemExit"), results=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("ends", "status"), [(DriverFault("it fell over"), 2), (KeyboardInterrupt(), 130)])
def test_what_ends_a_recording_is_one_sentence_and_an_exit_code(
    ends: BaseException, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def end(*_: object, **__: object) -> None:
        raise ends

    monkeypatch.setattr(conformance, "record", end)
    assert main(["go-sdk", "c", "p", "true"]) == status
    assert capsys.readouterr().err.count("\n") == (status == 2)

"""The reference client at servers that were not written here: what is recorded of it, and that it is what happens.

The last ones start the servers from their packages: `pytest -m released` runs them, and the gate.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

from processes import BOUND, ends, runs
from real.answers import Answer, answers
from real.playing import PLAYS, play
from real.serving import AUTHORIZATION_SERVER, MCP_SERVERS, Program, installed, releases, serving
from real.table import NOT_OURS, RECORDED, TABLE, ours, place, recordings, seen, table
from recorded import read_har
from scope_judge.judge import judge
from scope_model.events import AuthorizationRequest, TokenRequest
from scope_oracle.subjects import SubjectUnavailable

PLAYED = list(product(MCP_SERVERS, PLAYS))
NAMES = ["-".join(names) for names in PLAYED]


@pytest.mark.parametrize(("server", "name"), PLAYED, ids=NAMES)
def test_the_reference_client_breaks_nothing_at_a_real_server(server: str, name: str) -> None:
    transcript = read_har(place(server, name).read_bytes())
    assert any(isinstance(event, AuthorizationRequest) for event in transcript.events)
    assert judge(transcript) == []


def test_a_client_that_lost_a_scope_there_would_be_caught() -> None:
    recorded = place("mcp_typescript", "steps-up").read_text("utf-8")
    lost = recorded.replace("scope=read+offline_access+write", "scope=write")
    assert lost != recorded
    assert "ACC-1" in {finding.clause for finding in judge(read_har(lost.encode()))}


def test_every_grant_type_of_a_user_is_played() -> None:
    played = [read_har(place(*names).read_bytes()).events for names in PLAYED]
    grant_types = {event.grant_type for events in played for event in events if isinstance(event, TokenRequest)}
    assert grant_types == {"authorization_code", "refresh_token"}


def test_nothing_else_is_recorded() -> None:
    assert {*RECORDED.iterdir()} == {place(*names) for names in PLAYED}


def test_a_recording_depends_on_no_day_and_no_machine() -> None:
    for names in PLAYED:
        text = place(*names).read_text("utf-8")
        assert "127.0.0.1" not in text
        assert "eyJ" not in text  # how every JSON Web Token begins


def test_what_is_recorded_is_of_the_releases_that_are_pinned() -> None:
    for (server, _), log in recordings().items():
        assert log["_servers"] == releases(server)


def test_the_table_is_current() -> None:
    assert TABLE.read_text("utf-8") == table(), "run python -m real.table"


def test_what_real_servers_do_and_ours_do_not_is_accounted_for() -> None:
    assert {answer for known in seen().values() for answer in known} - ours() == set(NOT_OURS)


def exchange(sent: dict[str, object], status: int, answer: dict[str, object]) -> dict[str, object]:
    """An entry of a HAR file: a JSON request that is answered with JSON."""
    request = {"url": "https://as.example/", "headers": [], "postData": {"text": json.dumps(sent)}}
    return {"request": request, "response": {"status": status, "headers": [], "content": {"text": json.dumps(answer)}}}


@pytest.mark.parametrize(
    ("status", "answer", "how"),
    [
        (403, {"error": "access_denied"}, "403 access_denied"),
        (400, {"error": "invalid_redirect_uri"}, "400 invalid_redirect_uri"),
    ],
)
def test_an_answer_that_no_server_of_ours_gives_is_told_from_those_that_they_give(
    status: int, answer: dict[str, object], how: str
) -> None:
    (found,) = answers([exchange({"redirect_uris": []}, status, answer)])
    assert found == Answer("registration", how)
    assert found not in ours()
    assert Answer("registration", "a public client") in ours()


# --- processes ------------------------------------------------------------------------------------

SERVES = """
import os, sys
print('{"url": "%d"}' % os.getpid(), flush=True)
sys.stdin.read()
"""


def python(program: str) -> Program:
    """A server of a few words."""
    return Program((sys.executable, "-c", program), "nobody's")


def test_a_server_ends_with_what_it_was_started_for(tmp_path: Path) -> None:
    started = []

    def interrupted() -> None:
        with serving(python(SERVES), tmp_path, {}) as url:
            started.append(int(url))
            assert runs(*started)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert ends(*started)


def test_a_server_that_does_not_serve_is_told_of_with_what_it_said(tmp_path: Path) -> None:
    says = r"does not serve; it said: there is no package$"
    with pytest.raises(SubjectUnavailable, match=says), serving(python("exit('there is no package')"), tmp_path, {}):
        pass


def test_packages_that_cannot_be_had_are_told_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho no such package >&2\nexit 1\n")
    npm.chmod(0o755)
    (tmp_path / "node").symlink_to("/bin/true")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(SubjectUnavailable, match=r"ended with 1: no such package"):
        installed()


# --- from their packages --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder() -> Path:
    """The servers, installed."""
    return installed()


@pytest.mark.released
@pytest.mark.parametrize(("server", "name"), PLAYED, ids=NAMES)
def test_what_is_recorded_happens_again(folder: Path, server: str, name: str) -> None:
    assert play(name, server, folder) == place(server, name).read_text("utf-8"), "run python -m real.table --play"


@pytest.mark.released
@pytest.mark.parametrize("program", [AUTHORIZATION_SERVER, *MCP_SERVERS.values()], ids=lambda each: each.package)
def test_a_server_ends_when_nobody_is_left_to_end_it(folder: Path, program: Program) -> None:
    options = {"scopes": [], "lifetime": 1, "rotates": True}
    with serving(AUTHORIZATION_SERVER, folder, options) as issuer:
        given = json.dumps({**options, "issuer": issuer, "requires": [], "lists": [], "tools": {}})
        subprocess.run([*program.command, given], check=True, cwd=folder, input=b"", capture_output=True, timeout=BOUND)

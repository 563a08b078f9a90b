"""The workflow: what its own action is given is there, is current, and is what the command takes."""

from __future__ import annotations

import os
import re
import subprocess
import textwrap
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from scope_oracle import check
from scope_oracle.cli import cli
from scope_oracle.expecting import read_expected

ROOT: Final = Path(__file__).parents[1]
WORKFLOW: Final = (ROOT / ".github" / "workflows" / "gate.yml").read_text("utf-8")
README: Final = (ROOT / "README.md").read_text("utf-8")
ACTION: Final = (ROOT / ".github" / "actions" / "check" / "action.yml").read_text("utf-8")


def given(name: str) -> str:
    """What the workflow gives its action for an input."""
    (value,) = re.findall(rf"^ +{name}: (.+)$", WORKFLOW, re.MULTILINE)
    return str(value)


def test_what_the_workflow_expects_is_what_happens() -> None:
    expect, subject = ROOT / given("expect"), given("subject")
    assert {each.subject for each in read_expected(expect)} == {subject}
    checked = check(subject, examples=600, expect=expect)
    assert checked.met.known
    checked.raise_for_findings()


@pytest.mark.parametrize(("text", "indent"), [(WORKFLOW, 10), (README, 4)])
def test_the_action_is_given_inputs_that_it_has(text: str, indent: int) -> None:
    inputs = set(re.findall(r"^  ([a-z-]+):$", ACTION.partition("inputs:")[2].partition("outputs:")[0], re.MULTILINE))
    block = re.split(r"uses: .*\.github/actions/check\b", text)[1].partition("- uses")[0]
    given_ = set(re.findall(rf"^ {{{indent}}}([a-z-]+):", block, re.MULTILINE))
    assert {"subject", "expect"} <= given_ <= inputs


def test_the_action_gives_options_that_the_command_has() -> None:
    options = set(re.findall(r"(--[a-z]+)", ACTION.partition("options=(")[2]))
    help_ = CliRunner().invoke(cli, ["check", "--help"]).stdout
    assert options
    assert not [option for option in options if option not in help_]


def ran(script: str, folder: Path, **given: str) -> subprocess.CompletedProcess[str]:
    """Run a script of the action as GitHub does, with programs that say what they are given."""
    for program in ("scopelaw", "python"):
        (folder / program).write_text("#!/bin/bash\nprintf '<%s>' \"$@\"\n", "utf-8")
        (folder / program).chmod(0o700)
    surroundings = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}", "SUBJECT": "", "COMMAND": "", "EXPECT": ""}
    words = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script)
    environment = surroundings | {"ARGS": "", "REPORT": "report"} | given
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)


INSTALL, CHECK = (
    textwrap.dedent(block) for block in re.findall(r"^ {6}run: \|\n((?: {8}.*\n?|\n)+)", ACTION, re.MULTILINE)
)
WRITES: Final = "<check><--html><report/report.html><--junit><report/junit.xml><--sarif><report/results.sarif>"


@pytest.mark.parametrize(
    ("given", "comes"),
    [
        ({}, ""),
        ({"SUBJECT": "my.tests:subject", "EXPECT": "a file.toml"}, "<my.tests:subject><--expect><a file.toml>"),
        ({"COMMAND": "node 'client.mjs'"}, "<--command><node 'client.mjs'>"),
    ],
)
def test_the_action_gives_the_command_what_it_is_given(tmp_path: Path, given: dict[str, str], comes: str) -> None:
    assert ran(CHECK, tmp_path, **given).stdout == WRITES + comes


def test_options_are_words_as_in_a_shell_and_a_quote_that_stays_open_is_refused(tmp_path: Path) -> None:
    told = ran(CHECK, tmp_path, ARGS="--select ACC,*\n\n--reading 'union-base=granted' --quiet\n").stdout
    assert told == f"{WRITES}<--select><ACC,*><--reading><union-base=granted><--quiet>"
    assert ran(CHECK, tmp_path, ARGS="--select 'ACC").returncode != 0


def test_what_is_installed_is_named_and_no_pattern(tmp_path: Path) -> None:
    (tmp_path / "scopelawc").touch()
    told = ran(INSTALL, tmp_path, INSTALL="scopelaw[ci] .").stdout
    assert told == "<-m><pip><install><-q><scopelaw[ci]><.>"

"""The workflow: what its own action is given is there, is current, and is what the command takes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from click.testing import CliRunner

from scope_oracle import check
from scope_oracle.cli import cli
from scope_oracle.expecting import read_expected

ROOT: Final = Path(__file__).parents[1]
WORKFLOW: Final = (ROOT / ".github" / "workflows" / "gate.yml").read_text("utf-8")
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


def test_the_workflow_gives_its_action_inputs_that_it_has() -> None:
    inputs = set(re.findall(r"^  ([a-z-]+):$", ACTION.partition("inputs:")[2].partition("outputs:")[0], re.MULTILINE))
    block = WORKFLOW.partition("uses: ./.github/actions/check")[2].partition("- uses")[0]
    assert set(re.findall(r"^ {10}([a-z-]+):", block, re.MULTILINE)) <= inputs


def test_the_action_gives_options_that_the_command_has() -> None:
    options = set(re.findall(r"(--[a-z]+)", ACTION.partition("options=(")[2]))
    help_ = CliRunner().invoke(cli, ["check", "--help"]).stdout
    assert options
    assert not [option for option in options if option not in help_]

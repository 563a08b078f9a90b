"""The pytest plugin, as a project of somebody else's would use it."""

from __future__ import annotations

import json

import pytest

pytest_plugins = ["pytester"]

SUBJECT = """
from scope_model import POLICIES
from scope_properties import ModelSubject

scopelaw_subject = ModelSubject(POLICIES["{policy}"], label="mine")
"""
CHECKED = """
def test_scopes(scopelaw):
    scopelaw.check(scopelaw_subject).raise_for_findings()
"""
BY_CLAUSE = """
def test_clause(scopelaw_clause):
    scopelaw_clause.raise_for_findings()
"""


def ran(pytester: pytest.Pytester, text: str, *options: str, policy: str = "mcp-2025-11-25") -> pytest.RunResult:
    pytester.makepyfile(SUBJECT.format(policy=policy) + text)
    return pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:xdist", *options)


def test_a_failing_check_tells_the_exchange(pytester: pytest.Pytester) -> None:
    result = ran(pytester, CHECKED, "--scopelaw-examples", "60")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*Findings: ACC-1/dropped  discouraged  mine", "*authorize  scope=*", "*replay(SUBJECT*"]
    )


def test_a_right_client_passes_and_the_report_is_kept(pytester: pytest.Pytester) -> None:
    options = ("--scopelaw-examples", "20", "--scopelaw-seed", "4", "--scopelaw-report", "report.jsonl")
    ran(pytester, CHECKED, *options, policy="mcp-2026-07-28").assert_outcomes(passed=1)
    (line,) = (pytester.path / "report.jsonl").read_text().splitlines()
    form = json.loads(line)
    assert (form["subject"], form["seed"], form["examples"]) == ("mine", 4, 20)


def test_there_can_be_an_item_a_clause(pytester: pytest.Pytester) -> None:
    result = ran(pytester, BY_CLAUSE, "--scopelaw-examples", "60", "-rA", "-v")
    outcomes = result.parseoutcomes()
    assert outcomes["failed"] >= 1
    assert outcomes["passed"] > 30
    result.stdout.fnmatch_lines(["*test_clause[[]CHAL-1[]] PASSED*", "*test_clause[[]ACC-1[]] FAILED*"])


def test_a_module_without_a_subject_says_what_is_missing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(BY_CLAUSE)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:xdist", "-k", "ACC-1]")
    result.stdout.fnmatch_lines(["*gives the client to check as scopelaw_subject"])


def test_a_wrong_number_is_refused(pytester: pytest.Pytester) -> None:
    result = ran(pytester, CHECKED, "--scopelaw-examples", "none")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "--scopelaw-examples" in result.stderr.str()

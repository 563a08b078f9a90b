"""The pytest plugin, as a project of somebody else's would use it."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import replace

import pytest

from scope_oracle.checking import check
from scope_oracle.expecting import written
from scope_oracle.issues import replay_of
from scope_oracle.reports import read_reports
from scope_oracle.subjects import subject

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
        [
            "*Findings: ACC-1/dropped  discouraged  mine",
            "*authorize  scope=*",
            "*; print(scope_oracle.replay(test_a_failing_check_*.scopelaw_subject, '*",
        ]
    )


def test_a_right_client_passes_and_the_report_is_kept(pytester: pytest.Pytester) -> None:
    options = ("--scopelaw-examples", "20", "--scopelaw-seed", "4", "--scopelaw-report", "report.jsonl")
    ran(pytester, CHECKED, *options, policy="mcp-2026-07-28").assert_outcomes(passed=1)
    report = pytester.path / "report.jsonl"
    (line,) = report.read_text().splitlines()
    form = json.loads(line)
    named = "test_a_right_client_passes_and_the_report_is_kept:scopelaw_subject"
    assert (form["subject"], form["seed"], form["examples"]) == (named, 4, 20)
    assert (form["command"][0], form["command"][-1]) == ("pytest", "report.jsonl")
    assert form["seconds"] > 0
    ran(pytester, CHECKED, *options)
    assert [each.seed for each in read_reports(report)] == [4, 4]


def test_what_a_report_says_to_see_a_finding_again_can_be_run(pytester: pytest.Pytester) -> None:
    ran(pytester, CHECKED, "--scopelaw-examples", "40", "--scopelaw-report", "report.jsonl")
    (report,) = read_reports(pytester.path / "report.jsonl")
    found = next(found for found in report.findings if found.clause == "ACC-1")
    words = shlex.split(replay_of(report, found))[1:]
    again = pytester.run(sys.executable, "-m", "scope_oracle", *words)
    again.stdout.fnmatch_lines([f"*ACC-1/{found.cause} {found.verdict}: *"])
    assert "SUBJECT" in replay_of(replace(report, subject="mine"), found)


def test_there_can_be_an_item_a_clause(pytester: pytest.Pytester) -> None:
    result = ran(pytester, BY_CLAUSE, "--scopelaw-examples", "60", "-rA", "-v")
    outcomes = result.parseoutcomes()
    assert outcomes["failed"] >= 1
    assert outcomes["passed"] > 30
    result.stdout.fnmatch_lines(["*test_clause[[]CHAL-1[]] PASSED*", "*test_clause[[]ACC-1[]] FAILED*"])
    assert "pytest_plugin.py" not in result.stdout.str()  # the failure is the test's, and not ours


def test_what_is_expected_passes_and_what_is_gone_fails_as_an_item_too(pytester: pytest.Pytester) -> None:
    with subject("mcp-2025-11-25") as chosen:
        lines = written("mine:subject", check(chosen, examples=60).broken)
    entries = "\n".join(lines).replace('reason = ""', 'reason = "known"')
    pytester.path.joinpath("expected.toml").write_text(entries)
    options = ("--scopelaw-examples", "60", "--scopelaw-expect", "expected.toml")
    assert set(ran(pytester, CHECKED + BY_CLAUSE, *options).parseoutcomes()) == {"passed", "skipped"}
    pytester.path.joinpath("expected.toml").write_text(f'{entries}[[expected]]\nclause = "CHAL-1"\nreason = "known"\n')
    result = ran(pytester, CHECKED + BY_CLAUSE, *options)
    result.stdout.fnmatch_lines(["*Findings: CHAL-1 no longer happens, and is expected (known)*"])
    result.stdout.re_match_lines_random([r"FAILED .*::test_scopes", r"FAILED .*::test_clause\[CHAL-1\]"])
    assert result.parseoutcomes()["failed"] == 2


def test_a_module_without_a_subject_says_what_is_missing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(BY_CLAUSE)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:xdist", "-k", "ACC-1]")
    result.stdout.fnmatch_lines(["*gives the client to check as scopelaw_subject"])


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--scopelaw-examples", "none", "'none' is no number of episodes"),
        ("--scopelaw-examples", "0", "'0' is no number of episodes"),
        (
            "--scopelaw-report",
            "/nowhere/report.jsonl",
            "cannot write '/nowhere/report.jsonl': no such file or directory",
        ),
        ("--scopelaw-report", ".", "cannot write '.': is a directory"),
        ("--scopelaw-expect", "none.toml", "cannot read none.toml: no such file or directory"),
    ],
)
def test_an_option_that_cannot_be_used_is_refused_before_anything_is_run(
    pytester: pytest.Pytester, option: str, value: str, says: str
) -> None:
    result = ran(pytester, CHECKED, option, value)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert f"argument {option}: {says}" in result.stderr.str()

"""Expected findings, selections, and reports for build servers."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from junitparser import JUnitXml

from scope_oracle.checking import Result, check
from scope_oracle.cli import cli
from scope_oracle.expecting import BadExpectation, Expected, Met, meet, read_expected, written
from scope_oracle.github import annotations_of, step_summary
from scope_oracle.junit import junit
from scope_oracle.names import UnknownName
from scope_oracle.outcome import rows, summary
from scope_oracle.sarif import sarif
from scope_oracle.selecting import Selection, selected
from scope_oracle.subjects import subject
from scope_spec import VERDICTS

FEW = 80
OLD = "mcp-2025-11-25"


@pytest.fixture(scope="module")
def result() -> Result:
    with subject(OLD) as chosen:
        return check(chosen, examples=FEW)


def scopelaw(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "scope_oracle", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={"PATH": "/usr/bin:/bin", "COLUMNS": "110", **environment},
    )


# --- expected findings ----------------------------------------------------------------------------


def expected_file(tmp_path: Path, result: Result, *, reason: str = "known") -> Path:
    file = tmp_path / "expected.toml"
    lines = written(result.subject, result.broken)
    file.write_text("\n".join(line.replace('reason = ""', f'reason = "{reason}"') for line in lines))
    return file


def test_what_is_written_for_findings_is_what_expects_them(tmp_path: Path, result: Result) -> None:
    met = meet(OLD, result.broken, read_expected(expected_file(tmp_path, result)))
    assert result.broken
    assert len(met.known) == len(result.broken)
    assert not met.new
    assert not met.gone


def test_a_new_finding_and_one_that_is_gone_both_fail(tmp_path: Path, result: Result) -> None:
    file = expected_file(tmp_path, replace(result, broken=result.broken[1:]))
    run = scopelaw("check", OLD, "--examples", str(FEW), "--expect", str(file), "--quiet")
    new = result.broken[0].finding
    assert run.returncode == 1, run.stderr
    assert run.stdout.startswith(f"{new.clause}/{new.cause}  ")
    assert "\n\nnew, and to be added" in run.stdout
    assert "\n\n\n" not in run.stdout
    file = expected_file(tmp_path, result)
    file.write_text(file.read_text() + '[[expected]]\nclause = "EXT-3"\nreason = "a link"\n')
    run = scopelaw("check", OLD, "--examples", str(FEW), "--expect", str(file))
    assert run.returncode == 1, run.stderr
    assert "no longer happens: EXT-3 (a link)" in run.stdout


def test_all_that_is_expected_passes_quietly(tmp_path: Path, result: Result) -> None:
    run = scopelaw("check", OLD, "--examples", str(FEW), "--expect", str(expected_file(tmp_path, result)), "--quiet")
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_an_entry_of_another_subject_says_nothing_here(result: Result) -> None:
    other = Expected("EXT-3", "known", "go-sdk")
    assert not meet(OLD, result.broken, [other]).gone


def test_what_is_new_is_printed_as_entries_from_the_first_day_on(tmp_path: Path) -> None:
    file = tmp_path / "expected.toml"
    file.touch()
    words = ("check", OLD, "--examples", str(FEW), "--quiet", "--expect", str(file))
    first = scopelaw(*words)
    entries = first.stdout.partition("new, and to be added where it is to be borne with:\n")[2]
    file.write_text(entries.replace('reason = ""', 'reason = "so far"'))
    assert (first.returncode, scopelaw(*words).returncode) == (1, 0)
    assert "to be added" not in scopelaw(*words[:-2]).stdout


def test_what_no_longer_happens_fails_wherever_a_build_server_looks(tmp_path: Path, result: Result) -> None:
    file, cases, summary = expected_file(tmp_path, result), tmp_path / "cases.xml", tmp_path / "summary.md"
    file.write_text(file.read_text() + '[[expected]]\nclause = "EXT-3"\nreason = "a | <link>"\n')
    words = ("check", OLD, "--examples", str(FEW), "--quiet", "--expect", str(file), "--junit", str(cases))
    run = scopelaw(*words, GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary))
    says = "EXT-3 no longer happens, and is expected (a | <link>)"
    assert run.returncode == 1, run.stderr
    assert run.stdout.splitlines()[-1] == f"::error title={OLD}%3A no longer happens::{says}"
    (failed,) = (case for suite in JUnitXml.fromfile(str(cases)) for case in suite if case.result and case.is_failure)
    assert (failed.name, failed.result[0].message) == ("EXT-3 is expected", says)
    assert "\n- EXT-3 no longer happens, and is expected (a | &lt;link&gt;)\n" in summary.read_text()
    assert summary.read_text().count(", expected: known</summary>") == len(result.broken)


def test_the_summary_of_a_step_begins_with_what_is_new_and_the_worst_of_it(result: Result) -> None:
    first = result.broken[0]
    met = meet(OLD, result.broken, [Expected(first.finding.clause, "known", cause=first.finding.cause)])
    titles = re.findall(
        r"<summary>(\S+) (\w+)(, expected: known)?<", "\n".join(step_summary(result, readings={}, met=met))
    )
    assert [verdict for _, verdict, known in titles if not known] == sorted(
        (verdict for _, verdict, known in titles if not known), key=VERDICTS.index
    )
    assert [bool(known) for *_, known in titles] == [False] * len(met.new) + [True] * len(met.known)
    assert met.known


def test_findings_of_a_client_of_ones_own_stand_beside_its_file(tmp_path: Path) -> None:
    folder = tmp_path / "repository" / "tests"
    folder.mkdir(parents=True)
    (folder / "mine.py").write_text(
        "from scope_properties import ModelSubject\nfrom scope_model import POLICIES\n"
        f"subject = ModelSubject(POLICIES['{OLD}'], label='mine:subject')\n"
    )
    results = tmp_path / "results.sarif"
    words = ("check", "mine:subject", "--examples", str(FEW), "--jobs", "1", "--quiet", "--sarif", str(results))
    for root, place in ((folder.parent, "tests/mine.py"), (tmp_path / "elsewhere", None)):
        run = scopelaw(*words, PYTHONPATH=str(folder), GITHUB_ACTIONS="true", GITHUB_WORKSPACE=str(root))
        annotations = [line for line in run.stdout.splitlines() if line.startswith("::")]
        assert annotations
        assert all((f",file={place}::" in line) == (place is not None) for line in annotations)
        (written_,) = json.loads(results.read_text("utf-8"))["runs"]
        uris = {each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for each in written_["results"]}
        assert uris == {place or "mine%3Asubject"}


def test_what_a_run_cut_short_did_not_find_is_not_gone(result: Result) -> None:
    assert not meet(OLD, result.broken, [Expected("EXT-3", "known")], complete=False).gone


BAD = {
    '[[expected]]\nclause = "ACC-11"\nreason = "x"': "unknown clause 'ACC-11'; did you mean ACC-1",
    '[[expected]]\nclause = "ACC-1"\ncause = "droped"\nreason = "x"': "cause of ACC-1 'droped'; did you mean dropped",
    '[[expected]]\nclause = "ACC-1"\nverdict = "discourage"\nreason = "x"': "did you mean discouraged",
    '[[expected]]\nclause = "ACC-1"': "entry 1: it has no reason",
    '[[expected]]\nclause = "ACC-1"\nreason = " "': "reason is to be a text that says something",
    '[[expected]]\nclaus = "ACC-1"\nreason = "x"': "unknown member 'claus'; did you mean clause",
    "expected = 3": "there is nothing but [[expected]] tables",
    "expected = [3]": "entry 1: it is not a table",
    "[[expected": "is not TOML",
}


@pytest.mark.parametrize("text", BAD)
def test_a_bad_entry_is_one_sentence(tmp_path: Path, text: str) -> None:
    file = tmp_path / "expected.toml"
    file.write_text(text)
    with pytest.raises(BadExpectation) as raised:
        read_expected(file)
    assert BAD[text] in str(raised.value)
    run = scopelaw("check", "--expect", str(file))
    assert run.returncode == 2
    assert len(run.stderr.splitlines()) == 1


# --- selections -----------------------------------------------------------------------------------


def test_a_selection_names_clauses_families_and_verdicts(result: Result) -> None:
    with subject(OLD) as chosen:
        accumulating = check(chosen, examples=FEW, selection=Selection(selected(["acc"]), selected(["ACC-8"])))
        grave = check(chosen, examples=FEW, selection=Selection(ignore=selected(["discouraged, unspecified"])))
    families = {each.finding.clause.partition("-")[0] for each in result.broken}
    assert len(families) > 1
    assert {each.finding.clause.partition("-")[0] for each in accumulating.broken} == {"ACC"}
    assert "ACC-8" not in {row.clause.id for row in rows(accumulating)}
    assert {row.clause.id.partition("-")[0] for row in rows(accumulating)} == {"ACC"}
    assert {each.finding.verdict for each in grave.broken} <= {"violates"}
    assert summary(accumulating)[1].startswith(f"{len(rows(accumulating))} clauses: 0 violate, ")
    assert summary(replace(accumulating, selection=Selection(selected(["ACC-1"]))))[1].startswith("1 clause: ")
    assert len(rows(grave)) == len(rows(result))


def test_an_unknown_name_is_refused_with_near_ones() -> None:
    with pytest.raises(UnknownName, match="did you mean ACC-1"):
        selected(["ACC-1,ACC-11"])


# --- build servers --------------------------------------------------------------------------------


def test_junit_has_a_case_a_clause_and_a_failure_a_finding_that_fails(result: Result) -> None:
    text = junit(result, readings={}, fails=lambda each: each is result.broken[0])
    (suite,) = JUnitXml.fromstring(text)
    first, skipped = result.broken[0].finding, [row for row in rows(result) if row.state == "not reached"]
    assert [case.name.split()[0] for case in suite] == [row.clause.id for row in rows(result)]
    (failed,) = (case for case in suite if case.name.startswith(f"{first.clause} "))
    (failure,) = failed.result
    assert failure.message == f"{first.clause}/{first.cause}: {first.because}"
    assert "authorize" in failure.text
    assert suite.skipped == len(skipped)


def test_sarif_has_a_rule_a_clause_and_a_result_a_finding(result: Result) -> None:
    met = meet(OLD, result.broken, [Expected(result.broken[0].finding.clause, "known <of old>")])
    (run,) = json.loads(sarif(result, readings={}, met=met))["runs"]
    assert len(run["results"]) == len(result.broken)
    assert {each["ruleId"] for each in run["results"]} == {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    assert all(rule["helpUri"].startswith("https://") for rule in run["tool"]["driver"]["rules"])
    levels = {each["level"] for each in run["results"]}
    assert levels <= {"error", "warning", "note"}
    assert len({each["partialFingerprints"]["scopelaw/v1"] for each in run["results"]}) == len(result.broken)
    suppressed = [each["suppressions"] for each in run["results"]]
    assert suppressed.count([{"kind": "external", "justification": "known <of old>"}]) == len(met.known)
    assert suppressed.count([]) == len(met.new) > 0


def test_github_shows_what_fails_and_a_summary(tmp_path: Path, result: Result) -> None:
    summary = tmp_path / "summary.md"
    run = scopelaw(
        "check", OLD, "--examples", str(FEW), "--quiet", GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary)
    )
    failing = [each for each in result.broken if each.finding.verdict != "unspecified"]
    shown = [line for line in run.stdout.splitlines() if line.startswith("::")]
    assert shown == list(annotations_of(OLD, failing))
    assert shown
    assert summary.read_text() == "".join(
        f"{line}\n" for line in step_summary(result, readings={}, met=Met(new=result.broken))
    )
    assert summary.read_text().count("<details>") == len(result.broken)


@pytest.mark.parametrize(
    ("file", "why"), [("/dev/full", "no space left on device"), ("/nowhere/x", "no such file or directory")]
)
def test_a_summary_that_cannot_be_written_is_one_sentence(file: str, why: str) -> None:
    run = scopelaw("check", "--examples", "1", GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=file)
    assert (run.returncode, run.stderr) == (2, f"scopelaw: cannot write {file}: {why}\n")
    assert run.stdout.startswith("model, ")


def test_a_report_that_cannot_be_written_is_refused_before_the_run(tmp_path: Path) -> None:
    for option in ("--html", "--junit", "--sarif"):
        run = scopelaw("check", "--examples", "1000000", option, str(tmp_path / "none" / "file"))
        assert run.returncode == 2
        assert "cannot write" in run.stderr
        assert len(run.stderr.splitlines()) == 1


def test_the_entries_of_a_client_of_ones_own_serve_its_tests_too(result: Result) -> None:
    broken = result.broken[:1]
    assert not [line for line in written("mine:subject", broken) if line.startswith("subject")]
    assert list(written(OLD, broken))[1] == f'subject = "{OLD}"'
    assert list(written("--command 'node c:d'", broken))[1].startswith("subject")


def test_a_client_of_ones_own_is_checked_by_its_name(tmp_path: Path) -> None:
    module = tmp_path / "mine.py"
    module.write_text(
        "from scope_properties.model_subject import ModelSubject\n"
        "from scope_model import POLICIES\n"
        f"subject = ModelSubject(POLICIES['{OLD}'], label='mine')\n"
        "broken = 3\n"
        "from scope_oracle import PythonClient, in_process\n"
        "unfinished = in_process(PythonClient, name='mine')\n"
    )
    (tmp_path / "leaving.py").write_text("raise SystemExit(0)\n")
    environment = {"PYTHONPATH": str(tmp_path)}
    run = scopelaw("check", "mine:subject", "--examples", "40", "--jobs", "1", **environment)
    assert run.returncode == 1, run.stderr
    assert "mine, 2026-07-28: 40 episodes" in run.stdout
    for name, because in (
        ("mine:nothing", "cannot import mine:nothing: AttributeError"),
        ("mine:broken", "mine:broken is no subject"),
        ("mine:PythonClient", "mine:PythonClient is no subject; from_httpx_auth and in_process make one"),
        ("mine:unfinished", "PythonClient has no `call` of its own"),
        ("mine", "unknown subject 'mine'; a client of your own goes by package.module:name"),
        ("none:x", "cannot import none:x: ModuleNotFoundError"),
        ("mine:subject --sdk-version 1", "mine:subject has no releases"),
        ("mine.py:subject", "mine.py:subject begins with a file; a client of your own goes by package.module:name"),
        ("./mine:subject", "./mine:subject begins with a file; a client of your own goes by package.module:name"),
        ("leaving:x", "cannot import leaving:x: SystemExit: 0"),
    ):
        run = scopelaw("check", *name.split(), **environment)
        assert run.returncode == 2
        assert because in run.stderr
        assert len(run.stderr.splitlines()) == 1


CHATTY = """
from scope_oracle import in_process
from scope_oracle.subjects.application import HttpxClient
from test_python_api import Careful

print("imported")

class Chatty(Careful):
    def call(self, operation):
        print("calling", operation)
        super().call(operation)
        if self.leaves:
            raise SystemExit(0)

    leaves = False

class Leaving(Chatty):
    leaves = True

subject, leaving = in_process(Chatty), in_process(Leaving)
"""


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_what_a_client_prints_is_no_result_and_its_exit_no_status(tmp_path: Path, jobs: str) -> None:
    (tmp_path / "chatty.py").write_text(CHATTY)
    environment = {"PYTHONPATH": f"{tmp_path}:{Path(__file__).parent}"}
    run = scopelaw(
        "check",
        "chatty:subject",
        "--examples",
        "4",
        "--jobs",
        jobs,
        "--format",
        "json",
        "--select",
        "ACC",
        **environment,
    )
    assert json.loads(run.stdout)["subject"] == "chatty:subject"
    assert {"imported", "calling read"} <= set(run.stderr.splitlines())
    run = scopelaw("check", "chatty:leaving", "--examples", "4", "--jobs", jobs, **environment)
    assert run.returncode == 1
    assert re.search(r"^raised in 4 of 4 episodes: SystemExit: 0 \(chatty\.py:\d+\)$", run.stdout, re.MULTILINE)


@pytest.mark.parametrize("engine", ["sampling", "hypothesis"])
def test_all_that_a_check_can_write_goes_together(
    tmp_path: Path, engine: str, result: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where Hypothesis keeps its examples
    known = result.broken[0].finding
    (tmp_path / "expected.toml").write_text(f'[[expected]]\nclause = "{known.clause}"\nreason = "known <of old>"\n')
    words = ["--format", "json", "--quiet", "--expect", "expected.toml", "--fail-on", "discouraged", "--write", "found"]
    words += ["--html", "page.html", "--junit", "cases.xml", "--sarif", "results.sarif", "--engine", engine]
    run = CliRunner().invoke(cli, ["check", OLD, "--examples", "40", *words])
    assert (run.exit_code, run.stderr) == (1, "")
    findings = json.loads(run.stdout)["findings"]
    failing = [each for each in findings if "expected" not in each and each["verdict"] != "unspecified"]
    assert 0 < len(failing) < len(findings)
    assert JUnitXml.fromfile("cases.xml").failures == len({each["clause"] for each in failing})
    assert len(json.loads(Path("results.sarif").read_text("utf-8"))["runs"][0]["results"]) == len(findings)
    assert Path("page.html").read_text("utf-8").count('<details class="finding ') == len(findings)
    assert Path("page.html").read_text("utf-8").count("<dt>expected</dt><dd>known &lt;of old&gt;</dd>") == sum(
        "expected" in each for each in findings
    )
    kept = {f"{each['clause']}-{each['cause']}.jsonl" for each in findings}
    assert {each.name for each in Path("found").iterdir()} == kept


def test_a_check_writes_what_build_servers_read(tmp_path: Path) -> None:
    cases, results = tmp_path / "cases.xml", tmp_path / "results.sarif"
    run = scopelaw("check", OLD, "--examples", str(FEW), "--junit", str(cases), "--sarif", str(results))
    assert run.returncode == 1, run.stderr
    assert JUnitXml.fromfile(str(cases)).failures > 0
    assert json.loads(results.read_text("utf-8"))["runs"][0]["results"]


@pytest.mark.parametrize(("kind", "library"), [("junit", "junitparser"), ("sarif", "sarif_pydantic")])
def test_what_a_report_for_build_servers_needs_is_said(kind: str, library: str, tmp_path: Path) -> None:
    (tmp_path / f"{library}.py").write_text(f"raise ModuleNotFoundError(name={library!r})\n")
    run = scopelaw("check", f"--{kind}", str(tmp_path / "report"), PYTHONPATH=str(tmp_path))
    assert (run.returncode, run.stderr) == (2, f"scopelaw: --{kind} needs {library}: pip install 'scopelaw[ci]'\n")

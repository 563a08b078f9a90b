"""What the README shows of a first test is run, file by file, as a reader would write it down."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import scope_oracle

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")
FILES = dict(re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```\n", README, re.DOTALL))
BUG = "        self.requested = scopes\n"


def block(name: str) -> str:
    """The one block that is marked so."""
    (found,) = re.findall(rf"<!-- {name} -->\n```\w*\n(.*?)```\n", README, re.DOTALL)
    assert isinstance(found, str)
    return found


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A reader's folder, with every file that the README shows."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


def run(project: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (sys.executable, "-m", *command), cwd=project, capture_output=True, text=True, check=False, timeout=280
    )


def pytest_in(project: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return run(project, "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *options)


def test_the_first_test_fails_as_it_is_shown(project: Path) -> None:
    ran = pytest_in(project, "test_scopes.py")
    assert ran.returncode == 1, ran.stdout
    told = "".join(re.findall(r"^E   ?(.*\n)", ran.stdout, re.MULTILINE))
    shown = textwrap.dedent(block("failure")).partition("…")[0]  # a replay is too long to show
    assert shown in textwrap.dedent(told).replace("  scope_oracle.testing.Findings: ", "")
    assert shown.startswith("ACC-1/dropped  discouraged")


def test_the_last_line_of_a_failure_plays_it_again_as_it_stands(project: Path) -> None:
    (line,) = re.findall(r"^E +replay: +(.*)\n", pytest_in(project, "test_scopes.py").stdout, re.MULTILINE)
    again = subprocess.run((sys.executable, "-c", line), cwd=project, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert "ACC-1/dropped discouraged: a was asked for before, and is missing" in " ".join(again.stdout.split())


def test_it_passes_once_the_line_that_is_named_is_mended(project: Path) -> None:
    client = project / "my_client.py"
    assert f"`{BUG.strip()}`" in README
    assert FILES[client.name].count(BUG) == 1
    client.write_text(FILES[client.name].replace(BUG, block("mended")), "utf-8")
    assert "1 passed" in pytest_in(project, "test_scopes.py").stdout


def test_the_same_client_is_found_on_the_command_line_and_its_replay_too(project: Path) -> None:
    line = next(line for line in README.splitlines() if line.startswith("scopelaw check test_scopes:subject --select"))
    shorter = ("--examples", "20", "--jobs", "1")
    checked = run(project, "scope_oracle", *line.split()[1:], *shorter)
    assert checked.returncode == 1, checked.stderr
    again = next(line for line in checked.stdout.splitlines() if line.startswith("  replay:   scopelaw check test_"))
    replayed = run(project, "scope_oracle", *shlex.split(again)[2:])
    assert "ACC-1/dropped discouraged" in replayed.stdout


def test_the_findings_that_are_expected_are_no_failures(project: Path) -> None:
    options = ("--examples", "20", "--jobs", "1", "--select", "ACC-1", "--expect", "expected.toml")
    ran = run(project, "scope_oracle", "check", "test_scopes:subject", *options)
    assert ran.returncode == 0, ran.stdout
    assert "expected: ACC-1/dropped discouraged" in ran.stdout


def test_the_fixtures_do_as_they_are_shown(project: Path) -> None:
    ran = pytest_in(project, "test_by_clause.py", "--scopelaw-examples", "10", "-k", "test_scopes or ACC-1]")
    assert "FAILED test_by_clause.py::test_scopes" in ran.stdout, ran.stdout
    assert "FAILED test_by_clause.py::test_clause[ACC-1]" in ran.stdout


def test_a_client_that_does_not_authorize_yet_is_told_so(project: Path) -> None:
    ran = pytest_in(project, "test_called.py")
    assert "nothing can be tested: no authorization request arrived" in ran.stdout


def test_the_package_tells_all_that_it_exports() -> None:
    told = set(re.findall(r"`(\w+)[.`]", str(scope_oracle.__doc__)))
    assert set(scope_oracle.__all__) <= told

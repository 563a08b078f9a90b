"""What a shell has of the command: words to complete, help, and a sign of life while it works."""

from __future__ import annotations

import os
import subprocess
import sys
from time import sleep

import click
import pytest
from click.testing import CliRunner

from scope_oracle.checking import Progress
from scope_oracle.cli import cli
from scope_oracle.commands import progress
from scope_oracle.commands.progress import Pace, showing
from scope_oracle.subjects import SUBJECTS
from scope_spec import CLAUSES, READINGS


def completed(*words: str) -> list[str]:
    """What a shell completes the last of some words to."""
    return [line.partition(",")[2] for line in told_to_complete(*words)]


def told_to_complete(*words: str) -> list[str]:
    """What a shell is told, a line each: what kind of word, and the word."""
    asked = {"_SCOPELAW_COMPLETE": "bash_complete", "COMP_WORDS": " ".join(("scopelaw", *words))}
    told = CliRunner().invoke(
        cli, [], prog_name="scopelaw", env={**asked, "COMP_CWORD": str(len(words))}, standalone_mode=True
    )
    return told.stdout.splitlines()


@pytest.mark.parametrize(
    ("words", "among"),
    [
        (("ch",), ["check"]),
        (("check", "rust"), ["rust-sdk", "rust-sdk-before-888"]),
        (("smoke", "go"), ["go-sdk"]),
        (("history", "type"), ["typescript-sdk", "typescript-sdk-v1"]),
        (("compare", "model", "mcp-2"), ["mcp-2025-11-25"]),
        (("check", "rust-sdk+"), ["rust-sdk+initial-scope-selection"]),
        (("check", ""), [*SUBJECTS]),
        (("explain", "rust"), ["rust-sdk", "rust-sdk+initial-scope-selection"]),
        (("explain", "acc-1"), ["ACC-1", "ACC-10"]),
        (("explain", "union"), ["union-base"]),
        (("check", "--select", "CHAL-1,ACC-1"), ["CHAL-1,ACC-1", "CHAL-1,ACC-10"]),
        (("check", "--ignore", "unsp"), ["unspecified"]),
        (("check", "--reading", "union-base"), [f"union-base={value}" for value in READINGS["A1"].values]),
        (("check", "--fail-on", "v"), ["violates"]),
        (("check", "--engine", ""), ["sampling", "hypothesis"]),
        (("judge", "--revision", "2025-1"), ["2025-11-25"]),
    ],
)
def test_words_are_completed(words: tuple[str, ...], among: list[str]) -> None:
    assert set(among) <= set(completed(*words))


@pytest.mark.parametrize(
    "words",
    [("judge",), ("judge", "x.har"), ("judge", "--write"), ("redact",), ("report",), ("explain", "--finding")]
    + [("check", option) for option in ("--expect", "--html", "--junit", "--sarif")],
)
def test_files_are_completed_by_the_shell(words: tuple[str, ...]) -> None:
    assert told_to_complete(*words, "rec") == ["file,rec"]


def test_every_clause_is_completed() -> None:
    assert set(CLAUSES) <= set(completed("explain", ""))


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_can_source_what_completes(shell: str) -> None:
    told = CliRunner().invoke(cli, [], prog_name="scopelaw", env={"_SCOPELAW_COMPLETE": f"{shell}_source"})
    assert "_SCOPELAW_COMPLETE" in told.stdout


def test_every_command_has_help_that_ends_with_an_example() -> None:
    def commands(group: click.Command, *path: str) -> list[tuple[str, ...]]:
        inner = group.commands.items() if isinstance(group, click.Group) else ()
        return [path, *(each for name, command in inner for each in commands(command, *path, name))]

    for path in commands(cli):
        lines = CliRunner().invoke(cli, [*path, "--help"]).stdout.rstrip().splitlines()
        assert "scopelaw " in lines[-1], path
        assert any(line.strip() in ("Example:", "Examples:") for line in lines), path


def test_without_a_word_it_prints_its_help() -> None:
    bare = subprocess.run([sys.executable, "-m", "scope_oracle"], capture_output=True, text=True, check=False)
    assert bare.returncode == 0
    asked = CliRunner().invoke(cli, ["--help"], prog_name="python -m scope_oracle")
    assert bare.stdout.split() == asked.stdout.split()


# --- progress -------------------------------------------------------------------------------------


def test_a_line_says_how_far_it_has_come_and_how_long_it_will_take(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000.0
    monkeypatch.setattr(progress, "monotonic", lambda: now)
    pace = Pace()
    assert pace.line() == "starting"
    pace.hear(Progress(0, 0, 0, "building"))
    assert pace.line() == "building"
    pace.hear(Progress(0, 100, 0, "running episodes"))
    assert pace.line() == "running episodes: 0 of 100, 0 found"
    now += 60
    pace.hear(Progress(20, 100, 3, "running episodes"))
    assert pace.line() == "running episodes: 20 of 100, 3 found, about 4 min left"
    pace.hear(Progress(99, 100, 3, "running episodes"))
    assert pace.line() == "running episodes: 99 of 100, 3 found, nearly done"
    pace.hear(Progress(7, 0, 1, "trying"))
    assert pace.line() == "trying: 7 so far, 1 found"


def test_who_does_not_watch_gets_a_line_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "EVERY", 0.2)
    with showing() as show:
        show(Progress(0, 0, 0, "building a driver"))
        sleep(0.5)
    assert "scopelaw: building a driver\n" in capfd.readouterr().err
    with showing():
        pass
    assert capfd.readouterr().err == ""


@pytest.mark.skipif(os.name == "nt", reason="there is no such terminal")
def test_who_watches_is_told_the_time_that_is_left() -> None:
    terminal, end = os.openpty()
    running = subprocess.Popen(
        [sys.executable, "-m", "scope_oracle", "check", "--examples", "400"],
        stdout=subprocess.DEVNULL,
        stderr=end,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
    )
    os.close(end)
    seen = b""
    while b"running episodes" not in seen or b"0:00:" not in seen:
        seen += os.read(terminal, 4096)
    running.kill()
    running.wait()
    os.close(terminal)

"""However a check is ended, and whenever: nothing of it is left, and its status says which signal it was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Final

import pytest

from processes import BOUND, runs
from scope_oracle.ending import SIGNALS, Interrupts
from scope_oracle.subjects.warden import left_of

MARK: Final = "SCOPELAW_TEST_OF_ENDING"


def marked(mark: str) -> set[int]:
    """The processes whose environment holds a mark: all that a check has started, whatever their group."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes()
        except OSError:
            continue
        if f"{MARK}={mark}".encode() in environment.split(b"\0") and runs(int(folder.name)):
            found.add(int(folder.name))
    return found


def gone(mark: str) -> set[int]:
    """What is still there of a check after a while."""
    until = monotonic() + BOUND
    while (left := marked(mark)) and monotonic() < until:
        sleep(0.05)
    return left


def as_usual() -> None:
    """Let a process be ended by signals, whatever those that started us thought of them."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture
def mark(tmp_path: Path) -> Iterator[str]:
    """A mark of this test's own; whatever still bears it is ended."""
    yield str(tmp_path)
    for pid in marked(str(tmp_path)):
        os.kill(pid, signal.SIGKILL)


MOMENTS: Final = ("starting", "running", "shrinking", "building")
CHECKED: Final = ("model", "driver", "command")
ENDINGS: Final = (*SIGNALS, signal.SIGKILL)
CELLS: Final = [
    (moment, subject, number)
    for moment in MOMENTS
    for subject in CHECKED
    for number in ENDINGS
    if moment != "building" or subject == "driver"  # the one of them that is built
]


@pytest.mark.parametrize(("moment", "subject", "number"), CELLS)
def test_whatever_ends_a_check_leaves_nothing_behind(
    moment: str, subject: str, number: signal.Signals, mark: str, tmp_path: Path
) -> None:
    note = tmp_path / "moment"
    examples = "20" if moment == "shrinking" else "1000000"
    told = {MARK: mark, "MOMENT": moment, "SUBJECT": subject, "NOTE": str(note), "XDG_CACHE_HOME": str(tmp_path)}
    running = subprocess.Popen(
        [sys.executable, "-m", "drivers.ending_subjects", "check", "model", "--examples", examples, "--jobs", "2"],
        cwd=Path(__file__).parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env=os.environ | told,
        start_new_session=True,
        preexec_fn=as_usual,  # noqa: PLW1509 - there are no threads here
    )
    until = monotonic() + BOUND
    while not note.exists() and running.poll() is None and monotonic() < until:
        sleep(0.01)
    assert running.poll() is None, running.communicate()
    assert note.exists()
    sleep(0.1)
    running.send_signal(number)
    out, err = running.communicate(timeout=BOUND)
    assert gone(mark) == set()
    if number is signal.SIGKILL:
        assert running.returncode == -number
        return
    assert running.returncode == 128 + number
    assert err.strip() == ""
    if moment in {"running", "shrinking"}:
        assert "interrupted, and this is what was found so far" in out.splitlines()[0]


def test_a_signal_that_comes_twice_at_once_is_one() -> None:
    with Interrupts() as interrupts:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGHUP)
    assert interrupts.status == 128 + signal.SIGTERM


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interrupts() as interrupts:
            signal.raise_signal(signal.SIGHUP)
        assert interrupts.status is None
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_what_has_begun_and_not_ended_is_left() -> None:
    assert left_of([b"+1\n", b"+2\n", b"-1\n", b"+3\n"]) == {2, 3}

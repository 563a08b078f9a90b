"""Processes with all that they start: each leads a group, which is ended with it, and at the latest with us."""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
from contextlib import suppress
from functools import cache
from threading import Lock
from time import sleep
from typing import IO, Final

from . import warden

_MOMENT: Final = 0.02
_GRACE: Final = 25
_lock: Final = Lock()


def begun(process: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
    """Have the group of a process ended where this process is gone before it."""
    _tell(f"+{process.pid}\n")
    return process


def end_group(process: subprocess.Popen[bytes]) -> bool:
    """End a process and its group; whether any was left of the group after the process itself had ended."""
    ended = process.poll() is not None
    left = ended and _outlives(process.pid)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    _tell(f"-{process.pid}\n")
    return left


def _outlives(group: int) -> bool:
    """Whether a process group is still there after a moment's grace."""
    for _ in range(_GRACE):
        try:
            os.killpg(group, 0)
        except (ProcessLookupError, PermissionError):
            return False
        sleep(_MOMENT)
    return True


def _tell(line: str) -> None:
    with _lock, suppress(OSError):  # somebody may have ended the warden
        os.write(_warden().fileno(), line.encode())


@cache
def _warden() -> IO[bytes]:
    """The input of the one process that outlives this one, if only to end what is left of it."""
    process = subprocess.Popen(  # noqa: S603 - a file of ours
        [sys.executable, "-IS", warden.__file__],
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert process.stdin is not None
    atexit.register(_dismiss, process)
    return process.stdin


def _dismiss(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    with suppress(OSError):
        process.stdin.close()
    process.wait()

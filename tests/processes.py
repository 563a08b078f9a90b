"""Whether processes are still there."""

import os
from pathlib import Path
from time import monotonic, sleep
from typing import Final

BOUND: Final = 60.0
"""Seconds after which a test that waits has failed."""


def runs(pid: int) -> bool:
    """Whether a process runs; one that has ended, and that only its parent could forget, does not."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] != "Z"
    except ProcessLookupError:
        return False
    except FileNotFoundError:  # it has just ended, or this is a system without /proc
        return not Path("/proc/self").exists()


def ends(pid: int) -> bool:
    """Whether a process is gone soon."""
    deadline = monotonic() + BOUND
    while runs(pid) and monotonic() < deadline:
        sleep(0.01)
    return not runs(pid)

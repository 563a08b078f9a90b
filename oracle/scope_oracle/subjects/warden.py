"""Ends the process groups of a program that is gone: whatever ended that, nothing that it started goes on.

A program of its own, which reads from standard input `+GROUP` for a group that has begun and `-GROUP` for one that has
ended. The input ends when the program does that holds its other end; then every group that is left is ended.
"""

import os
import signal
import sys
from collections.abc import Iterable
from contextlib import suppress


def left_of(lines: Iterable[bytes]) -> set[int]:
    """The groups that have begun and not ended."""
    groups: set[int] = set()
    for line in lines:
        group = int(line[1:])
        if line.startswith(b"+"):
            groups.add(group)
        else:
            groups.discard(group)
    return groups


def main() -> None:
    """Wait until the program is gone, and end what is left of it."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # its end is that of its input
    for group in left_of(sys.stdin.buffer):
        with suppress(OSError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()

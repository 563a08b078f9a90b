"""Ending early: every signal that asks for it is the same interrupt, and its number the exit status."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from time import monotonic
from types import FrameType, TracebackType
from typing import Final, Self

SIGNALS: Final = tuple(
    signal.Signals[name]
    for name in ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM")
    if name in signal.Signals.__members__  # a system may know fewer
)
"""The signals that ask a program to end, as far as they can be caught."""

_AGAIN: Final = 2.0
"""Seconds after which a further signal is somebody's impatience, and no copy of the first (`timeout` sends two)."""


class Interrupts:
    """Within its context each of SIGNALS raises KeyboardInterrupt; `status` is then 128 and its number.

    A signal that was ignored before stays ignored: so a program is told that nobody means it (`nohup`).
    """

    def __init__(self) -> None:
        self.status: int | None = None
        self._last = 0.0
        self._before: dict[signal.Signals, Callable[[int, FrameType | None], object] | int | None] = {}

    def __enter__(self) -> Self:
        if current_thread() is main_thread():
            for number in SIGNALS:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._interrupt)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    def _interrupt(self, number: int, _: FrameType | None) -> None:
        now = monotonic()
        if self.status is not None and now - self._last < _AGAIN:
            return
        self.status, self._last = 128 + number, now
        raise KeyboardInterrupt


class Ended(SystemExit):
    """This process was told to end, which is no exit that a client in it asked for."""


@contextmanager
def held_back() -> Iterator[None]:
    """Let SIGNALS wait; a process that is started meanwhile begins with none of them let through."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def let_through() -> None:
    """Take delivery of the SIGNALS that were held back when this process was started."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)

"""Checking with several processes, each with a subject of its own."""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from itertools import cycle, islice
from multiprocessing import SimpleQueue, get_context
from multiprocessing.util import Finalize
from types import TracebackType
from typing import Final, Self

from scope_properties.episodes import Episode
from scope_properties.subjects import Subject
from scope_spec import Revision

from .checking import Alone, examiner
from .subjects import DriverFault
from .tally import Broken, Judged

Opening = Callable[..., AbstractContextManager[Subject]]
"""How to get a subject; `say` may be given. It is called in each process, so it has to be pickled."""

_AT_ONCE: Final = 10
"""Episodes that a process is given at a time: few enough that all are busy until the end."""

_AHEAD: Final = 3
"""How many times that a process has waiting for it."""


class Jobs:
    """A bench of `count` processes (`checking.Bench`); they are there within its context.

    Where episodes are `costly`, a process is given one at a time: it cannot be interrupted within what it was given.
    """

    def __init__(
        self,
        opening: Opening,
        count: int,
        revision: Revision,
        readings: Mapping[str, str],
        *,
        costly: bool = False,
    ) -> None:
        self._count = count
        self._at_once = 1 if costly else _AT_ONCE
        context = get_context("spawn")
        cores: SimpleQueue[int] = context.SimpleQueue()
        for core in islice(cycle(_cores()), count):
            cores.put(core)
        self._pool = ProcessPoolExecutor(
            count, context, initializer=_begin, initargs=(opening, revision, dict(readings), cores)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def judge(self, episodes: Iterable[Episode]) -> Iterator[Judged]:
        """Play the episodes, some in each process, and none long before its turn."""
        left = iter(episodes)
        begun: deque[Future[list[Judged]]] = deque()
        while True:
            while len(begun) < _AHEAD * self._count and (some := list(islice(left, self._at_once))):
                begun.append(self._pool.submit(_judge, some))
            if not begun:
                return
            yield from begun.popleft().result()

    def shorten(self, broken: Sequence[Broken], trials: int) -> Iterator[Broken]:
        """Shorten the traces, one in each process."""
        return self._pool.map(partial(_shorten, trials), broken)


# What a process has of its own, set once when it begins, or why it has nothing.
_alone: Alone | DriverFault


def _cores() -> list[int]:
    """The cores that this process may use, where the system lets one choose."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def processes() -> int:
    """How many processes keep the machine busy."""
    return len(_cores()) or os.cpu_count() or 1


def _begin(opening: Opening, revision: Revision, readings: Mapping[str, str], cores: SimpleQueue[int]) -> None:
    global _alone  # noqa: PLW0603 - the one thing that a task finds in its process
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is for the process that gives out the work
    if not cores.empty():
        # A driver and its servers take turns: on one core, neither waits for another one to wake up.
        os.sched_setaffinity(0, {cores.get()})
    stack = ExitStack()
    Finalize(None, stack.close, exitpriority=1)
    try:
        _alone = Alone(examiner(stack.enter_context(opening()), revision, readings))
    except DriverFault as wrong:
        _alone = wrong  # raised here, it would take the whole pool down without a word


def _judge(episodes: list[Episode]) -> list[Judged]:
    return list(_bench().judge(episodes))


def _shorten(trials: int, broken: Broken) -> Broken:
    return _bench().shorten_one(broken, trials)


def _bench() -> Alone:
    if isinstance(_alone, DriverFault):
        raise _alone
    return _alone

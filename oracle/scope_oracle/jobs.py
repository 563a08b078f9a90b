"""Checking with several processes, each with a subject of its own."""

from __future__ import annotations

import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from itertools import chain, cycle, islice
from multiprocessing import SimpleQueue, active_children, get_context, parent_process
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from multiprocessing.util import Finalize
from threading import Thread
from time import monotonic, sleep
from types import FrameType, TracebackType
from typing import Final, Self, TypeVar, cast

from scope_properties.episodes import Episode
from scope_properties.subjects import Subject
from scope_spec import Revision

from .checking import Alone, examiner
from .ending import SIGNALS, Ended, held_back, let_through
from .subjects import DriverFault, SubjectUnavailable, brief
from .tally import Broken, Judged

Opening = Callable[..., AbstractContextManager[Subject]]
"""How to get a subject; `say` may be given. It is called in each process, so it has to be pickled."""

Work = TypeVar("Work")
Done = TypeVar("Done")

_AT_ONCE: Final = 10
"""Episodes that a process is given at a time: few enough that all are busy until the end."""

_AHEAD: Final = 3
"""How many times that a process has waiting for it."""

_ENDING: Final = 5.0
"""Seconds that a process has to end with its subject when it is told to; a driver has fewer."""

MOST: Final = 64
"""More processes than this wait for each other, on any machine that has not as many cores."""


class Jobs:
    """A bench of `count` processes (`checking.Bench`); they are there within its context, and gone after it.

    Whoever leaves the context before the work is done ends it. Afterwards `parting` says what was wrong with how the
    subjects ended.

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
        self._begun: deque[Future[object]] = deque()
        context = get_context("spawn")
        cores: SimpleQueue[int] = context.SimpleQueue()
        for core in islice(cycle(_cores()), count):
            cores.put(core)
        self._partings: SimpleQueue[list[str]] = context.SimpleQueue()
        self._pool = ProcessPoolExecutor(
            count, context, initializer=_begin, initargs=(opening, revision, dict(readings), cores, self._partings)
        )
        self.parting: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not all(each.done() for each in self._begun):
            _end(active_children())
        self._pool.shutdown(cancel_futures=True)
        while not self._partings.empty():
            self.parting += self._partings.get()

    def judge(self, episodes: Iterable[Episode]) -> Iterator[Judged]:
        """Play the episodes, some in each process, and none long before its turn."""
        left = iter(episodes)
        some = iter(lambda: list(islice(left, self._at_once)), [])
        return chain.from_iterable(self._done(_judge, some))

    def shorten(self, broken: Sequence[Broken], trials: int) -> Iterator[Broken]:
        """Shorten the traces, one in each process."""
        return self._done(partial(_shorten, trials), iter(broken))

    def _done(self, task: Callable[[Work], Done], work: Iterator[Work]) -> Iterator[Done]:
        """What comes of each piece of work, in its order."""
        begun: deque[Future[Done]] = deque()
        self._begun = cast("deque[Future[object]]", begun)  # who only asks whether they are done may have any
        while True:
            for each in islice(work, _AHEAD * self._count - len(begun)):
                with held_back():  # a process that this starts is not to be interrupted as it begins
                    begun.append(self._pool.submit(task, each))
            if not begun:
                return
            try:
                done = begun[0].result()
            except BrokenProcessPool:
                raise DriverFault("a process that episodes were played in has ended before its time") from None
            begun.popleft()
            yield done


def _end(processes: Iterable[BaseProcess]) -> None:
    """End processes, and all that they started, whatever they are doing."""
    left = {process.sentinel: process for process in processes}
    for process in left.values():
        process.terminate()
    until = monotonic() + _ENDING
    while left and (now := monotonic()) < until:
        for sentinel in wait(list(left), until - now):
            del left[cast("int", sentinel)]  # it is what it was given
    for process in left.values():
        process.kill()


# What a process has of its own, set once when it begins, or why it has nothing.
_alone: Alone | DriverFault
_stack: Final = ExitStack()


def _cores() -> list[int]:
    """The cores that this process may use, where the system lets one choose."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def processes() -> int:
    """How many processes keep the machine busy."""
    return min(MOST, len(_cores()) or os.cpu_count() or 1)


def _begin(
    opening: Opening,
    revision: Revision,
    readings: Mapping[str, str],
    cores: SimpleQueue[int],
    partings: SimpleQueue[list[str]],
) -> None:
    global _alone  # noqa: PLW0603 - the one thing that a task finds in its process
    for number in SIGNALS:  # they are for the process that gives out the work, which tells this one to terminate
        signal.signal(number, _told if number is signal.SIGTERM else signal.SIG_IGN)
    Thread(target=_follow, daemon=True).start()
    with _until_told():
        let_through()
        if not cores.empty():
            # A driver and its servers take turns: on one core, neither waits for another one to wake up.
            os.sched_setaffinity(0, {cores.get()})
        sys.stdout = sys.stderr  # what a client prints is no result
        Finalize(None, _leave, (partings,), exitpriority=1)
        try:
            subject = _stack.enter_context(opening())
            _alone = Alone(examiner(subject, revision, readings))
        except Exception as wrong:  # noqa: BLE001 - raised here, it would take the whole pool down without a word
            ours = isinstance(wrong, DriverFault | SubjectUnavailable)
            _alone = DriverFault(str(wrong) if ours else brief(wrong))


def _leave(partings: SimpleQueue[list[str]]) -> None:
    """Close what this process has opened, and say what was wrong with how that ended."""
    _stack.close()
    if not isinstance(_alone, DriverFault):
        partings.put(list(getattr(_alone.examining.subject, "parting", ())))


def _follow() -> None:
    """End this process when the one is gone that gives out the work."""
    parent = parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
    sleep(_ENDING)
    os.kill(os.getpid(), signal.SIGKILL)


def _told(number: int, _: FrameType | None) -> None:
    """Leave, wherever this process is; being told twice is no more than once."""
    signal.signal(number, signal.SIG_IGN)
    raise Ended(128 + number)


@contextmanager
def _until_told() -> Iterator[None]:
    """End this process where it is told to: the pool would take the exit for what came of a task."""
    try:
        yield
    except Ended as told:
        _stack.close()
        os._exit(int(str(told)))


def _judge(episodes: list[Episode]) -> list[Judged]:
    with _until_told():
        return list(_bench().judge(episodes))


def _shorten(trials: int, broken: Broken) -> Broken:
    with _until_told():
        return _bench().shorten_one(broken, trials)


def _bench() -> Alone:
    if isinstance(_alone, DriverFault):
        raise _alone
    return _alone

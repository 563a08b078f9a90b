"""Two calls of one application at once: both are under way, and one at a time goes on.

Each is held where it first calls its server, and everything else is answered as it comes. A call begins in a thread of
its own; what is asynchronous goes on as a task, both on one event loop, which alone touches the world.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from contextvars import ContextVar, copy_context
from pathlib import Path
from threading import Thread, get_ident
from typing import Final, TypeVar

from scope_oracle.ending import Ended
from scope_oracle.subjects import DriverFault
from scope_oracle.world import HttpRequest
from scope_properties.world import Exhausted

Answered = TypeVar("Answered")
Begin = Callable[[], Awaitable[None] | None]
"""Makes a call, and gives what is left of it to be awaited, if there is anything."""

_MOMENT: Final = 0.001
"""Seconds: a thread cannot be asked whether it waits for a lock, only be given time."""

_ROUNDS: Final = 100
"""How often the event loop goes round for a call that has not come to its server, until it is taken to wait."""

_OF_A_MOMENT: Final = 20
"""How many rounds a moment counts for."""

_A_WHILE: Final = 0.5
"""Seconds after which a call that could go on and does not waits for what the other one has."""

_FOR_EVER: Final = 60
"""How many whiles in which neither goes on show that each waits for the other."""


class UnderWay:
    """One of two calls that overlap; to be made where the event loop runs.

    `begin` is called in a thread; `arrive` writes a request down if it is one that calls a server, and says so. The
    call `came` when it first calls its server, and is held there until it `may_pass`. Where another is under way
    `beside` it, that one may get as far as it can whenever this one sends; `sent` counts how often it did.
    """

    def __init__(self, begin: Begin, arrive: Callable[[HttpRequest], bool]) -> None:
        self._begin = begin
        self._arrive = arrive
        self._loop = asyncio.get_running_loop()
        self._thread_of_the_loop = get_ident()
        self._is_sync = True
        self._own_thread = Thread()
        self.came = self._loop.create_future()
        self.may_pass = asyncio.Event()
        self.beside: UnderWay | None = None
        self.sent = 0
        self.is_over = False

    def start(self) -> asyncio.Task[None]:
        """Begin the call."""
        self.task = asyncio.create_task(self._call())
        # What ends the whole check has been raised already, and would be told a second time.
        self.task.add_done_callback(lambda task: task.cancelled() or task.exception())
        return self.task

    async def _call(self) -> None:
        UNDER_WAY.set(self)
        left = await self._in_a_thread()
        self._is_sync = False
        if left is not None:
            await left

    def _in_a_thread(self) -> asyncio.Future[Awaitable[None] | None]:
        begun: Future[Awaitable[None] | None] = Future()
        begun.set_running_or_notify_cancel()

        def begin() -> None:
            try:
                begun.set_result(self._begin())
            except BaseException as raised:  # noqa: BLE001 - it is raised again in the task
                begun.set_exception(raised)

        # A pool would wait for its threads at the exit, and who waits for ever is not to be waited for.
        self._own_thread = Thread(target=copy_context().run, args=(begin,), daemon=True)
        self._own_thread.start()
        return asyncio.wrap_future(begun)

    @property
    def is_elsewhere(self) -> bool:
        """Whether this is a thread of the call's own, and not that of the event loop."""
        return get_ident() != self._thread_of_the_loop

    def bring(self, answering: Coroutine[None, None, Answered]) -> Answered:
        """Have a request answered on the event loop; raises Ended where nobody is there any more to answer."""
        if self.is_over:
            answering.close()
            raise Ended
        try:
            return asyncio.run_coroutine_threadsafe(answering, self._loop).result()
        except CancelledError:
            raise Ended from None

    async def hold(self, request: HttpRequest) -> None:
        """Let the other call get to where it waits, and keep the first request to a server until it may pass."""
        self.sent += 1
        if self.beside is not None:
            await self.beside.settles()
        if not self.came.done() and self._arrive(request):
            self.came.set_result(None)
            await self.may_pass.wait()

    async def settles(self) -> None:
        """Wait until the call is held or over, or stands still, as before a lock."""
        still = 0
        while still < _ROUNDS and not (self.came.done() or self.task.done()):
            before = self.sent
            await asyncio.sleep(_MOMENT if self._is_sync else 0)
            if before != self.sent:
                still = 0
            elif not self._is_sync:
                still += 1
            elif _is_asleep(self._own_thread):
                still += _OF_A_MOMENT


def _is_asleep(thread: Thread) -> bool:
    """Whether a thread waits for something, and not for its turn on a busy machine; what no system says may be so."""
    try:
        state = Path(f"/proc/self/task/{thread.native_id}/stat").read_text("utf-8").rpartition(")")[2]
    except OSError:
        return True
    return state.split()[0] == "S"


UNDER_WAY: Final[ContextVar[UnderWay | None]] = ContextVar("UNDER_WAY", default=None)
"""The call that a request belongs to, where it overlaps another."""


async def overlap(first: UnderWay, second: UnderWay, turn: Callable[[], None]) -> None:
    """Have both on their way before either is answered; the second waits for its turn, or for a lock.

    A first call that is never held is over when the second begins. Raises what a call raises, but for Exhausted, and
    DriverFault where each waits for the other.
    """
    try:
        await _in_turn(first, second, turn)
    finally:
        first.is_over = second.is_over = True


async def _in_turn(first: UnderWay, second: UnderWay, turn: Callable[[], None]) -> None:
    await asyncio.wait((first.start(), first.came), return_when=asyncio.FIRST_COMPLETED)
    if not first.task.done():
        first.beside = second
        second.start()
        await second.settles()
    first.may_pass.set()
    await _end(first, second)
    if first.beside is not None:
        # Whatever it waited for the first has let go of: it is given the time that a busy machine takes.
        await asyncio.wait((second.task, second.came), timeout=_A_WHILE, return_when=asyncio.FIRST_COMPLETED)
    turn()
    second.may_pass.set()
    if first.beside is None:
        second.start()
    await _end(second, first)


async def _end(call: UnderWay, other: UnderWay) -> None:
    """Wait for the end of a call; where it stands still, the other has what it waits for, and goes on as well."""
    quiet, before = 0, None
    while not await _is_over_in_a_while(call):
        now = call.sent, other.sent
        quiet, before = quiet + 1 if now == before else 0, now
        if quiet:
            other.may_pass.set()
        if quiet > _FOR_EVER:
            raise DriverFault(f"two calls at once have stood still for {_A_WHILE * _FOR_EVER:g} seconds")
    with suppress(Exhausted):
        await call.task


async def _is_over_in_a_while(call: UnderWay) -> bool:
    await asyncio.wait((call.task,), timeout=_A_WHILE)
    return call.task.done()

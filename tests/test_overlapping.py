"""Calls of a client in this process that overlap: both are sent before either is answered, if the client lets them."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from functools import partial
from itertools import islice
from pathlib import Path
from time import sleep

import httpx2
import pytest
from typing_extensions import override

import scope_oracle.subjects.overlapping
from scope_model.client import Call
from scope_model.events import AuthorizationRequest, CallEnded, ResourceRequest, ResourceResponse
from scope_model.scopes import scopes
from scope_model.servers import AuthorizationServer, Challenging, ResourceServer, Servers
from scope_oracle import (
    Application,
    DriverFault,
    HttpRequest,
    InProcess,
    PythonClient,
    SubjectUnavailable,
    check,
    from_httpx_auth,
    in_process,
)
from scope_properties.episodes import MakeCall, OverlapCalls, Plan
from scope_properties.runs import Run, run
from scope_properties.sampling import sample
from test_python_api import Careful, Careless, Waiting

ONE = "https://one.example/mcp"
TWO = "https://two.example/mcp"
ISSUER = "https://as.example"
SERVERS = Servers(
    {name: ResourceServer(name, ISSUER, {"read": scopes("a"), "write": scopes("a")}) for name in (ONE, TWO)},
    {ISSUER: AuthorizationServer(ISSUER)},
)
BOTH = OverlapCalls(MakeCall(Call(ONE, "read")), MakeCall(Call(ONE, "write")))

Lock = Callable[[], AbstractContextManager[object]]
AsyncLock = Callable[[], AbstractAsyncContextManager[object]]


def overlapped(subject: InProcess, *steps: OverlapCalls) -> Run:
    played = Run(Plan(SERVERS), subject)
    played.play(*(steps or (BOTH,)))
    return played


def failures(played: Run) -> object:
    return getattr(played.session, "failures", None)


def told(played: Run) -> list[str]:
    """What tells whether calls overlap: requests of operations, answers, authorizations, ends of calls."""
    said = []
    for event in played.world.events:
        match event:
            case ResourceRequest():
                said.append(f"{event.operation}?")
            case ResourceResponse():
                said.append(f"{event.operation}: {event.status}")
            case AuthorizationRequest():
                said.append("authorize")
            case CallEnded():
                said.append(f"end {event.call}")
            case _:
                pass
    return said


class Flow(httpx2.Auth):
    """An `httpx.Auth` that has a sync flow alone, within a lock."""

    requires_response_body = True

    def __init__(self, app: Application, lock: Lock) -> None:
        self.inner = Careless(app)
        self.lock = lock()

    @override
    def sync_auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        with self.lock:
            yield from self.inner.auth_flow(request)


class AsyncFlow(httpx2.Auth):
    """One that has an asynchronous flow alone, within a lock."""

    def __init__(self, app: Application, lock: AsyncLock) -> None:
        self.inner = Careless(app)
        self.lock = lock()

    @override
    async def async_auth_flow(self, request: httpx2.Request) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        async with self.lock:
            flow = self.inner.auth_flow(request)
            out = next(flow)
            while True:
                response = yield out
                try:
                    out = flow.send(response)
                except StopIteration:
                    return


class Sync(Careful):
    """A client that is no `httpx.Auth`, within a lock."""

    def __init__(self, app: Application, lock: Lock) -> None:
        super().__init__(app)
        self.lock = lock()

    @override
    def call(self, operation: str) -> None:
        with self.lock:
            super().call(operation)


class Async(Waiting):
    """An asynchronous one, which sends by `asend`."""

    def __init__(self, app: Application, lock: AsyncLock) -> None:
        super().__init__(app)
        self.lock = lock()

    @override
    async def call(self, operation: str) -> None:
        async with self.lock:
            await super().call(operation)


def subjects(*, locked: bool) -> list[InProcess]:
    lock: Lock = threading.Lock if locked else nullcontext
    async_lock: AsyncLock = asyncio.Lock if locked else nullcontext
    return [
        from_httpx_auth(lambda app: Flow(app, lock), "sync httpx.Auth"),
        from_httpx_auth(lambda app: AsyncFlow(app, async_lock), "async httpx.Auth"),
        in_process(lambda app: Sync(app, lock), "sync PythonClient"),
        in_process(lambda app: Async(app, async_lock), "async PythonClient"),
    ]


@pytest.mark.parametrize("subject", subjects(locked=False), ids=lambda subject: subject.name)
def test_both_are_sent_before_either_is_answered(subject: InProcess) -> None:
    played = overlapped(subject)
    first = ["read: 401", "authorize", "read?", "read: 200", "end 1"]
    second = ["write: 401", "authorize", "write?", "write: 200", "end 2"]
    assert told(played) == ["read?", "write?", *first, *second]
    assert played.world.overlapped
    assert failures(played) == []


@pytest.mark.parametrize("subject", subjects(locked=True), ids=lambda subject: subject.name)
def test_a_client_with_a_lock_does_one_thing_at_a_time(subject: InProcess) -> None:
    played = overlapped(subject, BOTH, BOTH)  # twice: an asyncio.Lock keeps the loop that it was first waited for on
    assert told(played) == [
        *("read?", "read: 401", "authorize", "read?", "read: 200", "write?", "end 1", "write: 200", "end 2"),
        *("read?", "read: 200", "write?", "end 3", "write: 200", "end 4"),
    ]
    assert not played.world.overlapped
    assert failures(played) == []


@pytest.mark.parametrize("locked", [False, True])
def test_calls_of_two_servers_overlap_whatever_lock_a_client_of_one_has(*, locked: bool) -> None:
    for subject in subjects(locked=locked):
        played = overlapped(subject, OverlapCalls(MakeCall(Call(ONE, "read")), MakeCall(Call(TWO, "read"))))
        assert told(played)[:3] == ["read?", "read?", "read: 401"]


def test_an_asynchronous_client_that_sends_synchronously_calls_one_after_the_other() -> None:
    class Hasty(Careful):
        @override
        async def call(self, operation: str) -> None:
            await asyncio.sleep(0)
            super().call(operation)

    assert told(overlapped(in_process(Hasty)))[:3] == ["read?", "read: 401", "authorize"]


def test_one_is_called_after_the_other_where_an_event_loop_runs_already() -> None:
    async def within() -> Run:
        return overlapped(in_process(Careful))

    played = asyncio.run(within())
    assert told(played)[:3] == ["read?", "read: 401", "authorize"]
    assert failures(played) == []


class Sends(PythonClient):
    """A client whose calls share what its class has."""

    def once(self, operation: str) -> int:
        return self.app.send(self.app.tool_call(operation)).status


def test_a_second_call_that_waits_for_the_first_is_made_when_that_is_over() -> None:
    class Following(Sends):
        is_over = threading.Event()

        @override
        def call(self, operation: str) -> None:
            if operation == "write":
                self.is_over.wait()
            self.once(operation)
            self.is_over.set()

    assert told(overlapped(in_process(Following))) == ["read?", "read: 401", "write?", "end 1", "write: 401", "end 2"]


def test_a_first_call_that_waits_for_the_second_lets_it_pass() -> None:
    class Leading(Sends):
        is_over = threading.Event()

        @override
        def call(self, operation: str) -> None:
            self.once(operation)
            if operation == "read":
                self.is_over.wait()
                self.once(operation)
            self.is_over.set()

    assert told(overlapped(in_process(Leading))) == [
        *("read?", "write?", "read: 401", "write: 401", "read?", "read: 401", "end 1", "end 2")
    ]


def test_calls_that_wait_for_each_other_end_a_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scope_oracle.subjects.overlapping, "_FOR_EVER", 1)

    class Stuck(Sends):
        both = threading.Barrier(3)

        @override
        def call(self, operation: str) -> None:
            self.once(operation)
            self.both.wait()

    with pytest.raises(DriverFault, match=r"two calls at once have stood still for 0\.5 seconds"):
        overlapped(in_process(Stuck))
    Stuck.both.abort()


def test_a_client_that_sends_nothing_at_all_is_not_waited_for() -> None:
    class Silent(PythonClient):
        @override
        def call(self, operation: str) -> None:
            pass

    assert told(overlapped(in_process(Silent))) == ["end 1", "end 2"]


def test_what_is_no_call_is_answered_before_the_other_goes_on() -> None:
    class Looking(Sends):
        @override
        def call(self, operation: str) -> None:
            assert self.app.send(HttpRequest("GET", f"{ONE}/.well-known/openid-configuration")).status == 404
            self.once(operation)

    assert told(overlapped(in_process(Looking)))[:2] == ["read?", "write?"]


def test_each_of_two_calls_has_its_own_patience() -> None:
    class Endless(Sends):
        @override
        def call(self, operation: str) -> None:
            while self.once(operation) != 200:
                pass

    rejected = (Challenging("unauthorized"),)
    played = overlapped(
        in_process(Endless),
        OverlapCalls(*(MakeCall(Call(ONE, name), rejected, persists=True) for name in ("read", "write"))),
    )
    assert [(event.call, event.outcome) for event in played.world.events if isinstance(event, CallEnded)] == [
        *((1, "broken off"), (2, "broken off"))
    ]
    assert told(played).count("read?") == told(played).count("write?") == 60


@pytest.mark.parametrize("error", [RuntimeError, StopIteration, SystemExit, PermissionError])
@pytest.mark.parametrize("waits", [False, True])
def test_what_either_call_raises_ends_that_call_alone(error: type[BaseException], *, waits: bool) -> None:
    class Failing(Sends):
        @override
        def call(self, operation: str) -> None:
            self.once(operation)
            raise error(operation)

    class Later(PythonClient):
        @override
        async def call(self, operation: str) -> None:
            await self.app.asend(self.app.tool_call(operation))
            raise error(operation)

    played = overlapped(in_process(Later if waits else Failing))
    assert told(played) == ["read?", "write?", "read: 401", "end 1", "write: 401", "end 2"]
    kept = failures(played)
    assert isinstance(kept, list)
    assert len(kept) == 2


@pytest.mark.parametrize("error", [SubjectUnavailable, KeyboardInterrupt])
def test_what_ends_a_check_ends_it_from_a_call_that_overlaps_too(error: type[BaseException]) -> None:
    class Ending(Sends):
        @override
        def call(self, operation: str) -> None:
            self.once(operation)
            raise error(operation)

    before = threading.active_count()
    with pytest.raises(error, match="read"):
        overlapped(in_process(Ending))
    for _ in range(1000):
        if threading.active_count() > before:
            sleep(0.01)
    assert threading.active_count() == before


def test_a_sync_client_may_have_an_event_loop_of_its_own() -> None:
    class Looping(Sends):
        @override
        def call(self, operation: str) -> None:
            asyncio.run(self.app.asend(self.app.tool_call(operation)))

    played = overlapped(in_process(Looping))
    assert told(played) == ["read?", "write?", "read: 401", "end 1", "write: 401", "end 2"]
    assert failures(played) == []


def test_a_call_that_sends_when_its_check_has_ended_is_ended_too() -> None:
    ended: list[str] = []
    over = threading.Event()

    class Late(Sends):
        @override
        def call(self, operation: str) -> None:
            self.once(operation)
            if operation == "read":
                raise SubjectUnavailable(operation)

        def once(self, operation: str) -> int:
            try:
                super().once(operation)
                return super().once(operation)
            except SystemExit as end:
                ended.append(type(end).__name__)
                over.wait()
                try:
                    return super().once(operation)
                finally:
                    ended.append("again")

    with pytest.raises(SubjectUnavailable):
        overlapped(in_process(Late))
    over.set()
    for _ in range(1000):
        if len(ended) < 2:
            sleep(0.01)
    assert ended == ["Ended", "again"]


HANGING = """
import threading
from scope_oracle import PythonClient, in_process
from test_overlapping import Careful

class Hanging(Careful):
    calls = []

    def call(self, operation):
        self.calls.append(operation)
        super().call(operation)
        if threading.current_thread() is not threading.main_thread():
            print("hangs", flush=True)
            threading.Event().wait()

subject = in_process(Hanging)
"""


def test_an_interrupt_ends_calls_that_hang_for_ever(tmp_path: Path) -> None:
    (tmp_path / "hanging.py").write_text(HANGING)
    path = os.pathsep.join((str(tmp_path), str(Path(__file__).parent)))
    command = [sys.executable, "-m", "scope_oracle", "check", "hanging:subject", "--jobs", "1", "--examples", "200"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path}
    ) as process:
        assert process.stderr is not None
        assert any(line.startswith("hangs") for line in process.stderr)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    assert process.returncode == 128 + signal.SIGINT


class Uniting(Careless):
    """One that asks for what it `asked` before as well."""

    asked: frozenset[str] = frozenset()

    @override
    def asks_for(self, challenged: str) -> str:
        self.asked |= set(challenged.split())
        return " ".join(sorted(self.asked))


class Forgetful(Careless):
    """One whose calls begin with what was known then, and write it back: of two at once, one is forgotten."""

    def __init__(self, app: Application, lock: Lock) -> None:
        super().__init__(app)
        self.asked: frozenset[str] = frozenset()
        self.lock = lock()

    @override
    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        with self.lock:
            call = Uniting(self.app)
            call.token, call.asked = self.token, self.asked
            yield from call.auth_flow(request)
            self.token, self.asked = call.token, call.asked


def test_a_fault_that_only_calls_show_that_overlap_is_found() -> None:
    subjects = (from_httpx_auth(partial(Forgetful, lock=lock)) for lock in (nullcontext, threading.Lock))
    found, none = (check(each, examples=300, select=["ACC-1"], skip="unspecified").result.broken for each in subjects)
    assert none == ()
    assert [(each.finding.clause, each.finding.cause) for each in found] == [("ACC-1", "dropped")]
    assert any(isinstance(step, OverlapCalls) for step in found[0].episode.steps)


@pytest.mark.parametrize("locked", [False, True])
def test_the_same_episode_leaves_the_same_transcript_where_calls_overlap(*, locked: bool) -> None:
    episodes = [each for each in islice(sample(0), 120) if any(isinstance(step, OverlapCalls) for step in each.steps)]
    assert len(episodes) > 10
    for subject in subjects(locked=locked):
        for episode in episodes:
            assert run(episode, subject) == run(episode, subject)

"""A world on loopback: each of its servers at an origin of its own, at ports that the system chooses.

The ports are those of a host, not of a world: worlds come and go behind them, and transcripts keep the names of
the world, so that they are the same whatever the ports, and whichever of the host's episodes it is.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from threading import Thread
from time import monotonic, sleep
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

import uvicorn

from scope_model.client import Call
from scope_model.servers import Servers
from scope_oracle.subjects import SubjectUnavailable
from scope_oracle.world import IDENTITY_PROVIDER, Addresses, HttpRequest, HttpResponse, HttpWorld, OfAnotherEpisode
from scope_properties.world import Exhausted

LOOPBACK: Final = "127.0.0.1"
SERVERS: Final = 2
"""How many resource servers, and how many authorization servers, a world may have here."""

OF_A_WORLD: Final = 2 * SERVERS + 1
"""How many addresses a world has; the last is the identity provider's."""

PLACES: Final = 16
"""How many worlds are at addresses of their own; then one is where the first of them was."""

# What is wrong with a client that calls when its episode has been over for a while.
WENT_ON: Final = "something went on after its episode, and called in a later one"

_MOMENT: Final = 0.005
_FOR_EVER: Final = 86_400
"""Seconds: a connection that is kept is never closed here while its client means to use it again."""

_NOBODY: Final = HttpResponse(503, body=b"no episode is in progress")
_NO_PATIENCE: Final = HttpResponse(503, body=b"this call has gone on for long enough")

# Any: what a message of ASGI holds under a name depends on its type.
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


TOGETHER: Final = 0.05
"""Seconds that a request waits for one that is to overlap it."""

WITHHELD: Final = 0.2
"""Seconds without any other request after which a withheld one is answered: somebody waits for it in vain."""


@dataclass(slots=True)
class _Gate:
    """A call whose first request is withheld: whether it has arrived, and whether it may be answered.

    `in_vain` is whether another has waited for it, and may go on alone.
    """

    call: Call
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    in_vain: bool = False


class Host:
    """Serves one world at a time over HTTP, and nothing while it has none."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._sockets: list[socket.socket] = []
        self._places: dict[str, int] = {}
        self._episodes = count()
        self._episode = 0
        self._went_on = False
        self._world: HttpWorld | None = None
        self._failure: Exception | None = None
        self._gate: _Gate | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stirred = 0.0
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._answer,
                interface="asgi3",
                lifespan="off",
                log_config=None,
                log_level="critical",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=False,
                timeout_keep_alive=_FOR_EVER,
            )
        )

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            try:
                self._sockets = [stack.enter_context(_listening()) for _ in range(OF_A_WORLD * PLACES)]
            except OSError as wrong:
                raise SubjectUnavailable(f"cannot listen on {LOOPBACK}: {wrong.strerror}") from None
            named = (f"{LOOPBACK}:{each.getsockname()[1]}" for each in self._sockets)
            self._places = {name: at // OF_A_WORLD for at, name in enumerate(named)}
            thread = Thread(target=self._server.run, args=(self._sockets,), name="scopelaw host", daemon=True)
            stack.callback(self._end, thread)
            thread.start()
            while thread.is_alive() and not self._server.started:  # until then it cannot be told to end
                sleep(_MOMENT)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _end(self, thread: Thread) -> None:
        self._server.force_exit = self._server.should_exit = True
        thread.join()

    def place(self, servers: Servers) -> Addresses:
        """Where each of these servers is to be found; a request that comes elsewhere is of an episode before."""
        self._episode = next(self._episodes)
        here = [name for name, place in self._places.items() if place == self._episode % PLACES]
        placed = (
            *zip(servers.resources, here[:SERVERS], strict=False),
            *zip(servers.issuers, here[SERVERS:-1], strict=False),
            (IDENTITY_PROVIDER, here[-1]),
        )
        return Addresses({_origin(name): f"http://{place}" for name, place in placed}, self._episode)

    @property
    def parting(self) -> list[str]:
        """What was wrong with how episodes ended."""
        return [WENT_ON] if self._went_on else []

    def serve(self, world: HttpWorld | None) -> None:
        """Put another world behind the ports, or none; raises what went wrong in answering the one before."""
        self._world = world
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    @contextmanager
    def withholding(self, call: Call) -> Iterator[None]:
        """Leave the first request of a call unanswered for as long as the context lasts.

        Others wait a moment for it to arrive, so that both are in flight; a client that does one thing at a time
        sends it later, and one that waits for it in vain is not kept for ever.
        """
        gate = self._gate = _Gate(call)
        try:
            yield
        finally:
            self._gate = None
            if self._loop is not None:
                self._loop.call_soon_threadsafe(gate.opened.set)

    async def _wait(self, gate: _Gate, request: HttpRequest) -> None:
        """Keep a request waiting for its turn."""
        called = None if self._world is None else self._world.called(request)
        if self._world is None or called is None:
            return
        withheld = (called.resource, called.operation) == (gate.call.resource, gate.call.operation)
        if not withheld and not gate.in_vain:
            gate.in_vain = not await _set_within(TOGETHER, gate.arrived)
        elif withheld and not gate.arrived.is_set():
            gate.arrived.set()
            self._world.world.arrive(called)
            while not await _set_within(WITHHELD, gate.opened) and monotonic() - self._stirred < WITHHELD:
                pass

    async def _answer(self, scope: Message, receive: Receive, send: Send) -> None:
        """One request (ASGI). Requests are answered one after the other: the world needs no lock."""
        self._loop, self._stirred = asyncio.get_running_loop(), monotonic()
        request = await _incoming(scope, receive)
        if request is None:
            return
        try:
            response = await self._respond(request)
            length = (b"content-length", str(len(response.body)).encode())
            headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in response.headers]
        except Exception as failure:  # a fault of ours, for the thread that runs the episode to raise
            self._failure = failure
            raise
        await send({"type": "http.response.start", "status": response.status, "headers": [length, *headers]})
        await send({"type": "http.response.body", "body": response.body})

    async def _respond(self, request: HttpRequest) -> HttpResponse:
        """Answer a request when it is its turn, if it belongs to the episode in progress."""
        try:
            if self._gate is not None:
                await self._wait(self._gate, request)
            late_by = self._late_by(request)
            if self._world is not None and not late_by:
                return self._world.handle(request)
        except Exhausted:
            return _NO_PATIENCE
        except OfAnotherEpisode:
            late_by = PLACES
        # What was on its way as its episode ended arrives in the next one.
        self._went_on = self._went_on or (self._world is not None and late_by > 1)
        return _NOBODY

    def _late_by(self, request: HttpRequest) -> int:
        """How many episodes ago a request's address was in use, 0 for one that is."""
        return (self._episode - self._places[urlsplit(request.url).netloc]) % PLACES


async def _incoming(scope: Message, receive: Receive) -> HttpRequest | None:
    """A request as it arrived, at the address where it did; None where the client left before it was whole."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        more = message.get("more_body", False)
    (host, port), path, query = scope["server"], scope["raw_path"].decode("latin-1"), scope["query_string"]
    url = f"http://{host}:{port}{path}" + (f"?{query.decode('latin-1')}" if query else "")
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
    return HttpRequest(scope["method"], url, headers, body)


async def _set_within(seconds: float, event: asyncio.Event) -> bool:
    """Wait for an event, but not for ever; whether it came."""
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
    return event.is_set()


def _listening() -> socket.socket:
    # The protocol is named, because asyncio lets only connections that it knows to be TCP send without delay.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.bind((LOOPBACK, 0))
        listening.listen(128)
    except OSError:
        listening.close()
        raise
    return listening


def _origin(name: str) -> str:
    """The origin of a name; the names of a world are URLs with an authority and at most a path."""
    return "/".join(name.split("/")[:3])

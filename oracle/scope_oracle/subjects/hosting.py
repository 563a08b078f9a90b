"""A world on loopback: each of its servers at an origin of its own, at ports that the system chooses.

The ports are those of a host, not of a world: worlds come and go behind them, and transcripts keep the names of
the world, so that they are the same whatever the ports.
"""

from __future__ import annotations

import socket
from threading import Thread
from types import TracebackType
from typing import Final, Self

import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from scope_model.servers import Servers
from scope_oracle.world import Addresses, HttpRequest, HttpWorld
from scope_properties.episodes import Exhausted

LOOPBACK: Final = "127.0.0.1"
SERVERS: Final = 2
"""How many resource servers, and how many authorization servers, a world may have here."""

_NOBODY: Final = Response("no episode is in progress", 503)
_NO_PATIENCE: Final = Response("this call has gone on for long enough", 503)


class Host:
    """Serves one world at a time over HTTP, and nothing while it has none."""

    def __init__(self) -> None:
        self._sockets = [_listening() for _ in range(2 * SERVERS)]
        self._world: HttpWorld | None = None
        self._failure: Exception | None = None
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
            )
        )
        self._thread = Thread(target=self._server.run, args=(self._sockets,), name="scopelaw host", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.force_exit = self._server.should_exit = True
        self._thread.join()
        for each in self._sockets:
            each.close()

    def place(self, servers: Servers) -> Addresses:
        """Where each of these servers is to be found."""
        ports = [each.getsockname()[1] for each in self._sockets]
        placed = (
            *zip(servers.resources, ports[:SERVERS], strict=False),
            *zip(servers.issuers, ports[SERVERS:], strict=False),
        )
        return Addresses({_origin(name): f"http://{LOOPBACK}:{port}" for name, port in placed})

    def serve(self, world: HttpWorld | None) -> None:
        """Put another world behind the ports, or none; raises what went wrong in answering the one before."""
        self._world = world
        if self._failure is not None:
            raise self._failure

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request (ASGI). Requests are answered one after the other: the world needs no lock."""
        request = Request(scope, receive)
        body = await request.body()
        try:
            response = self._respond(request, body)
        except Exception as failure:  # a fault of ours, for the thread that runs the episode to raise
            self._failure = failure
            raise
        await response(scope, receive, send)

    def _respond(self, request: Request, body: bytes) -> Response:
        if self._world is None:
            return _NOBODY
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw)
        try:
            answer = self._world.handle(HttpRequest(request.method, str(request.url), headers, body))
        except Exhausted:
            return _NO_PATIENCE
        response = Response(answer.body, answer.status)
        response.raw_headers += [(name.lower().encode(), value.encode("latin-1")) for name, value in answer.headers]
        return response


def _listening() -> socket.socket:
    listening = socket.socket()
    listening.bind((LOOPBACK, 0))
    listening.listen(128)
    return listening


def _origin(name: str) -> str:
    """The origin of a name; the names of a world are URLs with an authority and at most a path."""
    return "/".join(name.split("/")[:3])

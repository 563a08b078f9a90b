"""A world for a client that nobody here drives: it sees what the client calls, and ends one that goes on for ever.

A request of JSON-RPC is a call of the client's application. One that comes again by the same id was sent again by the
transport, until it is served; ids begin anew with each connection, and a connection with its handshake. The handshake
itself is none: that two of them are one call, sent again, is more than can be seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import sleep
from typing import Final

from typing_extensions import override

from scope_model.events import CallEnded, CallStarted
from scope_oracle.world import BRIEFLY, Addresses, HttpRequest, HttpResponse, HttpWorld, json_object
from scope_properties.episodes import MakeCall
from scope_properties.world import Exhausted, World
from scope_spec import Revision

HANDSHAKES: Final = ("initialize", "server/discover")
"""What a connection begins with; of the two, the one that a revision has."""

ROUNDS: Final[tuple[Revision, ...]] = ("2026-07-28",)
"""The revisions in which a tool may have its call sent again (MCP, Multi Round-Trip Requests)."""

SERVED: Final = "served"
_REVISION: Final = "mcp-protocol-version"
_OK: Final = 200
_A_LITTLE: Final = 0.05


class WatchingWorld(HttpWorld):
    """Writes down where each call begins and ends; `lose_patience` is what ends the client.

    `gone` is whether it was ended, so that nothing is known of what it would have done.
    """

    def __init__(self, world: World, addresses: Addresses) -> None:
        super().__init__(world, addresses)
        self.lose_patience: Callable[[], object] = lambda: None
        self.gone = False
        self._begun = False
        self._connections = 0
        self._numbers = 0
        self._open: dict[tuple[object, ...], int] = {}

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer one request; raises Exhausted, and ends the client, when it goes on for ever."""
        called = self.called(request)
        if called is None:
            return self._patiently(request)
        key = (self._connections, called.resource, called.operation, repr(json_object(request.body).get("id")))
        handshake = called.operation in HANDSHAKES
        if not self._begun or (not handshake and key not in self._open):
            self._begun = True
            self.world.proceed()
        if not handshake and key not in self._open:
            self._numbers += 1
            self._open[key] = self._numbers
            self.world.events.append(CallStarted(self._numbers, called.operation, called.resource))
        response = self._patiently(request)
        if response.status == _OK:
            self._connections += handshake
            if self.world.brief_tokens:
                sleep(BRIEFLY + _A_LITTLE)  # by the clock of the client as well
            self._let_brief_tokens_expire()
            if key in self._open:
                self.world.events.append(CallEnded(self._open.pop(key), SERVED))
        return response

    @override
    def tool_result(self, request: HttpRequest) -> Mapping[str, object]:
        """Ask for the request again for as long as calls are coming, of who can be asked (MCP, Multi Round-Trip)."""
        revision = next((value for name, value in request.headers if name.lower() == _REVISION), "")
        if revision in ROUNDS and any(isinstance(step, MakeCall) for step in self.world.coming):
            return {"resultType": "input_required", "requestState": str(self._numbers)}
        return super().tool_result(request)

    @override
    def has_read(self, token: str | None) -> None:
        """Whoever refreshes a brief token may do so by its clock, which may look ahead, whatever was answered last."""
        super().has_read(token)
        if token in self.world.servers.refresh_tokens:
            self._let_brief_tokens_expire()

    def _let_brief_tokens_expire(self) -> None:
        for token in self.world.brief_tokens:
            self.world.expire(token)

    def end_calls(self) -> None:
        """Write down that no call goes on, where the client has ended by itself.

        It may have, because a brief token was over by its clock before it could be sent.
        """
        if not self.gone:
            self._let_brief_tokens_expire()
            self.world.events.extend(map(CallEnded, self._open.values()))

    def _patiently(self, request: HttpRequest) -> HttpResponse:
        try:
            return super().handle(request)
        except Exhausted:
            self.gone = True
            self.lose_patience()
            raise

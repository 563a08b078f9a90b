"""Clients written in Python, put under test by their own authors: the application around one, and what it must offer.

An `Application` is what the client's host would be: it knows the server's URL, how the client is set up, and plays the
user's browser. `from_httpx_auth` takes an `httpx.Auth` (of httpx or httpx2, sync or async); `PythonClient` is the base
class for any other client, and does for it what few clients can do otherwise than plainly.

Some calls overlap, at one server or at two: the first request of each has been sent before either is answered. The
second call is then answered when the first is over, or waits for a lock that the client has.
"""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from sysconfig import get_paths
from traceback import extract_tb
from types import ModuleType
from typing import Any, Final, get_args
from urllib.parse import parse_qs, urlsplit
from weakref import finalize

from typing_extensions import override

from scope_model.client import Call
from scope_model.events import AUTHORIZATION_CODE, ClientReported, ConfiguredMode, TokenResponse
from scope_oracle.ending import Ended
from scope_oracle.names import one_of
from scope_oracle.subjects import DriverFault, SubjectUnavailable, brief
from scope_oracle.subjects.overlapping import UNDER_WAY, Begin, UnderWay, overlap
from scope_oracle.world import DOCUMENT, KNOWN, SECRET, HttpRequest, HttpResponse, HttpWorld
from scope_properties.episodes import Episode, Plan
from scope_properties.subjects import one_after_the_other
from scope_properties.tables import USER_DELEGATED, WITHOUT_A_USER
from scope_properties.world import Exhausted, World

REDIRECT_URI: Final = "http://localhost:3030/callback"


@dataclass(slots=True)
class Application:
    """The application around one client and one server, for as long as the client is not restarted.

    Take of it what your client can be given, and leave the rest. `scopes` are those that the caller configured, None
    for none; a client that cannot be given any is a subject with `configured_mode="none"`. `client` is the id and
    secret of a client that registered beforehand, `client_metadata_url` the URL of its metadata document; each None
    where the client is to register. `storage` is the application's own, to keep tokens in: it outlives a restart.
    `failures` is why calls failed.
    """

    server_url: str
    scopes: tuple[str, ...] | None
    wants_refresh_token: bool
    grant_type: str
    revision: str
    client: tuple[str, str] | None
    client_metadata_url: str | None
    storage: dict[str, object]
    failures: list[str]
    _world: HttpWorld
    redirect_uri: str = REDIRECT_URI

    def send(self, request: HttpRequest) -> HttpResponse:
        """Send a request to whichever server it is for, and give its response.

        Calls that overlap are in two threads, each of which waits here for its turn. An asynchronous client is answered
        at once, so that its calls do not overlap: `asend` is for those.
        """
        call = UNDER_WAY.get()
        if call is not None and call.is_elsewhere:
            return call.bring(self.asend(request))
        return self._world.handle(request)

    async def asend(self, request: HttpRequest) -> HttpResponse:
        """Send a request as `send` does, of an asynchronous client: calls that overlap are tasks, and wait here."""
        call = UNDER_WAY.get()
        if call is not None and call.is_elsewhere:
            return self.send(request)
        if call is not None:
            await call.hold(request)
        return self._world.handle(request)

    def browser(self, url: str) -> str:
        """Open an authorization URL as the user's browser; gives the URL that it is sent back to.

        That carries `code` and `state`, or `error` where the user or the server refused.
        """
        response = self.send(HttpRequest("GET", url))
        return next((value for name, value in response.headers if name.lower() == "location"), "")

    def came_back(self, url: str) -> dict[str, str]:
        """The parameters of the URL that the browser was sent back to."""
        return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}

    def tool_call(self, operation: str) -> HttpRequest:
        """The request by which an MCP client calls a tool; `operation` is its name."""
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": operation}}
        headers = (("MCP-Protocol-Version", self.revision), ("Content-Type", "application/json"))
        return HttpRequest("POST", self.server_url, headers, json.dumps(message).encode())


class PythonClient:
    """A client under test, at one server. Override `call`, and of the rest what your client can do.

    It is made anew for each server and at each restart: what is to outlive that belongs into `app.storage`. What a
    method raises ends the call, and is kept in `app.failures`; it is no finding.

    A `call` may be made while another one is under way: of a sync client in another thread, of an asynchronous one,
    which sends by `app.asend`, as another task. A client that is not made for that does one thing at a time by a lock.
    """

    def __init__(self, app: Application) -> None:
        self.app = app

    def call(self, operation: str) -> Awaitable[None] | None:
        """Call a tool of the server, with whatever authorization that takes."""
        raise SubjectUnavailable(f"{type(self).__name__} has no `call` of its own, and cannot call {operation}")

    def expire(self, access_token: str) -> None:
        """Let your clock pass the end of a token's lifetime; by default only the server knows that it is over."""

    def granted(self) -> str | Iterable[str] | None:
        """The scopes that your client says it holds, empty for none; by default it does not say.

        One text holds them with spaces between, as a token response does. Raises LookupError where it says that it does
        not know.
        """
        return None


Making = Callable[[Application], PythonClient]


@dataclass(frozen=True, slots=True)
class InProcess:
    """A Python client as a subject: `make` gives a new one for each server and at each restart.

    `configured_mode` is what the scopes that a caller configures mean to the client by its own documentation, a value
    of the reading configured-scopes, or None where it says nothing. `grant_types` are those that it can be set up with.
    Raises UnknownName for any other.
    """

    make: Making
    name: str = "client"
    version: str | None = None
    configured_mode: ConfiguredMode | None = None
    grant_types: tuple[str, ...] = (AUTHORIZATION_CODE,)
    standalone: bool = False

    def __post_init__(self) -> None:
        """Refuse what nobody knows, since nobody would take notice of it; raises UnknownName."""
        if self.configured_mode is not None:
            one_of("configured mode", self.configured_mode, get_args(ConfiguredMode))
        for each in self.grant_types:
            one_of("grant type", each, USER_DELEGATED + WITHOUT_A_USER)

    def playable(self, episode: Episode) -> Episode:
        """All of it."""
        return episode

    def open(self, plan: Plan, world: World) -> InProcessSession:
        """Start a client with nothing stored."""
        return InProcessSession(self.make, plan, HttpWorld(world))


@dataclass(slots=True, weakref_slot=True)
class InProcessSession:
    """One application within an episode: a client and a storage for each server."""

    make: Making
    plan: Plan
    http_world: HttpWorld
    clients: dict[str, PythonClient] = field(default_factory=dict)
    storages: dict[str, dict[str, object]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    loop: asyncio.AbstractEventLoop | None = None

    def call(self, call: Call) -> None:
        """Make a call, however it ends."""
        client = self._client(call.resource)
        with self._keeping_failures():
            waiting = self._begin(client, call.operation)
            if waiting is not None:
                self._run(waiting)

    def overlap(self, first: Call, second: Call, turn: Callable[[], None]) -> None:
        """Have both on their way before either is answered: the second waits for its turn, or for a lock.

        Where an event loop runs already, none can be had, and one is made after the other.
        """
        if _loop_is_running():
            one_after_the_other(self, first, second, turn)
            return
        begins = [partial(self._begin, self._client(call.resource), call.operation) for call in (first, second)]
        with self._keeping_failures():
            self._run(self._overlap(begins, turn))

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run on the one event loop that the application has, since a lock of the client may be bound to it."""
        if self.loop is None:
            self.loop = asyncio.new_event_loop()
            finalize(self, self.loop.close)
        try:
            self.loop.run_until_complete(coroutine)
        finally:
            self.loop.run_until_complete(_nothing_left())

    async def _overlap(self, begins: Iterable[Begin], turn: Callable[[], None]) -> None:
        first, second = (UnderWay(begin, self._arrive) for begin in begins)
        await overlap(first, second, turn)

    def _begin(self, client: PythonClient, operation: str) -> Coroutine[Any, Any, None] | None:
        waiting = None
        with self._keeping_failures():
            waiting = client.call(operation)
        return self._finish(waiting) if inspect.isawaitable(waiting) else None

    async def _finish(self, waiting: Awaitable[None]) -> None:
        with self._keeping_failures():
            await waiting

    def _arrive(self, request: HttpRequest) -> bool:
        called = self.http_world.called(request)
        if called is not None:
            self.http_world.world.arrive(called)
        return called is not None

    def expire(self, access_token: str) -> None:
        """Let every client's clock pass the end of a token's lifetime."""
        for client in self.clients.values():
            with self._keeping_failures():
                client.expire(access_token)

    def restart(self) -> bool:
        """Lose memory, keep what was stored."""
        self.clients.clear()
        return True

    def report(self, resource: str) -> ClientReported | None:
        """What the client says that it holds."""
        client = self.clients.get(resource)
        events = self.http_world.world.events
        tokens = [event for event in events if isinstance(event, TokenResponse) and event.access_token is not None]
        ours = [event for event in tokens if event.resource == resource]
        if client is None or not ours:
            return None
        said: str | Iterable[str] | None = None
        with self._keeping_failures():
            try:
                said = client.granted()
            except LookupError:
                return ClientReported(None, ours[-1].issuer, resource)
        if said is None:
            return None
        return ClientReported(tuple(said.split() if isinstance(said, str) else said), ours[-1].issuer, resource)

    @contextmanager
    def _keeping_failures(self) -> Iterator[None]:
        """Keep what the client raises, an exit included: its status would be taken for that of the check."""
        try:
            yield
        except (Exhausted, SubjectUnavailable, DriverFault, Ended):
            raise
        except (Exception, SystemExit) as failure:  # noqa: BLE001 - whatever the client says of what failed
            self.failures.append(_told(failure))

    def _client(self, resource: str) -> PythonClient:
        if resource not in self.clients:
            self.clients[resource] = self._made(resource)
        return self.clients[resource]

    def _made(self, resource: str) -> PythonClient:
        try:
            client: object = self.make(self._application(resource))
        except (SubjectUnavailable, Ended):
            raise
        except (Exception, SystemExit) as wrong:
            raise SubjectUnavailable(f"the client cannot be made: {_told(wrong)}") from wrong
        if not isinstance(client, PythonClient):
            kind = type(client).__name__
            raise SubjectUnavailable(f"{kind} is no PythonClient; from_httpx_auth takes an httpx.Auth")
        return client

    def _application(self, resource: str) -> Application:
        plan = self.plan
        return Application(
            resource,
            None if plan.configured is None else tuple(plan.configured),
            plan.wants_refresh_token is not False,
            plan.grant_type,
            plan.revision,
            (KNOWN, SECRET) if plan.registration == "known" else None,
            DOCUMENT if plan.registration == "document" else None,
            self.storages.setdefault(resource, {}),
            self.failures,
            self.http_world,
        )


def in_process(make: Making, name: str = "client", **about: Any) -> InProcess:  # noqa: ANN401
    """A subject of a `PythonClient`, which `make` builds for an application: its class will do.

    `name` is what reports call it in a test; on the command line it is called what was typed. Further arguments are
    those of `InProcess`: `version`, `configured_mode`, `grant_types`.
    """
    return InProcess(make, name, **about)


async def _nothing_left() -> None:
    """End what a client began and did not wait for: it is part of no later call."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


def _loop_is_running() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


_OURS: Final = (str(Path(__file__).parents[1]), get_paths()["stdlib"])
_INSTALLED: Final = (*_OURS, get_paths()["purelib"], get_paths()["platlib"])


def _told(wrong: BaseException) -> str:
    """An error of the client's with its place: the last line of its own code, or else of a library."""
    frames = extract_tb(wrong.__traceback__)[::-1]
    own = [frame for others in (_INSTALLED, _OURS) for frame in frames if not frame.filename.startswith(others)]
    place = "".join(f" ({Path(frame.filename).name}:{frame.lineno})" for frame in own[:1])
    return f"{brief(wrong)}{place}"


# Any: httpx and httpx2 have the same shapes under different names, and either may be the client's.
Auth = Any


def from_httpx_auth(make: Callable[[Application], Auth], name: str = "client", **about: Any) -> InProcess:  # noqa: ANN401
    """A subject of an `httpx.Auth`, which `make` builds for an application; sync or async, of httpx or httpx2.

    It is built anew for each server and at each restart. `make` gives it what it needs of the `Application`:

        from_httpx_auth(lambda app: MyAuth(app.server_url, app.redirect_uri, app.browser))

    `name` is what reports call it in a test; on the command line it is called what was typed. Further arguments are
    those of `InProcess`: `version`, `configured_mode`, `grant_types`.
    """
    return InProcess(lambda app: HttpxClient(app, make(app)), name, **about)


class HttpxClient(PythonClient):
    """A client that is an `httpx.Auth`: its flow is driven by hand, and every request answered in this process."""

    def __init__(self, app: Application, auth: Auth) -> None:
        super().__init__(app)
        self.auth = auth
        self._http = _library_of(auth)

    @override
    def call(self, operation: str) -> Awaitable[None] | None:
        out = self.app.tool_call(operation)
        request = self._http.Request(out.method, out.url, headers=list(out.headers), content=out.body)
        if _is_async(self.auth):
            return self._drive_async(self.auth.async_auth_flow(request))
        self._drive(self.auth.sync_auth_flow(request))
        return None

    def _drive(self, flow: Generator[Any, Any, None]) -> None:
        try:
            out = next(flow)
            while True:
                out = flow.send(self._received(out, self.app.send(_sent(out))))
        except StopIteration:
            pass
        finally:
            flow.close()

    async def _drive_async(self, flow: AsyncGenerator[Any, Any]) -> None:
        try:
            out = await anext(flow)
            while True:
                out = await flow.asend(self._received(out, await self.app.asend(_sent(out))))
        except StopAsyncIteration:
            pass
        finally:
            await flow.aclose()  # a lock of it would be held for ever

    def _received(self, request: Any, response: HttpResponse) -> Any:  # noqa: ANN401 - of the client's own library
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
        return self._http.Response(response.status, headers=raw, content=response.body, request=request)


def _sent(request: Any) -> HttpRequest:  # noqa: ANN401 - of the client's own library
    headers = tuple((name, value) for name, value in request.headers.items())
    return HttpRequest(request.method, str(request.url), headers, request.read())


def _library_of(auth: Auth) -> ModuleType:
    """The HTTP library that an `Auth` is of; raises SubjectUnavailable where it is of none."""
    for base in type(auth).__mro__:
        root = base.__module__.partition(".")[0]
        if root in ("httpx", "httpx2"):
            return import_module(root)
    kind = type(auth).__name__
    raise SubjectUnavailable(f"{kind} is no httpx.Auth; PythonClient is the base class for any other client")


def _is_async(auth: Auth) -> bool:
    """Whether the flow is the asynchronous one: the class has one of its own, and no other."""
    own = [name for base in type(auth).__mro__ if not base.__module__.startswith("httpx") for name in vars(base)]
    return "async_auth_flow" in own and "auth_flow" not in own and "sync_auth_flow" not in own

"""Clients written in Python, put under test by their own authors: the application around one, and what it must offer.

An `Application` is what the client's host would be: it knows the server's URL, how the client is set up, and plays the
user's browser. `from_httpx_auth` takes an `httpx.Auth` (of httpx or httpx2, sync or async); `PythonClient` is the base
class for any other client, and does for it what few clients can do otherwise than plainly.
"""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from sysconfig import get_paths
from traceback import extract_tb
from types import ModuleType
from typing import Any, Final, get_args
from urllib.parse import parse_qs, urlsplit

from typing_extensions import override

from scope_model.client import Call
from scope_model.events import AUTHORIZATION_CODE, ClientReported, ConfiguredMode, TokenResponse
from scope_oracle.ending import Ended
from scope_oracle.names import one_of
from scope_oracle.subjects import SubjectUnavailable, brief
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
        """Send a request to whichever server it is for, and give its response."""
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


@dataclass(slots=True)
class InProcessSession:
    """One application within an episode: a client and a storage for each server."""

    make: Making
    plan: Plan
    http_world: HttpWorld
    clients: dict[str, PythonClient] = field(default_factory=dict)
    storages: dict[str, dict[str, object]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def call(self, call: Call) -> None:
        """Make a call, however it ends."""
        client = self.clients.get(call.resource)
        if client is None:
            client = self.clients[call.resource] = self._made(call.resource)
        with self._keeping_failures():
            waiting = client.call(call.operation)
            if inspect.isawaitable(waiting):
                asyncio.run(_finished(waiting))

    def overlap(self, first: Call, second: Call, turn: Callable[[], None]) -> None:
        """Make one call after the other."""
        one_after_the_other(self, first, second, turn)

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
        except (Exhausted, SubjectUnavailable, Ended):
            raise
        except (Exception, SystemExit) as failure:  # noqa: BLE001 - whatever the client says of what failed
            self.failures.append(_told(failure))

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


async def _finished(waiting: Awaitable[None]) -> None:
    await waiting


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
                out = flow.send(self._answer(out))
        except StopIteration:
            pass
        finally:
            flow.close()

    async def _drive_async(self, flow: AsyncGenerator[Any, Any]) -> None:
        try:
            out = await anext(flow)
            while True:
                out = await flow.asend(self._answer(out))
        except StopAsyncIteration:
            pass
        finally:
            await flow.aclose()  # a lock of it would be held for ever

    def _answer(self, request: Any) -> Any:  # noqa: ANN401 - of the client's own library
        headers = tuple((name, value) for name, value in request.headers.items())
        response = self.app.send(HttpRequest(request.method, str(request.url), headers, request.read()))
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
        return self._http.Response(response.status, headers=raw, content=response.body, request=request)


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

"""An application around the Python SDK (`mcp`, either line). The contract is ../README.md."""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from importlib import import_module
from importlib.metadata import version
from inspect import signature
from traceback import walk_tb
from typing import Any
from urllib.parse import parse_qs, urlsplit

from mcp.client import auth, streamable_http
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken

try:
    import httpx2 as http  # what 2.x is built on
except ModuleNotFoundError:
    import httpx as http

try:
    from mcp.client import Client  # since 2.0.0
    from mcp_types.version import SUPPORTED_PROTOCOL_VERSIONS
except ImportError:
    from mcp import ClientSession as Client
    from mcp.shared.version import SUPPORTED_PROTOCOL_VERSIONS

Json = dict[str, Any]

REDIRECT_URI = "http://localhost:3030/callback"
STATELESS = "2026-07-28"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
SHARED = "shared-metadata"
PATIENCE = 10.0
PARTING = 1.0
RELEASE = version("mcp")
# Streamable HTTP and authorization began with 2025-03-26.
REVISIONS = [revision for revision in SUPPORTED_PROTOCOL_VERSIONS if revision >= "2025-03-26"]
# One for all HTTP clients: to build one takes longer than a whole call, and nothing here is encrypted.
TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class Skipped(Exception):
    """The SDK cannot do what was asked."""


class Refused(Exception):
    """The application gave up, or its user did."""


def http_client(**options: Any) -> Any:
    """An HTTP client of the library that the SDK is built on. The servers are on loopback: no proxy reaches them."""
    return http.AsyncClient(**{"timeout": PATIENCE, **options}, verify=TLS, trust_env=False)


class Storage:
    """What the application stores for one server, and all that survives a restart: the SDK's TokenStorage.

    As JSON, as a file would have it: what the SDK changes afterwards is not stored.
    """

    def __init__(self) -> None:
        self._stored: dict[type, str] = {}

    def get(self, kind: type) -> Any:
        return kind.model_validate_json(self._stored[kind]) if kind in self._stored else None

    def set(self, kind: type, value: Any) -> None:
        self._stored[kind] = value.model_dump_json()

    async def get_tokens(self) -> Any:
        return self.get(OAuthToken)

    async def set_tokens(self, tokens: Any) -> None:
        self.set(OAuthToken, tokens)

    async def get_client_info(self) -> Any:
        return self.get(OAuthClientInformationFull)

    async def set_client_info(self, client_info: Any) -> None:
        self.set(OAuthClientInformationFull, client_info)


class Connection:
    """A session with a server. The SDK's contexts are left in the task that entered them: this one's."""

    def __init__(self, opening: Any) -> None:
        self._session: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._closing = asyncio.Event()
        self.task = asyncio.create_task(self._hold(opening))

    async def _hold(self, opening: Any) -> None:
        async with opening as session:
            self._session.set_result(session)
            await self._closing.wait()

    async def call(self, operation: str) -> None:
        """Call a tool once there is a session; raises what the SDK raises, in the call or in the connection."""
        calling = asyncio.create_task(self._call(operation))
        await asyncio.wait({calling, self.task}, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        if calling.done() and "Connection closed" in str(calling.exception()):
            await asyncio.wait({self.task}, timeout=PARTING)  # what ends a connection says more than that
        if not calling.done() or calling.exception() and self.task.done():
            late = not self.task.done()
            calling.cancel()
            await self.close()  # so that nothing of the call goes on
            if late:
                raise Refused("timeout")
            if self.task.cancelled() or self.task.exception() is None:
                raise Refused("the connection was closed")
            await self.task
        await calling

    async def _call(self, operation: str) -> None:
        session = await asyncio.shield(self._session)
        result = await session.call_tool(operation, {})
        if getattr(result, "is_error", None) or getattr(result, "isError", None):  # 2.x, 1.x
            raise Refused(f"the tool failed: {result.content}")

    async def close(self) -> None:
        """Leave the session, whatever state it is in."""
        self._closing.set()
        if not self._session.done():
            self.task.cancel()
        await asyncio.wait({self.task}, timeout=PARTING)
        if not self.task.done():
            self.task.cancel()
            await asyncio.wait({self.task}, timeout=PARTING)


class Site:
    """One server as the application sees it: a provider, a storage, and a connection once it is needed."""

    def __init__(self, url: str, settings: Json, storage: Storage, metadata: Any, browser: Any) -> None:
        self.url = url
        self.settings = settings
        self.storage = storage
        self.metadata = metadata
        self.browser = browser
        made = {"client_credentials": self._machine, EXCHANGE: self._enterprise}
        self.provider = made.get(settings["grant"], self._user)()
        self._connection: Connection | None = None
        self._came_back = ""

    async def call(self, operation: str) -> None:
        """Make a call. A connection that was lost is opened anew by the next call, with the same provider."""
        if self._connection is None or self._connection.task.done():
            self._connection = Connection(self._session())
        await self._connection.call(operation)

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[Any]:
        """A session by the SDK's "Into the Client" (2.x), or by its README (1.x)."""
        async with self._transport() as transport:
            if Client.__name__ == "Client":
                mode = STATELESS if self.settings["revision"] == STATELESS else "legacy"
                async with Client(transport, mode=mode) as client:
                    yield client
            else:
                async with transport as (read, write, _), Client(read, write) as session:
                    await session.initialize()
                    yield session

    @asynccontextmanager
    async def _transport(self) -> AsyncIterator[Any]:
        # A program that is ended takes no leave of its sessions, hence terminate_on_close.
        if hasattr(streamable_http, "streamable_http_client"):  # since 1.24.0
            async with http_client(auth=self.provider) as client:
                yield streamable_http.streamable_http_client(self.url, http_client=client, terminate_on_close=False)
        else:
            yield streamable_http.streamablehttp_client(
                self.url, auth=self.provider, httpx_client_factory=http_client, terminate_on_close=False
            )

    def _user(self) -> Any:
        """The provider with a user."""
        settings = self.settings
        options = {}
        if settings["registration"] == "document":
            if "client_metadata_url" not in signature(auth.OAuthClientProvider).parameters:
                raise Skipped(f"{RELEASE} knows no client ID metadata documents")
            options["client_metadata_url"] = settings["document_url"]
        elif settings["registration"] == "known":
            self._store_known_client()  # before it is first asked for, as the SDK's conformance client does
        return auth.OAuthClientProvider(
            self.url, self.metadata, self.storage, self._open_browser, self._wait_for_callback, **options
        )

    def _machine(self) -> Any:
        """The provider without a user."""
        try:
            extension = import_module("mcp.client.auth.extensions.client_credentials")
            make = extension.ClientCredentialsOAuthProvider
        except (ModuleNotFoundError, AttributeError):
            raise Skipped(f"{RELEASE} has no client credentials with a secret") from None
        known, issuer = self._known_client()
        # 1.x says `scopes` for what 2.x calls `scope`; older releases have no `issuer`.
        options = {"scope": configured(self.settings), "scopes": configured(self.settings), "issuer": issuer}
        given = {name: value for name, value in options.items() if name in signature(make).parameters}
        return make(self.url, self.storage, known["client_id"], known["client_secret"], **given)

    def _enterprise(self) -> Any:
        """The provider of an enterprise, which presents what its identity provider vouches for."""
        try:
            extension = import_module("mcp.client.auth.extensions.identity_assertion")
        except ModuleNotFoundError:
            raise Skipped(f"{RELEASE} has no identity assertions") from None
        known, _ = self._known_client()
        vouching = self.settings["identity_provider"]["vouches_for"]
        issuer = next(vouching[name] for name, url in self.settings["servers"].items() if url == self.url)
        return extension.IdentityAssertionOAuthProvider(
            self.url,
            self.storage,
            known["client_id"],
            known["client_secret"],
            issuer,
            self._fetch_id_jag,
            configured(self.settings),
        )

    async def _fetch_id_jag(self, audience: str, resource: str) -> str:
        """The leg at the identity provider, which the SDK leaves to the application: it tells of no scopes."""
        provider = self.settings["identity_provider"]
        fields = {
            "grant_type": EXCHANGE,
            "requested_token_type": "urn:ietf:params:oauth:token-type:id-jag",
            "audience": audience,
            "resource": resource,
            "subject_token": provider["id_token"],
            "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
            "client_id": provider["client_id"],
            "client_secret": provider["client_secret"],
        }
        response = await self.browser.post(f"{provider['issuer']}/token", data=fields)
        answer = response.json()
        if response.status_code != 200:
            raise Refused(f"the identity provider refused: {answer['error']}")
        return answer["access_token"]

    def _known_client(self) -> tuple[Json, str | None]:
        """The client that was registered out of band, and its issuer where there is only one.

        A provider is given its client before it meets any issuer, so that it must be the same at each.
        """
        known = {issuer: client for issuer, client in (self.settings["clients"] or {}).items() if client}
        clients = list(known.values())
        if not clients or any(client != clients[0] for client in clients):
            raise Skipped("a provider takes one client that was registered out of band")
        return clients[0], next(iter(known)) if len(known) == 1 else None

    def _store_known_client(self) -> None:
        known, issuer = self._known_client()
        client_info = OAuthClientInformationFull(
            client_id=known["client_id"],
            client_secret=known["client_secret"],
            redirect_uris=[REDIRECT_URI],
            token_endpoint_auth_method="client_secret_post" if known["client_secret"] else "none",
            **({"issuer": issuer} if "issuer" in OAuthClientInformationFull.model_fields else {}),
        )
        self.storage.set(OAuthClientInformationFull, client_info)

    async def _open_browser(self, url: str) -> None:
        response = await self.browser.get(url, follow_redirects=False)
        self._came_back = response.headers.get("location", "")

    async def _wait_for_callback(self) -> Any:
        query = {name: values[0] for name, values in parse_qs(urlsplit(self._came_back).query).items()}
        if "code" not in query:
            raise Refused(query.get("error", "the user was not sent back"))  # a handler can say it in no other way
        code, state, iss = query["code"], query.get("state"), query.get("iss")
        if hasattr(auth, "AuthorizationCodeResult"):  # since 2.0.0
            return auth.AuthorizationCodeResult(code=code, state=state, iss=iss)
        return code, state


def configured(settings: Json) -> str | None:
    """What the application sets as scopes."""
    scopes = settings["configured_scopes"]
    return None if scopes is None else " ".join(scopes)


def metadata_of(settings: Json) -> Any:
    """What the application would type into the form of an authorization server."""
    return OAuthClientMetadata(
        client_name="scopelaw",
        redirect_uris=[REDIRECT_URI],
        grant_types=["authorization_code", *(["refresh_token"] if settings["wants_refresh_token"] else [])],
        scope=configured(settings),
    )


class Application:
    """One life of the program, from a reset or a restart to the next."""

    def __init__(self, settings: Json, storages: dict[str, Storage]) -> None:
        if settings["revision"] not in REVISIONS:
            raise Skipped(f"{RELEASE} does not speak {settings['revision']}")
        if settings["grant"] not in ("authorization_code", "client_credentials", EXCHANGE):
            raise Skipped(f"the driver has no grant {settings['grant']}")
        self.settings = settings
        self.storages = storages
        self._browser = http_client()
        shared = metadata_of(settings) if settings["setting"] == SHARED else None
        self.sites = {
            name: Site(url, settings, storages.setdefault(name, Storage()), shared or metadata_of(settings), self._browser)
            for name, url in settings["servers"].items()
        }

    async def close(self) -> None:
        await asyncio.gather(*(site.close() for site in self.sites.values()))
        await self._browser.aclose()


# --- the contract ---------------------------------------------------------------------------------


class Driver:
    """Answers commands; each runs in a task of its own, and those begin in the order of the commands."""

    def __init__(self) -> None:
        self._application: Application | None = None

    async def answer(self, command: Json) -> Json:
        """The answer to one command."""
        obey: Callable[..., Any] | None = getattr(self, f"_{command.pop('command')}", None)
        seq = command.pop("seq", None)
        try:
            if obey is None:
                raise KeyError("there is no such command")
            result = await obey(**command)
        except Skipped as reason:
            result = {"skipped": {"message": brief(reason)}}
        except Exception as error:
            result = {"errored": {"context": f"{type(error).__name__}: {brief(error)}"}}
        return result if seq is None else {"seq": seq, **result}

    async def _start(self, version: int) -> Json:
        if version != 1:
            raise ValueError(f"version {version} of the contract is unknown here")
        client = {"name": "mcp", "version": RELEASE, "language": "Python"}
        return {"version": 1, "client": client, "revisions": REVISIONS}

    async def _reset(self, **settings: Any) -> Json:
        return await self._begin(settings, {})

    async def _restart(self) -> Json:
        application = self._running()
        return await self._begin(application.settings, application.storages)

    async def _begin(self, settings: Json, storages: dict[str, Storage]) -> Json:
        before, self._application = self._application, None
        try:
            self._application = Application(settings, storages)
        finally:
            if before is not None:
                await before.close()
        return {"ok": True}

    async def _call(self, server: str, operation: str) -> Json:
        site = self._running().sites[server]
        try:
            await site.call(operation)
        except (Exception, asyncio.CancelledError) as error:
            if is_ours(error):
                raise
            return {"outcome": "refused", "error": brief(error)}
        return {"outcome": "served"}

    async def _expire(self, server: str) -> Json:
        """Let the SDK's clock pass the end of a token's lifetime: it compares time.time() with this member."""
        provider = self._running().sites[server].provider
        exchanges = self._running().settings["grant"] == EXCHANGE
        kept, expiry = (provider, "_expiry") if exchanges else (provider.context, "token_expiry_time")
        if not getattr(kept, expiry):
            raise Skipped("the SDK does not store when a token expires: after a restart no clock tells it")
        setattr(kept, expiry, 1.0)
        return {"ok": True}

    async def _report(self, server: str) -> Json:
        """The scope of the stored token: the SDK has no other account of what it was granted."""
        tokens = self._running().sites[server].storage.get(OAuthToken)
        if tokens is None:
            raise Skipped("no token is stored")
        return {"granted": None if tokens.scope is None else tokens.scope.split()}

    def _running(self) -> Application:
        if self._application is None:
            raise Skipped("nothing was set up")
        return self._application

    async def close(self) -> None:
        if self._application is not None:
            await self._application.close()


def cause_of(error: BaseException) -> BaseException:
    """What a task group has wrapped up."""
    within = getattr(error, "exceptions", None)
    return cause_of(within[0]) if within else error


def brief(error: BaseException) -> str:
    """An error in one line."""
    cause = cause_of(error)
    return " ".join((str(cause) or type(cause).__name__).split())[:300]


def is_ours(error: BaseException) -> bool:
    """Whether an error is a fault of this file, and not what the SDK makes of what it met."""
    cause = cause_of(error)
    files = [frame.f_code.co_filename for frame, _ in walk_tb(cause.__traceback__)]
    return files[-1:] == [__file__] and not isinstance(cause, Refused)


async def main() -> None:
    """Answer commands until there are no more."""
    answers, sys.stdout = sys.stdout, sys.stderr  # what anybody else prints is no answer
    # The SDK logs each flow that fails with its traceback, and failing is what many flows are here for.
    # Its older releases make HTTP libraries tell of each request.
    for talkative in ("mcp", "httpx", "httpcore"):
        logging.getLogger(talkative).setLevel(logging.CRITICAL + 1)
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    driver = Driver()
    tasks: set[asyncio.Task[None]] = set()

    async def answer(command: Json) -> None:
        print(json.dumps(await driver.answer(command)), file=answers, flush=True)

    while line := await commands.readline():
        command = json.loads(line)
        if command["command"] == "stop":
            break
        task = asyncio.create_task(answer(command))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    with suppress(TimeoutError, asyncio.TimeoutError):
        await asyncio.wait_for(driver.close(), PARTING)


if __name__ == "__main__":
    asyncio.run(main())

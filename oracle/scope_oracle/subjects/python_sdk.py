"""The released Python SDK (`mcp`, either line), in this process and without sockets.

The SDK's client is an `httpx.Auth`: a generator that yields requests and takes responses. Here it is driven
by hand, and every request is answered by `HttpWorld`, so that the SDK meets the model's own servers. Tried
with 1.23.0, 1.30.0 and 2.3.0.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from inspect import signature
from traceback import walk_tb
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qs, urlencode, urlsplit

from scope_model.client import Call
from scope_model.events import (
    AUTHORIZATION_CODE,
    CLIENT_CREDENTIALS,
    REFRESH_TOKEN,
    TOKEN_EXCHANGE,
    ClientReported,
    ConfiguredMode,
    TokenResponse,
)
from scope_oracle.subjects import PYTHON_SDK, SubjectUnavailable
from scope_oracle.world import (
    DOCUMENT,
    ID_JAG,
    ID_TOKEN,
    ID_TOKEN_TYPE,
    IDENTITY_PROVIDER,
    KNOWN,
    SECRET,
    HttpRequest,
    HttpWorld,
)
from scope_properties.episodes import Episode, Plan, as_administered
from scope_properties.world import Exhausted, World

# The SDK's two lines differ in their types, and either may be the one installed.
Theirs: TypeAlias = Any

REDIRECT_URI: Final = "http://localhost:3030/callback"
_UNTIL_SENT: Final = 10
"""How often the event loop goes round until each of two calls has sent a request, or waits for a lock."""
_IDENTITY_ASSERTION: Final = "mcp.client.auth.extensions.identity_assertion"


@dataclass(frozen=True, slots=True)
class Sdk:
    """The modules that are used of the SDK, and its HTTP library."""

    version: str
    auth: Theirs
    shared: Theirs
    machine: Theirs
    http: Theirs

    @classmethod
    def installed(cls) -> Sdk:
        """The SDK that can be imported here; raises SubjectUnavailable where there is none that will do."""
        try:
            auth = import_module("mcp.client.auth.oauth2")
            shared = import_module("mcp.shared.auth")
            machine = import_module("mcp.client.auth.extensions.client_credentials")
        except ModuleNotFoundError as missing:
            if missing.name is None or missing.name.partition(".")[0] != "mcp":
                raise
            raise SubjectUnavailable(
                "the Python SDK is not installed, or older than 1.23: pip install 'scopelaw[python-sdk]'"
            ) from missing
        # 2.x is built on httpx2, 1.x on httpx: each takes requests and responses of its own library only.
        http = getattr(auth, "httpx2", None) or auth.httpx
        return cls(version("mcp"), auth, shared, machine, http)

    @property
    def flow_errors(self) -> tuple[Theirs, ...]:
        """What its flows raise: its extensions take the error from the package."""
        return self.auth.OAuthFlowError, import_module("mcp.client.auth").OAuthFlowError


class PythonSdk:
    """The installed Python SDK as a subject."""

    def __init__(self) -> None:
        self.sdk = Sdk.installed()

    @property
    def name(self) -> str:
        """What it is called."""
        return PYTHON_SDK

    @property
    def version(self) -> str:
        """The release that is installed."""
        return self.sdk.version

    @property
    def configured_mode(self) -> ConfiguredMode:
        """Nothing: `OAuthClientMetadata.scope` is replaced by what the servers say before it is ever sent.

        Its documentation describes it as registration metadata (RFC 7591) and promises nothing else. In 2.x
        it survives in one place: a restarted client that is answered 403 first joins it to the step-up.
        """
        return "none"

    @property
    def grant_types(self) -> tuple[str, ...]:
        """Its provider, its client credentials extension, and the one for identity assertions, which 2.x has."""
        exchange = (TOKEN_EXCHANGE,) if find_spec(_IDENTITY_ASSERTION) else ()
        return (AUTHORIZATION_CODE, CLIENT_CREDENTIALS, *exchange)

    @property
    def standalone(self) -> bool:
        """It is in this process."""
        return False

    def playable(self, episode: Episode) -> Episode:
        """All of it."""
        return as_administered(episode)

    def open(self, plan: Plan, world: World) -> PythonSdkSession:
        """Start a client with nothing stored; raises SubjectUnavailable for a grant that the SDK lacks."""
        if plan.grant_type not in self.grant_types:
            raise SubjectUnavailable(f"the Python SDK has no grant {plan.grant_type}")
        # The SDK logs each flow that fails with its traceback, and failing is what many flows are here for.
        logging.getLogger("mcp").setLevel(logging.CRITICAL + 1)
        return PythonSdkSession(self.sdk, plan, HttpWorld(world))


@dataclass(slots=True)
class Storage:
    """The SDK's TokenStorage for one server: all that survives a restart."""

    tokens: Theirs = None
    client_info: Theirs = None

    async def get_tokens(self) -> Theirs:
        """What was stored."""
        return self.tokens

    async def set_tokens(self, tokens: Theirs) -> None:
        """Store."""
        self.tokens = tokens

    async def get_client_info(self) -> Theirs:
        """What was stored."""
        return self.client_info

    async def set_client_info(self, client_info: Theirs) -> None:
        """Store."""
        self.client_info = client_info


class Declined(Exception):
    """The user agent came back without a code: the application tells the SDK by raising."""


@dataclass(slots=True)
class PythonSdkSession:
    """One application: a provider and a storage for each server; `refusals` is why its flows failed.

    Where the plan says so, one `configuration` object serves the providers of all servers, as in the SDK's examples.
    """

    sdk: Sdk
    plan: Plan
    http_world: HttpWorld
    storages: dict[str, Storage] = field(default_factory=dict)
    providers: dict[str, Theirs] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)
    came_back: str = ""
    configuration: Theirs = None

    def call(self, call: Call) -> None:
        """Make a call and let the SDK do what it does; its refusals end the call."""
        _loop().run_until_complete(self._call(call))

    def overlap(self, first: Call, second: Call, turn: Callable[[], None]) -> None:
        """Have both on their way before either is answered: the second waits for its turn, or for a lock."""
        _loop().run_until_complete(self._overlap(first, second, turn))

    def expire(self, access_token: str) -> None:
        """Let the SDK's clock pass the end of a token's lifetime.

        It compares time.time() with a time of its own and offers no other way in, so its context is touched.
        A restart made it forget that time; then no clock can tell it, and none is made to.
        """
        for provider in self.providers.values():
            if self.plan.grant_type == TOKEN_EXCHANGE:
                kept, tokens, expiry = provider, provider._tokens, "_expiry"  # noqa: SLF001
            else:
                kept, tokens, expiry = provider.context, provider.context.current_tokens, "token_expiry_time"
            if tokens is not None and tokens.access_token == access_token and getattr(kept, expiry):
                setattr(kept, expiry, 1.0)

    def restart(self) -> bool:
        """Lose memory, keep token storage."""
        self.providers.clear()
        self.configuration = None
        return True

    def report(self, resource: str) -> ClientReported | None:
        """The scope of the stored token: the SDK has no other account of what it was granted."""
        storage = self.storages.get(resource)
        if storage is None or storage.tokens is None:
            return None
        scope, token = storage.tokens.scope, storage.tokens.access_token
        self.http_world.has_read(token)
        issuer = next(
            event.issuer
            for event in reversed(self.http_world.world.events)
            if isinstance(event, TokenResponse) and event.access_token == token
        )
        return ClientReported(None if scope is None else tuple(scope.split()), issuer, resource)

    # --- the application --------------------------------------------------------------------------

    async def _overlap(self, first: Call, second: Call, turn: Callable[[], None]) -> None:
        gates = asyncio.Event(), asyncio.Event()
        calls = [asyncio.create_task(self._call(*each)) for each in zip((first, second), gates, strict=True)]
        try:
            for _ in range(_UNTIL_SENT):
                await asyncio.sleep(0)
            gates[0].set()
            with suppress(Exhausted):
                await calls[0]
            turn()
            gates[1].set()
            with suppress(Exhausted):
                await calls[1]
        finally:
            calls[1].cancel()

    async def _call(self, call: Call, gate: asyncio.Event | None = None) -> None:
        """Make a call; where there is a gate, nothing is answered before it opens."""
        provider = self.providers.get(call.resource)
        if provider is None:
            provider = self.providers[call.resource] = self._provider(call.resource)
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": call.operation}}
        # Of the header the SDK only asks whether `resource` may be sent; both lines take every revision.
        headers = {"MCP-Protocol-Version": self.plan.revision, "Content-Type": "application/json"}
        request = self.sdk.http.Request("POST", call.resource, content=json.dumps(body), headers=headers)
        flow = provider.async_auth_flow(request)
        try:
            out = await anext(flow)
            if gate is not None:
                self._arrive(out)
                await gate.wait()
            while True:
                out = await flow.asend(self._answer(out))
        except StopAsyncIteration:
            pass
        except (*self.sdk.flow_errors, self.sdk.http.InvalidURL, Declined) as refusal:
            self.refusals.append(str(refusal))
        except ValueError as refusal:
            # pydantic's errors among them: the SDK lets some out that are about what a server sent.
            if not self._is_of_the_sdk(refusal):
                raise
            self.refusals.append(str(refusal))
        finally:
            await flow.aclose()  # its lock would be held for ever

    def _arrive(self, request: Theirs) -> None:
        called = self.http_world.called(_sent(request))
        if called is not None:
            self.http_world.world.arrive(called)

    def _answer(self, request: Theirs) -> Theirs:
        response = self.http_world.handle(_sent(request))
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
        return self.sdk.http.Response(response.status, headers=raw, content=response.body, request=request)

    def _provider(self, resource: str) -> Theirs:
        scope = None if self.plan.configured is None else str(self.plan.configured)
        storage = self.storages.setdefault(resource, Storage())
        if self.plan.grant_type == CLIENT_CREDENTIALS:
            return self._machine_provider(resource, storage, scope)
        if self.plan.grant_type == TOKEN_EXCHANGE:
            return self._enterprise_provider(resource, storage, scope)
        metadata = self._configured(scope)
        if self.plan.registration == "known" and storage.client_info is None:
            storage.client_info = self._known_client(metadata)
        options = {"client_metadata_url": DOCUMENT} if self.plan.registration == "document" else {}
        return self.sdk.auth.OAuthClientProvider(
            resource, metadata, storage, self._open_browser, self._wait_for_callback, **options
        )

    def _configured(self, scope: str | None) -> Theirs:
        if self.configuration is not None and self.plan.shares_configuration:
            return self.configuration
        refreshes = (REFRESH_TOKEN,) if self.plan.wants_refresh_token else ()
        self.configuration = self.sdk.shared.OAuthClientMetadata(
            client_name="scopelaw",
            redirect_uris=[REDIRECT_URI],
            grant_types=[AUTHORIZATION_CODE, *refreshes],
            scope=scope,
        )
        return self.configuration

    def _known_client(self, metadata: Theirs) -> Theirs:
        """What the application stores of a client that registered out of band: its issuer, where there is only one."""
        information = self.sdk.shared.OAuthClientInformationFull
        issuers = list(self.plan.servers.issuers)
        issuer = issuers[0] if len(issuers) == 1 else None
        bound = {"issuer": issuer} if "issuer" in information.model_fields else {}
        method = {"token_endpoint_auth_method": "client_secret_post"}  # where none is said, the SDK sends no secret
        credentials = {"client_id": KNOWN, "client_secret": SECRET, **method}
        return information(**{**metadata.model_dump(exclude_none=True), **credentials, **bound})

    def _machine_provider(self, resource: str, storage: Storage, scope: str | None) -> Theirs:
        """The provider without a human; its client is registered out of band, at one issuer."""
        make = self.sdk.machine.ClientCredentialsOAuthProvider
        issuer = self.plan.servers.resources[resource].issuer
        self.http_world.know(issuer, KNOWN, secret=SECRET)
        # 1.x says `scopes` for what 2.x calls `scope`; its older releases have no `issuer`.
        options = {"scope": scope, "scopes": scope, "issuer": issuer}
        known = {name: value for name, value in options.items() if name in signature(make).parameters}
        return make(resource, storage, KNOWN, SECRET, **known)

    def _enterprise_provider(self, resource: str, storage: Storage, scope: str | None) -> Theirs:
        """The provider that presents an identity assertion; its client is registered out of band."""
        make = import_module(_IDENTITY_ASSERTION).IdentityAssertionOAuthProvider
        issuer = self.plan.servers.resources[resource].issuer
        self.http_world.know(issuer, KNOWN, secret=SECRET)
        return make(resource, storage, KNOWN, SECRET, issuer, self._fetch_id_jag, scope)

    async def _fetch_id_jag(self, audience: str, resource: str) -> str:
        """The application's leg of the exchange: the SDK tells it of no scopes, and so it names none."""
        fields = {
            "grant_type": TOKEN_EXCHANGE,
            "requested_token_type": ID_JAG,
            "audience": audience,
            "resource": resource,
            "subject_token": ID_TOKEN,
            "subject_token_type": ID_TOKEN_TYPE,
            "client_id": KNOWN,
            "client_secret": SECRET,
        }
        response = self.http_world.handle(
            HttpRequest("POST", f"{IDENTITY_PROVIDER}/token", body=urlencode(fields).encode())
        )
        answer = json.loads(response.body)
        if response.status != 200:
            raise Declined(answer["error"])
        return str(answer["access_token"])

    async def _open_browser(self, url: str) -> None:
        response = self.http_world.handle(HttpRequest("GET", url))
        self.came_back = next((value for name, value in response.headers if name == "Location"), "")

    async def _wait_for_callback(self) -> Theirs:
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.came_back).query).items()}
        if "code" not in query:
            raise Declined(query.get("error", "the user agent did not come back"))
        code, state, iss = query["code"], query.get("state"), query.get("iss")
        if hasattr(self.sdk.shared, "AuthorizationCodeResult"):
            return self.sdk.shared.AuthorizationCodeResult(code=code, state=state, iss=iss)
        return code, state

    @staticmethod
    def _is_of_the_sdk(error: Exception) -> bool:
        """Whether the SDK, and not something of ours that it called, is to blame for an error."""
        modules = [frame.f_globals.get("__name__", "") for frame, _ in walk_tb(error.__traceback__)]
        packages = [name.partition(".")[0] for name in modules]
        return [name for name in packages if name == "mcp" or name.startswith("scope_")][-1:] == ["mcp"]


def _sent(request: Theirs) -> HttpRequest:
    headers = tuple((name, value) for name, value in request.headers.items())
    return HttpRequest(request.method, str(request.url), headers, request.content)


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """The one event loop: the SDK's lock needs one, and a new one for each call would cost more than it."""
    loop = asyncio.new_event_loop()
    atexit.register(loop.close)
    return loop

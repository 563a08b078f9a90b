"""Clients that err by one freedom alone.

The model opens no stream, reads no bodies, has no clock of its own, shares no configuration, overlaps its calls with
one memory, and has given up before a sixth challenge comes, so that no mutant of it could: clients over HTTP do.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from threading import Lock
from typing import Any
from urllib.parse import parse_qsl, unquote

import httpx2
from typing_extensions import override

from planted.planting import FLOW, Bug, Edit, planted
from planted.probes import READ, probe
from scope_oracle import Application, HttpRequest, from_httpx_auth, in_process
from scope_properties.episodes import Episode, EpisodeStep, MakeCall, OverlapCalls, without_streams
from scope_properties.subjects import Subject
from scope_spec import Revision
from test_overlapping import Forgetful, Uniting
from test_python_api import Careful, Careless

Flow = Generator[httpx2.Request, httpx2.Response, None]


class Streaming(Careful):
    """A client that opens the stream of its server after each call."""

    @override
    def call(self, operation: str) -> None:
        super().call(operation)
        flow = self.auth.auth.sync_auth_flow(httpx2.Request("GET", self.app.server_url))
        request = next(flow)
        while True:
            sent = HttpRequest(request.method, str(request.url), tuple(request.headers.items()), request.read())
            answer = self.app.send(sent)
            try:
                request = flow.send(
                    httpx2.Response(answer.status, headers=answer.headers, content=answer.body, request=request)
                )
            except StopIteration:
                return


class Deaf(Careless):
    """One that reads no scope in a challenge."""

    @override
    def asks_for(self, challenged: str) -> str:
        return ""


class DeafToStreams(Careless):
    """One that reads none in the challenge to a stream."""

    @override
    def auth_flow(self, request: httpx2.Request) -> Flow:
        if request.method != "GET":
            yield from super().auth_flow(request)
            return
        deaf = Deaf(self.app)
        before = deaf.token = self.token
        yield from deaf.auth_flow(request)
        if deaf.token != before:
            self.token = deaf.token


class DeafStreaming(Streaming):
    """The same client with the fault."""

    def __init__(self, app: Application) -> None:
        super().__init__(app)
        self.auth.auth = DeafToStreams(app)


Reading = Callable[[str], dict[str, str]]


class Granted(Uniting):
    """One that keeps what was granted, in JSON or by its own `reading` of a form."""

    def __init__(self, app: Application, reading: Reading) -> None:
        super().__init__(app)
        self.reading = reading

    @override
    def auth_flow(self, request: httpx2.Request) -> Flow:
        flow = super().auth_flow(request)
        out = next(flow)
        while True:
            response = yield out
            if out.url.path.endswith("/token") and response.status_code == httpx2.codes.OK:
                is_json = "json" in response.headers["content-type"]
                said = response.json() if is_json else self.reading(response.text)
                self.asked = frozenset(said.get("scope", "").split()) or self.asked
                response = httpx2.Response(response.status_code, json=said, request=out)
            try:
                out = flow.send(response)
            except StopIteration:
                return


def by_the_form(body: str) -> dict[str, str]:
    return dict(parse_qsl(body))


def with_its_pluses(body: str) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in body.split("&"))
    return {name: unquote(value) for name, _, value in pairs}


class Clocked(Uniting):
    """One that refreshes, when its token is refused or over by its own clock, in which a call takes two seconds."""

    now = over = 0
    refresh: dict[str, str] | None = None

    def __init__(self, app: Application) -> None:
        super().__init__(app)
        self.endpoint = ""

    def is_over(self) -> None:
        """What the clock says of the token in hand."""

    @override
    def received(self, body: dict[str, Any]) -> None:
        super().received(body)
        self.over = self.now + body.get("expires_in", 0)
        refresh_token = body.get("refresh_token")
        if refresh_token is not None:
            self.refresh = {"grant_type": "refresh_token", "refresh_token": refresh_token}

    @override
    def auth_flow(self, request: httpx2.Request) -> Flow:
        self.now += 2
        if self.token is not None and self.over <= self.now:
            self.is_over()
            yield from self.refreshes()
        response = yield self.signed(request)
        if response.status_code == httpx2.codes.UNAUTHORIZED and self.refresh is not None:
            yield from self.refreshes()
            response = yield self.signed(request)
        if response.status_code in (401, 403) and (yield from self.authorizes(response)):
            yield self.signed(request)

    @override
    def authorizes(self, response: httpx2.Response) -> Generator[httpx2.Request, httpx2.Response, bool]:
        self.refresh = None
        flow = super().authorizes(response)
        out = next(flow)
        while True:
            if out.url.path.endswith("/token"):
                self.endpoint, self.client = str(out.url), dict(parse_qsl(out.read().decode()))
            try:
                out = flow.send((yield out))
            except StopIteration as ended:
                return bool(ended.value)

    def refreshes(self) -> Flow:
        """Trade the refresh token in, if there is one; where it is refused it is gone."""
        form, self.refresh = self.refresh, None
        if form is not None:
            known = {name: self.client[name] for name in ("client_id", "resource")}
            response = yield httpx2.Request("POST", self.endpoint, data=form | known)
            if response.status_code == httpx2.codes.OK:
                self.refresh = form
                self.received(response.json())


class BeginningAnew(Clocked):
    """The same client, but that it forgets all that it had where the clock says that its token is over."""

    @override
    def is_over(self) -> None:
        self.asked, self.refresh, self.token = frozenset(), None, None


class Patient(Uniting):
    """One that makes one call at a time, and steps up for as long as it is challenged to, but not for ever."""

    def __init__(self, app: Application) -> None:
        super().__init__(app)
        self.lock = Lock()

    @override
    def auth_flow(self, request: httpx2.Request) -> Flow:
        with self.lock:
            yield from self.steps_up(request)

    def steps_up(self, request: httpx2.Request) -> Flow:
        response = yield self.signed(request)
        challenged = response.status_code in (401, 403)
        for _ in range(12):
            if not challenged or not (yield from self.authorizes(response)):
                return
            response = yield self.signed(request)
            challenged = response.status_code == httpx2.codes.FORBIDDEN


class ShortOfMemory(Patient):
    """The same client, but that it remembers no more than six challenges of a call: five, and what is then needed."""

    @override
    def steps_up(self, request: httpx2.Request) -> Flow:
        self.before, self.lately = self.asked, deque[str](maxlen=6)
        yield from super().steps_up(request)

    @override
    def asks_for(self, challenged: str) -> str:
        self.lately.append(challenged)
        self.asked = self.before.union(*map(str.split, self.lately))
        return " ".join(sorted(self.asked))


KEEPS = Edit(
    FLOW,
    "                        self.context.client_metadata.scope = challenged_scope\n",
    "                        asked = self.context.client_metadata.scope\n"
    "                        self.context.client_metadata.scope = union_scopes(asked, challenged_scope)\n",
)
COPIES = Edit(
    FLOW,
    "            client_metadata=client_metadata,\n",
    "            client_metadata=client_metadata.model_copy(),\n",
)


def edited(*edits: Edit) -> Subject:
    return planted(Bug("keeps", "ACC-7", "keeps what it asked for in the configuration", edits, probe(READ)))


@dataclass(frozen=True)
class Fault:
    """Which clause a client breaks and how, the client without that and with it, and an episode without the freedom."""

    clause: str
    says: str
    clients: Callable[[], tuple[Subject, Subject]]
    without: Callable[[Episode], Episode]
    revision: Revision = "2026-07-28"
    examples: int = 150


def in_json(episode: Episode) -> Episode:
    """The same episode, but that no issuer answers in a form."""
    servers = episode.plan.servers
    issuers = {name: replace(issuer, form_encoded=False) for name, issuer in servers.issuers.items()}
    return replace(episode, plan=replace(episode.plan, servers=replace(servers, issuers=issuers)))


def calling_otherwise(episode: Episode, change: Callable[[MakeCall], MakeCall]) -> Episode:
    """The same episode with other choices in its calls."""

    def changed(step: EpisodeStep) -> EpisodeStep:
        match step:
            case MakeCall():
                return change(step)
            case OverlapCalls(first, second):
                return OverlapCalls(change(first), change(second))
            case _:
                return step

    return replace(episode, steps=tuple(map(changed, episode.steps)))


def never_brief(episode: Episode) -> Episode:
    """The same episode, but that tokens last."""
    return calling_otherwise(
        episode, lambda call: replace(call, grants=tuple(replace(how, brief=False) for how in call.grants))
    )


def with_few_choices(episode: Episode) -> Episode:
    """The same episode, but that no call is challenged by choice more than five times."""
    return calling_otherwise(episode, lambda call: replace(call, challenges=call.challenges[:5], persists=False))


def configured_apart(episode: Episode) -> Episode:
    """The same episode, but that each server's client has a configuration object of its own."""
    return replace(episode, plan=replace(episode.plan, shares_configuration=False))


def never_overlapping(episode: Episode) -> Episode:
    """The same episode, but that no calls overlap."""
    each = [(step.first, step.second) if isinstance(step, OverlapCalls) else (step,) for step in episode.steps]
    return replace(episode, steps=tuple(chain.from_iterable(each)))


FAULTS = {
    "a challenge to a stream": Fault(
        "CHAL-1",
        "reads no scope in a challenge to a stream",
        lambda: (in_process(Streaming), in_process(DeafStreaming)),
        without_streams,
        "2025-11-25",
    ),
    "form-encoded: True": Fault(
        "ACC-1",
        "takes the pluses of a form for themselves",
        lambda: (
            from_httpx_auth(lambda app: Granted(app, by_the_form)),
            from_httpx_auth(lambda app: Granted(app, with_its_pluses)),
        ),
        in_json,
    ),
    "brief=True": Fault(
        "ACC-2",
        "begins anew where its own clock says that its token is over",
        lambda: (from_httpx_auth(Clocked), from_httpx_auth(BeginningAnew)),
        never_brief,
    ),
    "more than five choices in a call": Fault(
        "ACC-1",
        "remembers no more than the last six challenges of a call",
        lambda: (from_httpx_auth(Patient), from_httpx_auth(ShortOfMemory)),
        with_few_choices,
        examples=60,
    ),
    "configuration shared: True": Fault(
        "ACC-7",
        "keeps what it asked for in the configuration object that it was given",
        lambda: (edited(KEEPS, COPIES), edited(KEEPS)),
        configured_apart,
    ),
    "two requests at once": Fault(
        "ACC-1",
        "writes back, at the end of a call, what it knew at the beginning",
        lambda: (from_httpx_auth(partial(Forgetful, lock=Lock)), from_httpx_auth(partial(Forgetful, lock=nullcontext))),
        never_overlapping,
    ),
}
"""By the freedom, as reach counts it."""

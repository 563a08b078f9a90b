"""What only a client over HTTP meets: a stream that is guarded, and token responses in a form.

The model opens no stream and reads no bodies, so that no mutant of it could err by these alone: clients do here.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote

import httpx2
import pytest
from typing_extensions import override

from scope_oracle import Application, HttpRequest, InProcess, from_httpx_auth, in_process
from scope_oracle.checking import Alone, examiner, generated
from scope_properties.episodes import STREAM, Plan
from scope_spec import Revision
from test_overlapping import Uniting
from test_python_api import Careful, Careless


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
    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
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
    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
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


@dataclass(frozen=True)
class Fault:
    """A client with a fault and without, and what a world must have for the fault to show."""

    right: InProcess
    wrong: InProcess
    shows_in: Callable[[Plan], bool]
    revision: Revision


FAULTS = {
    "a guarded stream": Fault(
        in_process(Streaming),
        in_process(DeafStreaming),
        lambda plan: any(STREAM in server.needs for server in plan.servers.resources.values()),
        "2025-11-25",
    ),
    "token responses in a form": Fault(
        from_httpx_auth(lambda app: Granted(app, by_the_form)),
        from_httpx_auth(lambda app: Granted(app, with_its_pluses)),
        lambda plan: any(issuer.form_encoded for issuer in plan.servers.issuers.values()),
        "2026-07-28",
    ),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_is_found_where_the_freedom_is_that_shows_it_and_nowhere_else(fault: Fault) -> None:
    made = list(generated(fault.revision, 150, 0))
    right, wrong = (
        [set(judged.broken) for judged in Alone(examiner(subject, fault.revision)).judge(made)]
        for subject in (fault.right, fault.wrong)
    )
    shown = [episode.plan for episode, one, other in zip(made, right, wrong, strict=True) if other - one]
    assert shown
    assert all(map(fault.shows_in, shown))

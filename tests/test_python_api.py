"""A client in a test of its author's own: what is checked, and what a failure says."""

from __future__ import annotations

import doctest
import inspect
import re
from collections.abc import Awaitable, Callable, Generator, Iterable
from contextlib import nullcontext, suppress
from html import escape
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import TestCase
from urllib.parse import urlencode

import httpx2
import hypothesis
import pytest
from hypothesis.stateful import run_state_machine_as_test
from hypothesis.strategies import SearchStrategy
from mcp.client.auth.oauth2 import OAuthClientProvider
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from pydantic import AnyUrl
from typing_extensions import override

import scope_judge
import scope_model
import scope_oracle
import scope_properties
import scope_spec
from scope_model.client import Call
from scope_model.events import ClientReported
from scope_oracle import (
    Application,
    DriverFault,
    Findings,
    PythonClient,
    SubjectUnavailable,
    UnknownName,
    check,
    from_httpx_auth,
    in_process,
)
from scope_oracle.checking import Engine, plain_episode
from scope_oracle.forms import result_json
from scope_oracle.outcome import hindrances
from scope_oracle.page import result_html
from scope_oracle.reports import report_of
from scope_oracle.subjects.application import HttpxClient
from scope_oracle.subjects.python_sdk import PythonSdk
from scope_oracle.world import HttpRequest
from scope_properties import machine, strategies
from scope_properties.episodes import MakeCall, ReportGrant
from scope_properties.runs import Run
from scope_properties.subjects import Subject

FEW = 60


class Careless(httpx2.Auth):
    """An `httpx.Auth` that asks for the challenge's last scope alone, whatever it had before."""

    requires_response_body = True

    def __init__(self, app: Application) -> None:
        self.app = app
        self.token: str | None = None

    def asks_for(self, challenged: str) -> str:
        """The scope of a request, by that of the challenge."""
        return challenged

    def names(self, resource: str) -> str:
        """The resource of a request, by that of the document."""
        return resource

    def received(self, body: dict[str, Any]) -> None:
        """Keep what a token response says."""
        self.token = body.get("access_token")

    @override
    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        response = yield self.signed(request)
        if response.status_code in (401, 403) and (yield from self.authorizes(response)):
            yield self.signed(request)

    def signed(self, request: httpx2.Request) -> httpx2.Request:
        """A request with the token that there is."""
        if self.token is not None:
            request.headers["Authorization"] = f"Bearer {self.token}"
        return request

    def authorizes(self, response: httpx2.Response) -> Generator[httpx2.Request, httpx2.Response, bool]:
        """Ask the user for what a response challenges for, and say whether that brought a code."""
        scope = self.asks_for(response.headers.get("www-authenticate", "").partition('scope="')[2].partition('"')[0])
        well_known = self.app.server_url.replace("/mcp", "/.well-known/oauth-protected-resource/mcp")
        document = (yield httpx2.Request("GET", well_known)).json()
        issuer = document["authorization_servers"][0]
        registration = {"redirect_uris": [self.app.redirect_uri], "token_endpoint_auth_method": "none"}
        registered = (yield httpx2.Request("POST", f"{issuer}/register", json=registration)).json()
        asks = {
            "response_type": "code",
            "client_id": registered["client_id"],
            "redirect_uri": self.app.redirect_uri,
            "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
            "code_challenge_method": "S256",
            "resource": self.names(document["resource"]),
        }
        back = self.app.browser(f"{issuer}/authorize?{urlencode(asks | ({'scope': scope} if scope else {}))}")
        code = self.app.came_back(back).get("code")
        if code is None:
            return False
        redeems = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": registered["client_id"],
            "redirect_uri": self.app.redirect_uri,
            "code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
            "resource": self.names(document["resource"]),
        }
        self.received((yield httpx2.Request("POST", f"{issuer}/token", data=redeems)).json())
        return True


def test_a_sync_auth_is_checked_and_a_failure_tells_the_exchange_and_how_to_see_it_again() -> None:
    checked = check(from_httpx_auth(Careless, "careless"), examples=FEW)
    with pytest.raises(Findings) as raised:
        checked.raise_for_findings()
    told = str(raised.value)
    assert "ACC-1/dropped  discouraged  careless" in told
    assert "403  insufficient_scope" in told
    assert "scopelaw check" not in told  # there it goes by no name
    line = next(line for line in told.splitlines() if "scope_oracle.replay(" in line)
    blob = line.partition("'")[2].partition("'")[0]
    assert "ACC-1" in told
    assert "AuthorizationRequest" not in scope_oracle.replay(from_httpx_auth(Careless, "careless"), blob)


def test_a_client_without_a_name_is_left_to_be_put_in_and_one_of_ours_is_played_as_it_was() -> None:
    with pytest.raises(Findings, match=r"replay:   import scope_oracle; print\(scope_oracle\.replay\(SUBJECT, '"):
        check(from_httpx_auth(Careless), examples=FEW, select="ACC-1").raise_for_findings()
    with pytest.raises(Findings) as raised:
        check("mcp-2025-11-25", examples=FEW, select="ACC-1", readings={"A1": "requested"}).raise_for_findings()
    line = next(line for line in str(raised.value).splitlines() if "replay:" in line)
    assert "replay('mcp-2025-11-25', '" in line
    assert line.endswith(", readings={'union-base': 'requested'}))")


def test_the_same_seed_gives_the_same_findings() -> None:
    first, second = (check(from_httpx_auth(Careless), examples=FEW, seed=3).result for _ in range(2))
    assert first == second


def test_an_async_auth_behaves_as_it_does_as_a_subject_of_its_own() -> None:
    sdk = PythonSdk()

    def made(app: Application) -> object:
        """The Python SDK's provider, as its documentation shows it."""
        came_back: list[str] = []

        async def open_browser(url: str) -> None:
            came_back.append(app.browser(url))

        async def wait_for_callback() -> AuthorizationCodeResult:
            query = app.came_back(came_back[-1])
            if "code" not in query:
                raise RuntimeError(query.get("error", ""))
            return AuthorizationCodeResult(code=query["code"], state=query.get("state"), iss=query.get("iss"))

        class Storage:
            async def get_tokens(self) -> OAuthToken | None:
                tokens = app.storage.get("tokens")
                return tokens if isinstance(tokens, OAuthToken) else None

            async def set_tokens(self, tokens: OAuthToken) -> None:
                app.storage["tokens"] = tokens

            async def get_client_info(self) -> OAuthClientInformationFull | None:
                stored = app.storage.get("client")
                known = stored if isinstance(stored, OAuthClientInformationFull) else None
                if known is None and app.client is not None:
                    known = OAuthClientInformationFull(
                        redirect_uris=[AnyUrl(app.redirect_uri)],
                        client_id=app.client[0],
                        client_secret=app.client[1],
                        token_endpoint_auth_method="client_secret_post",
                    )
                return known

            async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
                app.storage["client"] = client_info

        refresh = ["refresh_token"] if app.wants_refresh_token else []
        metadata = OAuthClientMetadata(
            client_name="scopelaw",
            redirect_uris=[AnyUrl(app.redirect_uri)],
            grant_types=["authorization_code", *refresh],
            scope=None if app.scopes is None else " ".join(app.scopes),
        )
        return OAuthClientProvider(
            app.server_url,
            metadata,
            Storage(),
            open_browser,
            wait_for_callback,
            client_metadata_url=app.client_metadata_url,
        )

    ours = check(from_httpx_auth(made, configured_mode="none"), examples=FEW, select=["CHAL", "PARSE"])
    theirs = check(sdk, examples=FEW, select=["CHAL", "PARSE"])
    known = {each.finding.clause for each in theirs.result.broken}
    assert known
    assert {each.finding.clause for each in ours.result.broken} <= known | {"CHAL-1"}


class Bare(PythonClient):
    """A client that is no `httpx.Auth`: it never authorizes."""

    @override
    def call(self, operation: str) -> Awaitable[None] | None:
        self.app.send(self.app.tool_call(operation))
        return None


class Careful(Bare):
    """One that authorizes by the flow of `Careless`, driven by hand."""

    def __init__(self, app: Application) -> None:
        super().__init__(app)
        self.auth = HttpxClient(app, Careless(app))

    @override
    def call(self, operation: str) -> Awaitable[None] | None:
        return self.auth.call(operation)


class Waiting(PythonClient):
    """The same, asynchronous."""

    def __init__(self, app: Application) -> None:
        super().__init__(app)
        self.auth = Careless(app)

    @override
    async def call(self, operation: str) -> None:
        out = self.app.tool_call(operation)
        flow = self.auth.auth_flow(httpx2.Request(out.method, out.url, headers=out.headers, content=out.body))
        request = next(flow)
        with suppress(StopIteration):
            while True:
                sent = HttpRequest(request.method, str(request.url), tuple(request.headers.items()), request.read())
                answer = await self.app.asend(sent)
                request = flow.send(httpx2.Response(answer.status, headers=answer.headers, content=answer.body))


def test_a_client_that_is_no_auth_needs_one_method_sync_or_async() -> None:
    sync, waiting = (check(in_process(kind, "bare"), examples=FEW).result for kind in (Careful, Waiting))
    assert sync.broken == waiting.broken
    assert "ACC-1" in {each.finding.clause for each in sync.broken}


def test_a_client_that_never_authorizes_cannot_be_tested() -> None:
    with pytest.raises(scope_oracle.DriverFault, match="nothing can be tested"):
        check(in_process(Bare), examples=FEW)


def test_a_client_that_is_never_served_cannot_be_tested() -> None:
    class Forging(Bare):
        @override
        def call(self, operation: str) -> None:
            out = self.app.tool_call(operation)
            headers = (*out.headers, ("Authorization", "Bearer of its own making"))
            self.app.send(HttpRequest(out.method, out.url, headers, out.body))

    with pytest.raises(scope_oracle.DriverFault, match="nothing can be tested: no authorization request arrived"):
        check(in_process(Forging), examples=1)


def test_a_client_that_its_own_fault_keeps_from_being_served_is_told_of_it() -> None:
    class Elsewhere(Careless):
        @override
        def names(self, resource: str) -> str:
            return resource.removesuffix("/mcp")

    result = check(from_httpx_auth(Elsewhere), examples=3).result
    assert "ISO-1" in {each.finding.clause for each in result.broken}


def test_what_a_client_raises_ends_the_call_and_is_kept() -> None:
    kept: list[str] = []

    class Failing(Careful):
        @override
        def call(self, operation: str) -> None:
            super().call(operation)
            kept.extend(self.app.failures)
            raise RuntimeError(operation)

    check(in_process(Failing), examples=5)
    assert any(failure.startswith("RuntimeError: ") for failure in kept)


def test_whatever_a_client_raises_an_exit_included_ends_no_check() -> None:
    class Failing(Careful):
        @override
        def call(self, operation: str) -> None:
            super().call(operation)
            raise SystemExit(0)

        @override
        def expire(self, access_token: str) -> None:
            raise RuntimeError("no clock")

        @override
        def granted(self) -> None:
            raise RuntimeError("no account")

    failed = check(in_process(Failing), examples=60).result.failed
    assert {why.partition(" (")[0] for why in failed} >= {
        "SystemExit: 0",
        "RuntimeError: no clock",
        "RuntimeError: no account",
    }


@pytest.mark.parametrize("said", ["b a", ["b", "a"], iter(("b", "a"))])
def test_scopes_that_a_client_holds_are_a_text_or_several(said: str | Iterable[str]) -> None:
    class Knowing(Careful):
        @override
        def granted(self) -> str | Iterable[str]:
            return said

    run = Run(plain_episode("2026-07-28").plan, in_process(Knowing))
    run.play(MakeCall(Call("https://one.example/mcp", "read")), ReportGrant("https://one.example/mcp"))
    (reported,) = (event for event in run.transcript.events if isinstance(event, ClientReported))
    assert reported.granted == ("b", "a")


class Unfinished(PythonClient):
    """One that does not say how it calls."""


def made_without_a_browser(app: Application) -> Careless:
    return Careless(app.brwser)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("subject", "because"),
    [
        (from_httpx_auth(lambda _: object()), r"object is no httpx\.Auth; PythonClient is the base class"),
        (
            from_httpx_auth(made_without_a_browser),
            r"cannot be made: AttributeError: .*brwser.* \(test_python_api\.py:\d+\)",
        ),
        (in_process(Careless), r"Careless is no PythonClient; from_httpx_auth takes an httpx\.Auth"),  # type: ignore[arg-type]
        (in_process(Unfinished), "Unfinished has no `call` of its own"),
        (Careless, "Careless is no subject; from_httpx_auth and in_process make one"),
        (object(), "object is no subject"),
    ],
)
def test_what_cannot_be_put_under_test_says_what_can(subject: Subject, because: str) -> None:
    with pytest.raises(SubjectUnavailable, match=because):
        check(subject, examples=1)


def test_a_client_that_fails_at_once_is_told_its_own_error_and_where_it_was_raised() -> None:
    class Failing(PythonClient):
        @override
        def call(self, operation: str) -> None:
            raise KeyError(operation)

    with pytest.raises(
        DriverFault, match=r"nothing can be tested: .* says: KeyError: 'read' \(test_python_api\.py:\d+\)"
    ):
        check(in_process(Failing), examples=1)


def test_errors_that_end_calls_are_counted_and_told_with_what_is_found() -> None:
    class Failing(Careful):
        @override
        def call(self, operation: str) -> None:
            super().call(operation)
            raise RuntimeError("too late")

    checked = check(in_process(Failing), examples=20, select="ACC-1")
    ((why, count),) = ((why, count) for why, count in checked.result.failed.items() if why.startswith("RuntimeError"))
    assert why.startswith("RuntimeError: too late (test_python_api.py:")
    told = f"raised in {count} of 20 episodes: {why}"
    with pytest.raises(Findings, match=re.escape(f"\n{told}")):
        checked.raise_for_findings()
    form = result_json(checked.result, readings={})
    assert form["failed"] == checked.result.failed
    assert told in hindrances(report_of(form))
    assert escape(told) in result_html(checked.result, readings={})


def test_names_that_are_unknown_are_refused_before_anything_is_run() -> None:
    subject = from_httpx_auth(Careless)
    for given, because in (
        ({"skip": "META"}, None),  # one name is a name, and not its letters
        ({"readings": {"union-base": "granted"}}, None),
        ({"skip": ["BOGUS"]}, "unknown clause, family or verdict 'BOGUS'"),
        ({"readings": {"unionbase": "granted"}}, "unknown reading 'unionbase'; did you mean union-base?"),
        ({"readings": {"union-base": "all"}}, "unknown value of union-base 'all'; choose from requested-and-granted"),
        ({"revision": "2026"}, "unknown revision '2026'"),
        ({"engine": "Hypothesis"}, "unknown engine 'Hypothesis'; did you mean hypothesis?"),
    ):
        with nullcontext() if because is None else pytest.raises(UnknownName, match=because):
            check(subject, examples=1, **given)
    with pytest.raises(ValueError, match="what is selected leaves no clause to judge"):
        check(subject, select="ACC", skip="ACC")
    with pytest.raises(UnknownName, match="unknown verdict 'warning'; choose from violates"):
        check(subject, examples=1).raise_for_findings("warning")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="0 is no number of episodes"):
        check(subject, examples=0)
    with pytest.raises(UnknownName, match=r"'careless'; a client of your own goes by package\.module:name"):
        check("careless")


@pytest.mark.parametrize(
    ("about", "because"),
    [
        ({"configured_mode": "overide"}, "unknown configured mode 'overide'; did you mean override?"),
        ({"grant_types": ("password",)}, "unknown grant type 'password'; choose from authorization_code, "),
        ({"grant_types": "authorization_code"}, "unknown grant type 'a'; choose from authorization_code, "),
    ],
)
def test_a_client_is_not_set_up_in_a_way_that_nobody_knows(about: dict[str, Any], because: str) -> None:
    with pytest.raises(UnknownName, match=because):
        from_httpx_auth(Careless, **about)
    with pytest.raises(UnknownName, match=because):
        in_process(Careful, **about)


@pytest.mark.parametrize("engine", ["sampling", "hypothesis"])
def test_a_check_that_is_interrupted_is_no_check_that_passed(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: Application) -> Careless:
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)  # where Hypothesis keeps its examples
    with pytest.raises(KeyboardInterrupt):
        check(from_httpx_auth(interrupted), examples=5, engine=engine)


def test_a_reading_by_its_name_is_the_reading_by_its_id() -> None:
    ours, theirs = (
        check(from_httpx_auth(Careless), examples=1, readings={name: "granted"}) for name in ("union-base", "A1")
    )
    assert ours.readings == theirs.readings != check(from_httpx_auth(Careless), examples=1).readings


def test_a_request_can_be_sent_to_each_of_the_servers() -> None:
    seen: list[int] = []

    class Looking(Careful):
        @override
        def call(self, operation: str) -> None:
            super().call(operation)
            seen.append(
                self.app.send(HttpRequest("GET", "https://as.example/.well-known/oauth-authorization-server")).status
            )

    check(in_process(Looking), examples=1)
    assert set(seen) == {200}


PACKAGES = (scope_spec, scope_model, scope_judge, scope_properties, scope_oracle)


@pytest.mark.parametrize("package", PACKAGES)
def test_what_can_be_called_or_caught_is_shown_in_an_example(package: ModuleType) -> None:
    def said(where: object) -> str:
        told = doctest.DocTestFinder(recurse=False).find(where, package.__name__)
        return " ".join(example.source + example.want for each in told for example in each.examples)

    exported = {name: getattr(package, name) for name in package.__all__}
    for name, value in exported.items():
        if inspect.isroutine(value) or (inspect.isclass(value) and issubclass(value, Exception)):
            assert re.search(rf"\b{name}\b", f"{said(package)} {said(value)}"), f"{name} has no example"


@pytest.mark.parametrize("package", PACKAGES)
def test_what_a_package_exports_is_there_and_its_examples_are_true(package: ModuleType) -> None:
    assert sorted(package.__all__) == sorted(set(package.__all__))
    assert all(getattr(package, name) is not None for name in package.__all__)
    assert doctest.testmod(package).failed == 0
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        package.nothing  # noqa: B018 - to look it up is the test


def test_the_examples_of_machine_and_strategies_are_true() -> None:
    def minimal(strategy: SearchStrategy[object], condition: Callable[[object], bool] = lambda _: True) -> object:
        return hypothesis.find(strategy, condition, settings=hypothesis.settings(database=None, derandomize=True))

    told = doctest.testmod(strategies, extraglobs={"minimal": minimal})
    assert (told.failed, told.attempted) == (0, 11)
    assert doctest.testmod(machine).failed == 0


@pytest.mark.parametrize("name", ["machine", "strategies"])
def test_the_examples_of_the_readme_run(name: str) -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
    block = readme.partition(f"<!-- {name} example -->\n```python\n")[2].partition("```")[0]
    found: dict[str, Any] = {}  # Any: what the lines of an example define
    exec(compile(block, name, "exec"), found)  # noqa: S102 - our own
    (test,) = (value for key, value in found.items() if key.casefold().startswith("test"))
    if name == "machine":
        test.settings = hypothesis.settings(test.settings, max_examples=5, database=None, derandomize=True)
        test("runTest").debug()
    else:
        hypothesis.settings(database=None, derandomize=True)(test)()


def test_the_state_machine_of_a_client_is_a_test_case() -> None:
    its_machine = scope_properties.machine_for(from_httpx_auth(Careless))
    settings = hypothesis.settings(
        max_examples=30, stateful_step_count=6, deadline=None, database=None, derandomize=True, print_blob=False
    )
    with pytest.raises(AssertionError, match="judge: "):
        run_state_machine_as_test(its_machine, settings=settings)
    assert issubclass(its_machine.TestCase, TestCase)

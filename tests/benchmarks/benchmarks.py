"""How fast it is, as ratios measured within one run: `python tests/benchmarks/benchmarks.py`.

A ratio compares two things that are timed in turn, the best of several rounds each, so that it says little of
the machine and of who else is using it. `--check` ends with 1 where a target is missed, `--quick` measures on
next to nothing, `--only NAME` only the rows whose name has NAME in it.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import partial
from itertools import islice
from operator import or_
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from shlex import quote
from time import perf_counter, process_time
from typing import Final
from urllib.parse import parse_qs, urlsplit

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.stateful import initialize, rule, run_state_machine_as_test

from scope_judge.judge import judge
from scope_model.client import Call, Client
from scope_model.events import (
    AUTHORIZATION_CODE,
    AuthorizationRequest,
    AuthorizationResponse,
    ClientReported,
    ClientRestarted,
    Event,
    Header,
    ResourceRequest,
    ResourceResponse,
    TokenExpired,
    TokenRequest,
    TokenResponse,
    Transcript,
)
from scope_model.scopes import ScopeSet
from scope_oracle.checking import EXAMPLES, check, plain_episode
from scope_oracle.recordings import har, reading
from scope_oracle.recordings.redacting import Redactor
from scope_oracle.subjects import SubjectUnavailable, subject
from scope_oracle.subjects.building import manifest
from scope_oracle.subjects.command import Command
from scope_oracle.subjects.hosting import Host
from scope_oracle.subjects.python_sdk import PythonSdk, PythonSdkSession
from scope_oracle.transcripts import write
from scope_oracle.world import HttpRequest, HttpResponse, HttpWorld
from scope_properties.episodes import (
    Episode,
    EpisodeStep,
    ExpireToken,
    MakeCall,
    OverlapCalls,
    Plan,
    ReportGrant,
    RestartClient,
)
from scope_properties.machine import WORLDS, ScopeMachine
from scope_properties.model_subject import ModelSession, ModelSubject, Transition
from scope_properties.reach import Reach
from scope_properties.rules import ANY_CALL, OTHERS
from scope_properties.runs import Run, run
from scope_properties.strategies import episodes
from scope_properties.subjects import Subject
from scope_properties.world import Exhausted

TESTS: Final = Path(__file__).parents[1]
HEADER: Final = Header("2026-07-28")
ISSUER: Final = "https://as.example"
RESOURCE: Final = "https://rs.example/mcp"


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured: so many episodes, events, scopes, and rounds of timing."""

    episodes: int
    few: int
    many: int
    corner: int
    rounds: int


FULL: Final = Size(episodes=150, few=1_000, many=100_000, corner=5_000, rounds=7)
QUICK: Final = Size(episodes=5, few=50, many=500, corner=50, rounds=1)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; `target` is None where a number is for information.

    A target is what is allowed at the most, or has to be reached where `floor`.
    """

    name: str
    value: float
    target: float | None = None
    unit: str = ""
    floor: bool = False

    @property
    def holds(self) -> bool:
        """Whether the target, if any, is met."""
        if self.target is None:
            return True
        return self.value >= self.target if self.floor else self.value <= self.target

    def __str__(self) -> str:
        target = "" if self.target is None else f"{'>=' if self.floor else '<='} {self.target:g}"
        holds = "ok" if self.holds else "MISSED"
        return f"{self.name:<64} {self.value:>8.2f}{self.unit:<2} {target:>6}  {holds}"


Work = Callable[[], object]


def best(rounds: int, *works: Work) -> list[float]:
    """The best time of each, measured in turn."""
    times = [float("inf")] * len(works)
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for at, work in enumerate(works):
                begun = perf_counter()
                work()
                times[at] = min(times[at], perf_counter() - begun)
    finally:
        gc.enable()
    return times


def ratio(rounds: int, work: Work, yardstick: Work) -> float:
    """How many times as long `work` takes as `yardstick`."""
    one, other = best(rounds, work, yardstick)
    return one / other


def some_episodes(count: int) -> list[Episode]:
    """Generated episodes, always the same ones."""
    drawn: list[Episode] = []

    @seed(0)
    @settings(
        max_examples=count,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(episodes())
    def draw(episode: Episode) -> None:
        drawn.append(episode)

    draw()
    return drawn


# --- the judge ------------------------------------------------------------------------------------


def judging(size: Size) -> Iterator[Row]:
    """The judge against reading the same lines as JSON, and against itself on a longer transcript."""
    transcripts = [run(episode, ModelSubject()) for episode in some_episodes(size.episodes)]
    lines = [line for transcript in transcripts for line in list(write(transcript))[1:-1]]
    # What is over in no time is timed more often, since a disturbance would outlast a few rounds.
    yield Row("judge / json.loads", ratio(10 * size.rounds, partial(_judge_all, transcripts), partial(_load, lines)), 3)

    pool = [event for transcript in transcripts for event in transcript.events]
    few, many = (Transcript(HEADER, list(islice(_for_ever(pool), n))) for n in (size.few, size.many))
    some = [few] * (size.many // size.few)
    value = _per_unit(size.rounds, _judge_all, some, many, lambda transcript: len(transcript.events))
    yield Row(f"judge, an event of {size.many} / of {size.few}", value, 1.3)

    names = _names(size.corner)
    few_of = size.corner // 10
    for name, corner in CORNERS.items():
        many = Transcript(HEADER, list(corner(names)))
        # Each with names of its own, so that as much is new in all of the short ones as in the long one.
        short = [Transcript(HEADER, list(corner(names[at : at + few_of]))) for at in range(0, len(names), few_of)]
        value = _per_unit(size.rounds, _judge_all, short, many, _bytes)
        beside = ""
        if corner is _asked_again:  # its sets are as large as they get, and leave the processor's caches
            value /= _per_unit(10 * size.rounds, _look_up_all, short, many, _bytes)
            beside = ", beside a dict's"
        yield Row(f"judge, a byte of {size.corner} / of {few_of} {name}{beside}", value, 1.3)


def _judge_all(transcripts: Iterable[Transcript]) -> None:
    for transcript in transcripts:
        judge(transcript)


def _look_up_all(transcripts: Iterable[Transcript]) -> None:
    """Find each scope of each request in a bare dict of them."""
    for transcript in transcripts:
        for event in transcript.events:
            if isinstance(event, AuthorizationRequest) and isinstance(event.scope, str):
                names = event.scope.split(" ")
                known = dict.fromkeys(names)
                for name in names:
                    known[name]


def _load(lines: Iterable[str]) -> None:
    for line in lines:
        json.loads(line)


def _per_unit(
    rounds: int,
    work: Callable[[Iterable[Transcript]], None],
    short: Sequence[Transcript],
    long: Transcript,
    units: Callable[[Transcript], int],
) -> float:
    """How much more a unit costs in a long transcript than in as many short ones as are about as long."""
    times = ratio(rounds, partial(work, [long]), partial(work, short))
    return times * sum(map(units, short)) / units(long)


def _bytes(transcript: Transcript) -> int:
    return sum(map(len, write(transcript)))


def _for_ever(events: Sequence[Event]) -> Iterator[Event]:
    """The same events over and over, each time with tokens of their own."""
    turn = 0
    while True:
        for event in events:
            yield _renamed(event, f".{turn}")
        turn += 1


def _renamed(event: Event, suffix: str) -> Event:
    match event:
        case ResourceRequest(access_token=str(token)) | TokenExpired(access_token=token):
            return replace(event, access_token=token + suffix)
        case TokenResponse(access_token=str(token), refresh_token=refresh):
            renewed = None if refresh is None else refresh + suffix
            return replace(event, access_token=token + suffix, refresh_token=renewed)
        case TokenRequest(refresh_token=str(token)):
            return replace(event, refresh_token=token + suffix)
        case _:
            return event


def _names(count: int) -> list[str]:
    return [f"scope{at}" for at in range(count)]


def _round(scope: str, operation: str = "read", *, granted: bool = True, resource: str = RESOURCE) -> Iterator[Event]:
    """One challenge, and the authorization request that answers it with the very same scopes."""
    line = f'Bearer error="insufficient_scope", scope="{scope}"'
    yield ResourceRequest(operation, "t0", resource)
    yield ResourceResponse(operation, 403, (line,), resource)
    yield AuthorizationRequest(scope, None, ISSUER, resource)
    if granted:
        yield AuthorizationResponse(code=True, issuer=ISSUER, resource=resource)
        yield TokenRequest(AUTHORIZATION_CODE, None, None, ISSUER, resource)
        yield TokenResponse("t0", scope, "r0", None, ISSUER, resource)
    else:
        yield AuthorizationResponse(error="access_denied", issuer=ISSUER, resource=resource)


def _one_large_then_denied(names: Sequence[str]) -> Iterator[Event]:
    yield from _round(" ".join(names))
    for name in names:
        yield from _round(name, granted=False)


def _one_large_then_granted(names: Sequence[str]) -> Iterator[Event]:
    yield from _round(" ".join(names))
    for name in names:
        yield from _round(name)


def _asked_again(names: Sequence[str]) -> Iterator[Event]:
    for _ in range(20):
        yield from _round(" ".join(names))


def _new_scopes(names: Sequence[str]) -> Iterator[Event]:
    for name in names:
        yield from _round(name)


def _operations(names: Sequence[str]) -> Iterator[Event]:
    for name in names:
        yield from _round("a", name)


def _refreshes(names: Sequence[str]) -> Iterator[Event]:
    yield from _round(" ".join(names))
    for at in range(len(names)):
        yield TokenExpired(f"t{at}")
        yield TokenRequest("refresh_token", None, f"r{at}", ISSUER, RESOURCE)
        yield TokenResponse(f"t{at + 1}", None, f"r{at + 1}", None, ISSUER, RESOURCE)
        yield ResourceRequest("read", f"t{at + 1}", RESOURCE)
        yield ResourceResponse("read", 200, (), RESOURCE)


def _resources(names: Sequence[str]) -> Iterator[Event]:
    for name in names:
        for event in _round("a b", resource=f"{RESOURCE}/{name}"):
            yield _renamed(event, f".{name}")
        yield TokenExpired(f"t0.{name}")


def _resources_then_restarts(names: Sequence[str]) -> Iterator[Event]:
    yield from _resources(names)
    for name in names:
        yield ClientRestarted()
        yield ResourceRequest("read", f"t0.{name}", f"{RESOURCE}/{name}")
        yield ResourceResponse("read", 200, (), f"{RESOURCE}/{name}")


def _resources_then_unnamed_renewals(names: Sequence[str]) -> Iterator[Event]:
    yield from _resources(names)
    for name in names:
        yield AuthorizationRequest("a b", None, ISSUER)
        yield AuthorizationResponse(code=True, issuer=ISSUER)
        yield TokenRequest(AUTHORIZATION_CODE, None, None, ISSUER)
        yield TokenResponse(f"t1.{name}", "a b", None, None, ISSUER)


def _resources_then_reports(names: Sequence[str]) -> Iterator[Event]:
    yield from _resources(names)
    for name in names:
        yield ClientReported(("a", "b"), ISSUER, f"{RESOURCE}/{name}")


def _long_header(names: Sequence[str]) -> Iterator[Event]:
    yield ResourceRequest("read", None, RESOURCE)
    yield ResourceResponse("read", 401, (f'Bearer scope="a" {"x" * 10 * len(names)}',), RESOURCE)
    yield AuthorizationRequest("b", None, ISSUER, RESOURCE)


CORNERS: Final[Mapping[str, Callable[[Sequence[str]], Iterator[Event]]]] = {
    "scopes, then as many denied rounds": _one_large_then_denied,
    "scopes, then as many granted rounds": _one_large_then_granted,
    "scopes, challenged 20 times": _asked_again,
    "rounds, each with a new scope": _new_scopes,
    "operations": _operations,
    "scopes, then as many refreshes": _refreshes,
    "resources, each expiring": _resources,
    "resources, then as many restarts": _resources_then_restarts,
    "resources, then as many unnamed renewals": _resources_then_unnamed_renewals,
    "resources, then as many reports": _resources_then_reports,
    "times ten letters that no equals sign ends": _long_header,
}


# --- recordings -----------------------------------------------------------------------------------


def recorded(size: Size) -> Iterator[Row]:
    """A HAR of many entries against one of few, against reading it as JSON, and on the clock."""
    count, rounds = size.many, max(1, size.rounds // 3)
    for name, documents in (("", False), (" with documents", True)):
        few, many = _har(count // 10, documents=documents), _har(count, documents=documents)
        # What is that large leaves the processor's caches, and JSON alone is not linear on the clock.
        value = _growth(rounds, _judge_har, few, many) / _growth(rounds, _load_har, few, many)
        yield Row(f"judge, an entry of a HAR of {count} / of {count // 10}{name}, beside JSON's", value, 1.3)
    few = _har(count // 10)
    yield Row("redact a HAR / json.loads", ratio(size.rounds, partial(_redact, few), partial(json.loads, few)), 2)
    (seconds,) = best(rounds, partial(_judge_har, [few]))
    yield Row("entries of a HAR judged a second", count / 10 / seconds)


def _growth(rounds: int, work: Callable[[Iterable[bytes]], None], few: bytes, many: bytes) -> float:
    """How much more an entry costs among many than among a tenth of them."""
    return ratio(rounds, partial(work, [many]), partial(work, [few] * 10))


def _load_har(files: Iterable[bytes]) -> None:
    for data in files:
        json.loads(data)


def _har(count: int, *, documents: bool = False) -> bytes:
    """A browser's recording: rounds of a call, a login and a token, or as many servers with a document each."""
    entries = list(islice(_entries(documents=documents), count))
    return json.dumps(
        {"log": {"version": "1.2", "creator": {"name": "x", "version": "1"}, "entries": entries}}
    ).encode()


def _entries(*, documents: bool) -> Iterator[dict[str, object]]:
    turn = 0
    while True:
        at = f"https://rs{turn}.example/mcp" if documents else RESOURCE
        well_known = at.replace("/mcp", "/.well-known/oauth-protected-resource/mcp")
        body = {"jsonrpc": "2.0", "id": turn, "method": "tools/call", "params": {"name": "read", "arguments": {}}}
        token = "" if turn == 0 or documents else f"Bearer token-{turn - 1}"
        line = 'Bearer error="insufficient_scope", scope="a b"'
        named = {"resource": at, "authorization_servers": [ISSUER]}
        asked = f"response_type=code&client_id=c&redirect_uri=http://localhost/&state=s{turn}&scope=a+b&resource={at}"
        form = f"grant_type=authorization_code&code=c{turn}&client_id=c&resource={at}"
        answer = {"access_token": f"token-{turn}", "token_type": "Bearer", "scope": "a b"}
        back = {"location": f"http://localhost/?code=c{turn}&state=s{turn}"}
        yield _entry("POST", at, 401, {}, body=json.dumps(body), token=token, received={"www-authenticate": line})
        yield _entry("GET", well_known, 200, named)
        yield _entry("GET", f"{ISSUER}/authorize?{asked}", 302, {}, received=back)
        yield _entry("POST", f"{ISSUER}/token", 200, answer, body=form)
        result = {"jsonrpc": "2.0", "id": turn, "result": {"content": [{"type": "text", "text": "x" * 1500}]}}
        for _ in range(4):
            yield _entry("POST", at, 200, result, body=json.dumps(body), token=f"Bearer token-{turn}")
        turn += 1


def _entry(
    method: str,
    url: str,
    status: int,
    answer: object,
    *,
    body: str | None = None,
    token: str = "",
    received: Mapping[str, str] | None = None,
) -> dict[str, object]:
    """One entry with as many headers as a browser sends and receives."""
    usual = [{"name": f"header-{name}", "value": "some text of usual length"} for name in range(12)]
    sent = [*usual, {"name": "mcp-protocol-version", "value": "2026-07-28"}]
    sent += [{"name": "Authorization", "value": token}] if token else []
    back = [{"name": name, "value": value} for name, value in (received or {}).items()]
    request: dict[str, object] = {"method": method, "url": url, "headers": sent, "cookies": [], "queryString": []}
    if body is not None:
        request["postData"] = {"mimeType": "application/json", "text": body}
    content = {"size": 1, "mimeType": "application/json", "text": json.dumps(answer)}
    return {
        "_initiator": {"type": "script", "stack": {"callFrames": [{"url": url, "lineNumber": 1}] * 8}},
        "startedDateTime": "2026-11-01T10:00:00.000Z",
        "time": 12.5,
        "request": request,
        "response": {"status": status, "headers": [*usual, *back], "content": content, "redirectURL": ""},
        "timings": {"blocked": 1, "dns": -1, "connect": -1, "send": 0, "wait": 11, "receive": 0},
    }


def _judge_har(files: Iterable[bytes]) -> None:
    for data in files:
        for one in reading.told(har.read(data)):
            judge(Transcript(one.header, tuple(one.events)))


def _redact(data: bytes) -> None:
    redactor = Redactor()
    for one in reading.told(har.read(data)):
        for _ in write(Transcript(one.header, tuple(redactor.events(one.events)))):
            pass


# --- the reference client -------------------------------------------------------------------------


def stepping(size: Size) -> Iterator[Row]:
    """A transition of the reference against making its successor of parts that are at hand."""
    kinds: dict[str, list[Transition]] = defaultdict(list)
    for episode in some_episodes(size.episodes):
        running = Run(episode.plan, ModelSubject())
        running.play(*episode.steps)
        assert isinstance(running.session, ModelSession)
        for moved in running.session.transitions:
            if moved.after is not moved.before:
                kinds[f"{type(moved.before.phase).__name__} × {type(moved.event).__name__}"].append(moved)
    steps, makings, worst, where = 0.0, 0.0, 0.0, ""
    for kind, all_moved in kinds.items():
        some = all_moved[:200]
        takes = [partial(moved.step, moved.before, moved.event) for moved in some]
        makes = [bare(moved.before, moved.after) for moved in some]
        times = max(1, 200 // len(some))
        step, make = best(10 * size.rounds, partial(_each, takes * times), partial(_each, makes * times))
        steps += step * len(all_moved) / (len(some) * times)
        makings += make * len(all_moved) / (len(some) * times)
        if step / make > worst:
            worst, where = step / make, kind
    yield Row("transition / its bare successor, mean", steps / makings, 5)
    yield Row(f"transition / its bare successor, {where}", worst, 5)

    yield Row(f"union, a scope of {20 * size.corner} / of {size.corner // 5}, beside a dict's", _union(size), 1.3)


def _union(size: Size) -> float:
    """How much more a scope costs in a large union than in a small one, by as much as it does in a bare dict.

    Whatever is large leaves the processor's caches, so that even a dict's union is not linear on the clock.
    """
    costs = []
    for count, times in ((size.corner // 5, 100), (20 * size.corner, 1)):
        left, right = (dict.fromkeys(f"{side}{name}" for name in _names(count)) for side in "ab")
        ours = partial(_times, times, partial(or_, ScopeSet(left), ScopeSet(right)))
        theirs = partial(_times, times, partial(or_, left, right))
        costs.append(ratio(size.rounds, ours, theirs))
    return costs[1] / costs[0]


def _times(count: int, work: Work) -> None:
    for _ in range(count):
        work()


def _each(works: Iterable[Work]) -> None:
    for work in works:
        work()


def bare(before: Client, after: Client) -> Work:
    """A function that makes `after` anew, but for the parts that it shares with `before`."""
    constants: dict[str, object] = {}
    shared = set(map(id, _parts(before)))

    def constant(value: object) -> str:
        name = f"c{len(constants)}"
        constants[name] = value
        return name

    def made(value: object) -> str:
        if id(value) in shared:
            return constant(value)
        if is_dataclass(value):
            parts = ", ".join(made(getattr(value, field.name)) for field in fields(value))
            return f"{constant(type(value))}({parts})"
        if isinstance(value, dict):
            return "{" + ", ".join(f"{constant(key)}: {made(part)}" for key, part in value.items()) + "}"
        return constant(value)

    source = made(after)
    making: Work = eval(f"lambda {', '.join(f'{n}={n}' for n in constants)}: {source}", constants)  # noqa: S307
    return making


def _parts(value: object) -> Iterator[object]:
    yield value
    if is_dataclass(value):
        for field in fields(value):
            yield from _parts(getattr(value, field.name))
    elif isinstance(value, dict):
        for part in value.values():
            yield from _parts(part)


# --- property runs --------------------------------------------------------------------------------


class Empty(ScopeMachine):
    """The machine with nothing in it: it draws the same and does nothing."""

    reach = Reach()

    @initialize(plan=WORLDS)
    def start_client(self, plan: Plan) -> None:
        """Draw a world."""

    def play(self, *steps: EpisodeStep) -> None:
        """Let nothing happen."""

    @rule()
    def send_unexpected_events(self) -> None:
        """Send nobody anything."""

    @rule(call=ANY_CALL, other=OTHERS)
    def refresh_narrowly_then_call_another_operation(self, call: Call, other: str) -> None:
        """Let nothing happen."""

    def teardown(self) -> None:
        """Count nothing."""


class Full(ScopeMachine):
    """The machine as it is, with a count of its own; its work is timed here, and not what it finds."""

    reach = Reach()
    fail_on = "violates"


def exploring(size: Size) -> Iterator[Row]:
    """The machine against one that draws the same and does nothing, and how long a whole check takes."""
    how = settings(
        max_examples=size.episodes,
        stateful_step_count=15,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    runs = [partial(run_state_machine_as_test, seed(0)(machine), settings=how) for machine in (Full, Empty)]
    yield Row("stateful run / an empty one", ratio(max(1, size.rounds // 2), *runs), 2)


def checking(size: Size) -> Iterator[Row]:
    """The command that most people run."""
    examples = 20 if size is QUICK else 1_000
    (seconds,) = best(1, partial(check, ModelSubject(), examples=examples))
    yield Row(f"scopelaw check, {examples} episodes", seconds, unit=" s")


# --- the Python SDK -------------------------------------------------------------------------------


class Recording(HttpWorld):
    """A world that keeps its answers."""

    def __init__(self, inner: HttpWorld) -> None:
        super().__init__(inner.world)
        self.__dict__.update(inner.__dict__)
        self.answers: list[HttpResponse | None] = []

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer, and keep what was answered: None where the world's patience was at its end."""
        try:
            response = super().handle(request)
        except Exhausted:
            self.answers.append(None)
            raise
        self.answers.append(response)
        return response


class Canned(HttpWorld):
    """Answers kept from a recording, in turn; `state` alone must be that of the request."""

    def __init__(self, recorded: Recording) -> None:
        self.world = recorded.world
        self.answers = iter(recorded.answers)

    def handle(self, request: HttpRequest) -> HttpResponse:
        """The next answer."""
        answer = next(self.answers, None)
        if answer is None:
            raise Exhausted
        if answer.status != 302:
            return answer
        (sent,) = parse_qs(urlsplit(request.url).query)["state"]
        back = dict(answer.headers)
        (was,) = parse_qs(urlsplit(back["Location"]).query)["state"]
        return replace(answer, headers=(("Location", back["Location"].replace(was, sent)),))

    def has_read(self, token: str | None) -> None:
        """Nothing: what is written down was written when it was recorded."""


def driving(size: Size) -> Iterator[Row]:
    """The Python SDK in the world's hands against the SDK driven with answers that are at hand."""
    try:
        subject = PythonSdk()
    except SubjectUnavailable:
        return
    drawn = some_episodes(max(3, size.episodes // 3))
    canned = [_recorded(episode, subject) for episode in drawn]
    ours, theirs = best(
        size.rounds,
        lambda: [run(episode, subject) for episode in drawn],
        lambda: _each(partial(_replay, subject, *each) for each in canned),
    )
    yield Row("Python SDK in a world / with canned answers", ours / theirs, 1.5)
    yield _whole_check("python-sdk", subject, size, theirs / len(drawn))


def _whole_check(name: str, client: Subject, size: Size, bare: float) -> Row:
    """A check at its default, with the traces that it shortens, against the client alone with as many episodes."""
    examples = 20 if size is QUICK else EXAMPLES
    begun = perf_counter()
    check(client, examples=examples)
    return Row(f"{name}: a check, shortening included / the bare client", (perf_counter() - begun) / (examples * bare))


Act = Callable[[PythonSdkSession], object]


def _recorded(episode: Episode, subject: PythonSdk) -> tuple[Plan, Recording, list[Act]]:
    """An episode played once: its answers, and what was done to the session."""
    running = Run(episode.plan, subject)
    session = running.session
    assert isinstance(session, PythonSdkSession)
    session.http_world = recording = Recording(session.http_world)
    done: list[Act] = []
    for step in episode.steps:
        match step:
            case MakeCall(call):
                done.append(partial(_call, call=call))
            case OverlapCalls(first, second):
                done += (partial(_call, call=each.call) for each in (first, second))
            case ExpireToken(resource):
                token = running.world.token_in_use(resource)
                if token is not None:
                    done.append(partial(PythonSdkSession.expire, access_token=token))
            case RestartClient():
                done.append(PythonSdkSession.restart)
            case ReportGrant(resource):
                done.append(partial(PythonSdkSession.report, resource=resource))
            case _:
                pass
        running.play(step)
        if isinstance(step, MakeCall) and running.world.sent_again:
            running.world.sent_again = False
            done.append(done[-1])
    return episode.plan, recording, done


def _call(session: PythonSdkSession, call: Call) -> None:
    with suppress(Exhausted):
        session.call(call)


def _replay(subject: PythonSdk, plan: Plan, recording: Recording, done: Iterable[Act]) -> None:
    session = PythonSdkSession(subject.sdk, plan, Canned(recording))
    for act in done:
        act(session)


# --- drivers --------------------------------------------------------------------------------------

EPISODES_A_SECOND: Final = {
    "python-sdk": 60,
    "typescript-sdk": 60,
    "typescript-sdk-v1": 60,
    "go-sdk": 60,
    "rust-sdk": 100,
}


def driving_over_http(size: Size) -> Iterator[Row]:
    """Episodes of three rounds over HTTP, and whose work their time is: ours, or the client's own."""
    free = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(free)})  # as a job of `check` has it
    try:
        for name, target in EPISODES_A_SECOND.items():
            release = manifest(name).version
            try:
                with subject(name, release) as driven:
                    yield from _over_http(f"{name} {release}", driven, size, target)
            except SubjectUnavailable as missing:
                print(missing, file=sys.stderr)  # noqa: T201 - its output
    finally:
        os.sched_setaffinity(0, free)


def _over_http(name: str, driven: Subject, size: Size, target: int) -> Iterator[Row]:
    episode, times = plain_episode("2026-07-28"), size.episodes
    for _ in range(times // 5):
        run(episode, driven)
    begun, busy = perf_counter(), process_time()
    for _ in range(times):
        run(episode, driven)
    seconds, ours = perf_counter() - begun, process_time() - busy
    yield Row(f"{name}: episodes of three rounds a second", times / seconds, target, floor=True)
    yield Row(f"{name}: the same, were we to take no time", times / (seconds - ours))
    yield Row(f"{name}: our own share of their time", ours / seconds, 0.5)
    yield _whole_check(name, driven, size, (seconds - ours) / times)


# --- conformance clients --------------------------------------------------------------------------


def commanding(size: Size) -> Iterator[Row]:
    """An episode by command, all of it, against the same client started where nobody has anything for it.

    What both of them wait for the machine says little; what each of them takes of it says more.
    """
    starting = f"cd {quote(str(TESTS))} && exec {quote(sys.executable)} -m drivers.conformance_client"
    with Command(starting) as client, Host() as nobody:
        episode = client.playable(plain_episode("2026-07-28"))
        place = nobody.place(episode.plan.servers).outward(next(iter(episode.plan.servers.resources)))
        bare = [sys.executable, "-m", "drivers.conformance_client", place]
        told = {**os.environ, "MCP_CONFORMANCE_PROTOCOL_VERSION": "2026-07-28"}
        value = ratio(
            size.rounds,
            lambda: run(episode, client),
            lambda: subprocess.run(bare, cwd=TESTS, env=told, check=False),
        )
        ours, theirs = process_time(), _time_of_others()
        for _ in range(size.rounds):
            run(episode, client)
        share = (process_time() - ours) / (_time_of_others() - theirs)
    yield Row("an episode by command / the client's own start", value)
    yield Row("an episode by command: our time / the client's", share, 0.15)
    yield Row("a check by command: shortening its traces / searching", _shortening(f"{starting} replaces", size), 1)


def _shortening(command: str, size: Size) -> float:
    """How long the traces of a wrong client take to be shortened, beside the search that found them."""
    last: dict[str, float] = {}
    with Command(command) as client:
        begun = perf_counter()
        check(
            client,
            examples=10 if size is QUICK else None,
            progress=lambda now: last.update({now.doing: perf_counter()}),
        )
    searched = last["running episodes"]
    return (last.get("shortening traces", searched) - searched) / (searched - begun)


def _time_of_others() -> float:
    used = getrusage(RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


# --- all of it ------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print a table, and say whether the targets are met."""
    parser = argparse.ArgumentParser(description="Measure scopelaw against its targets.")
    parser.add_argument("--check", action="store_true", help="end with 1 where a target is missed")
    parser.add_argument("--quick", action="store_true", help="measure on next to nothing")
    parser.add_argument("--only", choices=MEASURES, help="one part alone")
    given_ = parser.parse_args(arguments)
    missed = False
    for name, measure in MEASURES.items():
        # Drivers have to be built first, with toolchains that not everybody has.
        if given_.only == name or (given_.only is None and measure is not driving_over_http):
            for row in measure(QUICK if given_.quick else FULL):
                print(row, flush=True)  # noqa: T201 - its output
                missed = missed or not row.holds
    return int(missed and given_.check)


MEASURES: Final[Mapping[str, Callable[[Size], Iterator[Row]]]] = {
    "judge": judging,
    "recordings": recorded,
    "client": stepping,
    "machine": exploring,
    "python-sdk": driving,
    "check": checking,
    "command": commanding,
    "drivers": driving_over_http,
}

if __name__ == "__main__":
    sys.exit(main())

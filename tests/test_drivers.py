"""The harness, tried with drivers of our own: the model behind the contract, and drivers that break the contract."""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
import sys
import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from http.client import HTTPConnection
from itertools import islice
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner

from processes import BOUND, ends, runs
from scope_model.client import Call
from scope_model.events import (
    AUTHORIZATION_CODE,
    CLIENT_CREDENTIALS,
    TOKEN_EXCHANGE,
    ClientRegistration,
    ConfiguredMode,
    Event,
    ResourceRequest,
)
from scope_oracle import cli
from scope_oracle.checking import check, examiner, generated, plain_episode
from scope_oracle.commands import opening
from scope_oracle.subjects import DriverFault, SubjectUnavailable, hosting
from scope_oracle.subjects import driver as driving
from scope_oracle.subjects.building import Manifest
from scope_oracle.subjects.driver import DPOP, Driven, Driver, DriverSession, Skipped
from scope_oracle.subjects.hosting import PLACES, WENT_ON, Host
from scope_oracle.world import HttpRequest, HttpResponse, HttpWorld
from scope_properties.episodes import Episode, MakeCall, OverlapCalls, Plan
from scope_properties.model_subject import ModelSubject
from scope_properties.mutants import MUTANTS, Mutant
from scope_properties.runs import run
from scope_properties.sampling import sample
from scope_properties.subjects import Subject
from scope_properties.world import World
from scope_spec import Revision

DRIVERS: Final = Path(__file__).parent / "drivers"
REVISION: Final[Revision] = "2026-07-28"
ONE: Final = "https://one.example/mcp"
GRANT_TYPES: Final = (AUTHORIZATION_CODE, CLIENT_CREDENTIALS, TOKEN_EXCHANGE)
# Whoever looks too early never learns where its issuer is, and over HTTP gets no further.
LOST: Final = "looks-early"
JUDGED: Final = [mutant for mutant in MUTANTS.values() if mutant.law_only is None and mutant.name != LOST]


def described(grant_types: tuple[str, ...] = GRANT_TYPES) -> Manifest:
    """What a driver of ours would say of itself."""
    return Manifest("ours", "Python", "scopelaw", "0", "0", (), (), (), (), "fallback", grant_types)


# --- the reference model --------------------------------------------------------------------------


class Troupe(Driven):
    """The reference's driver, one mutant after the other."""

    def __init__(self, mutants: list[Mutant]) -> None:
        names = [mutant.name for mutant in mutants]
        super().__init__("reference", [sys.executable, str(DRIVERS / "reference.py"), *names], described())
        self._playing: ModelSubject = ModelSubject()

    @property
    def configured_mode(self) -> ConfiguredMode | None:
        """What the one that plays makes of configured scopes."""
        return self._playing.configured_mode

    def bring_on(self, mutant: Mutant) -> None:
        """Go on until it is the turn of a mutant."""
        assert self._driver is not None
        on_stage = None
        while on_stage != mutant.name:
            client = self._driver.start()["client"]
            assert isinstance(client, dict)
            on_stage = client["name"]
        self._playing = mutant.subject


@pytest.fixture(scope="module")
def reference() -> Iterator[Driven]:
    """The reference model behind the contract."""
    with Driven("reference", [sys.executable, str(DRIVERS / "reference.py")], described()) as driven:
        yield driven


@pytest.fixture(scope="module")
def troupe() -> Iterator[Troupe]:
    """All mutants behind the contract."""
    with Troupe(JUDGED) as driven:
        yield driven


def without_registration(events: Iterable[Event]) -> tuple[Event, ...]:
    """The events of a client that is registered beforehand."""
    return tuple(event for event in events if not isinstance(event, ClientRegistration))


def test_the_reference_does_behind_the_contract_what_it_does_in_process_and_breaks_nothing(reference: Driven) -> None:
    reached: set[str] = set()
    examining = examiner(reference, REVISION)
    for episode in islice(sample(0, grant_types=GRANT_TYPES), 200):
        transcript, judge = examining.judged(episode)
        assert judge.found == []
        inside = run(episode, ModelSubject()).events
        if episode.plan.grant_type != AUTHORIZATION_CODE:  # it has a secret over HTTP, and so was registered beforehand
            inside = without_registration(inside)
        # Behind the contract it does one thing at a time.
        overlaps = any(isinstance(step, OverlapCalls) for step in episode.steps)
        assert overlaps or transcript.events == inside
        reached |= judge.reached.keys()
    assert len(reached) > 40


@cache
def episodes(grant_types: tuple[str, ...]) -> list[Episode]:
    """Those in which every mutant dies."""
    return list(generated(REVISION, 2_000, 7, grant_types))


@pytest.mark.parametrize("mutant", JUDGED, ids=lambda mutant: mutant.name)
def test_a_mutant_dies_behind_the_contract_of_the_clause_of_which_it_dies_in_process(
    troupe: Troupe, mutant: Mutant
) -> None:
    inside = examiner(mutant.subject, REVISION)
    shown = next(
        episode
        for episode in episodes(mutant.grant_types)
        if any(finding.clause == mutant.clause for finding in inside.judged(episode)[1].found)
    )
    troupe.bring_on(mutant)
    _, judge = examiner(troupe, REVISION).judged(shown)
    assert mutant.clause in {finding.clause for finding in judge.found}


def test_a_client_with_a_key_meets_no_challenge_of_another_scheme_that_it_may_answer() -> None:
    with_key = Driven("ours", [], described(), setting=DPOP)
    without = Driven("ours", [], described())

    def odd(subject: Driven) -> set[str]:
        played = (subject.playable(episode) for episode in islice(sample(0, revision=REVISION), 400))
        steps = (step for episode in played for step in episode.steps)
        calls = (
            call
            for step in steps
            for call in ((step.first, step.second) if isinstance(step, OverlapCalls) else (step,))
            if isinstance(call, MakeCall)
        )
        return {how.spelling for call in calls for how in call.challenges}

    of_dpop = {"after-dpop-with-scope", "before-dpop-with-scope"}
    assert odd(without) - odd(with_key) == of_dpop
    assert odd(with_key) < odd(without)


# --- drivers that go wrong ------------------------------------------------------------------------


def wayward(*words: str) -> list[str]:
    """The command of a driver that goes wrong in the way that its words name."""
    return [sys.executable, "-IS", str(DRIVERS / "wayward.py"), *words]


def pid_of(driver: Driver) -> int:
    return driver._process.pid  # noqa: SLF001 - nobody else knows it


@contextmanager
def driven(*words: str) -> Iterator[Driver]:
    """A wayward driver, introduced; afterwards nothing of it is left."""
    threads = threading.enumerate()
    with Driver(wayward(*words)) as driver:
        pid = pid_of(driver)
        driver.start()
        yield driver
    assert not runs(pid)
    assert threading.enumerate() == threads


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for a driver, however busy the machine is."""
    for name in ("STARTING", "ANSWERING", "STOPPING"):
        monkeypatch.setattr(driving, name, BOUND)


def hurry(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Wait less for what will never come."""
    for name in names:
        monkeypatch.setattr(driving, name, 0.3)


def test_a_driver_that_plays_its_part_is_at_fault_in_nothing() -> None:
    with driven() as driver:
        assert driver.ask("reset") == {"seq": 1, "ok": True}
        assert driver.ask("call") == {"seq": 2, "outcome": "refused", "error": "it does nothing"}
        assert driver.ask("report") == {"seq": 3, "granted": None}
        assert driver.stop() == []
        assert driver.stop() == []


AT_THE_START: Final = {
    "crash": ("crash", "", "ended with status 1 instead of answering start; it last said: a bolt is loose"),
    "silence": ("hang", "", "did not answer start within 0.3 seconds"),
    "no-json": ("say", "hello", "answered start with a line that is no JSON: 'hello'"),
    "another-version": ("say", '{"version": 2}', "answered start with '{\"version\": 2}'"),
    "no-name": ("say", '{"version": 1, "client": {}, "revisions": ["2026-07-28"]}', "answered start with "),
    "strange-revisions": (
        "say",
        '{"version": 1, "client": {"version": "0"}, "revisions": [{}, 7, "1999-01-01"]}',
        "answered start with ",
    ),
    "no-list": ("say", '{"version": 1, "client": {"version": "0"}, "revisions": "2026-07-28"}', "answered start with "),
}


@pytest.mark.parametrize(("deed", "argument", "says"), AT_THE_START.values(), ids=AT_THE_START)
def test_a_driver_that_does_not_introduce_itself_is_at_fault(
    monkeypatch: pytest.MonkeyPatch, deed: str, argument: str, says: str
) -> None:
    if deed == "hang":
        hurry(monkeypatch, "STARTING", "STOPPING")
    with pytest.raises(DriverFault) as caught, driven("start", deed, argument):
        pass
    assert str(caught.value).startswith(f"the driver {says}")


def test_a_driver_of_another_release_than_was_built_is_at_fault() -> None:
    says = r"^the driver was built for release 1\.0 and says it is 0$"
    with pytest.raises(DriverFault, match=says), Driven("wayward", wayward(), described(), release="1.0"):
        pass


def test_a_driver_that_is_not_there_cannot_be_started(tmp_path: Path) -> None:
    with pytest.raises(DriverFault, match=r"^the driver cannot be started: \./driver: No such file or directory$"):
        Driver(["./driver"], tmp_path)


IN_A_CALL: Final = {
    "crash": ("crash", "", "ended with status 1 instead of answering call; it last said: a bolt is loose"),
    "silence": ("hang", "", "did not answer call within 0.3 seconds"),
    "a-line-without-end": ("flood", "x", "answered call with a line of more than 65536 bytes"),
    "a-long-line": ("say", "x" * 70_000, "answered call with a line of more than 65536 bytes"),
    "lines-without-end": ("flood", '{"seq": 7}', "sent what nobody asked for: '{\"seq\": 7}'"),
    "grumbling-without-end": ("grumble", "", "did not answer call within 0.3 seconds; it last said: "),
    "closed-output": ("mute", "", "closed its output instead of answering call"),
    "no-json": ("say", "served", "answered call with a line that is no JSON: 'served'"),
    "no-line": ("say", "", "answered call with a line that is no JSON: ''"),
    "no-utf-8": ("say", os.fsdecode(b'{"seq": SEQ, "outcome": "\xff"}'), "answered call with a line that is no JSON: "),
    "endless-number": ("say", "9" * 5_000, "answered call with a line that is no JSON: "),
    "deep": ("nest", "30000", "answered call with a line that is no JSON: "),
    "no-object": ("say", '["served"]', "answered call with '[\"served\"]', which is no object"),
    "no-seq": ("say", '{"outcome": "served"}', "sent what nobody asked for: "),
    "wrong-seq": ("say", '{"seq": 8, "outcome": "served"}', "sent what nobody asked for: "),
    "seq-of-text": ("say", '{"seq": "SEQ", "outcome": "served"}', "sent what nobody asked for: "),
    "seq-of-truth": ("say", '{"seq": true, "outcome": "served"}', "sent what nobody asked for: "),
    "unknown-outcome": ("say", '{"seq": SEQ, "outcome": "fine"}', "answered call with "),
    "outcome-of-nothing": ("say", '{"seq": SEQ, "outcome": null}', "answered call with "),
    "outcome-of-a-list": ("say", '{"seq": SEQ, "outcome": ["served"]}', "answered call with "),
    "skipped-by-a-word": ("say", '{"seq": SEQ, "skipped": "yes"}', "answered call with "),
    "errored": (
        "say",
        '{"seq": SEQ, "errored": {"context": "no \\u001b[31mdisk"}}',
        "failed to call: no [31mdisk",
    ),
    "errored-at-length": ("say", json.dumps({"seq": 1, "errored": {"context": "x" * 9_999}}), "failed to call: xxx"),
}


@pytest.mark.parametrize(("deed", "argument", "says"), IN_A_CALL.values(), ids=IN_A_CALL)
def test_a_driver_that_does_not_answer_a_call_is_at_fault(
    monkeypatch: pytest.MonkeyPatch, deed: str, argument: str, says: str
) -> None:
    if deed in {"hang", "grumble"}:
        hurry(monkeypatch, "ANSWERING")
    if deed in {"hang", "grumble", "mute", "flood"}:
        hurry(monkeypatch, "STOPPING")
    with driven("call", deed, argument) as driver:
        with pytest.raises(DriverFault) as caught:
            driver.ask("call")
        assert str(caught.value).startswith(f"the driver {says}")
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 1_200


def test_no_depth_of_an_answer_is_too_much_to_be_shown() -> None:
    # Just below what cannot be read there are depths that can be read and cannot be written.
    def nested(depth: int) -> str:
        return "[" * depth + "]" * depth

    def unreadable(depth: int) -> bool:
        try:
            json.loads(nested(depth))
        except RecursionError:
            return True
        return False

    def shown(value: object) -> str:  # from a frame further down than where it was read, as in a driver's fault
        return driving._shown(value)  # noqa: SLF001

    deepest = bisect_left(range(driving.LONGEST_LINE), True, key=unreadable) - 1  # noqa: FBT003 - what is looked for
    assert {type(shown(json.loads(nested(deepest - less)))) for less in range(50)} == {str}


def test_a_driver_may_grumble_and_answer() -> None:
    with driven("call", "chatter") as driver:
        assert driver.ask("call") == {"seq": 1, "outcome": "refused", "error": "it does nothing"}
        assert driver.stop() == []


@pytest.mark.parametrize("first", [1, 2])
@pytest.mark.parametrize("words", [("call:1", "delay"), ()], ids=["the-second-first", "in-their-order"])
def test_two_calls_in_flight_may_be_answered_in_any_order_and_asked_for_in_any_order(
    words: tuple[str, ...], first: int
) -> None:
    with driven(*words) as driver:
        assert (driver.send("call"), driver.send("call")) == (1, 2)
        for seq in (first, 3 - first):
            answer = driver.receive(seq)
            assert isinstance(answer, dict)
            assert answer["seq"] == seq
        assert driver.stop() == []


def test_a_call_is_answered_once() -> None:
    with driven("call", "say", '{"seq": 1, "outcome": "served"}') as driver:
        first, second = driver.send("call"), driver.send("call")
        with pytest.raises(DriverFault, match=r"^the driver sent what nobody asked for"):
            driver.receive(second)
        assert first == 1


def test_what_an_sdk_cannot_do_is_no_fault() -> None:
    with driven("restart", "say", '{"seq": SEQ, "skipped": {"message": "it forgets nothing"}}') as driver:
        assert driver.ask("restart") == Skipped("it forgets nothing")


def test_a_driver_that_closes_its_input_is_at_fault_where_it_is_told_more(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch, "STOPPING")
    with driven("reset", "deaf") as driver:
        driver.ask("reset")
        with pytest.raises(DriverFault, match=r"^the driver closed its input before it was told to call$"):
            driver.ask("call")
        assert driver.stop() == ["it was still running 0.3 seconds after it was told to stop"]


# --- how drivers end ------------------------------------------------------------------------------


def test_a_driver_that_ends_by_itself_is_at_fault_where_more_is_asked_of_it() -> None:
    with driven("call", "leave") as driver:
        driver.ask("call")
        assert ends(pid_of(driver))
        with pytest.raises(DriverFault, match=r"^the driver ended with status 0 before .*; it last said: so long$"):
            driver.ask("call")


def test_a_driver_that_ends_by_itself_is_found_out_when_it_is_stopped() -> None:
    with driven("call", "leave") as driver:
        driver.ask("call")
        assert ends(pid_of(driver))
        assert driver.stop() == ["it ended with status 0 before it was told to stop"]


def test_a_driver_that_does_not_stop_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch, "STOPPING")
    with driven("stop", "hang") as driver:
        assert driver.stop() == ["it was still running 0.3 seconds after it was told to stop"]


def test_a_driver_that_floods_its_output_when_it_is_to_stop_is_stopped_and_not_listened_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hurry(monkeypatch, "STOPPING")
    with driven("stop", "flood", "x") as driver:
        assert driver.stop() == ["it was still running 0.3 seconds after it was told to stop"]
        assert len(driver._output) <= 2 * driving.LONGEST_LINE  # noqa: SLF001 - what it takes of our memory


def test_a_driver_that_has_much_to_say_in_the_end_may_say_it() -> None:
    with driven("stop", "chatter") as driver:
        assert driver.stop() == []


def test_an_interrupt_leaves_no_driver_running(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: Driver) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(Driver, "_ends", interrupt)
    with pytest.raises(KeyboardInterrupt), driven("stop", "hang") as driver:
        pid = pid_of(driver)
    assert not runs(pid)


def test_what_a_driver_leaves_behind_is_ended(tmp_path: Path) -> None:
    note = tmp_path / "child"
    with driven("call", "breed", str(note)) as driver:
        driver.ask("call")
        assert runs(int(note.read_text()))
        assert driver.stop() == ["it left a process behind"]
        assert ends(int(note.read_text()))


def test_what_a_driver_leaves_behind_is_ended_where_the_driver_crashes(tmp_path: Path) -> None:
    note = tmp_path / "child"
    with driven("call", "breed", str(note)) as driver:
        driver.ask("call")
        os.kill(pid_of(driver), signal.SIGKILL)
        with pytest.raises(DriverFault, match=r"^the driver ended with status -9 (instead of|before)"):
            driver.ask("call")
    assert ends(int(note.read_text()))


def test_what_a_driver_lets_go_is_told_of_and_waited_for_by_nobody(tmp_path: Path) -> None:
    note = tmp_path / "child"
    with driven("call", "release", str(note)) as driver:
        driver.ask("call")
        child = int(note.read_text())
        try:
            assert driver.stop() == ["something that it started has left its process group, and may be running still"]
            assert runs(child)
        finally:
            os.kill(child, signal.SIGKILL)


# --- what is said of such drivers -----------------------------------------------------------------


class Mortal(Troupe):
    """A mutant whose driver dies as one of its episodes begins."""

    def __init__(self, mutant: Mutant, last: int) -> None:
        super().__init__([mutant])
        self._playing = mutant.subject
        self._left = last

    def open(self, plan: Plan, world: World) -> DriverSession:
        """Start an episode, or let the driver die."""
        self._left -= 1
        if self._left == 0:
            assert self._driver is not None
            os.kill(pid_of(self._driver), signal.SIGKILL)
        return super().open(plan, world)


DIED: Final = "the driver ended with status -9 "


def test_a_check_that_a_driver_ends_keeps_what_it_found() -> None:
    with Mortal(MUTANTS["replaces"], last=34) as mortal:  # the first three episodes are for getting to know it
        result = check(mortal, examples=100)
    assert result.examples == 30
    assert not result.complete
    assert result.fault is not None
    assert result.fault.startswith(DIED)
    assert "ACC-1" in {broken.finding.clause for broken in result.broken}


def under_test(monkeypatch: pytest.MonkeyPatch, subject: Callable[[], AbstractContextManager[Subject]]) -> None:
    """Let the command line know a subject called `model`."""

    def chosen(_: str, __: str | None = None, say: object = None) -> AbstractContextManager[Subject]:  # noqa: ARG001
        return subject()

    monkeypatch.setattr(opening, "subject", chosen)


def scopelaw(*words: str) -> tuple[str, str]:
    """What the command prints of a driver that breaks the contract, and its one sentence about that."""
    result = CliRunner().invoke(cli.cli, words)
    assert result.exit_code == 2, result.output
    assert result.stderr.startswith("scopelaw: the driver ")
    assert result.stderr.count("\n") == 1
    return result.stdout, result.stderr.removeprefix("scopelaw: ")


def test_what_was_found_before_a_driver_died_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    under_test(monkeypatch, lambda: Mortal(MUTANTS["replaces"], last=32))
    printed, sentence = scopelaw("check", "model", "--examples", "100", "--jobs", "1")
    assert "ACC-1" in printed
    assert sentence.startswith(DIED)


@pytest.mark.parametrize("command", [("check", "--jobs", "1"), ("smoke",)], ids=lambda words: words[0])
@pytest.mark.parametrize("at", ["start", "reset", "call"])
def test_a_driver_at_fault_is_one_sentence_on_the_command_line(
    monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], at: str
) -> None:
    under_test(monkeypatch, lambda: Driven("wayward", wayward(at, "crash"), described()))
    printed, sentence = scopelaw(*command, "model")
    assert sentence == f"the driver ended with status 1 instead of answering {at}; it last said: a bolt is loose\n"
    assert printed == "" or "check" in command


@pytest.mark.parametrize(
    ("deed", "row"),
    [
        (
            "hang",
            "failed  It ends when it is told to, and leaves nothing behind: it was still running 0.3 seconds after",
        ),
        ("chatter", "ok      It ends when it is told to, and leaves nothing behind\n"),
    ],
)
def test_smoke_tells_how_a_driver_ended(monkeypatch: pytest.MonkeyPatch, deed: str, row: str) -> None:
    hurry(monkeypatch, "STOPPING")
    under_test(monkeypatch, lambda: Driven("wayward", wayward("stop", deed), described()))
    assert row in CliRunner().invoke(cli.cli, ["smoke", "model"]).stdout


def test_smoke_tells_what_an_sdk_cannot_do_and_fails_it_in_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    command = wayward("call", "say", '{"seq": SEQ, "skipped": {"message": "it has no such call"}}')
    under_test(monkeypatch, lambda: Driven("wayward", command, described()))
    printed = CliRunner().invoke(cli.cli, ["smoke", "model"]).stdout
    assert "cannot  A second call uses the token of the first: the client says: it has no such call\n" in printed
    assert "failed" not in printed


# --- the servers ----------------------------------------------------------------------------------


def refuses(port: int) -> bool:
    """Whether nobody listens at a port."""
    with socket.socket() as calling:
        return calling.connect_ex((hosting.LOOPBACK, port)) != 0


def ports(host: Host) -> list[int]:
    """Where the servers of a host are."""
    addresses = host.place(plain_episode(REVISION).plan.servers)
    origins = (addresses.outward(name) for name in ("https://one.example", "https://as.example"))
    return [int(origin.rpartition(":")[2]) for origin in origins]


def test_a_host_closes_all_that_it_opened() -> None:
    threads = threading.enumerate()
    with Host() as host:
        listening = ports(host)
        with socket.create_connection((hosting.LOOPBACK, listening[0])):  # one that is kept does not keep it
            assert [refuses(port) for port in listening] == [False, False]
    assert [refuses(port) for port in listening] == [True, True]
    assert threading.enumerate() == threads


def test_a_host_that_cannot_listen_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosting, "LOOPBACK", "192.0.2.1")  # nobody's address (RFC 5737)
    threads = threading.enumerate()
    with pytest.raises(SubjectUnavailable, match=r"^cannot listen on 192\.0\.2\.1: \w+"), Host():
        pass
    assert threading.enumerate() == threads


def test_a_host_that_gets_some_of_its_ports_gives_them_back(monkeypatch: pytest.MonkeyPatch) -> None:
    had: list[socket.socket] = []

    def scarce() -> socket.socket:
        if len(had) == 3:
            raise OSError(errno.EMFILE, "too many")
        had.append(socket.create_server((hosting.LOOPBACK, 0)))
        return had[-1]

    monkeypatch.setattr(hosting, "_listening", scarce)
    with pytest.raises(SubjectUnavailable), Host():
        pass
    assert [each.fileno() for each in had] == [-1, -1, -1]


def test_what_goes_wrong_in_answering_is_raised_once_where_the_episode_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    episode = plain_episode(REVISION)
    world = HttpWorld(World(episode.plan))

    def fail(_: HttpRequest) -> HttpResponse:
        raise ZeroDivisionError

    monkeypatch.setattr(world, "handle", fail)
    with Host() as host:
        host.serve(world)
        calling = HTTPConnection(hosting.LOOPBACK, ports(host)[0])
        calling.request("GET", "/mcp")
        assert calling.getresponse().status == 500
        calling.close()
        with pytest.raises(ZeroDivisionError):
            host.serve(None)
        host.serve(None)


def test_an_answer_that_cannot_be_sent_is_raised_where_the_episode_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    world = HttpWorld(World(plain_episode(REVISION).plan))
    monkeypatch.setattr(world, "handle", lambda _: HttpResponse(200, (("WWW-Authenticate", "→"),)))
    with Host() as host:
        host.serve(world)
        calling = HTTPConnection(hosting.LOOPBACK, ports(host)[0])
        calling.request("GET", "/mcp")
        assert calling.getresponse().status == 500
        calling.close()
        with pytest.raises(UnicodeEncodeError):
            host.serve(None)


def test_check_and_smoke_say_what_a_driver_left_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "leaves.py"
    script.write_text(
        "import subprocess, sys\n"
        f"sys.path.insert(0, {str(DRIVERS)!r})\n"
        f"sys.path.insert(0, {str(DRIVERS.parent)!r})\n"
        "child = subprocess.Popen([sys.executable, '-ISc', 'import time; time.sleep(600)'])\n"
        "from drivers.reference import main\n"
        "main()\n"
    )
    under_test(monkeypatch, lambda: Driven("ours", [sys.executable, str(script)], described()))
    done = CliRunner().invoke(cli.cli, ["check", "model", "--jobs", "1", "--examples", "3"])
    assert done.stderr == "scopelaw: ours ended as it should not: it left a process behind\n"
    assert "leaves nothing behind: it left a process behind" in CliRunner().invoke(cli.cli, ["smoke", "model"]).stdout


def test_what_a_driver_says_moves_no_cursor(monkeypatch: pytest.MonkeyPatch) -> None:
    error = json.dumps({"seq": 0, "outcome": "refused", "error": "\x1b[2J\u202edlo"}).replace("0", "SEQ", 1)
    under_test(monkeypatch, lambda: Driven("wayward", wayward("call", "say", error), described()))
    printed = CliRunner().invoke(cli.cli, ["smoke", "model"]).output
    assert "\\x1b[2J" in printed
    assert printed.replace("\n", "").isprintable()


def asks(origin: str, token: str | None = None) -> int:
    """The status of a call at a server."""
    calling = HTTPConnection(urlsplit(origin).netloc)
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "read"}}
    calling.request("POST", "/mcp", json.dumps(message), {} if token is None else {"Authorization": f"Bearer {token}"})
    try:
        return calling.getresponse().status
    finally:
        calling.close()


@pytest.mark.parametrize(
    ("later", "parting"), [(1, []), (2, [WENT_ON]), (PLACES - 1, [WENT_ON])], ids=["next", "second", "last"]
)
def test_a_request_at_the_address_of_an_episode_before_belongs_to_none(later: int, parting: list[str]) -> None:
    """One that was on its way as its episode ended is nobody's fault."""
    plan = plain_episode(REVISION).plan
    with Host() as host:
        before, *_, now = (host.place(plan.servers) for _ in range(later + 1))
        world = HttpWorld(World(plan), now)
        for serving, said in ((None, []), (world, parting)):  # between episodes there is nobody to be disturbed
            host.serve(serving)
            assert asks(before.outward(ONE)) == 503
            assert host.parting == said
        assert world.world.events == []
        assert asks(now.outward(ONE)) == 401
        assert len(world.world.events) == 2


@pytest.mark.parametrize("overlapping", [False, True])
def test_a_token_of_an_episode_before_belongs_to_none_at_an_address_that_is_in_use_again(*, overlapping: bool) -> None:
    plan = plain_episode(REVISION).plan
    with Host() as host:
        before, *_, now = (host.place(plan.servers) for _ in range(PLACES + 1))
        assert before.outward(ONE) == now.outward(ONE)
        world = HttpWorld(World(plan), now)
        host.serve(world)
        with host.withholding(Call(ONE, "read")) if overlapping else nullcontext():
            assert asks(now.outward(ONE), before.own("t1")) == 503
        assert world.world.events == []
        assert host.parting == [WENT_ON]
        assert asks(now.outward(ONE), now.own("t1")) == 401
        assert ResourceRequest("read", "t1", ONE) in world.world.events


HAUNTED: Final = """
import sys
sys.path[:0] = [{drivers!r}, {tests!r}]
from drivers import reference

EPISODES, SENT = [], []
made = reference.application

class Web(reference.Web):
    def send(self, method, url, body=None, headers=None):
        request = method, url, body, headers
        if len(EPISODES) == 1 and "Authorization" in (headers or {{}}):
            SENT.append(request)
        elif len(EPISODES) > 1:
            try:
                super().send(*SENT[0])
            except reference.TurnedAway:
                pass
        return super().send(*request)

def application(*asked):
    EPISODES.append(asked)
    return made(*asked)

reference.Web, reference.application = Web, application
reference.main()
"""
"""The reference, and a call of its first episode before each request of the others."""


@pytest.fixture
def haunted(tmp_path: Path) -> Driven:
    script = tmp_path / "haunted.py"
    script.write_text(HAUNTED.format(drivers=str(DRIVERS), tests=str(DRIVERS.parent)))
    return Driven("ours", [sys.executable, str(script)], described())


def test_what_an_episode_left_behind_is_part_of_no_other(haunted: Driven) -> None:
    served = MakeCall(Call(ONE, "read"))
    plan = plain_episode(REVISION).plan
    with haunted:
        transcripts = {run(Episode(plan, (served, served)), haunted) for _ in range(2 * PLACES + 1)}
    assert len(transcripts) == 1
    assert haunted.parting == [WENT_ON]


def test_check_and_smoke_say_that_something_went_on_after_its_episode(
    monkeypatch: pytest.MonkeyPatch, haunted: Driven
) -> None:
    under_test(monkeypatch, lambda: haunted)
    done = CliRunner().invoke(cli.cli, ["check", "model", "--jobs", "1", "--examples", "3"])
    assert (done.exit_code, done.stderr) == (0, f"scopelaw: ours ended as it should not: {WENT_ON}\n")
    assert f"leaves nothing behind: {WENT_ON}" in CliRunner().invoke(cli.cli, ["smoke", "model"]).stdout

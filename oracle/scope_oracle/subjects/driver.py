"""A client behind the driver contract: a process that plays the application, over HTTP on loopback.

The contract is in drivers/README.md. A driver that crashes, hangs, floods its output or answers nonsense is at
fault itself, and never a verdict on its SDK; it is ended with all that it started.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from time import monotonic
from types import TracebackType
from typing import Final, Self

from scope_model.client import Call
from scope_model.events import (
    CLIENT_CREDENTIALS,
    TOKEN_EXCHANGE,
    ClientReported,
    ConfiguredMode,
    TokenResponse,
)
from scope_model.servers import Servers
from scope_model.spellings import SPELLINGS
from scope_oracle.subjects import DriverFault
from scope_oracle.world import DOCUMENT, ID_TOKEN, IDENTITY_PROVIDER, KNOWN, SECRET, HttpWorld
from scope_properties.episodes import Episode, Plan, as_administered, without_spellings, without_streams
from scope_properties.world import World
from scope_spec import REVISIONS, Revision

from .building import Manifest
from .groups import begun, end_group
from .hosting import Host

VERSION: Final = 1
"""The version of the driver contract."""

STARTING: Final = 30.0
"""Seconds that a driver has to introduce itself."""

ANSWERING: Final = 20.0
"""Seconds that a driver has for any answer; its own calls end after half of that."""

STOPPING: Final = 2.0
"""Seconds that a driver has to end when it is told to."""

LONGEST_LINE: Final = 1 << 16
"""Bytes that an answer may have."""

SERVER_NAMES: Final = ("one", "two")
DPOP: Final = "dpop"
"""The setting, of whichever driver has it, by which a client can prove possession of a key (RFC 9449)."""

_OF_DPOP: Final = frozenset(name for name in SPELLINGS if "dpop" in name)
_WITHOUT_A_USER: Final = (CLIENT_CREDENTIALS, TOKEN_EXCHANGE)
_KEPT_OF_WORDS: Final = 500
_SHOWN: Final = 200
_MOMENT: Final = 0.02
_GLANCE: Final = 0.2
_GRACE: Final = 25


@dataclass(frozen=True, slots=True)
class Skipped:
    """The SDK cannot do what was asked."""

    message: str


class Driver:
    """A driver's process: `ask` it for one thing at a time, or `send` and `receive`; ends with its context.

    It is read while something is expected of it, and a driver that says too much waits until then.
    """

    def __init__(self, command: Sequence[str], folder: Path | None = None) -> None:
        self._output = bytearray()
        self._stderr = b""
        self._answers: dict[int, dict[str, object]] = {}
        self._seq = 0
        self._pending: dict[int, str] = {}
        try:
            process = subprocess.Popen(  # noqa: S603 - the driver that the user asked for
                list(command),
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,  # so that whatever it starts can be ended with it
            )
        except OSError as wrong:
            raise DriverFault(f"the driver cannot be started: {command[0]}: {wrong.strerror}") from None
        self._process = begun(process)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        self._open = DefaultSelector()
        for stream in (self._process.stdout, self._process.stderr):
            self._open.register(stream, EVENT_READ)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> dict[str, object]:
        """Let the driver introduce itself; raises DriverFault where it does not."""
        self._write({"command": "start", "version": VERSION})
        hello = self._next("start", STARTING)
        client, spoken = hello.get("client"), hello.get("revisions")
        named = isinstance(client, dict) and isinstance(client.get("version"), str)
        understood = isinstance(spoken, list) and any(revision in spoken for revision in REVISIONS)
        if hello.get("version") != VERSION or not named or not understood:
            raise self._fault(f"answered start with {_shown(hello)}")
        return hello

    def send(self, command: str, **members: object) -> int:
        """Send a command and give its number."""
        self._seq += 1
        self._pending[self._seq] = command
        self._write({"command": command, "seq": self._seq, **members})
        return self._seq

    def receive(self, seq: int) -> dict[str, object] | Skipped:
        """Wait for the answer to a command; raises DriverFault where none comes that the contract allows."""
        command = self._pending[seq]
        while seq not in self._answers:
            answer = self._next(command, ANSWERING)
            given = answer.get("seq")
            if type(given) is not int or given not in self._pending or given in self._answers:
                raise self._fault(f"sent what nobody asked for: {_shown(answer)}")
            self._answers[given] = answer
        del self._pending[seq]
        answer = self._answers.pop(seq)
        skipped, errored = answer.get("skipped"), answer.get("errored")
        if isinstance(errored, dict):
            raise self._fault(f"failed to {command}: {_plain(str(errored.get('context')))}")
        if isinstance(skipped, dict):
            return Skipped(str(skipped.get("message")))
        if not _is_answer(command, answer):
            raise self._fault(f"answered {command} with {_shown(answer)}")
        return answer

    def ask(self, command: str, **members: object) -> dict[str, object] | Skipped:
        """Send a command and wait for its answer."""
        return self.receive(self.send(command, **members))

    def stop(self) -> list[str]:
        """End the driver and all that it started; gives what was wrong with how it ended."""
        if self._open.get_map() is None:
            return []
        wrong = []
        try:
            if self._process.poll() is None:
                with suppress(OSError):
                    self._stdin.write(_line({"command": "stop"}))
                with suppress(OSError):
                    self._stdin.close()
                if not self._ends():
                    wrong.append(f"it was still running {STOPPING:g} seconds after it was told to stop")
            else:
                wrong.append(f"it ended with status {self._process.returncode} before it was told to stop")
        finally:  # an interrupt leaves nothing running either
            left = end_group(self._process)
            held = self._is_held()
            self._close()
        if left:
            wrong.append("it left a process behind")
        if held:
            wrong.append("something that it started has left its process group, and may be running still")
        return wrong

    def _write(self, message: Mapping[str, object]) -> None:
        try:
            self._stdin.write(_line(message))
            self._stdin.flush()
        except OSError:
            fate = self._fate("closed its input")
            raise self._fault(f"{fate} before it was told to {message['command']}") from None

    def _next(self, command: str, seconds: float) -> dict[str, object]:
        """The next line as an object, whatever it answers; `command` is the one that somebody waits for."""
        line = self._read_line(command, seconds)
        try:
            answer = json.loads(line)
        except (ValueError, RecursionError):
            raise self._fault(f"answered {command} with a line that is no JSON: {_shown(line)}") from None
        if not isinstance(answer, dict):
            raise self._fault(f"answered {command} with {_shown(answer)}, which is no object")
        return answer

    def _read_line(self, command: str, seconds: float) -> bytes:
        deadline = monotonic() + seconds
        while (end := self._output.find(b"\n")) < 0 and len(self._output) <= LONGEST_LINE:
            left = deadline - monotonic()
            if left <= 0:
                raise self._fault(f"did not answer {command} within {seconds:g} seconds")
            silent = not self._read(min(left, _GLANCE))
            # What it started may hold its output, so that this is not closed when the driver ends.
            if self._stdout not in self._open.get_map() or (silent and self._process.poll() is not None):
                raise self._fault(f"{self._fate('closed its output')} instead of answering {command}")
        if not 0 <= end <= LONGEST_LINE:
            raise self._fault(f"answered {command} with a line of more than {LONGEST_LINE} bytes")
        line = bytes(self._output[:end])
        del self._output[: end + 1]
        return line

    def _read(self, seconds: float) -> bool:
        """Read some of what the driver has written, waiting for so long at most; whether there was any."""
        ready = self._open.select(seconds)
        for key, _ in ready:
            read = os.read(key.fd, LONGEST_LINE)
            if not read:
                self._open.unregister(key.fileobj)
            elif key.fileobj is not self._stdout:
                self._stderr = (self._stderr + read)[-_KEPT_OF_WORDS:]
            elif len(self._output) <= LONGEST_LINE:  # beyond that it is at fault already
                self._output += read
        return bool(ready)

    def _ends(self) -> bool:
        """Whether the driver ends in time; its last words are read."""
        deadline = monotonic() + STOPPING
        while self._process.poll() is None and monotonic() < deadline:
            self._read(_MOMENT)
        ended = self._process.poll() is not None
        while self._read(0) and monotonic() < deadline:
            pass
        return ended

    def _fate(self, otherwise: str) -> str:
        """Why a driver takes or says nothing any more; `otherwise` is for one that lives on."""
        return f"ended with status {self._process.returncode}" if self._ends() else otherwise

    def _is_held(self) -> bool:
        """Whether somebody still has the output open when all of the group is gone."""
        for _ in range(_GRACE):
            if not self._open.get_map():
                return False
            self._read(_MOMENT)
        return True

    def _close(self) -> None:
        self._open.close()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                with suppress(OSError):
                    stream.close()

    def _fault(self, what: str) -> DriverFault:
        return fault(f"the driver {what}", [self._stderr.decode("utf-8", "replace")])


def fault(what: str, said: Iterable[str]) -> DriverFault:
    """What is wrong with a process, with what it last said."""
    last = _plain(" ".join(said))
    return DriverFault(what + (f"; it last said: {last}" if last else ""))


def _is_answer(command: str, answer: Mapping[str, object]) -> bool:
    """Whether an answer has the form that the contract gives it."""
    match command:
        case "call":
            return answer.get("outcome") in ("served", "refused")
        case "report":
            granted = answer.get("granted")
            listed = isinstance(granted, list) and all(isinstance(scope, str) for scope in granted)
            return "granted" in answer and (granted is None or listed)
        case _:
            return answer.get("ok") is True


def _line(message: Mapping[str, object]) -> bytes:
    return json.dumps(message).encode() + b"\n"


def _plain(text: str) -> str:
    """The end of a driver's words, without what would move a terminal's cursor."""
    return " ".join("".join(each if each.isprintable() else " " for each in text[-_KEPT_OF_WORDS:]).split())


def _shown(value: object) -> str:
    try:
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else json.dumps(value)
    except RecursionError:
        text = "something nested too deeply to be shown"
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


# --- the subject ----------------------------------------------------------------------------------


class Driven:
    """The client of a driver as a subject; the process and the servers are there within its context.

    Afterwards `parting` says what was wrong with how the driver ended.
    """

    def __init__(
        self,
        label: str,
        command: Sequence[str],
        manifest: Manifest,
        folder: Path | None = None,
        release: str | None = None,
        *,
        setting: str | None = None,
    ) -> None:
        self._release = release
        self._setting = setting
        self._label = label
        self._command = command
        self._manifest = manifest
        self._folder = folder
        self._version: str | None = None
        self._revisions: tuple[Revision, ...] = REVISIONS
        self._driver: Driver | None = None
        self._host: Host | None = None
        self._stack = ExitStack()
        self.parting: list[str] = []

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._host = stack.enter_context(Host())
            self._driver = stack.enter_context(Driver(self._command, self._folder))
            hello = self._driver.start()
            client, spoken = hello["client"], hello["revisions"]
            assert isinstance(client, dict)
            assert isinstance(spoken, list)
            self._version = str(client.get("version")).removeprefix("v")
            if self._release not in (None, self._version):
                raise DriverFault(f"the driver was built for release {self._release} and says it is {self._version}")
            self._revisions = tuple(revision for revision in REVISIONS if revision in spoken)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._driver is not None:
                assert self._host is not None
                self.parting = [*self._driver.stop(), *self._host.parting]
        finally:
            self._stack.close()
            self._driver = self._host = None

    @property
    def name(self) -> str:
        """What it is called on the command line."""
        return self._label

    @property
    def version(self) -> str | None:
        """The release of the SDK, by the driver's own word."""
        return self._version

    @property
    def configured_mode(self) -> ConfiguredMode | None:
        """What configured scopes mean to the SDK, by its documentation."""
        return self._manifest.configured_mode

    @property
    def grant_types(self) -> tuple[str, ...]:
        """The grant types that the driver can set its client up with."""
        return self._manifest.grant_types

    @property
    def standalone(self) -> bool:
        """Its process lives for many episodes."""
        return False

    def playable(self, episode: Episode) -> Episode:
        """All of it but guarded streams: what the SDK cannot do, the driver says.

        A client opens a stream beside its calls, when it has time for that: which is first would differ each time.
        A client that has a DPoP key meets no challenge of that scheme: it may answer it, and the servers have no
        tokens of that type.
        """
        administered = without_streams(as_administered(episode))
        return without_spellings(administered, _OF_DPOP) if self._setting == DPOP else administered

    def open(self, plan: Plan, world: World) -> DriverSession:
        """Start a client with nothing stored; raises DriverFault where the driver cannot."""
        assert self._driver is not None, "a driven subject is used within its context"
        assert self._host is not None
        # Whatever revision the client is held to, it speaks the newest that it can.
        older = [known for known in self._revisions if known <= plan.revision]
        revision = older[-1] if older else self._revisions[0]
        return DriverSession(self._driver, self._host, plan, world, revision, setting=self._setting)


class DriverSession:
    """One application within one episode; `refusals` is why its calls failed, `skipped` what its SDK cannot do."""

    def __init__(
        self, driver: Driver, host: Host, plan: Plan, world: World, revision: Revision, *, setting: str | None
    ) -> None:
        self._driver = driver
        self._host = host
        self._world = world
        self._addresses = host.place(plan.servers)
        self._names = dict(zip(plan.servers.resources, SERVER_NAMES, strict=False))
        self.http_world = HttpWorld(world, self._addresses)
        self.refusals: list[str] = []
        self.skipped: set[str] = set()
        # A client without a user has a secret, and nobody hands those out to whoever asks.
        registration = plan.registration if plan.grant_type not in _WITHOUT_A_USER else "known"
        clients, credentials = None, {"client_id": self._addresses.own(KNOWN), "client_secret": SECRET}
        if registration == "known":
            for issuer in plan.servers.issuers:
                self.http_world.know(issuer, KNOWN, secret=SECRET)
            clients = {self._addresses.outward(issuer): credentials for issuer in plan.servers.issuers}
        provider = None
        if plan.grant_type == TOKEN_EXCHANGE:
            signed_in = {"issuer": self._addresses.outward(IDENTITY_PROVIDER), "id_token": ID_TOKEN}
            provider = {**signed_in, **credentials, "vouches_for": self._issuers(plan.servers)}
        host.serve(None)
        started = self._ask(
            "reset",
            servers={name: self._addresses.outward(resource) for resource, name in self._names.items()},
            revision=revision,
            grant=plan.grant_type,
            registration=registration,
            clients=clients,
            document_url=self._addresses.own(DOCUMENT) if registration == "document" else None,
            configured_scopes=None if plan.configured is None else list(plan.configured),
            wants_refresh_token=plan.wants_refresh_token,
            identity_provider=provider,
            setting=setting,
        )
        # A client that cannot be set up like that does nothing, so that nothing is said of it.
        self._can = started is not None
        host.serve(self.http_world)

    def _issuers(self, servers: Servers) -> dict[str, str]:
        """The authorization server of each resource, as whoever sets up an enterprise's clients knows it."""
        return {
            self._names[name]: self._addresses.outward(resource.issuer) for name, resource in servers.resources.items()
        }

    def call(self, call: Call) -> None:
        """Make a call, however it ends."""
        if self._can:
            self.http_world.about(call.resource)
            self._end(self._begin(call))

    def overlap(self, first: Call, second: Call, turn: Callable[[], None]) -> None:
        """Make two calls at once, and answer the second when the first is over."""
        if not self._can:
            return
        self.http_world.about(first.resource)
        with self._host.withholding(second):
            begun = self._begin(first), self._begin(second)
            self._end(begun[0])
            self.http_world.about(second.resource)
            turn()
        self._end(begun[1])

    def _begin(self, call: Call) -> int:
        return self._driver.send("call", server=self._names[call.resource], operation=call.operation)

    def _end(self, seq: int) -> None:
        answer = self._done(self._driver.receive(seq))
        self._host.serve(self.http_world)
        if answer is not None and answer["outcome"] == "refused":
            self.refusals.append(str(answer.get("error")))

    def _ask(self, command: str, **members: object) -> dict[str, object] | None:
        """Ask for one thing, and give the answer, or None where the SDK cannot do it."""
        return self._done(self._driver.ask(command, **members))

    def _done(self, answer: dict[str, object] | Skipped) -> dict[str, object] | None:
        if not isinstance(answer, Skipped):
            return answer
        self.skipped.add(answer.message)
        return None

    def expire(self, access_token: str) -> None:
        """Let the client's clock pass the end of a token's lifetime, if it has one that can be set."""
        for resource, name in self._names.items():
            if self._world.token_in_use(resource) == access_token:
                self._ask("expire", server=name)

    def restart(self) -> bool:
        """Lose memory, keep token storage."""
        return self._can and self._ask("restart") is not None

    def report(self, resource: str) -> ClientReported | None:
        """What the client says that it holds, or None where it cannot say."""
        answer = self._ask("report", server=self._names[resource]) if self._can else None
        issuer = self._issuer(resource)
        if answer is None or issuer is None:
            return None
        granted = answer["granted"]
        return ClientReported(tuple(granted) if isinstance(granted, list) else None, issuer, resource)

    def _issuer(self, resource: str) -> str | None:
        """Where the client was last given a token for a resource."""
        return next(
            (
                event.issuer
                for event in reversed(self._world.events)
                if isinstance(event, TokenResponse) and event.access_token is not None and event.resource == resource
            ),
            None,
        )

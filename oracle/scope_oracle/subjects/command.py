"""An MCP conformance client by its command line: one process is one episode.

The contract is that of the official conformance suite: `COMMAND SERVER_URL` is run by the shell, with the names of a
scenario and of a revision in its environment; the client follows the authorization redirect by itself, lists the
tools, calls `test-tool`, and ends. Its exit status says nothing: what is judged is read off the wire.
"""

from __future__ import annotations

import os
import subprocess
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from shlex import quote
from threading import Event, Thread, Timer
from types import TracebackType
from typing import IO, Final, Self

from scope_model.client import Call
from scope_model.events import AUTHORIZATION_CODE, AuthorizationRequest, ClientReported, ConfiguredMode
from scope_model.scopes import NO_SCOPES, ScopeSet, scopes
from scope_model.servers import (
    AuthorizationServer,
    Challenging,
    Granting,
    Grants,
    Named,
    Rejects,
    ResourceServer,
    Servers,
)
from scope_oracle.subjects import DriverFault
from scope_properties.episodes import (
    STREAM,
    Episode,
    EpisodeStep,
    ExpireToken,
    MakeCall,
    MoveResource,
    OverlapCalls,
    Plan,
    RepublishMetadata,
    fit_to_world,
)
from scope_properties.runs import Run
from scope_properties.subjects import one_after_the_other
from scope_properties.world import World
from scope_spec import Revision

from .driver import fault
from .groups import begun, end_group
from .hosting import Host
from .watching import HANDSHAKES, WatchingWorld

SCENARIO: Final = "auth/scope-step-up"
"""The scenario that is named to clients that know several: the one whose part is played here."""

TOOL: Final = "test-tool"
"""What every client calls in the end."""

STAGES: Final = (HANDSHAKES, ("tools/list",), (TOOL,))
"""What a client asks for in turn; of the first, the one that its revision has."""

MOST_CALLS: Final = 8
"""How many calls of an episode are played at the most: each after the stages is the tool's, which has it sent again."""

ENDING: Final = 30.0
"""Seconds that a client has for an episode, as in the official suite."""

_FOR_GOOD: Final[tuple[Rejects, ...]] = ("forbidden", "another_error")
_REFUSALS: Final[tuple[Grants, ...]] = ("refused", "invalid_scope", "refused_code")
_OF_THE_OPERATION: Final[tuple[Named, ...]] = ("needed", "missing", "needed-and-held")
_FLUSHING: Final = 1.0
_KEPT_LINES: Final = 10
_KEPT_OF_A_LINE: Final = 500
_RESOURCE: Final = "https://one.example/mcp"
_ISSUER: Final = "https://as.example"


class Command:
    """A conformance client as a subject; the servers are there within its context, which it is tried for first.

    Raises DriverFault where it is no client. `revision` is the one that it is tried in. Afterwards `parting` says what
    was wrong with how its episodes ended.
    """

    def __init__(self, command: str, revision: Revision = "2026-07-28") -> None:
        self._command = command
        self._revision = revision
        self._host: Host | None = None
        self._stack = ExitStack()
        self.parting: list[str] = []

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._host = stack.enter_context(Host())
            self._try()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
        if self._host is not None:
            self.parting = self._host.parting
        self._host = None

    @property
    def name(self) -> str:
        """What it is called on the command line."""
        return f"--command {quote(self._command)}"

    @property
    def version(self) -> str | None:
        """Nobody asks it."""
        return None

    @property
    def configured_mode(self) -> ConfiguredMode | None:
        """Nobody can say what it is configured with."""
        return None

    @property
    def grant_types(self) -> tuple[str, ...]:
        """Its user is in it."""
        return (AUTHORIZATION_CODE,)

    @property
    def standalone(self) -> bool:
        """A process for each episode, from its start to its end."""
        return True

    def playable(self, episode: Episode) -> Episode:
        """One server and its first calls, each as one of the client's own, with what happens to servers in between.

        The client makes its calls by itself, whatever they are for, and ends where one of them fails. So a token is
        enough for each of them, what an operation needs is challenged instead, and none but the last is challenged for
        more than can be answered.
        """
        plan = episode.plan
        name, server = next(iter(plan.servers.resources.items()))
        servers = Servers({name: replace(server, needs=_needing_a_token(server))}, plan.servers.issuers)
        steps = _steps(Call(name, TOOL), episode, server.needs)
        return Episode(
            Plan(servers, plan.revision, wants_refresh_token=None),
            tuple(fit_to_world(step, servers) for step in steps) or (MakeCall(Call(name, TOOL)),),
        )

    def open(self, plan: Plan, world: World) -> CommandSession:
        """A client that is yet to be started."""
        assert self._host is not None, "a command is used within its context"
        return CommandSession(self._command, self._host, plan, world)

    def _try(self) -> None:
        """Find out whether this is a client at all; raises DriverFault where it is not."""
        servers = Servers(
            {_RESOURCE: ResourceServer(_RESOURCE, _ISSUER, {name: scopes("a") for names in STAGES for name in names})},
            {_ISSUER: AuthorizationServer(_ISSUER)},
        )
        run = Run(Plan(servers, self._revision), self)
        run.play(MakeCall(Call(_RESOURCE, TOOL)))
        if not any(isinstance(event, AuthorizationRequest) for event in run.world.events):
            assert isinstance(run.session, CommandSession)
            raise run.session.fault("was challenged and did not follow the authorization redirect")


def _needing_a_token(server: ResourceServer) -> dict[str, ScopeSet]:
    """What the methods and the tool need; the stream what it did, since a client goes on without."""
    guarded = {name: NO_SCOPES for names in STAGES for name in names}
    return guarded | {name: needed for name, needed in server.needs.items() if name == STREAM}


def _steps(call: Call, episode: Episode, needs: Mapping[str, ScopeSet]) -> Iterator[EpisodeStep]:
    """The first calls of an episode, each as this one, and what happens to servers before the last of them."""
    steps = _with_brief_tokens(episode.steps)
    calls = [at for at, step in enumerate(steps) if isinstance(step, MakeCall)][:MOST_CALLS]
    named = NO_SCOPES
    for at, step in enumerate(steps[: calls[-1] + 1] if calls else ()):
        if not isinstance(step, MakeCall):
            yield step
            continue
        kept = step if at == calls[-1] else that_can_be_served(step)
        challenges = tuple(_challenges(kept, needs.get(step.call.operation, NO_SCOPES), named))
        named |= ScopeSet(scope for how in challenges if isinstance(how.scope, ScopeSet) for scope in how.scope)
        yield replace(kept, call=call, challenges=challenges)


def _with_brief_tokens(steps: Iterable[EpisodeStep]) -> list[EpisodeStep]:
    """The steps that can be played, one after the other: a token that expires was issued for no longer than a call."""
    played: list[EpisodeStep] = []
    for step in steps:
        match step:
            case OverlapCalls(first, second):
                played += (first, second)
            case MakeCall() | RepublishMetadata() | MoveResource():
                played.append(step)
            case ExpireToken() if played and isinstance(before := played[-1], MakeCall):
                brief = tuple(replace(how, brief=True) for how in before.grants or (Granting(),))
                played[-1] = replace(before, grants=brief)
            case _:
                pass
    return played


def that_can_be_served(step: MakeCall) -> MakeCall:
    """The same call with one challenge at the most, and none that no scope can meet or whose answer is refused."""
    challenges = tuple(how for how in step.challenges[:1] if how.rejects not in _FOR_GOOD)
    grants = tuple(how for how in step.grants[:1] if how.grant not in _REFUSALS)
    return replace(step, challenges=challenges, grants=grants, persists=False)


def _challenges(step: MakeCall, needed: ScopeSet, named: ScopeSet) -> Iterator[Challenging]:
    """The challenges of a call for an operation that needs this: they demand of themselves what none before named."""
    for how in step.challenges or (() if needed <= named else (Challenging(),)):
        demands = how.rejects is None and not needed <= named and not step.persists
        named |= needed
        yield replace(
            how,
            rejects="insufficient_scope" if demands else how.rejects,
            scope=(needed or "unnamed") if how.scope in _OF_THE_OPERATION else how.scope,
        )


class CommandSession:
    """A client that is started by a call, and has ended when the call has; `refusals` is what it last said."""

    def __init__(self, command: str, host: Host, plan: Plan, world: World) -> None:
        self._command = command
        self._host = host
        self._revision = plan.revision
        self._world = world
        self._addresses = host.place(plan.servers)
        self.http_world = WatchingWorld(world, self._addresses)
        self.refusals: deque[str] = deque(maxlen=_KEPT_LINES)

    def call(self, call: Call) -> None:
        """Run the client to its end; raises DriverFault where it has none, or never came to the server."""
        self._host.serve(self.http_world)  # before there is anybody to come
        try:
            status = self._run(self._start(self._addresses.outward(call.resource)))
        finally:
            self._host.serve(None)
        if not self._world.events:
            raise self.fault(f"ended with status {status} and never called the server")
        self.http_world.end_calls()

    def _run(self, process: subprocess.Popen[bytes]) -> int:
        """Wait for a client to end, and give its status; nothing that it started is left."""
        late = Event()

        def give_up() -> None:
            late.set()
            end_group(process)

        reading = Thread(target=self._listen, args=(process.stdout,), daemon=True)
        waiting = Timer(ENDING, give_up)
        try:
            self.http_world.lose_patience = partial(end_group, process)
            reading.start()
            waiting.start()
            # With a time to wait, Popen looks for the end now and then; a client is quicker than that.
            status = process.wait()
        finally:
            waiting.cancel()
            end_group(process)
            reading.join(_FLUSHING)
        if late.is_set():
            raise self.fault(f"was still running after {ENDING:g} seconds")
        return status

    def overlap(self, first: Call, second: Call, turn: Callable[[], None]) -> None:
        """Run the client twice: what is playable never asks for it."""
        one_after_the_other(self, first, second, turn)

    def expire(self, access_token: str) -> None:
        """Do nothing: the client has ended."""

    def restart(self) -> bool:
        """Do nothing: the client has ended, and what it stored is not known."""
        return False

    def report(self, resource: str) -> ClientReported | None:  # noqa: ARG002 - nobody is there to be asked
        """Nothing: the client has ended."""
        return None

    def fault(self, what: str) -> DriverFault:
        """What is wrong with the client, with what it last said."""
        return fault(f"the command {what}", self.refusals)

    def _listen(self, stream: IO[bytes]) -> None:
        with stream, suppress(OSError, ValueError):
            while line := stream.readline(_KEPT_OF_A_LINE):
                self.refusals.append(line.decode("utf-8", "replace").strip())

    def _start(self, url: str) -> subprocess.Popen[bytes]:
        named = {"MCP_CONFORMANCE_SCENARIO": SCENARIO, "MCP_CONFORMANCE_PROTOCOL_VERSION": self._revision}
        try:
            process = subprocess.Popen(  # noqa: S602 - the command that the user gave, run as the official suite does
                f"{self._command} {url}",
                shell=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env={**os.environ, **named},
                start_new_session=True,  # so that whatever it starts can be ended with it
            )
        except OSError as wrong:
            raise self.fault(f"cannot be started: {wrong.strerror}") from None
        return begun(process)

"""Runs: an episode played against a subject, and the transcript that this leaves. The world is the same for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Final, assert_never

from scope_model.client import Call
from scope_model.events import (
    BROKEN_OFF,
    CallEnded,
    CallStarted,
    ClientRestarted,
    Header,
    ResourceResponse,
    Transcript,
)

from .episodes import (
    Episode,
    EpisodeStep,
    ExpireToken,
    MakeCall,
    MoveResource,
    OverlapCalls,
    Plan,
    ReportGrant,
    RepublishMetadata,
    RestartClient,
)
from .subjects import Subject
from .world import Exhausted, World

_OK: Final = 200


class Run:
    """One episode in progress: play its steps in turn, then read the transcript."""

    def __init__(self, plan: Plan, subject: Subject) -> None:
        self.world = World(plan)
        self.session = subject.open(plan, self.world)
        self._calls_itself = subject.standalone
        self._calls = 0
        self.header = Header(
            revision=plan.revision,
            client_name=subject.name,
            client_version=subject.version,
            configured_scopes=None if plan.configured is None else tuple(plan.configured),
            configured_mode=subject.configured_mode,
            wants_refresh_token=plan.wants_refresh_token,
        )

    @property
    def transcript(self) -> Transcript:
        """What has happened so far."""
        return Transcript(self.header, tuple(self.world.events))

    def play(self, *steps: EpisodeStep) -> None:
        """Let things happen, one after the other; to a client that makes its calls by itself, as it makes them."""
        if self._calls_itself:
            self._play_by_itself(steps)
            return
        for step in steps:
            self._play(step)

    def _play_by_itself(self, steps: Sequence[EpisodeStep]) -> None:
        first = next((step.call for step in steps if isinstance(step, MakeCall)), None)
        if first is not None:
            self.world.coming.extend(steps)
            with suppress(Exhausted):
                self.session.call(first)

    def _play(self, step: EpisodeStep) -> None:
        world, session = self.world, self.session
        match step:
            case MakeCall(call):
                world.begin(step)
                if not self._serves(call) and world.plan.sends_again:
                    self._let_brief_tokens_expire()
                    world.begin_again(step)
                    self._serves(call)
                self._let_brief_tokens_expire()
            case OverlapCalls(first, second):
                world.begin(first)
                with ExitStack() as at_the_end, ExitStack() as in_turn:
                    in_turn.enter_context(self._written_down(first.call))
                    at_the_end.enter_context(self._written_down(second.call))
                    in_turn.callback(world.begin, second)
                    session.overlap(first.call, second.call, in_turn.close)
                self._let_brief_tokens_expire()
            case ExpireToken(resource):
                token = world.token_in_use(resource)
                if token is not None:
                    self._expire(token)
            case RestartClient():
                if session.restart():
                    world.events.append(ClientRestarted())
            case ReportGrant(resource):
                report = session.report(resource)
                if report is not None:
                    world.events.append(report)
            case RepublishMetadata() | MoveResource():
                world.change(step)
            case _:
                assert_never(step)

    def _serves(self, call: Call) -> bool:
        """Make a call, and say whether it was served."""
        before = len(self.world.events)
        with self._written_down(call), suppress(Exhausted):
            self.session.call(call)
        answers = [event for event in self.world.events[before:] if isinstance(event, ResourceResponse)]
        return any(each.status == _OK and each.operation == call.operation for each in answers)

    def _let_brief_tokens_expire(self) -> None:
        for token in self.world.brief_tokens:
            self._expire(token)

    def _expire(self, token: str) -> None:
        self.world.expire(token)
        self.session.expire(token)

    @contextmanager
    def _written_down(self, call: Call) -> Iterator[None]:
        """Write down where a call of the application begins, and where it ends, be it with the world's patience."""
        self._calls += 1
        number, events = self._calls, self.world.events
        events.append(CallStarted(number, call.operation, call.resource))
        yield
        events.append(CallEnded(number, BROKEN_OFF if call in self.world.exhausted_by else None))


def run(episode: Episode, subject: Subject) -> Transcript:
    """Play a whole episode and give its transcript."""
    running = Run(episode.plan, subject)
    running.play(*episode.steps)
    return running.transcript

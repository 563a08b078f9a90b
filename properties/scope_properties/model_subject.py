"""The reference model as a subject, or a variation of it, with every transition that it takes kept for the laws."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace

from scope_model.client import (
    Action,
    Call,
    Calling,
    Challenged,
    Client,
    Failed,
    Heard,
    Idle,
    Illegal,
    LearningResource,
    LearningServer,
    Memory,
    Noted,
    Phase,
    Refreshing,
    Registering,
    Served,
    Setup,
    Step,
    Storage,
    step,
)
from scope_model.events import (
    AUTHORIZATION_CODE,
    CLIENT_CREDENTIALS,
    TOKEN_EXCHANGE,
    ClientReported,
    ClientRestarted,
    ConfiguredMode,
    ResourceRequest,
    ResourceResponse,
    TokenExpired,
)
from scope_model.policies import Policy, mcp_2026_07_28

from .episodes import Episode, Plan
from .subjects import Session, one_after_the_other
from .world import Exhausted, World

StepFunction = Callable[[Client, Heard], Step]
"""A transition function: the model's `step`, or a variation of it."""


@dataclass(frozen=True, slots=True, eq=False)
class Transition:
    """One step of a model client: what it was, what it heard, what it became, what it did.

    `step` is the function that took it, so that a law can ask what else would have led to. It happened once:
    two that look alike are not the same one.
    """

    before: Client
    event: Heard
    after: Client
    action: Action
    step: StepFunction

    @property
    def challenged(self) -> Challenged | None:
        """The challenge that the client is busy answering, as it understands it, if it is."""
        for phase in (self.before.phase, self.after.phase):
            if isinstance(phase, (LearningResource, LearningServer, Registering, Refreshing)):
                return phase.challenged
        if isinstance(self.before.phase, Calling) and isinstance(self.event, ResourceResponse):
            # Had it known no metadata, it would have gone to learn some, with the challenge in mind.
            known = self.before
            asked, _ = self.step(replace(known, memory=Memory(attempts=known.memory.attempts)), self.event)
            return asked.phase.challenged if isinstance(asked.phase, LearningResource) else None
        return None


@dataclass(slots=True)
class ModelSession:
    """A model client in a world; `transitions` is what the laws look at."""

    world: World
    client: Client
    step: StepFunction
    transitions: list[Transition] = field(default_factory=list)

    def hear(self, event: Heard) -> Action:
        """Take one step and write it down."""
        before = self.client
        self.client, action = self.step(before, event)
        self.transitions.append(Transition(before, event, self.client, action, self.step))
        return action

    def call(self, call: Call) -> None:
        """Make a call and go on until it is served or given up."""
        self._go_on(self.hear(call))

    def _go_on(self, action: Action) -> None:
        try:
            while not isinstance(action, (Served, Failed, Noted, Illegal)):
                action = self.hear(self.world.answer(action))
        except Exhausted:
            self.client = replace(self.client, phase=Idle())
            raise

    def overlap(self, first: Call, second: Call, turn: Callable[[], None]) -> None:
        """Send both requests before either is answered: one client in two phases, which share all that it knows.

        Where a token is to be refreshed first, one call waits for the other, as behind a lock.
        """
        begun = [self.step(self.client, call) for call in (first, second)]
        if not all(isinstance(action, ResourceRequest) for _, action in begun):
            one_after_the_other(self, first, second, turn)
            return
        sent, also_sent = [(self._send(call), self.client.phase) for call in (first, second)]
        self._resume(*sent)
        turn()
        self._resume(*also_sent)

    def _resume(self, action: Action, phase: Phase) -> None:
        self.client = replace(self.client, phase=phase)
        with suppress(Exhausted):
            self._go_on(action)

    def _send(self, call: Call) -> Action:
        self.client = replace(self.client, phase=Idle())
        action = self.hear(call)
        if isinstance(action, ResourceRequest):
            self.world.arrive(action)
        return action

    def expire(self, access_token: str) -> None:
        """Let the clock pass the end of a token's lifetime."""
        self.hear(TokenExpired(access_token))

    def restart(self) -> bool:
        """Lose memory, keep token storage."""
        self.hear(ClientRestarted())
        return True

    def report(self, resource: str) -> ClientReported | None:
        """What the client's account says was granted for `resource`."""
        grant, issuer = self.client.grant(resource), self.client.storage.issuers.get(resource)
        if grant is None:
            return None
        granted = None if grant.granted is None else tuple(grant.granted)
        return ClientReported(granted, issuer, resource)


def transitions_of(session: Session) -> list[Transition]:
    """What a model client went through; nothing of any other client, which cannot be looked into."""
    return session.transitions if isinstance(session, ModelSession) else []


@dataclass(frozen=True, slots=True)
class ModelSubject:
    """The reference client, or a variation of it, under one policy."""

    policy: Policy = mcp_2026_07_28
    step: StepFunction = step
    label: str = "model"

    @property
    def name(self) -> str:
        """What it is called."""
        return self.label

    @property
    def version(self) -> str | None:
        """The model has no releases of its own."""
        return None

    @property
    def configured_mode(self) -> ConfiguredMode | None:
        """What its policy makes of configured scopes."""
        return self.policy.configured_mode

    @property
    def grant_types(self) -> tuple[str, ...]:
        """Every grant type that the model knows."""
        return (AUTHORIZATION_CODE, CLIENT_CREDENTIALS, TOKEN_EXCHANGE)

    @property
    def standalone(self) -> bool:
        """It is a function call away."""
        return False

    def playable(self, episode: Episode) -> Episode:
        """All of it."""
        return episode

    def open(self, plan: Plan, world: World) -> ModelSession:
        """Start a client with nothing stored."""
        setup = Setup(self.policy, plan.configured, bool(plan.wants_refresh_token), plan.grant_type)
        known = frozenset(() if plan.registration == "dynamic" else plan.servers.issuers)
        return ModelSession(world, Client(setup, Storage(registered=known)), self.step)

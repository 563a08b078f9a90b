"""Episodes: a world of servers, what happens in it step by step, and the transcript that a client leaves.

An episode is data, so that it can be generated, shrunk, kept and replayed. `run` plays it against a `Subject`,
which may be the reference model, a mutant of it, or a released client behind an adapter: the world is the same.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final, Literal, Protocol, TypeVar, assert_never

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
    Noted,
    Refreshing,
    Registering,
    Served,
    Setup,
    Step,
    Storage,
    challenged,
    step,
)
from scope_model.events import (
    AUTHORIZATION_CODE,
    CLIENT_CREDENTIALS,
    REFRESH_TOKEN,
    TOKEN_EXCHANGE,
    AuthorizationRequest,
    ClientRegistration,
    ClientReported,
    ClientRestarted,
    ConfiguredMode,
    Event,
    Header,
    Registered,
    ResourceRequest,
    ResourceResponse,
    Sent,
    TokenExpired,
    TokenRequest,
    Transcript,
    Unavailable,
)
from scope_model.policies import Policy, mcp_2026_07_28
from scope_model.scopes import ScopeSet
from scope_model.servers import Answer, Challenging, Freedom, Granting, Request, Servers, answer
from scope_spec import Revision

PATIENCE: Final = 60
"""How many requests a client may send within one call before the world stops answering it."""


Choice = TypeVar("Choice", Challenging, Granting)

# --- episodes -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Making:
    """The application calls an operation; the servers' choices are used up in order, then the servers are plain.

    Where `persists`, the last choices go on for the whole call.
    """

    call: Call
    challenges: tuple[Challenging, ...] = ()
    grants: tuple[Granting, ...] = ()
    persists: bool = False


@dataclass(frozen=True, slots=True)
class Expiring:
    """The access token in use at `resource` reaches the end of its lifetime."""

    resource: str


@dataclass(frozen=True, slots=True)
class Restarting:
    """The client loses its memory and keeps its token storage."""


@dataclass(frozen=True, slots=True)
class Reporting:
    """The client is asked what it holds for `resource`."""

    resource: str


@dataclass(frozen=True, slots=True)
class Republishing:
    """`resource` changes the scopes in its metadata."""

    resource: str
    scopes_supported: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Moving:
    """`resource` moves to another authorization server."""

    resource: str
    issuer: str


@dataclass(frozen=True, slots=True)
class Overlapping:
    """Two calls are in flight at once: the second is answered only when the first is over."""

    first: Making
    second: Making


EpisodeStep = Making | Overlapping | Expiring | Restarting | Reporting | Republishing | Moving


Registration = Literal["dynamic", "known", "document"]
"""How clients become known to issuers: by RFC 7591, beforehand, or by a document at the URL that is their id."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The world as it starts, and how the client is set up in it.

    `wants_refresh_token` is None for a client that is not set up at all, and keeps it to itself.
    """

    servers: Servers
    revision: Revision = "2026-07-28"
    configured: ScopeSet | None = None
    wants_refresh_token: bool | None = True
    grant_type: str = AUTHORIZATION_CODE
    registration: Registration = "dynamic"


@dataclass(frozen=True, slots=True)
class Episode:
    """A plan, and what happens in it."""

    plan: Plan
    steps: tuple[EpisodeStep, ...]


# --- subjects -------------------------------------------------------------------------------------


class Session(Protocol):
    """A client under test within one episode."""

    def call(self, call: Call) -> None:
        """Make a call, however it ends."""

    def overlap(self, first: Call, second: Call, turn: Callable[[], None]) -> None:
        """Make two calls at once; `turn` is called when the first is over, before the second is answered."""

    def expire(self, access_token: str) -> None:
        """Let the client's clock pass the end of a token's lifetime."""

    def restart(self) -> bool:
        """Lose memory, keep token storage; whether this client can."""

    def report(self, resource: str) -> ClientReported | None:
        """What the client says that it holds, or None where it cannot say."""


def one_after_the_other(session: Session, first: Call, second: Call, turn: Callable[[], None]) -> None:
    """What overlapping calls come to where a client does one thing at a time."""
    with suppress(Exhausted):
        session.call(first)
    turn()
    with suppress(Exhausted):
        session.call(second)


class Subject(Protocol):
    """Something that can be put under test."""

    @property
    def name(self) -> str:
        """What it is called on the command line and in reports."""

    @property
    def version(self) -> str | None:
        """Its release, where it has one."""

    @property
    def configured_mode(self) -> ConfiguredMode | None:
        """What configured scopes mean to it, by its own documentation (A11)."""

    @property
    def grant_types(self) -> tuple[str, ...]:
        """The grant types that it can be set up with."""

    @property
    def costly(self) -> bool:
        """Whether each episode takes a start of its own, so that only few can be afforded."""

    def playable(self, episode: Episode) -> Episode:
        """The episode, as far as this client can be put through it."""

    def open(self, plan: Plan, world: World) -> Session:
        """Start a client with nothing stored."""


class Exhausted(Exception):
    """The world's patience with one call is at its end."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request, what the servers were free to do about it, and their answer."""

    request: Request
    freedom: Freedom
    answer: Answer


class World:
    """The servers at work: answers requests, keeps the transcript, and spends the episode's choices."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.servers = plan.servers
        self.events: list[Event] = []
        self._arrived: list[ResourceRequest] = []
        self.exchanges: list[Exchange] = []
        self._challenges: list[Challenging] = []
        self._grants: list[Granting] = []
        self._persists = False
        self._patience = PATIENCE
        self._in_use: dict[str, str] = {}

    def begin(self, making: Making) -> None:
        """Take up the servers' choices for the next call."""
        self._challenges = list(reversed(making.challenges))
        self._grants = list(reversed(making.grants))
        self._persists = making.persists
        self._patience = PATIENCE

    def spend(self) -> None:
        """Count a request; raises Exhausted when a call goes on for ever."""
        self._patience -= 1
        if self._patience < 0:
            raise Exhausted

    def arrive(self, request: ResourceRequest) -> None:
        """Write a request down that is to be answered later."""
        self.events.append(request)
        self._arrived.append(request)

    def answer(self, request: Request, sent: Sent | None = None) -> Answer:
        """Answer one request and write both down; raises Exhausted when a call goes on for ever.

        `sent` is what to write down where the servers understand more than was sent, as over HTTP.
        """
        self.spend()
        written = sent or request
        if request in self._arrived:
            self._arrived.remove(request)
        elif isinstance(written, (ResourceRequest, ClientRegistration, AuthorizationRequest, TokenRequest)):
            self.events.append(written)
        freedom = self._freedom(request)
        self.servers, response = answer(self.servers, request, freedom)
        self.exchanges.append(Exchange(request, freedom, response))
        if isinstance(request, ResourceRequest) and request.access_token and request.resource:
            self._in_use[request.resource] = request.access_token
        if not isinstance(response, (Unavailable, Registered)):
            self.events.append(response)
        return response

    def _freedom(self, request: Request) -> Freedom:
        match request:
            case ResourceRequest():
                return Freedom(challenging=_next(self._challenges, Challenging(), keep=self._persists))
            case AuthorizationRequest():
                return Freedom(granting=_next(self._grants, Granting(), keep=self._persists))
            case TokenRequest() if request.grant_type in _CHOSEN_AT:
                return Freedom(granting=_next(self._grants, Granting(), keep=self._persists))
            case _:
                return Freedom()

    def token_in_use(self, resource: str) -> str | None:
        """The access token that was last presented at `resource`."""
        return self._in_use.get(resource)


class Run:
    """One episode in progress: take its steps in turn, then read the transcript."""

    def __init__(self, plan: Plan, subject: Subject) -> None:
        self.world = World(plan)
        self.session = subject.open(plan, self.world)
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

    def take(self, doing: EpisodeStep) -> None:
        """Let one thing happen."""
        world, session = self.world, self.session
        match doing:
            case Making(call):
                world.begin(doing)
                with suppress(Exhausted):
                    session.call(call)
            case Overlapping(first, second):
                world.begin(first)
                session.overlap(first.call, second.call, lambda: world.begin(second))
            case Expiring(resource):
                token = world.token_in_use(resource)
                if token is not None:
                    world.servers = world.servers.expire(token)
                    world.events.append(TokenExpired(token))
                    session.expire(token)
            case Restarting():
                if session.restart():
                    world.events.append(ClientRestarted())
            case Reporting(resource):
                report = session.report(resource)
                if report is not None:
                    world.events.append(report)
            case Republishing(resource, scopes_supported):
                world.servers = world.servers.republish(resource, scopes_supported)
            case Moving(resource, issuer):
                world.servers = world.servers.move(resource, issuer)
            case _:
                assert_never(doing)


def run(episode: Episode, subject: Subject) -> Transcript:
    """Play a whole episode and give its transcript."""
    running = Run(episode.plan, subject)
    for doing in episode.steps:
        running.take(doing)
    return running.transcript


# --- the model as a subject -----------------------------------------------------------------------


Stepping = Callable[[Client, Heard], Step]
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
    step: Stepping

    @property
    def challenged(self) -> Challenged | None:
        """The challenge that the client is busy answering, if it is."""
        for phase in (self.before.phase, self.after.phase):
            if isinstance(phase, (LearningResource, LearningServer, Registering, Refreshing)):
                return phase.challenged
        if isinstance(self.before.phase, Calling) and isinstance(self.event, ResourceResponse):
            return challenged(self.event)
        return None


@dataclass(slots=True)
class ModelSession:
    """A model client in a world; `transitions` is what the laws look at."""

    world: World
    client: Client
    step: Stepping
    transitions: list[Transition] = field(default_factory=list)

    def hear(self, event: Heard) -> Action:
        """Take one step and write it down."""
        before = self.client
        self.client, action = self.step(before, event)
        self.transitions.append(Transition(before, event, self.client, action, self.step))
        return action

    def call(self, call: Call) -> None:
        """Make a call and go on until it is served or given up."""
        action = self.hear(call)
        try:
            while not isinstance(action, (Served, Failed, Noted, Illegal)):
                action = self.hear(self.world.answer(action))
        except Exhausted:
            self.client = replace(self.client, phase=Idle())
            raise

    def overlap(self, first: Call, second: Call, turn: Callable[[], None]) -> None:
        """Make one call after the other: a client is a value, and does one thing at a time."""
        one_after_the_other(self, first, second, turn)

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


@dataclass(frozen=True, slots=True)
class ModelSubject:
    """The reference client, or a variation of it, under one policy."""

    policy: Policy = mcp_2026_07_28
    step: Stepping = step
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
    def costly(self) -> bool:
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


def _next(choices: list[Choice], plain: Choice, *, keep: bool) -> Choice:
    """The next choice, the last one for ever where it is to be kept, or the plain one."""
    if keep and len(choices) == 1:
        return choices[0]
    return choices.pop() if choices else plain


_CHOSEN_AT: Final = (REFRESH_TOKEN, CLIENT_CREDENTIALS, TOKEN_EXCHANGE)

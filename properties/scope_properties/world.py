"""The world of an episode: its servers at work, what they answered, and the transcript of it all."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from scope_model.client import Call
from scope_model.events import (
    CLIENT_CREDENTIALS,
    REFRESH_TOKEN,
    TOKEN_EXCHANGE,
    AuthorizationRequest,
    ClientRegistration,
    Event,
    RegistrationResponse,
    ResourceRequest,
    Sent,
    TokenExpired,
    TokenRequest,
    Unavailable,
)
from scope_model.servers import Answer, Challenging, Freedom, Granting, Request, Servers, answer

from .episodes import STREAM, EpisodeStep, MakeCall, MoveResource, Plan, RepublishMetadata

PATIENCE: Final = 60
"""How many requests a client may send within one call before the world stops answering it."""

Choice = TypeVar("Choice", Challenging, Granting)


class Exhausted(Exception):
    """The world's patience with one call is at its end."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request, what the servers were free to do about it, their answer, and the servers as they were before."""

    request: Request
    freedom: Freedom
    answer: Answer
    servers: Servers


class World:
    """The servers at work: answers requests, keeps the transcript, and spends the episode's choices.

    `exhausted_by` are the calls that went on until its patience with them was at its end, `coming` is what happens to a
    client that makes its calls by itself as it makes them, and `most_choices` how many requests of one call were
    answered as the episode chose, at the most.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.servers = plan.servers
        self.events: list[Event] = []
        self._arrived: list[ResourceRequest] = []
        self.exchanges: list[Exchange] = []
        self.overlapped = False
        self.sent_again = False
        self.most_choices = 0
        self._choices = 0
        self._challenges: list[Challenging] = []
        self._grants: list[Granting] = []
        self._persists = False
        self._patience = PATIENCE
        self._call: Call | None = None
        self.exhausted_by: set[Call] = set()
        self._in_use: dict[str, str] = {}
        self.coming: deque[EpisodeStep] = deque()

    def proceed(self) -> None:
        """Take up the next call of a client that makes its calls by itself, with what happens before it.

        Where no call is coming, it goes on with the choices of the last.
        """
        while self.coming:
            step = self.coming.popleft()
            if isinstance(step, MakeCall):
                self.begin(step)
                return
            self.change(step)

    def change(self, step: EpisodeStep) -> None:
        """Let a server change; what happens to the client alone changes none."""
        match step:
            case RepublishMetadata(resource, scopes_supported):
                self.servers = self.servers.republish(resource, scopes_supported)
            case MoveResource(resource, issuer):
                self.servers = self.servers.move(resource, issuer)
            case _:
                pass

    def begin(self, step: MakeCall) -> None:
        """Take up the servers' choices for the next call."""
        self._challenges = list(reversed(step.challenges))
        self._grants = list(reversed(step.grants))
        self._persists = step.persists
        self._choices = 0
        self._patience = PATIENCE
        self._call = step.call
        self.exhausted_by.discard(step.call)

    def begin_again(self, step: MakeCall) -> None:
        """Take up what is left of a call's choices for the same one that is sent again."""
        self.sent_again = True
        self.begin(self.left_of(step))

    def left_of(self, step: MakeCall) -> MakeCall:
        """The call that was begun last, with the choices that it did not use."""
        return replace(step, challenges=tuple(reversed(self._challenges)), grants=tuple(reversed(self._grants)))

    def spend(self) -> None:
        """Count a request; raises Exhausted when a call goes on for ever."""
        self._patience -= 1
        if self._patience < 0:
            self.exhausted_by.update(() if self._call is None else (self._call,))
            raise Exhausted

    def arrive(self, request: ResourceRequest) -> None:
        """Write a request down that is to be answered later."""
        self.events.append(request)
        self.overlapped = self.overlapped or bool(self._arrived)
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
        servers = self.servers
        self.servers, response = answer(servers, request, freedom)
        self.exchanges.append(Exchange(request, freedom, response, servers))
        if isinstance(request, ResourceRequest) and request.access_token and request.resource:
            self._in_use[request.resource] = request.access_token
        if not isinstance(response, (Unavailable, RegistrationResponse)):
            self.events.append(response)
        return response

    def _freedom(self, request: Request) -> Freedom:
        match request:
            case ResourceRequest() if request.operation == STREAM:
                return Freedom()  # it comes whenever a client has time for it
            case ResourceRequest():
                self._choices += bool(self._challenges)
                self.most_choices = max(self.most_choices, self._choices)
                return Freedom(challenging=_next(self._challenges, Challenging(), keep=self._persists))
            case AuthorizationRequest():
                return Freedom(granting=_next(self._grants, Granting(), keep=self._persists))
            case TokenRequest() if request.grant_type in _CHOSEN_AT:
                return Freedom(granting=_next(self._grants, Granting(), keep=self._persists))
            case _:
                return Freedom()

    @property
    def brief_tokens(self) -> list[str]:
        """The access tokens whose lifetime ends with a call."""
        return [token for token, issued in self.servers.access_tokens.items() if issued.brief]

    def expire(self, access_token: str) -> None:
        """Let an access token reach the end of its lifetime."""
        self.servers = self.servers.expire(access_token)
        self.events.append(TokenExpired(access_token))

    def token_in_use(self, resource: str) -> str | None:
        """The access token that was last presented at `resource`."""
        return self._in_use.get(resource)


def _next(choices: list[Choice], plain: Choice, *, keep: bool) -> Choice:
    """The next choice, the last one for ever where it is to be kept, or the plain one."""
    if keep and len(choices) == 1:
        return choices[0]
    return choices.pop() if choices else plain


_CHOSEN_AT: Final = (REFRESH_TOKEN, CLIENT_CREDENTIALS, TOKEN_EXCHANGE)

"""What laws are about: a transition, or what there is in one, found once for all the laws that look at it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from scope_model.challenges import Challenge, bearer_challenge, parse_challenges
from scope_model.client import (
    Action,
    Asserting,
    Authorizing,
    Call,
    Calling,
    Challenged,
    Client,
    Exchanging,
    Failed,
    Grant,
    Illegal,
    Memory,
    Noted,
    Refreshing,
    Served,
    Step,
    select,
)
from scope_model.events import (
    CLIENT_CREDENTIALS,
    TOKEN_EXCHANGE,
    AuthorizationRequest,
    Key,
    ResourceResponse,
    TokenRequest,
    TokenResponse,
)
from scope_model.scopes import NO_SCOPES, ScopeSet, read_scope
from scope_properties.model_subject import Transition


def any_transition(transition: Transition) -> Transition:
    """Every transition."""
    return transition


def asks(action: Action) -> bool:
    """Whether a client sends or fetches something more, in place of ending its call."""
    return not isinstance(action, (Served, Failed, Noted, Illegal))


def request_sent(transition: Transition) -> Transition | None:
    """A transition that sends a request to an authorization server."""
    return transition if isinstance(transition.action, (AuthorizationRequest, TokenRequest)) else None


@dataclass(frozen=True, slots=True)
class ScopeRequest:
    """A request for scopes that a transition sends: what it answers, the account before, and what is selected."""

    client: Client
    call: Call
    key: Key
    challenged: Challenged
    grant: Grant | None
    asked: ScopeSet
    text: str | None
    chosen: ScopeSet

    def choosing(self, memory: Memory) -> ScopeSet:
        """What the policy would select, did the client remember something else."""
        other = Client(self.client.setup, self.client.storage, memory)
        return select(other, self.call, self.challenged, self.key.issuer) or NO_SCOPES

    @property
    def listed(self) -> ScopeSet | None:
        """What the resource metadata lists, as far as the client remembers."""
        return self.client.memory.resource_metadata.get(self.call.resource)

    @property
    def server_listed(self) -> ScopeSet | None:
        """What the authorization server's metadata lists, as far as the client remembers."""
        return self.client.memory.server_metadata.get(self.key.issuer)


@lru_cache(maxsize=1)  # the laws look at one transition after the other
def scope_request(transition: Transition) -> ScopeRequest | None:
    """The request for scopes that this transition sends, if it sends one."""
    action = transition.action
    if isinstance(action, TokenRequest):
        if action.grant_type not in (CLIENT_CREDENTIALS, TOKEN_EXCHANGE):
            return None
    elif not isinstance(action, AuthorizationRequest):
        return None
    phase = transition.after.phase
    if not isinstance(phase, (Authorizing, Exchanging, Asserting)):
        return None
    challenged = transition.challenged
    if challenged is None:
        return None
    client, call = transition.after, phase.call
    key = Key(phase.issuer, call.resource)
    text = action.scope if isinstance(action.scope, str | None) else " ".join(action.scope)
    asked = NO_SCOPES if text is None else read_scope(text)
    chosen = select(client, call, challenged, key.issuer) or NO_SCOPES
    grant = transition.before.storage.grants.get(key)
    return ScopeRequest(client, call, key, challenged, grant, asked, text, chosen)


@dataclass(frozen=True, slots=True)
class NewGrant:
    """A grant that a transition writes down, with the response that it comes from."""

    transition: Transition
    phase: Exchanging
    response: TokenResponse
    grant: Grant


def new_grant(transition: Transition) -> NewGrant | None:
    """The grant that this transition writes down, if it does."""
    phase, event = transition.before.phase, transition.event
    if not isinstance(phase, Exchanging) or not isinstance(event, TokenResponse) or event.access_token is None:
        return None
    grant = transition.after.storage.grants.get(Key(phase.issuer, phase.call.resource))
    return None if grant is None else NewGrant(transition, phase, event, grant)


@dataclass(frozen=True, slots=True)
class RefreshedToken:
    """A refresh that a transition takes in, with the account before and after."""

    response: TokenResponse
    before: Grant
    after: Grant


def refreshed_token(transition: Transition) -> RefreshedToken | None:
    """The refresh that this transition takes in, if it does."""
    phase, event = transition.before.phase, transition.event
    if not isinstance(phase, Refreshing) or not isinstance(event, TokenResponse) or event.access_token is None:
        return None
    return RefreshedToken(
        event, transition.before.storage.grants[phase.key], transition.after.storage.grants[phase.key]
    )


@dataclass(frozen=True, slots=True)
class HeardChallenge:
    """A 401 or 403 that a transition hears: its Bearer challenges, and the scopes and error of the one to answer."""

    transition: Transition
    phase: Calling
    response: ResourceResponse
    bearers: list[Challenge]
    scopes: ScopeSet | None
    error: str | None

    @property
    def understood(self) -> ScopeSet | None:
        """The scopes that the client found in the challenge, if it goes on and found any."""
        challenged = self.transition.challenged
        return None if challenged is None else challenged.scope

    def answer(self, lines: tuple[str, ...] | None = None) -> Step:
        """What the client made of the challenge, or would have made of it in these words."""
        transition, response = self.transition, self.response
        if lines is None or lines == response.www_authenticate:
            return transition.after, transition.action
        other = ResourceResponse(response.operation, response.status, lines, response.resource)
        return transition.step(transition.before, other)


def challenge_heard(transition: Transition) -> HeardChallenge | None:
    """The challenge that this transition hears while it waits for an answer."""
    phase, event = transition.before.phase, transition.event
    if not isinstance(phase, Calling) or not isinstance(event, ResourceResponse):
        return None
    if event.status not in (401, 403) or event.operation != phase.call.operation:
        return None
    parts = parse_challenges(event.www_authenticate)
    bearers = [part for part in parts if isinstance(part, Challenge) and part.is_bearer]
    answered = bearer_challenge(bearers) or Challenge("Bearer")
    scope = answered.get("scope")
    named = None if scope is None else read_scope(scope) or None
    return HeardChallenge(transition, phase, event, bearers, named, answered.get("error"))

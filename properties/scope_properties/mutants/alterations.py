"""Ways to be wrong: to choose, read, send or remember something else than the reference does."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Final

from scope_judge.misreadings import MISREADINGS
from scope_model.challenges import Challenge, bearer_challenge, parse_challenges
from scope_model.client import (
    Action,
    Authorizing,
    Call,
    Client,
    Exchanging,
    Failed,
    Grant,
    Heard,
    Illegal,
    Refreshing,
    Step,
)
from scope_model.events import (
    OFFLINE_ACCESS,
    REFRESH_TOKEN,
    AuthorizationRequest,
    ClientRegistration,
    Key,
    ResourceResponse,
    TokenRequest,
    TokenResponse,
)
from scope_model.policies import Policy, mcp_2026_07_28
from scope_model.scopes import NO_SCOPES, ScopeSet
from scope_model.selections import (
    Selection,
    Sources,
    accumulate,
    challenge,
    chosen_by,
    configured,
    first_of,
    granted,
    requested,
    resource_metadata,
)
from scope_model.spellings import SPELLINGS

from .mutant import AlterEvent, AlterStep, Mutant

REFERENCE: Final = mcp_2026_07_28
FIRST: Final = first_of(challenge, resource_metadata, configured)
"""What the reference selects at first, but for offline_access."""


# --- to choose something else ---------------------------------------------------------------------


def choosing(
    select: Selection = REFERENCE.select, step_up: Selection | None = None, reauthorize: Selection | None = None
) -> Policy:
    """The reference's policy with some of its selections exchanged."""
    return replace(
        REFERENCE,
        select=select,
        step_up=step_up or REFERENCE.step_up,
        reauthorize=reauthorize or REFERENCE.reauthorize,
    )


def always_choosing(transform: Callable[[ScopeSet, Sources], ScopeSet | None]) -> Policy:
    """The reference's policy with every choice of its own transformed."""

    def transformed(selection: Selection) -> Selection:
        def choose(sources: Sources) -> ScopeSet | None:
            return transform(selection(sources) or NO_SCOPES, sources)

        return chosen_by(choose)

    return choosing(
        transformed(REFERENCE.select),
        transformed(REFERENCE.step_up or REFERENCE.select),
        transformed(REFERENCE.reauthorize or REFERENCE.select),
    )


NEVER_OFFLINE: Final = choosing(
    FIRST,
    accumulate(requested, granted, first_of(challenge, resource_metadata)),
    accumulate(requested, granted, challenge).or_else(FIRST),
)
"""The reference's policy, but that it adds offline_access to nothing."""


# --- to read something else -----------------------------------------------------------------------


def misreading(name: str, *, also: AbstractSet[str] = frozenset(), only_by: AbstractSet[str] = frozenset()) -> Mutant:
    """A mutant that makes of a challenge what the misreading of that name makes of it."""
    wrong = next(known for known in MISREADINGS if known.name == name)

    def alter(_: Client, event: Heard) -> Heard:
        if not isinstance(event, ResourceResponse) or event.status not in (401, 403):
            return event
        read, right = wrong.read(event.www_authenticate), bearer_challenge(parse_challenges(event.www_authenticate))
        kept = [] if right is None else [(n, v) for n, v in right.parameters if n not in ("scope", "error")]
        kept += [(n, v) for n, v in (("scope", read.scope), ("error", read.error)) if v is not None]
        return replace(event, www_authenticate=SPELLINGS["plain"](kept))

    return Mutant(wrong.name, wrong.clause, wrong.says, alter_event=alter, also=also, only_by=only_by)


def reading_challenges(change: Callable[[ResourceResponse, dict[str, str]], None]) -> AlterEvent:
    """Read other parameters in the challenge to answer: `change` them where they stand."""

    def alter(_: Client, event: Heard) -> Heard:
        if not isinstance(event, ResourceResponse) or event.status not in (401, 403):
            return event
        answered = bearer_challenge(parse_challenges(event.www_authenticate))
        right = {} if answered is None else {name: answered.get(name) or "" for name, _ in answered.parameters}
        read = dict(right)
        change(event, read)
        return event if read == right else replace(event, www_authenticate=SPELLINGS["plain"](list(read.items())))

    return alter


def reading_names(change: Callable[[list[str]], list[str]]) -> AlterEvent:
    """Read other scopes in a challenge."""

    def alter(_: ResourceResponse, read: dict[str, str]) -> None:
        if "scope" in read:
            read["scope"] = " ".join(change(read["scope"].split()))

    return reading_challenges(alter)


def reading_each_name(change: Callable[[str], str]) -> AlterEvent:
    """Read each scope of a challenge otherwise."""
    return reading_names(lambda names: list(map(change, names)))


def deaf_where(written: str) -> AlterEvent:
    """Find neither scope nor error in a challenge whose lines match the pattern `written`."""
    odd = re.compile(written)

    def alter(response: ResourceResponse, read: dict[str, str]) -> None:
        if any(map(odd.search, response.www_authenticate)):
            read.pop("scope", None)
            read.pop("error", None)

    return reading_challenges(alter)


def bearers_of(response: ResourceResponse) -> list[Challenge]:
    """The Bearer challenges of a response."""
    parts = parse_challenges(response.www_authenticate)
    return [part for part in parts if isinstance(part, Challenge) and part.is_bearer]


def reading_tokens(
    change: Callable[[Client, Exchanging, TokenResponse], TokenResponse],
) -> AlterEvent:
    """Read successful answers to a code or to client credentials otherwise."""

    def alter(client: Client, event: Heard) -> Heard:
        phase = client.phase
        if isinstance(event, TokenResponse) and event.access_token is not None and isinstance(phase, Exchanging):
            return change(client, phase, event)
        return event

    return alter


# --- to send something else -----------------------------------------------------------------------


def sending(change: Callable[[Client, Client, Action], Action]) -> AlterStep:
    """Send something else, and become the same."""

    def alter(before: Client, _: Heard, after: Client, action: Action) -> Step:
        return after, change(before, after, action)

    return alter


def respelling(respell: Callable[[str], str | tuple[str, ...]]) -> AlterStep:
    """Write the scopes of every authorization request otherwise."""

    def change(_: Client, __: Client, action: Action) -> Action:
        if isinstance(action, AuthorizationRequest) and isinstance(action.scope, str):
            return replace(action, scope=respell(action.scope))
        return action

    return sending(change)


def refreshing_for(scope: Callable[[Client, Key, Grant], ScopeSet | None]) -> AlterStep:
    """Name scopes in refresh requests."""

    def change(before: Client, after: Client, action: Action) -> Action:
        phase = after.phase
        if isinstance(action, TokenRequest) and action.grant_type == REFRESH_TOKEN and isinstance(phase, Refreshing):
            named = scope(before, phase.key, before.storage.grants[phase.key])
            return replace(action, scope=str(named) if named else None)
        return action

    return sending(change)


def registering_narrowly(_: Client, __: Client, action: Action) -> Action:
    """Register for one scope alone."""
    return replace(action, scope="a") if isinstance(action, ClientRegistration) else action


def asking_without_progress(change: Callable[[Grant, ScopeSet], ScopeSet | None]) -> AlterStep:
    """Where the reference gives up for want of progress, ask again."""

    def alter(before: Client, _: Heard, after: Client, action: Action) -> Step:
        if not isinstance(action, Failed) or "RETRY-3" not in action.reason:
            return after, action
        issuer, grant = before.storage.issuers[action.call.resource], before.grant(action.call.resource)
        listed = before.memory.server_metadata.get(issuer) or NO_SCOPES
        scope = None if grant is None else change(grant, listed)
        if not scope or (OFFLINE_ACCESS in scope and not before.setup.wants_refresh_token):
            return after, action
        attempts = {**after.memory.attempts, action.call: after.memory.attempts.get(action.call, 0) + 1}
        prompt = "consent" if OFFLINE_ACCESS in scope else None
        return (
            replace(
                after,
                phase=Authorizing(action.call, issuer, scope),
                memory=replace(after.memory, attempts=attempts),
            ),
            AuthorizationRequest(str(scope), prompt, issuer, action.call.resource),
        )

    return alter


# --- to remember something else -------------------------------------------------------------------


def remembering(change: Callable[[Client, Heard, Client], Client]) -> AlterStep:
    """Become something else where the event has a place, and do the same."""

    def alter(before: Client, event: Heard, after: Client, action: Action) -> Step:
        return after if isinstance(action, Illegal) else change(before, event, after), action

    return alter


def remembering_grant(
    change: Callable[[TokenResponse, Grant, Grant], Grant], phase: type[Exchanging | Refreshing]
) -> AlterStep:
    """Write another account down than the one that a token response brings: from the one before and the one after."""

    def alter(before: Client, event: Heard, after: Client) -> Client:
        was = before.phase
        if not isinstance(was, phase) or not isinstance(event, TokenResponse) or event.access_token is None:
            return after
        key = was.key if isinstance(was, Refreshing) else Key(was.issuer, was.call.resource)
        now = after.storage.grants[key]
        changed = change(event, before.storage.grants.get(key, now), now)
        return changing_grants(after, lambda known, grant: changed if known == key else grant)

    return remembering(alter)


def changing_grants(client: Client, change: Callable[[Key, Grant], Grant]) -> Client:
    """The same client with other accounts."""
    grants = {key: change(key, grant) for key, grant in client.storage.grants.items()}
    return replace(client, storage=replace(client.storage, grants=grants))


def forgetting(grant: Grant) -> Grant:
    """The same tokens, of which nothing is known any more."""
    return replace(grant, requested=NO_SCOPES, granted=None, in_hand=None)


def counting_attempts(count: Callable[[Client, Heard, Client], Mapping[Call, int]]) -> AlterStep:
    """Count attempts otherwise."""

    def alter(before: Client, event: Heard, after: Client) -> Client:
        return replace(after, memory=replace(after.memory, attempts=count(before, event, after)))

    return remembering(alter)

"""Wrong about how often to ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from scope_model.client import Action, Authorizing, Call, Calling, Client, Heard, Idle, Refreshing, Step, challenged
from scope_model.events import (
    OFFLINE_ACCESS,
    REFRESH_TOKEN,
    AuthorizationRequest,
    AuthorizationResponse,
    ClientRestarted,
    Key,
    ResourceResponse,
    TokenRequest,
    TokenResponse,
)
from scope_model.scopes import NO_SCOPES

from .alterations import REFERENCE, asking_without_progress, counting_attempts
from .mutant import Mutant


def _reset_by_token(_: Client, event: Heard, after: Client) -> Mapping[Call, int]:
    return {} if isinstance(event, TokenResponse) and event.access_token else after.memory.attempts


def _reset_by_new_scopes(before: Client, event: Heard, after: Client) -> Mapping[Call, int]:
    phase = before.phase
    if isinstance(event, ResourceResponse) and event.status == 403 and isinstance(phase, Calling):
        grant, named = before.grant(phase.call.resource), challenged(event).scope
        if grant is not None and named is not None and not named <= grant.requested:
            return {}
    return after.memory.attempts


def _counted_for_the_session(before: Client, event: Heard, after: Client) -> Mapping[Call, int]:
    if isinstance(event, ClientRestarted):
        return {}
    counts = {**before.memory.attempts, **after.memory.attempts}
    calls = counts if isinstance(after.phase, Idle) else (*counts, after.phase.call)
    return dict.fromkeys(calls, max(counts.values(), default=0))


def _refreshes_without_end(before: Client, event: Heard, after: Client, action: Action) -> Step:
    phase = before.phase
    if not isinstance(phase, Calling) or phase.after != "refresh" or not isinstance(event, ResourceResponse):
        return after, action
    said, grant = challenged(event), before.grant(phase.call.resource)
    if not (event.status == 401 or said.insufficient_scope) or grant is None or grant.refresh_token is None:
        return after, action
    key = Key(before.storage.issuers[phase.call.resource], phase.call.resource)
    request = TokenRequest(REFRESH_TOKEN, None, grant.refresh_token, key.issuer, key.resource)
    return replace(before, phase=Refreshing(phase.call, key, said)), request


def _insists(before: Client, event: Heard, after: Client, action: Action) -> Step:
    phase = before.phase
    if isinstance(phase, Authorizing) and isinstance(event, AuthorizationResponse) and event.error is not None:
        scope = None if phase.scope is None else str(phase.scope)
        prompt = "consent" if phase.scope is not None and OFFLINE_ACCESS in phase.scope else None
        return before, AuthorizationRequest(scope, prompt, phase.issuer, phase.call.resource)
    return after, action


def _insists_on_a_refresh(before: Client, event: Heard, after: Client, action: Action) -> Step:
    phase = before.phase
    if not isinstance(phase, Refreshing) or not isinstance(event, TokenResponse) or event.error is None:
        return after, action
    token = before.storage.grants[phase.key].refresh_token
    return before, TokenRequest(REFRESH_TOKEN, None, token, phase.key.issuer, phase.key.resource)


MUTANTS: Final = (
    Mutant(
        "bound-reset-by-success",
        "RETRY-1",
        "counts afresh after each token",
        alter_step=counting_attempts(_reset_by_token),
        also={"RETRY-2", "RETRY-3", "RETRY-4"},
    ),
    Mutant(
        "no-bound", "RETRY-2", "never gives up", replace(REFERENCE, attempts=1_000_000), also={"RETRY-1", "RETRY-4"}
    ),
    Mutant(
        "bound-for-the-session",
        "RETRY-2",
        "counts the attempts of all operations together",
        alter_step=counting_attempts(_counted_for_the_session),
        also={"STEP-2"},
    ),
    Mutant(
        "asks-without-progress",
        "RETRY-3",
        "asks again for what it holds",
        alter_step=asking_without_progress(lambda grant, _: grant.requested | (grant.granted or NO_SCOPES)),
    ),
    Mutant(
        "bound-reset-by-new-scopes",
        "RETRY-4",
        "counts afresh for each new scope",
        alter_step=counting_attempts(_reset_by_new_scopes),
        also={"RETRY-1", "RETRY-3"},
    ),
    Mutant(
        "refreshes-without-end",
        "RETRY-1",
        "refreshes a token that was just refreshed, as long as it is refused",
        alter_step=_refreshes_without_end,
        also={"CHAL-8", "RETRY-2", "STEP-5"},
    ),
    Mutant(
        "insists-on-a-refresh",
        "RETRY-5",
        "sends a refused refresh again, as long as it is refused",
        alter_step=_insists_on_a_refresh,
        also={"RETRY-2"},
    ),
    Mutant("insists", "RETRY-5", "sends a refused request again", alter_step=_insists, also={"RETRY-1", "RETRY-2"}),
)

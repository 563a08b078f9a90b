"""Wrong about the scope that asks for a refresh token."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from scope_model.client import Action, Authorizing, Client, Exchanging, Heard, Step
from scope_model.events import (
    OFFLINE,
    OFFLINE_ACCESS,
    REFRESH_TOKEN,
    AuthorizationRequest,
    ClientRegistration,
    TokenResponse,
)
from scope_model.scopes import NO_SCOPES

from .alterations import NEVER_OFFLINE, always_choosing, asking_without_progress, sending
from .mutant import Mutant


def _without_prompt(_: Client, __: Client, action: Action) -> Action:
    return replace(action, prompt=None) if isinstance(action, AuthorizationRequest) else action


def _registers_without_refresh(_: Client, __: Client, action: Action) -> Action:
    if isinstance(action, ClientRegistration):
        return replace(action, grant_types=tuple(t for t in action.grant_types or () if t != REFRESH_TOKEN))
    return action


def _expects_a_refresh_token(before: Client, event: Heard, after: Client, action: Action) -> Step:
    phase = before.phase
    if isinstance(phase, Exchanging) and isinstance(event, TokenResponse) and event.access_token is not None:
        if event.refresh_token is None and phase.scope is not None and OFFLINE_ACCESS in phase.scope:
            again = AuthorizationRequest(str(phase.scope), "consent", phase.issuer, phase.call.resource)
            return replace(after, phase=Authorizing(phase.call, phase.issuer, phase.scope)), again
    return after, action


MUTANTS: Final = (
    Mutant(
        "offline-access-always",
        "OFFLINE-1",
        "adds offline_access whatever the server lists",
        always_choosing(lambda chosen, _: chosen | OFFLINE if chosen else None),
    ),
    Mutant(
        "expects-a-refresh-token",
        "OFFLINE-2",
        "authorizes again where no refresh token came",
        alter_step=_expects_a_refresh_token,
        also={"ACC-2", "ACC-6", "CHAL-1", "CHAL-8", "GRANT-3", "RETRY-1", "RETRY-2", "RETRY-3", "STEP-7"},
    ),
    Mutant(
        "filters-offline-access",
        "OFFLINE-3",
        "never asks for offline_access, even where it is challenged",
        always_choosing(lambda chosen, _: chosen - OFFLINE),
        also={"CHAL-1", "SEL-2"},
    ),
    Mutant(
        "registers-without-refresh",
        "OFFLINE-4",
        "does not register for refresh tokens",
        alter_step=sending(_registers_without_refresh),
    ),
    Mutant(
        "no-consent-prompt",
        "OFFLINE-5",
        "asks for offline_access without a prompt",
        alter_step=sending(_without_prompt),
    ),
    Mutant(
        "offline-access-is-progress",
        "OFFLINE-6",
        "asks again with nothing new but offline_access",
        NEVER_OFFLINE,
        alter_step=asking_without_progress(
            lambda grant, listed: (
                grant.requested | (grant.granted or NO_SCOPES) | OFFLINE
                if OFFLINE_ACCESS in listed and OFFLINE_ACCESS not in grant.requested
                else None
            )
        ),
        also={"RETRY-3"},
    ),
)

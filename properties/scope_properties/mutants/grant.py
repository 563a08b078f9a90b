"""Wrong about what a token response grants."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from scope_model.client import Action, Asserting, Client, Exchanging, Grant, Heard, Step
from scope_model.events import (
    AUTHORIZATION_CODE,
    TOKEN_EXCHANGE,
    AuthorizationResponse,
    Key,
    TokenRequest,
    TokenResponse,
)
from scope_model.scopes import NO_SCOPES, scopes
from scope_properties.tables import WITHOUT_A_USER

from .alterations import REFERENCE, reading_tokens, remembering, sending
from .mutant import Mutant


def _scope_at_exchange(_: Client, after: Client, action: Action) -> Action:
    phase = after.phase
    if isinstance(action, TokenRequest) and action.grant_type == AUTHORIZATION_CODE and isinstance(phase, Exchanging):
        return replace(action, scope=None if phase.scope is None else str(phase.scope))
    return action


def _narrower(phase: Exchanging, event: TokenResponse) -> bool:
    return event.scope is not None and len(event.scope.split()) < len(phase.scope or NO_SCOPES)


def _ignores_narrower(_: Client, phase: Exchanging, event: TokenResponse) -> TokenResponse:
    return replace(event, scope=None) if _narrower(phase, event) else event


def _ignores_wider(_: Client, phase: Exchanging, event: TokenResponse) -> TokenResponse:
    wider = event.scope is not None and phase.scope and len(event.scope.split()) > len(phase.scope)
    return replace(event, scope=None) if wider else event


def _clears(_: Client, __: Exchanging, event: TokenResponse) -> TokenResponse:
    return replace(event, scope="") if event.scope is None else event


def _guesses(client: Client, phase: Exchanging, event: TokenResponse) -> TokenResponse:
    if event.scope is not None or phase.asked is not None:
        return event
    listed = client.memory.server_metadata.get(phase.issuer) or scopes("a")
    return replace(event, scope=str(listed))


def _decodes_the_token(_: Client, __: Exchanging, event: TokenResponse) -> TokenResponse:
    claimed = re.search(r"scope=([^.]+)", event.access_token or "")
    return replace(event, scope=claimed[1]) if claimed else event


def _rejects_narrower(_: Client, phase: Exchanging, event: TokenResponse) -> TokenResponse:
    return TokenResponse(error="narrower") if _narrower(phase, event) else event


def _takes_the_first_leg(client: Client, phase: Exchanging, event: TokenResponse) -> TokenResponse:
    exchanges = phase.scope and client.setup.grant_type == TOKEN_EXCHANGE
    return replace(event, scope=str(phase.scope)) if exchanges else event


def _wipes_on_refusal(_: Client, event: Heard, after: Client) -> Client:
    if isinstance(event, AuthorizationResponse) and event.error is not None:
        return replace(after, storage=replace(after.storage, grants={}))
    return after


def _wipes_on_a_refused_code(before: Client, event: Heard, after: Client) -> Client:
    if isinstance(before.phase, Exchanging) and isinstance(event, TokenResponse) and event.error == "invalid_grant":
        return replace(after, storage=replace(after.storage, grants={}))
    return after


def _writes_the_first_leg_down(before: Client, event: Heard, after: Client, action: Action) -> Step:
    phase = before.phase
    if isinstance(phase, Asserting) and isinstance(event, TokenResponse) and isinstance(action, TokenRequest):
        key, scope = Key(phase.issuer, phase.call.resource), phase.scope or NO_SCOPES
        if key not in after.storage.grants:
            grants = {**after.storage.grants, key: Grant(scope, scope, scope, "assertion")}
            return replace(after, storage=replace(after.storage, grants=grants)), action
    return after, action


MUTANTS: Final = (
    Mutant(
        "wiped-by-a-refusal",
        "ACC-10",
        "drops its tokens when the user refuses more",
        alter_step=remembering(_wipes_on_refusal),
        also={"ACC-2", "ACC-8"},
    ),
    Mutant(
        "wiped-by-a-refused-code",
        "ACC-10",
        "drops its tokens when a code is refused",
        alter_step=remembering(_wipes_on_a_refused_code),
        only_by={"grant=refused_code"},
        also={"ACC-1", "ACC-2", "ACC-8"},
    ),
    Mutant(
        "clears-at-exchange",
        "GRANT-1",
        "takes an omitted scope for none",
        alter_event=reading_tokens(_clears),
        also={"GRANT-2", "GRANT-4", "RETAIN-1", "RETAIN-3", "RETRY-3"},
    ),
    Mutant(
        "blank-at-exchange",
        "GRANT-1",
        "takes an omitted scope for unknown",
        replace(REFERENCE, on_omitted_scope="forget"),
        also={"GRANT-2", "RETAIN-1", "RETRY-3", "STEP-2"},
    ),
    Mutant(
        "keeps-the-earlier-grant",
        "GRANT-1",
        "takes an omitted scope for the grant of before",
        replace(REFERENCE, on_omitted_scope="keep"),
        also={"GRANT-2", "RETAIN-1", "RETAIN-3", "RETRY-3"},
    ),
    Mutant(
        "ignores-a-narrower-grant",
        "GRANT-2",
        "believes that it got all that it asked for",
        alter_event=reading_tokens(_ignores_narrower),
        also={"STEP-2"},
    ),
    Mutant(
        "ignores-a-wider-grant",
        "GRANT-2",
        "believes that it got no more than it asked for",
        alter_event=reading_tokens(_ignores_wider),
        also={"ACC-2", "ACC-8"},
    ),
    Mutant(
        "rejects-another-grant",
        "GRANT-3",
        "takes a narrower grant for a failure",
        alter_event=reading_tokens(_rejects_narrower),
        also={"ACC-1", "ACC-2", "ACC-4", "ACC-8", "CHAL-8", "GRANT-2", "ORDER-3", "RETAIN-2", "RETAIN-4", "STEP-5"},
    ),
    Mutant(
        "guesses-from-metadata",
        "GRANT-4",
        "takes an unknown grant for all that the server lists",
        alter_event=reading_tokens(_guesses),
        also={"ACC-7", "OFFLINE-1", "ORDER-2", "SEL-6", "SEL-7"},
    ),
    Mutant(
        "decodes-the-token",
        "GRANT-5",
        "reads the grant off the token",
        alter_event=reading_tokens(_decodes_the_token),
        law_only="the tokens of these worlds are opaque",
    ),
    Mutant(
        "scope-at-exchange", "GRANT-6", "names scopes when it exchanges a code", alter_step=sending(_scope_at_exchange)
    ),
    Mutant(
        "first-leg-decides",
        "EXT-2",
        "takes the scope of the first leg for that of the token",
        alter_event=reading_tokens(_takes_the_first_leg),
        grant_types=WITHOUT_A_USER,
        also={"ACC-2", "ACC-8", "STEP-2"},
    ),
    Mutant(
        "writes-the-first-leg-down",
        "EXT-2",
        "counts the first leg of a token exchange as a grant",
        alter_step=_writes_the_first_leg_down,
        grant_types=WITHOUT_A_USER,
        law_only="the second leg follows at once, and what it brings overwrites it",
    ),
)

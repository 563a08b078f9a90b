"""Wrong about what a refresh asks for, brings, and leaves as it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from scope_model.client import Action, Call, Client, Exchanging, Grant, Heard, Refreshing, Step
from scope_model.events import OFFLINE, REFRESH_TOKEN, Key, TokenRequest, TokenResponse
from scope_model.scopes import NO_SCOPES, scopes
from scope_properties.tables import WITHOUT_A_USER

from .alterations import changing_grants, forgetting, refreshing_for, remembering, remembering_grant
from .mutant import Mutant


def _forgets_at_failed_refresh(before: Client, event: Heard, after: Client) -> Client:
    phase = before.phase
    if isinstance(phase, Refreshing) and isinstance(event, TokenResponse) and event.access_token is None:
        return changing_grants(after, lambda key, grant: forgetting(grant) if key == phase.key else grant)
    return after


def _clears(response: TokenResponse, _: Grant, now: Grant) -> Grant:
    return replace(now, granted=NO_SCOPES, in_hand=NO_SCOPES) if response.scope is None else now


def _narrows(response: TokenResponse, _: Grant, now: Grant) -> Grant:
    return now if response.scope is None else replace(now, granted=now.in_hand, requested=now.in_hand or NO_SCOPES)


def _sticks_narrow(response: TokenResponse, was: Grant, now: Grant) -> Grant:
    narrow = was.in_hand is not None and was.granted is not None and not was.granted <= was.in_hand
    return replace(now, in_hand=was.in_hand, granted=was.in_hand) if narrow and response.scope is None else now


def _refreshes_client_credentials(before: Client, event: Heard, after: Client, action: Action) -> Step:
    if isinstance(event, Call):
        grant, issuer = before.grant(event.resource), before.storage.issuers.get(event.resource)
        if grant is not None and grant.expired and issuer is not None:
            key = Key(issuer, event.resource)
            request = TokenRequest(REFRESH_TOKEN, None, None, issuer, event.resource)
            return replace(before, phase=Refreshing(event, key, None)), request
    return after, action


MUTANTS: Final = (
    Mutant(
        "forgets-at-failed-refresh",
        "ACC-8",
        "loses its account with its refresh token",
        alter_step=remembering(_forgets_at_failed_refresh),
        also={"ORDER-3"},
    ),
    Mutant(
        "clears-at-refresh",
        "RETAIN-1",
        "takes a refresh that omits the scope for an empty one",
        alter_step=remembering_grant(_clears, Refreshing),
        also={"GRANT-2", "GRANT-4", "REFRESH-3", "RETAIN-3", "RETRY-3"},
    ),
    Mutant(
        "narrows-the-grant",
        "RETAIN-2",
        "takes a narrower token for a narrower grant",
        alter_step=remembering_grant(_narrows, Refreshing),
        also={"ACC-1", "CHAL-8", "ORDER-3", "REFRESH-3"},
    ),
    Mutant(
        "keeps-the-old-refresh-token",
        "RETAIN-3",
        "goes on with a refresh token that was replaced",
        alter_step=remembering_grant(lambda _, was, now: replace(now, refresh_token=was.refresh_token), Refreshing),
    ),
    Mutant(
        "drops-the-refresh-token",
        "RETAIN-3",
        "gives up its refresh token where no new one comes",
        alter_step=remembering_grant(
            lambda response, _, now: replace(now, refresh_token=response.refresh_token), Refreshing
        ),
        also={"CHAL-8"},
    ),
    Mutant(
        "drops-what-comes-again",
        "RETAIN-3",
        "takes a refresh token that comes again for one that is used up",
        alter_step=remembering_grant(
            lambda response, was, now: (
                replace(now, refresh_token=None) if response.refresh_token == was.refresh_token else now
            ),
            Refreshing,
        ),
        only_by={"rotates: False"},
        also={"CHAL-8"},
    ),
    Mutant(
        "pairs-an-old-refresh-token",
        "RETAIN-4",
        "keeps the refresh token of an earlier grant",
        alter_step=remembering_grant(
            lambda _, was, now: replace(now, refresh_token=now.refresh_token or was.refresh_token), Exchanging
        ),
        only_by={"refresh_token=False"},
    ),
    Mutant(
        "refreshes-beyond-the-grant",
        "REFRESH-1",
        "refreshes for all that it ever asked for, and offline_access",
        alter_step=refreshing_for(lambda _, __, grant: None if grant.granted is None else grant.requested | OFFLINE),
    ),
    Mutant(
        "refreshes-by-guess",
        "REFRESH-2",
        "refreshes for the listed scopes where the grant is unknown",
        alter_step=refreshing_for(
            lambda before, key, grant: (
                before.memory.resource_metadata.get(key.resource) or scopes("a") if grant.granted is None else None
            )
        ),
    ),
    Mutant(
        "sticks-narrow",
        "REFRESH-3",
        "takes a narrow token for the grant, even after the next refresh",
        alter_step=remembering_grant(_sticks_narrow, Refreshing),
        also={"GRANT-2", "RETAIN-3", "RETRY-3"},
    ),
    Mutant(
        "refreshes-client-credentials",
        "EXT-3",
        "tries to refresh a token of client credentials",
        alter_step=_refreshes_client_credentials,
        grant_types=WITHOUT_A_USER,
    ),
)

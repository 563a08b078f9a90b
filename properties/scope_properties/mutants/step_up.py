"""Wrong about how to come to hold more."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from scope_model.client import Action, Call, Calling, Client, Exchanging, Failed, Heard, Refreshing, Step, challenged
from scope_model.events import (
    CLIENT_CREDENTIALS,
    OFFLINE,
    REFRESH_TOKEN,
    Key,
    ResourceRequest,
    ResourceResponse,
    TokenRequest,
    TokenResponse,
)
from scope_model.scopes import NO_SCOPES, ScopeSet, scopes
from scope_model.selections import (
    Sources,
    accumulate,
    challenge,
    chosen_by,
    first_of,
    granted,
    requested,
    resource_metadata,
    with_offline_access,
)
from scope_properties.tables import WITHOUT_A_USER

from .alterations import REFERENCE, choosing, reading_tokens, registering_narrowly, remembering_grant, sending
from .mutant import Mutant


def _without_what_is_implied(sources: Sources) -> ScopeSet | None:
    known = (sources.requested or NO_SCOPES) | (sources.granted or NO_SCOPES)
    new = sources.challenge or NO_SCOPES
    return known | ScopeSet(scope for scope in new if scope.split(":")[0] not in known or scope in known)


def _drops_offline_access(sources: Sources) -> ScopeSet | None:
    chosen = accumulate(requested, granted, challenge)(sources) or NO_SCOPES
    return chosen - (OFFLINE - (sources.challenge or NO_SCOPES))


def _drops_what_was_refused(sources: Sources) -> ScopeSet | None:
    chosen = accumulate(requested, granted, challenge)(sources) or NO_SCOPES
    refused = (sources.requested or NO_SCOPES) - (sources.granted or NO_SCOPES)
    return chosen - (refused - (sources.challenge or NO_SCOPES))


def _configured_when_covered(sources: Sources) -> ScopeSet | None:
    before = (sources.requested or NO_SCOPES) | (sources.granted or NO_SCOPES)
    covered = sources.challenge is not None and sources.challenge <= before
    chosen = (REFERENCE.step_up or REFERENCE.select)(sources) or NO_SCOPES
    return chosen | (sources.configured or NO_SCOPES) if covered else chosen


def _clipped_to_registration(sources: Sources) -> ScopeSet | None:
    before = accumulate(requested, granted)(sources) or NO_SCOPES
    return before | ((sources.challenge or NO_SCOPES) & scopes("a"))


def _sends_again(before: Client, event: Heard, after: Client, action: Action) -> Step:
    """Without a user, answer a 403 that asks for more by the very request that it answers."""
    phase = before.phase
    refused = isinstance(phase, Calling) and isinstance(event, ResourceResponse) and event.status == 403
    if not refused or before.setup.grant_type != CLIENT_CREDENTIALS or isinstance(action, Failed):
        return after, action
    assert isinstance(phase, Calling)
    held = before.grant(phase.call.resource)
    token = None if held is None else held.access_token
    return before, ResourceRequest(phase.call.operation, token, phase.call.resource)


def _old_token(before: Client, _: Client, action: Action) -> Action:
    if isinstance(action, ResourceRequest) and isinstance(before.phase, Exchanging):
        held = before.grant(before.phase.call.resource)
        return replace(action, access_token=None if held is None else held.access_token)
    return action


def _deaf_to_insufficient_scope(_: Client, event: Heard) -> Heard:
    if isinstance(event, ResourceResponse) and event.status == 403:
        return replace(event, www_authenticate=())
    return event


def _refreshes_in_place_of_stepping_up(before: Client, event: Heard, after: Client, action: Action) -> Step:
    phase = before.phase
    if not isinstance(phase, Calling) or not isinstance(event, ResourceResponse) or phase.after is not None:
        return after, action
    grant, named = before.grant(phase.call.resource), challenged(event)
    if grant is None or grant.refresh_token is None or event.status != 403 or not named.insufficient_scope:
        return after, action
    key = Key(before.storage.issuers[phase.call.resource], phase.call.resource)
    request = TokenRequest(REFRESH_TOKEN, None, grant.refresh_token, key.issuer, key.resource)
    return replace(before, phase=Refreshing(phase.call, key, named)), request


def _refuses_locally(before: Client, event: Heard, after: Client, action: Action) -> Step:
    if isinstance(event, Call):
        grant = before.grant(event.resource)
        if grant is not None and grant.in_hand is not None and not grant.requested <= grant.in_hand:
            return before, Failed(event, "the token carries less than was asked for")
    return after, action


def _rejects_commas(_: Client, phase: Exchanging, event: TokenResponse) -> TokenResponse:
    asked = "" if phase.scope is None else ",".join(phase.scope)
    return TokenResponse(error="commas") if len(phase.scope or ()) > 1 and event.scope == asked else event


MUTANTS: Final = (
    Mutant(
        "rejects-commas",
        "STEP-7",
        "takes a grant that is written with commas for a failure",
        alter_event=reading_tokens(_rejects_commas),
        only_by={"commas=True"},
        also={"ACC-4", "GRANT-2", "RETAIN-4"},
    ),
    Mutant(
        "refuses-locally",
        "CHAL-5",
        "refuses calls that its token does not seem to cover",
        alter_step=_refuses_locally,
        law_only="a call that is not sent leaves no event",
    ),
    Mutant(
        "never-steps-up",
        "STEP-2",
        "takes every 403 as final",
        alter_event=_deaf_to_insufficient_scope,
    ),
    Mutant(
        "refresh-in-place-of-step-up",
        "STEP-5",
        "answers insufficient_scope with a refresh",
        alter_step=_refreshes_in_place_of_stepping_up,
    ),
    Mutant(
        "old-token-again",
        "STEP-7",
        "sends the call again with the token of before",
        alter_step=sending(_old_token),
        also={"GRANT-3"},
    ),
    Mutant(
        "client-credentials-stay-narrow",
        "CHAL-1",
        "asks again for what was asked before",
        choosing(step_up=accumulate(requested, granted)),
        grant_types=WITHOUT_A_USER,
        also={"STEP-2"},
    ),
    Mutant(
        "client-credentials-send-again",
        "STEP-3",
        "answers a challenge for more by sending the same again",
        alter_step=_sends_again,
        grant_types=WITHOUT_A_USER,
        also={"RETRY-2"},
    ),
    Mutant(
        "replaces",
        "ACC-1",
        "asks for the challenge alone",
        choosing(step_up=with_offline_access(first_of(challenge, resource_metadata))),
        also={"ACC-2", "ACC-4", "ACC-8", "ORDER-3"},
    ),
    Mutant(
        "granted-only",
        "ACC-1",
        "drops what was requested and not granted",
        choosing(step_up=with_offline_access(chosen_by(_drops_what_was_refused))),
        also={"ORDER-3", "STEP-2"},
    ),
    Mutant(
        "requested-only",
        "ACC-2",
        "drops what was granted and not requested",
        choosing(step_up=with_offline_access(accumulate(requested, challenge))),
        also={"ACC-8", "STEP-2"},
    ),
    Mutant(
        "unauthorized-replaces",
        "ACC-2",
        "chooses afresh on a 401 in mid-session",
        choosing(reauthorize=REFERENCE.select),
        also={"ACC-1", "ACC-8", "ORDER-3"},
    ),
    Mutant(
        "metadata-joined-at-step-up",
        "ACC-3",
        "joins the resource metadata to every challenge",
        choosing(step_up=with_offline_access(accumulate(requested, granted, challenge, resource_metadata))),
    ),
    Mutant(
        "forgets-an-earlier-round",
        "ACC-4",
        "remembers its first request alone",
        choosing(step_up=with_offline_access(accumulate(requested, challenge))),
        alter_step=remembering_grant(lambda _, was, now: replace(now, requested=was.requested), Exchanging),
        also={"ACC-1", "ACC-2", "ACC-8", "ORDER-3", "STEP-2"},
    ),
    Mutant(
        "adds-where-nothing-is-new",
        "ACC-5",
        "asks for more where the challenge is covered",
        choosing(step_up=chosen_by(_configured_when_covered)),
        law_only="what the caller configured may be asked for at any time",
    ),
    Mutant(
        "drops-what-is-implied",
        "ACC-6",
        "drops challenged scopes that a held scope seems to imply",
        choosing(step_up=with_offline_access(chosen_by(_without_what_is_implied))),
        also={"CHAL-1", "STEP-2"},
    ),
    Mutant(
        "offline-access-dropped",
        "ACC-1",
        "drops offline_access at step-up",
        choosing(step_up=chosen_by(_drops_offline_access)),
        also={"ORDER-3", "STEP-2"},
    ),
    Mutant(
        "clips-to-registration",
        "REG-2",
        "never asks beyond what it registered for",
        choosing(step_up=chosen_by(_clipped_to_registration)),
        alter_step=sending(registering_narrowly),
        also={"ACC-6", "CHAL-1", "OFFLINE-3", "ORDER-2", "PARSE-7", "REG-1", "STEP-2"},
    ),
)

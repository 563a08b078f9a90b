"""Laws of chapter 4: how a client comes to hold more."""

from __future__ import annotations

from scope_model.client import Call, Failed, Idle
from scope_model.events import OFFLINE, REFRESH_TOKEN, ResourceRequest, TokenRequest
from scope_model.scopes import NO_SCOPES
from scope_properties.model_subject import Transition

from .book import law
from .topics import HeardChallenge, NewGrant, ScopeRequest, any_transition, challenge_heard, new_grant, scope_request


@law("STEP-2", about=challenge_heard)
def a_first_step_up_is_tried(heard: HeardChallenge) -> bool | None:
    """A challenge for more than is held leads to the authorization server as long as attempts are left."""
    wanted, call, before = heard.scopes, heard.phase.call, heard.transition.before
    if heard.response.status != 403 or heard.error != "insufficient_scope" or wanted is None:
        return None
    grant = before.grant(call.resource)
    if before.memory.attempts.get(call, 0) or (grant and grant.in_hand is not None and wanted <= grant.in_hand):
        return None
    return not isinstance(heard.transition.action, Failed)


@law("CHAL-5", about=any_transition)
def a_call_is_never_refused_locally(transition: Transition) -> bool | None:
    """Whatever its token carries, a call is sent: only the server knows what covers it."""
    if not isinstance(transition.event, Call) or not isinstance(transition.before.phase, Idle):
        return None
    return isinstance(transition.action, (ResourceRequest, TokenRequest))


@law("ACC-1", about=scope_request)
def requested_scopes_only_grow(request: ScopeRequest) -> bool | None:
    """No request takes back what an earlier one asked for."""
    return None if request.grant is None else request.grant.requested <= request.asked


@law("ACC-2", about=scope_request)
def what_was_granted_is_asked_for_again(request: ScopeRequest) -> bool | None:
    """Whoever authorizes again asks for what was granted before, too."""
    if request.grant is None or request.grant.granted is None:
        return None
    return request.grant.granted <= request.asked


@law("ACC-4", about=new_grant)
def what_was_asked_for_is_remembered(issued: NewGrant) -> bool | None:
    """A new grant is written down with all that was asked for in it, granted or not."""
    return None if issued.phase.scope is None else issued.phase.scope <= issued.grant.requested


@law("ACC-5", about=scope_request)
def a_challenge_already_covered_adds_nothing(request: ScopeRequest) -> bool | None:
    """A challenge for what was requested before adds nothing to the request of before."""
    if request.grant is None or request.challenged.scope is None:
        return None
    before = request.grant.requested | (request.grant.granted or NO_SCOPES)
    return request.asked - OFFLINE <= before if request.challenged.scope <= before else None


@law("STEP-5", about=challenge_heard)
def a_wider_scope_needs_a_new_grant(heard: HeardChallenge) -> bool | None:
    """A challenge for what was never granted is not answered with a refresh."""
    grant, action = heard.transition.before.grant(heard.phase.call.resource), heard.transition.action
    if heard.response.status != 403 or heard.scopes is None or grant is None or grant.granted is None:
        return None
    if heard.scopes <= grant.granted:
        return None
    return not (isinstance(action, TokenRequest) and action.grant_type == REFRESH_TOKEN)


@law("STEP-7", "OFFLINE-2", about=new_grant)
def a_new_token_is_used_at_once(issued: NewGrant) -> bool | None:
    """After a token comes the call for which it was asked, with that token, refresh token or not."""
    call, action = issued.phase.call, issued.transition.action
    return isinstance(action, ResourceRequest) and (action.operation, action.access_token) == (
        call.operation,
        issued.response.access_token,
    )

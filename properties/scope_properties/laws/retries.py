"""Laws of chapter 8: how often a client asks."""

from __future__ import annotations

from typing import Final

from scope_model.client import Authorizing, Failed, Illegal, Served
from scope_model.events import OFFLINE, AuthorizationResponse, ClientRestarted
from scope_model.policies import mcp_2026_07_28
from scope_properties.model_subject import Transition

from .book import law
from .topics import ScopeRequest, any_transition, scope_request

_FEW: Final = mcp_2026_07_28.attempts


@law("RETRY-1", "RETRY-2", "RETRY-4", about=any_transition)
def attempts_are_few_and_counted_by_operation(transition: Transition) -> bool | None:
    """Each request for scopes counts against its own operation until that is served, and the count is bounded."""
    before, after = transition.before.memory.attempts, transition.after.memory.attempts
    if isinstance(transition.event, ClientRestarted) or isinstance(transition.action, Illegal):
        return None
    request = scope_request(transition)
    if request is not None:
        count = before.get(request.call, 0) + 1
        return after == {**before, request.call: count} and count <= _FEW
    if not before:
        return None
    if isinstance(transition.action, Served):
        return after == {call: count for call, count in before.items() if call != transition.action.call}
    return after == before


@law("RETRY-3", "OFFLINE-6", about=scope_request)
def nothing_is_asked_for_twice_without_progress(request: ScopeRequest) -> bool | None:
    """After a first attempt a step-up asks only for what the token lacks; offline_access lacks once, if challenged."""
    if request.challenged.status != 403 or request.grant is None:
        return None
    if request.grant.in_hand is None or request.client.memory.attempts.get(request.call, 0) < 2:
        return None
    challenged, grant = request.challenged.scope, request.grant
    tried = challenged is None or grant.requested >= OFFLINE
    named = challenged or request.asked
    return not (named - OFFLINE if tried else named) <= request.grant.in_hand


@law("RETRY-5", "SEL-8", about=any_transition)
def a_refused_request_is_not_sent_again(transition: Transition) -> bool | None:
    """An error of the authorization server goes to the application."""
    if not isinstance(transition.event, AuthorizationResponse) or transition.event.error is None:
        return None
    return isinstance(transition.action, Failed) if isinstance(transition.before.phase, Authorizing) else None

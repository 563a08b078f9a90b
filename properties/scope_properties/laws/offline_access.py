"""Laws of chapter 7: the scope that asks for a refresh token."""

from __future__ import annotations

from scope_model.events import (
    AUTHORIZATION_CODE,
    OFFLINE_ACCESS,
    REFRESH_TOKEN,
    AuthorizationRequest,
    ClientRegistration,
)
from scope_model.scopes import NO_SCOPES
from scope_properties.model_subject import Transition

from .book import law
from .topics import ScopeRequest, any_transition, request_sent, scope_request


@law("OFFLINE-1", about=scope_request)
def offline_access_is_added_only_where_wanted_and_listed(request: ScopeRequest) -> bool | None:
    """A client adds offline_access only if it wants a refresh token and the authorization server lists the scope."""
    if OFFLINE_ACCESS not in request.asked:
        return None
    named = (request.challenged.scope or request.listed or NO_SCOPES) | (request.client.setup.configured or NO_SCOPES)
    if request.grant is not None:
        named = named | request.grant.requested | (request.grant.granted or NO_SCOPES)
    if OFFLINE_ACCESS in named:
        return None
    return request.client.setup.wants_refresh_token and OFFLINE_ACCESS in (request.server_listed or NO_SCOPES)


@law("OFFLINE-5", about=request_sent)
def offline_access_comes_with_consent(transition: Transition) -> bool | None:
    """A request for offline_access prompts for consent."""
    if not isinstance(transition.action, AuthorizationRequest) or not isinstance(transition.action.scope, str):
        return None
    return transition.action.prompt == "consent" if OFFLINE_ACCESS in transition.action.scope.split(" ") else None


@law("OFFLINE-4", "REG-1", about=any_transition)
def registration_names_what_will_be_used(transition: Transition) -> bool | None:
    """A client that wants refresh tokens registers for them, and registers for no scope in particular."""
    action, setup = transition.action, transition.after.setup
    if not isinstance(action, ClientRegistration):
        return None
    wants = setup.wants_refresh_token and setup.grant_type == AUTHORIZATION_CODE
    return action.scope is None and (not wants or REFRESH_TOKEN in (action.grant_types or ()))

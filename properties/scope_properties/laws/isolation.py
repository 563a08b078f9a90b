"""Laws of chapter 9: what is kept apart."""

from __future__ import annotations

from scope_model.client import Asserting, Authorizing, Client, Exchanging, Memory, Refreshing
from scope_model.events import (
    REFRESH_TOKEN,
    AuthorizationRequest,
    ClientRestarted,
    Key,
    ResourceRequest,
    TokenRequest,
    TokenResponse,
)
from scope_properties.model_subject import Transition

from .book import law
from .topics import any_transition, request_sent


@law("ACC-7", about=any_transition)
def one_account_never_touches_another(transition: Transition) -> bool | None:
    """What is issued at one authorization server and resource changes that account alone."""
    before, phase = transition.before.storage.grants, transition.before.phase
    if not isinstance(transition.event, TokenResponse) or not isinstance(phase, (Exchanging, Refreshing)):
        return None
    own = phase.key if isinstance(phase, Refreshing) else Key(phase.issuer, phase.call.resource)
    others = {key: grant for key, grant in before.items() if key != own}
    return all(transition.after.storage.grants.get(key) == grant for key, grant in others.items()) if others else None


@law("ACC-8", about=any_transition)
def a_restart_keeps_the_account(transition: Transition) -> bool | None:
    """A restart loses memory, and nothing that is stored."""
    if not isinstance(transition.event, ClientRestarted):
        return None
    return transition.after == Client(transition.before.setup, transition.before.storage, Memory())


@law("ISO-1", about=request_sent)
def every_request_names_its_resource(transition: Transition) -> bool | None:
    """Each request to an authorization server names the resource of the call that caused it."""
    action, phase = transition.action, transition.after.phase
    if not isinstance(action, (AuthorizationRequest, TokenRequest)):
        return None
    if not isinstance(phase, (Authorizing, Exchanging, Asserting, Refreshing)):
        return None
    return action.resource == phase.call.resource


@law("ISO-2", about=any_transition)
def a_token_is_shown_to_its_own_alone(transition: Transition) -> bool | None:
    """A call carries the token of its own account, and a refresh sends the refresh token of the account it is for."""
    action, client = transition.action, transition.before
    if isinstance(action, ResourceRequest) and action.access_token is not None:
        grant = transition.after.grant(action.resource or "")
        return grant is not None and grant.access_token == action.access_token
    if isinstance(action, TokenRequest) and action.grant_type == REFRESH_TOKEN and action.refresh_token is not None:
        grant = client.storage.grants.get(Key(action.issuer or "", action.resource or ""))
        return grant is not None and grant.refresh_token == action.refresh_token
    return None

"""Laws of chapter 6: what a refresh asks for, brings, and leaves as it is."""

from __future__ import annotations

from dataclasses import replace

from scope_model.client import Refreshing
from scope_model.events import AUTHORIZATION_CODE, REFRESH_TOKEN, TokenRequest, TokenResponse
from scope_model.scopes import read_scope
from scope_properties.model_subject import Transition

from .book import law
from .topics import NewGrant, RefreshedToken, any_transition, new_grant, refreshed_token, request_sent


@law("RETAIN-1", "REFRESH-3", about=refreshed_token)
def a_silent_refresh_restores_the_grant(refreshed: RefreshedToken) -> bool | None:
    """A refresh that names no scope, answered by none, brings a token for the whole grant."""
    if refreshed.response.scope is not None:
        return None
    return refreshed.after.in_hand == refreshed.before.granted


@law("RETAIN-2", about=refreshed_token)
def a_refresh_narrows_the_token_alone(refreshed: RefreshedToken) -> bool | None:
    """What a refresh brings is in hand; what was consented stays."""
    if refreshed.response.scope is None:
        return None
    before, after = refreshed.before, refreshed.after
    return after.in_hand == read_scope(refreshed.response.scope) and after.granted == before.granted


@law("RETAIN-3", about=refreshed_token)
def the_newest_refresh_token_is_kept(refreshed: RefreshedToken) -> bool | None:
    """A new refresh token replaces the old one; where none comes, the old one stays."""
    return refreshed.after.refresh_token == (refreshed.response.refresh_token or refreshed.before.refresh_token)


@law("RETAIN-4", about=new_grant)
def a_refresh_token_speaks_for_its_own_grant(issued: NewGrant) -> bool | None:
    """A new grant comes with its own refresh token, or with none."""
    if issued.transition.before.setup.grant_type != AUTHORIZATION_CODE:
        return None
    return issued.grant.refresh_token == issued.response.refresh_token


@law("REFRESH-1", "REFRESH-2", about=request_sent)
def a_refresh_never_asks_outside_the_grant(transition: Transition) -> bool | None:
    """A refresh names no scope that was not granted, and none at all where the grant is unknown."""
    action, phase = transition.action, transition.after.phase
    if not isinstance(action, TokenRequest) or action.grant_type != REFRESH_TOKEN or not isinstance(phase, Refreshing):
        return None
    if action.scope is None:
        return True
    granted = transition.before.storage.grants[phase.key].granted
    return granted is not None and isinstance(action.scope, str) and read_scope(action.scope) <= granted


@law("ACC-8", about=any_transition)
def a_failed_refresh_costs_the_refresh_token_alone(transition: Transition) -> bool | None:
    """What was granted is known after a refresh has failed, too."""
    phase, event = transition.before.phase, transition.event
    if not isinstance(phase, Refreshing) or not isinstance(event, TokenResponse) or event.access_token is not None:
        return None
    before, after = transition.before.storage.grants[phase.key], transition.after.storage.grants[phase.key]
    return replace(before, refresh_token=None) == after


@law("EXT-3", about=request_sent)
def client_credentials_are_never_refreshed(transition: Transition) -> bool | None:
    """A client that has no user asks for a new token in place of a refresh."""
    if transition.before.setup.grant_type == AUTHORIZATION_CODE or not isinstance(transition.action, TokenRequest):
        return None
    return transition.action.grant_type != REFRESH_TOKEN

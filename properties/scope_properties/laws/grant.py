"""Laws of chapter 5: what a token response grants."""

from __future__ import annotations

from dataclasses import replace

from scope_model.client import Asserting, Failed, Refreshing
from scope_model.events import AUTHORIZATION_CODE, Key, TokenRequest, TokenResponse
from scope_model.scopes import read_scope
from scope_properties.model_subject import Transition

from .book import law
from .topics import NewGrant, any_transition, new_grant, request_sent


@law("ACC-10", about=any_transition)
def a_failure_changes_no_grant(transition: Transition) -> bool | None:
    """A call that fails leaves every account as it was."""
    if not isinstance(transition.action, Failed) or not transition.before.storage.grants:
        return None
    # What a refresh costs that failed on the way is for another law to say (ACC-8).
    if isinstance(transition.before.phase, Refreshing):
        return None
    return transition.after.storage.grants == transition.before.storage.grants


@law("GRANT-2", "GRANT-3", about=new_grant)
def an_explicit_scope_is_the_grant(issued: NewGrant) -> bool | None:
    """What a token response says was granted is what was granted, be it narrower or wider."""
    if issued.response.scope is None:
        return None
    said, grant = read_scope(issued.response.scope), issued.grant
    return grant.granted == said and grant.in_hand == said


@law("GRANT-1", about=new_grant)
def an_omitted_scope_retains_what_was_asked(issued: NewGrant) -> bool | None:
    """A token response that names no scope grants exactly what this request asked for."""
    if issued.response.scope is not None or issued.phase.asked is None:
        return None
    return issued.grant.granted == issued.phase.asked and issued.grant.in_hand == issued.phase.asked


@law("GRANT-4", about=new_grant)
def nothing_asked_and_nothing_said_is_unknown(issued: NewGrant) -> bool | None:
    """Where neither request nor response names a scope, nobody knows what was granted."""
    if issued.response.scope is not None or issued.phase.asked is not None:
        return None
    return issued.grant.granted is None and issued.grant.in_hand is None


@law("GRANT-5", about=new_grant)
def a_token_says_nothing_of_itself(issued: NewGrant) -> bool | None:
    """Whatever a token's own characters, the account is the same."""
    after, _ = issued.transition.step(issued.transition.before, replace(issued.response, access_token="t.scope=x.t"))
    key = Key(issued.phase.issuer, issued.phase.call.resource)
    grant = after.storage.grants[key]
    return (grant.granted, grant.in_hand) == (issued.grant.granted, issued.grant.in_hand)


@law("GRANT-6", about=request_sent)
def a_code_is_exchanged_without_a_scope(transition: Transition) -> bool | None:
    """The exchange of an authorization code names no scope."""
    if not isinstance(transition.action, TokenRequest) or transition.action.grant_type != AUTHORIZATION_CODE:
        return None
    return transition.action.scope is None


@law("EXT-2", about=any_transition)
def the_last_leg_decides(transition: Transition) -> bool | None:
    """The first leg of a token exchange changes no account."""
    if not isinstance(transition.before.phase, Asserting) or not isinstance(transition.event, TokenResponse):
        return None
    return transition.after.storage == transition.before.storage

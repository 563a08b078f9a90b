"""Laws of chapter 9: what is kept apart."""

from __future__ import annotations

from scope_model.client import (
    Asserting,
    Authorizing,
    Exchanging,
    Refreshing,
    Storage,
)
from scope_model.events import (
    AuthorizationRequest,
    Key,
    TokenRequest,
    TokenResponse,
)
from scope_model.scopes import same_scopes
from scope_properties.model_subject import Transition

from .book import law
from .topics import any_transition, request_sent, scope_request


@law("ACC-7", about=any_transition)
def one_account_never_touches_another(transition: Transition) -> bool | None:
    """What happens at one authorization server and resource changes, and is changed by, that account alone."""
    before, phase, request, asked = (
        transition.before.storage.grants,
        transition.before.phase,
        scope_request(transition),
        None,
    )
    if isinstance(transition.event, TokenResponse) and isinstance(phase, (Exchanging, Refreshing)):
        own = phase.key if isinstance(phase, Refreshing) else Key(phase.issuer, phase.call.resource)
        others = {key: grant for key, grant in before.items() if key != own}
        if any(transition.after.storage.grants.get(key) != grant for key, grant in others.items()):
            return False
        asked = True if others else None
    if request is None:
        return asked
    stored = request.client.storage
    alone = {} if request.grant is None else {request.key: request.grant}
    if len(alone) == len(stored.grants):
        return asked
    chosen = request.choosing(storage=Storage(alone, stored.issuers, stored.registered))
    return same_scopes(chosen, request.chosen)


@law("ISO-1", about=request_sent)
def every_request_names_its_resource(transition: Transition) -> bool | None:
    """Each request to an authorization server names the resource of the call that caused it."""
    action, phase = transition.action, transition.after.phase
    if not isinstance(action, (AuthorizationRequest, TokenRequest)):
        return None
    if not isinstance(phase, (Authorizing, Exchanging, Asserting, Refreshing)):
        return None
    return action.resource == phase.call.resource

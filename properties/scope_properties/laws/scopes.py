"""Laws of chapter 1: scopes, their grammar and their order."""

from __future__ import annotations

from dataclasses import replace

from scope_model.client import (
    select,
)
from scope_model.events import (
    AuthorizationRequest,
    TokenRequest,
)
from scope_model.scopes import NO_SCOPES, ScopeSet, parse_scope, same_scopes
from scope_properties.model_subject import Transition

from .book import law
from .topics import ScopeRequest, request_sent, scope_request


@law("SEL-4", about=request_sent)
def what_is_sent_is_well_formed(transition: Transition) -> bool | None:
    """A scope parameter is sent once, and follows the grammar."""
    action = transition.action
    if not isinstance(action, (AuthorizationRequest, TokenRequest)) or action.scope is None:
        return None
    return isinstance(action.scope, str) and isinstance(parse_scope(action.scope), ScopeSet)


@law("ORDER-3", about=scope_request)
def scopes_stand_in_first_seen_order(request: ScopeRequest) -> bool | None:
    """A request names what was requested before in the order of then, then what is new, each once."""
    if request.text is None:
        return None
    grant, news = request.grant, request.challenged.scope or request.listed or NO_SCOPES
    seen = news if grant is None else grant.requested | (grant.granted or NO_SCOPES) | news
    return request.text == str(request.asked) and (seen & request.asked) == (request.asked & seen)


@law("ORDER-1", about=scope_request)
def order_carries_no_meaning(request: ScopeRequest) -> bool | None:
    """Had the challenge named its scopes in another order, the same scopes would be asked for."""
    if request.challenged.scope is None:
        return None
    backwards = replace(request.challenged, scope=ScopeSet(reversed(list(request.challenged.scope))))
    chosen = select(request.client, request.call, backwards, request.key.issuer)
    return same_scopes(chosen or NO_SCOPES, request.chosen)

"""Laws of chapter 1: scopes, their grammar and their order."""

from __future__ import annotations

from dataclasses import replace

from scope_model.client import select
from scope_model.events import AuthorizationRequest, TokenRequest
from scope_model.scopes import NO_SCOPES, ScopeSet, parse_scope, same_scopes
from scope_model.spellings import SPELLINGS
from scope_properties.model_subject import Transition

from .book import law
from .topics import HeardChallenge, ScopeRequest, challenge_heard, request_sent, scope_request


@law("SEL-4", about=request_sent)
def what_is_sent_is_well_formed(transition: Transition) -> bool | None:
    """A scope parameter is sent once, and follows the grammar."""
    action = transition.action
    if not isinstance(action, (AuthorizationRequest, TokenRequest)) or action.scope is None:
        return None
    return isinstance(action.scope, str) and isinstance(parse_scope(action.scope), ScopeSet)


@law("PARSE-1", "ORDER-2", about=challenge_heard)
def scopes_are_taken_as_they_are_written(heard: HeardChallenge) -> bool | None:
    """The scopes of a challenge that is spelled plainly are those between its spaces, letter by letter."""
    parameters = [parameter for bearer in heard.bearers for parameter in bearer.parameters]
    if [name for name, _ in parameters].count("scope") != 1 or heard.understood is None:
        return None
    spelled_plainly = SPELLINGS["plain"](parameters) == heard.response.www_authenticate
    return heard.understood == heard.scopes if spelled_plainly else None


@law("ORDER-3", about=scope_request)
def scopes_stand_in_first_seen_order(request: ScopeRequest) -> bool | None:
    """A request names what was requested before in the order of then, then what is new, each once."""
    if request.text is None or not isinstance(parse_scope(request.text), ScopeSet):
        return None
    grant, asked = request.grant, request.asked
    before = NO_SCOPES if grant is None else grant.requested
    if not before <= asked:
        return None  # what is missing has no place, which is for another law to say (ACC-1)
    held = before if grant is None else before | (grant.granted or NO_SCOPES)
    new = (request.challenged.scope or request.listed or NO_SCOPES) - held
    in_order = list(asked)[: len(before)] == list(before) and new & asked == asked & new
    return in_order and request.text == str(asked)


@law("ORDER-1", about=scope_request)
def order_carries_no_meaning(request: ScopeRequest) -> bool | None:
    """Had the challenge named its scopes in another order, the same scopes would be asked for."""
    if request.challenged.scope is None:
        return None
    backwards = replace(request.challenged, scope=ScopeSet(reversed(list(request.challenged.scope))))
    chosen = select(request.client, request.call, backwards, request.key.issuer)
    return same_scopes(chosen or NO_SCOPES, request.chosen)

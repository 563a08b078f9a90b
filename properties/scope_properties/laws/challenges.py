"""Laws of chapter 2: how a challenge is read, and what it means."""

from __future__ import annotations

from scope_model.client import Illegal, Noted, Served
from scope_model.events import ResourceResponse
from scope_model.spellings import SPELLINGS

from .book import law
from .topics import HeardChallenge, NewGrant, asks, challenge_heard, new_grant


@law("PARSE-2", about=challenge_heard)
def repeated_scopes_are_never_merged(heard: HeardChallenge) -> bool | None:
    """A challenge that names scope twice is answered as if it named but one of the two."""
    if len(heard.bearers) != 1:
        return None
    named = [value for name, value in heard.bearers[0].parameters if name == "scope"]
    others = [parameter for parameter in heard.bearers[0].parameters if parameter[0] != "scope"]
    if len(named) < 2:
        return None
    plain = SPELLINGS["plain"]
    return any(heard.answer(plain([*others, ("scope", value)])) == heard.answer() for value in named)


@law("PARSE-3", "PARSE-4", "PARSE-5", "PARSE-6", "PARSE-7", "PARSE-8", "PARSE-9", about=challenge_heard)
def every_legal_spelling_is_read_alike(heard: HeardChallenge) -> bool | None:
    """However a challenge is spelled, it is answered as if it were spelled plainly."""
    if len(heard.bearers) != 1:
        return None
    plain = SPELLINGS["plain"](heard.bearers[0].parameters)
    return None if plain == heard.response.www_authenticate else heard.answer(plain) == heard.answer()


@law("CHAL-6", about=challenge_heard)
def a_first_challenge_needs_no_error_code(heard: HeardChallenge) -> bool | None:
    """A 401 is answered alike with an error code and without."""
    if heard.response.status != 401 or len(heard.bearers) != 1:
        return None
    others = [(name, value) for name, value in heard.bearers[0].parameters if name != "error"]
    plain = SPELLINGS["plain"]
    return heard.answer(plain(others)) == heard.answer(plain([("error", "invalid_token"), *others]))


@law("PARSE-10", "STEP-1", about=challenge_heard)
def no_challenge_is_swallowed(heard: HeardChallenge) -> bool | None:
    """Every challenge is followed by a request of the client's own, or by a failure that the application sees."""
    return not isinstance(heard.transition.action, (Noted, Served, Illegal))


@law("CHAL-7", about=challenge_heard)
def a_bare_403_asks_for_nothing(heard: HeardChallenge) -> bool | None:
    """A 403 without insufficient_scope is no wish for scopes: nothing is asked for."""
    if heard.response.status != 403 or heard.error == "insufficient_scope":
        return None
    return not asks(heard.transition.action)


@law("CHAL-8", about=new_grant)
def a_token_just_issued_is_not_replaced(issued: NewGrant) -> bool | None:
    """Were the token rejected that a call has just been authorized for, the client would ask for no other."""
    call = issued.phase.call
    rejected = ResourceResponse(call.operation, 401, ('Bearer error="invalid_token"',), call.resource)
    _, action = issued.transition.step(issued.transition.after, rejected)
    return not asks(action)

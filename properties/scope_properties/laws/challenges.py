"""Laws of chapter 2: how a challenge is read, and what it means."""

from __future__ import annotations

from scope_model.client import (
    Failed,
    Illegal,
    Noted,
    Served,
)
from scope_model.spellings import SPELLINGS

from .book import law
from .topics import HeardChallenge, challenge_heard


@law("PARSE-2", "PARSE-3", "PARSE-4", "PARSE-5", "PARSE-6", "PARSE-7", "PARSE-8", "PARSE-9", about=challenge_heard)
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
    """A 403 without insufficient_scope is a failure, and no wish for scopes."""
    if heard.response.status != 403 or heard.error == "insufficient_scope":
        return None
    return isinstance(heard.transition.action, Failed)


@law("CHAL-8", about=challenge_heard)
def a_token_just_issued_is_not_replaced(heard: HeardChallenge) -> bool | None:
    """A 401 on a token that this call has just been authorized for is a failure."""
    if heard.response.status != 401 or heard.phase.after != "authorization":
        return None
    return isinstance(heard.transition.action, Failed)

"""Where a request's scopes came from, what a refusal costs, and what there is to keep."""

from __future__ import annotations

import pytest

from rulings.expectations import RIGHT, Expected, allows, columns, confirm, finds, rows
from rulings.stories import NEW, OLD, Story, by_itself, story
from scope_model.events import AUTHORIZATION_CODE, AuthorizationResponse, TokenRequest
from scope_spec import Revision

# --- a scope that a challenge named some time ago ---------------------------------------------------


def left_pending(told: Story) -> Story:
    """A challenge for b is left alone."""
    return told.handshake().insufficient("b", "one")


DROPPED_BY = {
    "the clock": left_pending(by_itself()).expires().obtains("a", "t2").served("read", "t2"),
    "a refresh by the clock": left_pending(story()).expires().refreshes("t2").served("read", "t2"),
    "a refused refresh": left_pending(story()).expires().refresh_refused().unauthorized("a").obtains("a", "t2"),
    "a restart": left_pending(story()).restarts().served("read", "t1").unauthorized("a", token="t1").obtains("a", "t2"),
    "a call that was served": left_pending(story()).served("one").unauthorized("a", token="t1").obtains("a", "t2"),
    "a 401": by_itself()
    .handshake()
    .unauthorized("b", token="t1", error="invalid_token")
    .expires()
    .unauthorized(None, "write", "t1", error="invalid_token")
    .obtains(None, "t2", "")
    .calls("list", "t2")
    .answers("list", 200),
    "the older revision's clock": left_pending(by_itself(OLD)).expires().obtains("a", "t2").served("read", "t2"),
}


@pytest.mark.parametrize("told", columns(DROPPED_BY))
def test_a_scope_that_a_challenge_named_once_has_a_source(told: Story) -> None:
    later = told.insufficient("c", "two", "t2")
    confirm(later.asks("a b c"), allows("unspecified", absent="SEL-6"))
    confirm(later.asks("a z c"), finds("SEL-6", "discouraged"))


def test_a_refresh_right_after_the_challenge_takes_no_source_away() -> None:
    told = left_pending(story()).refreshes("t2").served("read", "t2").insufficient("c", "two", "t2")
    confirm(told.asks("a b c"), allows("discouraged", absent="SEL-6"))


# --- what a refusal costs ---------------------------------------------------------------------------

empty_handed = story().unauthorized("a").discovers().obtains("a", "t1", "", "r1").insufficient("a", "read")
"""The server grants nothing, and then asks for the scope."""

COSTS_THE_TOKEN = {
    "a refused refresh, then a refused consent": empty_handed.refresh_refused()
    .asks("a")
    .refuses()
    .unauthorized("a")
    .obtains("a", "t2", refresh="r2")
    .served("read", "t2"),
    "a refused consent, then a refused refresh": story()
    .handshake()
    .insufficient("b")
    .asks("a b")
    .refuses()
    .expires()
    .refresh_refused()
    .unauthorized("a")
    .asks("a"),
    "the token's end, then a refused consent": story()
    .handshake(refresh=None)
    .insufficient("b")
    .expires()
    .asks("a b")
    .refuses()
    .unauthorized("a")
    .asks("a"),
    "a 401, then a refused consent": story()
    .handshake(refresh=None)
    .unauthorized("a", token="t1", error="invalid_token")
    .asks("a")
    .refuses()
    .unauthorized("a")
    .asks("a"),
    "a refused consent, then a 401": story()
    .handshake(refresh=None)
    .insufficient("b")
    .asks("a b")
    .refuses()
    .unauthorized("a", token="t1", error="invalid_token")
    .unauthorized("a")
    .asks("a"),
}


@pytest.mark.parametrize("told", rows(COSTS_THE_TOKEN))
def test_a_token_that_something_else_cost_is_not_missed(told: Story) -> None:
    confirm(told, allows("discouraged", absent="ACC-10"))


def test_a_refresh_that_cannot_bring_the_scope_is_found_even_if_it_is_refused() -> None:
    confirm(COSTS_THE_TOKEN["a refused refresh, then a refused consent"], finds("STEP-5", "discouraged"))


REFUSED = {
    "and goes on": (story().handshake().insufficient("b").asks("a b").refuses().served(), RIGHT),
    "and goes on after a restart": (
        story().handshake().insufficient("b").asks("a b").refuses().restarts().served(),
        RIGHT,
    ),
    "and throws the token away": (
        story().handshake().insufficient("b").asks("a b").refuses().unauthorized("a").asks("a"),
        finds("ACC-10", "discouraged"),
    ),
    "and throws the token away for another operation": (
        story().handshake().insufficient("b").asks("a b").refuses().unauthorized("a", "list"),
        finds("ACC-10", "discouraged"),
    ),
    "and throws the token away at the older revision": (
        story(OLD).handshake().insufficient("b").asks("a b").refuses().unauthorized("a").asks("a"),
        finds("ACC-10", "discouraged"),
    ),
}


@pytest.mark.parametrize(("told", "expected"), rows(REFUSED))
def test_a_client_whose_step_up_is_refused_keeps_its_token(told: Story, expected: Expected) -> None:
    confirm(told, expected)


# --- a chain, and what is none ----------------------------------------------------------------------

NO_CHAIN = {
    "one step-up": story().handshake().step_up("b", "b"),
    "one step-up from a request without scope": story().handshake(None, said="a").step_up("b", "b"),
    "one step-up from two scopes": story().handshake("a x").step_up("b", "x b"),
    "one step-up after a refresh": story().handshake().expires().refreshes("t2").step_up("b", "b", ("t2", "t3")),
    "one step-up after a refused one": story()
    .handshake()
    .insufficient("c", "one")
    .asks("a c")
    .refuses()
    .step_up("b", "b"),
    "one step-up without a user": by_itself().handshake().step_up("b", "b"),
    "one step-up from a wider grant": story().handshake(said="a x").step_up("b", "b"),
    "one step-up after the same was asked for again": story()
    .handshake(refresh=None)
    .unauthorized("a", token="t1")
    .obtains("a", "t2")
    .served("read", "t2")
    .step_up("b", "b", ("t2", "t3")),
}


@pytest.mark.parametrize("told", rows(NO_CHAIN))
def test_what_one_step_up_loses_is_lost_along_no_chain(told: Story) -> None:
    confirm(told, finds("ACC-1 ACC-2", "discouraged", absent="ACC-4"))


CHAIN = {
    "what the first step-up added is lost": ("a c", finds("ACC-1 ACC-2 ACC-4", "discouraged")),
    "all of it is lost": ("c", finds("ACC-1 ACC-2 ACC-4", "discouraged")),
    "what came first is lost": ("b c", finds("ACC-1 ACC-2 ACC-4", "discouraged")),
    "nothing is lost": ("a b c", RIGHT),
}


@pytest.mark.parametrize(("asked", "expected"), rows(CHAIN))
def test_along_a_chain_everything_is_kept(asked: str, expected: Expected) -> None:
    confirm(story().handshake().step_up("b", "a b").step_up("c", asked, ("t2", "t3"), "admin"), expected)


# --- what the server gives by default ---------------------------------------------------------------


def by_default(told: Story, said: str | None = "a b") -> Story:
    """A request without scope, for which the server has a default."""
    return told.unauthorized().discovers().obtains(None, "t1", said).served()


ASKS_FOR_THE_DEFAULT = {
    "at another 401": by_default(story()).unauthorized(token="t1", error="invalid_token"),
    "at another 401, without a user": by_default(by_itself()).unauthorized(token="t1", error="invalid_token"),
    "after a restart": by_default(story()).restarts().unauthorized(token="t1", error="invalid_token"),
    "when the token has expired": by_default(by_itself()).expires(),
    "where the response did not name it": by_default(story(), None).unauthorized(token="t1", error="invalid_token"),
    "at the older revision": by_default(story(OLD)).unauthorized(token="t1", error="invalid_token"),
    "after a refused refresh": story()
    .unauthorized()
    .discovers()
    .obtains(None, "t1", "a b", "r1")
    .served()
    .expires()
    .refresh_refused()
    .unauthorized(),
}


@pytest.mark.parametrize("told", columns(ASKS_FOR_THE_DEFAULT))
def test_who_asks_for_nothing_again_gets_the_same_again(told: Story) -> None:
    confirm(told.obtains(None, "t2", "a b").served("read", "t2"), RIGHT)
    confirm(told.obtains("a b", "t2").served("read", "t2"), allows("discouraged", absent="ACC-2 ACC-8"))


@pytest.mark.parametrize("revision", [NEW, OLD])
def test_a_step_up_is_no_request_for_the_default(revision: Revision) -> None:
    told = by_default(story(revision)).insufficient("c")
    confirm(told.asks(None), finds("CHAL-1", "violates", worst="discouraged"))
    confirm(told.asks("a b c"), RIGHT)
    confirm(told.asks("c"), finds("ACC-1 ACC-2", "discouraged") if revision == NEW else RIGHT)


# --- the exchange of a code -------------------------------------------------------------------------


def exchanged(told: Story, asked: str, scope: str | None) -> Story:
    """A code is exchanged by a request that names `scope`."""
    told = told.unauthorized("a b").discovers(by_server=("offline_access",)).asks(asked, "consent")
    return told.then(
        AuthorizationResponse(code=True, issuer=told.issuer, resource=told.resource),
        TokenRequest(AUTHORIZATION_CODE, scope, None, told.issuer, told.resource),
    ).issued("t1", "a b")


EXCHANGED_WITH = {
    "what was authorized": "a",
    "more than was authorized": "a z",
    "part of what was authorized": "b",
    "what nobody named": "z",
}


@pytest.mark.parametrize("scope", columns(EXCHANGED_WITH))
@pytest.mark.parametrize("revision", [NEW, OLD])
def test_the_exchange_of_a_code_names_no_scope_where_no_offline_access_was_asked_for(
    revision: Revision, scope: str
) -> None:
    confirm(exchanged(story(revision), "a b", scope), finds("GRANT-6", "discouraged"))
    confirm(exchanged(story(revision), "a b", None), RIGHT)


def test_the_exchange_of_a_code_may_repeat_the_scope_where_offline_access_was_asked_for() -> None:
    confirm(exchanged(story(), "a b offline_access", "a b offline_access"), finds("GRANT-6", "unspecified", "A13"))
    confirm(exchanged(story(), "a b offline_access", "a b offline_access"), RIGHT)
    confirm(exchanged(story(), "a b offline_access", "a b z"), finds("GRANT-6", "discouraged"))

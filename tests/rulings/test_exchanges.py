"""A token exchange: two legs, and what of scopes is settled in which."""

from __future__ import annotations

import pytest

from rulings.expectations import RIGHT, SILENT, Expected, allows, confirm, finds, rows
from rulings.stories import ISSUER, NEW, OLD, OTHER_RESOURCE, RESOURCE, Story, story
from scope_judge.judge import judge
from scope_model.events import JWT_BEARER, TOKEN_EXCHANGE, TokenRequest, TokenResponse, WireScope
from scope_spec import Revision


def first_leg(told: Story, scope: WireScope = None, said: str | None = None) -> Story:
    """The assertion is asked for, and comes."""
    asked = TokenRequest(TOKEN_EXCHANGE, scope, None, told.issuer, told.resource)
    return told.then(asked, TokenResponse("assertion", said, None, None, told.issuer, told.resource))


def last_leg(told: Story, token: str, scope: WireScope = None, said: str | None = None) -> Story:
    """The assertion is presented, and an access token comes."""
    return told.then(TokenRequest(JWT_BEARER, scope, None, told.issuer, told.resource)).issued(token, said)


def exchanges(told: Story, token: str, scopes: tuple[WireScope, WireScope] = (None, None), said: str = "") -> Story:
    """Both legs, each with its scope, and what the last response says."""
    return last_leg(first_leg(told, scopes[0]), token, scopes[1], said)


def silent(revision: Revision = NEW, said: str = "a", challenged: str | None = "a") -> Story:
    """An exchange without a scope in either leg."""
    return exchanges(story(revision).unauthorized(challenged).discovers(), "t1", said=said).served()


def test_an_assertion_that_nobody_can_read_is_no_token_that_is_renewed() -> None:
    told = story().unauthorized("a").discovers()
    unread = told.then(
        TokenRequest(TOKEN_EXCHANGE, "a", None, ISSUER, RESOURCE), TokenResponse(issuer=ISSUER, resource=RESOURCE)
    )
    once = last_leg(unread, "t1", "a").unauthorized("a", token="t1")
    confirm(first_leg(once, "a"), SILENT)
    twice = exchanges(once, "t2", ("a", "a")).unauthorized("a", token="t2")
    confirm(first_leg(twice, "a"), finds("CHAL-8", "discouraged"))


def test_a_last_leg_may_be_of_a_first_that_nobody_saw_for_another_resource_that_waits() -> None:
    waits = story().at(OTHER_RESOURCE).unauthorized("p").at().unauthorized("a").discovers()
    both = (TokenRequest(JWT_BEARER, scope, None, ISSUER, of) for scope, of in (("a", RESOURCE), ("p", OTHER_RESOURCE)))
    unseen = waits.then(*both)
    confirm(unseen, allows("unspecified", absent="ISO-1 CHAL-1"))
    served = story().at(OTHER_RESOURCE).served("read", None).at().unauthorized("a").discovers()
    confirm(last_leg(first_leg(served, "a").at(OTHER_RESOURCE), "u1", "a", "a"), finds("ISO-1", "violates"))


LEFT = finds("CHAL-1", "unspecified", "A31")
LEFT_OUT = finds("CHAL-1", "violates", worst="violates")

NAMED_NOWHERE = {
    "at first": (silent(), LEFT),
    "at first, at the older revision": (silent(OLD), LEFT),
    "at first, and the policy gives nothing": (silent(said=""), LEFT),
    "at first, and nobody named a scope": (silent(challenged=None), RIGHT),
    "again, where the policy gave what is challenged": (
        exchanges(silent().unauthorized("a", token="t1", error="invalid_token"), "t2", said="a").served("read", "t2"),
        LEFT,
    ),
    "again, where the policy gave less than a 401 asks for": (
        exchanges(silent(said="").unauthorized("a", token="t1", error="invalid_token"), "t2", said=""),
        LEFT_OUT,
    ),
    "again, where the token is too weak": (exchanges(silent().insufficient("b"), "t2", said="a"), LEFT_OUT),
    "again, where the token is too weak, at the older revision": (
        exchanges(silent(OLD).insufficient("b"), "t2", said="a"),
        LEFT_OUT,
    ),
    "again, where nobody says what is missing": (exchanges(silent().insufficient(), "t2", said="a"), RIGHT),
}


@pytest.mark.parametrize(("told", "expected"), rows(NAMED_NOWHERE))
def test_an_exchange_may_leave_scopes_to_policy_until_that_does_not_suffice(told: Story, expected: Expected) -> None:
    confirm(told, expected)
    if expected is LEFT:
        assert "CHAL-1" not in {finding.clause for finding in judge(told.transcript, {"A31": "left-to-policy"})}


NAMED_IN_PART = {
    "the first leg names another scope": (("b", None), LEFT_OUT),
    "the last leg names another scope": ((None, "b"), LEFT_OUT),
    "the first leg names one of two": (("a", None), LEFT_OUT),
    "the last leg names one of two": ((None, "c"), LEFT_OUT),
    "the first leg names both": (("a c", None), RIGHT),
    "the last leg names both": ((None, "a c"), RIGHT),
}


@pytest.mark.parametrize(("scopes", "expected"), rows(NAMED_IN_PART))
def test_an_exchange_that_names_scopes_names_those_that_were_challenged(
    scopes: tuple[WireScope, WireScope], expected: Expected
) -> None:
    confirm(exchanges(story().unauthorized("a c").discovers(), "t1", scopes, "a"), expected)


def test_who_is_told_of_a_grant_in_commas_by_the_last_leg_need_not_know_what_is_meant() -> None:
    for said, expected in (("a,b", RIGHT), ("a b", finds("EXT-2", "discouraged"))):
        told = exchanges(story().unauthorized("a b").discovers(), "t1", ("a b", None), said)
        confirm(told.reports_that_it_does_not_know(), expected)


IDP = "https://idp.example"


def overlapping(presented_for: str) -> Story:
    """A second exchange begins before the first ends, and goes on once one for another resource has begun."""
    asked = TokenRequest(TOKEN_EXCHANGE, "a", None, IDP, RESOURCE)
    asserted = TokenResponse("assertion", None, None, None, IDP, RESOURCE)
    called = story().at(OTHER_RESOURCE).calls("list").at(RESOURCE).unauthorized("a").unauthorized("a", "write")
    first = called.discovers().then(asked, asserted, TokenRequest(JWT_BEARER, None, None, ISSUER, RESOURCE))
    both = first.then(asked).issued("t1", "a").served().then(asserted)
    other = both.at(OTHER_RESOURCE).answers("list", 401, 'Bearer scope="b"')
    elsewhere = other.then(TokenRequest(TOKEN_EXCHANGE, "b", None, IDP, OTHER_RESOURCE))
    return (
        elsewhere.then(TokenRequest(JWT_BEARER, None, None, ISSUER, presented_for)).at(presented_for).issued("t2", "a")
    )


def test_an_assertion_is_told_from_the_token_that_comes_while_it_is_awaited() -> None:
    confirm(overlapping(RESOURCE), RIGHT)


def test_what_a_response_names_has_a_source_whichever_leg_it_answers() -> None:
    began = first_leg(story().unauthorized(None).discovers(by_server=("a", "c")))
    second = began.then(TokenRequest(JWT_BEARER, None, None, ISSUER, RESOURCE)).unauthorized("a", "list")
    told = first_leg(second, "a", "a").issued("t1", "c a")
    both = last_leg(told, "t2", None, "a").insufficient("b", "list", "t2")
    confirm(both.then(TokenRequest(TOKEN_EXCHANGE, "c a b", None, ISSUER, RESOURCE)), RIGHT)
    neither = last_leg(first_leg(second, "a", "a").issued("t1", "a"), "t2", None, "a").insufficient("b", "list", "t2")
    asked = neither.then(TokenRequest(TOKEN_EXCHANGE, "c a b", None, ISSUER, RESOURCE))
    confirm(asked, finds("SEL-7", "discouraged"))


def challenged_twice() -> Story:
    """Two scopes are challenged at first."""
    return story().unauthorized("a c").discovers()


def refused(told: Story, scope: WireScope) -> Story:
    """The assertion is presented, and refused for its scope."""
    presented = TokenRequest(JWT_BEARER, scope, None, told.issuer, told.resource)
    return told.then(presented, TokenResponse(error="invalid_scope", issuer=told.issuer, resource=told.resource))


PRESENTED = {
    "the assertion carries what was asked for": (first_leg(challenged_twice(), "a c"), LEFT_OUT),
    "the assertion is said to carry it": (first_leg(challenged_twice(), "a c", "c a"), LEFT_OUT),
    "the assertion carries less": (first_leg(challenged_twice(), "a c", "a"), RIGHT),
    "all of it was refused before": (refused(first_leg(challenged_twice(), "a c"), "a c"), RIGHT),
    "it is a step-up": (
        first_leg(exchanges(story().unauthorized("a"), "t1", ("a", "a"), "a").served().insufficient("c"), "a c"),
        LEFT_OUT,
    ),
}


@pytest.mark.parametrize(("told", "expected"), rows(PRESENTED))
def test_the_last_leg_leaves_out_nothing_that_was_challenged_and_the_assertion_carries(
    told: Story, expected: Expected
) -> None:
    confirm(last_leg(told, "t2", "a", "a"), expected)
    confirm(last_leg(told, "t2", None, "a"), RIGHT)
    confirm(last_leg(told, "t2", "a c", "a c"), RIGHT)

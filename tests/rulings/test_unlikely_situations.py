"""Situations that are rare and legal, and single faults in the midst of such: what is said of each."""

from __future__ import annotations

from typing import Final

import pytest

from rulings.expectations import RIGHT, SILENT, Expected, confirm, finds, rows
from rulings.stories import ISSUER, OLD, OTHER_RESOURCE, RESOURCE, Story, bearer, by_itself, story
from scope_model.events import (
    AuthorizationRequest,
    AuthorizationResponse,
    ProtectedResourceMetadata,
    TokenResponse,
)

INSUFFICIENT: Final = "insufficient_scope"
POINTER: Final = 'resource_metadata="https://rs.example/metadata"'
ODD_NAMES: Final = "https://graph.example/.default urn:x:y#z !$%&'()*+-.^_`|~ {a}"

begun = story().handshake()
two = story().handshake("a", "t1").at(OTHER_RESOURCE).handshake("x", "t9", refresh="r9").at()


def at_once(*lines: str) -> Story:
    """Two calls go out together, and each is challenged."""
    told = begun.calls("w1", "t1").calls("w2", "t1")
    return told.answers("w1", 403, lines[0]).answers("w2", 403, lines[1])


def twice_at_once() -> Story:
    """One operation is called twice together, and each call is challenged for the same."""
    told = begun.application_calls(1).application_calls(2).calls("write", "t1").calls("write", "t1")
    line = bearer("b", INSUFFICIENT)
    return told.answers("write", 403, line).answers("write", 403, line)


def both_served(told: Story, one: str, other: str) -> Story:
    """Both calls are sent again, and served."""
    told = told.calls("write", one).calls("write", other).answers("write", 200).answers("write", 200)
    return told.application_has(1).application_has(2)


def errs(told: Story, error: str) -> Story:
    """The authorization ends with an error."""
    return told.then(AuthorizationResponse(error=error, issuer=ISSUER, resource=RESOURCE))


RARE = {
    "two resources step up at the same time": two.insufficient("b", "write", "t1")
    .at(OTHER_RESOURCE)
    .insufficient("y", "write", "t9")
    .at()
    .obtains("a b", "t2", refresh="r2")
    .at(OTHER_RESOURCE)
    .obtains("x y", "t10", refresh="r10")
    .served("write", "t10")
    .at()
    .served("write", "t2"),
    "a 401 without a header, and a list": story()
    .calls()
    .answers("read", 401)
    .discovers("a", "b")
    .obtains("a b", "t1", refresh="r1")
    .served(),
    "the document lists more by the second 401": story()
    .unauthorized(more=POINTER)
    .discovers("a")
    .obtains("a", "t1", refresh="r1")
    .served()
    .unauthorized(token="t1", error="invalid_token")
    .discovers("a", "b")
    .obtains("a b", "t2")
    .served("read", "t2"),
    "the document lists something else by the second 401, and what was had is kept": story()
    .unauthorized()
    .discovers("a")
    .obtains("a", "t1", refresh="r1")
    .served()
    .unauthorized(token="t1", error="invalid_token")
    .discovers("b")
    .obtains("a", "t2")
    .served("read", "t2"),
    "the document is fetched twice, and changed between": story()
    .unauthorized()
    .discovers("a")
    .discovers("a", "b")
    .asks("a b"),
    "a grant in commas, and the scopes that were meant": story()
    .unauthorized("a b")
    .discovers()
    .obtains("a b", "t1", "a,b", "r1")
    .served()
    .step_up("c", "a b c"),
    "a grant in commas, kept beside what was meant": story()
    .unauthorized("a b")
    .discovers()
    .obtains("a b", "t1", "a,b", "r1")
    .served()
    .step_up("c", "a b a,b c"),
    "a restart, a refresh, and a step-up": begun.restarts()
    .expires()
    .refreshes("t2", "r1")
    .served("read", "t2")
    .step_up("b", "a b", ("t2", "t3")),
    "a registration anew for more": story()
    .unauthorized("a")
    .discovers()
    .registers("a")
    .obtains("a", "t1", refresh="r1")
    .served()
    .insufficient("b")
    .registers("a b")
    .obtains("a b", "t2", refresh="r2")
    .served("write", "t2"),
    "a 403 with an error of another code": begun.calls("write", "t1")
    .answers("write", 403, bearer("b", "access_denied"))
    .served(),
    "a 403 with the error in upper case": begun.calls("write", "t1")
    .answers("write", 403, bearer("b", "INSUFFICIENT_SCOPE"))
    .served(),
    "a 403 for another authentication": begun.calls("write", "t1")
    .answers("write", 403, bearer("b", "insufficient_user_authentication"))
    .served(),
    "scopes of odd characters": story()
    .unauthorized(ODD_NAMES)
    .discovers()
    .obtains(ODD_NAMES, "t1", refresh="r1")
    .served()
    .step_up("files/read:all", f"{ODD_NAMES} files/read:all"),
    "a grant below the challenge, tried again and given up": begun.insufficient("b")
    .obtains("a b", "t2", "a", "r2")
    .insufficient("b", "write", "t2")
    .served("read", "t2"),
    "a grant below the challenge, given up at once": begun.application_calls(1)
    .insufficient("b")
    .obtains("a b", "t2", "a", "r2")
    .application_has(1, "failed")
    .served("read", "t2"),
    "an empty grant": story()
    .unauthorized("a")
    .discovers()
    .obtains("a", "t1", "", "r1")
    .insufficient("a", "read")
    .obtains("a", "t2", "a", "r2")
    .served("read", "t2"),
    "a refresh that brings more than was granted": begun.expires()
    .refreshes("t2", "r1", said="a z")
    .served("read", "t2")
    .step_up("c", "a z c", ("t2", "t3")),
    "a challenge for what is held": begun.insufficient("a").obtains("a", "t2", refresh="r2").served("write", "t2"),
    "calls while the user thinks": begun.insufficient("b")
    .asks("a b")
    .served()
    .served("list")
    .consents()
    .issued("t2", "a b", "r2")
    .served("write", "t2"),
    "an error of the token endpoint's own at a step-up": begun.insufficient("b")
    .asks("a b")
    .consents()
    .then(TokenResponse(error="server_error", issuer=ISSUER, resource=RESOURCE))
    .served()
    .served("list"),
    "a token response that nobody could read": begun.insufficient("b")
    .asks("a b")
    .consents()
    .issued(None)
    .served("write", "t7")
    .step_up("c", "a b c", ("t7", "t8"), "admin"),
    "a token response in another order, with a repetition": story()
    .unauthorized("a b")
    .discovers()
    .obtains("a b", "t1", "b a b", "r1")
    .served()
    .reports("a", "b")
    .step_up("c", "a b c"),
    "no user, and a grant below the challenge": by_itself()
    .unauthorized("a b")
    .discovers()
    .obtains("a b", "t1", "a")
    .insufficient("b")
    .obtains("a b", "t2", "a")
    .insufficient("b", "write", "t2")
    .served("read", "t2"),
    "a challenge that parts its scopes by a tab": story()
    .calls()
    .answers("read", 401, 'Bearer scope="a\tb"')
    .discovers()
    .asks("a b"),
    "a challenge that parts its scopes by a tab, and is ignored": story()
    .calls()
    .answers("read", 401, 'Bearer scope="a\tb"')
    .discovers("p")
    .asks("p"),
    "a challenge that repeats a scope": story().unauthorized("a a b").discovers().asks("a b"),
    "five operations, and a step-up each": begun.step_up("b", "a b")
    .step_up("c", "a b c", ("t2", "t3"), "o3")
    .step_up("d", "a b c d", ("t3", "t4"), "o4")
    .step_up("e", "a b c d e", ("t4", "t5"), "o5")
    .step_up("f", "a b c d e f", ("t5", "t6"), "o6"),
}


@pytest.mark.parametrize("told", rows(RARE))
def test_a_client_that_conforms_in_a_rare_situation_is_right(told: Story) -> None:
    confirm(told, RIGHT)


TOGETHER = {
    "two operations, and one request for both": at_once(bearer("b", INSUFFICIENT), bearer("c", INSUFFICIENT))
    .obtains("a b c", "t2", refresh="r2")
    .served("w1", "t2")
    .served("w2", "t2"),
    "two operations, one after the other": at_once(bearer("b", INSUFFICIENT), bearer("c", INSUFFICIENT))
    .obtains("a b", "t2", refresh="r2")
    .served("w1", "t2")
    .insufficient("c", "w2", "t2")
    .obtains("a b c", "t3", refresh="r3")
    .served("w2", "t3"),
    "two operations that need the same": at_once(bearer("b", INSUFFICIENT), bearer("b", INSUFFICIENT))
    .obtains("a b", "t2", refresh="r2")
    .served("w1", "t2")
    .served("w2", "t2"),
    "one operation, called twice, and one request": both_served(
        twice_at_once().obtains("a b", "t2", refresh="r2"), "t2", "t2"
    ),
    "one operation, called twice, and two requests": both_served(
        twice_at_once()
        .asks("a b")
        .asks("a b")
        .consents()
        .issued("t2", "a b", "r2")
        .consents()
        .issued("t3", "a b", "r3"),
        "t2",
        "t3",
    ),
}


@pytest.mark.parametrize("told", rows(TOGETHER))
def test_nobody_is_given_up_who_waits_for_what_another_call_asks_for(told: Story) -> None:
    confirm(told, SILENT)


def test_who_waits_for_something_else_is_given_up_where_it_is_not_tried_again() -> None:
    told = at_once(bearer("b", INSUFFICIENT), bearer("c", INSUFFICIENT)).obtains("a b", "t2", refresh="r2")
    again = told.served("w1", "t2").insufficient("c", "w2", "t2").served("w2", "t2")
    confirm(again, finds("STEP-2", "unspecified", "A21"))


ASKED_IN_VAIN = {
    "for what was challenged, and the server knows no such scope": errs(
        story().unauthorized("a b").discovers().asks("a b"), "invalid_scope"
    ),
    "for what was challenged, and the user refuses": errs(
        story().unauthorized("a b").discovers().asks("a b"), "access_denied"
    ),
    "for what was listed, and the server knows no such scope": errs(
        story().unauthorized().discovers("a", "b").asks("a b"), "invalid_scope"
    ),
    "for what was challenged, at the older revision": errs(
        story(OLD).unauthorized("a b").discovers().asks("a b"), "invalid_scope"
    ),
}


@pytest.mark.parametrize("told", rows(ASKED_IN_VAIN))
def test_who_asked_for_all_in_vain_may_ask_for_less(told: Story) -> None:
    confirm(told.asks("a"), RIGHT)
    confirm(told.asks(None), RIGHT)
    confirm(told.asks("a b"), finds("RETRY-5", "discouraged"))
    confirm(told.asks("a z"), finds("SEL-6", "discouraged"))


def test_who_asked_for_less_in_vain_has_not_asked_for_all() -> None:
    told = errs(story().unauthorized("a b").discovers().asks("a"), "invalid_scope")
    confirm(told.asks(None), finds("CHAL-1", "violates", worst="violates"))


MAY_BE_ANOTHERS = {
    "a token that may be the code's or the refresh's, and the refresh token of either": begun.expires()
    .asks_to_refresh()
    .asks("a")
    .consents()
    .issued("t2", "a")
    .served("read", "t2")
    .expires("t2")
    .refreshes("t3", "r1"),
    "an unreadable answer to a refresh, after a bare 403 and the end of the token": begun.calls("write", "t1")
    .answers("write", 403)
    .expires()
    .asks_to_refresh()
    .issued(None)
    .asks("a"),
    "a stored refresh token of a resource that is not called": story()
    .unauthorized("a")
    .then(ProtectedResourceMetadata(RESOURCE, (ISSUER,)))
    .at(OTHER_RESOURCE)
    .refreshes("t9", "r9")
    .served("read", "t9"),
    "a request for a call that ended, as the next one is refused": begun.application_calls(1)
    .insufficient("b")
    .application_calls(2, "list")
    .calls("list", "t1")
    .application_has(1, "failed")
    .answers("list", 403)
    .asks("a b"),
    "a request for less, as the next call is refused": begun.application_calls(1)
    .insufficient("b c")
    .then(AuthorizationRequest("a b c", None, ISSUER, RESOURCE))
    .then(AuthorizationResponse(error="invalid_scope", issuer=ISSUER, resource=RESOURCE))
    .application_calls(2, "list")
    .calls("list", "t1")
    .answers("list", 403)
    .asks("a b"),
    "the list for one challenge, while another names part of it": story()
    .calls("list")
    .answers("list", 401)
    .calls("initialize")
    .discovers("a", "b", "c")
    .answers("initialize", 401, bearer("a c"))
    .asks("a b c"),
}


@pytest.mark.parametrize("told", rows(MAY_BE_ANOTHERS))
def test_what_may_be_the_answer_to_something_else_accuses_nobody(told: Story) -> None:
    confirm(told, RIGHT)


ONE_FAULT = {
    "drops what was granted beyond": (
        story().unauthorized("a").discovers().obtains("a", "t1", "a x", "r1").served().step_up("b", "a b"),
        finds("ACC-2", "discouraged"),
    ),
    "asks for a scope of the other resource": (two.insufficient("b").asks("a b x"), finds("ACC-7", "discouraged")),
    "takes the old refresh token after a rotation": (
        begun.expires().refreshes("t2", "r1", rotated="r2").served("read", "t2").expires("t2").refreshes("t3", "r1"),
        finds("RETAIN-3", "violates"),
    ),
    "sends the old token after a step-up": (
        begun.application_calls(1)
        .insufficient("b")
        .obtains("a b", "t2", refresh="r2")
        .calls("write", "t1")
        .answers("write", 403, bearer("b", INSUFFICIENT))
        .application_has(1, "failed"),
        finds("STEP-7", "discouraged"),
    ),
    "drops, for two calls, what was had": (
        at_once(bearer("b", INSUFFICIENT), bearer("c", INSUFFICIENT)).asks("b c"),
        finds("ACC-1 ACC-2", "discouraged"),
    ),
    "adds, for two calls, what neither needs": (
        at_once(bearer("b", INSUFFICIENT), bearer("c", INSUFFICIENT)).asks("a b c z"),
        finds("SEL-6", "discouraged"),
    ),
    "takes the list as it was before it changed": (
        story().unauthorized().discovers("a").discovers("a", "b").asks("a"),
        finds("SEL-2", "discouraged"),
    ),
    "takes the list of a stranger": (
        story()
        .unauthorized()
        .then(ProtectedResourceMetadata("https://stranger.example/x", (ISSUER,), ("admin",)))
        .asks("admin"),
        finds("META-3", "violates"),
    ),
    "takes the refresh token of an earlier grant": (
        begun.insufficient("b").obtains("a b", "t2").served("write", "t2").expires("t2").refreshes("t3", "r1"),
        finds("RETAIN-4", "discouraged"),
    ),
    "finds a scope inside a description": (
        story().calls().answers("read", 401, 'Bearer error_description="need scope=admin", scope="w"').asks("admin"),
        finds("PARSE-8", "violates", worst="violates"),
    ),
    "finds a scope inside a description, and what ends it": (
        story().calls().answers("read", 401, 'Bearer error_description="need scope=admin", scope="w"').asks('admin"'),
        finds("PARSE-8", "violates", worst="violates"),
    ),
    "forgets at a refusal what it held": (
        begun.insufficient("b").asks("a b").refuses().reports("a").served().reports(),
        finds("GRANT-2 ACC-10", "discouraged"),
    ),
    "authorizes again as no refresh token came": (
        story().unauthorized("a").discovers().obtains("a", "t1").asks("a"),
        finds("OFFLINE-2", "violates"),
    ),
}


@pytest.mark.parametrize(("told", "expected"), rows(ONE_FAULT))
def test_one_fault_is_found_by_its_name_and_no_other_beside_it(told: Story, expected: Expected) -> None:
    confirm(told, expected)

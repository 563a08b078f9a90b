"""Sign-ins that overlap at one resource, as of a call and of a stream: each request may belong to either."""

from __future__ import annotations

import pytest

from rulings.expectations import RIGHT, Expected, confirm, finds, rows
from rulings.stories import OLD, RESOURCE, Story, bearer, story

POINTER = f'resource_metadata="{RESOURCE}/.well-known/oauth-protected-resource"'
INSUFFICIENT = "insufficient_scope"
REFUSED = bearer("a", "invalid_token", POINTER)

begun = story(OLD).handshake()
sent = begun.calls("write", "t1").calls("GET", "t1")


def no_stream(told: Story, token: str) -> Story:
    """The stream is asked for with a token, and there is none."""
    return told.calls("GET", token).answers("GET", 405)


def refreshed_for_both(told: Story) -> Story:
    """Both are refused, and one refresh brings another refresh token; the call is served with the new token."""
    both = told.answers("write", 401, REFUSED).answers("GET", 401, REFUSED)
    return both.refreshes("t2", "r1", rotated="r2").served("write", "t2")


BOTH_RIGHT = {
    "the document is fetched for the call, before the stream points to it": no_stream(
        sent.answers("write", 403, bearer("b", INSUFFICIENT, POINTER))
        .discovers()
        .answers("GET", 403, bearer("c", INSUFFICIENT, POINTER))
        .obtains("a b", "t2", refresh="r2")
        .served("write", "t2")
        .discovers()
        .obtains("a b c", "t3", refresh="r3"),
        "t3",
    ),
    "the document is fetched for the stream, before the call points to it": sent.answers(
        "GET", 403, bearer("c", INSUFFICIENT, POINTER)
    )
    .discovers()
    .answers("write", 403, bearer("b", INSUFFICIENT, POINTER))
    .obtains("a c", "t2", refresh="r2")
    .discovers()
    .obtains("a b c", "t3", refresh="r3")
    .served("write", "t3"),
    "the stream is refreshed with the token that both held": no_stream(
        refreshed_for_both(sent).refreshes("t3", "r1", rotated="r3"), "t3"
    ),
    "the stream is refreshed with it, before the call is sent again": no_stream(
        sent.answers("GET", 401, REFUSED)
        .answers("write", 401, REFUSED)
        .refreshes("t2", "r1", rotated="r2")
        .refreshes("t3", "r1", rotated="r3")
        .served("write", "t2"),
        "t3",
    ),
    "the stream is refreshed with it, as the call brings another grant": no_stream(
        sent.answers("write", 403, bearer("b", INSUFFICIENT))
        .asks("a b")
        .answers("GET", 401, REFUSED)
        .consents()
        .issued("t2", "a b", "r2")
        .served("write", "t2")
        .refreshes("t3", "r1", rotated="r3"),
        "t3",
    ),
    "the stream is tried with the earlier of two new tokens": no_stream(
        sent.answers("GET", 403, bearer("a b", INSUFFICIENT))
        .obtains("a b", "t2", refresh="r2")
        .answers("write", 403, bearer("c", INSUFFICIENT))
        .obtains("a b c", "t3", refresh="r3"),
        "t2",
    ).served("write", "t3"),
    "both ask at once for the same, and each tries its own token": no_stream(
        sent.answers("GET", 403, bearer("a b", INSUFFICIENT))
        .asks("a b")
        .answers("write", 403, bearer("a b", INSUFFICIENT))
        .asks("a b")
        .consents()
        .issued("t2", "a b", "r2")
        .consents()
        .issued("t3", "a b", "r3")
        .served("write", "t2"),
        "t3",
    ),
    "the stream asks for what is listed, the call for what is challenged": no_stream(
        story(OLD)
        .calls("write")
        .calls("GET")
        .answers("write", 401, bearer("b", more=POINTER))
        .answers("GET", 401, bearer(more=POINTER))
        .discovers("p", "q")
        .obtains("p q", "t1", refresh="r1")
        .discovers("p", "q")
        .obtains("b", "t2", refresh="r2")
        .served("write", "t2"),
        "t1",
    ),
    "the stream is refreshed, and the call authorizes": no_stream(
        sent.answers("write", 401, REFUSED).answers("GET", 401, REFUSED).refreshes("t2", "r1"), "t2"
    )
    .discovers()
    .obtains("a", "t3", refresh="r3")
    .served("write", "t3"),
}


@pytest.mark.parametrize("told", rows(BOTH_RIGHT))
def test_what_may_belong_to_either_sign_in_is_held_against_neither(told: Story) -> None:
    assert [found for found in confirm(told, RIGHT) if found.clause not in ("STEP-2", "ORDER-3")] == []


ONE_WRONG = {
    "the document is fetched for neither": (
        sent.discovers()
        .answers("write", 403, bearer("b", INSUFFICIENT, POINTER))
        .answers("GET", 403, bearer("c", INSUFFICIENT, POINTER))
        .asks("a b c"),
        finds("META-4", "unspecified"),
    ),
    "the old refresh token is used a third time": (
        no_stream(refreshed_for_both(sent).refreshes("t3", "r1", rotated="r3"), "t3")
        .unauthorized("a", "list", "t3", error="invalid_token")
        .refreshes("t4", "r1"),
        finds("RETAIN-3", "violates"),
    ),
    "the old refresh token is used where the stream was refused later": (
        no_stream(
            begun.unauthorized("a", "write", "t1", error="invalid_token")
            .refreshes("t2", "r1", rotated="r2")
            .served("write", "t2")
            .unauthorized("a", "GET", "t2", error="invalid_token")
            .refreshes("t3", "r1"),
            "t3",
        ),
        finds("RETAIN-3", "violates"),
    ),
    "the refresh token of an earlier grant is used where the stream was refused later": (
        begun.step_up("b", "a b").unauthorized("a", "GET", "t2", error="invalid_token").refreshes("t3", "r1"),
        finds("RETAIN-4", "discouraged"),
    ),
    "the token of the call is not tried": (
        no_stream(begun.insufficient("b").obtains("a b", "t2", refresh="r2"), "t2"),
        finds("STEP-7", "discouraged"),
    ),
    "what the stream needs is asked for by nobody": (
        sent.answers("write", 401, REFUSED).answers("GET", 401, bearer("c", "invalid_token")).asks("z"),
        finds("CHAL-1", "violates", worst="violates"),
    ),
}


@pytest.mark.parametrize(("told", "expected"), rows(ONE_WRONG))
def test_what_belongs_to_neither_sign_in_is_found(told: Story, expected: Expected) -> None:
    confirm(told, expected)

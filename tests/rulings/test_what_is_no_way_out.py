"""What was refused, and what was renewed, explain a later request only where it can be for them."""

from __future__ import annotations

import pytest

from rulings.expectations import RIGHT, Expected, confirm, finds, rows
from rulings.stories import Story, bearer, story

refused = story().handshake().insufficient("a b").asks("a b").refuses()
rejected = story().handshake().unauthorized("b", "write", "t1", error="invalid_token")

NO_WAY_OUT = {
    "what is held already, once a step-up was refused": (
        refused.insufficient("c", "list").asks("a"),
        finds("CHAL-1", "violates"),
    ),
    "some of what was refused": (
        story().handshake().insufficient("b d").asks("a b d").refuses().insufficient("c", "list").obtains("a b", "t2"),
        RIGHT,
    ),
    "what is held already, once the token was rejected": (
        rejected.asks("a b").refuses().insufficient("c", "list").obtains("a", "t2"),
        RIGHT,
    ),
    "what a token was rejected for, once a refresh renewed it": (
        rejected.refreshes("t2").served("write", "t2").insufficient("b d", "list", "t2").asks("a b"),
        finds("CHAL-1", "violates"),
    ),
    "what a call was refused for while a token was on its way that serves it": (
        story()
        .handshake()
        .insufficient("b", "list")
        .calls("write", "t1")
        .asks("a b")
        .answers("write", 403, bearer("e", "insufficient_scope"))
        .consents()
        .issued("t2", "a b")
        .served("write", "t2")
        .insufficient("b d", "list", "t2")
        .asks("a b e"),
        RIGHT,
    ),
}


@pytest.mark.parametrize(("told", "expected"), rows(NO_WAY_OUT))
def test_a_request_that_leaves_a_challenge_out_is_for_something_else_only_if_that_is_open(
    told: Story, expected: Expected
) -> None:
    confirm(told, expected)

"""offline_access: an ordinary scope where it is challenged, and nothing to repeat against a client that got a token."""

from __future__ import annotations

import pytest

from rulings.expectations import RIGHT, SILENT, Expected, confirm, finds, rows
from rulings.stories import (
    NEW,
    OLD,
    OTHER_ISSUER,
    RESOURCE,
    Story,
    by_itself,
    story,
)
from scope_spec import Revision

CONSENT = "consent"

# --- where a challenge names it ---------------------------------------------------------------------

challenged = story(wants_refresh_token=True).handshake()

CHALLENGED = {
    "alone, at a step-up": challenged.insufficient("offline_access")
    .obtains("a offline_access", "t2", prompt=CONSENT)
    .served("write", "t2"),
    "alone, and the prompt is not named": challenged.insufficient("offline_access")
    .obtains("a offline_access", "t2")
    .served("write", "t2"),
    "alone, for the operation of the first call": challenged.insufficient("offline_access", "read").asks(
        "a offline_access", CONSENT
    ),
    "beside another scope": challenged.insufficient("b offline_access").asks("a b offline_access", CONSENT),
    "after another scope": challenged.insufficient("b")
    .obtains("a b", "t2")
    .insufficient("offline_access", "write", "t2")
    .obtains("a b offline_access", "t3", prompt=CONSENT)
    .served("write", "t3"),
    "before another scope": challenged.insufficient("offline_access")
    .obtains("a offline_access", "t2", prompt=CONSENT)
    .insufficient("b", "write", "t2")
    .obtains("a offline_access b", "t3", prompt=CONSENT)
    .served("write", "t3"),
    "beside a scope that is held": challenged.insufficient("a offline_access").asks("a offline_access", CONSENT),
    "again, where the server keeps it to itself": challenged.insufficient("offline_access")
    .obtains("a offline_access", "t2", "a", prompt=CONSENT)
    .served("write", "t2"),
    "at the first call": story().unauthorized("a offline_access").discovers().asks("a offline_access", CONSENT),
    "alone, at the first call": story().unauthorized("offline_access").discovers().asks("offline_access", CONSENT),
    "by a server that lists it": story()
    .handshake(by_server=("offline_access",))
    .insufficient("offline_access")
    .asks("a offline_access", CONSENT),
    "to a client that wants no refresh token": story(wants_refresh_token=False)
    .handshake()
    .insufficient("offline_access")
    .asks("a offline_access", CONSENT),
    "to a client without a user": by_itself()
    .handshake()
    .insufficient("offline_access")
    .obtains("a offline_access", "t2"),
    "at the older revision": story(OLD).handshake().insufficient("offline_access").asks("a offline_access"),
    "after a restart": story().handshake().restarts().insufficient("offline_access").asks("a offline_access", CONSENT),
    "at a 401 in the middle": story()
    .handshake()
    .unauthorized("offline_access", "write", "t1", error="invalid_token")
    .asks("a offline_access", CONSENT),
}


@pytest.mark.parametrize("told", rows(CHALLENGED))
def test_asking_for_offline_access_where_a_challenge_names_it_is_progress(told: Story) -> None:
    confirm(told, RIGHT)


NOT_HEEDED = {
    "alone, at a step-up": challenged.insufficient("offline_access").asks("a"),
    "beside another scope": challenged.insufficient("b offline_access").asks("a b"),
    "at the first call": story().unauthorized("a offline_access").discovers().asks("a"),
    "to a client without a user": by_itself().handshake().insufficient("b offline_access").asks("a b"),
}


@pytest.mark.parametrize("told", rows(NOT_HEEDED))
def test_a_challenge_for_offline_access_is_to_be_heeded(told: Story) -> None:
    confirm(told, finds("OFFLINE-3 CHAL-1", "violates"))


lists_it = story().handshake(by_server=("offline_access",)).insufficient("b").obtains("a b", "t2", refresh="r2")


NO_PROGRESS = {
    "the token has what is challenged": (
        lists_it.insufficient("b", "write", "t2").asks("a b offline_access", CONSENT),
        finds("OFFLINE-6 RETRY-3", "discouraged"),
    ),
    "the token lacks what is challenged": (
        lists_it.insufficient("c", "write", "t2").asks("a b c offline_access", CONSENT),
        RIGHT,
    ),
    "the server does not list it": (
        story().handshake(by_server=("a",)).insufficient("b").asks("a b offline_access", CONSENT),
        finds("OFFLINE-1", "discouraged"),
    ),
    "the client wants no refresh token": (
        story(wants_refresh_token=False)
        .handshake(by_server=("offline_access",))
        .insufficient("b")
        .asks("a b offline_access", CONSENT),
        finds("OFFLINE-1", "discouraged"),
    ),
}


@pytest.mark.parametrize(("told", "expected"), rows(NO_PROGRESS))
def test_offline_access_that_no_challenge_names_is_no_progress_and_needs_to_be_listed(
    told: Story, expected: Expected
) -> None:
    confirm(told, expected)


# --- where it is requested and never echoed ---------------------------------------------------------


def silent_about_it(
    said: str | None = "a", refresh: str | None = "r1", revision: Revision = NEW, scope: str = "a offline_access"
) -> Story:
    """offline_access was asked for, the response does not name it, and a refresh token came or did not."""
    return (
        story(revision)
        .unauthorized()
        .discovers("a", by_server=("openid", "offline_access"))
        .obtains(scope, "t1", said, refresh, CONSENT)
        .served()
        .expires()
    )


NEVER_ECHOED = {
    "repeated in a refresh": silent_about_it().refreshes("t2", "r1", "a offline_access", "a", "r2"),
    "repeated in each of three refreshes": silent_about_it()
    .refreshes("t2", "r1", "a offline_access", "a", "r2")
    .served("read", "t2")
    .expires("t2")
    .refreshes("t3", "r2", "a offline_access", "a", "r3")
    .served("read", "t3")
    .expires("t3")
    .refreshes("t4", "r3", "a offline_access", "a"),
    "repeated after a restart": silent_about_it().restarts().refreshes("t2", "r1", "a offline_access", "a"),
    "repeated alone": silent_about_it().refreshes("t2", "r1", "offline_access", "a"),
    "repeated where the response said nothing": silent_about_it(None).refreshes("t2", "r1", "a offline_access"),
    "repeated in another order": silent_about_it().refreshes("t2", "r1", "offline_access a", "a"),
    "repeated at the older revision": silent_about_it(revision=OLD).refreshes("t2", "r1", "a offline_access", "a"),
    "repeated after a step-up": silent_about_it()
    .refreshes("t2", "r1", None, "a", "r2")
    .insufficient("b", "write", "t2")
    .obtains("a offline_access b", "t3", "a b", "r3", CONSENT)
    .served("write", "t3")
    .expires("t3")
    .refreshes("t4", "r3", "a b offline_access", "a b"),
    "not repeated": silent_about_it().refreshes("t2", "r1", "a", "a"),
    "left to the server": silent_about_it().refreshes("t2", "r1", None, "a"),
    "repeated in an authorization": silent_about_it()
    .insufficient("b")
    .obtains("a offline_access b", "t2", "a b", prompt=CONSENT)
    .served("write", "t2"),
    "not repeated in an authorization": silent_about_it().insufficient("b").obtains("a b", "t2").served("write", "t2"),
}


@pytest.mark.parametrize("told", rows(NEVER_ECHOED))
def test_offline_access_that_brought_a_refresh_token_may_be_repeated(told: Story) -> None:
    confirm(told, RIGHT)


BEYOND_THE_GRANT = {
    "offline_access that was never requested": story()
    .handshake(by_server=("offline_access",))
    .expires()
    .asks_to_refresh("r1", "a offline_access"),
    "another scope that was not granted": silent_about_it().asks_to_refresh("r1", "a b"),
    "another scope beside it": silent_about_it().asks_to_refresh("r1", "a b offline_access"),
    "a scope that the server lists": silent_about_it().asks_to_refresh("r1", "a openid"),
}


@pytest.mark.parametrize("told", rows(BEYOND_THE_GRANT))
def test_nothing_else_outside_the_grant_may_be_named_at_a_refresh(told: Story) -> None:
    confirm(told, finds("REFRESH-1", "violates"))


def test_offline_access_that_was_granted_by_name_belongs_to_the_grant() -> None:
    confirm(silent_about_it("a offline_access").refreshes("t2", "r1", "a offline_access", "a"), RIGHT)
    confirm(silent_about_it("a offline_access").refreshes("t2", "r1"), SILENT)


# --- where the resource moves -----------------------------------------------------------------------


def moved(scope: str, by_server: tuple[str, ...] | None = None) -> Story:
    """A resource that challenged `scope` at one authorization server moves to another."""
    return (
        story(wants_refresh_token=True)
        .handshake(scope)
        .at(RESOURCE, OTHER_ISSUER)
        .unauthorized("b", "write", "t1", error="invalid_token")
        .discovers(by_server=by_server)
    )


@pytest.mark.parametrize("by_server", [None, (), ("offline_access",)])
def test_offline_access_that_the_resource_challenged_may_go_along_to_another_server(
    by_server: tuple[str, ...] | None,
) -> None:
    told = moved("a offline_access", by_server)
    confirm(told.asks("a offline_access b", CONSENT), RIGHT)
    confirm(told.asks("b"), RIGHT)


def test_offline_access_that_nobody_challenged_does_not() -> None:
    confirm(moved("a", ("x",)).asks("b offline_access", CONSENT), finds("OFFLINE-1", "discouraged"))

"""What is kept apart beside scopes: tokens are shown to their own alone, and registrations name nothing of others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from rulings.expectations import RIGHT, SILENT, Expected, allows, confirm, finds, rows
from rulings.stories import (
    BEFORE_SELECTION,
    ISSUER,
    NEW,
    OLD,
    OLDEST,
    OTHER_ISSUER,
    OTHER_RESOURCE,
    RESOURCE,
    Story,
    by_itself,
    story,
)
from scope_judge.judge import judge
from scope_model.events import ClientRegistration, ProtectedResourceMetadata, TokenResponse
from scope_spec import Revision

REVISIONS = [NEW, OLD, BEFORE_SELECTION, OLDEST]

# --- access tokens ----------------------------------------------------------------------------------


def at_two(begins: Story | None = None, issuer: str = OTHER_ISSUER) -> Story:
    """Two resources, each with a token of its own."""
    told = (begins if begins is not None else story()).handshake("a", "t1")
    return told.at(OTHER_RESOURCE, issuer).handshake("x", "t9", refresh="r9")


def lent_at_first(begins: Story | None = None) -> Story:
    """The first call of another resource carries the token that was issued for the first one."""
    told = (begins if begins is not None else story()).handshake("a", "t1").at(OTHER_RESOURCE, OTHER_ISSUER)
    return told.unauthorized("x", token="t1").discovers().obtains("x", "t9", refresh="r9").served("read", "t9")


LENT = {
    "in the first call of a resource": lent_at_first(),
    "once both tokens are there": at_two().unauthorized(token="t1"),
    "once both tokens are there, and served": at_two().served("read", "t1"),
    "in the other direction": at_two().at().unauthorized(token="t9"),
    "after a restart": at_two().restarts().unauthorized(token="t1"),
    "in place of a step-up": at_two().insufficient("y", token="t9").served("write", "t1"),
    "though no calls are served": story()
    .unauthorized("a")
    .discovers()
    .obtains("a", "t1", refresh="r1")
    .at(OTHER_RESOURCE, OTHER_ISSUER)
    .unauthorized("x", token="t1")
    .discovers(),
}


@pytest.mark.parametrize("told", rows(LENT))
def test_a_token_of_another_authorization_server_is_shown_to_nobody(told: Story) -> None:
    confirm(told, finds("ISO-2", "violates", worst="discouraged"))


@pytest.mark.parametrize("revision", REVISIONS)
@pytest.mark.parametrize("begins", [story, by_itself])
def test_that_holds_at_every_revision_and_for_every_grant_type(
    revision: Revision, begins: Callable[[Revision], Story]
) -> None:
    told = begins(revision).handshake("a", "t1").at(OTHER_RESOURCE, OTHER_ISSUER)
    own = told.handshake("x", "t9", refresh="r9").served("read", "t9")
    confirm(own.unauthorized(token="t1"), finds("ISO-2", "violates", worst="discouraged"))
    confirm(own, RIGHT)


NOT_LENT = {
    "each call carries its own": at_two().served("read", "t9").at().served(),
    "both resources name the same authorization server": at_two(issuer=ISSUER).served("read", "t1"),
    "the other resource names both authorization servers": at_two()
    .then(ProtectedResourceMetadata(OTHER_RESOURCE, (OTHER_ISSUER, ISSUER)))
    .served("read", "t1"),
    "its resource moved to another authorization server": story()
    .handshake()
    .at(RESOURCE, OTHER_ISSUER)
    .discovers()
    .served("read", "t1"),
    "the document of the other resource was not seen": story()
    .handshake()
    .at(OTHER_RESOURCE, OTHER_ISSUER)
    .unauthorized("x", token="t1")
    .obtains("x", "t9", refresh="r9"),
    "the document names no authorization server": story()
    .handshake()
    .at(OTHER_RESOURCE, OTHER_ISSUER)
    .then(ProtectedResourceMetadata(OTHER_RESOURCE))
    .unauthorized("x", token="t1"),
    "nobody says who issued it": story()
    .unauthorized("a")
    .discovers()
    .asks("a")
    .then(TokenResponse("t1", "a", "r1", None, None, RESOURCE))
    .served()
    .at(OTHER_RESOURCE, OTHER_ISSUER)
    .discovers()
    .unauthorized("x", token="t1"),
    "who issued it is not whom its resource names": replace(story().handshake(), issuer="https://login.example")
    .insufficient("b")
    .obtains("a b", "t2")
    .at(OTHER_RESOURCE, OTHER_ISSUER)
    .discovers()
    .unauthorized("x", token="t2"),
}


@pytest.mark.parametrize("told", rows(NOT_LENT))
def test_who_shows_a_token_to_its_own_is_right_and_so_is_whoever_may(told: Story) -> None:
    confirm(told, allows("discouraged", absent="ISO-2"))


def test_tokens_that_were_struck_out_are_nobodys() -> None:
    told = story().handshake("a", "redacted", refresh="redacted").at(OTHER_RESOURCE, OTHER_ISSUER)
    told = told.discovers().unauthorized("x", token="redacted").obtains("x", "redacted", refresh="redacted")
    confirm(told.served("read", "redacted"), allows("discouraged", absent="ISO-2"))


# --- refresh tokens ---------------------------------------------------------------------------------

REFRESHED = {
    "the refresh token of the server where the resource was before": (
        story().handshake().at(RESOURCE, OTHER_ISSUER).discovers().expires().asks_to_refresh("r1"),
        finds("ISO-2", "violates", worst="discouraged"),
    ),
    "the same at the oldest revision": (
        story(OLDEST).handshake().at(RESOURCE, OTHER_ISSUER).discovers().expires().asks_to_refresh("r1"),
        finds("ISO-2", "violates", worst="discouraged"),
    ),
    "its own, before the move": (
        story().handshake().expires().asks_to_refresh("r1"),
        SILENT,
    ),
    "its own, at the server where the resource was before": (
        story().handshake().at(RESOURCE, OTHER_ISSUER).discovers().expires().at().asks_to_refresh("r1"),
        allows("discouraged", absent="ISO-2"),
    ),
    "its own of two": (at_two().expires("t9").asks_to_refresh("r9"), SILENT),
    "one that nobody saw issued": (
        at_two().expires("t9").asks_to_refresh("r7"),
        allows("discouraged", absent="ISO-2"),
    ),
    "its own, where the authorization server is not named": (
        replace(story().handshake().at(RESOURCE, OTHER_ISSUER).discovers().expires(), issuer=None).asks_to_refresh(),
        allows("discouraged", absent="ISO-2"),
    ),
}


@pytest.mark.parametrize(("told", "expected"), rows(REFRESHED))
def test_a_refresh_token_is_sent_to_who_issued_it(told: Story, expected: Expected) -> None:
    confirm(told, expected)


# --- registrations ----------------------------------------------------------------------------------


def registered_elsewhere(scope: str | None, begins: Story | None = None, named: str = "x") -> Story:
    """A client with a grant at one authorization server registers at that of another resource."""
    told = (begins if begins is not None else story()).unauthorized("a").discovers().registers("a")
    told = told.obtains("a", "t1", refresh="r1").served().at(OTHER_RESOURCE, OTHER_ISSUER)
    return told.unauthorized(named).discovers().registers(scope)


REGISTERED = {
    "what the other resource challenged": (registered_elsewhere("x"), RIGHT),
    "nothing": (registered_elsewhere(None), RIGHT),
    "offline_access": (registered_elsewhere("x offline_access"), RIGHT),
    "what nobody named": (registered_elsewhere("x profile"), RIGHT),
    "what both challenged": (registered_elsewhere("a", named="a x"), RIGHT),
    "what the first server granted": (registered_elsewhere("a"), finds("ACC-7", "unspecified", "A20")),
    "what the first server granted, too": (registered_elsewhere("a x"), finds("ACC-7", "unspecified", "A20")),
    "what the first server granted, at the older revision": (
        registered_elsewhere("a x", story(OLD)),
        allows("unspecified", absent="ACC-7"),
    ),
    "what the caller configured": (
        registered_elsewhere("a x", story(configured=("fallback", "a x"))),
        allows("unspecified", absent="ACC-7"),
    ),
    "what it registered from the first": (
        story()
        .discovers()
        .registers("a z")
        .unauthorized("a")
        .obtains("a z", "t1", refresh="r1")
        .at(OTHER_RESOURCE, OTHER_ISSUER)
        .unauthorized("x")
        .discovers()
        .registers("a z"),
        allows("discouraged", absent="ACC-7"),
    ),
}


@pytest.mark.parametrize(("told", "expected"), rows(REGISTERED))
def test_a_registration_names_nothing_of_another_server(told: Story, expected: Expected) -> None:
    confirm(told, expected)


def test_what_a_registration_may_name_is_a_reading() -> None:
    told = registered_elsewhere("a x")
    assert [(found.clause, found.cause) for found in judge(told.transcript)] == [("ACC-7", "registered")]
    assert judge(told.transcript, {"A20": "any"}) == []


def test_a_registration_where_nobody_says_is_open() -> None:
    told = registered_elsewhere(None)
    unnamed = told.then(ClientRegistration("a x", issuer=None))
    confirm(unnamed, allows("unspecified", absent="ACC-7"))


# --- a move, and the list of the new server ---------------------------------------------------------

LISTED = {
    "all of the list": ("b a z", finds("SEL-7", "discouraged", absent="ACC-7")),
    "part of the list": ("b a", finds("ACC-7", "unspecified", "A27", absent="SEL-7")),
}


@pytest.mark.parametrize(("asked", "expected"), rows(LISTED))
def test_whoever_asks_for_all_that_a_server_lists_goes_by_its_list(asked: str, expected: Expected) -> None:
    told = story().handshake("a").at(RESOURCE, OTHER_ISSUER).discovers(by_server=("a", "z"))
    confirm(told.unauthorized("b", token="t1").asks(asked), expected)

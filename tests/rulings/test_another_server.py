"""A resource that moves to another authorization server may take along what it challenged itself, and nothing else."""

from __future__ import annotations

import pytest

from rulings.expectations import RIGHT, Expected, confirm, finds, rows
from rulings.stories import (
    NEW,
    OLD,
    OTHER_ISSUER,
    OTHER_RESOURCE,
    RESOURCE,
    Story,
    by_itself,
    story,
)
from scope_spec import Revision


def moved(begins: Story | None = None, said: str | None = "a", by_server: tuple[str, ...] | None = None) -> Story:
    """A handshake at one authorization server, before the resource points to another one."""
    told = (begins if begins is not None else story()).handshake("a", said=said)
    return told.at(RESOURCE, OTHER_ISSUER).discovers(by_server=by_server)


GOES_ALONG = {
    "with a 401 that names another scope": moved().unauthorized("b", token="t1").asks("a b"),
    "with a 401 that names another scope, to a client without a user": moved(by_itself())
    .unauthorized("b", token="t1")
    .obtains("a b", "t2")
    .served("read", "t2"),
    "with a step-up": moved()
    .unauthorized("b", token="t1")
    .obtains("b", "t2", refresh="r2")
    .served("read", "t2")
    .insufficient("c", "admin", "t2")
    .obtains("a b c", "t3")
    .served("admin", "t3"),
    "with a step-up before the move": story()
    .handshake()
    .step_up("x", "a x")
    .at(RESOURCE, OTHER_ISSUER)
    .unauthorized("b", token="t2")
    .discovers()
    .asks("a x b"),
    "after a refusal": moved().unauthorized("b", token="t1").asks("a b").refuses().unauthorized("b").asks("a b"),
    "after a restart": moved().restarts().unauthorized("b").asks("a b"),
    "at the older revision": moved(story(OLD)).unauthorized("b", token="t1").asks("a b"),
    "and back again": moved()
    .unauthorized("b", token="t1")
    .obtains("a b", "t2")
    .served("read", "t2")
    .at()
    .discovers()
    .unauthorized("c", token="t2")
    .asks("a b c"),
}


@pytest.mark.parametrize("told", rows(GOES_ALONG))
def test_what_the_resource_challenged_may_go_along(told: Story) -> None:
    confirm(told, RIGHT)


STAYS = {
    "with a 401 that names another scope": moved().unauthorized("b", token="t1").asks("b"),
    "with a 401 that names another scope, to a client without a user": moved(by_itself())
    .unauthorized("b", token="t1")
    .obtains("b", "t2"),
    "with a step-up": moved()
    .unauthorized("b", token="t1")
    .obtains("b", "t2")
    .served("read", "t2")
    .insufficient("c", "admin", "t2")
    .asks("b c"),
    "with a 401 without scope": moved().unauthorized(token="t1").asks(None),
    "after a restart": moved().restarts().unauthorized("b").asks("b"),
    "at the older revision": moved(story(OLD)).unauthorized("b", token="t1").asks("b"),
}


@pytest.mark.parametrize("told", rows(STAYS))
def test_what_the_resource_challenged_may_stay(told: Story) -> None:
    confirm(told, RIGHT)


def another_resource(revision: Revision = NEW, by_server: tuple[str, ...] | None = None) -> Story:
    """Another resource was challenged for x at the first server, before this one moved to the second."""
    told = story(revision).at(OTHER_RESOURCE).handshake("x", "t9", refresh="r9").at().handshake()
    return told.at(RESOURCE, OTHER_ISSUER).unauthorized("b", token="t1").discovers(by_server=by_server)


NEVER_GOES_ALONG = {
    "a scope of another resource": (another_resource().asks("b x"), finds("ACC-7", "discouraged")),
    "a scope of another resource beside its own": (another_resource().asks("a b x"), finds("ACC-7", "discouraged")),
    "a scope of another resource, at the older revision": (
        another_resource(OLD).asks("b x"),
        finds("SEL-6", "discouraged"),
    ),
    "a scope of another resource that the new server lists": (
        another_resource(NEW, ("b", "x")).asks("b x"),
        finds("ACC-7 SEL-7 SEL-6", "discouraged"),
    ),
    "a scope of another resource that the new server lists, at the older revision": (
        another_resource(OLD, ("b", "x")).asks("b x"),
        finds("SEL-7 SEL-6", "discouraged"),
    ),
    "a scope that nobody named": (moved().unauthorized("b", token="t1").asks("a b z"), finds("SEL-6", "discouraged")),
    "what is challenged, left out": (moved().unauthorized("b", token="t1").asks("a"), finds("CHAL-1", "violates")),
    "what is challenged, left out by a client without a user": (
        moved(by_itself()).unauthorized("b", token="t1").obtains(None, "t2", ""),
        finds("CHAL-1", "violates"),
    ),
    "what is challenged, left out at first and then joined to its own": (
        moved(by_itself())
        .unauthorized("b", token="t1")
        .obtains(None, "t2", "")
        .insufficient("b", "read", "t2")
        .obtains("a b", "t3")
        .served("read", "t3"),
        finds("CHAL-1", "violates", worst="violates", never="ACC-7"),
    ),
    "what was challenged and granted at the new server, left out": (
        moved()
        .unauthorized("b", token="t1")
        .obtains("b", "t2")
        .served("read", "t2")
        .insufficient("c", "admin", "t2")
        .asks("a c"),
        finds("ACC-1 ACC-2", "discouraged"),
    ),
}


@pytest.mark.parametrize(("told", "expected"), rows(NEVER_GOES_ALONG))
def test_nothing_else_goes_along(told: Story, expected: Expected) -> None:
    confirm(told, expected)


def test_two_resources_at_two_servers_keep_what_is_theirs() -> None:
    told = story().handshake("a").at(OTHER_RESOURCE, OTHER_ISSUER).handshake("x", "t9", refresh="r9")
    confirm(told.step_up("y", "x y", ("t9", "t10")).at().step_up("b", "a b"), RIGHT)
    confirm(told.insufficient("y", token="t9").asks("x y a"), finds("ACC-7", "discouraged"))
    confirm(told.insufficient("y", token="t9").asks("y"), finds("ACC-1 ACC-2", "discouraged"))

"""A client's own account of what it holds: a wrong one is discouraged, and knowing nothing is open."""

from __future__ import annotations

import pytest

from rulings.expectations import RIGHT, SILENT, Expected, allows, columns, confirm, finds, rows
from rulings.stories import NEW, OLD, OLDEST, Story, by_itself, story
from scope_spec import Revision

HOLDS_A = {
    "asked for and not repeated": story().handshake(said=None),
    "asked for and repeated": story().handshake(),
    "granted instead of more": story().handshake("a b", said="a"),
    "granted to a client without a user": by_itself().handshake(said=None),
    "kept over a silent refresh": story().handshake(said=None).expires().refreshes("t2").served("read", "t2"),
    "kept over a restart": story().handshake(said=None).restarts(),
    "kept over a refused step-up": story().handshake(said=None).insufficient("b").asks("a b").refuses(),
    "asked for at the older revision": story(OLD).handshake(said=None),
    "asked for at the oldest": story(OLDEST).handshake(said=None),
}


@pytest.mark.parametrize("told", columns(HOLDS_A))
def test_a_client_that_reports_what_it_holds_is_right(told: Story) -> None:
    confirm(told.reports("a"), RIGHT)


@pytest.mark.parametrize("told", columns(HOLDS_A))
@pytest.mark.parametrize("wrong", [(), ("z",), ("a", "z")])
def test_a_client_that_reports_another_set_is_wrong(told: Story, wrong: tuple[str, ...]) -> None:
    confirm(told.reports(*wrong), finds("any", "discouraged", worst="discouraged"))


DOES_NOT_KNOW = {
    "after a response without scope": story().handshake(said=None),
    "after a response without scope, without a user": by_itself().handshake(said=None),
    "after a step-up whose response has no scope": story().handshake().step_up("b", "a b", said=None),
    "after a silent refresh": story().handshake().expires().refreshes("t2").served("read", "t2"),
    "after a silent refresh of a grant without scope": story().handshake(said=None).expires().refreshes("t2"),
    "after a request without scope, which was answered without": story().handshake(None, said=None),
    "after a restart": story().handshake(said=None).restarts().served(),
    "after a refused refresh": story().handshake(said=None).expires().refresh_refused(),
    "after a refused step-up": story().handshake(said=None).insufficient("b").asks("a b").refuses(),
    "at the older revision": story(OLD).handshake(said=None),
}


@pytest.mark.parametrize("told", columns(DOES_NOT_KNOW))
def test_a_client_that_was_told_nothing_may_say_that_it_does_not_know(told: Story) -> None:
    confirm(told.reports_that_it_does_not_know(), RIGHT)


def test_what_it_costs_not_to_know_shows_on_the_wire() -> None:
    told = story().handshake(said=None).reports_that_it_does_not_know()
    confirm(told.step_up("b", "a b"), RIGHT)
    confirm(told.step_up("b", "b"), finds("ACC-1 ACC-2", "discouraged"))


STEPPED_UP = {
    "what this request asked for": (("a", "b"), RIGHT),
    "the earlier grant": (("a",), finds("any", "unspecified", "A4")),
    "what was challenged": (("b",), finds("GRANT-1", "discouraged")),
    "nothing": ((), finds("GRANT-1", "discouraged")),
    "more than anybody said": (("a", "b", "z"), finds("GRANT-1", "discouraged")),
}


@pytest.mark.parametrize("revision", [NEW, OLD])
@pytest.mark.parametrize(("reported", "expected"), rows(STEPPED_UP))
def test_what_a_step_up_brought_whose_response_has_no_scope(
    revision: Revision, reported: tuple[str, ...], expected: Expected
) -> None:
    told = story(revision).handshake().step_up("b", "a b", said=None)
    confirm(told.reports(*reported), expected)


NOBODY_SAID = {
    "nothing at all": ((), allows("unspecified")),
    "a set": (("a",), finds("GRANT-4", "discouraged")),
    "what the metadata lists": (("p",), finds("GRANT-4", "discouraged")),
}


@pytest.mark.parametrize(("reported", "expected"), rows(NOBODY_SAID))
def test_what_nobody_said_nobody_knows(reported: tuple[str, ...], expected: Expected) -> None:
    told = story().unauthorized().discovers().obtains(None, "t1", None, "r1").served()
    confirm(told.reports(*reported), expected)
    confirm(told.expires().refreshes("t2").served("read", "t2").reports(*reported), expected)


@pytest.mark.parametrize("brought", ["", "a"])
def test_what_a_refresh_brought_may_be_told_as_it_came_even_where_it_is_nothing(brought: str) -> None:
    told = story().unauthorized().discovers().obtains(None, "t1", None, "r1").served()
    told = told.expires().refreshes("t2", said=brought).served("read", "t2")
    confirm(told.reports(*brought.split()), SILENT)


def test_order_and_repetition_make_no_other_set() -> None:
    confirm(story().handshake("a b").reports("b", "a"), RIGHT)
    confirm(story().handshake("a b").reports("a", "b", "a"), RIGHT)

"""The selections: each combinator does what it is called."""

import doctest
from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

import scope_model.selections
from choosing import all_sources, chosen, chosen_for_long, knowing
from scope_model.scopes import NO_SCOPES, ScopeSet, scopes
from scope_model.selections import (
    Selection,
    Sources,
    accumulate,
    challenge,
    chosen_by,
    configured,
    current,
    first_of,
    granted,
    in_hand,
    requested,
    resource_metadata,
    server_metadata,
    with_offline_access,
    within,
)

SELECTIONS: Final = (
    requested,
    granted,
    in_hand,
    current,
    challenge,
    resource_metadata,
    server_metadata,
    configured,
)
NAMES: Final = (
    "requested",
    "granted",
    "in_hand",
    "current",
    "challenge",
    "resource_metadata",
    "server_metadata",
    "configured",
)

selections = st.recursive(
    st.sampled_from(SELECTIONS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: first_of(*parts)),
        st.lists(inner, max_size=3).map(lambda parts: accumulate(*parts)),
        st.builds(within, inner, inner),
        st.builds(with_offline_access, inner, alone=st.booleans(), unasked=st.booleans()),
        st.builds(Selection.or_else, inner, inner),
    ),
    max_leaves=4,
)
SILENCE: Final = first_of()


def all_granted(sources: Sources) -> ScopeSet | None:
    return sources.granted


@pytest.mark.parametrize("name", NAMES)
def test_a_source_says_what_it_knows_and_is_silent_where_it_knows_nothing(name: str) -> None:
    selection = dict(zip(NAMES, SELECTIONS, strict=True))[name]
    known = name if name != "current" else "granted"
    assert chosen(selection, **{known: "b a"}) == "b a"
    assert chosen(selection, **{known: ""}) is None
    assert chosen(selection, **{other: "x" for other in NAMES if other not in (known, "current")}) == (
        None if name != "current" else "x"
    )
    assert selection(Sources()) is None


@pytest.mark.parametrize(
    ("sources", "asked"),
    [
        ({"requested": "a b"}, "a b"),
        ({"requested": "a b", "granted": "a"}, "a"),
        ({"requested": "a", "granted": "a b"}, "a b"),
        ({"requested": "a b", "granted": ""}, None),
        ({"granted": "a", "in_hand": "b"}, "a"),
    ],
)
def test_current_is_the_grant_where_that_is_known_be_it_nothing(sources: dict[str, str], asked: str | None) -> None:
    assert chosen(current, **sources) == asked


@given(selections, all_sources)
def test_a_selection_never_asks_for_an_empty_scope(selection: Selection, sources: Sources) -> None:
    selected = selection(sources)
    assert selected is None or len(selected) > 0
    assert selection(sources) == selected


@given(selections, selections, selections, all_sources)
def test_or_else_is_associative_and_silence_is_its_unit(
    x: Selection, y: Selection, z: Selection, sources: Sources
) -> None:
    assert x.or_else(y).or_else(z)(sources) == x.or_else(y.or_else(z))(sources)
    assert x.or_else(SILENCE)(sources) == x(sources) == SILENCE.or_else(x)(sources)
    assert x.or_else(x)(sources) == x(sources)


@given(selections, selections, selections, all_sources)
def test_first_of_is_or_else_all_along(x: Selection, y: Selection, z: Selection, sources: Sources) -> None:
    assert first_of(x, y, z)(sources) == x.or_else(y).or_else(z)(sources)
    assert first_of(x, first_of(y, z))(sources) == first_of(first_of(x, y), z)(sources)


@given(selections, selections, selections, all_sources)
def test_accumulate_is_the_union_in_first_seen_order(
    x: Selection, y: Selection, z: Selection, sources: Sources
) -> None:
    union = (x(sources) or NO_SCOPES) | (y(sources) or NO_SCOPES) | (z(sources) or NO_SCOPES)
    assert accumulate(x, y, z)(sources) == (union or None)
    assert accumulate(x, accumulate(y, z))(sources) == accumulate(accumulate(x, y), z)(sources)
    assert accumulate(x, y, x)(sources) == accumulate(x, y)(sources)


@given(selections, all_sources)
def test_of_one_choice_there_is_nothing_to_combine(x: Selection, sources: Sources) -> None:
    assert first_of(x)(sources) == accumulate(x)(sources) == within(SILENCE, x)(sources) == x(sources)
    assert within(x, x)(sources) == x(sources)
    assert accumulate()(sources) is first_of()(sources) is None


@given(selections, selections, all_sources)
def test_within_asks_for_nothing_beyond_a_known_limit(limit: Selection, x: Selection, sources: Sources) -> None:
    selected, known = within(limit, x)(sources), limit(sources)
    if known is None:
        assert selected == x(sources)
    else:
        assert (selected or NO_SCOPES) == (x(sources) or NO_SCOPES) & known


def test_within_keeps_the_order_of_the_choice() -> None:
    assert chosen(within(configured, challenge), challenge="c b a", configured="a b") == "b a"
    assert chosen(within(configured, challenge), challenge="c", configured="a b") is None
    assert chosen(within(configured, challenge), challenge="c", configured="") == "c"


@pytest.mark.parametrize(
    ("selection", "scope", "listed", "wanted", "asked"),
    [
        (with_offline_access(challenge), "a", "offline_access", True, "a offline_access"),
        (with_offline_access(challenge), "a", "x offline_access", True, "a offline_access"),
        (with_offline_access(challenge), "offline_access a", "offline_access", True, "offline_access a"),
        (with_offline_access(challenge), "a", "offline_access", False, "a"),
        (with_offline_access(challenge), "a", "x", True, "a"),
        (with_offline_access(challenge), "a", "", True, "a"),
        (with_offline_access(challenge), "offline_access", "", False, "offline_access"),
        (with_offline_access(challenge), "", "offline_access", True, None),
        (with_offline_access(challenge, alone=True), "", "offline_access", True, "offline_access"),
        (with_offline_access(challenge, alone=True), "a", "offline_access", True, "a offline_access"),
        (with_offline_access(challenge, alone=True), "", "offline_access", False, None),
        (with_offline_access(challenge, alone=True), "", "x", True, None),
        (with_offline_access(challenge, unasked=True), "a", "offline_access", False, "a offline_access"),
        (with_offline_access(challenge, unasked=True), "a", "x", True, "a"),
        (with_offline_access(challenge, unasked=True), "", "offline_access", False, None),
    ],
)
def test_offline_access_joins_where_it_is_wanted_and_listed(
    selection: Selection, scope: str, listed: str, *, wanted: bool, asked: str | None
) -> None:
    choose = chosen_for_long if wanted else chosen
    assert choose(selection, challenge=scope, server_metadata=listed) == asked


def test_a_function_of_the_callers_sees_every_source() -> None:
    seen: list[Sources] = []

    def mine(sources: Sources) -> ScopeSet | None:
        seen.append(sources)
        return sources.configured

    sources = replace(knowing(**{name: name for name in NAMES if name != "current"}), wants_refresh_token=True)
    assert chosen_by(mine)(sources) == scopes("configured")
    assert seen == [sources]
    assert chosen_by(mine)(knowing(configured="")) is None


@pytest.mark.parametrize(
    ("selection", "text"),
    [
        (first_of(challenge, resource_metadata), "first_of(challenge, resource_metadata)"),
        (
            accumulate(granted, challenge).or_else(configured),
            "accumulate(granted, challenge).or_else(configured)",
        ),
        (within(configured, in_hand), "within(configured, in_hand)"),
        (with_offline_access(current), "with_offline_access(current)"),
        (with_offline_access(requested, alone=True), "with_offline_access(requested, alone=True)"),
        (
            with_offline_access(requested, alone=True, unasked=True),
            "with_offline_access(requested, alone=True, unasked=True)",
        ),
        (chosen_by(all_granted), "chosen_by(all_granted)"),
    ],
)
def test_a_selection_is_shown_as_it_is_written(selection: Selection, text: str) -> None:
    assert repr(selection) == text


@given(selections)
def test_what_is_shown_can_be_written(selection: Selection) -> None:
    words = {
        "first_of": first_of,
        "accumulate": accumulate,
        "within": within,
        "with_offline_access": with_offline_access,
        **dict(zip(NAMES, SELECTIONS, strict=True)),
    }
    assert eval(repr(selection), words) == selection  # noqa: S307


def test_a_selection_has_room_for_its_parts_and_nothing_else() -> None:
    assert not hasattr(first_of(challenge), "__dict__")


def test_the_examples_beside_the_code_hold() -> None:
    results = doctest.testmod(scope_model.selections)
    assert results.failed == 0
    assert results.attempted

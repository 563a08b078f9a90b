"""Scopes: the grammar of RFC 6749 section 3.3, and ordered sets whose union is a left regular band."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

import scope_model.scopes
from scope_model.scopes import (
    NO_SCOPES,
    MalformedScope,
    ScopeSet,
    parse_scope,
    read_scope,
    same_scopes,
    scopes,
)
from scope_properties.strategies import scope_sets, scope_tokens

# The grammar's three ranges, and every character that they leave out of ASCII.
LEGAL = "!" + "".join(map(chr, range(0x23, 0x5C))) + "".join(map(chr, range(0x5D, 0x7F)))
ILLEGAL = sorted({chr(code) for code in range(0x100)} - set(LEGAL))

sets = scope_sets(scope_tokens())
spaced = st.lists(scope_tokens() | st.sampled_from(("", '"', "\\", "é", "\t")), max_size=5).map(" ".join)
texts = st.text() | spaced


# The grammar


def test_each_character_of_the_grammar_is_a_scope() -> None:
    assert len(LEGAL) == 92
    assert list(ScopeSet(LEGAL)) == list(LEGAL)
    assert parse_scope(LEGAL) == ScopeSet([LEGAL])


@pytest.mark.parametrize("character", ILLEGAL)
def test_no_other_character_is_in_a_scope(character: str) -> None:
    for text in (character, f"a{character}", f"{character}a"):
        with pytest.raises(ValueError, match="is not a scope-token"):
            ScopeSet([text])
        assert isinstance(parse_scope(text), MalformedScope)


def test_an_empty_text_is_no_scope() -> None:
    with pytest.raises(ValueError, match="'' is not a scope-token"):
        ScopeSet([""])


def test_what_is_no_scope_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match=r"'b c' is not a scope-token \(RFC 6749 section 3.3\)"):
        ScopeSet(["a", "b c"])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "a scope value has at least one scope-token"),
        (" ", "scope-tokens are separated by exactly one space"),
        (" a", "scope-tokens are separated by exactly one space"),
        ("a ", "scope-tokens are separated by exactly one space"),
        ("a  b", "scope-tokens are separated by exactly one space"),
        ("a\tb", "the character '\\t' cannot stand in a scope-token"),
        ('a "b"', "the character '\"' cannot stand in a scope-token"),
        ("a\\b c", "the character '\\\\' cannot stand in a scope-token"),
        ("a é", "the character 'é' cannot stand in a scope-token"),
        ("a\n", "the character '\\n' cannot stand in a scope-token"),
    ],
)
def test_a_malformed_value_says_why(text: str, reason: str) -> None:
    assert parse_scope(text) == MalformedScope(text, reason)


@pytest.mark.parametrize("text", ["a,b", "files:read", "https://x.example/a?b=c#d", "A", "!", "~", "urn:a:b;c"])
def test_commas_colons_and_slashes_are_ordinary_characters(text: str) -> None:
    assert parse_scope(text) == ScopeSet([text])
    assert read_scope(text) == ScopeSet([text])


def test_case_tells_scopes_apart() -> None:
    assert len(scopes("read Read READ")) == 3
    assert "Read" not in scopes("read")
    assert scopes("a") != scopes("A")


@pytest.mark.parametrize("text", ["", "a", "b a", "a:read A e,f"])
def test_scopes_are_written_as_they_are_read(text: str) -> None:
    assert str(scopes(text)) == text
    assert repr(scopes(text)) == f"scopes({text!r})"
    assert eval(repr(scopes(text))) == scopes(text)  # noqa: S307


@pytest.mark.parametrize("text", [" ", "a  b", " a", "a\tb"])
def test_the_short_form_refuses_what_the_grammar_does_not_produce(text: str) -> None:
    with pytest.raises(ValueError, match="is not a scope-token"):
        scopes(text)


@given(texts)
def test_reading_never_fails(text: str) -> None:
    parsed, read = parse_scope(text), read_scope(text)
    if isinstance(parsed, ScopeSet):
        assert read == parsed
        assert parsed
        assert set(text.split(" ")) == set(parsed)
    else:
        assert parsed.text == text
        assert parsed.reason
        assert set(read) <= set(text.split(" "))


@given(sets)
def test_what_is_written_is_read_back(known: ScopeSet) -> None:
    assert scopes(str(known)) == known
    assert read_scope(str(known)) == known
    assert parse_scope(str(known)) == known or not known


@pytest.mark.parametrize(
    ("text", "understood"),
    [("  a   b ", "a b"), ('a "b" c', "a c"), ("a a", "a"), ("", ""), ("é", ""), ("b a b", "b a")],
)
def test_a_tolerant_reader_keeps_the_scopes_and_nothing_of_the_rest(text: str, understood: str) -> None:
    assert read_scope(text) == scopes(understood)


# The union


@given(sets, sets, sets)
def test_union_is_associative(x: ScopeSet, y: ScopeSet, z: ScopeSet) -> None:
    assert (x | y) | z == x | (y | z)


@given(sets)
def test_union_is_idempotent(x: ScopeSet) -> None:
    assert x | x == x


@given(sets, sets)
def test_a_union_is_changed_by_nothing_that_it_has_seen(x: ScopeSet, y: ScopeSet) -> None:
    assert x | y | x == x | y


@given(sets)
def test_nothing_adds_nothing(x: ScopeSet) -> None:
    assert x | NO_SCOPES == x == NO_SCOPES | x


@given(sets, sets)
def test_a_union_keeps_first_seen_order(x: ScopeSet, y: ScopeSet) -> None:
    union = list(x | y)
    assert union[: len(x)] == list(x)
    assert union[len(x) :] == [scope for scope in y if scope not in x]


def test_a_union_has_an_order_of_its_own() -> None:
    assert scopes("b a") | scopes("c a") == scopes("b a c")
    assert scopes("c a") | scopes("b a") == scopes("c a b")


@given(st.lists(scope_tokens(), max_size=8))
def test_a_set_keeps_the_first_of_each(given_scopes: list[str]) -> None:
    kept = list(ScopeSet(given_scopes))
    assert len(set(kept)) == len(kept)
    assert set(kept) == set(given_scopes)
    assert sorted(kept, key=given_scopes.index) == kept


# What a set is


@given(sets, sets)
def test_intersection_and_difference_keep_the_left_order(x: ScopeSet, y: ScopeSet) -> None:
    assert list(x & y) == [scope for scope in x if scope in y]
    assert list(x - y) == [scope for scope in x if scope not in y]
    assert same_scopes((x & y) | (x - y), x)


@given(sets, sets)
def test_inclusion_ignores_order(x: ScopeSet, y: ScopeSet) -> None:
    assert (x <= y) == (set(x) <= set(y))
    assert (ScopeSet(reversed(list(x))) <= y) == (x <= y)


@given(sets, sets)
def test_equality_respects_order(x: ScopeSet, y: ScopeSet) -> None:
    assert (x == y) == (list(x) == list(y))
    if x == y:
        assert hash(x) == hash(y)


def test_the_same_scopes_in_another_order_are_the_same_scopes() -> None:
    assert scopes("a b") != scopes("b a")
    assert same_scopes(scopes("a b"), scopes("b a"))
    assert not same_scopes(scopes("a"), scopes("a b"))
    assert not same_scopes(scopes("a c"), scopes("a b"))


def test_a_set_can_be_a_key() -> None:
    assert len({scopes("a b"), scopes("a b"), scopes("b a")}) == 2


def test_a_set_holds_its_scopes_and_nothing_else() -> None:
    anything = "anything"
    with pytest.raises(AttributeError):
        setattr(scopes("a"), anything, None)


def test_a_set_equals_no_other_kind_of_thing() -> None:
    assert scopes("a") != "a"
    assert scopes("a") != frozenset({"a"})


def test_a_set_is_true_if_it_holds_something() -> None:
    assert scopes("a")
    assert not NO_SCOPES
    assert len(scopes("a b a")) == 2


def test_no_operation_changes_its_operands() -> None:
    left, right = scopes("a b"), scopes("b c")
    assert (left | right, left & right, left - right) == (scopes("a b c"), scopes("b"), scopes("a"))
    assert (left, right) == (scopes("a b"), scopes("b c"))


# What it costs


class Counted(str):
    """A scope that counts how often any of its kind is compared."""

    __slots__ = ()
    compared = 0

    def __eq__(self, other: object) -> bool:
        Counted.compared += 1
        return str.__eq__(self, str(other))

    __hash__ = str.__hash__


def comparisons(size: int) -> int:
    """How many comparisons the union of two sets of `size`, half of them shared, needs."""
    left = ScopeSet(Counted(f"s{at}") for at in range(size))
    right = ScopeSet(Counted(f"s{at}") for at in range(size // 2, size + size // 2))
    Counted.compared = 0
    assert len(left | right) == size + size // 2
    return Counted.compared


@pytest.mark.parametrize("size", [100, 1000])
def test_a_union_compares_each_shared_scope_a_few_times(size: int) -> None:
    # Were the members kept in a list, each would be compared with every other one.
    assert size // 2 <= comparisons(size) <= 4 * size


def test_the_examples_beside_the_code_hold() -> None:
    results = doctest.testmod(scope_model.scopes)
    assert results.failed == 0
    assert results.attempted

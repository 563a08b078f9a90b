"""The misreadings: each goes wrong where its name says, and reads the plain challenge like anybody else."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scope_judge.misreadings import MISREADINGS, Heading, Misreading, read_challenge
from scope_model.scopes import ScopeSet, scopes
from scope_model.spellings import MISSPELLINGS, SPELLINGS, Parameters
from scope_properties.strategies import raw_lines, scope_sets
from scope_spec import CLAUSES

# Where a comma is missing, nothing can be expected of anybody.
ALL_SPELLINGS: Final = {**SPELLINGS, "scope-twice": MISSPELLINGS["scope-twice"]}
METADATA: Final = ("resource_metadata", "https://rs.example/metadata")
USUAL: Final = (("error", "insufficient_scope"), ("scope", "a b"), METADATA)

# The spellings of the usual challenge that each misreads: one kind each, but for the last two, which search.
GOES_WRONG: Final = {
    "comma-splitting": set[str](),
    "merging-repeats": {"scope-twice"},
    "case-folding": set[str](),
    "keeping-escapes": {"quoted-pairs"},
    "any-scheme": {"after-dpop-with-scope"},
    "last-scheme": {"before-dpop-with-scope"},
    "no-blanks": {"space-around-equals"},
    "quoted-only": {"token-values"},
    "case-sensitive": {"lower-case-scheme", "upper-case-names"},
    "first-scheme": {
        "after-basic",
        "after-negotiate",
        "after-token68",
        "on-the-second-line",
        "after-dpop-with-scope",
        "after-unpadded-token68",
    },
    "first-line": {"on-the-second-line"},
    "needing-error": set[str](),
    "substring": {
        "upper-case-names",
        "space-around-equals",
        "quoted-pairs",
        "after-dpop-with-scope",
        "after-a-decoy",
        "after-an-error-decoy",
        "after-unknown-parameters",
    },
    "substring-from-the-end": {
        "upper-case-names",
        "space-around-equals",
        "quoted-pairs",
        "before-dpop-with-scope",
        "before-decoys",
        "scope-twice",
    },
}

# What these misread is not the spelling but what is spelled.
GOES_WRONG_ON: Final[dict[str, tuple[Parameters, Heading]]] = {
    "comma-splitting": ((("error", "e"), ("scope", "a,b c")), Heading("a b c", "e")),
    "case-folding": ((("error", "e"), ("scope", "a A:Read")), Heading("a a:read", "e")),
    "needing-error": ((("scope", "a"),), Heading()),
}

each = pytest.mark.parametrize("misreading", MISREADINGS, ids=lambda misreading: misreading.name)


def named(name: str) -> Misreading:
    (misreading,) = (each for each in MISREADINGS if each.name == name)
    return misreading


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_right_reader_understands_every_spelling(spelling: str) -> None:
    assert read_challenge(SPELLINGS[spelling](USUAL)) == Heading("a b", "insufficient_scope")


def test_the_right_reader_takes_the_first_of_a_repeated_scope() -> None:
    assert read_challenge(MISSPELLINGS["scope-twice"](USUAL)).scope == "a b"


def test_without_a_bearer_challenge_there_is_nothing_to_read() -> None:
    assert read_challenge(()) == read_challenge(('DPoP scope="a", error="e"',)) == Heading()


@each
def test_each_goes_wrong_where_its_name_says_and_nowhere_else(misreading: Misreading) -> None:
    wrong = {
        name for name, write in ALL_SPELLINGS.items() if misreading.read(write(USUAL)) != read_challenge(write(USUAL))
    }
    assert wrong == GOES_WRONG[misreading.name]
    # PARSE-2 is about a challenge that no server may send; all else shows on a legal one.
    shown = wrong if misreading.clause == "PARSE-2" else wrong & SPELLINGS.keys()
    assert shown or misreading.name in GOES_WRONG_ON


@pytest.mark.parametrize("name", GOES_WRONG_ON)
def test_three_go_wrong_on_what_is_said(name: str) -> None:
    parameters, understood = GOES_WRONG_ON[name]
    lines = SPELLINGS["plain"](parameters)
    assert named(name).read(lines) == understood != read_challenge(lines)


@pytest.mark.parametrize(
    ("name", "spelling", "understood"),
    [
        ("merging-repeats", "scope-twice", "a b decoy"),
        ("keeping-escapes", "quoted-pairs", r"\a \b"),
        ("any-scheme", "after-dpop-with-scope", "decoy"),
        ("no-blanks", "space-around-equals", None),
        ("case-sensitive", "upper-case-names", None),
        ("case-sensitive", "lower-case-scheme", None),
        ("first-scheme", "after-basic", None),
        ("first-line", "on-the-second-line", None),
        ("last-scheme", "before-dpop-with-scope", "decoy"),
        ("substring", "after-a-decoy", "decoy"),
        ("substring-from-the-end", "before-decoys", "decoy"),
        ("substring", "after-unknown-parameters", "decoy"),
    ],
)
def test_each_goes_wrong_in_its_own_way(name: str, spelling: str, understood: str | None) -> None:
    assert named(name).read(ALL_SPELLINGS[spelling](USUAL)).scope == understood


def test_one_that_reads_quoted_values_alone_misses_the_others() -> None:
    assert named("quoted-only").read(("Bearer scope=a, error=e",)) == Heading()


@each
@pytest.mark.parametrize("lines", [(), ("",), ("Basic",), ('Basic realm="x"',)])
def test_where_there_is_nothing_to_read_nobody_reads_anything(misreading: Misreading, lines: tuple[str, ...]) -> None:
    assert misreading.read(lines) == Heading()


@given(
    st.sampled_from(MISREADINGS),
    scope_sets(st.sampled_from(("a", "b:c", "d/e")), min_size=1),
    st.sampled_from(("insufficient_scope", "invalid_token")),
)
def test_all_agree_on_the_plain_challenge(misreading: Misreading, asked: ScopeSet, error: str) -> None:
    lines = SPELLINGS["plain"]((("error", error), ("scope", str(asked)), METADATA))
    assert misreading.read(lines) == read_challenge(lines) == Heading(str(asked), error)


@given(st.sampled_from(MISREADINGS), raw_lines())
def test_no_text_makes_a_misreading_fail(misreading: Misreading, lines: tuple[str, ...]) -> None:
    assert isinstance(misreading.read(lines), Heading)


@each
def test_each_breaks_a_clause_and_says_what_it_does(misreading: Misreading) -> None:
    assert misreading.clause in CLAUSES
    assert misreading.says[0].islower()
    assert not misreading.says.endswith(".")


def test_each_has_a_name_of_its_own() -> None:
    assert [misreading.name for misreading in MISREADINGS] == list(GOES_WRONG)


@pytest.mark.parametrize(
    ("scope", "understood"),
    [(None, None), ("", None), ("é", None), ("b a", scopes("b a")), ("a é", scopes("a"))],
)
def test_a_heading_without_scopes_has_none(scope: str | None, understood: ScopeSet | None) -> None:
    assert Heading(scope).scopes == understood

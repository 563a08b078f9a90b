"""Challenges: the grammar of RFC 9110 section 11, read whatever surrounds it, and never with a failure."""

import re
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scope_model.challenges import Challenge, MalformedChallenge, bearer_challenge, parse_challenges
from scope_properties.strategies import challenge_lines, raw_lines

TOKEN: Final = "!#$%&'*+-.^_`|~09AZaz"


def bearer(*parameters: tuple[str, str]) -> Challenge:
    return Challenge("Bearer", parameters)


def parsed(*lines: str) -> tuple[Challenge | MalformedChallenge, ...]:
    return parse_challenges(lines)


# One challenge


@pytest.mark.parametrize(
    ("line", "challenge"),
    [
        ("Bearer", bearer()),
        ("Bearer ", bearer()),
        ('Bearer scope="a b"', bearer(("scope", "a b"))),
        ("Bearer scope=a", bearer(("scope", "a"))),
        ('Bearer   scope="a"', bearer(("scope", "a"))),
        ('Bearer realm="x", scope="a"', bearer(("realm", "x"), ("scope", "a"))),
        ('Bearer realm="x",scope="a"', bearer(("realm", "x"), ("scope", "a"))),
        ('Bearer realm="x"\t,\t scope="a"', bearer(("realm", "x"), ("scope", "a"))),
        ('Bearer scope=""', bearer(("scope", ""))),
        ('Bearer scope="a,b=c"', bearer(("scope", "a,b=c"))),
    ],
)
def test_a_challenge_has_a_scheme_and_parameters(line: str, challenge: Challenge) -> None:
    assert parsed(line) == (challenge,)


@pytest.mark.parametrize("name", ["scope", "Scope", "SCOPE", "sCoPe"])
def test_names_have_no_case(name: str) -> None:
    (challenge,) = parsed(f'Bearer {name}="A b"')
    assert challenge == bearer(("scope", "A b"))


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_the_scheme_has_no_case_and_is_kept_as_sent(scheme: str) -> None:
    (challenge,) = parsed(f'{scheme} scope="a"')
    assert isinstance(challenge, Challenge)
    assert challenge.scheme == scheme
    assert challenge.is_bearer


@pytest.mark.parametrize("scheme", ["Bear", "Bearers", "Basic", "x-bearer"])
def test_another_scheme_is_not_bearer(scheme: str) -> None:
    assert not Challenge(scheme).is_bearer


@pytest.mark.parametrize("equals", ["=", " =", "= ", " = ", "\t=\t", " \t = \t "])
def test_white_space_around_the_equals_sign_means_nothing(equals: str) -> None:
    assert parsed(f'Bearer scope{equals}"a", error{equals}x') == (bearer(("scope", "a"), ("error", "x")),)


@pytest.mark.parametrize(
    ("quoted", "value"),
    [
        (r'"\a"', "a"),
        (r'"a\ b"', "a b"),
        (r'"\"a\""', '"a"'),
        (r'"\\"', "\\"),
        (r'"\\\""', '\\"'),
        (r'"a\,b"', "a,b"),
        ('"\\\t"', "\t"),
        ('"\\\xe9"', "\xe9"),
    ],
)
def test_a_backslash_stands_for_what_follows_it(quoted: str, value: str) -> None:
    assert parsed(f"Bearer scope={quoted}, error=x") == (bearer(("scope", value), ("error", "x")),)


def test_a_value_may_hold_any_byte_above_ascii() -> None:
    every = "".join(map(chr, range(0x80, 0x100)))
    assert parsed(f'Bearer realm="{every}"') == (bearer(("realm", every)),)


def test_every_token_character_may_stand_in_names_values_and_schemes() -> None:
    assert parsed(f"{TOKEN} {TOKEN}={TOKEN}") == (Challenge(TOKEN, ((TOKEN.lower(), TOKEN),)),)


@pytest.mark.parametrize(
    "line",
    [',Bearer scope="a"', ' , ,\tBearer scope="a"', 'Bearer scope="a",', 'Bearer scope="a" ,, ', ", , "],
)
def test_empty_elements_mean_nothing(line: str) -> None:
    assert parsed(line) == ((bearer(("scope", "a")),) if "Bearer" in line else ())
    assert parsed('Bearer error="x" ,, scope="a"') == (bearer(("error", "x"), ("scope", "a")),)
    assert parsed('Bearer ,scope="a"') == (bearer(("scope", "a")),)


def test_nothing_is_no_challenge() -> None:
    assert parsed() == parsed("") == parsed(" ", "\t,") == ()


# Several challenges


@pytest.mark.parametrize(
    "lines",
    [
        ('Basic realm="x", Bearer scope="a", error="e"',),
        ('Basic realm="x"', 'Bearer scope="a", error="e"'),
        ('Basic realm="x",', ', Bearer scope="a", error="e"'),
        # Lines are one list, so that parameters may go on in the next.
        ('Basic realm="x", Bearer scope="a"', 'error="e"'),
        ('Basic realm="x", Bearer', 'scope="a"', 'error="e"'),
        ("Basic", 'realm="x", Bearer scope="a", error="e"'),
    ],
)
def test_several_lines_are_one_list(lines: tuple[str, ...]) -> None:
    assert parsed(*lines) == (Challenge("Basic", (("realm", "x"),)), bearer(("scope", "a"), ("error", "e")))


def test_the_example_of_the_rfc_is_two_challenges() -> None:
    # RFC 9110 section 11.6.1
    line = 'Basic realm="simple", Newauth realm="apps", type=1, title="Login to \\"apps\\""'
    assert parsed(line) == (
        Challenge("Basic", (("realm", "simple"),)),
        Challenge("Newauth", (("realm", "apps"), ("type", "1"), ("title", 'Login to "apps"'))),
    )


@pytest.mark.parametrize("token68", ["abc", "oRQwEqADCgEB==", "a/b+c.d-e_f~g=", "a====", "1"])
def test_a_challenge_may_have_a_token68_instead(token68: str) -> None:
    assert parsed(f'Negotiate {token68}, Bearer scope="a"') == (
        Challenge("Negotiate", (), token68),
        bearer(("scope", "a")),
    )


def test_a_name_without_a_value_looks_like_a_token68() -> None:
    assert parsed("Bearer scope=") == (Challenge("Bearer", (), "scope="),)
    assert parsed("Bearer error=x, scope=") == (
        bearer(("error", "x")),
        MalformedChallenge("Bearer error=x, scope=", 16),
    )


def test_after_a_token68_there_are_no_parameters() -> None:
    # Its challenge is complete, so that nothing is left that `scope` could belong to.
    assert parsed('Negotiate abc, scope="a"') == (
        Challenge("Negotiate", (), "abc"),
        MalformedChallenge('Negotiate abc, scope="a"', 15),
    )


def test_a_name_sent_twice_is_kept_twice_and_answered_by_the_first() -> None:
    (challenge,) = parsed('Bearer scope="a", Scope="b"')
    assert challenge == bearer(("scope", "a"), ("scope", "b"))
    assert isinstance(challenge, Challenge)
    assert challenge.get("scope") == "a"


def test_a_parameter_is_known_by_its_whole_name() -> None:
    (challenge,) = parsed('Bearer xscope="no", scopes="no", error_description="scope=no", scope="a"')
    assert isinstance(challenge, Challenge)
    assert challenge.get("scope") == "a"
    assert challenge.get("error") is None


# Malformed text


@pytest.mark.parametrize(
    ("line", "found"),
    [
        # An unclosed string: the parameters before it stay.
        (
            'Bearer error=x, scope="a',
            (bearer(("error", "x")), MalformedChallenge('Bearer error=x, scope="a', 16)),
        ),
        ('Bearer scope="a', (bearer(), MalformedChallenge('Bearer scope="a', 7))),
        ('Bearer scope="a\\', (bearer(), MalformedChallenge('Bearer scope="a\\', 7))),
        # No comma between parameters.
        ('Bearer a=b scope="a"', (bearer(), MalformedChallenge('Bearer a=b scope="a"', 7))),
        ('Bearer error="x" scope="a"', (bearer(), MalformedChallenge('Bearer error="x" scope="a"', 7))),
        # Characters that stand nowhere.
        ('"Bearer"', (MalformedChallenge('"Bearer"', 0),)),
        ("=a", (MalformedChallenge("=a", 0),)),
        ("B\xe9arer", (MalformedChallenge("B\xe9arer", 0),)),
        ('Bearer scope="a\x00"', (bearer(), MalformedChallenge('Bearer scope="a\x00"', 7))),
        ('Bearer scope="a\x7f"', (bearer(), MalformedChallenge('Bearer scope="a\x7f"', 7))),
        ('Bearer scope="a\n"', (bearer(), MalformedChallenge('Bearer scope="a\n"', 7))),
        ('Bearer scope="a\\\n"', (bearer(), MalformedChallenge('Bearer scope="a\\\n"', 7))),
        # A parameter of nothing.
        ('scope="a"', (MalformedChallenge('scope="a"', 0),)),
    ],
)
def test_what_is_malformed_is_marked_where_it_begins(
    line: str, found: tuple[Challenge | MalformedChallenge, ...]
) -> None:
    assert parsed(line) == found


def test_an_error_costs_its_own_line_alone() -> None:
    before, broken, after = 'Basic realm="x"', 'Bearer scope="no', 'Bearer scope="a"'
    assert parsed(before, broken, after) == (
        Challenge("Basic", (("realm", "x"),)),
        bearer(),
        MalformedChallenge(broken, 7),
        bearer(("scope", "a")),
    )


def test_no_parameter_is_carried_over_an_error() -> None:
    # The challenge before the error is closed by it.
    assert parsed('Bearer "', 'scope="a"') == (
        bearer(),
        MalformedChallenge('Bearer "', 7),
        MalformedChallenge('scope="a"', 0),
    )


@given(raw_lines() | st.lists(st.text(), max_size=3).map(tuple))
def test_no_text_at_all_makes_parsing_fail(lines: tuple[str, ...]) -> None:
    for found in parse_challenges(lines):
        if isinstance(found, MalformedChallenge):
            assert found.line in lines
            assert 0 <= found.column < len(found.line)
        else:
            assert re.fullmatch(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+", found.scheme)
            assert found.token68 is None or not found.parameters
            assert all(name == name.lower() for name, _ in found.parameters)


@given(raw_lines(), raw_lines())
def test_what_comes_before_never_hides_a_challenge(before: tuple[str, ...], after: tuple[str, ...]) -> None:
    # A line that begins with a scheme is read the same whatever lines it follows.
    whole = parse_challenges((*before, "Bearer scope=a", *after))
    alone = parse_challenges(("Bearer scope=a", *after))
    assert whole == parse_challenges(before) + alone


# What is generated


@given(challenge_lines())
def test_generated_challenges_are_well_formed(lines: tuple[str, ...]) -> None:
    assert all(isinstance(found, Challenge) for found in parse_challenges(lines))


# The one to answer

PLAIN: Final = bearer(("scope", "a"))
INSUFFICIENT: Final = bearer(("error", "insufficient_scope"), ("scope", "b"))
OTHER: Final = bearer(("error", "invalid_token"), ("scope", "c"))
DPOP: Final = Challenge("DPoP", (("error", "insufficient_scope"), ("scope", "d")))
BROKEN: Final = MalformedChallenge("=", 0)


@pytest.mark.parametrize(
    ("challenges", "answered"),
    [
        ((), None),
        ((DPOP, BROKEN), None),
        ((DPOP, BROKEN, PLAIN), PLAIN),
        ((PLAIN, OTHER), PLAIN),
        ((OTHER, PLAIN), OTHER),
        ((PLAIN, OTHER, INSUFFICIENT), INSUFFICIENT),
        ((INSUFFICIENT, PLAIN), INSUFFICIENT),
    ],
)
def test_one_bearer_challenge_is_answered_and_never_a_mixture(
    challenges: tuple[Challenge | MalformedChallenge, ...], answered: Challenge | None
) -> None:
    assert bearer_challenge(challenges) == answered


@given(raw_lines())
def test_the_challenge_to_answer_is_one_that_was_sent(lines: tuple[str, ...]) -> None:
    challenges = parse_challenges(lines)
    assert bearer_challenge(challenges) in {*challenges, None}

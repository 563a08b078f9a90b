"""The spellings: each says the same in its own way, and the reader understands them all."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scope_model.challenges import Challenge, MalformedChallenge, bearer_challenge, parse_challenges
from scope_model.spellings import MISSPELLINGS, SEVERAL, SPELLINGS, spelled

# What a quoted-string can carry: HTAB, SP to "~", and obs-text.
values = st.text(st.sampled_from("\t" + "".join(map(chr, [*range(0x20, 0x7F), *range(0x80, 0x100)]))), max_size=12)
NAMES: Final = ("scope", "error", "resource_metadata", "error_uri")
parameter_lists = st.lists(st.tuples(st.sampled_from(NAMES), values), unique_by=lambda parameter: parameter[0]).map(
    tuple
)


@pytest.mark.parametrize("name", SPELLINGS)
@given(parameters=parameter_lists)
def test_every_spelling_says_the_same(name: str, parameters: tuple[tuple[str, str], ...]) -> None:
    found = parse_challenges(SPELLINGS[name](parameters))
    assert not [wrong for wrong in found if isinstance(wrong, MalformedChallenge)]
    (challenge,) = [right for right in found if isinstance(right, Challenge) and right.is_bearer]
    assert bearer_challenge(found) == challenge
    said = [parameter for parameter in challenge.parameters if parameter[0] in NAMES]
    assert sorted(said) == sorted(parameters)
    if name != "token-values":
        assert said == list(parameters[::-1] if name == "reversed-parameters" else parameters)


# What is written of one challenge, in each spelling.
WRITTEN: Final = {
    "plain": ['Bearer error="e", scope="a b"'],
    "token-values": ['Bearer error=e, scope="a b"'],
    "lower-case-scheme": ['bearer error="e", scope="a b"'],
    "upper-case-names": ['Bearer ERROR="e", SCOPE="a b"'],
    "space-around-equals": ['Bearer error = "e", scope = "a b"'],
    "quoted-pairs": [r'Bearer error="e", scope="\a \b"'],
    "reversed-parameters": ['Bearer scope="a b", error="e"'],
    "no-space-after-comma": ['Bearer error="e",scope="a b"'],
    "empty-elements": [', ,Bearer error="e" ,, scope="a b",'],
    "after-basic": ['Basic realm="x", Bearer error="e", scope="a b"'],
    "before-basic": ['Bearer error="e", scope="a b", Basic realm="x"'],
    "after-negotiate": ['Negotiate, Bearer error="e", scope="a b"'],
    "after-token68": ['Negotiate oRQwEqADCgEB==, Bearer error="e", scope="a b"'],
    "on-the-second-line": ['Basic realm="x"', 'Bearer error="e", scope="a b"'],
    "after-dpop-with-scope": ['DPoP algs="ES256", scope="decoy", Bearer error="e", scope="a b"'],
    "after-a-decoy": ['Bearer error_description="needs scope=decoy here", error="e", scope="a b"'],
    "two-spaces": ['Bearer  error="e", scope="a b"'],
    "empty-realm": ['Bearer realm="", error="e", scope="a b"'],
    "after-unpadded-token68": ['Negotiate oRQwEqADCgEB, Bearer error="e", scope="a b"'],
    "before-dpop-with-scope": ['Bearer error="e", scope="a b", DPoP algs="ES256", scope="decoy"'],
    "after-an-error-decoy": ['Bearer error_description="no longer error=invalid_request", error="e", scope="a b"'],
    "before-decoys": [
        'Bearer error="e", scope="a b", error_description="not error=invalid_request, but scope=decoy here"'
    ],
    "after-unknown-parameters": ['Bearer error_scope="decoy", x="scope=decoy", error="e", scope="a b"'],
    "before-another-bearer": ['Bearer error="e", scope="a b", Bearer realm="other", scope="other"'],
    "after-another-bearer": ['Bearer realm="other", scope="other", Bearer error="e", scope="a b"'],
    "scope-twice": ['Bearer error="e", scope="a b", scope="decoy"'],
    "quotes-in-quotes": ['Bearer error="e", error_description=""exp" claim timestamp check failed", scope="a b"'],
    "no-comma": ['Bearer error="e" scope="a b"'],
}


def test_the_plain_spelling_comes_first() -> None:
    assert [*SPELLINGS, *SEVERAL, *MISSPELLINGS] == list(WRITTEN)


@pytest.mark.parametrize("name", WRITTEN)
def test_each_spelling_is_written_in_its_own_way(name: str) -> None:
    assert list(spelled(name, [("error", "e"), ("scope", "a b")])) == WRITTEN[name]


def test_a_quote_and_a_backslash_are_escaped() -> None:
    assert spelled("plain", [("realm", 'x"\\')]) == (r'Bearer realm="x\"\\"',)
    assert spelled("token-values", [("realm", 'x"\\')]) == (r'Bearer realm="x\"\\"',)
    assert spelled("quoted-pairs", [("scope", 'x"\\:'), ("realm", 'x"\\')]) == (
        r'Bearer scope="\x\"\\:", realm="x\"\\"',
    )


def test_what_is_a_token_is_written_without_quotes_before_what_is_not() -> None:
    parameters = [("scope", "a b"), ("error", "e"), ("realm", ""), ("x", "b")]
    assert spelled("token-values", parameters) == ('Bearer error=e, x=b, scope="a b", realm=""',)


@pytest.mark.parametrize("name", ["plain", "token-values", "quoted-pairs", "no-comma"])
def test_a_challenge_without_parameters_is_its_scheme(name: str) -> None:
    assert spelled(name, []) == ("Bearer",)


@pytest.mark.parametrize("name", SEVERAL)
def test_of_several_challenges_the_one_for_more_scope_is_answered_or_the_first(name: str) -> None:
    step_up = [("error", "insufficient_scope"), ("scope", "a")]
    challenge = bearer_challenge(parse_challenges(SEVERAL[name](step_up)))
    assert challenge == Challenge("Bearer", tuple(step_up))
    first = bearer_challenge(parse_challenges(SEVERAL[name]([("scope", "a")])))
    assert first is not None
    assert first.get("scope") == ("a" if name == "before-another-bearer" else "other")


def test_the_misspellings_are_no_spellings() -> None:
    parameters = (("scope", "a"), ("error", "x"))
    twice, quoted, without_comma = (parse_challenges(write(parameters)) for write in MISSPELLINGS.values())
    assert twice == (Challenge("Bearer", (("scope", "a"), ("error", "x"), ("scope", "decoy"))),)
    assert isinstance(quoted[-1], MalformedChallenge)
    assert isinstance(without_comma[-1], MalformedChallenge)

"""Public Hypothesis strategies: scopes, servers and their freedoms, challenges as raw header lines, episodes.

Everything shrinks towards the plain case: the scopes `a`, `b`, `c`, one server, one call, a challenge spelled as
the documents spell it, a grant of what was asked. The
examples say to what: `minimal` in them is Hypothesis's `find`, with no condition where none is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Final, TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from typing_extensions import override

from scope_model.scopes import ScopeSet
from scope_model.servers import Challenging, Granting
from scope_model.spellings import SPELLINGS
from scope_spec import Revision

from .episodes import Episode, MakeCall, Plan
from .generating import MOST, Generator, Steps
from .tables import GRANTINGS, LISTS, LONG_SCOPES, ODD_SCOPES, PLAIN_SCOPES, USER_DELEGATED, WORDINGS

T = TypeVar("T")

SCOPES: Final = st.sampled_from(PLAIN_SCOPES + ODD_SCOPES + LONG_SCOPES)

_TOKEN_CHARACTERS: Final = "".join(chr(c) for c in range(0x21, 0x7F) if chr(c) not in '"\\')


def scope_tokens() -> SearchStrategy[str]:
    """Any scope-token by the grammar, short ones of familiar letters first.

    >>> minimal(scope_tokens())
    'a'
    """
    return SCOPES | st.text(_TOKEN_CHARACTERS, min_size=1, max_size=8)


def scope_sets(
    elements: SearchStrategy[str] = SCOPES, *, min_size: int = 0, max_size: int = 4
) -> SearchStrategy[ScopeSet]:
    """Ordered scope sets.

    >>> minimal(scope_sets(min_size=2))
    scopes('a b')
    """
    return st.lists(elements, min_size=min_size, max_size=max_size, unique=True).map(ScopeSet)


def metadata_lists() -> SearchStrategy[tuple[str, ...] | None]:
    """`scopes_supported`: absent, a list, or the empty list that should not be published (META-1).

    >>> minimal(metadata_lists(), lambda listed: listed is not None)
    ('a',)
    """
    return st.sampled_from(LISTS)


def challenge_lines() -> SearchStrategy[tuple[str, ...]]:
    """Raw `WWW-Authenticate` lines: one challenge in any of its legal spellings.

    >>> minimal(challenge_lines())
    ('Bearer',)
    """
    parameters = st.lists(
        st.tuples(
            st.sampled_from(("scope", "error", "resource_metadata", "realm")),
            scope_sets(scope_tokens(), min_size=1).map(str),
        ),
        unique_by=lambda parameter: parameter[0],
    )
    return st.builds(lambda name, given: SPELLINGS[name](given), st.sampled_from(tuple(SPELLINGS)), parameters)


def raw_lines() -> SearchStrategy[tuple[str, ...]]:
    """Any `WWW-Authenticate` lines at all: well spelled, cut short, spliced together, or noise.

    >>> minimal(raw_lines(), lambda lines: "Bearer" in lines)
    ('Bearer',)
    """
    pieces = st.sampled_from(
        (
            "Bearer",
            "bearer",
            " ",
            ",",
            "=",
            '"',
            "\\",
            "scope",
            "error",
            "a",
            "Basic",
            "abc==",
            "\t",
            "\x00",
            "é",
        )
    )
    noise = st.lists(pieces, max_size=12).map("".join)
    cut = st.builds(lambda lines, at: (", ".join(lines)[:at],), challenge_lines(), st.integers(0, 60))
    return challenge_lines() | cut | st.lists(noise | st.text(max_size=20), max_size=3).map(tuple)


def challengings(*, hostile: bool = True) -> SearchStrategy[Challenging]:
    """Ways of answering a request; `hostile` ones also challenge a token that would do.

    >>> minimal(challengings(hostile=False)).rejects is None
    True
    """
    return _any_challenging() if hostile else _FAIR


_FAIR: Final = st.builds(
    lambda wording, spelling: replace(wording, spelling=spelling),
    st.sampled_from(tuple(dict.fromkeys(how for how in WORDINGS if how.rejects is None))),
    st.sampled_from(tuple(SPELLINGS)),
)


def grantings() -> SearchStrategy[Granting]:
    """What an authorization server and its user may make of a request.

    >>> minimal(grantings()).grant
    'asked'
    """
    return st.sampled_from(GRANTINGS)


class _Drawn(Generator):
    """Choices that Hypothesis draws, and can shrink: towards the first of each table."""

    def __init__(self, draw: DrawFn) -> None:
        self._draw = draw

    @override
    def among(self, choices: Sequence[T]) -> T:
        return choices[self._draw(_up_to(len(choices) - 1))]

    @override
    def related_steps(self) -> Steps:
        # Drawn as one value, which Hypothesis can then leave out as one.
        return self._draw(related_steps())


@cache
def _up_to(most: int) -> SearchStrategy[int]:
    return st.integers(0, most)


@st.composite
def _any_challenging(draw: DrawFn) -> Challenging:
    return _Drawn(draw).challenging()


@st.composite
def plans(draw: DrawFn, *, revision: Revision = "2026-07-28", grant_types: tuple[str, ...] = USER_DELEGATED) -> Plan:
    """A world as it starts, with a client set up in it.

    >>> minimal(plans()).revision
    '2026-07-28'
    """
    return _Drawn(draw).plan(revision, grant_types)


@st.composite
def make_calls(draw: DrawFn) -> MakeCall:
    """Calls of any operation, with the choices that its servers make.

    >>> minimal(make_calls()).call.operation
    'read'
    """
    return _Drawn(draw).make_call()


@st.composite
def related_steps(draw: DrawFn) -> Steps:
    """Steps that belong together.

    >>> [type(step).__name__ for step in minimal(related_steps(), lambda steps: len(steps) == 1)]
    ['MakeCall']
    """
    return Generator.related_steps(_Drawn(draw))


@st.composite
def episodes(
    draw: DrawFn,
    *,
    revision: Revision = "2026-07-28",
    grant_types: tuple[str, ...] = USER_DELEGATED,
    most: int = MOST,
) -> Episode:
    """A world and what happens in it: a call first, then at `most` so many groups of related steps.

    >>> len(minimal(episodes()).steps)
    1
    """
    return _Drawn(draw).episode(revision, grant_types, most)

"""Knowledge: what a transcript tells of a set of scopes is a lower and an upper bound.

Seen exactly, the two are equal; never seen, they are nothing and everything; where two histories are possible, they
are the meet and the join of both. What is required is asked of `at_least`, what is too much of `at_most`, so that
nobody is accused of what was not seen.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from scope_model.scopes import NO_SCOPES, ScopeSet


class Known(NamedTuple):
    """A set that includes `at_least`, and lies within `at_most`: None there is everything.

    `one_of` are the sets that it can be, where these are known.
    """

    at_least: ScopeSet
    at_most: ScopeSet | None
    one_of: tuple[ScopeSet, ...] = ()

    @property
    def exact(self) -> ScopeSet | None:
        """The set itself, where it is known."""
        return self.at_least if self.at_most is self.at_least else None

    def may_hold(self, scope: str) -> bool:
        """Whether the scope can be in it."""
        return self.at_most is None or scope in self.at_most

    def can_be(self, named: Iterable[str]) -> bool:
        """Whether the set can be just this one."""
        scopes = frozenset(named)
        if self.one_of:
            return any(scopes == frozenset(choice) for choice in self.one_of)
        return scopes.issuperset(self.at_least) and all(self.may_hold(scope) for scope in scopes)

    def surely_lacks_some(self, scopes: ScopeSet) -> bool:
        """Whether at least one of these is known not to be in it."""
        return self.at_most is not None and not scopes <= self.at_most

    def may_cover(self, scopes: ScopeSet) -> bool:
        """Whether all of these may be in it, and are whichever of several sets it is."""
        if self.one_of and not all(scopes <= choice for choice in self.one_of):
            return False
        return self.at_most is None or scopes <= self.at_most

    @property
    def shown(self) -> ScopeSet | None:
        """A set that it can be, for a sentence; None where nothing is known of it."""
        return self.one_of[0] if self.one_of else self.exact


def exactly(scopes: ScopeSet) -> Known:
    """A set that was seen."""
    return Known(scopes, scopes)


def either(one: ScopeSet, other: ScopeSet) -> Known:
    """A set that is one of two."""
    return Known(one & other, one | other, (one, other))


UNKNOWN: Final = Known(NO_SCOPES, None)
"""A set that was never seen."""

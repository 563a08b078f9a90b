"""Knowledge: what a transcript tells of a set of scopes is a lower and an upper bound.

Seen exactly, the two are equal; never seen, they are nothing and everything; where two histories are possible, they
are the meet and the join of both. What is required is asked of `at_least`, what is too much of `at_most`, so that
nobody is accused of what was not seen.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from scope_model.scopes import NO_SCOPES, ScopeSet


@dataclass(frozen=True, slots=True)
class Known:
    """A set that includes `at_least`, and lies within `at_most`: None there is everything."""

    at_least: ScopeSet
    at_most: ScopeSet | None

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
        return scopes.issuperset(self.at_least) and all(self.may_hold(scope) for scope in scopes)

    def surely_includes(self, scopes: ScopeSet) -> bool:
        """Whether all of these are known to be in it."""
        return scopes <= self.at_least

    def surely_lacks_some(self, scopes: ScopeSet) -> bool:
        """Whether at least one of these is known not to be in it."""
        return self.at_most is not None and not scopes <= self.at_most

    def or_else(self, other: Known) -> Known:
        """What is known where it is either this one or the other."""
        most = None if self.at_most is None or other.at_most is None else self.at_most | other.at_most
        return Known(self.at_least & other.at_least, most)


def exactly(scopes: ScopeSet) -> Known:
    """A set that was seen."""
    return Known(scopes, scopes)


UNKNOWN: Final = Known(NO_SCOPES, None)
"""A set that was never seen."""

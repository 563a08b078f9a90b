"""Selections: which scopes a client asks for, as values that read like the sentence they come from.

A selection is built from the sources of scopes (`challenge`, `resource_metadata`, ...) and a few combinators
(`first_of`, `accumulate`, ...). It is evaluated on what a client knows and answers with the scopes to
request, or None to leave the parameter out. Write your own in the same words:

>>> from scope_model.scopes import scopes
>>> mine = accumulate(granted, challenge).or_else(resource_metadata)
>>> mine
accumulate(granted, challenge).or_else(resource_metadata)
>>> mine(Sources(challenge=scopes("b"), granted=scopes("a")))
scopes('a b')
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Final, Literal

from typing_extensions import override

from .events import OFFLINE, OFFLINE_ACCESS
from .scopes import NO_SCOPES, ScopeSet


@dataclass(frozen=True, slots=True)
class Sources:
    """What a client knows when it chooses: one scope set a source, None where the source is silent.

    `requested`, `granted` and `in_hand` are the client's own account of this issuer and resource; an empty
    list in metadata and an empty challenge count as silence (META-1, A6).
    """

    requested: ScopeSet | None = None
    granted: ScopeSet | None = None
    in_hand: ScopeSet | None = None
    challenge: ScopeSet | None = None
    resource_metadata: ScopeSet | None = None
    server_metadata: ScopeSet | None = None
    configured: ScopeSet | None = None
    wants_refresh_token: bool = False


class Selection(ABC):
    """A rule that turns what a client knows into the scopes of its next request."""

    __slots__ = ()

    @abstractmethod
    def __call__(self, sources: Sources) -> ScopeSet | None:
        """The scopes to request, or None to leave the parameter out."""

    def or_else(self, other: Selection) -> Selection:
        """This selection, and `other` where this one has nothing to say."""
        return _OrElse(self, other)


@dataclass(frozen=True, slots=True, repr=False)
class _Source(Selection):
    name: Literal["requested", "granted", "in_hand", "challenge", "resource_metadata", "server_metadata", "configured"]

    @override
    def __call__(self, sources: Sources) -> ScopeSet | None:
        found: ScopeSet | None = getattr(sources, self.name)
        return found or None

    def __repr__(self) -> str:
        return self.name


requested: Final[Selection] = _Source("requested")
granted: Final[Selection] = _Source("granted")
in_hand: Final[Selection] = _Source("in_hand")
challenge: Final[Selection] = _Source("challenge")
resource_metadata: Final[Selection] = _Source("resource_metadata")
server_metadata: Final[Selection] = _Source("server_metadata")
configured: Final[Selection] = _Source("configured")


@dataclass(frozen=True, slots=True, repr=False)
class _Current(Selection):
    @override
    def __call__(self, sources: Sources) -> ScopeSet | None:
        known = sources.requested if sources.granted is None else sources.granted
        return known or None

    def __repr__(self) -> str:
        return "current"


current: Final[Selection] = _Current()
"""The one set that some clients keep: what was granted where that is known, be it nothing, else what was
requested (A1, A2)."""


@dataclass(frozen=True, slots=True, repr=False)
class _OrElse(Selection):
    first: Selection
    second: Selection

    @override
    def __call__(self, sources: Sources) -> ScopeSet | None:
        return self.first(sources) or self.second(sources)

    def __repr__(self) -> str:
        return f"{self.first!r}.or_else({self.second!r})"


@dataclass(frozen=True, slots=True, repr=False)
class _FirstOf(Selection):
    choices: tuple[Selection, ...]

    @override
    def __call__(self, sources: Sources) -> ScopeSet | None:
        return next((found for choice in self.choices if (found := choice(sources))), None)

    def __repr__(self) -> str:
        return f"first_of({', '.join(map(repr, self.choices))})"


def first_of(*choices: Selection) -> Selection:
    """The first of `choices` that has anything to say: a priority order (SEL-1 to SEL-3)."""
    return _FirstOf(choices)


@dataclass(frozen=True, slots=True, repr=False)
class _Accumulate(Selection):
    parts: tuple[Selection, ...]

    @override
    def __call__(self, sources: Sources) -> ScopeSet | None:
        found = [known for part in self.parts if (known := part(sources))]
        return reduce(or_, found) if found else None

    def __repr__(self) -> str:
        return f"accumulate({', '.join(map(repr, self.parts))})"


def accumulate(*parts: Selection) -> Selection:
    """The union of all `parts` that have anything to say, in first-seen order (ACC-1, ACC-2)."""
    return _Accumulate(parts)


@dataclass(frozen=True, slots=True, repr=False)
class _Within(Selection):
    limit: Selection
    choice: Selection

    @override
    def __call__(self, sources: Sources) -> ScopeSet | None:
        chosen, limit = self.choice(sources), self.limit(sources)
        return chosen if chosen is None or limit is None else (chosen & limit) or None

    def __repr__(self) -> str:
        return f"within({self.limit!r}, {self.choice!r})"


def within(limit: Selection, choice: Selection) -> Selection:
    """What `choice` says, cut to `limit` where that is known: a client that supports only a subset (A11)."""
    return _Within(limit, choice)


@dataclass(frozen=True, slots=True, repr=False)
class _WithOfflineAccess(Selection):
    choice: Selection
    alone: bool
    unasked: bool

    @override
    def __call__(self, sources: Sources) -> ScopeSet | None:
        chosen, listed = self.choice(sources), sources.server_metadata or NO_SCOPES
        wanted = OFFLINE_ACCESS in listed and (self.unasked or sources.wants_refresh_token)
        if not wanted or (chosen is None and not self.alone):
            return chosen
        return (chosen or NO_SCOPES) | OFFLINE

    def __repr__(self) -> str:
        flags = ", alone=True" * self.alone + ", unasked=True" * self.unasked
        return f"with_offline_access({self.choice!r}{flags})"


def with_offline_access(choice: Selection, *, alone: bool = False, unasked: bool = False) -> Selection:
    """`choice`, and offline_access where it is wanted and the authorization server lists it (OFFLINE-1).

    Where `choice` leaves the parameter out, so does this, unless `alone` (A12). `unasked` adds it unwanted.
    """
    return _WithOfflineAccess(choice, alone, unasked)


@dataclass(frozen=True, slots=True, repr=False)
class _ChosenBy(Selection):
    function: Callable[[Sources], ScopeSet | None]

    @override
    def __call__(self, sources: Sources) -> ScopeSet | None:
        return self.function(sources) or None

    def __repr__(self) -> str:
        return f"chosen_by({self.function.__name__})"


def chosen_by(function: Callable[[Sources], ScopeSet | None]) -> Selection:
    """A caller's own selection function, which sees every source (A11)."""
    return _ChosenBy(function)

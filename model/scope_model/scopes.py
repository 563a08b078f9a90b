"""Scopes: the tokens of RFC 6749 section 3.3, and ordered sets of them.

    scope       = scope-token *( SP scope-token )
    scope-token = 1*( %x21 / %x23-5B / %x5D-7E )

A scope set is ordered only so that what a client sends is stable and testable: order carries no meaning
on the wire (ORDER-1). Its union keeps the first-seen order, which makes it a *left regular band*:
associative, idempotent, and `x | y | x == x | y`. That law is what "order-stable dedup" means.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NewType, cast, final

Scope = NewType("Scope", str)
"""One scope-token, compared code point by code point: `Read` is not `read` (ORDER-2)."""

_TOKEN: Final = r"[!#-\[\]-~]++"
_IS_TOKEN: Final = re.compile(_TOKEN).fullmatch
_IS_SCOPE: Final = re.compile(rf"{_TOKEN}(?: {_TOKEN})*+").fullmatch


@dataclass(frozen=True, slots=True)
class MalformedScope:
    """A text that the scope grammar does not produce; `reason` says why in one sentence."""

    text: str
    reason: str


@final
class ScopeSet:
    """An immutable set of scopes that remembers the order in which each was first seen.

    Equality and hash respect the order; `<=` is inclusion and does not, so that two sets can include each
    other without being equal: use `same_scopes` to ask whether they hold the same scopes.
    """

    __slots__ = ("_members",)
    _members: dict[Scope, None]

    def __init__(self, scopes: Iterable[str] = ()) -> None:
        """Keep the first occurrence of each of `scopes`; raises ValueError for one that is no scope-token."""
        members: dict[Scope, None] = {}
        for scope in scopes:
            if _IS_TOKEN(scope) is None:
                raise ValueError(f"{scope!r} is not a scope-token (RFC 6749 section 3.3)")
            members[Scope(scope)] = None
        self._members = members

    @classmethod
    def _of(cls, members: dict[Scope, None]) -> ScopeSet:
        made = object.__new__(cls)
        made._members = members
        return made

    def __iter__(self) -> Iterator[Scope]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def __contains__(self, scope: str) -> bool:
        return scope in self._members

    def __or__(self, other: ScopeSet) -> ScopeSet:
        """The union, in first-seen order: what `self` has, then what only `other` has (ACC-1, ORDER-3)."""
        return ScopeSet._of(self._members | other._members)

    def __and__(self, other: ScopeSet) -> ScopeSet:
        """What both hold, in the order of `self`."""
        return ScopeSet._of({scope: None for scope in self._members if scope in other._members})

    def __sub__(self, other: ScopeSet) -> ScopeSet:
        """What only `self` holds, in its order."""
        return ScopeSet._of({scope: None for scope in self._members if scope not in other._members})

    def __le__(self, other: ScopeSet) -> bool:
        """Whether every scope of `self` is in `other`, whatever the order (ORDER-1)."""
        return self._members.keys() <= other._members.keys()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ScopeSet) and list(self._members) == list(other._members)

    def __hash__(self) -> int:
        return hash(tuple(self._members))

    def __str__(self) -> str:
        """The wire form: single spaces, no repeats; empty for the empty set, which is never sent (SEL-4)."""
        return " ".join(self._members)

    def __repr__(self) -> str:
        return f"scopes({str(self)!r})"


NO_SCOPES: Final = ScopeSet()


def scopes(text: str) -> ScopeSet:
    """The scope set written as `text`; raises ValueError where the grammar does not produce it. `""` is empty.

    >>> scopes("files:read files:write") | scopes("files:write admin")
    scopes('files:read files:write admin')
    """
    return ScopeSet(text.split(" ")) if text else NO_SCOPES


def _split(text: str) -> ScopeSet:
    # All of it was checked to be scope-tokens, and to call Scope for each would cost more than the check.
    return ScopeSet._of(dict.fromkeys(cast("list[Scope]", text.split(" "))))  # noqa: SLF001


def parse_scope(text: str) -> ScopeSet | MalformedScope:
    """Read a `scope` value by the grammar: tokens split at single spaces, a comma is an ordinary character.

    The grammar needs one token at least, so that `""` is malformed (PARSE-1, SEL-4). Linear in `text`.
    """
    if _IS_SCOPE(text):
        return _split(text)
    if not text:
        return MalformedScope(text, "a scope value has at least one scope-token")
    if "" in text.split(" "):
        return MalformedScope(text, "scope-tokens are separated by exactly one space")
    wrong = next(character for character in text if character != " " and _IS_TOKEN(character) is None)
    return MalformedScope(text, f"the character {wrong!r} cannot stand in a scope-token")


def read_scope(text: str) -> ScopeSet:
    """What a tolerant reader understands of any `scope` value: its scope-tokens, and nothing of the rest.

    Receivers use it on what others send; what a client sends itself is checked by `parse_scope`.
    """
    if _IS_SCOPE(text):
        return _split(text)
    return ScopeSet._of({Scope(token): None for token in text.split(" ") if _IS_TOKEN(token)})  # noqa: SLF001


def same_scopes(left: ScopeSet, right: ScopeSet) -> bool:
    """Whether two sets hold the same scopes, in whatever order (ORDER-1)."""
    return len(left) == len(right) and left <= right

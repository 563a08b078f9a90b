"""The book of clauses: each is one function of one occasion, and is entered under its ids."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from scope_judge.findings import Answer
from scope_judge.occasions import Occasion

Seen = TypeVar("Seen", bound=Occasion)


# Any: each function takes the occasion that it is entered under, which one type of entry cannot say.
@dataclass(frozen=True, slots=True)
class Entry:
    """A clause's function, the occasions that it looks at, and its ids: the first that is in force is said."""

    ids: tuple[str, ...]
    on: type[Occasion]
    judges: Callable[[Any], Answer]


BOOK: Final[list[Entry]] = []
"""Every clause, in the order of the chapters."""


def clause(*ids: str, on: type[Seen]) -> Callable[[Callable[[Seen], Answer]], Callable[[Seen], Answer]]:
    """Enter a function into the book, under the clause that it judges and those that say it where that is not in force.

    The function answers None where the clause does not apply, HOLDS, or Broken. It reads its occasion and nothing
    else; it neither reports nor remembers.
    """

    def enter(judges: Callable[[Seen], Answer]) -> Callable[[Seen], Answer]:
        BOOK.append(Entry(ids, on, judges))
        return judges

    return enter

"""Calls: those of the application that go on, as far as they are recorded."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

from scope_model.events import CallStarted

_NONE: Final[frozenset[int]] = frozenset()


class _Begun(NamedTuple):
    event: CallStarted
    at: int


class Calls:
    """The calls that began and did not end, by their numbers."""

    def __init__(self) -> None:
        self._begun: dict[int, _Begun] = {}
        self._numbers: dict[str, set[int]] = {}

    def begin(self, event: CallStarted, at: int) -> None:
        """Take in that a call begins; a call of its number that goes on is forgotten."""
        before = self._begun.get(event.call)
        if before is not None:
            self._numbers[before.event.operation].discard(event.call)
        self._begun[event.call] = _Begun(event, at)
        self._numbers.setdefault(event.operation, set()).add(event.call)

    def end(self, call: int) -> CallStarted | None:
        """Take in that a call ends, and give how it began; None where nobody saw that."""
        begun = self._begun.pop(call, None)
        if begun is None:
            return None
        self._numbers[begun.event.operation].discard(call)
        return begun.event

    def lose(self) -> None:
        """Take in that nobody waits any longer for those that began: the client lost its memory of them."""
        self._begun.clear()
        self._numbers.clear()

    def of(self, operation: str) -> AbstractSet[int]:
        """Those of an operation."""
        return self._numbers.get(operation, _NONE)

    def only(self, operation: str) -> int | None:
        """The one of an operation, None where there are none or several."""
        return _the_one(self.of(operation))

    def overlap(self, operation: str) -> bool:
        """Whether several of an operation go on at once."""
        return len(self.of(operation)) > 1

    def began_after(self, operation: str, at: int) -> bool:
        """Whether all of an operation began after an event."""
        return all(self._begun[call].at > at for call in self.of(operation))

    def resources(self, operation: str) -> Iterator[str | None]:
        """What those of an operation call."""
        return (self._begun[call].event.resource for call in self.of(operation))

    def may_go_on(self, call: int | None) -> bool:
        """Whether a call is known to go on, or not known at all."""
        return call is None or call in self._begun

    @property
    def numbers(self) -> AbstractSet[int]:
        """All of them."""
        return self._begun.keys()

    @property
    def alone(self) -> int | None:
        """The one that goes on, None where there are none or several."""
        return _the_one(self.numbers)


def _the_one(calls: AbstractSet[int]) -> int | None:
    return next(iter(calls)) if len(calls) == 1 else None

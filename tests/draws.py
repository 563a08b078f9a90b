"""Seeded choices that are counted by name, so that a test can ask whether each of them was ever taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Draws:
    """What is left to chance: the same seed, the same choices. `taken` counts them by name."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)  # noqa: S311 - a test that can be repeated, and no secret
        self.taken: Counter[str] = Counter()

    def whether(self, name: str, chance: float) -> bool:
        """Whether something happens that does in this share of the cases; counted if it does."""
        happens = self._random.random() < chance
        if happens:
            self.taken[name] += 1
        return happens

    def one_of(self, name: str, **weights: float) -> str:
        """One of the words, each as often as it weighs; counted as `name: word`."""
        (word,) = self._random.choices(list(weights), list(weights.values()))
        self.taken[f"{name}: {word}"] += 1
        return word

    def any_of(self, options: Sequence[T]) -> T:
        """One of the options, each as often as any other."""
        return self._random.choice(options)

    def some_of(self, options: Sequence[T], chance: float = 0.5) -> tuple[T, ...]:
        """Those of the options that happen to be, in their order."""
        return tuple(option for option in options if self._random.random() < chance)

    def shuffled(self, options: Sequence[T]) -> tuple[T, ...]:
        """All options in any order."""
        return tuple(self._random.sample(options, len(options)))

    def number(self, least: int, most: int) -> int:
        """A whole number from `least` to `most`."""
        return self._random.randint(least, most)

"""Episodes from a seed: the same ones on every machine, whatever else is installed or imported.

What Hypothesis draws depends on its release and on the modules that are loaded, which is right for finding faults
and wrong for a seed that is printed beside a finding. So a check draws with nothing but the one method of
`random.Random` that is promised to stay as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import TypeVar

from typing_extensions import override

from scope_spec import Revision

from .episodes import Episode
from .generating import Generator
from .tables import USER_DELEGATED

T = TypeVar("T")


def sample(
    seed: int, *, revision: Revision = "2026-07-28", grant_types: tuple[str, ...] = USER_DELEGATED
) -> Iterator[Episode]:
    """Episodes without end, always the same ones for a seed."""
    # Random() is promised to repeat for a seed; the whole number is spread first, so that neighbours differ.
    generator = _Seeded(Random(f"scopelaw {seed}"))  # noqa: S311 - nothing here is a secret
    while True:
        yield generator.episode(revision, grant_types)


class _Seeded(Generator):
    """Choices from a seed."""

    def __init__(self, random: Random) -> None:
        self._random = random

    @override
    def among(self, choices: Sequence[T]) -> T:
        return choices[int(self._random.random() * len(choices))]

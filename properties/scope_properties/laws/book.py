"""What a law is, and how a function becomes one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from scope_properties.model_subject import Transition

Topic = TypeVar("Topic")
Find = Callable[[Transition], Topic | None]
"""Where a law's topic is found in a transition; None where there is none, and the law has nothing to say."""


# Any: each law takes the topic that its own `about` finds, which one type of law cannot say.
@dataclass(frozen=True, slots=True)
class Law:
    """An invariant: its name and sentence, the clauses that it states, what it is about, and the check itself."""

    name: str
    says: str
    clauses: tuple[str, ...]
    about: Find[Any]
    holds: Callable[[Any], bool | None]


def law(*clauses: str, about: Find[Topic]) -> Callable[[Callable[[Topic], bool | None]], Law]:
    """Make a law of a function: its name and docstring are the law's, and it states `clauses`."""

    def enter(holds: Callable[[Topic], bool | None]) -> Law:
        return Law(holds.__name__, (holds.__doc__ or "").strip(), clauses, about, holds)

    return enter

"""Wrong in what no clause speaks of: what an event does that has no place."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from scope_model.client import Action, Client, Heard, Illegal, Memory, Step

from .mutant import Mutant


def _acts_on_nothing(_: Client, __: Heard, after: Client, action: Action) -> Step:
    return (replace(after, memory=Memory()), action) if isinstance(action, Illegal) else (after, action)


MUTANTS: Final = (
    Mutant(
        "acts-on-illegal-events",
        "",
        "loses its memory on an event that has no place",
        alter_step=_acts_on_nothing,
        law_only="no server sends an event that has no place",
    ),
)

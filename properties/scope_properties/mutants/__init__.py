"""Mutants: clients that are wrong on purpose, each naming the clause that must catch it.

A mutant is the reference client with a policy, an event or a step altered; the reference itself has no switch for
any of it. A mutant that survives, or that is caught by a clause it does not name, fails the tests. They stand in
the chapters of the specification that explain their clauses.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from . import challenges, grant, isolation, offline_access, refresh, retries, scopes, selection, step_up, totality
from .equivalents import EQUIVALENTS, Equivalent
from .mutant import Mutant

CHAPTERS: Final = (
    scopes,
    challenges,
    selection,
    step_up,
    grant,
    refresh,
    offline_access,
    retries,
    isolation,
    totality,
)
"""Where mutants stand, in reading order."""

MUTANTS: Final = MappingProxyType({mutant.name: mutant for chapter in CHAPTERS for mutant in chapter.MUTANTS})
"""Every mutant, by name."""

__all__ = ["CHAPTERS", "EQUIVALENTS", "MUTANTS", "Equivalent", "Mutant"]

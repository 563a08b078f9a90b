"""The clauses, one function each, by the chapters of the specification."""

from . import challenges, grant, isolation, offline_access, refresh, retries, scopes, selection, step_up
from .book import BOOK, Entry, clause

__all__ = [
    "BOOK",
    "Entry",
    "challenges",
    "clause",
    "grant",
    "isolation",
    "offline_access",
    "refresh",
    "retries",
    "scopes",
    "selection",
    "step_up",
]

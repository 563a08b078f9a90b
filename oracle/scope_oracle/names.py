"""Names that a user types: what to say when one is unknown."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches


class UnknownName(LookupError):
    """There is no `kind` of this name; `near` are those that may be meant, `otherwise` what helps if none is."""

    def __init__(self, kind: str, name: str, known: Iterable[str], otherwise: str = "") -> None:
        self.kind = kind
        self.name = name
        # Names are ids as often as words, and nobody means the difference between `acc-1` and `ACC-1`.
        folded = {each.casefold(): each for each in known}
        self.near = tuple(folded[match] for match in get_close_matches(name.casefold(), folded))
        hint = f"did you mean {' or '.join(self.near)}?" if self.near else otherwise
        super().__init__(f"unknown {kind} {name!r}" + (f"; {hint}" if hint else ""))


def one_of(kind: str, name: str, known: Collection[str]) -> None:
    """Refuse a name that is none of a few, all of which are told; raises UnknownName."""
    if name not in known:
        raise UnknownName(kind, name, known, f"choose from {', '.join(known)}")

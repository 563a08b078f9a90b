"""Selections: which clauses and verdicts a run is to report, named by clause, family or verdict."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from scope_judge.findings import Finding
from scope_spec import CLAUSES, VERDICTS, Verdict

from .names import UnknownName

FAMILIES: Final = tuple(dict.fromkeys(id_.rpartition("-")[0] for id_ in CLAUSES))
"""The families of clauses, as their ids begin: ACC, CHAL, ..."""

SELECTABLE: Final = (*CLAUSES, *FAMILIES, *VERDICTS)
"""Every name that a selection may have."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What is reported: all that `select` names, or all where it names nothing, but for what `ignore` names."""

    select: frozenset[str] = frozenset()
    ignore: frozenset[str] = frozenset()

    def takes(self, finding: Finding) -> bool:
        """Whether a finding is to be reported."""
        return self._takes({finding.clause, family(finding.clause), finding.verdict})

    def may_take(self, clause: str, verdict: Verdict | None = None) -> bool:
        """Whether some finding of a clause is to be reported; of any verdict, or of this one."""
        return any(
            self._takes({clause, family(clause), each}) for each in (VERDICTS if verdict is None else (verdict,))
        )

    def _takes(self, names: set[str]) -> bool:
        return (not self.select or not self.select.isdisjoint(names)) and self.ignore.isdisjoint(names)


EVERYTHING: Final = Selection()
"""The selection that leaves nothing out."""


def selected(names: Iterable[str]) -> frozenset[str]:
    """The names of a selection, several of which may stand in one text with commas; raises UnknownName."""
    known = {name.casefold(): name for name in SELECTABLE}
    chosen = set()
    for name in (part.strip() for text in names for part in text.split(",")):
        if name.casefold() not in known:
            raise UnknownName("clause, family or verdict", name[:80], SELECTABLE)
        chosen.add(known[name.casefold()])
    return frozenset(chosen)


def family(clause: str) -> str:
    """How the id of a clause begins."""
    return clause.rpartition("-")[0]

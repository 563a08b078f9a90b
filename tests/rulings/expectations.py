"""What a recording must be judged, and what it must not: both sides of each ruling."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pytest

from rulings.stories import Story, unnamed
from scope_judge.findings import Finding
from scope_judge.judge import judge
from scope_spec import CLAUSES, READINGS, Verdict

_GRAVITY: Final[Mapping[Verdict | None, int]] = {None: -1, "unspecified": 0, "discouraged": 1, "violates": 2}
_SLUG: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*").fullmatch


@dataclass(frozen=True, slots=True)
class Broken:
    """One of these clauses is found (any, if none is named), at this verdict or a graver one, by this reading."""

    clauses: tuple[str, ...]
    verdict: Verdict
    reading: str | None = None

    def is_met_by(self, finding: Finding) -> bool:
        """Whether a finding is the one that is meant."""
        return (
            (not self.clauses or finding.clause in self.clauses)
            and _GRAVITY[finding.verdict] >= _GRAVITY[self.verdict]
            and (self.reading is None or finding.reading == self.reading)
        )


@dataclass(frozen=True, slots=True)
class Expected:
    """What is found, the gravest that anything else may be (None: nothing else), and what is found in no case."""

    found: tuple[Broken, ...] = ()
    worst: Verdict | None = "unspecified"
    never: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()

    def fault_in(self, findings: list[Finding]) -> str | None:
        """What is wrong about these findings."""
        for broken in self.found:
            if not any(map(broken.is_met_by, findings)):
                return f"{broken} is not found"
        meant = {finding.clause for finding in findings if any(broken.is_met_by(finding) for broken in self.found)}
        for finding in findings:
            if finding.clause in self.absent or (finding.clause in self.never and finding.verdict != "unspecified"):
                return f"{finding.clause} is found"
            if finding.clause not in meant and _GRAVITY[finding.verdict] > _GRAVITY[self.worst]:
                return f"{finding.clause} is found, {finding.verdict}"
        return None


RIGHT: Final = Expected()
"""A conforming client: no finding that a SHOULD or a MUST stands behind."""

SILENT: Final = Expected(worst=None)
"""A conforming client that no reading makes different: nothing is found."""


def finds(
    clauses: str,
    verdict: Verdict,
    reading: str | None = None,
    *,
    worst: Verdict | None = "unspecified",
    never: str = "",
    absent: str = "",
) -> Expected:
    """One of `clauses` (a name, or several; "any" for whichever) is found, and little else."""
    named = () if clauses == "any" else tuple(clauses.split())
    return Expected((Broken(named, verdict, reading),), worst, tuple(never.split()), tuple(absent.split()))


def allows(worst: Verdict | None, *, never: str = "", absent: str = "") -> Expected:
    """Nothing need be found, nothing graver than `worst` may be, and some clauses may not be at all."""
    return Expected((), worst, tuple(never.split()), tuple(absent.split()))


def confirm(told: Story, expected: Expected) -> list[Finding]:
    """Judge a story, and hold the findings against what is expected and what holds of every finding.

    Where there is one issuer and one resource, it is judged alike if nobody names them.
    """
    nameless = unnamed(told)
    if nameless is not None:
        _confirm(nameless, expected, "without names, ")
    return _confirm(told, expected)


def _confirm(told: Story, expected: Expected, how: str = "") -> list[Finding]:
    findings = judge(told.transcript)
    shown = "\n".join(f"  {each.clause} {each.verdict} at {each.event}: {each.because}" for each in findings)
    fault = expected.fault_in(findings)
    assert fault is None, f"{how}{fault}; found:\n{shown or '  nothing'}"
    for finding in findings:
        clause = CLAUSES[finding.clause]
        assert clause.binds_at(told.header.revision), f"{finding.clause} is not in force at {told.header.revision}"
        assert 0 <= finding.event < len(told.events)
        assert _SLUG(finding.cause), finding.cause
        assert finding.reading is None or finding.reading in READINGS
    return findings


def rows(table: Mapping[str, object]) -> list[object]:
    """The rows of a table as parameters, each under the sentence that it shows; a tuple is several of them."""
    return [
        pytest.param(*row, id=sentence) if isinstance(row, tuple) else pytest.param(row, id=sentence)
        for sentence, row in table.items()
    ]


def columns(table: Mapping[str, object]) -> list[object]:
    """The same, where a tuple is one parameter."""
    return [pytest.param(row, id=sentence) for sentence, row in table.items()]

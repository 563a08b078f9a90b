"""Checks in a test of one's own: `check` a client, and let a failure say what `scopelaw check` would."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from scope_judge.findings import DEFAULT_READINGS
from scope_properties.subjects import Subject
from scope_spec import REVISIONS, Revision, Verdict

from . import checking, exploring
from .checking import Engine, Progress, Result
from .expecting import Expected, Met, meet, read_expected
from .outcome import SEVERITY, summary
from .plain import plain_finding, plain_transcript
from .selecting import Selection, selected
from .subjects import DriverFault
from .subjects import subject as named
from .tally import Broken

EPISODES: Final = 300
"""How many episodes a test runs where it does not say: enough for all but the rarest faults, in a few seconds."""


class Findings(AssertionError):
    """A client breaks clauses: the message tells each in full."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of a check: the `result`, and how it compares with what was expected (`met`)."""

    result: Result
    met: Met
    readings: Mapping[str, str] = field(default_factory=dict)

    def failing(self, fail_on: Verdict = "discouraged") -> tuple[Broken, ...]:
        """The findings that nobody expects, at or above a verdict."""
        return tuple(each for each in self.met.new if SEVERITY[each.finding.verdict] >= SEVERITY[fail_on])

    def raise_for_findings(self, fail_on: Verdict = "discouraged") -> None:
        """Raise Findings where something is found, or something that was expected is not."""
        failing = self.failing(fail_on)
        if not failing and not self.met.gone:
            return
        told = [plain_finding(each, readings=self.readings) + _again(each) for each in failing]
        told += [f"{each.named} no longer happens, and is expected ({each.reason})" for each in self.met.gone]
        raise Findings("\n\n".join((*told, *summary(self.result)[:2])))


def _again(broken: Broken) -> str:
    """How to see a finding again, as one line of Python."""
    return f"\n  in Python:  print(scope_oracle.replay(SUBJECT, {broken.replay!r}))"


def check(
    subject: Subject | str,
    *,
    select: Iterable[str] = (),
    skip: Iterable[str] = (),
    revision: Revision = REVISIONS[-1],
    readings: Mapping[str, str] = DEFAULT_READINGS,
    examples: int | None = None,
    seed: int = 0,
    engine: Engine = "sampling",
    expect: str | Path | Iterable[Expected] = (),
    progress: Callable[[Progress], None] = checking.ignore,
) -> Checked:
    """Put a client through generated episodes: one of your own, or one that the command line knows by name.

    `select` and `skip` name clauses, families or verdicts; `expect` is a file of expected findings, or such findings
    themselves. The same `seed` gives the same result. With the `engine` "hypothesis" that one chooses the episodes
    and shrinks them, and keeps examples in its database. Raises UnknownName, SubjectUnavailable, DriverFault or
    BadExpectation where there is nothing to check.
    """
    expected = read_expected(Path(expect)) if isinstance(expect, str | Path) else tuple(expect)
    selection = Selection(selected(select), selected(skip))
    with _opened(subject) as opened:
        run = checking.check if engine == "sampling" else exploring.explore
        result = run(
            opened,
            revision=revision,
            readings=readings,
            examples=examples or (EPISODES if engine == "sampling" else None),
            seed=seed,
            progress=progress,
            selection=selection,
        )
    if result.fault is not None:
        raise DriverFault(result.fault)
    ours = (each for each in expected if selection.may_take(each.clause, each.verdict))
    met = meet(result.subject, result.broken, ours, complete=result.complete)
    return Checked(result, met, readings)


def replay(subject: Subject | str, text: str, *, readings: Mapping[str, str] = DEFAULT_READINGS) -> str:
    """Play the one episode that a report names, and tell it; raises BadReplay where the text stands for none."""
    with _opened(subject) as opened:
        transcript, findings = checking.replayed(opened, text, readings)
    return plain_transcript(transcript, findings, readings=readings)


def _opened(subject: Subject | str) -> AbstractContextManager[Subject]:
    return named(subject) if isinstance(subject, str) else nullcontext(subject)

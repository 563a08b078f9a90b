"""Checks in a test of one's own: `check` a client, and let a failure say what `scopelaw check` would."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from scope_judge.findings import DEFAULT_READINGS
from scope_properties.subjects import Subject
from scope_spec import READINGS, REVISIONS, VERDICTS, Revision, Verdict

from . import checking, exploring
from .checking import ENGINES, Engine, Progress, Result
from .expecting import Expected, Met, meet, read_expected
from .names import UnknownName, one_of
from .outcome import SEVERITY, left_out, summary
from .plain import plain_finding, plain_transcript
from .reaching import NothingSelected, selected_at
from .selecting import Selection, selected
from .sources import named_in
from .subjects import DriverFault, checked_subject
from .subjects import subject as named
from .tally import Broken
from .wording import replay_in_python

EPISODES: Final = 300
"""How many episodes a test runs where it does not say: enough for all but the rarest faults, in a few seconds."""

_NO_READINGS: Final[Mapping[str, str]] = MappingProxyType({})


class Findings(AssertionError):
    """A client breaks clauses: the message tells each in full."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of a check: the `result`, and how it compares with what was expected (`met`).

    `result.broken` are the findings, `result.failed` the errors that ended calls, with the number of episodes.
    `subject` is what was checked.
    """

    result: Result
    met: Met
    readings: Mapping[str, str] = field(default_factory=dict)
    subject: Subject | str | None = None

    def failing(self, fail_on: Verdict = "discouraged") -> tuple[Broken, ...]:
        """The findings that nobody expects, at or above a verdict; raises UnknownName."""
        one_of("verdict", fail_on, VERDICTS)
        return tuple(each for each in self.met.new if SEVERITY[each.finding.verdict] >= SEVERITY[fail_on])

    def raise_for_findings(self, fail_on: Verdict = "discouraged") -> None:
        """Raise Findings where something is found, or something that was expected is not."""
        __tracebackhide__ = True  # pytest shows the test, and the exchange
        failing = self.failing(fail_on)
        if not failing and not self.met.gone:
            return
        told = [_told(each, self) for each in failing]
        told += [each.no_longer for each in self.met.gone]
        ran, counts, _ = summary(self.result)
        raise Findings("\n\n".join((*told, ran, "\n".join((counts, *left_out(self.result))))))


def _told(broken: Broken, checked: Checked) -> str:
    """A finding in full, with one line of Python to see it again: on the command line its client may have no name."""
    again = f"  replay:   {_again(checked, broken.replay)}"
    return f"{plain_finding(replace(broken, replay=''), readings=checked.readings)}\n{again}"


def _again(checked: Checked, text: str) -> str:
    """A line of Python that plays an episode: as it stands, where the subject has a name that can be imported."""
    subject, readings = checked.subject, checked.readings
    if isinstance(subject, str):
        return replay_in_python(repr(subject), readings, text)
    module, name = named_in(subject) or ("", "")
    return replay_in_python(f"{module}.{name}" if name else "SUBJECT", readings, text, module)


def check(
    subject: Subject | str,
    *,
    select: Iterable[str] = (),
    skip: Iterable[str] = (),
    revision: Revision = REVISIONS[-1],
    readings: Mapping[str, str] = _NO_READINGS,
    examples: int | None = None,
    seed: int = 0,
    engine: Engine = "sampling",
    expect: str | Path | Iterable[Expected] = (),
    progress: Callable[[Progress], None] = checking.ignore,
) -> Checked:
    """Put a client through generated episodes: one of your own, or one that the command line knows by name.

    `select` and `skip` name clauses (`ACC-1`), families (`ACC`) or verdicts (`unspecified`); `readings` gives disputed
    choices by name, as in `{"union-base": "granted"}`; `expect` is a file of expected findings, or such findings
    themselves. The same `seed` gives the same result. With the `engine` "hypothesis" that one chooses the episodes
    and shrinks them, and keeps examples in its database. What is found raises nothing here, but in
    `raise_for_findings` of the answer. Raises UnknownName, SubjectUnavailable, DriverFault or BadExpectation where
    there is nothing to check, and KeyboardInterrupt where it is interrupted.
    """
    __tracebackhide__ = True
    one_of("revision", revision, REVISIONS)
    one_of("engine", engine, ENGINES)
    if examples is not None and examples < 1:
        raise ValueError(f"{examples} is no number of episodes")
    in_force = _in_force(readings)
    expected = read_expected(Path(expect)) if isinstance(expect, str | Path) else tuple(expect)
    selection = Selection(selected(_names(select)), selected(_names(skip)))
    if not selected_at(revision, selection):
        raise NothingSelected(revision)
    with _opened(subject) as opened:
        run = checking.check if engine == "sampling" else exploring.explore
        result = run(
            opened,
            revision=revision,
            readings=in_force,
            examples=examples or (EPISODES if engine == "sampling" else None),
            seed=seed,
            progress=progress,
            selection=selection,
        )
    if result.fault is not None:
        raise DriverFault(result.fault)
    if not result.complete:
        raise KeyboardInterrupt  # a test that was interrupted has not passed
    ours = (each for each in expected if selection.may_take(each.clause, each.verdict))
    met = meet(result.subject, result.broken, ours, complete=result.complete)
    return Checked(result, met, in_force, subject)


def replay(subject: Subject | str, text: str, *, readings: Mapping[str, str] = _NO_READINGS) -> str:
    """Play the one episode that a report names, and tell it; raises BadReplay where the text stands for none."""
    in_force = _in_force(readings)
    with _opened(subject) as opened:
        transcript, findings = checking.replayed(opened, text, in_force)
    return plain_transcript(transcript, findings, readings=in_force)


def _opened(subject: Subject | str) -> AbstractContextManager[Subject]:
    if isinstance(subject, str):
        return named(subject)
    return nullcontext(checked_subject(subject, getattr(subject, "__name__", type(subject).__name__)))


def _names(given: Iterable[str]) -> Iterable[str]:
    """Names, one of which may stand for itself: a text is not the letters that it consists of."""
    return [given] if isinstance(given, str) else given


def _in_force(given: Mapping[str, str]) -> dict[str, str]:
    """A value for each reading, those that are given by id or by name; raises UnknownName."""
    known = {key.casefold(): each for each in READINGS.values() for key in (each.id, each.name)}
    in_force = dict(DEFAULT_READINGS)
    for name, value in given.items():
        reading = known.get(name.casefold())
        if reading is None:
            raise UnknownName("reading", name, [each.name for each in READINGS.values()])
        one_of(f"value of {reading.name}", value, reading.values)
        in_force[reading.id] = value
    return in_force

"""What many episodes come to: each kind of finding, how often, and what only all of them together can show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from scope_judge.findings import DEFAULT_READINGS, Finding
from scope_judge.judge import Judge
from scope_model.events import Transcript
from scope_properties.episodes import Episode
from scope_spec import CLAUSES, READINGS, Verdict

from .grounds import PLAIN, Grounds
from .selecting import EVERYTHING, Selection

Kind = tuple[str, Verdict, str]
"""Findings of one clause, one verdict and one cause are one thing to report."""


def kind_of(finding: Finding) -> Kind:
    """What a finding is one of."""
    return finding.clause, finding.verdict, finding.cause


@dataclass(frozen=True, slots=True)
class Broken:
    """A clause that a subject breaks, with the shortest episode found that shows it.

    `grounds` are the spellings that it rests on, and `also` what else the transcript shows. It was found in
    `found_in` episodes of `out_of`.
    """

    finding: Finding
    episode: Episode
    transcript: Transcript
    replay: str
    grounds: Grounds = PLAIN
    also: tuple[Kind, ...] = ()
    found_in: int = 0
    out_of: int = 0

    @property
    def of_the_run(self) -> bool:
        """Whether it is said of all episodes together: no trace alone shows it."""
        return kind_of(self.finding) == NEVER_STEPS_UP

    @property
    def length(self) -> tuple[int, int]:
        """How much it takes to see it: spellings that are not plain, then events."""
        return len(self.grounds.odd), self.finding.event


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of one episode: how often each clause's antecedent held, and the first finding of each kind.

    `opportunities` are the challenges for more scope that nothing but the client kept from being answered, and
    `stepped_up` is whether it ever answered one. Where it did not, the first one given up stands under NEVER_STEPS_UP.
    `asked` are the operations that the client was to call, `called` those that it did call, `skipped` is what it says
    that it cannot do, and `failed` what it raised.
    """

    reached: Mapping[str, int]
    broken: Mapping[Kind, Broken]
    opportunities: int
    stepped_up: bool
    asked: frozenset[str] = frozenset()
    called: frozenset[str] = frozenset()
    skipped: frozenset[str] = frozenset()
    failed: frozenset[str] = frozenset()


NEVER_STEPS_UP: Final[Kind] = ("STEP-2", "discouraged", "never-steps-up")
"""Giving up is permitted once: that a client should step up is said of whoever never does, in a whole check."""

DECEIVED: Final[Kind] = ("PARSE-8", "discouraged", "error-inside-a-value")
"""What a client leaves alone that leaves all alone is not left alone for how it is spelled."""

OPPORTUNITIES: Final = 5
"""How many it takes until never to step up is no accident."""

_SETTLED_BY: Final = "A21"


def given_up(transcript: Transcript, readings: Mapping[str, str]) -> Iterator[Finding]:
    """The first challenge that a client should have answered and gave up, where no rule in force allows that."""
    clause, verdict, cause = NEVER_STEPS_UP
    reading = READINGS[_SETTLED_BY]
    if not CLAUSES[clause].binds_at(transcript.header.revision):
        return
    if f"{clause}/{cause}" in reading.alternative({**DEFAULT_READINGS, **readings}[reading.id]).allows:
        return
    judging = Judge(transcript.header, readings)
    for at, event in enumerate(transcript.events):
        judging.hear(event)
        if judging.opportunities:
            yield Finding(clause, verdict, at, "the challenge was not followed by a request", cause, reading.id)
            return


@dataclass(slots=True)
class Tally:
    """The sum of what came of episodes, as far as they were judged, and as far as it is to be reported."""

    selection: Selection = EVERYTHING
    reached: Counter[str] = field(default_factory=Counter)
    opportunities: int = 0
    stepped_up: bool = False
    skipped: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    examples: int = 0
    _asked: set[str] = field(default_factory=set)
    _called: set[str] = field(default_factory=set)
    _episodes: Counter[Kind] = field(default_factory=Counter)
    _plainest: dict[Kind, Broken] = field(default_factory=dict)

    def add(self, judged: Judged) -> None:
        """Take in what came of one more."""
        self.reached.update(judged.reached)
        self.opportunities += judged.opportunities
        self.stepped_up = self.stepped_up or judged.stepped_up
        self.skipped.update(judged.skipped)
        self.failed.update(judged.failed)
        self._asked |= judged.asked
        self._called |= judged.called
        self.examples += 1
        self._episodes.update(judged.broken.keys())
        for kind, broken in judged.broken.items():
            if kind not in self._plainest or broken.length < self._plainest[kind].length:
                self._plainest[kind] = broken

    @property
    def uncalled(self) -> tuple[str, ...]:
        """The operations that the client was to call and never called."""
        return tuple(sorted(self._asked - self._called))

    @property
    def found(self) -> list[Broken]:
        """Where each kind that stands was found in the plainest and shortest way, in order."""
        never = not self.stepped_up and self.opportunities >= OPPORTUNITIES
        falls = DECEIVED if never else NEVER_STEPS_UP
        stands = (self._plainest[kind] for kind in sorted(self._plainest) if kind != falls)
        return [broken for broken in stands if self.selection.takes(broken.finding)]

    def counted(self, broken: Broken) -> Broken:
        """The same, with the number of episodes that show it, and of opportunities where it rests on them."""
        kind, finding = kind_of(broken.finding), broken.finding
        if broken.of_the_run:
            because = f"a challenge for more scope led to a request in 0 of {self.opportunities} fair opportunities"
            finding = replace(finding, because=because)
        return replace(broken, finding=finding, found_in=self._episodes[kind], out_of=self.examples)

"""Checks whose episodes Hypothesis chooses: its state machine, with its shrinking and its database of examples.

The rules are those of `scope_properties.machine`. An episode is what its rules let happen, and is played and judged as
a whole, as in any other check: so it can be replayed, and a client that runs whole episodes by itself has its turn.
Each kind of finding is a failure of its own for Hypothesis, which shrinks each. What is found may hide more, so that
the machine runs again without it, until a run finds nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from hypothesis import HealthCheck, Phase, Verbosity, settings
from hypothesis import seed as seeded
from hypothesis.database import ExampleDatabase
from hypothesis.errors import FlakyReplay
from hypothesis.stateful import initialize, run_state_machine_as_test

from scope_judge.findings import DEFAULT_READINGS
from scope_properties.episodes import Episode, EpisodeStep, Plan, fit_to_world
from scope_properties.rules import Rules, worlds_for
from scope_properties.subjects import Subject
from scope_spec import REVISIONS, Revision, Verdict

from .checking import Alone, Progress, Result, examiner, ignore, missed_within_reach, trials
from .outcome import SEVERITY
from .selecting import EVERYTHING, Selection
from .subjects import DriverFault
from .tally import Broken, Kind, Tally, kind_of

EXAMPLES: Final = 100
"""How many examples a run of the machine tries where nothing else is said: as many as Hypothesis itself."""

COSTLY_EXAMPLES: Final = 20
"""How many it tries where each is a whole run of the client."""

_PHASES: Final = (Phase.reuse, Phase.generate, Phase.shrink)
"""All that Hypothesis does for a test, but for explaining what a judge explains better."""

_STEPS: Final = 12
"""How many rules an example takes: few enough to be quick, and more than any fault that is known needs."""


class Found(AssertionError):
    """Something was found; there is a class of it for each kind, by which Hypothesis tells failures apart."""


class _Over(BaseException):
    """The driver broke the contract: no failure to shrink, but the end."""


@dataclass(slots=True)
class _Search:
    """What is known so far of a client."""

    alone: Alone
    tally: Tally
    progress: Callable[[Progress], None]
    mildest: Verdict
    shortest: dict[Kind, Broken] = field(default_factory=dict)

    def judge(self, episode: Episode, known: frozenset[Kind]) -> None:
        """Play and judge an episode; raises Found for the worst that is not known."""
        try:
            judged = self.alone.judge_one(self.alone.examining.subject.playable(episode))
        except DriverFault as wrong:
            raise _Over(str(wrong)) from None
        self.tally.add(judged)
        self.progress(Progress(self.tally.examples, 0, len(self.tally.found), "trying what Hypothesis chooses"))
        new = [kind for kind, broken in judged.broken.items() if kind not in known and self._is_failure(broken)]
        if new:
            worst = max(new, key=lambda kind: SEVERITY[kind[1]])
            self.shortest[worst] = judged.broken[worst]  # what Hypothesis ends with is the shortest
            raise _failure(worst)(judged.broken[worst].finding.because)

    def _is_failure(self, broken: Broken) -> bool:
        finding = broken.finding
        grave = SEVERITY[finding.verdict] >= SEVERITY[self.mildest]
        return grave and not broken.of_the_run and self.tally.selection.takes(finding)


@cache
def _failure(kind: Kind) -> type[Found]:
    clause, verdict, cause = kind
    return type(f"{clause}/{cause} {verdict}", (Found,), {})


def _machine(search: _Search, revision: Revision, known: frozenset[Kind]) -> type[Rules]:
    """The machine whose examples are judged; its name tells Hypothesis which examples of its database are for it."""
    subject = search.alone.examining.subject

    class Machine(Rules):
        @initialize(plan=worlds_for(subject.grant_types, revision))
        def start_client(self, plan: Plan) -> None:
            """A client with nothing stored, in a world of its own."""
            self.plan = plan
            self.steps: list[EpisodeStep] = []

        def play(self, *steps: EpisodeStep) -> None:
            self.steps += (fit_to_world(step, self.plan.servers) for step in steps)

        def teardown(self) -> None:
            """Play it all, unless Hypothesis has given the example up."""
            if hasattr(self, "plan") and sys.exception() is None:
                search.judge(Episode(self.plan, tuple(self.steps)), known)

    Machine.__name__ = " ".join(
        (subject.name, revision, "without", *(f"{kind[0]}/{kind[2]}" for kind in sorted(known)))
    )
    return Machine


def _run(machine: type[Rules], how: settings, seed: int) -> None:
    """Run a machine to its end; what was found is kept by whoever judged it, however sure Hypothesis is of it."""
    try:
        run_state_machine_as_test(seeded(seed)(machine), settings=how)
    except* (Found, FlakyReplay):
        pass


def explore(
    subject: Subject,
    *,
    revision: Revision = REVISIONS[-1],
    readings: Mapping[str, str] = DEFAULT_READINGS,
    examples: int | None = None,
    seed: int = 0,
    progress: Callable[[Progress], None] = ignore,
    selection: Selection = EVERYTHING,
    mildest: Verdict = "discouraged",
    database: ExampleDatabase | None = None,
) -> Result:
    """Let Hypothesis look for whatever a client breaks, with `examples` a run of its machine, from this `seed`.

    What is milder than the `mildest` verdict is no failure to it. What is in the `database` is tried first; without one
    it is what Hypothesis takes, the folder `.hypothesis`. What it shrank to few choices is then shortened to what there
    is to read, as in any other check. An interrupt, or a driver that fails, ends it early, with what was found so far.
    """
    how = settings(
        max_examples=examples or (COSTLY_EXAMPLES if subject.standalone else EXAMPLES),
        stateful_step_count=_STEPS,
        database=database or settings().database,
        deadline=None,
        phases=_PHASES,
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
        print_blob=False,
    )
    tally, shortest = Tally(selection), dict[Kind, Broken]()
    complete, fault, reachable = True, None, None
    try:
        search = _Search(Alone(examiner(subject, revision, readings)), tally, progress, mildest, shortest)
        known: frozenset[Kind] | None = None
        while known != shortest.keys():
            known = frozenset(shortest)
            _run(_machine(search, revision, known), how, seed)
        found = [shortest.get(kind_of(broken.finding), broken) for broken in tally.found]
        for broken in search.alone.shorten(found, trials(subject, tally.examples, len(found))):
            shortest[kind_of(broken.finding)] = broken
            progress(Progress(len(shortest), len(found), len(found), "shortening traces"))
        reachable = missed_within_reach(subject, tally, revision, seed)
    except KeyboardInterrupt:
        complete = False
    except (DriverFault, _Over) as wrong:
        complete, fault = False, str(wrong)
    return Result.of(
        subject,
        tally,
        (shortest.get(kind_of(broken.finding), broken) for broken in tally.found),
        revision=revision,
        seed=seed,
        complete=complete,
        fault=fault,
        reachable=reachable,
        engine="hypothesis",
    )

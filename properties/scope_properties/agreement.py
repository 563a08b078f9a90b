"""Two formulations of the same properties, and where they part.

The laws look inside a model client, one transition at a time; the judge reads nothing but the wire.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import chain, islice

from scope_judge.findings import Finding
from scope_judge.judge import Judge
from scope_judge.places import canonical

from .episodes import Episode
from .laws import LAWS, Law, broken_by
from .model_subject import ModelSubject, Transition, transitions_of
from .reach import Cell, Reach, freedoms_of, is_judged
from .runs import Run


class Watch:
    """Both formulations at work on one run: each look takes in what is new."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.judge = Judge(run.header, called=[canonical(name) for name in run.world.plan.servers.resources])
        self.laws: Counter[str] = Counter()
        self.cells: Counter[Cell] = Counter()
        self.broken: list[Law] = []
        self._aside: list[Transition] = []
        self._looked_at = self._judged = 0

    @property
    def found(self) -> list[Finding]:
        """What the judge found so far."""
        return self.judge.found

    def also_look_at(self, transition: Transition) -> None:
        """Have a transition looked at that the run itself does not take."""
        self._aside.append(transition)

    def look(self) -> tuple[list[Law], list[Finding]]:
        """The laws broken and the findings made since the last look."""
        laws, findings = len(self.broken), len(self.found)
        session, events = self.run.session, self.run.world.events
        transitions = transitions_of(session)
        for transition in chain(islice(transitions, self._looked_at, None), self._aside):
            self.cells[type(transition.before.phase), type(transition.event)] += 1
            self.broken.extend(LAWS[name] for name in broken_by(transition, self.laws))
        for event in islice(events, self._judged, None):
            self.judge.hear(event)
        self._looked_at, self._judged = len(transitions), len(events)
        self._aside.clear()
        return self.broken[laws:], self.found[findings:]

    def count(self, reach: Reach) -> None:
        """Add what this run reached."""
        reach.laws.update(self.laws)
        reach.cells.update(self.cells)
        reach.clauses.update(self.judge.reached)
        reach.freedoms.update(freedoms_of(self.run.world))


def agreement(subject: ModelSubject, episodes: Iterable[Episode], declared: frozenset[str] = frozenset()) -> list[str]:
    """Where the two formulations part over some episodes: a sentence each, and none where they agree.

    Who breaks no law must be found nothing. Where a law breaks, the judge must find in some run one of its
    clauses, or one of those `declared` to show the same fault: not always in the same run, since what goes
    wrong inside a client may need another request to come to light. A law whose clauses nobody can judge
    stands alone.
    """
    broken: dict[str, Law] = {}
    found: dict[str, Finding] = {}
    for episode in episodes:
        run = Run(episode.plan, subject)
        run.play(*episode.steps)
        laws, findings = Watch(run).look()
        broken.update((law.name, law) for law in laws)
        found.update((finding.clause, finding) for finding in findings)
    if not broken:
        return [f"no law is broken, and the judge finds {said(finding)}" for finding in found.values()]
    parted = []
    for law in broken.values():
        judged = {clause for clause in law.clauses if is_judged(clause, "2026-07-28")}
        if judged and not found.keys() & (judged | declared):
            parted.append(f"{law.name} is broken, and the judge never finds {' or '.join(sorted(judged))}")
    return parted


def stated(law: Law) -> str:
    """A law, its clauses and its sentence, on one line."""
    return f"{', '.join((law.name, *law.clauses))}: {law.says}"


def said(finding: Finding) -> str:
    """A finding on one line."""
    return f"{finding.clause}, {finding.verdict}, at event {finding.event}: {finding.because}"

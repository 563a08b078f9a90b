"""The machine: a client under test in a world of servers, where anything may happen at any time.

Both formulations watch it, the laws and the judge. `machine_for` puts any `Subject` in.
"""

from __future__ import annotations

from typing import ClassVar, Final

from hypothesis.stateful import initialize, precondition, rule
from hypothesis.strategies import SearchStrategy

from scope_spec import VERDICTS, Verdict

from .agreement import Watch, said, stated
from .episodes import Episode, EpisodeStep, Plan, fit_to_world
from .model_subject import ModelSession, ModelSubject, Transition
from .reach import Reach
from .rules import Rules, silent_worlds, worlds_for
from .runs import Run
from .subjects import Subject
from .tables import UNEXPECTED_EVENTS

SILENT_WORLDS: Final = silent_worlds()
WORLDS: Final = worlds_for(ModelSubject().grant_types)


class ScopeMachine(Rules):
    """A client in a world: each rule lets one thing happen, and both formulations look at it.

    `subject` is under test, `fail_on` is the mildest verdict that fails it, and `reach` counts over all runs.
    """

    subject: ClassVar[Subject] = ModelSubject()
    fail_on: ClassVar[Verdict] = "unspecified"
    reach: ClassVar[Reach] = Reach()

    @initialize(plan=WORLDS)
    def start_client(self, plan: Plan) -> None:
        """A client with nothing stored, in a world of its own."""
        self.plan = self.subject.playable(Episode(plan, ())).plan
        self.run = Run(self.plan, self.subject)
        self.watch = Watch(self.run)

    def play(self, *steps: EpisodeStep) -> None:
        """Let things happen, one after the other, and look at what they led to."""
        fitting = tuple(fit_to_world(step, self.plan.servers) for step in steps)
        self.run.play(*self.subject.playable(Episode(self.plan, fitting)).steps)
        self.check()

    def check(self) -> None:
        """Every law holds of every step that was taken, and the judge finds nothing on the wire."""
        laws, findings = self.watch.look()
        grave = VERDICTS[: VERDICTS.index(self.fail_on) + 1]
        objections = [
            *(f"law: {stated(law)}" for law in laws),
            *(f"judge: {said(finding)}" for finding in findings if finding.verdict in grave),
        ]
        if objections:
            raise AssertionError("\n".join(dict.fromkeys(objections)))

    @precondition(lambda machine: isinstance(machine.subject, ModelSubject))
    @rule()
    def send_unexpected_events(self) -> None:
        """Events from nowhere, the last time in each phase; what they lead to goes no further."""
        session = self.run.session
        assert isinstance(session, ModelSession)
        for client in {type(transition.after.phase): transition.after for transition in session.transitions}.values():
            for event in UNEXPECTED_EVENTS:
                self.watch.also_look_at(Transition(client, event, *session.step(client, event), session.step))
        self.check()

    def teardown(self) -> None:
        """Count what was reached, and let go of the run: Hypothesis holds on to the machine."""
        if hasattr(self, "watch"):
            self.watch.count(self.reach)
            del self.run, self.watch


def machine_for(
    under_test: Subject,
    worlds: SearchStrategy[Plan] = WORLDS,
    *,
    failing: Verdict = "discouraged",
    counting: Reach | None = None,
) -> type[ScopeMachine]:
    """The machine for any subject, in worlds that it can live in; its `TestCase` is for unittest and pytest alike.

    Raises ValueError for a client that runs whole episodes by itself: nothing can happen to it in between.

    >>> from scope_properties import ModelSubject, machine_for
    >>> class TestScopes(machine_for(ModelSubject()).TestCase):
    ...     '''The reference client, in whatever Hypothesis makes of the world.'''
    >>> TestScopes("runTest").debug()  # as unittest and pytest run it
    """
    if under_test.standalone:
        raise ValueError(f"{under_test.name} runs whole episodes by itself: let scope_oracle check it with Hypothesis")
    if worlds is WORLDS:
        worlds = worlds_for(under_test.grant_types)

    class Machine(ScopeMachine):
        subject = under_test
        fail_on = failing
        reach = Reach() if counting is None else counting

        @initialize(plan=worlds)
        def start_client(self, plan: Plan) -> None:
            super().start_client(plan)

    return Machine

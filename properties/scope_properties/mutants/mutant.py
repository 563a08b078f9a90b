"""What a mutant is: a client that is wrong on purpose."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from scope_model.client import Action, Client, Heard, Step, step
from scope_model.policies import Policy, mcp_2026_07_28
from scope_properties.model_subject import ModelSubject
from scope_properties.tables import USER_DELEGATED

AlterEvent = Callable[[Client, Heard], Heard]
"""What the reference is told in place of an event."""

AlterStep = Callable[[Client, Heard, Client, Action], Step]
"""What comes of a step of the reference: from the client before, the event, the client after, and what it did."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A wrong client: the clause that must catch it, and the others that it breaks in consequence (`also`).

    It is the reference under another `policy`, or one whose events or steps are altered. `law_only` says why no
    transcript can show what is wrong, where only a law of the model can. `only_by` are the freedoms of the servers
    without which it behaves like the reference.
    """

    name: str
    clause: str
    says: str
    policy: Policy = mcp_2026_07_28
    alter_event: AlterEvent | None = None
    alter_step: AlterStep | None = None
    also: AbstractSet[str] = frozenset()
    law_only: str | None = None
    grant_types: tuple[str, ...] = USER_DELEGATED
    only_by: AbstractSet[str] = frozenset()

    def step(self, client: Client, event: Heard) -> Step:
        """The reference's step, altered."""
        heard = event if self.alter_event is None else self.alter_event(client, event)
        after, action = step(client, heard)
        return (after, action) if self.alter_step is None else self.alter_step(client, heard, after, action)

    @property
    def subject(self) -> ModelSubject:
        """The mutant, ready to be put under test."""
        return ModelSubject(self.policy, self.step, self.name)

"""What no clause says, and every transition table must: an event that has no place changes nothing."""

from __future__ import annotations

from scope_model.client import Illegal
from scope_properties.model_subject import Transition

from .book import law
from .topics import any_transition


@law(about=any_transition)
def an_illegal_event_changes_nothing(transition: Transition) -> bool | None:
    """An event that has no place leaves the client as it was, and says so."""
    return transition.after is transition.before if isinstance(transition.action, Illegal) else None

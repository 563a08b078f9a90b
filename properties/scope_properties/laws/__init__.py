"""The laws: what must hold of every step that a reference client takes, each a function that reads as its name.

A law looks at one transition (the client before, the event, the client after, and what it did), or at what it is
about in one. It answers True or False, or None where it does not apply; a law that never applied proved nothing, so
that reach is counted. Some ask what the same client would have done had the event been another: a client is a value,
so it can be asked. They stand in the chapters of the specification that explain their clauses.
"""

from __future__ import annotations

from collections import defaultdict
from types import MappingProxyType
from typing import Any, Final

from scope_model.client import TRANSITIONS
from scope_properties.model_subject import Transition

from . import challenges, grant, isolation, offline_access, refresh, retries, scopes, selection, step_up, totality
from .book import Find, Law

CHAPTERS: Final = (
    scopes,
    challenges,
    selection,
    step_up,
    grant,
    refresh,
    offline_access,
    retries,
    isolation,
    totality,
)
"""Where laws stand, in reading order."""

LAWS: Final = MappingProxyType(
    {law.name: law for chapter in CHAPTERS for law in vars(chapter).values() if isinstance(law, Law)}
)
"""Every law, by name."""


def _by_topic(laws: list[Law]) -> dict[Find[Any], list[Law]]:
    found: defaultdict[Find[Any], list[Law]] = defaultdict(list)
    for law in laws:
        found[law.about].append(law)
    return dict(found)


_OF_A_LEGAL_EVENT: Final = _by_topic(list(LAWS.values()))
_OF_AN_ILLEGAL_EVENT: Final = _by_topic([totality.an_illegal_event_changes_nothing])


def broken_by(transition: Transition, reached: dict[str, int] | None = None) -> list[str]:
    """The names of the laws that a transition breaks; counts in `reached` those that apply to it.

    Where the table says that an event has no place, one law alone applies.
    """
    legal = type(transition.event) in TRANSITIONS[type(transition.before.phase)]
    broken = set()
    for about, laws in (_OF_A_LEGAL_EVENT if legal else _OF_AN_ILLEGAL_EVENT).items():
        topic = about(transition)
        if topic is None:
            continue
        for law in laws:
            holds = law.holds(topic)
            if holds is None:
                continue
            if reached is not None:
                reached[law.name] = reached.get(law.name, 0) + 1
            if not holds:
                broken.add(law.name)
    return [name for name in LAWS if name in broken] if broken else []


__all__ = ["CHAPTERS", "LAWS", "Law", "broken_by"]

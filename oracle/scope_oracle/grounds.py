"""What a finding rests on of how challenges are spelled, so that no shorter trace rests on something else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from scope_judge.misreadings import spelling_of
from scope_model.events import Event, ResourceResponse, Transcript

Spelling = frozenset[str]
"""The misreadings that see something else in a challenge: none where it is spelled plainly."""

Spelled = tuple[int, str | None, Spelling]
"""A challenge: at which event, of which resource, and how it is spelled."""


@dataclass(frozen=True, slots=True)
class Grounds:
    """The spelling of the challenge that came last before a finding, and those of all before it that are not plain."""

    last: Spelling = frozenset()
    odd: tuple[Spelling, ...] = ()

    def has_slid_from(self, before: Grounds) -> bool:
        """Whether a finding rests on another spelling than before; one that is plain takes nothing to read."""
        return (bool(self.last) and self.last != before.last) or not set(self.odd) <= set(before.odd)


PLAIN: Final = Grounds()
"""Nothing but what the documents spell."""


def spelled(transcript: Transcript) -> list[Spelled]:
    """The challenges of a transcript."""
    return [
        (at, event.resource, spelling_of(event.www_authenticate))
        for at, event in enumerate(transcript.events)
        if isinstance(event, ResourceResponse) and event.status in (401, 403)
    ]


def grounds(challenges: Sequence[Spelled], at: int, event: Event) -> Grounds:
    """What a finding at an event rests on."""
    before = [challenge for challenge in challenges if challenge[0] <= at]
    last = next(_of_the_resource(before, getattr(event, "resource", None)), frozenset[str]())
    return Grounds(last, tuple(spelling for _, _, spelling in before if spelling))


def _of_the_resource(challenges: Sequence[Spelled], resource: str | None) -> Iterator[Spelling]:
    """The spellings of the challenges of a resource, the latest first."""
    for _, name, spelling in reversed(challenges):
        if resource is None or name in (None, resource):
            yield spelling

"""How a bug is found: by a kind of finding that the client without it never shows with the same grant."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from functools import cache
from typing import Final, NamedTuple

from planted.bugs import BUGS
from planted.planting import Bug, planted
from scope_oracle.checking import EXAMPLES, Alone, examiner, generated, mostly_delegated
from scope_oracle.subjects.python_sdk import PythonSdk
from scope_oracle.tally import Kind, Tally, kind_of
from scope_properties.episodes import Episode
from scope_properties.subjects import Subject
from scope_spec import Revision

REVISION: Final[Revision] = "2026-07-28"
SEED: Final = 0
BY_COMMAND: Final = 200
"""How many episodes are tried where each of them is a whole run of a client."""

Known = AbstractSet[tuple[Kind, str]]
"""Kinds of findings, each with a grant type: the SDK has a provider for each, with findings of its own."""


class Found(NamedTuple):
    """The first finding of a kind with a grant type, and in which episode it came."""

    kind: Kind
    grant_type: str
    episode: int


def findings(subject: Subject) -> Iterator[Found]:
    """Each kind of finding with each grant type that a check of a subject comes to, as it comes."""
    bench, tallies, known = Alone(examiner(subject, REVISION)), dict[str, Tally](), set[tuple[Kind, str]]()
    examples = BY_COMMAND if subject.standalone else EXAMPLES
    for number, episode in enumerate(_episodes(mostly_delegated(subject), examples), 1):
        grant_type = episode.plan.grant_type
        tally = tallies.setdefault(grant_type, Tally())
        tally.add(bench.judge_one(subject.playable(episode)))
        new = [kind_of(broken.finding) for broken in tally.found]
        yield from (Found(kind, grant_type, number) for kind in new if (kind, grant_type) not in known)
        known.update((kind, grant_type) for kind in new)


def known_of(subject: Subject) -> Known:
    """What a subject shows in a whole check."""
    return frozenset((found.kind, found.grant_type) for found in findings(subject))


def own(subject: Subject, bug: Bug, common: Known) -> Found | None:
    """The first finding of a bug by the clause that it names, and of a kind that is not common; None where it lives."""
    for found in findings(subject):
        if found.kind[0] == bug.clause and (found.kind, found.grant_type) not in common:
            return found
    return None


@cache
def common() -> Known:
    """What the SDK itself shows."""
    return known_of(PythonSdk())


@cache
def found(name: str) -> Found | None:
    """How a bug is found in this process."""
    bug = BUGS[name]
    return own(planted(bug), bug, common())


@cache
def _episodes(grant_types: tuple[str, ...], examples: int) -> list[Episode]:
    return list(generated(REVISION, examples, SEED, grant_types))

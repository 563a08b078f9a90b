"""How a bug is found: by a kind of finding that the client without it never shows."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from functools import cache
from typing import Final, NamedTuple

from planted.bugs import BUGS
from planted.planting import Bug, planted
from scope_oracle.checking import COSTLY_EXAMPLES, EXAMPLES, Alone, examiner, generated, mostly_delegated
from scope_oracle.subjects.python_sdk import PythonSdk
from scope_oracle.tally import Kind, Tally, kind_of
from scope_properties.episodes import Episode
from scope_properties.subjects import Subject
from scope_spec import Revision

REVISION: Final[Revision] = "2026-07-28"
SEED: Final = 0


class Found(NamedTuple):
    """The first finding of a bug's own, and in which episode it came."""

    kind: Kind
    episode: int


def kinds(subject: Subject) -> Iterator[Found]:
    """Each kind of finding that a check of a subject comes to, as it comes."""
    bench, tally, known = Alone(examiner(subject, REVISION)), Tally(), set[Kind]()
    for number, episode in enumerate(_episodes(mostly_delegated(subject), subject.standalone), 1):
        tally.add(bench.judge_one(subject.playable(episode)))
        new = [kind_of(broken.finding) for broken in tally.found]
        yield from (Found(kind, number) for kind in new if kind not in known)
        known.update(new)


def own(subject: Subject, bug: Bug, common: AbstractSet[Kind]) -> Found | None:
    """The first finding of a bug by the clause that it names, and of a kind that is not common; None where it lives."""
    return next((found for found in kinds(subject) if found.kind not in common and found.kind[0] == bug.clause), None)


@cache
def common() -> frozenset[Kind]:
    """The kinds that the SDK itself shows in a whole check."""
    return frozenset(found.kind for found in kinds(PythonSdk()))


@cache
def found(name: str) -> Found | None:
    """How a bug is found in this process."""
    bug = BUGS[name]
    return own(planted(bug), bug, common())


@cache
def _episodes(grant_types: tuple[str, ...], costly: bool) -> list[Episode]:  # noqa: FBT001 - it chooses a number
    return list(generated(REVISION, COSTLY_EXAMPLES if costly else EXAMPLES, SEED, grant_types))

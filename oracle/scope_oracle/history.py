"""In which release a finding appeared, and in which it went: learnt by running releases, not by reading changelogs.

Every release of a list is checked, and the shortest trace of each finding is then played to all that did not show it by
themselves: what is absent from both ends of the list is found, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final

from scope_properties.subjects import Subject
from scope_spec import Revision

from .checking import Alone, Progress, check, examiner, ignore
from .subjects import DriverFault
from .tally import Broken, Kind, kind_of

_TRIES: Final = 40
"""How often a trace is played in vain before it counts as gone: some clients leave the order of scopes to chance."""

Opening = Callable[[str], AbstractContextManager[Subject]]
"""How to get a release of an SDK."""


@dataclass(frozen=True, slots=True)
class Life:
    """From when to when a trace shows its finding.

    `first` is the oldest release of the list that shows it, and `gone` the first after it that does not, or None.
    """

    broken: Broken
    first: str
    gone: str | None


@dataclass(frozen=True, slots=True)
class History:
    """What was learnt of a list of releases, the oldest first; `ran` are those that were run.

    `useless` are those on which no call ever carries a token, or which the driver cannot be run on, with the reason:
    that a trace shows nothing there says nothing of its finding.
    """

    releases: tuple[str, ...]
    ran: tuple[str, ...]
    useless: Mapping[str, str]
    lives: tuple[Life, ...]


def history(
    opening: Opening,
    releases: Sequence[str],
    *,
    revision: Revision,
    examples: int,
    seed: int = 0,
    progress: Callable[[Progress], None] = ignore,
) -> History:
    """From when to when each kind of finding is there: every release is checked, and played every trace of all others.

    A kind that goes and comes again has a life each time. Raises DriverFault where the first or the last release is of
    no use, and KeyboardInterrupt where a check was interrupted: of half a list nothing is learnt.
    """
    found: dict[str, dict[Kind, Broken]] = {}
    useless: dict[str, str] = {}
    for release in releases:
        try:
            with opening(release) as subject:
                result = check(subject, revision=revision, examples=examples, seed=seed, progress=progress)
        except DriverFault as wrong:
            useless[release] = str(wrong)
            continue
        if result.fault is not None:
            useless[release] = result.fault
            continue
        if not result.complete:
            raise KeyboardInterrupt
        found[release] = {kind_of(broken.finding): broken for broken in result.broken}
    for release in {releases[0], releases[-1]} & useless.keys():
        raise DriverFault(f"{release}: {useless[release]}")
    shown: dict[str, frozenset[Kind]] = {}
    for release, by_itself in found.items():
        progress(Progress(len(shown), len(found), len(by_itself), f"playing the traces to {release}"))
        with opening(release) as subject:
            bench = Alone(examiner(subject, revision))
            shown[release] = frozenset(by_itself) | _played(bench, found, release)
    ran = tuple(found)
    return History(tuple(releases), ran, useless, tuple(_lives(ran, found, shown)))


def _played(bench: Alone, found: Mapping[str, Mapping[Kind, Broken]], release: str) -> frozenset[Kind]:
    """The kinds that were found on other releases alone, and that one of their traces shows on this one."""
    missing: dict[Kind, list[Broken]] = {}
    for others in found.values():
        for kind, broken in others.items():
            if kind not in found[release]:
                missing.setdefault(kind, []).append(broken)
    return frozenset(kind for kind, traces in missing.items() if any(_shows(bench, trace) for trace in traces))


def _lives(
    ran: Sequence[str], found: Mapping[str, Mapping[Kind, Broken]], shown: Mapping[str, frozenset[Kind]]
) -> Iterator[Life]:
    """The lives of each kind, from the first release that shows it to the first after that which does not."""
    for kind in sorted(frozenset().union(*shown.values())):
        broken = next(each[kind] for each in found.values() if kind in each)
        first: str | None = None
        for release in ran:
            if kind in shown[release]:
                first = first or release
            elif first is not None:
                yield Life(broken, first, release)
                first = None
        if first is not None:
            yield Life(broken, first, None)


def _shows(bench: Alone, broken: Broken) -> bool:
    """Whether an episode still shows a finding."""
    return any(kind_of(broken.finding) in bench.judge_one(broken.episode).broken for _ in range(_TRIES))

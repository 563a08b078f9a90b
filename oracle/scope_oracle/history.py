"""In which release a finding appeared, and in which it went: learnt by running releases, not by reading changelogs.

Every release of a list is checked, and the shortest trace of each finding is then played to all that did not show it by
themselves: what is absent from both ends of the list is found, too. A trace that an older release was shortened for is
not shortened again where a newer one shows the same in it: that is most of what a check takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final

from scope_properties.episodes import Episode
from scope_properties.subjects import Subject
from scope_spec import Revision

from .checking import Alone, Examiner, Progress, check, examiner, ignore
from .subjects import DriverFault, SubjectUnavailable
from .tally import Broken, Judged, Kind, kind_of

_TRIES: Final = 40
"""How often a trace is played in vain before it counts as gone: some clients leave the order of scopes to chance."""

_ALIKE: Final = 10
"""How often in vain where it comes out the same each time: this client leaves nothing to chance."""

Opening = Callable[[str], AbstractContextManager[Subject]]
"""How to get a release of an SDK."""

Found = Mapping[Kind, Broken]
"""What a check found of one release."""


@dataclass(frozen=True, slots=True)
class Life:
    """From when to when a finding is seen.

    `first` is the oldest release that shows it, `last` the newest of those that do so without a break, and `gone` the
    one that was run after that, or None.
    """

    broken: Broken
    first: str
    last: str
    gone: str | None


@dataclass(frozen=True, slots=True)
class History:
    """What was learnt of a list of releases, the oldest first, each put through the same `examples` of a `seed`.

    Each was judged by the same `revision`, whatever it speaks itself. `ran` are those that were run, and `useless`
    those that cannot be had or built, or on which no call is ever served, with the reason: of any finding they
    say nothing.
    """

    revision: Revision
    examples: int
    seed: int
    releases: tuple[str, ...]
    ran: tuple[str, ...]
    useless: Mapping[str, str]
    lives: tuple[Life, ...]

    def passed_over(self, life: Life) -> tuple[str, ...]:
        """The releases of the list between the last that shows a finding and the first that was run without it."""
        if life.gone is None:
            return ()
        return self.releases[self.releases.index(life.last) + 1 : self.releases.index(life.gone)]


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
    found: dict[str, Found] = {}
    useless: dict[str, str] = {}
    for release in releases:
        try:
            known = {kind: broken for before in found.values() for kind, broken in before.items()}
            found[release] = checked(opening, release, revision, examples, seed, known, progress)
        except (DriverFault, SubjectUnavailable) as wrong:
            useless[release] = str(wrong)
    shown: dict[str, frozenset[Kind]] = {}
    for release, by_itself in found.items():
        progress(Progress(len(shown), len(found), len(by_itself), f"playing the traces to {release}"))
        shown[release] = frozenset(by_itself) | played(opening, release, revision, found)
    return joined(releases, found, shown, useless, revision=revision, examples=examples, seed=seed)


def joined(
    releases: Sequence[str],
    found: Mapping[str, Found],
    shown: Mapping[str, frozenset[Kind]],
    useless: Mapping[str, str],
    *,
    revision: Revision,
    examples: int,
    seed: int,
) -> History:
    """What was learnt of single releases as one history; raises DriverFault where an end of the list is of no use."""
    for release in (releases[0], releases[-1]):
        if release in useless:
            raise DriverFault(f"{release}: {useless[release]}")
    ran = tuple(release for release in releases if release in found)
    return History(revision, examples, seed, tuple(releases), ran, useless, tuple(_lives(ran, found, shown)))


def checked(  # noqa: PLR0917 - what a check is made of
    opening: Opening,
    release: str,
    revision: Revision,
    examples: int,
    seed: int,
    known: Found,
    progress: Callable[[Progress], None] = ignore,
) -> Found:
    """What one release shows by itself; `known` is what others show.

    Raises DriverFault or SubjectUnavailable where it is of no use, and KeyboardInterrupt where it was interrupted.
    """
    with opening(release) as subject:
        bench = _Familiar(Alone(examiner(subject, revision)), known)
        result = check(subject, revision=revision, examples=examples, seed=seed, progress=progress, bench=bench)
    if result.fault is not None:
        raise DriverFault(result.fault)
    if not result.complete:
        raise KeyboardInterrupt
    return {kind_of(broken.finding): broken for broken in result.broken}


@dataclass(frozen=True, slots=True)
class _Familiar:
    """A bench that has the traces of other releases, and shortens none where one of those shows the same."""

    alone: Alone
    known: Found

    def judge(self, episodes: Iterable[Episode]) -> Iterator[Judged]:
        """Play each episode."""
        return self.alone.judge(episodes)

    def shorten(self, broken: Sequence[Broken], trials: int) -> Iterator[Broken]:
        """The trace that is known of each, or the shortest found."""
        for each in broken:
            kind = kind_of(each.finding)
            shown = self.alone.judge_one(self.known[kind].episode).broken.get(kind) if kind in self.known else None
            yield shown or self.alone.shorten_one(each, trials)


def played(opening: Opening, release: str, revision: Revision, found: Mapping[str, Found]) -> frozenset[Kind]:
    """The kinds that were found on other releases alone, and that one of their traces shows on this one."""
    missing: dict[Kind, dict[str, Broken]] = {}
    for others in found.values():
        for kind, broken in others.items():
            # What only a whole check can show, no trace can.
            if kind not in found[release] and not broken.of_the_run:
                missing.setdefault(kind, {})[broken.replay] = broken
    with opening(release) as subject:
        examining = examiner(subject, revision)
        return frozenset(kind for kind, traces in missing.items() if _any_shows(examining, traces.values()))


def _any_shows(examining: Examiner, traces: Iterable[Broken]) -> bool:
    return any(_shows(examining, broken) for broken in traces)


def _shows(examining: Examiner, broken: Broken) -> bool:
    """Whether an episode still shows a finding."""
    seen = []
    for _ in range(_TRIES):
        transcript, judge = examining.judged(broken.episode)
        if kind_of(broken.finding) in map(kind_of, judge.found):
            return True
        seen.append(transcript)
        if len(seen) == _ALIKE and all(each == seen[0] for each in seen):
            return False
    return False


def _lives(ran: Sequence[str], found: Mapping[str, Found], shown: Mapping[str, frozenset[Kind]]) -> Iterator[Life]:
    """The lives of each kind, from the first release that shows it to the first after that which does not."""
    for kind in sorted(frozenset().union(*shown.values())):
        broken = next(each[kind] for each in found.values() if kind in each)
        first = last = None
        for release in ran:
            if kind in shown[release]:
                first, last = first or release, release
            elif first is not None and last is not None:
                yield Life(broken, first, last, release)
                first = last = None
        if first is not None and last is not None:
            yield Life(broken, first, last, None)

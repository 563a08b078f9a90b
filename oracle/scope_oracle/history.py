"""In which release a finding appeared, and in which it went: learnt by running releases, not by reading changelogs.

The first and the last release of a list are checked. The shortest trace of each finding is then played to the other
end, and where the ends differ, by halving, to releases in between: so few of them have to be built.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Final

from scope_properties.subjects import Subject
from scope_spec import Revision

from .checking import Alone, Progress, check, examiner, ignore
from .subjects import DriverFault
from .tally import Broken, kind_of

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
    """Where each finding of the first and the last release appeared or went, supposing that it did so once.

    Raises DriverFault where the first or the last release is of no use, and KeyboardInterrupt where a check was
    interrupted: of half a list nothing is learnt.
    """
    first, last = releases[0], releases[-1]
    found: dict[str, Broken] = {}
    shown: dict[str, dict[str, bool]] = {}
    useless: dict[str, str] = {}
    for release in (first, last):
        with opening(release) as subject:
            result = check(subject, revision=revision, examples=examples, seed=seed, progress=progress)
        if result.fault is not None:
            raise DriverFault(f"{release}: {result.fault}")
        if not result.complete:
            raise KeyboardInterrupt
        found.update((" ".join((*kind_of(broken.finding), broken.replay)), broken) for broken in result.broken)

    def shows(name: str, release: str) -> bool | None:
        """Whether a trace shows its finding on a release, None where that is useless.

        All traces are played while a release is there.
        """
        if release not in shown and release not in useless:
            progress(Progress(len(shown), len(releases), len(found), f"playing the traces to {release}"))
            try:
                with opening(release) as subject:
                    bench = Alone(examiner(subject, revision))
                    shown[release] = {each: _shows(bench, broken) for each, broken in found.items()}
            except DriverFault as wrong:
                useless[release] = str(wrong)
        return None if release in useless else shown[release][name]

    lives = []
    for name, broken in sorted(found.items()):
        begins, ends = shows(name, first), shows(name, last)
        if begins and ends:
            lives.append(Life(broken, first, None))
        elif begins or ends:
            change = _change(releases, partial(shows, name), was=bool(begins))
            lives.append(Life(broken, first, change) if begins else Life(broken, change, None))
    ran = tuple(release for release in releases if release in shown)
    return History(tuple(releases), ran, useless, tuple(lives))


def _shows(bench: Alone, broken: Broken) -> bool:
    """Whether an episode still shows a finding."""
    return any(kind_of(broken.finding) in bench.judge_one(broken.episode).broken for _ in range(_TRIES))


def _change(releases: Sequence[str], shows: Callable[[str], bool | None], *, was: bool) -> str:
    """The first release that is not as the first one was; what is useless on the way is passed over."""
    left = list(releases)
    low, high = 0, len(left) - 1
    while high - low > 1:
        middle = (low + high) // 2
        shown = shows(left[middle])
        if shown is None:
            del left[middle]
            high -= 1
        elif shown is was:
            low = middle
        else:
            high = middle
    return left[high]

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

from scope_properties.episodes import Subject
from scope_spec import Revision

from .checking import Alone, Broken, Progress, check, examiner, ignore, kind_of
from .subjects import DriverFault

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
    """What was learnt of a list of releases, the oldest first; `ran` are those that were run."""

    releases: tuple[str, ...]
    ran: tuple[str, ...]
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

    Raises DriverFault where a release cannot be run to the end.
    """
    first, last = releases[0], releases[-1]
    found: dict[str, Broken] = {}
    shown: dict[str, dict[str, bool]] = {}
    for release in (first, last):
        with opening(release) as subject:
            result = check(subject, revision=revision, examples=examples, seed=seed, progress=progress)
        if result.fault is not None:
            raise DriverFault(f"{release}: {result.fault}")
        found.update(
            (f"{broken.finding.clause} {broken.finding.verdict} {broken.replay}", broken) for broken in result.broken
        )

    def play(release: str) -> dict[str, bool]:
        """Which of the traces show their findings on a release: all are played while it is at hand."""
        if release not in shown:
            progress(Progress(len(shown), len(releases), len(found), f"playing the traces to {release}"))
            with opening(release) as subject:
                bench = Alone(examiner(subject, revision))
                shown[release] = {name: _shows(bench, broken) for name, broken in found.items()}
        return shown[release]

    lives = []
    for name, broken in sorted(found.items()):
        begins, ends = play(first)[name], play(last)[name]
        if begins and ends:
            lives.append(Life(broken, first, None))
        elif begins:
            lives.append(Life(broken, first, _change(releases, partial(_is, play, name, wanted=False))))
        elif ends:
            lives.append(Life(broken, _change(releases, partial(_is, play, name, wanted=True)), None))
    return History(tuple(releases), tuple(release for release in releases if release in shown), tuple(lives))


def _shows(bench: Alone, broken: Broken) -> bool:
    """Whether an episode still shows a finding."""
    return any(kind_of(broken.finding) in bench.judge_one(broken.episode).broken for _ in range(_TRIES))


def _is(play: Callable[[str], Mapping[str, bool]], name: str, release: str, *, wanted: bool) -> bool:
    """Whether a release shows a finding, or does not, as wanted."""
    return play(release)[name] is wanted


def _change(releases: Sequence[str], as_the_last: Callable[[str], bool]) -> str:
    """The first release that is as the last one is, where the first one is not."""
    low, high = 0, len(releases) - 1
    while high - low > 1:
        middle = (low + high) // 2
        if as_the_last(releases[middle]):
            high = middle
        else:
            low = middle
    return releases[high]

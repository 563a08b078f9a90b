"""In which release a finding appeared, and in which it went: learnt by running releases, not by reading changelogs.

Each finding is looked for at both ends of a list of releases, and where the ends differ by halving in between, so
that few releases have to be built. A release shows what a short check finds in it, and what the episode brings to
light that showed the finding elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from scope_model.findings import DEFAULT_READINGS
from scope_properties.episodes import Episode, Subject
from scope_spec import Revision

from .checking import Alone, Kind, Progress, examiner, generated, ignore, mostly_delegated

Opening = Callable[[str], AbstractContextManager[Subject]]
"""How to get a release of an SDK."""


@dataclass(frozen=True, slots=True)
class Life:
    """Where a finding is seen: `first` is the oldest release that shows it, `gone` the first after it that does not.

    `first` is the oldest release of the list where it was there all along, and `gone` None where it still is.
    """

    kind: Kind
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
    readings: Mapping[str, str] = DEFAULT_READINGS,
    progress: Callable[[Progress], None] = ignore,
) -> History:
    """Where each finding of the first and the last release appeared or went, supposing that it did so once."""
    shown: dict[str, set[Kind]] = {}
    missing: set[tuple[str, Kind]] = set()
    episodes: dict[Kind, Episode] = {}

    def play(release: str, chosen: Sequence[Episode]) -> None:
        """Find what a release shows in some episodes, and in its own where it runs for the first time."""
        progress(Progress(len(shown), len(releases), len(episodes), f"running {release}"))
        with opening(release) as subject:
            bench = Alone(examiner(subject, revision, readings))
            drawn = () if release in shown else generated(revision, examples, seed, mostly_delegated(subject))
            known = shown.setdefault(release, set())
            for judged in bench.judge([*drawn, *chosen]):
                known |= judged.broken.keys()
                for kind, broken in judged.broken.items():
                    episodes.setdefault(kind, broken.episode)

    def shows(release: str, kind: Kind) -> bool:
        """Whether a release shows a finding, be it only in the episode that showed it elsewhere."""
        if release not in shown:
            play(release, list(episodes.values()))
        elif kind not in shown[release] and (release, kind) not in missing:
            play(release, [episodes[kind]])
        if kind not in shown[release]:
            missing.add((release, kind))
        return kind in shown[release]

    first, last = releases[0], releases[-1]
    play(last, ())
    play(first, list(episodes.values()))
    lives = []
    for kind in sorted(episodes):
        at_first, at_last = shows(first, kind), shows(last, kind)
        change = None if at_first == at_last else _change(releases, kind, shows, then=at_last)
        lives.append(Life(kind, first, change) if at_first else Life(kind, change or last, None))
    return History(tuple(releases), tuple(release for release in releases if release in shown), tuple(lives))


def _change(releases: Sequence[str], kind: Kind, shows: Callable[[str, Kind], bool], *, then: bool) -> str:
    """The first release that is as the last is; the first release is not."""
    low, high = 0, len(releases) - 1
    while high - low > 1:
        middle = (low + high) // 2
        if shows(releases[middle], kind) == then:
            high = middle
        else:
            low = middle
    return releases[high]

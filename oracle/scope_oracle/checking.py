"""Checking a subject: generated episodes, judged, and for each clause that breaks the shortest trace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from hypothesis import HealthCheck, Phase, given, seed, settings

from scope_model.events import (
    AuthorizationServerMetadata,
    ClientRegistration,
    ProtectedResourceMetadata,
    Transcript,
)
from scope_model.findings import DEFAULT_READINGS, Finding
from scope_model.judge import Judge
from scope_properties.episodes import Episode, Subject, run
from scope_properties.shrinking import shrink
from scope_properties.strategies import episodes
from scope_spec import Revision, Verdict

from .replays import episode_of, replay_of

EXAMPLES: Final = 1_000
"""How many episodes a check runs where nothing else is said."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A clause that a subject breaks, with the shortest episode found that shows it."""

    finding: Finding
    episode: Episode
    transcript: Transcript
    replay: str


@dataclass(frozen=True, slots=True)
class Result:
    """What a check found: `reached` counts how often each clause's antecedent held, in `examples` episodes.

    `complete` is False where the check was interrupted.
    """

    subject: str
    version: str | None
    revision: Revision
    seed: int
    examples: int
    reached: Mapping[str, int]
    broken: tuple[Broken, ...]
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a check has come."""

    done: int
    of: int
    found: int
    doing: str


def ignore(_: Progress) -> None:
    """Take no notice of progress."""


def judged(episode: Episode, subject: Subject, readings: Mapping[str, str]) -> tuple[Transcript, Judge]:
    """Play an episode and judge its transcript."""
    transcript = run(episode, subject)
    judge = Judge(transcript.header, readings)
    for event in transcript.events:
        judge.hear(event)
    return transcript, judge


COMMON: Final = (ProtectedResourceMetadata, AuthorizationServerMetadata, ClientRegistration)
"""The events that say little in a trace: a longer trace with more of them is no harder to read."""

Kind = tuple[str, Verdict]
"""Findings of one clause and one verdict are one thing to report."""


def check(
    subject: Subject,
    *,
    revision: Revision = "2026-07-28",
    readings: Mapping[str, str] = DEFAULT_READINGS,
    examples: int = EXAMPLES,
    seed: int = 0,
    progress: Callable[[Progress], None] = ignore,
) -> Result:
    """Run `examples` generated episodes against `subject`, then shrink an episode for each clause that broke.

    Deterministic: the same seed gives the same result. An interrupt ends it early, with what was found so far.
    """
    reached: Counter[str] = Counter()
    shown: dict[Kind, tuple[int, Episode]] = {}
    done = 0

    def judge_one(episode: Episode) -> None:
        nonlocal done
        _, judge = judged(episode, subject, readings)
        reached.update(judge.reached)
        for finding in judge.found:
            kind = (finding.clause, finding.verdict)
            if kind not in shown or finding.event < shown[kind][0]:
                shown[kind] = (finding.event, episode)
        done += 1
        progress(Progress(done, examples, len(shown), "running episodes"))

    complete = True
    broken: list[Broken] = []
    try:
        generate(judge_one, revision=revision, examples=examples, seed_=seed)
    except KeyboardInterrupt:
        complete = False
    for kind, (_, episode) in sorted(shown.items(), key=lambda item: item[0]):
        progress(Progress(len(broken), len(shown), len(shown), f"shortening the trace for {kind[0]}"))
        shortest = episode
        if complete:
            try:
                shortest = shrink(episode, partial(_length_to, kind, subject, readings))
            except KeyboardInterrupt:
                complete = False
        transcript, judge = judged(shortest, subject, readings)
        finding = next(found for found in judge.found if (found.clause, found.verdict) == kind)
        broken.append(Broken(finding, shortest, transcript, replay_of(shortest)))
    return Result(subject.name, subject.version, revision, seed, done, dict(reached), tuple(broken), complete)


def generate(
    use: Callable[[Episode], None],
    *,
    revision: Revision,
    examples: int,
    seed_: int,
    user_delegated: bool = True,
) -> None:
    """Give `use` that many generated episodes, always the same ones for a seed."""

    @seed(seed_)
    @settings(
        max_examples=examples,
        phases=(Phase.generate,),
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(episodes(revision=revision, user_delegated=user_delegated))
    def each(episode: Episode) -> None:
        use(episode)

    each()


def _length_to(kind: Kind, subject: Subject, readings: Mapping[str, str], episode: Episode) -> int | None:
    """How much there is to read until a finding of `kind`; what every trace has in common counts for nothing."""
    transcript, judge = judged(episode, subject, readings)
    at = next((found.event for found in judge.found if (found.clause, found.verdict) == kind), None)
    return None if at is None else sum(not isinstance(event, COMMON) for event in transcript.events[: at + 1])


def replayed(
    subject: Subject, replay: str, readings: Mapping[str, str] = DEFAULT_READINGS
) -> tuple[Transcript, list[Finding]]:
    """Play the episode that a replay stands for; raises BadReplay where it stands for none."""
    transcript, judge = judged(episode_of(replay), subject, readings)
    return transcript, judge.found

"""Checking a subject: generated episodes, judged, and for each clause that breaks the shortest trace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Final

from scope_model.client import Call
from scope_model.events import (
    AUTHORIZATION_CODE,
    AuthorizationResponse,
    AuthorizationServerMetadata,
    ClientRegistration,
    Event,
    ProtectedResourceMetadata,
    TokenRequest,
    Transcript,
)
from scope_model.findings import DEFAULT_READINGS, Finding
from scope_model.judge import Judge
from scope_model.ledger import Situation
from scope_model.scopes import scopes
from scope_model.servers import AuthorizationServer, Challenging, Granting, ResourceServer, Servers
from scope_properties.episodes import Episode, Making, Plan, Subject, run
from scope_properties.sampling import sample
from scope_properties.shrinking import shrink
from scope_properties.strategies import USER_DELEGATED
from scope_spec import Revision, Verdict

from .replays import episode_of, replay_of

EXAMPLES: Final = 2_000
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


@dataclass(frozen=True, slots=True)
class Examiner:
    """A judge for one subject: `reads_plain` are the situations in which it heeds a plain challenge."""

    subject: Subject
    readings: Mapping[str, str]
    reads_plain: frozenset[Situation]

    def judged(self, episode: Episode) -> tuple[Transcript, Judge]:
        """Play an episode and judge its transcript."""
        transcript = run(episode, self.subject)
        judge = Judge(transcript.header, self.readings, self.reads_plain)
        for event in transcript.events:
            judge.hear(event)
        return transcript, judge


def examiner(subject: Subject, revision: Revision, readings: Mapping[str, str] = DEFAULT_READINGS) -> Examiner:
    """Get to know a subject by one plain episode: what it does with odd spellings can then be told apart."""
    _, judge = Examiner(subject, readings, frozenset()).judged(plain_episode(revision))
    return Examiner(subject, readings, frozenset(judge.reads_plain))


def plain_episode(revision: Revision) -> Episode:
    """A first 401, a step-up and a later 401, each with a plainly spelled challenge that no other source repeats."""
    resource, issuer = "https://one.example/mcp", "https://as.example"
    needs = {"read": scopes("a"), "write": scopes("b"), "delete": scopes("c")}
    servers = Servers(
        resources={resource: ResourceServer(resource, issuer, needs, ("x",))},
        issuers={issuer: AuthorizationServer(issuer)},
    )
    again = Challenging(rejects="unauthorized")
    plain = Granting(refresh_token=False)
    return Episode(
        Plan(servers, revision, wants_refresh_token=False),
        (
            Making(Call(resource, "read"), grants=(plain,)),
            Making(Call(resource, "write"), grants=(plain,)),
            Making(Call(resource, "delete"), (again,), (plain,)),
        ),
    )


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

    examining = examiner(subject, revision, readings)

    def judge_one(episode: Episode) -> None:
        nonlocal done
        _, judge = examining.judged(episode)
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
        generate(judge_one, revision=revision, examples=examples, seed_=seed, grant_types=mostly_delegated(subject))
    except KeyboardInterrupt:
        complete = False
    for kind, (_, episode) in sorted(shown.items(), key=lambda item: item[0]):
        progress(Progress(len(broken), len(shown), len(shown), f"shortening the trace for {kind[0]}"))
        shortest = episode
        if complete:
            try:
                shortest = shrink(episode, partial(_length_to, kind, examining))
            except KeyboardInterrupt:
                complete = False
        transcript, judge = examining.judged(shortest)
        finding = next(found for found in judge.found if (found.clause, found.verdict) == kind)
        broken.append(Broken(finding, shortest, transcript, replay_of(shortest)))
    return Result(subject.name, subject.version, revision, seed, done, dict(reached), tuple(broken), complete)


def mostly_delegated(subject: Subject) -> tuple[str, ...]:
    """The grant types to draw from for a subject: users are most of the world, and each other type has a share."""
    others = tuple(known for known in subject.grant_types if known != AUTHORIZATION_CODE)
    return (AUTHORIZATION_CODE,) * 6 + others


def generate(
    use: Callable[[Episode], None],
    *,
    revision: Revision,
    examples: int,
    seed_: int,
    grant_types: tuple[str, ...] = USER_DELEGATED,
) -> None:
    """Give `use` that many generated episodes, always the same ones for a seed."""
    for episode in islice(sample(seed_, revision=revision, grant_types=grant_types), examples):
        use(episode)


def _length_to(kind: Kind, examining: Examiner, episode: Episode) -> int | None:
    """How much there is to read until a finding of `kind`; what every trace has in common counts for nothing."""
    transcript, judge = examining.judged(episode)
    at = next((found.event for found in judge.found if (found.clause, found.verdict) == kind), None)
    return None if at is None else sum(map(_says_much, transcript.events[: at + 1]))


def _says_much(event: Event) -> bool:
    """Whether an event adds to what there is to read: metadata, registration and the code say the same each time."""
    if isinstance(event, TokenRequest):
        return event.grant_type != AUTHORIZATION_CODE
    little = ProtectedResourceMetadata | AuthorizationServerMetadata | ClientRegistration | AuthorizationResponse
    return not isinstance(event, little)


def replayed(
    subject: Subject, replay: str, readings: Mapping[str, str] = DEFAULT_READINGS
) -> tuple[Transcript, list[Finding]]:
    """Play the episode that a replay stands for; raises BadReplay where it stands for none."""
    episode = episode_of(replay)
    transcript, judge = examiner(subject, episode.plan.revision, readings).judged(episode)
    return transcript, judge.found

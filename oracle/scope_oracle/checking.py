"""Checking a subject: generated episodes, judged, and for each clause that breaks the shortest trace."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Final, Protocol

from scope_judge.findings import DEFAULT_READINGS, Finding
from scope_judge.judge import Judge, judged
from scope_judge.occasions import Situation
from scope_model.client import Call
from scope_model.events import (
    AUTHORIZATION_CODE,
    AuthorizationResponse,
    AuthorizationServerMetadata,
    CallEnded,
    CallStarted,
    ClientRegistration,
    Event,
    ProtectedResourceMetadata,
    TokenRequest,
    Transcript,
)
from scope_model.scopes import scopes
from scope_model.servers import AuthorizationServer, Challenging, Granting, ResourceServer, Servers
from scope_properties.episodes import Episode, MakeCall, Plan
from scope_properties.runs import run
from scope_properties.sampling import sample
from scope_properties.shrinking import TRIALS, shrink
from scope_properties.subjects import Subject
from scope_properties.tables import USER_DELEGATED
from scope_spec import Revision

from .replays import episode_of, replay_of
from .subjects import DriverFault
from .tally import Broken, Judged, Kind, Tally, given_up, kind_of

EXAMPLES: Final = 2_000
"""How many episodes a check runs where nothing else is said."""

COSTLY_EXAMPLES: Final = 100
"""How many it runs where each of them is costly."""

COSTLY_TRIALS: Final = 40
"""How many simpler episodes are then tried for the shortest trace."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a check found: `reached` counts how often each clause's antecedent held, in `examples` episodes.

    `complete` is False where the check was interrupted, or ended by the `fault` of a driver.
    """

    subject: str
    version: str | None
    revision: Revision
    seed: int
    examples: int
    reached: Mapping[str, int]
    broken: tuple[Broken, ...]
    complete: bool = True
    fault: str | None = None


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
        return transcript, judged(transcript, self.readings, self.reads_plain)

    def findings(self, transcript: Transcript, judge: Judge) -> Iterator[Finding]:
        """What was found in an episode, and what may count where no other episode shows otherwise."""
        yield from judge.found
        if judge.opportunities and not judge.stepped_up:
            yield from given_up(transcript, self.readings)


def examiner(subject: Subject, revision: Revision, readings: Mapping[str, str] = DEFAULT_READINGS) -> Examiner:
    """Get to know a subject by plain episodes: what it does with odd spellings can then be told apart."""
    reads_plain: frozenset[Situation] = frozenset()
    for grant_type in subject.grant_types:
        plain = subject.playable(plain_episode(revision, grant_type))
        reads_plain |= Examiner(subject, readings, frozenset()).judged(plain)[1].reads_plain
    return Examiner(subject, readings, reads_plain)


def plain_episode(revision: Revision, grant_type: str = AUTHORIZATION_CODE) -> Episode:
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
        Plan(servers, revision, grant_type=grant_type),
        (
            MakeCall(Call(resource, "read"), grants=(plain,)),
            MakeCall(Call(resource, "write"), grants=(plain,)),
            MakeCall(Call(resource, "delete"), (again,), (plain,)),
        ),
    )


class Bench(Protocol):
    """Where episodes are played and judged; answers come in the order of what was asked."""

    def judge(self, episodes: Iterable[Episode]) -> Iterator[Judged]:
        """Play each episode."""

    def shorten(self, broken: Sequence[Broken]) -> Iterator[Broken]:
        """The shortest trace found for each."""


@dataclass(frozen=True, slots=True)
class Alone:
    """The bench of this process."""

    examining: Examiner

    def judge(self, episodes: Iterable[Episode]) -> Iterator[Judged]:
        """Play one after the other."""
        return map(self.judge_one, episodes)

    def shorten(self, broken: Sequence[Broken]) -> Iterator[Broken]:
        """Shorten one after the other."""
        return map(self.shorten_one, broken)

    def judge_one(self, episode: Episode) -> Judged:
        """Play one episode."""
        transcript, judge = self.examining.judged(episode)
        broken: dict[Kind, Broken] = {}
        for finding in self.examining.findings(transcript, judge):
            if kind_of(finding) not in broken:
                broken[kind_of(finding)] = Broken(finding, episode, transcript, replay_of(episode))
        return Judged(judge.reached, broken, judge.opportunities, judge.stepped_up)

    def shorten_one(self, broken: Broken) -> Broken:
        """Shorten one trace."""
        kind, subject = kind_of(broken.finding), self.examining.subject
        trials = COSTLY_TRIALS if subject.costly else TRIALS
        shortest = shrink(broken.episode, partial(_length_to, kind, self.examining), subject.playable, trials)
        return self.judge_one(shortest).broken.get(kind, broken)


def check(
    subject: Subject,
    *,
    revision: Revision = "2026-07-28",
    readings: Mapping[str, str] = DEFAULT_READINGS,
    examples: int | None = None,
    seed: int = 0,
    progress: Callable[[Progress], None] = ignore,
    bench: Bench | None = None,
) -> Result:
    """Run `examples` generated episodes against `subject`, then shrink an episode for each clause that broke.

    Without a number, COSTLY_EXAMPLES for a costly subject and EXAMPLES for any other. Deterministic: the same seed
    gives the same result, on whatever bench. An interrupt, or a driver that fails, ends it early, with what was
    found so far.
    """
    tally, short = Tally(), list[Broken]()
    done, complete, fault = 0, True, None
    examples = examples or (COSTLY_EXAMPLES if subject.costly else EXAMPLES)
    try:
        working = bench or Alone(examiner(subject, revision, readings))
        episodes = map(subject.playable, generated(revision, examples, seed, mostly_delegated(subject)))
        for judged in working.judge(episodes):
            tally.add(judged)
            done += 1
            progress(Progress(done, examples, len(tally.found), "running episodes"))
        found = tally.found
        for broken in working.shorten(found):
            short.append(broken)
            progress(Progress(len(short), len(found), len(found), "shortening traces"))
    except KeyboardInterrupt:
        complete = False
    except DriverFault as wrong:
        complete, fault = False, str(wrong)
    all_found = tuple(map(tally.counted, (*short, *tally.found[len(short) :])))
    return Result(subject.name, subject.version, revision, seed, done, dict(tally.reached), all_found, complete, fault)


def mostly_delegated(subject: Subject) -> tuple[str, ...]:
    """The grant types to draw from for a subject: users are most of the world, and each other type has a share."""
    others = tuple(known for known in subject.grant_types if known != AUTHORIZATION_CODE)
    return (AUTHORIZATION_CODE,) * 6 + others


def generated(
    revision: Revision, examples: int, seed: int, grant_types: tuple[str, ...] = USER_DELEGATED
) -> Iterator[Episode]:
    """That many generated episodes, always the same ones for a seed."""
    return islice(sample(seed, revision=revision, grant_types=grant_types), examples)


def _length_to(kind: Kind, examining: Examiner, episode: Episode) -> int | None:
    """How much there is to read until a finding of `kind`; what every trace has in common counts for nothing."""
    transcript, judge = examining.judged(episode)
    at = next((found.event for found in examining.findings(transcript, judge) if kind_of(found) == kind), None)
    return None if at is None else sum(map(_says_much, transcript.events[: at + 1]))


def _says_much(event: Event) -> bool:
    """Whether an event adds to what there is to read: metadata, registration and the code say the same each time."""
    if isinstance(event, TokenRequest):
        return event.grant_type != AUTHORIZATION_CODE
    return not isinstance(event, _LITTLE)


_LITTLE: Final = (
    ProtectedResourceMetadata,
    AuthorizationServerMetadata,
    ClientRegistration,
    AuthorizationResponse,
    CallStarted,
    CallEnded,
)


def replayed(
    subject: Subject, replay: str, readings: Mapping[str, str] = DEFAULT_READINGS
) -> tuple[Transcript, list[Finding]]:
    """Play the episode that a replay stands for; raises BadReplay where it stands for none.

    What only a whole check can show, NEVER_STEPS_UP, is there as the challenge that this one episode gives up.
    """
    episode = subject.playable(episode_of(replay))
    transcript, judge = examiner(subject, episode.plan.revision, readings).judged(episode)
    return transcript, judge.found

"""Checking a subject: generated episodes, judged, and for each clause that breaks the shortest trace."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Final, Literal, Protocol, Self, get_args

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
    ResourceRequest,
    TokenRequest,
    Transcript,
)
from scope_model.scopes import scopes
from scope_model.servers import AuthorizationServer, Challenging, Granting, ResourceServer, Servers
from scope_properties.episodes import Episode, MakeCall, OverlapCalls, Plan
from scope_properties.runs import Run
from scope_properties.sampling import sample
from scope_properties.shrinking import TRIALS, Length, shrink
from scope_properties.subjects import Subject
from scope_properties.tables import USER_DELEGATED
from scope_spec import Revision

from .grounds import grounds, spelled
from .reaching import ENOUGH, judged_at, within_reach
from .replays import episode_of, replay_of
from .selecting import EVERYTHING, Selection
from .smoking import has_served, is_ever_served, smoke
from .subjects import DriverFault
from .tally import NEVER_STEPS_UP, Broken, Judged, Kind, Tally, given_up, kind_of

EXAMPLES: Final = 2_000
"""How many episodes a check runs where nothing else is said."""

COSTLY_EXAMPLES: Final = 100
"""How many it runs where each of them is a whole run of the client."""

COSTLY_TRIALS: Final = 40
"""How many simpler episodes are then tried for the shortest trace at the most."""


Engine = Literal["sampling", "hypothesis"]
"""What chooses episodes: a seed alone, or Hypothesis."""

ENGINES: Final[tuple[Engine, ...]] = get_args(Engine)


@dataclass(frozen=True, slots=True)
class Result:
    """What a check found: `reached` counts how often each clause's antecedent held, in `examples` episodes.

    `complete` is False where the check was interrupted, or ended by the `fault` of a driver. `within_reach` are the
    clauses that the reference client comes to where the subject does not (None where nobody looked), `uncalled` the
    operations that the subject was to call and never called, `skipped` what it cannot do, with the number of episodes,
    and `failed` what it raised in calls, with the number of episodes. `selection` is what it was to report, and
    `engine` chose the episodes.
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
    within_reach: frozenset[str] | None = None
    uncalled: tuple[str, ...] = ()
    skipped: Mapping[str, int] = field(default_factory=dict)
    selection: Selection = EVERYTHING
    engine: Engine = "sampling"
    failed: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        subject: Subject,
        tally: Tally,
        found: Iterable[Broken],
        *,
        revision: Revision,
        seed: int,
        complete: bool,
        fault: str | None,
        reachable: frozenset[str] | None,
        engine: Engine = "sampling",
    ) -> Self:
        """What a tally comes down to, with the traces that were `found` for its findings."""
        return cls(
            subject.name,
            subject.version,
            revision,
            seed,
            tally.examples,
            dict(tally.reached),
            tuple(map(tally.counted, found)),
            complete,
            fault,
            reachable,
            tally.uncalled if tally.examples else (),
            dict(tally.skipped),
            tally.selection,
            engine,
            dict(tally.failed),
        )


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

    def play(self, episode: Episode) -> Run:
        """Play an episode."""
        running = Run(episode.plan, self.subject)
        running.play(*episode.steps)
        return running

    def judge(self, transcript: Transcript) -> Judge:
        """Judge a transcript of this subject."""
        return judged(transcript, self.readings, self.reads_plain)

    def judged(self, episode: Episode) -> tuple[Transcript, Judge]:
        """Play an episode and judge its transcript."""
        transcript = self.play(episode).transcript
        return transcript, self.judge(transcript)

    def findings(self, transcript: Transcript, judge: Judge) -> Iterator[Finding]:
        """What was found in an episode, and what may count where no other episode shows otherwise."""
        yield from judge.found
        if judge.opportunities and not judge.stepped_up:
            yield from given_up(transcript, self.readings)


def examiner(subject: Subject, revision: Revision, readings: Mapping[str, str] = DEFAULT_READINGS) -> Examiner:
    """Get to know a subject by plain episodes: what it does with odd spellings can then be told apart.

    Raises DriverFault where no call of it is ever served, and no fault of its own says why: nothing that is found
    afterwards would say anything.
    """
    reads_plain: frozenset[Situation] = frozenset()
    served = explained = False
    for grant_type in subject.grant_types:
        plain = subject.playable(plain_episode(revision, grant_type))
        transcript, judge = Examiner(subject, readings, frozenset()).judged(plain)
        reads_plain |= judge.reads_plain
        served = served or has_served(transcript)
        explained = explained or any(finding.verdict == "violates" for finding in judge.found)
    if not (served or explained) and not is_ever_served(subject, revision):
        because = next(smoke(subject, revision)).because or "no call is ever served"
        raise DriverFault(f"nothing can be tested: {because}")
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

    def shorten(self, broken: Sequence[Broken], trials: int) -> Iterator[Broken]:
        """The shortest trace found for each, with at most so many simpler episodes tried."""


@dataclass(frozen=True, slots=True)
class Alone:
    """The bench of this process."""

    examining: Examiner

    def judge(self, episodes: Iterable[Episode]) -> Iterator[Judged]:
        """Play one after the other."""
        return map(self.judge_one, episodes)

    def shorten(self, broken: Sequence[Broken], trials: int) -> Iterator[Broken]:
        """Shorten one after the other."""
        return map(partial(self.shorten_one, trials=trials), broken)

    def judge_one(self, episode: Episode) -> Judged:
        """Play one episode."""
        running = self.examining.play(episode)
        transcript = running.transcript
        judge = self.examining.judge(transcript)
        first: dict[Kind, Finding] = {}
        for finding in self.examining.findings(transcript, judge):
            first.setdefault(kind_of(finding), finding)
        challenges, replay = (spelled(transcript), replay_of(episode)) if first else ([], "")
        broken = {
            kind: Broken(
                finding,
                episode,
                transcript,
                replay,
                grounds(challenges, finding.event, transcript.events[finding.event]),
                tuple(other for other in first if other not in (kind, NEVER_STEPS_UP)),
            )
            for kind, finding in first.items()
        }
        return Judged(
            judge.reached,
            broken,
            judge.opportunities,
            judge.stepped_up,
            asked=frozenset(_operations(episode)),
            called=frozenset(event.operation for event in transcript.events if isinstance(event, ResourceRequest)),
            skipped=frozenset(getattr(running.session, "skipped", ())),  # what is no driver skips nothing
            failed=frozenset(getattr(running.session, "failures", ())),  # only what is in this process raises
        )

    def shorten_one(self, broken: Broken, trials: int) -> Broken:
        """Shorten one trace."""
        subject = self.examining.subject
        shortest = shrink(broken.episode, partial(_length_to, broken, self.examining), subject.playable, trials)
        return self.judge_one(shortest).broken.get(kind_of(broken.finding), broken)


def check(
    subject: Subject,
    *,
    revision: Revision = "2026-07-28",
    readings: Mapping[str, str] = DEFAULT_READINGS,
    examples: int | None = None,
    seed: int = 0,
    progress: Callable[[Progress], None] = ignore,
    bench: Bench | None = None,
    selection: Selection = EVERYTHING,
) -> Result:
    """Run `examples` generated episodes against `subject`, then shrink an episode for each clause that broke.

    Without a number, COSTLY_EXAMPLES for a standalone subject and EXAMPLES for any other. Deterministic: the same seed
    gives the same result, on whatever bench. An interrupt, or a driver that fails, ends it early, with what was
    found so far. What the `selection` leaves out is neither reported nor shortened.
    """
    tally, short = Tally(selection), list[Broken]()
    complete, fault, reachable = True, None, None
    examples = examples or (COSTLY_EXAMPLES if subject.standalone else EXAMPLES)
    try:
        working = bench or Alone(examiner(subject, revision, readings))
        for judged in working.judge(playable_episodes(subject, revision, seed, examples)):
            tally.add(judged)
            progress(Progress(tally.examples, examples, len(tally.found), "running episodes"))
        reachable = missed_within_reach(subject, tally, revision, seed)
        found = tally.found
        for broken in working.shorten(found, trials(subject, examples, len(found))):
            short.append(broken)
            progress(Progress(len(short), len(found), len(found), "shortening traces"))
    except KeyboardInterrupt:
        complete = False
    except DriverFault as wrong:
        complete, fault = False, str(wrong)
    shown = (*short, *tally.found[len(short) :])
    return Result.of(
        subject, tally, shown, revision=revision, seed=seed, complete=complete, fault=fault, reachable=reachable
    )


def missed_within_reach(subject: Subject, tally: Tally, revision: Revision, seed: int) -> frozenset[str]:
    """The clauses that a check did not come to, and the reference client does."""
    missed = [clause.id for clause in judged_at(revision) if not tally.reached[clause.id]]
    some = playable_episodes(subject, revision, seed, ENOUGH)
    return within_reach(missed, some, standalone=subject.standalone)


def trials(subject: Subject, examples: int, findings: int) -> int:
    """How many simpler episodes may be tried for each finding: of whole runs, fewer than were run to find them all.

    To play an episode anew before it is shortened, and the shortest after, are two more.
    """
    if not subject.standalone:
        return TRIALS
    return min(COSTLY_TRIALS, max(0, 4 * examples // max(1, 5 * findings) - 2))


def playable_episodes(subject: Subject, revision: Revision, seed: int, examples: int) -> Iterator[Episode]:
    """Generated episodes, as far as a subject can be put through them."""
    return map(subject.playable, generated(revision, examples, seed, mostly_delegated(subject)))


def _operations(episode: Episode) -> Iterator[str]:
    """What the client is to call."""
    for step in episode.steps:
        match step:
            case MakeCall(call):
                yield call.operation
            case OverlapCalls(first, second):
                yield from (first.call.operation, second.call.operation)
            case _:
                pass


def mostly_delegated(subject: Subject) -> tuple[str, ...]:
    """The grant types to draw from for a subject: users are most of the world, and each other type has a share."""
    others = tuple(known for known in subject.grant_types if known != AUTHORIZATION_CODE)
    return (AUTHORIZATION_CODE,) * 6 + others


def generated(
    revision: Revision, examples: int, seed: int, grant_types: tuple[str, ...] = USER_DELEGATED
) -> Iterator[Episode]:
    """That many generated episodes, always the same ones for a seed."""
    return islice(sample(seed, revision=revision, grant_types=grant_types), examples)


def _length_to(broken: Broken, examining: Examiner, episode: Episode) -> Length | None:
    """How many spellings are not plain, and then how much there is to read, until a finding of the same kind.

    What every trace has in common counts for nothing. None where the finding would rest on another spelling.
    """
    transcript, judge = examining.judged(episode)
    kind = kind_of(broken.finding)
    at = next((found.event for found in examining.findings(transcript, judge) if kind_of(found) == kind), None)
    if at is None:
        return None
    rests_on = grounds(spelled(transcript), at, transcript.events[at])
    if rests_on.has_slid_from(broken.grounds):
        return None
    return len(rests_on.odd), sum(map(_says_much, transcript.events[: at + 1]))


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

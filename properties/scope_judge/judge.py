"""The judge: what a client's wire events say about it, clause by clause.

    event  ->  facts      what is known of a resource, and of the client's account there       (account, facts)
           ->  occasion   what a clause looks at, with named antecedents                       (occasions)
           ->  answer     one function a clause: it does not apply, it holds, or it is broken  (clauses)
           ->  finding    the fold: counts reach, applies readings, and asks who is to blame   (here, and blame)

It judges by bounds, never by equality with the reference client, so that it accepts every conforming client, and it
knows nothing of who wrote the transcript. Work is linear in the transcript: each event costs its own size, whatever
came before it.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cache
from typing import Any, Final

from scope_model.events import CallStarted, Event, Header, ResourceRequest, Transcript
from scope_spec import CLAUSES, Revision

from .blame import Blame
from .clauses import BOOK
from .facts import Facts
from .findings import DEFAULT_READINGS, Answer, Broken, Finding, finding_of
from .occasions import OCCASIONS, Asked, Occasion, Settled, Situation
from .places import canonical

AHEAD: Final = 64
"""How many events are looked ahead for the names of resources, where a transcript is read as it comes."""

# Any: each function takes the occasion that it is kept under, which a dict cannot say.
InForce = Mapping[type[Occasion], tuple[tuple[str, Callable[[Any], Answer]], ...]]
"""The functions that look at each kind of occasion, with the clause that each of them says at a revision."""


def judge(transcript: Transcript, readings: Mapping[str, str] = DEFAULT_READINGS) -> list[Finding]:
    """Every finding in a transcript, in the order of its events. Total and linear."""
    return judged(transcript, readings).found


def judged(
    transcript: Transcript,
    readings: Mapping[str, str] = DEFAULT_READINGS,
    reads_plain: Iterable[Situation] = (),
) -> Judge:
    """A judge that has heard a whole transcript."""
    judging = Judge(transcript.header, readings, reads_plain, names_called(transcript.events))
    for event in transcript.events:
        judging.hear(event)
    judging.close()
    return judging


def names_called(events: Iterable[Event]) -> set[str]:
    """The names by which resources are called, without what makes no difference."""
    named = {event.resource for event in events if isinstance(event, (ResourceRequest, CallStarted))}
    return {canonical(name) for name in named if name is not None}


def looking_ahead(events: Iterable[Event], called: set[str]) -> Iterator[Event]:
    """Events as they come, each AHEAD of them late: by then `called` has the names that the later ones call by."""
    waiting: deque[Event] = deque()
    for event in events:
        called |= names_called((event,))
        waiting.append(event)
        if len(waiting) > AHEAD:
            yield waiting.popleft()
    yield from waiting


class Judge:
    """The fold itself: `hear` each event in turn, then `close`, and read `found` and `reached`.

    `reads_plain` are the situations in which this client is known to heed a challenge that is spelled plainly, from
    this transcript or from an earlier one: what it makes of another spelling is then a matter of reading. `called` are
    the names by which something is called sooner or later, as far as that is known: none is another name of the rest.
    `opportunities` counts the challenges for more scope that nothing but the client kept from being answered, and
    `stepped_up` is whether it ever answered one.
    """

    def __init__(
        self,
        header: Header,
        readings: Mapping[str, str] = DEFAULT_READINGS,
        reads_plain: Iterable[Situation] = (),
        called: Collection[str] = (),
    ) -> None:
        self.found: list[Finding] = []
        self.reached: defaultdict[str, int] = defaultdict(int)
        self.opportunities = 0
        self.stepped_up = False
        self._readings = readings if readings is DEFAULT_READINGS else {**DEFAULT_READINGS, **readings}
        self._book = _book(header.revision)
        self._blame = Blame(header.revision, reads_plain)
        self._facts = Facts(header, self._readings, called, heeds=len(self._blame.reads_plain) > 0)
        self._presuming: list[Finding] = []

    @property
    def reads_plain(self) -> frozenset[Situation]:
        """The situations in which the client is known to heed a plain challenge."""
        return frozenset(self._blame.reads_plain)

    def hear(self, event: Event) -> None:
        """Take the next event in."""
        for occasion in self._facts.hear(event):
            self._look_at(occasion)
        if self._presuming and self._facts.tokens_seen:
            self.found.extend(self._presuming)
            self._presuming.clear()

    def close(self) -> None:
        """Take in that the transcript ends here, and put what was found into the order of its events."""
        for occasion in self._facts.end():
            self._look_at(occasion)
        self._presuming.clear()
        self.found.sort(key=lambda finding: finding.event)

    def _look_at(self, occasion: Occasion) -> None:
        broken = self._broken(occasion, self.reached)
        if broken:
            self._accuse(occasion, broken)
        if isinstance(occasion, (Asked, Settled)):
            for clause in self._blame.at_stake(occasion):
                self.reached[clause] += 1
            if isinstance(occasion, Asked):
                self._blame.learn(occasion)
            else:
                self._count(occasion)

    def _broken(self, occasion: Occasion, reached: defaultdict[str, int]) -> list[tuple[str, Broken]]:
        broken = []
        for clause, judges in self._book[type(occasion)]:
            answer = judges(occasion)
            if answer is not None:
                reached[clause] += 1
                if isinstance(answer, Broken):
                    broken.append((clause, answer))
        return broken

    def _accuse(self, occasion: Occasion, broken: list[tuple[str, Broken]]) -> None:
        found, nowhere = self._findings(occasion, broken), defaultdict[str, int](int)
        ways = (self._findings(way, self._broken(way, nowhere)) for way in occasion.otherwise) if found else ()
        right = (way for way in (found, *ways) if _is_right(way))
        for finding in min(right, key=len, default=found):
            self._report(finding, presuming=occasion.presumes_tokens)

    def _findings(self, occasion: Occasion, broken: Iterable[tuple[str, Broken]]) -> list[Finding]:
        found = (
            finding_of(clause, answer, self._facts.at, self._readings, occasion.gravest) for clause, answer in broken
        )
        return [self._blame.renamed(finding, occasion) for finding in found if finding is not None]

    def _report(self, finding: Finding, *, presuming: bool) -> None:
        if presuming and finding in self.found:
            return
        if presuming and not self._facts.tokens_seen:
            self._presuming.append(finding)
        else:
            self.found.append(finding)

    def _count(self, settled: Settled) -> None:
        insufficient = settled.challenge.insufficient
        self.stepped_up = self.stepped_up or (settled.answered and insufficient)
        # Whoever answers a 401 need not know what step-up is; whoever leaves one for more scope alone had the chance.
        self.opportunities += settled.is_fair and (insufficient or not settled.answered)


def _is_right(found: list[Finding]) -> bool:
    """Whether nothing is said against a client: where it may have done right it did."""
    return all(finding.verdict == "unspecified" for finding in found)


@cache
def _book(revision: Revision) -> InForce:
    book: dict[type[Occasion], list[tuple[str, Callable[[Any], Answer]]]] = {kind: [] for kind in OCCASIONS}
    for entry in BOOK:
        said = next((name for name in entry.ids if CLAUSES[name].binds_at(revision)), None)
        if said is not None:
            book[entry.on].append((said, entry.judges))
    return {kind: tuple(entries) for kind, entries in book.items()}

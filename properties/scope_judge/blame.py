"""Blame: what explains a finding better than the clause that found it.

One pass, afterwards and apart. By evidence it may give a finding another name, cause and sentence, of a clause that is
in force; it never adds one or removes one, and changes neither its event nor its verdict. Evidence is what only one
explanation can account for: a scope that only a misreading sees, or that a client that is known to read plain
challenges did not heed this one. Where evidence does not single one out, the finding stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Final, Literal

from scope_model.events import OFFLINE_ACCESS
from scope_model.scopes import NO_SCOPES, Scope
from scope_spec import CLAUSES, Revision

from .account import Account
from .findings import Finding
from .misreadings import MISREADINGS, NEEDING_ERROR, OF_NAMES, SEARCHING, SEARCHING_FROM_THE_END, Heading, Misreading
from .occasions import FEW, OFFLINE, Asked, Occasion, Settled, Situation, is_implied, listing
from .parsed import ParsedChallenge

Showing = Callable[[Asked, "Reads"], bool]
"""Whether a loss shows a fault, by a client of which it is known, or not, that it reads such challenges."""

Reads = Literal["known to read", "unknown"]


@dataclass(frozen=True, slots=True)
class Explanation:
    """How a challenged scope came to be lost: the clause and cause, where it is at stake, and what shows it.

    `refuted` is whether a request heeds what a client with this fault leaves out.
    """

    clause: str
    cause: str
    at_stake: Callable[[Asked], bool]
    refuted: Callable[[Asked], bool]
    shows: Showing
    says: str


EXPLANATIONS: Final[list[Explanation]] = []
"""What may explain that a challenged scope was left out: it does where nothing else would explain it."""


def explains(
    clause: str, cause: str, says: str, *, at_stake: Callable[[Asked], bool], refuted: Callable[[Asked], bool]
) -> Callable[[Showing], Showing]:
    """Enter a function that says whether the loss shows this fault.

    It is told whether the client is known to read such challenges where they are spelled plainly.
    """

    def enter(shows: Showing) -> Showing:
        EXPLANATIONS.append(Explanation(clause, cause, at_stake, refuted, shows, says))
        return shows

    return enter


def _heeded(asked: Asked) -> Iterator[Scope]:
    """What is asked for that the challenge alone explains: it was read."""
    return (scope for scope in asked.challenged or () if scope in asked.wanted and asked.is_new(scope))


def _heeds_some(asked: Asked) -> bool:
    return any(True for _ in _heeded(asked))


@explains(
    "OFFLINE-3",
    "filtered",
    "the challenge names offline_access, an ordinary scope there, and the request leaves it out",
    at_stake=lambda asked: asked.challenged is not None and OFFLINE_ACCESS in asked.challenged,
    refuted=lambda asked: Scope(OFFLINE_ACCESS) in set(_heeded(asked)),
)
def offline_access_is_filtered(asked: Asked, reads: Reads) -> bool:
    """Of the challenge only offline_access is left out."""
    return asked.lost_challenged == [OFFLINE_ACCESS] and (reads == "known to read" or _heeds_some(asked))


@explains(
    "ACC-6",
    "implied",
    "the challenge asks for {}, which is left out, as if what was requested before implied it",
    at_stake=lambda asked: asked.account.requested is not None,
    refuted=lambda asked: any(is_implied(scope, asked.wanted) for scope in _heeded(asked)),
)
def what_seems_implied_is_dropped(asked: Asked, reads: Reads) -> bool:
    """All that was requested before is kept, and what its names seem to imply is left out."""
    before = None if asked.account.requested is None else asked.account.requested.exact
    if before is None or not before <= asked.wanted or not (reads == "known to read" or _heeds_some(asked)):
        return False
    return all(is_implied(scope, before) for scope in asked.lost_challenged)


@explains(
    "SEL-5",
    "cut-to-the-metadata",
    "the challenge asks for {}, which the request leaves out, as the resource metadata does not list it",
    at_stake=lambda asked: asked.listed is not None and not (asked.challenged or NO_SCOPES) <= asked.listed,
    refuted=lambda asked: asked.listed is not None and _heeds_some(asked),
)
def the_challenge_is_cut_to_the_metadata(asked: Asked, _: Reads) -> bool:
    """What is asked for of the challenge is what the metadata lists, some of it is new, and no more is asked for."""
    listed, challenged = asked.listed, asked.challenged
    if listed is None or challenged is None or listed - OFFLINE <= challenged:
        return False
    kept = [scope for scope in asked.wanted - OFFLINE if not asked.was_had(scope)]
    return (
        len(kept) > 0
        and all(scope in listed and scope in challenged for scope in kept)
        and not any(scope in listed for scope in asked.lost_challenged)
    )


@explains(
    "REG-2",
    "cut-to-the-registration",
    "the challenge asks for {}, which the request leaves out, as the client did not register it",
    at_stake=lambda asked: asked.first is False,
    refuted=lambda asked: asked.registered is not None and any(s not in asked.registered for s in _heeded(asked)),
)
def a_step_up_is_cut_to_the_registration(asked: Asked, reads: Reads) -> bool:
    """Some of the challenge is asked for, and what is left out is what was not registered."""
    registered = asked.registered
    if registered is None or not asked.wanted or not asked.wanted <= registered or asked.first is not False:
        return False
    return (reads == "known to read" or _heeds_some(asked)) and not any(
        scope in registered for scope in asked.lost_challenged
    )


_UPPER: Final = frozenset(("SEL-2", "SEL-3", "SEL-6", "META-1", "EXT-1"))
"""The clauses whose finding a misreading explains where it names the very scopes."""


@cache
def _in_force(revision: Revision) -> frozenset[str]:
    return frozenset(name for name, clause in CLAUSES.items() if clause.binds_at(revision))


class Blame:
    """What a client is known to read, and what that explains."""

    def __init__(self, revision: Revision, reads_plain: Iterable[Situation]) -> None:
        self.reads_plain = set(reads_plain)
        self._heeds_without_error = False
        self._refuted: set[str] = set()
        self._in_force = _in_force(revision)
        self._explanations = [known for known in EXPLANATIONS if known.clause in self._in_force]

    def at_stake(self, occasion: Settled | Asked) -> Collection[str]:
        """The clauses that could explain what becomes of a challenge here: they are reached, whatever becomes of it."""
        challenge = occasion.challenge
        if challenge is None:
            return ()
        if isinstance(occasion, Settled):
            counts_together = challenge.insufficient and occasion.asked_before >= FEW and "RETRY-2" in self._in_force
            return ["RETRY-2"] if counts_together else []
        at_stake = [*challenge.misread_clauses & self._in_force]
        if occasion.challenged is not None:
            at_stake += [known.clause for known in self._explanations if known.at_stake(occasion)]
        return at_stake

    def renamed(self, finding: Finding, occasion: Occasion) -> Finding:
        """The finding, by the name that the evidence gives it."""
        if isinstance(occasion, Settled):
            return self._of_a_challenge_given_up(finding, occasion)
        if not isinstance(occasion, Asked) or finding.verdict == "unspecified" or occasion.challenge is None:
            return finding
        if finding.clause == "CHAL-1":
            return self._of_a_loss(finding, occasion)
        if finding.clause in _UPPER and occasion.unsourced:
            telling = next(self._telling(occasion), None) or _misread_before(occasion, occasion.challenge)
            return finding if telling is None else self._misread(finding, telling)
        return finding

    def _of_a_challenge_given_up(self, finding: Finding, settled: Settled) -> Finding:
        """Whoever steps up at plain challenges has a reason not to here."""
        steps_up = ("user", "step-up") in self.reads_plain
        counted = finding.clause == "STEP-2" and steps_up and "RETRY-2" in self._in_force
        return self._counted_together(finding, settled) if counted else finding

    @staticmethod
    def _counted_together(finding: Finding, settled: Settled) -> Finding:
        """Whoever stepped up for other operations as often as one may seems to count them together."""
        spent = settled.asked_before >= FEW and settled.attempts.since_served == 0 and settled.is_fair
        named = settled.challenge.scope is not None and settled.pending.renewed is None
        if not (spent and named):
            return finding
        because = (
            f"{settled.asked_before} requests for scopes were made for other operations, and none for this one: "
            "attempts are counted by resource and operation"
        )
        return replace(finding, clause="RETRY-2", cause="counted-together", because=because)

    def _of_a_loss(self, finding: Finding, asked: Asked) -> Finding:
        telling = next(self._telling(asked), None)
        if telling is not None:
            return self._misread(finding, telling)
        if asked.is_configured:
            return finding
        reads_plain = asked.situation in self.reads_plain
        heard = reads_plain and asked.lost_challenged != [OFFLINE_ACCESS]  # which some filter out of what they read
        possible = {wrong.clause: wrong for wrong in self._possible(asked)} if heard else {}
        plain = asked.challenge is not None and asked.challenge.plain
        reads: Reads = "known to read" if reads_plain and plain else "unknown"
        stands = [] if asked.takes_the_list_instead else self._explanations
        known = [known for known in stands if known.cause not in self._refuted and known.shows(asked, reads)]
        if len(known) + len(possible) != 1:
            return finding
        for explanation in known:
            because = explanation.says.format(listing(asked.lost_challenged))
            return replace(finding, clause=explanation.clause, cause=explanation.cause, because=because)
        return self._misread(finding, *possible.values())

    def _misread(self, finding: Finding, wrong: Misreading) -> Finding:
        if wrong.clause not in self._in_force:
            return finding
        because = f"{finding.because}, as if by a client that {wrong.says}"
        return replace(finding, clause=wrong.clause, cause=wrong.name, because=because, reading=None)

    def _telling(self, asked: Asked) -> Iterator[Misreading]:
        """The misreadings that alone name something in the request, the most telling first."""
        sent = set(asked.request.pieces)
        right = [] if asked.challenge is None else (asked.challenge.right.scope or "").split(" ")
        for wrong, seen in self._misreadings(asked):
            raw = seen.scope.split(" ") if seen.scope else []
            for names in (raw, [name.strip('"') for name in raw]):  # where a search ends at a quotation mark, too
                only_seen = [name for name in names if name not in right and not _is_named(asked, name)]
                before = (_before(asked, name) for name in only_seen)
                if only_seen and sent.issuperset(only_seen) and not any(one and wrong not in one for one in before):
                    yield wrong

    def _possible(self, asked: Asked) -> Iterator[Misreading]:
        """The misreadings that account for all that was heeded of the challenge and all that was not."""
        challenge = asked.challenge
        heeded = asked.wanted & (asked.challenged or NO_SCOPES)
        for wrong, seen in self._misreadings(asked):
            names = seen.scopes or NO_SCOPES
            unread = wrong.clause in OF_NAMES and (
                challenge is None or not challenge.plain or any(map(asked.was_had, asked.lost_challenged))
            )
            if wrong in (SEARCHING, SEARCHING_FROM_THE_END) or unread or not names <= asked.wanted:
                continue
            if wrong.name not in self._refuted and all(
                scope in names or _is_explained(asked, scope, challenged=False) for scope in heeded
            ):
                yield wrong

    def _misreadings(self, asked: Asked) -> Iterator[tuple[Misreading, Heading]]:
        """The misreadings that see other scopes; whoever once heeded a challenge without an error code needs none."""
        challenge = asked.challenge
        if challenge is None or challenge.malformed:
            return
        heeded = self._heeds_without_error or (asked.situation[0], "initial") in self.reads_plain
        needs_none = heeded or asked.first is not False
        for wrong, seen in challenge.misread:
            if seen.scope != challenge.right.scope and not (wrong is NEEDING_ERROR and needs_none):
                yield wrong, seen

    def learn(self, occasion: Asked) -> None:
        """A request that heeds what only its challenge names is of a client that reads such challenges."""
        if occasion.presumes_tokens or occasion.challenge is None or occasion.may_answer:
            return
        self._refuted.update(self._refutes(occasion, occasion.challenge))
        nothing_new = occasion.situation in self.reads_plain and occasion.challenge.error is not None
        if not nothing_new and occasion.heeds_what_is_plain:
            self.reads_plain.add(occasion.situation)
            self._heeds_without_error = self._heeds_without_error or occasion.challenge.error is None

    def _refutes(self, occasion: Asked, challenge: ParsedChallenge) -> Iterator[str]:
        """The causes that a request refutes, as it heeds what they would have it leave out."""
        heeded = frozenset(_heeded(occasion))
        if not heeded:
            return
        yield from (known.cause for known in self._explanations if known.refuted(occasion))
        yield from (wrong.name for wrong, seen in challenge.misread if heeded.isdisjoint(seen.scopes or ()))


def _is_explained(asked: Asked, scope: str, *, challenged: bool = True) -> bool:
    """Whether something other than a misreading accounts for a scope in the request."""
    if challenged and asked.challenged is not None and scope in asked.challenged:
        return True
    return not asked.is_new(Scope(scope)) and scope not in asked.account.invented


def _is_named(asked: Asked, name: str) -> bool:
    """Whether a scope in the request is accounted for, or somebody else names it, and no earlier header does."""
    if _is_explained(asked, name):
        return True
    if _before(asked, name):
        return False
    moved = asked.resource.epoch > 0  # what was asked for elsewhere may have gone along
    namers = asked.named.get(name, ())
    return any(owner is not asked.resource and (moved or not isinstance(owner, Account)) for owner in namers)


def _before(asked: Asked, name: str) -> list[Misreading]:
    """The misreadings that find a name in the headers of the resource that came before the one that is answered."""
    found = asked.resource.misread.get(name, {})
    return [wrong for wrong, at in found.items() if asked.answers is None or at < asked.answers.at]


_FROM_THE_END: Final = ("last-scheme", "substring-from-the-end")
"""The misreadings that explain only what none of the others does."""


def _misread_before(asked: Asked, challenge: ParsedChallenge) -> Misreading | None:
    """The misreading of earlier headers, or else of this one, that explains all that no source names."""
    names = asked.surplus.get("nowhere", ())
    found = [_before(asked, name) for name in names]
    wrongs = [wrong for wrong in MISREADINGS if found and all(wrong in each for each in found)]
    wrongs += [wrong for wrong, seen in challenge.misread if found and set(names) <= set(seen.scopes or ())]
    return min(wrongs, key=lambda wrong: wrong.name in _FROM_THE_END, default=None)

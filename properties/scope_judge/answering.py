"""Answering: which of the challenges that wait a request for scopes answers, and which others it may.

No request says what it answers. Where one challenge waits it is that; where several do, the one that it fits best is
taken, and the rest are kept beside it: whoever would be accused has answered the one that speaks best for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import reduce
from itertools import islice
from operator import or_
from typing import NamedTuple

from scope_model.events import CLIENT_CREDENTIALS, OFFLINE_ACCESS
from scope_model.scopes import NO_SCOPES, ScopeSet, same_scopes

from .account import NEVER, SEEN_BACK, Account, PendingChallenge, Resource
from .calls import Calls


class Requesting(NamedTuple):
    """A request for scopes that answers something, or nothing: of an account at a resource, by a grant type.

    `challenges` are those that wait for an answer, the latest first. `is_new` is whether a scope was never asked for or
    granted here, `calls` are those that go on, and `configured` is what the caller configured. `unknown_expired_at` is
    when a token that nobody knows last ran out by the client's clock, `elsewhere_at` when another resource was last
    called, and `rests` whether the last that was heard of any is that it served something.
    """

    resource: Resource
    challenges: list[PendingChallenge]
    account: Account
    wanted: ScopeSet
    grant_type: str
    is_new: Callable[[str], bool]
    calls: Calls
    configured: ScopeSet | None
    unknown_expired_at: int
    elsewhere_at: int
    rests: bool

    @property
    def expired_at(self) -> int:
        """When a token of the account, or one that nobody knows, last ran out by the client's clock."""
        return max(self.unknown_expired_at, self._its_token_expired_at)

    @property
    def _its_token_expired_at(self) -> int:
        return NEVER if self.account.token is None else self.account.token.expired_at

    def answers(self) -> tuple[PendingChallenge | None, tuple[PendingChallenge, ...]]:
        """The challenge that it answers, and the others that it may answer."""
        resource, expired_at = self.resource, self.expired_at
        waiting = [one for one in self.challenges if one.at > expired_at and not self._is_over(one)]
        in_vain = resource.in_vain
        if waiting and in_vain is not None and self._may_be_made_again(in_vain, waiting):
            waiting.append(in_vain)  # for less than what was refused
        if not waiting:
            again = resource.answering or resource.in_vain
            if again is None or expired_at >= resource.responded_at:
                return None, self._besides(None)
            is_another = self._is_on_its_way(again) or self._may_be_by_the_clock(again)
            goes_on = self.calls.may_go_on(again.call) and not is_another
            besides = self._besides(again)
            return (again, besides) if goes_on else (None, (again, *besides))
        if self._may_renew(waiting[0]):
            return None, (waiting[0], *self._doubtful())
        if len(waiting) == 1:
            return waiting[0], self._besides(waiting[0])
        live = self._live(waiting)
        best = self._best(live, waiting)
        others = (one for one in live if one is not best and not one.challenge.refuses_plainly)
        return best, tuple(dict.fromkeys((*others, *self._besides(best))))

    def _besides(self, best: PendingChallenge | None) -> tuple[PendingChallenge, ...]:
        """What it may answer of what does not wait: where others were answered, or calls left something for later."""
        return tuple(dict.fromkeys((*self._doubtful(), *self._left(best))))

    def _doubtful(self) -> Iterator[PendingChallenge]:
        return (one for one in reversed(self.resource.doubtful) if not self._is_over(one))

    def _is_over(self, one: PendingChallenge) -> bool:
        """Whether a 401 was left by a call that ended, and a grant came since.

        Where nobody says, that served since, and it asks for nothing that the 401 names and the grant lacks (ruling 7).
        """
        account = self.account
        if one.challenge.status != 401 or one.at > account.granted_at:
            return False
        served = account.token is not None and account.token.served and one.at < account.token.issued_at
        return NEVER < one.ended_at < account.granted_at or (one.call is None and served and not self._widens(one))

    def _is_on_its_way(self, again: PendingChallenge) -> bool:
        """Whether its operation was sent again, and not yet answered: then nobody waits for what was refused."""
        return self.resource.attempt(again.operation).sent_at != NEVER

    def _may_be_by_the_clock(self, again: PendingChallenge) -> bool:
        """Whether the token ran out by the clock and no other came, so that another call may renew it, too."""
        account = self.account
        another = again.call is None or again.call != self.calls.alone
        return another and self._its_token_expired_at != NEVER and account.refused_at < account.asked_at

    def _left(self, best: PendingChallenge | None) -> Iterator[PendingChallenge]:
        """Where it meets nothing that it would answer: those left for later that it meets and widens the grant for.

        Where it would answer none, as by the clock, that may be a 401, too.
        """
        if best is not None and not best.challenge.refuses_plainly and best.challenge.is_met_by(self.wanted):
            return
        resource, granted_at = self.resource, self.account.granted_at
        in_vain = () if resource.in_vain is None else (resource.in_vain,)
        more = (one for one in (*self.challenges, *reversed(resource.left)) if one.challenge.status == 403)
        since = (one for one in (*self.challenges, *in_vain, *resource.left) if one.at > granted_at)
        for left in (*since, *more):
            challenge = left.challenge
            rejected = best is None and challenge.status == 401
            bare = best is not None and best.challenge.refuses_plainly
            may_wait = rejected or self._its_token_expired_at < left.at <= self.expired_at
            sensible = (
                self._widens(left)
                or (bare and self._is_unmet(left))
                or (may_wait and challenge.asks_within(self.wanted))
            )
            if left is not best and sensible and not challenge.refuses_plainly:
                yield left

    def may_be_for_what_was_left(self, best: PendingChallenge) -> bool:
        """Whether it widens the grant for what another call left for later, beside what it answers.

        Of the same operation, that was after the last grant: with what that brought, it was tried again.
        """
        left = (one for one in self.resource.left if one is not best and one.challenge.may_ask_for_more)
        since = (one for one in left if one.operation != best.operation or one.at > self.account.granted_at)
        return any(self._widens(one) for one in since)

    def _widens(self, one: PendingChallenge) -> bool:
        """Whether it asks for what a challenge names, or for some of what it may name, beyond the grant."""
        named, held = one.challenge.scope, self.account.in_hand.at_least
        if named is None:
            return any(each in one.challenge.tolerated and each not in held for each in self.wanted)
        return len(named) > 0 and named <= self.wanted and not named <= held

    def _is_unmet(self, one: PendingChallenge) -> bool:
        """Whether a challenge names what is not met yet: where none binds, that may be answered by any request."""
        return not (one.challenge.scope or NO_SCOPES) <= self.account.in_hand.at_least

    def _may_renew(self, latest: PendingChallenge) -> bool:
        """Whether it may be for a new token by the clock, something else having come since the latest challenge.

        Of a client without a user, which has no refresh token; of another, where something was served last, and nothing
        is awaited: the call that was challenged is over, or was refused plainly.
        """
        if latest.call is not None and latest.call == self.calls.alone:
            return False  # it is for nothing else
        ended = latest.call is not None and not self.calls.may_go_on(latest.call)
        since = max(self.resource.responded_at, self.elsewhere_at if latest.call is None or ended else NEVER)
        between = self.grant_type == CLIENT_CREDENTIALS and (not latest.alone or since > latest.at)
        at_rest = self.rests and (ended or (latest.call is None and latest.challenge.refuses_plainly))
        return (between or at_rest) and self._is_renewal

    def _may_be_made_again(self, in_vain: PendingChallenge, waiting: list[PendingChallenge]) -> bool:
        """Whether a request that was refused may come again: at once, while its call goes on, or as none other can.

        Or for less, which is another way out unless all of it is in hand, and was refused for being too little.
        """
        if in_vain in waiting:
            return False
        goes_on = in_vain.call is not None and self.calls.may_go_on(in_vain.call)
        at_once = self.account.refused_at > self.resource.called_at
        none_other = all(one.passed_over or one.challenge.refuses_plainly for one in waiting)
        asked = self.resource.attempt(in_vain.operation).asked
        brings_nothing = in_vain.challenge.insufficient and self.wanted <= self.account.in_hand.at_least
        sensible = len(self.wanted) > 0 and not (brings_nothing and self._is_unmet(in_vain))
        for_less = sensible and self.wanted <= asked and not asked <= self.wanted
        return at_once or goes_on or (in_vain.call is None and (none_other or for_less))

    def _live(self, waiting: list[PendingChallenge]) -> list[PendingChallenge]:
        """Those whose calls may go on; where it meets none of these, those that it widens the grant for.

        A call that had ended before any of them went out has no part in it.
        """
        live = [one for one in waiting if self.calls.may_go_on(one.call)] or waiting
        began = min(one.sent_at for one in live)
        waiting = [one for one in waiting if one in live or not NEVER < one.ended_at < began]
        if any(not one.challenge.refuses_plainly and one.challenge.asks_within(self.wanted) for one in live):
            return live
        held = self.account.in_hand.at_least
        wider = (one for one in waiting if one.challenge.insufficient and one.challenge.is_met_by(self.wanted))
        return [one for one in wider if not one.challenge.is_met_by(held)] or live

    def _best(self, live: list[PendingChallenge], waiting: list[PendingChallenge]) -> PendingChallenge:
        """The latest, or another that it meets and the latest is not met."""
        latest = waiting[0]
        sensible = (one for one in live if not one.challenge.refuses_plainly and (one is latest or not one.repeats))
        met = [one for one in sensible if one.challenge.asks_within(self.wanted)]
        if not met:
            return min(live, key=lambda one: (one.challenge.refuses_plainly, one.repeats))
        if len(met) == 1:
            return met[0]
        named = reduce(or_, (one.challenge.scope or NO_SCOPES for one in waiting))
        return min(met, key=lambda one: self._misfit(one, named))

    def _misfit(self, one: PendingChallenge, named: ScopeSet) -> tuple[int, bool, bool, int, int]:
        """How badly a request fits a challenge that it meets: by what of it is new and `named` by none that waits.

        Then a challenge fits that is not answered in vain, that names just this, or that explains what is new.
        """
        challenge, listed, account = one.challenge, self.resource.listed or NO_SCOPES, self.account
        scope = challenge.tolerated if challenge.unclear else listed if challenge.scope is None else challenge.scope
        new = [each for each in self.wanted if self.is_new(each)]
        added = sum(each not in scope and each not in named and each != OFFLINE_ACCESS for each in new)
        in_vain = (
            challenge.insufficient and not challenge.unclear and len(scope) > 0 and scope <= account.in_hand.at_least
        )
        first = account.requested is None and challenge.scope is None and not challenge.unclear
        odd = one.repeats or in_vain or (first and not listed <= self.wanted)
        explained = sum(each in scope for each in new)
        return added, odd, not same_scopes(scope, self.wanted), -explained, -one.at

    @property
    def _is_renewal(self) -> bool:
        """Whether a request is that of the last grant again, as of who has no refresh token, or as at the beginning."""
        account, listed = self.account, self.resource.listed
        if account.requested is None:
            return False
        known = (account.asked or NO_SCOPES, listed or NO_SCOPES, self.configured or listed or NO_SCOPES)
        asked = any(same_scopes(self.wanted, each) for each in known)
        return asked or account.granted.can_be(frozenset(self.wanted))


def waiting_at(resource: Resource) -> list[PendingChallenge]:
    """The challenges that a request may answer, the latest first."""
    waiting: list[PendingChallenge] = []
    for pending in islice(reversed(resource.pending.values()), SEEN_BACK):
        waiting += (pending,) if pending.beside is None else islice(pending.and_those_beside, SEEN_BACK)
    for tried in islice(reversed(resource.attempts.values()), SEEN_BACK):
        if tried.left is not None and (tried.sent_at != NEVER or len(tried.calls) > 1):
            # It was sent again before it was answered, or by another call: the two overlap.
            waiting += islice(tried.left.and_those_beside, SEEN_BACK)
    return waiting

"""Chapter 8, retries: how often a call may ask for scopes, and when asking is in vain (RETRY)."""

from __future__ import annotations

from scope_judge.findings import HOLDS, Answer, Broken
from scope_judge.occasions import ENDLESS, FEW, OFFLINE, SURELY, Asked, Called, CallOver, RefreshAsked
from scope_model.scopes import same_scopes

from .book import clause


@clause("RETRY-1", on=Asked)
def a_call_causes_few_requests(asked: Asked) -> Answer:
    """One call of one operation causes no more than a few requests for scopes."""
    tried, number = asked.attempts, asked.number
    if tried is None or (tried.grew and number > FEW):
        return None
    if number <= FEW and tried.since_served == FEW + 1:
        because = f"this is request number {FEW + 1} for scopes for an operation that was never served since"
        return Broken("across-calls", because)
    return _few(asked)


@clause("RETRY-1", on=RefreshAsked)
def a_call_causes_few_refreshes(refresh: RefreshAsked) -> Answer:
    """One call has its token refreshed no more than a few times, whatever it is challenged for."""
    tried = refresh.attempts
    if tried is None or tried.refreshes == 0:
        return None
    number = tried.refreshes + 1
    if number != (refresh.allowed or FEW) + 1:
        return HOLDS
    if refresh.allowed is None:
        return Broken("refreshed-in-a-row", f"this is refresh number {number} in a row in answer to one operation")
    return Broken("refreshed-within-a-call", f"this is refresh number {number} in answer to challenges of one call")


@clause("RETRY-4", on=Asked)
def growing_challenges_share_one_budget(asked: Asked) -> Answer:
    """A challenge that names something new each time is bounded like any other."""
    tried = asked.attempts
    return _few(asked) if tried is not None and tried.grew and asked.number >= FEW else None


def _few(asked: Asked) -> Answer:
    number = asked.number
    if number != (asked.allowed or FEW) + 1:
        return HOLDS
    if asked.allowed is None:
        return Broken("in-a-row", f"this is request number {number} in a row for scopes for one operation")
    return Broken("within-a-call", f"this is request number {number} for scopes within one call")


@clause("RETRY-2", on=Asked)
def every_call_ends(asked: Asked) -> Answer:
    """A call does not go on asking for scopes for ever."""
    if asked.attempts is None or asked.number < FEW:
        return None
    if asked.number != ENDLESS:
        return HOLDS
    return Broken("endless", f"{ENDLESS} requests for scopes for one operation, and no end in sight")


@clause("RETRY-2", on=CallOver)
def every_call_ends_by_itself(over: CallOver) -> Answer:
    """Nobody has to break a call off, whatever it goes on with: refreshes, the same request, or metadata."""
    asked_for_ever = over.attempts.in_call >= ENDLESS  # and was found when it asked that often
    if not over.broken_off or asked_for_ever:
        return HOLDS if over.attempts.in_call else None
    return Broken("broken-off", "the call went on for ever, until the servers stopped answering it")


@clause("RETRY-3", on=Asked)
def nothing_is_asked_for_twice_in_vain(asked: Asked) -> Answer:
    """What the token already carries is not asked for a second time."""
    challenge = asked.challenge
    if challenge is None or not challenge.insufficient:
        return None
    held = asked.account.in_hand.at_least
    if asked.challenged is None:
        if challenge.unclear or not asked.wanted - OFFLINE <= held or asked.account.in_hand.exact is None:
            return None
        return Broken("no-scope-named", "the challenge names no scope, and the request nothing that the token lacks")
    if not asked.is_again or asked.wanted - asked.asked_last or asked.challenged <= OFFLINE:
        return None
    if asked.refused is not None:
        return None  # RETRY-5 says more
    if asked.is_covered and asked.challenged <= held | asked.unseen:
        return Broken("covered", "the token carries what the challenge asks for, and the same is requested again")
    before = asked.account.requested
    if before is not None and asked.challenged - asked.unseen <= before.at_least:
        return Broken(
            "requested-before", "the challenge asks for what was requested before, and the same is asked again"
        )
    return HOLDS


@clause("RETRY-5", on=Asked)
def a_refused_request_is_not_repeated(asked: Asked) -> Answer:
    """A request that was refused is not by itself sent again unchanged.

    One that goes to the token endpoint may once be sent again with another client authentication, which is not seen.
    """
    refused = asked.refused
    if refused is None or asked.challenge is None or asked.may_have_been_on_its_way or asked.account.may_pass:
        return None
    if not same_scopes(refused, asked.wanted) or (asked.authenticates_itself and asked.account.refusals < SURELY):
        return HOLDS
    return Broken("repeated", "the request that was just refused is sent again unchanged")


@clause("RETRY-5", on=RefreshAsked)
def a_refused_refresh_is_not_repeated(refresh: RefreshAsked) -> Answer:
    """A refresh token that was refused is not sent again and again in the same call.

    Once it may be, with another client authentication, which is not seen.
    """
    if refresh.repeated is None:
        return None
    if refresh.repeated < SURELY:
        return HOLDS
    return Broken("refresh-repeated", "the refresh that was just refused is sent again unchanged")


@clause("RETRY-5", on=Called)
def a_refusal_is_followed_by_something_else(called: Called) -> Answer:
    """After a refusal the application goes on with another call."""
    return HOLDS if called.account is not None and called.account.refused is not None else None

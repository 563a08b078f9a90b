"""Chapter 2, challenges: what they say, and when they are no wish for scopes (PARSE-2, PARSE-8, CHAL-7, CHAL-8)."""

from __future__ import annotations

from scope_judge.account import PendingChallenge
from scope_judge.findings import HOLDS, Answer, Broken
from scope_judge.occasions import ENDLESS, FEW, Asked, Called, RefreshAsked, Settled, listing

from .book import clause


@clause("PARSE-2", on=Asked)
def a_repeated_parameter_is_not_merged(asked: Asked) -> Answer:
    """Of a scope parameter that is repeated within a challenge the first may be read, or none."""
    challenge = asked.challenge
    if challenge is None or not challenge.later:
        return None
    new = [scope for scope in challenge.later - challenge.first if scope in asked.wanted and asked.is_new(scope)]
    if not new:
        return HOLDS
    cause = "merged" if challenge.first <= asked.wanted else "last"
    return Broken(cause, f"the challenge repeats its scope parameter, and {listing(new)} stands in a later one")


@clause("PARSE-8", on=Settled)
def no_error_is_found_inside_a_description(settled: Settled) -> Answer:
    """A 403 is heeded, whatever error a search would find inside another value of it.

    Who gives up what is spelled plainly, too, may give one up (A21), whatever it says.
    """
    if settled.decoy is None or not settled.can_be_met or settled.deceived is None:
        return None
    if not settled.deceived:
        return HOLDS if settled.answered else None
    return Broken("error-inside-a-value", settled.deceit)


@clause("CHAL-7", on=Asked)
def a_plain_refusal_asks_for_no_scopes(asked: Asked) -> Answer:
    """A 403 without insufficient_scope causes no request for scopes."""
    answers = asked.answers
    if answers is None or not answers.challenge.refuses_plainly or not answers.alone:
        return None
    if asked.account.refresh_failed_at > answers.at:
        return None  # which is a reason of its own
    return Broken("authorization", "a 403 without insufficient_scope is no wish for other scopes")


@clause("CHAL-7", on=Called)
def a_refused_request_is_not_sent_again(called: Called) -> Answer:
    """What was answered with a bare 403 is not by itself sent again with the same token."""
    refused = called.attempts.refused
    if refused is None or not refused.refuses_plainly:
        return None
    return _resent(called)


@clause("STEP-3", on=Called)
def a_client_without_a_user_steps_up_or_stops(called: Called) -> Answer:
    """With client credentials a challenge for more is not answered by sending the same again."""
    refused, account = called.attempts.refused, called.account
    if refused is None or not refused.insufficient or account is None or not account.acts_for_itself:
        return None
    return _resent(called)


def _resent(called: Called) -> Answer:
    times = called.was_resent
    if times > 0 and called.same_call:
        return Broken("sent-again", "the request was refused, and is sent again with the same token in the same call")
    because = f"the request was refused, and is sent for the time number {times + 1} with the same token"
    if times + 1 == ENDLESS:
        return Broken("sent-again", because)
    return Broken("sent-again-and-again", because) if times == FEW else HOLDS


@clause("CHAL-8", on=RefreshAsked)
def a_refreshed_token_is_not_refreshed_again(refresh: RefreshAsked) -> Answer:
    """The second 401 of one call that says the same is reported, not refreshed again.

    A token that is refreshed before the challenged operation was tried with it may be over by the client's clock.
    """
    answers = refresh.answers
    if answers is None or refresh.meanwhile or answers.refreshed_at > refresh.account.refresh_failed_at:
        return None
    return _renewed_again(answers, "and the token is refreshed again")


@clause("CHAL-8", on=Asked)
def a_new_token_is_not_replaced_at_once(asked: Asked) -> Answer:
    """The second 401 of one call that says the same is reported, not answered by authorizing again.

    Where no refresh could bring what it names, authorizing is no second renewal of the same.
    """
    if asked.answers is None or (asked.answers.renewed == "refresh" and asked.asks_for_more_than_was_granted):
        return None
    return _renewed_again(asked.answers, "and authorization is asked for again")


@clause("CHAL-8", on=Settled)
def a_second_rejection_is_reported(settled: Settled) -> Answer:
    """The second 401 of one call that says the same is left to the application."""
    pending = settled.pending
    return HOLDS if pending.challenge.status == 401 and pending.repeats and not settled.answered else None


def _renewed_again(answers: PendingChallenge, what: str) -> Answer:
    if answers.challenge.status != 401 or answers.renewed is None:
        return None
    if not answers.repeats:
        return HOLDS
    return Broken("renewed-again", f"the same 401 came again for a token that was renewed because of it, {what}")

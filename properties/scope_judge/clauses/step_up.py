"""Chapter 4, step-up: what a later request keeps and adds, and what follows a challenge (ACC, STEP, EXT-3)."""

from __future__ import annotations

from scope_judge.account import NEVER
from scope_judge.findings import HOLDS, Answer, Broken
from scope_judge.occasions import Asked, RefreshAsked, RefreshTried, Settled, TokenTried, listing
from scope_model.events import CLIENT_CREDENTIALS

from .book import clause
from .losses import lost


@clause("ACC-1", on=Asked)
def what_was_requested_is_asked_for_again(asked: Asked) -> Answer:
    """Whoever authorizes again asks for all that was requested before."""
    return lost(asked, "ACC-1") if asked.accumulates and not asked.account.forgot else None


@clause("ACC-2", on=Asked)
def what_was_granted_is_asked_for_again(asked: Asked) -> Answer:
    """Whoever authorizes again asks for all that was granted before."""
    return lost(asked, "ACC-2") if asked.accumulates and asked.account.granted.at_least else None


@clause("ACC-4", on=Asked)
def no_round_of_a_chain_is_forgotten(asked: Asked) -> Answer:
    """Along a chain of step-ups nothing that a later round added is lost."""
    return lost(asked, "ACC-4") if asked.accumulates and asked.account.rounds > 1 else None


@clause("ACC-3", on=Asked)
def nothing_else_enters_the_union(asked: Asked) -> Answer:
    """A step-up that names scopes does not bring in the rest of the metadata."""
    if asked.first is not False or asked.challenged is None:
        return None
    listed = asked.surplus.get("listed")
    if not listed:
        return HOLDS
    because = f"the request joins {listing(listed)} from the resource metadata to the challenge"
    return Broken("metadata-joined" if asked.joins(listed) else "metadata-instead", because)


@clause("STEP-2", on=Settled)
def a_challenge_is_followed_by_a_request(settled: Settled) -> Answer:
    """A client with a user answers a challenge for more than it holds with an authorization request."""
    if not settled.can_be_met:
        return None
    if settled.answered:
        return HOLDS
    if settled.deceived is not False:
        return None  # PARSE-8 says why, or the end will tell
    cause = "given-up-as-implied" if settled.is_implied else "given-up"
    if settled.challenge.scope is None:
        cause = "given-up-unnamed"
    operation = settled.pending.operation[:80]
    return Broken(cause, f"the challenge of {operation!r} was not followed by an authorization request")


@clause("STEP-5", on=Settled)
def a_wider_scope_needs_a_new_grant(settled: Settled) -> Answer:
    """A challenge for what was never granted is answered with a request for scopes, refresh token or not."""
    account = settled.account
    could_refresh = account is not None and account.refresh_token is not None
    return HOLDS if settled.answered and could_refresh and settled.beyond else None


@clause("STEP-5", on=RefreshTried)
def a_refresh_cannot_widen_the_grant(refresh: RefreshTried) -> Answer:
    """A challenge for what was never granted is not answered with a refresh."""
    if not refresh.lost:
        return HOLDS
    because = f"{listing(refresh.lost)} was never granted, so that the refresh that answered cannot bring it"
    return Broken("refreshed", because)


@clause("STEP-7", on=TokenTried)
def a_new_token_is_tried_at_once(tried: TokenTried) -> Answer:
    """The operation that a token was issued for is sent again with it."""
    token, answers = tried.token, tried.token.answers
    if answers is None or not answers.challenge.insufficient or not token.suffices:
        return None
    if token.tried:
        return HOLDS
    if token.differs and token.used_at == NEVER:
        return None  # GRANT-3 says why
    return Broken("not-tried", "a new token was issued for an operation, which is not tried again with it")


@clause("EXT-3", on=RefreshAsked)
def client_credentials_are_not_refreshed(refresh: RefreshAsked) -> Answer:
    """With client credentials there is no refresh token, and more scope is a new token request."""
    account = refresh.account
    if account.grant_type != CLIENT_CREDENTIALS:
        return None
    if account.refresh_token is not None:
        return HOLDS
    return Broken("refreshed", "client credentials bring no refresh token, and a refresh is tried")


@clause("EXT-3", on=Asked)
def client_credentials_step_up_by_a_new_request(asked: Asked) -> Answer:
    """A challenge for more is answered with a new token request."""
    return HOLDS if asked.grant_type == CLIENT_CREDENTIALS and asked.account.requested is not None else None

"""Chapter 6, refresh: what it may ask for, and what it changes (REFRESH, RETAIN, ACC-8)."""

from __future__ import annotations

from scope_judge.findings import HOLDS, Answer, Broken
from scope_judge.occasions import Asked, RefreshAsked, Reported, listing
from scope_model.events import OFFLINE_ACCESS

from .book import clause
from .losses import lost


@clause("REFRESH-1", on=RefreshAsked)
def a_refresh_asks_for_nothing_outside_the_grant(refresh: RefreshAsked) -> Answer:
    """Every scope that a refresh names was granted."""
    asked, account = refresh.request.scope, refresh.account
    if asked is None or not account.granted.surely_lacks_some(asked):
        return HOLDS if account.granted.at_most is not None else None
    outside = [scope for scope in asked if not account.granted.may_hold(scope)]
    because = f"{listing(outside)} was not granted, and the refresh asks for it"
    # Nobody saw what was requested, where no request was seen.
    requested = account.pending is None if account.asked is None else OFFLINE_ACCESS in account.asked
    if outside == [OFFLINE_ACCESS] and requested and account.refresh_token is not None:
        return Broken("offline-access", because)
    return Broken("outside", because)


@clause("REFRESH-2", on=RefreshAsked)
def in_doubt_a_refresh_names_no_scope(refresh: RefreshAsked) -> Answer:
    """Where nobody ever said what was granted, a refresh names nothing beyond what a refresh brought."""
    account = refresh.account
    if account.told != "nobody":
        return None
    if refresh.request.scope is None or refresh.request.scope <= account.refreshed:
        return HOLDS
    return Broken("guessed", "what was granted is unknown, and the refresh names scopes")


@clause("RETAIN-3", on=RefreshAsked)
def a_replaced_refresh_token_is_not_used(refresh: RefreshAsked) -> Answer:
    """A new refresh token takes the place of the old one."""
    if refresh.may_have_been_on_its_way(refresh.account.replaced_at):
        return None
    retired = refresh.account.replaced
    return _not_retired(refresh, retired, "replaced", "a new refresh token was issued, and the old one is used")


@clause("RETAIN-4", on=RefreshAsked)
def a_refresh_token_speaks_for_its_own_grant(refresh: RefreshAsked) -> Answer:
    """The refresh token of an earlier grant is not taken for the present one."""
    if refresh.may_have_been_on_its_way(refresh.account.granted_at):
        return None
    retired = refresh.account.outlived
    return _not_retired(
        refresh, retired, "outlived", "the refresh token belongs to an earlier grant than the one in use"
    )


@clause("RETAIN-3", on=RefreshAsked)
def a_refresh_token_that_was_not_replaced_is_used(refresh: RefreshAsked) -> Answer:
    """Where a refresh brought no new refresh token, the next one is with the old one."""
    account = refresh.account
    kept = account.has_kept_its_refresh_token and account.refresh_token == refresh.event.refresh_token
    return HOLDS if kept else None


@clause("RETAIN-3", on=Asked)
def a_refresh_token_that_was_not_replaced_is_not_given_up(asked: Asked) -> Answer:
    """Where a refresh brought no new refresh token, no user is asked for what the old one would bring (A29)."""
    if not asked.could_refresh:
        return None
    because = "the last refresh brought no new refresh token, and authorization is asked for in place of the old one"
    token = asked.account.token
    return Broken("given-up" if token is not None and token.state == "expired" else "given-up-unauthorized", because)


def _not_retired(refresh: RefreshAsked, retired: set[str], cause: str, because: str) -> Answer:
    token = refresh.event.refresh_token
    if token is None or not retired:
        return None
    return Broken(cause, because) if token in retired else HOLDS


@clause("RETAIN-1", on=Reported)
def a_silent_refresh_changes_no_knowledge(reported: Reported) -> Answer:
    """A refresh without a scope brings a token for what was granted."""
    return reported.answer if reported.basis == "refresh omitted" else None


@clause("REFRESH-3", on=Reported)
def a_plain_refresh_brings_the_grant_back(reported: Reported) -> Answer:
    """After a narrow refresh one without a scope brings a token for the whole grant."""
    return reported.answer if reported.basis == "refresh omitted after a narrow one" else None


@clause("ACC-8", "GRANT-2", on=Reported)
def what_was_granted_outlives_a_restart(reported: Reported) -> Answer:
    """What was reported rightly is known after a restart and after a failed refresh."""
    return reported.answer if reported.basis == "forgot since" else None


@clause("ACC-8", on=Asked)
def what_was_granted_is_asked_for_after_a_restart(asked: Asked) -> Answer:
    """After a restart or a failed refresh a request still asks for all that was granted."""
    return lost(asked, "ACC-8") if asked.accumulates and asked.account.forgot else None


@clause("RETAIN-2", on=Asked)
def a_refresh_narrows_the_token_alone(asked: Asked) -> Answer:
    """What a narrower refresh left out of the token is still granted, and asked for again."""
    return lost(asked, "RETAIN-2") if asked.accumulates and asked.account.narrowed is not None else None

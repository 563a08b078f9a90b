"""Granting: what the answer to a request for a token makes of an account."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import and_, or_
from typing import Final

from scope_model.events import JWT_BEARER, REFRESH_TOKEN, TOKEN_EXCHANGE, TokenResponse
from scope_model.scopes import NO_SCOPES, ScopeSet, read_scope, same_scopes

from .account import NEVER, Account, Token
from .knowledge import UNKNOWN, Known, either, exactly


def said_by(event: TokenResponse, account: Account, commas: str) -> Known | None:
    """What a response says. One token that commas cut into what may have been requested is read in two ways (A26)."""
    if event.scope is None:
        return None
    request = account.refreshing if account.leg == REFRESH_TOKEN else account.pending
    if request is not None and event.scope == request.wire:
        return exactly(request.wanted)
    said = read_scope(event.scope)
    if "," not in event.scope or len(said) != 1 or (request is not None and said <= request.wanted):
        return exactly(said)
    parts = read_scope(event.scope.replace(",", " "))
    others = [] if account.leg == REFRESH_TOKEN else account.under_way
    if request is not None and not any(parts <= asked for asked in (request.wanted, *others)):
        return exactly(said)
    return {"literal": exactly(said), "parts": exactly(parts)}.get(commas) or either(parts, said)


def issue(account: Account, event: TokenResponse, said: Known | None, at: int, *, began_midway: bool) -> None:
    """A grant: what the response says, else what this request asked, else nobody knows."""
    request = account.pending
    seen = request is not None and not request.malformed
    if account.leg == JWT_BEARER and account.assertion is not None:
        asked = account.assertion.scope
    else:
        asked = None if request is None else request.scope
    account.earlier = None if account.requested is None else account.granted
    several = _redeemed_one_of(account)
    if account.requested is None:
        account.first = account.sourced
    account.rounds += 1
    unseen = began_midway if account.requested is None else account.requested.at_most is None
    account.requested = UNKNOWN if request is None else Known(account.sourced, None if unseen else account.sourced)
    if several:
        account.requested = Known(reduce(and_, several), None if unseen else reduce(or_, several))
    if said is not None:
        account.granted, account.told = said, "explicit"
    elif not seen or several:
        account.granted, account.told = UNKNOWN, "unseen"
    else:
        account.granted = UNKNOWN if asked is None else exactly(asked)
        # What the first leg of an exchange named, its assertion may carry into a last one that names nothing.
        silent = request is None or request.scope is None
        account.told = "omitted" if asked is not None else "nobody" if silent else "unseen"
    account.in_hand, account.asked, account.assertion = account.granted, asked, None
    account.refresh_told, account.narrowed = "nothing", None
    account.refreshed = account.aborted = NO_SCOPES
    account.grant_type, account.granted_at = account.leg, at
    if account.mixed:
        account.refresh_token = event.refresh_token or account.refresh_token  # it may be the answer to a refresh
        return
    if account.refresh_token is not None and event.refresh_token != account.refresh_token:
        account.outlived.add(account.refresh_token)
        account.replaced.discard(account.refresh_token)
    account.refresh_token = event.refresh_token


def _redeemed_one_of(account: Account) -> list[ScopeSet]:
    """What was asked for, where codes of several requests were under way and differ: nobody knows which this is."""
    if account.leg == REFRESH_TOKEN:
        return []
    asked = account.under_way
    if not (account.mixed and account.leg in (JWT_BEARER, TOKEN_EXCHANGE)):  # the answer may be that of a first leg
        _end_one(account)
    return [] if all(same_scopes(one, asked[0]) for one in asked[1:]) else asked


def _end_one(account: Account) -> None:
    """One of the authorizations under way came to its end."""
    account.redeemed += 1
    if account.redeemed >= len(account.under_way):
        account.under_way, account.redeemed = [], 0


def refresh(account: Account, event: TokenResponse, said: Known | None, at: int) -> None:
    """A refresh narrows the token, never the grant, and may replace the refresh token."""
    named = None if account.refreshing is None else account.refreshing.scope
    if said is not None:
        account.in_hand, account.refresh_told = said, "explicit"
        if not said.at_least <= account.refreshed:
            account.refreshed |= said.at_least
        exact, granted = said.exact, account.granted.exact
        account.narrowed = exact if exact is not None and granted is not None and not granted <= exact else None
    else:
        account.in_hand = account.granted if named is None else exactly(named)
        granted = account.granted.exact
        if named is not None and granted is not None and not granted <= named:
            account.narrowed = named
        account.refresh_told = "omitted" if account.told != "nobody" else "nothing"
    account.refresh_kept_at = at if event.refresh_token in (None, account.refresh_token) else NEVER
    if account.refresh_kept_at == NEVER:
        if account.refresh_token is not None and not account.mixed:
            account.replaced.add(account.refresh_token)
            account.outlived.discard(account.refresh_token)
            account.replaced_at = at
        account.refresh_token = event.refresh_token


def refuse_token(account: Account, error: str, at: int, calls: Iterable[int]) -> None:
    """A token request that was refused, of a refresh or of an authorization, while these calls went on."""
    if account.leg == REFRESH_TOKEN:
        account.refresh_failed_at, account.refresh_token = at, None
        scope = None if account.refreshing is None else account.refreshing.scope
        final = error in ("invalid_grant", "invalid_scope")
        refused = (account.refresh_sent, scope, frozenset(calls)) if final else None
        account.refresh_refusals = account.refresh_refusals + 1 if refused == account.refresh_refused else 1
        account.refresh_refused = refused
    else:
        refuse(account, error, at)
        if account.mixed:
            account.refused = None  # it may be the refresh that was refused


PASSING: Final = frozenset(
    (
        *("temporarily_unavailable", "server_error"),
        *("invalid_grant", "authorization_pending", "slow_down", "HTTP 408", "HTTP 429"),
        *("login_required", "interaction_required", "consent_required", "account_selection_required"),
    )
)
"""Errors after which the same may be sent again: they speak of the server, a code that is over, or the user's presence.

RFC 6749 sections 4.1.2.1 and 5.2, RFC 8628 section 3.5, OpenID Connect Core section 3.1.2.6.
"""


def refuse(account: Account, error: str, at: int) -> None:
    """An authorization that was refused."""
    account.may_pass = error in PASSING or error.startswith("HTTP 5")
    refused = NO_SCOPES if account.pending is None else account.pending.wanted
    again = account.refused is not None and same_scopes(account.refused, refused)
    account.refusals = account.refusals + 1 if again else 1
    account.refused = refused
    _end_one(account)
    account.refused_at = at
    if account.requested is not None:
        account.aborted |= account.sourced
    if account.token is not None and account.token.state == "expired" and account.acts_for_itself:
        account.refused = None  # a renewal that preceded a call: the next one is another call's


def leave_unknown(account: Account, at: int) -> None:
    """An answer that could not be read: a token may have come, for whatever scope, or an error."""
    before, expired_at = account.requested, NEVER if account.token is None else account.token.expired_at
    account.forget()
    account.requested = UNKNOWN if before is None else Known(before.at_least & account.sourced, None)
    account.token = Token(None, at, state="in use", expired_at=expired_at)

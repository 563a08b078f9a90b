"""Chapter 1, scopes: the form and the order of what is sent (SEL-4, ORDER-3)."""

from __future__ import annotations

from functools import reduce
from operator import or_

from scope_judge.account import Account
from scope_judge.findings import HOLDS, Answer, Broken
from scope_judge.occasions import OFFLINE, Asked, ScopesSent, listing
from scope_model.scopes import NO_SCOPES

from .book import clause


@clause("SEL-4", on=ScopesSent)
def a_scope_is_sent_once_and_well_formed(sent: ScopesSent) -> Answer:
    """At most one scope parameter, with a value by the grammar of RFC 6749 section 3.3."""
    wire = sent.request.wire
    if wire is None:
        return HOLDS
    if not isinstance(wire, str):
        return Broken("repeated", f"the scope parameter was sent {len(wire)} times")
    if wire == "":
        return Broken("empty", "the scope parameter was sent without a value, which means the same as leaving it out")
    fault = sent.request.fault
    if fault is None:
        return HOLDS
    cause = "outside-grammar"
    if "" in sent.request.pieces:
        cause = "leading-space" if wire[0] == " " else "trailing-space" if wire[-1] == " " else "double-space"
    return Broken(cause, f"the scope parameter is {wire[:80]!r}, but {fault.reason}")


@clause("ORDER-3", on=ScopesSent)
def no_scope_is_named_twice(sent: ScopesSent) -> Answer:
    """A request names each of its scopes once."""
    request = sent.request
    if len(request.pieces) < 2 or not isinstance(request.wire, str) or request.malformed:
        return None
    if len(request.wanted) == len(request.pieces):
        return HOLDS
    return Broken("repeated", "a scope is named twice in one request")


def _order_is_open(account: Account) -> bool:
    """Whether clients may differ on what they saw first.

    What is stored may stand in the server's order, what was asked for in vain may count, and so may what a refresh
    said of a grant that nobody knows.
    """
    return (
        account.restarted or len(account.aborted) > 0 or (account.granted.exact is None and len(account.refreshed) > 0)
    )


@clause("ORDER-3", on=Asked)
def scopes_stand_in_first_seen_order(asked: Asked) -> Answer:
    """What was requested and granted before comes first, and then what is new, each in its own order."""
    account, wanted = asked.account, asked.wanted
    if len(wanted) < 2 or asked.unclear or asked.lost_challenged or _order_is_open(account):
        return None
    requested = None if account.requested is None else account.requested.at_least
    sources = (requested, account.granted.exact, asked.challenged or asked.listed)
    known = reduce(or_, [each for each in sources if each is not None and len(each) <= len(wanted)] or [NO_SCOPES])
    # Nobody saw where these come first: what the caller configured is there before all else.
    unseen = OFFLINE if asked.configured is None else OFFLINE | asked.configured
    ours = {scope: None for scope in wanted if scope in known and scope not in unseen and scope not in account.invented}
    if len(ours) < 2:
        return None
    expected = [scope for scope in known if scope in ours]
    if expected == list(ours):
        return HOLDS
    cause = "afresh" if asked.answers_401 and asked.first is False else "order"
    return Broken(cause, f"the order in which the scopes were first seen is {listing(expected)}")

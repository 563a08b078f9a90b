"""Chapter 5, the grant: what a token response says, and what a client says of it (GRANT, EXT-2, ACC-10)."""

from __future__ import annotations

from scope_judge.account import NEVER
from scope_judge.findings import HOLDS, Answer, Broken
from scope_judge.occasions import Called, CodeExchanged, Reported, TokenTried
from scope_model.events import JWT_BEARER, OFFLINE_ACCESS

from .book import clause


@clause("GRANT-1", on=Reported)
def an_omitted_scope_grants_what_was_asked(reported: Reported) -> Answer:
    """Where the response says nothing, the grant is what this request asked for."""
    account = reported.account
    if reported.basis != "omitted" or account.grant_type == JWT_BEARER:
        return None
    earlier = account.earlier
    if not reported.is_right and reported.said is not None and earlier is not None and earlier.can_be(reported.said):
        because = f"the response omits the scope, and the client reports the earlier grant {reported.shown}"
        return Broken("earlier-grant", because)
    return reported.answer


@clause("GRANT-2", on=Reported)
def an_explicit_scope_is_the_grant(reported: Reported) -> Answer:
    """Where the response names a scope, that is the grant, or what the refreshed token carries."""
    delegated = reported.account.grant_type == JWT_BEARER
    return reported.answer if reported.basis == "explicit" and not delegated else None


@clause("EXT-2", on=Reported)
def the_last_leg_is_the_grant(reported: Reported) -> Answer:
    """Of the legs of an exchange the last one says what was granted."""
    delegated = reported.account.grant_type == JWT_BEARER
    return reported.answer if reported.basis in ("explicit", "omitted") and delegated else None


@clause("GRANT-4", on=Reported)
def nothing_asked_and_nothing_said_is_unknown(reported: Reported) -> Answer:
    """Where neither request nor response named a scope, a client does not say what was granted."""
    if reported.basis != "nobody":
        return None
    told = (reported.account.refreshed or None, reported.account.in_hand.exact)
    if reported.said is None or any(scopes is not None and reported.said == frozenset(scopes) for scopes in told):
        return HOLDS
    cause = "guessed" if reported.said else "empty"
    return Broken(cause, f"nobody said what was granted, and the client reports {reported.shown}")


@clause("ACC-10", on=Reported)
def a_refusal_costs_no_knowledge(reported: Reported) -> Answer:
    """What was reported rightly is not forgotten because an authorization failed."""
    return reported.answer if reported.basis == "refused since" else None


@clause("ACC-10", on=Called)
def a_refusal_costs_no_token(called: Called) -> Answer:
    """A token that was in use when an authorization failed goes on being used."""
    if not called.follows_a_refusal:
        return None
    if called.access_token is not None:
        return HOLDS
    if called.rests:
        return None  # it may have run out
    return Broken("token-dropped", "an authorization failed, and the token that was held before is no longer used")


@clause("GRANT-3", on=TokenTried)
def another_scope_is_a_success(tried: TokenTried) -> Answer:
    """A token whose scope is another than was asked for is used like any other."""
    token = tried.token
    if not token.differs:
        return None
    if token.used_at != NEVER or not (token.passed_over or token.suffices):
        return HOLDS
    return Broken("not-used", "a token was issued for another scope than was asked for, and is not used")


@clause("GRANT-6", on=CodeExchanged)
def a_code_is_exchanged_without_a_scope(exchanged: CodeExchanged) -> Answer:
    """The scope was settled by the authorization request, and the exchange names none."""
    if exchanged.request.scope is None:
        return HOLDS
    authorized = exchanged.authorized
    if authorized is not None and exchanged.request.wanted - authorized:
        return Broken("widened", "the exchange of the code names scopes beyond those that were authorized")
    offline = authorized is None or OFFLINE_ACCESS in authorized | exchanged.request.wanted
    return Broken("offline-access" if offline else "named", "the exchange of the code names scopes")

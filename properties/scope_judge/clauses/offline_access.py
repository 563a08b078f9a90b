"""Chapter 7, offline access: when the scope is added, and what it is not (OFFLINE)."""

from __future__ import annotations

from scope_judge.findings import HOLDS, Answer, Broken
from scope_judge.occasions import OFFLINE, Asked, Called, Registered
from scope_model.events import AUTHORIZATION_CODE, OFFLINE_ACCESS, REFRESH_TOKEN, AuthorizationRequest

from .book import clause


@clause("OFFLINE-1", on=Asked)
def offline_access_is_added_only_if_wanted_and_listed(asked: Asked) -> Answer:
    """Where nothing names offline_access, it is added for a refresh token that the server offers."""
    listed = asked.server_listed is not None and OFFLINE_ACCESS in asked.server_listed
    wanted = OFFLINE_ACCESS in asked.wanted
    if not (wanted or listed) or asked.offline_is_named:
        return None
    if not wanted:
        return HOLDS
    if not listed:
        return Broken("unlisted", "offline_access is requested, which the authorization server does not list")
    if asked.header.wants_refresh_token is False:
        cause = "unwanted" if asked.joins(OFFLINE) else "unwanted-with-the-list"
        return Broken(cause, "offline_access is requested by a client that wants no refresh token")
    return HOLDS


@clause("OFFLINE-2", on=Asked)
def no_refresh_token_is_expected(asked: Asked) -> Answer:
    """A token without a refresh token is a success, and no reason to authorize again."""
    if not asked.follows_a_token_without_refresh:
        return None
    return Broken("authorized-again", "a token came without a refresh token, and authorization is asked for again")


@clause("OFFLINE-2", on=Called)
def a_token_without_a_refresh_token_is_used(called: Called) -> Answer:
    """A client that could have had a refresh token goes on without one."""
    account = called.account
    if account is None or account.token is None or account.token.state != "new" or account.refresh_token is not None:
        return None
    return HOLDS if account.grant_type == AUTHORIZATION_CODE else None


@clause("OFFLINE-4", on=Registered)
def who_wants_refresh_tokens_registers_for_them(registered: Registered) -> Answer:
    """A client that wants a refresh token registers the grant type."""
    if not registered.header.wants_refresh_token or AUTHORIZATION_CODE not in registered.grant_types:
        return None
    if REFRESH_TOKEN in registered.grant_types:
        return HOLDS
    return Broken("grant-type-missing", "a client that wants a refresh token does not register for it")


@clause("OFFLINE-5", on=Asked)
def offline_access_comes_with_consent(asked: Asked) -> Answer:
    """A request for offline_access prompts for consent, which an OpenID provider needs to see."""
    if not isinstance(asked.event, AuthorizationRequest) or OFFLINE_ACCESS not in asked.wanted:
        return None
    if "consent" in (asked.event.prompt or "").split(" "):
        return HOLDS
    because = "offline_access is requested without prompt=consent, which an OpenID provider may ignore"
    return Broken("no-prompt", because)


@clause("OFFLINE-6", on=Asked)
def offline_access_is_no_progress(asked: Asked) -> Answer:
    """A step-up is not tried again for the sake of offline_access, unless that is what is challenged."""
    if not asked.is_covered or asked.challenged is None:
        return None
    new = asked.wanted - asked.asked_last
    if len(new) == 0 or not new <= OFFLINE or OFFLINE_ACCESS in asked.challenged:
        return HOLDS
    return Broken("progress", "nothing is new in the request but offline_access, which is no progress")

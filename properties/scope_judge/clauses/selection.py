"""Chapter 3, selection: what a request for scopes contains (SEL, META, CHAL-1, REG-1, EXT-1, GRANT-7)."""

from __future__ import annotations

from scope_judge.account import NEVER
from scope_judge.findings import HOLDS, Answer, Broken
from scope_judge.occasions import OFFLINE, Asked, AssertionPresented, listing
from scope_model.events import CLIENT_CREDENTIALS, OFFLINE_ACCESS, TOKEN_EXCHANGE

from .book import clause
from .losses import lost


@clause("CHAL-1", on=Asked)
def what_is_challenged_is_asked_for(asked: Asked) -> Answer:
    """Every scope that a challenge names is in the request that answers it, whatever the grant type."""
    challenge, challenged, configured = asked.challenge, asked.challenged, asked.configured
    if challenge is None or challenged is None:
        return None
    if not asked.lost_challenged or asked.was_asked_in_vain:
        return HOLDS
    because = f"the challenge asks for {listing(asked.lost_challenged)}, which the request leaves out"
    if challenge.several:
        return Broken("several-bearer-challenges", because)
    if asked.is_left_to_policy:
        return Broken("left-to-policy", f"{because}, as it names no scope at all")
    if asked.mode == "ceiling" and configured is not None and not challenged <= configured:
        return Broken("ceiling", f"{because}: the caller does not support it, so that no request can help")
    if asked.is_excused:
        return Broken("override", f"{because} in favour of what the caller configured")
    return Broken("left-out" if challenge.plain else "oddly-spelled", because)


@clause("CHAL-1", on=AssertionPresented)
def what_is_challenged_is_asked_for_to_the_last(presented: AssertionPresented) -> Answer:
    """The last leg of an exchange asks for what was challenged too, where it names scopes."""
    if not presented.lost:
        return HOLDS
    because = f"the challenge asks for {listing(presented.lost)}, which the last leg of the exchange leaves out"
    return Broken("left-out", because)


@clause("SEL-1", on=Asked)
def at_first_the_challenge_alone_decides(asked: Asked) -> Answer:
    """The first request asks for what the challenge names, and for nothing beside it."""
    if not asked.first or asked.challenged is None:
        return None
    if listed := asked.surplus.get("listed"):
        because = f"the challenge names its scopes, and the request adds {listing(listed)} from the resource metadata"
        return Broken("metadata-joined" if asked.joins(listed) else "metadata-instead", because)
    return _configured_joined(asked)


@clause("SEL-2", on=Asked)
def without_a_challenge_the_metadata_decides(asked: Asked) -> Answer:
    """A first request that answers no scopes asks for all that the resource metadata lists."""
    if not asked.first or asked.challenged is not None or asked.unclear or asked.listed is None:
        return None
    lost = [] if asked.was_asked_in_vain else asked.lost_listed
    if asked.configured is not None and asked.mode == "ceiling":
        lost = [scope for scope in lost if scope in asked.configured]
    if not lost or (asked.configured is not None and asked.mode == "override"):
        return _configured_joined(asked)
    because = f"the resource metadata lists {listing(lost)}, which the request leaves out"
    if asked.challenge is not None and asked.challenge.empty:
        return Broken("empty-challenge", because)
    if asked.mode != "ceiling" and asked.is_configured and asked.request.scope is not None:
        return Broken("configured", f"{because} in favour of what the caller configured")
    return Broken("offline-access" if lost == [OFFLINE_ACCESS] else "subset", because)


def _configured_joined(asked: Asked) -> Answer:
    joined = asked.surplus.get("configured")
    if not joined or asked.mode in ("override", "ceiling"):
        return HOLDS
    return Broken("configured-joined", f"the request adds {listing(joined)}, which the caller configured")


@clause("SEL-3", "SEL-6", on=Asked)
def with_nothing_to_go_by_the_parameter_is_left_out(asked: Asked) -> Answer:
    """Without a challenge, a list or a configuration a first request sends no scope."""
    if not asked.has_no_source or asked.configured is not None or asked.resource.publishes_empty:
        return None
    if asked.grant_type == TOKEN_EXCHANGE:
        return None
    return _invented(asked)


@clause("META-1", "SEL-6", on=Asked)
def an_empty_list_is_no_list(asked: Asked) -> Answer:
    """Where the metadata lists nothing, the request is the same as where it has no list."""
    if not asked.resource.publishes_empty or asked.challenged is not None or asked.unclear:
        return None
    return None if asked.grant_type == TOKEN_EXCHANGE else _invented(asked)


@clause("EXT-1", "SEL-6", on=Asked)
def a_token_exchange_asks_for_scopes_of_its_target(asked: Asked) -> Answer:
    """A token exchange names no scope that nothing at its target names."""
    return _invented(asked) if asked.grant_type == TOKEN_EXCHANGE else None


@clause("SEL-6", on=Asked)
def nothing_is_asked_for_without_a_source(asked: Asked) -> Answer:
    """Every scope was requested, granted, challenged, listed by the resource, or configured."""
    silent = asked.has_no_source and asked.configured is None
    empty = asked.resource.publishes_empty and asked.challenged is None and not asked.unclear
    return None if asked.grant_type == TOKEN_EXCHANGE or silent or empty else _invented(asked)


def _invented(asked: Asked) -> Answer:
    names = asked.surplus.get("nowhere")
    return Broken("no-source", f"no source names {listing(names)}") if names else HOLDS


@clause("SEL-3", on=Asked)
def offline_access_does_not_stand_alone(asked: Asked) -> Answer:
    """Where the parameter would be left out, offline_access does not take the place of the server's default."""
    if not asked.has_no_source or asked.configured is not None or asked.offline_is_named:
        return None
    if asked.wanted != OFFLINE:
        return None
    return Broken("offline-access", "offline_access alone takes the place of the authorization server's default")


@clause("SEL-3", on=Asked)
def what_the_caller_configured_is_used(asked: Asked) -> Answer:
    """Scopes that the caller configured are sent where nothing else speaks, by a client that says so (A11)."""
    declared = asked.header.configured_mode
    if asked.configured is None or declared not in ("override", "fallback"):
        return None
    if not asked.first or (declared == "fallback" and not asked.has_no_source) or asked.unclear:
        return None
    ignored = asked.configured - asked.wanted - OFFLINE
    if not ignored or asked.wanted - asked.configured - OFFLINE:
        return HOLDS  # what is asked for in its place, another clause says
    because = f"the caller configured {listing(ignored)}, which the request leaves out"
    return Broken("configured-ignored", because)


@clause("SEL-6", on=Asked)
def what_the_caller_configured_is_not_exceeded(asked: Asked) -> Answer:
    """A client that declares an override or a ceiling asks at first for nothing beyond it (A11)."""
    declared = asked.header.configured_mode
    if asked.configured is None or declared not in ("override", "ceiling") or not asked.history_known:
        return None
    if declared == "override" and not asked.first:
        return None
    beyond = asked.wanted - OFFLINE - asked.configured
    if not beyond:
        return HOLDS
    if declared == "ceiling":
        return Broken("beyond-a-ceiling", f"the caller supports less, and {listing(beyond)} is asked for")
    if asked.configured <= asked.wanted:
        return HOLDS
    because = f"the caller's scopes override all others, and {listing(beyond)} is asked for in their place"
    return Broken("override-overruled", because)


@clause("SEL-7", on=Asked)
def the_servers_own_list_is_no_source(asked: Asked) -> Answer:
    """The scopes_supported of the authorization server decides on offline_access alone."""
    if asked.server_listed is None:
        return None
    names = asked.surplus.get("server")
    if not names:
        return HOLDS
    cause = "server-list-joined" if asked.joins(names) else "server-list"
    return Broken(cause, f"only the authorization server's list names {listing(names)}")


@clause("META-3", on=Asked)
def metadata_of_another_is_not_used(asked: Asked) -> Answer:
    """No scope comes from a document that speaks of another resource or issuer."""
    if not asked.any_foreign:
        return None
    names = asked.surplus.get("foreign")
    if not names:
        return HOLDS
    return Broken("foreign", f"{listing(names)} comes from metadata that speaks of another resource or issuer")


@clause("META-3", on=Asked)
def metadata_of_a_parent_is_not_used(asked: Asked) -> Answer:
    """A document that names a parent of the resource speaks of it, or not, by where it was found (A28)."""
    if asked.resource.parent_listed is None:
        return None
    names = asked.surplus.get("parent")
    return HOLDS if not names else Broken("parent", f"{listing(names)} comes from the metadata of a parent resource")


@clause("META-4", on=Asked)
def metadata_that_is_pointed_to_is_fetched_again(asked: Asked) -> Answer:
    """A challenge that points to the resource metadata has it fetched before scopes are chosen."""
    answers, fetched_at = asked.answers, asked.resource.document_at
    if answers is None or not answers.challenge.names_metadata or fetched_at == NEVER:
        return None
    if fetched_at > answers.at:
        return HOLDS
    cause = "not-fetched" if answers.challenge.status == 403 else "not-fetched-after-a-401"
    return Broken(cause, "the challenge points to the resource metadata, which was not fetched again")


@clause("REG-1", on=Asked)
def the_registration_covers_the_first_request(asked: Asked) -> Answer:
    """A registered scope is absent, or includes what the first request asks for."""
    if not asked.first:
        return None
    registered = asked.registered
    if registered is None or asked.wanted <= registered:
        return HOLDS
    cause = "narrower" if asked.just_registered else "outgrown"
    return Broken(cause, f"the client registered without {listing(asked.wanted - registered)}")


@clause("GRANT-7", on=Asked)
def client_credentials_carry_what_was_selected(asked: Asked) -> Answer:
    """A request of client credentials does not leave out the parameter where scopes were accumulated."""
    return lost(asked, "GRANT-7") if asked.accumulates and asked.grant_type == CLIENT_CREDENTIALS else None

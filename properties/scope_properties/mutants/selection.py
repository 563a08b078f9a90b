"""Wrong about which scopes to ask for."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from scope_model.client import (
    Action,
    Call,
    Challenged,
    Client,
    Heard,
    Idle,
    LearningResource,
    LearningServer,
    Registering,
    Step,
    select,
    step,
)
from scope_model.events import (
    CLIENT_CREDENTIALS,
    JWT_BEARER,
    OFFLINE,
    OFFLINE_ACCESS,
    REFRESH_TOKEN,
    TOKEN_EXCHANGE,
    AuthorizationServerMetadata,
    ClientRegistration,
    FetchResourceMetadata,
    ProtectedResourceMetadata,
    RegistrationResponse,
    ResourceResponse,
    TokenRequest,
    Unavailable,
)
from scope_model.scopes import NO_SCOPES, ScopeSet, scopes
from scope_model.selections import (
    Sources,
    accumulate,
    challenge,
    chosen_by,
    configured,
    first_of,
    resource_metadata,
    server_metadata,
    with_offline_access,
)
from scope_model.spellings import SPELLINGS
from scope_properties.tables import LONG_SCOPES, ODD_SCOPES, PLAIN_SCOPES, THIRTY, WITHOUT_A_USER

from .alterations import (
    FIRST,
    REFERENCE,
    always_choosing,
    bearers_of,
    choosing,
    reading_challenges,
    registering_narrowly,
    sending,
)
from .mutant import Mutant


def _first_listed(sources: Sources) -> ScopeSet | None:
    listed = sources.resource_metadata
    return sources.challenge or (None if listed is None else ScopeSet(list(listed)[:1])) or sources.configured


def _configured_with_the_challenge(sources: Sources) -> ScopeSet | None:
    named, extra = sources.challenge, sources.configured or NO_SCOPES
    return FIRST(sources) if named is None else named | extra


def _cut_to_the_metadata(chosen: ScopeSet, sources: Sources) -> ScopeSet | None:
    named, listed = sources.challenge or NO_SCOPES, sources.resource_metadata or NO_SCOPES
    before = (sources.requested or NO_SCOPES) | (sources.granted or NO_SCOPES)
    return chosen - (named - listed - before) if named & listed else chosen


def _a_default(sources: Sources) -> ScopeSet | None:
    return REFERENCE.select(sources) or scopes("openid")


def _offline_access_alone(sources: Sources) -> ScopeSet | None:
    listed = sources.wants_refresh_token and OFFLINE_ACCESS in (sources.server_metadata or NO_SCOPES)
    return REFERENCE.select(sources) or (OFFLINE if listed else None)


def _server_list_at_step_up(sources: Sources) -> ScopeSet | None:
    listed = (sources.server_metadata or NO_SCOPES) - OFFLINE
    new = sources.challenge or sources.resource_metadata or listed
    return (sources.requested or NO_SCOPES) | (sources.granted or NO_SCOPES) | new


def _fills_empty_lists(_: Client, event: Heard) -> Heard:
    if isinstance(event, ProtectedResourceMetadata) and event.scopes_supported == ():
        return replace(event, scopes_supported=("default",))
    return event


def _trusts_any_metadata(client: Client, event: Heard) -> Heard:
    if isinstance(event, ProtectedResourceMetadata) and isinstance(client.phase, LearningResource):
        return replace(event, resource=None)
    return event


def _ignores_metadata_pointer(_: Client, event: Heard) -> Heard:
    if not isinstance(event, ResourceResponse):
        return event
    bearers = bearers_of(event)
    if len(bearers) != 1:
        return event
    kept = [(name, value) for name, value in bearers[0].parameters if name != "resource_metadata"]
    return replace(event, www_authenticate=SPELLINGS["plain"](kept))


def _leaves_scope_to_policy(_: Client, __: Client, action: Action) -> Action:
    legs = (TOKEN_EXCHANGE, JWT_BEARER)
    return replace(action, scope=None) if isinstance(action, TokenRequest) and action.grant_type in legs else action


def _stays_at_the_resource(event: ResourceResponse, read: dict[str, str]) -> None:
    if not read.get("resource_metadata", "").startswith(event.resource or ""):
        read.pop("resource_metadata", None)


def _presumes_no_scopes(client: Client, event: Heard) -> Heard:
    """Take a token that is invalid for one that was valid, and has the scopes that it takes, though it has none."""
    if not isinstance(event, ResourceResponse) or event.status != 401 or client.grant(event.resource or "") is not None:
        return event
    return reading_challenges(_overlooks_the_scopes_of_an_error)(client, event)


def _overlooks_the_scopes_of_an_error(_: ResourceResponse, read: dict[str, str]) -> None:
    if "error" in read:
        read.pop("scope", None)


def _names_nothing_again(_: Client, after: Client, action: Action) -> Action:
    if not isinstance(action, TokenRequest) or action.grant_type != CLIENT_CREDENTIALS or action.resource is None:
        return action
    return action if after.grant(action.resource) is None else replace(action, scope=None)


def _a_default_for_a_bare_401(response: ResourceResponse, read: dict[str, str]) -> None:
    if response.status == 401 and not response.www_authenticate:
        read["scope"] = "openid"


def _trusts_parents(client: Client, event: Heard) -> Heard:
    phase = client.phase
    if not isinstance(event, ProtectedResourceMetadata) or not isinstance(phase, LearningResource):
        return event
    return replace(event, resource=None) if phase.call.resource.startswith(f"{event.resource}/") else event


def _trusts_any_issuer(before: Client, event: Heard, after: Client, action: Action) -> Step:
    phase = before.phase
    if not isinstance(phase, LearningServer) or not isinstance(event, AuthorizationServerMetadata):
        return after, action
    if event.issuer in (None, phase.issuer):
        return after, action
    known = {**before.memory.resource_metadata, phase.call.resource: scopes(" ".join(event.scopes_supported or ()))}
    trusting = replace(before, memory=replace(before.memory, resource_metadata=known))
    return step(trusting, replace(event, issuer=None))


_EARLY: Final = Challenged(401, None, names_metadata=False, insufficient_scope=False)


def _looks_early(before: Client, event: Heard, after: Client, action: Action) -> Step:
    """Fetch the metadata before the first call, and remember it where there is none."""
    if isinstance(event, Call) and isinstance(before.phase, Idle):
        if event.resource not in before.memory.resource_metadata and before.grant(event.resource) is None:
            return replace(before, phase=LearningResource(event, _EARLY)), FetchResourceMetadata(event.resource)
        return after, action
    phase = before.phase
    if not isinstance(phase, LearningResource) or phase.challenged is not _EARLY:
        return after, action
    if isinstance(event, Unavailable):
        return step(replace(_remembering_nothing(before, phase.call.resource), phase=Idle()), phase.call)
    if isinstance(event, ProtectedResourceMetadata):
        return step(replace(before, phase=Idle()), phase.call)
    return after, action


def _remembering_nothing(client: Client, resource: str) -> Client:
    memory, storage = client.memory, client.storage
    known = {**memory.resource_metadata, resource: NO_SCOPES}
    issuers = {resource: resource.removesuffix("/mcp"), **storage.issuers}
    return replace(client, memory=replace(memory, resource_metadata=known), storage=replace(storage, issuers=issuers))


def _sees_no_later_list(client: Client, event: Heard) -> Heard:
    phase = client.phase
    if not isinstance(event, ProtectedResourceMetadata) or not isinstance(phase, LearningResource):
        return event
    was_missing = client.memory.resource_metadata.get(phase.call.resource) == NO_SCOPES
    return replace(event, scopes_supported=()) if was_missing else event


def _clipped(chosen: ScopeSet, _: Sources) -> ScopeSet | None:
    return chosen & scopes("registered")


def _cut_to_the_registered(before: Client, event: Heard, after: Client, action: Action) -> Step:
    if not isinstance(event, RegistrationResponse) or event.scope is None:
        return after, action
    return step(replace(before, setup=replace(before.setup, policy=always_choosing(_clipped))), event)


_ALL: Final = ScopeSet((*PLAIN_SCOPES, *ODD_SCOPES, *LONG_SCOPES, *THIRTY, "k", "p", "q", "r", "s"))


def _registers_for_all(before: Client, event: Heard, after: Client, action: Action) -> Step:
    """Register for all that it may ever select, and select nothing where the answer names nothing."""
    phase = after.phase
    if isinstance(action, ClientRegistration) and isinstance(phase, Registering):
        chosen = select(after, phase.call, phase.challenged, phase.issuer)
        return after, replace(action, scope=None if chosen is None else str(chosen | _ALL))
    was = before.phase
    if not isinstance(event, RegistrationResponse) or event.scope is not None or not isinstance(was, Registering):
        return after, action
    if select(before, was.call, was.challenged, was.issuer) is None:
        return after, action
    return step(replace(before, setup=replace(before.setup, policy=always_choosing(lambda _, __: None))), event)


def _gives_up_scopes(before: Client, event: Heard, after: Client, action: Action) -> Step:
    """Register for all that it may ever select, then anew for nothing, and select nothing, where that is refused."""
    if isinstance(action, ClientRegistration) and isinstance(after.phase, Registering):
        return after, replace(action, scope=str(_ALL))
    refused = isinstance(event, RegistrationResponse) and event.error is not None
    if not refused or not isinstance(before.phase, Registering):
        return after, action
    asks_nothing = replace(before.setup, policy=always_choosing(lambda _, __: None))
    refreshes = before.setup.wants_refresh_token
    grant_types = (before.setup.grant_type, *((REFRESH_TOKEN,) if refreshes else ()))
    return replace(before, setup=asks_nothing), ClientRegistration(None, grant_types, before.phase.issuer)


MUTANTS: Final = (
    Mutant(
        "metadata-before-challenge",
        "CHAL-1",
        "prefers the resource metadata to the challenge",
        choosing(with_offline_access(first_of(resource_metadata, challenge, configured))),
        also={"SEL-1", "SEL-5"},
    ),
    Mutant(
        "configured-before-challenge",
        "CHAL-1",
        "prefers what the caller configured, though only as a fallback",
        choosing(first_of(configured, challenge, resource_metadata)),
        also={"SEL-1", "SEL-2"},
    ),
    Mutant(
        "first-challenged-scope-only",
        "CHAL-1",
        "asks for the first challenged scope alone",
        choosing(chosen_by(lambda s: ScopeSet(list(REFERENCE.select(s) or ())[:1]))),
        also={"PARSE-7", "SEL-2", "SEL-3", "SEL-5"},
    ),
    Mutant(
        "metadata-joined-at-first",
        "SEL-1",
        "joins the resource metadata to the first challenge",
        choosing(accumulate(challenge, resource_metadata).or_else(configured)),
        also={"ACC-7"},
    ),
    Mutant(
        "configured-joined-at-first",
        "SEL-1",
        "joins what the caller configured to the first challenge",
        choosing(chosen_by(_configured_with_the_challenge)),
    ),
    Mutant(
        "first-listed-scope-only", "SEL-2", "asks for the first listed scope alone", choosing(chosen_by(_first_listed))
    ),
    Mutant(
        "default-scope",
        "SEL-3",
        "asks for a scope of its own where nothing is known",
        choosing(chosen_by(_a_default)),
        also={"META-1", "SEL-6"},
    ),
    Mutant(
        "challenge-cut-to-metadata",
        "SEL-5",
        "drops challenged scopes that the metadata does not list",
        always_choosing(_cut_to_the_metadata),
        also={"ACC-6", "CHAL-1", "PARSE-3"},
    ),
    Mutant(
        "openid-always",
        "SEL-6",
        "adds a scope of its own",
        always_choosing(lambda chosen, _: chosen | scopes("openid")),
        also={"ACC-7", "META-1", "SEL-3"},
    ),
    Mutant(
        "default-for-a-bare-401",
        "SEL-6",
        "asks for a scope of its own where a 401 has no challenge",
        alter_event=reading_challenges(_a_default_for_a_bare_401),
        only_by={"rejects=bare_unauthorized"},
        also={"META-1", "SEL-2", "SEL-3"},
    ),
    Mutant(
        "server-list-as-a-source",
        "SEL-7",
        "falls back to the authorization server's list",
        choosing(first_of(challenge, resource_metadata, server_metadata, configured)),
        also={"OFFLINE-1", "SEL-3"},
    ),
    Mutant(
        "server-list-at-step-up",
        "SEL-7",
        "steps up for the authorization server's list where nothing else says what is needed",
        choosing(step_up=with_offline_access(chosen_by(_server_list_at_step_up))),
    ),
    Mutant(
        "empty-list-means-a-default",
        "META-1",
        "reads an empty metadata list as its own default",
        alter_event=_fills_empty_lists,
    ),
    Mutant(
        "any-metadata",
        "META-3",
        "uses metadata that names another resource",
        alter_event=_trusts_any_metadata,
        also={"ACC-7", "OFFLINE-1", "SEL-3", "SEL-7"},
    ),
    Mutant(
        "parents-metadata",
        "META-3",
        "uses metadata that names a parent of the resource",
        alter_event=_trusts_parents,
        only_by={"metadata of a parent"},
    ),
    Mutant(
        "any-issuers-metadata",
        "META-3",
        "uses the list of server metadata that names another issuer",
        alter_step=_trusts_any_issuer,
        only_by={"metadata of another issuer"},
        also={"OFFLINE-1", "SEL-2"},
    ),
    Mutant(
        "looks-early",
        "SEL-2",
        "looks for the metadata before it is challenged, and never sees the list that was not there",
        alter_event=_sees_no_later_list,
        alter_step=_looks_early,
        only_by={"metadata that appears with the first 401"},
    ),
    Mutant(
        "cut-to-the-registered",
        "CHAL-1",
        "drops what the registration response does not name",
        alter_step=_cut_to_the_registered,
        only_by={"registers another scope"},
        also={"ACC-2", "ACC-8", "OFFLINE-3", "PARSE-7", "SEL-2", "SEL-3", "STEP-2"},
    ),
    Mutant(
        "nothing-registered",
        "CHAL-1",
        "asks for nothing where the registration response names no scope",
        alter_step=_registers_for_all,
        only_by={"registers no scope", "registers nothing with a scope"},
        also={"ACC-2", "ACC-7", "ACC-8", "OFFLINE-3", "PARSE-3", "PARSE-5", "PARSE-7", "SEL-2", "SEL-3", "STEP-2"},
    ),
    Mutant(
        "nothing-where-refused",
        "CHAL-1",
        "asks for nothing where its registration was refused for its scopes",
        alter_step=_gives_up_scopes,
        only_by={"registers nothing with a scope"},
        also={"ACC-2", "ACC-7", "ACC-8", "REG-1", "SEL-2"},
    ),
    Mutant(
        "presumes-no-scopes",
        "SEL-1",
        "reads no scopes where a 401 says that a token is invalid, though it sent none",
        alter_event=_presumes_no_scopes,
        only_by={"a token presumed"},
        also={"CHAL-1", "OFFLINE-3", "ORDER-2", "PARSE-3", "PARSE-6", "PARSE-7", "SEL-5"},
    ),
    Mutant(
        "stays-at-the-resource",
        "META-4",
        "follows no pointer to metadata whose place does not begin with the resource",
        alter_event=reading_challenges(_stays_at_the_resource),
        only_by={"well-known name before the path"},
    ),
    Mutant("stale-metadata", "META-4", "never fetches metadata again", alter_event=_ignores_metadata_pointer),
    Mutant(
        "offline-access-alone",
        "SEL-3",
        "asks for offline_access where nothing else is known",
        choosing(chosen_by(_offline_access_alone)),
    ),
    Mutant(
        "registers-narrowly", "REG-1", "registers for less than it asks for", alter_step=sending(registering_narrowly)
    ),
    Mutant(
        "exchanges-for-anything",
        "EXT-1",
        "names an unrelated scope in a token exchange",
        always_choosing(lambda chosen, _: chosen | scopes("openid")),
        grant_types=WITHOUT_A_USER,
        also={"ACC-7", "META-1", "SEL-3", "SEL-6"},
    ),
    Mutant(
        "leaves-scope-to-policy",
        "CHAL-1",
        "names no scope in either leg of a token exchange",
        alter_step=sending(_leaves_scope_to_policy),
        grant_types=WITHOUT_A_USER,
        also={"ACC-2", "ACC-8", "RETRY-3", "SEL-2", "SEL-3", "STEP-2"},
    ),
    Mutant(
        "client-credentials-renew-without-scope",
        "GRANT-7",
        "leaves the parameter out once it holds a grant",
        alter_step=sending(_names_nothing_again),
        grant_types=WITHOUT_A_USER,
        also={"ACC-1", "ACC-2", "ACC-8", "CHAL-1", "GRANT-4", "RETRY-3"},
    ),
)

"""Laws of chapter 3: which scopes are asked for."""

from __future__ import annotations

from scope_model.challenges import bearer_challenge
from scope_model.client import Failed, LearningResource, Memory
from scope_model.events import OFFLINE, REFRESH_TOKEN, FetchResourceMetadata, ProtectedResourceMetadata, TokenRequest
from scope_model.scopes import NO_SCOPES, read_scope, same_scopes, scopes
from scope_properties.model_subject import Transition

from .book import law
from .topics import HeardChallenge, ScopeRequest, any_transition, asks, challenge_heard, scope_request


@law("CHAL-1", "GRANT-7", "STEP-3", "REG-2", "ACC-6", "OFFLINE-3", about=scope_request)
def what_is_challenged_is_asked_for(request: ScopeRequest) -> bool | None:
    """Every scope that a challenge names is in the request that answers it."""
    if request.challenged.scope is None:
        return None
    return request.challenged.scope <= request.asked


@law("SEL-1", about=scope_request)
def at_first_the_challenge_alone_decides(request: ScopeRequest) -> bool | None:
    """The first request asks for what the challenge names, and for nothing beside it."""
    if request.grant is not None or request.challenged.scope is None:
        return None
    return request.asked - OFFLINE <= request.challenged.scope


@law("SEL-2", about=scope_request)
def without_a_challenge_the_metadata_decides(request: ScopeRequest) -> bool | None:
    """A first request that answers no scopes asks for all that the resource metadata lists."""
    if request.grant is not None or request.challenged.scope is not None:
        return None
    return None if request.listed is None else same_scopes(request.asked - OFFLINE, request.listed - OFFLINE)


@law("SEL-3", "META-1", about=scope_request)
def with_nothing_to_go_by_the_parameter_is_left_out(request: ScopeRequest) -> bool | None:
    """Without a challenge, a list or a configuration a first request sends no scope."""
    if request.grant is not None or request.challenged.scope is not None:
        return None
    if request.listed is not None or request.client.setup.configured is not None:
        return None
    return request.text is None


@law("SEL-5", about=scope_request)
def the_metadata_says_nothing_about_the_challenge(request: ScopeRequest) -> bool | None:
    """Had the resource metadata listed other scopes, a challenge would be answered alike."""
    if request.challenged.scope is None:
        return None
    known, resource = request.client.memory, request.call.resource
    return all(
        same_scopes(request.chosen, request.choosing(Memory({resource: listed}, known.server_metadata, known.attempts)))
        for listed in (scopes("x"), request.challenged.scope)
    )


@law("SEL-6", "ACC-3", "EXT-1", about=scope_request)
def nothing_is_asked_for_without_a_source(request: ScopeRequest) -> bool | None:
    """Every scope in a request was requested, granted, challenged, listed by the resource, or configured."""
    grant, challenged = request.grant, request.challenged.scope
    known = challenged if challenged is not None else request.listed or NO_SCOPES
    if grant is not None:
        known = known | grant.requested | (grant.granted or NO_SCOPES)
    return request.asked <= known | (request.client.setup.configured or NO_SCOPES) | OFFLINE | (
        request.server_listed or NO_SCOPES
    )


@law("SEL-7", about=scope_request)
def the_servers_own_list_is_no_source(request: ScopeRequest) -> bool | None:
    """Had the authorization server listed other scopes, the request would be the same, offline_access apart."""
    known = request.client.memory
    other = Memory(known.resource_metadata, {request.key.issuer: scopes("x y")}, known.attempts)
    return same_scopes(request.choosing(other) - OFFLINE, request.chosen - OFFLINE)


@law("META-3", about=any_transition)
def foreign_metadata_is_not_used(transition: Transition) -> bool | None:
    """Metadata that names another resource is a failure, and is not remembered."""
    phase, event = transition.before.phase, transition.event
    if not isinstance(phase, LearningResource) or not isinstance(event, ProtectedResourceMetadata):
        return None
    if event.resource is None or event.resource == phase.call.resource:
        return None
    return isinstance(transition.action, Failed) and transition.after.memory == transition.before.memory


@law("META-1", about=any_transition)
def metadata_is_remembered_as_it_lists(transition: Transition) -> bool | None:
    """What a client knows of a resource is what its metadata lists, and of an empty list it knows nothing."""
    phase, event = transition.before.phase, transition.event
    if not isinstance(phase, LearningResource) or not isinstance(event, ProtectedResourceMetadata):
        return None
    resource = phase.call.resource
    if event.resource not in (None, resource):
        return None
    listed = read_scope(" ".join(event.scopes_supported or ())) or None
    known = transition.after.memory.resource_metadata
    return resource in known and known[resource] == listed


@law("META-4", about=challenge_heard)
def metadata_that_is_pointed_to_is_fetched(heard: HeardChallenge) -> bool | None:
    """A challenge that names the resource metadata is followed by fetching it, where it leads to a request."""
    action = heard.transition.action
    if not asks(action) or (isinstance(action, TokenRequest) and action.grant_type == REFRESH_TOKEN):
        return None
    answered = bearer_challenge(heard.bearers)
    named = answered is not None and answered.get("resource_metadata") is not None
    return isinstance(action, FetchResourceMetadata) if named else None

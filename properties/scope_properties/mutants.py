"""Mutants: clients that are wrong on purpose, each naming the clause that must catch it.

A mutant is the reference client with another policy, or one that mishears (`hears` changes what it is told),
misremembers (`keeps` changes what it becomes) or misspeaks (`says` changes what it sends). The reference itself
has no switch for any of it. A mutant that survives, or that is caught by a clause it does not name, fails the tests.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from scope_model.challenges import Challenge, parse_challenges
from scope_model.client import (
    Action,
    Asserting,
    Authorizing,
    Call,
    Calling,
    Client,
    Exchanging,
    Failed,
    Grant,
    Heard,
    Illegal,
    LearningResource,
    Memory,
    Noted,
    Refreshing,
    Step,
    challenged,
    step,
)
from scope_model.events import (
    AUTHORIZATION_CODE,
    OFFLINE_ACCESS,
    REFRESH_TOKEN,
    TOKEN_EXCHANGE,
    AuthorizationRequest,
    AuthorizationResponse,
    ClientRegistration,
    ClientRestarted,
    Key,
    ProtectedResourceMetadata,
    ResourceRequest,
    ResourceResponse,
    TokenRequest,
    TokenResponse,
)
from scope_model.misreadings import MISREADINGS, Misreading
from scope_model.policies import Policy, mcp_2026_07_28
from scope_model.scopes import NO_SCOPES, ScopeSet, scopes
from scope_model.selections import (
    Selection,
    Sources,
    accumulate,
    challenge,
    chosen_by,
    configured,
    first_of,
    granted,
    requested,
    resource_metadata,
    server_metadata,
    with_offline_access,
)
from scope_model.spellings import SPELLINGS
from scope_spec import Revision

from .model_subject import ModelSubject
from .strategies import OPERATIONS, RESOURCES, USER_DELEGATED, WITHOUT_A_USER

Hearing = Callable[[Client, Heard], Heard]
Acting = Callable[[Client, Heard, Client, Action], Step]


@dataclass(frozen=True, slots=True)
class Mutant:
    """A wrong client: the clause that must catch it, and the others that may, in passing (`also`).

    `hears` changes what the reference is told, `acts` what it becomes and does. `law_only` says why no transcript
    can show what is wrong, where only a law of the model can.
    """

    name: str
    clause: str
    says: str
    policy: Policy = mcp_2026_07_28
    hears: Hearing | None = None
    acts: Acting | None = None
    law_only: str | None = None
    grant_types: tuple[str, ...] = USER_DELEGATED

    def step(self, client: Client, event: Heard) -> Step:
        """The reference's step, misheard, misremembered or misspoken."""
        heard = event if self.hears is None else self.hears(client, event)
        after, action = step(client, heard)
        return (after, action) if self.acts is None else self.acts(client, heard, after, action)

    @property
    def also(self) -> frozenset[str]:
        """The clauses that it breaks in consequence of the one that it names."""
        return frozenset(_IN_CONSEQUENCE.get(self.name, "").split())

    @property
    def subject(self) -> ModelSubject:
        """The mutant, ready to be put under test."""
        return ModelSubject(self.policy, self.step, self.name)


_BASE: Final = mcp_2026_07_28
_OFFLINE: Final = scopes(OFFLINE_ACCESS)
_FIRST: Final = first_of(challenge, resource_metadata, configured)


# --- other choices --------------------------------------------------------------------------------


def _chooses(
    select: Selection = _BASE.select, step_up: Selection | None = None, reauthorize: Selection | None = None
) -> Policy:
    """The reference's policy with some of its selections exchanged."""
    return replace(_BASE, select=select, step_up=step_up or _BASE.step_up, reauthorize=reauthorize or _BASE.reauthorize)


def _always(transform: Callable[[ScopeSet, Sources], ScopeSet | None]) -> Policy:
    """The reference's policy with every choice of its own transformed."""

    def transformed(selection: Selection) -> Selection:
        def choose(sources: Sources) -> ScopeSet | None:
            return transform(selection(sources) or NO_SCOPES, sources)

        return chosen_by(choose)

    return _chooses(
        transformed(_BASE.select),
        transformed(_BASE.step_up or _BASE.select),
        transformed(_BASE.reauthorize or _BASE.select),
    )


def _first_listed(sources: Sources) -> ScopeSet | None:
    listed = sources.resource_metadata
    return sources.challenge or (None if listed is None else ScopeSet(list(listed)[:1])) or sources.configured


def _meeting_the_metadata(sources: Sources) -> ScopeSet | None:
    chosen, listed = sources.challenge, sources.resource_metadata
    return _BASE.select(sources) if chosen is None or listed is None else (chosen & listed) or chosen


def _a_default(sources: Sources) -> ScopeSet | None:
    return _BASE.select(sources) or scopes("openid")


def _without_what_is_implied(sources: Sources) -> ScopeSet | None:
    known = (sources.requested or NO_SCOPES) | (sources.granted or NO_SCOPES)
    new = sources.challenge or NO_SCOPES
    return known | ScopeSet(scope for scope in new if scope.split(":")[0] not in known or scope in known)


def _drops_offline_access(sources: Sources) -> ScopeSet | None:
    return (accumulate(requested, granted, challenge)(sources) or NO_SCOPES) - _OFFLINE | (
        (sources.challenge or NO_SCOPES) & _OFFLINE
    )


def _offline_access_alone(sources: Sources) -> ScopeSet | None:
    listed = sources.wants_refresh_token and OFFLINE_ACCESS in (sources.server_metadata or NO_SCOPES)
    return _BASE.select(sources) or (_OFFLINE if listed else None)


def _configured_when_covered(sources: Sources) -> ScopeSet | None:
    before = (sources.requested or NO_SCOPES) | (sources.granted or NO_SCOPES)
    covered = sources.challenge is not None and sources.challenge <= before
    chosen = (_BASE.step_up or _BASE.select)(sources) or NO_SCOPES
    return chosen | (sources.configured or NO_SCOPES) if covered else chosen


def _configured_by_order(sources: Sources) -> ScopeSet | None:
    named = list(sources.challenge or NO_SCOPES)
    chosen = (_BASE.step_up or _BASE.select)(sources) or NO_SCOPES
    return chosen if named == sorted(named) else chosen | (sources.configured or NO_SCOPES)


def _last_occurrences(sources: Sources) -> ScopeSet | None:
    before = accumulate(requested, granted)(sources) or NO_SCOPES
    new = sources.challenge or NO_SCOPES
    return before - new | new


def _clipped_to_registration(sources: Sources) -> ScopeSet | None:
    before = accumulate(requested, granted)(sources) or NO_SCOPES
    return before | ((sources.challenge or NO_SCOPES) & scopes("a"))


_NEVER_OFFLINE: Final = _chooses(
    _FIRST,
    accumulate(requested, granted, challenge),
    accumulate(requested, granted, challenge).or_else(_FIRST),
)

# --- mouths ---------------------------------------------------------------------------------------


def _says(speak: Callable[[Client, Client, Action], Action]) -> Acting:
    """Say something else, and become the same."""

    def act(before: Client, _: Heard, after: Client, action: Action) -> Step:
        return after, speak(before, after, action)

    return act


def _respelled(respell: Callable[[Client, str], str | tuple[str, ...]]) -> Acting:
    """Say the scopes of every authorization request otherwise."""

    def speak(before: Client, _: Client, action: Action) -> Action:
        if isinstance(action, AuthorizationRequest) and isinstance(action.scope, str):
            return replace(action, scope=respell(before, action.scope))
        return action

    return _says(speak)


def _refreshing(scope: Callable[[Client, Key, Grant], ScopeSet | None]) -> Acting:
    """Name scopes in refresh requests."""

    def speak(before: Client, after: Client, action: Action) -> Action:
        phase = after.phase
        if isinstance(action, TokenRequest) and action.grant_type == REFRESH_TOKEN and isinstance(phase, Refreshing):
            named = scope(before, phase.key, before.storage.grants[phase.key])
            return replace(action, scope=str(named) if named else None)
        return action

    return _says(speak)


def _empty_in_place_of_nothing(_: Client, __: Client, action: Action) -> Action:
    return replace(action, scope="") if isinstance(action, AuthorizationRequest) and action.scope is None else action


def _scope_at_exchange(_: Client, after: Client, action: Action) -> Action:
    phase = after.phase
    if isinstance(action, TokenRequest) and action.grant_type == AUTHORIZATION_CODE and isinstance(phase, Exchanging):
        return replace(action, scope=None if phase.scope is None else str(phase.scope))
    return action


def _no_resource(_: Client, after: Client, action: Action) -> Action:
    stepping_up = isinstance(after.phase, Authorizing) and after.grant(after.phase.call.resource) is not None
    return replace(action, resource=None) if isinstance(action, AuthorizationRequest) and stepping_up else action


def _without_prompt(_: Client, __: Client, action: Action) -> Action:
    return replace(action, prompt=None) if isinstance(action, AuthorizationRequest) else action


def _registers_without_refresh(_: Client, __: Client, action: Action) -> Action:
    if isinstance(action, ClientRegistration):
        return replace(action, grant_types=tuple(t for t in action.grant_types or () if t != REFRESH_TOKEN))
    return action


def _registers_narrowly(_: Client, __: Client, action: Action) -> Action:
    return replace(action, scope="a") if isinstance(action, ClientRegistration) else action


def _old_token(before: Client, after: Client, action: Action) -> Action:
    if isinstance(action, ResourceRequest) and isinstance(before.phase, Exchanging):
        held = before.grant(before.phase.call.resource)
        return replace(action, access_token=None if held is None else held.access_token)
    return action


# --- ears -----------------------------------------------------------------------------------------


def _misreads(wrong: Misreading) -> Hearing:
    """Hear what a misreading makes of a challenge, spelled plainly."""

    def hear(_: Client, event: Heard) -> Heard:
        if not isinstance(event, ResourceResponse) or event.status not in (401, 403):
            return event
        read = wrong.read(event.www_authenticate)
        bearer = next(
            (
                part
                for part in parse_challenges(event.www_authenticate)
                if isinstance(part, Challenge) and part.is_bearer
            ),
            None,
        )
        kept = [] if bearer is None else [(n, v) for n, v in bearer.parameters if n not in ("scope", "error")]
        for name, value in (("scope", read.scope), ("error", read.error)):
            if value is not None:
                kept.append((name, value))
        return replace(event, www_authenticate=SPELLINGS["plain"](kept))

    return hear


def _token_responses(change: Callable[[Client, TokenResponse], TokenResponse]) -> Hearing:
    """Hear successful answers to a code or to client credentials otherwise."""

    def hear(client: Client, event: Heard) -> Heard:
        if isinstance(event, TokenResponse) and event.access_token is not None and isinstance(client.phase, Exchanging):
            return change(client, event)
        return event

    return hear


def _refresh_responses(change: Callable[[Client, TokenResponse], TokenResponse]) -> Hearing:
    """Hear successful refreshes otherwise."""

    def hear(client: Client, event: Heard) -> Heard:
        if isinstance(event, TokenResponse) and event.access_token is not None and isinstance(client.phase, Refreshing):
            return change(client, event)
        return event

    return hear


def _asked_for(client: Client) -> ScopeSet:
    return (client.phase.scope if isinstance(client.phase, Exchanging) else None) or NO_SCOPES


def _ignores_narrower(client: Client, event: TokenResponse) -> TokenResponse:
    asked = _asked_for(client)
    narrower = event.scope is not None and asked and len(event.scope.split()) < len(asked)
    return replace(event, scope=None) if narrower else event


def _ignores_wider(client: Client, event: TokenResponse) -> TokenResponse:
    asked = _asked_for(client)
    wider = event.scope is not None and asked and len(event.scope.split()) > len(asked)
    return replace(event, scope=None) if wider else event


def _clears(_: Client, event: TokenResponse) -> TokenResponse:
    return replace(event, scope="") if event.scope is None else event


def _guesses(client: Client, event: TokenResponse) -> TokenResponse:
    phase = client.phase
    if event.scope is not None or not isinstance(phase, Exchanging) or phase.asked is not None:
        return event
    listed = client.memory.server_metadata.get(phase.issuer) or scopes("a")
    return replace(event, scope=str(listed))


def _decodes_the_token(_: Client, event: TokenResponse) -> TokenResponse:
    claimed = re.search(r"scope=([^.]+)", event.access_token or "")
    return replace(event, scope=claimed[1]) if claimed else event


def _rejects_narrower(client: Client, event: TokenResponse) -> TokenResponse:
    return TokenResponse(error="narrower") if _ignores_narrower(client, event) != event else event


def _takes_the_first_leg(client: Client, event: TokenResponse) -> TokenResponse:
    asked = _asked_for(client)
    return replace(event, scope=str(asked)) if asked and client.setup.grant_type == TOKEN_EXCHANGE else event


def _fills_empty_lists(_: Client, event: Heard) -> Heard:
    if isinstance(event, ProtectedResourceMetadata) and event.scopes_supported == ():
        return replace(event, scopes_supported=("default",))
    return event


def _deaf_to_insufficient_scope(_: Client, event: Heard) -> Heard:
    if isinstance(event, ResourceResponse) and event.status == 403:
        return replace(event, www_authenticate=())
    return event


def _trusts_any_metadata(client: Client, event: Heard) -> Heard:
    if isinstance(event, ProtectedResourceMetadata) and isinstance(client.phase, LearningResource):
        return replace(event, resource=None)
    return event


def _forbidden_is_insufficient(_: Client, event: Heard) -> Heard:
    if isinstance(event, ResourceResponse) and event.status == 403 and not event.www_authenticate:
        return replace(event, www_authenticate=('Bearer error="insufficient_scope"',))
    return event


def _ignores_metadata_pointer(_: Client, event: Heard) -> Heard:
    if not isinstance(event, ResourceResponse):
        return event
    bearers = [
        part for part in parse_challenges(event.www_authenticate) if isinstance(part, Challenge) and part.is_bearer
    ]
    if len(bearers) != 1:
        return event
    kept = [(name, value) for name, value in bearers[0].parameters if name != "resource_metadata"]
    return replace(event, www_authenticate=SPELLINGS["plain"](kept))


# --- memories -------------------------------------------------------------------------------------


Keeping = Callable[[Client, Heard, Client, Action], Client]


def _keeps(keep: Keeping) -> Acting:
    """Become something else, and do the same."""

    def act(before: Client, event: Heard, after: Client, action: Action) -> Step:
        return keep(before, event, after, action), action

    return act


def _kept(keep: Callable[[Grant, Grant], Grant], phase: type[Exchanging | Refreshing]) -> Acting:
    """Write another account down than the one that a token response brings: from the one before and the one after."""

    def act(before: Client, event: Heard, after: Client, action: Action) -> Step:
        was = before.phase
        if not isinstance(was, phase) or not isinstance(event, TokenResponse) or event.access_token is None:
            return after, action
        key = was.key if isinstance(was, Refreshing) else Key(was.issuer, was.call.resource)
        grants = after.storage.grants
        kept = keep(before.storage.grants.get(key, grants[key]), grants[key])
        return replace(after, storage=replace(after.storage, grants={**grants, key: kept})), action

    return act


def _with_grants(client: Client, change: Callable[[Key, Grant], Grant]) -> Client:
    grants = {key: change(key, grant) for key, grant in client.storage.grants.items()}
    return replace(client, storage=replace(client.storage, grants=grants))


def _counting(count: Callable[[Client, Heard, Client], dict[Call, int]]) -> Keeping:
    """Count attempts otherwise."""

    def keep(before: Client, event: Heard, after: Client, _: Action) -> Client:
        return replace(after, memory=replace(after.memory, attempts=count(before, event, after)))

    return keep


def _reset_by_token(_: Client, event: Heard, after: Client) -> dict[Call, int]:
    return {} if isinstance(event, TokenResponse) and event.access_token else dict(after.memory.attempts)


def _reset_by_new_scopes(before: Client, event: Heard, after: Client) -> dict[Call, int]:
    phase = before.phase
    if isinstance(event, ResourceResponse) and event.status == 403 and isinstance(phase, Calling):
        grant, named = before.grant(phase.call.resource), challenged(event).scope
        if grant is not None and named is not None and not named <= grant.requested:
            return {}
    return dict(after.memory.attempts)


def _counted_for_the_session(before: Client, event: Heard, after: Client) -> dict[Call, int]:
    counts = (*before.memory.attempts.values(), *after.memory.attempts.values())
    if isinstance(event, ClientRestarted):
        return {}
    return dict.fromkeys((Call(at, name) for at in RESOURCES for name in OPERATIONS), max(counts, default=0))


def _wipes_on_refusal(_: Client, event: Heard, after: Client, action: Action) -> Client:
    if isinstance(event, AuthorizationResponse) and event.error is not None and isinstance(action, Failed):
        return replace(after, storage=replace(after.storage, grants={}))
    return after


def _shares_by_resource(before: Client, event: Heard, after: Client, action: Action) -> Client:
    """What is learnt at one issuer counts at every issuer of the resource."""
    return _shared(after, event, lambda one, other: one.resource == other.resource)


def _shares_by_issuer(before: Client, event: Heard, after: Client, action: Action) -> Client:
    """What is learnt at one resource counts at every resource of the issuer."""
    return _shared(after, event, lambda one, other: one.issuer == other.issuer)


def _shared(after: Client, event: Heard, together: Callable[[Key, Key], bool]) -> Client:
    if not isinstance(event, TokenResponse):
        return after
    grants = after.storage.grants

    def joined(key: Key, grant: Grant) -> Grant:
        wanted = grant.requested
        for other, known in grants.items():
            if together(key, other):
                wanted = wanted | known.requested
        return replace(grant, requested=wanted)

    return _with_grants(after, joined)


def _forgets_at_restart(_: Client, event: Heard, after: Client, __: Action) -> Client:
    if isinstance(event, ClientRestarted):
        return _with_grants(after, lambda _, grant: replace(grant, requested=NO_SCOPES, granted=None, in_hand=None))
    return after


def _forgets_at_failed_refresh(before: Client, event: Heard, after: Client, _: Action) -> Client:
    if isinstance(before.phase, Refreshing) and isinstance(event, TokenResponse) and event.access_token is None:
        return _with_grants(after, lambda _, grant: replace(grant, requested=NO_SCOPES, granted=None, in_hand=None))
    return after


def _sticks_narrow(before: Grant, after: Grant) -> Grant:
    narrow = before.in_hand is not None and before.granted is not None and not before.granted <= before.in_hand
    return replace(after, in_hand=before.in_hand, granted=before.in_hand) if narrow else after


# --- other ways -----------------------------------------------------------------------------------


def _refreshes_in_place_of_stepping_up(before: Client, event: Heard, after: Client, action: Action) -> Step:
    phase = before.phase
    if not isinstance(phase, Calling) or not isinstance(event, ResourceResponse) or phase.after is not None:
        return after, action
    grant, named = before.grant(phase.call.resource), challenged(event)
    if grant is None or grant.refresh_token is None or event.status != 403 or not named.insufficient_scope:
        return after, action
    key = Key(before.storage.issuers[phase.call.resource], phase.call.resource)
    request = TokenRequest(REFRESH_TOKEN, None, grant.refresh_token, key.issuer, key.resource)
    return replace(before, phase=Refreshing(phase.call, key, named)), request


def _asks_all_the_same(change: Callable[[Grant, ScopeSet], ScopeSet | None]) -> Acting:
    """Where the reference gives up for want of progress, ask again."""

    def act(before: Client, _: Heard, after: Client, action: Action) -> Step:
        if not isinstance(action, Failed) or "RETRY-3" not in action.reason:
            return after, action
        issuer, grant = before.storage.issuers[action.call.resource], before.grant(action.call.resource)
        listed = before.memory.server_metadata.get(issuer) or NO_SCOPES
        scope = None if grant is None else change(grant, listed)
        if not scope or (OFFLINE_ACCESS in scope and not before.setup.wants_refresh_token):
            return after, action
        attempts = {**after.memory.attempts, action.call: after.memory.attempts.get(action.call, 0) + 1}
        prompt = "consent" if OFFLINE_ACCESS in scope else None
        return (
            replace(
                after,
                phase=Authorizing(action.call, issuer, scope),
                memory=replace(after.memory, attempts=attempts),
            ),
            AuthorizationRequest(str(scope), prompt, issuer, action.call.resource),
        )

    return act


def _insists(before: Client, event: Heard, after: Client, action: Action) -> Step:
    phase = before.phase
    if isinstance(phase, Authorizing) and isinstance(event, AuthorizationResponse) and event.error is not None:
        scope = None if phase.scope is None else str(phase.scope)
        prompt = "consent" if phase.scope is not None and OFFLINE_ACCESS in phase.scope else None
        return before, AuthorizationRequest(scope, prompt, phase.issuer, phase.call.resource)
    return after, action


def _expects_a_refresh_token(before: Client, event: Heard, after: Client, action: Action) -> Step:
    phase = before.phase
    if isinstance(phase, Exchanging) and isinstance(event, TokenResponse) and event.access_token is not None:
        if event.refresh_token is None and phase.scope is not None and OFFLINE_ACCESS in phase.scope:
            again = AuthorizationRequest(str(phase.scope), "consent", phase.issuer, phase.call.resource)
            return replace(after, phase=Authorizing(phase.call, phase.issuer, phase.scope)), again
    return after, action


def _renews_for_ever(before: Client, _: Heard, after: Client, action: Action) -> Step:
    if isinstance(after.phase, Calling) and after.phase.after == "authorization":
        return replace(after, phase=Calling(after.phase.call)), action
    return after, action


def _swallows(_: Client, event: Heard, after: Client, action: Action) -> Step:
    if isinstance(action, Failed) and isinstance(event, ResourceResponse):
        return after, Noted()
    return after, action


def _refuses_locally(before: Client, event: Heard, after: Client, action: Action) -> Step:
    if isinstance(event, Call):
        grant = before.grant(event.resource)
        if grant is not None and grant.in_hand is not None and len(grant.in_hand) == 0:
            return before, Failed(event, "the token carries no scope")
    return after, action


def _refreshes_client_credentials(before: Client, event: Heard, after: Client, action: Action) -> Step:
    if isinstance(event, Call):
        grant, issuer = before.grant(event.resource), before.storage.issuers.get(event.resource)
        if grant is not None and grant.expired and issuer is not None:
            key = Key(issuer, event.resource)
            request = TokenRequest(REFRESH_TOKEN, None, None, issuer, event.resource)
            return replace(before, phase=Refreshing(event, key, None)), request
    return after, action


def _writes_the_first_leg_down(before: Client, event: Heard, after: Client, action: Action) -> Step:
    phase = before.phase
    if isinstance(phase, Asserting) and isinstance(event, TokenResponse) and isinstance(action, TokenRequest):
        key, scope = Key(phase.issuer, phase.call.resource), phase.scope or NO_SCOPES
        if key not in after.storage.grants:
            grants = {**after.storage.grants, key: Grant(scope, scope, scope, "assertion")}
            return replace(after, storage=replace(after.storage, grants=grants)), action
    return after, action


def _acts_on_nothing(_: Client, __: Heard, after: Client, action: Action) -> Step:
    return (replace(after, memory=Memory()), action) if isinstance(action, Illegal) else (after, action)


# --- the mutants ----------------------------------------------------------------------------------


_ALL: Final = (
    # what is asked for at first
    Mutant(
        "metadata-before-challenge",
        "CHAL-1",
        "prefers the resource metadata to the challenge",
        _chooses(with_offline_access(first_of(resource_metadata, challenge, configured))),
    ),
    Mutant(
        "configured-before-challenge",
        "CHAL-1",
        "prefers what the caller configured, though only as a fallback",
        _chooses(first_of(configured, challenge, resource_metadata)),
    ),
    Mutant(
        "first-challenged-scope-only",
        "CHAL-1",
        "asks for the first challenged scope alone",
        _chooses(chosen_by(lambda s: ScopeSet(list(_BASE.select(s) or ())[:1]))),
    ),
    Mutant(
        "metadata-joined-at-first",
        "SEL-1",
        "joins the resource metadata to the first challenge",
        _chooses(accumulate(challenge, resource_metadata).or_else(configured)),
    ),
    Mutant(
        "first-listed-scope-only",
        "SEL-2",
        "asks for the first listed scope alone",
        _chooses(chosen_by(_first_listed)),
    ),
    Mutant(
        "default-scope",
        "SEL-3",
        "asks for a scope of its own where nothing is known",
        _chooses(chosen_by(_a_default)),
    ),
    Mutant(
        "empty-parameter",
        "SEL-4",
        "sends an empty scope in place of none",
        acts=_says(_empty_in_place_of_nothing),
    ),
    Mutant("leading-space", "SEL-4", "starts the scope with a space", acts=_respelled(lambda _, text: f" {text}")),
    Mutant(
        "parameter-twice",
        "SEL-4",
        "sends the scope parameter twice",
        acts=_respelled(lambda _, text: (text, text)),
    ),
    Mutant(
        "challenge-cut-to-metadata",
        "SEL-5",
        "drops challenged scopes that the metadata does not list",
        _chooses(chosen_by(_meeting_the_metadata)),
    ),
    Mutant(
        "openid-always",
        "SEL-6",
        "adds a scope of its own",
        _always(lambda chosen, _: chosen | scopes("openid")),
    ),
    Mutant(
        "server-list-as-a-source",
        "SEL-7",
        "falls back to the authorization server's list",
        _chooses(first_of(challenge, resource_metadata, server_metadata, configured)),
    ),
    Mutant(
        "empty-list-means-a-default",
        "META-1",
        "reads an empty metadata list as its own default",
        hears=_fills_empty_lists,
    ),
    Mutant("any-metadata", "META-3", "uses metadata that names another resource", hears=_trusts_any_metadata),
    Mutant("stale-metadata", "META-4", "never fetches metadata again", hears=_ignores_metadata_pointer),
    # how a challenge is read
    *(Mutant(wrong.name, wrong.clause, wrong.says, hears=_misreads(wrong)) for wrong in MISREADINGS),
    Mutant(
        "bare-403-is-a-challenge",
        "CHAL-7",
        "steps up on a 403 without insufficient_scope",
        hears=_forbidden_is_insufficient,
    ),
    Mutant(
        "renews-for-ever",
        "CHAL-8",
        "authorizes again on the 401 that follows an authorization",
        acts=_renews_for_ever,
    ),
    Mutant(
        "refuses-locally",
        "CHAL-5",
        "refuses calls that its token does not seem to cover",
        acts=_refuses_locally,
        law_only="a call that is not sent leaves no event",
    ),
    Mutant(
        "swallows-failures",
        "PARSE-10",
        "gives up without telling the application",
        acts=_swallows,
        law_only="what the application is told is not on the wire",
    ),
    # step-up
    Mutant("never-steps-up", "STEP-2", "takes every 403 as final", hears=_deaf_to_insufficient_scope),
    Mutant(
        "refresh-in-place-of-step-up",
        "STEP-5",
        "answers insufficient_scope with a refresh",
        acts=_refreshes_in_place_of_stepping_up,
    ),
    Mutant("old-token-again", "STEP-7", "sends the call again with the token of before", acts=_says(_old_token)),
    Mutant(
        "client-credentials-stay-narrow",
        "STEP-3",
        "asks again for what was asked before",
        _chooses(step_up=accumulate(requested, granted)),
        grant_types=WITHOUT_A_USER,
    ),
    Mutant(
        "client-credentials-ask-for-nothing",
        "GRANT-7",
        "leaves the challenge out of a client credentials request",
        _chooses(chosen_by(lambda _: None)),
        grant_types=WITHOUT_A_USER,
    ),
    # accumulation
    Mutant(
        "replaces",
        "ACC-1",
        "asks for the challenge alone",
        _chooses(step_up=with_offline_access(first_of(challenge, resource_metadata))),
    ),
    Mutant(
        "granted-only",
        "ACC-1",
        "drops what was requested and not granted",
        _chooses(step_up=with_offline_access(accumulate(granted, challenge))),
    ),
    Mutant(
        "requested-only",
        "ACC-2",
        "drops what was granted and not requested",
        _chooses(step_up=with_offline_access(accumulate(requested, challenge))),
    ),
    Mutant(
        "unauthorized-replaces",
        "ACC-2",
        "chooses afresh on a 401 in mid-session",
        _chooses(reauthorize=_BASE.select),
    ),
    Mutant(
        "metadata-joined-at-step-up",
        "ACC-3",
        "joins the resource metadata to every challenge",
        _chooses(step_up=with_offline_access(accumulate(requested, granted, challenge, resource_metadata))),
    ),
    Mutant(
        "forgets-an-earlier-round",
        "ACC-4",
        "remembers its first request alone",
        _chooses(step_up=with_offline_access(accumulate(requested, challenge))),
        acts=_kept(lambda was, now: replace(now, requested=was.requested), Exchanging),
    ),
    Mutant(
        "adds-where-nothing-is-new",
        "ACC-5",
        "asks for more where the challenge is covered",
        _chooses(step_up=chosen_by(_configured_when_covered)),
        law_only="what the caller configured may be asked for at any time",
    ),
    Mutant(
        "drops-what-is-implied",
        "ACC-6",
        "drops challenged scopes that a held scope seems to imply",
        _chooses(step_up=with_offline_access(chosen_by(_without_what_is_implied))),
    ),
    Mutant(
        "shared-between-issuers",
        "ACC-7",
        "counts what one authorization server granted at another",
        acts=_keeps(_shares_by_resource),
    ),
    Mutant(
        "shared-between-resources",
        "ACC-7",
        "counts what was granted at one resource at another",
        acts=_keeps(_shares_by_issuer),
    ),
    Mutant("forgets-at-restart", "ACC-8", "loses its account with its memory", acts=_keeps(_forgets_at_restart)),
    Mutant(
        "forgets-at-failed-refresh",
        "ACC-8",
        "loses its account with its refresh token",
        acts=_keeps(_forgets_at_failed_refresh),
    ),
    Mutant(
        "wiped-by-a-refusal",
        "ACC-10",
        "drops its tokens when the user refuses more",
        acts=_keeps(_wipes_on_refusal),
    ),
    # the grant
    Mutant("clears-at-exchange", "GRANT-1", "takes an omitted scope for none", hears=_token_responses(_clears)),
    Mutant(
        "blank-at-exchange",
        "GRANT-1",
        "takes an omitted scope for unknown",
        replace(_BASE, on_omitted_scope="forget"),
    ),
    Mutant(
        "keeps-the-earlier-grant",
        "GRANT-1",
        "takes an omitted scope for the grant of before",
        replace(_BASE, on_omitted_scope="keep"),
    ),
    Mutant(
        "ignores-a-narrower-grant",
        "GRANT-2",
        "believes that it got all that it asked for",
        hears=_token_responses(_ignores_narrower),
    ),
    Mutant(
        "ignores-a-wider-grant",
        "GRANT-2",
        "believes that it got no more than it asked for",
        hears=_token_responses(_ignores_wider),
    ),
    Mutant(
        "rejects-another-grant",
        "GRANT-3",
        "takes a narrower grant for a failure",
        hears=_token_responses(_rejects_narrower),
    ),
    Mutant(
        "guesses-from-metadata",
        "GRANT-4",
        "takes an unknown grant for all that the server lists",
        hears=_token_responses(_guesses),
    ),
    Mutant(
        "decodes-the-token",
        "GRANT-5",
        "reads the grant off the token",
        hears=_token_responses(_decodes_the_token),
        law_only="the tokens of these worlds are opaque",
    ),
    Mutant(
        "scope-at-exchange",
        "GRANT-6",
        "names scopes when it exchanges a code",
        acts=_says(_scope_at_exchange),
    ),
    # refreshes
    Mutant(
        "clears-at-refresh",
        "RETAIN-1",
        "takes a refresh that omits the scope for an empty one",
        hears=_refresh_responses(_clears),
        acts=_kept(lambda _, now: replace(now, granted=now.in_hand) if now.in_hand == NO_SCOPES else now, Refreshing),
    ),
    Mutant(
        "narrows-the-grant",
        "RETAIN-2",
        "takes a narrower token for a narrower grant",
        acts=_kept(lambda _, now: replace(now, granted=now.in_hand, requested=now.in_hand or NO_SCOPES), Refreshing),
    ),
    Mutant(
        "keeps-the-old-refresh-token",
        "RETAIN-3",
        "goes on with a refresh token that was replaced",
        acts=_kept(lambda was, now: replace(now, refresh_token=was.refresh_token), Refreshing),
    ),
    Mutant(
        "pairs-an-old-refresh-token",
        "RETAIN-4",
        "keeps the refresh token of an earlier grant",
        acts=_kept(lambda was, now: replace(now, refresh_token=now.refresh_token or was.refresh_token), Exchanging),
    ),
    Mutant(
        "refreshes-beyond-the-grant",
        "REFRESH-1",
        "refreshes for all that it ever asked for, and offline_access",
        acts=_refreshing(lambda _, __, grant: None if grant.granted is None else grant.requested | _OFFLINE),
    ),
    Mutant(
        "refreshes-by-guess",
        "REFRESH-2",
        "refreshes for the listed scopes where the grant is unknown",
        acts=_refreshing(
            lambda before, key, grant: (
                before.memory.resource_metadata.get(key.resource) or scopes("a") if grant.granted is None else None
            )
        ),
    ),
    Mutant(
        "sticks-narrow",
        "REFRESH-3",
        "takes a narrow token for the grant, even after the next refresh",
        acts=_kept(_sticks_narrow, Refreshing),
    ),
    # offline access and registration
    Mutant(
        "offline-access-always",
        "OFFLINE-1",
        "adds offline_access whatever the server lists",
        _always(lambda chosen, _: chosen | _OFFLINE if chosen else None),
    ),
    Mutant(
        "expects-a-refresh-token",
        "OFFLINE-2",
        "authorizes again where no refresh token came",
        acts=_expects_a_refresh_token,
    ),
    Mutant(
        "filters-offline-access",
        "OFFLINE-3",
        "never asks for offline_access, even where it is challenged",
        _always(lambda chosen, _: chosen - _OFFLINE),
    ),
    Mutant(
        "registers-without-refresh",
        "OFFLINE-4",
        "does not register for refresh tokens",
        acts=_says(_registers_without_refresh),
    ),
    Mutant(
        "no-consent-prompt",
        "OFFLINE-5",
        "asks for offline_access without a prompt",
        acts=_says(_without_prompt),
    ),
    Mutant(
        "offline-access-is-progress",
        "OFFLINE-6",
        "asks again with nothing new but offline_access",
        _NEVER_OFFLINE,
        acts=_asks_all_the_same(
            lambda grant, listed: (
                grant.requested | (grant.granted or NO_SCOPES) | _OFFLINE
                if OFFLINE_ACCESS in listed and OFFLINE_ACCESS not in grant.requested
                else None
            )
        ),
    ),
    Mutant(
        "offline-access-dropped",
        "ACC-1",
        "drops offline_access at step-up",
        _chooses(step_up=chosen_by(_drops_offline_access)),
    ),
    Mutant(
        "offline-access-alone",
        "SEL-3",
        "asks for offline_access where nothing else is known",
        _chooses(chosen_by(_offline_access_alone)),
    ),
    Mutant("registers-narrowly", "REG-1", "registers for less than it asks for", acts=_says(_registers_narrowly)),
    Mutant(
        "clips-to-registration",
        "REG-2",
        "never asks beyond what it registered for",
        _chooses(step_up=chosen_by(_clipped_to_registration)),
        acts=_says(_registers_narrowly),
    ),
    Mutant("no-resource-at-step-up", "ISO-1", "names no resource when it steps up", acts=_says(_no_resource)),
    # attempts
    Mutant(
        "bound-reset-by-success",
        "RETRY-1",
        "counts afresh after each token",
        acts=_keeps(_counting(_reset_by_token)),
    ),
    Mutant("no-bound", "RETRY-2", "never gives up", replace(_BASE, attempts=1_000_000)),
    Mutant(
        "bound-for-the-session",
        "RETRY-2",
        "counts the attempts of all operations together",
        acts=_keeps(_counting(_counted_for_the_session)),
    ),
    Mutant(
        "asks-without-progress",
        "RETRY-3",
        "asks again for what it holds",
        acts=_asks_all_the_same(lambda grant, _: grant.requested | (grant.granted or NO_SCOPES)),
    ),
    Mutant(
        "bound-reset-by-new-scopes",
        "RETRY-4",
        "counts afresh for each new scope",
        acts=_keeps(_counting(_reset_by_new_scopes)),
    ),
    Mutant("insists", "RETRY-5", "sends a refused request again", acts=_insists),
    # order
    Mutant(
        "order-has-a-meaning",
        "ORDER-1",
        "asks for more where the challenge is not in alphabetical order",
        _chooses(step_up=chosen_by(_configured_by_order)),
        law_only="what the caller configured may be asked for at any time",
    ),
    Mutant(
        "reverses",
        "ORDER-3",
        "names scopes in reverse",
        acts=_respelled(lambda _, text: " ".join(reversed(text.split()))),
    ),
    Mutant("sorts", "ORDER-3", "sorts scopes", acts=_respelled(lambda _, text: " ".join(sorted(text.split())))),
    Mutant(
        "repeats",
        "ORDER-3",
        "names a scope twice",
        acts=_respelled(lambda _, text: f"{text} {text.split()[0]}"),
    ),
    Mutant(
        "keeps-last-occurrences",
        "ORDER-3",
        "moves repeated scopes to the end",
        _chooses(step_up=with_offline_access(chosen_by(_last_occurrences))),
    ),
    # token exchange
    Mutant(
        "exchanges-for-anything",
        "EXT-1",
        "names an unrelated scope in a token exchange",
        _always(lambda chosen, _: chosen | scopes("openid")),
        grant_types=WITHOUT_A_USER,
    ),
    Mutant(
        "first-leg-decides",
        "EXT-2",
        "takes the scope of the first leg for that of the token",
        hears=_token_responses(_takes_the_first_leg),
        grant_types=WITHOUT_A_USER,
    ),
    Mutant(
        "writes-the-first-leg-down",
        "EXT-2",
        "counts the first leg of a token exchange as a grant",
        acts=_writes_the_first_leg_down,
        grant_types=WITHOUT_A_USER,
        law_only="the second leg follows at once, and what it brings overwrites it",
    ),
    Mutant(
        "refreshes-client-credentials",
        "EXT-3",
        "tries to refresh a token of client credentials",
        acts=_refreshes_client_credentials,
        grant_types=WITHOUT_A_USER,
    ),
    Mutant(
        "acts-on-illegal-events",
        "",
        "loses its memory on an event that has no place",
        acts=_acts_on_nothing,
        law_only="no server sends an event that has no place",
    ),
)

# One fault often shows in several clauses: what was forgotten is missing from the next request, and so on.
_IN_CONSEQUENCE: Final = {
    "metadata-before-challenge": "ORDER-3 SEL-1 SEL-5",
    "configured-before-challenge": "SEL-1 SEL-2 SEL-5",
    "first-challenged-scope-only": "OFFLINE-3 PARSE-5 PARSE-6 PARSE-7 SEL-2 SEL-5",
    "first-listed-scope-only": "OFFLINE-3",
    "default-scope": "META-1",
    "openid-always": "ACC-7 META-1 ORDER-3 SEL-3",
    "server-list-as-a-source": "ACC-7 OFFLINE-1 SEL-3",
    "any-metadata": "ACC-7 OFFLINE-1",
    "comma-splitting": "ORDER-3",
    "case-folding": "CHAL-1 PARSE-3 PARSE-4 PARSE-5 PARSE-7",
    "keeping-escapes": "CHAL-1 ORDER-3 STEP-2",
    "case-sensitive": "CHAL-1",
    "first-scheme": "CHAL-1 ORDER-3 STEP-2",
    "first-line": "CHAL-1",
    "needing-error": "CHAL-1 ORDER-3 SEL-1 SEL-5",
    "substring": "CHAL-1 ORDER-3 PARSE-3 PARSE-5 PARSE-6 PARSE-9 RETRY-3 STEP-2",
    "old-token-again": "GRANT-3",
    "client-credentials-stay-narrow": "ACC-6 CHAL-1 GRANT-7 OFFLINE-3 SEL-5",
    "client-credentials-ask-for-nothing": "CHAL-1 SEL-2",
    "replaces": "ACC-2 ACC-4 ACC-8 ORDER-3 RETAIN-2",
    "granted-only": "ORDER-3",
    "requested-only": "ACC-8 ORDER-3 RETAIN-2",
    "unauthorized-replaces": "ACC-1 ACC-8 ORDER-3 RETAIN-2",
    "forgets-an-earlier-round": "ACC-1 ACC-2 ACC-8 ORDER-3 RETAIN-2",
    "drops-what-is-implied": "CHAL-1 PARSE-7",
    "shared-between-issuers": "ACC-3 OFFLINE-1 ORDER-3 SEL-7",
    "shared-between-resources": "ACC-3 ORDER-3 SEL-6",
    "forgets-at-restart": "GRANT-2 ORDER-3 REFRESH-3 RETRY-3",
    "forgets-at-failed-refresh": "ACC-1",
    "wiped-by-a-refusal": "ACC-1 ACC-2 ACC-8",
    "clears-at-exchange": "RETAIN-1 RETRY-3",
    "blank-at-exchange": "RETAIN-1 RETRY-3",
    "keeps-the-earlier-grant": "RETAIN-1 RETRY-3",
    "ignores-a-narrower-grant": "REFRESH-3 RETAIN-1",
    "ignores-a-wider-grant": "ACC-2 ACC-8 ORDER-3 RETAIN-2 RETRY-3",
    "rejects-another-grant": "ACC-1 ACC-2 ACC-4 ACC-8 CHAL-8 GRANT-2 ORDER-3 REFRESH-3 RETAIN-1 RETAIN-2 RETAIN-4",
    "guesses-from-metadata": "SEL-7",
    "clears-at-refresh": "ACC-2 REFRESH-3 RETRY-3",
    "narrows-the-grant": "ACC-1 ORDER-3 REFRESH-3",
    "expects-a-refresh-token": "ACC-2",
    "filters-offline-access": "CHAL-1 PARSE-6 SEL-2",
    "offline-access-is-progress": "RETRY-3",
    "offline-access-dropped": "ORDER-3",
    "clips-to-registration": "ACC-6 CHAL-1 OFFLINE-3 PARSE-7 REG-1 SEL-5",
    "bound-reset-by-success": "OFFLINE-6 RETRY-2 RETRY-3",
    "no-bound": "RETRY-1",
    "bound-for-the-session": "STEP-2",
    "asks-without-progress": "OFFLINE-3 PARSE-6",
    "bound-reset-by-new-scopes": "OFFLINE-6 RETRY-1 RETRY-3",
    "insists": "RETRY-1 RETRY-2 RETRY-3",
    "exchanges-for-anything": "ACC-7 META-1 ORDER-3 SEL-3 SEL-6",
    "first-leg-decides": "ACC-2 ACC-8",
}

MUTANTS: Final = MappingProxyType({mutant.name: mutant for mutant in _ALL})
"""Every mutant, by name."""


@dataclass(frozen=True, slots=True)
class Equivalent:
    """A client that looks wrong and is not: what it does differently, and why no clause forbids it."""

    name: str
    says: str
    why: str
    policy: Policy
    revision: Revision = "2026-07-28"


EQUIVALENTS: Final = (
    Equivalent(
        "never-offline-access",
        "adds offline_access to nothing",
        "OFFLINE-1 is a permission: adding it is never owed",
        _NEVER_OFFLINE,
    ),
    Equivalent(
        "replaces-at-2025-11-25",
        "asks for the challenge alone at step-up",
        "at 2025-11-25 the server accumulates, and the selection strategy decides each step-up afresh (STEP-4)",
        _chooses(_FIRST, first_of(challenge, resource_metadata), _FIRST),
        "2025-11-25",
    ),
    Equivalent(
        "accumulates-at-2025-11-25",
        "asks for everything again at step-up",
        "at 2025-11-25 a union is as legal as a replacement (STEP-4)",
        mcp_2026_07_28,
        "2025-11-25",
    ),
    Equivalent(
        "fewer-attempts",
        "gives up after two authorization requests",
        "RETRY-1 bounds attempts from above alone",
        replace(_BASE, attempts=2),
    ),
)
"""What cannot be killed, and why."""

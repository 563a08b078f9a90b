"""Wrong about what is kept apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import reduce
from operator import or_
from typing import Final

from scope_model.client import Action, Authorizing, Client, Grant, Heard
from scope_model.events import (
    AuthorizationRequest,
    ClientRegistration,
    ClientRestarted,
    Key,
    ResourceRequest,
    TokenResponse,
)
from scope_model.scopes import NO_SCOPES

from .alterations import changing_grants, forgetting, remembering, sending
from .mutant import Mutant


def _another_resource(_: Client, after: Client, action: Action) -> Action:
    stepping_up = isinstance(after.phase, Authorizing) and after.grant(after.phase.call.resource) is not None
    if not stepping_up or not isinstance(action, AuthorizationRequest):
        return action
    return replace(action, resource="https://elsewhere.example/mcp")


def _lends_its_token(_: Client, after: Client, action: Action) -> Action:
    if not isinstance(action, ResourceRequest) or action.access_token is not None:
        return action
    others = [grant.access_token for key, grant in after.storage.grants.items() if key.resource != action.resource]
    return replace(action, access_token=others[-1]) if others else action


def _registers_what_it_knows(_: Client, after: Client, action: Action) -> Action:
    if not isinstance(action, ClientRegistration):
        return action
    known = reduce(or_, (grant.requested for grant in after.storage.grants.values()), NO_SCOPES)
    return replace(action, scope=str(known) if known else None)


def _shares_by_resource(_: Client, event: Heard, after: Client) -> Client:
    """What is learnt at one issuer counts at every issuer of the resource."""
    return _shared(after, event, lambda one, other: one.resource == other.resource)


def _shares_by_issuer(_: Client, event: Heard, after: Client) -> Client:
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

    return changing_grants(after, joined)


def _forgets_at_restart(_: Client, event: Heard, after: Client) -> Client:
    return changing_grants(after, lambda _, grant: forgetting(grant)) if isinstance(event, ClientRestarted) else after


MUTANTS: Final = (
    Mutant(
        "shared-between-issuers",
        "ACC-7",
        "counts what one authorization server granted at another",
        alter_step=remembering(_shares_by_resource),
        also={"OFFLINE-1", "ORDER-3"},
    ),
    Mutant(
        "shared-between-resources",
        "ACC-7",
        "counts what was granted at one resource at another",
        alter_step=remembering(_shares_by_issuer),
        also={"OFFLINE-1", "ORDER-3", "SEL-7"},
    ),
    Mutant(
        "forgets-at-restart",
        "ACC-8",
        "loses its account with its memory",
        alter_step=remembering(_forgets_at_restart),
        also={"GRANT-2", "RETRY-3", "STEP-2"},
    ),
    Mutant(
        "registers-what-it-knows",
        "ACC-7",
        "registers at each authorization server all that it asked for at others",
        alter_step=sending(_registers_what_it_knows),
        also={"REG-1"},
    ),
    Mutant(
        "lends-its-token",
        "ISO-2",
        "calls a resource for which it has no token with that of another",
        alter_step=sending(_lends_its_token),
    ),
    Mutant(
        "another-resource-at-step-up",
        "ISO-1",
        "names another resource when it steps up",
        alter_step=sending(_another_resource),
        also={"ACC-1", "ACC-7", "ACC-8", "OFFLINE-1", "RETRY-1", "RETRY-5", "SEL-2", "SEL-7", "STEP-2"},
    ),
)

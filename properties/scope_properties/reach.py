"""Reach: what a run went through. A property that was never exercised proves nothing, so a zero fails.

Four things are counted: the laws and the clauses that applied, the cells of the transition table that were
entered, and the freedoms that the servers made use of.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from types import MappingProxyType
from typing import Final, get_args

from scope_model.challenges import bearer_challenge, parse_challenges
from scope_model.client import EVENTS, TRANSITIONS, Heard, Phase
from scope_model.events import (
    AUTHORIZATION_CODE,
    JWT_BEARER,
    REFRESH_TOKEN,
    AuthorizationRequest,
    AuthorizationServerMetadata,
    ClientRegistration,
    FetchResourceMetadata,
    FetchServerMetadata,
    ProtectedResourceMetadata,
    ResourceRequest,
    ResourceResponse,
    TokenRequest,
    TokenResponse,
)
from scope_model.scopes import ScopeSet
from scope_model.servers import Challenging, Granting, Grants, Registers, Rejects
from scope_model.spellings import MISSPELLINGS, SEVERAL, SPELLINGS
from scope_spec import CLAUSES, Revision

from .episodes import STREAM
from .laws import LAWS
from .world import Exchange, World

Cell = tuple[type[Phase], type[Heard]]
"""A cell of the transition table: the phase that a client was in, and the kind of event that it heard."""

_NAMES: Final[Mapping[str, re.Pattern[str]]] = MappingProxyType(
    {
        "a URL": re.compile(r"https://.*[^/]"),
        "a URL with a slash at its end": re.compile(r"https://.*/"),
        "a URN": re.compile(r"urn:.*"),
        "an api:// name with capitals": re.compile(r"api://.*[A-Z].*"),
        "a capital": re.compile(r".*[A-Z].*"),
        "punctuation": re.compile(r".*[+&%#=~].*"),
        "a hundred characters": re.compile(r".{100,}"),
    }
)
_MANY: Final = (3, 30)
_A_FEW: Final = 5
_ENDPOINTS: Final = ("rotates", "keeps secrets", "form-encoded")

FREEDOMS: Final = (
    *(f"rejects={value}" for value in (None, *get_args(Rejects))),
    *(f"scope={value}" for value in ("needed", "missing", "needed-and-held", "unnamed", "empty", "given")),
    *(f"spelling={value}" for value in (*SPELLINGS, *SEVERAL, *MISSPELLINGS)),
    *(f"{name}={value}" for name in ("names_metadata", "names_error", "describes") for value in (True, False)),
    *(f"grant={value}" for value in get_args(Grants)),
    *(
        f"{name}={value}"
        for name in ("says", "reorders", "refresh_token", "commas", "brief")
        for value in (True, False)
    ),
    *(f"{whose} lists {what}" for whose in ("resource", "issuer") for what in ("no list", "none", "some")),
    *(f"metadata of {whose}" for whose in ("another resource", "a parent", "another issuer")),
    "metadata that appears with the first 401",
    *(f"registers {what}" for what in get_args(Registers)),
    *(f"{what}: {value}" for what in _ENDPOINTS for value in (True, False)),
    "a token presumed",
    *(f"well-known name {where} the path" for where in ("before", "after")),
    *(f"a name that is or has {what}" for what in _NAMES),
    *(f"a challenge of {number} scopes" for number in _MANY),
    *(f"configuration shared: {value}" for value in (True, False)),
    "two requests at once",
    "a failed call sent again",
)
"""Every freedom of a world, its servers' and its application's, that the reference client meets.

A host that sends a failed call again shows nothing that a second call does not, and no client errs by it alone: all
that a client sees of either is that the same operation is called again, with what the servers have left to choose.
"""

NEVER_BY_THE_REFERENCE: Final = ("a challenge to a stream", "more than five choices in a call")
"""What it does not meet: it opens no stream, and has given up by then. Other clients may."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How often each law, clause, cell and freedom was reached."""

    laws: Counter[str] = field(default_factory=Counter)
    clauses: Counter[str] = field(default_factory=Counter)
    cells: Counter[Cell] = field(default_factory=Counter)
    freedoms: Counter[str] = field(default_factory=Counter)

    def missing(self, revision: Revision = "2026-07-28") -> list[str]:
        """All that was never reached, and could have been at `revision`."""
        judged = [name for name in CLAUSES if is_judged(name, revision)]
        cells = [(phase, event) for phase in TRANSITIONS for event in EVENTS]
        return [
            *(f"law {name}" for name in LAWS if not self.laws[name]),
            *(f"clause {name}" for name in judged if not self.clauses[name]),
            *(f"cell {cell[0].__name__} × {cell[1].__name__}" for cell in cells if not self.cells[cell]),
            *(f"freedom {name}" for name in FREEDOMS if not self.freedoms[name]),
        ]


def is_judged(clause: str, revision: Revision) -> bool:
    """Whether the judge speaks of a clause at `revision`."""
    known = CLAUSES[clause]
    return known.binds_at(revision) and known.excluded is None and known.unjudged is None


def freedoms_of(world: World) -> Iterator[str]:
    """The choices that the servers of a world, and its application, have shown."""
    yield f"configuration shared: {world.plan.shares_configuration}"
    if world.overlapped:
        yield "two requests at once"
    if world.sent_again:
        yield "a failed call sent again"
    if world.most_choices > _A_FEW:
        yield "more than five choices in a call"
    for exchange in world.exchanges:
        yield from freedoms(exchange)


def freedoms(exchange: Exchange) -> Iterator[str]:
    """The choices that an answer shows."""
    request, freedom, answer = exchange.request, exchange.freedom, exchange.answer
    match request:
        case FetchResourceMetadata() if isinstance(answer, ProtectedResourceMetadata):
            yield f"resource lists {_shown(answer.scopes_supported)}"
            yield from _kinds(answer.scopes_supported or ())
            if answer.resource != request.resource:
                is_parent = request.resource.startswith(f"{answer.resource}/")
                yield "metadata of a parent" if is_parent else "metadata of another resource"
        case FetchServerMetadata() if isinstance(answer, AuthorizationServerMetadata):
            yield f"issuer lists {_shown(answer.scopes_supported)}"
            if answer.issuer != request.issuer:
                yield "metadata of another issuer"
        case ClientRegistration():
            issuer = exchange.servers.issuers.get(request.issuer or "")
            if issuer is not None:
                yield f"registers {issuer.registers}"
                yield f"keeps secrets: {issuer.keeps_secrets}"
        case AuthorizationRequest():
            yield from _choices(freedom.granting)
        case TokenRequest():
            if request.grant_type not in (AUTHORIZATION_CODE, JWT_BEARER):
                yield from _choices(freedom.granting)
            if isinstance(answer, TokenResponse):
                yield from _freedoms_of_a_token_response(exchange, request, answer)
        case ResourceRequest() if isinstance(answer, ResourceResponse):
            yield from _freedoms_of_a_response(exchange, request, answer)
        case _:
            pass


def _freedoms_of_a_token_response(exchange: Exchange, request: TokenRequest, answer: TokenResponse) -> Iterator[str]:
    issuer = exchange.servers.issuers.get(answer.issuer or "")
    if issuer is not None and answer.access_token is not None:
        yield f"form-encoded: {issuer.form_encoded}"
        if request.grant_type == REFRESH_TOKEN and answer.refresh_token is not None:
            yield f"rotates: {issuer.rotates}"
    yield from _kinds((answer.scope or "").split())


def _freedoms_of_a_response(exchange: Exchange, request: ResourceRequest, answer: ResourceResponse) -> Iterator[str]:
    challenging = exchange.freedom.challenging
    yield f"rejects={challenging.rejects}"
    called = exchange.servers.resources.get(answer.resource or "")
    if called is not None and called.reserved and answer.status == 401:
        yield "metadata that appears with the first 401"
    if answer.www_authenticate and request.operation == STREAM:
        yield "a challenge to a stream"
    if answer.www_authenticate and called is not None:
        yield from _choices(challenging)
        yield from _kinds_in(answer.www_authenticate)
        if challenging.names_metadata:
            yield f"well-known name {'before' if called.inserts else 'after'} the path"
        if called.presumes and challenging.names_error and request.access_token is None:
            yield "a token presumed"


@cache
def _kinds_in(lines: tuple[str, ...]) -> tuple[str, ...]:
    """What kinds of names a challenge holds, and how many."""
    challenge = bearer_challenge(parse_challenges(lines))
    names = [] if challenge is None else (challenge.get("scope") or "").split()
    many = (f"a challenge of {number} scopes" for number in _MANY if len(names) >= number)
    return (*_kinds(names), *many)


def _kinds(names: Iterable[str]) -> Iterator[str]:
    for what, pattern in _NAMES.items():
        if any(map(pattern.fullmatch, names)):
            yield f"a name that is or has {what}"


def _choices(how: Challenging | Granting) -> Iterator[str]:
    for choice in fields(how):
        value = getattr(how, choice.name)
        yield f"{choice.name}={'given' if isinstance(value, ScopeSet) else value}"


def _shown(listed: tuple[str, ...] | None) -> str:
    return "no list" if listed is None else "some" if listed else "none"

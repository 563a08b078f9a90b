"""Reach: what a run went through. A property that was never exercised proves nothing, so a zero fails.

Four things are counted: the laws and the clauses that applied, the cells of the transition table that were
entered, and the freedoms that the servers made use of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Final, get_args

from scope_model.client import EVENTS, TRANSITIONS, Heard, Phase
from scope_model.events import (
    AUTHORIZATION_CODE,
    JWT_BEARER,
    AuthorizationRequest,
    AuthorizationServerMetadata,
    FetchResourceMetadata,
    FetchServerMetadata,
    ProtectedResourceMetadata,
    ResourceResponse,
    TokenRequest,
)
from scope_model.scopes import ScopeSet
from scope_model.servers import Challenging, Granting, Grants
from scope_model.spellings import MISSPELLINGS, SPELLINGS
from scope_spec import CLAUSES, Revision

from .laws import LAWS
from .world import Exchange

Cell = tuple[type[Phase], type[Heard]]
"""A cell of the transition table: the phase that a client was in, and the kind of event that it heard."""

FREEDOMS: Final = (
    *(f"rejects={value}" for value in (None, "unauthorized", "insufficient_scope", "forbidden")),
    *(f"scope={value}" for value in ("needed", "missing", "needed-and-held", "unnamed", "given")),
    *(f"spelling={value}" for value in (*SPELLINGS, *MISSPELLINGS)),
    *(f"{name}={value}" for name in ("names_metadata", "names_error") for value in (True, False)),
    *(f"grant={value}" for value in get_args(Grants)),
    *(f"{name}={value}" for name in ("says", "reorders", "refresh_token") for value in (True, False)),
    *(f"{whose} lists {what}" for whose in ("resource", "issuer") for what in ("no list", "none", "some")),
    "metadata of another resource",
)
"""Every choice that the servers of a world are free to make."""


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


def freedoms(exchange: Exchange) -> Iterator[str]:
    """The choices that an answer shows."""
    request, freedom, answer = exchange.request, exchange.freedom, exchange.answer
    match request:
        case FetchResourceMetadata() if isinstance(answer, ProtectedResourceMetadata):
            yield f"resource lists {_shown(answer.scopes_supported)}"
            if answer.resource != request.resource:
                yield "metadata of another resource"
        case FetchServerMetadata() if isinstance(answer, AuthorizationServerMetadata):
            yield f"issuer lists {_shown(answer.scopes_supported)}"
        case AuthorizationRequest():
            yield from _choices(freedom.granting)
        case TokenRequest() if request.grant_type not in (AUTHORIZATION_CODE, JWT_BEARER):
            yield from _choices(freedom.granting)
        case _:
            if isinstance(answer, ResourceResponse):
                yield f"rejects={freedom.challenging.rejects}"
                if answer.www_authenticate:
                    yield from _choices(freedom.challenging)


def _choices(how: Challenging | Granting) -> Iterator[str]:
    for choice in fields(how):
        value = getattr(how, choice.name)
        yield f"{choice.name}={'given' if isinstance(value, ScopeSet) else value}"


def _shown(listed: tuple[str, ...] | None) -> str:
    return "no list" if listed is None else "some" if listed else "none"

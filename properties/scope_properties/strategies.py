"""Public Hypothesis strategies: scopes, servers and their freedoms, challenges as raw header lines, episodes.

Everything shrinks towards the plain case: the scopes `a`, `b`, `c`, one server, one call, a challenge spelled as
the documents spell it, a grant of what was asked.
"""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from scope_model.client import Call
from scope_model.events import AUTHORIZATION_CODE, CLIENT_CREDENTIALS, OFFLINE_ACCESS, TOKEN_EXCHANGE
from scope_model.scopes import NO_SCOPES, ScopeSet, scopes
from scope_model.servers import SPELLINGS, AuthorizationServer, Challenging, Granting, ResourceServer, Servers
from scope_spec import Revision

from .episodes import (
    Episode,
    EpisodeStep,
    Expiring,
    Making,
    Moving,
    Plan,
    Reporting,
    Republishing,
    Restarting,
)

PLAIN_SCOPES: Final = ("a", "b", "c", "d")
ODD_SCOPES: Final = ("a:read", "A", "e,f", OFFLINE_ACCESS)
RESOURCES: Final = ("https://one.example/mcp", "https://two.example/mcp")
ISSUERS: Final = ("https://as.example", "https://other-as.example")
OPERATIONS: Final = ("read", "write", "delete", "list", "run")

SCOPES: Final = st.sampled_from(PLAIN_SCOPES + ODD_SCOPES)

_TOKEN_CHARACTERS: Final = "".join(chr(c) for c in range(0x21, 0x7F) if chr(c) not in '"\\')


def scope_tokens() -> SearchStrategy[str]:
    """Any scope-token by the grammar, short ones of familiar letters first."""
    return SCOPES | st.text(_TOKEN_CHARACTERS, min_size=1, max_size=8)


def scope_sets(
    elements: SearchStrategy[str] = SCOPES, *, min_size: int = 0, max_size: int = 4
) -> SearchStrategy[ScopeSet]:
    """Ordered scope sets."""
    return st.lists(elements, min_size=min_size, max_size=max_size, unique=True).map(ScopeSet)


def metadata_lists() -> SearchStrategy[tuple[str, ...] | None]:
    """`scopes_supported`: absent, a list, or the empty list that should not be published (META-1)."""
    return st.none() | st.lists(SCOPES, max_size=4, unique=True).map(tuple)


def challenge_lines() -> SearchStrategy[tuple[str, ...]]:
    """Raw `WWW-Authenticate` lines: one challenge in any of its legal spellings."""
    parameters = st.lists(
        st.tuples(
            st.sampled_from(("scope", "error", "resource_metadata", "realm")),
            scope_sets(scope_tokens(), min_size=1).map(str),
        ),
        unique_by=lambda parameter: parameter[0],
    )
    return st.builds(
        lambda name, given: SPELLINGS[name](given), st.sampled_from(tuple(SPELLINGS)), parameters
    )


def raw_lines() -> SearchStrategy[tuple[str, ...]]:
    """Any `WWW-Authenticate` lines at all: well spelled, cut short, spliced together, or noise."""
    pieces = st.sampled_from(
        (
            "Bearer",
            "bearer",
            " ",
            ",",
            "=",
            '"',
            "\\",
            "scope",
            "error",
            "a",
            "Basic",
            "abc==",
            "\t",
            "\x00",
            "é",
        )
    )
    noise = st.lists(pieces, max_size=12).map("".join)
    cut = st.builds(lambda lines, at: (", ".join(lines)[:at],), challenge_lines(), st.integers(0, 60))
    return challenge_lines() | cut | st.lists(noise | st.text(max_size=20), max_size=3).map(tuple)


def challengings(*, hostile: bool = True) -> SearchStrategy[Challenging]:
    """Ways of answering a request; `hostile` ones also challenge a token that would do."""
    named = st.sampled_from(("needed", "missing", "needed-and-held", "unnamed"))
    rejects = st.sampled_from(
        (None, None, "insufficient_scope", "unauthorized", "forbidden") if hostile else (None,)
    )
    return st.builds(
        Challenging,
        rejects=rejects,
        scope=named | scope_sets(min_size=1, max_size=2),
        spelling=st.sampled_from(tuple(SPELLINGS)),
        names_metadata=st.booleans().map(lambda drawn: not drawn),
        names_error=st.booleans().map(lambda drawn: not drawn),
    )


def grantings() -> SearchStrategy[Granting]:
    """What an authorization server and its user may make of a request."""
    return st.builds(
        Granting,
        grant=st.sampled_from(("asked", "asked", "narrower", "wider", "empty", "refused", "invalid_scope")),
        without=scope_sets(max_size=2),
        with_=scope_sets(max_size=2),
        says=st.booleans().map(lambda drawn: not drawn),
        reorders=st.booleans(),
        refresh_token=st.booleans().map(lambda drawn: not drawn),
    )


@st.composite
def servers(draw: st.DrawFn) -> Servers:
    """One or two resource servers, which share an authorization server or do not."""
    issuers = ISSUERS[: draw(st.integers(1, 2))]
    resources = RESOURCES[: draw(st.integers(1, 2))]
    needs = st.dictionaries(
        st.sampled_from(OPERATIONS), scope_sets(max_size=2), min_size=1, max_size=len(OPERATIONS)
    )
    return Servers(
        resources={
            resource: ResourceServer(
                resource, draw(st.sampled_from(issuers)), draw(needs), draw(metadata_lists())
            )
            for resource in resources
        },
        issuers={
            issuer: AuthorizationServer(issuer, draw(metadata_lists()), draw(scope_sets(max_size=2)))
            for issuer in issuers
        },
    )


@st.composite
def plans(draw: st.DrawFn, *, revision: Revision = "2026-07-28", user_delegated: bool = True) -> Plan:
    """A world as it starts, with a client set up in it."""
    grant_types = (AUTHORIZATION_CODE,) if user_delegated else (CLIENT_CREDENTIALS, TOKEN_EXCHANGE)
    return Plan(
        servers=draw(servers()),
        revision=revision,
        configured=draw(st.none() | scope_sets(min_size=1, max_size=2)),
        wants_refresh_token=not draw(st.booleans()),
        grant_type=draw(st.sampled_from(grant_types)),
    )


def makings(world: Servers, *, hostile: bool = True) -> SearchStrategy[Making]:
    """Calls of any operation of a world, with the choices that its servers make."""
    calls = [
        Call(resource, operation)
        for resource in world.resources
        for operation in world.resources[resource].needs
    ]
    return st.builds(
        Making,
        call=st.sampled_from(calls),
        challenges=st.lists(challengings(hostile=hostile), max_size=4).map(tuple),
        grants=st.lists(grantings(), max_size=3).map(tuple),
        persists=st.booleans() if hostile else st.just(False),  # noqa: FBT003 - a strategy's value
    )


def steps(world: Servers, *, hostile: bool = True) -> SearchStrategy[EpisodeStep]:
    """Anything that may happen in a world."""
    resources = st.sampled_from(tuple(world.resources))
    issuers = st.sampled_from(tuple(world.issuers))
    return st.one_of(
        makings(world, hostile=hostile),
        makings(world, hostile=hostile),
        st.builds(Reporting, resources),
        st.builds(Expiring, resources),
        st.just(Restarting()),
        st.builds(Republishing, resources, metadata_lists()),
        st.builds(Moving, resources, issuers),
    )


@st.composite
def episodes(
    draw: st.DrawFn,
    *,
    revision: Revision = "2026-07-28",
    user_delegated: bool = True,
    hostile: bool = True,
    max_steps: int = 8,
) -> Episode:
    """A world and what happens in it: a call first, then anything."""
    plan = draw(plans(revision=revision, user_delegated=user_delegated))
    first = draw(makings(plan.servers, hostile=hostile))
    rest = draw(st.lists(steps(plan.servers, hostile=hostile), max_size=max_steps - 1))
    return Episode(plan, (first, *rest))


__all__ = [
    "ISSUERS",
    "NO_SCOPES",
    "OPERATIONS",
    "RESOURCES",
    "challenge_lines",
    "challengings",
    "episodes",
    "grantings",
    "makings",
    "metadata_lists",
    "plans",
    "raw_lines",
    "scope_sets",
    "scope_tokens",
    "scopes",
    "servers",
    "steps",
]

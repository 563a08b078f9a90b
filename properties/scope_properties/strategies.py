"""Public Hypothesis strategies: scopes, servers and their freedoms, challenges as raw header lines, episodes.

Everything shrinks towards the plain case: the scopes `a`, `b`, `c`, one server, one call, a challenge spelled as
the documents spell it, a grant of what was asked.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import chain
from typing import Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from scope_model.client import Call
from scope_model.events import AUTHORIZATION_CODE, CLIENT_CREDENTIALS, OFFLINE_ACCESS, TOKEN_EXCHANGE
from scope_model.scopes import NO_SCOPES, ScopeSet, scopes
from scope_model.servers import AuthorizationServer, Challenging, Granting, Grants, Named, ResourceServer, Servers
from scope_model.spellings import MISSPELLINGS, SPELLINGS
from scope_spec import Revision

from .episodes import (
    Episode,
    EpisodeStep,
    ExpireToken,
    MakeCall,
    MoveResource,
    OverlapCalls,
    Plan,
    Registration,
    ReportGrant,
    RepublishMetadata,
    RestartClient,
)

PLAIN_SCOPES: Final = ("a", "b", "c", "d")
ODD_SCOPES: Final = ("a:read", "A", "e,f", OFFLINE_ACCESS)
RESOURCES: Final = ("https://one.example/mcp", "https://two.example/mcp")
ISSUERS: Final = ("https://as.example", "https://other-as.example")
USER_DELEGATED: Final = (AUTHORIZATION_CODE,)
WITHOUT_A_USER: Final = (CLIENT_CREDENTIALS, TOKEN_EXCHANGE)
OPERATIONS: Final = ("read", "write", "delete")

SCOPES: Final = st.sampled_from(PLAIN_SCOPES + ODD_SCOPES)

# The first resource is drawn more often, so that things happen to it in turn.
PLACES: Final = (RESOURCES[0], RESOURCES[0], RESOURCES[1])
CALLS: Final = tuple(Call(resource, operation) for resource in PLACES for operation in OPERATIONS)

# One draw from a table costs Hypothesis a tenth of building the same value part by part, and shrinks towards the
# table's beginning, so that each table starts with what is plainest.
NEEDS: Final = tuple(
    ScopeSet(text.split())
    for text in (
        "a",
        "b",
        "c",
        "d",
        "a b",
        "b c",
        "c a",
        "",
        "a:read",
        "a a:read",
        "A",
        "e,f",
        "offline_access",
    )
)
LISTS: Final = (
    *(None,) * 10,
    *(
        tuple(text.split())
        for text in (
            "a",
            "b",
            "a b",
            "b a",
            "c d",
            "a b c",
            f"a {OFFLINE_ACCESS}",
            "A a:read",
            "e,f",
            "",
        )
    ),
)
SERVER_LISTS: Final = (
    *(None,) * 4,
    *(tuple(text.split()) for text in ("a", "a b c", "e,f", "")),
    *((OFFLINE_ACCESS,), ("a", OFFLINE_ACCESS), ("x", OFFLINE_ACCESS)) * 2,
)
# One resource in sixteen publishes metadata that speaks of another resource (META-3).
DESCRIBED: Final = (*(None,) * 15, "https://elsewhere.example/mcp")
SPELLED: Final = (*SPELLINGS, *MISSPELLINGS)
REGISTRATIONS: Final[tuple[Registration, ...]] = (*("dynamic",) * 6, "known", "document")
CONFIGURED: Final = (
    *(None,) * 8,
    *map(ScopeSet, ("a", "k", "ak", (OFFLINE_ACCESS,), ("k", OFFLINE_ACCESS))),
)
_NAMED: Final[tuple[Named, ...]] = (
    "needed",
    "missing",
    "needed-and-held",
    *("unnamed",) * 4,
    *map(ScopeSet, ("a", "b", "c", "dc", ("A",))),
)
_REJECTS: Final = (None, "insufficient_scope", "unauthorized", "forbidden")
WORDINGS: Final = tuple(
    Challenging(rejects, named, "plain", names_metadata, names_error)
    for names_metadata, names_error in ((True, True), (False, True), (True, False))
    for rejects in _REJECTS
    for named in _NAMED
)
_GRANTS: Final[tuple[tuple[Grants, tuple[ScopeSet, ...]], ...]] = (
    ("asked", (NO_SCOPES,)),
    ("narrower", tuple(map(ScopeSet, ("a", "b", "c", "ab", (OFFLINE_ACCESS,))))),
    ("wider", tuple(map(ScopeSet, ("a", "d", "cd")))),
    ("empty", (NO_SCOPES,)),
    ("refused", (NO_SCOPES,)),
    ("invalid_scope", (NO_SCOPES,)),
)
GRANTINGS: Final = tuple(
    Granting(grant, change, change, says, reorders, refresh_token)
    for refresh_token in (True, False)
    for grant, changes in _GRANTS
    for change in changes
    for says, reorders in ((True, False), (False, False), (True, True))
)

_TOKEN_CHARACTERS: Final = "".join(chr(c) for c in range(0x21, 0x7F) if chr(c) not in '"\\')


def scope_tokens() -> SearchStrategy[str]:
    """Any scope-token by the grammar, short ones of familiar letters first."""
    return SCOPES | st.text(_TOKEN_CHARACTERS, min_size=1, max_size=8)


def scope_sets(
    elements: SearchStrategy[str] = SCOPES, *, min_size: int = 0, max_size: int = 4
) -> SearchStrategy[ScopeSet]:
    """Ordered scope sets."""
    return st.lists(elements, min_size=min_size, max_size=max_size, unique=True).map(ScopeSet)


@cache
def metadata_lists() -> SearchStrategy[tuple[str, ...] | None]:
    """`scopes_supported`: absent, a list, or the empty list that should not be published (META-1)."""
    return st.sampled_from(LISTS)


def challenge_lines() -> SearchStrategy[tuple[str, ...]]:
    """Raw `WWW-Authenticate` lines: one challenge in any of its legal spellings."""
    parameters = st.lists(
        st.tuples(
            st.sampled_from(("scope", "error", "resource_metadata", "realm")),
            scope_sets(scope_tokens(), min_size=1).map(str),
        ),
        unique_by=lambda parameter: parameter[0],
    )
    return st.builds(lambda name, given: SPELLINGS[name](given), st.sampled_from(tuple(SPELLINGS)), parameters)


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


@cache
def challengings(*, hostile: bool = True) -> SearchStrategy[Challenging]:
    """Ways of answering a request; `hostile` ones also challenge a token that would do."""
    return st.builds(
        lambda wording, spelling: replace(wording, spelling=spelling),
        st.sampled_from(WORDINGS if hostile else tuple(how for how in WORDINGS if how.rejects is None)),
        st.sampled_from(SPELLED if hostile else tuple(SPELLINGS)),
    )


@cache
def grantings() -> SearchStrategy[Granting]:
    """What an authorization server and its user may make of a request."""
    return st.sampled_from(GRANTINGS)


@cache
def servers() -> SearchStrategy[Servers]:
    """One or two resource servers, which share an authorization server or do not."""
    needs, listed = st.sampled_from(NEEDS), metadata_lists()
    resource = st.tuples(st.integers(0, 1), st.tuples(needs, needs, needs), listed, st.sampled_from(DESCRIBED))
    issuer = st.tuples(st.sampled_from(SERVER_LISTS), needs)
    return st.builds(
        _servers,
        st.lists(resource, min_size=1, max_size=len(RESOURCES)),
        st.lists(issuer, min_size=1, max_size=len(ISSUERS)),
    )


def _servers(
    resources: list[tuple[int, tuple[ScopeSet, ...], tuple[str, ...] | None, str | None]],
    issuers: list[tuple[tuple[str, ...] | None, ScopeSet]],
) -> Servers:
    named = ISSUERS[: len(issuers)]
    return Servers(
        resources={
            name: ResourceServer(
                name, named[at % len(named)], dict(zip(OPERATIONS, needs, strict=True)), listed, described
            )
            for name, (at, needs, listed, described) in zip(RESOURCES, resources, strict=False)
        },
        issuers={
            name: AuthorizationServer(name, listed, default)
            for name, (listed, default) in zip(ISSUERS, issuers, strict=False)
        },
    )


@cache
def plans(*, revision: Revision = "2026-07-28", grant_types: tuple[str, ...] = USER_DELEGATED) -> SearchStrategy[Plan]:
    """A world as it starts, with a client set up in it."""
    return st.builds(
        Plan,
        servers=servers(),
        revision=st.just(revision),
        configured=st.sampled_from(CONFIGURED),
        wants_refresh_token=st.sampled_from((True, False)),
        grant_type=st.sampled_from(grant_types),
    )


@cache
def make_calls(*, hostile: bool = True) -> SearchStrategy[MakeCall]:
    """Calls of any operation, with the choices that its servers make."""
    return st.builds(
        MakeCall,
        call=st.sampled_from(CALLS),
        challenges=st.lists(challengings(hostile=hostile), max_size=5).map(tuple),
        grants=st.lists(grantings(), max_size=3).map(tuple),
        persists=st.sampled_from((False, False, True) if hostile else (False,)),
    )


@cache
def steps(*, hostile: bool = True) -> SearchStrategy[EpisodeStep]:
    """Anything that may happen in a world."""
    resources = st.sampled_from(PLACES)
    return st.one_of(
        make_calls(hostile=hostile),
        make_calls(hostile=hostile),
        st.builds(ReportGrant, resources),
        st.builds(ExpireToken, resources),
        st.just(RestartClient()),
        st.builds(RepublishMetadata, resources, metadata_lists()),
        st.builds(MoveResource, resources, st.sampled_from(ISSUERS)),
    )


@cache
def related_steps(*, hostile: bool = True) -> SearchStrategy[tuple[EpisodeStep, ...]]:
    """Steps that belong together: an expiry shows only in the call that follows, a grant only in a report."""
    one, call = steps(hostile=hostile), make_calls(hostile=hostile)
    return st.one_of(
        st.tuples(one),
        st.tuples(st.just(ExpireToken(RESOURCES[0])), call.map(_at_the_first)),
        st.tuples(call, st.just(ReportGrant(RESOURCES[0]))),
        st.tuples(st.just(RestartClient()), call.map(_at_the_first)),
        st.tuples(
            *(st.just(ExpireToken(RESOURCES[0])), call.map(_at_the_first)) * 2, st.just(ReportGrant(RESOURCES[0]))
        ),
    )


def _at_the_first(step: MakeCall) -> MakeCall:
    return replace(step, call=Call(RESOURCES[0], step.call.operation))


@cache
def episodes(
    *,
    revision: Revision = "2026-07-28",
    grant_types: tuple[str, ...] = USER_DELEGATED,
    hostile: bool = True,
    most: int = 6,
) -> SearchStrategy[Episode]:
    """A world and what happens in it: a call first, then at `most` so many related_steps."""
    return st.builds(
        _episode,
        plans(revision=revision, grant_types=grant_types),
        st.tuples(make_calls(hostile=hostile))
        | st.tuples(make_calls(hostile=hostile), st.just(ReportGrant(RESOURCES[0]))),
        st.lists(related_steps(hostile=hostile), max_size=most),
    )


def _episode(plan: Plan, first: tuple[EpisodeStep, ...], rest: list[tuple[EpisodeStep, ...]]) -> Episode:
    return Episode(plan, tuple(fit_to_world(step, plan.servers) for step in (*first, *chain.from_iterable(rest))))


def fit_to_world(step: EpisodeStep, world: Servers) -> EpisodeStep:
    """The same step in a world that may have fewer servers than were drawn from: theirs become its first."""
    match step:
        case RestartClient():
            return step
        case OverlapCalls(first, second):
            one, other = fit_to_world(first, world), fit_to_world(second, world)
            assert isinstance(one, MakeCall)
            assert isinstance(other, MakeCall)
            # Two calls of the same operation at once could not be told apart on the wire.
            return one if one.call == other.call else OverlapCalls(one, other)
        case MakeCall(call):
            if call.resource in world.resources:
                return step
            return replace(step, call=Call(RESOURCES[0], call.operation))
        case MoveResource(resource, issuer):
            at = resource if resource in world.resources else RESOURCES[0]
            return MoveResource(at, issuer if issuer in world.issuers else ISSUERS[0])
        case _:
            return step if step.resource in world.resources else replace(step, resource=RESOURCES[0])


__all__ = [
    "ISSUERS",
    "NO_SCOPES",
    "OPERATIONS",
    "RESOURCES",
    "challenge_lines",
    "challengings",
    "episodes",
    "fit_to_world",
    "grantings",
    "make_calls",
    "metadata_lists",
    "plans",
    "raw_lines",
    "scope_sets",
    "scope_tokens",
    "scopes",
    "servers",
    "steps",
]

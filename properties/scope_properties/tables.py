"""What episodes are made of: a table for each thing that is drawn, the plainest first.

One draw from a table costs Hypothesis a tenth of building the same value part by part, and shrinks towards the
table's beginning.
"""

from __future__ import annotations

from typing import Final

from scope_model.client import Call, Heard
from scope_model.events import (
    AUTHORIZATION_CODE,
    CLIENT_CREDENTIALS,
    OFFLINE_ACCESS,
    TOKEN_EXCHANGE,
    AuthorizationResponse,
    AuthorizationServerMetadata,
    ClientRestarted,
    ProtectedResourceMetadata,
    Registered,
    ResourceResponse,
    TokenExpired,
    TokenResponse,
    Unavailable,
)
from scope_model.scopes import NO_SCOPES, ScopeSet
from scope_model.servers import Challenging, Granting, Grants, Named
from scope_model.spellings import MISSPELLINGS, SPELLINGS

from .episodes import Registration

PLAIN_SCOPES: Final = ("a", "b", "c", "d")
ODD_SCOPES: Final = ("a:read", "A", "e,f", OFFLINE_ACCESS)
RESOURCES: Final = ("https://one.example/mcp", "https://two.example/mcp")
ISSUERS: Final = ("https://as.example", "https://other-as.example")
USER_DELEGATED: Final = (AUTHORIZATION_CODE,)
WITHOUT_A_USER: Final = (CLIENT_CREDENTIALS, TOKEN_EXCHANGE)
OPERATIONS: Final = ("read", "write", "delete")

# The first resource is drawn more often, so that things happen to it in turn.
PLACES: Final = (RESOURCES[0], RESOURCES[0], RESOURCES[1])
CALLS: Final = tuple(Call(resource, operation) for resource in PLACES for operation in OPERATIONS)

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
    *(None,) * 6,
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
# Some resources publish metadata that speaks of another one (META-3): the second, since nothing works there then.
DESCRIBED: Final = ((*(None,) * 11, "https://elsewhere.example/mcp"), (None, None, "https://elsewhere.example/mcp"))
SPELLED: Final = (*SPELLINGS, *MISSPELLINGS)
REGISTRATIONS: Final[tuple[Registration, ...]] = (*("dynamic",) * 6, "known", "document")
CONFIGURED: Final = (
    *(None,) * 8,
    *map(ScopeSet, ("a", "k", "ak", (OFFLINE_ACCESS,), ("k", OFFLINE_ACCESS))),
)
GIVEN: Final = tuple(map(ScopeSet, ("a", "b", "c", "dc", ("A",), ("a:read",))))
_NAMED: Final[tuple[Named, ...]] = ("needed", "missing", "needed-and-held", *("unnamed",) * 4, *GIVEN)
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

UNEXPECTED_EVENTS: Final[tuple[Heard, ...]] = (
    Unavailable(),
    Registered(),
    ClientRestarted(),
    TokenExpired("t1"),
    Call(RESOURCES[0], OPERATIONS[0]),
    ResourceResponse(OPERATIONS[0], 200),
    ResourceResponse(OPERATIONS[0], 401, ('Bearer scope="x"',)),
    ProtectedResourceMetadata(),
    AuthorizationServerMetadata(),
    AuthorizationResponse(code=True),
    AuthorizationResponse(error="access_denied"),
    TokenResponse("t0", "x"),
    TokenResponse(error="invalid_grant"),
)
"""An event of every kind, from nowhere."""

"""What episodes are made of: a table for each thing that is drawn, the plainest first.

One draw from a table costs Hypothesis a tenth of building the same value part by part, and shrinks towards the
table's beginning.
"""

from __future__ import annotations

from typing import Final, TypeAlias

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
    RegistrationResponse,
    ResourceResponse,
    TokenExpired,
    TokenResponse,
    Unavailable,
)
from scope_model.scopes import NO_SCOPES, ScopeSet
from scope_model.servers import Challenging, Granting, Grants, Named, Registers, Rejects
from scope_model.spellings import MISSPELLINGS, SEVERAL, SPELLINGS
from scope_spec import Revision

from .episodes import Registration

PLAIN_SCOPES: Final = ("a", "b", "c", "d")
ODD_SCOPES: Final = ("a:read", "A", "e,f", OFFLINE_ACCESS)
LONG_SCOPES: Final = (
    "https://api.example/files",
    "https://api.example/files/",
    "urn:example:files",
    "api://7f3e/Files.Read",
    "x+y&z%20#1=2~3.4-5",
    "long-" * 20,
)
"""Scopes as the field names them, punctuation and all; the first two are not the same one."""
THIRTY: Final = tuple(f"s{number}" for number in range(1, 31))
RESOURCES: Final = ("https://one.example/mcp", "https://two.example/mcp")
ISSUERS: Final = ("https://as.example", "https://other-as.example")
USER_DELEGATED: Final = (AUTHORIZATION_CODE,)
WITHOUT_A_USER: Final = (CLIENT_CREDENTIALS, TOKEN_EXCHANGE)
STREAMING: Final[tuple[Revision, ...]] = ("2025-03-26", "2025-06-18", "2025-11-25")
"""The revisions that have streams (MCP, Streamable HTTP, Listening for Messages from the Server)."""
OPERATIONS: Final = ("read", "write", "delete")

# The first resource is drawn more often, so that things happen to it in turn.
PLACES: Final = (RESOURCES[0], RESOURCES[0], RESOURCES[1])
CALLS: Final = tuple(Call(resource, operation) for resource in PLACES for operation in OPERATIONS)

NEEDS: Final = tuple(
    ScopeSet(text.split())
    for text in (
        *("a", "b", "c", "d", "a b", "b c", "c a", "", "a:read", "a a:read", "A", "e,f", OFFLINE_ACCESS) * 2,
        "a b c",
        *LONG_SCOPES,
        " ".join(LONG_SCOPES[:2]),
        " ".join(THIRTY),
    )
)
LISTS: Final = (
    *(None,) * 12,
    *(
        tuple(text.split())
        for text in (
            *("a", "b", "a b", "b a", "c d", "a b c", f"a {OFFLINE_ACCESS}", "A a:read", "e,f", "") * 2,
            *LONG_SCOPES[1:],
            " ".join(LONG_SCOPES),
        )
    ),
)
SERVER_LISTS: Final = (
    *(None,) * 4,
    *(tuple(text.split()) for text in ("a", "a b c", "e,f", "")),
    *((OFFLINE_ACCESS,), ("a", OFFLINE_ACCESS), ("x", OFFLINE_ACCESS)) * 2,
)
_ELSEWHERE: Final = "https://elsewhere.example/mcp"
_GUARDED: Final = ((False, False), (True, True), (False, True), (True, False))
_OF_THE_FIRST: Final = (*((None, False),) * 9, (None, True), ("https://one.example", False), (_ELSEWHERE, False))
_OF_THE_SECOND: Final = ((None, False), (None, True), ("https://two.example", False), (_ELSEWHERE, False))
Described: TypeAlias = tuple[str | None, bool, bool, bool]
DESCRIBED: Final[tuple[tuple[Described, ...], ...]] = tuple(
    tuple((*described, *guarded) for described in of_one for guarded in _GUARDED)
    for of_one in (_OF_THE_FIRST, _OF_THE_SECOND)
)
"""For each resource what its metadata may wrongly describe (META-3), and whether it is there only after a 401; whether
it presumes a token, and whether it inserts the well-known name before its path.

The second has the oddities of metadata more often, since nothing works there then.
"""
_REGISTERS: Final[tuple[Registers, ...]] = ("another scope", "no scope")
_REGISTERING: Final[tuple[tuple[str | None, Registers], ...]] = (
    *((None, "as asked"),) * 12,
    *((None, registers) for registers in _REGISTERS * 2),
    (None, "nothing with a scope"),
    ("https://elsewhere.example", "as asked"),
)
_ENDPOINTS: Final = (
    *((rotates, keeps_secrets, False) for keeps_secrets in (False, True) for rotates in (True, True, True, False)),
    (True, False, True),
)
ISSUING: Final = tuple((*registering, *endpoints) for registering in _REGISTERING for endpoints in _ENDPOINTS)
"""What the metadata of an issuer may wrongly describe, and what it registers; whether it rotates refresh tokens, keeps
secrets, and answers in a form."""
HOSTS: Final = tuple((shares, again) for again in (False, False, False, True) for shares in (False, False, True))
"""Whether an application shares one configuration object, and whether it sends a failed call again."""
SPELLED: Final = (*SPELLINGS, *SEVERAL, *MISSPELLINGS)
DRESSED: Final = (*("plainly",) * 5, *("in another spelling",) * 5, "with a description")
"""How a challenge is written."""
REGISTRATIONS: Final[tuple[Registration, ...]] = (*("dynamic",) * 6, "known", "document")
CONFIGURED: Final = (
    *(None,) * 8,
    *map(ScopeSet, ("a", "k", "ak", (OFFLINE_ACCESS,), ("k", OFFLINE_ACCESS))),
)
GIVEN: Final = tuple(map(ScopeSet, ("a", "b", "c", "dc", ("A",), ("a:read",))))
_NAMED: Final[tuple[Named, ...]] = ("needed", "missing", "needed-and-held", *("unnamed",) * 4, *GIVEN, "empty")
_REJECTS: Final[tuple[Rejects | None, ...]] = (
    *(None, "insufficient_scope", "unauthorized", "forbidden") * 3,
    "bare_unauthorized",
    "another_error",
)
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
    ("refused_code", (NO_SCOPES,)),
)
GRANTINGS: Final = (
    *(
        Granting(grant, change, change, says, reorders, refresh_token)
        for refresh_token in (True, False)
        for grant, changes in _GRANTS
        for change in changes
        for says, reorders in ((True, False), (False, False), (True, True))
    ),
    *(Granting(commas=True, refresh_token=refresh_token) for refresh_token in (True, False) * 2),
    *(Granting(says=says, brief=True) for says in (True, False)),
)

UNEXPECTED_EVENTS: Final[tuple[Heard, ...]] = (
    Unavailable(),
    RegistrationResponse(),
    ClientRestarted(),
    TokenExpired("t1"),
    Call(RESOURCES[0], OPERATIONS[0]),
    ResourceResponse(OPERATIONS[0], 200),
    ResourceResponse(OPERATIONS[0], 401, ('Bearer scope="x"',)),
    ProtectedResourceMetadata(),
    AuthorizationServerMetadata(),
    AuthorizationResponse(code=True),
    AuthorizationResponse(error="access_denied"),
    RegistrationResponse(error="invalid_client_metadata"),
    TokenResponse("t0", "x"),
    TokenResponse(error="invalid_grant"),
)
"""An event of every kind, from nowhere."""

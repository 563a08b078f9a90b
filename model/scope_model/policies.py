"""Policies: how a client chooses its scopes, as values that read like the sentence they come from.

A selection is built from the sources of scopes (`challenge`, `resource_metadata`, ...) and a few combinators
(`first_of`, `accumulate`, ...). It is evaluated on what a client knows and answers with the scopes to
request, or None to leave the parameter out. Write your own in the same words:

>>> from scope_model.scopes import scopes
>>> mine = accumulate(granted, challenge).or_else(resource_metadata)
>>> mine
accumulate(granted, challenge).or_else(resource_metadata)
>>> mine(Sources(challenge=scopes("b"), granted=scopes("a")))
scopes('a b')
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import or_
from types import MappingProxyType
from typing import Final, Literal

from typing_extensions import override

from .events import OFFLINE_ACCESS, ConfiguredMode
from .scopes import NO_SCOPES, ScopeSet, scopes


@dataclass(frozen=True, slots=True)
class Sources:
    """What a client knows when it chooses: one scope set a source, None where the source is silent.

    `requested`, `granted` and `in_hand` are the client's own account of this issuer and resource; an empty
    list in metadata and an empty challenge count as silence (META-1, A6).
    """

    requested: ScopeSet | None = None
    granted: ScopeSet | None = None
    in_hand: ScopeSet | None = None
    challenge: ScopeSet | None = None
    resource_metadata: ScopeSet | None = None
    server_metadata: ScopeSet | None = None
    configured: ScopeSet | None = None
    wants_refresh_token: bool = False


class Selection(ABC):
    """A rule that turns what a client knows into the scopes of its next request."""

    __slots__ = ()

    @abstractmethod
    def __call__(self, sources: Sources) -> ScopeSet | None:
        """The scopes to request, or None to leave the parameter out."""

    def or_else(self, other: Selection) -> Selection:
        """This selection, and `other` where this one has nothing to say."""
        return _OrElse(self, other)


@dataclass(frozen=True, slots=True, repr=False)
class _Source(Selection):
    name: Literal["requested", "granted", "in_hand", "challenge", "resource_metadata", "server_metadata", "configured"]

    @override
    def __call__(self, sources: Sources) -> ScopeSet | None:
        found: ScopeSet | None = getattr(sources, self.name)
        return found or None

    def __repr__(self) -> str:
        return self.name


requested: Final[Selection] = _Source("requested")
granted: Final[Selection] = _Source("granted")
in_hand: Final[Selection] = _Source("in_hand")
challenge: Final[Selection] = _Source("challenge")
resource_metadata: Final[Selection] = _Source("resource_metadata")
server_metadata: Final[Selection] = _Source("server_metadata")
configured: Final[Selection] = _Source("configured")


@dataclass(frozen=True, slots=True, repr=False)
class _Current(Selection):
    @override
    def __call__(self, sources: Sources) -> ScopeSet | None:
        known = sources.requested if sources.granted is None else sources.granted
        return known or None

    def __repr__(self) -> str:
        return "current"


current: Final[Selection] = _Current()
"""The one set that some clients keep: what was granted where that is known, be it nothing, else what was
requested (A1, A2)."""


@dataclass(frozen=True, slots=True, repr=False)
class _OrElse(Selection):
    first: Selection
    second: Selection

    @override
    def __call__(self, sources: Sources) -> ScopeSet | None:
        return self.first(sources) or self.second(sources)

    def __repr__(self) -> str:
        return f"{self.first!r}.or_else({self.second!r})"


@dataclass(frozen=True, slots=True, repr=False)
class _FirstOf(Selection):
    choices: tuple[Selection, ...]

    @override
    def __call__(self, sources: Sources) -> ScopeSet | None:
        return next((found for choice in self.choices if (found := choice(sources))), None)

    def __repr__(self) -> str:
        return f"first_of({', '.join(map(repr, self.choices))})"


def first_of(*choices: Selection) -> Selection:
    """The first of `choices` that has anything to say: a priority order (SEL-1 to SEL-3)."""
    return _FirstOf(choices)


@dataclass(frozen=True, slots=True, repr=False)
class _Accumulate(Selection):
    parts: tuple[Selection, ...]

    @override
    def __call__(self, sources: Sources) -> ScopeSet | None:
        found = [known for part in self.parts if (known := part(sources))]
        return reduce(or_, found) if found else None

    def __repr__(self) -> str:
        return f"accumulate({', '.join(map(repr, self.parts))})"


def accumulate(*parts: Selection) -> Selection:
    """The union of all `parts` that have anything to say, in first-seen order (ACC-1, ACC-2)."""
    return _Accumulate(parts)


@dataclass(frozen=True, slots=True, repr=False)
class _Within(Selection):
    limit: Selection
    choice: Selection

    @override
    def __call__(self, sources: Sources) -> ScopeSet | None:
        chosen, limit = self.choice(sources), self.limit(sources)
        return chosen if chosen is None or limit is None else (chosen & limit) or None

    def __repr__(self) -> str:
        return f"within({self.limit!r}, {self.choice!r})"


def within(limit: Selection, choice: Selection) -> Selection:
    """What `choice` says, cut to `limit` where that is known: a client that supports only a subset (A11)."""
    return _Within(limit, choice)


@dataclass(frozen=True, slots=True, repr=False)
class _WithOfflineAccess(Selection):
    choice: Selection
    alone: bool
    unasked: bool

    @override
    def __call__(self, sources: Sources) -> ScopeSet | None:
        chosen, listed = self.choice(sources), sources.server_metadata or NO_SCOPES
        wanted = OFFLINE_ACCESS in listed and (self.unasked or sources.wants_refresh_token)
        if not wanted or (chosen is None and not self.alone):
            return chosen
        return (chosen or NO_SCOPES) | _OFFLINE

    def __repr__(self) -> str:
        flags = ", alone=True" * self.alone + ", unasked=True" * self.unasked
        return f"with_offline_access({self.choice!r}{flags})"


_OFFLINE: Final = scopes(OFFLINE_ACCESS)


def with_offline_access(choice: Selection, *, alone: bool = False, unasked: bool = False) -> Selection:
    """`choice`, and offline_access where it is wanted and the authorization server lists it (OFFLINE-1).

    Where `choice` leaves the parameter out, so does this, unless `alone` (A12). `unasked` adds it unwanted.
    """
    return _WithOfflineAccess(choice, alone, unasked)


@dataclass(frozen=True, slots=True, repr=False)
class _ChosenBy(Selection):
    function: Callable[[Sources], ScopeSet | None]

    @override
    def __call__(self, sources: Sources) -> ScopeSet | None:
        return self.function(sources) or None

    def __repr__(self) -> str:
        return f"chosen_by({self.function.__name__})"


def chosen_by(function: Callable[[Sources], ScopeSet | None]) -> Selection:
    """A caller's own selection function, which sees every source (A11)."""
    return _ChosenBy(function)


OnOmittedScope = Literal["retain", "keep", "clear", "forget"]
"""What a token response without `scope` means to a client: what this request asked (GRANT-1), the earlier
grant (A4), nothing at all, or nothing known."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How a client chooses, named after the document or discussion that it restates.

    `select` decides the first authorization; `step_up` the one after a 403 insufficient_scope, and
    `reauthorize` the one after a 401 on a token that was held: both are `select` where they are None.
    `attempts` bounds the authorization requests that one operation may cause until it is served (RETRY-1).
    """

    name: str
    says: str
    source: str
    select: Selection
    step_up: Selection | None = None
    reauthorize: Selection | None = None
    on_omitted_scope: OnOmittedScope = "retain"
    configured_mode: ConfiguredMode = "fallback"
    attempts: int = 3


_MCP: Final = "https://modelcontextprotocol.io/specification"
_SDK: Final = "https://github.com/modelcontextprotocol"
_RUST_888: Final = f"{_SDK}/rust-sdk/pull/888"
_CSHARP_1238: Final = f"{_SDK}/csharp-sdk/pull/1238"

mcp_2025_11_25: Final = Policy(
    name="mcp-2025-11-25",
    says="The challenge, else the resource metadata, else what the caller configured, else nothing; a "
    "step-up chooses afresh.",
    source=f"{_MCP}/2025-11-25/basic/authorization#scope-selection-strategy",
    select=first_of(challenge, resource_metadata, configured),
)

mcp_2026_07_28: Final = Policy(
    name="mcp-2026-07-28",
    says="The challenge, else the resource metadata, else what the caller configured, else nothing; whoever "
    "authorizes again asks for all that was requested or granted before, together with the challenge.",
    source=f"{_MCP}/2026-07-28/basic/authorization#scope-selection-strategy",
    select=with_offline_access(first_of(challenge, resource_metadata, configured)),
    step_up=with_offline_access(accumulate(requested, granted, first_of(challenge, resource_metadata))),
    reauthorize=with_offline_access(
        accumulate(requested, granted, challenge).or_else(first_of(resource_metadata, configured))
    ),
)

rust_sdk_before_888: Final = Policy(
    name="rust-sdk-before-888",
    says="One source wins, and a challenge replaces what was asked before; an omitted scope clears the account.",
    source=_RUST_888,
    select=first_of(challenge, resource_metadata, server_metadata, configured),
    on_omitted_scope="clear",
)

rust_sdk_after_888: Final = Policy(
    name="rust-sdk-after-888",
    says="The union of the current scopes, the challenge and the resource metadata; the authorization "
    "server's list, then the defaults, only seed the first request. What a token response says is "
    "current from then on, and one that omits the scope retains what was asked.",
    source=_RUST_888,
    select=accumulate(current, challenge, resource_metadata).or_else(first_of(server_metadata, configured)),
)

csharp_sdk_before_1238: Final = Policy(
    name="csharp-sdk-before-1238",
    says="The challenge, else the resource metadata, else what the caller configured.",
    source=_CSHARP_1238,
    select=first_of(challenge, resource_metadata, configured),
)

csharp_sdk_after_1238: Final = Policy(
    name="csharp-sdk-after-1238",
    says="What the caller configured, used instead of anything that the server advertises: to add "
    "offline_access, or because the client supports only a subset.",
    source=_CSHARP_1238,
    select=first_of(configured, challenge, resource_metadata),
    configured_mode="override",
)

configured_subset: Final = Policy(
    name="configured-subset",
    says="A client that supports only some scopes: the usual choice, never beyond what the caller configured.",
    source=_CSHARP_1238,
    select=within(configured, first_of(challenge, resource_metadata)),
    step_up=within(configured, accumulate(requested, granted, first_of(challenge, resource_metadata))),
    reauthorize=within(configured, accumulate(requested, granted, challenge).or_else(resource_metadata)),
    configured_mode="ceiling",
)

typescript_sdk_described: Final = Policy(
    name="typescript-sdk-described",
    says="The challenge, else the resource metadata, else the client metadata's own scope.",
    source=_CSHARP_1238,
    select=first_of(challenge, resource_metadata, configured),
)

python_sdk_described: Final = Policy(
    name="python-sdk-described",
    says="The challenge, else the resource metadata, else the authorization server's list, else nothing; "
    "what the caller configured is overwritten.",
    source=_CSHARP_1238,
    select=first_of(challenge, resource_metadata, server_metadata),
    configured_mode="none",
)

# The SDKs as released: what each asks for, as far as a choice among sources can say it. A policy does not say
# how they read headers, order scopes, count retries, refresh, restart, or go on after an abandoned request:
# that is measured on the SDKs themselves.

python_sdk_1_30: Final = Policy(
    name="python-sdk-1.30",
    says="The challenge, else the resource metadata, else the authorization server's list, afresh each "
    "time; nothing is remembered, and what the caller configured is overwritten.",
    source=f"{_SDK}/python-sdk",
    select=first_of(challenge, resource_metadata, server_metadata),
    on_omitted_scope="forget",
    configured_mode="none",
)

_PYTHON_2: Final = with_offline_access(first_of(challenge, resource_metadata, server_metadata))

python_sdk_2_3: Final = Policy(
    name="python-sdk-2.3",
    says="The challenge, else the resource metadata, else the authorization server's list; a 403 adds that "
    "to all that was requested or granted before, a 401 starts afresh, and what the caller configured "
    "is overwritten.",
    source=f"{_SDK}/python-sdk",
    select=_PYTHON_2,
    step_up=accumulate(requested, granted, _PYTHON_2),
    configured_mode="none",
)

typescript_sdk_1_32: Final = Policy(
    name="typescript-sdk-1.32",
    says="The challenge, else the resource metadata, else the client metadata's own scope, afresh each "
    "time (with a refresh token it refreshes instead and never steps up, which a policy cannot say).",
    source=f"{_SDK}/typescript-sdk",
    select=first_of(challenge, resource_metadata, configured),
    on_omitted_scope="forget",
)

typescript_sdk_2_4: Final = Policy(
    name="typescript-sdk-2.4",
    says="The challenge, else the resource metadata, else the client metadata's own scope; a 403 adds its "
    "scopes to those of the stored token, which are none after a token response without scope "
    "(earlier challenges of the session join too, which a policy cannot say).",
    source=f"{_SDK}/typescript-sdk",
    select=with_offline_access(first_of(challenge, resource_metadata, configured)),
    step_up=with_offline_access(accumulate(granted, challenge).or_else(first_of(resource_metadata, configured))),
    on_omitted_scope="forget",
)

rust_sdk_2_2: Final = Policy(
    name="rust-sdk-2.2",
    says="What the caller configured, else the challenge, the resource metadata or the authorization "
    "server's list; a step-up adds the challenge to what was granted, which an omitted scope clears, "
    "and offline_access joins wherever it is listed.",
    source=f"{_SDK}/rust-sdk",
    select=with_offline_access(first_of(configured, challenge, resource_metadata, server_metadata), unasked=True),
    step_up=with_offline_access(accumulate(granted, challenge), unasked=True),
    on_omitted_scope="clear",
    configured_mode="override",
)

rust_sdk_3_9: Final = Policy(
    name="rust-sdk-3.9",
    says="What the caller configured, else the challenge together with the resource metadata, else the "
    "authorization server's list; a step-up adds the challenge alone to the current scopes, and "
    "offline_access joins wherever it is listed.",
    source=f"{_SDK}/rust-sdk",
    select=with_offline_access(
        first_of(configured, accumulate(challenge, resource_metadata), server_metadata), unasked=True
    ),
    step_up=with_offline_access(accumulate(current, challenge), unasked=True),
    configured_mode="override",
)

_GO: Final = with_offline_access(first_of(challenge, resource_metadata), alone=True)

go_sdk_1_8: Final = Policy(
    name="go-sdk-1.8",
    says="The challenge, else the resource metadata, with offline_access or that alone; each later request "
    "adds this to the current scopes.",
    source=f"{_SDK}/go-sdk",
    select=_GO,
    step_up=accumulate(current, _GO),
    reauthorize=accumulate(current, _GO),
    configured_mode="none",
)

POLICIES: Final = MappingProxyType(
    {
        policy.name: policy
        for policy in (
            mcp_2026_07_28,
            mcp_2025_11_25,
            rust_sdk_before_888,
            rust_sdk_after_888,
            csharp_sdk_before_1238,
            csharp_sdk_after_1238,
            configured_subset,
            typescript_sdk_described,
            python_sdk_described,
            python_sdk_1_30,
            python_sdk_2_3,
            typescript_sdk_1_32,
            typescript_sdk_2_4,
            rust_sdk_2_2,
            rust_sdk_3_9,
            go_sdk_1_8,
        )
    }
)
"""Every named policy, the reference first."""


def own_function(choose: Callable[[Sources], ScopeSet | None]) -> Policy:
    """The policy of a caller who chooses alone, with every source in view (the last wish of PR 1238)."""
    selection = chosen_by(choose)
    return Policy(
        name=choose.__name__,
        says=(choose.__doc__ or "A caller's own selection function.").strip(),
        source=_CSHARP_1238,
        select=selection,
    )

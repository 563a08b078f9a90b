"""Policies: how a client chooses, named after the document or the discussion that each restates.

A policy is made of selections, and of the few things that a selection cannot say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from .events import ConfiguredMode
from .scopes import ScopeSet
from .selections import (
    Selection,
    Sources,
    accumulate,
    challenge,
    chosen_by,
    configured,
    current,
    first_of,
    granted,
    requested,
    resource_metadata,
    server_metadata,
    with_offline_access,
    within,
)

OnOmittedScope = Literal["retain", "keep", "clear", "forget"]
"""What a token response without `scope` means to a client: what this request asked (GRANT-1), the earlier
grant (A4), nothing at all, or nothing known."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How a client chooses, and where that is said.

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
        )
    }
)
"""Every policy that a document or a discussion describes, the reference first."""


def own_function(choose: Callable[[Sources], ScopeSet | None]) -> Policy:
    """The policy of a caller who chooses alone, with every source in view (the last wish of PR 1238)."""
    selection = chosen_by(choose)
    return Policy(
        name=choose.__name__,
        says=(choose.__doc__ or "A caller's own selection function.").strip(),
        source=_CSHARP_1238,
        select=selection,
    )

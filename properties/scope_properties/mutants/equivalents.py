"""Clients that look wrong and are not: what cannot be killed, and why."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from scope_model.policies import Policy, mcp_2026_07_28
from scope_model.selections import challenge, first_of, resource_metadata
from scope_spec import Revision

from .alterations import FIRST, NEVER_OFFLINE, REFERENCE, choosing


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
        NEVER_OFFLINE,
    ),
    Equivalent(
        "replaces-at-2025-11-25",
        "asks for the challenge alone at step-up",
        "at 2025-11-25 the server accumulates, and the selection strategy decides each step-up afresh (STEP-4)",
        choosing(FIRST, first_of(challenge, resource_metadata), FIRST),
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
        replace(REFERENCE, attempts=2),
    ),
)
"""All of them."""

"""What a client does: the reference model, small, typed, pure and total.

>>> from scope_model import POLICIES, parse_challenges, read_scope
>>> [challenge] = parse_challenges(['Bearer error="insufficient_scope", scope="files:write"'])
>>> read_scope("files:read") | read_scope(challenge.get("scope"))
scopes('files:read files:write')
>>> "mcp-2026-07-28" in POLICIES
True
"""

from .challenges import Challenge, MalformedChallenge, bearer_challenge, parse_challenges
from .client import Call, Client, step
from .events import Event, Header, Transcript
from .policies import POLICIES, Policy, own_function
from .scopes import NO_SCOPES, MalformedScope, Scope, ScopeSet, parse_scope, read_scope
from .servers import AuthorizationServer, Challenging, Granting, ResourceServer, Servers, answer

__all__ = [
    "NO_SCOPES",
    "POLICIES",
    "AuthorizationServer",
    "Call",
    "Challenge",
    "Challenging",
    "Client",
    "Event",
    "Granting",
    "Header",
    "MalformedChallenge",
    "MalformedScope",
    "Policy",
    "ResourceServer",
    "Scope",
    "ScopeSet",
    "Servers",
    "Transcript",
    "answer",
    "bearer_challenge",
    "own_function",
    "parse_challenges",
    "parse_scope",
    "read_scope",
    "step",
]

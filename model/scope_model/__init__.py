"""What a client does: the reference model, small, typed, pure and total.

>>> from scope_model import POLICIES, parse_challenges, read_scope
>>> [challenge] = parse_challenges(['Bearer error="insufficient_scope", scope="files:write"'])
>>> read_scope("files:read") | read_scope(challenge.get("scope"))
scopes('files:read files:write')
>>> "mcp-2026-07-28" in POLICIES
True

What is sent follows the grammar, and what is received may be anything:

>>> from scope_model import NO_SCOPES, ScopeSet, bearer_challenge, parse_scope
>>> parse_scope("files:read  files:write")
MalformedScope(text='files:read  files:write', reason='scope-tokens are separated by exactly one space')
>>> NO_SCOPES | ScopeSet(["b", "a", "b"])
scopes('b a')
>>> parse_challenges(['Bearer scope="b'])[1:]
(MalformedChallenge(line='Bearer scope="b', column=7),)
>>> bearer_challenge(parse_challenges(['Basic, Bearer scope="b"']))
Challenge(scheme='Bearer', parameters=(('scope', 'b'),), token68=None)

A client and the servers are values, which `step` and `answer` take from one message to the next:

>>> from scope_model import AuthorizationServer, Call, Client, Freedom, ResourceServer, Servers, answer, step
>>> resource = ResourceServer("https://rs.example/mcp", "https://as.example", {"read": ScopeSet(["files:read"])})
>>> servers = Servers({resource.resource: resource}, {resource.issuer: AuthorizationServer(resource.issuer)})
>>> client, request = step(Client(), Call(resource.resource, "read"))
>>> servers, response = answer(servers, request, Freedom())
>>> response.status, bearer_challenge(parse_challenges(response.www_authenticate)).get("scope")
(401, 'files:read')
>>> client, request = step(client, response)
>>> request
FetchResourceMetadata(resource='https://rs.example/mcp')

How a client is set up is a `Setup`, with a policy of those that are known or one's own, and what the servers are free
to do is said message by message:

>>> from scope_model import Challenging, Granting, Setup, own_function
>>> def all_at_once(sources):
...     "Ask for everything."
...     return sources.resource_metadata
>>> Client(Setup(own_function(all_at_once))).setup.policy.says
'Ask for everything.'
>>> Freedom(Challenging(scope="empty"), Granting("narrower", without=ScopeSet(["b"]))).granting.says
True
"""

from .challenges import Challenge, MalformedChallenge, bearer_challenge, parse_challenges
from .client import Call, Client, Setup, step
from .events import Event, Header, Transcript
from .policies import POLICIES, Policy, own_function
from .scopes import NO_SCOPES, MalformedScope, Scope, ScopeSet, parse_scope, read_scope
from .servers import AuthorizationServer, Challenging, Freedom, Granting, ResourceServer, Servers, answer

__all__ = [
    "NO_SCOPES",
    "POLICIES",
    "AuthorizationServer",
    "Call",
    "Challenge",
    "Challenging",
    "Client",
    "Event",
    "Freedom",
    "Granting",
    "Header",
    "MalformedChallenge",
    "MalformedScope",
    "Policy",
    "ResourceServer",
    "Scope",
    "ScopeSet",
    "Servers",
    "Setup",
    "Transcript",
    "answer",
    "bearer_challenge",
    "own_function",
    "parse_challenges",
    "parse_scope",
    "read_scope",
    "step",
]

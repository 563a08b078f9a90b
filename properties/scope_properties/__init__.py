"""What must always hold: laws, strategies and a state machine over the reference model.

`machine_for(subject)` is the state machine for any client, a `ScopeMachine`, and `machine_for(subject).TestCase` its
test case, for unittest and pytest alike; `plans()` and its like are Hypothesis strategies, and
`scope_properties.strategies` has the one of whole episodes, beside a module of that name. What is not exported here
may change.

>>> from scope_properties import LAWS, ModelSubject, machine_for
>>> machine_for(ModelSubject()).TestCase.__mro__[1].__module__
'unittest.case'
>>> len(LAWS) > 20
True

An `Episode` is a `Plan`, the world as it starts, and what happens in it; `run` plays it with any `Subject`, which opens
a `Session` for it, and gives the transcript. `MUTANTS` are clients that break a clause or a law each.

>>> from scope_judge import judge
>>> from scope_model import AuthorizationServer, Call, ResourceServer, ScopeSet, Servers
>>> from scope_properties import MUTANTS, Episode, ExpireToken, MakeCall, Plan, run
>>> files = ResourceServer("https://rs.example/mcp", "https://as.example", {"read": ScopeSet(["files:read"])})
>>> servers = Servers({files.resource: files}, {files.issuer: AuthorizationServer(files.issuer)})
>>> steps = (MakeCall(Call(files.resource, "read")), ExpireToken(files.resource))
>>> [type(event).__name__ for event in run(Episode(Plan(servers), steps), ModelSubject()).events][-4:]
['ResourceRequest', 'ResourceResponse', 'CallEnded', 'TokenExpired']
>>> judge(run(Episode(Plan(servers), steps), ModelSubject()))
[]
>>> any(mutant.clause == "ACC-1" for mutant in MUTANTS.values())
True
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .episodes import Episode, ExpireToken, MakeCall, Plan
    from .laws import LAWS
    from .machine import ScopeMachine, machine_for
    from .model_subject import ModelSubject
    from .mutants import MUTANTS
    from .runs import run
    from .strategies import (
        challenge_lines,
        challengings,
        grantings,
        make_calls,
        metadata_lists,
        plans,
        raw_lines,
        related_steps,
        scope_sets,
        scope_tokens,
    )
    from .subjects import Session, Subject

__all__ = [
    "LAWS",
    "MUTANTS",
    "Episode",
    "ExpireToken",
    "MakeCall",
    "ModelSubject",
    "Plan",
    "ScopeMachine",
    "Session",
    "Subject",
    "challenge_lines",
    "challengings",
    "grantings",
    "machine_for",
    "make_calls",
    "metadata_lists",
    "plans",
    "raw_lines",
    "related_steps",
    "run",
    "scope_sets",
    "scope_tokens",
]

_HOMES: Final = {
    "LAWS": "laws",
    "MUTANTS": "mutants",
    "Episode": "episodes",
    "ExpireToken": "episodes",
    "MakeCall": "episodes",
    "ModelSubject": "model_subject",
    "Plan": "episodes",
    "ScopeMachine": "machine",
    "Session": "subjects",
    "Subject": "subjects",
    "challenge_lines": "strategies",
    "challengings": "strategies",
    "grantings": "strategies",
    "metadata_lists": "strategies",
    "related_steps": "strategies",
    "machine_for": "machine",
    "make_calls": "strategies",
    "plans": "strategies",
    "raw_lines": "strategies",
    "run": "runs",
    "scope_sets": "strategies",
    "scope_tokens": "strategies",
}


# Any: what is exported has as many types as names. Looked up late, so that Hypothesis is loaded by whoever needs it.
def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)

"""The same laws, put to other clients: worlds, subjects, reports and the command line.

In a test of your own client::

    from scope_oracle import check, from_httpx_auth

    subject = from_httpx_auth(lambda app: MyAuth(app.server_url, app.redirect_uri, app.browser))

    def test_scopes():
        check(subject).raise_for_findings()

`from_httpx_auth` makes a subject of an `httpx.Auth`, and `in_process` one of a `PythonClient`, which any other client
derives from; both build it for an `Application`, and give an `InProcess`. `check` puts a subject through episodes and
gives a `Checked`, which raises `Findings`, and `replay` plays one episode again. `Expected` is a finding that is known.
`HttpRequest` and `HttpResponse` are what `Application.send` takes and gives. What cannot be checked raises
`SubjectUnavailable`, `DriverFault`, `UnknownName`, `BadExpectation` or `BadReplay`.

What is not exported here may change.

>>> from scope_oracle import Expected, Findings, check, replay
>>> checked = check("mcp-2025-11-25", select="ACC-1", examples=20)
>>> [(each.finding.cause, each.finding.verdict) for each in checked.failing()]
[('dropped', 'discouraged')]
>>> try:
...     checked.raise_for_findings()
... except Findings as findings:
...     str(findings).splitlines()[0]
'ACC-1/dropped  discouraged  mcp-2025-11-25'
>>> replay("mcp-2025-11-25", checked.result.broken[0].replay).splitlines()[0]
'mcp-2025-11-25, 2026-07-28'
>>> known = Expected("ACC-1", "https://github.com/my/client/issues/7", cause="dropped")
>>> check("mcp-2025-11-25", select="ACC-1", examples=20, expect=[known]).raise_for_findings()

A client that is no `httpx.Auth` says how it calls a tool, and what it cannot do needs no word:

>>> from scope_oracle import HttpResponse, PythonClient, from_httpx_auth, in_process
>>> class Mine(PythonClient):
...     def call(self, operation):
...         answer: HttpResponse = self.app.send(self.app.tool_call(operation))
>>> from_httpx_auth(lambda app: MyAuth(app.server_url, app.redirect_uri, app.browser), "mine").name
'mine'
>>> check(in_process(Mine), examples=1)
Traceback (most recent call last):
    ...
scope_oracle.subjects.DriverFault: nothing can be tested: no authorization request arrived
>>> check("mcp-2025-11-52")
Traceback (most recent call last):
    ...
scope_oracle.names.UnknownName: unknown subject 'mcp-2025-11-52'; did you mean mcp-2025-11-25 or mcp-2026-07-28?
>>> check(Mine)
Traceback (most recent call last):
    ...
scope_oracle.subjects.SubjectUnavailable: Mine is no subject; from_httpx_auth and in_process make one of a client
>>> check("model", expect="nowhere.toml")
Traceback (most recent call last):
    ...
scope_oracle.expecting.BadExpectation: cannot read nowhere.toml: no such file or directory
>>> replay("model", "eNql")
Traceback (most recent call last):
    ...
scope_oracle.replays.BadReplay: the replay is cut short, or too large
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .expecting import BadExpectation, Expected
    from .names import UnknownName
    from .replays import BadReplay
    from .subjects import DriverFault, SubjectUnavailable
    from .subjects.application import Application, InProcess, PythonClient, from_httpx_auth, in_process
    from .testing import Checked, Findings, check, replay
    from .world import HttpRequest, HttpResponse

__all__ = [
    "Application",
    "BadExpectation",
    "BadReplay",
    "Checked",
    "DriverFault",
    "Expected",
    "Findings",
    "HttpRequest",
    "HttpResponse",
    "InProcess",
    "PythonClient",
    "SubjectUnavailable",
    "UnknownName",
    "check",
    "from_httpx_auth",
    "in_process",
    "replay",
]

_HOMES: Final = {
    "Application": "subjects.application",
    "BadExpectation": "expecting",
    "BadReplay": "replays",
    "Checked": "testing",
    "DriverFault": "subjects",
    "Expected": "expecting",
    "Findings": "testing",
    "HttpRequest": "world",
    "HttpResponse": "world",
    "InProcess": "subjects.application",
    "PythonClient": "subjects.application",
    "SubjectUnavailable": "subjects",
    "UnknownName": "names",
    "check": "testing",
    "from_httpx_auth": "subjects.application",
    "in_process": "subjects.application",
    "replay": "testing",
}


# Any: what is exported has as many types as names. Looked up late, because pytest loads the plugin of this package
# in every run, and most runs check nothing.
def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)

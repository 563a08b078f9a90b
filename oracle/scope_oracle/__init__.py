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

"""The same laws, put to other clients: worlds, subjects, reports and the command line.

In a test of your own client::

    from scope_oracle import check, from_httpx_auth

    def test_scopes():
        check(from_httpx_auth(lambda app: MyAuth(app.server_url, browser=app.browser))).raise_for_findings()

What is not exported here may change.
"""

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

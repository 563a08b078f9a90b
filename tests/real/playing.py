"""The reference client at real servers: what it is made to do, and a recording of all that went over the wire."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.cookies import SimpleCookie
from pathlib import Path
from time import sleep
from typing import Final
from urllib.parse import quote, urljoin, urlsplit

from drivers.reference import BACK, JSON, Answered, Application, Front
from real.serving import AUTHORIZATION_SERVER, MCP_SERVERS, releases, serving
from scope_model.client import Client, Setup
from scope_properties.model_subject import ModelSubject

SCOPES: Final = ("read", "write")
BRIEF: Final = 3
"""A short lifetime in seconds: by a clock of whole seconds a token may be good for one less."""

AS: Final = "https://as.example"
RS: Final = "https://mcp.example"
"""What the servers are called in a recording, wherever they were."""

_KEPT: Final = ("accept", "authorization", "content-type", "location", "www-authenticate")
"""The headers that a recording keeps."""

Entry = dict[str, dict[str, object]]


@dataclass
class UserAgent:
    """A way to real servers, in which a redirect is followed until it leads to the application; all is recorded."""

    entries: list[Entry] = field(default_factory=list)

    def send(self, method: str, url: str, body: str | None = None, headers: dict[str, str] | None = None) -> Answered:
        """Send one request, and then what the redirects ask for, with the cookies that came."""
        cookies: SimpleCookie = SimpleCookie()
        answered = self._send(method, url, body, headers or {})
        while (place := next(iter(answered.values("location")), BACK)) and not place.startswith(BACK):
            for cookie in answered.values("set-cookie"):
                cookies.load(cookie)
            url = urljoin(url, place)
            answered = self._send("GET", url, None, {"Cookie": cookies.output([], "", ";")})
        return answered

    def _send(self, method: str, url: str, body: str | None, headers: dict[str, str]) -> Answered:
        parts = urlsplit(url)
        connection = HTTPConnection(parts.netloc, timeout=30)
        try:
            connection.request(method, f"{parts.path}?{parts.query}".rstrip("?"), body, headers)
            response = connection.getresponse()
            pairs = [(name.lower(), value) for name, value in response.getheaders()]
            answered = Answered(response.status, pairs, response.read())
        finally:
            connection.close()
        self.entries.append(entry(method, url, body, headers, answered))
        return answered


def entry(method: str, url: str, body: str | None, headers: Mapping[str, str], answered: Answered) -> Entry:
    """One exchange, as a HAR file has it."""
    request: dict[str, object] = {"method": method, "url": url, "headers": _pairs(headers.items())}
    if body is not None:
        request["postData"] = {"text": body}
    content = {"text": answered.body.decode()}
    return {
        "request": request,
        "response": {"status": answered.status, "headers": _pairs(answered.headers), "content": content},
    }


def _pairs(headers: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in headers if name.lower() in _KEPT]


# --- what the client is made to do ----------------------------------------------------------------


@dataclass
class Stage:
    """One application at real servers, and its user."""

    application: Application
    issuer: str

    def call(self, operation: str) -> bool:
        """Whether an operation was served in the end."""
        return self.application.call("one", operation)["outcome"] == "served"

    def user(self, *, withholds: Sequence[str] = (), refuses: bool = False) -> None:
        """Let the user decide so the next time; no part of OAuth, and not recorded."""
        UserAgent().send("PUT", f"{self.issuer}/user", json.dumps({"withholds": withholds, "refuses": refuses}), JSON)

    def revoke(self) -> None:
        """Let the user take back all consent."""
        UserAgent().send("DELETE", f"{self.issuer}/user")


@dataclass(frozen=True)
class Play:
    """How the servers are set up, and what then happens."""

    happens: Callable[[Stage], None]
    rotates: bool = True
    lifetime: int = 3600
    requires: tuple[str, ...] = ("read",)
    lists: tuple[str, ...] = SCOPES
    wants_refresh_token: bool = True


def _steps_up(stage: Stage) -> None:
    """The user consents, and the clock passes the end of a lifetime."""
    stage.call("read")
    stage.call("write")
    stage.application.expire("one")
    stage.call("write")
    stage.application.restart()
    stage.call("read")


def _thinks_again(stage: Stage) -> None:
    """The user refuses, and when asked again withholds a scope, and consents to it when asked once more."""
    stage.user(refuses=True)
    stage.call("write")
    stage.user(withholds=["write"])
    stage.call("write")


def _takes_back(stage: Stage) -> None:
    """The user takes the consent back."""
    stage.call("read")
    stage.revoke()
    stage.application.expire("one")
    stage.call("read")


def _outlives(stage: Stage) -> None:
    """The resource server finds the token too old before the client does."""
    stage.call("read")
    sleep(BRIEF + 0.1)
    stage.call("read")


def _reads(stage: Stage) -> None:
    """One call."""
    stage.call("read")


def _registers_otherwise(stage: Stage) -> None:
    """Other clients register there, too: one that names its scopes, and one that leaves all to the server."""
    stage.call("read")
    register_otherwise(stage.application.front)


def register_otherwise(front: Front) -> None:
    """Register two more clients wherever one is registered."""
    for known in front.endpoints.values():
        for more in ({"scope": "read"}, {}):
            registration = {"redirect_uris": [BACK], "application_type": "native", **more}
            front.web.send("POST", known["registration_endpoint"], json.dumps(registration), JSON)


PLAYS: Final[Mapping[str, Play]] = {
    "steps-up": Play(_steps_up),
    "thinks-again": Play(_thinks_again, requires=SCOPES),
    "takes-back": Play(_takes_back),
    "outlives": Play(_outlives, rotates=False, lifetime=BRIEF),
    "has-no-refresh-token": Play(_outlives, lifetime=BRIEF, wants_refresh_token=False),
    "wants-too-much": Play(_reads, requires=("read", "admin"), lists=("read", "admin")),
    "registers-otherwise": Play(_registers_otherwise),
    "names-no-scope": Play(_reads, requires=(), lists=(), wants_refresh_token=False),
}
"""What is played at each MCP server."""


def play(name: str, server: str, folder: Path) -> str:
    """Play at fresh servers; gives the recording, a HAR file in which nothing depends on the day or the machine."""
    plays, user_agent = PLAYS[name], UserAgent()
    with _servers(plays, server, folder) as (issuer, resource):
        setup = Setup(wants_refresh_token=plays.wants_refresh_token)
        application = Application(ModelSubject(), {"one": resource}, Client(setup), Front(user_agent))
        plays.happens(Stage(application, issuer))
    entries = _named(user_agent.entries, {issuer: AS, resource.removesuffix("/mcp"): RS})
    log = {"version": "1.2", "_servers": releases(server), "entries": entries}
    return json.dumps({"log": log}, indent=1) + "\n"


@contextmanager
def _servers(plays: Play, server: str, folder: Path) -> Iterator[tuple[str, str]]:
    options: dict[str, object] = {"scopes": SCOPES, "lifetime": plays.lifetime, "rotates": plays.rotates}
    with serving(AUTHORIZATION_SERVER, folder, options) as issuer:
        options = {"issuer": issuer, "requires": plays.requires, "lists": plays.lists}
        options["tools"] = {"read": [], "write": ["write"]}
        with serving(MCP_SERVERS[server], folder, options) as resource:
            yield issuer, resource


# --- a recording that is the same every day -------------------------------------------------------

_SECRETS: Final = {
    "access_token": "t",
    "refresh_token": "r",
    "client_id": "client-",
    "client_secret": "secret-",
    "registration_access_token": "registration-",
    "code": "code-",
    "uid": "uid-",
}
_SECRET: Final = re.compile(
    rf'"({"|".join(_SECRETS)})":"([^"]+)"'.replace('"', r"\\\"") + r"|[?&/](code|auth|interaction)[=/]([\w-]{20,})"
)


def _named(entries: list[Entry], origins: Mapping[str, str]) -> list[Entry]:
    """The same entries with names for where the servers were and for what they made up."""
    text = json.dumps(entries)
    for origin, name in origins.items():
        text = text.replace(origin, name).replace(quote(origin, ""), quote(name, ""))
    text = re.sub(r"(client_id_issued_at\\\":)\d+", r"\g<1>0", text)
    known: dict[str, str] = {}
    counts: dict[str, int] = {}
    for kind, secret in (filter(None, found) for found in _SECRET.findall(text)):
        prefix = _SECRETS.get(kind, "uid-")
        if secret not in known:
            counts[prefix] = counts.get(prefix, 0) + 1
            known[secret] = f"{prefix}{counts[prefix]}"
    for secret in sorted(known, key=len, reverse=True):
        text = text.replace(secret, known[secret])
    found: list[Entry] = json.loads(text)
    return found

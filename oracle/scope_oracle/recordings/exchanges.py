"""One HTTP exchange, whatever recorded it: a request and, where it came, the response to it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

# Any: JSON from elsewhere, of which nothing is known before it is looked at.
Json = Any
Parameters = tuple[tuple[str, str], ...]
Headers = Mapping[str, tuple[str, ...]]

HEADERS: Final = frozenset(
    (
        *("accept", "authorization", "content-type", "location", "origin", "user-agent", "www-authenticate"),
        *("mcp-protocol-version", "mcp-session-id"),
    )
)
"""The headers that are looked at."""

_PORTS: Final = {"http": "80", "https": "443"}
_BLANK: Final = "\ufeff \t\r\n"
_ANSWER: Final = re.compile(r"(?:\w+=[^&\s]*&)*(?:access_token|error)=[^&\s]")
"""How the answer of a token endpoint begins that is a form, whatever it is called."""


@dataclass(slots=True, eq=False)
class Exchange:
    """A request and its response; a status of 0 is an answer that never came, a body of None one that was not kept.

    `place` is the URL without its query, `number` where it stood in the recording, counted from 1, and `ended` when
    the response was there. `doubled` marks what a service worker answered, and may have asked for again itself.
    """

    number: int
    begun: float
    ended: float
    method: str
    place: str
    query: str
    sent: Headers
    posted: str | None
    status: int
    received: Headers
    body: str | None
    redirect: str = ""
    doubled: bool = False
    _request: Json = field(default=None, init=False)
    _form: Parameters | None = field(default=None, init=False)
    _answer: Json = field(default=None, init=False)

    @property
    def request(self) -> Json:
        """The JSON that was sent, None where it was none."""
        if self._request is None:
            self._request = (read_json(self.posted),)
        return self._request[0]

    @property
    def answer(self) -> dict[str, Json]:
        """The members of the answer, from JSON or from a form; none where there are none."""
        if self._answer is None:
            read = read_json(self.body)
            if read is None and self.body:
                body = self.body.strip(_BLANK)
                if "form-urlencoded" in self.received_one("content-type") or _ANSWER.match(body):
                    read = dict(parameters(body))
            self._answer = read if isinstance(read, dict) else {}
        answer: dict[str, Json] = self._answer
        return answer

    @property
    def form(self) -> Parameters:
        """What was posted, from a form or from the strings of a JSON object."""
        if self._form is None:
            sent = self.request
            if isinstance(sent, dict):
                self._form = tuple((name, value) for name, value in sent.items() if isinstance(value, str))
            else:
                self._form = () if sent is not None else parameters((self.posted or "").strip(_BLANK))
        return self._form

    def received_one(self, name: str) -> str:
        """The first header of a name in the response, empty where there is none."""
        values = self.received.get(name)
        return values[0] if values else ""

    def sent_one(self, name: str) -> str:
        """The first header of a name in the request, empty where there is none."""
        values = self.sent.get(name)
        return values[0] if values else ""


def read_json(text: str | None) -> Json:
    """What a text says as JSON, a byte order mark and blanks before it notwithstanding; None where it is none."""
    if not text:
        return None
    if text[0] not in "{[":
        text = text.lstrip(_BLANK)
        if text[:1] not in ("{", "["):
            return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


@lru_cache(maxsize=256)  # the same one is looked at from several sides
def parameters(text: str) -> Parameters:
    """The parameters of a query or a form."""
    if "=" not in text:
        return ()
    try:
        return tuple(parse_qsl(text, keep_blank_values=True))
    except ValueError:
        return ()


def one(given: Parameters, name: str) -> str | None:
    """The first parameter of a name."""
    for known, value in given:
        if known == name:
            return value
    return None


_LONGEST_URL: Final = 1 << 20


@lru_cache(maxsize=4096)
def split(url: str) -> tuple[str, str] | None:
    """A URL as its place and its query, None for what is no URL, or longer than any."""
    if len(url) > _LONGEST_URL:
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path}", parts.query


@lru_cache(maxsize=4096)
def same_place(url: str) -> str:
    """A URL without what makes no difference to where it leads: query, trailing slash, default port, user."""
    place = url.partition("?")[0].partition("#")[0].rstrip("/")
    scheme, colon, rest = place.partition("://")
    if not colon:
        return place
    authority, slash, path = rest.partition("/")
    authority = authority.rpartition("@")[2].lower()
    host, _, port = authority.rpartition(":")
    if host and port == _PORTS.get(scheme.lower()):
        authority = host
    return f"{scheme.lower()}://{authority}{slash}{path}"


def origin(url: str) -> str:
    """Scheme, host and port."""
    return "/".join(same_place(url).split("/", 3)[:3])


_STRUCK_OUT: Final = re.compile(
    r"\s*(?:\[.*\]|<.*>|\{.*\}|[*•…]+|[*x•.…_-]{2,}|redacted|removed|hidden|masked|sanitized|filtered|omitted|)\s*"
    r"|.*(?:\*\*\*|•••|redacted).*",
    re.IGNORECASE | re.DOTALL,
)


@lru_cache(maxsize=4096)
def struck_out(value: str) -> bool:
    """Whether somebody wrote this in place of a secret, so that equal values need not have been equal."""
    return len(value) < _LONGEST_MARK and _STRUCK_OUT.fullmatch(value) is not None


_LONGEST_MARK: Final = 200

STRUCK_OUT: Final = "struck-out"
"""The name of every token that somebody replaced by a mark: one value, which nobody saw issued."""

"""HAR 1.2: the exchanges that a browser, or a proxy, exports.

One entry is read at a time, so that what is never looked at takes no room. Browsers leave things out: headers that
carry credentials, bodies that were evicted, a Location of which only `redirectURL` is left.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Final
from urllib.parse import unquote_plus, urlencode

from scope_oracle.transcripts import UnusableTranscript

from .exchanges import HEADERS, Exchange, Headers, Json, split

LONGEST_BODY: Final = 1 << 20
"""No message of OAuth is longer; a body that is counts as one that was not kept."""

_SPACE: Final = re.compile(r"[ \t\r\n]*")
_DECODER: Final = json.JSONDecoder()


def read(data: bytes) -> list[Exchange]:
    """Read a HAR file; raises UnusableTranscript."""
    found = []
    for number, entry in enumerate(entries(data), 1):
        exchange = _exchange(number, entry) if isinstance(entry, dict) else None
        if exchange is not None:
            found.append(exchange)
    return found


def entries(data: bytes) -> Iterator[Json]:
    """The entries of a HAR file, one after the other; raises UnusableTranscript."""
    try:
        text = _Text(data.decode("utf-8-sig"))
        found = False
        for _ in _reaching(text, "log"):
            for _ in _reaching(text, "entries"):
                if text.next() == "[":
                    found = True
                    yield from text.elements()
        text.close()
    except UnicodeDecodeError:
        raise UnusableTranscript("not a HAR file: not UTF-8") from None
    except (ValueError, RecursionError):
        raise UnusableTranscript("not a HAR file: not JSON") from None
    if not found:
        raise UnusableTranscript("not a HAR file: log.entries, a list, is missing")


def _reaching(text: _Text, wanted: str) -> Iterator[None]:
    """Each time that the value of a member of this name begins; a value that is no object has no members."""
    if text.next() != "{":
        text.value()
        return
    for name in text.members():
        if name == wanted:
            yield


class _Text:
    """JSON that is read a value at a time, in C; raises ValueError where it is none."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def next(self) -> str:
        """The character that the next value or sign begins with."""
        blank = _SPACE.match(self._text, self._at)
        self._at = self._at if blank is None else blank.end()
        if self._at == len(self._text):
            raise ValueError("cut short")
        return self._text[self._at]

    def value(self) -> Json:
        """Read the next value, whole."""
        self.next()
        read, self._at = _DECODER.raw_decode(self._text, self._at)
        return read

    def members(self) -> Iterator[str]:
        """The names in an object, each time with its value next, which is passed over where nobody reads it."""
        for _ in self._listed("}"):
            name = self.value()
            if not isinstance(name, str) or self.next() != ":":
                raise ValueError("no object")
            self._at += 1
            begun = self._at
            yield name
            blank = _SPACE.match(self._text, begun)
            if self._at <= (begun if blank is None else blank.end()):
                self.value()

    def elements(self) -> Iterator[Json]:
        """The values in a list."""
        for _ in self._listed("]"):
            yield self.value()

    def close(self) -> None:
        """Make sure that nothing follows."""
        blank = _SPACE.fullmatch(self._text, self._at)
        if blank is None:
            raise ValueError("it goes on")

    def _listed(self, end: str) -> Iterator[None]:
        self._at += 1
        if self.next() == end:
            self._at += 1
            return
        while True:
            yield
            sign = self.next()
            self._at += 1
            if sign == end:
                return
            if sign != ",":
                raise ValueError("neither a comma nor an end")


def _exchange(number: int, entry: dict[str, Json]) -> Exchange | None:
    request, response = entry.get("request"), entry.get("response")
    if not isinstance(request, dict) or not isinstance(request.get("url"), str):
        return None
    url = split(request["url"])
    if url is None:
        return None
    if not isinstance(response, dict):
        response = {}
    begun, status = _started(entry), response.get("status")
    took = entry.get("time")
    return Exchange(
        number,
        begun,
        begun + (took / 1000 if begun and isinstance(took, int | float) and 0 < took < _LONGEST_TIME else 0),
        _text(request.get("method")).upper(),
        *url,
        _headers(request.get("headers")),
        _posted(request.get("postData")),
        status if isinstance(status, int) and status > 0 else 0,
        _headers(response.get("headers")),
        _content(response.get("content")),
        _text(response.get("redirectURL")),
        response.get("_fetchedViaServiceWorker") is True,
    )


_LONGEST_TIME: Final = 1e9


def _started(entry: dict[str, Json]) -> float:
    """When an entry began; those that do not say stand first, in the order of the file."""
    try:
        return datetime.fromisoformat(entry["startedDateTime"]).timestamp()
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return 0.0


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""


def _headers(value: Json) -> Headers:
    """The headers that are looked at; most are not, and of those it is kept that there were any."""
    found: dict[str, tuple[str, ...]] = {}
    for pair in value if isinstance(value, list) else ():
        try:
            name, text = _KNOWN_AS[pair["name"]], pair["value"]
        except (KeyError, TypeError):
            name, text = _looked_up(pair)
        if name and isinstance(text, str):
            # Some tools join repeated headers with line breaks.
            found[name] = (*found.get(name, ()), *text.split("\n"))
    if not found and value:
        found[""] = ()
    return found


_KNOWN_AS: Final[dict[str, str]] = {}
"""The names of headers as they were met, each with what it is known as: empty where nobody looks at it."""


def _looked_up(pair: Json) -> tuple[str, Json]:
    name = _text(pair.get("name")) if isinstance(pair, dict) else ""
    known = name.lower() if name.lower() in HEADERS else ""
    if name and len(_KNOWN_AS) < _MOST_NAMES:
        _KNOWN_AS[name] = known
    return known, pair.get("value") if known else None


_MOST_NAMES: Final = 1000


def _pairs(value: Json) -> list[tuple[str, str]]:
    listed = value if isinstance(value, list) else []
    return [(_text(pair.get("name")), _text(pair.get("value"))) for pair in listed if isinstance(pair, dict)]


def _posted(value: Json) -> str | None:
    """What was sent: as text, or as the parameters of a form, which some tools leave encoded."""
    if not isinstance(value, dict):
        return None
    text = value.get("text")
    if isinstance(text, str) and text:
        return text if len(text) <= LONGEST_BODY else None
    pairs = _pairs(value.get("params"))
    if any(_ENCODED.search(each) for _, each in pairs):
        pairs = [(name, unquote_plus(each)) for name, each in pairs]
    return urlencode(pairs) if pairs else text if isinstance(text, str) else None


_ENCODED: Final = re.compile("%[0-9A-Fa-f]{2}")


def _content(value: Json) -> str | None:
    """The text of a response, None where it was not kept."""
    text = value.get("text") if isinstance(value, dict) else None
    if not isinstance(text, str) or len(text) > LONGEST_BODY or (not text and value.get("size") not in (0, -1, None)):
        return None
    if value.get("encoding") != "base64":
        return text
    try:
        return base64.b64decode(text).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return None

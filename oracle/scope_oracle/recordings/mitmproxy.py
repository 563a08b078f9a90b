"""mitmproxy's own dump: what `mitmdump -w FILE` writes, a tagged netstring a flow.

5:hello,    bytes        5:hello;  text        2:42#  3:1.5^  4:true!  0:~     numbers, truth, nothing
9:2:42#3:abc,]           a list                ...}                            an object: keys and values in turn
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from scope_oracle.transcripts import UnusableTranscript

from .exchanges import HEADERS, Exchange, Headers, Json, split
from .har import LONGEST_BODY

_DEEPEST: Final = 50
_MOST_DIGITS: Final = 12


def read(data: bytes) -> list[Exchange]:
    """Read a dump; raises UnusableTranscript."""
    found = []
    for number, flow in enumerate(_flows(memoryview(data)), 1):
        exchange = _exchange(number, flow) if isinstance(flow, dict) else None
        if exchange is not None:
            found.append(exchange)
    return found


# --- the format -----------------------------------------------------------------------------------


def _flows(data: memoryview) -> Iterator[Json]:
    at = 0
    while at < len(data):
        try:
            value, at = _value(data, at, 0)
        except (ValueError, TypeError):
            raise UnusableTranscript("not a dump of mitmproxy, or one that was cut short") from None
        yield value


def _value(data: memoryview, at: int, depth: int) -> tuple[Json, int]:
    """The value that begins at a place, and where the next one does."""
    digits = bytes(data[at : at + _MOST_DIGITS]).partition(b":")[0]
    if not digits.isdigit() or depth > _DEEPEST:
        raise ValueError("no length")
    begun = at + len(digits) + 1
    end = begun + int(digits)
    if end >= len(data):
        raise ValueError("cut short")
    inside, tag = data[begun:end], chr(data[end])
    if tag in "]}":
        values = list(_values(inside, depth + 1))
        return (values if tag == "]" else dict(zip(values[::2], values[1::2], strict=True))), end + 1
    return _PLAIN[tag](bytes(inside)) if tag in _PLAIN else None, end + 1


def _values(inside: memoryview, depth: int) -> Iterator[Json]:
    at = 0
    while at < len(inside):
        value, at = _value(inside, at, depth)
        yield value


_PLAIN: Final[Mapping[str, Callable[[bytes], Json]]] = MappingProxyType(
    {
        ",": bytes,
        ";": lambda text: text.decode("utf-8", "replace"),
        "#": int,
        "^": float,
        "!": lambda text: text == b"true",
    }
)


# --- a flow ---------------------------------------------------------------------------------------


def _exchange(number: int, flow: dict[Json, Json]) -> Exchange | None:
    request, response = flow.get("request"), flow.get("response")
    if not isinstance(request, dict):
        return None
    sent = _headers(request.get("headers"))
    url = split(_url(request, sent))
    if url is None:
        return None
    if not isinstance(response, dict):
        response = {}
    received, status = _headers(response.get("headers")), response.get("status_code")
    begun = _time(request.get("timestamp_start"), 0.0)
    return Exchange(
        number,
        begun,
        max(begun, _time(response.get("timestamp_end"), begun)),
        _text(request.get("method")).upper(),
        *url,
        sent,
        _body(request.get("content"), sent),
        status if isinstance(status, int) else 0,
        received,
        _body(response.get("content"), received),
    )


def _url(request: dict[Json, Json], sent: Headers) -> str:
    """The URL as the client knows it: a proxy may have been told to connect elsewhere."""
    host, port = _text(request.get("host")), request.get("port")
    authority = next(iter(sent.get("host", ())), "") or _text(request.get("authority")) or f"{host}:{port}"
    return f"{_text(request.get('scheme'))}://{authority}{_text(request.get('path'))}"


def _text(value: Json) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value if isinstance(value, str) else ""


def _time(value: Json, otherwise: float) -> float:
    return float(value) if isinstance(value, int | float) else otherwise


def _headers(value: Json) -> Headers:
    found: dict[str, tuple[str, ...]] = {}
    for pair in value if isinstance(value, list | tuple) else ():
        if isinstance(pair, list | tuple) and len(pair) == 2:
            name = _text(pair[0]).lower()
            if name in HEADERS or name in ("host", "content-encoding"):
                found[name] = (*found.get(name, ()), _text(pair[1]))
    if not found and value:
        found[""] = ()
    return found


def _body(value: Json, headers: Headers) -> str | None:
    """A body as text, None where it was not kept or is packed in a way that is not known here."""
    if not isinstance(value, bytes) or len(value) > LONGEST_BODY:
        return None
    packed = next(iter(headers.get("content-encoding", ())), "identity").strip().lower()
    if packed not in _UNPACKING:
        return None
    try:
        return _UNPACKING[packed](value).decode("utf-8", "replace")
    except (OSError, EOFError, zlib.error):
        return None


def _gunzip(data: bytes) -> bytes:
    return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(data, LONGEST_BODY)


_UNPACKING: Final[Mapping[str, Callable[[bytes], bytes]]] = MappingProxyType(
    {
        "identity": bytes,
        "": bytes,
        "gzip": _gunzip,
        "x-gzip": _gunzip,
        "deflate": lambda data: zlib.decompressobj().decompress(data, LONGEST_BODY),
    }
)

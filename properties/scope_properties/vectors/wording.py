"""The words of a transcript: the scopes, tokens and names that it speaks of, and the same transcript in other words."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Final, TypeVar

from scope_model.events import Event, Header, ResourceResponse, Transcript

Rewrite = Callable[[str], str | None]
"""What becomes of a word: another one, or None where it is left out."""

Part = TypeVar("Part", bound=Event | Header)
Members = tuple[str, ...]

SCOPES: Final[Members] = ("scope", "scopes_supported", "granted", "configured_scopes")
ACCESS_TOKENS: Final[Members] = ("access_token",)
REFRESH_TOKENS: Final[Members] = ("refresh_token",)
OPERATIONS: Final[Members] = ("operation",)
RESOURCES: Final[Members] = ("resource",)
ISSUERS: Final[Members] = ("issuer", "authorization_servers")

_PARAMETER: Final = re.compile(r'(\bscope\s*=\s*)("(?:\\.|[^"\\])*"|[^\s,"]+)', re.IGNORECASE)


def words_of(transcript: Transcript, members: Members) -> list[str]:
    """The words that stand in some members, in the order in which they are first seen."""
    seen: dict[str, None] = {}

    def see(word: str) -> str:
        seen.setdefault(word)
        return word

    reworded(transcript, members, see)
    return list(filter(None, seen))


def reworded(transcript: Transcript, members: Members, rewrite: Rewrite) -> Transcript:
    """The same transcript with each word of some members rewritten, in its challenges too where scopes are."""
    events = tuple(reworded_part(event, members, rewrite) for event in transcript.events)
    return Transcript(reworded_part(transcript.header, members, rewrite), events)


def reworded_part(part: Part, members: Members, rewrite: Rewrite) -> Part:
    """The same event, or header, with each word of some members rewritten."""
    changed: dict[str, object] = {}
    for field in fields(part):
        value = getattr(part, field.name)
        if field.name in members and value is not None:
            changed[field.name] = _value(value, rewrite)
    if members is SCOPES and isinstance(part, ResourceResponse):
        changed["www_authenticate"] = tuple(_line(line, rewrite) for line in part.www_authenticate)
    # The names are those of the dataclass itself, and the values of the types that they had.
    return replace(part, **changed) if changed else part  # type: ignore[arg-type]


def without(gone: str) -> Rewrite:
    """Every word but one is kept."""
    return lambda word: None if word == gone else word


def exchanging(one: str, other: str) -> Rewrite:
    """Two words change places."""
    names = {one: other, other: one}
    return lambda word: names.get(word, word)


def _value(value: str | tuple[str, ...], rewrite: Rewrite) -> str | tuple[str, ...] | None:
    if isinstance(value, str):
        return _text(value, rewrite) if value else value
    texts = (_text(text, rewrite) if text else text for text in value)
    return tuple(text for text in texts if text is not None)


def _text(text: str, rewrite: Rewrite) -> str | None:
    """Each word of a text rewritten, its spaces kept; None where no word is left."""
    words = [rewrite(word) if word else word for word in text.split(" ")]
    kept = [word for word in words if word is not None]
    return " ".join(kept) if any(kept) else None


def _line(line: str, rewrite: Rewrite) -> str:
    """A header line with the scopes of its challenges rewritten, each in the spelling that it had."""

    def escaping(word: str) -> str | None:
        new = rewrite(word.replace("\\", ""))
        return new if new is None or "\\" not in word else "".join(f"\\{letter}" for letter in new)

    def said(found: re.Match[str]) -> str:
        name, value = found.groups()
        quote = '"' if value.startswith('"') else ""
        inner = value[1:-1] if quote else value
        return f"{name}{quote}{_text(inner, escaping) or ''}{quote}"

    return _PARAMETER.sub(said, line)

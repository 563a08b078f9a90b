"""Smaller transcripts: the smallest that still shows what is looked for, found by leaving out and by plainer words.

Greedy and deterministic. What counts is first how much else is wrong or odd, then the number of events, then of
their members, and then the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields, replace
from functools import lru_cache
from typing import Final

from scope_model.challenges import Challenge, parse_challenges
from scope_model.events import OFFLINE_ACCESS, CallEnded, CallStarted, Event, Header, ResourceResponse, Transcript

from .plausible import oddities
from .wording import (
    ACCESS_TOKENS,
    ISSUERS,
    OPERATIONS,
    REFRESH_TOKENS,
    RESOURCES,
    SCOPES,
    exchanging,
    reworded,
    reworded_part,
    without,
    words_of,
)

Shows = Callable[[Transcript], int | None]
"""How much else a transcript shows beside what is looked for, None where it does not show that."""

Weight = tuple[int, int, int, list[str]]

_PLAIN: Final = {
    SCOPES: ("a", "b", "c", "d"),
    ACCESS_TOKENS: ("t1", "t2", "t3", "t4"),
    REFRESH_TOKENS: ("r1", "r2", "r3"),
    OPERATIONS: ("read", "write"),
    RESOURCES: ("https://one.example/mcp", "https://two.example/mcp"),
    ISSUERS: ("https://as.example", "https://other-as.example"),
}
_MEANT: Final = frozenset((OFFLINE_ACCESS, "decoy"))
"""Words that are no mere names."""


def smallest(transcript: Transcript, shows: Shows) -> Transcript:
    """The smallest transcript found from this one on that still shows it; this one where it does not."""
    others = shows(transcript)
    if others is None:
        return transcript
    best, improved = (others + _odd(transcript), weight(transcript)), True
    while improved:
        improved = False
        for simplify in _SIMPLIFICATIONS:
            found = _improved(transcript, best, simplify, shows)
            while found is not None:
                (transcript, best), improved = found, True
                found = _improved(transcript, best, simplify, shows)
    return transcript


def _improved(
    transcript: Transcript,
    best: tuple[int, Weight],
    simplify: Callable[[Transcript], Iterator[Transcript]],
    shows: Shows,
) -> tuple[Transcript, tuple[int, Weight]] | None:
    for simpler in simplify(transcript):
        weighed = weight(simpler)
        odd = oddities(simpler.events) if weighed < best[1] else None
        others = None if odd is None or odd > best[0] else shows(simpler)
        if odd is not None and others is not None and others + odd <= best[0]:
            return simpler, (others + odd, weighed)
    return None


def _odd(transcript: Transcript) -> int:
    odd = oddities(transcript.events)
    return len(transcript.events) if odd is None else odd


# --- how much there is to read --------------------------------------------------------------------


def weight(transcript: Transcript) -> Weight:
    """How much there is to read in a transcript: events, members, letters, and then the letters themselves."""
    parts = [_weight(transcript.header), *map(_weight, transcript.events)]
    texts = [text for _, text in parts]
    return len(transcript.events), sum(members for members, _ in parts), sum(map(len, texts)), texts


@lru_cache(maxsize=100_000)
def _weight(part: Event | Header) -> tuple[int, str]:
    said = [
        value
        for field in fields(part)
        if (value := getattr(part, field.name)) != field.default or field.default is MISSING
    ]
    letters = repr(said).swapcase()  # small letters first
    return sum(len(value) if isinstance(value, tuple) else 1 for value in said), letters


# --- simpler transcripts --------------------------------------------------------------------------


def _prefixes(transcript: Transcript) -> Iterator[Transcript]:
    for end in range(1, len(transcript.events)):
        yield Transcript(transcript.header, transcript.events[:end])


def _without_runs(transcript: Transcript) -> Iterator[Transcript]:
    events = tuple(transcript.events)
    for length in range(len(events) // 2, 0, -1):
        for at in range(len(events) - length + 1):
            yield Transcript(transcript.header, events[:at] + events[at + length :])


def _without_pairs(transcript: Transcript) -> Iterator[Transcript]:
    events = tuple(transcript.events)
    for one in range(len(events)):
        for other in range(one + 1, len(events)):
            yield Transcript(transcript.header, events[:one] + events[one + 1 : other] + events[other + 1 :])


def _with_fewer_members(transcript: Transcript) -> Iterator[Transcript]:
    header, events = transcript.header, tuple(transcript.events)
    for members in (RESOURCES, ISSUERS):
        yield reworded(transcript, members, lambda _: None)
    for plainer in _without_members(header):
        yield Transcript(plainer, events)
    for at, event in enumerate(events):
        for simpler in _simpler(event):
            yield Transcript(header, (*events[:at], simpler, *events[at + 1 :]))


def _without_members(part: Header | Event) -> Iterator:  # type: ignore[type-arg]
    for field in fields(part):
        if field.default is not MISSING and getattr(part, field.name) != field.default:
            yield replace(part, **{field.name: field.default})


def _simpler(event: Event) -> Iterator[Event]:
    yield from _without_members(event)
    for word in _words(event):
        yield reworded_part(event, SCOPES, without(word))
    if isinstance(event, ResourceResponse):
        for lines in _simpler_lines(event.www_authenticate):
            yield replace(event, www_authenticate=lines)


def _words(event: Event) -> list[str]:
    return words_of(Transcript(Header("2026-07-28"), (event,)), SCOPES)


_NAMED: Final = r'\b\w+\s*=\s*(?:"(?:\\.|[^"\\])*"|[^\s,"]+)'
_PARAMETERS: Final = (re.compile(rf"{_NAMED}[\s,]*(?=\w+\s*=)"), re.compile(rf"[\s,]*{_NAMED}"))


def _simpler_lines(lines: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for at, line in enumerate(lines):
        yield lines[:at] + lines[at + 1 :]
        plain = re.search(r'\bscope="[^"]*"', line)
        if plain is not None:
            yield (f"Bearer {plain[0]}",)
            yield (f'Bearer error="insufficient_scope", {plain[0]}',)
        for parameter in _PARAMETERS:
            for found in parameter.finditer(line):
                shorter = (line[: found.start()] + line[found.end() :]).rstrip(" ,")
                if _schemes(shorter) == _schemes(line):
                    yield (*lines[:at], shorter, *lines[at + 1 :])


def _schemes(line: str) -> list[str | None]:
    """The schemes of the challenges in a line, None for what is none."""
    return [part.scheme if isinstance(part, Challenge) else None for part in parse_challenges((line,))]


def _without_words(transcript: Transcript) -> Iterator[Transcript]:
    for word in words_of(transcript, SCOPES):
        yield reworded(transcript, SCOPES, without(word))


def _without_a_call(transcript: Transcript) -> Iterator[Transcript]:
    """The same without where a call begins and ends, the later ones counted anew."""
    for gone in {event.call for event in transcript.events if isinstance(event, CallStarted)}:
        events = []
        for event in transcript.events:
            if not isinstance(event, (CallStarted, CallEnded)) or event.call < gone:
                events.append(event)
            elif event.call > gone:
                events.append(replace(event, call=event.call - 1))
        yield Transcript(transcript.header, tuple(events))


def _renamed(transcript: Transcript) -> Iterator[Transcript]:
    for members, plain in _PLAIN.items():
        used = words_of(transcript, members)
        for old in used:
            for new in plain:
                if old not in _MEANT and old not in plain[: plain.index(new) + 1]:
                    yield reworded(transcript, members, exchanging(old, new))


_SIMPLIFICATIONS: Final = (
    _prefixes,
    _without_a_call,
    _without_runs,
    _without_pairs,
    _with_fewer_members,
    _without_words,
    _renamed,
)

"""Sequence diagrams: where each line of an exchange is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from scope_model.events import AuthorizationRequest, AuthorizationResponse, Event

from .exchange import Exchange, Line

_CLIENT: Final = "client"
_USER: Final = "user"
_IN_FULL: Final = {"server": "resource server", "AS": "authorization server"}
"""What the short names of an exchange are short for."""


@dataclass(frozen=True, slots=True)
class Step:
    """A line with its place: the lanes, counted from 0, that it leaves and reaches, and the one that it goes through.

    What merely happens reaches nobody: `to` is None.
    """

    line: Line
    leaves: int
    to: int | None
    through: int | None

    @property
    def begins(self) -> int:
        """The leftmost lane that it touches."""
        return self.leaves if self.to is None else min(self.leaves, self.to)


@dataclass(frozen=True, slots=True)
class Diagram:
    """Lanes by their names, from left to right, and the steps between them."""

    lanes: tuple[str, ...]
    steps: tuple[Step, ...]


def diagram(told: Exchange, events: Sequence[Event]) -> Diagram:
    """Place an exchange: the resource servers, the client, its user, the authorization servers.

    An authorization request and its response go through the user's browser (RFC 6749 section 4.1).
    """
    parties = list(dict.fromkeys(name for line in told.lines for name in (line.speaker, line.hearer) if name))
    redirected = {line.event for line in told.lines if isinstance(events[line.event], _REDIRECTS)}
    servers = [name for name in sorted(parties, key=_number) if name.startswith("server")]
    issuers = [name for name in sorted(parties, key=_number) if name.startswith("AS")]
    lanes = [*servers, _CLIENT, *([_USER] if redirected else []), *issuers]
    steps = tuple(
        Step(
            line,
            lanes.index(line.speaker if line.speaker in lanes else _CLIENT),
            lanes.index(line.hearer) if line.hearer else None,
            lanes.index(_USER) if line.event in redirected and line.hearer else None,
        )
        for line in told.lines
    )
    return Diagram(tuple(map(_in_full, lanes)), steps)


_REDIRECTS: Final = (AuthorizationRequest, AuthorizationResponse)
_NUMBERS: Final = ("", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def _number(name: str) -> int:
    number = name.partition(" ")[2]
    return _NUMBERS.index(number) if number in _NUMBERS else int(number) if number.isdigit() else 0


def _in_full(lane: str) -> str:
    role, _, number = lane.partition(" ")
    return f"{_IN_FULL.get(role, role)} {number}".rstrip()

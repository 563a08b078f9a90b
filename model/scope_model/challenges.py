"""`WWW-Authenticate`: the challenges of RFC 9110 section 11, read in linear time and without ever failing.

    WWW-Authenticate = #challenge                                                 (section 11.6.1)
    challenge        = auth-scheme [ 1*SP ( token68 / #auth-param ) ]             (section 11.3)
    auth-param       = token BWS "=" BWS ( token / quoted-string )                (section 11.2)
    #element         = [ element ] *( OWS "," OWS [ element ] )                   (section 5.6.1.2)

A comma separates parameters and challenges alike. What comes after it is a parameter of the challenge in
force where a `=` follows the token, and a new challenge otherwise: the grammar leaves no other way to tell.
Several header lines are one list (section 5.3).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

# Possessive, since nothing that can follow begins with what is repeated: no input is tried twice.
TOKEN: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
_QUOTED: Final = r'"((?:[^"\\\x00-\x08\x0a-\x1f\x7f]++|\\[\t -~\x80-\xff])*+)"'
_PARAMETER: Final = re.compile(rf"({TOKEN})[ \t]*=[ \t]*(?:{_QUOTED}|({TOKEN}))[ \t]*(?:,[ \t,]*|$)").match
_TOKEN68: Final = r"[A-Za-z0-9\-._~+/]+=*"
_END: Final = r"(?=[ \t]*(?:,|$))"
_SCHEME: Final = re.compile(rf"({TOKEN})(?: +({_TOKEN68}){_END}|{_END}|(?= ))[ \t,]*").match
_QUOTED_PAIR: Final = re.compile(r"\\(.)").sub


@dataclass(frozen=True, slots=True)
class Challenge:
    """One challenge: its scheme as sent, and its parameters in order, names in lower case, values unquoted.

    A name that was sent twice is kept twice; `get` answers with the first (PARSE-2, PARSE-3).
    """

    scheme: str
    parameters: tuple[tuple[str, str], ...] = ()
    token68: str | None = None

    def get(self, name: str) -> str | None:
        """The value of the parameter `name` (lower case), or None; whole names only (PARSE-8)."""
        for known, value in self.parameters:
            if known == name:
                return value
        return None

    @property
    def is_bearer(self) -> bool:
        """Whether the scheme is Bearer, in whatever case (PARSE-3)."""
        return self.scheme.lower() == "bearer"


@dataclass(frozen=True, slots=True)
class MalformedChallenge:
    """The rest of a header line from the column at which the grammar was left."""

    line: str
    column: int


def parse_challenges(lines: Iterable[str]) -> tuple[Challenge | MalformedChallenge, ...]:
    """Read `WWW-Authenticate` lines (decoded as ISO-8859-1); what surrounds an error is kept.

    Linear in the length of the lines; never raises (PARSE-3 to PARSE-9).
    """
    found: list[Challenge | MalformedChallenge] = []
    scheme: str | None = None
    token68: str | None = None
    parameters: list[tuple[str, str]] = []
    for line in lines:
        at = len(line) - len(line.lstrip(" \t,"))
        while at < len(line):
            parameter = _PARAMETER(line, at) if scheme is not None and token68 is None else None
            if parameter is not None:
                name, quoted, token = parameter.groups()
                value = token if quoted is None else _QUOTED_PAIR(r"\1", quoted) if "\\" in quoted else quoted
                parameters.append((name.lower(), value))
                at = parameter.end()
                continue
            if scheme is not None:
                found.append(Challenge(scheme, tuple(parameters), token68))
                scheme, token68, parameters = None, None, []
            named = _SCHEME(line, at)
            if named is None:
                found.append(MalformedChallenge(line, at))
                break
            scheme, token68 = named.groups()
            at = named.end()
    if scheme is not None:
        found.append(Challenge(scheme, tuple(parameters), token68))
    return tuple(found)


def bearer_challenge(challenges: Iterable[Challenge | MalformedChallenge]) -> Challenge | None:
    """The Bearer challenge to answer: the one with insufficient_scope, else the first, never a mixture (A16)."""
    first: Challenge | None = None
    for challenge in challenges:
        if isinstance(challenge, Challenge) and challenge.is_bearer:
            if challenge.get("error") == "insufficient_scope":
                return challenge
            first = first or challenge
    return first

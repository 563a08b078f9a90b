"""Common ways to misread a challenge, each by the name of the clause that it breaks.

They serve twice: the judge names the misreading that explains a wrong request, and the properties build wrong
clients out of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from .challenges import Challenge, MalformedChallenge, bearer_challenge, parse_challenges
from .scopes import ScopeSet, read_scope


@dataclass(frozen=True, slots=True)
class Heading:
    """What somebody reads in `WWW-Authenticate` lines: the raw scope and error, None where they see none."""

    scope: str | None = None
    error: str | None = None

    @property
    def scopes(self) -> ScopeSet | None:
        """The scopes read, or None where there are none (A6)."""
        return None if self.scope is None else read_scope(self.scope) or None


Lines = Sequence[str]


def read_challenge(lines: Lines) -> Heading:
    """Read `WWW-Authenticate` lines rightly: the scope and error of the Bearer challenge to answer."""
    return heading(bearer_challenge(parse_challenges(lines)))


@dataclass(frozen=True, slots=True)
class Misreading:
    """A wrong reader: the clause that it breaks, what it does (a clause of a sentence), and the reader itself."""

    name: str
    clause: str
    says: str
    read: Callable[[Lines], Heading]


def heading(challenge: Challenge | None) -> Heading:
    """What there is to read of the challenge to answer."""
    return Heading() if challenge is None else Heading(challenge.get("scope"), challenge.get("error"))


def _parsed(lines: Lines) -> list[Challenge]:
    return [challenge for challenge in parse_challenges(lines) if not isinstance(challenge, MalformedChallenge)]


def _comma_splitting(lines: Lines) -> Heading:
    right = read_challenge(lines)
    return Heading(right.scope and right.scope.replace(",", " "), right.error)


def _case_folding(lines: Lines) -> Heading:
    right = read_challenge(lines)
    return Heading(right.scope and right.scope.lower(), right.error)


def _merging(lines: Lines) -> Heading:
    challenge = bearer_challenge(parse_challenges(lines))
    if challenge is None:
        return Heading()
    values = [value for name, value in challenge.parameters if name == "scope"]
    return Heading(" ".join(values) or None, challenge.get("error"))


def _needing_error(lines: Lines) -> Heading:
    right = read_challenge(lines)
    return right if right.error is not None else Heading()


def _first_scheme(lines: Lines) -> Heading:
    first = next(iter(_parsed(lines)), None)
    return heading(first if first is not None and first.is_bearer else None)


def _first_line(lines: Lines) -> Heading:
    return read_challenge(lines[:1])


def _any_scheme(lines: Lines) -> Heading:
    scope = next((scope for challenge in _parsed(lines) if (scope := challenge.get("scope"))), None)
    return Heading(scope, read_challenge(lines).error)


# The Bearer challenge as it was written: its scheme, then each name, equals sign, quoted value or token.
_BEARER: Final = re.compile(r"\b(bearer)\b", re.IGNORECASE)
_WRITTEN: Final = re.compile(r'([\w-]+)([ \t]*=[ \t]*)(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_QUOTED_PAIR: Final = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class _Written:
    scheme: str
    name: str
    equals: str
    quoted: bool


def _passing_over(fault: Callable[[_Written], bool], *, unescape: bool = True) -> Callable[[Lines], Heading]:
    """A reader that does not see the parameters that have the fault, and is right in all else."""

    def read(lines: Lines) -> Heading:
        text = ", ".join(lines)
        scheme = _BEARER.search(text)
        seen: dict[str, str] = {}
        for match in _WRITTEN.finditer(text, scheme.end()) if scheme is not None else ():
            name, equals, quoted, token = match.groups()
            value = quoted if quoted is not None else token
            written = _Written(scheme[1] if scheme is not None else "", name, equals, quoted is not None)
            if not fault(written):
                seen.setdefault(name.lower(), _QUOTED_PAIR.sub(r"\1", value) if unescape else value)
        return Heading(seen.get("scope"), seen.get("error"))

    return read


_SUBSTRING: Final = {name: re.compile(rf'{name}=(?:"([^"]*)"|([^\s,]+))') for name in ("scope", "error")}


def _searching(lines: Lines) -> Heading:
    text = ", ".join(lines)
    found = {name: pattern.search(text) for name, pattern in _SUBSTRING.items()}
    values = {name: (match[1] or match[2] or None) if match else None for name, match in found.items()}
    return Heading(values["scope"], values["error"])


_NEEDING_ERROR: Final = Misreading(
    "needing-error", "CHAL-6", "reads no challenge without an error code", _needing_error
)

OF_NAMES: Final = ("PARSE-1", "ORDER-2")
"""The clauses whose misreadings find the right parameter, and go wrong over the names in it."""

MISREADINGS: Final = (
    Misreading("comma-splitting", "PARSE-1", "splits scopes at commas", _comma_splitting),
    Misreading("merging-repeats", "PARSE-2", "merges a repeated scope parameter", _merging),
    Misreading("case-folding", "ORDER-2", "folds the case of scopes", _case_folding),
    Misreading(
        "keeping-escapes",
        "PARSE-5",
        "does not undo quoted-pairs",
        _passing_over(lambda _: False, unescape=False),
    ),
    Misreading("any-scheme", "PARSE-9", "takes the scope of whichever scheme comes first", _any_scheme),
    Misreading(
        "no-blanks",
        "PARSE-6",
        "does not allow blanks around the equals sign",
        _passing_over(lambda written: written.equals != "="),
    ),
    Misreading(
        "quoted-only",
        "PARSE-4",
        "reads quoted values alone",
        _passing_over(lambda written: not written.quoted),
    ),
    Misreading(
        "case-sensitive",
        "PARSE-3",
        "expects the names in lower case, and the scheme as Bearer",
        _passing_over(lambda written: written.scheme != "Bearer" or written.name != written.name.lower()),
    ),
    Misreading("first-scheme", "PARSE-7", "reads the first challenge alone", _first_scheme),
    Misreading("first-line", "PARSE-7", "reads the first header line alone", _first_line),
    _NEEDING_ERROR,
    Misreading("substring", "PARSE-8", "finds parameters inside other names and values", _searching),
)
"""The misreadings, the most telling first; the last is recognised only by what it finds where nothing is."""

# Spelled so plainly that only the reader who wants an error code can go wrong.
_PLAIN: Final = re.compile(
    r'Bearer (?:(?:scope="[^"\\,A-Z]*"|error="[^"\\]*"|(?:resource_metadata|realm)="[^"\\=]*")(?:, |$))+'
).fullmatch


def misreadings_of(lines: Lines, right: Heading) -> tuple[tuple[Misreading, Heading], ...]:
    """The misreadings that see something else in these lines than what is `right`, with what they see."""
    plain = len(lines) == 1 and _PLAIN(lines[0]) is not None and lines[0].count('scope="') <= 1
    wrongs = MISREADINGS if not plain else (_NEEDING_ERROR,) if right.error is None else ()
    return tuple((wrong, seen) for wrong in wrongs if (seen := wrong.read(lines)) != right)

"""Common ways to misread a challenge, each by the name of the clause that it breaks.

They serve twice: blame names the misreading that explains a wrong request, and the properties build wrong clients
out of them. "Spelled plainly" is defined here, once: no misreading of the spelling sees anything else in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from scope_model.challenges import Challenge, MalformedChallenge, bearer_challenge, parse_challenges
from scope_model.scopes import ScopeSet, read_scope


@dataclass(frozen=True, slots=True)
class Heading:
    """What somebody reads in `WWW-Authenticate` lines: the raw scope and error, None where they see none."""

    scope: str | None = None
    error: str | None = None

    @property
    def scopes(self) -> ScopeSet | None:
        """The scopes read, or None where there are none (A6)."""
        return None if self.scope is None else read_scope(self.scope) or None

    @property
    def names(self) -> tuple[str, ...]:
        """The pieces of the raw scope, and without the quotation marks at which a search ends, too."""
        pieces = [piece for piece in (self.scope or "").split(" ") if piece]
        return tuple(dict.fromkeys((*pieces, *(piece.strip('"') for piece in pieces))))


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
    return Heading(" ".join(values) if values else None, challenge.get("error"))


def _needing_error(lines: Lines) -> Heading:
    right = read_challenge(lines)
    return right if right.error is not None else Heading()


def _first_scheme(lines: Lines) -> Heading:
    first = next(iter(_parsed(lines)), None)
    return heading(first if first is not None and first.is_bearer else None)


def _first_line(lines: Lines) -> Heading:
    return read_challenge(lines[:1])


def _any_scheme(lines: Lines) -> Heading:
    scope = next((scope for challenge in _parsed(lines) if (scope := challenge.get("scope")) is not None), None)
    return Heading(scope, read_challenge(lines).error)


def _last_scheme(lines: Lines) -> Heading:
    named = [scope for challenge in _parsed(lines) if (scope := challenge.get("scope")) is not None]
    return Heading(named[-1] if named else None, read_challenge(lines).error)


# A challenge as it was written: its scheme, then each name, equals sign, quoted value or token. Possessive, and tried
# where the last one ended, so that a text is gone through once.
_SCHEME: Final = re.compile(r"[ \t,]*([^\s,=\"]++)(?:[ \t]++[A-Za-z0-9\-._~+/]++=*+(?=[ \t]*(?:,|$)))?").match
_WRITTEN: Final = re.compile(r'[ \t,]*([^\s,="]++)([ \t]*=[ \t]*)(?:"((?:[^"\\]|\\.)*+)"|([^\s,"=]++))').match
_QUOTED_PAIR: Final = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class _Written:
    scheme: str
    name: str
    equals: str
    quoted: bool
    value: str


def _as_written(lines: Lines) -> Iterator[list[_Written]]:
    """The parameters of each Bearer challenge, as they were written."""
    text, at = ", ".join(lines), 0
    while (scheme := _SCHEME(text, at)) is not None:
        at = scheme.end()
        parameters = []
        while (match := _WRITTEN(text, at)) is not None:
            name, equals, quoted, token = match.groups()
            value = token if quoted is None else quoted
            parameters.append(_Written(scheme[1], name, equals, quoted is not None, value))
            at = match.end()
        if scheme[1].lower() == "bearer":
            yield parameters


def _passing_over(fault: Callable[[_Written], bool], *, unescape: bool = True) -> Callable[[Lines], Heading]:
    """A reader that does not see the parameters that have the fault, and is right in all else."""

    def read(lines: Lines) -> Heading:
        first: Heading | None = None
        for parameters in _as_written(lines):
            seen: dict[str, str] = {}
            for written in parameters:
                if not fault(written):
                    value = _QUOTED_PAIR.sub(r"\1", written.value) if unescape else written.value
                    seen.setdefault(written.name.lower(), value)
            found = Heading(seen.get("scope"), seen.get("error"))
            if found.error == "insufficient_scope":
                return found
            first = first or found
        return first or Heading()

    return read


_SUBSTRING: Final = {name: re.compile(rf'{name}=(?:"([^"]*)"|([^\s,]+))') for name in ("scope", "error")}


def _searching(lines: Lines) -> Heading:
    text = ", ".join(lines)
    found = {name: pattern.search(text) for name, pattern in _SUBSTRING.items()}
    values = {
        name: next(v for v in match.groups() if v is not None) if match else None for name, match in found.items()
    }
    return Heading(values["scope"], values["error"])


def _searching_from_the_end(lines: Lines) -> Heading:
    right, found = read_challenge(lines), _SUBSTRING["scope"].findall(", ".join(lines))
    return Heading("".join(found[-1]) if found else None, right.error)


NEEDING_ERROR: Final = Misreading("needing-error", "CHAL-6", "reads no challenge without an error code", _needing_error)

SEARCHING: Final = Misreading("substring", "PARSE-8", "finds parameters inside other names and values", _searching)
"""Recognised only by what it finds where nothing is: whatever else is odd, it stumbles over as well."""

SEARCHING_FROM_THE_END: Final = Misreading(
    "substring-from-the-end", "PARSE-8", "takes the last thing that looks like a scope", _searching_from_the_end
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
    Misreading("last-scheme", "PARSE-9", "takes the scope of whichever scheme comes last", _last_scheme),
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
    NEEDING_ERROR,
    SEARCHING,
    SEARCHING_FROM_THE_END,
)
"""The misreadings, the most telling first."""

_PARAMETER: Final = r'(?:[a-z_]+="[^"\\]+"|scope="")'
_PLAIN: Final = re.compile(rf"Bearer(?: {_PARAMETER}(?:, {_PARAMETER})*+)?").fullmatch

_ODD: Final = frozenset(("in-no-known-way",))
"""The spelling of what is not plain, and misleads no reader that is known."""


def is_plain(lines: Lines) -> bool:
    """Whether a challenge is spelled as the documents spell it.

    One Bearer challenge on one line, names in lower case, values quoted without escapes, none but the scope empty, a
    comma and a space between them, and nothing that looks like a scope or an error beside those that are. Only its
    names can be misread, and that it has no error.
    """
    if len(lines) != 1 or _PLAIN(lines[0]) is None:
        return False
    line = lines[0]
    return all(line.count(f"{name}=") == line.count(f' {name}="') <= 1 for name in ("scope", "error"))


@lru_cache(maxsize=512)  # a server spells its challenges the same way each time
def spelling_of(lines: tuple[str, ...]) -> frozenset[str]:
    """How a challenge is spelled: the misreadings of the spelling that see something else in it, none if plainly."""
    if not lines or is_plain(lines):
        return frozenset()
    right = read_challenge(lines)
    wrongs = (wrong for wrong, _ in misreadings_of(lines, right) if wrong is not NEEDING_ERROR)
    return frozenset(wrong.name for wrong in wrongs if wrong.clause not in OF_NAMES) or _ODD


def misreadings_of(lines: Lines, right: Heading) -> tuple[tuple[Misreading, Heading], ...]:
    """The misreadings that see something else in these lines than what is `right`, with what they see."""
    plain = is_plain(lines)
    wrongs = [wrong for wrong in MISREADINGS if not plain or wrong is NEEDING_ERROR or wrong.clause in OF_NAMES]
    return tuple((wrong, seen) for wrong in wrongs if (seen := wrong.read(lines)) != right)

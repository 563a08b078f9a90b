"""Common ways to misread a challenge, each by the name of the clause that it breaks.

They serve twice: the judge names the misreading that explains a wrong request, and the properties build wrong
clients out of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
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
    return _heading(bearer_challenge(parse_challenges(lines)))


@dataclass(frozen=True, slots=True)
class Misreading:
    """A wrong reader: the clause that it breaks, what it does (a clause of a sentence), and the reader itself."""

    name: str
    clause: str
    says: str
    read: Callable[[Lines], Heading]


def _heading(challenge: Challenge | None) -> Heading:
    return Heading() if challenge is None else Heading(challenge.get("scope"), challenge.get("error"))


def _parsed(lines: Lines) -> list[Challenge]:
    return [
        challenge for challenge in parse_challenges(lines) if not isinstance(challenge, MalformedChallenge)
    ]


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
    return _heading(first if first is not None and first.is_bearer else None)


def _first_line(lines: Lines) -> Heading:
    return read_challenge(lines[:1])


def _any_scheme(lines: Lines) -> Heading:
    scope = next((scope for challenge in _parsed(lines) if (scope := challenge.get("scope"))), None)
    return Heading(scope, read_challenge(lines).error)


_NAMED: Final = r'{name}=(?:"([^"]*)"|([^\s,]+))'
_SUBSTRING: Final = {name: re.compile(_NAMED.format(name=name)) for name in ("scope", "error")}
_SENSITIVE: Final = {
    name: re.compile(r"(?:^|[\s,])" + _NAMED.format(name=name)) for name in ("scope", "error")
}
_QUOTED_ONLY: Final = {
    name: re.compile(rf'(?:^|[\s,]){name}\s*=\s*"([^"]*)"()', re.I) for name in ("scope", "error")
}
_NO_BLANKS: Final = {
    name: re.compile(r"(?:^|[\s,])" + _NAMED.format(name=name), re.I) for name in ("scope", "error")
}


def _searching(
    patterns: Mapping[str, re.Pattern[str]], *, start: re.Pattern[str]
) -> Callable[[Lines], Heading]:
    def read(lines: Lines) -> Heading:
        text = ", ".join(lines)
        if start is not _ANYWHERE:
            text = _OTHERS.sub("x", text)
        begun = start.search(text)
        if begun is None:
            return Heading()
        found = {name: pattern.search(text, begun.start()) for name, pattern in patterns.items()}
        values = {name: (match[1] or match[2] or None) if match else None for name, match in found.items()}
        return Heading(values["scope"], values["error"])

    return read


# A reader with one fault looks at the Bearer challenge alone, and not into the values of its other parameters.
_OTHERS: Final = re.compile(r'\b(?!(?:scope|error)\s*=)[\w-]+\s*=\s*"(?:[^"\\]|\\.)*"', re.I)
_ANYWHERE: Final = re.compile("")
_BEARER: Final = re.compile(r"\bbearer\b", re.I)
_BEARER_AS_WRITTEN: Final = re.compile(r"\bBearer\b")


def _keeping_escapes(lines: Lines) -> Heading:
    found = re.search(r'(?:^|[\s,])scope\s*=\s*"((?:[^"\\]|\\.)*)"', ", ".join(lines), re.I)
    right = read_challenge(lines)
    return Heading(found[1], right.error) if found and "\\" in found[1] else right


MISREADINGS: Final = (
    Misreading("comma-splitting", "PARSE-1", "splits scopes at commas", _comma_splitting),
    Misreading("merging-repeats", "PARSE-2", "merges a repeated scope parameter", _merging),
    Misreading("case-folding", "ORDER-2", "folds the case of scopes", _case_folding),
    Misreading("keeping-escapes", "PARSE-5", "does not undo quoted-pairs", _keeping_escapes),
    Misreading("any-scheme", "PARSE-9", "takes the scope of whichever scheme comes first", _any_scheme),
    Misreading(
        "no-blanks",
        "PARSE-6",
        "does not allow blanks around the equals sign",
        _searching(_NO_BLANKS, start=_BEARER),
    ),
    Misreading(
        "quoted-only", "PARSE-4", "reads quoted values alone", _searching(_QUOTED_ONLY, start=_BEARER)
    ),
    Misreading(
        "case-sensitive",
        "PARSE-3",
        "expects names and scheme in one case",
        _searching(_SENSITIVE, start=_BEARER_AS_WRITTEN),
    ),
    Misreading("first-scheme", "PARSE-7", "reads the first challenge alone", _first_scheme),
    Misreading("first-line", "PARSE-7", "reads the first header line alone", _first_line),
    Misreading("needing-error", "CHAL-6", "reads no challenge without an error code", _needing_error),
    Misreading(
        "substring",
        "PARSE-8",
        "finds parameters inside other names and values",
        _searching(_SUBSTRING, start=_ANYWHERE),
    ),
)
"""The misreadings, the most telling first."""

"""A writer of `WWW-Authenticate` in every spelling that RFC 9110 section 11 allows, and in some that it does not.

It knows what it means, and so needs no reader: a header comes with what a reader finds in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from draws import Draws

Scopes = tuple[str, ...]

_IS_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch


@dataclass(frozen=True, slots=True)
class Heading:
    """Header lines, and what stands in them: the Bearer challenge's scope and error, None where there is none.

    `malformed` lines are no challenge by the grammar: whoever gets them may take what can be made out, or nothing. A
    scope is `doubtful` where the parameter is repeated, so that a reader takes the first one or none (PARSE-2).
    """

    lines: tuple[str, ...]
    scope: Scopes | None = None
    error: str | None = None
    metadata: bool = False
    malformed: bool = False
    doubtful: bool = False

    @property
    def deceives(self) -> bool:
        """Whether a search would find another error in it: whoever gives it up seems to have searched (PARSE-8)."""
        return "error=none" in "".join(self.lines).replace("\\", "")


Parameters = list[tuple[str, str]]


class Writer:
    """Writes headings; `plain` ones are spelled as the documents spell them."""

    def __init__(self, draws: Draws, *, plain: bool) -> None:
        self._draws = draws
        self._plain = plain

    def write(self, error: str | None, scope: Scopes | None, metadata: str | None) -> Heading:
        """Word a Bearer challenge with these parameters, None for one that is left out."""
        parameters: Parameters = []
        if error is not None:
            parameters.append(("error", error))
        if scope is not None:
            parameters.append(("scope", " ".join(scope)))
        if metadata is not None:
            parameters.append(("resource_metadata", metadata))
        meant = scope or None  # an empty string says nothing (A6)
        if self._plain or self._draws.whether("spelled plainly", 0.4):
            return Heading((self._plainly(parameters),), meant, error, metadata is not None)
        if self._draws.whether("malformed", 0.06):
            return Heading((self._broken(parameters),), meant, error, metadata is not None, malformed=True)
        doubtful = bool(scope) and self._draws.whether("repeated parameter", 0.05)
        if doubtful:
            parameters.append(("scope", "repeated"))
        else:
            parameters = list(self._draws.shuffled(parameters + self._decoys()))
        lines = self._lines(self._challenge("Bearer", parameters))
        return Heading(lines, meant, error, metadata is not None, doubtful=doubtful)

    @staticmethod
    def _plainly(parameters: Parameters) -> str:
        return " ".join(("Bearer", ", ".join(f'{name}="{value}"' for name, value in parameters))).rstrip()

    def _broken(self, parameters: Parameters) -> str:
        line = self._plainly([*parameters, ("realm", "x")])
        return self._draws.any_of((line[:-1], f"{line} x", line.replace("=", "", 1)))

    def _decoys(self) -> Parameters:
        """Parameters that nobody knows, some of which look like those that somebody does (PARSE-8, PARSE-10)."""
        looks = (
            ("realm", "x"),
            ("error_description", "needs scope=admin, error=none"),
            ("error_description", 'needs scope="admin", error="insufficient_scope"'),
            ("error_scope", "decoy"),
            ("x-scope", "decoy"),
            ("scopes", "decoy"),
            ("realm", "Bearer scope=decoy"),
            ("error_uri", "https://docs.example/?scope=decoy"),
        )
        found = self._draws.some_of(looks, 0.15)
        if found:
            self._draws.taken["decoy"] += 1
        return list(dict(found).items())

    def _challenge(self, scheme: str, parameters: Parameters) -> str:
        if self._draws.whether("scheme in other letters", 0.2):
            scheme = self._draws.any_of((scheme.lower(), scheme.upper(), scheme.swapcase()))
        comma = self._draws.any_of((", ", ",", " , ", ",\t"))
        if self._draws.whether("empty element", 0.1):
            comma = f",{comma}"
        return f"{scheme} {comma.join(self._parameter(name, value) for name, value in parameters)}".rstrip()

    def _parameter(self, name: str, value: str) -> str:
        if self._draws.whether("name in other letters", 0.15):
            name = self._draws.any_of((name.upper(), name.capitalize()))
        equals = "="
        if self._draws.whether("blanks around =", 0.15):
            equals = self._draws.any_of((" = ", "= ", " =", "\t="))
        return f"{name}{equals}{self._value(value)}"

    def _value(self, value: str) -> str:
        if _IS_TOKEN(value) and self._draws.whether("token value", 0.3):
            return value
        escaped = self._draws.whether("quoted pair", 0.15)
        return (
            '"'
            + "".join(
                f"\\{char}" if char in '"\\' or (escaped and self._draws.any_of((True, False))) else char
                for char in value
            )
            + '"'
        )

    def _lines(self, bearer: str) -> tuple[str, ...]:
        """The challenge among those of other schemes, on one line or on several (PARSE-7, PARSE-9)."""
        before, after = self._others("scheme before"), self._others("scheme after")
        challenges = [*before, bearer, *after]
        if self._draws.whether("several lines", 0.3):
            return tuple(challenges)
        line = ", ".join(challenges)
        if self._draws.whether("empty element", 0.05):
            line = f", {line},"
        return (line,)

    def _others(self, name: str) -> Scopes:
        if not self._draws.whether(name, 0.25):
            return ()
        others = (
            'Basic realm="x"',
            'DPoP algs="ES256", scope="other"',
            "Negotiate abc==",
            "Digest scope=other, qop=auth",
        )
        return (self._draws.any_of(others),)

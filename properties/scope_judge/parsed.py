"""Parsed challenges: what a 401 or 403 asks for, whatever becomes of it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

from scope_model.challenges import Challenge, MalformedChallenge, bearer_challenge, parse_challenges
from scope_model.scopes import NO_SCOPES, MalformedScope, Scope, ScopeSet, parse_scope, read_scope

from .misreadings import Heading, Misreading, heading, is_plain, misreadings_of

_PUNCTUATION: Final = re.compile(r'[\s"=]+')


Said = tuple[frozenset[str], str | None, bool, bool]
"""What a challenge says: its scopes and its error, whether its scope is empty, and whether it is there."""


@dataclass(frozen=True)
class ParsedChallenge:
    """What a 401 or 403 says.

    `scope` is what it asks for, None where it names nothing that can be relied on; `tolerated` is what it names all
    the same. `first` and `later` are the values of a scope parameter that is repeated within the challenge, which
    nobody can rely on. `several` is whether Bearer challenges differ, so that `scope` rests on the reading A16, and
    `empty` whether the scope is the empty string (A6).
    """

    lines: tuple[str, ...]
    status: int
    error: str | None = None
    scope: ScopeSet | None = None
    tolerated: ScopeSet = NO_SCOPES
    first: ScopeSet = NO_SCOPES
    later: ScopeSet = NO_SCOPES
    several: bool = False
    empty: bool = False
    names_metadata: bool = False
    malformed: bool = False

    @cached_property
    def insufficient(self) -> bool:
        """Whether it asks for more scope: a 403 with insufficient_scope."""
        return self.status == 403 and self.error == "insufficient_scope"

    @cached_property
    def refuses_plainly(self) -> bool:
        """Whether it is a 403 that asks for nothing (CHAL-7)."""
        return self.status == 403 and self.error != "insufficient_scope" and not self.malformed

    @property
    def may_ask_for_more(self) -> bool:
        """Whether it asks for more scope, or is a 403 that may be read so."""
        return self.status == 403 and not self.refuses_plainly

    @property
    def presumes_a_token(self) -> bool:
        """Whether its error speaks of a token that came with the request (RFC 6750 section 3.1)."""
        return self.error in ("invalid_token", "insufficient_scope")

    def may_name(self, scopes: Iterable[Scope]) -> bool:
        """Whether all of these may be read out of it."""
        return all(scope in self.tolerated or scope in (self.scope or NO_SCOPES) for scope in scopes)

    def asks_within(self, wanted: ScopeSet) -> bool:
        """Whether all that it asks for is in a request."""
        return self.scope is None or self.scope <= wanted

    def is_met_by(self, wanted: ScopeSet) -> bool:
        """Whether it names scopes that can be relied on, all of which are in a request."""
        return self.scope is not None and self.scope <= wanted

    @cached_property
    def unclear(self) -> bool:
        """Whether it names scopes that may be read out of it, or not."""
        return self.scope is None and (self.malformed or len(self.tolerated) > 0)

    @cached_property
    def says(self) -> Said:
        """What two challenges have in common that are the same: scope and error, not the bytes (CHAL-8).

        No challenge is another than one that says nothing, and so may be one whose scope is empty (A6).
        """
        return frozenset(self.scope or self.tolerated), self.error, self.empty, self.is_there

    @cached_property
    def is_there(self) -> bool:
        """Whether there is a Bearer challenge at all."""
        return bearer_challenge(parse_challenges(self.lines)) is not None

    @cached_property
    def plain(self) -> bool:
        """Whether it is spelled as the documents spell it, so that reading it takes no skill."""
        return is_plain(self.lines)

    @cached_property
    def right(self) -> Heading:
        """What there is to read."""
        return heading(bearer_challenge(parse_challenges(self.lines)))

    @cached_property
    def misread(self) -> tuple[tuple[Misreading, Heading], ...]:
        """The misreadings that see something else here, with what they see."""
        return misreadings_of(self.lines, self.right)

    @cached_property
    def only_misread(self) -> tuple[tuple[str, Misreading], ...]:
        """What a misreading takes for a scope here, and nothing else does, with that misreading."""
        right = frozenset((self.right.scope or "").split(" "))
        wrongs = () if self.malformed else self.misread
        return tuple((name, wrong) for wrong, seen in wrongs for name in seen.names if name not in right)

    @cached_property
    def misread_clauses(self) -> frozenset[str]:
        """The clauses of those misreadings."""
        return frozenset(wrong.clause for wrong, _ in self.misread)


# Remembered, because a server spells its challenges the same way each time.
@lru_cache(maxsize=512)
def read_response(status: int, lines: tuple[str, ...], several: str) -> ParsedChallenge:
    """Read a 401 or 403, by the value of the reading A16 where several Bearer challenges differ."""
    parsed = parse_challenges(lines)
    right = bearer_challenge(parsed)
    if any(isinstance(part, MalformedChallenge) for part in parsed):
        # Whatever somebody may read out of it, with commas and equals signs taken either way.
        text = " ".join(lines)
        words, pieces = _PUNCTUATION.sub(" ", text), text.replace('"', " ").replace("\t", " ")
        tolerated = read_scope(f"{words} {pieces} {words.replace(',', ' ')} {pieces.replace(',', ' ')}")
        error = None if right is None else right.get("error")
        return ParsedChallenge(lines, status, error, tolerated=tolerated, malformed=True)
    if right is None:
        return ParsedChallenge(lines, status)
    bearers = [part for part in parsed if isinstance(part, Challenge) and part.is_bearer]
    values = [value for bearer in bearers for name, value in bearer.parameters if name == "scope"]
    differ = len({bearer.get("scope") for bearer in bearers}) > 1
    relied_on = {"first": bearers[0], "last": bearers[-1]}.get(several, right) if differ else right
    repeated = any(sum(name == "scope" for name, _ in bearer.parameters) > 1 for bearer in bearers)
    listed = relied_on.get("scope")
    scope = None if listed is None or repeated else parse_scope(listed)
    alone = repeated and len(bearers) == 1
    return ParsedChallenge(
        lines,
        status,
        relied_on.get("error"),
        None if isinstance(scope, MalformedScope) else scope,
        read_scope(" ".join(" ".join(values).split())),  # by whatever blanks somebody may part them
        read_scope(values[0]) if alone else NO_SCOPES,
        read_scope(" ".join(values[1:])) if alone else NO_SCOPES,
        differ,
        listed == "",
        relied_on.get("resource_metadata") is not None,
    )

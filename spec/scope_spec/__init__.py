"""What the documents ask of an MCP client about scopes, as clauses, and what they leave open, as readings.

>>> from scope_spec import CLAUSES, READINGS, REVISIONS, parse
>>> CLAUSES["ACC-1"].level, CLAUSES["ACC-1"].verdict, CLAUSES["ACC-1"].binds_at(REVISIONS[-1])
('SHOULD', 'discouraged', True)
>>> CLAUSES["ACC-1"].sources[0].section
'Step-Up Authorization Flow'
>>> READINGS["A1"].name, READINGS["A1"].default
('union-base', 'requested-and-granted')
>>> parse("", "")
Traceback (most recent call last):
    ...
ValueError: the clauses: clause is missing
"""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType
from typing import Final, Literal, TypeVar, get_args

__all__ = [
    "CLAUSES",
    "EVENTS",
    "LEVELS",
    "PARTIES",
    "READINGS",
    "REVISIONS",
    "VERDICTS",
    "Alternative",
    "Clause",
    "Event",
    "Level",
    "Party",
    "Reading",
    "Revision",
    "Source",
    "Verdict",
    "parse",
]

Level = Literal["MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY", "OPTIONAL", "derived"]
Verdict = Literal["violates", "discouraged", "unspecified"]
Revision = Literal["2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"]
Party = Literal["client", "resource server", "authorization server"]
Event = Literal[
    "resource_request",
    "resource_response",
    "protected_resource_metadata",
    "authorization_server_metadata",
    "client_registration",
    "authorization_request",
    "authorization_response",
    "token_request",
    "token_response",
    "call",
    "call_ended",
    "token_expired",
    "client_restarted",
    "client_reported",
]

LEVELS: Final[tuple[Level, ...]] = get_args(Level)
VERDICTS: Final[tuple[Verdict, ...]] = get_args(Verdict)
REVISIONS: Final[tuple[Revision, ...]] = get_args(Revision)
PARTIES: Final[tuple[Party, ...]] = get_args(Party)
EVENTS: Final[tuple[Event, ...]] = get_args(Event)
MIN_ALTERNATIVES: Final = 2


@dataclass(frozen=True, slots=True)
class Source:
    """A place in a published document."""

    document: str
    section: str
    link: str


@dataclass(frozen=True, slots=True)
class Clause:
    """One requirement, with what breaking it means for a client; `causes` are the kinds of fault within it."""

    id: str
    title: str
    level: Level
    verdict: Verdict
    binds: tuple[Party, ...]
    says: str
    rests_on: str
    sources: tuple[Source, ...]
    revisions: tuple[Revision, ...]
    observed: tuple[Event, ...]
    causes: tuple[str, ...] = ()
    conformance_check: tuple[str, ...] = ()
    readings: tuple[str, ...] = ()
    differs: str | None = None
    excluded: str | None = None
    unjudged: str | None = None

    def binds_at(self, revision: Revision) -> bool:
        """Say whether the clause is in force at a revision."""
        return revision in self.revisions


@dataclass(frozen=True, slots=True)
class Alternative:
    """One side of a reading, and the faults, as CLAUSE/cause, that are none under it."""

    value: str
    says: str
    allows: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """One choice that the documents leave open, with the side that is taken by default.

    `favoured` is whether the documents favour that side. `settles` are the faults, as CLAUSE/cause, that rest on the
    reading whatever its value.
    """

    id: str
    name: str
    tension: str
    default: str
    because: str
    alternatives: tuple[Alternative, ...]
    clauses: tuple[str, ...]
    sources: tuple[Source, ...] = ()
    silent: bool = False
    favoured: bool = False
    settles: tuple[str, ...] = ()

    def alternative(self, value: str) -> Alternative:
        """Give one side; raises KeyError where there is none of that name."""
        for known in self.alternatives:
            if known.value == value:
                return known
        raise KeyError(value)

    @property
    def values(self) -> tuple[str, ...]:
        """Give the values that the reading can take, in order."""
        return tuple(alternative.value for alternative in self.alternatives)


_Word = TypeVar("_Word", bound=str)
_SLUG: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class _Entry:
    """A TOML table that is read key by key, with errors that name the entry."""

    def __init__(self, where: str, table: object) -> None:
        self._where = where
        if not isinstance(table, dict):
            raise self.error("is not a table")
        self._left: dict[str, object] = dict(table)

    def rename(self, where: str) -> None:
        """Let later errors use a better name for the entry."""
        self._where = where

    def error(self, problem: str) -> ValueError:
        """Make an error that names the entry."""
        return ValueError(f"{self._where}: {problem}")

    def optional_text(self, key: str) -> str | None:
        """Take a text if it is there, with its line breaks turned into spaces."""
        if key not in self._left:
            return None
        value = self._left.pop(key)
        text = " ".join(value.split()) if isinstance(value, str) else ""
        if not text:
            raise self.error(f"{key} must be a text that is not empty")
        return text

    def text(self, key: str) -> str:
        """Take a text that must be there."""
        text = self.optional_text(key)
        if text is None:
            raise self.error(f"{key} is missing")
        return text

    def slug(self, key: str) -> str:
        """Take a word in kebab case."""
        text = self.text(key)
        if not _SLUG.fullmatch(text):
            raise self.error(f"{key} must be lower-case words joined by hyphens, not {text!r}")
        return text

    def one_of(self, key: str, words: Sequence[_Word]) -> _Word:
        """Take one of some known words."""
        return self._known(key, self.text(key), words)

    def some_of(self, key: str, words: Sequence[_Word]) -> tuple[_Word, ...]:
        """Take a list of known words that is not empty."""
        found = tuple(self._known(key, word, words) for word in self.texts(key))
        if not found:
            raise self.error(f"{key} must not be empty")
        return found

    def texts(self, key: str, *, optional: bool = False) -> tuple[str, ...]:
        """Take a list of different texts."""
        values = self._list(key, optional=optional)
        texts = tuple(value for value in values if isinstance(value, str) and value)
        if len(texts) != len(values):
            raise self.error(f"{key} must be a list of texts")
        if len(set(texts)) != len(texts):
            raise self.error(f"{key} names something twice")
        return texts

    def tables(self, key: str) -> "tuple[_Entry, ...]":
        """Take a list of tables."""
        return tuple(_Entry(f"{self._where}, {key} {n}", table) for n, table in enumerate(self._list(key), 1))

    def sources(self, *, may_be_empty: bool = False) -> tuple[Source, ...]:
        """Take the list of sources."""
        found = []
        for entry in self.tables("sources"):
            source = Source(entry.text("document"), entry.text("section"), entry.text("link"))
            if not source.link.startswith("https://"):
                raise entry.error("link must start with https://")
            entry.done()
            found.append(source)
        if not found and not may_be_empty:
            raise self.error("sources must not be empty")
        return tuple(found)

    def flag(self, key: str) -> bool:
        """Take a truth value that is false if it is not there."""
        value = self._left.pop(key, False)
        if not isinstance(value, bool):
            raise self.error(f"{key} must be true or false")
        return value

    def done(self) -> None:
        """Complain about keys that nobody took."""
        if self._left:
            raise self.error(f"unknown key {', '.join(sorted(self._left))}")

    def _list(self, key: str, *, optional: bool = False) -> list[object]:
        if key not in self._left and not optional:
            raise self.error(f"{key} is missing")
        value = self._left.pop(key, [])
        if not isinstance(value, list):
            raise self.error(f"{key} must be a list")
        return value

    def _known(self, key: str, word: str, words: Sequence[_Word]) -> _Word:
        for known in words:
            if known == word:
                return known
        raise self.error(f"{key} must be one of {', '.join(words)}, not {word!r}")


def _clause(entry: _Entry, id_: str) -> Clause:
    clause = Clause(
        id=id_,
        title=entry.text("title"),
        level=entry.one_of("level", LEVELS),
        verdict=entry.one_of("verdict", VERDICTS),
        binds=entry.some_of("binds", PARTIES),
        says=entry.text("says"),
        rests_on=entry.text("rests_on"),
        sources=entry.sources(),
        revisions=entry.some_of("revisions", REVISIONS),
        observed=entry.some_of("observed", EVENTS),
        causes=entry.texts("causes", optional=True),
        conformance_check=entry.texts("conformance_check", optional=True),
        readings=entry.texts("readings", optional=True),
        differs=entry.optional_text("differs"),
        excluded=entry.optional_text("excluded"),
        unjudged=entry.optional_text("unjudged"),
    )
    if clause.excluded and clause.unjudged:
        raise entry.error("a clause is excluded or unjudged, not both")
    entry.done()
    return clause


def _reading(entry: _Entry, id_: str) -> Reading:
    alternatives = []
    for table in entry.tables("alternatives"):
        allows = table.texts("allows", optional=True)
        alternatives.append(Alternative(table.slug("value"), table.text("says"), allows))
        table.done()
    silent = entry.flag("silent")
    reading = Reading(
        id=id_,
        name=entry.slug("name"),
        tension=entry.text("tension"),
        default=entry.slug("default"),
        because=entry.text("because"),
        alternatives=tuple(alternatives),
        clauses=entry.texts("clauses"),
        sources=entry.sources(may_be_empty=silent),
        silent=silent,
        favoured=entry.flag("favoured"),
        settles=entry.texts("settles", optional=True),
    )
    for fault in (*reading.settles, *(fault for one in alternatives for fault in one.allows)):
        if fault.partition("/")[0] not in reading.clauses:
            raise entry.error(f"{fault!r} is a fault of a clause that it does not name")
    if len(set(reading.values)) != len(reading.values) or len(reading.values) < MIN_ALTERNATIVES:
        raise entry.error("alternatives must be two or more different values")
    if reading.default not in reading.values:
        raise entry.error(f"default {reading.default!r} is not among the alternatives")
    entry.done()
    return reading


def _entries(text: str, kind: str) -> Iterable[tuple[str, _Entry]]:
    document = _Entry(f"the {kind}s", tomllib.loads(text))
    tables = document.tables(kind)
    document.done()
    seen: set[str] = set()
    for number, table in enumerate(tables, 1):
        id_ = table.optional_text("id")
        if id_ is None:
            raise ValueError(f"{kind} {number}: id is missing")
        if id_ in seen:
            raise ValueError(f"{kind} {id_}: the id is there twice")
        seen.add(id_)
        table.rename(f"{kind} {id_}")
        yield id_, table


def _check_references(clauses: Mapping[str, Clause], readings: Mapping[str, Reading]) -> None:
    names: dict[str, str] = {}
    for reading in readings.values():
        other = names.setdefault(reading.name, reading.id)
        if other != reading.id:
            raise ValueError(f"reading {reading.id}: the name {reading.name!r} is that of {other}")
        for id_ in reading.clauses:
            if id_ not in clauses:
                raise ValueError(f"reading {reading.id}: unknown clause {id_!r}")
            if reading.id not in clauses[id_].readings:
                raise ValueError(f"reading {reading.id}: clause {id_} does not name it")
    for clause in clauses.values():
        for id_ in clause.readings:
            if id_ not in readings:
                raise ValueError(f"clause {clause.id}: unknown reading {id_!r}")
            if clause.id not in readings[id_].clauses:
                raise ValueError(f"clause {clause.id}: reading {id_} does not name it")


def parse(clauses: str, readings: str) -> tuple[Mapping[str, Clause], Mapping[str, Reading]]:
    """Read clauses and readings from TOML, or raise a ValueError that names the faulty entry."""
    found_clauses = {id_: _clause(entry, id_) for id_, entry in _entries(clauses, "clause")}
    found_readings = {id_: _reading(entry, id_) for id_, entry in _entries(readings, "reading")}
    _check_references(found_clauses, found_readings)
    return MappingProxyType(found_clauses), MappingProxyType(found_readings)


def _data(name: str) -> str:
    return files(__name__).joinpath(name).read_text(encoding="utf-8")


CLAUSES: Mapping[str, Clause]
READINGS: Mapping[str, Reading]
CLAUSES, READINGS = parse(_data("clauses.toml"), _data("readings.toml"))

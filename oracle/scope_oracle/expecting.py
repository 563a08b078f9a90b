"""Expected findings: a readable TOML file of what is known of a subject, so that only what is new fails a build.

Each entry is an `[[expected]]` table: `clause` and `reason` (a sentence, or a link), and as many of `subject`,
`verdict` and `cause` as it takes to be exact. A finding that no entry names is new, and an entry that nothing matches
no longer happens: both are worth knowing, and both fail.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scope_judge.findings import Finding
from scope_spec import CLAUSES, VERDICTS, Verdict

from .names import UnknownName
from .tally import Broken

_MEMBERS: Final = ("subject", "clause", "verdict", "cause", "reason")


class BadExpectation(Exception):
    """A file of expected findings cannot be used; says why, in one sentence."""


@dataclass(frozen=True, slots=True)
class Expected:
    """A finding that is known, and why it is borne with; None matches any."""

    clause: str
    reason: str
    subject: str | None = None
    verdict: Verdict | None = None
    cause: str | None = None

    def matches(self, finding: Finding) -> bool:
        """Whether this is the finding that is known."""
        return (
            finding.clause == self.clause
            and self.verdict in (None, finding.verdict)
            and self.cause in (None, finding.cause)
        )

    @property
    def named(self) -> str:
        """Its clause, with the cause and verdict where it names them."""
        fault = self.clause if self.cause is None else f"{self.clause}/{self.cause}"
        return fault if self.verdict is None else f"{fault} {self.verdict}"

    @property
    def no_longer(self) -> str:
        """What is said where it does not happen."""
        return f"{self.named} no longer happens, and is expected ({self.reason})"


@dataclass(frozen=True, slots=True)
class Met:
    """Findings held against what was expected: those that are known, those that are new, and what is gone."""

    known: tuple[tuple[Broken, Expected], ...] = ()
    new: tuple[Broken, ...] = ()
    gone: tuple[Expected, ...] = ()

    def entry_of(self, broken: Broken) -> Expected | None:
        """What expects a finding, if anything does."""
        return next((entry for each, entry in self.known if each is broken), None)


def meet(subject: str, broken: Sequence[Broken], expected: Iterable[Expected], *, complete: bool = True) -> Met:
    """Hold the findings of a subject against what is expected of it; what a run cut short did not find is not gone."""
    ours = [each for each in expected if each.subject in (None, subject)]
    known: list[tuple[Broken, Expected]] = []
    new: list[Broken] = []
    for each in broken:
        entry = next((one for one in ours if one.matches(each.finding)), None)
        if entry is None:
            new.append(each)
        else:
            known.append((each, entry))
    seen = [each.finding for each in broken]
    gone = tuple(one for one in ours if complete and not any(map(one.matches, seen)))
    return Met(tuple(known), tuple(new), gone)


def read_expected(path: Path) -> tuple[Expected, ...]:
    """Read a file of expected findings; raises BadExpectation where it cannot be read or names what does not exist."""
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except OSError as wrong:
        raise BadExpectation(f"cannot read {path}: {(wrong.strerror or str(wrong)).lower()}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as wrong:
        raise BadExpectation(f"{path} is not TOML: {wrong}") from None
    entries = document.get("expected", [])
    if not isinstance(entries, list) or set(document) - {"expected"}:
        raise BadExpectation(f"{path}: there is nothing but [[expected]] tables in such a file")
    return tuple(_entry(f"{path}, entry {at}", each) for at, each in enumerate(entries, 1))


def written(subject: str, broken: Iterable[Broken]) -> Iterator[str]:
    """The entries for findings that are new, as lines to paste; the reason is left to whoever pastes them.

    What goes by package.module:name on the command line has another name in a test, and one file serves both.
    """
    whose = () if ":" in subject and not subject.startswith("--") else (("subject", subject),)
    for each in broken:
        finding = each.finding
        yield "[[expected]]"
        for name, value in (
            *whose,
            ("clause", finding.clause),
            ("verdict", finding.verdict),
            ("cause", finding.cause),
            ("reason", ""),
        ):
            yield f'{name} = "{value}"'
        yield ""


def _entry(where: str, entry: object) -> Expected:
    if not isinstance(entry, Mapping):
        raise BadExpectation(f"{where}: it is not a table")
    given: dict[str, str] = {}
    for name, value in entry.items():
        if name not in _MEMBERS:
            raise BadExpectation(f"{where}: {UnknownName('member', str(name), _MEMBERS)}")
        if not isinstance(value, str) or not value.strip():
            raise BadExpectation(f"{where}: {name} is to be a text that says something")
        given[name] = value
    for name in ("clause", "reason"):
        if name not in given:
            raise BadExpectation(f"{where}: it has no {name}")
    _known(where, "clause", given["clause"], CLAUSES)
    clause, verdict, cause = given["clause"], given.get("verdict"), given.get("cause")
    if verdict is not None:
        _known(where, "verdict", verdict, VERDICTS)
    if cause is not None:
        _known(where, f"cause of {clause}", cause, CLAUSES[clause].causes)
    exact = next((each for each in VERDICTS if each == verdict), None)
    return Expected(clause, given["reason"], given.get("subject"), exact, cause)


def _known(where: str, kind: str, name: str, known: Iterable[str]) -> None:
    if name not in known:
        raise BadExpectation(f"{where}: {UnknownName(kind, name, known)}")

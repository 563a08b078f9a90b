"""Why recorded findings stand: the causes read in the source of SDKs, each with what repairs it.

A file `SUBJECT.causes.toml` has a table a cause: `findings` (as CLAUSE/cause, of whatever verdict), `why`, and `at`,
the place in the source of each release that it was read in. `repair` says in words what would end it, and `edits` do
so, to the files of those releases; where several causes have to be repaired for a finding to go, `together` names the
others, by a finding each.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cattrs import structure


@dataclass(frozen=True, slots=True)
class Edit:
    """One piece of a source file, by the end of its path, and what is put in its place."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Cause:
    """Why some findings stand, where that is to be seen in each release, and what ends it."""

    findings: tuple[str, ...]
    why: str
    at: Mapping[str, str]
    repair: str = ""
    edits: tuple[Edit, ...] = ()
    together: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Causes:
    """All causes of an SDK."""

    cause: tuple[Cause, ...]

    def of(self, finding: str, release: str) -> Cause | None:
        """The cause of a finding in a release, if it is known."""
        return next((each for each in self.cause if finding in each.findings and release in each.at), None)

    def edits_for(self, cause: Cause, release: str) -> tuple[Edit, ...]:
        """The edits that end a cause, with those of the causes that it has to be repaired together with."""
        return tuple(edit for each in self._together(cause, release) for edit in each.edits)

    def ended_with(self, cause: Cause, release: str) -> frozenset[str]:
        """The findings that go where a cause is repaired."""
        return frozenset(name for each in self._together(cause, release) for name in each.findings)

    def shared_with(self, findings: frozenset[str]) -> frozenset[str]:
        """The findings that have one of these for a part of their cause, and may go or stay where that is repaired."""
        return frozenset(name for each in self.cause if findings & {*each.together} for name in each.findings)

    def _together(self, cause: Cause, release: str) -> list[Cause]:
        others = (self.of(name, release) for name in cause.together)
        return [*(other for other in others if other is not None), cause]


def causes_of(subject: str, results: Path) -> Causes:
    """What is known of an SDK; nothing where nobody has looked."""
    path = results / f"{subject}.causes.toml"
    return structure(tomllib.loads(path.read_text("utf-8")), Causes) if path.exists() else Causes(())


def explained(cause: Cause, release: str) -> str:
    """Why a finding stands, with the place in the source of a release, once it was traced to one."""
    place = cause.at[release]
    return f"{cause.why.removesuffix('.')} ({place})." if place else cause.why


def edited(source: str, path: str, edits: Sequence[Edit]) -> str:
    """A source file as its edits make it; raises ValueError where one does not fit, at exactly one place."""
    for edit in edits:
        if path.endswith(edit.file):
            if source.count(edit.old) != 1:
                raise ValueError(f"{edit.old!r} stands {source.count(edit.old)} times in {path}")
            source = source.replace(edit.old, edit.new)
    return source

"""Explanations: all that is known of a clause, a reading or a policy, note by note."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from scope_judge.blame import EXPLANATIONS
from scope_judge.clauses import BOOK
from scope_judge.misreadings import MISREADINGS
from scope_model.policies import Policy
from scope_spec import CLAUSES, READINGS, Clause, Reading, Verdict

Notes = Iterable[tuple[str, str]]
"""What is known of something: labels and texts, in order."""


def clause_notes(clause: Clause) -> Notes:
    """All that the catalogue says of a clause."""
    yield "says", clause.says
    yield "level", f"{clause.level}, for the {' and the '.join(clause.binds)}"
    yield "verdict", f"a client that breaks it {_BREAKING[clause.verdict]} ({clause.verdict})"
    yield "rests on", clause.rests_on
    for source in clause.sources:
        yield "sources", f"{source.document}, {source.section}: {source.link}"
    yield "revisions", ", ".join(clause.revisions)
    yield "observed on", ", ".join(clause.observed)
    for id_ in clause.readings:
        yield "readings", f"{id_} {READINGS[id_].name}: {READINGS[id_].tension}"
    for check in clause.conformance_check:
        yield "official", f"{check} in the conformance suite of MCP"
    yield from (("judged by", judge) for judge in _judges(clause.id))
    optional = (("differs", clause.differs), ("excluded", clause.excluded), ("unjudged", clause.unjudged))
    yield from ((label, text) for label, text in optional if text is not None)


def _judges(clause: str) -> Iterator[str]:
    """The functions of the judge that may say a clause, and how a loss comes to be said by it."""
    for entry in BOOK:
        if clause in entry.ids:
            yield _described(entry.judges)
    for known in EXPLANATIONS:
        if clause == known.clause:
            yield f"{_described(known.shows)} ({known.cause})"
    for wrong in MISREADINGS:
        if clause == wrong.clause:
            yield f"misreadings.{wrong.name}: the client {wrong.says}"


def _described(function: Callable[..., object]) -> str:
    module, summary = function.__module__.removeprefix("scope_judge."), (function.__doc__ or "").partition("\n")[0]
    return f"{module}.{function.__name__}: {summary}"


_BREAKING: Final[Mapping[Verdict, str]] = {
    "violates": "does what is forbidden",
    "discouraged": "does what it should not",
    "unspecified": "departs from how the documents are read here",
}


def reading_notes(reading: Reading) -> Notes:
    """All that the catalogue says of a reading."""
    yield "tension", reading.tension
    for alternative in reading.alternatives:
        default = " (the default)" if alternative.value == reading.default else ""
        allows = f" Allows {', '.join(alternative.allows)}." if alternative.allows else ""
        yield "values", f"{alternative.value}{default}: {alternative.says}{allows}"
    yield "because", reading.because
    yield "clauses", ", ".join(f"{id_} {CLAUSES[id_].title}" for id_ in reading.clauses)
    for source in reading.sources:
        yield "sources", f"{source.document}, {source.section}: {source.link}"
    yield "choose", f"--reading {reading.name}={reading.values[-1]}"


def policy_notes(policy: Policy) -> Notes:
    """A policy as its sentence, where that is from, and what it selects."""
    yield "says", policy.says
    yield "source", policy.source
    yield "select", repr(policy.select)
    yield "step_up", repr(policy.step_up or policy.select)
    yield "reauthorize", repr(policy.reauthorize or policy.select)
    yield "omitted", f"a token response without scope: {policy.on_omitted_scope}"
    yield "configured", f"what the caller configured: {policy.configured_mode}"
    yield "attempts", str(policy.attempts)

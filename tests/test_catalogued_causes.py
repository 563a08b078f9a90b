"""The causes of each clause, as the catalogue lists them, are those that the judge can name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import scope_judge
from scope_judge.judge import judge
from scope_oracle.tally import NEVER_STEPS_UP
from scope_oracle.transcripts import read
from scope_properties.episodes import Episode
from scope_properties.mutants import MUTANTS
from scope_properties.runs import run
from scope_properties.sampling import sample
from scope_spec import CLAUSES, READINGS

FEW = 40
JUDGE = "\n".join(path.read_text() for path in Path(scope_judge.__file__).parent.rglob("*.py"))
VECTORS = Path(__file__).parent.parent / "spec" / "scope_spec" / "vectors"
SLUG = re.compile(r"[a-z][a-z0-9-]*[a-z0-9]").fullmatch


@pytest.mark.parametrize("clause", CLAUSES)
def test_a_listed_cause_is_named_somewhere_in_the_judge(clause: str) -> None:
    for cause in CLAUSES[clause].causes:
        assert SLUG(cause), cause
        assert f'"{cause}"' in JUDGE or (clause, cause) == (NEVER_STEPS_UP[0], NEVER_STEPS_UP[2]), cause


def of_mutants() -> Iterator[tuple[str, str, str]]:
    for mutant in MUTANTS.values():
        for episode in _few(mutant.grant_types):
            yield from ((mutant.name, each.clause, each.cause) for each in judge(run(episode, mutant.subject)))


def _few(grant_types: tuple[str, ...]) -> Iterator[Episode]:
    episodes = sample(5, revision="2026-07-28", grant_types=grant_types)
    return (next(episodes) for _ in range(FEW))


def of_vectors() -> Iterator[tuple[str, str, str]]:
    for path in sorted(VECTORS.rglob("*.jsonl")):
        transcript = read(path.read_bytes().splitlines())
        yield from ((path.name, each.clause, each.cause) for each in judge(transcript))


def test_whatever_is_found_has_a_listed_cause() -> None:
    found = [*of_mutants(), *of_vectors()]
    unlisted = {f"{clause}/{cause} ({where})" for where, clause, cause in found if cause not in CLAUSES[clause].causes}
    assert not unlisted
    assert len({(clause, cause) for _, clause, cause in found}) > len(CLAUSES) / 2


def test_readings_settle_listed_causes() -> None:
    settled = {
        fault
        for reading in READINGS.values()
        for fault in (*reading.settles, *(each for value in reading.alternatives for each in value.allows))
    }
    for fault in settled:
        clause, _, cause = fault.partition("/")
        assert cause in CLAUSES[clause].causes, fault

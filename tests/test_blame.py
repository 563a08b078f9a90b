"""Blame gives a finding another name, of a clause that is in force, and does nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from itertools import islice, product
from typing import Final, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients import CLIENTS
from scope_judge.blame import EXPLANATIONS, Blame
from scope_judge.findings import Finding
from scope_judge.judge import judged
from scope_judge.misreadings import MISREADINGS
from scope_judge.occasions import Situation
from scope_model.events import Transcript
from scope_properties.mutants import MUTANTS
from scope_spec import CLAUSES, REVISIONS, Revision, Verdict

SITUATIONS: Final[frozenset[Situation]] = frozenset(product(*map(get_args, get_args(Situation))))


def with_blame_and_without(
    transcript: Transcript, reads_plain: Iterable[Situation]
) -> tuple[Sequence[Finding], Sequence[Finding]]:
    """What is found in a transcript, by the names that blame gives, and by those of the clauses that found it."""
    known = frozenset(reads_plain)
    blamed = judged(transcript, reads_plain=known).found
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Blame, "renamed", lambda _, finding, __: finding)
        return blamed, judged(transcript, reads_plain=known).found


def objections(blamed: Sequence[Finding], plain: Sequence[Finding], revision: Revision) -> list[str]:
    """What else blame did than to give a name that is in force."""
    if len(blamed) != len(plain):
        return [f"{len(plain)} findings became {len(blamed)}"]
    wrong = []
    for now, was in zip(blamed, plain, strict=True):
        if (now.event, now.verdict) != (was.event, was.verdict):
            wrong.append(f"{was.clause}, {was.verdict} at {was.event}, became {now.verdict} at {now.event}")
        if now.clause != was.clause and not CLAUSES[now.clause].binds_at(revision):
            wrong.append(f"{was.clause} became {now.clause}, which is not in force")
        if now.clause == was.clause and now != was:
            wrong.append(f"{was.clause} kept its name, and not its {was.cause} or its sentence")
    return wrong


@given(
    client=st.sampled_from(tuple(CLIENTS)),
    revision=st.sampled_from(REVISIONS),
    reads_plain=st.sets(st.sampled_from(sorted(SITUATIONS))),
    data=st.data(),
)
def test_blame_renames_and_does_nothing_else(
    client: str, revision: Revision, reads_plain: set[Situation], data: st.DataObject
) -> None:
    transcript = data.draw(replace(CLIENTS[client], revision=revision).any_transcript(), "transcript")
    assert objections(*with_blame_and_without(transcript, reads_plain), revision) == []


NAMES: Final = frozenset(known.clause for known in EXPLANATIONS) | {wrong.clause for wrong in MISREADINGS}


@cache
def renamed(revision: Revision) -> Counter[tuple[str, str]]:
    """How often which name became which for the clients that break what blame can name, as the law allows."""
    names: Counter[tuple[str, str]] = Counter()
    for mutant in MUTANTS.values():
        if mutant.clause not in NAMES:
            continue
        client = replace(CLIENTS[f"mutant {mutant.name}"], revision=revision)
        for transcript in islice(client.transcripts(5), 60):
            blamed, plain = with_blame_and_without(transcript, SITUATIONS)
            assert objections(blamed, plain, revision) == []
            names.update((was.clause, now.clause) for now, was in zip(blamed, plain, strict=True))
    return names


@pytest.mark.parametrize("revision", REVISIONS)
def test_blame_renames_what_a_challenge_explains(revision: Revision) -> None:
    changed = Counter({names: count for names, count in renamed(revision).items() if len(set(names)) > 1})
    assert changed.total() >= 5
    assert {was for was, _ in changed} <= {"CHAL-1", "SEL-2", "SEL-3", "SEL-6", "META-1", "EXT-1", "ACC-7", "STEP-2"}


def test_blame_gives_most_of_its_names_at_the_newest_revision() -> None:
    assert len({now for was, now in renamed(REVISIONS[-1]) if now != was} & NAMES) >= 8


@pytest.mark.parametrize(
    ("clause", "verdict", "event"),
    [
        ("CHAL-1", "discouraged", 3),  # softened
        ("PARSE-3", "violates", 4),  # moved
        ("ACC-6", "violates", 3),  # not in force at that revision
    ],
)
def test_a_blame_that_does_more_is_objected_to(clause: str, verdict: Verdict, event: int) -> None:
    was = Finding("CHAL-1", "violates", 3, "", "left-out")
    now = replace(was, clause=clause, verdict=verdict, event=event)
    assert objections([now], [was], "2025-11-25")
    assert objections([], [was], "2025-11-25")
    assert objections([was, now], [was], "2025-11-25")
    assert not objections([replace(was, clause="PARSE-3", cause="case")], [was], "2025-11-25")

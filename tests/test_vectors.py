"""The vectors: each says what the judge says, each neighbour keeps its clause, and the tool writes what is kept."""

from __future__ import annotations

import json
from dataclasses import replace
from difflib import SequenceMatcher
from importlib.resources import files
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]  # it has no types of its own
import pytest
from click.testing import CliRunner

from scope_judge.judge import judge, judged
from scope_model.events import (
    AUTHORIZATION_CODE,
    AuthorizationRequest,
    AuthorizationResponse,
    CallEnded,
    CallStarted,
    Event,
    Header,
    ResourceRequest,
    ResourceResponse,
    TokenRequest,
    TokenResponse,
    Transcript,
)
from scope_oracle.cli import cli
from scope_oracle.vectors import kept, save, saved, written
from scope_properties.vectors.neighbours import neighbour
from scope_properties.vectors.plausible import oddities
from scope_properties.vectors.search import DISPUTED, JUDGED, others
from scope_properties.vectors.smaller import smallest
from scope_properties.vectors.vector import ClauseVector, ReadingVector, Vectors
from scope_spec import CLAUSES, READINGS

VECTORS = kept()
INDEX = json.loads(saved()["index.json"])
SCHEMA = json.loads(files("scope_spec").joinpath("schema/vectors.schema.json").read_text("utf-8"))
LINES = json.loads(files("scope_spec").joinpath("schema/transcript.schema.json").read_text("utf-8"))

every_clause = pytest.mark.parametrize("vector", VECTORS.clauses, ids=lambda vector: vector.clause)
every_pair = pytest.mark.parametrize(
    "vector",
    [vector for vector in VECTORS.clauses if vector.neighbour is not None],
    ids=lambda vector: vector.clause,
)
every_value = pytest.mark.parametrize("vector", VECTORS.readings, ids=lambda vector: f"{vector.reading}={vector.value}")

# What there is


def test_every_judged_clause_has_a_vector() -> None:
    assert [vector.clause for vector in VECTORS.clauses] == [clause for clause, _ in JUDGED]
    assert all(vector.neighbour is not None for vector in VECTORS.clauses)


def test_every_value_of_every_reading_has_a_vector() -> None:
    assert [(vector.reading, vector.value) for vector in VECTORS.readings] == list(DISPUTED)
    sides = {(reading.id, value) for reading in READINGS.values() for value in reading.values}
    assert sides == set(DISPUTED) | {(reading.id, reading.default) for reading in READINGS.values()}


def test_the_index_satisfies_its_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(INDEX, SCHEMA)


@pytest.mark.parametrize("member", ["finding", "also", "keeps", "breaks"])
def test_the_schema_wants_every_member_of_a_clause(member: str) -> None:
    index = json.loads(json.dumps(INDEX))
    del index["clauses"][0][member]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(index, SCHEMA)


def test_every_line_of_every_transcript_satisfies_its_schema() -> None:
    validator = jsonschema.Draft202012Validator(LINES)
    for name, text in saved().items():
        if name.endswith(".jsonl"):
            for line in text.splitlines():
                validator.validate(json.loads(line))


# What they say


@every_clause
def test_what_is_found_is_what_the_index_says(vector: ClauseVector) -> None:
    assert sorted(judge(vector.transcript), key=repr) == sorted([vector.finding, *vector.also], key=repr)
    assert vector.finding.clause == vector.clause
    assert vector.finding.verdict == CLAUSES[vector.clause].verdict


@every_pair
def test_the_neighbour_keeps_the_clause(vector: ClauseVector) -> None:
    assert vector.neighbour is not None
    judging = judged(vector.neighbour.transcript)
    assert judging.reached[vector.clause] > 0
    assert {found.clause for found in judging.found} <= {found.clause for found in vector.also}


@every_pair
def test_the_pair_differs_where_the_index_says(vector: ClauseVector) -> None:
    assert vector.neighbour is not None
    one, other = list(vector.transcript.events), list(vector.neighbour.transcript.events)
    assert vector.transcript.header == vector.neighbour.transcript.header
    for how, at in vector.neighbour.differs:
        if how == "added":
            one.insert(at, other[at])
        elif how == "left out":
            del one[at]
        else:
            assert one[at] != other[at]
            one[at] = other[at]
    assert one == other


@every_value
def test_the_sides_of_a_reading_differ_as_the_index_says(vector: ReadingVector) -> None:
    assert tuple(judge(vector.transcript)) == vector.by_default
    assert tuple(judge(vector.transcript, {vector.reading: vector.value})) == vector.otherwise
    assert vector.by_default != vector.otherwise


@every_clause
def test_what_breaks_a_clause_is_as_short_as_it_can_be(vector: ClauseVector) -> None:
    if vector.neighbour is None or len(vector.neighbour.differs) > 1:
        return
    events = vector.transcript.events
    for at in range(len(events)):
        shorter = Transcript(vector.transcript.header, (*events[:at], *events[at + 1 :]))
        least = len(vector.also) + (oddities(events) or 0)
        odd, besides = oddities(shorter.events), others((vector.clause, None), shorter)
        if odd is None or besides is None or odd + besides > least:
            continue
        # A shorter one breaks it too, but has no neighbour.
        assert neighbour(shorter, next(found for found in judge(shorter) if found.clause == vector.clause)) is None


def test_every_transcript_is_plausible() -> None:
    transcripts = [vector.transcript for vector in VECTORS.clauses] + [each.transcript for each in VECTORS.readings]
    assert all(oddities(transcript.events) is not None for transcript in transcripts)
    for pair in VECTORS.clauses:
        assert pair.neighbour is None or oddities(pair.neighbour.transcript.events) == 0


@every_pair
def test_an_altered_answer_is_noticed(vector: ClauseVector) -> None:
    assert vector.neighbour is not None
    assert vector.finding not in judge(vector.neighbour.transcript)
    swapped = replace(vector, transcript=vector.neighbour.transcript)
    texts = written(Vectors((swapped,), ()))
    assert texts[f"clauses/{vector.clause}.breaks.jsonl"] != saved()[f"clauses/{vector.clause}.breaks.jsonl"]
    for other in (
        replace(vector.finding, event=vector.finding.event + 1),
        replace(vector.finding, cause="no-such-cause"),
    ):
        assert judge(vector.transcript) != sorted([other, *vector.also], key=lambda found: found.event)


# What writes them


def test_what_is_read_back_is_written_again_to_the_letter(tmp_path: Path) -> None:
    assert written(VECTORS) == saved()
    (tmp_path / "clauses").mkdir()
    (tmp_path / "clauses" / "GONE-1.breaks.jsonl").write_text("{}")
    save(written(VECTORS), tmp_path)
    assert kept(tmp_path) == VECTORS
    assert saved(tmp_path) == saved()


@pytest.mark.parametrize("clause", ["ACC-1", "CHAL-1", "GRANT-6", "ORDER-3", "SEL-2", "STEP-2"])
def test_a_vector_is_the_smallest_from_itself_on(clause: str) -> None:
    vector = next(each for each in VECTORS.clauses if each.clause == clause)
    assert smallest(vector.transcript, lambda each: others((clause, None), each)) == vector.transcript
    assert neighbour(vector.transcript, vector.finding) == vector.neighbour


def test_a_long_transcript_becomes_the_vector() -> None:
    vector = next(each for each in VECTORS.clauses if each.clause == "ACC-1")
    longer = (
        CallStarted(1, "read"),
        *vector.transcript.events,
        AuthorizationResponse(code=True),
        TokenRequest(AUTHORIZATION_CODE),
        TokenResponse("t7", "b"),
        ResourceRequest("read", "t7"),
        ResourceResponse("read", 200),
        CallEnded(1),
    )
    transcript = Transcript(Header("2026-07-28", wants_refresh_token=True), longer)
    assert smallest(transcript, lambda each: others(("ACC-1", None), each)) == vector.transcript


ASKS, CODE = AuthorizationRequest("a"), AuthorizationResponse(code=True)
EXCHANGES, TOKEN = TokenRequest(AUTHORIZATION_CODE), TokenResponse("t1")
CALLS, REFUSED = ResourceRequest("read"), ResourceResponse("read", 401)


@pytest.mark.parametrize(
    ("events", "odd"),
    [
        ((CALLS, REFUSED, ASKS, CODE, EXCHANGES, TOKEN), 0),
        ((ASKS, CODE, EXCHANGES, TOKEN, ASKS), 1),
        ((ASKS, CODE, EXCHANGES, TOKEN, CALLS), 1),
        ((ASKS, CODE, EXCHANGES, TOKEN, CALLS, REFUSED, ASKS), 1),
        ((REFUSED,), None),
        ((CALLS, ASKS), None),
        ((ASKS, CODE, CALLS), None),
        ((EXCHANGES,), None),
        ((ResourceRequest("read", "t1"),), None),
        ((CALLS, ResourceResponse("write", 401)), None),
        ((CALLS, ResourceResponse("read", 401, (), "https://other.example")), None),
        ((CallStarted(1, "read"), CallStarted(2, "read")), None),
        ((CallEnded(1),), None),
    ],
)
def test_what_is_plausible(events: tuple[Event, ...], odd: int | None) -> None:
    assert oddities(events) == odd


def test_the_longest_common_part_of_a_pair_is_all_but_what_differs() -> None:
    for vector in VECTORS.clauses:
        if vector.neighbour is not None:
            one, other = vector.transcript.events, vector.neighbour.transcript.events
            same = sum(block.size for block in SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks())
            assert same >= max(len(one), len(other)) - len(vector.neighbour.differs)


# What is told of them


def test_explaining_a_clause_shows_the_pair() -> None:
    told = CliRunner().invoke(cli, ["explain", "ACC-1"], standalone_mode=False).output
    assert "The shortest transcript that breaks it:" in told
    assert "a was asked for before, and is missing" in told
    assert "Its nearest neighbour that does not:" in told
    assert "changed" in told


def test_explaining_a_reading_shows_where_its_values_differ() -> None:
    told = CliRunner().invoke(cli, ["explain", "A25"], standalone_mode=False).output
    assert "Where last differs from first-or-none:" in told
    assert "Where merged differs from first-or-none:" in told
    assert "by first-or-none, PARSE-2 unspecified:" in told


def test_the_list_has_a_line_for_each() -> None:
    listed = CliRunner().invoke(cli, ["vectors"], standalone_mode=False).output.splitlines()
    assert len(listed) == len(JUDGED) + len(DISPUTED)
    assert listed[0].startswith("SEL-1 ")

"""Transcripts: written and read back, broken in every way, and held against the published schema."""

import json
from dataclasses import fields
from importlib.resources import files

import jsonschema  # type: ignore[import-untyped]  # it has no types of its own
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scope_model.events import (
    AuthorizationRequest,
    ClientReported,
    ClientRestarted,
    Header,
    ResourceResponse,
    TokenResponse,
    Transcript,
)
from scope_oracle.transcripts import FORMS, HEADER, NAMES, UnusableTranscript, read, records, stream, write
from scope_properties.model_subject import ModelSubject
from scope_properties.runs import run
from scope_properties.strategies import episodes
from scope_spec import EVENTS, REVISIONS

SCHEMA = json.loads(files("scope_spec").joinpath("schema/transcript.schema.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

TEXTS = st.text(max_size=8)
LISTS = st.lists(TEXTS, max_size=3).map(tuple)

PLAYED = episodes().map(lambda episode: run(episode, ModelSubject()))
"""Transcripts as worlds write them."""


INVENTED = st.builds(
    Transcript,
    st.builds(Header, client_name=TEXTS, configured_scopes=st.none() | LISTS),
    st.lists(st.one_of(*(st.from_type(kind) for kind in NAMES)), max_size=4).map(tuple),
)
"""Transcripts of any well-typed events."""

VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-1, 3)
    | st.sampled_from((401.0, 0.5, "fallback", "2026-07-28", *EVENTS))
    | st.recursive(TEXTS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2))
)
MEMBERS = st.sampled_from(
    sorted({"transcript", "event", "end", "events", "client", "x"}.union(*(form.readers for form in FORMS.values())))
)


def refused(*lines: str | bytes) -> str:
    """What reading these lines complains about."""
    with pytest.raises(UnusableTranscript) as caught:
        read(lines)
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


HEAD = '{"transcript": 1, "revision": "2026-07-28"}'


# --- there and back -------------------------------------------------------------------------------


@settings(max_examples=50)
@given(PLAYED | INVENTED)
def test_what_is_written_is_read_back(transcript: Transcript) -> None:
    assert read(write(transcript)) == transcript
    assert read("".join(write(transcript)).encode().splitlines(keepends=True)) == transcript


def test_a_transcript_looks_as_it_is_documented() -> None:
    transcript = Transcript(
        Header("2026-07-28", "mine", "1.0", ("a",), "fallback", wants_refresh_token=True),
        (
            ResourceResponse("read", 401, ('Bearer scope="a b"',)),
            AuthorizationRequest(("a", "b"), resource="https://rs.example/mcp"),
            TokenResponse("t1", scope=""),
            ClientRestarted(),
            ClientReported(()),
        ),
    )
    assert [json.loads(line) for line in write(transcript)] == [
        {
            "transcript": 1,
            "revision": "2026-07-28",
            "client": {"name": "mine", "version": "1.0"},
            "configured_scopes": ["a"],
            "configured_mode": "fallback",
            "wants_refresh_token": True,
        },
        {
            "event": "resource_response",
            "operation": "read",
            "status": 401,
            "www_authenticate": ['Bearer scope="a b"'],
        },
        {"event": "authorization_request", "scope": ["a", "b"], "resource": "https://rs.example/mcp"},
        {"event": "token_response", "access_token": "t1", "scope": ""},
        {"event": "client_restarted"},
        {"event": "client_reported", "granted": []},
        {"end": True, "events": 5},
    ]


def test_null_is_absent_and_unknown_members_are_ignored() -> None:
    lines = [
        '{"transcript": 1, "revision": "2026-07-28", "client": null, "configured_scopes": null, "x": {}}',
        '{"event": "token_response", "access_token": "t1", "scope": null, "expires_in": 3600}',
        '{"end": true, "events": 1, "x": []}',
    ]
    assert read(lines) == Transcript(Header("2026-07-28"), (TokenResponse("t1"),))


def test_a_byte_order_mark_and_blank_lines_do_no_harm() -> None:
    text = "\ufeff" + HEAD + '\r\n\r\n{"event": "client_restarted"}\r\n{"end": true, "events": 1}\r\n\n'
    assert read(text.encode().splitlines(keepends=True)).events == (ClientRestarted(),)


def test_events_are_read_one_at_a_time() -> None:
    def lines() -> list[str]:
        return [HEAD, '{"event": "client_restarted"}', "not JSON"]

    header, events = stream(iter(lines()))
    assert header.revision == "2026-07-28"
    assert next(events) == ClientRestarted()
    with pytest.raises(UnusableTranscript, match=r"^line 3"):
        next(events)


# --- what is unusable -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([], "line 1: the transcript is empty"),
        (["", " "], "line 1: the transcript is empty"),
        (['{"event": "client_restarted"}'], "line 1: a transcript starts with its header"),
        (['{"transcript": 2, "revision": "2026-07-28"}'], "line 1: transcript must be 1"),
        (['{"transcript": true, "revision": "2026-07-28"}'], "line 1: transcript must be 1"),
        (['{"transcript": 1}'], "line 1: revision is missing"),
        (
            ['{"transcript": 1, "revision": "2026-07-29"}'],
            "line 1: unknown revision '2026-07-29'; did you mean 2026-07-28",
        ),
        (['{"transcript": 1, "revision": 2026}'], "line 1: revision must be one of 2025-03-26"),
        (
            ['{"transcript": 1, "revision": "2026-07-28", "client": {"name": 1}}'],
            "line 1: client.name must be a string",
        ),
        (['{"transcript": 1, "revision": "2026-07-28", "client": "x"}'], "line 1: client must be an object"),
        ([HEAD], 'line 1: cut short: the footer, {"end": true, "events": 0}, is missing'),
        (
            [HEAD, "", '{"event": "client_restarted"}'],
            'line 3: cut short: the footer, {"end": true, "events": 1}, is missing',
        ),
        ([HEAD, '{"event": "client_rest'], "line 2: not JSON: unterminated string"),
        ([HEAD, HEAD], "line 2: a second header"),
        (
            [HEAD, '{"event": "resource_reqest"}'],
            "line 2: unknown event 'resource_reqest'; did you mean resource_request",
        ),
        ([HEAD, '{"event": 1}'], "line 2: event must be a string"),
        ([HEAD, '{"operation": "read"}'], "line 2: has no event"),
        ([HEAD, '{"event": "client_restarted", "end": true}'], "line 2: has event and end at once"),
        ([HEAD, '{"event": "token_expired"}'], "line 2: access_token is missing"),
        ([HEAD, '{"event": "token_expired", "access_token": null}'], "line 2: access_token is missing"),
        (
            [HEAD, '{"event": "resource_response", "operation": "a", "status": true}'],
            "line 2: status must be a whole",
        ),
        (
            [HEAD, '{"event": "authorization_request", "scope": ["a", 1]}'],
            "line 2: scope must be a string or a list",
        ),
        ([HEAD, '{"event": "authorization_response", "code": 1}'], "line 2: code must be true or false"),
        (
            [HEAD, '{"event": "client_reported", "granted": "a b"}'],
            "line 2: granted must be a list of strings",
        ),
        ([HEAD, '{"end": true, "events": 1}'], "line 2: the footer counts 1 events, and there are 0"),
        ([HEAD, '{"end": true}'], "line 2: events must be a whole number"),
        ([HEAD, '{"end": 1, "events": 0}'], "line 2: end must be true"),
        (
            [HEAD, '{"end": true, "events": 0}', '{"x": 1, "event": "y"}'],
            "line 3: the transcript goes on after",
        ),
        ([HEAD, "[]"], "line 2: not a JSON object"),
        ([HEAD, '{"event": NaN}'], "line 2: not JSON: there is no NaN in JSON"),
        ([HEAD, '{"x": ' + "9" * 5000 + "}"], "line 2: holds a number too long to read"),
        ([HEAD, "[" * 200_000], "line 2: nested too deeply"),
        ([HEAD, b'{"event": "\xff"}'], "line 2: not UTF-8"),
        (['{"transcript": 1}'.encode("utf-16")], "line 1: not UTF-8"),
        ([HEAD, '{"event": "' + "x" * 100_000 + '"}'], "line 2: unknown event 'xxx"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(lines: list[str | bytes], says: str) -> None:
    assert refused(*lines).startswith(says)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A file that was a transcript once."""
    lines = [bytearray(line.encode()) for line in write(draw(PLAYED | INVENTED))]
    line = draw(st.sampled_from(lines))
    at = draw(st.integers(0, len(line)))
    line[at : at + draw(st.integers(0, 6))] = draw(st.binary(max_size=4) | st.sampled_from((b"null", b"{", b"1")))
    if draw(st.booleans()):
        lines.pop(draw(st.integers(0, len(lines) - 1)))
    return b"".join(lines)


@settings(max_examples=100)
@given(damaged())
def test_a_damaged_file_is_a_transcript_or_unusable(damaged: bytes) -> None:
    try:
        transcript = read(damaged.split(b"\n"))
    except UnusableTranscript:
        return
    assert read(write(transcript)) == transcript


# --- the schema -----------------------------------------------------------------------------------


def usable(record: dict[str, object]) -> bool:
    """Whether a record can be read in the place that it is for."""
    line, restarted = json.dumps(record), '{"event": "client_restarted"}'
    files = [[line, '{"end": true, "events": 0}'], [HEAD, line, '{"end": true, "events": 1}']]
    files += [[HEAD, *[restarted] * count, line] for count in range(4)]
    for lines in files:
        try:
            read(lines)
        except UnusableTranscript:
            continue
        return True
    return False


def test_the_schema_is_a_schema() -> None:
    VALIDATOR.check_schema(SCHEMA)


@settings(max_examples=50)
@given(PLAYED | INVENTED)
def test_what_is_written_satisfies_the_schema(transcript: Transcript) -> None:
    for record in records(transcript):
        VALIDATOR.validate(json.loads(json.dumps(record)))


@settings(max_examples=200)
@given(INVENTED, st.data())
def test_reader_and_schema_agree_on_every_line(transcript: Transcript, data: st.DataObject) -> None:
    record = json.loads(json.dumps(data.draw(st.sampled_from(tuple(records(transcript))))))
    if data.draw(st.booleans()) and len(record) > 1:
        del record[data.draw(st.sampled_from(sorted(record)))]
    record |= data.draw(st.dictionaries(MEMBERS | st.sampled_from(sorted(record)), VALUES, max_size=2))
    if isinstance(record.get("events"), int) and record["events"] > 3:
        record["events"] = 3
    assert usable(record) == VALIDATOR.is_valid(record)


def test_the_schema_names_the_members_of_the_dataclasses() -> None:
    apart = {"transcript", "event", "end"}
    assert set(FORMS) == set(EVENTS)
    assert {one["$ref"].rpartition("/")[2] for one in SCHEMA["$defs"]["event"]["oneOf"]} == set(EVENTS)
    for kind, name in NAMES.items():
        described = SCHEMA["$defs"][name]
        assert described["properties"].keys() - apart == {field.name for field in fields(kind)}, name
        assert set(described["required"]) - apart == set(FORMS[name].required), name
    header = SCHEMA["$defs"]["header"]["properties"]
    assert header.keys() - apart - {"client"} == {name for name in HEADER.readers if "client" not in name}
    assert tuple(header["revision"]["enum"]) == REVISIONS

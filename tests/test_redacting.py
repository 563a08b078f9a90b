"""Redaction: nothing secret is left, and what is left is judged as before."""

import io
import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clients import CLIENTS
from recorded import AS, BESIDE, HIDES_IT, RS, SHOWS_IT, Recording, call, flow, har
from scope_judge.judge import judge
from scope_model.events import Event, ResourceResponse, Transcript
from scope_oracle.recordings import har as har_format
from scope_oracle.recordings.reading import read, told
from scope_oracle.recordings.redacted_har import write
from scope_oracle.recordings.redacting import Redactor
from scope_oracle.transcripts import write as write_lines

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"
CHANGES = {**BESIDE, **SHOWS_IT, **HIDES_IT}


def redacted(recording: Recording) -> bytes:
    """A recording as the HAR that may be shown."""
    return write(har_format.read(har(recording)), Redactor()).encode()


def transcripts(data: bytes) -> list[Transcript]:
    """What a HAR is read as, redacted."""
    return [Transcript(each.header, tuple(each.events)) for each in read([(io.BytesIO(data), "x.har")])]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("replaces", [True, False])
def test_a_redacted_har_is_read_as_the_recording_was_and_holds_no_secret(change: str, *, replaces: bool) -> None:
    recording = CHANGES[change](flow(replaces=replaces))
    shared = redacted(recording)
    assert b"very-secret" not in shared
    assert transcripts(shared) == transcripts(har(recording))
    assert b"very-secret" not in b"".join(
        line.encode() for each in transcripts(har(recording)) for line in write_lines(each)
    )


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(st.data())
def test_a_redacted_transcript_is_judged_as_before(data: st.DataObject) -> None:
    transcript = data.draw(CLIENTS[data.draw(st.sampled_from(tuple(CLIENTS)))].any_transcript())
    shown = replace(transcript, events=tuple(Redactor().events(transcript.events)))
    before, after = ([(f.clause, f.cause, f.verdict, f.event) for f in judge(each)] for each in (transcript, shown))
    assert before == after


def redacted_line(line: str) -> str:
    """What is left of a header line."""
    event: Event = Redactor().event(ResourceResponse("read", 401, (line,)))
    assert isinstance(event, ResourceResponse)
    return event.www_authenticate[0]


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ('Bearer scope="https://graph.example/Mail.Read b"', 'Bearer scope="https://graph.example/Mail.Read b"'),
        ("bearer SCOPE = a,error=invalid_token", "bearer SCOPE = a,error=invalid_token"),
        ('Bearer error_description="need error=foo, scope=admin"', None),
        (
            'Bearer resource_metadata="https://rs.example/tenant-7/mcp?key=1"',
            'Bearer resource_metadata="https://rs.example/p1/mcp?key=x1"',
        ),
        ('DPoP nonce="eyJ7S_zG.eyJH0-Z.HX4w-7v", algs="ES256"', 'DPoP nonce="n1", algs="ES256"'),
        ('Bearer error_description="who is jo.doe@example.org?"', 'Bearer error_description="who is u1?"'),
        (f'Bearer error_description="token {JWT} is old"', 'Bearer error_description="token x1 is old"'),
    ],
)
def test_a_challenge_keeps_its_scopes_and_its_spelling(line: str, left: str | None) -> None:
    assert redacted_line(line) == (line if left is None else left)


@pytest.mark.parametrize(
    ("url", "left"),
    [
        ("https://rs.example/mcp", "https://rs.example/mcp"),
        ("https://jo:pw@rs.example:8443/acme/v2/sse/", "https://u1@rs.example:8443/p1/v2/sse/"),
        ("https://rs.example/.well-known/oauth-protected-resource/acme/mcp", None),
        ("api://4f0c/mcp", "api://p1/mcp"),
        ("https://idp.example/realms/acme?ticket=1#top", "https://idp.example/realms/p1?ticket=x1#x2"),
        ("rs", "rs"),
    ],
)
def test_a_url_keeps_its_host_and_the_words_of_the_protocol(url: str, left: str | None) -> None:
    expected = url.replace("acme", "p1") if left is None else left
    assert Redactor().url(url) == expected


def test_what_was_replaced_is_said() -> None:
    redactor = Redactor()
    write(har_format.read(har(flow(replaces=False))), redactor)
    assert redactor.summary().startswith("replaced 3 access tokens, 3 refresh tokens")
    assert Redactor().summary() == "there was nothing to replace"


def test_what_belongs_to_nobody_is_left_out_of_the_har() -> None:
    other = {"request": {"method": "GET", "url": "https://bank.example/very-secret"}, "response": {"status": 200}}
    shared = json.loads(redacted([other, *flow(replaces=False)]))
    assert len(shared["log"]["entries"]) == len(flow(replaces=False))


def test_what_judge_shows_is_no_more_than_what_redact_leaves() -> None:
    place = "https://rs.example/acme-corp/mcp"
    recording = json.loads(json.dumps(flow(replaces=True)).replace(RS, place))
    for transcript in transcripts(har(recording)):
        shown = "".join(write_lines(transcript)) + repr(judge(transcript))
        assert "acme" not in shown
        assert "/p1/mcp" in shown
        assert AS in shown
    (unredacted,) = told(har_format.read(har([call("read", 401, None, "Bearer", place)])))
    assert "acme" in repr(tuple(unredacted.events))

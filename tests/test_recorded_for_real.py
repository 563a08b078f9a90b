"""Recordings made for real: released SDKs against a real authorization server, by a proxy and by a browser."""

import gzip
import json
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

import pytest

from recorded import Change, Entry, Recording, after_each, each, is_document, no_header, other_application, without
from scope_judge.judge import judge
from scope_model.events import (
    AuthorizationRequest,
    Event,
    ResourceRequest,
    ResourceResponse,
    TokenRequest,
    Transcript,
    WireScope,
)
from scope_oracle.recordings import har
from scope_oracle.recordings.reading import Recorded, exchanges, read, told
from scope_oracle.recordings.redacted_har import write
from scope_oracle.recordings.redacting import Redactor
from scope_oracle.transcripts import UnusableTranscript
from scope_oracle.transcripts import write as write_lines
from scope_spec import Revision

FOLDER = Path(__file__).parent / "recordings"
FILES = sorted(path.name for path in FOLDER.glob("*.gz"))


def recorded(name: str, revision: Revision | None = None) -> Recorded:
    """The one client in a recording."""
    with (FOLDER / name).open("rb") as file:
        (found,) = read([(file, name)], revision)
    return found


def transcript(name: str, revision: Revision | None = None) -> Transcript:
    found = recorded(name, revision)
    return Transcript(found.header, tuple(found.events))


def scopes(events: Iterable[Event]) -> list[WireScope]:
    return [event.scope for event in events if isinstance(event, AuthorizationRequest)]


@pytest.mark.parametrize("name", FILES)
def test_a_recording_is_read_whole(name: str) -> None:
    events: tuple[Event, ...] = tuple(transcript(name).events)
    calls = [event for event in events if isinstance(event, ResourceRequest)]
    assert calls[0].access_token is None
    assert all(call.access_token is not None for call in calls[1:])
    assert {event.issuer for event in events if isinstance(event, TokenRequest)} == {"http://127.0.0.1:9401"}
    assert [event.status for event in events if isinstance(event, ResourceResponse)].count(401) == 1
    assert recorded(name).notes == ()


@pytest.mark.parametrize(
    ("name", "client", "revision"),
    [
        ("python-sdk.har.gz", "mcp 0.1.0", "2026-07-28"),
        ("typescript-sdk-v1.har.gz", "ts-client 1", "2025-11-25"),
        ("chromium.har.gz", "web-client 1", "2025-11-25"),
    ],
)
def test_a_client_is_known_by_what_it_says_of_itself(name: str, client: str, revision: str) -> None:
    found = recorded(name)
    assert (found.client, found.header.revision) == (client, revision)


def test_a_dump_and_the_har_of_one_run_are_one_transcript() -> None:
    assert transcript("python-sdk.flows.gz") == transcript("python-sdk.har.gz")


def test_the_one_accumulates_and_the_other_replaces() -> None:
    assert scopes(transcript("python-sdk.har.gz").events) == ["a offline_access", "a offline_access b"]
    assert scopes(transcript("chromium.har.gz").events) == ["a", "b", "a"]


def test_what_replaces_is_right_at_the_revision_that_it_speaks_and_wrong_at_the_next() -> None:
    grave = [each.clause for each in judge(transcript("chromium.har.gz")) if each.verdict != "unspecified"]
    assert grave == []
    later = judge(transcript("chromium.har.gz", "2026-07-28"))
    assert {each.clause for each in later if each.verdict == "discouraged"} == {"ACC-1", "ACC-4"}


@pytest.mark.parametrize("name", FILES)
def test_nothing_is_held_against_a_client_that_was_not_wrong(name: str) -> None:
    assert [each for each in judge(transcript(name)) if each.verdict != "unspecified"] == []


@pytest.mark.parametrize("name", FILES)
def test_no_token_code_or_client_id_is_left_in_what_is_shown(name: str) -> None:
    with (FOLDER / name).open("rb") as file:
        raw = exchanges([(file, name)])
    secrets = {
        value for each in raw for key, value in each.form if key in ("code", "refresh_token", "client_id", "password")
    }
    secrets |= {each.sent_one("authorization").partition(" ")[2] for each in raw} - {""}
    assert len(secrets) > 4
    shared = write(raw, Redactor())
    lines = "".join(write_lines(transcript(name)))
    assert not [secret for secret in secrets if secret in shared or secret in lines]


@pytest.mark.parametrize("name", FILES)
def test_a_redacted_har_is_read_as_the_recording_was(name: str) -> None:
    with (FOLDER / name).open("rb") as file:
        shared = write(exchanges([(file, name)]), Redactor())
    (again,) = read([(BytesIO(shared.encode()), "x")])
    assert Transcript(again.header, tuple(again.events)) == transcript(name)


def test_the_files_hold_no_more_than_is_needed() -> None:
    assert sum((FOLDER / name).stat().st_size for name in FILES) < 60_000
    for name in FILES:
        if ".har" in name:
            data = gzip.decompress((FOLDER / name).read_bytes())
            assert len(list(har.entries(data))) == len(json.loads(data)["log"]["entries"])


ALL = sorted([*FOLDER.glob("*.har.gz"), *(FOLDER.parent / "real" / "recorded").glob("*.har")])


def entries(path: Path) -> Recording:
    data = path.read_bytes()
    return list(har.entries(gzip.decompress(data) if path.suffix == ".gz" else data))


def accused(recording: Recording) -> list[str]:
    """What is held against any client in it."""
    try:
        found = told(har.read(json.dumps({"log": {"entries": recording}}).encode()))
    except UnusableTranscript:
        return []
    judged = [judge(Transcript(each.header, tuple(each.events))) for each in found]
    return [finding.clause for each in judged for finding in each if finding.verdict != "unspecified"]


def is_form(one: Entry) -> bool:
    return "grant_type" in str(one["request"].get("postData", {}).get("text"))


LOSSES: dict[str, Change] = {
    "no header": each(lambda _: True, lambda one: one["response"].update(headers=[])),
    "no Authorization": each(lambda _: True, no_header("authorization", "request")),
    "no Location": each(lambda _: True, no_header("location", "response")),
    "no challenge": each(lambda _: True, no_header("www-authenticate", "response")),
    "no body": each(lambda _: True, lambda one: one["response"].get("content", {}).pop("text", None)),
    "no document": without(is_document),
    "no body of a document": each(is_document, lambda one: one["response"]["content"].pop("text", None)),
    "no token request": without(is_form),
    "no body of a token request": each(is_form, lambda one: one["request"].pop("postData")),
    "no body of a token response": each(is_form, lambda one: one["response"]["content"].pop("text", None)),
    "no login": without(lambda one: "response_type=code" in one["request"]["url"]),
    "no call": without(lambda one: "jsonrpc" in str(one["request"].get("postData", {}).get("text"))),
    "no refusal": without(lambda one: one["response"]["status"] in (401, 403)),
    "no request body": each(lambda _: True, lambda one: one["request"].pop("postData", None)),
    "other applications": after_each(is_form, lambda _: other_application("https://as.example")),
}


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
def test_a_real_recording_may_have_lost_anything(path: Path) -> None:
    whole = entries(path)
    assert {loss: accused(change(whole)) for loss, change in LOSSES.items() if accused(change(whole))} == {}


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
def test_a_real_recording_may_begin_anywhere(path: Path) -> None:
    whole = entries(path)
    assert {at: accused(whole[at:]) for at in range(len(whole)) if accused(whole[at:])} == {}

"""Recordings as they come: a right client is never accused for what is beside it, or for what is missing."""

import json
import re
from copy import deepcopy
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorded import (
    BESIDE,
    HIDES_IT,
    RS,
    SHOWS_IT,
    Recording,
    authorization,
    call,
    entry,
    flow,
    har,
    is_document,
    resource_metadata,
    server_metadata,
    without,
)
from scope_judge.findings import Finding
from scope_judge.judge import judge
from scope_model.events import Transcript
from scope_oracle.recordings import har as har_format
from scope_oracle.recordings.reading import Recorded, told
from scope_oracle.transcripts import UnusableTranscript

CHANGES = {**BESIDE, **SHOWS_IT, **HIDES_IT}


def clients(recording: Recording) -> list[Recorded]:
    return told(har_format.read(har(recording)))


def accusations(recording: Recording) -> list[Finding]:
    found = [judge(Transcript(each.header, tuple(each.events))) for each in clients(recording)]
    return [finding for each in found for finding in each if finding.verdict != "unspecified"]


def accused(recording: Recording) -> set[str]:
    return {finding.clause for finding in accusations(recording)}


@pytest.mark.parametrize("change", CHANGES)
def test_a_right_client_is_not_accused(change: str) -> None:
    assert accusations(CHANGES[change](flow(replaces=False))) == []


@pytest.mark.parametrize("change", [*BESIDE, *SHOWS_IT])
def test_a_step_up_that_replaces_is_found(change: str) -> None:
    assert accused(CHANGES[change](flow(replaces=True))) == {"ACC-1"}


@pytest.mark.parametrize("change", HIDES_IT)
def test_nothing_else_is_found_of_one_that_replaces(change: str) -> None:
    assert accused(CHANGES[change](flow(replaces=True))) <= {"ACC-1"}


@pytest.mark.parametrize("change", ["the metadata documents", "nothing"])
@pytest.mark.parametrize("beside", BESIDE)
def test_what_is_beside_a_client_is_not_its_own_even_where_no_metadata_was_recorded(beside: str, change: str) -> None:
    left = SHOWS_IT[change](BESIDE[beside](flow(replaces=False)))
    assert accusations(left) == []
    assert accused(SHOWS_IT[change](BESIDE[beside](flow(replaces=True)))) == {"ACC-1"}


@pytest.mark.parametrize("at", range(len(flow(replaces=False))))
def test_a_recording_may_begin_or_end_anywhere(at: int) -> None:
    right, wrong = flow(replaces=False), flow(replaces=True)
    for part in (right[at:], right[: at + 1]):
        assert accusations(part) == []
    # Where the first request is missing, what shows is that a granted scope is lost.
    assert accused(wrong[at:]) | accused(wrong[: at + 1]) <= {"ACC-1", "ACC-2"}


@settings(max_examples=200, derandomize=True, database=None, deadline=None)
@given(st.lists(st.sampled_from(sorted(CHANGES)), min_size=2, max_size=3, unique=True), st.booleans(), st.data())
def test_whatever_is_beside_and_missing_together_accuses_nobody(
    changes: list[str],
    replaces: bool,  # noqa: FBT001
    data: st.DataObject,
) -> None:
    recording = flow(replaces=replaces)
    for name in sorted(changes, key=lambda name: ("are beside" in name, name not in BESIDE)):
        try:
            recording = CHANGES[name](recording)
        except (KeyError, json.JSONDecodeError):
            continue  # what would be changed is not there any more
    begin = data.draw(st.integers(0, 3), "begin")
    if clients_or_none(recording[begin:]):
        assert accused(recording[begin:]) <= ({"ACC-1", "ACC-2"} if replaces else set())


def clients_or_none(recording: Recording) -> list[Recorded]:
    try:
        return clients(recording)
    except ValueError:
        return []


# --- what belongs together ------------------------------------------------------------------------

UNDOCUMENTED = without(is_document)
ROOT_DOCUMENT = "https://rs.example/.well-known/oauth-protected-resource"
INSPECTOR = f"http://localhost:6277/mcp?url={quote(RS, safe='')}&transportType=streamable-http"


def redirected(recording: Recording) -> Recording:
    """Each call is sent on to the same place with a slash."""
    changed: Recording = []
    for one in recording:
        if one["request"]["url"] == RS:
            answered = deepcopy(one)
            answered["request"]["url"] = f"{RS}/"
            first = deepcopy(one)
            first["response"] = {"status": 307, "headers": [{"name": "location", "value": f"{RS}/"}], "content": {}}
            changed += [first, answered]
        else:
            changed.append(one)
    return changed


def streamed(recording: Recording) -> Recording:
    """The older transport: a stream at one place, and messages posted to another."""
    stream = entry("GET", "https://rs.example/sse", 200, "", sent={"Accept": "text/event-stream"})
    changed = json.loads(json.dumps(recording).replace(RS, "https://rs.example/sse"))
    for one in changed:
        if one["request"]["url"] == "https://rs.example/sse":
            one["request"]["url"] = "https://rs.example/messages?sessionId=7"
    return [stream, *changed]


TOGETHER = {
    "the origin": lambda **how: UNDOCUMENTED(flow(resource="https://rs.example", **how)),
    "a slash": lambda **how: UNDOCUMENTED(flow(resource=f"{RS}/", **how)),
    "a default port": lambda **how: UNDOCUMENTED(flow(resource="https://rs.example:443/mcp", **how)),
    "capitals": lambda **how: UNDOCUMENTED(flow(resource="https://RS.example/mcp", **how)),
    "the document of the origin": lambda **how: at_root(
        flow(resource="https://rs.example/", documented="https://rs.example/", **how)
    ),
    "the document of the origin, and the place": lambda **how: at_root(flow(documented="https://rs.example", **how)),
    "a redirect": lambda **how: redirected(flow(**how)),
    "a redirect, and a name with a slash": lambda **how: redirected(
        flow(resource=f"{RS}/", documented=f"{RS}/", **how)
    ),
    "a redirect, undocumented": lambda **how: UNDOCUMENTED(redirected(flow(**how))),
    "the Inspector's proxy": lambda **how: flow(url=INSPECTOR, **how),
    "the Inspector's proxy, undocumented": lambda **how: UNDOCUMENTED(flow(url=INSPECTOR, **how)),
    "a stream and its messages": lambda **how: streamed(flow(**how)),
    "a stream and its messages, undocumented": lambda **how: UNDOCUMENTED(streamed(flow(**how))),
    "another name": lambda **how: UNDOCUMENTED(flow(resource="https://id.example/mcp", **how)),
}


def at_root(recording: Recording) -> Recording:
    """The document found at the origin's own well-known address."""
    return json.loads(json.dumps(recording).replace(f"{ROOT_DOCUMENT}/mcp", ROOT_DOCUMENT))  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", TOGETHER)
def test_what_belongs_together_is_put_together(name: str) -> None:
    assert accusations(TOGETHER[name](replaces=False)) == []
    assert accused(TOGETHER[name](replaces=True)) == {"ACC-1"}


def two_servers(*, named: bool, replaces: bool) -> Recording:
    """Two servers behind one document; the requests name them, or leave that out."""
    recording: Recording = []
    for at, server in enumerate(("a", "b")):
        url = f"https://rs.example/{server}/mcp"
        step = f"{server}:w" if replaces else f"{server}:r {server}:w"
        number = 10 * at
        recording += [
            call("read", 401, None, f'Bearer scope="{server}:r"', url),
            resource_metadata("https://rs.example", ROOT_DOCUMENT),
            server_metadata(),
            *authorization(number + 1, f"{server}:r", resource=url),
            call("read", 200, f"very-secret-t-{number + 1}", url=url),
            call(
                "write",
                403,
                f"very-secret-t-{number + 1}",
                f'Bearer error="insufficient_scope", scope="{server}:w"',
                url,
            ),
            *authorization(number + 2, step, resource=url),
            call("write", 200, f"very-secret-t-{number + 2}", url=url),
        ]
    return recording if named else json.loads(re.sub(r"[&?]resource=[^&\"]*", "", json.dumps(recording)))


@pytest.mark.parametrize("named", [True, False])
def test_two_servers_behind_one_document_are_told_apart_by_what_requests_name_or_by_their_tokens(
    *, named: bool
) -> None:
    assert accusations(two_servers(named=named, replaces=False)) == []
    assert accused(two_servers(named=named, replaces=True)) == {"ACC-1"}


# --- several clients ------------------------------------------------------------------------------


def of(who: str, recording: Recording) -> Recording:
    """The recording of another client."""
    text = json.dumps(recording).replace("very-secret-client", f"very-secret-client-{who}")
    text = re.sub(r"very-secret-(t|r|state|code|verifier)-", rf"very-secret-\1-{who}", text)
    changed: Recording = json.loads(text.replace("mine", who))
    for one in changed:
        posted = one["request"].get("postData", {})
        if "verifier" in posted.get("text", ""):
            assert who in posted["text"]
    return changed


@pytest.mark.parametrize("change", ["nothing", "the metadata documents", "the registration"])
@pytest.mark.parametrize("names", [("one", "two"), ("same", "same")])
def test_two_clients_are_judged_apart_and_named(names: tuple[str, str], change: str) -> None:
    one, two = (of(name, flow(replaces=at == 1)) for at, name in enumerate(names))
    if names[0] == names[1]:
        two = json.loads(re.sub(r"very-secret-(\w+)-(same)?", r"very-secret-\1-other", json.dumps(two)))
    interleaved = [each for pair in zip(one, two, strict=True) for each in pair]
    found = clients(SHOWS_IT[change](interleaved))
    assert [each.client for each in found] == (
        ["one 1.0", "two 1.0"] if names[0] != names[1] else ["same 1.0", "same (2) 1.0"]
    )
    judged = [
        {f.clause for f in judge(Transcript(each.header, tuple(each.events))) if f.verdict != "unspecified"}
        for each in found
    ]
    assert judged == [set(), {"ACC-1"}]


def test_more_clients_than_can_be_told_apart_are_refused() -> None:
    many = [one for at in range(300) for one in authorization(at, "a", client=f"client-{at}", who=f"w{at}x")]
    with pytest.raises(UnusableTranscript, match="300 clients were recorded, and no more than 256 are told apart"):
        clients(many)


def test_requests_of_clients_that_nobody_can_tell_apart_accuse_nobody() -> None:
    right = flow(replaces=False)
    other = json.loads(json.dumps(right).replace("very-secret", "other-secret"))
    hidden = SHOWS_IT["the Authorization headers"]([*right, *other])
    found = clients(hidden)
    assert len(found) == 2
    assert all(each.header.began_midway and each.notes for each in found)
    assert accusations(hidden) == []

"""Forgetting never accuses, and an accusation that stands on what was seen survives what was not."""

from __future__ import annotations

from collections import Counter
from functools import cache
from itertools import islice
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clients import CLIENTS
from scope_judge.findings import Finding
from scope_judge.judge import judge
from scope_model.events import (
    AuthorizationRequest,
    AuthorizationResponse,
    CallEnded,
    CallStarted,
    ClientRegistration,
    ClientReported,
    Event,
    Header,
    ProtectedResourceMetadata,
    ResourceRequest,
    ResourceResponse,
    TokenExpired,
    TokenRequest,
    TokenResponse,
    Transcript,
)
from scope_properties.forgetting import OMISSIONS, Judging, Remainder, gained, lost, remainders, together, whole
from scope_spec import Verdict


@st.composite
def transcripts(draw: st.DrawFn) -> Transcript:
    """A transcript of any client, with the application's calls or without."""
    transcript = draw(CLIENTS[draw(st.sampled_from(tuple(CLIENTS)))].any_transcript())
    return transcript if draw(st.booleans()) else without_any(transcript, "calls").transcript


# --- the laws -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OMISSIONS)
@given(data=st.data())
def test_forgetting_one_thing_never_accuses_and_loses_nothing_that_stood_without_it(
    name: str, data: st.DataObject
) -> None:
    transcript = data.draw(transcripts(), "transcript")
    left = data.draw(remainders(transcript, (name,)), "left")
    assert gained(judge, transcript, left) == []
    assert lost(judge, transcript, left, OMISSIONS[name].keeps) == []


@given(transcript=transcripts(), names=together(), data=st.data())
def test_forgetting_several_things_never_accuses_and_loses_nothing_that_stood_without_them(
    transcript: Transcript, names: tuple[str, ...], data: st.DataObject
) -> None:
    left = data.draw(remainders(transcript, names), "left")
    assert gained(judge, transcript, left) == []
    assert lost(judge, transcript, left, kept_by(names)) == []


@pytest.mark.parametrize("client", CLIENTS)
def test_forgetting_all_that_can_be_forgotten_of_any_client_accuses_it_of_nothing(client: str) -> None:
    for driven in islice(CLIENTS[client].transcripts(11), 6):
        for transcript in (driven, without_any(driven, "calls").transcript):
            for name in OMISSIONS:
                left = without_any(transcript, name)
                assert gained(judge, transcript, left) == [], name
                assert lost(judge, transcript, left, OMISSIONS[name].keeps) == [], name


def kept_by(names: tuple[str, ...]) -> frozenset[str]:
    """The clauses that rest on none of these."""
    return frozenset.intersection(*(OMISSIONS[name].keeps for name in names))


def without_any(transcript: Transcript, name: str) -> Remainder:
    """What is left where all of it was lost, or the shortest beginning, or half."""
    losses = list(OMISSIONS[name].losses(transcript.events))
    if name == "beginning":
        losses = losses[:1]
    if name == "ending":
        losses = losses[len(losses) // 2 :][:1]
    return whole(transcript).without(losses)


# --- that they say something ----------------------------------------------------------------------


@cache
def sampled() -> tuple[Transcript, ...]:
    """A dozen transcripts of each client."""
    return tuple(transcript for client in CLIENTS.values() for transcript in islice(client.transcripts(11), 12))


@pytest.mark.parametrize("name", OMISSIONS)
def test_each_omission_leaves_something_out_and_accusations_in(name: str) -> None:
    keeps, changed, kept = OMISSIONS[name].keeps, 0, 0
    for transcript in sampled():
        left = without_any(transcript, name)
        if left.transcript.events != transcript.events:
            changed += 1
            accusations = (found for found in judge(transcript) if found.verdict != "unspecified")
            kept += any(found.clause in keeps and found.event in left.places for found in accusations)
    assert changed >= 200
    assert kept >= 3


def test_what_is_drawn_leaves_something_out() -> None:
    changed = Counter[str]()

    @settings(settings.get_profile("ci"), max_examples=400)
    @given(transcripts(), together(), st.data())
    def draw(transcript: Transcript, names: tuple[str, ...], data: st.DataObject) -> None:
        left = data.draw(remainders(transcript, names))
        changed["something" if left.transcript.events != transcript.events else "nothing"] += 1

    draw()
    assert changed["something"] >= 300


# --- what is left ---------------------------------------------------------------------------------

RESOURCE: Final = "https://one.example/mcp"
ISSUER: Final = "https://as.example"
WHOLE: Final = Transcript(
    Header("2026-07-28"),
    (
        CallStarted(0, "read", RESOURCE),
        ResourceRequest("read", None, RESOURCE),
        ResourceResponse("read", 401, ('Bearer scope="a"',), RESOURCE),
        ProtectedResourceMetadata(RESOURCE, (ISSUER,)),
        ClientRegistration(issuer=ISSUER),
        AuthorizationRequest("a", None, ISSUER, RESOURCE),
        AuthorizationResponse(code=True, issuer=ISSUER, resource=RESOURCE),
        TokenRequest("authorization_code", None, None, ISSUER, RESOURCE),
        TokenResponse("t1", "a", "r1", None, ISSUER, RESOURCE),
        ResourceRequest("read", "t1", RESOURCE),
        ResourceResponse("read", 200, (), RESOURCE),
        CallEnded(0, "served"),
        ClientReported(("a",), ISSUER, RESOURCE),
        TokenExpired("t1"),
        TokenRequest("refresh_token", None, "r1", ISSUER, RESOURCE),
        TokenResponse(None, None, None, "invalid_grant", ISSUER, RESOURCE),
        ResourceRequest("read", None, RESOURCE),
    ),
)


def became(name: str, transcript: Transcript = WHOLE) -> dict[int, Event | None]:
    """What becomes of each event that an omission may change."""
    return {at: event for loss in OMISSIONS[name].losses(transcript.events) for at, event in loss.items()}


def test_each_part_of_each_omission_is_another() -> None:
    assert {at: event for at, event in became("names_of_the_issuer").items() if at in (3, 5, 14)} == {
        5: AuthorizationRequest("a", None, None, RESOURCE),
        14: TokenRequest("refresh_token", None, "r1", None, RESOURCE),
    }
    assert became("names_of_the_resource").keys() == {0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 12, 14, 15, 16}
    assert became("reports") == {12: None}
    assert became("registrations") == {4: None}
    assert became("calls") == {0: None, 11: None}
    assert became("expiries_at_rest") == {13: None}
    assert became("authorization_headers") == {9: ResourceRequest("read", None, RESOURCE)}
    assert became("tokens_in_headers") == {9: ResourceRequest("read", "redacted", RESOURCE)}
    unread = TokenResponse(issuer=ISSUER, resource=RESOURCE)
    assert became("bodies_of_token_responses") == {8: unread, 15: unread}
    assert became("ending").keys() == set(range(17))


def test_a_recording_begins_where_the_next_request_shows_a_token_that_was_issued() -> None:
    starts = [len(loss) for loss in OMISSIONS["beginning"].losses(WHOLE.events)]
    assert starts == [12, 13, 14]


@pytest.mark.parametrize(
    ("name", "stranger"),
    [
        ("names_of_the_resource", ResourceRequest("read", None, "https://two.example/mcp")),
        ("names_of_the_issuer", ClientRegistration(issuer="https://other-as.example")),
        ("names_of_the_issuer", ProtectedResourceMetadata(RESOURCE, ("https://other-as.example",))),
    ],
)
def test_where_there_are_two_of_them_no_name_is_left_out(name: str, stranger: Event) -> None:
    assert became(name, Transcript(WHOLE.header, (*WHOLE.events, stranger))) == {}


# --- judges that the laws catch -------------------------------------------------------------------


def accuses(*findings: tuple[str, Verdict, int], when: bool) -> Judging:
    """A judge that finds this in a whole recording, or else in any that is not."""

    def judging(transcript: Transcript) -> list[Finding]:
        return [Finding(*found, "", "") for found in findings] if (transcript == WHOLE) is when else []

    return judging


@pytest.mark.parametrize("name", OMISSIONS)
def test_a_judge_that_accuses_because_something_is_missing_is_caught(name: str) -> None:
    left = without_any(WHOLE, name)
    assert gained(accuses(("SEL-4", "violates", 0), when=False), WHOLE, left)


@pytest.mark.parametrize("name", OMISSIONS)
def test_a_judge_that_lets_an_accusation_go_with_what_it_does_not_rest_on_is_caught(name: str) -> None:
    left = without_any(WHOLE, name)
    accusing = accuses(("SEL-4", "violates", left.places[0]), when=True)
    assert lost(accusing, WHOLE, left, OMISSIONS[name].keeps)


@pytest.mark.parametrize(
    ("before", "after", "are_gained", "are_lost"),
    [
        ([("ACC-8", "discouraged", 5)], [("ACC-1", "discouraged", 4)], 0, 0),  # another name
        ([("ACC-1", "discouraged", 5)], [("CHAL-1", "violates", 4)], 1, 0),  # graver
        ([("CHAL-1", "violates", 5)], [("ACC-1", "discouraged", 4)], 0, 1),  # softer
        ([("ACC-1", "discouraged", 5)], [("SEL-6", "discouraged", 6)], 1, 1),  # another fault
        ([("ACC-1", "discouraged", 5)], [("ACC-1", "discouraged", 4), ("SEL-6", "discouraged", 4)], 1, 0),  # two of one
        ([("ACC-1", "unspecified", 5)], [("ACC-1", "discouraged", 4)], 1, 0),  # said at last
        ([("REG-1", "discouraged", 4)], [], 0, 0),  # its event is gone
        ([("ACC-1", "discouraged", 5)], [("ACC-1", "unspecified", 4)], 0, 1),  # hardly said
        ([("RETRY-1", "discouraged", 5)], [("RETRY-1", "discouraged", 6)], 0, 1),  # counted from later on
        ([("RETRY-1", "discouraged", 7)], [("RETRY-1", "discouraged", 4)], 0, 1),  # another is the one too many
        ([("STEP-7", "discouraged", 7)], [("STEP-7", "discouraged", 4)], 0, 1),  # at another end
    ],
)
def test_findings_are_compared_by_event_and_gravity(
    before: list[tuple[str, Verdict, int]],
    after: list[tuple[str, Verdict, int]],
    are_gained: int,
    are_lost: int,
) -> None:
    left = without_any(WHOLE, "registrations")

    def judging(transcript: Transcript) -> list[Finding]:
        return [Finding(*found, "", "") for found in (before if transcript == WHOLE else after)]

    assert len(gained(judging, WHOLE, left)) == are_gained
    assert len(lost(judging, WHOLE, left, OMISSIONS["registrations"].keeps)) == are_lost


def test_what_never_happened_may_be_found_at_an_end_that_is_new_and_at_no_other() -> None:
    accusing = accuses(("STEP-7", "discouraged", 0), when=False)
    assert not gained(accusing, WHOLE, without_any(WHOLE, "ending"))
    assert gained(accusing, WHOLE, without_any(WHOLE, "beginning"))
    assert gained(accuses(("SEL-6", "discouraged", 0), when=False), WHOLE, without_any(WHOLE, "ending"))

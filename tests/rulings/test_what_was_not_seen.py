"""What was not seen is unknown, and not nothing: a client is accused only where every history makes it wrong."""

from __future__ import annotations

import pytest

from rulings.expectations import RIGHT, Expected, allows, confirm, finds, rows
from rulings.stories import (
    AS_ASKED,
    NEW,
    OLD,
    OTHER_RESOURCE,
    RESOURCE,
    Story,
    TokenScope,
    by_itself,
    named_only,
    story,
)
from scope_judge.judge import judge
from scope_spec import Revision

# --- a token that nobody saw issued -----------------------------------------------------------------

stored = story().insufficient("c", token="t0").discovers()
"""The recording begins with a call that carries a stored token."""

HOLDS_A_STORED_TOKEN = {
    "asks for what it holds and what is challenged": stored.step_up("c", "a b c", ("t0", "t1")),
    "asks for what is challenged alone, which may be all it ever asked for": stored.asks("c"),
    "asks for more than anybody was seen to name, at the older revision": story(OLD)
    .insufficient("c", token="t0")
    .discovers()
    .asks("a b c"),
    "has no user": by_itself().insufficient("c", token="t0").discovers().obtains("a b c", "t1").served("write", "t1"),
    "is told by a 401 that the token is worth nothing": story()
    .unauthorized(None, token="t0", error="invalid_token")
    .discovers("p")
    .asks("a p"),
    "is told by a 401 what the operation needs": story()
    .unauthorized("c", token="t0", error="invalid_token")
    .discovers()
    .asks("a b c"),
    "is told by a 401 and does not select afresh from the metadata": story()
    .unauthorized(None, token="t0", error="invalid_token")
    .discovers("p", "q")
    .asks("a b"),
    "asks for offline_access again, which may have been challenged once": story()
    .insufficient("c", token="t0")
    .discovers(by_server=())
    .asks("a c offline_access", "consent"),
    "restarted before the recording's first call": story()
    .restarts()
    .insufficient("c", token="t0")
    .discovers()
    .asks("a b c"),
    "refreshes by name with a refresh token from the same store": story()
    .expires("t0")
    .refreshes("t1", "r0", "a b", "a b", "r1")
    .insufficient("c")
    .discovers()
    .asks("a b c"),
    "refreshes without scope, and keeps what the response does not say": story()
    .refreshes("t1", "r0")
    .served()
    .insufficient("c")
    .discovers()
    .asks("a b c"),
    "asks, after a grant that was seen, for what it may have had before": stored.obtains("a c", "t1")
    .served("write", "t1")
    .insufficient("d", "admin")
    .asks("a c d z"),
    "says what it holds": stored.reports("a", "b"),
    "says that it does not know what it holds": stored.reports_that_it_does_not_know(),
    "holds at one resource what another one challenges": story()
    .at(OTHER_RESOURCE)
    .handshake("notes")
    .at(RESOURCE)
    .insufficient("c", token="t0")
    .discovers()
    .asks("notes c"),
    "goes on with the stored token while the step-up is refused": stored.asks("a c").refuses().served("read", "t0"),
    "is served with the stored token first": story().served("read", "t0").insufficient("c", token="t0").asks("a b c"),
}


@pytest.mark.parametrize("told", rows(HOLDS_A_STORED_TOKEN))
def test_what_a_client_with_a_stored_token_asked_for_before_is_unknown(told: Story) -> None:
    confirm(told, RIGHT)


BREAKS_WITH_A_STORED_TOKEN = {
    "leaves the challenged scope out": (stored.asks("a b"), finds("CHAL-1", "violates", worst="violates")),
    "leaves it out without a user": (
        by_itself().insufficient("c", token="t0").asks("a b"),
        finds("CHAL-1", "violates"),
    ),
    "replaces, after a grant that was seen": (
        stored.obtains("a b c", "t1").served("write", "t1").insufficient("d", "admin").asks("d"),
        finds("ACC-1 ACC-2 ACC-4", "discouraged"),
    ),
    "sends a scope that no grammar allows": (stored.asks(" a c"), finds("SEL-4", "violates", worst="violates")),
    "renews twice for one call": (
        story()
        .unauthorized(token="t0", error="invalid_token")
        .refreshes("t1", "r0", rotated="r1")
        .unauthorized(token="t1", error="invalid_token")
        .refreshes("t2", "r1", rotated="r2")
        .unauthorized(token="t2", error="invalid_token"),
        finds("CHAL-8", "discouraged"),
    ),
}


@pytest.mark.parametrize(("told", "expected"), rows(BREAKS_WITH_A_STORED_TOKEN))
def test_a_stored_token_excuses_nothing_that_was_seen(told: Story, expected: Expected) -> None:
    confirm(told, expected)


# --- recordings that do not show which token a call carried -----------------------------------------


def recorded(carried: str | None, *, first: str | None = None, said: TokenScope = AS_ASKED) -> Story:
    """A handshake whose calls all carry what the recorder put in the token's place."""
    return story().unauthorized("a b", token=first).discovers().obtains("a b", "t1", said, "r1").served("read", carried)


USE_NOT_RECORDED = {
    "the header is left out": recorded(None),
    "the header is left out, and a step-up follows": recorded(None)
    .insufficient("c", token=None)
    .obtains("a b c", "t2")
    .served("write", None),
    "every header reads the same": recorded("redacted").served("write", "redacted"),
    "every header reads the same, the first call's too": recorded("redacted", first="redacted"),
    "the grant is narrower than the request": recorded(None, said="a").served("write", None),
    "the grant is wider than the request": recorded("redacted", said="a b x").served("write", "redacted"),
    "the user refuses a step-up": recorded(None)
    .insufficient("c", token=None)
    .asks("a b c")
    .refuses()
    .served("read", None),
    "the challenged operation is tried again, all headers alike": recorded("redacted")
    .insufficient("c", token="redacted")
    .obtains("a b c", "t2")
    .served("write", "redacted"),
    "another operation is called in place of the challenged one": recorded(None)
    .insufficient("c", token=None)
    .obtains("a b c", "t2", "a b")
    .served("read", None),
    "a refresh in between": recorded(None).expires().refreshes("t2").served("read", None),
}


@pytest.mark.parametrize("told", rows(USE_NOT_RECORDED))
def test_where_the_use_of_tokens_was_not_recorded_nobody_failed_to_use_one(told: Story) -> None:
    confirm(told, allows("unspecified", absent="STEP-7 GRANT-3 ACC-10"))


@pytest.mark.parametrize("carried", [None, "redacted"])
@pytest.mark.parametrize(
    ("asked", "expected"),
    rows(
        {
            "replaces": ("c", finds("ACC-1 ACC-2", "discouraged")),
            "leaves the challenge out": ("a b", finds("CHAL-1", "violates")),
            "keeps half of what was granted": ("a c", finds("ACC-1 ACC-2", "discouraged")),
        }
    ),
)
def test_what_is_asked_for_is_judged_all_the_same(carried: str | None, asked: str, expected: Expected) -> None:
    confirm(recorded(carried).insufficient("c", token=carried).asks(asked), expected)


USE_RECORDED = {
    "the new token is passed over in favour of none": (
        story().handshake().insufficient("b").obtains("a b", "t2").unauthorized("b", "write").served("read", "t2"),
        finds("STEP-7", "discouraged"),
    ),
    "the new token is passed over in favour of the old": (
        story().handshake().insufficient("b").obtains("a b", "t2").insufficient("b").served("read", "t2"),
        finds("STEP-7", "discouraged"),
    ),
    "the token that was held is given up for a refusal": (
        story().handshake().insufficient("b").asks("a b").refuses().calls("read", None).answers("read", 401, "Bearer"),
        finds("ACC-10", "discouraged"),
    ),
}


@pytest.mark.parametrize(("told", "expected"), rows(USE_RECORDED))
def test_one_call_that_was_seen_with_its_token_shows_that_use_was_recorded(told: Story, expected: Expected) -> None:
    confirm(told, expected)


# --- a token response that nobody could read --------------------------------------------------------


def unreadable(scope: str = "a", token: str = "t1") -> Story:
    """A handshake whose token response was recorded without its body."""
    return story().unauthorized(scope).discovers().asks(scope).consents().issued(None).served("read", token)


UNREADABLE = {
    "steps up from what was requested": unreadable().insufficient("b").asks("a b"),
    "steps up from more than was requested, which may have been granted": unreadable().insufficient("b").asks("a x b"),
    "says what it holds": unreadable("a b").reports("a"),
    "says that it does not know what it holds": unreadable("a b").reports_that_it_does_not_know(),
    "asks for the same again": story().unauthorized("a").discovers().asks("a").consents().issued(None).asks("a"),
    "goes on with a token from the refresh that nobody could read": story()
    .handshake("a b")
    .expires()
    .asks_to_refresh()
    .issued(None)
    .served("read", "t2")
    .insufficient("c", token="t2")
    .asks("a b c"),
    "says after such a refresh what it held before": story()
    .handshake("a b")
    .expires()
    .asks_to_refresh()
    .issued(None)
    .served("read", "t2")
    .reports("a", "b"),
    "uses the token of a step-up that nobody could read": story()
    .handshake()
    .insufficient("b")
    .asks("a b")
    .consents()
    .issued(None)
    .served("write", "t2"),
    "refreshes by name within a grant that nobody could read": unreadable("a b").expires().asks_to_refresh("r1", "a"),
    "has no user": by_itself()
    .unauthorized("a")
    .discovers()
    .asks("a")
    .issued(None)
    .served("read", "t1")
    .insufficient("b")
    .asks("a b"),
}


@pytest.mark.parametrize("told", rows(UNREADABLE))
def test_a_token_response_that_cannot_be_read_is_no_refusal(told: Story) -> None:
    confirm(told, allows("unspecified", absent="RETRY-5 ACC-10"))


@pytest.mark.parametrize(
    "told",
    rows(
        {
            "at a step-up": unreadable().insufficient("b").asks("a"),
            "at the first request": story().unauthorized("a b").discovers().asks("a").consents().issued(None),
            "without a user": by_itself().unauthorized("a b").discovers().asks("a").issued(None).served("read", "t1"),
            "at the older revision": story(OLD).unauthorized("a b").asks("a").consents().issued(None),
        }
    ),
)
def test_a_challenge_left_out_beside_an_unreadable_response_is_left_out(told: Story) -> None:
    confirm(told, finds("CHAL-1 SEL-5", "violates"))


# --- a grant that is listed with commas -------------------------------------------------------------


def in_commas(said: str = "repo,gist", asked: str = "repo gist") -> Story:
    """A handshake whose token response lists the scopes with commas."""
    return story().handshake(asked, said=said).insufficient("read:org", "org")


IN_COMMAS = {
    "reads a list, and steps up from it": in_commas().obtains("repo gist read:org", "t2", "repo,gist,read:org"),
    "reads one scope, and steps up from all it knows": in_commas().asks("repo gist repo,gist read:org"),
    "reads one scope, and drops what was not granted": in_commas().asks("repo,gist read:org"),
    "reads a list that is narrower than the request": in_commas("repo,gist", "repo gist user").asks(
        "repo gist user read:org"
    ),
    "reads a narrower list, and drops what was declined": in_commas("repo,gist", "repo gist user").asks(
        "repo gist read:org"
    ),
    "says the list": story().handshake("repo gist", said="repo,gist").reports("repo", "gist"),
    "says the one scope": story().handshake("repo gist", said="repo,gist").reports("repo,gist"),
    "says that it does not know": story().handshake("repo gist", said="repo,gist").reports_that_it_does_not_know(),
    "says so after a refresh that is told in commas": story()
    .handshake("a b")
    .expires()
    .refreshes("t2", scope="a b", said="a,b")
    .served("read", "t2")
    .reports_that_it_does_not_know(),
    "says so, and has no user": by_itself().handshake("a b", said="a,b").reports_that_it_does_not_know(),
    "refreshes by the list": story().handshake("a b", said="a,b").expires().refreshes("t2", scope="a b", said="a,b"),
    "refreshes by one of the list": story().handshake("a b", said="a,b").expires().refreshes("t2", scope="a"),
    "refreshes by the one scope": story().handshake("a b", said="a,b").expires().refreshes("t2", scope="a,b"),
    "is told in commas at a refresh": story()
    .handshake("a b")
    .expires()
    .refreshes("t2", said="a,b")
    .served("read", "t2")
    .insufficient("c", token="t2")
    .asks("a b c"),
    "has no user": by_itself().handshake("a b", said="a,b").step_up("c", "a b c", said="a,b,c"),
    "restarts, and steps up from the list": story().handshake("a b", said="a,b").restarts().step_up("c", "a b c"),
    "restarts, and steps up from the one scope": story().handshake("a b", said="a,b").restarts().step_up("c", "a,b c"),
    "is challenged for what the list holds": story().handshake("a b", said="a,b").insufficient("b").asks("a b"),
    "is recorded at the older revision": story(OLD).handshake("a b", said="b,a").insufficient("c").asks("a b c"),
}


@pytest.mark.parametrize("told", rows(IN_COMMAS))
def test_a_grant_listed_with_commas_may_be_read_as_a_list_or_as_one_scope(told: Story) -> None:
    confirm(told, RIGHT)


def test_who_was_told_in_commas_or_not_knows_the_grant_where_that_is_settled() -> None:
    in_commas, told = (story().handshake("a b", said=said).reports_that_it_does_not_know() for said in ("a,b", "a b"))
    confirm(told, finds("GRANT-2", "discouraged"))
    for meaning in ("literal", "parts"):
        assert [found.clause for found in judge(in_commas.transcript, {"A26": meaning})] == ["GRANT-2"]


WRONG_BY_BOTH = {
    "replaces": (in_commas().asks("read:org"), finds("ACC-1 ACC-2", "discouraged")),
    "leaves the challenge out": (in_commas().asks("repo gist"), finds("CHAL-1", "violates")),
    "refreshes by what neither names": (
        story().handshake("a b", said="a,b").expires().asks_to_refresh("r1", "a b admin"),
        finds("REFRESH-1", "violates"),
    ),
    "says what neither names": (
        story().handshake("a b", said="a,b").reports("a", "b", "admin"),
        finds("GRANT-2", "discouraged"),
    ),
    "adds what no source names": (in_commas().asks("repo gist read:org z"), finds("SEL-6", "discouraged")),
}


@pytest.mark.parametrize(("told", "expected"), rows(WRONG_BY_BOTH))
def test_what_is_wrong_by_both_readings_of_a_list_is_wrong(told: Story, expected: Expected) -> None:
    confirm(told, expected)


ONE_SCOPE_WITH_A_COMMA = {
    "of what was requested as one scope": story()
    .handshake("rating=G,PG-13", said="rating=G,PG-13")
    .reports("rating=G", "PG-13"),
    "of what nobody requested": story().handshake("a b", said="x,y").reports("x", "y"),
}


@pytest.mark.parametrize("told", rows(ONE_SCOPE_WITH_A_COMMA))
def test_a_comma_is_an_ordinary_character_where_its_parts_were_not_requested(told: Story) -> None:
    confirm(told, finds("GRANT-2 PARSE-1", "discouraged"))


@pytest.mark.parametrize("revision", [NEW, OLD])
@pytest.mark.parametrize("lost", ["issuer", "resource"])
def test_a_stored_token_is_one_whichever_names_are_written(revision: Revision, lost: str) -> None:
    told = story(revision).insufficient("c", token="t0").discovers().asks("a b c")
    confirm(named_only(told, lambda _, __: False, lost), RIGHT)


ASKED_FOR_BEFORE_ANYBODY_LISTENED = {
    "by who holds a token": story()
    .insufficient("b", token="t0")
    .obtains("a b", "t1", refresh="r1")
    .served("write", "t1")
    .insufficient("c", "admin"),
    "by who holds a refresh token": story()
    .refreshes("t1", "r0")
    .served()
    .insufficient("b")
    .obtains("a b", "t2", refresh="r2")
    .served("write", "t2")
    .insufficient("c", "admin", "t2"),
}


@pytest.mark.parametrize("told", rows(ASKED_FOR_BEFORE_ANYBODY_LISTENED))
def test_what_is_asked_for_in_the_recording_has_to_be_asked_for_again_whoever_named_it_before(told: Story) -> None:
    confirm(told.asks("a b c"), RIGHT)
    confirm(told.asks("b c"), finds("ACC-1 ACC-2", "discouraged"))
    confirm(told.asks("a c"), finds("ACC-1 ACC-2 ACC-4", "discouraged"))

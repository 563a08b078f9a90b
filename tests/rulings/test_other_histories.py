"""Recordings that fit more than one history: a client that is right in one of them is not accused, its neighbour is."""

from __future__ import annotations

import pytest

from rulings.expectations import RIGHT, SILENT, Expected, allows, confirm, finds, rows
from rulings.stories import (
    ISSUER,
    NEW,
    OLD,
    OLDEST,
    OTHER_ISSUER,
    OTHER_RESOURCE,
    RESOURCE,
    Story,
    bearer,
    by_itself,
    story,
)
from scope_judge.judge import AHEAD, Judge, judge, looking_ahead
from scope_model.events import (
    AUTHORIZATION_CODE,
    CLIENT_CREDENTIALS,
    AuthorizationResponse,
    ProtectedResourceMetadata,
    TokenRequest,
    TokenResponse,
)

INSUFFICIENT = "insufficient_scope"
REJECTED = bearer("a", "invalid_token")

begun = story().handshake()
left = begun.application_calls(1, "list").insufficient("b", "list").application_has(1, "unauthorized")
"""A call was refused, and ended so: the user may still say yes to what it needs."""


def both_refused(told: Story) -> Story:
    """Two calls are refused for more, the first of which a refresh can serve."""
    sent = told.application_calls(1).calls("write", "t2").application_calls(2, "list").calls("list", "t2")
    answered = sent.answers("write", 403, bearer("b", INSUFFICIENT))
    return answered.answers("list", 403, bearer("a c", INSUFFICIENT))


narrow = story().handshake("a b").expires().refreshes("t2", scope="a").served("read", "t2")

half_spelled = (
    begun.application_calls(1, "list")
    .calls("list", "t1")
    .answers("list", 403, 'Bearer error"insufficient_scope", scope="b"')
    .application_has(1, "failed")
)
"""The same, in a challenge that lacks an equals sign: somebody may understand it all the same."""

another = left.application_calls(2, "admin").insufficient("c", "admin")
same_again = by_itself().handshake().insufficient("b")

LEFT_FOR_LATER = {
    "what an ended call was refused for is asked for, while another call waits": (
        another.obtains("a b", "t2").application_has(2, "failed"),
        RIGHT,
    ),
    "what neither call was refused for is asked for": (another.asks("a"), finds("CHAL-1", "violates")),
    "what was held all along is no answer to it": (
        left.application_calls(2, "admin").insufficient("c", "admin").asks("a"),
        finds("CHAL-1", "violates"),
    ),
    "it is asked for after a bare refusal of another call": (
        left.application_calls(2, "admin").calls("admin", "t1").answers("admin", 403).obtains("a b", "t2"),
        RIGHT,
    ),
    "the same is asked for after a bare refusal": (
        begun.application_calls(2, "admin").calls("admin", "t1").answers("admin", 403).asks("a b"),
        finds("CHAL-7", "discouraged", worst="discouraged"),
    ),
    "a 401 that was left is over with the next grant": (
        begun.application_calls(1, "list")
        .unauthorized("a b", "list", "t1", error="invalid_token")
        .application_has(1, "failed")
        .application_calls(2)
        .insufficient("b")
        .obtains("a b", "t2", "a", "r2")
        .served("write", "t2")
        .application_has(2)
        .application_calls(3, "admin")
        .calls("admin", "t2")
        .answers("admin", 403)
        .asks("a b"),
        finds("CHAL-7", "discouraged", worst="discouraged"),
    ),
    "a token serves what a call waits for and what an ended one was refused for": (
        left.application_calls(2, "admin")
        .insufficient("c", "admin")
        .obtains("a b c", "t2")
        .application_has(2, "failed"),
        RIGHT,
    ),
    "a token serves what a call waits for, and nothing else was left": (
        begun.application_calls(2, "admin")
        .insufficient("c", "admin")
        .obtains("a c", "t2")
        .application_has(2, "failed"),
        finds("STEP-7", "discouraged", worst="discouraged"),
    ),
    "what a challenge that lacks an equals sign may name is asked for, while another call waits": (
        half_spelled.application_calls(2, "admin").insufficient("c", "admin").asks("a b"),
        RIGHT,
    ),
    "something beside it may have been granted, in a response that nobody could read": (
        story()
        .handshake()
        .insufficient("d")
        .asks("a d")
        .consents()
        .then(TokenResponse(issuer=ISSUER, resource=RESOURCE))
        .served("write", "t2")
        .application_calls(1, "list")
        .insufficient("c", "list", "t2")
        .application_has(1, "unauthorized")
        .application_calls(2, "admin")
        .insufficient("b e", "admin", "t2")
        .asks("a b c d"),
        RIGHT,
    ),
    "something beside it was challenged elsewhere, and never granted": (
        left.application_calls(2, "admin").insufficient("c e", "admin").asks("a b c"),
        finds("CHAL-1", "violates"),
    ),
    "what no challenge may name is asked for": (
        half_spelled.application_calls(2, "admin").insufficient("c", "admin").asks("a d"),
        finds("CHAL-1", "violates"),
    ),
    "a token serves what a call waits for and what a challenge that lacks an equals sign may name": (
        half_spelled.application_calls(2, "admin")
        .insufficient("c", "admin")
        .obtains("a b c", "t2")
        .application_has(2, "failed"),
        RIGHT,
    ),
    "a part of it is asked for after a bare refusal, where no challenge binds": (
        story(OLDEST)
        .handshake()
        .application_calls(1, "list")
        .insufficient("b c", "list")
        .application_has(1, "unauthorized")
        .application_calls(2, "admin")
        .calls("admin", "t1")
        .answers("admin", 403)
        .asks("a b"),
        RIGHT,
    ),
    "a token serves a second call of what an ended one was refused for": (
        left.application_calls(2, "list").insufficient("b", "list").obtains("a b", "t2").application_has(2, "failed"),
        RIGHT,
    ),
    "a token serves the second refusal of a call and what another was refused for before the first": (
        left.application_calls(2, "admin")
        .insufficient("a c", "admin")
        .obtains("a c", "t2", "")
        .insufficient("a c", "admin", "t2")
        .obtains("a c b", "t3")
        .application_has(2, "failed"),
        RIGHT,
    ),
    "one of two calls of an operation ended, and what either was refused for is asked for": (
        begun.application_calls(1, "list")
        .calls("list", "t1")
        .answers("list", 403, bearer("b", INSUFFICIENT))
        .application_calls(2, "list")
        .calls("list", "t1")
        .answers("list", 403, bearer("c", INSUFFICIENT))
        .application_has(1, "unauthorized")
        .application_calls(3, "admin")
        .insufficient("d", "admin")
        .application_has(2, "failed")
        .asks("a b"),
        RIGHT,
    ),
    "something else is asked for after a bare refusal, where no challenge binds": (
        story(OLDEST)
        .handshake()
        .application_calls(1, "list")
        .insufficient("b c", "list")
        .application_has(1, "unauthorized")
        .application_calls(2, "admin")
        .calls("admin", "t1")
        .answers("admin", 403)
        .asks("a"),
        RIGHT,
    ),
    "the default is asked for after a bare refusal, where no challenge binds": (
        story(OLDEST)
        .handshake()
        .application_calls(1, "list")
        .insufficient("b c", "list")
        .application_has(1, "unauthorized")
        .application_calls(2, "admin")
        .calls("admin", "t1")
        .answers("admin", 403)
        .asks(None),
        RIGHT,
    ),
    "what was held all along is asked for after a bare refusal, where no challenge binds": (
        story(OLDEST).handshake().application_calls(2, "admin").calls("admin", "t1").answers("admin", 403).asks("a"),
        finds("CHAL-7", "discouraged", worst="discouraged"),
    ),
    "a call that was sent meanwhile is answered after another of its operation was served": (
        by_itself()
        .handshake()
        .insufficient("b", "list")
        .asks("a b")
        .calls("list", "t1")
        .answers("list", 403, bearer("a c", INSUFFICIENT))
        .issued("t2", "a b")
        .served("list", "t2")
        .unauthorized("d", "admin", "t2", error="invalid_token")
        .asks("a b c"),
        RIGHT,
    ),
    "the call that was sent is served with what was asked for because of it": (
        by_itself()
        .handshake()
        .insufficient("a c", "list")
        .obtains("a c", "t2")
        .served("list", "t2")
        .unauthorized("d", "admin", "t2", error="invalid_token")
        .asks("a c"),
        finds("CHAL-1", "violates"),
    ),
    "a refusal without scope is answered by all that is listed, whatever was left before": (
        story()
        .unauthorized("b")
        .discovers("a", "c")
        .obtains("b", "t1")
        .served()
        .application_calls(1)
        .insufficient("a")
        .application_has(1, "failed")
        .application_calls(2)
        .insufficient(None)
        .discovers("a", "c")
        .obtains("b a c", "t2"),
        allows("unspecified", absent="ACC-3"),
    ),
}


@pytest.mark.parametrize(("told", "expected"), rows(LEFT_FOR_LATER))
def test_what_was_left_for_later_may_be_answered_later(told: Story, expected: Expected) -> None:
    confirm(told, expected)


def two_at_once(first: str | None, second: str | None) -> Story:
    """Two requests for tokens of a client without a user overlap; the second answer is omitted."""
    sent = by_itself(OLD).handshake().calls("write", "t1").calls("list", "t1")
    refused = sent.answers("write", 403, bearer("b", INSUFFICIENT)).answers("list", 403, bearer("c", INSUFFICIENT))
    return refused.asks("a b").asks("a c").issued("t2", first).issued("t3", second).served("write", "t3")


too_much = TokenResponse(error="invalid_scope", issuer=ISSUER, resource=RESOURCE)
refused_itself = by_itself().handshake().insufficient("b", "list").asks("a b").then(too_much)
asked_by_two = story().handshake(refresh=None).expires().asks("a").unauthorized("a b", token="t1").asks("a b")
left_before = (
    story()
    .application_calls(1, "admin")
    .unauthorized("d", "admin")
    .application_has(1, "unauthorized")
    .application_calls(2)
    .handshake()
    .application_has(2)
    .expires()
)

RENEWALS = {
    "a client without a user asks for what it was granted, by its clock": (
        by_itself(OLD).handshake("a", said="a b").insufficient("c").served("read", "t1").obtains("a b", "t2"),
        RIGHT,
    ),
    "a client without a user asks for the same at once": (same_again.asks("a"), finds("CHAL-1", "violates")),
    "it asks for the same within the one call there is": (
        by_itself().handshake().application_calls(1).insufficient("b").served("read", "t1").asks("a"),
        finds("CHAL-1", "violates"),
    ),
    "a refresh that may be for either of two refusals widens nothing": (
        both_refused(narrow).refreshes("t3").served("write", "t3").served("list", "t3"),
        RIGHT,
    ),
    "a refresh for the one refusal there is cannot widen the grant": (
        begun.application_calls(1).insufficient("b").refreshes("t2").calls("write", "t2"),
        finds("STEP-5", "discouraged", worst="discouraged"),
    ),
    "another call is refused as the first was, with the token that the first obtained": (
        begun.application_calls(1)
        .calls("write", "t1")
        .answers("write", 401, REJECTED)
        .obtains("a", "t2")
        .application_calls(2)
        .calls("write", "t2")
        .answers("write", 401, REJECTED)
        .asks("a"),
        RIGHT,
    ),
    "the call itself is refused again": (
        begun.application_calls(1)
        .calls("write", "t1")
        .answers("write", 401, REJECTED)
        .obtains("a", "t2")
        .calls("write", "t2")
        .answers("write", 401, REJECTED)
        .asks("a"),
        finds("CHAL-8", "discouraged", worst="discouraged"),
    ),
    "a token was thrown away, and the first that comes in its place is refused": (
        story()
        .unauthorized("a", token="t0", error="invalid_token")
        .discovers("a")
        .asks("a")
        .refuses()
        .unauthorized("a")
        .obtains("a", "t1")
        .unauthorized("a", token="t1")
        .asks("a"),
        RIGHT,
    ),
    "a token served something else before it was refused as the one before it was": (
        begun.unauthorized("a", "write", "t1", error="invalid_token")
        .obtains("a", "t2")
        .served("list", "t2")
        .unauthorized("a", "write", "t2", error="invalid_token")
        .asks("a"),
        RIGHT,
    ),
    "a token that served something else is refused within the call that it was obtained for": (
        begun.application_calls(1)
        .unauthorized("a", "write", "t1", error="invalid_token")
        .obtains("a", "t2")
        .served("list", "t2")
        .unauthorized("a", "write", "t2", error="invalid_token")
        .asks("a"),
        finds("CHAL-8", "discouraged", worst="discouraged"),
    ),
    "a token that served nothing is refused as the one before it was": (
        begun.unauthorized("a", "write", "t1", error="invalid_token")
        .obtains("a", "t2")
        .unauthorized("a", "write", "t2", error="invalid_token")
        .asks("a"),
        finds("CHAL-8", "discouraged", worst="discouraged"),
    ),
    "a token is refreshed after another resource was called": (
        begun.unauthorized("a", token="t1", error="invalid_token")
        .refreshes("t2")
        .unauthorized("a", token="t2", error="invalid_token")
        .at(OTHER_RESOURCE)
        .served("read", None)
        .at(RESOURCE)
        .refreshes("t3"),
        RIGHT,
    ),
    "a token is refreshed again at once": (
        begun.unauthorized("a", token="t1", error="invalid_token")
        .refreshes("t2")
        .unauthorized("a", token="t2", error="invalid_token")
        .refreshes("t3"),
        finds("CHAL-8", "discouraged", worst="discouraged"),
    ),
    "what no refresh brings is authorized after one": (
        begun.unauthorized("a b", token="t1", error="invalid_token")
        .refreshes("t2")
        .unauthorized("a b", token="t2", error="invalid_token")
        .obtains("a b", "t3", refresh="r3"),
        RIGHT,
    ),
    "a client without a user renews while what it was refused for is on its way again": (
        refused_itself.calls("list", "t1").served("read", "t1").asks("a"),
        RIGHT,
    ),
    "a client without a user asks for what it holds where it was just refused": (
        refused_itself.insufficient("b", "list").asks("a"),
        finds("CHAL-1", "violates"),
    ),
    "a token ran out, and each of two calls renews it": (
        asked_by_two.asks("a"),
        RIGHT,
    ),
    "a token that had not run out was refused": (
        story().handshake(refresh=None).unauthorized("a b", token="t1", error="invalid_token").asks("a b").asks("a"),
        finds("CHAL-1", "violates"),
    ),
    "a refresh fails beside another, long after a 401 that was left": (
        left_before.application_calls(3)
        .asks_to_refresh()
        .application_calls(4, "list")
        .refreshes("t2", rotated="r2")
        .then(TokenResponse(error="invalid_grant", issuer=ISSUER, resource=RESOURCE))
        .asks("a"),
        RIGHT,
    ),
    "a token ran out of which nobody saw where it came from": (
        story()
        .unauthorized("a")
        .discovers()
        .asks("a")
        .consents()
        .then(TokenResponse(issuer=ISSUER, resource=RESOURCE))
        .served()
        .insufficient("b")
        .expires()
        .obtains("a", "t2"),
        RIGHT,
    ),
    "a refresh failed after a bare refusal": (
        begun.calls("write", "t1").answers("write", 403).refresh_refused().obtains("a", "t2"),
        RIGHT,
    ),
}


@pytest.mark.parametrize(("told", "expected"), rows(RENEWALS))
def test_whose_renewal_it_is_is_asked_before_it_is_judged(told: Story, expected: Expected) -> None:
    confirm(told, expected)


lasting = story().handshake(by_server=("offline_access",))
refused_for_more = lasting.insufficient("b", "list").asks("a b offline_access", "consent").refuses()
"""More was asked for than a challenge names, and refused."""

in_a_call = (
    lasting.application_calls(1, "list").insufficient("b", "list").asks("a b offline_access", "consent").refuses()
)

MADE_AGAIN = {
    "its operation is sent again and not yet answered": (
        refused_for_more.calls("write", "t1").calls("list", "t1").answers("write", 403).asks("a b"),
        RIGHT,
    ),
    "another operation is refused since, and less is asked for": (
        refused_for_more.calls("list", "t1").insufficient("d", "admin").asks("a b"),
        RIGHT,
    ),
    "another operation is refused since, and something else is asked for": (
        refused_for_more.calls("list", "t1").insufficient("d", "admin").asks("a b e"),
        finds("CHAL-1", "violates"),
    ),
    "its operation was served since": (
        refused_for_more.calls("write", "t1").served("list", "t1").answers("write", 403).asks("a b"),
        finds("CHAL-7", "discouraged", worst="discouraged"),
    ),
    "its operation is sent again by another call, and another operation is refused": (
        in_a_call.application_calls(2, "list")
        .calls("list", "t1")
        .application_calls(3, "admin")
        .insufficient("d", "admin")
        .asks("a b"),
        RIGHT,
    ),
    "its call ended": (
        in_a_call.application_has(1, "failed").application_calls(3, "admin").insufficient("d", "admin").asks("a"),
        finds("CHAL-1", "violates"),
    ),
}


@pytest.mark.parametrize(("told", "expected"), rows(MADE_AGAIN))
def test_a_request_that_was_refused_may_be_made_again_for_less(told: Story, expected: Expected) -> None:
    confirm(told, expected)


def test_which_of_two_answers_belongs_to_which_request_nobody_knows() -> None:
    confirm(two_at_once(None, None).reports("a", "b"), RIGHT)
    confirm(two_at_once(None, None).reports("a", "c"), RIGHT)
    confirm(two_at_once(None, "a c").reports("a", "b"), finds("GRANT-2", "discouraged"))


def fetched_for_the_other(told: Story) -> Story:
    """The document of another resource is fetched, whose own authorization server it names."""
    return told.then(ProtectedResourceMetadata(OTHER_RESOURCE, (OTHER_ISSUER,), ("p",)))


waiting = story().unauthorized("a").discovers()
of_the_other = fetched_for_the_other(waiting).at(OTHER_RESOURCE, OTHER_ISSUER).obtains("p", "u1", refresh="s1")

NAMES = {
    "another resource is signed in to while one waits, and is called": (
        of_the_other.served("read", "u1").at().obtains("a", "t1").served(),
        RIGHT,
    ),
    "a resource that is never called is signed in to": (
        fetched_for_the_other(waiting).at(OTHER_RESOURCE).asks("p"),
        finds("ISO-1 META-3 CHAL-1", "violates", worst="violates"),
    ),
    "what was challenged is asked for by a name that it is called by from then on": (
        story().unauthorized("a").at(OTHER_RESOURCE).obtains("a", "t1").served("read", "t1"),
        RIGHT,
    ),
    "a proxy is challenged, and the document names what is called without it later": (
        story()
        .at("http://localhost:6277/mcp?url=x")
        .unauthorized("a")
        .at()
        .discovers()
        .obtains("a", "t1")
        .at("http://localhost:6277/mcp?url=x")
        .served()
        .at()
        .served(),
        RIGHT,
    ),
    "a stored refresh token is for the parent of what is called": (
        story()
        .calls("write", "t0")
        .answers("write", 401, bearer("a", "invalid_token"))
        .at("https://rs.example")
        .refreshes("t1", "r0")
        .at()
        .insufficient("b")
        .at("https://rs.example")
        .obtains("a b", "t2")
        .at()
        .served("write", "t2")
        .insufficient("c", "admin", "t2")
        .at("https://rs.example")
        .asks("a b c"),
        RIGHT,
    ),
}


@pytest.mark.parametrize(("told", "expected"), rows(NAMES))
def test_what_is_called_by_a_name_is_no_other_name_of_the_rest(told: Story, expected: Expected) -> None:
    confirm(told, expected)


unseen = story().then(TokenResponse("t1", "a,b", "r1", None, ISSUER, RESOURCE)).served()

UNSEEN = {
    "a grant in commas, the request for which nobody saw": (unseen.insufficient("c").asks("a b c"), RIGHT),
    "it is refreshed by its parts": (unseen.expires().asks_to_refresh("r1", "a b"), RIGHT),
    "offline_access may have been asked for": (
        story().issued("t1", "a", "r1").served().expires().asks_to_refresh("r1", "a offline_access"),
        RIGHT,
    ),
    "something else is refreshed than was granted": (
        story().issued("t1", "a", "r1").served().expires().asks_to_refresh("r1", "a b"),
        finds("REFRESH-1", "violates"),
    ),
    "a code is exchanged with a scope that is empty": (
        story()
        .unauthorized("a")
        .asks("a")
        .then(
            AuthorizationResponse(code=True, issuer=ISSUER, resource=RESOURCE),
            TokenRequest(AUTHORIZATION_CODE, "", None, ISSUER, RESOURCE),
        ),
        SILENT,
    ),
    "the first that is seen is a refusal of a token": (
        story().answers("read", 403, bearer("b", INSUFFICIENT)).asks("a b"),
        RIGHT,
    ),
    "the same of a first call that was seen": (
        story().unauthorized("b").asks("a b"),
        finds("SEL-6", "discouraged", worst="discouraged"),
    ),
}


@pytest.mark.parametrize(("told", "expected"), rows(UNSEEN))
def test_what_nobody_saw_may_have_been(told: Story, expected: Expected) -> None:
    confirm(told, expected)


no_refresh_token = story().unauthorized("a").discovers().obtains("a", "t1")

MOTIVES = {
    "a client that wants no refresh token authorizes again": (
        story(wants_refresh_token=False).unauthorized("a").discovers().obtains("a", "t1").asks("a"),
        RIGHT,
    ),
    "another call of the operation that is asked for waits": (
        story()
        .handshake(refresh=None)
        .application_calls(1)
        .insufficient("b")
        .application_calls(2)
        .insufficient("b c")
        .asks("a b c")
        .consents()
        .issued("t2", "a b c")
        .asks("a b c"),
        allows("unspecified", absent="OFFLINE-2"),
    ),
    "no other call waits": (
        story()
        .handshake(refresh=None)
        .application_calls(2)
        .insufficient("b c")
        .asks("a b c")
        .consents()
        .issued("t2", "a b c")
        .asks("a b c"),
        finds("OFFLINE-2", "violates"),
    ),
    "a client that lost its memory authorizes again": (no_refresh_token.restarts().asks("a"), RIGHT),
    "a client authorizes again": (no_refresh_token.asks("a"), finds("OFFLINE-2", "violates")),
}


@pytest.mark.parametrize(("told", "expected"), rows(MOTIVES))
def test_a_motive_is_not_presumed_where_another_is_at_hand(told: Story, expected: Expected) -> None:
    confirm(told, expected)


DECEIVING = 'Bearer realm="error=none", error="insufficient_scope", scope="b"'


def test_a_call_does_not_give_up_what_another_of_its_operation_sends_again() -> None:
    refused = begun.application_calls(1, "list").calls("list", "t1").answers("list", 403, DECEIVING)
    confirm(refused.served("list", "t1").application_has(1), finds("PARSE-8", "discouraged"))
    another = refused.application_calls(2, "list").calls("list", "t1").answers("list", 403, bearer("b", INSUFFICIENT))
    both = another.obtains("a b", "t2").served("list", "t2").served("list", "t2").application_has(1)
    confirm(both.application_has(2), allows("unspecified", absent="PARSE-8"))


def deceived(told: Story, scope: str, token: str) -> Story:
    """A call is refused for a scope, beside a text that looks like another error."""
    return told.calls("list", token).answers(
        "list", 403, f'Bearer realm="error=none", error="insufficient_scope", scope="{scope}"'
    )


def test_what_another_call_brought_is_tried_before_a_challenge_is_given_up() -> None:
    waits = story(OLD).handshake().step_up("b", "a b").insufficient("c", "admin", "t2").asks("a b c")
    brought = deceived(waits, "c", "t2").consents().issued("t3").served("admin", "t3")
    confirm(brought, allows("unspecified", absent="PARSE-8"))
    again = brought.calls("list", "t3").insufficient("d", "admin", "t3").asks("a b d").answers("list", 200)
    confirm(again, allows("unspecified", absent="PARSE-8"))
    refused = deceived(waits.consents().issued("t3").served("admin", "t3"), "e", "t3")
    confirm(refused.served("read", "t3"), finds("PARSE-8", "discouraged"))
    given_up = refused.calls("list", "t3").insufficient("d", "admin", "t3").asks("a b d").answers("list", 200)
    confirm(given_up, finds("PARSE-8", "discouraged"))


def test_of_two_refusals_that_were_answered_either_may_be_answered_again() -> None:
    both = story().application_calls(1, "list").calls("list").application_calls(2, "list").calls("list")
    refused = (
        both.answers("list", 401, bearer())
        .answers("list", 401, bearer("b"))
        .discovers("a", "c", by_server=("offline_access",))
    )
    told = refused.asks("b offline_access", "consent").asks("b offline_access", "consent").refuses()
    confirm(told.asks("b"), allows("unspecified", absent="SEL-2"))


def test_a_client_without_a_user_begins_anew_with_what_the_caller_configured() -> None:
    told = story(grant_type=CLIENT_CREDENTIALS, configured=("override", "a")).handshake("a").step_up("b", "a b")
    refused = told.calls("admin", "t2").calls("read", "t2").answers("admin", 403)
    confirm(refused.answers("read", 200).asks("a"), RIGHT)
    confirm(refused.asks("a"), finds("CHAL-7", "discouraged"))


def test_another_call_may_be_refused_while_a_request_is_on_its_way_that_is_then_made_for_less() -> None:
    both = story().calls("read").calls("write").answers("read", 401, bearer("a b c"))
    told = both.answers("write", 401, bearer("a")).discovers(by_server=("offline_access",)).asks("a b c").refuses()
    sent = told.calls("read").asks("a offline_access", "consent").answers("read", 401, bearer("a b c"))
    confirm(sent.refuses().asks("a"), allows("unspecified", absent="CHAL-1"))
    confirm(sent.refuses().calls("write").answers("write", 401, bearer("a d")).asks("a"), finds("CHAL-1", "violates"))


BY_THE_CLOCK = {
    "the call that was challenged is over, and another was served": (
        left.application_calls(2, "read").served().application_has(2).asks("a"),
        RIGHT,
    ),
    "the call that was challenged goes on": (
        begun.application_calls(1, "list")
        .insufficient("b", "list")
        .application_calls(2, "read")
        .served()
        .application_has(2)
        .asks("a"),
        finds("CHAL-1", "violates"),
    ),
    "the call that was challenged is over, and nothing was served since": (left.asks("a"), finds("CHAL-1", "violates")),
    "a bare refusal, and another resource served something since": (
        begun.calls("admin", "t1").answers("admin", 403).at(OTHER_RESOURCE).served("read", None).at().asks("a"),
        RIGHT,
    ),
    "a bare refusal, something was served since, and more is asked for": (
        begun.calls("admin", "t1").answers("admin", 403).served().asks("a b"),
        finds("CHAL-7 SEL-6", "discouraged"),
    ),
}


@pytest.mark.parametrize(("told", "expected"), rows(BY_THE_CLOCK))
def test_what_is_asked_for_again_while_all_rests_may_be_for_a_token_that_ran_out(
    told: Story, expected: Expected
) -> None:
    confirm(told, expected)


def test_who_is_refused_in_vain_asks_again_although_another_token_came() -> None:
    told = story(wants_refresh_token=True).unauthorized("a b").discovers(by_server=("offline_access",))
    asked = told.asks("a b offline_access", "consent").asks("a b offline_access", "consent").consents()
    confirm(asked.refuses().issued("t1", "a").asks("a b"), allows("unspecified", absent="OFFLINE-2"))
    confirm(told.obtains("a b offline_access", "t1", "a", None).asks("a b"), finds("OFFLINE-2", "violates"))


def test_what_waited_before_an_unknown_token_ran_out_may_be_answered_after_another_grant() -> None:
    told = story().answers("list", 403, bearer("d", INSUFFICIENT)).expires("t0").unauthorized(None, token="t0")
    again = told.discovers("a", "b").obtains("a b", "t1").unauthorized("c", token="t1", error="invalid_token")
    confirm(again.asks("a b d"), allows("unspecified", absent="CHAL-1"))
    confirm(again.asks("a b"), finds("CHAL-1", "violates"))


def test_the_token_before_one_that_nobody_could_read_may_be_the_one_that_runs_out() -> None:
    refused = begun.insufficient("b").asks("a b").consents().then(TokenResponse(issuer=ISSUER, resource=RESOURCE))
    confirm(refused.expires("t1").asks("a"), allows("unspecified", absent="CHAL-1"))
    confirm(begun.insufficient("b").asks("a"), finds("CHAL-1", "violates"))


def test_another_resource_may_be_asked_for_while_all_rests() -> None:
    known = by_itself().served(token="t0").discovers("a", "b").insufficient("c", "list", "t0").insufficient("b")
    own = known.obtains("a b", "t2").served("write", "t2")
    confirm(own.at(OTHER_RESOURCE).asks("p"), allows("unspecified", absent="ISO-1"))
    confirm(known.at(OTHER_RESOURCE).asks("a b"), allows("unspecified", absent="ISO-1 CHAL-1"))
    whole = by_itself().handshake().insufficient("b")
    confirm(whole.at(OTHER_RESOURCE).asks("a b"), finds("ISO-1", "violates"))


def test_a_token_that_is_not_sent_after_a_refusal_may_have_run_out_while_another_resource_served() -> None:
    refused = begun.insufficient("b").asks("a b").refuses()
    confirm(refused.at(OTHER_RESOURCE).served("read", None).at().calls("read"), allows("unspecified", absent="ACC-10"))
    confirm(refused.calls("read"), finds("ACC-10", "discouraged"))


def test_what_carries_a_token_first_may_have_caused_it_where_its_refusal_was_not_seen() -> None:
    refused = begun.insufficient("b", "admin").calls("list", "t1").obtains("a b", "t2")
    confirm(refused.served("list", "t2"), allows("unspecified", absent="STEP-7"))
    answered = begun.insufficient("b", "admin").served("list").obtains("a b", "t2").served("list", "t2")
    confirm(answered, finds("STEP-7", "discouraged"))


def test_a_token_that_came_without_a_refresh_token_may_run_out_while_another_resource_is_called() -> None:
    early = (
        story(wants_refresh_token=True).discovers("a", by_server=("offline_access",)).obtains("a", "t1", refresh=None)
    )
    other = early.at(OTHER_RESOURCE).served("read", None).at()
    confirm(other.asks("a"), allows("unspecified", absent="OFFLINE-2"))
    confirm(early.asks("a"), finds("OFFLINE-2", "violates"))


def test_what_is_asked_for_after_an_answer_that_nobody_could_read_may_be_for_what_waited_before() -> None:
    told = by_itself().handshake("a").insufficient("b").expires("t1").unauthorized("a c", "admin", "t1")
    unread = told.asks("a b c").then(TokenResponse(issuer=ISSUER, resource=RESOURCE))
    confirm(unread.asks("a b"), allows("unspecified", absent="CHAL-1"))
    confirm(told.asks("a d"), finds("CHAL-1", "violates"))


def test_a_call_does_not_go_on_in_a_client_that_restarts() -> None:
    def another_is_served(told: Story) -> Story:
        refused = told.application_calls(2).insufficient("b").application_has(2, "failed")
        return refused.application_calls(3).served("write", "t1").application_has(3).asks("a")

    sent = begun.application_calls(1).calls("write", "t1")
    confirm(another_is_served(sent.restarts()), RIGHT)
    confirm(another_is_served(sent), finds("CHAL-1", "violates"))


def test_a_401_that_no_call_is_known_of_may_be_answered_after_another_token_served() -> None:
    both = story().unauthorized("p", "list").unauthorized("a").discovers().obtains("a", "t1").served().insufficient("b")
    confirm(both.asks("a p"), allows("unspecified", absent="CHAL-1"))
    confirm(both.asks("a"), finds("CHAL-1", "violates"))
    confirm(both.asks("a q"), finds("CHAL-1", "violates"))


def test_what_goes_by_its_own_name_is_not_asked_for_by_that_of_another() -> None:
    """At the oldest revision there is no document to tell the two apart."""
    other = story(OLDEST).at(OTHER_RESOURCE)
    own = story(OLDEST).unauthorized("a").obtains("a", "t1").served().insufficient("b")
    theirs = own.at(OTHER_RESOURCE).obtains(None, "u1", "p").served("read", "u1").at().obtains("a b", "t2")
    confirm(theirs.served("write", "t2").at(OTHER_RESOURCE).reports("p"), SILENT)
    before = story(OLDEST).answers("list", 403, bearer("b", INSUFFICIENT)).at(OTHER_RESOURCE)
    confirm(before.asks("p").consents().issued("u1").served("read", "u1"), allows("unspecified", absent="CHAL-1 SEL-6"))
    confirm(other.handshake("p", "u1").at().unauthorized("a").asks("p"), finds("SEL-6", "discouraged"))


RETRY_3 = finds("RETRY-3", "discouraged")

moved = begun.insufficient("b").asks("a b").refuses()


def test_a_token_that_nobody_saw_issued_is_set_aside_where_all_servers_are_others() -> None:
    began = by_itself(OLD).then(ProtectedResourceMetadata(RESOURCE, (ISSUER,))).insufficient("b", token="t0")
    elsewhere = began.then(ProtectedResourceMetadata(RESOURCE, (OTHER_ISSUER,))).at(RESOURCE, OTHER_ISSUER).asks("b")
    refused = elsewhere.then(TokenResponse(error="invalid_grant", issuer=OTHER_ISSUER, resource=RESOURCE))
    confirm(refused.calls("read"), allows("unspecified", absent="ACC-10"))
    stored = story(OLD).served(token="t0").then(ProtectedResourceMetadata(RESOURCE, (ISSUER,), ("a",)))
    confirm(stored.asks("a").refuses().calls("read"), allows("unspecified", absent="ACC-10"))


def test_what_was_never_asked_for_is_not_held_although_no_token_would_show_it() -> None:
    for lasting, expected in (("a", allows("unspecified", absent="RETRY-3")), ("a offline_access", RETRY_3)):
        began = story(configured=("ceiling", lasting)).unauthorized("a offline_access").discovers()
        again = began.obtains(lasting, "t1", "a").insufficient("a offline_access", "read").obtains(lasting, "t2", "a")
        confirm(again.insufficient("a offline_access", "read", "t2").asks(lasting), expected)


def test_a_token_is_set_aside_where_its_server_is_named_no_more() -> None:
    elsewhere = moved.then(ProtectedResourceMetadata(RESOURCE, (OTHER_ISSUER,))).unauthorized("a")
    confirm(elsewhere, allows("unspecified", absent="ACC-10"))
    both = moved.then(ProtectedResourceMetadata(RESOURCE, (OTHER_ISSUER, ISSUER))).unauthorized("a")
    confirm(both, finds("ACC-10", "discouraged"))


def test_what_a_document_above_named_before_is_of_nobody_else() -> None:
    above = ProtectedResourceMetadata("https://rs.example", (ISSUER,), ("a",))
    later = ProtectedResourceMetadata("https://rs.example", (ISSUER,))
    told = story().then(above).unauthorized(None).then(later).asks("a")
    confirm(told, finds("META-3", "unspecified", "A28"))


def test_a_document_that_is_found_above_replaces_what_was_found_before() -> None:
    above = ProtectedResourceMetadata("https://rs.example", (ISSUER,), ("a",))
    told = story().unauthorized(None).discovers("a", "b")
    confirm(told.asks("a"), finds("SEL-2", "discouraged"))
    confirm(told.then(above).asks("a"), allows("unspecified", absent="SEL-2"))
    confirm(told.then(above).asks("a b"), RIGHT)
    confirm(told.then(ProtectedResourceMetadata("https://rs.example", (ISSUER,))).asks("a b"), RIGHT)
    confirm(told.then(above).asks("a b c"), finds("SEL-6", "discouraged"))


def test_what_was_reported_since_a_refusal_the_refusal_did_not_cost() -> None:
    refused = begun.expires().refreshes("t2").insufficient("b", token="t2").asks("a b").refuses()
    confirm(refused.reports("a").reports_that_it_does_not_know(), RIGHT)
    before = begun.expires().refreshes("t2").reports("a").insufficient("b", token="t2").asks("a b").refuses()
    confirm(before.reports_that_it_does_not_know(), finds("ACC-10", "discouraged"))


heeds = begun.unauthorized("d", "admin", "t1", error="invalid_token").obtains("a d", "t2").served("admin", "t2")


def instead(listed: str, challenged: str, asked: str) -> Story:
    """Whoever heeded a 401 before is named a scope by another, and asks for what the metadata lists."""
    return heeds.unauthorized(challenged, "list", "t2", error="invalid_token").discovers(listed).asks(asked)


INSTEAD = {
    "a name that what was requested before seems to imply": instead("b", "a:read", "a b d"),
    "offline_access": instead("b", "offline_access", "a b d"),
    "a capital, and a document of others lists the small letter": (
        story(NEW)
        .unauthorized("B", "list")
        .then(ProtectedResourceMetadata("https://elsewhere.example/mcp", (ISSUER,), ("b",)))
        .asks("b")
    ),
}


@pytest.mark.parametrize("told", rows(INSTEAD))
def test_who_takes_another_list_leaves_the_challenge_out(told: Story) -> None:
    confirm(told, finds("CHAL-1 META-3", "violates", worst="violates", absent="ACC-6 OFFLINE-3 ORDER-2"))


def test_a_transcript_that_is_read_as_it_comes_is_judged_as_the_whole() -> None:
    told = of_the_other.served("read", "u1").at().obtains("a", "t1").served()
    called: set[str] = set()
    judging = Judge(told.header, called=called)
    for event in looking_ahead(iter(told.events), called):
        judging.hear(event)
    judging.close()
    assert judging.found == judge(told.transcript)


def test_no_more_events_are_held_back_than_are_looked_ahead() -> None:
    called: set[str] = set()
    coming = iter([*begun.events, *begun.at(OTHER_RESOURCE).served().events, *begun.events] * AHEAD)
    assert next(looking_ahead(coming, called)) == begun.events[0]
    assert called == {RESOURCE, OTHER_RESOURCE}
    assert sum(1 for _ in looking_ahead(coming, called)) > AHEAD

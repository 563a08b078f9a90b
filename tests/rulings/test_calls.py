"""A call is something that the application makes: how often it may prompt, and that it is tried again."""

from __future__ import annotations

import pytest

from rulings.expectations import RIGHT, Expected, allows, confirm, finds, rows
from rulings.stories import (
    BEFORE_SELECTION,
    NEW,
    OLD,
    OTHER_RESOURCE,
    Story,
    by_itself,
    story,
)
from scope_model.events import BROKEN_OFF
from scope_spec import Revision

# --- prompts in a row -------------------------------------------------------------------------------


def prompts(told: Story, rounds: int, *, growing: bool, first: int = 1) -> Story:
    """One operation is challenged again and again, and each time the client asks for what it lacks."""
    scope = "a"
    for number in range(first, first + rounds):
        challenged = f"s{number}" if growing else "b"
        scope = f"{scope} {challenged}" if growing else "a b"
        told = told.insufficient(challenged, "write", f"t{number}").obtains(
            scope, f"t{number + 1}", scope if growing else "a", f"r{number + 1}"
        )
    return told


def in_one_call(rounds: int, *, growing: bool, revision: Revision = NEW) -> Story:
    """All of it is one call of the application."""
    told = prompts(story(revision).handshake().application_calls(1), rounds, growing=growing)
    return told.insufficient("z", "write", f"t{rounds + 1}").application_has(1, "failed")


@pytest.mark.parametrize("revision", [NEW, OLD])
@pytest.mark.parametrize("growing", [True, False])
@pytest.mark.parametrize("rounds", [4, 5, 8, 12])
def test_a_fourth_prompt_within_one_call_is_one_too_many(revision: Revision, rounds: int, *, growing: bool) -> None:
    told = in_one_call(rounds, growing=growing, revision=revision)
    confirm(told, finds("RETRY-1 RETRY-2 RETRY-4", "discouraged"))


@pytest.mark.parametrize("revision", [NEW, OLD])
@pytest.mark.parametrize("growing", [True, False])
@pytest.mark.parametrize("rounds", [1, 2, 3])
def test_a_few_prompts_within_one_call_are_right(revision: Revision, rounds: int, *, growing: bool) -> None:
    confirm(in_one_call(rounds, growing=growing, revision=revision), RIGHT)


@pytest.mark.parametrize("growing", [True, False])
@pytest.mark.parametrize("rounds", [4, 5, 6, 7])
def test_a_fourth_prompt_in_a_row_is_open_where_nobody_wrote_calls_down(rounds: int, *, growing: bool) -> None:
    told = prompts(story().handshake(), rounds, growing=growing)
    confirm(told, finds("RETRY-1 RETRY-2 RETRY-4", "unspecified", "A17"))
    confirm(told, RIGHT)


@pytest.mark.parametrize("growing", [True, False])
@pytest.mark.parametrize("rounds", [8, 9, 20])
def test_an_eighth_prompt_in_a_row_shows_that_there_is_no_end(rounds: int, *, growing: bool) -> None:
    told = prompts(story().handshake(), rounds, growing=growing)
    confirm(told, finds("RETRY-1 RETRY-2 RETRY-4", "discouraged"))


def over_calls(*rounds: int, operation: str = "write") -> Story:
    """Several calls of one operation, each of which prompts a number of times, and fails."""
    told, number = story().handshake(), 1
    for call, times in enumerate(rounds, 1):
        told = prompts(told.application_calls(call, operation), times, growing=False, first=number)
        number += times
        told = told.insufficient("b", "write", f"t{number}").application_has(call, "failed")
    return told


@pytest.mark.parametrize("rounds", [(2, 2), (3, 3), (1, 1, 1, 1), (3, 3, 3), (1, 1, 1, 1, 1, 1, 1, 1, 1)])
def test_prompts_of_several_calls_are_open_together(rounds: tuple[int, ...]) -> None:
    confirm(over_calls(*rounds), RIGHT)


@pytest.mark.parametrize("rounds", [(1, 4), (4, 1), (2, 5, 2)])
def test_a_fourth_prompt_within_one_of_several_calls_is_one_too_many(rounds: tuple[int, ...]) -> None:
    confirm(over_calls(*rounds), finds("RETRY-1 RETRY-2 RETRY-4", "discouraged"))


def logins(times: int, said: str | None = None, begins: Story | None = None) -> Story:
    """Authorization after authorization in answer to one challenge, without a call in between."""
    told = (begins if begins is not None else story()).unauthorized("a", "initialize").discovers("a")
    for number in range(1, times + 1):
        told = told.obtains("a", f"t{number}", said, "r1")
    return told


LOGINS = {
    "five": logins(5),
    "four": logins(4),
    "nine": logins(9),
    "four, and the response repeats the scope": logins(4, "a"),
    "four, at the older revision": logins(4, None, story(OLD)),
    "four, and the metadata in between": story()
    .unauthorized("a")
    .obtains("a", "t1", refresh="r1")
    .discovers()
    .obtains("a", "t2", refresh="r1")
    .discovers()
    .obtains("a", "t3", refresh="r1")
    .discovers()
    .obtains("a", "t4", refresh="r1"),
    "four, and the application says that it is one call": logins(
        4, None, story().application_calls(1, "initialize")
    ).application_has(1, "failed"),
    "four, and another resource is called in between": logins(2)
    .at(OTHER_RESOURCE)
    .served("read", "t9")
    .at()
    .obtains("a", "t3", refresh="r1")
    .obtains("a", "t4", refresh="r1"),
}


@pytest.mark.parametrize("told", rows(LOGINS))
def test_authorizations_in_answer_to_one_challenge_are_one_call(told: Story) -> None:
    confirm(told, finds("RETRY-1 RETRY-2", "discouraged"))


def test_authorizations_in_answer_to_one_step_up_are_one_call() -> None:
    told = story().handshake().insufficient("b")
    for number in range(2, 6):
        told = told.obtains("a b", f"t{number}", refresh="r1")
    confirm(told, finds("RETRY-1 RETRY-2", "discouraged", worst="discouraged"))


FEW_LOGINS = {
    "one": logins(1).served("initialize"),
    "two": logins(2).served("initialize", "t2"),
    "three": logins(3).served("initialize", "t3"),
    "one a call, and each is served": story()
    .handshake()
    .step_up("b", "a b", ("t1", "t2"))
    .step_up("c", "a b c", ("t2", "t3"))
    .step_up("d", "a b c d", ("t3", "t4"))
    .step_up("e", "a b c d e", ("t4", "t5")),
    "one an operation": story()
    .handshake()
    .step_up("b", "a b", ("t1", "t2"), "one")
    .step_up("c", "a b c", ("t2", "t3"), "two")
    .step_up("d", "a b c d", ("t3", "t4"), "three")
    .step_up("e", "a b c d e", ("t4", "t5"), "four"),
    "two before a restart, and two after": prompts(
        prompts(story().handshake(), 2, growing=False).restarts(), 2, growing=False, first=3
    ),
    "two for each of two calls that overlap": story()
    .handshake()
    .application_calls(1)
    .application_calls(2)
    .insufficient("b")
    .insufficient("c")
    .obtains("a b c", "t2", "a")
    .insufficient("b", "write", "t2")
    .insufficient("c", "write", "t2")
    .obtains("a b c", "t3")
    .served("write", "t3")
    .served("write", "t3")
    .application_has(1)
    .application_has(2),
}


@pytest.mark.parametrize("told", rows(FEW_LOGINS))
def test_a_few_authorizations_are_right(told: Story) -> None:
    confirm(told, RIGHT)


# --- a 403 that is no wish for scopes ---------------------------------------------------------------


def resent(times: int, *, calls: bool, one_call: bool = True, header: tuple[str, ...] = ()) -> Story:
    """A call is answered with a bare 403 and sent again unchanged."""
    told = story().handshake()
    told = told.application_calls(1) if calls and one_call else told
    for number in range(1, times + 1):
        told = told.application_calls(number) if calls and not one_call else told
        told = told.calls("write", "t1").answers("write", 403, *header)
        told = told.application_has(number, "failed") if calls and not one_call else told
    return told.application_has(1, "failed") if calls and one_call else told


@pytest.mark.parametrize("header", [(), ("Bearer",), ('Bearer error="access_denied"',), ('Basic realm="x"',)])
@pytest.mark.parametrize("times", [2, 5])
def test_a_forbidden_call_is_not_sent_again_by_itself(times: int, header: tuple[str, ...]) -> None:
    confirm(resent(times, calls=True, header=header), finds("CHAL-7", "discouraged"))


@pytest.mark.parametrize("times", [1, 2, 5])
def test_who_sent_a_forbidden_call_again_nobody_knows_without_call_events(times: int) -> None:
    confirm(resent(times, calls=False), RIGHT)


@pytest.mark.parametrize("times", [1, 2, 5])
def test_the_application_may_make_a_forbidden_call_again(times: int) -> None:
    confirm(resent(times, calls=True, one_call=False), RIGHT)


@pytest.mark.parametrize("calls", [True, False])
def test_a_403_without_insufficient_scope_asks_for_no_authorization(*, calls: bool) -> None:
    confirm(resent(1, calls=False).asks("a b"), finds("CHAL-7", "discouraged", worst="discouraged"))
    told = story().handshake().application_calls(1) if calls else story().handshake()
    told = told.calls("write", "t1").answers("write", 403, 'Bearer error="access_denied"')
    confirm(told.obtains("a", "t2"), finds("CHAL-7", "discouraged", worst="discouraged"))


# --- the challenged operation is tried again --------------------------------------------------------


def stepped_up(begins: Story | None = None, said: str | None = "a b") -> Story:
    """A call is challenged, and a token came."""
    return (begins if begins is not None else story()).handshake().insufficient("b").obtains("a b", "t2", said, "r2")


NOT_TRIED_AGAIN = {
    "and the new token serves another": stepped_up().served("read", "t2"),
    "and the new token serves others": stepped_up().served("read", "t2").served("list", "t2").served("read", "t2"),
    "and the new token serves another, at the older revision": stepped_up(story(OLD)).served("read", "t2"),
    "and the new token serves another, without a user": stepped_up(by_itself()).served("read", "t2"),
    "but with the old token": stepped_up().insufficient("b", "write", "t1").served("read", "t2"),
    "but without a token": stepped_up().unauthorized("b", "write").served("read", "t2"),
    "right after the first consent": story()
    .unauthorized("a", "write")
    .obtains("a", "t1", refresh="r1")
    .insufficient("b", "write", "t1")
    .obtains("a b", "t2", refresh="r2")
    .served("read", "t2"),
    "before its call ends": story()
    .handshake()
    .application_calls(1)
    .insufficient("b")
    .obtains("a b", "t2")
    .application_has(1, "failed")
    .application_calls(2, "read")
    .served("read", "t2")
    .application_has(2),
}


@pytest.mark.parametrize("told", rows(NOT_TRIED_AGAIN))
def test_an_operation_that_is_not_tried_again_after_its_step_up_is_found(told: Story) -> None:
    confirm(told, finds("STEP-7", "discouraged"))


def test_a_later_call_of_the_application_is_no_retry_of_the_one_that_failed() -> None:
    told = story().handshake().application_calls(1).insufficient("b").obtains("a b", "t2")
    failed = told.application_has(1, "failed").application_calls(2).served("write", "t2").application_has(2)
    confirm(failed, finds("STEP-7", "discouraged"))
    confirm(told.served("write", "t2").application_has(1), RIGHT)


TRIED_AGAIN = {
    "at once": stepped_up().served("write", "t2"),
    "after other calls": stepped_up().served("read", "t2").served("list", "t2").served("write", "t2"),
    "after a ping": stepped_up().served("ping", "t2").served("write", "t2"),
    "after a call that was on its way": stepped_up().served("read", "t1").served("write", "t2"),
    "after one of its own that was on its way": stepped_up()
    .calls("write", "t1")
    .calls("write", "t2")
    .answers("write", 403, 'Bearer error="insufficient_scope", scope="b"')
    .answers("write", 200)
    .served("write", "t2"),
    "after two of its own that were on their way": stepped_up()
    .calls("write", "t1")
    .calls("write", "t1")
    .answers("write", 403, 'Bearer error="insufficient_scope", scope="b"')
    .calls("write", "t2")
    .answers("write", 403, 'Bearer error="insufficient_scope", scope="b"')
    .answers("write", 200),
    "and challenged for more": stepped_up().insufficient("c", "write", "t2").asks("a b c"),
    "and refused": stepped_up().calls("write", "t2").answers("write", 500),
    "with a token that took the new one's place": stepped_up()
    .expires("t2")
    .refreshes("t3", "r2")
    .served("write", "t3"),
    "after the metadata was fetched": stepped_up().discovers().served("write", "t2"),
    "when its call is not over yet": story()
    .handshake()
    .application_calls(1)
    .insufficient("b")
    .obtains("a b", "t2")
    .application_calls(2, "read")
    .served("read", "t2")
    .application_has(2)
    .served("write", "t2")
    .application_has(1),
    "no more in this recording, in which the new token is not used": stepped_up(),
    "no more in this recording, in which nothing is": stepped_up().reports("a", "b"),
    "no more, since the client restarted": stepped_up().restarts().served("read", "t2"),
    "without a user": stepped_up(by_itself()).served("read", "t2").served("write", "t2"),
    "at the older revision": stepped_up(story(OLD)).served("read", "t2").served("write", "t2"),
}


@pytest.mark.parametrize("told", rows(TRIED_AGAIN))
def test_an_operation_that_is_tried_again_after_its_step_up_is_right(told: Story) -> None:
    confirm(told, RIGHT)


def opens_a_session_anew(told: Story, status: int, *lines: str) -> Story:
    """A session is opened with the new token before the operation is to be tried again, and that is refused."""
    return told.calls("initialize", "t2").answers("initialize", status, *lines)


def in_a_call(begins: Story) -> Story:
    """A step-up within a call of the application."""
    return begins.handshake().application_calls(1).insufficient("b").obtains("a b", "t2")


REFUSED_FIRST = {
    "as more is asked for": (403, 'Bearer error="insufficient_scope", scope="c"'),
    "as more is asked for, nobody says what": (403, 'Bearer error="insufficient_scope"'),
    "as it is forbidden": (403, "Bearer"),
    "as the token is refused": (401, 'Bearer error="invalid_token"'),
}


@pytest.mark.parametrize("begins", rows({"now": story(), "then": story(OLD), "no user": by_itself()}))
@pytest.mark.parametrize(("status", "line"), rows(REFUSED_FIRST))
def test_a_new_token_was_tried_where_what_has_to_come_first_is_refused_with_it(
    begins: Story, status: int, line: str
) -> None:
    told = opens_a_session_anew(in_a_call(begins), status, line).application_has(1, "failed")
    confirm(told, allows("unspecified", absent="STEP-7"))
    without_calls = opens_a_session_anew(stepped_up(begins), status, line)
    confirm(without_calls, allows("unspecified", absent="STEP-7"))


def test_a_new_token_was_not_tried_where_something_else_is_refused_or_nothing_is() -> None:
    not_tried, told = finds("STEP-7", "discouraged"), in_a_call(story())
    confirm(opens_a_session_anew(told, 200).application_has(1, "failed"), not_tried)
    confirm(told.calls("GET", "t2").answers("GET", 405).application_has(1, "failed"), not_tried)
    confirm(told.unauthorized("b", "initialize").application_has(1, "failed"), not_tried)
    another = told.application_calls(2, "list").calls("list", "t2").answers("list", 403)
    confirm(another.application_has(1, "failed").application_has(2, "failed"), not_tried)


def test_no_document_asked_for_the_retry_before_there_was_a_step_up_flow() -> None:
    confirm(stepped_up(story(BEFORE_SELECTION)).served("read", "t2"), allows("unspecified", absent="STEP-7"))


OF_ANOTHER_SCOPE = {
    "and the call is tried again": (stepped_up(said="a b x").served("write", "t2"), RIGHT),
    "and the call is tried again with the old token": (
        stepped_up(said="a b x").insufficient("b", "write", "t1").served("read", "t2"),
        finds("STEP-7 GRANT-3", "discouraged"),
    ),
    "narrower, and the call is tried again": (
        stepped_up(said="a").insufficient("b", "write", "t2").served("read", "t2"),
        RIGHT,
    ),
}


@pytest.mark.parametrize(("told", "expected"), rows(OF_ANOTHER_SCOPE))
def test_a_token_of_another_scope_is_tried_like_any_other(told: Story, expected: Expected) -> None:
    confirm(told, expected)


# --- calls that never end ---------------------------------------------------------------------------


def refreshing(turns: int, outcome: str, revision: Revision = NEW) -> Story:
    """Each refusal for more scope is answered by a refresh, which can bring no more."""
    told = story(revision).handshake("a").application_calls(1)
    for turn in range(1, turns + 1):
        told = told.insufficient("b", "write", f"t{turn}").refreshes(f"t{turn + 1}", said="a")
    return told.application_has(1, outcome)


@pytest.mark.parametrize("revision", [NEW, OLD])
def test_a_call_that_had_to_be_broken_off_has_no_limit(revision: Revision) -> None:
    found = confirm(refreshing(30, BROKEN_OFF, revision), finds("RETRY-2", "discouraged", worst="discouraged"))
    (over,) = (each for each in found if each.clause == "RETRY-2")
    assert (over.cause, over.event) == ("broken-off", len(refreshing(30, BROKEN_OFF).events) - 1)


def test_no_length_of_a_call_that_ended_by_itself_is_held_against_it() -> None:
    confirm(refreshing(30, "failed"), allows("discouraged", never="RETRY-2"))


def test_what_a_client_would_have_done_after_it_was_broken_off_is_not_known() -> None:
    told = story().handshake("a").application_calls(1).insufficient("b", "write").application_has(1, BROKEN_OFF)
    confirm(told, finds("RETRY-2", "discouraged", worst="discouraged", never="STEP-2"))
    issued = story().handshake("a").application_calls(1).insufficient("b", "write").obtains("a b", "t2", "a b")
    confirm(issued.application_has(1, "failed"), finds("STEP-7", "discouraged", worst="discouraged"))
    confirm(issued.application_has(1, BROKEN_OFF), finds("RETRY-2", "discouraged", worst="discouraged", never="STEP-7"))


def test_prompts_without_end_are_said_once() -> None:
    told = prompts(story().handshake().application_calls(1), 12, growing=True).application_has(1, BROKEN_OFF)
    found = confirm(told, finds("RETRY-2", "discouraged", worst="discouraged"))
    assert [each.cause for each in found if each.clause == "RETRY-2"] == ["endless"]


def test_a_later_call_starts_anew() -> None:
    again = (
        refreshing(30, BROKEN_OFF).application_calls(2).insufficient("b", "write", "t31").obtains("a b", "t32", "a b")
    )
    found = confirm(
        again.served("write", "t32").application_has(2), finds("RETRY-2", "discouraged", worst="discouraged")
    )
    assert max(each.event for each in found) < len(refreshing(30, BROKEN_OFF).events)


@pytest.mark.parametrize("scope", ["b", None])
@pytest.mark.parametrize("status", [401, 403])
def test_a_sign_in_is_not_for_a_call_that_was_over_before_the_one_began_that_goes_on(
    status: int, scope: str | None
) -> None:
    told = story().handshake().application_calls(1).insufficient("b").application_has(1, "failed")
    told = told.application_calls(2, "read")
    if status == 401:
        told = told.unauthorized(scope, "read", "t1")
    else:
        told = told.calls("read", "t1").answers("read", 403, 'Bearer error="access_denied"')
    told = told.obtains("a b", "t2", "a b", "r2").served("read", "t2").application_has(2)
    confirm(told, allows("discouraged", absent="STEP-7"))


# --- other calls before a token came ----------------------------------------------------------------


def meanwhile(told: Story, token: str) -> Story:
    """The user takes a while, and the client shows that it is alive."""
    return told.served("ping", token).calls("stream", token).answers("stream", 405)


def consented(told: Story, asked: str, tokens: tuple[str, str], said: str) -> Story:
    """A request for scopes, granted while other calls go on."""
    return meanwhile(told.asks(asked), tokens[0]).consents().issued(tokens[1], said)


@pytest.mark.parametrize("called", [True, False])
@pytest.mark.parametrize("revision", [NEW, OLD])
def test_what_is_called_while_the_user_consents_does_not_answer_for_the_challenged_operation(
    revision: Revision, *, called: bool
) -> None:
    told = story(revision).handshake()
    told = told.application_calls(1) if called else told
    told = consented(told.insufficient("b"), "a b", ("t1", "t2"), "a b")
    tried, left = told.served("write", "t2"), told
    if called:
        tried, left = tried.application_has(1), left.application_has(1, "failed")
    confirm(tried.served("read", "t2"), RIGHT)
    confirm(left.served("read", "t2").served("read", "t2"), finds("STEP-7", "discouraged"))


def test_what_is_called_while_the_user_consents_leaves_no_hope_for_the_same_request_again() -> None:
    told = consented(story().handshake().insufficient("b"), "a b", ("t1", "t2"), "a b")
    again = told.insufficient("b", "write", "t2")
    confirm(again, allows("unspecified"))
    confirm(again.obtains("a b", "t3"), finds("RETRY-3", "discouraged"))


def test_what_is_called_while_a_token_is_refreshed_makes_no_second_refresh_a_first() -> None:
    told = story().handshake().unauthorized(None, "read", "t1", error="invalid_token")
    told = told.asks_to_refresh().served("ping", "t1").issued("t2", "a", "r2")
    again = told.unauthorized(None, "read", "t2", error="invalid_token")
    confirm(told.served("read", "t2"), RIGHT)
    confirm(again, RIGHT)
    confirm(again.refreshes("t3", "r2"), finds("CHAL-8", "discouraged"))


@pytest.mark.parametrize("scope", ["a b", None])
def test_a_refresh_that_brings_back_what_was_granted_gives_no_challenge_up(scope: str | None) -> None:
    told = story().handshake("a b").expires().refreshes("t2", "r1", "a", "a", "r2").served("read", "t2")
    told = told.insufficient("b", "write", "t2").refreshes("t3", "r2", scope, None, "r3").served("write", "t3")
    confirm(told, allows("unspecified", absent="STEP-2 STEP-5"))


def test_a_refresh_that_cannot_bring_what_was_challenged_gives_it_up() -> None:
    told = story().handshake().insufficient("b").refreshes("t2", "r1", None, "a", "r2")
    confirm(told.insufficient("b", "write", "t2"), finds("STEP-2", "unspecified"))


def test_what_was_refused_for_another_operation_takes_no_later_challenge_away() -> None:
    told = story().handshake().insufficient("y z", "admin").asks("a y z").refuses()
    confirm(told.asks("a y"), RIGHT)
    told = told.served().insufficient("b")
    confirm(told.asks("a b"), RIGHT)
    confirm(told.asks("a"), finds("CHAL-1 ACC-6", "violates"))

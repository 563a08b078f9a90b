"""Giving up is permitted once, and a challenge stays pending until something answers it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rulings.expectations import RIGHT, SILENT, Expected, allows, columns, confirm, finds, rows
from rulings.stories import (
    BEFORE_SELECTION,
    NEW,
    OLD,
    OTHER_RESOURCE,
    Story,
    bearer,
    by_itself,
    story,
)
from scope_judge.judge import judge
from scope_model.events import CLIENT_CREDENTIALS, ResourceRequest
from scope_spec import Revision

Between = Callable[[Story], Story]

GIVEN_UP = finds("STEP-2", "unspecified", "A21")

# --- one challenge that nobody answers --------------------------------------------------------------

LEFT_ALONE = {
    "at a step-up": story().handshake().insufficient("b").served(),
    "at a step-up, at the older revision": story(OLD).handshake().insufficient("b").served(),
    "right after the first consent": story()
    .unauthorized("a")
    .discovers()
    .obtains("a", "t1", refresh="r1")
    .insufficient("b", "read")
    .served("list"),
    "right after the first consent, and answered for another operation": story()
    .unauthorized("a")
    .discovers()
    .obtains("a", "t1", refresh="r1")
    .insufficient("b", "read")
    .step_up("b", "a b")
    .served("read", "t2"),
    "by a 401 that names a scope outside the grant": story()
    .handshake()
    .unauthorized("c", "write", "t1", error="invalid_token")
    .served(),
    "before the application is told": story()
    .handshake()
    .application_calls(1)
    .insufficient("b")
    .application_has(1, "failed"),
}


@pytest.mark.parametrize("told", rows(LEFT_ALONE))
def test_a_challenge_that_is_left_alone_once_is_unspecified(told: Story) -> None:
    confirm(told, GIVEN_UP)


def test_of_two_challenges_at_once_the_second_request_may_have_been_on_its_way() -> None:
    both = story().unauthorized("a").unauthorized("a", "GET").discovers().asks("a").refuses()
    assert "RETRY-5" not in {finding.clause for finding in judge(both.asks("a").transcript)}
    one = story().unauthorized("a").discovers().asks("a").refuses()
    assert "RETRY-5" in {finding.clause for finding in judge(one.asks("a").transcript)}


def test_of_two_registrations_at_once_either_may_be_in_use() -> None:
    both = story().unauthorized("a").unauthorized("b", "GET").discovers().registers("a").registers("b").asks("a")
    assert "REG-1" not in {finding.clause for finding in judge(both.transcript)}
    used = story().unauthorized("b", "GET").discovers().registers("b").asks("b").unauthorized("a")
    assert "REG-1" in {finding.clause for finding in judge(used.registers("b").asks("a").transcript)}


def test_a_registration_that_nothing_follows_may_have_been_refused() -> None:
    told = story().registers().handshake().insufficient("b")
    confirm(told.served(), GIVEN_UP)
    assert judge(told.registers("b").served().transcript) == []


# --- one that names no scope ------------------------------------------------------------------------


def unnamed(begins: Story, *listed: str, scope: str | None = "a") -> Story:
    """A call is answered with a 403 that names no scope, where the metadata lists some."""
    told = begins.unauthorized(scope).discovers(*listed).obtains(scope, "t1", refresh="r1").served()
    return told.insufficient(None)


UNNAMED = finds("STEP-2", "unspecified", "A7")

WITHOUT_SCOPE = {
    "given up": (unnamed(story(), "a", "b").served(), UNNAMED),
    "given up at the older revision": (unnamed(story(OLD), "a", "b").served(), UNNAMED),
    "given up, and the application is told so": (
        story()
        .unauthorized("a")
        .discovers("a", "b")
        .obtains("a", "t1", refresh="r1")
        .served()
        .application_calls(1)
        .insufficient(None)
        .application_has(1, "failed"),
        UNNAMED,
    ),
    "refreshed, and given up": (unnamed(story(), "a", "b").refreshes("t2").insufficient(None, token="t2"), UNNAMED),
    "given up after a step-up": (
        unnamed(story(), "a", "b", "c")
        .obtains("a b c", "t2")
        .served("write", "t2")
        .discovers("a", "b", "c", "d")
        .insufficient(None, "admin", "t2")
        .served("read", "t2"),
        UNNAMED,
    ),
    "followed by a request for what is listed": (
        unnamed(story(), "a", "b").obtains("a b", "t2").served("write", "t2"),
        SILENT,
    ),
    "given up, where nothing more is listed": (unnamed(story(), "a").served(), SILENT),
    "given up, where nothing is listed": (unnamed(story()).served(), SILENT),
    "given up, where offline_access alone is listed besides": (
        unnamed(story(), "a", "offline_access").served(),
        SILENT,
    ),
    "given up, where nobody knows what was granted": (
        unnamed(story(), "a", "b", scope=None).served(),
        allows("discouraged", absent="STEP-2"),
    ),
    "given up by a client without a user": (unnamed(by_itself(), "a", "b").served(), SILENT),
    "given up at the revision before step-up": (unnamed(story(BEFORE_SELECTION), "a", "b").served(), SILENT),
}


@pytest.mark.parametrize(("told", "expected"), rows(WITHOUT_SCOPE))
def test_a_challenge_without_scope_that_is_left_alone_is_a_finding_of_its_own(told: Story, expected: Expected) -> None:
    found = confirm(told, expected)
    assert {each.cause for each in found if each.clause == "STEP-2"} <= {"given-up-unnamed"}


def test_whoever_may_give_up_a_challenge_without_scope_is_not_spoken_of() -> None:
    told = unnamed(story(), "a", "b").served()
    assert judge(told.transcript, {"A7": "give-up"}) == []


GIVES_UP_AMONG_OTHERS = {
    "before the recording ends": story().handshake().insufficient("b"),
    "after a step-up": story().handshake().step_up("b", "a b").insufficient("c", "admin", "t2").served("read", "t2"),
    "after three step-ups for other operations": story()
    .handshake()
    .step_up("b", "a b", ("t1", "t2"), "one")
    .step_up("c", "a b c", ("t2", "t3"), "two")
    .step_up("d", "a b c d", ("t3", "t4"), "three")
    .insufficient("e", "four", "t4")
    .served("read", "t4"),
    "after a refusal": story().handshake().insufficient("b").asks("a b").refuses().served().insufficient("c", "admin"),
    "before a step-up": story().handshake().insufficient("b", "admin").served().step_up("b", "a b"),
    "before the very same is answered": story()
    .handshake()
    .insufficient("b")
    .served()
    .insufficient("b")
    .obtains("a b", "t2")
    .served("write", "t2"),
    "after a restart": story().handshake().restarts().insufficient("b").served(),
    "after a refresh": story().handshake().expires().refreshes("t2").insufficient("b", token="t2").served("read", "t2"),
    "while another one is answered": story()
    .handshake()
    .insufficient("b")
    .insufficient("c", "admin")
    .obtains("a c", "t2")
    .served("admin", "t2"),
    "without a user": by_itself().handshake().insufficient("b").served(),
    "without a user, by a 401": by_itself()
    .handshake()
    .unauthorized("c", "write", "t1", error="invalid_token")
    .served(),
    "within what the caller supports": story(configured=("ceiling", "a")).handshake().insufficient("b").served(),
    "by a 403 without scope, where the metadata lists no more": story()
    .unauthorized()
    .discovers("a")
    .obtains("a", "t1")
    .served()
    .insufficient()
    .served(),
    "by a 403 that is no wish for scopes": story().handshake().calls("write", "t1").answers("write", 403).served(),
}


@pytest.mark.parametrize("told", rows(GIVES_UP_AMONG_OTHERS))
def test_giving_up_once_is_permitted_whatever_came_before(told: Story) -> None:
    confirm(told, RIGHT)


ODD = {
    "with blanks": 'Bearer error = "insufficient_scope", scope = "{}"',
    "with tokens": "Bearer error=insufficient_scope, scope={}",
    "in lower case": 'bearer error="insufficient_scope", scope="{}"',
    "with names in upper case": 'Bearer ERROR="insufficient_scope", SCOPE="{}"',
    "after another scheme": 'Basic realm="x", Bearer error="insufficient_scope", scope="{}"',
    "with escapes": 'Bearer error="insufficient\\_scope", scope="\\{}"',
    "with a description that names another error": (
        'Bearer error_description="error=foo, see docs", error="insufficient_scope", scope="{}"'
    ),
}
stepped_up = story().handshake().step_up("b", "a b")


@pytest.mark.parametrize("line", rows(ODD))
def test_a_challenge_spelled_so_that_was_answered_at_another_time_was_read(line: str) -> None:
    left = stepped_up.calls("admin", "t2").answers("admin", 403, line.format("c"))
    again = left.served("read", "t2").calls("admin", "t2").answers("admin", 403, line.format("c"))
    confirm(again.obtains("a b c", "t3").served("admin", "t3"), RIGHT)
    answered = left.obtains("a b c", "t3").served("admin", "t3")
    confirm(answered.calls("other", "t3").answers("other", 403, line.format("d")).served("read", "t3"), RIGHT)


@pytest.mark.parametrize("line", rows(ODD))
def test_a_challenge_spelled_so_that_is_left_alone_violates_nothing(line: str) -> None:
    told = stepped_up.calls("admin", "t2").answers("admin", 403, line.format("c")).served("read", "t2")
    confirm(told, allows("discouraged", never="STEP-2 RETRY-2 CHAL-1"))


def test_a_challenge_spelled_so_is_answered_like_any_other() -> None:
    for line in ODD.values():
        told = stepped_up.calls("admin", "t2").answers("admin", 403, line.format("c"))
        confirm(told.obtains("a b c", "t3").served("admin", "t3"), RIGHT)


def test_who_fetches_metadata_in_the_end_may_be_about_to_answer() -> None:
    both = story().handshake().insufficient("b").insufficient("c", "admin")
    confirm(both, finds("STEP-2", "unspecified", "A21"))
    confirm(both.discovers(), SILENT)


# --- an error that a description names --------------------------------------------------------------

MISLEADING = {
    "an error before the error": (
        'Bearer error_description="error=foo, see docs", error="insufficient_scope", scope="b"'
    ),
    "an error without a comma": 'Bearer error_description="got error=denied", error="insufficient_scope", scope="b"',
    "an error in a realm": 'Bearer realm="error=none", error="insufficient_scope", scope="b"',
    "an error in a parameter of another name": 'Bearer last_error="none", error="insufficient_scope", scope="b"',
    "an error in a URL": 'Bearer error_uri="https://e.example/?error=x", error="insufficient_scope", scope="b"',
}


@pytest.mark.parametrize("line", rows(MISLEADING))
@pytest.mark.parametrize("revision", [NEW, OLD])
def test_who_steps_up_but_where_another_value_names_an_error_seems_to_find_that(revision: Revision, line: str) -> None:
    left = line.replace('"b"', '"c"')
    told = story(revision).handshake().step_up("b", "a b").calls("admin", "t2").answers("admin", 403, left)
    confirm(told.served("read", "t2"), finds("PARSE-8", "discouraged", worst="discouraged", absent="STEP-2"))
    answered = told.obtains("a b c", "t3").served("admin", "t3")
    confirm(answered, allows("unspecified", absent="STEP-2 PARSE-8"))
    again = answered.calls("other", "t3").answers("other", 403, line.replace('"b"', '"d"')).served("read", "t3")
    confirm(again, finds("STEP-2", "unspecified", "A21", absent="PARSE-8"))


@pytest.mark.parametrize("line", rows(MISLEADING))
def test_who_leaves_nothing_alone_but_where_another_value_names_an_error_finds_that(line: str) -> None:
    told = story().handshake().calls("write", "t1").answers("write", 403, line)
    confirm(told.served(), finds("PARSE-8", "discouraged", worst="discouraged", never="STEP-2"))
    confirm(told.obtains("a b", "t2").served("write", "t2"), RIGHT)


@pytest.mark.parametrize("line", rows(MISLEADING))
def test_who_gives_up_a_plain_challenge_too_gives_up_whatever_another_value_names(line: str) -> None:
    told = story().handshake().calls("write", "t1").answers("write", 403, line)
    confirm(told.served().insufficient("c", "admin").served(), finds("STEP-2", "unspecified", absent="PARSE-8"))
    before = story().handshake().insufficient("c", "admin").served()
    both = before.calls("write", "t1").answers("write", 403, line).served()
    confirm(both, finds("STEP-2", "unspecified", absent="PARSE-8"))


@pytest.mark.parametrize("line", rows(MISLEADING))
def test_who_was_never_seen_to_heed_a_challenge_gives_up_whatever_another_value_names(line: str) -> None:
    signed_in = story().unauthorized().discovers("a").obtains("a", "t1", "a", "r1").served()
    told = signed_in.calls("write", "t1").answers("write", 403, line).served()
    confirm(told, finds("STEP-2", "unspecified", "A21", absent="PARSE-8"))


@pytest.mark.parametrize("line", rows(MISLEADING))
def test_what_else_may_be_why_a_challenge_is_given_up_is_not_its_spelling(line: str) -> None:
    challenged = story().handshake().calls("write", "t1").answers("write", 403, line)
    implied = story().handshake().calls("write", "t1").answers("write", 403, line.replace('"b"', '"a:read"'))
    for told in (
        challenged.restarts().served(),
        challenged.refreshes("t2").served("write", "t2"),
        challenged.asks("a b").refuses(),
        implied.served(),
    ):
        confirm(told, allows("unspecified", absent="PARSE-8"))


@pytest.mark.parametrize("line", rows(MISLEADING))
def test_who_steps_up_later_where_no_value_names_an_error_found_that_before(line: str) -> None:
    told = story().handshake().calls("write", "t1").answers("write", 403, line).served().insufficient("c", "admin")
    stepped_up = told.obtains("a c", "t2").served("admin", "t2")
    confirm(stepped_up, finds("PARSE-8", "discouraged", worst="discouraged", never="STEP-2"))
    other = line.replace('"b"', '"d"')
    heeded = stepped_up.calls("other", "t2").answers("other", 403, other).obtains("a c d", "t3").served("other", "t3")
    confirm(heeded, allows("unspecified", absent="PARSE-8"))


@pytest.mark.parametrize("line", rows(MISLEADING))
def test_a_second_refusal_of_one_call_tells_nothing_of_how_it_was_read(line: str) -> None:
    signed_in = story().unauthorized("a").obtains("a", "t1", "a", "r1").calls("read", "t1").answers("read", 403, line)
    again = (
        story().handshake().calls("write", "t1").answers("write", 403).calls("write", "t1").answers("write", 403, line)
    )
    for told in (signed_in, again):
        confirm(told.calls("other", "t1").answers("other", 200), allows("discouraged", absent="PARSE-8"))


# --- a client that never steps up -------------------------------------------------------------------


def never_steps_up(rounds: int, revision: Revision = NEW) -> Story:
    """Each operation is challenged for a scope of its own, and none of the challenges is answered."""
    told = story(revision).handshake()
    for number in range(rounds):
        told = told.insufficient(f"s{number}", f"op{number}").served()
    return told


@pytest.mark.parametrize("rounds", [2, 4, 9])
@pytest.mark.parametrize("revision", [NEW, OLD])
def test_a_client_that_never_steps_up_is_found_and_nothing_else_of_it(revision: Revision, rounds: int) -> None:
    found = confirm(never_steps_up(rounds, revision), finds("STEP-2", "unspecified"))
    assert len([finding for finding in found if finding.verdict == "discouraged"]) <= 1


def test_a_client_that_stepped_up_once_may_give_up() -> None:
    told = never_steps_up(2)
    confirm(told.step_up("b", "a b"), RIGHT)
    confirm(story().handshake().step_up("b", "a b").insufficient("c", "admin", "t2").served("read", "t2"), RIGHT)


# --- a 401 that names a scope outside the grant -----------------------------------------------------


def refreshed(rounds: int, said: str | None, revision: Revision = NEW, *, calls: bool = False) -> Story:
    """Each call is refused for a scope outside the grant, refreshed once, refused again, and fails."""
    told = story(revision).handshake()
    for number in range(1, rounds + 1):
        before, after = f"t{number}", f"t{number + 1}"
        told = told.application_calls(number) if calls else told
        told = (
            told.unauthorized("c", "write", before, error="invalid_token")
            .refreshes(after, f"r{number}", None, said, f"r{number + 1}")
            .unauthorized("c", "write", after, error="invalid_token")
        )
        told = told.application_has(number, "failed") if calls else told
    return told


@pytest.mark.parametrize("rounds", [1, 2, 4])
@pytest.mark.parametrize("said", ["a", None])
@pytest.mark.parametrize("revision", [NEW, OLD])
@pytest.mark.parametrize("calls", [True, False])
def test_a_refresh_cannot_bring_what_a_401_names_outside_the_grant(
    rounds: int, said: str | None, revision: Revision, *, calls: bool
) -> None:
    confirm(refreshed(rounds, said, revision, calls=calls), finds("STEP-2 STEP-5", "unspecified"))


def test_who_asks_for_what_a_401_names_outside_the_grant_is_right() -> None:
    told = story().handshake().unauthorized("c", "write", "t1", error="invalid_token")
    confirm(told.obtains("a c", "t2").served("write", "t2"), RIGHT)
    within = story().handshake("a c").unauthorized("c", "write", "t1", error="invalid_token")
    confirm(within.refreshes("t2").served("write", "t2"), SILENT)


# --- what happens between a challenge and its answer ------------------------------------------------

BETWEEN = {
    "nothing": lambda told: told,
    "another call": lambda told: told.served(),
    "three other calls": lambda told: told.served().served("list").served(),
    "a ping": lambda told: told.served("ping"),
    "a notification": lambda told: told.calls("notify", "t1").answers("notify", 202),
    "a stream that stays open": lambda told: told.calls("stream", "t1"),
    "a call that fails": lambda told: told.calls("list", "t1").answers("list", 500),
    "a call that finds nothing": lambda told: told.calls("list", "t1").answers("list", 404),
    "a call without a token": lambda told: told.calls("health").answers("health", 200),
    "a call of another resource": lambda told: told.at(OTHER_RESOURCE).served("read", "t9").at(),
    "the metadata": lambda told: told.discovers(),
    "another call and the metadata": lambda told: told.served().discovers(),
    "a report": lambda told: told.reports("a"),
    "another call of the application": lambda told: told.application_calls(7, "read").served().application_has(7),
    "a registration": lambda told: told.registers("a"),
}


@pytest.mark.parametrize("between", columns(BETWEEN))
@pytest.mark.parametrize("begins", rows({"with a user": story(), "without": by_itself(), "at the older": story(OLD)}))
def test_other_calls_answer_no_challenge(begins: Story, between: Between) -> None:
    told = between(begins.handshake().insufficient("b"))
    if begins.header.revision == NEW:
        confirm(told.obtains("b", "t2").served("write", "t2"), finds("ACC-1 ACC-2", "discouraged"))
    confirm(told.obtains("a b", "t2").served("write", "t2"), RIGHT)
    # Who has no refresh token renews by asking for the same again: after another call that may be the clock's doing.
    others = told.events[len(begins.handshake().insufficient("b").events) :]
    renews = begins.grant_type == CLIENT_CREDENTIALS and any(isinstance(event, ResourceRequest) for event in others)
    confirm(told.obtains("a", "t2"), RIGHT if renews else finds("CHAL-1 REG-2", "violates"))


def test_the_right_client_that_calls_something_else_first_is_not_spoken_of() -> None:
    told = story().handshake().insufficient("b").served().discovers()
    confirm(told.obtains("a b", "t2").served("write", "t2"), SILENT)


ANSWERED = {
    "its operation is served": lambda told: told.served("write"),
    "the client restarts": lambda told: told.restarts(),
    "the request was made": lambda told: told.obtains("a b", "t2", "a").served("read", "t2"),
}


@pytest.mark.parametrize("answer", columns(ANSWERED))
def test_what_no_longer_waits_for_an_answer_asks_for_nothing(answer: Between) -> None:
    confirm(answer(story().handshake().insufficient("b")).asks("a"), allows("discouraged", absent="CHAL-1"))


MEANWHILE = {
    "a 401 without scope": lambda told: told.unauthorized(token="t1", error="invalid_token").obtains("a", "t2"),
    "a 401 that names what is held": lambda told: told.unauthorized("a", token="t1").obtains("a", "t2"),
    "a 403 of another operation": lambda told: (
        told.insufficient("c", "admin").obtains("a c", "t2").served("admin", "t2")
    ),
    "the end of the token's life": lambda told: told.expires().obtains("a", "t2"),
}


@pytest.mark.parametrize("meanwhile", columns(MEANWHILE))
@pytest.mark.parametrize("begins", rows({"with a user": story(), "without": by_itself(), "at the older": story(OLD)}))
def test_a_request_that_something_else_asked_for_leaves_no_challenge_out(begins: Story, meanwhile: Between) -> None:
    given_up = begins.handshake(refresh=None).insufficient("b").served()
    confirm(meanwhile(given_up).served("read", "t2"), RIGHT)


TWO_PENDING = {
    "both answered at once": ("a b c", RIGHT),
    "the first answered": ("a b", RIGHT),
    "the second answered": ("a c", RIGHT),
    "both answered, in the other order": ("a c b", RIGHT),
    "neither answered": ("a", finds("CHAL-1", "violates")),
    "both answered, and a scope from nowhere": ("a b c z", finds("SEL-6", "discouraged")),
}


@pytest.mark.parametrize(("asked", "expected"), rows(TWO_PENDING))
def test_of_two_challenges_either_may_be_answered_first(asked: str, expected: Expected) -> None:
    told = story().handshake().insufficient("b").insufficient("c", "admin")
    confirm(told.asks(asked), expected)


def test_what_two_pending_challenges_name_is_asked_for_one_by_one() -> None:
    told = story().handshake().insufficient("b").insufficient("c", "admin").obtains("a b", "t2").served("write", "t2")
    confirm(told.obtains("a b c", "t3").served("admin", "t3"), RIGHT)
    confirm(told.step_up("c", "a b c", ("t2", "t3"), "admin"), RIGHT)


def test_a_challenge_that_is_repeated_for_its_own_operation_is_the_newer_one() -> None:
    told = (
        story()
        .handshake()
        .insufficient("b")
        .calls("write", "t1")
        .answers("write", 403, bearer("c", "insufficient_scope"))
    )
    confirm(told.asks("a c"), RIGHT)
    confirm(told.asks("a b c"), RIGHT)
    confirm(told.asks("a b"), finds("CHAL-1", "violates"))


# --- as if attempts were counted together -----------------------------------------------------------


def after_three(line: str) -> Story:
    """Three requests for scopes were made for two operations, and a third one is challenged, and given up."""
    told = story().handshake().step_up("b", "a b").step_up("c", "a b c", ("t2", "t3"), "list")
    return told.application_calls(1, "admin").calls("admin", "t3").answers("admin", 403, line).application_has(1)


ODDLY = {
    "an empty realm": 'Bearer realm="", error="insufficient_scope", scope="d"',
    "an empty description": 'Bearer error="insufficient_scope", error_description="", scope="d"',
    "two spaces": 'Bearer  error="insufficient_scope", scope="d"',
    "another scheme before it": 'Basic realm="x", Bearer error="insufficient_scope", scope="d"',
}


@pytest.mark.parametrize("line", rows(ODDLY))
def test_who_gives_up_an_odd_spelling_does_not_seem_to_count_attempts_together(line: str) -> None:
    confirm(after_three(line), finds("STEP-2", "unspecified", absent="RETRY-2"))


@pytest.mark.parametrize("more", rows({"nothing else": "", "a realm": 'realm="x", '}))
def test_who_gives_up_a_plain_spelling_after_others_seems_to_count_them_together(more: str) -> None:
    confirm(after_three(f'Bearer {more}error="insufficient_scope", scope="d"'), finds("RETRY-2", "unspecified"))

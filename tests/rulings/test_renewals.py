"""How often a call's token is renewed, and what a renewal brings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from rulings.expectations import RIGHT, SILENT, Expected, allows, confirm, finds, rows
from rulings.stories import ISSUER, NEW, OLD, OLDEST, OTHER_ISSUER, RESOURCE, Story, by_itself, story
from scope_judge.judge import judge
from scope_model.events import AuthorizationResponse, TokenResponse
from scope_spec import Revision

# --- the second renewal for one call ----------------------------------------------------------------

INVALID: Final = 'Bearer error="invalid_token"'

HEADERS = {
    "the same": 'Bearer error="invalid_token"',
    "another description": 'Bearer error="invalid_token", error_description="id {}"',
    "another realm": 'Bearer realm="r{}", error="invalid_token"',
    "another correlation": 'Bearer error="invalid_token", correlation_id={}',
    "a scope within the grant": 'Bearer error="invalid_token", scope="a", error_description="id {}"',
    "no error": "Bearer",
    "another scheme beside it": 'DPoP nonce="{}", Bearer error="invalid_token"',
}


def refused(told: Story, line: str, number: int) -> Story:
    """The call's token is refused, in words that differ from time to time."""
    return told.calls("read", f"t{number}").answers("read", 401, line.format(number))


def renewed(told: Story, line: str, rounds: int, *, by_refresh: bool = True) -> Story:
    """A call's token is refused and renewed, so many times in a row."""
    for number in range(1, rounds + 1):
        told = refused(told, line, number)
        if by_refresh:
            told = told.refreshes(f"t{number + 1}", f"r{number}", rotated=f"r{number + 1}")
        else:
            told = told.obtains("a", f"t{number + 1}")
    return told


@pytest.mark.parametrize("rounds", [2, 3, 30])
@pytest.mark.parametrize("line", rows(HEADERS))
@pytest.mark.parametrize("revision", [NEW, OLD, OLDEST])
def test_a_second_refresh_for_one_call_is_one_too_many(revision: Revision, line: str, rounds: int) -> None:
    confirm(renewed(story(revision).handshake(), line, rounds), finds("CHAL-8", "discouraged"))


@pytest.mark.parametrize("line", rows(HEADERS))
@pytest.mark.parametrize(
    "begins", rows({"with a user": story(), "without a user": by_itself(), "at the older revision": story(OLD)})
)
def test_a_second_authorization_for_one_call_is_one_too_many(begins: Story, line: str) -> None:
    told = renewed(begins.handshake(), line, 3, by_refresh=False)
    confirm(told, finds("CHAL-8", "discouraged", worst="discouraged"))


TOO_MANY = {
    "right after the first authorization": renewed(
        story().unauthorized("a").discovers().obtains("a", "t1", refresh="r1"), 'Bearer error="invalid_token"', 2
    ),
    "a refresh, then an authorization": refused(renewed(story().handshake(), "Bearer", 1), "Bearer", 2).obtains(
        "a", "t3"
    ),
    "an authorization, then a refresh": refused(
        refused(story().handshake(), "Bearer", 1).obtains("a", "t2", refresh="r2"), "Bearer", 2
    ).refreshes("t3", "r2"),
    "within one call of the application": renewed(
        story().handshake().application_calls(1, "read"), 'Bearer error="invalid_token"', 2
    ).application_has(1, "failed"),
    "that refresh without a new refresh token": refused(
        refused(story().handshake(), "Bearer", 1).refreshes("t2"), "Bearer", 2
    ).refreshes("t3"),
}


@pytest.mark.parametrize("told", rows(TOO_MANY))
def test_renewals_count_together_for_one_call(told: Story) -> None:
    confirm(told, finds("CHAL-8", "discouraged"))


def expiring(rounds: int, *, calls: bool = False) -> Story:
    """A long session: each token is refused some day, refreshed once, and used."""
    told = story().handshake()
    for number in range(1, rounds + 1):
        told = told.application_calls(number, "read") if calls else told
        told = refused(told, 'Bearer error="invalid_token"', number)
        told = told.refreshes(f"t{number + 1}", f"r{number}", rotated=f"r{number + 1}").served("read", f"t{number + 1}")
        told = told.application_has(number) if calls else told
    return told


first_token_refused = (
    story(wants_refresh_token=True)
    .unauthorized()
    .discovers()
    .obtains(None, "t1", "", "r1")
    .unauthorized(token="t1")
    .refreshes("t2", "r1", None, "", "r2")
)

ONCE_PER_CALL = {
    "the first token is refused in the very words of the first call": first_token_refused.insufficient(
        "a", "read", "t2"
    )
    .obtains("a", "t3", refresh="r3")
    .served("read", "t3"),
    "the first token is refused, and the next one served": first_token_refused.served("read", "t2"),
    "the first token is refused, and authorization asked for once more": story()
    .unauthorized("a")
    .discovers()
    .obtains("a", "t1", refresh=None)
    .unauthorized("a", token="t1")
    .obtains("a", "t2", refresh=None)
    .served("read", "t2"),
    "the first token is refused to a client without a user": by_itself()
    .unauthorized("a")
    .discovers()
    .obtains("a", "t1")
    .unauthorized("a", token="t1")
    .obtains("a", "t2")
    .served("read", "t2"),
    "tokens expire ten times in a session": expiring(10),
    "tokens expire ten times, and the application says whose calls these are": expiring(10, calls=True),
    "two operations have one renewal each": story()
    .handshake()
    .unauthorized(token="t1", error="invalid_token")
    .refreshes("t2", "r1", rotated="r2")
    .served("read", "t2")
    .unauthorized(None, "write", "t2", error="invalid_token")
    .refreshes("t3", "r2")
    .served("write", "t3"),
    "a refresh by the clock comes before": story()
    .handshake()
    .expires()
    .refreshes("t2", "r1", rotated="r2")
    .unauthorized(token="t2", error="invalid_token")
    .refreshes("t3", "r2")
    .served("read", "t3"),
    "a restart comes between": renewed(story().handshake(), "Bearer", 1)
    .restarts()
    .unauthorized(token="t2", error="invalid_token")
    .refreshes("t3", "r2")
    .served("read", "t3"),
    "a step-up comes between": story()
    .handshake()
    .unauthorized(token="t1", error="invalid_token")
    .refreshes("t2", "r1", rotated="r2")
    .insufficient("b", "read", "t2")
    .obtains("a b", "t3")
    .served("read", "t3"),
    "the second 401 names a scope that the first did not": story()
    .handshake()
    .unauthorized(token="t1", error="invalid_token")
    .refreshes("t2", "r1", rotated="r2")
    .unauthorized("b", token="t2", error="invalid_token")
    .obtains("a b", "t3")
    .served("read", "t3"),
    "the refresh is refused, and authorization takes its place": story()
    .handshake()
    .unauthorized(token="t1", error="invalid_token")
    .refresh_refused()
    .obtains("a", "t2")
    .served("read", "t2"),
    "the second 401 is reported to the application": refused(renewed(story().handshake(), "Bearer", 1), "Bearer", 2),
}


@pytest.mark.parametrize("told", rows(ONCE_PER_CALL))
def test_one_renewal_for_a_call_is_right(told: Story) -> None:
    confirm(told, RIGHT)


def failing_twice(*, calls: bool) -> Story:
    """Two calls of one operation, each refused, refreshed, and refused again."""
    told = story().handshake()
    for number in (1, 2):
        before, after = f"t{number}", f"t{number + 1}"
        told = told.application_calls(number, "read") if calls else told
        told = told.unauthorized(token=before, error="invalid_token")
        told = told.refreshes(after, f"r{number}", rotated=f"r{number + 1}")
        told = told.unauthorized(token=after, error="invalid_token")
        told = told.application_has(number, "failed") if calls else told
    return told


@pytest.mark.parametrize("calls", [True, False])
def test_two_calls_of_one_operation_have_one_renewal_each(*, calls: bool) -> None:
    confirm(failing_twice(calls=calls), RIGHT)


# --- what a narrow refresh brings -------------------------------------------------------------------


def narrowed(said: str | None = None, at: Revision = NEW) -> Story:
    """A refresh names part of the grant, and the response says nothing, or the same."""
    return story(at).handshake("a b").expires().refreshes("t2", scope="a", said=said, rotated="r2").served("read", "t2")


NARROWED = {
    "says what the token carries": (narrowed().reports("a"), RIGHT),
    "says what was granted": (narrowed().reports("a", "b"), RIGHT),
    "says what the token carries, where the response does too": (narrowed("a").reports("a"), RIGHT),
    "says that it does not know": (narrowed().reports_that_it_does_not_know(), RIGHT),
    "says something else": (narrowed().reports("b"), finds("any", "discouraged", worst="discouraged")),
    "says that it holds nothing": (narrowed().reports(), finds("any", "discouraged", worst="discouraged")),
    "asks for the rest by a refresh": (
        narrowed().insufficient("b", token="t2").refreshes("t3", "r2", "a b").served("write", "t3"),
        RIGHT,
    ),
    "asks for the rest by a refresh without scope": (
        narrowed().insufficient("b", token="t2").refreshes("t3", "r2").served("write", "t3"),
        RIGHT,
    ),
    "asks for the rest by an authorization": (
        narrowed().insufficient("b", token="t2").obtains("a b", "t3").served("write", "t3"),
        RIGHT,
    ),
    "has the whole grant back after a refresh without scope": (
        narrowed().expires("t2").refreshes("t3", "r2").served("read", "t3").reports("a", "b"),
        RIGHT,
    ),
    "says the narrow set after a refresh without scope": (
        narrowed().expires("t2").refreshes("t3", "r2").served("read", "t3").reports("a"),
        finds("REFRESH-3", "discouraged"),
    ),
    "steps up from the whole grant": (narrowed().insufficient("c", token="t2").asks("a b c"), RIGHT),
    "steps up from the token": (narrowed().insufficient("c", token="t2").asks("a c"), RIGHT),
    "steps up from the token, where the challenge repeats it": (
        narrowed().insufficient("a c", token="t2").asks("a c"),
        allows("discouraged", absent="RETAIN-2"),
    ),
    "replaces, which no refresh explains": (
        narrowed().insufficient("c", token="t2").asks("c"),
        finds("ACC-1 ACC-2", "discouraged", absent="RETAIN-2"),
    ),
    "replaces at every step-up, whatever was refreshed": (
        story()
        .handshake("x")
        .step_up("a b", "a b")
        .expires("t2")
        .refreshes("t3", "r2", "a", None, "r3")
        .insufficient("a c", "admin", "t3")
        .asks("a c"),
        finds("ACC-1 ACC-2", "discouraged", worst="discouraged", absent="RETAIN-2"),
    ),
    "refreshes beyond the grant": (
        narrowed().expires("t2").asks_to_refresh("r2", "a b z"),
        finds("REFRESH-1", "violates"),
    ),
    "refreshes within the grant, beyond the token": (
        narrowed().expires("t2").refreshes("t3", "r2", "a b").served("read", "t3").reports("a", "b"),
        RIGHT,
    ),
    "is told nothing of a narrow refresh at the older revision": (narrowed(None, OLD).reports("a"), RIGHT),
}


@pytest.mark.parametrize(("told", "expected"), rows(NARROWED))
def test_a_refresh_that_names_part_of_the_grant_brings_a_token_for_that_part(told: Story, expected: Expected) -> None:
    confirm(told, expected)


@pytest.mark.parametrize("revision", [NEW, OLD, OLDEST])
def test_a_narrow_refresh_of_a_grant_that_was_not_said_either(revision: Revision) -> None:
    told = story(revision).handshake("a b", said=None).expires().refreshes("t2", scope="b").served("read", "t2")
    confirm(told.reports("b"), SILENT)
    confirm(told.reports("a", "b"), SILENT)
    confirm(told.reports("a"), finds("any", "discouraged", worst="discouraged"))


# --- what a failed refresh costs --------------------------------------------------------------------


def declined(told: Story, *, refuse: bool = True, restart: bool = False) -> Story:
    """The server grants less than was asked for, and then the refresh is refused or the client restarts."""
    told = told.handshake("a b", said="a").expires()
    told = told.refresh_refused() if refuse else told
    told = told.restarts() if restart else told
    return told.insufficient("c")


FORGOTTEN_BY = {
    "a refused refresh": declined(story()),
    "a restart": declined(story(), refuse=False, restart=True),
    "both": declined(story(), restart=True),
    "neither": declined(story(), refuse=False),
    "a refused refresh, met with a 401": story()
    .handshake("a b", said="a")
    .unauthorized(token="t1", error="invalid_token")
    .refresh_refused()
    .insufficient("c"),
}


@pytest.mark.parametrize("told", rows(FORGOTTEN_BY))
def test_what_was_never_granted_need_not_survive(told: Story) -> None:
    confirm(told.asks("a c"), RIGHT)
    confirm(told.asks("a b c"), RIGHT)
    confirm(told.asks("c"), finds("ACC-8 ACC-1 ACC-2", "discouraged"))


def test_what_was_granted_survives_a_failed_refresh() -> None:
    told = story().handshake("a b").expires().refresh_refused().insufficient("c")
    confirm(told.asks("a b c"), RIGHT)
    confirm(told.asks("a c"), finds("ACC-8 ACC-1 ACC-2", "discouraged"))


# --- refreshes without end --------------------------------------------------------------------------

FOR_MORE = {
    "403 that names another scope": lambda told, number: told.insufficient(f"s{number}", "write", f"t{number}"),
    "403 that names the same scope": lambda told, number: told.insufficient("b", "write", f"t{number}"),
    "403 that names no scope": lambda told, number: told.insufficient(None, "write", f"t{number}"),
    "401 that names another scope": lambda told, number: told.unauthorized(f"s{number}", "write", f"t{number}"),
    "401 that names more and less in turn": lambda told, number: told.unauthorized(
        "a b" if number % 2 else "a", "write", f"t{number}"
    ),
}


def answered_by_refreshes(
    rounds: int, challenge: Callable[[Story, int], Story], begins: Story, *, rotates: bool = True
) -> Story:
    """One operation is challenged again and again, and each time the token is refreshed."""
    for number in range(1, rounds + 1):
        refresh, rotated = (f"r{number}", f"r{number + 1}") if rotates else ("r1", None)
        begins = challenge(begins, number).refreshes(f"t{number + 1}", refresh, rotated=rotated)
    return challenge(begins, rounds + 1)


@pytest.mark.parametrize("rotates", [True, False])
@pytest.mark.parametrize("rounds", [4, 8, 15])
@pytest.mark.parametrize("challenge", rows(FOR_MORE))
@pytest.mark.parametrize("revision", [NEW, OLD])
def test_a_fourth_refresh_within_one_call_is_one_too_many(
    revision: Revision, challenge: Callable[[Story, int], Story], rounds: int, *, rotates: bool
) -> None:
    begins = story(revision).handshake().application_calls(1)
    told = answered_by_refreshes(rounds, challenge, begins, rotates=rotates).application_has(1, "failed")
    found = confirm(told, finds("RETRY-1", "discouraged", worst="discouraged"))
    assert {each.cause for each in found if each.clause == "RETRY-1"} == {"refreshed-within-a-call"}


@pytest.mark.parametrize("rounds", [1, 2, 3])
@pytest.mark.parametrize("challenge", rows(FOR_MORE))
def test_a_few_refreshes_are_no_loop(challenge: Callable[[Story, int], Story], rounds: int) -> None:
    begins = story().handshake().application_calls(1)
    told = answered_by_refreshes(rounds, challenge, begins).application_has(1, "failed")
    confirm(told, allows("discouraged", absent="RETRY-1"))


@pytest.mark.parametrize("rounds", [4, 8, 15])
@pytest.mark.parametrize("challenge", rows(FOR_MORE))
def test_a_fourth_refresh_in_a_row_is_open_where_nobody_wrote_calls_down(
    challenge: Callable[[Story, int], Story], rounds: int
) -> None:
    told = answered_by_refreshes(rounds, challenge, story().handshake())
    confirm(told, finds("RETRY-1", "unspecified", "A17", worst="discouraged", never="RETRY-1 STEP-5"))


NO_LOOP = {
    "ten calls, each refreshed once": expiring(10, calls=True),
    "ten calls, each refreshed once, of which nobody says so": expiring(10),
    "four calls in turn, while another one of the operation hangs": answered_by_refreshes(
        1, FOR_MORE["401 that names another scope"], story().handshake().application_calls(1)
    )
    .application_calls(2)
    .unauthorized("x", "write", "t2")
    .refreshes("t3", "r2", rotated="r3")
    .application_has(2, "failed")
    .application_calls(3)
    .unauthorized("y", "write", "t3")
    .refreshes("t4", "r3", rotated="r4")
    .application_has(3, "failed")
    .application_calls(4)
    .unauthorized("z", "write", "t4")
    .refreshes("t5", "r4", rotated="r5")
    .application_has(4, "failed"),
    "a call whose token serves, though the server fails": answered_by_refreshes(
        3, FOR_MORE["401 that names another scope"], story().handshake().application_calls(1)
    )
    .calls("write", "t4")
    .answers("write", 503)
    .unauthorized("x", "write", "t4")
    .refreshes("t5", "r4", rotated="r5")
    .application_has(1, "failed"),
    "three operations": answered_by_refreshes(3, FOR_MORE["401 that names another scope"], story().handshake())
    .unauthorized("x", "read", "t4")
    .refreshes("t5", "r4", rotated="r5")
    .served("read", "t5"),
}


@pytest.mark.parametrize("told", rows(NO_LOOP))
def test_refreshes_of_several_calls_do_not_count_together(told: Story) -> None:
    confirm(told, allows("unspecified", absent="RETRY-1"))


# --- a refresh token that stays ---------------------------------------------------------------------


def kept(begins: Story | None = None, rotated: str | None = None, scope: str | None = "a b") -> Story:
    """A refresh brings a token, and no refresh token unless one is given."""
    told = (begins if begins is not None else story()).handshake(scope)
    return told.expires().refreshes("t2", rotated=rotated).served("read", "t2")


GIVEN_UP = finds("RETAIN-3", "unspecified", "A29")
STAYS = allows("unspecified", absent="RETAIN-3")

OLD_REFRESH_TOKEN = {
    "used again": (kept().expires("t2").refreshes("t3", "r1").served("read", "t3"), SILENT),
    "used again after a 401": (kept().unauthorized(token="t2").refreshes("t3", "r1").served("read", "t3"), SILENT),
    "given up when the token expires": (kept().expires("t2").obtains("a b", "t3"), GIVEN_UP),
    "given up when the token is refused": (kept().unauthorized(token="t2").obtains("a b", "t3"), GIVEN_UP),
    "given up when the token is refused for what was granted": (
        kept().unauthorized("b", token="t2", error="invalid_token").obtains("a b", "t3"),
        GIVEN_UP,
    ),
    "given up at the older revision": (kept(story(OLD)).expires("t2").obtains("a b", "t3"), GIVEN_UP),
    "given up at the oldest revision": (kept(story(OLDEST)).expires("t2").obtains("a b", "t3"), GIVEN_UP),
    "given up, and no scope was ever named": (kept(scope=None).expires("t2").obtains(None, "t3"), GIVEN_UP),
    "said again by the response, and given up": (kept(rotated="r1").expires("t2").obtains("a b", "t3"), GIVEN_UP),
    "replaced by a new one, which is given up": (kept(rotated="r2").expires("t2").obtains("a b", "t3"), STAYS),
    "never used": (story().handshake("a b").expires().obtains("a b", "t2"), STAYS),
    "refused": (kept().expires("t2").refresh_refused().obtains("a b", "t3").served("read", "t3"), STAYS),
    "lost with a restart": (kept().restarts().expires("t2").obtains("a b", "t3"), STAYS),
    "useless for a step-up": (kept().insufficient("c", token="t2").obtains("a b c", "t3"), STAYS),
    "useless for a 401 that names more": (kept().unauthorized("c", token="t2").obtains("a b c", "t3"), STAYS),
    "useless for a 401 that names offline_access": (
        kept().unauthorized("offline_access", token="t2").obtains("a b offline_access", "t3", prompt="consent"),
        STAYS,
    ),
    "given up by who asks for offline_access each time": (
        kept().expires("t2").obtains("a b offline_access", "t3", prompt="consent"),
        finds("RETAIN-3", "unspecified", "A29", worst="discouraged"),
    ),
    "tried before the authorization": (
        kept().unauthorized(token="t2").refreshes("t3").unauthorized(token="t3").obtains("a b", "t4"),
        allows("discouraged", absent="RETAIN-3"),
    ),
    "of a grant that a new one followed": (
        kept()
        .insufficient("c", token="t2")
        .obtains("a b c", "t3", refresh=None)
        .served("write", "t3")
        .expires("t3")
        .obtains("a b c", "t4"),
        STAYS,
    ),
    "of a client without a user": (
        by_itself().handshake("a b").expires().obtains("a b", "t2").served("read", "t2").expires("t2").asks("a b"),
        STAYS,
    ),
}


@pytest.mark.parametrize(("told", "expected"), rows(OLD_REFRESH_TOKEN))
def test_where_no_new_refresh_token_comes_the_old_one_stays(told: Story, expected: Expected) -> None:
    confirm(told, expected)


def test_whoever_may_give_up_a_refresh_token_is_not_spoken_of() -> None:
    told = kept().expires("t2").obtains("a b", "t3")
    assert judge(told.transcript, {"A29": "given-up"}) == []


def test_a_resource_that_moved_and_came_back_may_have_cost_a_refresh_token() -> None:
    told = kept().at(issuer=OTHER_ISSUER).discovers().unauthorized("a", token="t2", error="invalid_token")
    told = told.obtains("a", "t4", refresh="r4").at().discovers().expires("t2").obtains("a b", "t5")
    assert "RETAIN-3" not in {finding.clause for finding in judge(told.transcript)}


def moved(told: Story, token: str, refresh: str | None = None) -> Story:
    """The resource names another authorization server at a 401, which a token comes from."""
    refused = told.unauthorized(token=token, error="invalid_token").at(issuer=OTHER_ISSUER).discovers().registers()
    return refused.obtains("a b", "t3", refresh=refresh)


def moved_back(told: Story) -> Story:
    """And it names the first one again."""
    return told.served("read", "t3").unauthorized(token="t3", error="invalid_token").at().discovers().registers()


OF_ANOTHER_ISSUER = {
    "in another's place": moved(kept(), "t2"),
    "in another's place, and no scope was ever named": moved(kept(scope=None), "t2"),
    "used, and refused": moved(kept(), "t2").served("read", "t3").unauthorized(token="t3").asks("a b"),
    "used, and over": moved(kept(), "t2").served("read", "t3").expires("t3").asks("a b"),
    "back, and none came there": moved_back(moved(kept(), "t2"))
    .obtains("a b", "t4", refresh="r4")
    .served("read", "t4"),
    "back, and one came there": moved_back(moved(kept(), "t2", "r3")).obtains("a b", "t4"),
    "back, and none came at all": moved_back(moved(kept(), "t2")).obtains("a b", "t4").served("read", "t4"),
    "in the middle of a refresh": moved(
        kept().unauthorized(token="t2", error="invalid_token").refreshes("t5", "r1"), "t5"
    ),
}


@pytest.mark.parametrize("told", rows(OF_ANOTHER_ISSUER))
def test_the_refresh_token_of_another_authorization_server_is_not_given_up(told: Story) -> None:
    confirm(told, allows("discouraged", absent="RETAIN-3"))


def test_of_two_challenges_at_once_the_second_refresh_may_have_been_on_its_way() -> None:
    held = story().handshake()
    both = held.unauthorized("a", token="t1").unauthorized("a", "GET", "t1").refreshes("t2", rotated="r2")
    assert "RETAIN-3" not in {finding.clause for finding in judge(both.refreshes("t3", rotated="r3").transcript)}
    one = held.unauthorized("a", token="t1").refreshes("t2", rotated="r2").unauthorized("a", "GET", token="t2")
    assert "RETAIN-3" in {finding.clause for finding in judge(one.refreshes("t3", rotated="r3").transcript)}


# --- a refresh that was refused ---------------------------------------------------------------------


def refused_in_a_call(begins: Story | None = None) -> Story:
    """By the clock, a call begins with a refresh, and that is refused."""
    told = (begins if begins is not None else story()).handshake().expires()
    return told.application_calls(1, "read").refresh_refused()


REPEATED = {
    "sent again in the same call, twice": (
        refused_in_a_call().refresh_refused().refresh_refused(),
        finds("RETRY-5", "discouraged"),
    ),
    "sent again in the same call, twice, at the oldest revision": (
        refused_in_a_call(story(OLDEST)).refresh_refused().refresh_refused(),
        finds("RETRY-5", "discouraged"),
    ),
    "sent again twice, and accepted": (
        refused_in_a_call().refresh_refused().refreshes("t2", "r1"),
        finds("RETRY-5", "discouraged"),
    ),
    "sent again in answer to a 401, twice": (
        story()
        .handshake()
        .application_calls(1, "read")
        .unauthorized("a", token="t1", error="invalid_token")
        .refresh_refused()
        .refresh_refused()
        .refresh_refused(),
        finds("RETRY-5", "discouraged"),
    ),
    "sent again once, as with another client authentication": (
        refused_in_a_call().refresh_refused().obtains("a", "t2").served("read", "t2"),
        RIGHT,
    ),
    "sent again once, and accepted": (refused_in_a_call().refreshes("t2", "r1").served("read", "t2"), RIGHT),
    "sent again for less, and then again as at first": (
        refused_in_a_call().asks_to_refresh("r1", "a").then(TokenResponse(error="invalid_grant")).refresh_refused(),
        RIGHT,
    ),
    "followed by an authorization": (refused_in_a_call().obtains("a", "t2").served("read", "t2"), RIGHT),
    "sent again for less": (refused_in_a_call().asks_to_refresh("r1", "a"), RIGHT),
    "sent again in the next call": (
        refused_in_a_call().application_has(1, "failed").application_calls(2, "read").refresh_refused(),
        RIGHT,
    ),
    "sent again where another call began": (
        refused_in_a_call().application_calls(2, "write").refresh_refused(),
        RIGHT,
    ),
    "sent again after an error of the server's own": (
        story()
        .handshake()
        .expires()
        .application_calls(1, "read")
        .asks_to_refresh("r1")
        .then(TokenResponse(error="temporarily_unavailable"))
        .refreshes("t2", "r1")
        .served("read", "t2"),
        RIGHT,
    ),
    "sent again, by nobody knows which call": (
        story().handshake().expires().refresh_refused().refresh_refused(),
        RIGHT,
    ),
}


@pytest.mark.parametrize(("told", "expected"), rows(REPEATED))
def test_a_refused_refresh_is_not_sent_again_and_again_in_the_same_call(told: Story, expected: Expected) -> None:
    confirm(told, expected)


def refused_by_itself(times: int) -> Story:
    """A client without a user is refused at the token endpoint, time after time."""
    told = by_itself().unauthorized("a").discovers()
    for _ in range(times):
        told = told.asks("a").then(TokenResponse(error="invalid_scope", issuer=ISSUER, resource=RESOURCE))
    return told


def test_a_refused_token_request_may_be_sent_again_once_since_nobody_sees_how_the_client_authenticated() -> None:
    confirm(refused_by_itself(2), RIGHT)
    confirm(refused_by_itself(1).obtains("a", "t1").served(), RIGHT)
    confirm(refused_by_itself(3), finds("RETRY-5", "discouraged"))
    refused = story().unauthorized("a").discovers().asks("a").refuses()
    confirm(refused.asks("a"), finds("RETRY-5", "discouraged"))


TWO_DIFFERENT = {
    "none, after one that says nothing": (("Bearer",), ()),
    "one that says nothing, after none": ((), ("Bearer",)),
    "none, after an empty scope": (('Bearer scope=""',), ()),
    "one without scope, after an empty scope": (('Bearer error="invalid_token", scope=""',), (INVALID,)),
    "one of another scheme, after one that says nothing": (("Bearer",), ('Basic realm="x"',)),
}


@pytest.mark.parametrize(("first", "second"), rows(TWO_DIFFERENT))
def test_a_401_without_a_challenge_does_not_repeat_one_that_says_little(
    first: tuple[str, ...], second: tuple[str, ...]
) -> None:
    told = story().handshake().calls("read", "t1").answers("read", 401, *first).refreshes("t2", rotated="r2")
    told = told.calls("read", "t2").answers("read", 401, *second)
    confirm(told.refreshes("t3", "r2").served("read", "t3"), RIGHT)
    repeats = told.refreshes("t3", "r2", rotated="r3").calls("read", "t3").answers("read", 401, *second)
    confirm(repeats.refreshes("t4", "r3"), finds("CHAL-8", "discouraged"))


# --- what a refusal says of the same request --------------------------------------------------------


def refused_for(error: str, *, at_the_exchange: bool) -> Story:
    """The first request for scopes is refused, or its code is."""
    told = story().unauthorized("a").discovers().registers("a").asks("a")
    if at_the_exchange:
        return told.consents().then(TokenResponse(error=error, issuer=ISSUER, resource=RESOURCE))
    return told.then(AuthorizationResponse(error=error, issuer=ISSUER, resource=RESOURCE))


PASSES = {
    "the server is busy": ("temporarily_unavailable", False),
    "the server fails": ("server_error", False),
    "the server fails at the exchange": ("HTTP 503", True),
    "the code is over": ("invalid_grant", True),
    "nobody was shown a page": ("login_required", False),
    "nobody was asked": ("interaction_required", False),
}
REFUSES = {
    "the user refuses": ("access_denied", False),
    "the scope is refused": ("invalid_scope", False),
    "the scope is refused at the exchange": ("invalid_scope", True),
}
UNKNOWN_CLIENT = {
    "the client is not known": ("unauthorized_client", False),
    "the client is not known at the exchange": ("invalid_client", True),
}


@pytest.mark.parametrize(("error", "at_the_exchange"), rows(PASSES))
def test_what_was_refused_for_no_fault_of_the_request_may_be_asked_for_again(
    error: str, *, at_the_exchange: bool
) -> None:
    confirm(refused_for(error, at_the_exchange=at_the_exchange).obtains("a", "t1").served(), RIGHT)


@pytest.mark.parametrize(("error", "at_the_exchange"), rows(REFUSES))
def test_what_was_refused_is_not_asked_for_again(error: str, *, at_the_exchange: bool) -> None:
    told = refused_for(error, at_the_exchange=at_the_exchange)
    confirm(told.obtains("a", "t1").served(), finds("RETRY-5", "discouraged"))


@pytest.mark.parametrize(("error", "at_the_exchange"), rows(UNKNOWN_CLIENT))
def test_a_client_that_registers_anew_sends_another_request(error: str, *, at_the_exchange: bool) -> None:
    told = refused_for(error, at_the_exchange=at_the_exchange)
    confirm(told.registers("a").obtains("a", "t1").served(), RIGHT)
    confirm(told.obtains("a", "t1").served(), finds("RETRY-5", "discouraged"))

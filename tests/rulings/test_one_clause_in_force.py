"""One behaviour breaks one clause, and that clause is in force; an odd spelling silences none."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rulings.expectations import RIGHT, Expected, allows, columns, confirm, finds, rows
from rulings.stories import (
    BEFORE_SELECTION,
    NEW,
    OLD,
    OLDEST,
    OTHER_RESOURCE,
    Story,
    by_itself,
    story,
)
from scope_spec import Revision

Tells = Callable[[Revision], Story]

# --- a challenged scope that is left out ------------------------------------------------------------

LEFT_OUT = {
    "at the first request": (lambda at: story(at).unauthorized("a b").asks("a"), "SEL-5"),
    "at the first request, which asks for nothing": (lambda at: story(at).unauthorized("a").asks(None), ""),
    "at a step-up, implied by what is held": (
        lambda at: story(at).handshake("files").insufficient("files:read").asks("files"),
        "ACC-6",
    ),
    "at a step-up, implied by what is held, with a dot": (
        lambda at: story(at).handshake("files").insufficient("files.read").asks("files"),
        "ACC-6",
    ),
    "at a step-up, implied by what is held, with a slash": (
        lambda at: story(at).handshake("files").insufficient("files/read").asks("files"),
        "ACC-6",
    ),
    "at a step-up, half of it implied": (
        lambda at: story(at).handshake("files").insufficient("files:read notes").asks("files notes"),
        "ACC-6",
    ),
    "at a step-up": (lambda at: story(at).handshake().insufficient("b").asks("a"), ""),
    "at a step-up, in favour of what is registered": (
        lambda at: story(at).unauthorized("a").registers("a").obtains("a", "t1").served().insufficient("b").asks("a"),
        "REG-2",
    ),
    "at a step-up, because it is offline_access": (
        lambda at: story(at).handshake().insufficient("b offline_access").asks("a b"),
        "OFFLINE-3",
    ),
    "at a later 401": (lambda at: story(at).handshake().unauthorized("b", token="t1").asks("a"), ""),
    "at a step-up in a chain": (
        lambda at: story(at).handshake().step_up("b", "a b").insufficient("c", "admin", "t2").asks("a b"),
        "",
    ),
    "after a restart": (lambda at: story(at).handshake().restarts().insufficient("b").asks("a"), ""),
    "by a client without a user": (lambda at: by_itself(at).unauthorized("a").asks(None), ""),
    "by a client without a user, at a step-up": (
        lambda at: by_itself(at).handshake().insufficient("b").asks("a"),
        "",
    ),
    "by a client without a user, at a step-up, which asks for nothing": (
        lambda at: by_itself(at).handshake().insufficient("b").asks(None),
        "",
    ),
    "by a client without a user, implied by what is held": (
        lambda at: by_itself(at).handshake("files").insufficient("files:read").asks("files"),
        "ACC-6",
    ),
    "by a client without a user that was granted nothing": (
        lambda at: (
            by_itself(at)
            .discovers()
            .obtains(None, "t1", "")
            .unauthorized("a", token="t1", error="invalid_token")
            .obtains(None, "t2", "")
            .insufficient("a", "read", "t2")
        ),
        "",
    ),
}


@pytest.mark.parametrize("revision", [NEW, OLD])
@pytest.mark.parametrize(("tells", "names"), rows(LEFT_OUT))
def test_a_challenged_scope_that_is_left_out_violates_one_clause_whatever_the_grant_type(
    revision: Revision, tells: Tells, names: str
) -> None:
    found = confirm(tells(revision), finds(f"CHAL-1 {names}", "violates", worst="discouraged", absent="STEP-3 GRANT-7"))
    assert len([finding for finding in found if finding.verdict == "violates"]) == 1


@pytest.mark.parametrize("revision", [BEFORE_SELECTION, OLDEST])
@pytest.mark.parametrize(("tells", "names"), rows(LEFT_OUT))
def test_no_document_said_so_before_scopes_were_selected(revision: Revision, tells: Tells, names: str) -> None:
    confirm(tells(revision), allows("unspecified", absent=f"CHAL-1 {names}"))


# --- a scope of another resource --------------------------------------------------------------------


def elsewhere(revision: Revision, asked: str, by_server: tuple[str, ...] | None = None) -> Story:
    """Two resources of one authorization server; the second is asked for `asked`."""
    return (
        story(revision)
        .handshake("files", by_server=by_server)
        .at(OTHER_RESOURCE)
        .unauthorized("notes")
        .discovers(by_server=by_server)
        .obtains(asked, "t9")
        .served("read", "t9")
    )


OF_ANOTHER_RESOURCE = {
    "at 2026-07-28": (elsewhere(NEW, "notes files"), "ACC-7"),
    "at 2025-11-25": (elsewhere(OLD, "notes files"), "SEL-6"),
    "which the server lists, at 2026-07-28": (
        elsewhere(NEW, "notes files", ("files", "notes", "write")),
        "ACC-7 SEL-7 SEL-6",
    ),
    "which the server lists, at 2025-11-25": (
        elsewhere(OLD, "notes files", ("files", "notes", "write")),
        "SEL-7 SEL-6",
    ),
    "which was asked for at a step-up there": (
        story()
        .handshake("files")
        .step_up("mail", "files mail")
        .at(OTHER_RESOURCE)
        .unauthorized("notes")
        .discovers()
        .asks("notes mail"),
        "ACC-7",
    ),
    "at a step-up": (
        story()
        .handshake("files")
        .at(OTHER_RESOURCE)
        .handshake("notes", "t9", refresh="r9")
        .insufficient("write", token="t9")
        .asks("notes write files"),
        "ACC-7",
    ),
    "by a client without a user": (
        by_itself()
        .handshake("files")
        .at(OTHER_RESOURCE)
        .unauthorized("notes")
        .discovers()
        .obtains("notes files", "t9")
        .served("read", "t9"),
        "ACC-7",
    ),
    "before a restart": (
        story().handshake("files").restarts().at(OTHER_RESOURCE).unauthorized("notes").discovers().asks("notes files"),
        "ACC-7",
    ),
}


@pytest.mark.parametrize(("told", "clauses"), rows(OF_ANOTHER_RESOURCE))
def test_a_scope_of_another_resource_is_found_under_one_name(told: Story, clauses: str) -> None:
    found = confirm(told, finds(clauses, "discouraged"))
    assert len([finding for finding in found if finding.verdict != "unspecified"]) == 1


@pytest.mark.parametrize("by_server", [None, ("files", "notes")])
@pytest.mark.parametrize("revision", [NEW, OLD])
def test_a_resource_is_asked_for_its_own_scopes(revision: Revision, by_server: tuple[str, ...] | None) -> None:
    confirm(elsewhere(revision, "notes", by_server), RIGHT)


def test_a_scope_that_both_resources_name_belongs_to_both() -> None:
    told = story().handshake("files").at(OTHER_RESOURCE)
    confirm(told.unauthorized("notes files").discovers().asks("notes files"), RIGHT)
    confirm(told.unauthorized().discovers("notes", "files").asks("notes files"), RIGHT)


# --- what is judged at the revision that a client speaks --------------------------------------------

SINCE_2026_07_28 = {
    "a step-up that replaces": (lambda at: story(at).handshake().step_up("b", "b"), "ACC-1 ACC-2"),
    "a step-up that replaces along a chain": (
        lambda at: story(at).handshake().step_up("b", "a b").step_up("c", "a c", ("t2", "t3"), "admin"),
        "ACC-1 ACC-2 ACC-4",
    ),
    "a step-up that replaces after a restart": (
        lambda at: story(at).handshake().restarts().step_up("b", "b"),
        "ACC-8 ACC-1 ACC-2",
    ),
    "a step-up that replaces, without a user": (
        lambda at: by_itself(at).handshake().step_up("b", "b"),
        "ACC-1 ACC-2",
    ),
    "offline_access that the server does not list": (
        lambda at: (
            story(at).unauthorized("a").discovers(by_server=("a",)).obtains("a offline_access", "t1", prompt="consent")
        ),
        "OFFLINE-1",
    ),
    "another authorization for want of a refresh token": (
        lambda at: (
            story(at, wants_refresh_token=True).unauthorized("a").discovers().obtains("a", "t1", refresh=None).asks("a")
        ),
        "OFFLINE-2",
    ),
}


@pytest.mark.parametrize(("tells", "clauses"), rows(SINCE_2026_07_28))
def test_what_2026_07_28_asks_for_is_not_asked_of_a_client_that_ends_at_2025_11_25(tells: Tells, clauses: str) -> None:
    confirm(tells(NEW), finds(clauses, "discouraged"))
    confirm(tells(OLD), RIGHT)


def test_the_union_is_right_at_either_revision() -> None:
    for revision in (NEW, OLD):
        confirm(story(revision).handshake().step_up("b", "a b"), RIGHT)


# --- an odd spelling silences nothing ---------------------------------------------------------------

SPELLED = {
    "plainly": ('Bearer scope="{}"',),
    "with a description": ('Bearer scope="{}", error_description="you need more, sorry"',),
    "with blanks around the equals sign": ('Bearer scope = "{}"',),
    "in lower case": ('bearer scope="{}"',),
    "with its name in upper case": ('Bearer SCOPE="{}"',),
    "after another scheme": ('Basic realm="x", Bearer scope="{}"',),
    "on a second line": ('Basic realm="x"', 'Bearer scope="{}"'),
    "with empty list elements": (', ,Bearer scope="{}", ',),
    "with a realm that has escapes": ('Bearer realm="a\\"b", scope="{}"',),
}
NAMES = {
    "a capital": "User.Read",
    "a comma": "rating=G,PG-13",
    "a URL": "https://rs.example/auth#all",
    "a word": "read",
}

Beyond = tuple[tuple[str, ...], tuple[str, ...] | None, str, str]
"""What the metadata lists beside the challenge, what the server lists, what is asked for of it, what that breaks."""

BEYOND_THE_CHALLENGE: dict[str, Beyond] = {
    "what the metadata lists": (("x", "y"), None, "x y", "SEL-1"),
    "part of what the metadata lists": (("x", "y"), None, "y", "SEL-1"),
    "what the server lists": ((), ("x", "y"), "x", "SEL-7"),
    "what nobody lists": ((), None, "z", "SEL-6"),
}

MISREAD_AS = "PARSE-3 PARSE-6 PARSE-7 CHAL-6"
"""What may rename a finding where the challenge is spelled so that it can be overlooked."""


@pytest.mark.parametrize("name", rows(NAMES))
@pytest.mark.parametrize("spelled", columns(SPELLED))
@pytest.mark.parametrize("beyond", columns(BEYOND_THE_CHALLENGE))
def test_who_asks_for_the_challenge_and_for_more_asks_for_too_much(
    name: str, spelled: tuple[str, ...], beyond: Beyond
) -> None:
    lists, by_server, more, clause = beyond
    told = story().calls().answers("read", 401, *(line.format(name) for line in spelled))
    told = told.discovers(*((name, *lists) if lists else ()), by_server=by_server)
    clauses = clause if spelled == SPELLED["plainly"] else f"{clause} {MISREAD_AS}"
    confirm(told.asks(f"{name} {more}"), finds(clauses, "discouraged"))
    confirm(told.asks(name), RIGHT)


STEP_UP_AND_MORE = {
    "what the metadata lists": ("a B x", finds("ACC-3", "unspecified")),
    "what the server lists": ("a B s", finds("SEL-7", "discouraged")),
    "what nobody lists": ("a B z", finds("SEL-6", "discouraged")),
    "nothing": ("a B", RIGHT),
}


@pytest.mark.parametrize(
    "challenge", ['Bearer error="insufficient_scope", scope="B"', "Bearer error=insufficient_scope, scope=B"]
)
@pytest.mark.parametrize(("asked", "expected"), rows(STEP_UP_AND_MORE))
def test_who_steps_up_for_the_challenge_and_for_more_asks_for_too_much(
    challenge: str, asked: str, expected: Expected
) -> None:
    told = story().handshake().calls("write", "t1").answers("write", 403, challenge)
    confirm(told.discovers("a", "x", by_server=("s",)).asks(asked), expected)

"""Which misreading explains a request is said where the evidence is of that one alone."""

from __future__ import annotations

import pytest

from rulings.expectations import RIGHT, Expected, columns, confirm, finds, rows
from rulings.stories import (
    ISSUER,
    NEW,
    OLD,
    OTHER_ISSUER,
    OTHER_RESOURCE,
    RESOURCE,
    Story,
    bearer,
    by_itself,
    story,
)
from scope_model.events import ProtectedResourceMetadata
from scope_spec import Revision

POINTER = 'resource_metadata="https://rs.example/.well-known/oauth-protected-resource/mcp"'

# --- the scope of another scheme --------------------------------------------------------------------

OF_ANOTHER_SCHEME = {
    "after it": (f'Bearer {POINTER}, DPoP algs="ES256", scope="decoy"',),
    "after it, as a token": (f'Bearer {POINTER}, DPoP algs="ES256", scope=decoy',),
    "after it, without other parameters": (f'Bearer {POINTER}, DPoP scope="decoy"',),
    "after it, on a line of its own": (f"Bearer {POINTER}", 'DPoP algs="ES256", scope="decoy"'),
    "before it": (f'DPoP algs="ES256", scope="decoy", Bearer {POINTER}',),
    "before it, on a line of its own": ('Custom scope="decoy"', f"Bearer {POINTER}"),
    "after it, by a scheme of another name": (f'Bearer {POINTER}, Digest realm="x", scope="decoy"',),
}


@pytest.mark.parametrize("lines", columns(OF_ANOTHER_SCHEME))
@pytest.mark.parametrize("listed", [("p", "q"), ()])
def test_who_takes_the_scope_of_another_scheme_mistakes_whose_it_is(
    lines: tuple[str, ...], listed: tuple[str, ...]
) -> None:
    told = story().calls().answers("read", 401, *lines).discovers(*listed)
    confirm(told.asks("decoy"), finds("PARSE-9", "discouraged", worst="violates", never="PARSE-5 SEL-3 SEL-6"))
    confirm(told.asks(" ".join(listed) or None), RIGHT)


@pytest.mark.parametrize(
    "line",
    [
        'Bearer scope="a", DPoP algs="ES256", scope="decoy"',
        'DPoP algs="ES256", scope="decoy", Bearer scope="a"',
    ],
)
def test_who_takes_it_beside_or_in_place_of_its_own(line: str) -> None:
    told = story().calls().answers("read", 401, line).discovers()
    confirm(told.asks("a"), RIGHT)
    confirm(told.asks("decoy"), finds("PARSE-9 CHAL-1", "violates", worst="discouraged", never="PARSE-5"))
    confirm(told.asks("a decoy"), finds("PARSE-9 SEL-6", "discouraged", never="PARSE-5"))


# --- a scope out of an earlier header ---------------------------------------------------------------

DESCRIBED = 'error_description="needs scope=decoy here", error="invalid_token", scope="a"'
SCHEME_AFTER = f'Bearer error="insufficient_scope", scope="a b", {POINTER}, DPoP algs="ES256", scope="decoy"'
SCHEME_BEFORE = 'DPoP algs="ES256", scope="decoy", Bearer error="invalid_token", scope="a"'

PLAIN = bearer("b", "insufficient_scope")


def refreshed_after(line: str, begins: Story | None = None) -> Story:
    """A 401 is answered by a refresh, so that no request shows what was read of its scope."""
    told = (begins or story().handshake()).calls("read", "t1").answers("read", 401, line)
    return told.refreshes("t2", said="a").served("read", "t2")


FROM_BEFORE = {
    "a description, and a plain header after it": (f"Bearer {DESCRIBED}", PLAIN, "a b decoy", "PARSE-8"),
    "a description, and another scheme's scope after it": (f"Bearer {DESCRIBED}", SCHEME_AFTER, "a b decoy", "PARSE-8"),
    "a description at both": (f"Bearer {DESCRIBED}", f"{PLAIN}, {DESCRIBED}", "a b decoy", "PARSE-8"),
    "another parameter's name": ('Bearer error_scope="decoy", scope="a"', PLAIN, "decoy a b", "PARSE-8"),
    "another scheme, and a plain header after it": (SCHEME_BEFORE, PLAIN, "decoy a b", "PARSE-9"),
    "another scheme at both": (SCHEME_BEFORE, f"DPoP scope=decoy, {PLAIN}", "decoy a b", "PARSE-9"),
    "names in commas": ('Bearer error="invalid_token", scope="a,x"', PLAIN, "a b x", "PARSE-1"),
}


@pytest.mark.parametrize(("earlier", "line", "asked", "clause"), rows(FROM_BEFORE))
def test_what_an_earlier_header_explains_is_named_by_how_that_was_misread(
    earlier: str, line: str, asked: str, clause: str
) -> None:
    told = refreshed_after(earlier).calls("write", "t2").answers("write", 403, line)
    confirm(told.asks(asked), finds(clause, "discouraged", absent="SEL-6"))
    confirm(told.asks("a b z"), finds("SEL-6", "discouraged"))
    confirm(told.asks(f"{asked} z"), finds("any", "discouraged"))
    confirm(told.asks("a b"), RIGHT)


def test_who_read_an_earlier_header_rightly_misreads_this_one() -> None:
    told = story().calls().answers("read", 401, f"Bearer {DESCRIBED}").discovers().obtains("a", "t1", refresh="r1")
    told = told.served().calls("write", "t1").answers("write", 403, SCHEME_AFTER)
    confirm(told.asks("a b decoy"), finds("PARSE-9", "discouraged", absent="PARSE-8"))
    plainly = refreshed_after(f"Bearer {DESCRIBED}")
    again = plainly.unauthorized("a", token="t2", error="invalid_token").obtains("a", "t3").served("read", "t3")
    confirm(again.insufficient("b", token="t3").asks("a b decoy"), finds("PARSE-8", "discouraged"))


NAMED_ELSEWHERE = {
    "at another resource": story().at(OTHER_RESOURCE).handshake("decoy", "t9", refresh="r9").at(),
    "at another resource, by the challenge alone": story().at(OTHER_RESOURCE).unauthorized("decoy").at(),
    "at another authorization server of the resource": story()
    .at(RESOURCE, OTHER_ISSUER)
    .handshake(None, "t9", said="decoy", refresh="r9")
    .at(),
    "in a document of others": story().then(
        ProtectedResourceMetadata("https://stranger.example/x", (ISSUER,), ("decoy",))
    ),
}


@pytest.mark.parametrize("begins", rows(NAMED_ELSEWHERE))
@pytest.mark.parametrize("registered", [None, "a decoy"])
def test_a_text_in_a_resources_own_header_is_nearer_than_who_else_names_a_scope_like_it(
    begins: Story, registered: str | None
) -> None:
    misread = finds("PARSE-8", "discouraged", absent="ACC-7 META-3 SEL-6", worst="unspecified")
    first = 'Bearer error_description="needs scope=decoy here", scope="a"'
    told = begins.calls("list").answers("list", 401, first).discovers()
    told = told if registered is None else told.registers(registered)
    confirm(told.asks("a decoy"), misread)
    confirm(
        refreshed_after(f"Bearer {DESCRIBED}", begins.handshake()).insufficient("b", token="t2").asks("a b decoy"),
        misread,
    )
    elsewhere = begins.handshake().insufficient("b").asks("a b decoy")
    confirm(elsewhere, finds("ACC-7 META-3", "discouraged", absent="PARSE-8"))


# --- a misreading that nothing shows ----------------------------------------------------------------

READS_NOTHING = {
    "a plain scope": "b",
    "a scope with a capital": "B",
    "the same scope with a capital": "A",
    "a scope that what is held implies": "a:read",
    "a scope with a comma": "b,c",
}


@pytest.mark.parametrize("challenged", rows(READS_NOTHING))
@pytest.mark.parametrize("begins", rows({"a user": story().handshake(), "no user": by_itself().handshake()}))
def test_a_client_that_left_out_a_plain_challenge_before_shows_no_misreading(begins: Story, challenged: str) -> None:
    told = begins.insufficient("plain", "one").obtains("a", "t2", "a").served("read", "t2")
    told = told.insufficient(challenged, "two", "t2").asks("a")
    found = confirm(told, finds("CHAL-1", "violates", worst="discouraged", absent="ACC-6 ORDER-2 PARSE-1 STEP-3"))
    last = len(told.events) - 1
    assert [finding.clause for finding in found if finding.event == last and finding.verdict == "violates"] == [
        "CHAL-1"
    ]


@pytest.mark.parametrize("challenged", ["p:read", "P", "b"])
def test_a_client_that_ignores_the_first_challenge_shows_no_misreading(challenged: str) -> None:
    told = story().unauthorized("a").discovers("p").registers("p").obtains("p", "t1", refresh="r1").served()
    told = told.insufficient(challenged).asks("p")
    confirm(told, finds("CHAL-1", "violates", worst="violates", absent="ACC-6 REG-2 ORDER-2"))


SINGLED_OUT = {
    "a capital is folded": ('Bearer scope="User.Read"', "user.read", "ORDER-2"),
    "a comma splits": ('Bearer scope="x,y"', "x y", "PARSE-1"),
    "a name inside another is found": ('Bearer error_scope="admin", scope="a"', "admin", "PARSE-8"),
    "a value inside another is found": (
        'Bearer error_description="needs scope=admin now", scope="a"',
        "admin",
        "PARSE-8",
    ),
    "an escape is kept": ('Bearer scope="a\\b"', "a\\b", "PARSE-5 SEL-4"),
}


@pytest.mark.parametrize(("line", "asked", "clauses"), rows(SINGLED_OUT))
def test_what_only_a_misreading_names_singles_it_out(line: str, asked: str, clauses: str) -> None:
    told = story().calls().answers("read", 401, line).discovers()
    confirm(told.asks(asked), finds(clauses, "discouraged", worst="violates"))


NO_BACKSLASH = {
    "on one line with another scheme": ('Bearer scope="a", DPoP algs="ES256", scope="decoy"',),
    "with a realm after it": ('Bearer scope="a", Basic realm="x"',),
    "as a token": ("Bearer scope=a",),
    "with blanks": ('Bearer scope = "a"',),
    "plainly": ('Bearer scope="a"',),
}


@pytest.mark.parametrize("lines", columns(NO_BACKSLASH))
@pytest.mark.parametrize("asked", [None, "decoy", "p", "z"])
@pytest.mark.parametrize("revision", [NEW, OLD])
def test_no_header_without_a_backslash_is_blamed_on_quoted_pairs(
    lines: tuple[str, ...], asked: str | None, revision: Revision
) -> None:
    told = story(revision).calls().answers("read", 401, *lines).discovers("p")
    confirm(told.asks(asked), finds("any", "violates", worst="violates", absent="PARSE-5"))


# --- a challenge that was not read, or not yet ------------------------------------------------------

ORDERED = {
    "after a restart": story()
    .handshake("b")
    .insufficient("d c", "one")
    .restarts()
    .insufficient("c", "two")
    .obtains("b c", "t2")
    .served("two", "t2")
    .insufficient("d", "three", "t2")
    .asks("b c d"),
    "after giving up": story()
    .handshake("b")
    .insufficient("d c", "one")
    .served()
    .insufficient("c d", "two")
    .asks("b c d"),
    "after a challenge that nobody can read": story()
    .calls()
    .answers("read", 401, 'Bearer scope="b a" error="x"')
    .discovers("a", "b")
    .asks("a b"),
}


@pytest.mark.parametrize("told", rows(ORDERED))
def test_a_challenge_that_was_never_answered_sets_no_order(told: Story) -> None:
    confirm(told, Expected(absent=("ORDER-3",)))


def test_a_challenge_that_was_answered_sets_one() -> None:
    confirm(story().unauthorized("b a").asks("a b"), finds("ORDER-3", "unspecified", "A15"))
    confirm(story().handshake("b").insufficient("c d").asks("b d c"), finds("ORDER-3", "unspecified", "A15"))
    confirm(story().calls().answers("read", 401, bearer("b a")).asks("b a"), RIGHT)

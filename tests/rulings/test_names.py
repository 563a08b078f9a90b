"""What the events name: one issuer and one resource on any of them, and the resource that a chain is for."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final

import pytest

from rulings.expectations import RIGHT, SILENT, Expected, allows, confirm, finds, rows
from rulings.stories import (
    ISSUER,
    NEW,
    OLD,
    OLDEST,
    OTHER_RESOURCE,
    RESOURCE,
    Story,
    bearer,
    by_itself,
    named_only,
    story,
)
from scope_judge.judge import judge
from scope_model.events import (
    AuthorizationRequest,
    AuthorizationResponse,
    AuthorizationServerMetadata,
    Event,
    ProtectedResourceMetadata,
    ResourceRequest,
    ResourceResponse,
    TokenRequest,
    TokenResponse,
)
from scope_spec import Revision

SLASH = f"{RESOURCE}/"
UPPER_CASE = "https://RS.example/mcp"

# --- where there is one, it may be named anywhere ---------------------------------------------------


def _kinds(*kinds: type[Event]) -> Callable[[int, Event], bool]:
    return lambda _, event: isinstance(event, kinds)


NAMED = {
    "on none": lambda _, __: False,
    "on the authorization requests": _kinds(AuthorizationRequest),
    "on the metadata": _kinds(ProtectedResourceMetadata, AuthorizationServerMetadata),
    "on the metadata and the authorization requests": _kinds(
        ProtectedResourceMetadata, AuthorizationServerMetadata, AuthorizationRequest
    ),
    "on the calls": _kinds(ResourceRequest, ResourceResponse),
    "on the answers to calls": _kinds(ResourceResponse),
    "on the token requests": _kinds(TokenRequest),
    "on the token responses": _kinds(TokenResponse),
    "on the first event": lambda at, _: at == 0,
    "on every other event": lambda at, _: at % 2 == 0,
    "on what comes after the first token": lambda at, _: at > 7,
    "on what comes before the first token": lambda at, _: at < 7,
}

whole = (
    story(wants_refresh_token=True)
    .unauthorized("a b")
    .discovers("a", "b", by_server=("offline_access",))
    .registers("a b")
    .obtains("a b", "t1", "a", "r1")
)
second = whole.insufficient("b", "read").discovers("a", "b", by_server=("offline_access",))


STEPS_UP = {
    "and the client is right": (second.obtains("a b", "t2", refresh="r2").served("read", "t2"), RIGHT),
    "and the client asks for refresh tokens": (
        second.obtains("a b offline_access", "t2", "a b", "r2", "consent").served("read", "t2"),
        RIGHT,
    ),
    "and the step-up replaces": (
        second.obtains("b", "t2", "a b", "r2").served("read", "t2"),
        finds("ACC-1 ACC-2", "discouraged"),
    ),
    "and the challenge is left out": (second.asks("a"), finds("CHAL-1", "violates")),
    "and a scope comes from nowhere": (second.asks("a b z"), finds("SEL-6", "discouraged")),
    "and a refresh goes beyond the grant": (
        whole.served("read").expires().asks_to_refresh("r1", "a z"),
        finds("REFRESH-1", "violates"),
    ),
}


@pytest.mark.parametrize("members", [("issuer", "resource"), ("issuer",), ("resource",)], ids="-".join)
@pytest.mark.parametrize("keeps", rows(NAMED))
@pytest.mark.parametrize(("told", "expected"), rows(STEPS_UP))
def test_one_issuer_and_one_resource_may_be_named_on_any_events(
    told: Story, expected: Expected, keeps: Callable[[int, Event], bool], members: tuple[str, ...]
) -> None:
    confirm(named_only(told, keeps, *members), expected)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(("told", "expected"), rows(STEPS_UP))
def test_they_may_be_named_on_events_chosen_by_chance(told: Story, expected: Expected, seed: int) -> None:
    chance = Random(seed)  # noqa: S311 - the same subset each time
    kept = {at for at in range(len(told.events)) if chance.random() < 0.5}
    confirm(named_only(told, lambda at, _: at in kept), expected)


def test_they_may_be_named_by_a_client_without_a_user_on_its_token_requests_alone() -> None:
    told = by_itself().handshake().step_up("b", "a b")
    confirm(named_only(told, _kinds(TokenRequest)), SILENT)
    confirm(named_only(by_itself().handshake().step_up("b", "b"), _kinds(TokenRequest)), finds("ACC-1", "discouraged"))


def test_a_request_alone_may_name_what_no_call_and_no_document_does() -> None:
    challenged = story().at(None, None).unauthorized("a").at(RESOURCE, None)
    confirm(challenged.asks("a"), RIGHT)
    confirm(challenged.asks("a z"), finds("SEL-6", "discouraged"))
    confirm(challenged.asks(None), finds("CHAL-1", "violates"))


# --- metadata before the first call -----------------------------------------------------------------

early = story().discovers("p", "q")

FETCHED_EARLY = {
    "and then asked for": (early.unauthorized().obtains("p q", "t1").served(), SILENT),
    "twice, and then asked for": (early.discovers("p", "q").unauthorized().obtains("p q", "t1").served(), RIGHT),
    "twice, and the newer document counts": (
        story().discovers("p").discovers("p", "q").unauthorized().obtains("p q", "t1").served(),
        RIGHT,
    ),
    "and the challenge goes before it": (early.unauthorized("a").obtains("a", "t1").served(), SILENT),
    "and the client needs no challenge to ask": (early.obtains("p q", "t1").served(), RIGHT),
    "by a client without a user": (by_itself().discovers("p", "q").obtains("p q", "t1").served(), SILENT),
    "by a client without a user, which lists nothing": (by_itself().discovers().obtains(None, "t1").served(), RIGHT),
    "for two resources, each asked for its own": (
        early.at(OTHER_RESOURCE)
        .discovers("x")
        .at()
        .unauthorized()
        .obtains("p q", "t1")
        .served()
        .at(OTHER_RESOURCE)
        .unauthorized()
        .obtains("x", "t9")
        .served("read", "t9"),
        RIGHT,
    ),
    "at the older revision": (story(OLD).discovers("p").unauthorized().obtains("p", "t1").served(), SILENT),
    "and half of it is left out": (early.unauthorized().asks("p"), finds("SEL-2", "discouraged")),
    "and all of it is left out": (early.unauthorized().asks(None), finds("SEL-2", "discouraged")),
    "and all of it is left out by a client without a user": (
        by_itself().discovers("a").discovers("a").obtains(None, "t1", "").served(),
        finds("SEL-2", "discouraged"),
    ),
    "and joined to the challenge": (early.unauthorized("a").asks("a p q"), finds("SEL-1", "discouraged")),
    "and left out before any call": (early.asks("q"), finds("SEL-2", "discouraged")),
    "of another resource, whose scopes are asked for": (
        story().at(OTHER_RESOURCE).discovers("x").at().unauthorized().asks("x"),
        finds("META-3 ACC-7 SEL-6 SEL-3", "discouraged", worst="violates"),
    ),
    "of another resource that is called later, whose scopes are asked for": (
        story()
        .at(OTHER_RESOURCE)
        .discovers("x")
        .at()
        .discovers("p")
        .unauthorized()
        .obtains("p x", "t1")
        .served()
        .at(OTHER_RESOURCE)
        .unauthorized()
        .obtains("x", "t9")
        .served("read", "t9"),
        finds("ACC-7 META-3 SEL-6", "discouraged"),
    ),
}


@pytest.mark.parametrize(("told", "expected"), rows(FETCHED_EARLY))
def test_metadata_may_be_fetched_before_the_first_call(told: Story, expected: Expected) -> None:
    confirm(told, expected)


@pytest.mark.parametrize("keeps", rows(NAMED))
def test_metadata_before_the_first_call_counts_whatever_is_named(keeps: Callable[[int, Event], bool]) -> None:
    confirm(named_only(early.unauthorized().obtains("p q", "t1").served(), keeps), RIGHT)
    confirm(named_only(early.unauthorized().asks("p"), keeps), finds("SEL-2", "discouraged"))


# --- one chain names one resource -------------------------------------------------------------------


def chain(
    asked: str | None = RESOURCE,
    exchanged: str | None = RESOURCE,
    refreshed: str | None = RESOURCE,
    *,
    document: str | None = RESOURCE,
    called: str = RESOURCE,
    revision: Revision = NEW,
) -> Story:
    """An authorization, its exchange, and a refresh, each with its `resource` parameter, of calls to one URL."""
    challenged = story(revision).at(called).unauthorized("a")
    known = challenged.then(ProtectedResourceMetadata(document, (ISSUER,))) if document is not None else challenged
    return (
        known.then(
            AuthorizationServerMetadata(ISSUER),
            AuthorizationRequest("a", None, ISSUER, asked),
        )
        .then(TokenRequest("authorization_code", None, None, ISSUER, exchanged))
        .issued("t1", "a", "r1")
        .served()
        .expires()
        .then(TokenRequest("refresh_token", None, "r1", ISSUER, refreshed))
        .issued("t2", "a")
        .served("read", "t2")
    )


ONE_NAME = {
    "the one of the document": chain(),
    "the one of the document, in places": chain(RESOURCE, None, None),
    "the one of the document, not at first": chain(None, RESOURCE, RESOURCE),
    "none": chain(None, None, None),
    "none, without a document": chain(None, None, None, document=None),
    "the URL with a slash, without a document": chain(SLASH, SLASH, SLASH, document=None),
    "the URL with a slash, as the document has it": chain(SLASH, SLASH, SLASH, document=SLASH),
    "the URL in upper case, without a document": chain(UPPER_CASE, UPPER_CASE, UPPER_CASE, document=None),
    "the URL with a slash, in places": chain(SLASH, None, SLASH, document=None),
    "its origin, without a document": chain(*3 * ("https://rs.example",), document=None),
    "the one of the document, at the older revision": chain(revision=OLD),
}


@pytest.mark.parametrize("told", rows(ONE_NAME))
def test_a_chain_names_one_resource(told: Story) -> None:
    confirm(told, RIGHT)


TWO_NAMES = {
    "the exchange another resource": chain(exchanged=OTHER_RESOURCE),
    "the refresh another resource": chain(refreshed=OTHER_RESOURCE),
    "the authorization another resource": chain(OTHER_RESOURCE),
    "the exchange another resource, without a document": chain(exchanged=OTHER_RESOURCE, document=None),
    "the refresh another resource, without a document": chain(refreshed=OTHER_RESOURCE, document=None),
    "all of it with a slash after a path, which the document has not": chain(SLASH, SLASH, SLASH),
    "the exchange with a slash that the authorization has not": chain(exchanged=SLASH, document=None),
    "the refresh with a slash that the authorization has not": chain(refreshed=SLASH, document=None),
    "the exchange another resource, at the older revision": chain(exchanged=OTHER_RESOURCE, revision=OLD),
    "the exchange another resource, before scopes were selected": chain(
        exchanged=OTHER_RESOURCE, revision="2025-06-18"
    ),
}


@pytest.mark.parametrize("told", rows(TWO_NAMES))
def test_another_name_within_a_chain_breaks_it(told: Story) -> None:
    confirm(told, finds("ISO-1", "violates", worst="violates"))


ORIGIN: Final = "https://rs.example"

EQUIVALENT = {
    "all of it with a slash after the origin": chain(*3 * (f"{ORIGIN}/",), document=ORIGIN, called=ORIGIN),
    "the exchange with a slash after the origin": chain(ORIGIN, f"{ORIGIN}/", ORIGIN, document=ORIGIN, called=ORIGIN),
    "the refresh with a slash after the origin, without a document": chain(ORIGIN, ORIGIN, f"{ORIGIN}/", document=None),
    "all of it in upper case": chain(*3 * (UPPER_CASE,)),
    "all of it with the default port": chain(*3 * ("https://rs.example:443/mcp",)),
    "all of it with a slash after the origin, at the older revision": chain(
        *3 * (f"{ORIGIN}/",), document=ORIGIN, called=ORIGIN, revision=OLD
    ),
}


@pytest.mark.parametrize("told", rows(EQUIVALENT))
def test_an_equivalent_spelling_names_the_same_resource_and_is_not_the_canonical_one(told: Story) -> None:
    found = confirm(told, finds("ISO-1", "discouraged", "A30"))
    assert {finding.cause for finding in found if finding.clause == "ISO-1"} == {"spelled-otherwise"}
    assert "ISO-1" not in {finding.clause for finding in judge(told.transcript, {"A30": "equivalent"})}


CANONICAL = {
    "without the slash that the document has after the origin": chain(
        *3 * (ORIGIN,), document=f"{ORIGIN}/", called=ORIGIN
    ),
    "with the slash that the document has after the origin": chain(
        *3 * (f"{ORIGIN}/",), document=f"{ORIGIN}/", called=ORIGIN
    ),
    "in lower case, and the document is not": chain(document=UPPER_CASE),
    "without the default port that the document has": chain(document="https://rs.example:443/mcp"),
}


@pytest.mark.parametrize("told", rows(CANONICAL))
def test_the_published_spelling_and_the_canonical_one_are_both_right(told: Story) -> None:
    confirm(told, RIGHT)


def test_another_port_another_path_and_a_fragment_make_another_resource() -> None:
    for name in ("https://rs.example:8443/mcp", "https://rs.example/MCP", "https://rs.example/mcp#here"):
        confirm(chain(name, name, name), finds("ISO-1", "violates", worst="violates"))


def test_before_there_was_a_resource_parameter_no_chain_can_break() -> None:
    confirm(chain(exchanged=OTHER_RESOURCE, revision=OLDEST), allows("violates", absent="ISO-1"))


two = story().handshake("a", "t1", refresh="r1").at(OTHER_RESOURCE).handshake("x", "t9", refresh="r9").at().expires()

TWO_RESOURCES = {
    "each refreshed with its own": (two.refreshes("t2", "r1", said="a").served("read", "t2"), RIGHT),
    "one refreshed by its refresh token alone": (
        two.at(None).refreshes("t8", "r9", said="x").at(OTHER_RESOURCE).served("read", "t8"),
        RIGHT,
    ),
    "each stepped up with its own": (two.step_up("b", "a b", ("t1", "t2")), RIGHT),
    "one refreshed with the other's refresh token": (
        two.refreshes("t2", "r9", said="a"),
        finds("ISO-1", "violates", worst="violates"),
    ),
    "one exchanged in the other's name": (
        two.insufficient("b")
        .asks("a b")
        .then(
            AuthorizationResponse(code=True, issuer=ISSUER, resource=RESOURCE),
            TokenRequest("authorization_code", None, None, ISSUER, OTHER_RESOURCE),
        )
        .issued("t2", "a b"),
        finds("ISO-1", "violates", worst="violates"),
    ),
}


@pytest.mark.parametrize(("told", "expected"), rows(TWO_RESOURCES))
def test_each_resource_has_a_chain_of_its_own(told: Story, expected: Expected) -> None:
    confirm(told, expected)


def test_a_client_without_a_user_names_the_resource_of_the_document() -> None:
    told = by_itself().unauthorized("a").discovers()
    confirm(told.obtains("a", "t1").served(), SILENT)
    elsewhere = told.at(OTHER_RESOURCE).obtains("a", "t1").at().served()
    confirm(elsewhere, finds("ISO-1 ACC-7 SEL-6", "discouraged", worst="violates"))


# --- a name that differs from the called URL --------------------------------------------------------


def under(name: str) -> Story:
    """A handshake and the beginning of a step-up, of a client whose requests name the resource so."""
    return (
        story(wants_refresh_token=True)
        .unauthorized("a")
        .at(name)
        .obtains("a", "t1", refresh=None)
        .at()
        .served()
        .insufficient("b")
        .at(name)
    )


@pytest.mark.parametrize("name", [SLASH, UPPER_CASE, "https://rs.example", f"{RESOURCE}?tenant=1"])
@pytest.mark.parametrize(
    ("asked", "expected"),
    rows(
        {
            "the challenge and what came before": ("a b", RIGHT),
            "the challenge alone": ("b", finds("ACC-1 ACC-2", "discouraged")),
            "what came before alone": ("a", finds("CHAL-1", "violates")),
            "what no source names as well": ("a b z", finds("SEL-6", "discouraged")),
        }
    ),
)
def test_a_request_under_another_name_keeps_its_challenge(name: str, asked: str, expected: Expected) -> None:
    confirm(under(name).obtains(asked, "t2", refresh=None).at().served("write", "t2"), expected)


def test_a_first_request_under_another_name_keeps_its_challenge() -> None:
    told = story().unauthorized("a offline_access").at(SLASH)
    confirm(told.asks("a offline_access", "consent"), RIGHT)
    confirm(told.asks("a"), finds("CHAL-1 OFFLINE-3", "violates"))
    confirm(told.asks("offline_access", "consent"), finds("CHAL-1 SEL-5", "violates"))


# --- the metadata of a parent resource --------------------------------------------------------------

ROOT = "https://rs.example"
AT_THE_ROOT = 'resource_metadata="https://rs.example/.well-known/oauth-protected-resource"'
AT_THE_PATH = 'resource_metadata="https://rs.example/.well-known/oauth-protected-resource/mcp"'


def parent(pointer: str, document: str = ROOT, revision: Revision = NEW) -> Story:
    """A call is challenged without scopes, and a document is found that speaks of another identifier."""
    return (
        story(revision)
        .calls()
        .answers("read", 401, bearer(more=pointer))
        .then(ProtectedResourceMetadata(document, (ISSUER,), ("p", "q")), AuthorizationServerMetadata(ISSUER))
    )


@pytest.mark.parametrize("revision", [NEW, OLD])
@pytest.mark.parametrize("pointer", rows({"the root's own address": AT_THE_ROOT, "no address": ""}))
@pytest.mark.parametrize("asked", ["p q", None])
@pytest.mark.parametrize("name", [RESOURCE, ROOT, f"{ROOT}/"])
def test_a_document_at_the_root_names_the_root_and_may_be_used_or_not(
    revision: Revision, pointer: str, asked: str | None, name: str
) -> None:
    told = parent(pointer, name if name != RESOURCE else ROOT, revision).at(name).obtains(asked, "t1").at().served()
    confirm(told, RIGHT)


def test_a_document_for_the_path_that_names_the_parent_is_not_to_be_used() -> None:
    confirm(parent(AT_THE_PATH).asks("p q"), finds("META-3", "unspecified", worst="violates"))
    confirm(parent(AT_THE_PATH).asks(None), RIGHT)


@pytest.mark.parametrize("name", [RESOURCE, ROOT])
@pytest.mark.parametrize(("path", "expected"), [("", RIGHT), ("/mcp", finds("META-3", "violates", worst="violates"))])
def test_where_a_document_of_the_parent_was_found_counts_whatever_the_request_names(
    path: str, expected: Expected, name: str
) -> None:
    found = f"{ROOT}/.well-known/oauth-protected-resource{path}"
    document = ProtectedResourceMetadata(ROOT, (ISSUER,), ("p", "q"), found)
    told = story().unauthorized().then(document, AuthorizationServerMetadata(ISSUER)).at(name)
    confirm(told.asks("p q"), expected)
    confirm(told.asks(None), RIGHT)


@pytest.mark.parametrize(
    "document", ["https://rs.example/mc", "https://other.example", "https://rs.example:8443", "https://example"]
)
@pytest.mark.parametrize("pointer", [AT_THE_ROOT, AT_THE_PATH, ""])
def test_a_document_of_no_parent_is_foreign(document: str, pointer: str) -> None:
    confirm(parent(pointer, document).asks("p q"), finds("META-3", "violates", worst="violates"))

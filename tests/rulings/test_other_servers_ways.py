"""What servers do now and then: each of it explains a client that could be taken for wrong."""

from __future__ import annotations

from rulings.expectations import SILENT, confirm, finds
from rulings.stories import OTHER_ISSUER, RESOURCE, bearer, story
from scope_model.events import AuthorizationServerMetadata

POINTER = f'resource_metadata="{RESOURCE}/.well-known/oauth-protected-resource"'


def test_the_pointer_of_a_bearer_challenge_that_is_not_answered_need_not_be_followed() -> None:
    told = story().handshake(refresh=None)
    other = f'Bearer realm="other", Bearer error="insufficient_scope", scope="b", {POINTER}'
    answered = f'Bearer realm="other", {POINTER}, Bearer error="insufficient_scope", scope="b"'
    confirm(
        told.calls("write", "t1").answers("write", 403, answered).obtains("a b", "t2").served("write", "t2"), SILENT
    )
    stale = told.calls("write", "t1").answers("write", 403, other).obtains("a b", "t2").served("write", "t2")
    confirm(stale, finds("META-4", "unspecified"))


def test_a_pointer_need_not_be_followed_where_another_challenge_may_be_the_one_that_is_answered() -> None:
    told = story().handshake(refresh=None).application_calls(1, "read").application_calls(2)
    told = told.calls("read", "t1").calls("write", "t1").answers("read", 401, bearer(None, "invalid_token", POINTER))
    told = told.answers("write", 403, bearer("a", "insufficient_scope"))
    found = confirm(told.obtains("a", "t2"), SILENT)
    assert found == []


def test_who_is_shown_metadata_of_another_issuer_need_not_answer() -> None:
    told = story().handshake(refresh=None).application_calls(1).insufficient("b")
    shown = told.then(AuthorizationServerMetadata(OTHER_ISSUER, ("x",)))
    confirm(shown.application_has(1, "failed"), SILENT)
    confirm(told.application_has(1, "failed"), finds("STEP-2", "unspecified", "A21"))


def test_a_call_that_goes_on_may_still_try_its_new_token() -> None:
    told = story().handshake().application_calls(1).insufficient("b").obtains("a b", "t2").served("read", "t2")
    confirm(told, SILENT)
    confirm(told.application_has(1, "failed"), finds("STEP-7", "discouraged"))

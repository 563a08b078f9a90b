"""What the caller configured is used as the client documents it."""

from __future__ import annotations

import pytest

from rulings.expectations import RIGHT, Expected, confirm, finds, rows
from rulings.stories import NEW, OLD, Story, by_itself, story
from scope_model.events import CLIENT_CREDENTIALS, ConfiguredMode
from scope_spec import Revision

Configured = tuple[ConfiguredMode | None, str]

override: Configured = ("override", "mine")
fallback: Configured = ("fallback", "mine")
ceiling: Configured = ("ceiling", "a mine")
unused: Configured = ("none", "mine")
undeclared: Configured = (None, "mine")

AGAINST_A11 = finds("any", "unspecified", "A11")

silent: tuple[str | None, tuple[str, ...]] = (None, ())
listing: tuple[str | None, tuple[str, ...]] = (None, ("p", "q"))
naming: tuple[str | None, tuple[str, ...]] = ("a", ())
both: tuple[str | None, tuple[str, ...]] = ("a", ("a", "p"))

NOT_AS_DOCUMENTED = {
    "an override is not sent": (override, silent, None),
    "an override is not sent, and the metadata is": (override, listing, "p q"),
    "an override is overruled by the challenge": (override, naming, "a"),
    "an override is overruled by the challenge, which the metadata lists": (override, both, "a"),
    "an override is joined to the challenge": (("override", "mine other"), naming, "a mine"),
    "a fallback is not sent": (fallback, silent, None),
    "half of a fallback is sent": (("fallback", "mine other"), silent, "mine"),
    "a ceiling is exceeded for the challenge": (("ceiling", "mine"), naming, "a"),
    "a ceiling is exceeded for the challenge, in part": (("ceiling", "a"), ("a b", ()), "a b"),
    "a ceiling is exceeded for the metadata": (("ceiling", "p"), listing, "p q"),
}

AS_DOCUMENTED = {
    "an override is sent": (override, silent, "mine"),
    "an override is sent in place of the challenge": (override, naming, "mine"),
    "an override is sent in place of the metadata": (override, listing, "mine"),
    "an override is sent with offline_access": (override, silent, "mine offline_access"),
    "a fallback is sent": (fallback, silent, "mine"),
    "a fallback gives way to the challenge": (fallback, naming, "a"),
    "a fallback gives way to the metadata": (fallback, listing, "p q"),
    "a ceiling covers the challenge": (ceiling, naming, "a"),
    "a ceiling cuts the challenge": (("ceiling", "a"), ("a b", ()), "a"),
    "a ceiling cuts the metadata": (("ceiling", "p"), listing, "p"),
    "a ceiling adds nothing": (ceiling, silent, None),
    "what is not used is not sent": (unused, silent, None),
    "what is not used gives way to the challenge": (unused, naming, "a"),
    "what is used nobody knows how is sent": (undeclared, silent, "mine"),
    "what is used nobody knows how is not sent": (undeclared, silent, None),
    "what is used nobody knows how goes before the challenge": (undeclared, naming, "mine"),
    "what is used nobody knows how gives way to the challenge": (undeclared, naming, "a"),
}


def asked(
    configured: Configured,
    served: tuple[str | None, tuple[str, ...]],
    scope: str | None,
    revision: Revision,
    grant_type: str,
) -> Story:
    """A first request of a client whose caller configured scopes."""
    challenged, listed = served
    told = story(revision, grant_type=grant_type, configured=configured).unauthorized(challenged)
    return told.discovers(*listed, by_server=("offline_access",)).obtains(scope, "t1", prompt="consent").served()


@pytest.mark.parametrize("grant_type", ["authorization_code", CLIENT_CREDENTIALS])
@pytest.mark.parametrize("revision", [NEW, OLD])
@pytest.mark.parametrize(("configured", "served", "scope"), rows(NOT_AS_DOCUMENTED))
def test_what_is_not_used_as_documented_is_found_by_the_reading(
    configured: Configured,
    served: tuple[str | None, tuple[str, ...]],
    scope: str | None,
    revision: Revision,
    grant_type: str,
) -> None:
    confirm(asked(configured, served, scope, revision, grant_type), AGAINST_A11)


@pytest.mark.parametrize("grant_type", ["authorization_code", CLIENT_CREDENTIALS])
@pytest.mark.parametrize("revision", [NEW, OLD])
@pytest.mark.parametrize(("configured", "served", "scope"), rows(AS_DOCUMENTED))
def test_what_is_used_as_documented_is_right(
    configured: Configured,
    served: tuple[str | None, tuple[str, ...]],
    scope: str | None,
    revision: Revision,
    grant_type: str,
) -> None:
    confirm(asked(configured, served, scope, revision, grant_type), RIGHT)


LATER = {
    "an override is kept at a step-up": (
        story(configured=override).handshake("mine").insufficient("b").asks("mine"),
        RIGHT,
    ),
    "an override is joined at a step-up": (
        story(configured=override).handshake("mine").step_up("b", "mine b"),
        RIGHT,
    ),
    "a fallback goes before the metadata": (
        story(configured=fallback).unauthorized().discovers("p", "q").asks("mine"),
        finds("any", "unspecified"),
    ),
    "a fallback is kept at a step-up": (
        story(configured=fallback).unauthorized().discovers().obtains("mine", "t1").served().step_up("b", "mine b"),
        RIGHT,
    ),
    "a fallback is dropped at a step-up": (
        story(configured=fallback).unauthorized().discovers().obtains("mine", "t1").served().step_up("b", "b"),
        finds("ACC-1 ACC-2", "discouraged"),
    ),
    "a ceiling ends a step-up": (story(configured=("ceiling", "a")).handshake().insufficient("b").served(), RIGHT),
    "a ceiling is exceeded at a step-up": (
        story(configured=("ceiling", "a")).handshake().step_up("b", "a b"),
        AGAINST_A11,
    ),
    "a ceiling is exceeded at a step-up without a user": (
        story(configured=("ceiling", "a"), grant_type=CLIENT_CREDENTIALS).handshake().step_up("b", "a b"),
        AGAINST_A11,
    ),
    "a ceiling has room for all of the challenge, and half of it is asked for": (
        story(configured=("ceiling", "a b")).unauthorized("a b").discovers().asks("a"),
        finds("CHAL-1 SEL-5", "violates"),
    ),
    "a ceiling has no room for half of the challenge": (
        story(configured=("ceiling", "a")).unauthorized("a b").discovers().asks("a"),
        RIGHT,
    ),
    "a ceiling has room for all of the metadata, and half of it is asked for": (
        story(configured=("ceiling", "p q")).unauthorized().discovers("p", "q").asks("p"),
        finds("SEL-2", "discouraged"),
    ),
    "a ceiling has room for what was asked for before, which is dropped": (
        story(configured=("ceiling", "a b")).handshake().step_up("b", "b"),
        finds("ACC-1 ACC-2", "discouraged"),
    ),
    "a ceiling has no room for what was granted beyond it": (
        story(configured=("ceiling", "a b")).handshake(said="a x").step_up("b", "a b"),
        RIGHT,
    ),
    "a ceiling has no room for offline_access, which is added or not": (
        story(configured=("ceiling", "a b"))
        .unauthorized("a")
        .discovers(by_server=("offline_access",))
        .obtains("a offline_access", "t1", "a", "r1", "consent")
        .served()
        .step_up("b", "a b"),
        RIGHT,
    ),
    "an override leaves room for nothing that no source names": (
        story(configured=override).unauthorized().asks("mine z"),
        finds("SEL-6 SEL-3", "discouraged"),
    ),
    "a fallback leaves room for nothing that no source names": (
        story(configured=fallback).unauthorized("a").asks("a z"),
        finds("SEL-6", "discouraged"),
    ),
    "nothing was configured": (
        story().unauthorized("a").discovers("a", "p").asks("a p"),
        finds("SEL-1", "discouraged"),
    ),
    "nothing was configured, without a user": (
        by_itself().unauthorized("a b").obtains("a", "t1"),
        finds("CHAL-1 SEL-5", "violates"),
    ),
}


@pytest.mark.parametrize(("told", "expected"), rows(LATER))
def test_what_was_configured_counts_beyond_the_first_request(told: Story, expected: Expected) -> None:
    confirm(told, expected)

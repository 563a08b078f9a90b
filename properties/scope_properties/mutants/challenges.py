"""Wrong about challenges: how they are read, and what they mean."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from scope_model.challenges import Challenge, parse_challenges
from scope_model.client import Action, Calling, Client, Failed, Heard, Noted, Step, step
from scope_model.events import ResourceResponse

from .alterations import bearers_of, deaf_where, misreading, reading_challenges
from .mutant import Mutant


def _forbidden_is_insufficient(_: Client, event: Heard) -> Heard:
    if isinstance(event, ResourceResponse) and event.status == 403 and not event.www_authenticate:
        return replace(event, www_authenticate=('Bearer error="insufficient_scope"',))
    return event


def _renews_for_ever(_: Client, __: Heard, after: Client, action: Action) -> Step:
    if isinstance(after.phase, Calling) and after.phase.after == "authorization":
        return replace(after, phase=Calling(after.phase.call)), action
    return after, action


def _swallows(_: Client, event: Heard, after: Client, action: Action) -> Step:
    if isinstance(action, Failed) and isinstance(event, ResourceResponse):
        return after, Noted()
    return after, action


def _reads_the_last_bearer(response: ResourceResponse, read: dict[str, str]) -> None:
    bearers = bearers_of(response)
    if len(bearers) > 1:
        read.clear()
        read.update(bearers[-1].parameters)


def _searches_for_the_error(response: ResourceResponse, read: dict[str, str]) -> None:
    found = re.search(r"error=(\w+)", read.get("error_description", ""))
    if found and response.www_authenticate[0].index("error_desc") < response.www_authenticate[0].find(" error="):
        read["error"] = found[1]


def _searches_from_the_end(_: ResourceResponse, read: dict[str, str]) -> None:
    found = re.search(r"scope=(\w+)", read.get("error_description", ""))
    if found and "scope" in read and list(read)[-1] == "error_description":
        read["scope"] = found[1]


def _reads_the_last_scheme(response: ResourceResponse, read: dict[str, str]) -> None:
    last = parse_challenges(response.www_authenticate)[-1:]
    for challenge in last:
        if isinstance(challenge, Challenge) and not challenge.is_bearer and challenge.get("scope") is not None:
            read["scope"] = challenge.get("scope") or ""


def _any_403_is_a_challenge(response: ResourceResponse, read: dict[str, str]) -> None:
    if response.status == 403 and read.get("error") == "access_denied":
        read["error"] = "insufficient_scope"


def _compares_descriptions(before: Client, event: Heard, after: Client, action: Action) -> Step:
    phase = before.phase
    if not isinstance(phase, Calling) or not isinstance(event, ResourceResponse) or event.status != 401:
        return after, action
    described = any("error_description" in line and "after" in line for line in event.www_authenticate)
    return step(replace(before, phase=Calling(phase.call)), event) if described else (after, action)


MUTANTS: Final = (
    misreading("merging-repeats"),
    misreading("keeping-escapes", also={"STEP-2"}),
    misreading("any-scheme", also={"CHAL-1"}),
    misreading("no-blanks", also={"STEP-2"}),
    misreading("quoted-only", also={"STEP-2"}),
    misreading("case-sensitive", also={"CHAL-1", "SEL-1", "STEP-2"}),
    misreading("first-scheme", also={"CHAL-1", "SEL-1", "STEP-2"}),
    misreading("first-line", also={"STEP-2"}),
    misreading("needing-error", also={"CHAL-1", "ORDER-2", "SEL-1", "STEP-2"}),
    misreading("substring", also={"CHAL-1", "PARSE-3", "PARSE-5", "PARSE-6", "PARSE-9", "STEP-2"}),
    Mutant(
        "bare-403-is-a-challenge",
        "CHAL-7",
        "steps up on a 403 without insufficient_scope",
        alter_event=_forbidden_is_insufficient,
        also={"ACC-3", "CHAL-8", "META-4", "RETRY-1"},
    ),
    Mutant(
        "renews-for-ever",
        "CHAL-8",
        "authorizes again on the 401 that follows an authorization",
        alter_step=_renews_for_ever,
    ),
    Mutant(
        "compares-descriptions",
        "CHAL-8",
        "takes the same rejection in other words for a new one",
        alter_step=_compares_descriptions,
        only_by={"describes=True"},
        also={"RETRY-1", "RETRY-2"},
    ),
    Mutant(
        "one-space",
        "CHAL-1",
        "expects one space after the scheme",
        alter_event=deaf_where("Bearer  "),
        only_by={"spelling=two-spaces"},
        also={"STEP-2"},
    ),
    Mutant(
        "no-empty-values",
        "CHAL-1",
        "reads no challenge that has an empty value",
        alter_event=deaf_where('realm=""'),
        only_by={"spelling=empty-realm"},
        also={"RETRY-2", "STEP-2"},
    ),
    Mutant(
        "padded-token68",
        "PARSE-7",
        "recognises a token68 by the equals signs at its end",
        alter_event=deaf_where("Negotiate [A-Za-z]+,"),
        only_by={"spelling=after-unpadded-token68"},
        also={"STEP-2"},
    ),
    Mutant(
        "last-scheme",
        "PARSE-9",
        "takes the scope of a scheme that comes after Bearer",
        alter_event=reading_challenges(_reads_the_last_scheme),
        only_by={"spelling=before-dpop-with-scope"},
    ),
    Mutant(
        "searches-from-the-end",
        "PARSE-8",
        "takes the last thing in a challenge that looks like a scope for its scope",
        alter_event=reading_challenges(_searches_from_the_end),
        only_by={"spelling=before-decoys"},
    ),
    Mutant(
        "searches-for-the-error",
        "PARSE-8",
        "takes the first thing in a challenge that looks like an error for its error",
        alter_event=reading_challenges(_searches_for_the_error),
        only_by={"spelling=after-an-error-decoy"},
        also={"STEP-2"},
    ),
    Mutant(
        "last-bearer",
        "CHAL-1",
        "answers the last of several Bearer challenges",
        alter_event=reading_challenges(_reads_the_last_bearer),
        only_by={"spelling=before-another-bearer", "spelling=after-another-bearer"},
        also={"META-4", "STEP-2"},
    ),
    Mutant(
        "any-403-is-a-challenge",
        "CHAL-7",
        "steps up on a 403 of another error",
        alter_event=reading_challenges(_any_403_is_a_challenge),
        only_by={"rejects=another_error"},
        also={"RETRY-1"},
    ),
    Mutant(
        "swallows-failures",
        "PARSE-10",
        "gives up without telling the application",
        alter_step=_swallows,
        law_only="what the application is told is not on the wire",
    ),
)

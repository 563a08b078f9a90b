"""Wrong about challenges: how they are read, and what they mean."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from scope_model.client import Action, Calling, Client, Failed, Heard, Noted, Step
from scope_model.events import ResourceResponse

from .alterations import misreading
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


MUTANTS: Final = (
    misreading("merging-repeats"),
    misreading("keeping-escapes", also={"RETRY-3", "SEL-1", "STEP-2"}),
    misreading("any-scheme", also={"RETRY-3"}),
    misreading("no-blanks", also={"CHAL-1", "ORDER-3", "SEL-1", "STEP-2"}),
    misreading("quoted-only", also={"CHAL-1", "SEL-1", "STEP-2"}),
    misreading("case-sensitive", also={"CHAL-1", "SEL-1", "STEP-2"}),
    misreading("first-scheme", also={"CHAL-1", "SEL-1", "STEP-2"}),
    misreading("first-line", also={"CHAL-1", "SEL-1", "STEP-2"}),
    misreading("needing-error", also={"CHAL-1", "OFFLINE-3", "ORDER-3", "SEL-1", "SEL-5", "STEP-2"}),
    misreading(
        "substring",
        also={"CHAL-1", "ORDER-3", "PARSE-3", "PARSE-5", "PARSE-6", "PARSE-9", "RETRY-3", "SEL-1", "STEP-2"},
    ),
    Mutant(
        "bare-403-is-a-challenge",
        "CHAL-7",
        "steps up on a 403 without insufficient_scope",
        alter_event=_forbidden_is_insufficient,
        also={"ACC-3", "META-4"},
    ),
    Mutant(
        "renews-for-ever",
        "CHAL-8",
        "authorizes again on the 401 that follows an authorization",
        alter_step=_renews_for_ever,
    ),
    Mutant(
        "swallows-failures",
        "PARSE-10",
        "gives up without telling the application",
        alter_step=_swallows,
        law_only="what the application is told is not on the wire",
    ),
)

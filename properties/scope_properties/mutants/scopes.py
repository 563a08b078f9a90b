"""Wrong about scopes: their grammar, their order, and what they are compared by."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from scope_model.client import Action, Client
from scope_model.events import AuthorizationRequest
from scope_model.scopes import NO_SCOPES, ScopeSet
from scope_model.selections import Sources, accumulate, chosen_by, granted, requested, with_offline_access

from .alterations import REFERENCE, choosing, misreading, respelling, sending
from .mutant import Mutant


def _configured_by_order(sources: Sources) -> ScopeSet | None:
    named = sources.challenge or NO_SCOPES
    chosen = (REFERENCE.step_up or REFERENCE.select)(sources) or NO_SCOPES
    known = (sources.requested or NO_SCOPES) | (sources.granted or NO_SCOPES)
    adds = list(named) != sorted(named) and not named <= known
    return chosen | (sources.configured or NO_SCOPES) if adds else chosen


def _last_occurrences(sources: Sources) -> ScopeSet | None:
    before = accumulate(requested, granted)(sources) or NO_SCOPES
    new = sources.challenge or NO_SCOPES
    return before - new | new


def _empty_in_place_of_nothing(_: Client, __: Client, action: Action) -> Action:
    return replace(action, scope="") if isinstance(action, AuthorizationRequest) and action.scope is None else action


MUTANTS: Final = (
    Mutant(
        "empty-parameter",
        "SEL-4",
        "sends an empty scope in place of none",
        alter_step=sending(_empty_in_place_of_nothing),
    ),
    Mutant("leading-space", "SEL-4", "starts the scope with a space", alter_step=respelling(lambda text: f" {text}")),
    Mutant(
        "parameter-twice", "SEL-4", "sends the scope parameter twice", alter_step=respelling(lambda text: (text, text))
    ),
    misreading("comma-splitting", also={"ORDER-3", "STEP-2"}),
    misreading("case-folding", also={"CHAL-1", "PARSE-3", "PARSE-5", "PARSE-7", "STEP-2"}),
    Mutant(
        "order-has-a-meaning",
        "ORDER-1",
        "asks for more where a new challenge is not in alphabetical order",
        choosing(step_up=chosen_by(_configured_by_order)),
        law_only="what the caller configured may be asked for at any time",
    ),
    Mutant(
        "reverses",
        "ORDER-3",
        "names scopes in reverse",
        alter_step=respelling(lambda text: " ".join(reversed(text.split()))),
    ),
    Mutant("sorts", "ORDER-3", "sorts scopes", alter_step=respelling(lambda text: " ".join(sorted(text.split())))),
    Mutant(
        "repeats", "ORDER-3", "names a scope twice", alter_step=respelling(lambda text: f"{text} {text.split()[0]}")
    ),
    Mutant(
        "keeps-last-occurrences",
        "ORDER-3",
        "moves repeated scopes to the end",
        choosing(step_up=with_offline_access(chosen_by(_last_occurrences))),
        also={"RETRY-2", "STEP-2"},
    ),
)

"""Wrong about scopes: their grammar, their order, and what they are compared by."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final
from urllib.parse import parse_qs

from scope_model.client import Action, Client
from scope_model.events import AuthorizationRequest, ResourceResponse
from scope_model.scopes import NO_SCOPES, ScopeSet
from scope_model.selections import Sources, accumulate, chosen_by, granted, requested, with_offline_access

from .alterations import (
    REFERENCE,
    choosing,
    misreading,
    reading_challenges,
    reading_each_name,
    reading_names,
    respelling,
    sending,
)
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


_NOTHING: Final = "nothing"


def _marks_an_empty_scope(_: ResourceResponse, read: dict[str, str]) -> None:
    if read.get("scope") == "":
        read["scope"] = _NOTHING


def _asks_for_nothing(_: Client, __: Client, action: Action) -> Action:
    if not isinstance(action, AuthorizationRequest) or not isinstance(action.scope, str):
        return action
    return replace(action, scope=" ".join(name for name in action.scope.split() if name != _NOTHING))


def _unencoded(text: str) -> str:
    return parse_qs(f"scope={text.replace(' ', '%20')}", keep_blank_values=True)["scope"][0]


def _a_name(*kinds: str) -> frozenset[str]:
    return frozenset(f"a name that is or has {kind}" for kind in kinds)


MUTANTS: Final = (
    Mutant(
        "empty-parameter",
        "SEL-4",
        "sends an empty scope in place of none",
        alter_step=sending(_empty_in_place_of_nothing),
    ),
    Mutant(
        "echoes-an-empty-scope",
        "SEL-4",
        "asks for the empty scope that it was challenged for",
        alter_event=reading_challenges(_marks_an_empty_scope),
        alter_step=sending(_asks_for_nothing),
        only_by={"scope=empty"},
        also={"GRANT-1", "GRANT-2", "RETAIN-3", "RETRY-3", "SEL-2", "SEL-3"},
    ),
    Mutant("leading-space", "SEL-4", "starts the scope with a space", alter_step=respelling(lambda text: f" {text}")),
    Mutant(
        "parameter-twice", "SEL-4", "sends the scope parameter twice", alter_step=respelling(lambda text: (text, text))
    ),
    Mutant(
        "shortens-urls",
        "CHAL-1",
        "takes what follows the last slash of a URL for the scope",
        alter_event=reading_each_name(lambda name: re.sub(r"^https://.*/(?=[^/]+$)", "", name)),
        only_by=_a_name("a URL"),
        also={"RETRY-1", "RETRY-2", "SEL-6", "STEP-2", "STEP-7"},
    ),
    Mutant(
        "strips-slashes",
        "CHAL-1",
        "drops the slash at the end of a scope",
        alter_event=reading_each_name(lambda name: name.rstrip("/")),
        only_by=_a_name("a URL with a slash at its end"),
        also={"ACC-3", "ACC-6", "RETRY-1", "RETRY-2", "SEL-6", "STEP-2", "STEP-7"},
    ),
    Mutant(
        "takes-urns-apart",
        "CHAL-1",
        "takes the last part of a URN for the scope",
        alter_event=reading_each_name(lambda name: name.rpartition(":")[2] if name.startswith("urn:") else name),
        only_by=_a_name("a URN"),
        also={"STEP-2"},
    ),
    Mutant(
        "folds-urls",
        "ORDER-2",
        "folds the case of scopes that look like URLs",
        alter_event=reading_each_name(lambda name: name.lower() if "://" in name else name),
        only_by=_a_name("an api:// name with capitals"),
        also={"STEP-2"},
    ),
    Mutant(
        "unencoded",
        "CHAL-1",
        "writes scopes into the URL as they are",
        alter_step=respelling(_unencoded),
        only_by=_a_name("punctuation"),
        also={"GRANT-1", "OFFLINE-3", "ORDER-2", "PARSE-3", "PARSE-7", "RETRY-3", "SEL-2", "SEL-6", "SEL-7", "STEP-2"},
    ),
    Mutant(
        "cuts-long-names",
        "CHAL-1",
        "keeps 64 characters of a scope",
        alter_event=reading_each_name(lambda name: name[:64]),
        only_by=_a_name("a hundred characters"),
        also={"SEL-6", "STEP-2"},
    ),
    Mutant(
        "two-at-most",
        "CHAL-1",
        "asks for the first two challenged scopes",
        alter_event=reading_names(lambda names: names[:2]),
        only_by={"a challenge of 3 scopes"},
        also={"STEP-2", "STEP-5"},
    ),
    Mutant(
        "sixteen-at-most",
        "CHAL-1",
        "asks for the first sixteen challenged scopes",
        alter_event=reading_names(lambda names: names[:16]),
        only_by={"a challenge of 30 scopes"},
        also={"STEP-2", "STEP-5"},
    ),
    misreading("comma-splitting", also={"STEP-2"}),
    misreading("case-folding", only_by=_a_name("a capital"), also={"CHAL-1", "PARSE-3", "PARSE-7", "STEP-2"}),
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
        also={"STEP-2"},
    ),
)

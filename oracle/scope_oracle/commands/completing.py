"""What a shell completes: the names that there are of clients, clauses, readings and whatever else a word may be.

click asks for it; `_SCOPELAW_COMPLETE=bash_source scopelaw` prints what a shell is to source (zsh and fish, likewise).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import click
from click.shell_completion import CompletionItem

from scope_oracle.releases import NAMED
from scope_oracle.selecting import FAMILIES, SELECTABLE
from scope_oracle.subjects import BUILT, MODEL, catalogue
from scope_properties.laws import LAWS
from scope_properties.mutants import MUTANTS
from scope_spec import CLAUSES, READINGS, VERDICTS

Completing = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]
"""What click asks: the words that begin so, each with what a shell may say of it."""


def words(known: Iterable[str]) -> Completing:
    """Complete one of some words."""

    def complete(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
        return _beginning(begun, ((word, None) for word in known))

    return complete


def _beginning(begun: str, known: Iterable[tuple[str, str | None]]) -> list[CompletionItem]:
    start = begun.casefold()
    return [CompletionItem(name, help=says) for name, says in known if name.casefold().startswith(start)]


RELEASED = words(BUILT)


def subject(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    """Complete the name of a client, its settings among them."""
    policies = ((name, policy.says) for name, policy in NAMED.items())
    return _beginning(begun, [(MODEL, "the reference model"), *catalogue.listed(), *policies])


def readings(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    """Complete NAME=VALUE."""
    choices = ((reading.name, value) for reading in READINGS.values() for value in reading.alternatives)
    return _beginning(begun, ((f"{name}={value.value}", value.says) for name, value in choices))


def selections(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    """Complete the last of some names with commas."""
    before, comma, last = begun.rpartition(",")
    says = {**{name: clause.title for name, clause in CLAUSES.items()}, **dict.fromkeys((*FAMILIES, *VERDICTS))}
    return [
        CompletionItem(f"{before}{comma}{item.value}", help=item.help)
        for item in _beginning(last, ((name, says[name]) for name in SELECTABLE))
    ]


def explained(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    """Complete the name of anything that can be explained."""
    known = [(name, clause.title) for name, clause in CLAUSES.items()]
    known += [(name, ", ".join(each.values)) for each in READINGS.values() for name in (each.id, each.name)]
    known += [(name, each.says) for kind in (NAMED, LAWS, MUTANTS) for name, each in kind.items()]
    return _beginning(begun, [*known, *catalogue.listed()])

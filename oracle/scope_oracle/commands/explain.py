"""`scopelaw explain`: say all that is known of a rule."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import click
from rich.text import Text

from scope_oracle import checking, explaining, reporting, terminal, vectors
from scope_oracle.releases import NAMED
from scope_oracle.subjects import catalogue, sdk_of
from scope_properties.laws import LAWS
from scope_properties.mutants import MUTANTS
from scope_spec import CLAUSES, READINGS

from . import completing
from .failing import Unusable, unknown
from .options import READING_NAMES, READINGS_BY_NAME, example
from .output import console
from .progress import showing

_FEW_EXAMPLES: Final = 200
"""Enough to break a mutant for an explanation, which nobody wants to wait for."""


@click.command(
    short_help="Say all that is known of a rule.",
    epilog=example("scopelaw explain", "scopelaw explain ACC-1", "scopelaw explain --finding mine.json#1"),
)
@click.argument("name", metavar="[ID]", required=False, shell_complete=completing.explained)
@click.option(
    "--finding",
    metavar="FILE#N",
    type=click.Path(readable=False),  # a shell completes the file
    help="Print a finding of a JSON result as Markdown, for an issue.",
)
def explain(*, name: str | None, finding: str | None) -> None:
    """Say all that is known of a clause, reading, policy, law, mutant or client; without ID, list them all.

    CLAUSE/cause, as a finding is named, stands for its clause. A --finding of a result that check --format json printed
    is FILE#N, from 1, or FILE#CLAUSE/cause.
    """
    if finding is not None:
        if name is not None:
            raise click.UsageError(f"one thing is explained, so {name} and a --finding do not go together")
        click.echo(reporting.issue_named(finding), nl=False)
        return
    out = console()
    if name is None:
        terminal.show(out, _everything())
        return
    known = {each.casefold(): each for kind in _KINDS for each in kind.names()}
    wanted = name.partition("/")[0].casefold()
    if wanted not in known:
        raise Unusable(unknown("name", name, known.values()))
    for kind in _KINDS:
        for each in kind.names():
            if each.casefold() == wanted:
                terminal.show(out, kind.explain(each, out.width))


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of thing that can be explained: what there is of it, by names, and how it is told."""

    title: str
    names: Callable[[], Iterable[str]]
    listed: Callable[[], Iterable[tuple[str, str]]]
    explain: Callable[[str, int], Iterable[Text]]


def _clause(name: str, width: int) -> Iterator[Text]:
    clause = CLAUSES[name]
    notes = list(explaining.clause_notes(clause))
    notes += [("laws", f"{law.name}: {law.says}") for law in LAWS.values() if name in law.clauses]
    mutants = [mutant for mutant in MUTANTS.values() if mutant.clause == name]
    notes += [("mutants", f"{mutant.name}: {mutant.says}") for mutant in mutants]
    yield from terminal.explanation_text(name, clause.title, notes, width)
    yield from vectors.clause_text(name, width)


def _killed(mutant: str, clause: str, width: int) -> Iterator[Text]:
    """The shortest trace that shows a mutant break the clause that it is made to break."""
    with showing() as progress:
        result = checking.check(MUTANTS[mutant].subject, examples=_FEW_EXAMPLES, progress=progress)
    for broken in result.broken:
        if broken.finding.clause == clause:
            yield Text()
            yield Text("An example that breaks it:", style="bold")
            yield from terminal.finding_text(broken.finding, broken.transcript, readings={}, replay=None, width=width)
            return


def _reading(name: str, width: int) -> Iterator[Text]:
    reading = READINGS_BY_NAME[name.casefold()]
    yield from terminal.explanation_text(reading.id, reading.name, explaining.reading_notes(reading), width)
    yield from vectors.reading_text(reading.id, width)


def _policy(name: str, width: int) -> Iterator[Text]:
    return terminal.explanation_text(name, "a policy", explaining.policy_notes(NAMED[name]), width)


def _law(name: str, width: int) -> Iterator[Text]:
    law = LAWS[name]
    clauses = [("clauses", f"{id_} {CLAUSES[id_].title}") for id_ in law.clauses]
    return terminal.explanation_text(name, "a law", [("says", law.says), *clauses], width)


def _mutant(name: str, width: int) -> Iterator[Text]:
    mutant = MUTANTS[name]
    notes = [("says", mutant.says)]
    if mutant.clause in CLAUSES:  # some break a law that states no clause
        notes.append(("killed by", f"{mutant.clause} {CLAUSES[mutant.clause].title}"))
    if mutant.law_only is not None:
        notes.append(("by a law", mutant.law_only))
    yield from terminal.explanation_text(name, "a mutant", notes, width)
    if mutant.law_only is None:
        yield from _killed(name, mutant.clause, width)


def _client(name: str, width: int) -> Iterator[Text]:
    title = "a client" if sdk_of(name) == name else "a client with a setting"
    return terminal.explanation_text(name, title, catalogue.notes(name), width)


_KINDS: Final = (
    _Kind("Clauses", lambda: CLAUSES, lambda: ((id_, each.title) for id_, each in CLAUSES.items()), _clause),
    _Kind(
        "Readings",
        lambda: (*READINGS, *READING_NAMES),
        lambda: ((id_, f"{each.name}: {', '.join(each.values)}") for id_, each in READINGS.items()),
        _reading,
    ),
    _Kind("Policies", lambda: NAMED, lambda: ((name, each.says) for name, each in NAMED.items()), _policy),
    _Kind("Laws", lambda: LAWS, lambda: ((name, each.says) for name, each in LAWS.items()), _law),
    _Kind("Mutants", lambda: MUTANTS, lambda: ((name, each.says) for name, each in MUTANTS.items()), _mutant),
    _Kind("Clients", catalogue.names, catalogue.listed, _client),
)


def _everything() -> Iterator[Text]:
    for at, kind in enumerate(_KINDS):
        listed = list(kind.listed())
        if not listed:
            continue
        if at:
            yield Text()
        yield Text(kind.title, style="bold")
        column = max(len(name) for name, _ in listed)
        yield from (Text(f"  {name:<{column}}  {says}") for name, says in listed)

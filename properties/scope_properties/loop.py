"""The closed loop: for each clause what keeps it, in the model, the judge, the laws, the mutants and the vectors.

`python -m scope_properties.loop` writes the table beside this file; the tests fail where it is not current, or
where a cell is blank that nothing explains.
"""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Final

from scope_judge.blame import EXPLANATIONS
from scope_judge.clauses import BOOK
from scope_judge.judge import judged
from scope_judge.misreadings import MISREADINGS
from scope_model.client import Illegal
from scope_spec import CLAUSES, REVISIONS, Clause

from .episodes import Episode
from .laws import LAWS, broken_by
from .machine import UNEXPECTED_EVENTS
from .model_subject import ModelSession, ModelSubject, Transition
from .mutants import MUTANTS, Mutant
from .runs import Run
from .sampling import sample
from .tables import USER_DELEGATED, WITHOUT_A_USER

TABLE: Final = Path(__file__).with_name("loop.md")
_VECTORS: Final = "../../spec/scope_spec/vectors"
_EXAMPLES: Final = 4_000
_KILLING: Final = 300
_DISTURBED: Final = 12


@dataclass(frozen=True, slots=True)
class Row:
    """One clause, and what keeps it: a blank list is explained by `why`."""

    clause: Clause
    functions: tuple[str, ...]
    judges: tuple[str, ...]
    laws: tuple[str, ...]
    mutants: tuple[str, ...]
    vector: str | None
    reached: int
    why: str | None


def rows() -> list[Row]:
    """The table, in the order of the catalogue."""
    functions, judges, vectors, reached = _functions(), _judges(), _vectors(), reach()
    return [
        Row(
            clause,
            functions.get(name, ()),
            judges.get(name, ()),
            tuple(law.name for law in LAWS.values() if name in law.clauses),
            tuple(mutant.name for mutant in MUTANTS.values() if mutant.clause == name),
            vectors.get(name),
            reached[name],
            _why(clause),
        )
        for name, clause in CLAUSES.items()
    ]


def _why(clause: Clause) -> str | None:
    if clause.excluded is not None:
        return f"excluded: {clause.excluded}"
    if clause.unjudged is not None:
        return f"kept by laws alone: {clause.unjudged}"
    return None


# --- what the model says of itself ----------------------------------------------------------------

_IDS: Final = re.compile(r"\b([A-Z]+)-(\d+)([ab]?)(?: to \1-(\d+))?")


def _functions() -> dict[str, tuple[str, ...]]:
    """For each clause the functions and methods of the model whose docstrings name it."""
    found: dict[str, list[str]] = {}
    for module in sorted(files("scope_model").iterdir(), key=lambda entry: entry.name):
        if module.name.endswith(".py"):
            for name, doc in _docstrings(ast.parse(module.read_text()), module.name[:-3]):
                for clause in clauses_in(doc):
                    found.setdefault(clause, []).append(name)
    return {clause: tuple(dict.fromkeys(names)) for clause, names in found.items()}


def _docstrings(tree: ast.Module, module: str) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield f"{module}.{node.name}", ast.get_docstring(node) or ""


def clauses_in(text: str) -> Iterator[str]:
    """The clause ids that a text names, ranges such as `SEL-1 to SEL-3` written out."""
    for family, first, letter, last in _IDS.findall(text):
        for number in range(int(first), int(last or first) + 1):
            if (name := f"{family}-{number}{letter}") in CLAUSES:
                yield name


# --- what judges it, and what shows it -------------------------------------------------------------


def _judges() -> dict[str, tuple[str, ...]]:
    """For each clause the functions of the judge that answer for it, and what else a finding is explained by."""
    found: dict[str, list[str]] = {}
    for entry in BOOK:
        for clause in entry.ids:
            found.setdefault(clause, []).append(_name(entry.judges))
    for explanation in EXPLANATIONS:
        found.setdefault(explanation.clause, []).append(_name(explanation.shows))
    for misreading in MISREADINGS:
        found.setdefault(misreading.clause, []).append(f"misreadings.{misreading.name}")
    return {clause: tuple(dict.fromkeys(names)) for clause, names in found.items()}


def _name(function: Callable[..., object]) -> str:
    return f"{function.__module__.rpartition('.')[2]}.{function.__name__}"


def _vectors() -> dict[str, str]:
    """For each clause the file of the transcript that breaks it."""
    index = json.loads(files("scope_spec").joinpath("vectors/index.json").read_text("utf-8"))
    return {record["clause"]: record["breaks"] for record in index["clauses"]}


# --- what a run reaches and kills -----------------------------------------------------------------


@cache
def _sample(grant_types: tuple[str, ...], examples: int) -> tuple[Episode, ...]:
    """The episodes of the fixed runs."""
    return tuple(islice(sample(11, grant_types=grant_types), examples))


@cache
def reach() -> Counter[str]:
    """How often each clause applied to the reference in a fixed run; a law counts for what it alone keeps."""
    clauses: Counter[str] = Counter()
    laws: Counter[str] = Counter()
    for grant_types in (USER_DELEGATED, WITHOUT_A_USER):
        for at, episode in enumerate(_sample(grant_types, _EXAMPLES)):
            run = Run(episode.plan, ModelSubject())
            run.play(*episode.steps)
            clauses.update(judged(run.transcript).reached)
            if at < _KILLING:
                for moved in _transitions(run):
                    broken_by(moved, laws)
    for law in LAWS.values():
        for name in law.clauses:
            if CLAUSES[name].unjudged is not None:
                clauses[name] += laws[law.name]
    return clauses


def _transitions(run: Run) -> list[Transition]:
    return run.session.transitions if isinstance(run.session, ModelSession) else []


@cache
def kills_of(name: str) -> tuple[frozenset[str], frozenset[str]]:
    """The laws that a mutant breaks in a fixed run: all of them, and those that are first to break in an episode."""
    mutant = MUTANTS[name]
    every: set[str] = set()
    first: set[str] = set()
    for at, episode in enumerate(_sample(mutant.grant_types, _KILLING)):
        run = Run(episode.plan, mutant.subject)
        run.play(*episode.steps)
        transitions = _transitions(run)
        if at < _DISTURBED:
            transitions = [*transitions, *_disturbed(mutant, transitions)]
        broken = [names for moved in transitions if (names := broken_by(moved))]
        every.update(*broken)
        first.update(*broken[:1])
    return frozenset(every), frozenset(first)


def _disturbed(mutant: Mutant, transitions: list[Transition]) -> Iterator[Transition]:
    """What a mutant does about events that have no place."""
    for moved in transitions:
        for event in UNEXPECTED_EVENTS:
            after, action = mutant.step(moved.before, event)
            if isinstance(action, Illegal):
                yield Transition(moved.before, event, after, action, mutant.step)


# --- the table ------------------------------------------------------------------------------------


def magnitude(count: int) -> str:
    """A count as a power of ten: what a run reaches is told by its size, not to the last unit."""
    return "0" if count == 0 else f"{10 ** (len(str(count)) - 1)}+"


def render(table: list[Row]) -> str:
    """The table in Markdown."""
    lines = [
        "# The closed loop",
        "",
        "Generated by `python -m scope_properties.loop`. For each clause: what breaking it means, the functions of",
        "the model that name it, the functions and misreadings by which the judge finds it broken, the laws that state",
        "it, the mutants that it must catch, the vector that breaks it, and how often it applied in a fixed run of",
        f" {2 * _EXAMPLES} episodes of the reference client. Revisions by their last digits:",
        ", ".join(f"{_short(revision)} is {revision}" for revision in REVISIONS) + ".",
        "",
        "| clause | breaking it | revisions | model | judge | laws | mutants | vector | reached |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in table:
        clause = row.clause
        revisions = " ".join(map(_short, clause.revisions))
        if clause.excluded is not None:
            lines.append(f"| {clause.id} | {clause.verdict} | {revisions} | {row.why} | – | – | – | – | – |")
            continue
        mutants = ", ".join(row.mutants) or f"({row.why})"
        cells = (
            clause.id,
            clause.verdict,
            revisions,
            ", ".join(f"`{name}`" for name in row.functions) or f"({row.why})",
            ", ".join(f"`{name}`" for name in row.judges) or f"({row.why})",
            ", ".join(row.laws) or f"({row.why})",
            mutants,
            f"({row.why})" if row.vector is None else f"[{clause.id}]({_VECTORS}/{row.vector})",
            magnitude(row.reached),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _short(revision: str) -> str:
    return revision[5:7]


if __name__ == "__main__":
    TABLE.write_text(render(rows()))

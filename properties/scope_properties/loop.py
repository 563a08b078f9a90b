"""The closed loop: for each clause the functions, laws, mutants and vector, and how often it was reached.

`python -m scope_properties.loop` writes the table beside this file; the tests fail where it is not current, or
where a cell is blank that nothing explains.
"""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import chain, islice
from pathlib import Path
from typing import Final

from scope_judge.blame import EXPLANATIONS
from scope_judge.clauses import BOOK
from scope_judge.judge import judged
from scope_judge.misreadings import MISREADINGS
from scope_spec import CLAUSES, REVISIONS, Clause

from .laws import LAWS, broken_by
from .model_subject import ModelSubject, transitions_of
from .mutants import MUTANTS
from .runs import Run
from .sampling import sample
from .tables import USER_DELEGATED, WITHOUT_A_USER

TABLE: Final = Path(__file__).with_name("loop.md")
_VECTORS: Final = "../../spec/scope_spec/vectors"
_EXAMPLES: Final = 4_000
_OF_LAWS: Final = 300


@dataclass(frozen=True, slots=True)
class Row:
    """One clause, and what keeps it: a blank list is explained by `why`."""

    clause: Clause
    model: tuple[str, ...]
    judge: tuple[str, ...]
    laws: tuple[str, ...]
    mutants: tuple[str, ...]
    vector: str | None
    reached: int
    why: str | None


def rows() -> list[Row]:
    """The table, in the order of the catalogue."""
    model, judge, vectors, reached = _model(), _judge(), _vectors(), reach()
    return [
        Row(
            clause,
            model.get(name, ()),
            judge.get(name, ()),
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


# --- which functions keep a clause ----------------------------------------------------------------

_IDS: Final = re.compile(r"\b([A-Z]+)-(\d+)([ab]?)(?: to \1-(\d+))?")


def _model() -> dict[str, tuple[str, ...]]:
    """For each clause the functions of the model whose docstrings name it."""
    modules = sorted(Path(entry.name).stem for entry in files("scope_model").iterdir() if entry.name.endswith(".py"))
    return _by_clause(
        (clause, name)
        for module in modules
        for name, doc in _docstrings(ast.parse((files("scope_model") / f"{module}.py").read_text("utf-8")), module)
        for clause in clauses_in(doc)
    )


def _judge() -> dict[str, tuple[str, ...]]:
    """For each clause the functions of the judge that answer for it, and what a finding of it is explained by."""
    answers = ((clause, _name(entry.judges)) for entry in BOOK for clause in entry.ids)
    explanations = ((known.clause, _name(known.shows)) for known in EXPLANATIONS)
    misreadings = ((wrong.clause, f"misreadings.{wrong.name}") for wrong in MISREADINGS)
    return _by_clause(chain(answers, explanations, misreadings))


def _by_clause(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for clause, name in pairs:
        found.setdefault(clause, {}).setdefault(name)
    return {clause: tuple(names) for clause, names in found.items()}


def _name(function: Callable[..., object]) -> str:
    return f"{function.__module__.rpartition('.')[2]}.{function.__name__}"


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


def _vectors() -> dict[str, str]:
    """For each clause the file of the transcript that breaks it."""
    index = json.loads(files("scope_spec").joinpath("vectors/index.json").read_text("utf-8"))
    return {record["clause"]: record["breaks"] for record in index["clauses"]}


# --- what a run reaches --------------------------------------------------------------------------


@cache
def reach() -> Counter[str]:
    """How often each clause applied to the reference in a fixed run; a law counts for what it alone keeps."""
    clauses: Counter[str] = Counter()
    laws: Counter[str] = Counter()
    for grant_types in (USER_DELEGATED, WITHOUT_A_USER):
        for at, episode in enumerate(islice(sample(11, grant_types=grant_types), _EXAMPLES)):
            run = Run(episode.plan, ModelSubject())
            run.play(*episode.steps)
            clauses.update(judged(run.transcript).reached)
            if at < _OF_LAWS:
                for transition in transitions_of(run.session):
                    broken_by(transition, laws)
    for law in LAWS.values():
        for name in law.clauses:
            if CLAUSES[name].unjudged is not None:
                clauses[name] += laws[law.name]
    return clauses


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
        "the model and of the judge that keep it, the laws that state it, the mutants that it must catch, the vector",
        f"that breaks it, and how often it applied in a fixed run of {2 * _EXAMPLES} episodes of the reference client.",
        "Revisions by their last digits:",
        ", ".join(f"{_short(revision)} is {revision}" for revision in REVISIONS) + ".",
        "",
        "| clause | breaking it | revisions | model | judge | laws | mutants | vector | reached |",
        "|---|---|---|---|---|---|---|---|---|",
        *(f"| {' | '.join(_cells(row))} |" for row in table),
    ]
    return "\n".join(lines) + "\n"


def _cells(row: Row) -> tuple[str, ...]:
    clause, why = row.clause, "–" if row.why is None else f"({row.why})"
    about = (clause.id, clause.verdict, " ".join(map(_short, clause.revisions)))
    if clause.excluded is not None:
        return (*about, why, "–", "–", "–", "–", "–")
    functions = (", ".join(f"`{name}`" for name in names) or why for names in (row.model, row.judge))
    kept = (", ".join(row.laws) or why, ", ".join(row.mutants) or why)
    vector = why if row.vector is None else f"[{clause.id}]({_VECTORS}/{row.vector})"
    return (*about, *functions, *kept, vector, magnitude(row.reached))


def _short(revision: str) -> str:
    return revision[5:7]


if __name__ == "__main__":
    TABLE.write_text(render(rows()))

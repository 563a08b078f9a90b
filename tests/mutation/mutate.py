"""Whether a test notices that the model is wrong: `python tests/mutation/mutate.py [MODULE …]`.

Each small edit of a module is tried by the model's own tests, and by its laws and the judge on a few hundred
episodes. It is killed where one fails, and survives where none does: those that may are in survivors.toml, each
with its reason. `--check` ends with 1 where an edit survives that is not listed, or one is killed that is.
"""

from __future__ import annotations

import argparse
import ast
import os
import signal
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from itertools import islice
from multiprocessing import get_context
from multiprocessing.pool import Pool
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

import hypothesis.stateful  # noqa: F401 - loaded once, for every attempt
import pytest
from edits import Edit, edits

TESTS: Final = Path(__file__).parents[1]
MODULES: Final = ("scopes", "challenges", "spellings", "selections", "policies", "client", "servers")
BROADER: Final = (
    *(f"test_{module}.py" for module in MODULES),
    "test_chapters.py",
    "test_machine.py::test_the_reference_passes",
    "test_mutants.py::test_the_reference_breaks_no_clause_and_no_law",
)
"""What tries an edit that the tests of its own module let pass."""

SECONDS: Final = 120
"""An attempt that takes longer never ends: it is killed."""

show = partial(print, flush=True)


def path_of(module: str) -> Path:
    """The file of one of the model's modules."""
    return TESTS.parent / "model" / "scope_model" / f"{module}.py"


def survives(attempt: tuple[Edit, str]) -> bool:
    """Whether no test notices an edit; to be asked in a process that has not loaded the model yet."""
    edit, source = attempt
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, sys.stdout.fileno())
    os.dup2(silence, sys.stderr.fileno())
    signal.signal(signal.SIGALRM, _it_never_ends)
    signal.alarm(SECONDS)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.environ.pop("PYTEST_ADDOPTS", None)  # what the run around this one was given, such as --cov, is not ours
    try:
        _load(edit.module, source)
    except Exception:  # noqa: BLE001 - whatever an edit may raise
        return False
    own = f"test_{edit.module}.py"
    return all(_pass(tests) for tests in ([own], [test for test in BROADER if test != own]))


def _load(module: str, source: str) -> None:
    """Put a module with this source in the place of the model's."""
    name = f"scope_model.{module}"
    spec = spec_from_file_location(name, path_of(module))
    assert spec is not None
    edited = sys.modules[name] = module_from_spec(spec)
    exec(compile(source, path_of(module), "exec"), vars(edited))  # noqa: S102 - our own, edited
    setattr(import_module("scope_model"), module, edited)


def _pass(tests: Sequence[str]) -> bool:
    # The limit of a test is that of a whole edit here: with the plugin its option is known, and 0 is none.
    limits = ("-p", "pytest_timeout", "-o", "timeout=0")
    options = ("-x", "-q", "-o", "addopts=", "-W", "ignore::SyntaxWarning", "-p", "no:cacheprovider", *limits)
    return pytest.main([*options, *(str(TESTS / test) for test in tests)]) == pytest.ExitCode.OK


def _it_never_ends(_: int, __: FrameType | None) -> NoReturn:
    raise TimeoutError


def outcomes(pool: Pool, module: str, part: int, parts: int) -> Iterator[tuple[Edit, bool]]:
    """Every `parts`-th edit of a module from the `part`-th on, and whether it survives."""
    every = edits(module, path_of(module).read_text("utf-8"))
    chosen = [(edit, ast.unparse(tree)) for edit, tree in islice(every, part - 1, None, parts)]
    for at, survived in enumerate(pool.imap(survives, chosen)):
        if sys.stderr.isatty():
            show(f"{module}: {at + 1} of {len(chosen)} \r", end="", file=sys.stderr)
        yield chosen[at][0], survived


def listed() -> Mapping[Edit, str]:
    """The edits that may survive, and why."""
    modules = tomllib.loads(Path(__file__).with_name("survivors.toml").read_text("utf-8"))
    entries = ((module, entry) for module, found in modules.items() for entry in found)
    return {Edit(module, **entry): because for module, entry in entries if (because := entry.pop("because"))}


def main() -> int:
    """Try the edits of the modules that are named, or of all; print a row a module, and what is not as listed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=f"of {', '.join(MODULES)}")
    parser.add_argument("--part", default="1/1", metavar="K/N", help="try every N-th edit, from the K-th on")
    parser.add_argument("--check", action="store_true", help="end with 1 where the list of survivors is wrong")
    options = parser.parse_args()
    part, parts = map(int, options.part.split("/"))
    known, wrong = listed(), 0
    with get_context("fork").Pool(maxtasksperchild=1) as pool:
        if not pool.apply(survives, ((Edit("scopes", "", "none", "", ""), path_of("scopes").read_text("utf-8")),)):
            raise SystemExit("the tests fail on the model as it is")
        show(f"{'module':12}{'edits':>7}{'killed':>8}{'survived':>10}")
        for module in options.modules or MODULES:
            tried = survived = 0
            for edit, lives in outcomes(pool, module, part, parts):
                tried, survived = tried + 1, survived + lives
                if lives != (edit in known):
                    wrong += 1
                    show(f"  {'survived' if lives else 'killed, but listed'}: {edit}")
            show(f"{module:12}{tried:7}{tried - survived:8}{survived:10}")
    return 1 if options.check and wrong else 0


if __name__ == "__main__":
    sys.exit(main())

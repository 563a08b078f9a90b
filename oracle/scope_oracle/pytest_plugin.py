"""The pytest plugin: a fixture that checks a client, options for it, and an item a clause where a module asks for it.

It needs no configuration. A test takes the fixture::

    def test_scopes(scopelaw):
        scopelaw.check(from_httpx_auth(make_auth)).raise_for_findings()

or a module gives a subject by the name of `scopelaw_subject`, and takes a `scopelaw_clause`: one item a clause::

    scopelaw_subject = from_httpx_auth(make_auth)

    def test_clause(scopelaw_clause):
        scopelaw_clause.raise_for_findings()

For annotations, the one is a `Scopelaw` and the other an `OfOneClause`, both of this module.
"""

from __future__ import annotations

import json
from argparse import ArgumentTypeError
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Final, Protocol, cast

import pytest

if TYPE_CHECKING:
    from scope_properties.subjects import Subject
    from scope_spec import Verdict

    from .expecting import Expected
    from .testing import Checked

__all__ = ["OfOneClause", "Scopelaw"]

_SUBJECT: Final = "scopelaw_subject"
_CLAUSE: Final = "scopelaw_clause"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take how much is to be run, from which seed, and where the results go."""
    group = parser.getgroup("scopelaw")
    group.addoption(
        "--scopelaw-examples",
        type=_count,
        metavar="N",
        help="How many episodes each check runs (300 where a test says none).",
    )
    group.addoption("--scopelaw-seed", type=int, default=0, metavar="N", help="The seed of each check.")
    group.addoption(
        "--scopelaw-report", type=_writable, metavar="FILE", help="Add the results to this file, a line each."
    )
    group.addoption(
        "--scopelaw-expect", type=_expected, metavar="FILE", help="TOML: the findings that are known, and why."
    )


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is no number of episodes")
    return int(text)


def _writable(text: str) -> Path:
    """A file to add to; whatever cannot be one is refused before anything is run."""
    try:
        Path(text).open("a", encoding="utf-8").close()
    except OSError as wrong:
        raise ArgumentTypeError(f"cannot write {text!r}: {(wrong.strerror or str(wrong)).lower()}") from None
    return Path(text)


class _Check(Protocol):
    def __call__(self, subject: Subject | str, **options: object) -> Checked:
        """As `scope_oracle.check`."""


def _expected(text: str) -> tuple[Expected, ...]:
    from .expecting import BadExpectation, read_expected  # noqa: PLC0415 - late, see below

    try:
        return read_expected(Path(text))
    except BadExpectation as wrong:
        raise ArgumentTypeError(str(wrong)) from None


@dataclass(slots=True)
class Scopelaw:
    """Checks with the options that pytest was started with; what a test says itself goes before them."""

    examples: int | None
    seed: int
    report: Path | None
    command: tuple[str, ...]
    expect: tuple[Expected, ...] = ()
    done: list[Checked] = field(default_factory=list)

    def check(self, subject: Subject | str, **options: object) -> Checked:
        """Put a client through generated episodes; takes what `scope_oracle.check` takes."""
        __tracebackhide__ = True
        # Late, so that whoever has scopelaw installed and does not use it pays nothing for the plugin.
        from .testing import check  # noqa: PLC0415

        began = monotonic()
        given: dict[str, object] = {"seed": self.seed, "expect": self.expect}
        if self.examples is not None:
            given["examples"] = self.examples
        run = cast("_Check", check)  # its options are its own to check
        checked = run(subject, **(given | options))
        self.done.append(checked)
        if self.report is not None:
            self._write(self.report, checked, began)
        return checked

    def _write(self, report: Path, checked: Checked, began: float) -> None:
        from .forms import Ran, result_json  # noqa: PLC0415
        from .sources import named_in  # noqa: PLC0415

        ran, result = Ran.since(began, *self.command), checked.result
        named = None if isinstance(checked.subject, str) else named_in(checked.subject)
        if named is not None:  # as on the command line, so that the command of a report is one that can be run
            result = replace(result, subject=":".join(named))
        line = json.dumps(result_json(result, readings=checked.readings, met=checked.met, ran=ran))
        with report.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")


@pytest.fixture(scope="session")
def scopelaw(pytestconfig: pytest.Config) -> Scopelaw:
    """Check a client, with the options of this run: `scopelaw.check(subject).raise_for_findings()`."""
    options = pytestconfig.option
    command = ("pytest", *map(str, pytestconfig.invocation_params.args))
    expect = options.scopelaw_expect or ()
    return Scopelaw(options.scopelaw_examples, options.scopelaw_seed, options.scopelaw_report, command, expect)


@dataclass(frozen=True, slots=True)
class OfOneClause:
    """What a check says of one clause, and of what is expected of it."""

    clause: str
    checked: Checked

    def raise_for_findings(self, fail_on: Verdict = "discouraged") -> None:
        """Raise Findings where this clause is broken, or no longer is; skip the test where nothing came to it."""
        __tracebackhide__ = True  # pytest shows the test, and the exchange
        result = self.checked.result
        broken = tuple(each for each in result.broken if each.finding.clause == self.clause)
        gone = tuple(each for each in self.checked.met.gone if each.clause == self.clause)
        if not broken and not gone and not result.reached.get(self.clause):
            pytest.skip("not reached")
        new = tuple(each for each in self.checked.met.new if each.finding.clause == self.clause)
        one = replace(self.checked, met=replace(self.checked.met, new=new, gone=gone))
        one.raise_for_findings(fail_on)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One item a clause, for a test that takes a clause."""
    if _CLAUSE in metafunc.fixturenames:
        from scope_spec import REVISIONS  # noqa: PLC0415

        from .reaching import judged_at  # noqa: PLC0415

        ids = [clause.id for clause in judged_at(REVISIONS[-1])]
        metafunc.parametrize(_CLAUSE, ids, indirect=True)


@pytest.fixture(scope="module")
def _scopelaw_checked(request: pytest.FixtureRequest, scopelaw: Scopelaw) -> Checked:
    subject = getattr(request.module, _SUBJECT, None)
    if subject is None:
        pytest.fail(f"a module with a test of {_CLAUSE} gives the client to check as {_SUBJECT}", pytrace=False)
    return scopelaw.check(subject)


@pytest.fixture
def scopelaw_clause(request: pytest.FixtureRequest, _scopelaw_checked: Checked) -> OfOneClause:
    """One clause of the check of the module's `scopelaw_subject`: `scopelaw_clause.raise_for_findings()`."""
    clause: str = request.param
    return OfOneClause(clause, _scopelaw_checked)

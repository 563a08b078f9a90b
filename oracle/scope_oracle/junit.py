"""Reports as JUnit XML: a suite a subject and a case a clause, for build servers that draw such reports."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from junitparser import Failure, JUnitXml, Skipped, TestCase, TestSuite

from .checking import Result
from .expecting import Expected
from .outcome import Row, rows
from .plain import plain_finding
from .tally import Broken
from .wording import fault


def junit(
    result: Result, *, readings: Mapping[str, str], fails: Callable[[Broken], bool], gone: Sequence[Expected] = ()
) -> str:
    """The document: a clause fails where a finding of it does, and is skipped where it was not reached.

    What is `gone`, and was expected, is a case of its own, which fails.
    """
    suite = TestSuite(f"scopelaw {result.subject} {result.version or ''}".rstrip())
    suite.add_property("revision", result.revision)
    suite.add_property("seed", str(result.seed))
    suite.add_property("episodes", str(result.examples))
    suite.add_testcases([_case(result, row, readings, fails) for row in rows(result)])
    suite.add_testcases([_gone(result, each) for each in gone])
    document = JUnitXml("scopelaw")
    document.add_testsuite(suite)
    # The library has types but for this.
    text: bytes = document.tostring()  # type: ignore[no-untyped-call]
    return text.decode("utf-8")


def _gone(result: Result, expected: Expected) -> TestCase:
    case = TestCase(f"{expected.named} is expected", classname=f"scopelaw.{result.subject}")
    case.result = [Failure(expected.no_longer, "gone")]
    return case


def _case(result: Result, row: Row, readings: Mapping[str, str], fails: Callable[[Broken], bool]) -> TestCase:
    case = TestCase(f"{row.clause.id} {row.clause.title}", classname=f"scopelaw.{result.subject}")
    texts = {fault(each.finding): plain_finding(each, readings=readings) for each in row.broken}
    failing = [each for each in row.broken if fails(each)]
    if failing:
        case.result = []
        for each in failing:
            failure = Failure(f"{fault(each.finding)}: {each.finding.because}", each.finding.verdict)
            failure.text = texts[fault(each.finding)]
            case.result += [failure]
    elif row.state == "not reached":
        case.result = [Skipped("not reached")]
    if texts:
        case.system_out = "\n\n".join(texts.values())
    return case

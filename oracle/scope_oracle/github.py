"""What GitHub Actions shows of a check: an annotation for all that fails it, and a summary of the step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Final

from scope_spec import Verdict

from .checking import Result
from .expecting import Expected, Met
from .outcome import SEVERITY, summary
from .plain import plain_finding
from .sources import source_of
from .tally import Broken
from .templating import fenced
from .wording import fault

_LEVELS: Final[Mapping[Verdict, str]] = {"violates": "error", "discouraged": "warning", "unspecified": "notice"}
_ESCAPES: Final = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_OF_PROPERTIES: Final = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"})


def annotations_of(subject: str, failing: Iterable[Broken], gone: Iterable[Expected] = ()) -> Iterator[str]:
    """A workflow command for each finding that fails a check, and for each that is gone and was expected.

    They are for standard output, and annotate the run, and the file of a client of one's own.
    """
    for broken in failing:
        finding = broken.finding
        yield _command(_LEVELS[finding.verdict], subject, f"{fault(finding)} {finding.verdict}", finding.because)
    for each in gone:
        yield _command("error", subject, "no longer happens", each.no_longer)


def _command(level: str, subject: str, what: str, text: str) -> str:
    source = source_of(subject)
    named = {"title": f"{subject}: {what}"} | ({"file": source} if source is not None else {})
    properties = ",".join(f"{name}={value.translate(_OF_PROPERTIES)}" for name, value in named.items())
    return f"::{level} {properties}::{text.translate(_ESCAPES)}"


def step_summary(result: Result, *, readings: Mapping[str, str], met: Met) -> Iterator[str]:
    """The summary of a step, as lines of Markdown.

    What the check comes to, what is gone and was expected, and each finding, folded: those that are new before those
    that are expected, and the worst first.
    """
    ran, *counts = summary(result)
    yield f"### {ran}"
    for line in counts:
        yield from ("", line)
    for expected in met.gone:
        yield from ("", f"- {escape(expected.no_longer)}")
    known = [broken for broken, _ in met.known]
    for findings in (met.new, known):
        for broken in sorted(findings, key=lambda each: -SEVERITY[each.finding.verdict]):
            yield from ("", *_folded(broken, readings, met.entry_of(broken)))


def _folded(broken: Broken, readings: Mapping[str, str], entry: Expected | None) -> Iterator[str]:
    finding = broken.finding
    known = "" if entry is None else f", expected: {escape(entry.reason)}"
    yield f"<details><summary>{fault(finding)} {finding.verdict}{known}</summary>"
    yield from ("", fenced(plain_finding(broken, readings=readings)), "", "</details>")

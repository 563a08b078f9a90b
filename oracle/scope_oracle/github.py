"""What GitHub Actions shows of a check: an annotation a finding, and a summary of the step."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from scope_spec import Verdict

from .checking import Result
from .outcome import summary
from .plain import plain_finding
from .tally import Broken
from .wording import fault

_LEVELS: Final[Mapping[Verdict, str]] = {"violates": "error", "discouraged": "warning", "unspecified": "notice"}
_ESCAPES: Final = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_OF_PROPERTIES: Final = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"})


def annotations_of(subject: str, failing: Iterable[Broken]) -> Iterator[str]:
    """A workflow command for each finding that fails a check, for standard output: it annotates the run."""
    for broken in failing:
        finding = broken.finding
        title = f"{subject}: {fault(finding)} {finding.verdict}".translate(_OF_PROPERTIES)
        yield f"::{_LEVELS[finding.verdict]} title={title}::{finding.because.translate(_ESCAPES)}"


def step_summary(result: Result, *, readings: Mapping[str, str]) -> Iterator[str]:
    """The summary of a step, as lines of Markdown: what the check comes to, and each finding, folded."""
    ran, *counts = summary(result)
    yield f"### {ran}"
    for line in counts:
        yield from ("", line)
    for broken in result.broken:
        yield from ("", *_folded(broken, readings))


def _folded(broken: Broken, readings: Mapping[str, str]) -> Iterator[str]:
    finding = broken.finding
    text = plain_finding(broken, readings=readings)
    fence = "`" * max(3, 1 + max((len(run) for run in _runs(text)), default=0))
    yield f"<details><summary>{fault(finding)} {finding.verdict}</summary>"
    yield from ("", fence + "text", text, fence, "", "</details>")


def _runs(text: str) -> list[str]:
    """The runs of backquotes in a text, which a fence has to be longer than."""
    return re.findall("`+", text)

"""Reports as plain text, for whatever holds text: JUnit, SARIF, Markdown, an assertion's message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from scope_judge.findings import Finding
from scope_model.events import Transcript

from .tally import Broken
from .terminal import broken_text, transcript_text

WIDTH: Final = 100
"""How wide the text is, where nobody says how much room there is."""


def plain_finding(broken: Broken, *, readings: Mapping[str, str]) -> str:
    """A finding in full: the exchange that leads to it, why it is one, and how to see it again."""
    return "\n".join(line.plain for line in broken_text(broken, readings=readings, width=WIDTH))


def plain_transcript(transcript: Transcript, findings: Sequence[Finding], *, readings: Mapping[str, str]) -> str:
    """A whole transcript with all that was found in it."""
    return "\n".join(line.plain for line in transcript_text(transcript, findings, readings=readings, width=WIDTH))

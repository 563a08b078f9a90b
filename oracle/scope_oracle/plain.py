"""A finding as plain text, for whatever holds text: JUnit, SARIF, Markdown, an assertion's message."""

from __future__ import annotations

from collections.abc import Mapping

from .tally import Broken
from .terminal import finding_text

WIDTH = 100
"""How wide the text is, where nobody says how much room there is."""


def plain_finding(broken: Broken, *, readings: Mapping[str, str]) -> str:
    """A finding in full: the exchange that leads to it, why it is one, and how to see it again."""
    lines = finding_text(broken.finding, broken.transcript, readings=readings, replay=broken.replay, width=WIDTH)
    return "\n".join(line.plain for line in lines)

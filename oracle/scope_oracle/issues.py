"""What is recorded of a release, as texts that could be sent to those who make it: one for each fault of a clause."""

from __future__ import annotations

from collections.abc import Iterator

from scope_judge.findings import Finding
from scope_model.events import Transcript
from scope_spec import CLAUSES, Clause

from .causes import Cause
from .exchange import exchange_of
from .terminal import exchange_text
from .wording import fault

_WIDTH = 110


def issue(
    release: str,
    finding: Finding,
    transcript: Transcript | None,
    *,
    cause: Cause | None,
    place: str | None,
    replay: str,
) -> str:
    """An issue about one finding, as Markdown; where no one transcript shows it, its sentence stands alone."""
    clause = CLAUSES[finding.clause]
    lines = [f"# {clause.title}", "", f"`{fault(finding)}`, seen with {release} at {_revision(transcript)}."]
    lines += ["", "## Expected", "", clause.says, "", "## Seen", "", _sentence(finding.because)]
    if transcript is not None:
        text = exchange_text(exchange_of(transcript, finding), _WIDTH)
        lines += ["", "```", *(line.plain.rstrip() for line in text), "```"]
    lines += ["", "## The rule", "", *_sources(clause)]
    if cause is not None:
        lines += ["", "## The place", "", f"{cause.why.removesuffix('.')} (`{place}`)."]
        if cause.repair:
            lines += ["", "## A repair", "", f"{cause.repair}{_settled(cause)}"]
    lines += ["", "## To see it again", "", "```sh", replay, "```"]
    return "\n".join(lines) + "\n"


def _settled(cause: Cause) -> str:
    if cause.edits:
        return " With an edit that does so, what is seen above is gone, and nothing else has come."
    return (
        " With these edits together, what is seen above is gone, and nothing else has come." if cause.together else ""
    )


def _sources(clause: Clause) -> Iterator[str]:
    for source in clause.sources:
        yield f"- [{source.document}, {source.section}]({source.link})"


def _revision(transcript: Transcript | None) -> str:
    return f"MCP {transcript.header.revision}" if transcript is not None else "the revision that it speaks"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].removesuffix('.')}."

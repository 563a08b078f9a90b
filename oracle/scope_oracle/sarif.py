"""Reports as SARIF 2.1.0, which code hosts show beside the code: a rule a clause, a result a finding.

A finding is about what a client sends, and has no line of its own: its place is the file of a client of one's own, and
else the subject, by name. One that is expected is suppressed, and says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Final
from urllib.parse import quote

from sarif_pydantic import (
    ArtifactLocation,
    Level,
    Location,
    LogicalLocation,
    Message,
    PhysicalLocation,
    Region,
    ReportingConfiguration,
    ReportingDescriptor,
    Run,
    Sarif,
    Tool,
    ToolDriver,
)
from sarif_pydantic import (
    Result as Found,
)

from scope_spec import CLAUSES, Clause, Verdict

from .checking import Result
from .expecting import Met
from .plain import plain_finding
from .sources import source_of
from .tally import Broken
from .wording import fault

LEVELS: Final[Mapping[Verdict, Level]] = {
    "violates": Level.ERROR,
    "discouraged": Level.WARNING,
    "unspecified": Level.NOTE,
}
"""What a verdict is in SARIF."""

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif(result: Result, *, readings: Mapping[str, str], met: Met) -> str:
    """The document, one run: every finding, whether it fails the check or not."""
    ids = list(dict.fromkeys(broken.finding.clause for broken in result.broken))
    driver = ToolDriver(
        name="scopelaw", version=version("scopelaw"), rules=[_rule(CLAUSES[id_]) for id_ in ids] or None
    )
    run = Run(tool=Tool(driver=driver), results=[_found(result, each, readings, met) for each in result.broken])
    text: str = Sarif(version="2.1.0", schema_uri=_SCHEMA, runs=[run]).model_dump_json(
        by_alias=True, exclude_none=True, indent=1
    )
    return text


def _rule(clause: Clause) -> ReportingDescriptor:
    return ReportingDescriptor(
        id=clause.id,
        name=clause.title,
        short_description=Message(text=clause.title),
        full_description=Message(text=clause.says),
        help_uri=clause.sources[0].link,
        default_configuration=ReportingConfiguration(level=LEVELS[clause.verdict]),
    )


def _found(result: Result, broken: Broken, readings: Mapping[str, str], met: Met) -> Found:
    finding, entry = broken.finding, met.entry_of(broken)
    place = Location(
        physical_location=PhysicalLocation(
            artifact_location=ArtifactLocation(uri=quote(source_of(result.subject) or result.subject)),
            region=Region(start_line=1),
        ),
        logical_locations=[LogicalLocation(name=result.subject, kind="module")],
    )
    return Found(
        rule_id=finding.clause,
        level=LEVELS[finding.verdict],
        message=Message(text=f"{fault(finding)}: {finding.because}\n\n{plain_finding(broken, readings=readings)}"),
        locations=[place],
        # What tells one finding from another between two runs; the trace and the sentence may change.
        partial_fingerprints={"scopelaw/v1": f"{result.subject}/{fault(finding)}/{finding.verdict}"},
        suppressions=[] if entry is None else [{"kind": "external", "justification": entry.reason}],  # all have them
    )

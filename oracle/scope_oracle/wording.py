"""What stands beside a finding, whatever the report: its fault, its rule, its reading, and how to see it again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from importlib.util import find_spec

from scope_judge.findings import DEFAULT_READINGS, Finding
from scope_model.events import Header
from scope_spec import CLAUSES, READINGS, Revision

from .subjects import BUILT, PYTHON_SDK, SUBJECTS, sdk_of
from .tally import Kind


def fault(finding: Finding) -> str:
    """What was found, in full: the clause, and the kind of fault within it."""
    return f"{finding.clause}/{finding.cause}"


def rule(name: str, revision: Revision) -> str:
    """What a clause says, and where that is written."""
    clause = CLAUSES[name]
    source = next((each for each in clause.sources if revision in each.document), clause.sources[0])
    return f"{clause.says.rstrip('.')} ({source.document}, {source.section})"


def frequency(found_in: int, out_of: int) -> str:
    """In how many episodes something was found."""
    return f"in {found_in} of {out_of} episodes"


def also_line(also: Iterable[Kind]) -> Iterator[str]:
    """What else the trace of a finding shows, if it shows more."""
    others = ", ".join(f"{clause}/{cause} ({verdict})" for clause, verdict, cause in also)
    if others:
        yield f"the same trace shows {others}"


def reading_line(finding: Finding, readings: Mapping[str, str]) -> Iterator[str]:
    """The reading that a verdict rests on, if it does, and what else it could be."""
    if finding.reading is None:
        return
    reading = READINGS[finding.reading]
    value = {**DEFAULT_READINGS, **readings}[reading.id]
    choice = f"{reading.id} {reading.name}={value}"
    favoured = reading.favoured and value == reading.default
    if finding.verdict == "unspecified" and not favoured:
        others = [each for each in reading.values if each != value]
        yield f"{choice}; the documents also allow {', '.join(others)}"
        return
    allowing = [each.value for each in reading.alternatives if fault(finding) in each.allows]
    under = f"; under {' or '.join(allowing)} it would be allowed" if allowing else ""
    yield f"{choice}{', which the documents favour' if favoured else ''}{under}"


def release_of(subject: str, version: str) -> str:
    """A release of an SDK, as it is named on the command line."""
    return f"{subject} --sdk-version {version}"


def tested(header: Header) -> str:
    """What was put under test, as it is named on the command line: the installed Python SDK needs no release."""
    name, release = header.client_name, header.client_version
    installed = name == PYTHON_SDK and find_spec("mcp") is not None and release == version("mcp")
    return name if release is None or sdk_of(name) not in BUILT or installed else release_of(name, release)


def replay_command(subject: str, readings: Mapping[str, str], replay: str) -> str:
    """The command that shows a finding again; the revision is part of the episode.

    It is a line of Python for a client that has no name on the command line.
    """
    first = subject.partition(" ")[0]
    if sdk_of(first) not in SUBJECTS and ":" not in first and first != "--command":
        return replay_in_python("SUBJECT", readings, replay)
    chosen = "".join(f" --reading {name}={value}" for name, value in _chosen(readings).items())
    return f"scopelaw check {subject}{chosen} --replay '{replay}'"


def replay_in_python(subject: str, readings: Mapping[str, str], replay: str, module: str = "") -> str:
    """A line of Python that shows a finding again, of a subject by its name there, with an import of its module."""
    imports = f"scope_oracle, {module}" if module else "scope_oracle"
    chosen = f", readings={_chosen(readings)!r}" if _chosen(readings) else ""
    return f"import {imports}; print(scope_oracle.replay({subject}, {replay!r}{chosen}))"


def _chosen(readings: Mapping[str, str]) -> dict[str, str]:
    return {READINGS[id_].name: value for id_, value in readings.items() if value != DEFAULT_READINGS[id_]}

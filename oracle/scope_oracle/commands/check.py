"""`scopelaw check`: put a client through generated episodes."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from time import monotonic
from types import ModuleType

import click

from scope_oracle import checking, exploring, forms, github, page, terminal
from scope_oracle.checking import ENGINES, Engine
from scope_oracle.exchange import shown
from scope_oracle.expecting import Expected, meet
from scope_oracle.jobs import Jobs, Opening, processes
from scope_oracle.reaching import NothingSelected, selected_at
from scope_oracle.replays import BadReplay
from scope_oracle.selecting import Selection
from scope_oracle.subjects import MODEL
from scope_oracle.tally import Broken
from scope_oracle.testing import Checked
from scope_properties.model_subject import ModelSubject
from scope_properties.subjects import Subject
from scope_spec import REVISIONS, Revision, Verdict

from . import completing
from .failing import FOUND, INTERRUPTED, Unusable, complain, status_of
from .judge import print_findings, print_footer
from .opening import aside, bench_of, opened, opening_of
from .options import (
    COMMAND,
    FAIL_ON,
    FILE,
    FOLDER,
    IGNORE,
    JOBS,
    READING,
    READINGS_HELP,
    RELEASE,
    REVISION,
    SEED,
    SELECT,
    example,
    expectations,
    format_,
    one_of,
    writable,
)
from .output import add_lines, console, make_folder, ran_since, write_file, write_transcript
from .progress import showing


@click.command(
    short_help="Put a client through generated episodes.",
    epilog=f"{READINGS_HELP}\n\n"
    + example(
        "scopelaw check",
        "scopelaw check python-sdk --html report.html",
        "scopelaw check --command 'node client.mjs'",
        "scopelaw check mine.testing:subject --engine hypothesis",
    ),
)
@click.argument("name", metavar="[SUBJECT]", required=False, shell_complete=completing.subject)
@COMMAND
@REVISION
@READING
@FAIL_ON
@click.option(
    "--examples",
    type=click.IntRange(1),
    show_default=f"{checking.EXAMPLES}, or {checking.COSTLY_EXAMPLES} where each is a process; "
    f"{exploring.EXAMPLES} or {exploring.COSTLY_EXAMPLES} a run of Hypothesis's machine",
    help="How many episodes to run.",
)
@click.option(
    "--engine",
    metavar="NAME",
    callback=one_of("engine", ENGINES),
    shell_complete=completing.words(ENGINES),
    default=ENGINES[0],
    show_default=True,
    help="What chooses the episodes: sampling, from a seed alone, or hypothesis, with its shrinking and its database.",
)
@SEED
@format_("text")
@RELEASE
@JOBS
@SELECT
@IGNORE
@click.option(
    "--expect", metavar="FILE", type=FILE, callback=expectations, help="TOML: the findings that are known, and why."
)
@click.option("--html", type=FILE, callback=writable, help="Write the result to this page, too.")
@click.option("--junit", type=FILE, callback=writable, help="Write the result to this file as JUnit XML, too.")
@click.option("--sarif", type=FILE, callback=writable, help="Write the result to this file as SARIF, too.")
@click.option("--write", "folder", type=FOLDER, help="Write the transcript of each finding into this folder, too.")
@click.option("--quiet", is_flag=True, help="Print what fails, and nothing else.")
@click.option("--replay", metavar="TEXT", help="Play only the episode that a report names.")
def check(
    *,
    name: str | None,
    command: str | None,
    release: str | None,
    jobs: int | None,
    revision: Revision | None,
    readings: dict[str, str],
    fail_on: Verdict,
    examples: int | None,
    engine: Engine,
    seed: int,
    form: str,
    select: frozenset[str],
    ignore: frozenset[str],
    expect: tuple[Expected, ...] | None,
    html: Path | None,
    junit: Path | None,
    sarif: Path | None,
    quiet: bool,
    folder: Path | None,
    replay: str | None,
) -> int:
    """Put SUBJECT through generated episodes, and report each clause that it breaks.

    SUBJECT is the reference model where none is named, the name of a client (scopelaw explain lists them, with
    their settings), or package.module:name for one of your own. Each broken clause comes with the shortest trace
    that was found to show it. Ends with 0 where nothing at or above --fail-on was found, else with 1; with
    --expect, where something is new, or no longer happens.
    """
    selection, began = Selection(select, ignore), monotonic()
    in_force = revision or REVISIONS[-1]
    if not selected_at(in_force, selection):
        raise Unusable(str(NothingSelected(in_force)))
    opening = opening_of(name, command, release, in_force, MODEL)
    if replay is not None:
        _refuse_with_replay({"html": html, "junit": junit, "sarif": sarif, "write": folder, "expect": expect})
        since = began if form == "json" else None
        return _replay(opening, replay, readings, fail_on=fail_on, selection=selection, began=since)
    files = _Files(html, junit, sarif, folder)
    files.prepare()
    if engine == "hypothesis" and jobs is not None:
        raise click.UsageError("Hypothesis works in one process, so --jobs says nothing")
    with showing() as progress, aside(), opened(opening, progress) as chosen:
        count = jobs or (1 if engine == "hypothesis" or isinstance(chosen, ModelSubject) else processes())
        with bench_of(opening, count, in_force, readings, costly=chosen.standalone) as bench:
            by_hypothesis = partial(exploring.explore, mildest=fail_on)
            run = by_hypothesis if engine == "hypothesis" else partial(checking.check, bench=bench)
            result = run(
                chosen,
                revision=in_force,
                readings=readings,
                examples=examples,
                seed=seed,
                progress=progress,
                selection=selection,
            )
    _say_parting(chosen, bench, result)
    if result.fault is not None and not result.examples:
        raise Unusable(result.fault)
    ours = (each for each in expect or () if selection.may_take(each.clause, each.verdict))
    checked = Checked(result, meet(result.subject, result.broken, ours, complete=result.complete), readings)
    failing = checked.failing(fail_on)
    files.write(checked, failing)
    _tell(checked, failing, ran_since(began) if form == "json" else None, quiet=quiet, expecting=expect is not None)
    if result.fault is not None:
        raise Unusable(result.fault)
    if not result.complete:
        return INTERRUPTED
    return FOUND if failing or checked.met.gone else 0


@dataclass(frozen=True, slots=True)
class _Files:
    """What is written beside what is printed."""

    html: Path | None
    junit: Path | None
    sarif: Path | None
    folder: Path | None

    def prepare(self) -> None:
        """Find out what is missing before anything is run."""
        for kind, file in (("junit", self.junit), ("sarif", self.sarif)):
            if file is not None:
                _for_servers(kind)
        if self.folder is not None:
            make_folder(self.folder)

    def write(self, checked: Checked, failing: Sequence[Broken]) -> None:
        """Write it all."""
        result, readings = checked.result, checked.readings
        if self.html is not None:
            write_file(self.html, page.result_html(result, readings=readings, met=checked.met))
        if self.junit is not None:
            cases = _for_servers("junit").junit
            fails, gone = failing.__contains__, checked.met.gone
            write_file(self.junit, cases(result, readings=readings, fails=fails, gone=gone))
        if self.sarif is not None:
            write_file(self.sarif, _for_servers("sarif").sarif(result, readings=readings, met=checked.met))
        if self.folder is not None:
            for broken in result.broken:
                name = f"{broken.finding.clause}-{broken.finding.cause}.jsonl"
                write_transcript(self.folder / name, broken.transcript)


def _tell(checked: Checked, failing: Sequence[Broken], ran: forms.Ran | None, *, quiet: bool, expecting: bool) -> None:
    """Print a result and how it compares with what was expected, as JSON where it is said how it came to be.

    And what GitHub shows of it, where it runs there.
    """
    result, readings, met = checked.result, checked.readings, checked.met
    if ran is not None:
        click.echo(json.dumps(forms.result_json(result, readings=readings, met=met, ran=ran)))
    else:
        out = console()
        told = terminal.findings_text(failing, readings=readings, width=out.width)
        whole = terminal.result_text(result, readings=readings, width=out.width)
        held = terminal.met_text(result.subject, met, failing, quiet=quiet) if expecting else ()
        terminal.show(out, terminal.apart((told if quiet else whole, held)))
    if os.environ.get("GITHUB_ACTIONS") == "true":
        _annotate(checked, failing, annotates=ran is None)


def _annotate(checked: Checked, failing: Sequence[Broken], *, annotates: bool) -> None:
    if annotates:
        for line in github.annotations_of(checked.result.subject, failing, checked.met.gone):
            click.echo(line)
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        add_lines(Path(summary), github.step_summary(checked.result, readings=checked.readings, met=checked.met))


def _for_servers(kind: str) -> ModuleType:
    """The module of a report for build servers, whose libraries not everybody has."""
    try:
        return import_module(f"scope_oracle.{kind}")
    except ModuleNotFoundError as missing:
        raise Unusable(f"--{kind} needs {missing.name}: pip install 'scopelaw[ci]'") from None


def _refuse_with_replay(given: Mapping[str, object]) -> None:
    """Refuse what only a whole check could make."""
    for option, value in given.items():
        if value:
            raise click.UsageError(f"--replay plays one episode and prints it, so --{option} says nothing")


def _replay(
    opening: Opening,
    blob: str,
    readings: Mapping[str, str],
    *,
    fail_on: Verdict,
    selection: Selection,
    began: float | None,
) -> int:
    """Play the one episode that a report names, and tell it: as JSON where it is said when it began."""
    with showing() as progress, aside(), opened(opening, progress) as chosen:
        try:
            transcript, all_found = checking.replayed(chosen, blob, readings)
        except BadReplay as wrong:
            raise Unusable(str(wrong)) from None
    findings = list(filter(selection.takes, all_found))
    if began is not None:
        print_findings(findings)
        print_footer(len(transcript.events), findings, ran_since(began))
    else:
        out = console()
        terminal.show(out, terminal.transcript_text(transcript, findings, readings=readings, width=out.width))
    return status_of(findings, fail_on)


def _say_parting(chosen: Subject, bench: Jobs | None, result: checking.Result) -> None:
    """Say what was wrong with how the client's processes ended, unless one was ended early anyhow."""
    if result.complete:
        parting = dict.fromkeys([*getattr(chosen, "parting", ()), *(bench.parting if bench is not None else ())])
        for wrong in parting:
            complain(f"{shown(chosen.name)} ended as it should not: {wrong}")

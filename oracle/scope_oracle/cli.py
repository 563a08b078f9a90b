"""The command line: check a client, judge what was recorded of one, explain a rule, compare two clients.

Results go to standard output; progress goes to standard error, and only to a terminal. Whatever cannot be
used is one sentence on standard error and ends with 2.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import partial
from importlib import import_module
from itertools import chain
from pathlib import Path
from time import monotonic
from types import ModuleType
from typing import IO, Any, Final, TextIO, TypeVar, cast

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn
from rich.progress import Progress as Bar
from rich.text import Text

from scope_judge.findings import Finding
from scope_judge.judge import Judge
from scope_model.events import Transcript
from scope_properties.laws import LAWS
from scope_properties.model_subject import ModelSubject
from scope_properties.mutants import MUTANTS
from scope_properties.subjects import Subject
from scope_spec import CLAUSES, READINGS, REVISIONS, VERDICTS, Reading, Revision, Verdict

from . import checking, comparing, explaining, forms, github, page, reporting, smoking, terminal, vectors
from .ending import Interrupts
from .exchange import printable, shown
from .expecting import BadExpectation, Expected, meet, read_expected
from .history import history
from .jobs import MOST, Jobs, Opening, processes
from .names import UnknownName
from .outcome import SEVERITY
from .recordings import command as redacting
from .recordings import reading
from .releases import NAMED
from .replays import BadReplay
from .selecting import Selection, selected
from .subjects import MODEL, DriverFault, SubjectUnavailable, catalogue, commanded, sdk_of, subject
from .tally import Broken
from .testing import Checked
from .transcripts import UnusableTranscript, write

FOUND: Final = 1
UNUSABLE: Final = 2
INTERRUPTED: Final = 130
CUT_SHORT: Final = 141
"""The reader of our output went away: what a program that a broken pipe ends by a signal would leave."""

_UNWRITABLE: Final = (errno.EBADF, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOSPC)
"""How writing fails; what else is written says so itself."""

_LONGEST_NAME: Final = 80
_WIDTH: Final = 110
_FEW_EXAMPLES: Final = 200
"""Enough to break a mutant for an explanation, which nobody wants to wait for."""


class Unusable(click.ClickException):
    """Something that was given cannot be used."""

    exit_code = UNUSABLE


class _Commands(click.Group):
    """A group whose every failure is one sentence and the right exit code."""

    # Any: click's own signature, whatever the release.
    def main(self, *args: Any, standalone_mode: bool = True, **extra: Any) -> Any:  # noqa: ANN401
        run: Callable[..., Any] = super().main
        if not standalone_mode:
            return run(*args, standalone_mode=False, **extra)
        for stream_ in (sys.stdout, sys.stderr):
            if hasattr(stream_, "reconfigure"):
                stream_.reconfigure(errors="backslashreplace")
        with Interrupts() as interrupts:
            try:
                status = run(*args, standalone_mode=False, **extra)
            except click.ClickException as wrong:
                complain(" ".join(wrong.format_message().split()))
                status = UNUSABLE
            except (click.Abort, KeyboardInterrupt):
                status = INTERRUPTED
        sys.exit(status if interrupts.status is None else interrupts.status)

    # Any: click's own signatures; some options print, and end before there is a command.
    def make_context(self, *args: Any, **extra: Any) -> click.Context:  # noqa: ANN401
        with _written():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401
        with _written():
            return super().invoke(ctx)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            raise Unusable(unknown("command", args[0], self.commands))
        return super().resolve_command(ctx, args)


@contextmanager
def _written() -> Iterator[None]:
    """Where standard output is written to the end; that it cannot be is a status or a sentence."""
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        _give_up(sys.stdout)
        raise click.exceptions.Exit(CUT_SHORT) from None
    except OSError as wrong:
        if wrong.errno not in _UNWRITABLE:
            raise
        _give_up(sys.stdout)
        raise Unusable(f"cannot write to standard output: {wrong.strerror}") from None


def _give_up(stream_: IO[str]) -> None:
    """Let what is still buffered go nowhere, instead of failing again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream_.fileno())


def complain(sentence: str) -> None:
    """Say in one line on standard error what is wrong, if anybody can hear it."""
    try:
        click.echo(printable(f"scopelaw: {sentence}"), err=True)
    except OSError:
        _give_up(sys.stderr)


def unknown(kind: str, name: str, known: Iterable[str], *, few: bool = False) -> str:
    """A sentence on a name that is not known, with the near ones, or with all where they are `few`."""
    names = tuple(known)
    wrong = UnknownName(kind, name[:_LONGEST_NAME], names)
    return f"{wrong}; choose from {', '.join(names)}" if few and not wrong.near else str(wrong)


# --- options --------------------------------------------------------------------------------------


Callback = Callable[[click.Context, click.Parameter, Any], Any]  # Any: whatever an option takes


def _one_of(kind: str, words: Sequence[str]) -> Callback:
    """Take one of a few words."""

    def take(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
        if value is not None and value not in words:
            raise click.BadParameter(unknown(kind, value, words, few=True), ctx, param)
        return value

    return take


def _choices(ctx: click.Context, param: click.Parameter, given: Iterable[str]) -> dict[str, str]:
    """Take readings, each by id or name, and the value of each."""
    chosen: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        reading = _READINGS.get(name.casefold())
        if not equals:
            wrong = f"{text[:_LONGEST_NAME]!r} is not NAME=VALUE, such as union-base=granted"
        elif reading is None:
            wrong = unknown("reading", name, [*_READING_NAMES, *READINGS])
        elif value not in reading.values:
            wrong = unknown(f"value of {reading.name}", value, reading.values, few=True)
        else:
            chosen[reading.id] = value
            continue
        raise click.BadParameter(wrong, ctx, param)
    return chosen


_READING_NAMES: Final = tuple(reading.name for reading in READINGS.values())
_READINGS: Final[Mapping[str, Reading]] = {
    key.casefold(): reading for reading in READINGS.values() for key in (reading.id, reading.name)
}

Command = TypeVar("Command", bound=Callable[..., Any])
_REVISION: Final = click.option(
    "--revision",
    metavar="DATE",
    callback=_one_of("revision", REVISIONS),
    help=f"The revision of MCP: {', '.join(REVISIONS)}.",
)
_READING: Final = click.option(
    "--reading",
    "readings",
    metavar="NAME=VALUE",
    multiple=True,
    callback=_choices,
    help="Take this side of a disputed choice; may be given several times.",
)
_FAIL_ON: Final = click.option(
    "--fail-on",
    metavar="VERDICT",
    callback=_one_of("verdict", VERDICTS),
    default="discouraged",
    show_default=True,
    help=f"The mildest verdict that ends with 1: {', '.join(VERDICTS)}.",
)
_EXAMPLES: Final = click.option(
    "--examples",
    type=click.IntRange(1),
    default=checking.EXAMPLES,
    show_default=True,
    help="How many episodes to run.",
)
_COMMAND: Final = click.option(
    "--command",
    metavar="TEXT",
    help="In place of SUBJECT: the conformance client that is started as TEXT SERVER_URL.",
)
_SEED: Final = click.option(
    "--seed", type=int, default=0, show_default=True, help="The same seed gives the same result."
)
_RELEASE: Final = click.option(
    "--sdk-version",
    "release",
    metavar="RELEASE",
    help="Test this release of the SDK, in an environment of its own.",
)
_JOBS: Final = click.option(
    "--jobs",
    type=click.IntRange(1, MOST),
    show_default="one a core; 1 for the model and its policies",
    help="How many processes to work in.",
)
_FILE: Final = click.Path(dir_okay=False, path_type=Path)


def _writable(ctx: click.Context, param: click.Parameter, file: Path | None) -> Path | None:
    """Take a file to write, and refuse one that cannot be before anything is run."""
    if file is not None and not os.access(file if file.exists() else file.absolute().parent, os.W_OK):
        raise click.BadParameter(f"cannot write {file}: there is no such folder, or it is not ours", ctx, param)
    return file


def _expectations(ctx: click.Context, param: click.Parameter, file: Path | None) -> tuple[Expected, ...]:
    """Take a file of expected findings."""
    try:
        return () if file is None else read_expected(file)
    except BadExpectation as wrong:
        raise click.BadParameter(str(wrong), ctx, param) from None


def _selection(ctx: click.Context, param: click.Parameter, given: Iterable[str]) -> frozenset[str]:
    """Take the names of clauses, families and verdicts."""
    try:
        return selected(given)
    except UnknownName as wrong:
        raise click.BadParameter(str(wrong), ctx, param) from None


_SELECT: Final = click.option(
    "--select",
    metavar="NAMES",
    multiple=True,
    callback=_selection,
    help="Report only these clauses, families (ACC) or verdicts, with commas or several times.",
)
_IGNORE: Final = click.option(
    "--ignore",
    metavar="NAMES",
    multiple=True,
    callback=_selection,
    help="Report all but these clauses, families or verdicts.",
)
_FOLDER: Final = click.Path(file_okay=False, path_type=Path)
_READINGS_HELP: Final = "\b\n" + textwrap.fill(
    f"Readings: {', '.join(_READING_NAMES)}. scopelaw explain NAME shows the values of one.",
    width=76,
    subsequent_indent="  ",
    break_on_hyphens=False,
)


def _format(default: str) -> Callable[[Command], Command]:
    return click.option(
        "--format",
        "form",
        metavar="FORMAT",
        callback=_one_of("format", ("text", "json")),
        default=default,
        show_default=True,
        help="text, for people, or json, for programs.",
    )


def _example(*lines: str) -> str:
    return "\b\nExample" + ("s" if len(lines) > 1 else "") + ":\n" + "\n".join(f"  {line}" for line in lines)


@click.group(
    cls=_Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_example("scopelaw check", "scopelaw judge recorded.jsonl", "scopelaw explain ACC-1"),
)
@click.version_option(package_name="scopelaw", prog_name="scopelaw", message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Which scopes an OAuth client of an MCP server asks for, and which of the rules it breaks."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


# --- check ----------------------------------------------------------------------------------------


@cli.command(
    short_help="Put a client through generated episodes.",
    epilog=f"{_READINGS_HELP}\n\n"
    + _example(
        "scopelaw check",
        "scopelaw check python-sdk --html report.html",
        "scopelaw check --command 'node client.mjs'",
    ),
)
@click.argument("name", metavar="[SUBJECT]", required=False)
@_COMMAND
@_REVISION
@_READING
@_FAIL_ON
@click.option(
    "--examples",
    type=click.IntRange(1),
    show_default=f"{checking.EXAMPLES}; {checking.COSTLY_EXAMPLES} where each is a process",
    help="How many episodes to run.",
)
@_SEED
@_format("text")
@_RELEASE
@_JOBS
@_SELECT
@_IGNORE
@click.option(
    "--expect", metavar="FILE", type=_FILE, callback=_expectations, help="TOML: the findings that are known, and why."
)
@click.option("--html", type=_FILE, callback=_writable, help="Write the result to this page, too.")
@click.option("--junit", type=_FILE, callback=_writable, help="Write the result to this file as JUnit XML, too.")
@click.option("--sarif", type=_FILE, callback=_writable, help="Write the result to this file as SARIF, too.")
@click.option("--write", "folder", type=_FOLDER, help="Write the transcript of each finding into this folder, too.")
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
    seed: int,
    form: str,
    select: frozenset[str],
    ignore: frozenset[str],
    expect: tuple[Expected, ...],
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
    for kind in (["junit"] if junit else []) + (["sarif"] if sarif else []):
        _for_servers(kind)  # before anything is run
    in_force = revision or REVISIONS[-1]
    opening = _opening(name, command, release, in_force, MODEL)
    if folder is not None:
        _make_folder(folder)
    with _progress() as progress, _subject(opening, progress) as chosen:
        if replay is not None:
            return _replay(chosen, replay, readings, fail_on, form)
        count = jobs or (1 if isinstance(chosen, ModelSubject) else processes())
        with _bench(opening, count, in_force, readings, costly=chosen.standalone) as bench:
            result = checking.check(
                chosen,
                revision=in_force,
                readings=readings,
                examples=examples,
                seed=seed,
                progress=progress,
                bench=bench,
                selection=selection,
            )
    _say_parting(chosen, bench, result)
    if result.fault is not None and not result.examples:
        raise Unusable(result.fault)
    ours = (each for each in expect if selection.may_take(each.clause, each.verdict))
    checked = Checked(result, meet(result.subject, result.broken, ours, complete=result.complete), readings)
    failing = checked.failing(fail_on)
    if html is not None:
        _write(html, page.result_html(result, readings=readings))
    if junit is not None:
        _write(junit, _for_servers("junit").junit(result, readings=readings, fails=failing.__contains__))
    if sarif is not None:
        _write(sarif, _for_servers("sarif").sarif(result, readings=readings))
    if folder is not None:
        for broken in result.broken:
            _write_transcript(folder / f"{broken.finding.clause}-{broken.finding.cause}.jsonl", broken.transcript)
    ran = forms.Ran(("scopelaw", *sys.argv[1:]), round(monotonic() - began, 3))
    _tell(checked, failing, ran if form == "json" else None, quiet=quiet)
    if result.fault is not None:
        raise Unusable(result.fault)
    if not result.complete:
        return INTERRUPTED
    return FOUND if failing or checked.met.gone else 0


def _tell(checked: Checked, failing: Sequence[Broken], ran: forms.Ran | None, *, quiet: bool) -> None:
    """Print a result and how it compares with what was expected, as JSON where it is said how it came to be.

    And what GitHub shows of it, where it runs there.
    """
    result, readings, met = checked.result, checked.readings, checked.met
    if ran is not None:
        click.echo(json.dumps(forms.result_json(result, readings=readings, met=met, ran=ran)))
    else:
        out = _console()
        told = (terminal.broken_text(each, readings=readings, width=out.width) for each in failing)
        whole = terminal.result_text(result, readings=readings, width=out.width)
        terminal.show(out, chain.from_iterable(told) if quiet else whole)
        terminal.show(out, terminal.met_text(result.subject, met, failing, quiet=quiet))
    if os.environ.get("GITHUB_ACTIONS") == "true":
        _annotate(checked, failing, annotates=ran is None)


def _annotate(checked: Checked, failing: Sequence[Broken], *, annotates: bool) -> None:
    if annotates:
        for line in github.annotations_of(checked.result.subject, failing):
            click.echo(line)
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        with Path(summary).open("a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in github.step_summary(checked.result, readings=checked.readings))


def _for_servers(kind: str) -> ModuleType:
    """The module of a report for build servers, whose libraries not everybody has."""
    try:
        return import_module(f".{kind}", __package__)
    except ModuleNotFoundError as missing:
        raise Unusable(f"--{kind} needs {missing.name}: pip install 'scopelaw[ci]'") from None


def _write(file: Path, text: str) -> None:
    try:
        page.write_whole(file, text)
    except OSError as wrong:
        raise Unusable(f"cannot write {file}: {wrong.strerror}") from None


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as wrong:
        raise Unusable(f"cannot write into {shown(str(folder))}: {(wrong.strerror or str(wrong)).lower()}") from None


def _replay(chosen: Subject, blob: str, readings: Mapping[str, str], fail_on: Verdict, form: str) -> int:
    try:
        transcript, findings = checking.replayed(chosen, blob, readings)
    except BadReplay as wrong:
        raise Unusable(str(wrong)) from None
    if form == "json":
        _print_findings(findings)
        click.echo(json.dumps(_footer(len(transcript.events), findings)))
    else:
        out = _console()
        terminal.show(out, terminal.transcript_text(transcript, findings, readings=readings, width=out.width))
    return _status(findings, fail_on)


def _say_parting(chosen: Subject, bench: Jobs | None, result: checking.Result) -> None:
    """Say what was wrong with how the client's processes ended, unless one was ended early anyhow."""
    if result.complete:
        parting = dict.fromkeys([*getattr(chosen, "parting", ()), *(bench.parting if bench is not None else ())])
        for wrong in parting:
            complain(f"{shown(chosen.name)} ended as it should not: {wrong}")


@contextmanager
def _bench(
    opening: Opening, jobs: int, revision: Revision, readings: Mapping[str, str], *, costly: bool
) -> Iterator[Jobs | None]:
    """Processes to work in, where more than one is wanted."""
    if jobs == 1:
        yield None
        return
    with Jobs(opening, jobs, revision, readings, costly=costly) as bench:
        yield bench


def _opening(
    name: str | None, command: str | None, release: str | None, revision: Revision, default: str | None = None
) -> Opening:
    """How to get what is to be put under test: a subject by its name, or a conformance client by its command."""
    if name is not None and command is not None:
        raise click.UsageError(f"one client is put under test, so {name} and a --command do not go together")
    if command is not None and release is not None:
        raise click.UsageError("a --command starts the release that it starts, so --sdk-version says nothing")
    if command is not None:
        return partial(commanded, command, revision)
    chosen = name or default
    if chosen is None:
        raise click.UsageError("there is no SUBJECT and no --command to put under test")
    return partial(subject, chosen, release)


@contextmanager
def _subject(opening: Opening, progress: Callable[[checking.Progress], None]) -> Iterator[Subject]:
    """A subject for as long as it is under test; what is wrong with it is one sentence."""
    try:
        with opening(say=lambda doing: progress(checking.Progress(0, 0, 0, doing))) as chosen:
            yield chosen
    except (UnknownName, SubjectUnavailable, DriverFault) as wrong:
        raise Unusable(str(wrong)) from None


def _status(findings: Iterable[Finding], fail_on: Verdict) -> int:
    limit = SEVERITY[fail_on]
    return FOUND if any(SEVERITY[finding.verdict] >= limit for finding in findings) else 0


# --- smoke ----------------------------------------------------------------------------------------


@cli.command(
    short_help="Ask whether a driver plays its part.",
    epilog=_example("scopelaw smoke rust-sdk", "scopelaw smoke go-sdk --sdk-version 1.7.0"),
)
@click.argument("name", metavar="[SUBJECT]", required=False)
@_COMMAND
@_RELEASE
@_REVISION
def smoke(*, name: str | None, command: str | None, release: str | None, revision: Revision | None) -> int:
    """Ask whether the driver of SUBJECT, or a --command, plays its part, whatever its SDK makes of scopes.

    Ends with 1 where the driver does not.
    """
    failed = False
    in_force = revision or REVISIONS[-1]
    with _progress() as progress, _subject(_opening(name, command, release, in_force), progress) as chosen:
        for test in smoking.smoke(chosen, in_force):
            failed = _say(test) or failed
    parting = getattr(chosen, "parting", None)  # what is in this process, or starts anew each time, takes no leave
    if parting is not None:
        ended = "It ends when it is told to, and leaves nothing behind"
        failed = _say(smoking.Smoke(ended, "failed" if parting else "ok", "; ".join(parting))) or failed
    return FOUND if failed else 0


def _say(test: smoking.Smoke) -> bool:
    """Print what came of a test; whether it failed."""
    click.echo(printable(f"{test.outcome:<7} {test.name}" + (f": {test.because}" if test.because else "")))
    return test.outcome == "failed"


# --- history --------------------------------------------------------------------------------------


@cli.command(
    "history",
    short_help="Find in which release each finding came or went.",
    epilog=_example("scopelaw history rust-sdk 2.2.0 3.0.0 3.6.0 3.11.0"),
)
@click.argument("name", metavar="SUBJECT")
@click.argument("releases", metavar="RELEASE...", nargs=-1, required=True)
@_REVISION
@click.option(
    "--examples", type=click.IntRange(1), default=200, show_default=True, help="How many episodes to run on a release."
)
@_SEED
@_format("text")
def history_(
    *, name: str, releases: tuple[str, ...], revision: Revision | None, examples: int, seed: int, form: str
) -> int:
    """Find in which RELEASE of SUBJECT each finding came or went, given at least two, the oldest first.

    Checks each of them, and plays it every trace that was found on another. One that cannot be had, built or driven is
    passed over, with the reason, unless it is the first or the last. Ends with 0.
    """
    if len(releases) == 1:
        raise click.UsageError("one release has no history: name at least two, the oldest first")
    try:
        with _progress() as progress:
            found = history(
                partial(subject, name),
                releases,
                revision=revision or REVISIONS[-1],
                examples=examples,
                seed=seed,
                progress=progress,
            )
    except (UnknownName, SubjectUnavailable, DriverFault) as wrong:
        raise Unusable(str(wrong)) from None
    if form == "json":
        click.echo(json.dumps(forms.history_json(name, found) | {"date": datetime.now(UTC).date().isoformat()}))
    else:
        out = _console()
        terminal.show(out, terminal.history_text(name, found))
    return 0


# --- judge ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Judged:
    """What became of one client of a recording; the transcript is kept only where it is to be shown or written."""

    client: str | None
    events: int
    findings: list[Finding]
    transcript: Transcript | None


@cli.command(
    short_help="Judge what was recorded of a client.",
    epilog=f"{_READINGS_HELP}\n\n"
    + _example(
        "scopelaw judge recorded.jsonl",
        "scopelaw judge --format text browser.har",
        "my-client | scopelaw judge -",
    ),
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@_REVISION
@_READING
@_FAIL_ON
@_format("json")
@click.option("--together", is_flag=True, help="Take all files for one recording, as of a browser and a proxy.")
@click.option("--write", "target", metavar="FILE", help="Write the transcript that was judged to this file, too.")
def judge(
    *,
    files: tuple[str, ...],
    revision: Revision | None,
    readings: dict[str, str],
    fail_on: Verdict,
    form: str,
    together: bool,
    target: str | None,
) -> int:
    """Judge what was recorded of a client: JSON lines, HAR, or a dump of mitmproxy; - is standard input.

    What a file holds is told by its content, packed with gzip or not. Secrets are replaced by stable names. What could
    not be read is said on standard error. Each client in a recording is judged by itself.

    Prints one JSON line a finding, and a footer that counts them. A --revision that is given is in force
    whatever the files say. Ends with 2 where a file is unusable, else with 1 where something was found.
    """
    all_found: list[Finding] = []
    events, status = 0, 0
    recordings = [files] if together else [(file,) for file in files]
    kept = _Kept(target)
    for at, recording in enumerate(recordings):
        name = " and ".join(map(_name, recording))
        try:
            for judged in _judge(recording, revision, readings, keep=form == "text" or target is not None):
                all_found += judged.findings
                events += judged.events
                kept.write(judged.transcript)
                if form == "json":
                    _print_findings(judged.findings, name if len(recordings) > 1 else None, judged.client)
                else:
                    _show(judged, name if len(recordings) > 1 else None, readings, apart=at > 0)
        except BrokenPipeError:
            raise
        except (UnusableTranscript, OSError) as wrong:
            complain(_sentence(recording, wrong))
            status = UNUSABLE
    if form == "json" and (status != UNUSABLE or len(recordings) > 1):
        click.echo(json.dumps(_footer(events, all_found)))
    return status or _status(all_found, fail_on)


def _show(judged: _Judged, name: str | None, readings: Mapping[str, str], *, apart: bool) -> None:
    """Print what became of one client for people."""
    assert judged.transcript is not None
    out = _console()
    title = ": ".join(shown(each) for each in (name, judged.client) if each is not None)
    if title:
        terminal.show(out, [*([Text()] if apart else []), Text(title, style="bold")])
    lines = terminal.transcript_text(judged.transcript, judged.findings, readings=readings, width=out.width)
    terminal.show(out, lines)


@dataclass(slots=True)
class _Kept:
    """Where transcripts are written to: a file for each, numbered from the second on."""

    target: str | None
    count: int = 0

    def write(self, transcript: Transcript | None) -> None:
        """Write a transcript, if any is to be kept."""
        if self.target is None or transcript is None:
            return
        self.count += 1
        path = Path(self.target)
        if self.count > 1:
            path = path.with_name(f"{path.stem}-{self.count}{path.suffix}")
        _write_transcript(path, transcript)


def _write_transcript(path: Path, transcript: Transcript) -> None:
    try:
        with path.open("w", encoding="utf-8") as file:
            file.writelines(write(transcript))
    except OSError as wrong:
        raise Unusable(f"cannot write {shown(str(path))}: {(wrong.strerror or str(wrong)).lower()}") from None


def _judge(
    recording: tuple[str, ...], revision: Revision | None, readings: Mapping[str, str], *, keep: bool
) -> Iterator[_Judged]:
    """Judge each client of a recording."""
    with ExitStack() as opened:
        files = [(opened.enter_context(_opened(file)), file) for file in recording]
        for recorded in reading.read(files, revision):
            for note in recorded.notes:
                complain(f"{' and '.join(map(_name, recording))}: {note}")
            judging, count, kept = Judge(recorded.header, readings), 0, []
            for event in recorded.events:
                judging.hear(event)
                count += 1
                if keep:
                    kept.append(event)
            judging.close()
            transcript = Transcript(recorded.header, tuple(kept)) if keep else None
            yield _Judged(recorded.client if recorded.several else None, count, judging.found, transcript)


def _opened(file: str) -> AbstractContextManager[IO[bytes]]:
    return nullcontext(sys.stdin.buffer) if file == "-" else Path(file).open("rb")


def _name(file: str) -> str:
    return "standard input" if file == "-" else shown(file)


def _sentence(recording: tuple[str, ...], wrong: Exception) -> str:
    if not isinstance(wrong, OSError):
        return f"{' and '.join(map(_name, recording))}: {wrong}"
    file = wrong.filename if isinstance(wrong.filename, str) else recording[0]
    name = _name(file)
    sentence = f"cannot read {name}: {(wrong.strerror or str(wrong)).lower()}"
    if isinstance(wrong, FileNotFoundError):
        path = Path(file)
        try:
            near = get_close_matches(path.name[:_LONGEST_NAME], [each.name for each in path.parent.iterdir()])
        except OSError:
            near = []
        if near:
            sentence += f"; did you mean {' or '.join(shown(str(path.with_name(each))) for each in near)}?"
    return sentence


def _print_findings(findings: Iterable[Finding], file: str | None = None, client: str | None = None) -> None:
    named = {name: value for name, value in (("file", file), ("client", client)) if value is not None}
    for finding in findings:
        click.echo(json.dumps(forms.finding_json(finding) | named))


def _footer(events: int, findings: Sequence[Finding]) -> dict[str, object]:
    counts: dict[str, object] = {
        verdict: sum(finding.verdict == verdict for finding in findings) for verdict in VERDICTS
    }
    return {"end": True, "events": events, **counts}


# --- explain --------------------------------------------------------------------------------------


@cli.command(
    short_help="Say all that is known of a rule.",
    epilog=_example("scopelaw explain", "scopelaw explain ACC-1", "scopelaw explain --finding mine.json#1"),
)
@click.argument("name", metavar="[ID]", required=False)
@click.option("--finding", metavar="FILE#N", help="Print a finding of a JSON result as Markdown, for an issue.")
def explain(*, name: str | None, finding: str | None) -> None:
    """Say all that is known of a clause, reading, policy, law, mutant or client; without ID, list them all.

    A --finding of a result that check --format json printed is FILE#N, from 1, or FILE#CLAUSE/cause.
    """
    if finding is not None:
        if name is not None:
            raise click.UsageError(f"one thing is explained, so {name} and a --finding do not go together")
        click.echo(reporting.issue_named(finding), nl=False)
        return
    out = _console()
    if name is None:
        terminal.show(out, _everything())
        return
    known = {each.casefold(): each for kind in _KINDS for each in kind.names()}
    if name.casefold() not in known:
        raise Unusable(unknown("name", name, known.values()))
    for kind in _KINDS:
        for each in kind.names():
            if each.casefold() == name.casefold():
                terminal.show(out, kind.explain(each, out.width))


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of thing that can be explained: what there is of it, by names, and how it is told."""

    title: str
    names: Callable[[], Iterable[str]]
    listed: Callable[[], Iterable[tuple[str, str]]]
    explain: Callable[[str, int], Iterable[Text]]


def _clause(name: str, width: int) -> Iterator[Text]:
    clause = CLAUSES[name]
    notes = list(explaining.clause_notes(clause))
    notes += [("laws", f"{law.name}: {law.says}") for law in LAWS.values() if name in law.clauses]
    mutants = [mutant for mutant in MUTANTS.values() if mutant.clause == name]
    notes += [("mutants", f"{mutant.name}: {mutant.says}") for mutant in mutants]
    yield from terminal.explanation_text(name, clause.title, notes, width)
    yield from vectors.clause_text(name, width)


def _killed(mutant: str, clause: str, width: int) -> Iterator[Text]:
    """The shortest trace that shows a mutant break the clause that it is made to break."""
    with _progress() as progress:
        result = checking.check(MUTANTS[mutant].subject, examples=_FEW_EXAMPLES, progress=progress)
    for broken in result.broken:
        if broken.finding.clause == clause:
            yield Text()
            yield Text("An example that breaks it:", style="bold")
            yield from terminal.finding_text(broken.finding, broken.transcript, readings={}, replay=None, width=width)
            return


def _reading(name: str, width: int) -> Iterator[Text]:
    reading = _READINGS[name.casefold()]
    yield from terminal.explanation_text(reading.id, reading.name, explaining.reading_notes(reading), width)
    yield from vectors.reading_text(reading.id, width)


def _policy(name: str, width: int) -> Iterator[Text]:
    return terminal.explanation_text(name, "a policy", explaining.policy_notes(NAMED[name]), width)


def _law(name: str, width: int) -> Iterator[Text]:
    law = LAWS[name]
    clauses = [("clauses", f"{id_} {CLAUSES[id_].title}") for id_ in law.clauses]
    return terminal.explanation_text(name, "a law", [("says", law.says), *clauses], width)


def _mutant(name: str, width: int) -> Iterator[Text]:
    mutant = MUTANTS[name]
    notes = [("says", mutant.says)]
    if mutant.clause in CLAUSES:  # some break a law that states no clause
        notes.append(("killed by", f"{mutant.clause} {CLAUSES[mutant.clause].title}"))
    if mutant.law_only is not None:
        notes.append(("by a law", mutant.law_only))
    yield from terminal.explanation_text(name, "a mutant", notes, width)
    if mutant.law_only is None:
        yield from _killed(name, mutant.clause, width)


def _client(name: str, width: int) -> Iterator[Text]:
    title = "a client" if sdk_of(name) == name else "a client with a setting"
    return terminal.explanation_text(name, title, catalogue.notes(name), width)


_KINDS: Final = (
    _Kind("Clauses", lambda: CLAUSES, lambda: ((id_, each.title) for id_, each in CLAUSES.items()), _clause),
    _Kind(
        "Readings",
        lambda: (*READINGS, *_READING_NAMES),
        lambda: ((id_, f"{each.name}: {', '.join(each.values)}") for id_, each in READINGS.items()),
        _reading,
    ),
    _Kind("Policies", lambda: NAMED, lambda: ((name, each.says) for name, each in NAMED.items()), _policy),
    _Kind("Laws", lambda: LAWS, lambda: ((name, each.says) for name, each in LAWS.items()), _law),
    _Kind("Mutants", lambda: MUTANTS, lambda: ((name, each.says) for name, each in MUTANTS.items()), _mutant),
    _Kind("Clients", catalogue.names, catalogue.listed, _client),
)


def _everything() -> Iterator[Text]:
    for at, kind in enumerate(_KINDS):
        listed = list(kind.listed())
        if not listed:
            continue
        if at:
            yield Text()
        yield Text(kind.title, style="bold")
        column = max(len(name) for name, _ in listed)
        yield from (Text(f"  {name:<{column}}  {says}") for name, says in listed)


# --- compare --------------------------------------------------------------------------------------


@cli.command(
    short_help="Find where two clients ask for different scopes.",
    epilog=_example("scopelaw compare mcp-2025-11-25 mcp-2026-07-28"),
)
@click.argument("left", metavar="A")
@click.argument("right", metavar="B")
@_REVISION
@_EXAMPLES
@_SEED
@_format("text")
def compare(*, left: str, right: str, revision: Revision | None, examples: int, seed: int, form: str) -> int:
    """Find the shortest world and trace in which A and B ask for different scopes.

    A and B are policies or subjects. Ends with 1 where there is a difference.
    """
    with (
        _progress() as progress,
        _subject(partial(subject, left), progress) as one,
        _subject(partial(subject, right), progress) as other,
    ):
        difference = comparing.compare(
            one, other, revision=revision or REVISIONS[-1], examples=examples, seed=seed, progress=progress
        )
    if form == "json":
        click.echo(json.dumps(forms.difference_json(difference, left, right)))
    else:
        out = _console()
        terminal.show(out, terminal.difference_text(difference, left, right, width=out.width))
    return 0 if difference is None else FOUND


cli.add_command(vectors.command)
cli.add_command(reporting.command)
cli.add_command(redacting.command)


# --- where it goes --------------------------------------------------------------------------------


class _Output(Console):
    """Standard output; that nobody reads it is for the command to know."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def _console() -> Console:
    # A file or a pipe has no width of its own, and titles should not be cut for want of one.
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else _WIDTH
    return _Output(width=width, highlight=False, markup=False, emoji=False)


@contextmanager
def _progress() -> Iterator[Callable[[checking.Progress], None]]:
    """Show progress on standard error, if that is a terminal."""
    if not sys.stderr.isatty():
        yield checking.ignore
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[found]} found"),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None, found=0)
        yield lambda now: bar.update(task, description=now.doing, completed=now.done, total=now.of, found=now.found)


def main() -> None:
    """Run the command."""
    # What is closed when we begin is nobody's; the next file that is opened would take its place.
    sys.stdin = _open_still(sys.stdin, "r")
    sys.stderr = _open_still(sys.stderr, "w")
    if _open_still(sys.stdout, "w") is not sys.stdout:
        complain("standard output is closed")
        sys.exit(UNUSABLE)
    cli()


def _open_still(stream_: TextIO | None, mode: str) -> TextIO:
    return stream_ or cast("TextIO", Path(os.devnull).open(mode, encoding="utf-8"))

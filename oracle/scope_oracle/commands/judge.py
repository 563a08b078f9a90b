"""`scopelaw judge`: judge what was recorded of a client."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from time import monotonic
from typing import IO

import click
from rich.text import Text

from scope_judge.findings import Finding
from scope_judge.judge import Judge, looking_ahead
from scope_model.events import Transcript
from scope_oracle import forms, terminal
from scope_oracle.exchange import shown
from scope_oracle.recordings import reading
from scope_oracle.recordings.command import RECORDING
from scope_oracle.transcripts import UnusableTranscript
from scope_spec import Revision, Verdict

from .failing import LONGEST_NAME, UNUSABLE, Unusable, complain, status_of
from .options import FAIL_ON, READING, READINGS_HELP, REVISION, example, format_
from .output import console, ran_since, write_transcript


@dataclass(frozen=True, slots=True)
class _Judged:
    """What became of one client of a recording; the transcript is kept only where it is to be shown or written."""

    client: str | None
    events: int
    findings: list[Finding]
    transcript: Transcript | None


@click.command(
    short_help="Judge what was recorded of a client.",
    epilog=f"{READINGS_HELP}\n\n"
    + example(
        "scopelaw judge recorded.jsonl",
        "scopelaw judge --format text browser.har",
        "my-client | scopelaw judge -",
    ),
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=RECORDING)
@REVISION
@READING
@FAIL_ON
@format_("json")
@click.option("--together", is_flag=True, help="Take all files for one recording, as of a browser and a proxy.")
@click.option(
    "--write", "target", metavar="FILE", type=RECORDING, help="Write the transcript that was judged to this file, too."
)
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
    events, status, began = 0, 0, monotonic()
    if target is not None and any(_is_one_file(file, target) for file in files):
        raise Unusable(f"{shown(target)} is what is to be judged, and --write would replace it")
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
                    print_findings(judged.findings, name if len(recordings) > 1 else None, judged.client)
                else:
                    _show(judged, name if len(recordings) > 1 else None, readings, apart=at > 0)
        except _Unreadable as wrong:
            complain(str(wrong))
            status = UNUSABLE
    if form == "json" and (status != UNUSABLE or len(recordings) > 1):
        print_footer(events, all_found, ran_since(began))
    return status or status_of(all_found, fail_on)


def _show(judged: _Judged, name: str | None, readings: Mapping[str, str], *, apart: bool) -> None:
    """Print what became of one client for people."""
    assert judged.transcript is not None
    out = console()
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
        write_transcript(path, transcript)


class _Unreadable(Exception):
    """A recording cannot be read; the sentence says which, and why."""


def _judge(
    recording: tuple[str, ...], revision: Revision | None, readings: Mapping[str, str], *, keep: bool
) -> Iterator[_Judged]:
    """Judge each client of a recording; raises _Unreadable, and what whoever takes them fails with is not that."""
    try:
        yield from _each(recording, revision, readings, keep=keep)
    except (UnusableTranscript, OSError) as wrong:
        raise _Unreadable(_sentence(recording, wrong)) from None


def _each(
    recording: tuple[str, ...], revision: Revision | None, readings: Mapping[str, str], *, keep: bool
) -> Iterator[_Judged]:
    with ExitStack() as opened:
        files = [(opened.enter_context(_opened(file)), file) for file in recording]
        for recorded in reading.read(files, revision):
            for note in recorded.notes:
                complain(f"{' and '.join(map(_name, recording))}: {note}")
            called: set[str] = set()
            judging, count, kept = Judge(recorded.header, readings, called=called), 0, []
            for event in looking_ahead(recorded.events, called):
                judging.hear(event)
                count += 1
                if keep:
                    kept.append(event)
            judging.close()
            transcript = Transcript(recorded.header, tuple(kept)) if keep else None
            yield _Judged(recorded.client if recorded.several else None, count, judging.found, transcript)


def _opened(file: str) -> AbstractContextManager[IO[bytes]]:
    return nullcontext(sys.stdin.buffer) if file == "-" else Path(file).open("rb")


def _is_one_file(file: str, target: str) -> bool:
    try:
        return file != "-" and Path(file).samefile(target)
    except OSError:  # one of them is not there
        return False


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
            near = get_close_matches(path.name[:LONGEST_NAME], [each.name for each in path.parent.iterdir()])
        except OSError:
            near = []
        if near:
            sentence += f"; did you mean {' or '.join(shown(str(path.with_name(each))) for each in near)}?"
    return sentence


def print_findings(findings: Iterable[Finding], file: str | None = None, client: str | None = None) -> None:
    """Print a line a finding, with the recording and the client where there are several."""
    named = {name: value for name, value in (("file", file), ("client", client)) if value is not None}
    for finding in findings:
        click.echo(json.dumps(forms.finding_json(finding) | named))


def print_footer(events: int, findings: Iterable[Finding], ran: forms.Ran) -> None:
    """Print the line that ends what was found."""
    click.echo(json.dumps(forms.footer_json(events, findings, ran=ran)))

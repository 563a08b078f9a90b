"""The command `scopelaw redact`: a recording that may be shown to everybody."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import IO, Final

import click

from scope_model.events import Transcript
from scope_oracle.exchange import shown
from scope_oracle.transcripts import UnusableTranscript, write

from . import reading, redacted_har
from .redacting import Redactor

_FORMS: Final = ("transcript", "har")

RECORDING: Final = click.Path(readable=False, allow_dash=True)
"""Files, for a shell to complete; what is wrong with one is told where it is read."""


@click.command(
    "redact",
    short_help="Write a recording without its secrets.",
    epilog="\b\nExamples:\n"
    "  scopelaw redact browser.har > transcript.jsonl\n"
    "  scopelaw redact --as har browser.har > shared.har",
)
@click.argument("file", metavar="FILE", type=RECORDING)
@click.option(
    "--as",
    "form",
    type=click.Choice(_FORMS),
    default="transcript",
    show_default=True,
    help="What to write. A HAR holds all clients of a recording, a transcript one.",
)
@click.option(
    "--client", type=click.IntRange(1), help="Which client to write the transcript of, where there are several."
)
def command(*, file: str, form: str, client: int | None) -> int:
    """Write a recording to standard output with a stable name in place of each secret; - is standard input.

    Tokens, codes, verifiers, secrets, states, nonces, client ids, user info and what stands in the paths and queries of
    URLs are replaced; scopes, the spelling of challenges, host names and operations are kept. What was replaced, and
    what could not be read, is said on standard error.
    """
    redactor = Redactor()
    for line in _redacted(file, form, redactor, client):
        click.echo(line, nl=False)
    click.echo(f"scopelaw: {_name(file)}: {redactor.summary()}", err=True)
    return 0


def _redacted(file: str, form: str, redactor: Redactor, client: int | None) -> Iterator[str]:
    """What is to be written; that the recording cannot be read is one sentence."""
    try:
        with nullcontext(sys.stdin.buffer) if file == "-" else Path(file).open("rb") as opened:
            yield from _har(opened, file, redactor) if form == "har" else _transcript(opened, file, redactor, client)
    except UnusableTranscript as wrong:
        raise click.ClickException(f"{_name(file)}: {wrong}") from None
    except OSError as wrong:
        raise click.ClickException(f"cannot read {_name(file)}: {(wrong.strerror or str(wrong)).lower()}") from None


def _name(file: str) -> str:
    return "standard input" if file == "-" else shown(file)


def _har(file: IO[bytes], name: str, redactor: Redactor) -> Iterator[str]:
    yield redacted_har.write(reading.exchanges([(file, name)]), redactor)


def _transcript(file: IO[bytes], name: str, redactor: Redactor, client: int | None) -> Iterator[str]:
    found = reading.read([(file, name)], redactor=redactor)
    if client is None and len(found) > 1:
        clients = ", ".join(f"{at} {shown(one.client)}" for at, one in enumerate(found, 1))
        raise UnusableTranscript(f"several clients were recorded; choose one with --client: {clients}")
    if client is not None and client > len(found):
        raise UnusableTranscript(f"there is no client {client} in it, but {len(found)}")
    recorded = found[(client or 1) - 1]
    for note in recorded.notes:
        click.echo(f"scopelaw: {_name(name)}: {note}", err=True)
    # All of it is read before any is written, so that half a record is never taken for the whole.
    yield from write(Transcript(recorded.header, tuple(recorded.events)))

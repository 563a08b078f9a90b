"""The options that commands share, and how what is given for them is read."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from scope_oracle import checking
from scope_oracle.expecting import BadExpectation, Expected, read_expected
from scope_oracle.jobs import MOST
from scope_oracle.names import UnknownName
from scope_oracle.selecting import selected
from scope_spec import READINGS, REVISIONS, VERDICTS, Reading

from . import completing
from .failing import LONGEST_NAME, unknown

Callback = Callable[[click.Context, click.Parameter, Any], Any]  # Any: whatever an option takes


def one_of(kind: str, words: Sequence[str]) -> Callback:
    """Take one of a few words."""

    def take(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
        if value is not None and value not in words:
            raise click.BadParameter(unknown(kind, value, words, few=True), ctx, param)
        return value

    return take


def choices(ctx: click.Context, param: click.Parameter, given: Iterable[str]) -> dict[str, str]:
    """Take readings, each by id or name, and the value of each."""
    chosen: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        reading = READINGS_BY_NAME.get(name.casefold())
        if not equals:
            wrong = f"{text[:LONGEST_NAME]!r} is not NAME=VALUE, such as union-base=granted"
        elif reading is None:
            wrong = unknown("reading", name, [*READING_NAMES, *READINGS])
        elif value not in reading.values:
            wrong = unknown(f"value of {reading.name}", value, reading.values, few=True)
        else:
            chosen[reading.id] = value
            continue
        raise click.BadParameter(wrong, ctx, param)
    return chosen


READING_NAMES: Final = tuple(reading.name for reading in READINGS.values())
READINGS_BY_NAME: Final[Mapping[str, Reading]] = {
    key.casefold(): reading for reading in READINGS.values() for key in (reading.id, reading.name)
}
Command = TypeVar("Command", bound=Callable[..., Any])


def writable(ctx: click.Context, param: click.Parameter, file: Path | None) -> Path | None:
    """Take a file to write, and refuse one that cannot be before anything is run."""
    if file is None:
        return None
    if file.is_dir() or not os.access(file if file.exists() else file.absolute().parent, os.W_OK):
        raise click.BadParameter(f"cannot write {file}: there is no such folder, or it is not ours", ctx, param)
    return file


def expectations(ctx: click.Context, param: click.Parameter, file: Path | None) -> tuple[Expected, ...] | None:
    """Take a file of expected findings; None where there is no such file."""
    try:
        return None if file is None else read_expected(file)
    except BadExpectation as wrong:
        raise click.BadParameter(str(wrong), ctx, param) from None


def selection(ctx: click.Context, param: click.Parameter, given: Iterable[str]) -> frozenset[str]:
    """Take the names of clauses, families and verdicts."""
    try:
        return selected(given)
    except UnknownName as wrong:
        raise click.BadParameter(str(wrong), ctx, param) from None


REVISION: Final = click.option(
    "--revision",
    metavar="DATE",
    callback=one_of("revision", REVISIONS),
    shell_complete=completing.words(REVISIONS),
    help=f"The revision of MCP: {', '.join(REVISIONS)}.",
)
READING: Final = click.option(
    "--reading",
    "readings",
    metavar="NAME=VALUE",
    multiple=True,
    callback=choices,
    shell_complete=completing.readings,
    help="Take this side of a disputed choice; may be given several times.",
)
FAIL_ON: Final = click.option(
    "--fail-on",
    metavar="VERDICT",
    callback=one_of("verdict", VERDICTS),
    shell_complete=completing.words(VERDICTS),
    default="discouraged",
    show_default=True,
    help=f"The mildest verdict that ends with 1: {', '.join(VERDICTS)}.",
)
EXAMPLES: Final = click.option(
    "--examples",
    type=click.IntRange(1),
    default=checking.EXAMPLES,
    show_default=True,
    help="How many episodes to run.",
)
COMMAND: Final = click.option(
    "--command",
    metavar="TEXT",
    help="In place of SUBJECT: the conformance client that is started as TEXT SERVER_URL.",
)
SEED: Final = click.option(
    "--seed", type=int, default=0, show_default=True, help="The same seed gives the same result."
)
RELEASE: Final = click.option(
    "--sdk-version",
    "release",
    metavar="RELEASE",
    help="Test this release of the SDK, in an environment of its own.",
)
JOBS: Final = click.option(
    "--jobs",
    type=click.IntRange(1, MOST),
    show_default="one a core; 1 for the model and its policies",
    help="How many processes to work in.",
)
FILE: Final = click.Path(dir_okay=False, path_type=Path)
SELECT: Final = click.option(
    "--select",
    metavar="NAMES",
    multiple=True,
    callback=selection,
    shell_complete=completing.selections,
    help="Report only these clauses, families (ACC) or verdicts, with commas or several times.",
)
IGNORE: Final = click.option(
    "--ignore",
    metavar="NAMES",
    multiple=True,
    callback=selection,
    shell_complete=completing.selections,
    help="Report all but these clauses, families or verdicts.",
)
FOLDER: Final = click.Path(file_okay=False, path_type=Path)
READINGS_HELP: Final = "\b\n" + textwrap.fill(
    f"Readings: {', '.join(READING_NAMES)}. scopelaw explain NAME shows the values of one.",
    width=76,
    subsequent_indent="  ",
    break_on_hyphens=False,
)


_FORMATS: Final = ("text", "json")


def format_(default: str) -> Callable[[Command], Command]:
    """The option that says for whom the output is."""
    return click.option(
        "--format",
        "form",
        metavar="FORMAT",
        callback=one_of("format", _FORMATS),
        shell_complete=completing.words(_FORMATS),
        default=default,
        show_default=True,
        help="text, for people, or json, for programs.",
    )


def example(*lines: str) -> str:
    """What the help of a command ends with."""
    return "\b\nExample" + ("s" if len(lines) > 1 else "") + ":\n" + "\n".join(f"  {line}" for line in lines)

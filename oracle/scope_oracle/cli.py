"""The command line: check a client, judge what was recorded of one, explain a rule, compare two clients.

Results go to standard output; progress goes to standard error. Whatever cannot be used is one sentence on standard
error and ends with 2. Each command has a file in `commands`, or one beside what it is about.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TextIO, cast

import click

from . import reporting, vectors
from .commands.check import check
from .commands.compare import compare
from .commands.explain import explain
from .commands.failing import UNUSABLE, complain
from .commands.group import Commands
from .commands.history import history_
from .commands.judge import judge
from .commands.options import example
from .commands.smoke import smoke
from .recordings import command as redacting


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=example("scopelaw check", "scopelaw judge recorded.jsonl", "scopelaw explain ACC-1"),
)
@click.version_option(package_name="scopelaw", prog_name="scopelaw", message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Which scopes an OAuth client of an MCP server asks for, and which of the rules it breaks."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


_ELSEWHERE = (vectors.command, reporting.command, redacting.command)
for _command in (check, smoke, history_, judge, explain, compare, *_ELSEWHERE):
    cli.add_command(_command)


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

"""What is made of results that were written as JSON: a page over several, and a finding as an issue."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import click

from .exchange import shown
from .issues import issue
from .names import UnknownName
from .page import report_html, write_whole
from .reports import Found, Report, UnusableReport, read_report, read_reports

Read = TypeVar("Read")

_FILE: Final = click.Path(dir_okay=False, path_type=Path)


@click.command(
    "report",
    short_help="Make a page of results.",
    epilog="\b\nExample:\n  scopelaw check --format json > mine.json; scopelaw report mine.json --html mine.html",
)
@click.argument("files", metavar="RESULT.json...", nargs=-1, required=True, type=_FILE)
@click.option("--html", type=_FILE, help="Write the page to this file, and not to standard output.")
def command(*, files: tuple[Path, ...], html: Path | None) -> None:
    """Make one page of results that `scopelaw check --format json` printed, a column each.

    What `pytest --scopelaw-report` wrote is taken, too.
    """
    text = report_html([report for file in files for report in _read(read_reports, file)])
    if html is None:
        click.echo(text, nl=False)
        return
    try:
        write_whole(html, text)
    except OSError as wrong:
        raise click.ClickException(f"cannot write {html}: {wrong.strerror}") from None


def issue_named(name: str) -> str:
    """The finding that FILE#N or FILE#CLAUSE/cause names, in Markdown, counting from 1."""
    file, mark, wanted = name.rpartition("#")
    if not mark or not file:
        raise click.ClickException(f"{shown(name)} is not FILE#N or FILE#CLAUSE/cause, such as mine.json#1")
    report = _read(read_report, Path(file))
    return issue(report, _finding(report, wanted))


def _finding(report: Report, wanted: str) -> Found:
    count = len(report.findings)
    if wanted.isdecimal():
        if not 1 <= int(wanted) <= count:
            raise click.ClickException(f"there is no finding {wanted[:9]}: the report has {count}")
        return report.findings[int(wanted) - 1]
    named = {f"{found.clause}/{found.cause}": found for found in reversed(report.findings)}
    if wanted not in named:
        of_it = [name for name in reversed(named) if name.partition("/")[0] == wanted]
        otherwise = f"the report has {', '.join(of_it)}" if of_it else ""
        raise click.ClickException(str(UnknownName("finding", wanted[:80], list(named), otherwise)))
    return named[wanted]


def _read(read: Callable[[Path], Read], file: Path) -> Read:
    try:
        return read(file)
    except UnusableReport as wrong:
        raise click.ClickException(f"{shown(str(file))}: {wrong}") from None
    except OSError as wrong:
        raise click.ClickException(
            f"cannot read {shown(str(file))}: {(wrong.strerror or str(wrong)).lower()}"
        ) from None

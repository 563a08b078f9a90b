"""How a command fails: one sentence on standard error, and the right exit status."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Final

import click

from scope_judge.findings import Finding
from scope_oracle.exchange import printable
from scope_oracle.names import UnknownName
from scope_oracle.outcome import SEVERITY
from scope_spec import Verdict

FOUND: Final = 1
UNUSABLE: Final = 2
INTERRUPTED: Final = 130
CUT_SHORT: Final = 141
"""The reader of our output went away: what a program that a broken pipe ends by a signal would leave."""
_UNWRITABLE: Final = (errno.EBADF, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOSPC)
"""How writing fails; what else is written says so itself."""
LONGEST_NAME: Final = 80


class Unusable(click.ClickException):
    """Something that was given cannot be used."""

    exit_code = UNUSABLE


@contextmanager
def written() -> Iterator[None]:
    """Where standard output is written to the end; that it cannot be is a status or a sentence."""
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        give_up(sys.stdout)
        raise click.exceptions.Exit(CUT_SHORT) from None
    except OSError as wrong:
        if wrong.errno not in _UNWRITABLE:
            raise
        give_up(sys.stdout)
        raise Unusable(f"cannot write to standard output: {wrong.strerror}") from None


def give_up(stream_: IO[str]) -> None:
    """Let what is still buffered go nowhere, instead of failing again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream_.fileno())


def complain(sentence: str) -> None:
    """Say in one line on standard error what is wrong, if anybody can hear it."""
    try:
        click.echo(printable(f"scopelaw: {sentence}"), err=True)
    except OSError:
        give_up(sys.stderr)


def unknown(kind: str, name: str, known: Iterable[str], *, few: bool = False) -> str:
    """A sentence on a name that is not known, with the near ones, or with all where they are `few`."""
    names = tuple(known)
    wrong = UnknownName(kind, name[:LONGEST_NAME], names)
    return f"{wrong}; choose from {', '.join(names)}" if few and not wrong.near else str(wrong)


def status_of(findings: Iterable[Finding], fail_on: Verdict) -> int:
    """How a command ends that found this."""
    limit = SEVERITY[fail_on]
    return FOUND if any(SEVERITY[finding.verdict] >= limit for finding in findings) else 0

"""What is to be put under test, and the processes to do it in, for as long as it takes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from functools import partial

import click

from scope_oracle import checking
from scope_oracle.jobs import Jobs, Opening
from scope_oracle.names import UnknownName
from scope_oracle.subjects import DriverFault, SubjectUnavailable, commanded, subject
from scope_properties.subjects import Subject
from scope_spec import Revision

from .failing import Unusable


def opening_of(
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
def opened(opening: Opening, progress: Callable[[checking.Progress], None]) -> Iterator[Subject]:
    """A subject for as long as it is under test; what is wrong with it is one sentence."""
    try:
        with opening(say=lambda doing: progress(checking.Progress(0, 0, 0, doing))) as chosen:
            yield chosen
    except (UnknownName, SubjectUnavailable, DriverFault) as wrong:
        raise Unusable(str(wrong)) from None


@contextmanager
def aside() -> Iterator[None]:
    """Standard output is for results: what a client in this process prints meanwhile goes to standard error."""
    with redirect_stdout(sys.stderr):
        yield


@contextmanager
def bench_of(
    opening: Opening, jobs: int, revision: Revision, readings: Mapping[str, str], *, costly: bool
) -> Iterator[Jobs | None]:
    """Processes to work in, where more than one is wanted."""
    if jobs == 1:
        yield None
        return
    with Jobs(opening, jobs, revision, readings, costly=costly) as bench:
        yield bench

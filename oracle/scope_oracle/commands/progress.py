"""What a command is doing, and how long it will take: a bar on a terminal, else a line a minute."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread
from time import monotonic
from typing import Final

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar

from scope_oracle.checking import Progress

EVERY: Final = 60.0
"""Seconds between two lines where nobody watches: build servers end what says nothing for some minutes."""


@contextmanager
def showing() -> Iterator[Callable[[Progress], None]]:
    """Show progress on standard error for as long as something takes."""
    with _bar() if sys.stderr.isatty() else _lines() as show:
        yield show


@contextmanager
def _bar() -> Iterator[Callable[[Progress], None]]:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[found]} found"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None, found=0)

        def show(now: Progress) -> None:
            if now.doing != bar.tasks[0].description:
                bar.reset(task, description=now.doing)  # each thing that is done has a pace of its own
            bar.update(task, completed=now.done, total=now.of or None, found=now.found)

        yield show


@dataclass(slots=True)
class Pace:
    """What was heard of last, and since when this is what is done."""

    now: Progress = field(default_factory=lambda: Progress(0, 0, 0, "starting"))
    since: float = field(default_factory=monotonic)

    def hear(self, now: Progress) -> None:
        """Take in how far it has come."""
        if now.doing != self.now.doing:
            self.since = monotonic()
        self.now = now

    def line(self) -> str:
        """How far it has come, and how long it will take at this pace, where that can be told."""
        now = self.now
        if not now.of:
            return f"{now.doing}: {now.done} so far, {now.found} found" if now.done else now.doing
        told = f"{now.doing}: {now.done} of {now.of}, {now.found} found"
        if not now.done:
            return told
        left = (monotonic() - self.since) * (now.of - now.done) / now.done
        return f"{told}, about {max(1, round(left / 60))} min left" if left > EVERY / 2 else f"{told}, nearly done"


@contextmanager
def _lines() -> Iterator[Callable[[Progress], None]]:
    """A line a minute, whatever happens meanwhile: a build says nothing for many."""
    pace, over = Pace(), Event()

    def tell() -> None:
        while not over.wait(EVERY):
            click.echo(f"scopelaw: {pace.line()}", err=True)

    telling = Thread(target=tell, daemon=True)
    telling.start()
    try:
        yield pace.hear
    finally:
        over.set()
        telling.join()

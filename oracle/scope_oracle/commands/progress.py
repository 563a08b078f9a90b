"""What a command is doing, and how long it will take."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn
from rich.progress import Progress as Bar

from scope_oracle import checking


@contextmanager
def showing() -> Iterator[Callable[[checking.Progress], None]]:
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

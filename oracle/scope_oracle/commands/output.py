"""Where results go: standard output, and the files that a command is told to write."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from rich.console import Console

from scope_model.events import Transcript
from scope_oracle import page
from scope_oracle.exchange import shown
from scope_oracle.forms import Ran
from scope_oracle.transcripts import write

from .failing import Unusable

_WIDTH: Final = 110


def ran_since(began: float) -> Ran:
    """How this command came to its report, if it began then by the monotonic clock."""
    return Ran.since(began, "scopelaw", *sys.argv[1:])


class _Output(Console):
    """Standard output; that nobody reads it is for the command to know."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def console() -> Console:
    """Where text for people goes."""
    # A file or a pipe has no width of its own, and titles should not be cut for want of one.
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else _WIDTH
    return _Output(width=width, highlight=False, markup=False, emoji=False)


def write_file(file: Path, text: str) -> None:
    """Write a file whole; raises Unusable."""
    try:
        page.write_whole(file, text)
    except OSError as wrong:
        raise Unusable(f"cannot write {file}: {wrong.strerror}") from None


def add_lines(file: Path, lines: Iterable[str]) -> None:
    """Write lines at the end of a file; raises Unusable."""
    try:
        with file.open("a", encoding="utf-8") as opened:
            opened.writelines(f"{line}\n" for line in lines)
    except OSError as wrong:
        raise Unusable(f"cannot write {shown(str(file))}: {(wrong.strerror or str(wrong)).lower()}") from None


def write_transcript(path: Path, transcript: Transcript) -> None:
    """Write a transcript; raises Unusable."""
    try:
        with path.open("w", encoding="utf-8") as file:
            file.writelines(write(transcript))
    except OSError as wrong:
        raise Unusable(f"cannot write {shown(str(path))}: {(wrong.strerror or str(wrong)).lower()}") from None


def make_folder(folder: Path) -> None:
    """Make a folder where there is none; raises Unusable."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as wrong:
        raise Unusable(f"cannot write into {shown(str(folder))}: {(wrong.strerror or str(wrong)).lower()}") from None

"""A released client behind a wrapper: a conformance client that is built here, and whose browser is ours."""

from __future__ import annotations

import sys
from pathlib import Path
from shlex import join, quote
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Final, Self

from . import browser
from .building import Built
from .command import Command

# Whatever would lead to a browser of the user's own is taken out of what the client sees.
_TERMINAL: Final = "unset DISPLAY WAYLAND_DISPLAY; export APPLICATION=$$ XDG_CURRENT_DESKTOP=X-Generic"


class Wrapped(Command):
    """A wrapper as a subject; what its client keeps in temporary files is gone with its context."""

    def __init__(self, name: str, built: Built) -> None:
        self._name = name
        self._release = built.release
        self._desk = TemporaryDirectory(prefix="scopelaw-")
        desk = quote(self._desk.name)
        super().__init__(
            f"cd {quote(str(built.folder))} && {_TERMINAL} TMPDIR={desk} BROWSER={desk}/xdg-open PATH={desk}:$PATH"
            f" && exec {join(built.command)}"
        )

    def __enter__(self) -> Self:
        opener = Path(self._desk.name) / "xdg-open"
        program = join([sys.executable, "-IS", browser.__file__])
        opener.write_text(f'#!/bin/sh\nexec {program} "$APPLICATION" "$1"\n', "utf-8")
        opener.chmod(0o700)
        return super().__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        self._desk.cleanup()

    @property
    def name(self) -> str:
        """What it is called on the command line."""
        return self._name

    @property
    def version(self) -> str:
        """The release of its client."""
        return self._release

"""A released client behind a wrapper: a conformance client that is built here, and whose browser is ours."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import join, quote
from tempfile import TemporaryDirectory
from typing import Final

from scope_spec import Revision

from . import browser
from .building import Built
from .command import Command

# Whatever would lead to a browser of the user's own is taken out of what the client sees.
_TERMINAL: Final = "unset DISPLAY WAYLAND_DISPLAY; export APPLICATION=$$ XDG_CURRENT_DESKTOP=X-Generic"


class Wrapped(Command):
    """A conformance client that has a name and a release."""

    def __init__(self, name: str, release: str, command: str, revision: Revision = "2026-07-28") -> None:
        self._name = name
        self._release = release
        super().__init__(command, revision)

    @property
    def name(self) -> str:
        """What it is called on the command line."""
        return self._name

    @property
    def version(self) -> str:
        """The release of its client."""
        return self._release


@contextmanager
def wrapped(name: str, built: Built) -> Iterator[Wrapped]:
    """The client called `name` as a subject; what it keeps in temporary files is gone with the context."""
    with TemporaryDirectory(prefix="scopelaw-") as desk:
        opener = Path(desk) / "xdg-open"
        program = join([sys.executable, "-IS", browser.__file__])
        opener.write_text(f'#!/bin/sh\nexec {program} "$APPLICATION" "$1"\n', "utf-8")
        opener.chmod(0o700)
        seen = f"TMPDIR={quote(desk)} BROWSER={quote(str(opener))} PATH={quote(desk)}:$PATH"
        command = f"cd {quote(str(built.folder))} && {_TERMINAL} {seen} && exec {join(built.command)}"
        with Wrapped(name, built.release, command) as client:
            yield client

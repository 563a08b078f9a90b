"""Where a client of one's own is written, and by what name: for reports beside the code, and to see a finding again."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from scope_properties.subjects import Subject


def source_of(subject: str) -> str | None:
    """The file of a client that goes by package.module:name, from the root of what is checked; None where it has none.

    That root is the folder of the repository on GitHub (GITHUB_WORKSPACE), else the one that the command is run in.
    """
    module, named, _ = subject.partition(":")
    file = getattr(sys.modules.get(module), "__file__", None) if named else None
    root = Path(os.environ.get("GITHUB_WORKSPACE") or ".").resolve()
    if file is None or not Path(file).resolve().is_relative_to(root):
        return None
    return Path(file).resolve().relative_to(root).as_posix()


def named_in(subject: Subject | None) -> tuple[str, str] | None:
    """The module that has a subject, and its name there; None where no module that can be imported has it."""
    return next(((module, name) for module, name, value in _globals() if value is subject is not None), None)


def _globals() -> Iterator[tuple[str, str, object]]:
    for module, loaded in list(sys.modules.items()):
        if module != "__main__" and all(map(str.isidentifier, module.split("."))):
            # What stands in for a module may be anything.
            yield from ((module, name, value) for name, value in list(getattr(loaded, "__dict__", {}).items()))

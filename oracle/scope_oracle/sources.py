"""Where a client of one's own is written, for reports that are shown beside the code."""

from __future__ import annotations

import os
import sys
from pathlib import Path


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

"""An SDK with an edit or two of its source, applied when its code is loaded: its files stay as they are."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType

from scope_oracle.causes import Edit, edited

THEIRS = ("mcp.client.auth", "mcp.shared.auth")
"""What is loaded anew of the Python SDK: all that its edits are about."""


class Loader(SourceFileLoader):
    """Loads a module from its edited source, whatever was compiled of it before."""

    def __init__(self, name: str, path: str, edits: Sequence[Edit]) -> None:
        super().__init__(name, path)
        self.edits = edits

    def get_code(self, fullname: str) -> CodeType | None:
        path = self.get_filename(fullname)
        return compile(edited(self.get_data(path).decode(), path, self.edits), path, "exec")


class Finder(MetaPathFinder):
    """Finds the modules where Python does, and has them loaded by `Loader`."""

    def __init__(self, edits: Sequence[Edit]) -> None:
        self.edits = edits

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not is_theirs(fullname):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.origin is not None:
            spec.loader = Loader(fullname, spec.origin, self.edits)
        return spec


def is_theirs(module: str) -> bool:
    return any(module == name or module.startswith(name + ".") for name in THEIRS)


@contextmanager
def repaired_python(edits: Sequence[Edit]) -> Iterator[None]:
    """The installed Python SDK with its client's authorization edited, for as long as the context."""
    finder = Finder(edits)
    before = {name: sys.modules.pop(name) for name in [*sys.modules] if is_theirs(name)}
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in [*sys.modules]:
            if is_theirs(name):
                del sys.modules[name]
        sys.modules.update(before)

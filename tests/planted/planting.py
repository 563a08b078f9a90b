"""A bug planted into a private copy of the released Python SDK: in this process, or in a folder for another one.

An edit must match the source exactly once, so that a release that reads otherwise is told from one that is still wrong.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from types import CodeType, ModuleType
from typing import Final

from typing_extensions import override

from scope_oracle.subjects.python_sdk import PythonSdk
from scope_properties.episodes import Episode

RELEASE: Final = "2.3.0"
"""The release whose source the edits are written for."""

FLOW: Final = "mcp.client.auth.oauth2"
READING: Final = "mcp.client.auth.utils"
MACHINE: Final = "mcp.client.auth.extensions.client_credentials"

_COPIED: Final = ("mcp.client.auth", "mcp.shared.auth")


class OtherRelease(Exception):
    """The installed SDK is not the one that an edit was written for; the message says where they part."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A piece of a module's source, and what takes its place."""

    module: str
    search: str
    replace: str


@dataclass(frozen=True, slots=True)
class Bug:
    """A planted bug: the clause that must find it, its edits, and a legal episode in which it changes the wire.

    `commanded` is whether a conformance client can show it: it has one server, two methods and a tool, no restart, no
    account of its own, and always a user. Where no call ever carries a token, it is turned away before any episode, as
    no client at all.
    """

    name: str
    clause: str
    says: str
    edits: tuple[Edit, ...]
    probe: Episode
    commanded: bool = True


def edited(module: str, source: str, edits: Sequence[Edit]) -> str:
    """The source with a module's edits; raises OtherRelease where one does not match exactly once."""
    for edit in edits:
        if edit.module != module:
            continue
        found = source.count(edit.search)
        if found != 1:
            here = f"mcp {version('mcp')}"
            raise OtherRelease(f"{here}: an edit for {RELEASE} matches {module} {found} times: {edit.search!r}")
        source = source.replace(edit.search, edit.replace)
    return source


def planted(bug: Bug) -> PythonSdk:
    """The SDK with a bug in it, as a subject of this process; the one that others import stays as it is."""
    with _set_aside(), _found_by(_Planting(bug.edits)):
        return PythonSdk()


def copied(bug: Bug, folder: Path) -> None:
    """Copy the SDK's package into a folder, with the bug in it: before all others on PYTHONPATH, it is the SDK."""
    spec = find_spec("mcp")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    (package,) = spec.submodule_search_locations
    shutil.copytree(package, folder / "mcp", ignore=shutil.ignore_patterns("__pycache__"))
    for module in {edit.module for edit in bug.edits}:
        file = folder.joinpath(*module.split(".")).with_suffix(".py")
        file.write_text(edited(module, file.read_text("utf-8"), bug.edits), "utf-8")


class _Planting(MetaPathFinder):
    """Finds the modules that have edits."""

    def __init__(self, edits: Sequence[Edit]) -> None:
        self._edits = edits

    @override
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in {edit.module for edit in self._edits}:
            return None
        spec = PathFinder.find_spec(fullname, path)
        if spec is not None and spec.origin is not None:
            spec.loader = _Edited(fullname, spec.origin, self._edits)
        return spec


class _Edited(SourceFileLoader):
    """Loads a module with its edits, and keeps no bytecode of it."""

    def __init__(self, fullname: str, path: str, edits: Sequence[Edit]) -> None:
        super().__init__(fullname, path)
        self._edits = edits

    @override
    def get_code(self, fullname: str) -> CodeType:
        source = edited(fullname, Path(self.path).read_text("utf-8"), self._edits)
        return compile(source, self.path, "exec", dont_inherit=True)


@contextmanager
def _set_aside() -> Iterator[None]:
    """Within, the SDK's modules that are copied are imported anew; afterwards all is as it was."""
    kept = {name: module for name, module in sys.modules.items() if name.startswith(_COPIED)}
    # A package holds its modules as attributes as well.
    parents = [sys.modules[name] for name in ("mcp.client", "mcp.shared") if name in sys.modules]
    held = [(parent, dict(vars(parent))) for parent in parents]
    for name in kept:
        del sys.modules[name]
    try:
        yield
    finally:
        for name in [name for name in sys.modules if name.startswith(_COPIED)]:
            del sys.modules[name]
        sys.modules.update(kept)
        for parent, attributes in held:
            vars(parent).update(attributes)


@contextmanager
def _found_by(finder: MetaPathFinder) -> Iterator[None]:
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)

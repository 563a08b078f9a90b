"""Drivers and wrappers: what their folders say, and building one for a release, once, in the user's cache."""

from __future__ import annotations

import fcntl
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from shlex import join
from typing import Final

from cattrs import structure
from platformdirs import user_cache_path

from scope_model.events import ConfiguredMode
from scope_oracle.subjects import SubjectUnavailable

from .groups import begun, end_group

DRIVERS: Final = Path(str(files("scope_oracle"))) / "drivers"
"""Where the drivers' folders are."""

WRAPPERS: Final = Path(str(files("scope_oracle"))) / "wrappers"
"""Where the wrappers' folders are."""

_LOG: Final = "build.log"
_DONE: Final = "built"
_COMPILED: Final = "__pycache__"
"""What an installation adds to a folder, anew each time."""

_TOLD_OF_A_FAILURE: Final = 6
"""How many lines of a build that failed are told."""

_LONGEST: Final = 200
"""How much of such a line; registries list every release that there is."""

_RELEASE: Final = re.compile(r"[0-9][0-9A-Za-z.+-]*")


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the program in a folder is built and run: what a wrapper says of itself (wrappers/README.md)."""

    name: str
    language: str
    package: str
    version: str
    releases: str
    needs: tuple[str, ...]
    locked: tuple[tuple[str, ...], ...]
    release: tuple[tuple[str, ...], ...]
    run: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Manifest(Recipe):
    """What a driver's folder says of itself (drivers/README.md)."""

    configured_mode: ConfiguredMode
    grant_types: tuple[str, ...]
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Built:
    """A program that is ready to run: its command, and the folder to run it in."""

    command: tuple[str, ...]
    folder: Path
    release: str


def manifest(name: str) -> Manifest:
    """What the folder of the driver called `name` says."""
    return structure(tomllib.loads((DRIVERS / name / "driver.toml").read_text("utf-8")), Manifest)


def drivers() -> tuple[str, ...]:
    """The names of all drivers."""
    return tuple(sorted(path.parent.name for path in DRIVERS.glob("*/driver.toml")))


def recipe(name: str) -> Recipe:
    """What the folder of the wrapper called `name` says."""
    return structure(tomllib.loads((WRAPPERS / name / "wrapper.toml").read_text("utf-8")), Recipe)


def wrappers() -> tuple[str, ...]:
    """The names of all wrappers."""
    return tuple(sorted(path.parent.name for path in WRAPPERS.glob("*/wrapper.toml")))


def build(program: Recipe, version: str | None, say: Callable[[str], None], folders: Path | None = None) -> Built:
    """Build a program with a release of its SDK, that of its lock file where none is named, unless it was built before.

    Its folder is one of `folders`, of DRIVERS or WRAPPERS where none are named. `say` is told what is being done.
    Raises SubjectUnavailable where a tool is missing, or where it cannot be built.
    """
    missing = [tool for tool in program.needs if shutil.which(tool) is None]
    if missing:
        raise SubjectUnavailable(f"{program.name} is built with {' and '.join(missing)}, which is not installed here")
    release = (program.version if version is None else version).removeprefix("v")
    if not _RELEASE.fullmatch(release):
        raise SubjectUnavailable(f"{release!r} is no release of {program.package}: one looks like {program.version}")
    try:
        folder = _built(program, release, say, folders or (DRIVERS if isinstance(program, Manifest) else WRAPPERS))
    except OSError as wrong:
        raise SubjectUnavailable(f"cannot build {program.name} {release}: {wrong}") from None
    return Built(program.run, folder, release)


def _built(program: Recipe, release: str, say: Callable[[str], None], folders: Path) -> Path:
    """The folder in which a program is built."""
    source = folders / program.name
    cache = user_cache_path("scopelaw")
    folder = cache / "drivers" / f"{program.name}-{release}-{_digest(source)}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _locked(folder.with_suffix(folder.suffix + ".lock")) as lock:
        if not (folder / _DONE).exists():
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(source, folder, ignore=shutil.ignore_patterns(_COMPILED))
            given = {"version": release, "python": sys.executable, "cache": str(cache)}
            for command in program.locked if release == program.version else program.release:
                words = [_filled(word, given) for word in command]
                say(f"building {program.name} {release}: {' '.join(command[:3])}")
                _run(words, folder, f"cannot build {program.name} {release}", lock)
            (folder / _DONE).touch()
    return folder


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """The descriptor of a file that nobody else has locked: somebody else may be building the same."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield lock.fileno()
        finally:
            fcntl.flock(lock, fcntl.LOCK_UN)  # what a build leaves running may have the file open for ever


def _filled(word: str, given: Mapping[str, str]) -> str:
    for name, value in given.items():
        word = word.replace(f"{{{name}}}", value)
    return word


def _run(command: Sequence[str], folder: Path, complaint: str, lock: int) -> None:
    """Run one command of a build; whatever ends it ends all that it started.

    Where we are ended by force, the lock is held until that is gone as well.
    """
    log = folder / _LOG
    with log.open("ab") as out:
        process = subprocess.Popen(  # noqa: S603 - from a file of ours
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that whatever it starts can be ended with it
            pass_fds=[lock],
        )
        try:
            status = begun(process).wait()
        finally:
            end_group(process)
    if status:
        lines = log.read_text("utf-8", "replace").splitlines()
        said = " ".join(list(dict.fromkeys(filter(None, map(_said, lines))))[-_TOLD_OF_A_FAILURE:])
        raise SubjectUnavailable(f"{complaint}: {join(command)} ended with {status}: {said} (all of it is in {log})")


def _said(line: str) -> str:
    """What is told of a line: its beginning and its end, and nothing where it only says that something is wrong."""
    line = " ".join(line.split())
    if line == "npm error":
        return ""
    half = _LONGEST // 2
    return line if len(line) <= _LONGEST else f"{line[:half]} … {line[-half:]}"


def _digest(folder: Path) -> str:
    """What a folder holds, in a few letters: a changed program is built anew."""
    digest = sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and _COMPILED not in path.parts:
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]

"""The drivers of compiled SDKs, with an edit or two of the SDK's source: built from a copy, theirs stays as it is."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from platformdirs import user_cache_path

from scope_oracle.causes import Edit, edited
from scope_oracle.subjects import silent
from scope_oracle.subjects.building import build, manifest
from scope_oracle.subjects.driver import Driven

PROGRAM = "rust-sdk-driver"
BUILDING = 600.0
"""Seconds that a build may take: the first one of a machine compiles all that the SDK depends on, too."""


@contextmanager
def in_go(release: str, edits: Sequence[Edit]) -> Iterator[Driven]:
    """The driver of the Go SDK, whose module is replaced by a copy with edits."""
    with TemporaryDirectory(prefix="scopelaw-") as folder, _go(release, edits, Path(folder)) as subject:
        yield subject


def _go(release: str, edits: Sequence[Edit], folder: Path) -> Driven:
    driver = manifest("go-sdk")
    built = build(driver, release, silent)
    theirs = _said("go", "list", "-m", "-f", "{{.Dir}}", driver.package, within=built.folder)
    copy = _edited(Path(theirs), edits, folder / "sdk")
    for name in ("go.mod", "go.sum"):
        shutil.copy(built.folder / name, folder)
    _said("go", "mod", "edit", f"-replace={driver.package}={copy}", f"{folder}/go.mod", within=built.folder)
    program = folder / "driver"
    _said("go", "build", f"-modfile={folder}/go.mod", "-buildvcs=false", "-o", f"{program}", ".", within=built.folder)
    return Driven(driver.name, (f"{program}",), driver, built.folder, built.release)


def in_rust(release: str, edits: Sequence[Edit]) -> Driven:
    """The driver of the Rust SDK, whose crate is patched by a copy with edits.

    That copy has one place in the user's cache, so that cargo compiles it over the last one, and nothing else anew.
    """
    driver = manifest("rust-sdk")
    built = build(driver, release, silent)
    folder = user_cache_path("scopelaw") / "repairs" / f"rust-sdk-{release}"
    shutil.copytree(built.folder, folder, dirs_exist_ok=True)
    home = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    (theirs, *_) = home.glob(f"registry/src/*/{driver.package}-{release}")
    copy = _edited(theirs, edits, folder / "sdk")
    (copy / "src" / "lib.rs").touch()  # cargo goes by times, and what was edited before has its old one again
    # What runs for seconds is not worth the time to optimize it.
    settings = [f"profile.release.package.{name}.opt-level=0" for name in (driver.package, PROGRAM)]
    settings.append(f"patch.crates-io.{driver.package}.path={str(copy)!r}")
    target = user_cache_path("scopelaw") / "rust-target"
    how = [word for setting in settings for word in ("--config", setting)]
    _said("cargo", "build", "--release", "--quiet", "--offline", "--target-dir", f"{target}", *how, within=folder)
    program = shutil.copy(target / "release" / PROGRAM, folder)
    return Driven(driver.name, (f"{program}",), driver, built.folder, built.release)


def _edited(theirs: Path, edits: Sequence[Edit], copy: Path) -> Path:
    """A copy of the source of an SDK as its edits make it; what they leave alone keeps its time."""
    shutil.copytree(theirs, copy, dirs_exist_ok=True)
    for file in {edit.file for edit in edits}:
        path = copy / file
        path.chmod(0o644)
        path.write_text(edited(path.read_text("utf-8"), file, edits), "utf-8")
    return copy


def _said(*command: str, within: Path) -> str:
    """What a command printed; raises AssertionError with what it complained about."""
    done = subprocess.run(command, cwd=within, capture_output=True, text=True, timeout=BUILDING, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()

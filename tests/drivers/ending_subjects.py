"""What is checked when a check is ended: small subjects that tell when a moment has come, and then take their time."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from itertools import chain, repeat
from pathlib import Path
from time import sleep

from scope_model.events import AUTHORIZATION_CODE
from scope_oracle import checking
from scope_oracle.subjects import building, commanded
from scope_oracle.subjects.building import Manifest, build
from scope_oracle.subjects.driver import Driven
from scope_properties.mutants import MUTANTS
from scope_properties.subjects import Subject

HERE = Path(__file__).parent
REFERENCE = (sys.executable, str(HERE / "reference.py"), "replaces")
CLIENT = f"cd {shlex.quote(str(HERE.parent))} && {shlex.quote(sys.executable)} -m drivers.conformance_client replaces"
MAKES = "import subprocess, sys, time; subprocess.Popen(['sleep', '600']); time.sleep(600)"


def manifest(*made_by: str) -> Manifest:
    """A driver that is built by a command."""
    commands = (made_by,) if made_by else ()
    return Manifest(
        "ours", "Python", "scopelaw", "0", "0", (), commands, (), REFERENCE, "fallback", (AUTHORIZATION_CODE,)
    )


def model(_: str, __: str | None = None, say: object = None) -> AbstractContextManager[Subject]:  # noqa: ARG001
    """A mutant in this process."""
    return nullcontext(MUTANTS["replaces"].subject)


def driver(_: str, __: str | None = None, say: object = None) -> AbstractContextManager[Subject]:  # noqa: ARG001
    """The same mutant behind the driver contract."""
    return Driven("reference", REFERENCE, manifest())


def command(_: str, __: str | None = None, say: object = None) -> AbstractContextManager[Subject]:  # noqa: ARG001
    """The same mutant by its command line."""
    return commanded(CLIENT, "2026-07-28")

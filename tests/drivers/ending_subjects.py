"""What is checked when a check is ended: small subjects, and a note that is written when the moment has come.

Started from the folder above as `python -m drivers.ending_subjects ARGUMENT...` it is the command line, with such a
subject called `model`. The environment names MOMENT, SUBJECT and NOTE; each process that works imports this, too.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from time import sleep

from scope_model.events import AUTHORIZATION_CODE
from scope_oracle import checking, cli, tally
from scope_oracle.commands import opening
from scope_oracle.subjects import commanded, silent
from scope_oracle.subjects.building import Manifest, build
from scope_oracle.subjects.driver import Driven
from scope_properties.mutants import MUTANTS
from scope_properties.subjects import Subject

HERE = Path(__file__).parent
NOTE = Path(os.environ["NOTE"])
MOMENT, SUBJECT = os.environ["MOMENT"], os.environ["SUBJECT"]
REFERENCE = (sys.executable, str(HERE / "reference.py"), *["replaces"] * 1000)
CLIENT = f"cd {shlex.quote(str(HERE.parent))} && {shlex.quote(sys.executable)} -m drivers.conformance_client replaces"
MAKES = """
import pathlib, subprocess, sys, time
subprocess.Popen([sys.executable, "-ISc", "import time; time.sleep(600)"])
pathlib.Path(sys.argv[1]).touch()
time.sleep(600)
"""


def ours(*made_by: str) -> Manifest:
    """What the driver of the reference would say of itself."""
    grant_types = (AUTHORIZATION_CODE,)
    return Manifest("ours", "Python", "scopelaw", "0", "0", (), (made_by,), (), REFERENCE, "fallback", grant_types)


def opened(_: str, __: str | None = None, say: Callable[[str], None] = silent) -> AbstractContextManager[Subject]:
    """The mutant that is to be checked: in this process, behind the driver contract, or by its command line."""
    if MOMENT == "starting":
        NOTE.touch()
    if MOMENT == "building":
        (NOTE.parent / "ours").mkdir(exist_ok=True)
        build(ours(sys.executable, "-c", MAKES, str(NOTE)), None, say, NOTE.parent)
    match SUBJECT:
        case "driver":
            return Driven("ours", REFERENCE, ours())
        case "command":
            return commanded(CLIENT, "2026-07-28", say)
        case _:
            return nullcontext(MUTANTS["replaces"].subject)


def shorten(*_: object, **__: object) -> None:
    """Be busy with a trace for ever."""
    NOTE.touch()
    sleep(600)


class Counting(tally.Tally):
    """Tells of the first episode that was judged."""

    def add(self, judged: tally.Judged) -> None:
        super().add(judged)
        NOTE.touch()


if MOMENT == "shrinking":
    checking.Alone.shorten_one = shorten  # type: ignore[method-assign,assignment]
if MOMENT == "running":
    checking.Tally = Counting  # type: ignore[attr-defined]

if __name__ == "__main__":
    from drivers import ending_subjects  # what is pickled by name has to be found by it

    opening.subject = ending_subjects.opened  # type: ignore[attr-defined,assignment]
    cli.main()

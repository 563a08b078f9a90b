"""The planted bugs through a conformance client: from the tests folder, `python -m planted.commanded COMMAND [BUG...]`.

COMMAND starts a conformance client that is built on the Python SDK. It is run once as it is, and then once for each
bug with a copy of the SDK that has it before all others on PYTHONPATH. Prints a line a bug, and how many were found.
"""

from __future__ import annotations

import sys
from pathlib import Path
from shlex import quote
from tempfile import TemporaryDirectory

from planted.bugs import BUGS
from planted.hunting import REVISION, Found, Known, known_of, own
from planted.planting import copied
from scope_oracle.subjects import DriverFault
from scope_oracle.subjects.command import Command


def hunted(command: str, name: str, common: Known) -> Found | None:
    """How a bug is found behind a command; None where it lives."""
    with TemporaryDirectory() as folder:
        copied(BUGS[name], Path(folder))
        with Command(f"PYTHONPATH={quote(folder)} {command}", REVISION) as client:
            return own(client, BUGS[name], common)


def main(command: str, *names: str) -> None:
    """Run the bugs that are named, or all that a conformance client can show."""
    with Command(command, REVISION) as client:
        common = known_of(client)
    wanted = names or [name for name, bug in BUGS.items() if bug.commanded]
    dead = 0
    for name in wanted:
        try:
            found = hunted(command, name, common)
        except DriverFault as fault:  # with the bug no call carries a token: it is turned away, by no clause
            found, shown = None, str(fault)
        else:
            shown = "lives" if found is None else f"{' '.join(found.kind)}, in episode {found.episode}"
        dead += found is not None
        sys.stdout.write(f"{name}: {shown}\n")
        sys.stdout.flush()
    sys.stdout.write(f"{dead} of {len(wanted)} found\n")


if __name__ == "__main__":
    main(*sys.argv[1:])

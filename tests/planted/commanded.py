"""The planted bugs through a conformance client: from the tests folder, `python -m planted.commanded COMMAND [BUG...]`.

COMMAND starts a conformance client that is built on the Python SDK. It is run once as it is, and then once for each
bug with a copy of the SDK that has it before all others on PYTHONPATH: for those that are named, or for all that a
conformance client can show and that have no result yet. Results are kept in commanded.json, one by one, so that
whoever interrupts it loses one of them; it begins anew where that file is removed.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote
from tempfile import TemporaryDirectory
from typing import Final, Self

from planted.bugs import BUGS
from planted.hunting import BY_COMMAND, REVISION, Found, known_of, own
from planted.planting import copied
from scope_model.events import AUTHORIZATION_CODE
from scope_oracle.page import write_whole
from scope_oracle.subjects.command import Command
from scope_oracle.tally import Kind
from scope_spec import Verdict

RESULTS: Final = Path(__file__).with_name("commanded.json")


@dataclass(slots=True)
class Results:
    """What the client shows as it is, in so many episodes, and how each bug was found: None where it lives."""

    common: list[Kind] | None = None
    found: dict[str, Found | None] = field(default_factory=dict)

    @classmethod
    def kept(cls) -> Self:
        """What is kept; nothing where no such number of episodes was run."""
        if not RESULTS.exists():
            return cls()
        form = json.loads(RESULTS.read_text("utf-8"))
        if form["examples"] != BY_COMMAND:
            return cls()
        found = {name: None if each is None else _found(*each) for name, each in form["found"].items()}
        return cls([(clause, verdict, cause) for clause, verdict, cause in form["common"]], found)

    def keep(self) -> None:
        """Write it all down, the bugs in their order."""
        found = {name: self.found[name] for name in BUGS if name in self.found}
        short = {name: None if each is None else (*each.kind, each.episode) for name, each in found.items()}
        form = {"examples": BY_COMMAND, "common": sorted(self.common or ()), "found": short}
        write_whole(RESULTS, json.dumps(form, indent=1) + "\n")


def _found(clause: str, verdict: Verdict, cause: str, episode: int) -> Found:
    return Found((clause, verdict, cause), AUTHORIZATION_CODE, episode)


def hunted(command: str, name: str, common: list[Kind]) -> Found | None:
    """How a bug is found behind a command; None where it lives. Raises DriverFault where the client cannot be used."""
    with TemporaryDirectory() as folder:
        copied(BUGS[name], Path(folder))
        with Command(f"PYTHONPATH={quote(folder)} {command}", REVISION) as client:
            return own(client, BUGS[name], frozenset((kind, AUTHORIZATION_CODE) for kind in common))


def main(command: str, *names: str) -> None:
    """Run the bugs that are named, or all that a conformance client can show and that have no result."""
    results = Results.kept()
    if results.common is None:
        with Command(command, REVISION) as client:
            results.common = [kind for kind, _ in known_of(client)]
        results.keep()
    for name in names or [name for name, bug in BUGS.items() if bug.commanded and name not in results.found]:
        found = results.found[name] = hunted(command, name, results.common)
        results.keep()
        shown = "lives" if found is None else f"{' '.join(found.kind)}, in episode {found.episode}"
        sys.stdout.write(f"{name}: {shown}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])

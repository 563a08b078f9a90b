"""`scopelaw smoke`: ask whether a driver plays its part."""

from __future__ import annotations

import click

from scope_oracle import smoking
from scope_oracle.exchange import printable
from scope_spec import REVISIONS, Revision

from . import completing
from .failing import FOUND
from .opening import opened, opening_of
from .options import COMMAND, RELEASE, REVISION, example
from .progress import showing


@click.command(
    short_help="Ask whether a driver plays its part.",
    epilog=example("scopelaw smoke rust-sdk", "scopelaw smoke go-sdk --sdk-version 1.7.0"),
)
@click.argument("name", metavar="[SUBJECT]", required=False, shell_complete=completing.subject)
@COMMAND
@RELEASE
@REVISION
def smoke(*, name: str | None, command: str | None, release: str | None, revision: Revision | None) -> int:
    """Ask whether the driver of SUBJECT, or a --command, plays its part, whatever its SDK makes of scopes.

    Ends with 1 where the driver does not.
    """
    failed = False
    in_force = revision or REVISIONS[-1]
    with showing() as progress, opened(opening_of(name, command, release, in_force), progress) as chosen:
        for test in smoking.smoke(chosen, in_force):
            failed = _say(test) or failed
    parting = getattr(chosen, "parting", None)  # what is in this process takes no leave
    if parting is not None:
        ended = "It ends when it is told to, and leaves nothing behind"
        if chosen.standalone:
            ended = "It ends by itself, and nothing calls afterwards"
        failed = _say(smoking.Smoke(ended, "failed" if parting else "ok", "; ".join(parting))) or failed
    return FOUND if failed else 0


def _say(test: smoking.Smoke) -> bool:
    """Print what came of a test; whether it failed."""
    click.echo(printable(f"{test.outcome:<7} {test.name}" + (f": {test.because}" if test.because else "")))
    return test.outcome == "failed"

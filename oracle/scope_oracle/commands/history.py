"""`scopelaw history`: find in which release each finding came or went."""

from __future__ import annotations

import json
from functools import partial
from time import monotonic

import click

from scope_oracle import forms, terminal
from scope_oracle.history import history
from scope_oracle.names import UnknownName
from scope_oracle.subjects import DriverFault, SubjectUnavailable, subject
from scope_spec import REVISIONS, Revision

from . import completing
from .failing import Unusable
from .options import REVISION, SEED, example, format_
from .output import console, ran_since
from .progress import showing


@click.command(
    "history",
    short_help="Find in which release each finding came or went.",
    epilog=example("scopelaw history rust-sdk 2.2.0 3.0.0 3.6.0 3.11.0"),
)
@click.argument("name", metavar="SUBJECT", shell_complete=completing.RELEASED)
@click.argument("releases", metavar="RELEASE...", nargs=-1, required=True)
@REVISION
@click.option(
    "--examples", type=click.IntRange(1), default=200, show_default=True, help="How many episodes to run on a release."
)
@SEED
@format_("text")
def history_(
    *, name: str, releases: tuple[str, ...], revision: Revision | None, examples: int, seed: int, form: str
) -> int:
    """Find in which RELEASE of SUBJECT each finding came or went, given at least two, the oldest first.

    Checks each of them, and plays it every trace that was found on another. One that cannot be had, built or driven is
    passed over, with the reason, unless it is the first or the last. Ends with 0.
    """
    if len(releases) == 1:
        raise click.UsageError("one release has no history: name at least two, the oldest first")
    began = monotonic()
    try:
        with showing() as progress:
            found = history(
                partial(subject, name),
                releases,
                revision=revision or REVISIONS[-1],
                examples=examples,
                seed=seed,
                progress=progress,
            )
    except (UnknownName, SubjectUnavailable, DriverFault) as wrong:
        raise Unusable(str(wrong)) from None
    if form == "json":
        click.echo(json.dumps(forms.history_json(name, found, ran=ran_since(began))))
    else:
        out = console()
        terminal.show(out, terminal.history_text(name, found))
    return 0

"""`scopelaw compare`: find where two clients ask for different scopes."""

from __future__ import annotations

import json
from functools import partial
from time import monotonic

import click

from scope_oracle import comparing, forms, terminal
from scope_oracle.subjects import subject
from scope_spec import REVISIONS, Revision

from . import completing
from .failing import FOUND
from .opening import opened
from .options import EXAMPLES, REVISION, SEED, example, format_
from .output import console, ran_since
from .progress import showing


@click.command(
    short_help="Find where two clients ask for different scopes.",
    epilog=example("scopelaw compare mcp-2025-11-25 mcp-2026-07-28"),
)
@click.argument("left", metavar="A", shell_complete=completing.subject)
@click.argument("right", metavar="B", shell_complete=completing.subject)
@REVISION
@EXAMPLES
@SEED
@format_("text")
def compare(*, left: str, right: str, revision: Revision | None, examples: int, seed: int, form: str) -> int:
    """Find the shortest world and trace in which A and B ask for different scopes.

    A and B are policies or subjects. Ends with 1 where there is a difference.
    """
    began = monotonic()
    with (
        showing() as progress,
        opened(partial(subject, left), progress) as one,
        opened(partial(subject, right), progress) as other,
    ):
        difference = comparing.compare(
            one, other, revision=revision or REVISIONS[-1], examples=examples, seed=seed, progress=progress
        )
    if form == "json":
        click.echo(json.dumps(forms.difference_json(difference, left, right, ran=ran_since(began))))
    else:
        out = console()
        terminal.show(out, terminal.difference_text(difference, left, right, width=out.width))
    return 0 if difference is None else FOUND

"""The group that all commands are in: whatever becomes of one is a status and at most a sentence."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click

from scope_oracle.ending import Interrupts

from .failing import INTERRUPTED, UNUSABLE, Unusable, complain, unknown, written


class Commands(click.Group):
    """A group whose every failure is one sentence and the right exit code."""

    # Any: click's own signature, whatever the release.
    def main(self, *args: Any, standalone_mode: bool = True, **extra: Any) -> Any:  # noqa: ANN401
        """Run a command; where it is the whole program, end with its status."""
        run: Callable[..., Any] = super().main
        if not standalone_mode:
            return run(*args, standalone_mode=False, **extra)
        for stream_ in (sys.stdout, sys.stderr):
            if hasattr(stream_, "reconfigure"):
                stream_.reconfigure(errors="backslashreplace")
        with Interrupts() as interrupts:
            try:
                status = run(*args, standalone_mode=False, **extra)
            except click.ClickException as wrong:
                complain(" ".join(wrong.format_message().split()))
                status = UNUSABLE
            except (click.Abort, KeyboardInterrupt):
                status = INTERRUPTED
        sys.exit(status if interrupts.status is None else interrupts.status)

    # Any: click's own signatures; some options print, and end before there is a command.
    def make_context(self, *args: Any, **extra: Any) -> click.Context:  # noqa: ANN401
        """Read the words of a command."""
        with written():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401
        """Run what was read."""
        with written():
            return super().invoke(ctx)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the words name; raises Unusable with near ones."""
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            raise Unusable(unknown("command", args[0], self.commands))
        return super().resolve_command(ctx, args)

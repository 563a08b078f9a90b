"""Subjects: what a client must offer to be put under test, be it the reference model or a released SDK."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from scope_model.client import Call
from scope_model.events import ClientReported, ConfiguredMode

from .episodes import Episode, Plan
from .world import Exhausted, World


class Session(Protocol):
    """A client under test within one episode."""

    def call(self, call: Call) -> None:
        """Make a call, however it ends."""

    def overlap(self, first: Call, second: Call, turn: Callable[[], None]) -> None:
        """Make two calls at once; `turn` is called when the first is over, before the second is answered."""

    def expire(self, access_token: str) -> None:
        """Let the client's clock pass the end of a token's lifetime."""

    def restart(self) -> bool:
        """Lose memory, keep token storage; whether this client can."""

    def report(self, resource: str) -> ClientReported | None:
        """What the client says that it holds, or None where it cannot say."""


def one_after_the_other(session: Session, first: Call, second: Call, turn: Callable[[], None]) -> None:
    """What overlapping calls come to where a client does one thing at a time."""
    with suppress(Exhausted):
        session.call(first)
    turn()
    with suppress(Exhausted):
        session.call(second)


class Subject(Protocol):
    """Something that can be put under test."""

    @property
    def name(self) -> str:
        """What it is called on the command line and in reports."""

    @property
    def version(self) -> str | None:
        """Its release, where it has one."""

    @property
    def configured_mode(self) -> ConfiguredMode | None:
        """What configured scopes mean to it, by its own documentation (A11)."""

    @property
    def grant_types(self) -> tuple[str, ...]:
        """The grant types that it can be set up with."""

    @property
    def standalone(self) -> bool:
        """Whether an episode is a whole run of it, in which it calls what it will; only few can be afforded."""

    def playable(self, episode: Episode) -> Episode:
        """The episode, as far as this client can be put through it."""

    def open(self, plan: Plan, world: World) -> Session:
        """Start a client with nothing stored."""

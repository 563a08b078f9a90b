"""What a recorder makes of the events that it sees: names may be left out, and parts of it may be lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from draws import Draws
from scope_model.events import CallStarted, Event, ResourceRequest, TokenResponse


class Recorder:
    """Writes down what happens. `named` says where names are kept that may be left out, as there is one of each."""

    def __init__(self, draws: Draws, *, named: str, may_lose: bool) -> None:
        self._draws = draws
        self._named = named
        self._may_lose = may_lose

    def write_down(self, events: Sequence[Event], alone: Sequence[str]) -> Sequence[Event]:
        """The transcript of these events; the members `alone` need no names."""
        match self._draws.one_of("recorder loses", nothing=88, end=4, tokens=3, values=2, response=3):
            # Without the application's calls, the end of the recording is the end of the session.
            case "end" if any(isinstance(event, CallStarted) for event in events):
                events = events[: self._draws.number(0, len(events))]
            case "tokens" if self._may_lose:
                events = [self._presenting(event, None) for event in events]
            case "values" if self._may_lose:
                events = [self._presenting(event, "redacted") for event in events]
            case "response":
                events = self._unreadable(events)
            case _:
                pass
        return events if self._named == "everywhere" else [self._unnamed(event, alone) for event in events]

    @staticmethod
    def _presenting(event: Event, token: str | None) -> Event:
        if not isinstance(event, ResourceRequest) or event.access_token is None:
            return event
        return replace(event, access_token=token)

    def _unreadable(self, events: Sequence[Event]) -> Sequence[Event]:
        responses = [at for at, event in enumerate(events) if isinstance(event, TokenResponse)]
        if not responses:
            return events
        lost = self._draws.any_of(responses)
        event = events[lost]
        assert isinstance(event, TokenResponse)
        return [*events[:lost], TokenResponse(issuer=event.issuer, resource=event.resource), *events[lost + 1 :]]

    def _unnamed(self, event: Event, alone: Sequence[str]) -> Event:
        left_out = {
            member: None
            for member in alone
            if hasattr(event, member) and (self._named == "nowhere" or self._draws.any_of((True, False)))
        }
        # The members are those that the event has, and None is a value of each.
        return replace(event, **left_out)  # type: ignore[arg-type]

"""Which scopes a client that conforms asks for: the order of the sources, the union, and every choice that is left."""

from __future__ import annotations

from typing import Literal

from conforming_challenges import Scopes
from conforming_habits import Habits, Place
from conforming_servers import join
from draws import Draws
from scope_model.events import AUTHORIZATION_CODE, OFFLINE_ACCESS

Occasion = Literal["first", "again", "step-up", "unprompted"]
"""Why scopes are asked for: at a first handshake, after a later 401, after a 403, or by the clock."""


class Selection:
    """A client's choice of scopes; `server_lists` is what each issuer's own metadata lists."""

    def __init__(self, draws: Draws, habits: Habits) -> None:
        self.draws = draws
        self.habits = habits
        self.server_lists: dict[str, Scopes | None] = {}

    def select(self, at: Place, challenged: Scopes | None, occasion: Occasion) -> Scopes | None:
        """The scopes to ask for, empty where the parameter is left out; None where asking cannot help."""
        chosen = self._chosen(at, challenged, occasion)
        if chosen is None:
            return None
        heeded = challenged is not None and set(challenged) <= set(chosen) and chosen is not self.habits.configured
        if heeded and at.heard and self.draws.whether("joined an earlier challenge", 0.3):
            chosen = join(chosen, at.heard)
        limited = self._limited(chosen, challenged)
        return None if limited is None else self._ordered(limited)

    def _chosen(self, at: Place, challenged: Scopes | None, occasion: Occasion) -> Scopes | None:
        if self.habits.mode == "override" and occasion != "step-up":
            return self.habits.configured
        if not self.habits.selects:
            return self._from_any_source(at, challenged)
        if occasion == "first":
            return self._at_first(at, challenged)
        if occasion == "step-up":
            return self._at_step_up(at, challenged)
        prior = self._prior(at) if self.habits.accumulates else ()
        return join(prior, challenged) if prior else self._at_first(at, challenged)

    def _at_first(self, at: Place, challenged: Scopes | None) -> Scopes:
        """The challenge, else the metadata, else what was configured, else nothing (SEL-1 to SEL-3)."""
        chosen = challenged or at.listed
        if chosen is None and self.habits.mode in (None, "fallback"):
            chosen = self.habits.configured
        return chosen or ()

    def _at_step_up(self, at: Place, challenged: Scopes | None) -> Scopes | None:
        prior = self._prior(at) if self.habits.accumulates or self.draws.whether("union now and then", 0.2) else ()
        if challenged is None:
            wider = join(prior, at.listed)
            held = at.account.held
            return wider if wider and (held is None or not set(wider) <= set(held)) else None
        if at.listed and self.draws.whether("metadata joined at a step-up", 0.05):
            return join(prior, challenged, at.listed)
        return join(prior, challenged)

    def _prior(self, at: Place) -> Scopes:
        """What was requested and granted before; what was declined is asked for again, or not (A2)."""
        account = at.account
        if account.granted is not None and not self.habits.keeps_declined:
            return account.granted
        return account.asked_or_granted

    def _from_any_source(self, at: Place, challenged: Scopes | None) -> Scopes:
        """Before 2025-11-25 no document says which source to prefer."""
        sources = self.habits.sources
        if sources == "any":
            sources = self.draws.any_of(("challenge", "metadata", "all", "configured", "server", "none"))
        prior = self._prior(at) if self.habits.accumulates else ()
        match sources:
            case "challenge":
                return join(prior, challenged or at.listed)
            case "metadata":
                return join(prior, at.listed or challenged)
            case "configured":
                return join(prior, self.habits.configured if self.habits.mode != "none" else None)
            case "server":
                return join(prior, self.server_lists.get(at.issuer))
            case "none":
                return prior
            case _:
                return join(prior, challenged, at.listed)

    def _limited(self, chosen: Scopes, challenged: Scopes | None) -> Scopes | None:
        """Not beyond a ceiling (A11)."""
        if self.habits.mode != "ceiling" or self.habits.configured is None:
            return chosen
        within = tuple(scope for scope in chosen if scope in self.habits.configured)
        if not within or (set(challenged or ()) - set(within) and self.draws.whether("beyond the ceiling", 0.6)):
            return None
        return within

    def _ordered(self, chosen: Scopes) -> Scopes:
        if self.habits.order == "sorted":
            return tuple(sorted(chosen))
        return self.draws.shuffled(chosen) if self.habits.order == "any" else chosen

    def with_offline_access(self, at: Place, chosen: Scopes) -> Scopes:
        """Add offline_access where a refresh token is wanted and the server lists the scope (OFFLINE-1)."""
        habit = self.habits.offline
        listed = OFFLINE_ACCESS in (self.server_lists.get(at.issuer) or ())
        if habit == "never" or self.habits.wants_refresh_token is False or not listed:
            return chosen
        if self.habits.grant_type != AUTHORIZATION_CODE or (habit == "once" and at.account.known):
            return chosen
        if not chosen and not self.draws.whether("offline_access alone", 0.1):
            return chosen
        self.draws.taken["offline_access added"] += 1
        return join(chosen, (OFFLINE_ACCESS,))

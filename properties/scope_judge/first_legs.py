"""First legs: those of token exchanges that name no scope, and so leave it to the last to name them."""

from __future__ import annotations

from scope_model.events import TokenRequest, TokenResponse


class FirstLegs:
    """The first legs that named no scope: not yet answered, or answered with an assertion."""

    def __init__(self) -> None:
        self._silent: dict[str | None, TokenRequest] = {}
        self._asserted: dict[str | None, TokenRequest] = {}

    def begin(self, first: TokenRequest) -> None:
        """Take in a first leg, in place of an earlier one for the same resource."""
        for earlier in (self._asserted, self._silent):
            earlier.pop(_key(earlier, first.resource), None)
        if first.scope is None:
            self._silent[first.resource] = first

    def go_on(self, last: TokenRequest) -> TokenRequest | None:
        """The silent first leg that a last one goes on with."""
        return self._asserted.pop(_key(self._asserted, last.resource), None)

    @property
    def are_awaited(self) -> bool:
        """Whether a silent first leg has yet to be answered."""
        return len(self._silent) > 0

    def is_asserted(self, response: TokenResponse) -> bool:
        """Whether a response brings the assertion that a silent first leg asked for."""
        at = _key(self._silent, response.resource)
        if response.access_token is None or at not in self._silent:
            return False
        self._asserted[at] = self._silent.pop(at)
        return True

    def refused(self, response: TokenResponse) -> TokenRequest | None:
        """The silent first leg that a response refuses."""
        return self._silent.pop(_key(self._silent, response.resource), None)


def _key(legs: dict[str | None, TokenRequest], resource: str | None) -> str | None:
    """The name by which a leg is kept: the same, or the last where one of the two has no name."""
    if resource is None:
        return next(reversed(legs), None)
    return resource if resource in legs else None

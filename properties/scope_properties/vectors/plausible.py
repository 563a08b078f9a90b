"""Plausible transcripts: what may be missing from a transcript for it still to be one of a real client.

Each request is answered before the next is sent, a code is exchanged as soon as it came, and a token is used after it
was issued. Calls of the application come one after the other. All else may be missing, as it may be in a recording.

It is odd if a client does not send the newest token that it holds, or asks for another one without a reason: a 401 or
403, a lifetime that ended, a restart. That may be the very fault; elsewhere it only puzzles the reader.
"""

from __future__ import annotations

from collections.abc import Iterable

from scope_model.events import (
    AUTHORIZATION_CODE,
    JWT_BEARER,
    AuthorizationRequest,
    AuthorizationResponse,
    CallEnded,
    CallStarted,
    ClientRestarted,
    Event,
    ResourceRequest,
    ResourceResponse,
    TokenExpired,
    TokenRequest,
    TokenResponse,
)

Request = ResourceRequest | AuthorizationRequest | TokenRequest
Response = ResourceResponse | AuthorizationResponse | TokenResponse


def oddities(events: Iterable[Event]) -> int | None:
    """How many events are odd, None where events cannot be what a client and its servers did, in this order."""
    wire = _Wire()
    return wire.odd if all(wire.may_come(event) for event in events) else None


class _Wire:
    """What has been sent: the request that awaits its answer, the code to be exchanged, the call that goes on."""

    def __init__(self) -> None:
        self._open: Request | None = None
        self.odd = 0
        self._coded = False
        self._has_reason = True
        self._tokens: set[str | None] = {None}
        self._newest: str | None = None
        self._call: int | None = None
        self._calls = 0

    def may_come(self, event: Event) -> bool:
        """Whether an event may come next; what it changes is noted."""
        match event:
            case ResourceRequest() | AuthorizationRequest() | TokenRequest():
                may_come = self._open is None and self._may_be_sent(event)
                self._open, self._coded = event, False
                return may_come
            case ResourceResponse() | AuthorizationResponse() | TokenResponse():
                may_come = self._answers(event)
                self._open = None
                return may_come
            case CallStarted() | CallEnded():
                return self._calling(event)
            case TokenExpired() | ClientRestarted():
                self._has_reason = True
                return isinstance(event, ClientRestarted) or self._is_held(event.access_token)
            case _:
                return True

    def _may_be_sent(self, request: Request) -> bool:
        if isinstance(request, TokenRequest) and request.grant_type == AUTHORIZATION_CODE:
            return self._coded
        if self._coded:
            return False
        if isinstance(request, ResourceRequest):
            return self._is_held(request.access_token)
        if isinstance(request, AuthorizationRequest):
            self.odd += not self._has_reason
            return True
        self.odd += not (self._has_reason or request.grant_type == JWT_BEARER)
        return request.refresh_token in self._tokens

    def _is_held(self, access_token: str | None) -> bool:
        self.odd += access_token != self._newest
        return access_token in self._tokens

    def _answers(self, response: Response) -> bool:
        if response.resource is not None and self._open is not None and response.resource != self._open.resource:
            return False
        match response:
            case ResourceResponse():
                self._has_reason = self._has_reason or response.status in (401, 403)
                return isinstance(self._open, ResourceRequest) and self._open.operation == response.operation
            case AuthorizationResponse():
                self._coded = response.code
                return isinstance(self._open, AuthorizationRequest) and response.code == (response.error is None)
            case TokenResponse():
                self._tokens |= {response.access_token, response.refresh_token}
                self._newest = response.access_token or self._newest
                self._has_reason = response.access_token is None
                issues = response.access_token is not None
                return isinstance(self._open, TokenRequest) and issues == (response.error is None)

    def _calling(self, event: CallStarted | CallEnded) -> bool:
        was, self._call = self._call, event.call if isinstance(event, CallStarted) else None
        if isinstance(event, CallEnded):
            return was == event.call
        self._calls += 1
        return was is None and event.call == self._calls

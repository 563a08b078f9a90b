"""Smoke tests of a driver: whether the application plays its part, whatever its SDK makes of scopes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from scope_model.client import Call
from scope_model.events import (
    AUTHORIZATION_CODE,
    CLIENT_CREDENTIALS,
    AuthorizationRequest,
    Event,
    ResourceRequest,
    ResourceResponse,
    TokenRequest,
    Transcript,
)
from scope_model.scopes import NO_SCOPES, scopes
from scope_model.servers import AuthorizationServer, Granting, ResourceServer, Servers
from scope_properties.episodes import Episode, ExpireToken, MakeCall, Plan, ReportGrant, RestartClient
from scope_properties.runs import Run, run
from scope_properties.subjects import Subject
from scope_spec import Revision

from .exchange import shown

ONE: Final = "https://one.example/mcp"
TWO: Final = "https://two.example/mcp"
READ: Final = Call(ONE, "read")
AS: Final = "https://as.example"

_OK: Final = 200

Outcome = Literal["ok", "failed", "cannot"]


@dataclass(frozen=True, slots=True)
class Smoke:
    """What came of one test: `cannot` is what the SDK, by its driver's word or by what it did, does not offer."""

    name: str
    outcome: Outcome
    because: str = ""


class _Failed(Exception):
    """A test's own sentence on what went wrong."""


class _Cannot(Exception):
    """The SDK does not offer what a test is about."""


def smoke(subject: Subject, revision: Revision) -> Iterator[Smoke]:
    """Each test in turn. A DriverFault is let through: a driver that breaks the contract has failed them all."""
    twice = Episode(_plan(revision), (MakeCall(READ), MakeCall(READ)))
    for test in _TESTS if subject.playable(twice) == twice else _TESTS_OF_A_CALL:
        name = (test.__doc__ or "").split("\n", 1)[0].rstrip(".")
        try:
            test(subject, revision)
        except _Failed as wrong:
            yield Smoke(name, "failed", str(wrong))
        except _Cannot as missing:
            yield Smoke(name, "cannot", str(missing))
        else:
            yield Smoke(name, "ok")


def _plan(revision: Revision, *, servers: int = 1, grant_type: str | None = None) -> Plan:
    resources = {
        name: ResourceServer(name, AS, {"read": scopes("a"), "write": scopes("a")}, None)
        for name in (ONE, TWO)[:servers]
    }
    plan = Plan(Servers(resources, {AS: AuthorizationServer(AS)}), revision)
    return plan if grant_type is None else replace(plan, grant_type=grant_type)


def _requests(transcript: Transcript, resource: str = ONE) -> list[ResourceRequest]:
    return [event for event in transcript.events if isinstance(event, ResourceRequest) and event.resource == resource]


def _expect(holds: object, otherwise: str, run: Run) -> None:
    if holds:
        return
    skipped: Iterable[str] = getattr(run.session, "skipped", ())
    if skipped:
        raise _Cannot(f"the client says: {shown('; '.join(sorted(skipped)))}")
    words = [word for kind in ("refusals", "failures") for word in getattr(run.session, kind, ())]
    raise _Failed(f"{otherwise}; the client says: {shown(words[-1])}" if words else otherwise)


def _count(events: Sequence[Event], kind: type[Event]) -> int:
    return sum(isinstance(event, kind) for event in events)


def _carries(event: Event) -> bool:
    return isinstance(event, ResourceRequest) and event.access_token is not None


def _served(run: Run, call: Call) -> bool:
    """Whether the last answer to a call was a good one."""
    answers = [
        event
        for event in run.transcript.events
        if isinstance(event, ResourceResponse) and (event.resource, event.operation) == (call.resource, call.operation)
    ]
    return bool(answers) and answers[-1].status == _OK


def _where_any_token_will_do(revision: Revision, grant_type: str = AUTHORIZATION_CODE) -> Plan:
    servers = Servers({ONE: ResourceServer(ONE, AS, {"read": NO_SCOPES}, None)}, {AS: AuthorizationServer(AS)})
    return Plan(servers, revision, grant_type=grant_type)


def _called(subject: Subject, revision: Revision) -> tuple[Run, Call]:
    """A call as plain as the client can be asked for, in a world of its own: any token will do."""
    episode = subject.playable(Episode(_where_any_token_will_do(revision), (MakeCall(READ),)))
    (step,) = episode.steps
    assert isinstance(step, MakeCall)
    run = Run(episode.plan, subject)
    run.play(step)
    return run, step.call


def is_ever_served(subject: Subject, revision: Revision) -> bool:
    """Whether one of two calls is served where any token will do."""
    for grant_type in subject.grant_types:
        plan = _where_any_token_will_do(revision, grant_type)
        if has_served(run(subject.playable(Episode(plan, (MakeCall(READ), MakeCall(READ)))), subject)):
            return True
    return False


def has_served(transcript: Transcript) -> bool:
    """Whether a resource server serves anything in a transcript."""
    return any(isinstance(event, ResourceResponse) and event.status == _OK for event in transcript.events)


def _authorizes(subject: Subject, revision: Revision) -> None:
    """A call is challenged, authorized with PKCE, and served."""
    run, call = _called(subject, revision)
    _expect(_requests(run.transcript), "no call arrived at the server", run)
    _expect(_count(run.transcript.events, AuthorizationRequest), "no authorization request arrived", run)
    _expect(_count(run.transcript.events, TokenRequest), "no token request arrived", run)
    _expect(_served(run, call), "the call was not sent again with the token", run)
    complaints = getattr(getattr(run.session, "http_world", None), "complaints", [])
    _expect(not complaints, f"the servers complain of {'; '.join(complaints)}", run)


def _uses_its_token(subject: Subject, revision: Revision) -> None:
    """A second call uses the token of the first."""
    run = Run(_plan(revision), subject)
    run.play(MakeCall(READ))
    before = len(run.transcript.events)
    run.play(MakeCall(READ))
    after = run.transcript.events[before:]
    tokens = [event.access_token for event in after if isinstance(event, ResourceRequest)]
    _expect(tokens and tokens[0], "the second call carried no token", run)


def _keeps_storage(subject: Subject, revision: Revision) -> None:
    """A restart loses no stored token."""
    run = Run(_plan(revision), subject)
    run.play(MakeCall(READ))
    held = [request.access_token for request in _requests(run.transcript) if request.access_token]
    _expect(held, "the first call carried no token", run)
    before = len(run.transcript.events)
    run.play(RestartClient())
    if len(run.transcript.events) == before:
        raise _Cannot("the SDK stores nothing")
    run.play(MakeCall(READ))
    tokens = [event.access_token for event in run.transcript.events[before:] if isinstance(event, ResourceRequest)]
    _expect(held[-1] in tokens, "after a restart the stored token was never used", run)


def _forgets(subject: Subject, revision: Revision) -> None:
    """A reset forgets everything."""
    _called(subject, revision)
    run, call = _called(subject, revision)
    asked = [event for event in run.transcript.events if isinstance(event, AuthorizationRequest) or _carries(event)]
    _expect(asked and not _carries(asked[0]), "a new episode begins with a token of the one before", run)
    _expect(_served(run, call), "a second episode was not served", run)


def _declines(subject: Subject, revision: Revision) -> None:
    """A user who refuses ends the call, and the next call may ask again."""
    run = Run(_plan(revision), subject)
    run.play(MakeCall(READ, grants=(Granting("refused"),), persists=True))
    _expect(not _served(run, READ), "a call was served that nobody authorized", run)
    run.play(MakeCall(READ))
    _expect(_served(run, READ), "after a refusal the client does not come back", run)


def _two_servers(subject: Subject, revision: Revision) -> None:
    """Two servers are used side by side."""
    run = Run(_plan(revision, servers=2), subject)
    other = Call(TWO, "write")
    run.play(MakeCall(READ))
    run.play(MakeCall(other))
    _expect(_served(run, READ) and _served(run, other), "one of two servers was not used to the end", run)


def _without_a_user(subject: Subject, revision: Revision) -> None:
    """Client credentials bring a token without a user."""
    if CLIENT_CREDENTIALS not in subject.grant_types:
        raise _Cannot("client_credentials is none of its grant types")
    # Not every SDK reads a challenge on behalf of a machine, and none has to (STEP-3): what it needs is configured.
    run = Run(replace(_plan(revision, grant_type=CLIENT_CREDENTIALS), configured=scopes("a")), subject)
    run.play(MakeCall(READ))
    _expect(not _count(run.transcript.events, AuthorizationRequest), "a user was asked", run)
    _expect(_served(run, READ), "the call was not served", run)


def _comes_back(subject: Subject, revision: Revision) -> None:
    """A token that expires is replaced."""
    run = Run(_plan(revision), subject)
    run.play(MakeCall(READ))
    run.play(ExpireToken(ONE))
    run.play(MakeCall(READ))
    _expect(_served(run, READ), "after its token expired the client does not come back", run)


def _reports(subject: Subject, revision: Revision) -> None:
    """It says what it holds."""
    run = Run(_plan(revision), subject)
    run.play(MakeCall(READ))
    before = len(run.transcript.events)
    run.play(ReportGrant(ONE))
    if len(run.transcript.events) == before:
        raise _Cannot("it has no account of what was granted")


_TESTS: Final[tuple[Callable[[Subject, Revision], None], ...]] = (
    _authorizes,
    _uses_its_token,
    _forgets,
    _keeps_storage,
    _declines,
    _two_servers,
    _comes_back,
    _without_a_user,
    _reports,
)

_TESTS_OF_A_CALL: Final = (_authorizes, _forgets)
"""What can be asked of a client that makes one call and ends."""

"""The generator of episodes: what is drawn, in which order, and what belongs together.

It draws from tables, one choice at a time, and leaves open where a choice comes from: from a seed (`sampling`) or from
Hypothesis (`strategies`). So whatever one of them can produce the other can.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Literal, TypeVar

from scope_model.client import Call
from scope_model.scopes import ScopeSet
from scope_model.servers import AuthorizationServer, Challenging, Granting, Named, ResourceServer, Servers
from scope_spec import Revision

from .episodes import (
    STREAM,
    Episode,
    EpisodeStep,
    ExpireToken,
    MakeCall,
    MoveResource,
    OverlapCalls,
    Plan,
    ReportGrant,
    RepublishMetadata,
    RestartClient,
    fit_to_world,
)
from .tables import (
    CALLS,
    CONFIGURED,
    DESCRIBED,
    DRESSED,
    GIVEN,
    GRANTINGS,
    HOSTS,
    ISSUERS,
    ISSUING,
    LISTS,
    NEEDS,
    OPERATIONS,
    PLACES,
    PLAIN_SCOPES,
    REGISTRATIONS,
    RESOURCES,
    SERVER_LISTS,
    SPELLED,
    STREAMING,
    WORDINGS,
    Described,
)

T = TypeVar("T")
Steps = tuple[EpisodeStep, ...]

MOST: Final = 6
"""How many groups of steps follow the first call, at the most."""

_FIRST: Final = RESOURCES[0]
_FEW_CHALLENGES: Final = (0, 0, 0, 0, 1, 1, 2, 3, 4, 5, 0, 0, 0, 0, 1, 1, 2, 3, 4, 8)
_NAMED_ANYHOW: Final[tuple[Named, ...]] = ("needed", "unnamed")
_FEW_GRANTS: Final = (0, 0, 0, 0, 1, 1, 2, 3)
_STATUSES: Final[tuple[Literal["unauthorized", "insufficient_scope"], ...]] = (
    "unauthorized",
    "unauthorized",
    "insufficient_scope",
)
_UNHEARD_OF: Final = tuple(map(ScopeSet, ("p", "qr", "s")))
_NARROW: Final = tuple(how for how in GRANTINGS if how.grant == "narrower")
_SILENT: Final = tuple(how for how in GRANTINGS if how.grant == "asked" and not how.says)
_REFUSED: Final = tuple(how for how in GRANTINGS if how.grant in ("refused", "invalid_scope", "refused_code"))


class Generator(ABC):
    """Draws episodes and their parts; a driver says where a choice comes from."""

    @abstractmethod
    def among(self, choices: Sequence[T]) -> T:
        """One of the choices, the first of which is the plainest."""

    def episode(self, revision: Revision, grant_types: tuple[str, ...], most: int = MOST) -> Episode:
        """A world and what happens in it: a call, then at `most` so many groups of related steps."""
        plan = self.plan(revision, grant_types)
        steps = [*self._opening()]
        for _ in range(self.among(range(most + 1))):
            steps.extend(self.related_steps())
        return Episode(plan, tuple(fit_to_world(step, plan.servers) for step in steps))

    def plan(self, revision: Revision, grant_types: tuple[str, ...]) -> Plan:
        """A world as it starts, with a client set up in it."""
        issuers = ISSUERS[: self.among((1, 2))]
        resources = RESOURCES[: self.among((1, 2))]
        # As many draws for one server as for two: whoever shrinks can take one away, and the rest stays as it is.
        described = zip(RESOURCES, DESCRIBED, strict=True)
        guards = STREAM if revision in STREAMING else None
        drawn = [self._resource(name, self.among(issuers), self.among(others), guards) for name, others in described]
        issuing = [
            AuthorizationServer(name, self.among(SERVER_LISTS), self.among(NEEDS), *self.among(ISSUING))
            for name in ISSUERS
        ]
        servers = Servers(
            dict(zip(resources, drawn, strict=False)),
            dict(zip(issuers, issuing, strict=False)),
        )
        wants, grant_type = self.among((True, True, False)), self.among(grant_types)
        configured, registration = self.among(CONFIGURED), self.among(REGISTRATIONS)
        return Plan(servers, revision, configured, wants, grant_type, registration, *self.among(HOSTS))

    def _resource(self, name: str, issuer: str, described: Described, guards: str | None) -> ResourceServer:
        needs = {operation: self.among(NEEDS) for operation in OPERATIONS}
        if guards is not None and self.among((False, True)):
            needs[guards] = self.among(NEEDS)
        return ResourceServer(name, issuer, needs, self.among(LISTS), *described)

    def make_call(self, call: Call | None = None) -> MakeCall:
        """A call, of any operation unless one is given, with the choices that its servers make."""
        return MakeCall(
            call or self.among(CALLS),
            tuple(self.challenging() for _ in range(self.among(_FEW_CHALLENGES))),
            tuple(self.among(GRANTINGS) for _ in range(self.among(_FEW_GRANTS))),
            self.among((False, False, False, True)),
        )

    def challenging(self) -> Challenging:
        """A way of answering a request, about half of the time spelled plainly."""
        wording, dressed = self.among(WORDINGS), self.among(DRESSED)
        if dressed == "plainly":
            return wording
        if dressed == "with a description":
            return replace(wording, describes=True)
        return replace(wording, spelling=self.among(SPELLED))

    def related_steps(self) -> Steps:
        """Steps that belong together: an expiry shows only in the call that follows, a grant only in a report."""
        return self.among(
            (
                self._a_call,
                self._a_call,
                self._a_reported_call,
                self._something_alone,
                self._a_refresh,
                self._a_narrow_refresh,
                self._a_failed_refresh,
                self._a_restart,
                self._overlapping_calls,
                self._a_move_and_back,
                self._calls_in_silence,
                self._a_refused_step_up,
                self._challenges_in_other_spellings,
                self._challenges_in_other_spellings,
                self._metadata_that_changes,
                self._a_growing_challenge,
                self._an_endless_challenge,
                self._a_rejection_described_anew,
            )
        )()

    # --- what belongs together ---

    def _opening(self) -> Steps:
        """The first call; now and then one in which no scope is named, which is possible at first alone."""
        # Each is drawn in any case, so that whoever shrinks can exchange one for the other.
        call, silence = (self.make_call(),), (RepublishMetadata(_FIRST, None), *self._calls_in_silence())
        reported = (*call, ReportGrant(_FIRST))
        return self.among((call, call, reported, reported, silence))

    def _a_call(self) -> Steps:
        return (self.make_call(),)

    def _something_alone(self) -> Steps:
        place = self.among(PLACES)
        steps: Steps = (
            ReportGrant(place),
            ExpireToken(place),
            RestartClient(),
            RepublishMetadata(place, self.among(LISTS)),
            MoveResource(place, self.among(ISSUERS)),
        )
        return (self.among(steps),)

    def _a_reported_call(self) -> Steps:
        return (self._call_to_the_first(), ReportGrant(_FIRST))

    def _a_refresh(self) -> Steps:
        return (ExpireToken(_FIRST), self._call_to_the_first(), ReportGrant(_FIRST))

    def _a_failed_refresh(self) -> Steps:
        refused = replace(self._call_to_the_first(), grants=(self.among(_REFUSED),))
        return (ExpireToken(_FIRST), refused, self._call_to_the_first(), ReportGrant(_FIRST))

    def _a_narrow_refresh(self) -> Steps:
        """A token that lacks what its call does not need: what that costs shows at the next refresh (REFRESH-3)."""
        call = self._any_of_the_first()
        narrow = replace(self.among(_NARROW), without=ScopeSet("q"))
        return (
            MakeCall(call, (Challenging("insufficient_scope", ScopeSet("pq")),)),
            *(ExpireToken(_FIRST), MakeCall(call, grants=(narrow,)), ReportGrant(_FIRST)),
            *(ExpireToken(_FIRST), MakeCall(call, grants=(self.among(_SILENT),)), ReportGrant(_FIRST)),
        )

    def _a_restart(self) -> Steps:
        return (RestartClient(), self._call_to_the_first())

    def _overlapping_calls(self) -> Steps:
        return (OverlapCalls(self._call_to_the_first(), self.make_call()),)

    def _a_move_and_back(self) -> Steps:
        """What is learnt at one issuer must not count at another (ACC-7)."""
        before = MakeCall(self._any_of_the_first(), (Challenging("insufficient_scope", self.among(GIVEN)),))
        calls = (self._call_to_the_first(), self._call_to_the_first())
        return (before, MoveResource(_FIRST, ISSUERS[1]), calls[0], MoveResource(_FIRST, ISSUERS[0]), calls[1])

    def _calls_in_silence(self) -> Steps:
        """Neither challenge nor token response names a scope; then a refresh (GRANT-4, REFRESH-2)."""
        call = self._any_of_the_first()
        silent = MakeCall(call, (Challenging(scope="unnamed"),), (Granting(says=False),), persists=True)
        return (silent, ReportGrant(_FIRST), ExpireToken(_FIRST), MakeCall(call))

    def _a_refused_step_up(self) -> Steps:
        """What a refusal costs shows in the call that follows (ACC-10)."""
        challenge = Challenging("insufficient_scope", self.among(GIVEN))
        refused = MakeCall(self._any_of_the_first(), (challenge,), (self.among(_REFUSED),))
        return (refused, self._call_to_the_first())

    def _challenges_in_other_spellings(self) -> Steps:
        """Challenges for scopes that nothing else names, each in a spelling of its own: only who reads them asks.

        No refresh token comes, since a refresh would answer a 401 as well.
        """
        plain, without = Challenging("unauthorized"), (Granting(refresh_token=False),)
        return (
            MakeCall(self._any_of_the_first(), (plain,), without),
            *(
                MakeCall(
                    self._any_of_the_first(),
                    (Challenging(self.among(_STATUSES), named, self.among(SPELLED)),),
                    without,
                )
                for named in _UNHEARD_OF
            ),
        )

    def _metadata_that_changes(self) -> Steps:
        """A list that is empty, or names but a part of the challenge: neither takes anything away (META-1, SEL-5)."""
        wanted: tuple[Named, ...] = (ScopeSet("pq"), "unnamed")
        challenge = Challenging(self.among(_STATUSES), self.among(wanted))
        call = MakeCall(self._any_of_the_first(), (challenge,), (Granting(refresh_token=False),))
        return (RepublishMetadata(_FIRST, self.among((("p",), ("q", "s"), ()))), call)

    def _a_growing_challenge(self) -> Steps:
        """Another scope each time, for longer than a client should go along (RETRY-4)."""
        challenges = tuple(Challenging("insufficient_scope", ScopeSet(name)) for name in PLAIN_SCOPES)
        grants = self.among(((), (self.among(_SILENT),) * len(challenges)))
        return (MakeCall(self._any_of_the_first(), challenges, grants),)

    def _an_endless_challenge(self) -> Steps:
        """Challenges for what is never granted (RETRY-2)."""
        given = self.among(GIVEN)
        challenge, grant = Challenging("insufficient_scope", given), Granting("narrower", without=given)
        return (MakeCall(self._any_of_the_first(), (challenge,), (grant,), persists=True),)

    def _a_rejection_described_anew(self) -> Steps:
        """The same rejection for ever, in other words each time (CHAL-8)."""
        rejection = Challenging("unauthorized", self.among(_NAMED_ANYHOW), describes=True)
        return (MakeCall(self._any_of_the_first(), (rejection,), persists=True),)

    def _any_of_the_first(self) -> Call:
        return Call(_FIRST, self.among(OPERATIONS))

    def _call_to_the_first(self) -> MakeCall:
        return self.make_call(self._any_of_the_first())

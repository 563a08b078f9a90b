"""The rules of the machine: each lets one thing happen in a world. What is made of it is for the machine to say."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from hypothesis.strategies import SearchStrategy

from scope_model.client import Call
from scope_model.events import AUTHORIZATION_CODE
from scope_model.scopes import ScopeSet
from scope_model.servers import Challenging, Granting, Grants
from scope_spec import REVISIONS, Revision

from .episodes import (
    EpisodeStep,
    ExpireToken,
    MakeCall,
    MoveResource,
    Plan,
    ReportGrant,
    RepublishMetadata,
    RestartClient,
)
from .generating import Steps
from .strategies import challengings, grantings, make_calls, metadata_lists, plans, related_steps, scope_sets
from .tables import CALLS, ISSUERS, OPERATIONS, PLACES, PLAIN_SCOPES, RESOURCES, SPELLED


def _silent(plan: Plan) -> Plan:
    """The same world, where no list or an empty one, and no configuration, says which scopes there are."""
    servers = plan.servers
    resources = {
        name: replace(server, scopes_supported=() if server.scopes_supported else None, describes=None)
        for name, server in servers.resources.items()
    }
    return replace(plan, servers=replace(servers, resources=resources), configured=None)


def silent_worlds(revision: Revision = REVISIONS[-1]) -> SearchStrategy[Plan]:
    """Worlds in which challenges alone say which scopes there are."""
    return plans(revision=revision).map(_silent)


def worlds_for(grant_types: tuple[str, ...], revision: Revision = REVISIONS[-1]) -> SearchStrategy[Plan]:
    """Worlds for clients that can be set up with these grant types."""
    without_a_user = tuple(each for each in grant_types if each != AUTHORIZATION_CODE)
    delegated = [plans(revision=revision), silent_worlds(revision)] if without_a_user != grant_types else []
    alone = [plans(revision=revision, grant_types=without_a_user)] if without_a_user else []
    return st.one_of(*delegated, *alone)


ANY_CALL: Final = st.sampled_from(CALLS)
OTHERS: Final = st.sampled_from(OPERATIONS)
SOME_SCOPES: Final = scope_sets(min_size=1, max_size=2)
SOME_SPELLINGS: Final = st.lists(st.sampled_from(SPELLED), min_size=1, max_size=5, unique=True)
REFUSALS: Final[SearchStrategy[Grants]] = st.sampled_from(("refused", "invalid_scope"))


class Rules(RuleBasedStateMachine):
    """Whatever may happen in the world of `plan`, one thing a rule."""

    plan: Plan

    @abstractmethod
    def play(self, *steps: EpisodeStep) -> None:
        """Let things happen, one after the other."""

    # --- calls ---

    @rule(call=ANY_CALL, refresh_token=st.sampled_from((True, False)))
    def call_and_consent(self, call: Call, refresh_token: bool) -> None:  # noqa: FBT001 - a rule's arguments go by name
        """A call that is granted what it needs, with a refresh token or without."""
        self.play(MakeCall(call, grants=(Granting(refresh_token=refresh_token),)))

    @rule(call=ANY_CALL, challenges=st.lists(challengings(), min_size=1, max_size=3))
    def call_and_challenge(self, call: Call, challenges: list[Challenging]) -> None:
        """A call that is answered with challenges of the server's own."""
        self.play(MakeCall(call, tuple(challenges)))

    @rule(call=ANY_CALL)
    def call_and_challenge_for_one_scope_after_another(self, call: Call) -> None:
        """A call that is challenged for another scope each time."""
        named = map(ScopeSet, PLAIN_SCOPES)
        self.play(MakeCall(call, tuple(Challenging("insufficient_scope", scope) for scope in named)))

    @rule(call=ANY_CALL, refusal=REFUSALS)
    def call_and_refuse_consent(self, call: Call, refusal: Grants) -> None:
        """A call in which no consent is given."""
        self.play(MakeCall(call, grants=(Granting(refusal),)))

    @rule(call=ANY_CALL, without=SOME_SCOPES)
    def call_and_grant_less(self, call: Call, without: ScopeSet) -> None:
        """A call in which less is granted than was asked."""
        self.play(MakeCall(call, grants=(Granting("narrower", without),)), ReportGrant(call.resource))

    @rule(call=ANY_CALL, more=SOME_SCOPES)
    def call_and_grant_more(self, call: Call, more: ScopeSet) -> None:
        """A call in which more is granted than was asked."""
        self.play(MakeCall(call, grants=(Granting("wider", with_=more),)), ReportGrant(call.resource))

    @rule(step=make_calls())
    def call_with_any_answers(self, step: MakeCall) -> None:
        """A call through any number of challenges and grants."""
        self.play(step)

    @rule(steps=related_steps())
    def let_related_things_happen(self, steps: Steps) -> None:
        """Whatever a check lets happen."""
        self.play(*steps)

    @rule(call=ANY_CALL, spellings=SOME_SPELLINGS)
    def call_and_reject_its_token_in_each_spelling(self, call: Call, spellings: list[str]) -> None:
        """Calls whose tokens are rejected, each in another spelling, and which no refresh can answer."""
        without = (Granting(refresh_token=False),)
        self.play(
            MakeCall(call, (Challenging("unauthorized"),), without),
            *(MakeCall(call, (Challenging("unauthorized", spelling=name),), without) for name in spellings),
        )

    @rule(call=ANY_CALL, issuer=st.sampled_from(ISSUERS))
    def move_then_call_with_silent_servers_then_refresh(self, call: Call, issuer: str) -> None:
        """A resource moves, and neither challenge nor token response names a scope; then a refresh."""
        silent = MakeCall(call, (Challenging(scope="unnamed"),), (Granting(says=False),), persists=True)
        at = call.resource
        self.play(
            *(MoveResource(at, issuer), RepublishMetadata(at, None), silent),
            *(ReportGrant(at), ExpireToken(at), MakeCall(call)),
        )

    @rule(call=ANY_CALL, granting=grantings())
    def expire_token_then_call(self, call: Call, granting: Granting) -> None:
        """A call whose token has expired, and what the client says that it holds then."""
        self.play(ExpireToken(call.resource), MakeCall(call, grants=(granting,)), ReportGrant(call.resource))

    @rule(call=ANY_CALL, other=OTHERS)
    def refresh_narrowly_then_call_another_operation(self, call: Call, other: str) -> None:
        """A refresh for `call` alone, then the `other` call with a refresh that names no scope."""
        resources = self.plan.servers.resources
        needs = resources.get(call.resource, resources[RESOURCES[0]]).needs
        narrower = Granting("narrower", without=needs[other] - needs[call.operation])
        again = MakeCall(Call(call.resource, other), grants=(Granting(says=False),))
        self.play(
            *(again, MakeCall(call), ExpireToken(call.resource), MakeCall(call, grants=(narrower,))),
            *(again, ReportGrant(call.resource)),
        )

    # --- what else happens ---

    @rule()
    def restart_client(self) -> None:
        """Memory is lost, storage is kept."""
        self.play(RestartClient())

    @rule(resource=st.sampled_from(PLACES))
    def report_grant(self, resource: str) -> None:
        """The client says what it holds."""
        self.play(ReportGrant(resource))

    @rule(resource=st.sampled_from(PLACES), scopes=metadata_lists())
    def republish_metadata(self, resource: str, scopes: tuple[str, ...] | None) -> None:
        """A resource lists other scopes than before."""
        self.play(RepublishMetadata(resource, scopes))

    @rule(resource=st.sampled_from(PLACES), issuer=st.sampled_from(ISSUERS))
    def move_resource(self, resource: str, issuer: str) -> None:
        """A resource goes to another authorization server."""
        self.play(MoveResource(resource, issuer))

"""The released Python SDK as a subject: what it does reaches the transcript, and its errors stay its own."""

import sys
from dataclasses import replace
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings

from scope_judge.judge import judged
from scope_model.client import Call
from scope_model.events import (
    CLIENT_CREDENTIALS,
    JWT_BEARER,
    REFRESH_TOKEN,
    TOKEN_EXCHANGE,
    AuthorizationRequest,
    CallEnded,
    ClientRegistration,
    ClientReported,
    Event,
    ResourceRequest,
    ResourceResponse,
    TokenRequest,
    TokenResponse,
    Transcript,
)
from scope_model.scopes import scopes
from scope_model.servers import AuthorizationServer, Challenging, Granting, ResourceServer, Servers
from scope_oracle.names import UnknownName
from scope_oracle.releases import NAMED
from scope_oracle.subjects import BUILT, SUBJECTS, SubjectUnavailable, subject
from scope_oracle.subjects.python_sdk import PythonSdk, PythonSdkSession
from scope_oracle.world import HttpWorld
from scope_properties.episodes import (
    Episode,
    EpisodeStep,
    ExpireToken,
    MakeCall,
    OverlapCalls,
    Plan,
    ReportGrant,
    RestartClient,
)
from scope_properties.runs import Run, run
from scope_properties.strategies import episodes
from scope_properties.world import Exhausted

E = TypeVar("E", bound=Event)

ONE, TWO = "https://one.example/mcp", "https://two.example/mcp"
ISSUER = "https://as.example"
READ, WRITE = MakeCall(Call(ONE, "read")), MakeCall(Call(ONE, "write"))
NEEDS = {"read": scopes("a"), "write": scopes("b")}
PLAN = Plan(
    Servers(
        {name: ResourceServer(name, ISSUER, NEEDS) for name in (ONE, TWO)},
        {ISSUER: AuthorizationServer(ISSUER)},
    )
)
ACCUMULATES = PythonSdk().version >= "2"


def started(plan: Plan = PLAN) -> tuple[Run, PythonSdkSession]:
    """A client with nothing stored, and its run."""
    running = Run(plan, PythonSdk())
    assert isinstance(running.session, PythonSdkSession)
    return running, running.session


def played(*steps: EpisodeStep, plan: Plan = PLAN) -> Transcript:
    return run(Episode(plan, steps), PythonSdk())


def those(transcript: Transcript, kind: type[E]) -> list[E]:
    return [event for event in transcript.events if isinstance(event, kind)]


def asked(transcript: Transcript) -> list[object]:
    return [event.scope for event in those(transcript, AuthorizationRequest)]


def statuses(transcript: Transcript) -> list[int]:
    return [event.status for event in those(transcript, ResourceResponse)]


def reported(transcript: Transcript) -> list[tuple[str, ...] | None]:
    return [event.granted for event in those(transcript, ClientReported)]


# --- what the SDK does ---


def test_a_first_call_authorizes_and_is_served() -> None:
    transcript = played(READ)
    assert [type(event).__name__ for event in transcript.events] == [
        "CallStarted",
        "ResourceRequest",
        "ResourceResponse",
        "ProtectedResourceMetadata",
        "AuthorizationServerMetadata",
        "ClientRegistration",
        "AuthorizationRequest",
        "AuthorizationResponse",
        "TokenRequest",
        "TokenResponse",
        "ResourceRequest",
        "ResourceResponse",
        "CallEnded",
    ]
    assert statuses(transcript) == [401, 200]
    assert asked(transcript) == ["a"]
    for event in those(transcript, AuthorizationRequest) + those(transcript, TokenRequest):
        assert (event.issuer, event.resource) == (ISSUER, ONE)
    assert transcript.header.client_version == PythonSdk().version
    assert transcript.header.configured_mode == "none"


def test_a_403_is_answered_by_a_step_up() -> None:
    transcript = played(READ, WRITE)
    assert statuses(transcript) == [401, 200, 403, 200]
    assert asked(transcript) == ["a", "a b" if ACCUMULATES else "b"]


def test_a_restart_keeps_the_token_and_forgets_the_rest() -> None:
    transcript = played(READ, RestartClient(), READ, WRITE)
    assert statuses(transcript) == [401, 200, 200, 403, 200]
    assert len(those(transcript, ClientRegistration)) == 1
    assert asked(transcript) == ["a", "a b" if ACCUMULATES else "b"]


def test_each_server_has_a_provider_and_a_storage_of_its_own() -> None:
    transcript = played(READ, MakeCall(Call(TWO, "read")), READ)
    assert statuses(transcript) == [401, 200, 401, 200, 200]
    assert len(those(transcript, ClientRegistration)) == 2


def test_a_refusal_ends_the_call_and_costs_nothing_that_is_held() -> None:
    running, session = started()
    running.play(READ)
    running.play(replace(WRITE, grants=(Granting("refused"),)))
    assert session.refusals == ["access_denied"]
    running.play(READ)
    running.play(ReportGrant(ONE))
    assert statuses(running.transcript) == [401, 200, 403, 200]
    assert reported(running.transcript) == [("a",)]


def test_a_refused_token_ends_the_call() -> None:
    running, session = started(replace(PLAN, grant_type=CLIENT_CREDENTIALS))
    running.play(replace(READ, grants=(Granting("invalid_scope"),)))
    assert len(session.refusals) == 1
    assert "invalid_scope" in session.refusals[0]


def test_an_expired_token_is_refreshed_first() -> None:
    transcript = played(READ, ExpireToken(ONE), READ)
    first, refresh = those(transcript, TokenRequest)
    issued, renewed = those(transcript, TokenResponse)
    assert (first.refresh_token, refresh.refresh_token) == (None, issued.refresh_token)
    assert (refresh.grant_type, refresh.resource) == (REFRESH_TOKEN, ONE)
    assert those(transcript, ResourceRequest)[-1].access_token == renewed.access_token
    assert statuses(transcript) == [401, 200, 200]


def test_a_restarted_client_cannot_know_that_its_token_expired() -> None:
    transcript = played(READ, RestartClient(), ExpireToken(ONE), READ)
    assert len(asked(transcript)) == 2
    assert statuses(transcript) == [401, 200, 401, 200]


def test_a_report_is_what_the_stored_token_says() -> None:
    before = (ReportGrant(ONE),)
    silent = replace(READ, grants=(Granting(says=False),))
    narrow = replace(READ, grants=(Granting("narrower", without=scopes("a")),))
    assert reported(played(*before)) == []
    assert reported(played(READ, ReportGrant(ONE))) == [("a",)]
    assert reported(played(silent, ReportGrant(ONE))) == [("a",) if ACCUMULATES else None]
    assert reported(played(narrow, ReportGrant(ONE))) == [()]
    (report,) = those(played(READ, ReportGrant(ONE), ReportGrant(TWO)), ClientReported)
    assert (report.issuer, report.resource) == (ISSUER, ONE)


@pytest.mark.parametrize("wants", [True, False])
def test_a_refresh_token_is_registered_for_where_it_is_wanted(wants: bool) -> None:  # noqa: FBT001 - a parameter
    (registration,) = those(played(READ, plan=replace(PLAN, wants_refresh_token=wants)), ClientRegistration)
    assert registration.grant_types is not None
    assert (REFRESH_TOKEN in registration.grant_types) is wants


def test_configured_scopes_are_overwritten() -> None:
    transcript = played(READ, plan=replace(PLAN, configured=scopes("k")))
    assert transcript.header.configured_scopes == ("k",)
    assert asked(transcript) == ["a"]


def test_a_machine_is_no_user() -> None:
    transcript = played(READ, WRITE, plan=replace(PLAN, grant_type=CLIENT_CREDENTIALS))
    assert not asked(transcript)
    sent = those(transcript, TokenRequest)
    assert [event.grant_type for event in sent] == [CLIENT_CREDENTIALS] * 2
    assert sent[0].scope == "a"
    assert statuses(transcript) == [401, 200, 403, 200]


def test_a_grant_that_the_sdk_lacks_is_said_to_be_lacking() -> None:
    with pytest.raises(SubjectUnavailable, match="password"):
        played(READ, plan=replace(PLAN, grant_type="password"))


@pytest.mark.skipif(not ACCUMULATES, reason="identity assertions came with 2.x")
def test_an_exchange_has_two_legs_and_the_last_one_names_the_scopes() -> None:
    transcript = played(READ, WRITE, ReportGrant(ONE), plan=replace(PLAN, grant_type=TOKEN_EXCHANGE))
    sent = [(event.grant_type, event.scope) for event in those(transcript, TokenRequest)]
    assert sent[:2] == [(TOKEN_EXCHANGE, None), (JWT_BEARER, None)]
    assert (JWT_BEARER, "a") in sent or (JWT_BEARER, "b") in sent
    judging = judged(transcript)
    assert judging.reached["EXT-1"] > 0
    assert judging.reached["EXT-2"] > 0


def test_generated_episodes_are_played_in_peace(capfd: pytest.CaptureFixture[str]) -> None:
    @settings(max_examples=60, derandomize=True, database=None, deadline=None)
    @given(episodes())
    def in_peace(episode: Episode) -> None:
        running, session = started(episode.plan)
        running.play(*episode.steps)
        assert not session.http_world.complaints
        assert running.transcript == run(episode, PythonSdk())

    in_peace()
    assert capfd.readouterr() == ("", "")


# --- whose error it is ---


def test_the_end_of_patience_comes_out_and_leaves_the_client_usable(monkeypatch: pytest.MonkeyPatch) -> None:
    running, session = started()
    for patience in range(6):  # wherever in the flow it ends
        with monkeypatch.context() as patch:
            patch.setattr("scope_properties.world.PATIENCE", patience)
            running.world.begin(READ)
            with pytest.raises(Exhausted):
                session.call(READ.call)
    running.play(READ)
    assert statuses(running.transcript)[-1] == 200


@pytest.mark.parametrize("exchange", [1, 2, 3, 4, 5])
def test_an_error_of_ours_is_not_taken_for_a_refusal(monkeypatch: pytest.MonkeyPatch, exchange: int) -> None:
    # The fifth is made by the user agent, inside the SDK's own call.
    handle, count = HttpWorld.handle, 0

    def fail(world: HttpWorld, request: Any) -> Any:  # noqa: ANN401 - it is passed on
        nonlocal count
        count += 1
        if count == exchange:
            raise ValueError("ours")
        return handle(world, request)

    monkeypatch.setattr(HttpWorld, "handle", fail)
    running, session = started()
    with pytest.raises(ValueError, match="ours"):
        running.play(READ)
    assert not session.refusals


def test_an_error_of_the_sdk_ends_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    running, session = started()

    def fail(*_: object) -> None:
        raise ValueError("theirs")

    monkeypatch.setattr(session.sdk.auth, "get_client_metadata_scopes", fail)
    running.play(READ)
    assert session.refusals == ["theirs"]


def test_a_challenge_is_read_from_all_its_lines() -> None:
    call = replace(READ, challenges=(Challenging(spelling="on-the-second-line"),))
    assert asked(played(call)) == ["a"]


# --- by name ---


@pytest.mark.parametrize("name", sorted({*SUBJECTS} - {*BUILT} | {"python-sdk"}))
def test_every_subject_answers_to_its_name(name: str) -> None:
    with subject(name) as known:
        assert known.name == name


def test_a_policy_is_a_subject() -> None:
    assert NAMED.keys() < set(SUBJECTS)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("pyton-sdk", "unknown subject 'pyton-sdk'; did you mean python-sdk"),
        ("MODEL", "unknown subject 'MODEL'; did you mean model?"),
        ("qqq", "unknown subject 'qqq'"),
    ],
)
def test_an_unknown_subject_is_met_with_near_matches(name: str, message: str) -> None:
    with pytest.raises(UnknownName) as raised:
        subject(name)
    assert str(raised.value).startswith(message)
    assert raised.value.name == name


@pytest.mark.parametrize("module", ["mcp", "mcp.client.auth.oauth2"])
def test_without_the_sdk_its_user_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "mcp"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SubjectUnavailable, match=r"pip install 'scopelaw\[python-sdk\]'"):
        subject("python-sdk")


@pytest.mark.parametrize(
    ("other", "sent"),
    [
        (Call(TWO, "read"), [("read", ONE), ("read", TWO), ("read", ONE), ("read", TWO)]),
        (Call(ONE, "write"), [("read", ONE), ("read", ONE), ("write", ONE), ("write", ONE)]),
    ],
    ids=["at two resources", "at one, whose provider does one thing at a time"],
)
def test_calls_overlap_where_the_sdk_lets_them(other: Call, sent: list[tuple[str, str]]) -> None:
    running, session = started()
    running.play(OverlapCalls(READ, MakeCall(other)))
    requests = [event for event in running.world.events if isinstance(event, ResourceRequest)]
    assert [(each.operation, each.resource) for each in requests] == sent
    assert running.world.overlapped == (other.resource == TWO)
    assert session.refusals == []
    ends = [event.call for event in running.world.events if isinstance(event, CallEnded)]
    assert ends == [1, 2]


def test_each_of_two_overlapping_calls_ends_with_its_own_patience() -> None:
    rejected = Challenging("unauthorized", describes=True)
    first, second = (MakeCall(Call(name, "read"), (rejected,), persists=True) for name in (ONE, TWO))
    running, _ = started()
    running.play(OverlapCalls(first, second))
    assert [event.call for event in running.world.events if isinstance(event, CallEnded)] == [1, 2]

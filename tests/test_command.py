"""Conformance clients by their command line: what they are put through, how they are judged, and what ends them."""

import json
import os
import shlex
import sys
from dataclasses import replace
from http.client import HTTPConnection
from itertools import islice
from pathlib import Path
from time import sleep
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner, Result

from scope_judge.judge import judge
from scope_model.client import Call
from scope_model.events import AuthorizationRequest, ResourceRequest, ResourceResponse
from scope_model.scopes import NO_SCOPES, scopes
from scope_model.servers import AuthorizationServer, Challenging, Granting, ResourceServer, Servers
from scope_oracle import checking
from scope_oracle.checking import examiner, generated, plain_episode
from scope_oracle.cli import cli
from scope_oracle.reaching import judged_at, within_reach
from scope_oracle.replays import episode_of, replay_of
from scope_oracle.subjects import command
from scope_oracle.subjects.command import MOST_CALLS, STAGES, TOOL, Command, CommandSession
from scope_oracle.subjects.hosting import WENT_ON, Host
from scope_oracle.world import HttpRequest, HttpWorld
from scope_properties.episodes import (
    STREAM,
    Episode,
    ExpireToken,
    MakeCall,
    OverlapCalls,
    Plan,
    RepublishMetadata,
    RestartClient,
)
from scope_properties.mutants import MUTANTS
from scope_properties.reach import freedoms_of
from scope_properties.runs import Run, run
from scope_properties.shrinking import Length, candidates, shrink
from scope_properties.world import World
from scope_spec import Revision

TESTS = Path(__file__).parent
CLIENT = f"cd {shlex.quote(str(TESTS))} && exec {shlex.quote(sys.executable)} -m drivers.conformance_client"
"""The reference model as a conformance client."""

RESOURCE, ISSUER = "https://one.example/mcp", "https://as.example"
GUARDED = {name for names in STAGES for name in names}


def scopelaw(*arguments: str) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(cli, arguments)


def refused(*arguments: str) -> str:
    """The one sentence that is said about a client that cannot be put under test."""
    result = scopelaw(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("scopelaw: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


def python(source: str) -> str:
    """The command that runs a program of one line."""
    return f"{shlex.quote(sys.executable)} -c {shlex.quote(source)}"


def episode(*challenges: Challenging, grants: tuple[Granting, ...] = (), persists: bool = False) -> Episode:
    """A call of the tool, in a world in which each stage needs a scope of its own."""
    needs = {name: scopes(scope) for names, scope in zip(STAGES, "abc", strict=True) for name in names}
    servers = Servers({RESOURCE: ResourceServer(RESOURCE, ISSUER, needs)}, {ISSUER: AuthorizationServer(ISSUER)})
    made = MakeCall(Call(RESOURCE, TOOL), challenges, grants, persists)
    return Episode(Plan(servers, wants_refresh_token=None), (made,))


# --- what can be played ---------------------------------------------------------------------------


def test_what_is_playable_are_calls_of_one_server_that_a_token_is_enough_for() -> None:
    client, most = Command("client"), 0
    for made in generated("2026-07-28", 300, 3):
        playable = client.playable(made)
        (resource,) = playable.plan.servers.resources.values()
        calls = [step for step in playable.steps if isinstance(step, MakeCall)]
        most = max(most, len(calls))
        assert {step.call for step in calls} == {Call(resource.resource, TOOL)}
        assert isinstance(playable.steps[-1], MakeCall)
        assert resource.needs == dict.fromkeys(GUARDED, NO_SCOPES)
        assert (playable.plan.configured, playable.plan.wants_refresh_token) == (None, None)
        assert client.playable(playable) == playable
        assert episode_of(replay_of(playable)) == playable
    assert most == MOST_CALLS


def test_what_an_operation_needs_is_challenged_where_it_was_not_named_before() -> None:
    read, write = Call(RESOURCE, "read"), Call(RESOURCE, "write")
    plan = plain_episode("2026-07-28").plan
    listed = RepublishMetadata(RESOURCE, ("x",))
    steps = (
        MakeCall(read),
        ExpireToken(RESOURCE),
        MakeCall(read, (Challenging(spelling="after-basic"),)),
        listed,
        OverlapCalls(MakeCall(write), MakeCall(write)),
        RestartClient(),
        MakeCall(read, (Challenging("unauthorized"),)),
    )
    tool = Call(RESOURCE, TOOL)
    assert Command("client").playable(Episode(plan, steps)).steps == (
        MakeCall(tool, (Challenging("insufficient_scope", scopes("a")),), (Granting(brief=True),)),
        MakeCall(tool, (Challenging(scope=scopes("a"), spelling="after-basic"),)),
        listed,
        MakeCall(tool, (Challenging("insufficient_scope", scopes("b")),)),
        MakeCall(tool),
        MakeCall(tool, (Challenging("unauthorized", scopes("a")),)),
    )


def test_none_but_the_last_call_is_challenged_for_more_than_can_be_answered() -> None:
    named, again = Challenging("insufficient_scope", scopes("d")), Challenging("unauthorized", "unnamed")
    for_good, refused_, silent = Challenging("forbidden", "unnamed"), Granting("refused"), Granting(says=False)
    call = MakeCall(Call(RESOURCE, "read"), (named, again, for_good), (silent, refused_), persists=True)
    vain = MakeCall(Call(RESOURCE, "read"), (for_good, named), (refused_,))
    plan = replace(plain_episode("2026-07-28").plan, servers=episode().plan.servers)
    assert Command("client").playable(Episode(plan, (call, vain, call))).steps == (
        MakeCall(Call(RESOURCE, TOOL), (named,), (silent,)),
        MakeCall(Call(RESOURCE, TOOL)),
        replace(call, call=Call(RESOURCE, TOOL)),
    )


def test_an_episode_of_nothing_becomes_a_plain_call() -> None:
    servers = Servers(
        {RESOURCE: ResourceServer(RESOURCE, "https://gone.example", {})}, {ISSUER: AuthorizationServer(ISSUER)}
    )
    playable = Command("client").playable(Episode(Plan(servers), ()))
    assert playable.steps == (MakeCall(Call(RESOURCE, TOOL)),)
    assert set(playable.plan.servers.resources[RESOURCE].needs) == GUARDED


def test_shrinking_tries_few_episodes_and_only_playable_ones() -> None:
    client, tried = Command("client"), list[Episode]()

    def shows(one: Episode) -> Length:
        tried.append(one)
        return (len(tried),)  # never better, so that it goes on for as long as it may

    drawn = client.playable(next(islice(generated("2026-07-28", 10, 3), 5, None)))
    assert shrink(drawn, shows, client.playable, trials=20) == drawn
    assert len(tried) == 1 + 20
    assert len(set(map(repr, tried))) == len(tried)
    assert [client.playable(one) for one in tried] == tried
    assert any(client.playable(one) != one for one in candidates(drawn))


# --- what is judged -------------------------------------------------------------------------------


@pytest.mark.parametrize(("revision", "begins"), [("2025-11-25", "initialize"), ("2026-07-28", "server/discover")])
def test_each_stage_is_challenged_and_the_reference_is_found_no_fault_with(revision: Revision, begins: str) -> None:
    with Command(CLIENT, revision) as client:
        plain = client.playable(plain_episode(revision))
        responses = [event for event in run(plain, client).events if isinstance(event, ResourceResponse)]
        assert [(event.operation, event.status) for event in responses] == [
            *((begins, 401), (begins, 200)),
            *(("tools/list", 403), ("tools/list", 200)),
            *((TOOL, 401), (TOOL, 200)),
        ]
        result = checking.check(client, revision=revision, examples=5)
    assert (result.broken, result.complete, result.examples) == ((), True, 5)


GROWING = [Challenging("insufficient_scope", scopes(name)) for name in "abcdefgh"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("replaces", episode()),
        ("openid-always", episode()),
        ("scope-at-exchange", episode()),
        ("first-scheme", episode(*[Challenging(spelling="after-basic")] * 3)),
        ("bound-reset-by-new-scopes", episode(*GROWING)),
        ("insists", episode(grants=(Granting("refused"),), persists=True)),  # for ever, until it is ended
    ],
)
def test_a_wrong_client_is_caught_by_the_clause_that_it_breaks(name: str, shown: Episode) -> None:
    mutant = MUTANTS[name]
    with Command(f"{CLIENT} {name}") as client:
        _, judge = examiner(client, "2026-07-28").judged(shown)
    first = min((finding.event for finding in judge.found), default=None)
    assert mutant.clause in {finding.clause for finding in judge.found if finding.event == first}


def test_a_finding_is_shown_and_can_be_replayed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "COSTLY_TRIALS", 2)
    wrong = f"{CLIENT} openid-always"
    result = scopelaw("check", "--command", wrong, "--examples", "3")
    assert result.exit_code == 1, result.output
    lines = iter(result.stdout.splitlines())
    assert any(line.startswith("SEL-6/") for line in lines)
    replay = next(line for line in lines if line.startswith("  replay: "))
    words = shlex.split(replay)
    assert words[1:5] == ["scopelaw", "check", "--command", wrong]
    again = scopelaw(*words[2:])
    assert again.exit_code == 1
    assert "SEL-6" in again.stdout


def test_a_client_that_never_steps_up_is_told_so_and_plays_its_part() -> None:
    timid = f"{CLIENT} never-steps-up"
    assert scopelaw("smoke", "--command", timid).exit_code == 0
    with Command(timid) as client:
        result = checking.check(client, examples=25)
    never = next(broken.finding for broken in result.broken if broken.finding.cause == "never-steps-up")
    assert (never.clause, never.verdict) == ("STEP-2", "discouraged")


LISTS = f"{shlex.quote(sys.executable)} {shlex.quote(str(TESTS / 'drivers' / 'listing.py'))}"
"""A client that never calls a tool."""


def test_a_stage_that_was_never_called_is_named_with_what_that_leaves_out() -> None:
    result = scopelaw("check", "--command", LISTS, "--examples", "12", "--jobs", "1")
    said = " ".join(result.stdout.split())
    assert f"{TOOL} was never called" in said
    assert "what the reference client reaches, and this one did not: " in said
    assert "out of reach" in said
    row = scopelaw("check", "--command", LISTS, "--examples", "12", "--jobs", "1", "--format", "json")
    form = json.loads(row.stdout)
    assert form["uncalled"] == [TOOL]
    states = {each["clause"]: (each["state"], each.get("out_of_reach", False)) for each in form["clauses"]}
    assert states["EXT-1"] == ("not reached", True)  # nobody is behind a command without a user
    assert states["ACC-4"] == ("not reached", False)  # a chain of step-ups


def test_a_request_that_a_client_fetches_twice_is_one() -> None:
    for times in ("1", "3"):
        with Command(f"{LISTS} {times}") as client:
            transcript = run(client.playable(plain_episode("2026-07-28")), client)
        assert sum(isinstance(event, AuthorizationRequest) for event in transcript.events) == 1
        assert any(isinstance(event, ResourceRequest) and event.access_token for event in transcript.events)


CLOCKED = CLIENT.replace("conformance_client", "clocked")
"""The same with a clock; it opens a stream as well."""


@pytest.mark.parametrize("brief", [True, False])
def test_a_client_that_errs_by_its_clock_is_found_where_tokens_are_brief_and_not_where_they_last(brief: bool) -> None:  # noqa: FBT001
    first, then = episode(grants=(Granting(brief=brief),)), episode()
    found = []
    for options in ("", " --forgetful"):
        with Command(CLOCKED + options) as client:
            running = Run(first.plan, client)
            running.play(*first.steps, *then.steps)
        found.append([finding.clause for finding in judge(running.transcript)])
        assert ("brief=True" in freedoms_of(running.world)) is brief
    assert found == [[], ["ACC-2"] if brief else []]


@pytest.mark.parametrize("guards", [True, False])
def test_a_challenge_to_a_stream_is_counted_where_a_client_opens_one_that_is_guarded(guards: bool) -> None:  # noqa: FBT001
    guarded = replace(episode().plan, revision="2025-11-25")
    (server,) = guarded.servers.resources.values()
    needs = {**server.needs, **({STREAM: scopes("d")} if guards else {})}
    servers = replace(guarded.servers, resources={RESOURCE: replace(server, needs=needs)})
    counted = []
    for opened_by in (CLOCKED, CLIENT):
        with Command(opened_by, "2025-11-25") as client:
            running = Run(replace(guarded, servers=servers), client)
            running.play(MakeCall(Call(RESOURCE, TOOL)))
        counted.append("a challenge to a stream" in freedoms_of(running.world))
    assert counted == [guards, False]


def test_what_is_in_reach_of_a_client_is_what_the_reference_reaches_by_command() -> None:
    with Command(CLIENT) as client:
        reached = checking.check(client, examples=15).reached
        episodes = [client.playable(made) for made in generated("2026-07-28", 15, 0)]
    judged = [clause.id for clause in judged_at("2026-07-28")]
    by_command = {name for name in judged if reached.get(name)}
    within = within_reach(judged, episodes, standalone=True)
    assert by_command <= within
    assert len(within - by_command) <= 2  # a connection of its own, and so an order of its own, and no clock


@pytest.mark.parametrize(("examples", "findings", "each"), [(100, 4, 18), (100, 1, 40), (3, 3, 0), (1, 1, 0)])
def test_traces_are_shortened_in_no_more_runs_than_it_took_to_find_them(
    examples: int, findings: int, each: int
) -> None:
    assert checking.trials(Command("client"), examples, findings) == each
    assert findings * (each + 2) <= max(examples, 2 * findings)


def test_no_more_clients_are_started_for_shortening_than_for_searching(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = list[Plan]()
    plainly = Command.open

    def counted(self: Command, plan: Plan, world: World) -> CommandSession:
        opened.append(plan)
        return plainly(self, plan, world)

    monkeypatch.setattr(Command, "open", counted)
    with Command(f"{CLIENT} replaces") as client:
        opened.clear()
        result = checking.check(client, examples=20)
    assert result.broken
    known_by = 1  # the plain episode, before all others
    assert 20 + known_by < len(opened) <= 2 * 20 + known_by


# --- how a client is run --------------------------------------------------------------------------


def test_a_client_is_told_the_scenario_and_the_revision_and_its_status_says_nothing(tmp_path: Path) -> None:
    told, script = tmp_path / "told", tmp_path / "client.sh"
    variables = '"$MCP_CONFORMANCE_SCENARIO" "$MCP_CONFORMANCE_PROTOCOL_VERSION" "$#"'
    script.write_text(f"printf '%s\\n' {variables} > {told}\n({CLIENT} \"$1\")\nexit 7\n", "utf-8")
    result = scopelaw("smoke", "--command", f"sh {script}", "--revision", "2025-11-25")
    assert result.exit_code == 0, result.output
    assert result.stdout.count("ok ") == 3
    assert told.read_text("utf-8").split() == ["auth/scope-step-up", "2025-11-25", "1"]


def test_a_server_lists_its_tools_and_none_of_its_methods(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Command("client")
    plan = client.playable(plain_episode("2026-07-28")).plan
    free = {name: scopes("") for name in GUARDED}
    (resource,) = plan.servers.resources
    servers = Servers({resource: ResourceServer(resource, ISSUER, free)}, {ISSUER: AuthorizationServer(ISSUER)})
    http = HttpWorld(World(Plan(servers)))
    listing = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).encode()
    monkeypatch.setattr(http.world, "answer", lambda _: ResourceResponse("tools/list", 200, (), resource))
    response = http.handle(HttpRequest("POST", resource, body=listing))
    assert [tool["name"] for tool in json.loads(response.body)["result"]["tools"]] == [TOOL]


def test_a_client_is_served_however_fast_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = list[int]()
    plainly = CommandSession._start  # noqa: SLF001 - a client that has called before anybody can say it has started

    def hurried(self: CommandSession, url: str) -> object:
        calling = HTTPConnection(urlsplit(url).netloc)
        calling.request("POST", "/mcp", json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}))
        answers.append(calling.getresponse().status)
        calling.close()
        return plainly(self, url)

    monkeypatch.setattr(CommandSession, "_start", hurried)
    with Command(CLIENT) as client:
        run(client.playable(plain_episode("2026-07-28")), client)
    assert answers == [401, 401]


def test_check_and_smoke_say_that_something_went_on_after_a_client(tmp_path: Path) -> None:
    first, script = tmp_path / "first", tmp_path / "client.sh"
    calling = python("import sys; from urllib.request import urlopen; urlopen(sys.argv[1], b'')")
    remembers = f'test -e {first} || echo "$1" > {first}'
    script.write_text(f'{remembers}\n{calling} $(cat {first}) 2>{os.devnull}\n({CLIENT} "$1")\n', "utf-8")
    result = scopelaw("smoke", "--command", f"sh {script}")
    assert f"failed  It ends by itself, and nothing calls afterwards: {WENT_ON}\n" in result.stdout
    first.unlink()
    result = scopelaw("check", "--command", f"sh {script}", "--examples", "2", "--jobs", "1")
    assert result.stderr.endswith(f" ended as it should not: {WENT_ON}\n")


def test_a_client_that_is_no_more_there_leaves_a_host_that_serves_nobody() -> None:
    with Host() as host:
        plan = Command("client").playable(plain_episode("2026-07-28")).plan
        session = CommandSession("no\0command", host, plan, World(plan))
        with pytest.raises(ValueError, match="null byte"):
            session.call(Call(RESOURCE, TOOL))
        calling = HTTPConnection(urlsplit(host.place(plan.servers).outward(RESOURCE)).netloc)
        calling.request("POST", "/mcp", b"{}")
        assert calling.getresponse().status == 503
        calling.close()


CALLS = 'import sys; from urllib.request import urlopen; urlopen(sys.argv[1], b\'{"method": "tools/list"}\')'


@pytest.mark.parametrize(
    ("client", "says"),
    [
        ("no-such-client", "ended with status 127 and never called the server; it last said: "),
        (shlex.quote(__file__), "ended with status 126 and never called the server"),
        ("true", "ended with status 0 and never called the server"),
        (
            python("raise SystemExit('out of order')"),
            "ended with status 1 and never called the server; it last said: out",
        ),
        (python(CALLS), "was challenged and did not follow the authorization redirect; it last said: "),
    ],
)
@pytest.mark.parametrize("doing", ["check", "smoke"])
def test_what_is_no_client_is_one_sentence(doing: str, client: str, says: str) -> None:
    assert says in refused(doing, "--command", client)


def test_one_client_is_put_under_test() -> None:
    assert "do not go together" in refused("check", "model", "--command", "true")
    assert "do not go together" in refused("smoke", "go-sdk", "--command", "true")
    assert "--sdk-version says nothing" in refused("check", "--command", "true", "--sdk-version", "1.0")
    assert "no SUBJECT and no --command" in refused("smoke")


def left_of(group: int) -> bool:
    """Whether any process of a group is still there; one that was ended takes a moment to be gone."""
    for _ in range(500):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return False
        sleep(0.01)
    return True


def test_a_client_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "ENDING", 1.0)
    script, pid = tmp_path / "client.sh", tmp_path / "pid"
    script.write_text(f"echo $$ > {pid}\nsleep 1000 &\nsleep 1000\n", "utf-8")
    assert "was still running after 1 seconds" in refused("check", "--command", f"exec sh {script}")
    assert not left_of(int(pid.read_text("utf-8")))


def test_what_a_client_leaves_behind_is_ended(tmp_path: Path) -> None:
    script, pid = tmp_path / "client.sh", tmp_path / "pid"
    script.write_text(f'echo $$ > {pid}\nsleep 1000 &\n({CLIENT} "$1")\n', "utf-8")
    with Command(f"exec sh {script}"):
        assert not left_of(int(pid.read_text("utf-8")))


def test_a_client_that_never_stops_asking_is_ended_when_it_has_shown_enough(tmp_path: Path) -> None:
    # Nobody waits until it would count as hanging: the sentence is the one on what it did not do.
    script = tmp_path / "client.py"
    lines = ("from contextlib import suppress", "while True:", "    with suppress(OSError):", f"        {CALLS}")
    script.write_text("\n".join(lines), "utf-8")
    said = refused("check", "--command", f"{shlex.quote(sys.executable)} {script}")
    assert "did not follow the authorization redirect" in said


def test_a_client_that_fails_later_ends_the_check_with_what_was_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script, tried = tmp_path / "client.sh", tmp_path / "tried"
    script.write_text(f'test -e {tried} && exec sleep 1000\n({CLIENT} "$1")\ntouch {tried}\n', "utf-8")
    with Command(f"sh {script}") as client:
        monkeypatch.setattr(command, "ENDING", 0.5)
        result = checking.check(client, examples=2)
    assert (result.complete, result.examples) == (False, 0)
    assert result.fault == "the command was still running after 0.5 seconds"

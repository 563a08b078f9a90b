"""The command line: what it prints where, how it ends, and that nothing makes it fall over."""

import base64
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import zlib
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scope_model.events import (
    AuthorizationRequest,
    ClientRestarted,
    Event,
    Header,
    ProtectedResourceMetadata,
    ResourceRequest,
    ResourceResponse,
    Transcript,
)
from scope_oracle.checking import generated
from scope_oracle.cli import cli
from scope_oracle.explaining import clause_notes
from scope_oracle.releases import NAMED
from scope_oracle.replays import replay_of
from scope_oracle.subjects import BUILT, DRIVEN, sdk_of
from scope_oracle.subjects.building import manifest, recipe
from scope_oracle.transcripts import write
from scope_properties.laws import LAWS
from scope_properties.mutants import MUTANTS
from scope_spec import CLAUSES, READINGS

BROKEN = "rust-sdk-before-888"
"""A subject that is known to break something."""

SETTINGS = {f"{sdk}+{name}": says for sdk in DRIVEN for name, says in manifest(sdk).settings.items()}
"""What is said of each setting of each driver."""

COMMANDS = ("check", "judge", "redact", "explain", "compare", "vectors")

ASKS_LESS: tuple[Event, ...] = (
    ResourceRequest("read"),
    ResourceResponse("read", 401, ('Bearer scope="a b"',)),
    AuthorizationRequest("a"),
)
"""Breaks CHAL-1, which is a MUST."""


def scopelaw(*arguments: str | Path, given: str | bytes | None = None) -> Result:
    """Run the command in this process."""
    return CliRunner(env={"COLUMNS": None}).invoke(cli, [str(each) for each in arguments], given)


def process(*arguments: str | Path) -> list[str]:
    """The command that runs it in a process of its own."""
    return [sys.executable, "-c", "from scope_oracle.cli import main; main()", *map(str, arguments)]


def written(path: Path, events: Sequence[Event], revision: str = "2026-07-28") -> Path:
    """A transcript in a file."""
    lines = "".join(write(Transcript(Header("2026-07-28"), events)))
    path.write_text(lines.replace("2026-07-28", revision, 1), "utf-8")
    return path


def refused(*arguments: str | Path, given: str | bytes | None = None) -> str:
    """The one sentence that is said about arguments that cannot be used."""
    result = scopelaw(*arguments, given=given)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("scopelaw: ")
    return result.stderr.removeprefix("scopelaw: ").removesuffix("\n")


# --- help -----------------------------------------------------------------------------------------


def test_version() -> None:
    result = scopelaw("--version")
    assert result.exit_code == 0
    assert result.stdout.startswith("scopelaw 0.")


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help_with_an_example(command: str) -> None:
    result = scopelaw(command, "--help")
    assert result.exit_code == 0
    assert f"    scopelaw {command} " in result.stdout
    assert command in scopelaw("--help").stdout


@pytest.mark.parametrize("command", ["check", "judge"])
def test_help_names_every_reading(command: str) -> None:
    text = scopelaw(command, "--help").stdout
    assert not [reading.name for reading in READINGS.values() if f"{reading.name}" not in text]


# --- what cannot be used --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["chek"], "unknown command 'chek'; did you mean check?"),
        (["check", "modle"], "unknown subject 'modle'; did you mean model?"),
        (["check", "--revision", "2026-07-29"], "unknown revision '2026-07-29'; did you mean 2026-07-28"),
        (["check", "--revision", "x"], "unknown revision 'x'; choose from 2025-03-26, "),
        (
            ["check", "--reading", "union-bas=granted"],
            "unknown reading 'union-bas'; did you mean union-base?",
        ),
        (
            ["check", "--reading", "union-base=grant"],
            "unknown value of union-base 'grant'; did you mean granted?",
        ),
        (
            ["check", "--reading", "A1=x"],
            "choose from requested-and-granted, requested, granted",
        ),
        (["check", "--reading", "union-base"], "'union-base' is not NAME=VALUE"),
        (["check", "--fail-on", "violate"], "unknown verdict 'violate'; did you mean violates?"),
        (["check", "--format", "xml"], "unknown format 'xml'; choose from text, json"),
        (["check", "--examples", "0"], "--examples"),
        (["check", "--seed", "x"], "--seed"),
        (["check", "--sed", "1"], "--seed"),
        (["check", "--replay", "nonsense"], "the replay"),
        (["check", "--select", "ACC", "--ignore", "ACC"], "what is selected leaves no clause to judge at 2026-07-28"),
        (["check", "--revision", "2025-03-26", "--select", "ACC-1"], "leaves no clause to judge at 2025-03-26"),
        (["check", "--replay", "x", "--html", "x.html"], "--replay plays one episode and prints it, so --html says"),
        (["check", "--replay", "x", "--write", "x"], "so --write says nothing"),
        (["check", "--junit", ""], "cannot write ."),
        (["check", "--jobs", "8000"], "8000 is not in the range 1<=x<=64"),
        (["check", "rust-sdk", "--sdk-version", ""], "'' is no release of rmcp"),
        (["judge"], "FILE"),
        (["judge", "nowhere.jsonl"], "cannot read nowhere.jsonl: no such file or directory"),
        (["explain", "ACC-11"], "unknown name 'ACC-11'; did you mean ACC-1"),
        (["compare", "model"], "Missing argument 'B'"),
        (["compare", "model", "csharp-sdk-after-1239"], "did you mean csharp-sdk-after-1238"),
        (["explain", "\x1b[31m" + "x" * 100_000], "unknown name"),
    ],
)
def test_whatever_cannot_be_used_is_one_sentence(arguments: list[str], says: str) -> None:
    sentence = refused(*arguments)
    assert says in sentence
    assert len(sentence) < 300
    assert sentence.isprintable()


def test_a_file_that_is_not_there_is_like_those_that_are(tmp_path: Path) -> None:
    written(tmp_path / "recorded.jsonl", ())
    assert f"did you mean {tmp_path / 'recorded.jsonl'}?" in refused("judge", tmp_path / "recoded.jsonl")
    assert "is a directory" in refused("judge", tmp_path)


def test_a_page_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    result = scopelaw("check", "--examples", "1", "--html", tmp_path / "nowhere" / "page.html")
    assert result.exit_code == 2
    assert f"cannot write {tmp_path / 'nowhere' / 'page.html'}: there is no such folder" in result.stderr
    assert len(result.stderr.splitlines()) == 1


WORDS = st.text(max_size=8).filter(lambda word: not word.startswith("-"))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(command=st.sampled_from(("judge", "explain", "check")), words=st.lists(WORDS, max_size=3))
def test_no_words_make_it_fall_over(command: str, words: list[str]) -> None:
    result = scopelaw(command, *words, "--format", "jsn")
    assert result.exit_code == 2
    assert result.stdout == ""


# --- check ----------------------------------------------------------------------------------------


def test_check_ends_with_what_it_found() -> None:
    result = scopelaw("check", BROKEN, "--examples", "60")
    assert result.exit_code == 1
    assert result.stderr == ""
    assert "ACC-1/dropped  discouraged  rust-sdk-before-888" in result.stdout
    assert scopelaw("check", BROKEN, "--examples", "60", "--fail-on", "violates").exit_code == 0


def test_the_reference_model_is_checked_where_nothing_is_named() -> None:
    result = scopelaw("check", "--examples", "20")
    assert result.exit_code == 0
    assert result.stdout.startswith("model, 2026-07-28: 20 episodes, seed 0\n")


def test_the_same_seed_gives_the_same_result() -> None:
    first, again = (scopelaw("check", BROKEN, "--examples", "30", "--seed", "7") for _ in range(2))
    assert first.stdout == again.stdout


def test_check_gives_json_and_a_page_and_a_replay(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    result = scopelaw("check", BROKEN, "--examples", "60", "--format", "json", "--html", page)
    assert result.exit_code == 1
    form = json.loads(result.stdout)
    assert page.read_text("utf-8").startswith("<!DOCTYPE html>")
    for broken in form["findings"]:
        again = scopelaw("check", BROKEN, "--replay", broken["replay"], "--format", "json")
        *findings, footer = map(json.loads, again.stdout.splitlines())
        shown = [{name: each[name] for name in ("clause", "cause", "verdict", "event")} for each in findings]
        assert {name: broken[name] for name in shown[0]} in shown
        assert footer["events"] == len(broken["transcript"]) - 2
    one = form["findings"][0]
    of_one = scopelaw("check", BROKEN, "--replay", one["replay"], "--select", one["clause"], "--format", "json")
    assert {json.loads(line)["clause"] for line in of_one.stdout.splitlines()[:-1]} == {one["clause"]}
    assert one["also"]
    told = scopelaw("check", BROKEN, "--replay", form["findings"][0]["replay"], "--fail-on", "unspecified")
    assert told.exit_code == 1
    assert form["findings"][0]["because"] in " ".join(told.stdout.split())


def test_a_reading_is_named_by_id_or_by_name() -> None:
    by_id, by_name = (
        scopelaw("check", BROKEN, "--examples", "60", "--reading", f"{name}=fallback", "--format", "json")
        for name in ("a10", "server-metadata-as-source")
    )
    form, other = json.loads(by_id.stdout), json.loads(by_name.stdout)
    assert form.pop("seconds") >= 0 <= other.pop("seconds")
    form["command"] = other["command"] = []
    assert form == other
    assert form["readings"] == {"A10": "fallback"}
    assert "SEL-7" not in {broken["clause"] for broken in form["findings"]}


@settings(max_examples=150, derandomize=True, database=None, deadline=None)
@given(at=st.integers(0, 30), chances=st.randoms(use_true_random=False))
def test_a_replay_that_is_changed_is_an_episode_still_or_one_sentence(at: int, chances: Random) -> None:
    episode = next(islice(generated("2026-07-28", 31, 0), at, None))
    form = json.loads(zlib.decompress(base64.urlsafe_b64decode(replay_of(episode) + "==")))
    inner: object = form
    while True:
        keys = list(inner) if isinstance(inner, dict) else list(range(len(inner))) if isinstance(inner, list) else []
        if not keys:
            break
        holder, key = inner, chances.choice(keys)
        inner = holder[key]  # type: ignore[index]  # one of its own
        if chances.random() < 0.3 or not isinstance(inner, dict | list):
            holder[key] = chances.choice(["x", 5, None, [], {}, {"x": 1}])  # type: ignore[index]  # likewise
            break
    text = base64.urlsafe_b64encode(zlib.compress(json.dumps(form).encode())).decode()
    result = scopelaw("check", "--replay", text)
    assert result.exit_code in (0, 2), result.output
    assert result.exit_code == 0 or result.stderr.startswith("scopelaw: the replay ")


# --- judge ----------------------------------------------------------------------------------------


def test_judge_prints_findings_and_a_footer(tmp_path: Path) -> None:
    result = scopelaw("judge", written(tmp_path / "x.jsonl", ASKS_LESS))
    assert result.exit_code == 1
    assert result.stderr == ""
    finding, footer = map(json.loads, result.stdout.splitlines())
    assert list(finding) == ["clause", "cause", "verdict", "event", "because"]
    assert (finding["clause"], finding["verdict"], finding["event"]) == ("CHAL-1", "violates", 2)
    assert list(footer.items())[:5] == [
        ("end", True),
        ("events", 3),
        ("violates", 1),
        ("discouraged", 0),
        ("unspecified", 0),
    ]


def test_judge_reads_standard_input(tmp_path: Path) -> None:
    data = written(tmp_path / "x.jsonl", ASKS_LESS).read_bytes()
    assert scopelaw("judge", "-", given=data).exit_code == 1
    assert refused("judge", "-", given=data[:-20]).startswith("standard input: line ")
    assert refused("judge", "-", given=b"") == "standard input: line 1: the transcript is empty"


def test_judge_reads_har(tmp_path: Path) -> None:
    path = tmp_path / "x.HAR"
    entry = {"request": {"method": "GET", "url": "https://as/authorize?response_type=code&scope=a++b"}}
    path.write_text(json.dumps({"log": {"entries": [entry]}}), "utf-8")
    result = scopelaw("judge", path)
    assert '"clause": "SEL-4"' in result.stdout
    path.write_text("{}", "utf-8")
    assert refused("judge", path) == f"{path}: not a HAR file: log.entries, a list, is missing"


def test_one_malformed_file_does_not_hide_the_others(tmp_path: Path) -> None:
    bad, good = tmp_path / "bad.jsonl", written(tmp_path / "good.jsonl", ASKS_LESS)
    bad.write_text('{"transcript": 1}', "utf-8")
    result = scopelaw("judge", bad, good, tmp_path / "none.jsonl")
    assert result.exit_code == 2
    assert result.stderr.splitlines()[0] == f"scopelaw: {bad}: line 1: revision is missing"
    assert len(result.stderr.splitlines()) == 2
    finding, footer = map(json.loads, result.stdout.splitlines())
    assert finding["file"] == str(good)
    assert footer["events"] == 3


def test_judge_can_be_told_the_revision_and_the_readings(tmp_path: Path) -> None:
    path = written(
        tmp_path / "x.jsonl",
        (
            ResourceRequest("read"),
            ResourceResponse("read", 401, ("Bearer",)),
            ProtectedResourceMetadata(scopes_supported=("a", "b")),
            AuthorizationRequest("a"),
        ),
    )
    assert '"clause": "SEL-2"' in scopelaw("judge", path).stdout
    allowed = scopelaw("judge", path, "--reading", "all-of-scopes-supported=subset")
    assert '"clause": "SEL-2"' not in allowed.stdout
    assert '"clause": "SEL-2"' not in scopelaw("judge", path, "--revision", "2025-06-18").stdout


def test_judge_can_be_read_by_people(tmp_path: Path) -> None:
    path = written(tmp_path / "x.jsonl", ASKS_LESS)
    text = scopelaw("judge", "--format", "text", path, path).stdout
    assert text.count("client  →  server  read  (no token)") == 2
    assert re.search(r"CHAL-1/[a-z-]+ violates: ", text)
    assert text.count(str(path)) == 2
    nothing = scopelaw("judge", "--format", "text", written(tmp_path / "y.jsonl", (ClientRestarted(),)))
    assert "nothing found" in nothing.stdout
    assert nothing.exit_code == 0


# --- explain --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CLAUSES)
def test_every_clause_is_explained(name: str) -> None:
    clause, result = CLAUSES[name], scopelaw("explain", name.lower())
    assert result.exit_code == 0
    text = " ".join(result.stdout.split())
    links = [source.link for source in clause.sources]
    apart = [part for part in (clause.differs, clause.excluded, clause.unjudged) if part is not None]
    for part in (clause.title, clause.says, clause.rests_on, *links, *apart):
        assert part in text


def test_a_finding_as_it_is_named_stands_for_its_clause() -> None:
    assert scopelaw("explain", "ACC-1/dropped").stdout == scopelaw("explain", "ACC-1").stdout


def test_a_clause_is_explained_with_what_kills_it() -> None:
    text = scopelaw("explain", "ACC-1").stdout
    assert "requested_scopes_only_grow" in text
    assert "  replaces: " in text
    assert "ACC-1 discouraged: a was asked for before, and is missing" in text
    assert "changed" in text


@pytest.mark.parametrize(
    ("name", "judges"),
    [
        ("CHAL-7", ["clauses.challenges.a_refused_request_is_not_sent_again: What was answered"]),
        ("ACC-6", ["blame.what_seems_implied_is_dropped: "]),
        ("PARSE-7", ["misreadings.first-line: the client reads the first header line alone"]),
    ],
)
def test_a_clause_is_explained_with_the_functions_that_judge_it(
    name: str, judges: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scope_oracle.commands.explain._FEW_EXAMPLES", 1)
    text = " ".join(scopelaw("explain", name).stdout.split())
    assert "judged by" in text
    for judge in judges:
        assert judge in text


def test_every_judged_clause_is_explained_with_a_function_that_judges_it() -> None:
    judged = [clause for clause in CLAUSES.values() if clause.excluded is None and clause.unjudged is None]
    labels = {clause.id: {label for label, _ in clause_notes(clause)} for clause in judged}
    assert [name for name, notes in labels.items() if "judged by" not in notes] == []


@pytest.mark.parametrize("reading", READINGS)
def test_a_reading_is_explained_with_what_each_value_allows(reading: str) -> None:
    text = " ".join(scopelaw("explain", reading).stdout.split())
    for value in READINGS[reading].alternatives:
        assert not value.allows or f"{value.says} Allows {', '.join(value.allows)}." in text


@pytest.mark.parametrize("name", ["A1", "a1", "union-base", "Union-Base"])
def test_a_reading_is_explained_with_its_alternatives(name: str) -> None:
    text = scopelaw("explain", name).stdout
    assert text.startswith("A1  union-base\n")
    assert all(value in text for value in READINGS["A1"].values)


@pytest.mark.parametrize("policy", NAMED)
def test_every_policy_is_explained(policy: str) -> None:
    text = " ".join(scopelaw("explain", policy).stdout.split())
    for part in (NAMED[policy].says, NAMED[policy].source, repr(NAMED[policy].select)):
        assert part in text


def test_every_law_and_mutant_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scope_oracle.commands.explain._FEW_EXAMPLES", 1)
    for name, says in [(law.name, law.says) for law in LAWS.values()] + [
        (mutant.name, mutant.says) for mutant in MUTANTS.values()
    ]:
        result = scopelaw("explain", name)
        assert result.exit_code == 0
        assert " ".join(says.split()) in " ".join(result.stdout.split())


def test_everything_is_listed() -> None:
    text = scopelaw("explain").stdout
    for name in (*CLAUSES, *READINGS, *NAMED, *LAWS, *MUTANTS, *BUILT, *SETTINGS):
        assert f"  {name} " in text


@pytest.mark.parametrize("sdk", BUILT)
def test_a_client_is_explained_with_its_package_and_its_settings(sdk: str) -> None:
    text = " ".join(scopelaw("explain", sdk).stdout.split())
    program = manifest(sdk) if sdk in DRIVEN else recipe(sdk)
    for part in (program.package, program.language, program.version, program.releases):
        assert part in text
    for setting, says in getattr(program, "settings", {}).items():
        assert f"{sdk}+{setting}: {says}" in text


@pytest.mark.parametrize(("name", "says"), SETTINGS.items())
def test_a_setting_is_explained(name: str, says: str) -> None:
    text = " ".join(scopelaw("explain", name).stdout.split())
    assert says in text
    assert f"setting of {sdk_of(name)}" in text


def test_a_setting_that_there_is_not_is_like_those_that_are() -> None:
    said = refused("check", "typescript-sdk+dpopp")
    assert said == "unknown setting of typescript-sdk 'dpopp'; did you mean dpop?"


# --- compare --------------------------------------------------------------------------------------


def test_compare_ends_with_whether_there_is_a_difference() -> None:
    same = scopelaw("compare", "model", "mcp-2026-07-28", "--examples", "20")
    assert same.exit_code == 0
    assert same.stdout == "no difference found: model and mcp-2026-07-28 ask for the same scopes\n"
    differ = scopelaw("compare", "mcp-2025-11-25", "mcp-2026-07-28", "--examples", "100", "--format", "json")
    assert differ.exit_code == 1
    assert json.loads(differ.stdout)["difference"]["replay"]


# --- processes ------------------------------------------------------------------------------------


def test_an_interrupted_check_prints_what_it_found() -> None:
    terminal, end = os.openpty()
    running = subprocess.Popen(
        process("check", BROKEN, "--examples", "1000000"),
        stdout=subprocess.PIPE,
        stderr=end,
        encoding="utf-8",
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
        # Whoever started the tests may have had them ignore it (nohup), and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 - one thread
    )
    os.close(end)
    progress = b""
    while not re.search(rb"[1-9]\d* found", progress):
        progress += os.read(terminal, 1024)
    running.send_signal(signal.SIGINT)
    out, _ = running.communicate(timeout=60)
    os.close(terminal)
    assert running.returncode == 130
    assert "interrupted, and this is what was found so far" in out.splitlines()[0]
    assert "because:  " in out
    assert "\x1b" not in out


def test_a_reader_that_goes_away_is_no_failure() -> None:
    running = subprocess.Popen(process("explain"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert running.stdout is not None
    running.stdout.close()
    _, err = running.communicate(timeout=60)
    assert err == b""
    assert running.returncode == 141


def shell(line: str) -> subprocess.CompletedProcess[bytes]:
    """A line of shell, with `scopelaw` in it for the command."""
    command = shlex.join(process())
    return subprocess.run(["sh", "-c", line.replace("scopelaw", command)], capture_output=True, check=False, timeout=60)


@pytest.mark.parametrize("command", ["explain", "--help", "check --examples 1", "check --examples 1 --format json"])
def test_output_that_cannot_be_written_is_one_sentence(command: str) -> None:
    full = shell(f"scopelaw {command} >/dev/full")
    assert full.returncode == 2
    assert full.stderr == b"scopelaw: cannot write to standard output: No space left on device\n"
    closed = shell(f"scopelaw {command} >&-")
    assert closed.returncode == 2
    assert closed.stderr == b"scopelaw: standard output is closed\n"


@pytest.mark.parametrize("stderr", ["2>&-", "2>/dev/full"])
def test_a_sentence_that_nobody_can_hear_changes_no_status(stderr: str) -> None:
    assert shell(f"scopelaw chek {stderr}").returncode == 2
    done = shell(f"scopelaw check {BROKEN} --examples 20 {stderr}")
    assert done.returncode == 1
    assert b"ACC-1/dropped" in done.stdout


def test_standard_input_that_is_closed_is_an_empty_one() -> None:
    done = shell("scopelaw judge - <&-")
    assert done.returncode == 2
    assert done.stderr == b"scopelaw: standard input: line 1: the transcript is empty\n"


def test_results_and_complaints_go_their_own_ways(tmp_path: Path) -> None:
    good, bad = written(tmp_path / "good.jsonl", ASKS_LESS), tmp_path / "bad.jsonl"
    bad.write_bytes(b"{\xff")
    done = subprocess.run(process("judge", good, bad), capture_output=True, check=False)
    assert done.returncode == 2
    assert done.stderr.decode() == f"scopelaw: {bad}: line 1: not UTF-8\n"
    assert [json.loads(line).get("end") for line in done.stdout.splitlines()] == [None, True]


def test_a_terminal_without_unicode_is_no_failure(tmp_path: Path) -> None:
    path = written(tmp_path / "x.jsonl", (*ASKS_LESS, ResourceRequest("löschen")))
    plain = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(process("judge", "--format", "text", path), capture_output=True, check=False, env=plain)
    assert done.returncode == 1
    assert b"client  ->  server  l\\xf6schen" in done.stdout


def test_the_readme_shows_what_is_printed() -> None:
    readme = (Path(__file__).parent.parent / "README.md").read_text()
    shown = readme.partition("<!-- example -->\n```\n")[2].partition("```")[0]
    assert shown.startswith("ACC-1/dropped  discouraged")
    assert shown in scopelaw("check", "mcp-2025-11-25").stdout

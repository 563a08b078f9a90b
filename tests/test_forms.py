"""Reports as JSON: what each command prints satisfies its schema, and what is wrong with one does not."""

from __future__ import annotations

import copy
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from time import sleep
from typing import Any, Final

import jsonschema  # type: ignore[import-untyped]  # it has no types of its own
import pytest
from click.testing import CliRunner
from referencing import Registry, Resource

from scope_model.events import AuthorizationRequest, Event, Header, ResourceRequest, ResourceResponse, Transcript
from scope_model.policies import POLICIES
from scope_oracle.checking import check
from scope_oracle.cli import cli
from scope_oracle.commands import history
from scope_oracle.forms import FORM, Ran, result_json
from scope_oracle.pytest_plugin import Scopelaw
from scope_oracle.transcripts import write
from scope_properties.model_subject import ModelSubject
from scope_properties.mutants import MUTANTS
from scope_spec import REVISIONS, VERDICTS

Form = dict[str, Any]  # Any: JSON
HOME: Final = files("scope_spec") / "schema"
SCHEMAS: Final[dict[str, Form]] = {
    each.name: json.loads(each.read_text("utf-8")) for each in HOME.iterdir() if each.name.endswith(".schema.json")
}
COMMANDS: Final = ("check", "judge", "history", "compare")
PARTS: Final = SCHEMAS["parts.schema.json"]["$defs"]
OLD, NEW = "mcp-2025-11-25", "mcp-2026-07-28"


def registry(schemas: dict[str, Form]) -> Registry[Form]:
    """The schemas, by the names that they call each other by."""
    return Registry[Form]().with_resources([(name, Resource.from_contents(each)) for name, each in schemas.items()])


def closed(schema: Any) -> Any:  # noqa: ANN401 - see Form
    """The same schema, which takes no member that it does not name."""
    if isinstance(schema, list):
        return list(map(closed, schema))
    if not isinstance(schema, dict):
        return schema
    made = {name: closed(each) for name, each in schema.items()}
    if "properties" in schema and ("required" in schema or "$ref" in schema):
        made["unevaluatedProperties"] = False
    return made


@cache
def validator(command: str, *, strict: bool = False) -> Any:  # noqa: ANN401 - jsonschema has no types
    """What validates what a command prints; a strict one takes no members that are not described."""
    schemas = {name: closed(each) if strict and name.startswith(COMMANDS) else each for name, each in SCHEMAS.items()}
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$ref": f"{command}.schema.json"}
    return jsonschema.Draft202012Validator(schema, registry=registry(schemas))


def scopelaw(*words: object) -> list[Form]:
    """What a command prints, line by line."""
    done = CliRunner().invoke(cli, list(map(str, words)))
    assert done.exit_code in (0, 1), done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


@cache
def checked() -> Form:
    (form,) = scopelaw("check", OLD, "--examples", 60, "--reading", "A1=granted", "--format", "json")
    return form


@cache
def compared() -> Form:
    (form,) = scopelaw("compare", OLD, NEW, "--examples", 100, "--format", "json")
    return form


@cache
def remembered() -> Form:
    releases = {"1": ModelSubject(POLICIES[OLD]), "2": ModelSubject()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history, "subject", lambda _, release: nullcontext(releases[release]))
        (form,) = scopelaw("history", "python-sdk", *releases, "--examples", 60, "--format", "json")
    return form


@cache
def never_stepping_up() -> Form:
    """The form of a check of a client that never steps up, which its whole run alone shows."""
    result = check(MUTANTS["never-steps-up"].subject, examples=120)
    form: Form = json.loads(json.dumps(result_json(result, readings={}, ran=Ran(("scopelaw",), 1.0, "2026-11-26"))))
    return form


def recorded(path: Path, *scopes: str) -> Path:
    """A recording of a client that asks for these scopes where `a b` is challenged."""
    events: tuple[Event, ...] = (
        ResourceRequest("read"),
        ResourceResponse("read", 401, ('Bearer scope="a b"',)),
        *map(AuthorizationRequest, scopes),
    )
    path.write_text("".join(write(Transcript(Header("2026-07-28"), events))), "utf-8")
    return path


# --- the schemas ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_schema_is_a_schema_and_finds_what_it_refers_to(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])
    resolver = registry(SCHEMAS).resolver(name)
    for reference in re.findall(r'"\$ref": "([^"]+)"', json.dumps(SCHEMAS[name])):
        assert resolver.lookup(reference).contents


def test_the_schemas_have_the_words_of_the_catalogue() -> None:
    assert tuple(PARTS["verdict"]["enum"]) == VERDICTS
    assert tuple(PARTS["revision"]["enum"]) == REVISIONS
    assert PARTS["scopelaw"]["const"] == FORM


# --- what is printed ------------------------------------------------------------------------------


def assert_described(command: str, form: Form) -> None:
    """A form is valid, and has no member that nobody describes."""
    for strict in (False, True):
        validator(command, strict=strict).validate(form)


def assert_signed(form: Form) -> None:
    """A form says how it came to be."""
    assert (form["scopelaw"], form["scopelaw_version"]) == (FORM, version("scopelaw"))
    assert form["command"][0] == "scopelaw"
    assert form["seconds"] >= 0


def test_a_check_is_what_its_schema_says(tmp_path: Path) -> None:
    assert_described("check", checked())
    assert_signed(checked())
    assert {each["verdict"] for each in checked()["findings"]} >= {"discouraged", "unspecified"}
    assert sum(checked()["counts"].values()) == len(checked()["clauses"])
    expected = tmp_path / "expected.toml"
    known = [(each["clause"], "known") for each in checked()["findings"]] + [("EXT-3", "a link")]
    expected.write_text("".join(f'[[expected]]\nclause = "{name}"\nreason = "{why}"\n' for name, why in known))
    (form,) = scopelaw("check", OLD, "--examples", 60, "--format", "json", "--expect", expected)
    assert_described("check", form)
    assert form["gone"] == [{"finding": "EXT-3", "reason": "a link"}]
    assert {each["expected"] for each in form["findings"]} == {"known"}


def test_a_check_that_finds_nothing_is_what_its_schema_says() -> None:
    (form,) = scopelaw("check", "--examples", 3, "--format", "json")
    assert_described("check", form)
    assert form["findings"] == []


def test_what_the_pytest_plugin_writes_is_what_its_schema_says(tmp_path: Path) -> None:
    report = tmp_path / "report.jsonl"
    Scopelaw(3, 0, report, ("pytest", "-q")).check(ModelSubject())
    (line,) = report.read_text("utf-8").splitlines()
    form = json.loads(line)
    assert_described("check", form)
    assert form["command"] == ["pytest", "-q"]


def test_what_a_client_raised_is_what_its_schema_says_and_need_not_be_there() -> None:
    raised = {"KeyError: 'scope' (mine.py:12)": 2}
    result = replace(check(ModelSubject(), examples=3), failed=raised)
    form: Form = json.loads(json.dumps(result_json(result, readings={}, ran=Ran(("scopelaw",), 1.0, "2026-11-26"))))
    assert_described("check", form)
    assert form["failed"] == raised
    assert not validator("check").is_valid(form | {"failed": {"KeyError": "2"}})
    del form["failed"]  # as in what was recorded before there was such a member
    assert_described("check", form)


def test_what_only_the_whole_run_shows_is_what_its_schema_says() -> None:
    assert_described("check", never_stepping_up())
    (never,) = (each for each in never_stepping_up()["findings"] if each["cause"] == "never-steps-up")
    assert not {"event", "transcript"} & never.keys()


def test_judgements_are_what_their_schema_says(tmp_path: Path) -> None:
    one, other = recorded(tmp_path / "one.jsonl", "a", "a b"), recorded(tmp_path / "other.jsonl", "a b")
    *findings, footer = scopelaw("judge", one, other)
    for line in (*findings, footer):
        assert_described("judge", line)
    assert_signed(footer)
    assert {each["file"] for each in findings} == {str(one)}
    assert sum(footer[verdict] for verdict in VERDICTS) == len(findings) > 0
    (nothing,) = scopelaw("judge", other)
    assert_described("judge", nothing)
    replayed = scopelaw("check", OLD, "--replay", checked()["findings"][0]["replay"], "--format", "json")
    for line in replayed:
        assert_described("judge", line)


def test_a_history_is_what_its_schema_says() -> None:
    assert_described("history", remembered())
    assert_signed(remembered())
    assert {each["gone"] for each in remembered()["lives"]} == {"2"}
    assert sum(remembered()["counts"].values()) == len(remembered()["lives"])
    assert_described("history", remembered() | {"lives": []})


def test_a_comparison_is_what_its_schema_says() -> None:
    assert_described("compare", compared())
    assert_signed(compared())
    assert sum(compared()["counts"].values()) == sum(map(len, compared()["difference"]["findings"])) > 0
    (same,) = scopelaw("compare", NEW, "model", "--examples", 3, "--format", "json")
    assert_described("compare", same)
    assert same["difference"] is None


# --- what is cut short ----------------------------------------------------------------------------


def interrupted(*words: object) -> list[Form]:
    """What a command has printed when it is interrupted: a check after its first minute's worth, or a waiting judge."""
    running = subprocess.Popen(
        [sys.executable, "-m", "scope_oracle", *map(str, words)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        # Whoever started the tests may have had them ignore it (nohup), and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 - one thread
    )
    assert running.stdout is not None
    first = running.stdout.readline() if words[0] == "judge" else b""
    if not first:
        sleep(8)
    running.send_signal(signal.SIGINT)
    rest, _ = running.communicate(timeout=60)
    assert running.returncode == 130
    return [json.loads(line) for line in (first + rest).splitlines()]


def test_a_check_that_is_interrupted_is_what_its_schema_says() -> None:
    (form,) = interrupted("check", OLD, "--examples", 1_000_000, "--jobs", 1, "--format", "json")
    assert_described("check", form)
    assert form["complete"] is False


def test_a_judge_that_is_interrupted_prints_no_footer(tmp_path: Path) -> None:
    lines = interrupted("judge", recorded(tmp_path / "one.jsonl", "a"), "-")
    assert lines
    for line in lines:
        assert_described("judge", line)
    assert not any("end" in line for line in lines)


# --- what is wrong --------------------------------------------------------------------------------


def places(form: Any, *path: str | int) -> Iterator[tuple[str | int, ...]]:  # noqa: ANN401 - see Form
    """Where something stands in a form, transcripts aside, which have a schema of their own."""
    inside = form.items() if isinstance(form, dict) else enumerate(form[:1]) if isinstance(form, list) else ()
    for name, value in inside:
        yield (*path, name)
        if name not in ("transcript", "transcripts"):
            yield from places(value, *path, name)


def changed(form: Form, place: tuple[str | int, ...], change: Callable[[Any, Any], object]) -> Form:
    """The form, with something done at a place."""
    made: Any = copy.deepcopy(form)
    inner = made
    for name in place[:-1]:
        inner = inner[name]
    change(inner, place[-1])
    result: Form = made
    return result


def put_another_kind(inner: Any, name: str | int) -> None:  # noqa: ANN401 - see Form
    inner[name] = "text" if isinstance(inner[name], dict | list) else {"no": []}


ROW: Final = {"clause": "ACC-1", "title": "x", "state": "holds", "reached": 1}
FORMS: Final[dict[str, Callable[[], Form]]] = {
    "check": checked,
    "history": remembered,
    "compare": compared,
    "judge": lambda: checked()["findings"][0] | {"file": "x", "client": "y"},
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_schema_refuses_a_value_of_another_kind_wherever_it_stands(command: str) -> None:
    form = FORMS[command]()
    validator(command).validate(form)
    judged = (*PARTS["finding"]["properties"], "file", "client")
    described = [place for place in places(form) if command != "judge" or place[0] in judged]
    assert len(described) > 5
    assert [place for place in described if validator(command).is_valid(changed(form, place, put_another_kind))] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_a_schema_refuses_what_lacks_a_member(command: str) -> None:
    form = FORMS[command]()
    required = SCHEMAS[f"{command}.schema.json"].get("required", PARTS["finding"]["required"])
    for name in required:
        assert not validator(command).is_valid(changed(form, (name,), lambda inner, name: inner.pop(name))), name


@pytest.mark.parametrize(
    ("command", "change"),
    [
        ("check", {"clauses": [ROW | {"state": "broken", "verdict": "violates"}]}),
        ("check", {"clauses": [ROW | {"state": "found"}]}),
        ("check", {"clauses": [ROW | {"verdict": "violates"}]}),
        ("check", {"scopelaw": 1}),
        ("check", {"seconds": -1}),
        ("check", {"command": []}),
        (
            "check",
            {"clauses": [{"clause": "ACC-1", "title": "x", "state": "holds", "reached": 1, "verdict": "violates"}]},
        ),
        ("history", {"releases": ["1"]}),
        ("compare", {"difference": {}}),
        ("judge", {"verdict": "broken"}),
        ("judge", {"clause": "acc-1"}),
        ("judge", {"end": True}),
    ],
)
def test_a_schema_refuses_what_says_nothing(command: str, change: Form) -> None:
    assert not validator(command).is_valid(FORMS[command]() | change)


def test_a_trace_without_its_event_is_refused() -> None:
    finding = dict(checked()["findings"][0])
    del finding["event"]
    assert not validator("check").is_valid(checked() | {"findings": [finding]})

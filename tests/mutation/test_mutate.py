"""The mutation run: what it tries, and that its list is current."""

import ast
import os
import subprocess
import sys
from pathlib import Path

from edits import edits
from mutate import MODULES, listed, path_of

SCRIPT = Path(__file__).with_name("mutate.py")


def test_an_edit_changes_one_node() -> None:
    source = "def f(a, b):\n    return a.granted < b and g(a, 1)\n"
    assert [str(edit) for edit, _ in edits("m", source)] == [
        "m.f, return: return a.granted < b and g(a, 1)  ->  return None",
        "m.f, operand: a.granted < b and g(a, 1)  ->  g(a, 1)",
        "m.f, operand: a.granted < b and g(a, 1)  ->  a.granted < b",
        "m.f, operator: a.granted < b and g(a, 1)  ->  a.granted < b or g(a, 1)",
        "m.f, attribute: a.granted  ->  a.requested",
        "m.f, attribute: a.granted  ->  a.in_hand",
        "m.f, operator: a.granted < b  ->  a.granted <= b",
        "m.f, operator: a.granted < b  ->  a.granted >= b",
        "m.f, argument: g(a, 1)  ->  g(1)",
        "m.f, argument: g(a, 1)  ->  g(a)",
        "m.f, call: g(a, 1)  ->  a",
        "m.f, constant: 1  ->  2",
        "m.f, constant: 1  ->  0",
    ]
    *_, last = (ast.unparse(tree) for _, tree in edits("m", source))
    assert last == "def f(a, b):\n    return a.granted < b and g(a, 0)"


def test_edits_that_read_alike_are_counted() -> None:
    alike = [edit for edit, _ in edits("m", "def f(a):\n    g(a)\n    g(a)\n") if edit.operator == "statement"]
    assert [edit.nth for edit in alike] == [1, 2]


def test_types_and_prose_are_left_alone() -> None:
    source = 'A = B | C\n\n@decorated(1)\nclass D(A):\n    """Some words."""\n    e: F | G = h\n'
    assert list(edits("m", source)) == []


def test_each_survivor_in_the_list_is_an_edit_and_has_its_reason() -> None:
    possible = {edit for module in MODULES for edit, _ in edits(module, path_of(module).read_text("utf-8"))}
    assert listed().keys() <= possible
    assert all(because.endswith(".") for because in listed().values())


def test_in_a_sample_every_edit_is_killed_that_is_not_listed() -> None:
    command = [sys.executable, str(SCRIPT), "client", "servers", "--part", "71/200", "--check"]
    environment = {**os.environ, "PYTEST_ADDOPTS": "--cov"}
    done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.split() for line in done.stdout.splitlines()[1:]]
    assert [(module, int(killed) > 0) for module, _, killed, _ in rows] == [("client", True), ("servers", True)]

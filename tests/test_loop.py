"""The closed loop is closed: no clause without a function, a law, a mutant, a vector and reach, unless it says why."""

from __future__ import annotations

import re

import pytest

from scope_properties.loop import TABLE, Row, clauses_in, magnitude, render, rows


@pytest.fixture(scope="module")
def table() -> list[Row]:
    return rows()


def without_reach(text: str) -> str:
    """The table without its last column, which a release of the generator may move by a little."""
    return re.sub(r"\| \d+\+? \|$", "|", text, flags=re.MULTILINE)


def test_the_table_in_the_repository_is_current(table: list[Row]) -> None:
    written = TABLE.read_text()
    assert without_reach(written) == without_reach(render(table)), "run python -m scope_properties.loop"
    recorded = dict(re.findall(r"^\| ([A-Z]+-\d+[ab]?) \|.*\| (\d+)\+? \|$", written, flags=re.MULTILINE))
    for row in table:
        if row.clause.excluded is None:
            now = int(magnitude(row.reached).rstrip("+"))
            assert int(recorded[row.clause.id]) // 10 <= now <= int(recorded[row.clause.id]) * 10


def test_no_cell_is_blank_without_a_reason(table: list[Row]) -> None:
    for row in table:
        if row.clause.excluded is not None:
            continue
        assert row.reached, row.clause.id
        assert row.laws, row.clause.id
        assert row.model, row.clause.id
        assert row.judge or row.why, row.clause.id
        assert row.mutants or row.why, row.clause.id
        assert row.vector or row.why, row.clause.id


def test_ranges_of_clauses_are_written_out() -> None:
    assert list(clauses_in("(SEL-1 to SEL-3, CHAL-3a)")) == ["SEL-1", "SEL-2", "SEL-3", "CHAL-3a"]
    assert list(clauses_in("no clause: SEL-99, ABC-1")) == []

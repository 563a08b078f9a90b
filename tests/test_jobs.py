"""Checking in several processes: the same result, each process on a core of its own."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

from scope_oracle.checking import Result, check
from scope_oracle.forms import result_json
from scope_oracle.jobs import Jobs, processes
from scope_oracle.subjects import DriverFault, subject
from scope_properties.subjects import Subject

OLDER = "mcp-2025-11-25"
opening = partial(subject, OLDER)


def unopened(say: Callable[[str], None] | None = None) -> AbstractContextManager[Subject]:  # noqa: ARG001
    raise DriverFault("the driver has gone to lunch")


def checked(count: int) -> Result:
    with opening() as chosen:
        if count == 0:
            return check(chosen, examples=60)
        with Jobs(opening, count, "2026-07-28", {}) as bench:
            return check(chosen, examples=60, bench=bench)


def test_several_processes_find_what_one_finds() -> None:
    alone = result_json(checked(0), readings={})
    assert alone["findings"]
    assert result_json(checked(2), readings={}) == alone


def test_a_process_stays_on_a_core() -> None:
    allowed = os.sched_getaffinity(0)
    with Jobs(opening, processes() + 1, "2026-07-28", {}) as bench:
        asked = [bench._pool.submit(os.sched_getaffinity, 0) for _ in range(8)]  # noqa: SLF001 - where it runs
        places = [future.result() for future in asked]
    assert {len(place) for place in places} == {1}
    assert set().union(*places) <= allowed
    assert os.sched_getaffinity(0) == allowed


def test_what_a_process_cannot_open_is_said_where_the_work_is_given_out() -> None:
    with opening() as chosen, Jobs(unopened, 2, "2026-07-28", {}) as bench:
        result = check(chosen, examples=5, bench=bench)
    assert not result.complete
    assert result.fault == "the driver has gone to lunch"

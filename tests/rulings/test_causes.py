"""What a finding says: a cause that tells two faults of one clause apart, and a sentence that hides nothing."""

from __future__ import annotations

from itertools import combinations

import pytest

from rulings.expectations import allows, columns, confirm, rows
from rulings.stories import NEW, OLD, OTHER_RESOURCE, Story, by_itself, story
from scope_judge.findings import DEFAULT_READINGS, Finding
from scope_judge.judge import Judge, judge
from scope_model.events import AUTHORIZATION_CODE, AuthorizationResponse, TokenRequest, WireScope
from scope_oracle.terminal import finding_text

ALSO = "the documents also allow"


def of_clause(told: Story, clause: str) -> Finding:
    """The one finding of a clause in a story."""
    (finding,) = (each for each in confirm(told, allows("violates")) if each.clause == clause)
    return finding


def first(scope: WireScope) -> Story:
    """A first request for `scope`, of a challenge that names a and b."""
    return story().unauthorized("b a").discovers().asks(scope)


def exchanged(scope: str) -> Story:
    """A code is exchanged by a request that names `scope`."""
    return (
        story()
        .handshake()
        .insufficient("b")
        .asks("a b")
        .then(AuthorizationResponse(code=True), TokenRequest(AUTHORIZATION_CODE, scope))
    )


TWO_FAULTS = {
    "ORDER-3": {
        "a scope twice": first("b a b"),
        "another order": first("a b"),
    },
    "SEL-4": {
        "a space before": first(" b a"),
        "outside the grammar": first('b a "c"'),
        "nothing": first(""),
        "sent twice": first(("b", "a")),
    },
    "OFFLINE-1": {
        "not listed": story().unauthorized("a").discovers(by_server=("x",)).asks("a offline_access", "consent"),
        "not wanted": story(wants_refresh_token=False)
        .unauthorized("a")
        .discovers(by_server=("offline_access",))
        .asks("a offline_access", "consent"),
    },
    "CHAL-7": {
        "authorization asked for": story().handshake().calls("write", "t1").answers("write", 403).asks("a"),
        "sent again": story()
        .handshake()
        .application_calls(1)
        .calls("write", "t1")
        .answers("write", 403)
        .calls("write", "t1")
        .answers("write", 403)
        .application_has(1, "failed"),
    },
    "GRANT-6": {
        "what was authorized": exchanged("a b"),
        "more than was authorized": exchanged("a b z"),
    },
    "ACC-1": {
        "what was granted": story().handshake().step_up("b", "b"),
        "what was declined": story().handshake("a x", said="a").step_up("b", "a b"),
    },
}


@pytest.mark.parametrize(("clause", "faults"), [pytest.param(*row, id=row[0]) for row in TWO_FAULTS.items()])
def test_two_faults_of_one_clause_have_two_causes(clause: str, faults: dict[str, Story]) -> None:
    causes = {fault: of_clause(told, clause).cause for fault, told in faults.items()}
    for one, other in combinations(faults, 2):
        assert causes[one] != causes[other], (one, other)


SAME_FAULT = {
    "ORDER-3 twice": ("ORDER-3", [first("b a b"), first("b a a"), story(OLD).unauthorized("x").asks("x x")]),
    "ORDER-3 in another order": (
        "ORDER-3",
        [first("a b"), story(OLD).unauthorized("y x").asks("x y"), by_itself().unauthorized("r q").asks("q r")],
    ),
    "SEL-4 with a space before": (
        "SEL-4",
        [
            first(" b a"),
            first(" x"),
            story(OLD).unauthorized().asks(" a"),
            story().handshake().asks_to_refresh("r1", " a"),
        ],
    ),
    "SEL-4 outside the grammar": (
        "SEL-4",
        [first('b a "c"'), first('"x"'), by_itself().unauthorized("a").asks('a "'), story().unauthorized().asks("\\")],
    ),
    "SEL-4 with nothing": (
        "SEL-4",
        [first(""), by_itself().unauthorized().asks(""), story().handshake().asks_to_refresh("r1", "")],
    ),
    "CHAL-1": (
        "CHAL-1",
        [
            story(at).handshake(scope).insufficient(more).asks(scope)
            for at in (NEW, OLD)
            for scope, more in (("a", "b"), ("reading", "writing"))
        ],
    ),
}


@pytest.mark.parametrize(("clause", "stories"), rows(SAME_FAULT))
def test_one_fault_has_one_cause_wherever_it_is_found(clause: str, stories: list[Story]) -> None:
    assert len({of_clause(told, clause).cause for told in stories}) == 1


# --- sentences --------------------------------------------------------------------------------------


def shown(told: Story, finding: Finding) -> list[str]:
    """A finding as it is printed, a line each."""
    lines = finding_text(finding, told.transcript, readings=DEFAULT_READINGS, replay=None, width=100)
    return [line.plain for line in lines]


BESIDE_A_READING = {
    "the metadata joined": story().unauthorized("a").discovers("a", "x").asks("a x"),
    "the server's list": story().unauthorized().discovers(by_server=("x",)).asks("x"),
    "what was granted beyond the request": story().handshake(said="a x").step_up("b", "a b"),
    "half of the metadata": story().unauthorized().discovers("a", "x").asks("a"),
    "what is implied": story().handshake("files").insufficient("files:read").asks("files"),
    "no retry": story().handshake().insufficient("b").obtains("a b", "t2").served("read", "t2"),
    "a replacing step-up": story().handshake().step_up("b", "b"),
    "a wrong report": story().handshake().reports("z"),
    "too many prompts": story()
    .unauthorized("a")
    .obtains("a", "t1", refresh="r1")
    .obtains("a", "t2", refresh="r1")
    .obtains("a", "t3", refresh="r1")
    .obtains("a", "t4", refresh="r1"),
    "a scope at the exchange": exchanged("a b"),
}


@pytest.mark.parametrize("told", columns(BESIDE_A_READING))
def test_no_sentence_excuses_what_is_discouraged(told: Story) -> None:
    findings = judge(told.transcript)
    grave = [finding for finding in findings if finding.verdict != "unspecified"]
    assert grave
    for finding in grave:
        assert "also allow" not in finding.because
        assert not any(ALSO in line for line in shown(told, finding))


def test_what_only_a_reading_decides_is_printed_with_what_else_it_could_be() -> None:
    told = first("a b")
    assert any(ALSO in line for line in shown(told, of_clause(told, "ORDER-3")))


QUOTES_AND_NOTHING = {
    "requested": ("SEL-4", first(""), first('""')),
    "requested at a refresh": (
        "SEL-4",
        story().handshake().asks_to_refresh("r1", ""),
        story().handshake().asks_to_refresh("r1", '""'),
    ),
    "requested without a user": (
        "SEL-4",
        by_itself().unauthorized().asks(""),
        by_itself().unauthorized().asks('""'),
    ),
    "reported": ("GRANT-2", story().handshake().reports(), story().handshake().reports('""')),
}


@pytest.mark.parametrize(("clause", "nothing", "quotes"), rows(QUOTES_AND_NOTHING))
def test_two_quotes_and_nothing_look_different(clause: str, nothing: Story, quotes: Story) -> None:
    said, quoted = of_clause(nothing, clause), of_clause(quotes, clause)
    assert said.because != quoted.because
    assert '""' in quoted.because
    assert '""' not in said.because


def test_two_quotes_and_nothing_look_different_in_a_trace() -> None:
    nothing, quotes = (
        [line for line in shown(told, of_clause(told, "SEL-4")) if "authorize" in line]
        for told in (first(""), first('""'))
    )
    assert len(nothing) == len(quotes) == 1
    assert nothing != quotes


# --- reach ------------------------------------------------------------------------------------------

FOUND_AT_ONCE = {
    **BESIDE_A_READING,
    "offline_access that nobody lists": story().unauthorized("a").asks("a offline_access"),
    "offline_access that nobody lists, alone": story().unauthorized().discovers().asks("offline_access"),
    "a scope from nowhere": story().unauthorized().discovers().asks("a"),
    "a scope of another resource": story().handshake().at(OTHER_RESOURCE).unauthorized("x").asks("x a"),
    "two refreshes of one call": story()
    .handshake()
    .unauthorized(token="t1")
    .refreshes("t2", "r1", rotated="r2")
    .unauthorized(token="t2")
    .refreshes("t3", "r2"),
    "a capital that is folded": story().unauthorized("User.Read").asks("user.read"),
}


@pytest.mark.parametrize("told", columns(FOUND_AT_ONCE))
def test_what_is_found_broken_was_reached(told: Story) -> None:
    judging = Judge(told.header)
    for event in told.events:
        judging.hear(event)
    judging.close()
    assert judging.found
    assert {finding.clause for finding in judging.found} <= judging.reached.keys()

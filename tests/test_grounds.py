"""What a finding rests on of how challenges are spelled, and that no trace is shortened to another."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scope_model.events import AuthorizationRequest, Header, ResourceResponse, Transcript
from scope_oracle.checking import Alone, check, examiner, generated, mostly_delegated
from scope_oracle.grounds import PLAIN, Grounds, Spelling, grounds, spelled
from scope_oracle.page import result_html
from scope_oracle.tally import Broken, kind_of
from scope_oracle.terminal import broken_text
from scope_properties.mutants import MUTANTS
from scope_properties.shrinking import TRIALS

BLANKS: Spelling = frozenset(("no-blanks",))
ESCAPES: Spelling = frozenset(("keeping-escapes",))
NONE: Spelling = frozenset()
ONE, OTHER = "https://one.example/mcp", "https://two.example/mcp"


def challenged(*lines: str, resource: str | None = None) -> ResourceResponse:
    return ResourceResponse("read", 401, lines, resource)


def rests_on(*events: ResourceResponse, resource: str | None = None) -> Grounds:
    """What a request after some challenges rests on."""
    asked = AuthorizationRequest("a", resource=resource)
    transcript = Transcript(Header("2026-07-28"), (*events, asked))
    return grounds(spelled(transcript), len(events), asked)


def test_a_finding_rests_on_the_challenge_before_it_and_on_what_is_odd() -> None:
    plain, blanks, escapes = 'Bearer scope="a"', 'Bearer scope = "a"', r'Bearer scope="\\a"'
    assert rests_on() == rests_on(challenged(plain)) == rests_on(challenged()) == PLAIN
    assert rests_on(challenged(blanks)).last
    assert "no-blanks" in rests_on(challenged(blanks)).last
    assert "no-blanks" not in rests_on(challenged(escapes)).last
    mixed = rests_on(challenged(blanks), challenged(plain))
    assert (mixed.last, len(mixed.odd)) == (NONE, 1)


def test_the_challenge_of_another_resource_is_not_the_last() -> None:
    events = challenged('Bearer scope="a"', resource=ONE), challenged('Bearer scope = "a"', resource=OTHER)
    assert rests_on(*events, resource=ONE).last == NONE
    assert rests_on(*events, resource=OTHER).last == rests_on(*events).last != NONE


@pytest.mark.parametrize(
    ("before", "after", "slid"),
    [
        (PLAIN, PLAIN, False),
        (Grounds(BLANKS, (BLANKS,)), PLAIN, False),
        (Grounds(BLANKS, (BLANKS,)), Grounds(BLANKS, (BLANKS, BLANKS)), False),
        (Grounds(NONE, (BLANKS, ESCAPES)), Grounds(NONE, (ESCAPES,)), False),
        (PLAIN, Grounds(BLANKS, (BLANKS,)), True),
        (PLAIN, Grounds(NONE, (BLANKS,)), True),
        (Grounds(BLANKS, (BLANKS,)), Grounds(ESCAPES, (ESCAPES,)), True),
        (Grounds(BLANKS, (ESCAPES, BLANKS)), Grounds(ESCAPES, (ESCAPES,)), True),
        (Grounds(NONE, (BLANKS,)), Grounds(BLANKS, (BLANKS,)), True),
    ],
)
def test_a_finding_slides_where_it_comes_to_rest_on_another_spelling(
    before: Grounds, after: Grounds, *, slid: bool
) -> None:
    assert after.has_slid_from(before) is slid


@pytest.fixture(scope="module")
def misread() -> tuple[Alone, Broken]:
    """A mutant that misreads one spelling, and the first episode that shows it."""
    client = MUTANTS["first-scheme"].subject
    bench = Alone(examiner(client, "2026-07-28"))
    drawn = generated("2026-07-28", 400, 0, mostly_delegated(client))
    found = (broken for one in bench.judge(drawn) for broken in one.broken.values() if len(broken.episode.steps) > 1)
    return bench, next(broken for broken in found if broken.finding.clause == "PARSE-7")


def test_a_trace_is_shortened_on_its_own_grounds(misread: tuple[Alone, Broken]) -> None:
    bench, broken = misread
    shortest = bench.shorten_one(broken, TRIALS)
    assert len(shortest.transcript.events) < len(broken.transcript.events)
    assert not shortest.grounds.has_slid_from(broken.grounds)
    assert len(shortest.grounds.odd) == 1


@pytest.mark.parametrize("others", [PLAIN, Grounds(ESCAPES, (ESCAPES,))])
def test_a_trace_is_not_shortened_to_other_grounds(misread: tuple[Alone, Broken], others: Grounds) -> None:
    bench, broken = misread
    assert bench.shorten_one(replace(broken, grounds=others), TRIALS).episode == broken.episode


def test_what_is_not_about_spelling_is_shown_without_any() -> None:
    result = check(MUTANTS["replaces"].subject, examples=100)
    assert {broken.finding.clause for broken in result.broken} >= {"ACC-1"}
    assert [kind_of(broken.finding) for broken in result.broken if broken.grounds.odd] == []


def test_findings_of_one_trace_point_to_each_other() -> None:
    result = check(MUTANTS["client-credentials-send-again"].subject, examples=150)
    known = {kind_of(broken.finding): broken for broken in result.broken}
    pairs = [(broken, other) for broken in result.broken for other in broken.also]
    html = result_html(result, readings={})
    for broken, (clause, verdict, cause) in pairs:
        assert (clause, verdict, cause) != kind_of(broken.finding)
        text = " ".join(" ".join(line.plain for line in broken_text(broken, readings={}, width=100)).split())
        assert f"{clause}/{cause} ({verdict})" in text.partition("also: the same trace shows")[2]
        if (clause, verdict, cause) in known:
            place = f"{result.subject}/{clause}/{cause}/{verdict}"
            assert f'the same trace shows <a href="#{place}">' in html or f', <a href="#{place}">' in html
            assert html.count(f' id="{place}"') == 1
    assert pairs

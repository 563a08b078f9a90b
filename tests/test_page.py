"""The page over several results, a finding as an issue, and what is made of files that are no results."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from scope_model.events import AuthorizationRequest, CallStarted, ResourceRequest, TokenRequest, TokenResponse
from scope_oracle.cli import cli
from scope_oracle.diagram import diagram
from scope_oracle.exchange import exchange_of
from scope_oracle.issues import issue
from scope_oracle.messages import message
from scope_oracle.page import report_html
from scope_oracle.reports import Report, UnusableReport, read_report, report_of
from scope_oracle.scoreboard import RESULTS
from scope_oracle.subjects import WRAPPED
from scope_oracle.templating import fenced

RECORDED = sorted(RESULTS.glob("*.json"))
ONE = RESULTS / "mcp-remote-0.15.1.json"
FIRST = json.loads(ONE.read_text("utf-8"))["findings"][0]


def scopelaw(*arguments: object) -> Result:
    return CliRunner().invoke(cli, list(map(str, arguments)))


@pytest.fixture(scope="module")
def reports() -> list[Report]:
    return list(map(read_report, RECORDED))


@pytest.fixture(scope="module")
def board(reports: list[Report]) -> str:
    return report_html(reports)


def test_every_cell_is_a_permalink_to_what_is_there_once(reports: list[Report], board: str) -> None:
    links, places = set(re.findall(r'href="#([^"]+)"', board)), re.findall(r' id="([^"]+)"', board)
    assert len(places) == len(set(places))
    assert links <= set(places)
    for report in reports:
        for standing in report.clauses:
            assert f"{report.subject}-{report.version}/{standing.clause}" in places


def test_two_results_of_one_release_have_places_of_their_own(reports: list[Report]) -> None:
    places = re.findall(r' id="([^"]+)"', report_html([reports[0], reports[0]]))
    assert len(places) == len(set(places))


def test_a_page_of_twelve_clients_with_all_traces_weighs_under_two_megabytes(reports: list[Report]) -> None:
    twelve = [*reports, *(each for each in reports if each.subject in WRAPPED)][:12]
    assert len(twelve) == 12
    assert len({standing.clause for each in twelve for standing in each.clauses}) > 60
    assert len(report_html(twelve).encode()) < 2_000_000


def test_a_page_counts_clauses_as_the_command_does(reports: list[Report]) -> None:
    for report in reports:
        form = json.loads((RESULTS / f"{report.subject}-{report.version}.json").read_text("utf-8"))
        counts = re.findall(
            r"(\d+) (violate|discouraged|differ|hold|not reached|out of reach)\b", report_html([report])
        )
        said = {name: int(number) for number, name in counts}
        worst = [each.get("verdict", each["state"]) for each in form["clauses"]]
        assert f"<li>{len(worst)} clauses:</li>" in report_html([report])
        assert said.get("violate", 0) == worst.count("violates")
        assert said.get("differ", 0) == worst.count("unspecified")
        assert said.get("not reached", 0) + said.get("out of reach", 0) == worst.count("not reached")


def test_what_is_expected_is_told_apart_and_what_is_gone_is_told() -> None:
    form = json.loads(ONE.read_text("utf-8"))
    assert "expected</small>" not in report_html([report_of(form)])
    form["findings"][0]["expected"] = "known"
    form["gone"] = [{"finding": "EXT-3", "reason": "a <link>"}]
    told = report_html([report_of(form)])
    assert told.count('<small class="expected">expected</small>') == 1
    assert told.count('<dt class="expected">expected</dt>') == 1
    assert '<li><b class="name">EXT-3</b> <span class="title">a &lt;link&gt;</span></li>' in told
    assert f"Expected of {ONE.stem.replace('-0', ' 0')}, and no longer there" in report_html(
        [report_of(form), report_of(form)]
    )


def test_every_finding_is_drawn_and_every_accused_message_marked_once(reports: list[Report]) -> None:
    for report in reports:
        for found in report.findings:
            if found.transcript is not None:
                drawn = diagram(exchange_of(found.transcript, found.finding), found.transcript.events)
                assert sum(bool(step.line.marks) for step in drawn.steps) == 1
                assert all(step.leaves < len(drawn.lanes) and step.leaves != step.to for step in drawn.steps)
                assert len([lane for lane in drawn.lanes if lane in ("client", "user")]) <= 2


def test_every_finding_is_an_issue_with_its_sources_and_its_replay(reports: list[Report]) -> None:
    for report in reports:
        for found in report.findings:
            text = issue(report, found)
            assert found.because in text
            assert f"--replay '{found.replay}'\n```\n" in text
            assert "](https://" in text
            assert text.endswith(f"seed {report.seed}.\n")
            assert "\n\n\n" not in text


def test_explain_prints_a_finding_by_number_or_name() -> None:
    by_number = scopelaw("explain", "--finding", f"{ONE}#1")
    by_name = scopelaw("explain", "--finding", f"{ONE}#{FIRST['clause']}/{FIRST['cause']}")
    assert by_number.exit_code == 0
    assert by_number.output.startswith(f"### {FIRST['clause']}/{FIRST['cause']} (")
    assert by_name.output == by_number.output


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (f"{ONE}", r"is not FILE#N"),
        (f"{ONE}#0", r"there is no finding 0: the report has \d+"),
        (f"{ONE}#SEL-7/server-lis", r"did you mean SEL-7/server-list"),
        (f"{ONE}#SEL-7", r"unknown finding 'SEL-7'; the report has SEL-7/server-list"),
        ("nowhere.json#1", r"cannot read nowhere.json: no such file"),
    ],
)
def test_a_finding_that_is_not_there_is_one_sentence(name: str, says: str) -> None:
    result = scopelaw("explain", "--finding", name)
    assert result.exit_code == 2
    assert re.search(says, result.stderr)
    assert result.stderr.count("\n") == 1


def test_report_writes_a_page_over_its_files(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert scopelaw("report", *RECORDED[:2], "--html", page).exit_code == 0
    assert page.read_text("utf-8") == report_html(list(map(read_report, RECORDED[:2])))
    assert scopelaw("report", *RECORDED[:2]).output == page.read_text("utf-8")


def test_a_file_of_several_results_is_several_columns_and_none_to_name_a_finding_of(tmp_path: Path) -> None:
    both = tmp_path / "both.jsonl"
    both.write_text("".join(f"{json.dumps(json.loads(each.read_text('utf-8')))}\n" for each in RECORDED[:2]), "utf-8")
    assert scopelaw("report", both).output == scopelaw("report", *RECORDED[:2]).output
    told = scopelaw("explain", "--finding", f"{both}#1")
    assert (told.exit_code, told.stdout) == (2, "")
    assert "2 results, and no one of them is named; scopelaw report tells them all" in told.stderr
    both.write_text("\n", "utf-8")
    assert "not JSON; a report is what" in scopelaw("report", both).stderr


def _form(change: Callable[[dict[str, object]], object]) -> object:
    form: dict[str, object] = json.loads(ONE.read_text("utf-8"))
    change(form)
    return form


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ([], "no result"),
        ({"scopelaw": 2, "lives": []}, "no result"),
        (_form(lambda form: form.update(scopelaw=1)), "written in form 1.*check again, or read it with the scopelaw"),
        (_form(lambda form: form.pop("subject")), r"required field missing @ report\.subject"),
        (_form(lambda form: form.update(seed="0")), r"not a whole number.*@ report\.seed"),
        (
            _form(lambda form: form.update(clauses=[{"clause": "NEW-1", "state": "holds", "reached": 1}])),
            "names the clause NEW-1, which is not known here: check again",
        ),
        (
            _form(lambda form: form.update(findings=[{**FIRST, "transcript": [{}]}])),
            "transcript, line 1",
        ),
        (
            _form(lambda form: form.update(findings=[{**FIRST, "event": 9_999}])),
            "is not in its transcript",
        ),
    ],
)
def test_what_is_no_result_of_this_version_says_what_to_do(form: object, says: str, tmp_path: Path) -> None:
    with pytest.raises(UnusableReport, match=says):
        report_of(form)
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(form), "utf-8")
    result = scopelaw("report", path)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert re.search(says, result.stderr)


def test_messages_name_secrets_and_leave_out_what_was_not_sent() -> None:
    tokens = {"a-very-long-secret": "t1", "another": "r1"}
    call = message(ResourceRequest("read", "a-very-long-secret", "https://one.example/mcp"), tokens)
    assert call is not None
    assert call.startswith("POST /mcp HTTP/1.1\nHost: one.example\nAuthorization: Bearer t1\n")
    assert "secret" not in call
    asked = message(AuthorizationRequest(("a b", ""), issuer="https://as.example"), tokens)
    assert asked == "GET /authorize?response_type=code&scope=a+b&scope= HTTP/1.1\nHost: as.example"
    renewed = message(TokenRequest("refresh_token", refresh_token="another"), tokens)
    assert renewed is not None
    assert renewed.endswith("\n\ngrant_type=refresh_token&refresh_token=r1")
    assert message(TokenResponse(), tokens) is None
    assert message(CallStarted(1, "read"), tokens) is None


def test_a_fence_is_longer_than_what_it_holds() -> None:
    assert fenced("a ```` b") == "`````text\na ```` b\n`````"

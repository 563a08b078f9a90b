"""Reports: an exchange that can be read, and the same result as text, as JSON and as a page."""

import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from importlib.metadata import version
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text
from typing_extensions import override

from scope_judge.findings import Finding
from scope_judge.judge import judge
from scope_model.events import (
    AuthorizationRequest,
    AuthorizationResponse,
    AuthorizationServerMetadata,
    CallEnded,
    CallStarted,
    ClientRegistration,
    ClientReported,
    ClientRestarted,
    Event,
    Header,
    ProtectedResourceMetadata,
    ResourceRequest,
    ResourceResponse,
    TokenExpired,
    TokenRequest,
    TokenResponse,
    Transcript,
)
from scope_oracle.checking import Result, check, generated, mostly_delegated
from scope_oracle.comparing import compare, first_difference
from scope_oracle.exchange import calls_behind, exchange
from scope_oracle.forms import Ran, difference_json, result_json
from scope_oracle.outcome import rows, summary
from scope_oracle.page import result_html, write_whole
from scope_oracle.subjects import subject
from scope_oracle.tally import Broken
from scope_oracle.terminal import (
    difference_text,
    exchange_text,
    finding_text,
    findings_text,
    result_text,
    show,
    transcript_text,
)
from scope_oracle.transcripts import NAMES
from scope_oracle.wording import reading_line
from scope_properties.model_subject import ModelSubject
from scope_properties.mutants import MUTANTS
from scope_spec import CLAUSES, Verdict

STEP_UP: tuple[Event, ...] = (
    ResourceRequest("read"),
    ResourceResponse("read", 401, ('Bearer scope="a", resource_metadata="https://rs.example/x"',)),
    ProtectedResourceMetadata("https://rs.example/mcp", ("https://as.example",), ("a", "b")),
    AuthorizationServerMetadata("https://as.example"),
    ClientRegistration(),
    AuthorizationRequest("a", issuer="https://as.example"),
    AuthorizationResponse(code=True, issuer="https://as.example"),
    TokenRequest("authorization_code"),
    TokenResponse("t1", "a", "r1"),
    ResourceRequest("write", "t1"),
    ResourceResponse("write", 403, ('Bearer error="insufficient_scope", scope="b"',)),
    ProtectedResourceMetadata("https://rs.example/mcp", ("https://as.example",), ("a", "b")),
    AuthorizationRequest("b", issuer="https://as.example"),
)

RAN = Ran(("scopelaw", "compare"), 0.1, "2026-11-26")


def told(*events: Event, width: int = 100, marks: dict[int, list[str]] | None = None) -> list[str]:
    """The lines of an exchange, without what ends them."""
    transcript = Transcript(Header("2026-07-28"), events)
    lines = exchange_text(exchange(transcript, marks or {}), width)
    return [line.plain for line in lines]


def said(event: Event) -> str:
    """What one event says, in an exchange of its own."""
    (line,) = told(event)
    return line.strip()


def printed(lines: list[Text], encoding: str = "utf-8") -> str:
    """What a console of this encoding prints."""
    buffer = io.BytesIO()
    file = io.TextIOWrapper(buffer, encoding)
    show(Console(file=file, width=80), lines)
    file.flush()
    return buffer.getvalue().decode(encoding)


# --- an exchange ----------------------------------------------------------------------------------


def test_a_finding_is_told_as_an_exchange() -> None:
    transcript = Transcript(Header("2026-07-28", "mine", "1.0"), STEP_UP)
    (finding,) = judge(transcript)
    text = finding_text(finding, transcript, readings={}, replay="AXicY2", width=100)
    assert [line.plain for line in text] == [
        "ACC-1/dropped  discouraged  mine 1.0",
        "  client  →  server  read        (no token)",
        '  server  →  client  401  scope="a"',
        "  server  →  client  metadata  lists a b",
        "  client  →  AS      authorize  scope=a",
        "  AS      →  client  granted: a  (token t1, refresh token r1)",
        "  client  →  server  write       (token t1)",
        '  server  →  client  403  insufficient_scope  scope="b"',
        "  client  →  AS      authorize  scope=b  ← a was asked for before, and is missing",
        "  because:  When a client authorizes again, it asks for the union of the scopes it requested before",
        "            and the scopes of the current challenge (MCP 2026-07-28, Step-Up Authorization Flow)",
        "  replay:   import scope_oracle; print(scope_oracle.replay(SUBJECT, 'AXicY2'))",
    ]


def test_a_mark_without_room_hangs_below_its_line() -> None:
    lines = told(ResourceRequest("read"), width=60, marks={0: ["because of a reason that is much longer than a line"]})
    assert lines == [
        "  client  →  server  read  (no token)",
        "                     ↑ because of a reason that is much",
        "                       longer than a line",
    ]


def test_what_carries_nothing_is_told_where_it_is_marked() -> None:
    exchanged = TokenRequest("authorization_code")
    assert told(exchanged) == []
    assert told(exchanged, marks={0: ["why"]}) == ["  client  →  AS  exchange the code  ← why"]


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (AuthorizationRequest(), "client  →  AS  authorize  without scope"),
        (AuthorizationRequest("", prompt="consent"), "client  →  AS  authorize  with an empty scope  prompt=consent"),
        (AuthorizationRequest('""'), 'client  →  AS  authorize  scope=""'),
        (AuthorizationRequest(("a", "")), "client  →  AS  authorize  scope=a  with an empty scope"),
        (AuthorizationRequest(("a", "b")), "client  →  AS  authorize  scope=a  scope=b"),
        (AuthorizationResponse(error="access_denied"), "AS  →  client  refused: access_denied"),
        (TokenRequest("authorization_code", "a"), "client  →  AS  exchange the code  scope=a"),
        (TokenRequest("refresh_token", None, "r1"), "client  →  AS  refresh with r1  without scope"),
        (TokenRequest("client_credentials", "a"), "client  →  AS  client_credentials  scope=a"),
        (
            TokenRequest("urn:ietf:params:oauth:grant-type:jwt-bearer"),
            "client  →  AS  jwt-bearer  without scope",
        ),
        (TokenResponse("t1"), "AS  →  client  says nothing about scope  (token t1)"),
        (TokenResponse("t1", ""), "AS  →  client  granted: nothing  (token t1)"),
        (TokenResponse(error="invalid_scope"), "AS  →  client  refused: invalid_scope"),
        (ClientRegistration("a", ("x",)), "client  →  AS  register  scope=a  grant_types=x"),
        (ProtectedResourceMetadata(), "server  →  client  metadata  lists no scopes"),
        (
            ProtectedResourceMetadata(scopes_supported=()),
            "server  →  client  metadata  lists the empty list of scopes",
        ),
        (ResourceResponse("read", 200), "server  →  client  200"),
        (ResourceResponse("read", 403), "server  →  client  403  without a challenge"),
        (TokenExpired("t1"), "client      token t1 expires"),
        (ClientRestarted(), "client      restarts, its token storage kept"),
        (ClientReported(("a", "b")), "client      says that it holds a b"),
        (ClientReported(()), "client      says that it holds nothing"),
        (ClientReported(), "client      says that it does not know what it holds"),
    ],
)
def test_each_event_is_one_line(event: Event, line: str) -> None:
    assert re.sub(r"  +", "  ", said(event)) == re.sub(r"  +", "  ", line)


@pytest.mark.parametrize(
    "lines",
    [
        ('bearer scope="a"',),
        ('Bearer scope = "a"',),
        ("Bearer scope=a",),
        ('Bearer scope="\\a"',),
        ('Basic realm="x"', 'Bearer scope="a"'),
        ('Bearer scope="a", scope="b"',),
        ('Bearer scope="a", x="y"',),
        ('Bearer scope="a',),
    ],
)
def test_a_challenge_that_is_spelled_oddly_is_shown_as_it_stood(lines: tuple[str, ...]) -> None:
    assert [line.strip() for line in told(ResourceResponse("read", 401, lines))[1:]] == [
        f"WWW-Authenticate: {line}" for line in lines
    ]


def test_several_servers_are_told_apart() -> None:
    lines = told(
        ResourceRequest("read", resource="https://one.example/mcp"),
        ResourceRequest("read", resource="https://two.example/mcp"),
        AuthorizationRequest("a", issuer="https://as.example", resource="https://two.example/mcp"),
    )
    assert lines == [
        "  server one is https://one.example/mcp",
        "  server two is https://two.example/mcp",
        "  client  →  server one  read                (no token)",
        "  client  →  server two  read                (no token)",
        "  client  →  AS          authorize  scope=a  (for server two)",
    ]


def test_a_refresh_is_told_as_one() -> None:
    lines = told(TokenRequest("refresh_token", "a", "r1"), TokenResponse("t2", "a"), TokenResponse("t3"))
    assert "refreshed: a" in lines[1]
    assert "refreshed, says nothing about scope" in lines[2]


def test_tokens_that_may_be_real_are_not_told() -> None:
    secret = "eyJhbGciOiJIUzI1NiJ9.secret"
    text = "\n".join(
        told(TokenResponse(secret, "a", secret + "r"), ResourceRequest("read", secret), TokenExpired(secret))
    )
    assert "secret" not in text
    assert text.count("t1") == 3


@settings(max_examples=100)
@given(st.lists(st.one_of(*(st.from_type(kind) for kind in NAMES)), max_size=5), st.integers(0, 4))
def test_any_transcript_can_be_told_and_printed(events: list[Event], at: int) -> None:
    transcript = Transcript(Header("2026-07-28"), tuple(events))
    lines = list(exchange_text(exchange(transcript, {at: ["why"]}), 80))
    assert all(line.plain.isprintable() for line in lines)
    assert ("why" in printed(lines)) == (at < len(events))


def test_a_terminal_without_unicode_gets_ascii() -> None:
    lines = list(exchange_text(exchange(Transcript(Header("2026-07-28"), STEP_UP), {0: ["why"]}), 80))
    text = printed(lines, "ascii")
    assert "client  ->  server  read" in text
    assert "<- why" in text


# --- calls of the application ---------------------------------------------------------------------

GIVEN_UP: tuple[Event, ...] = (
    CallStarted(1, "read"),
    *STEP_UP[:9],
    ResourceRequest("read", "t1"),
    ResourceResponse("read", 200),
    CallEnded(1),
    CallStarted(2, "write"),
    CallStarted(3, "delete"),
    *STEP_UP[9:11],
    CallEnded(2),
)


def said_of(events: tuple[Event, ...], clause: str) -> list[str]:
    """The lines of the first finding of a clause."""
    transcript = Transcript(Header("2026-07-28"), events)
    finding = next(each for each in judge(transcript) if each.clause == clause)
    return [line.plain.strip() for line in finding_text(finding, transcript, readings={}, replay=None, width=120)]


def test_calls_are_left_out_where_a_finding_does_not_rest_on_them() -> None:
    lines = said_of((CallStarted(1, "read"), *STEP_UP), "ACC-1")
    assert not any("call 1" in line for line in lines)
    assert not any("call" in line for line in told(CallStarted(1, "read"), ResourceRequest("read"), CallEnded(1)))


def test_the_calls_that_a_finding_rests_on_are_shown_and_no_others() -> None:
    text = "\n".join(said_of(GIVEN_UP, "STEP-2"))
    assert "call 2 of write begins" in text
    assert "call 3 of delete begins" in text
    assert re.search("call 2 ends  ← the challenge .*was not followed by an authorization request", text)
    assert "call 1" not in text


def test_the_call_of_a_token_that_is_not_used_is_shown_to_its_end() -> None:
    events = (
        CallStarted(1, "read"),
        *STEP_UP[:8],
        TokenResponse("t1", "a b", "r1"),
        CallEnded(1),
        CallStarted(2, "write"),
        ResourceRequest("write", "t0"),
    )
    finding = Finding("GRANT-3", "discouraged", 12, "the token is not used", "not-used")
    calls = calls_behind(Transcript(Header("2026-07-28"), events), finding)
    assert calls == {1, 2}
    assert calls_behind(Transcript(Header("2026-07-28"), events), replace(finding, cause="within-a-call")) == {2}


def test_a_whole_transcript_shows_the_calls_of_each_finding() -> None:
    transcript = Transcript(Header("2026-07-28"), GIVEN_UP)
    text = printed(list(transcript_text(transcript, judge(transcript), readings={}, width=120)))
    assert re.search(r"[←↑] STEP-2/given-up unspecified: the challenge ", text)
    assert "call 2 of write begins" in text
    assert "call 1" not in text


def test_where_metadata_was_found_is_told_where_a_finding_is_about_metadata() -> None:
    document = ProtectedResourceMetadata("https://rs.example/mcp", url="https://rs.example/x")
    transcript = Transcript(Header("2026-07-28"), (document,))
    shown, hidden = (
        [line.plain for line in exchange_text(exchange(transcript, {}, shows_metadata=shows), 100)]
        for shows in (True, False)
    )
    assert shown == [f"{hidden[0]}  (at https://rs.example/x)"]
    finding = Finding("META-3", "discouraged", 0, "why", "elsewhere")
    text = printed(list(transcript_text(transcript, [finding], readings={}, width=100)))
    assert "(at https://rs.example/x)" in text


# --- readings -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("clause", "verdict", "cause", "reading", "chosen", "line"),
    [
        ("ORDER-3", "unspecified", "order", "A15", {}, "A15 order=first-seen; the documents also allow any"),
        (
            "ACC-3",
            "discouraged",
            "metadata-joined",
            "A9",
            {},
            "A9 metadata-beside-challenge=never, which the documents favour; under joined it would be allowed",
        ),
        (
            "STEP-2",
            "discouraged",
            "never-steps-up",
            "A21",
            {},
            "A21 step-up=expected; under optional it would be allowed",
        ),
        ("SEL-4", "violates", "empty", "A6", {"A6": "literal"}, "A6 empty-string=literal"),
    ],
)
def test_what_is_discouraged_is_not_called_allowed(  # noqa: PLR0917 - a row of the table
    clause: str, verdict: Verdict, cause: str, reading: str, chosen: dict[str, str], line: str
) -> None:
    assert list(reading_line(Finding(clause, verdict, 0, "why", cause, reading), chosen)) == [line]


def test_a_finding_that_rests_on_no_reading_says_nothing_of_one() -> None:
    assert list(reading_line(Finding("ACC-1", "discouraged", 0, "why", "dropped"), {})) == []


# --- the result of a check ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def result() -> Result:
    """A short check of a client that is known to break something."""
    with subject("rust-sdk-before-888") as before:
        return check(before, examples=60)


def test_the_rows_are_the_catalogue(result: Result) -> None:
    table = rows(result)
    judged = [clause.id for clause in CLAUSES.values() if not clause.excluded and not clause.unjudged]
    assert [row.clause.id for row in table] == [id_ for id_ in judged if CLAUSES[id_].binds_at("2026-07-28")]
    states = {row.clause.id: row.state for row in table}
    assert states["ACC-1"] == "found"
    assert states["SEL-4"] == "holds"
    unreached = Result("x", None, "2025-03-26", 0, 1, {}, ())
    assert {row.state for row in rows(unreached)} == {"not reached"}
    assert any("do not bind at 2025-03-26" in line for line in summary(unreached))


def test_the_worst_verdict_stands_for_a_clause() -> None:
    transcript = Transcript(Header("2026-07-28"), STEP_UP)
    found = tuple(
        Broken(Finding("ACC-1", verdict, 12, "why", "dropped"), None, transcript, "x")  # type: ignore[arg-type]
        for verdict in ("unspecified", "violates", "discouraged")
    )
    (row,) = [
        row for row in rows(Result("x", None, "2026-07-28", 0, 1, {"ACC-1": 1}, found)) if row.clause.id == "ACC-1"
    ]
    assert row.verdict == "violates"


def test_the_text_has_every_clause_and_every_trace(result: Result) -> None:
    text = printed(list(result_text(result, readings={}, width=80)))
    for row in rows(result):
        assert re.search(rf"^  {row.clause.id} +{re.escape(row.says)}", text, re.MULTILINE)
    for broken in result.broken:
        assert f"--replay '{broken.replay}'\n" in text
        assert f"\n{broken.finding.clause}/{broken.finding.cause}  {broken.finding.verdict}  " in text
    assert "see scopelaw explain" in " ".join(text.split())


def _broken(clause: str, verdict: Verdict, event: int, transcript: Transcript) -> Broken:
    finding = Finding(clause, verdict, event, f"why {clause}", "dropped")
    return Broken(finding, None, transcript, clause, found_in=1, out_of=2)  # type: ignore[arg-type]  # no episode is told


def test_findings_of_one_trace_stand_together_and_tell_it_once() -> None:
    one, other = (Transcript(Header("2026-07-28", name), STEP_UP) for name in ("one", "other"))
    found = [
        _broken("ACC-3", "unspecified", 12, one),
        _broken("ACC-4", "discouraged", 12, other),
        _broken("ACC-1", "violates", 12, one),
        _broken("ACC-2", "unspecified", 5, one),
    ]
    lines = [line.plain for line in findings_text(found, readings={}, width=100)]
    titles = [line.partition("/")[0] for line in lines if re.match(r"[A-Z]+-\d", line)]
    assert titles == ["ACC-1", "ACC-3", "ACC-2", "ACC-4"]  # the worst first, and what shares its trace with it
    assert sum("authorize  scope=b" in line for line in lines) == 2  # ACC-2 accuses an earlier message
    assert "  why ACC-3: the message that ACC-1/dropped accuses above" in lines
    assert [line.split("'")[1] for line in lines if "replay:" in line] == titles
    assert lines.count("") == 3  # between two, and nowhere else
    assert lines[0]
    assert lines[-1]


def test_the_json_form_says_the_same(result: Result) -> None:
    form = json.loads(json.dumps(result_json(result, readings={"A1": "granted", "A2": "ask-again"})))
    assert list(form) == [
        "scopelaw",
        "scopelaw_version",
        "subject",
        "version",
        "revision",
        "readings",
        "engine",
        "seed",
        "examples",
        "complete",
        "uncalled",
        "skipped",
        "failed",
        "clauses",
        "counts",
        "findings",
    ]
    assert form["readings"] == {"A1": "granted"}
    assert {each["clause"]: each["state"] for each in form["clauses"]} == {
        row.clause.id: row.state for row in rows(result)
    }
    assert [each["replay"] for each in form["findings"]] == [broken.replay for broken in result.broken]
    for each in form["findings"]:
        assert {"clause", "cause", "verdict", "event", "because", "transcript"} <= each.keys()
        assert each["transcript"][-1] == {"end": True, "events": len(each["transcript"]) - 2}


class _Page(HTMLParser):
    """Checks that tags are nested, and counts them."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        assert not any(name.startswith("on") or name in ("src", "style") for name, _ in attrs)
        if tag not in ("meta", "input", "br"):
            self.open.append(tag)

    @override
    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_needs_nothing_else(result: Result) -> None:
    html = result_html(result, readings={})
    page = _Page()
    page.feed(html)
    page.close()
    assert not page.open
    assert not {"link", "img", "iframe"} & set(page.seen)
    assert (page.seen.count("script"), page.seen.count("table")) == (1, 1)
    assert page.seen.count("ol") == len(result.broken)
    for row in rows(result):
        assert f'<th scope="row"><b>{row.clause.id}</b> ' in html
    for broken in result.broken:
        assert f'<b class="name">{broken.finding.clause}/{broken.finding.cause}</b>' in html
    assert "prefers-color-scheme: dark" in html


def test_the_page_shows_what_a_client_sends_as_text() -> None:
    transcript = Transcript(Header("2026-07-28", "<b>"), (ResourceRequest("<script>"), AuthorizationRequest("<i>&")))
    broken = Broken(Finding("ACC-1", "violates", 1, "<u>", "dropped"), None, transcript, "x")  # type: ignore[arg-type]
    html = result_html(Result("<b>", "$title", "2026-07-28", 0, 1, {}, (broken,)), readings={})
    assert html.count("<script>") == 1
    assert not re.search(r"<(i|u)>", html)
    assert "<title>scopelaw: &lt;b&gt; $title</title>" in html
    assert "&lt;script&gt;" in html
    assert "&lt;i&gt;&amp;" in html


def test_a_page_is_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("old", "utf-8")
    write_whole(path, "new \ud800")
    assert path.read_text("utf-8") == "new \\ud800"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(OSError, match="No such file"):
        write_whole(tmp_path / "nowhere" / "page.html", "new")


# --- a difference ---------------------------------------------------------------------------------


def test_a_difference_is_told_with_its_world() -> None:
    left, right = "mcp-2025-11-25", "mcp-2026-07-28"
    with subject(left) as one, subject(right) as other:
        difference = compare(one, other, examples=200)
    assert difference is not None
    text = printed(list(difference_text(difference, left, right, width=100)))
    assert text.startswith(f"{left} and {right} differ\n  server:  https://one.example/mcp: ")
    assert re.search(rf"(asks|leaves) [^;]+; {right} (asks|leaves) ", text)
    assert text.count(f"--replay '{difference.replay}'") == 2
    form = json.loads(json.dumps(difference_json(difference, left, right, ran=RAN)))
    assert form["difference"]["replay"] == difference.replay
    assert difference_json(None, left, right, ran=RAN)["difference"] is None
    (found,), nothing = difference.found
    assert (found.clause, found.cause, found.event, nothing) == ("ACC-1", "dropped", difference.events[0], ())
    assert text.count(f"found:    ACC-1/dropped, discouraged: {found.because}") == 1
    assert [[each["cause"] for each in found] for found in form["difference"]["findings"]] == [["dropped"], []]


@pytest.mark.parametrize("mutant", ["first-scheme", "never-steps-up", "replaces"])
def test_a_difference_keeps_its_cause_while_it_is_shortened(mutant: str) -> None:
    left, right = MUTANTS[mutant].subject, ModelSubject()
    drawn = (first_difference(each, left, right) for each in generated("2026-07-28", 400, 0, mostly_delegated(left)))
    first, shortest = next(each for each in drawn if each is not None), compare(left, right, examples=400)
    assert shortest is not None
    assert shortest.kinds == first.kinds
    assert len(shortest.transcripts[0].events) <= len(first.transcripts[0].events)
    for now, then in zip(shortest.grounds, first.grounds, strict=True):
        assert not now.has_slid_from(then)


@pytest.mark.parametrize(
    ("client", "release", "shown"),
    [
        ("rust-sdk", "2.2.0", "check rust-sdk --sdk-version 2.2.0 --replay"),
        ("python-sdk", "0.0.1", "check python-sdk --sdk-version 0.0.1 --replay"),
        ("python-sdk", version("mcp"), "check python-sdk --replay"),
        ("model", None, "check model --replay"),
    ],
)
def test_a_replay_names_the_release_that_was_tested(
    result: Result, client: str, release: str | None, shown: str
) -> None:
    broken = result.broken[0]
    header = replace(broken.transcript.header, client_name=client, client_version=release)
    transcript = replace(broken.transcript, header=header)
    text = printed(list(finding_text(broken.finding, transcript, readings={}, replay=broken.replay, width=100)))
    assert f"scopelaw {shown} '{broken.replay}'" in text

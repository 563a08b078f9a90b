"""The clauses and readings are complete, well sourced and consistent, and faulty data is refused clearly."""

import re
from importlib.resources import files
from typing import Final

import pytest

import scope_spec
from scope_judge.blame import EXPLANATIONS
from scope_judge.clauses import BOOK
from scope_judge.misreadings import MISREADINGS
from scope_judge.occasions import (
    Asked,
    AssertionPresented,
    Called,
    CallOver,
    CodeExchanged,
    Occasion,
    RefreshAsked,
    RefreshTried,
    Registered,
    Reported,
    ResourceNamed,
    ScopesSent,
    Settled,
    TokenShown,
    TokenTried,
)
from scope_spec import CLAUSES, EVENTS, READINGS, REVISIONS, Clause, Reading, Source

CLAUSE_IDS = """
SEL-1 SEL-2 SEL-3 SEL-4 SEL-5 SEL-6 SEL-7 SEL-8
META-1 META-2 META-3 META-4
PARSE-1 PARSE-2 PARSE-3 PARSE-4 PARSE-5 PARSE-6 PARSE-7 PARSE-8 PARSE-9 PARSE-10
CHAL-1 CHAL-2 CHAL-3a CHAL-3b CHAL-4 CHAL-5 CHAL-6 CHAL-7 CHAL-8 CHAL-9
STEP-1 STEP-2 STEP-3 STEP-4 STEP-5 STEP-6 STEP-7
ACC-1 ACC-2 ACC-3 ACC-4 ACC-5 ACC-6 ACC-7 ACC-8 ACC-9 ACC-10
GRANT-1 GRANT-2 GRANT-3 GRANT-4 GRANT-5 GRANT-6 GRANT-7
RETAIN-1 RETAIN-2 RETAIN-3 RETAIN-4
REFRESH-1 REFRESH-2 REFRESH-3
OFFLINE-1 OFFLINE-2 OFFLINE-3 OFFLINE-4 OFFLINE-5 OFFLINE-6
RETRY-1 RETRY-2 RETRY-3 RETRY-4 RETRY-5
ORDER-1 ORDER-2 ORDER-3
REG-1 REG-2
ISO-1 ISO-2
EXT-1 EXT-2 EXT-3
"""

READING_VALUES = {
    "A1 union-base": "requested-and-granted requested granted",
    "A2 declined-scopes": "ask-again drop",
    "A3 granted-means": "grant token",
    "A4 omitted-at-step-up": "this-request earlier-grant unknown",
    "A5 omitted-twice": "unknown empty",
    "A6 empty-string": "omitted literal",
    "A7 challenge-without-scope": "metadata-joins prior-only give-up",
    "A8 unauthorized-again": "union afresh",
    "A9 metadata-beside-challenge": "never joined",
    "A10 server-metadata-as-source": "never fallback",
    "A11 configured-scopes": "fallback override ceiling none",
    "A12 offline-in-union": "per-request once alone",
    "A13 scope-at-exchange": "never offline",
    "A14 hierarchy": "plain-strings hierarchical",
    "A15 order": "first-seen any",
    "A16 several-bearer-challenges": "insufficient-scope first last",
    "A17 retry-count": "across-sends per-send",
    "A18 progress": "token requested",
    "A19 aborted-step-up": "forgotten remembered",
    "A20 registered-scope": "initial any",
    "A21 step-up": "expected optional",
    "A22 all-of-scopes-supported": "all subset",
    "A23 cached-metadata": "retrieve cached",
    "A24 prompt-consent": "always openid-only",
    "A25 repeated-parameter": "first-or-none last merged",
    "A26 grant-in-commas": "either literal parts",
    "A27 moved-resource": "left-behind goes-along",
    "A28 metadata-of-a-parent": "not-used used",
    "A29 refresh-token-that-stays": "kept given-up",
    "A30 spelling-of-a-resource": "canonical equivalent",
    "A31 scope-left-to-policy": "named left-to-policy",
}

SITES = re.compile(
    r"https://(modelcontextprotocol\.io/(specification|docs)/20\d\d-\d\d-\d\d/|www\.rfc-editor\.org/rfc/rfc\d+#"
    r"|datatracker\.ietf\.org/doc/html/draft-ietf-oauth-v2-1-13#|openid\.net/specs/"
    r"|github\.com/modelcontextprotocol/ext-auth/)"
)
SENTENCE_LENGTH = 40

REQUESTS = "authorization_request token_request"
TRIED = f"resource_request {REQUESTS}"
SHOWS_ON: Final[dict[type[Occasion], str]] = {
    Asked: REQUESTS,
    AssertionPresented: "token_request",
    Called: "resource_request",
    CallOver: "call_ended",
    CodeExchanged: "token_request",
    RefreshAsked: "token_request",
    RefreshTried: TRIED,
    Registered: "client_registration",
    Reported: "client_reported",
    ResourceNamed: REQUESTS,
    TokenShown: "resource_request protected_resource_metadata token_request",
    ScopesSent: REQUESTS,
    Settled: f"{TRIED} call_ended client_restarted",
    TokenTried: "resource_request call_ended",
}
"""The events at which the judge may see each kind of occasion."""

EXPLAINED = [*(known.clause for known in EXPLANATIONS), *(wrong.clause for wrong in MISREADINGS)]
"""The clauses whose name a request may get by evidence."""

every_clause = pytest.mark.parametrize("clause", CLAUSES.values(), ids=CLAUSES)
every_reading = pytest.mark.parametrize("reading", READINGS.values(), ids=READINGS)


def is_prose(text: str) -> bool:
    """Say whether a text is at least one whole sentence on one line."""
    return len(text) >= SENTENCE_LENGTH and text.endswith(".") and "\n" not in text


def sourced(sources: tuple[Source, ...]) -> bool:
    """Say whether all sources name a document and a section, and link to where it is published."""
    return all(source.document and source.section and SITES.match(source.link) for source in sources)


def test_every_clause_is_there_in_order() -> None:
    assert list(CLAUSES) == CLAUSE_IDS.split()
    assert all(id_ == clause.id for id_, clause in CLAUSES.items())


def test_every_reading_is_there_with_its_values() -> None:
    found = {f"{reading.id} {reading.name}": " ".join(reading.values) for reading in READINGS.values()}
    assert found == READING_VALUES
    assert all(id_ == reading.id for id_, reading in READINGS.items())


@every_clause
def test_a_clause_is_sourced_prose(clause: Clause) -> None:
    assert clause.sources
    assert sourced(clause.sources)
    assert is_prose(clause.says)
    assert is_prose(clause.rests_on)
    assert not clause.title.endswith(".")


@every_clause
def test_what_is_not_judged_has_a_reason(clause: Clause) -> None:
    for reason in (clause.differs, clause.excluded, clause.unjudged):
        assert reason is None or is_prose(reason)
    assert clause.excluded is None or clause.unjudged is None


@every_clause
def test_a_clause_binds_a_client_or_is_excluded(clause: Clause) -> None:
    assert "client" in clause.binds or clause.excluded


@every_clause
def test_a_violation_rests_on_a_must(clause: Clause) -> None:
    if clause.verdict == "violates":
        assert clause.level in {"MUST", "MUST NOT", "derived"}
        assert re.search(r"MUST|forbid", clause.rests_on)


@every_clause
def test_revisions_and_events_are_in_order(clause: Clause) -> None:
    assert list(clause.revisions) == [revision for revision in REVISIONS if clause.binds_at(revision)]
    assert list(clause.observed) == [event for event in EVENTS if event in clause.observed]


def occasions(clause: str) -> set[type[Occasion]]:
    """Give the kinds of occasion on which the judge may name a clause."""
    found = {entry.on for entry in BOOK if clause in entry.ids}
    if clause in EXPLAINED:
        found.add(Asked)
    if clause == "RETRY-2":
        found.add(Settled)  # by evidence too: of a challenge that was given up
    return found


@every_clause
def test_a_clause_is_observed_where_the_judge_looks(clause: Clause) -> None:
    if clause.excluded or clause.unjudged:
        assert not occasions(clause.id)
        return
    shown = [SHOWS_ON[occasion].split() for occasion in occasions(clause.id)]
    assert all(set(events) & set(clause.observed) for events in shown)
    assert set(clause.observed) <= {event for events in shown for event in events}


@every_clause
def test_a_clause_of_one_revision_cites_it(clause: Clause) -> None:
    dated = {name.split()[-1] for name in (source.document for source in clause.sources) if "MCP 20" in name}
    assert dated <= set(clause.revisions)


@every_reading
def test_a_reading_is_explained(reading: Reading) -> None:
    assert is_prose(reading.tension)
    assert is_prose(reading.because)
    assert all(alternative.says.endswith(".") for alternative in reading.alternatives)
    assert reading.default == reading.values[0]
    assert sourced(reading.sources)
    assert bool(reading.sources) != reading.silent


@every_reading
def test_a_reading_and_its_clauses_name_each_other(reading: Reading) -> None:
    assert reading.clauses
    assert all(reading.id in CLAUSES[id_].readings for id_ in reading.clauses)


@every_clause
def test_a_clause_and_its_readings_name_each_other(clause: Clause) -> None:
    assert all(clause.id in READINGS[id_].clauses for id_ in clause.readings)


def test_the_data_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        CLAUSES["SEL-1"] = CLAUSES["SEL-2"]  # type: ignore[index]
    with pytest.raises(AttributeError):
        CLAUSES["SEL-1"].title = "another"  # type: ignore[misc]


def test_the_package_is_typed() -> None:
    assert files(scope_spec).joinpath("py.typed").is_file()


GOOD_CLAUSE = """
[[clause]]
id = "SEL-1"
title = "A title"
level = "SHOULD"
verdict = "discouraged"
binds = ["client"]
says = '''
Two
lines.'''
rests_on = "A fact."
sources = [{ document = "D", section = "1", link = "https://example.org/" }]
revisions = ["2026-07-28"]
observed = ["token_request"]
readings = ["A1"]
"""

GOOD_READING = """
[[reading]]
id = "A1"
name = "one"
tension = "A tension."
default = "x"
because = "A reason."
alternatives = [{ value = "x", says = "X." }, { value = "y", says = "Y." }]
clauses = ["SEL-1"]
sources = []
silent = true
"""


def test_good_data_is_read() -> None:
    clauses, readings = scope_spec.parse(GOOD_CLAUSE, GOOD_READING)
    clause = clauses["SEL-1"]
    assert clause.says == "Two lines."
    assert clause.binds_at("2026-07-28")
    assert not clause.binds_at("2025-11-25")
    assert clause.conformance_check == ()
    assert clause.excluded is None
    assert readings["A1"].values == ("x", "y")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('title = "A title"\n', "", "clause SEL-1: title is missing"),
        ('title = "A title"', 'title = " "', "clause SEL-1: title must be a text that is not empty"),
        ('title = "A title"', "title = 1", "clause SEL-1: title must be a text that is not empty"),
        ('title = "A title"', 'title = "A"\ntile = "A"', "clause SEL-1: unknown key tile"),
        ('id = "SEL-1"\n', "", "clause 1: id is missing"),
        ('"SHOULD"', '"should"', "clause SEL-1: level must be one of MUST, .*, not 'should'"),
        ('"discouraged"', '"bad"', "clause SEL-1: verdict must be one of .*, not 'bad'"),
        ('["client"]', '["server"]', "clause SEL-1: binds must be one of .*, not 'server'"),
        ('["client"]', "[]", "clause SEL-1: binds must not be empty"),
        ('["client"]', '"client"', "clause SEL-1: binds must be a list"),
        ('["client"]', "[1]", "clause SEL-1: binds must be a list of texts"),
        ('["client"]', '["client", "client"]', "clause SEL-1: binds names something twice"),
        ('"2026-07-28"', '"2026"', "clause SEL-1: revisions must be one of .*, not '2026'"),
        ('"token_request"', '"token"', "clause SEL-1: observed must be one of .*, not 'token'"),
        ("sources = [{", "sources = []\nx = [{", "clause SEL-1: sources must not be empty"),
        ("sources = [{", "x = [{", "clause SEL-1: sources is missing"),
        ("sources = [{", "sources = [1, {", "clause SEL-1, sources 1: is not a table"),
        ("https:", "http:", "clause SEL-1, sources 1: link must start with https://"),
        ('section = "1", ', "", "clause SEL-1, sources 1: section is missing"),
        ('section = "1"', 'section = "1", page = "2"', "clause SEL-1, sources 1: unknown key page"),
        ('["A1"]', '["A1", "A9"]', "clause SEL-1: unknown reading 'A9'"),
        ('readings = ["A1"]', "readings = []", "reading A1: clause SEL-1 does not name it"),
        (
            '["A1"]',
            '["A1"]\nexcluded = "E."\nunjudged = "U."',
            "clause SEL-1: .* excluded or unjudged, not both",
        ),
        ("[[clause]]", "[[clauses]]", "the clauses: clause is missing"),
        ("[[clause]]", "x = 1\n[[clause]]", "the clauses: unknown key x"),
    ],
)
def test_a_faulty_clause_is_named(old: str, new: str, message: str) -> None:
    assert old in GOOD_CLAUSE
    with pytest.raises(ValueError, match=message):
        scope_spec.parse(GOOD_CLAUSE.replace(old, new), GOOD_READING)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('default = "x"', 'default = "z"', "reading A1: default 'z' is not among the alternatives"),
        ('name = "one"', 'name = "One Two"', "reading A1: name must be lower-case words joined by hyphens"),
        (', { value = "y", says = "Y." }', "", "reading A1: alternatives must be two or more"),
        ('value = "y"', 'value = "x"', "reading A1: alternatives must be two or more different values"),
        ('value = "y"', 'value = "Y"', "reading A1, alternatives 2: value must be lower-case words"),
        ('says = "Y."', 'says = "Y.", why = "Z."', "reading A1, alternatives 2: unknown key why"),
        ("silent = true", "silent = false", "reading A1: sources must not be empty"),
        ("silent = true", "silent = 1", "reading A1: silent must be true or false"),
        ('["SEL-1"]', '["SEL-1", "SEL-9"]', "reading A1: unknown clause 'SEL-9'"),
        ('["SEL-1"]', "[]", "clause SEL-1: reading A1 does not name it"),
        ("silent = true", "silent = true\nnote = 1", "reading A1: unknown key note"),
    ],
)
def test_a_faulty_reading_is_named(old: str, new: str, message: str) -> None:
    assert old in GOOD_READING
    with pytest.raises(ValueError, match=message):
        scope_spec.parse(GOOD_CLAUSE, GOOD_READING.replace(old, new))


def test_an_id_is_there_once() -> None:
    with pytest.raises(ValueError, match="clause SEL-1: the id is there twice"):
        scope_spec.parse(GOOD_CLAUSE * 2, GOOD_READING)


def test_a_name_is_there_once() -> None:
    clause = GOOD_CLAUSE.replace('["A1"]', '["A1", "A2"]')
    with pytest.raises(ValueError, match="reading A2: the name 'one' is that of A1"):
        scope_spec.parse(clause, GOOD_READING + GOOD_READING.replace('"A1"', '"A2"'))

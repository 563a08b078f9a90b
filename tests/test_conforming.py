"""The judge accepts every client that conforms, by a generator that shares no code with the reference model."""

import os
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

import pytest

from conforming import Sample, conform
from conforming_challenges import Writer
from draws import Draws
from scope_judge.findings import Finding
from scope_judge.judge import judge, judged
from scope_model.challenges import Challenge, MalformedChallenge, parse_challenges
from scope_model.events import CallStarted, ClientReported, ClientRestarted, TokenRequest
from scope_spec import CLAUSES, REVISIONS, Revision

MANY = int(os.environ.get("SCOPELAW_CONFORMING", "2000"))
"""How many transcripts of each revision are judged."""

FLOOR = MANY // 100
"""How often each choice has to be taken at least."""

# What is drawn so seldom that the floor is lower.
SELDOM = 20

FREEDOMS = {
    "grant type": ("authorization_code", "client_credentials", "token_exchange"),
    "configured": ("no", "none", "fallback", "override", "ceiling", "undeclared"),
    "metadata fetched": ("each", "once", "before"),
    "names": ("everywhere", "nowhere", "somewhere"),
    "resources": ("one", "two", "three"),
    "scopes_supported": ("absent", "empty", "some", "all", "offline"),
    "401 names": ("needs", "nothing", "more", "empty", "offline"),
    "403 names": ("needs", "delta", "all", "nothing", "more", "empty", "offline"),
    "served": ("yes", "error", "forbidden", "revoked", "hostile"),
    "consent": ("code", "access_denied", "invalid_scope", "server_error", "never"),
    "grant": ("echoed", "omitted", "narrower", "wider", "reordered", "empty", "different", "commas", "unechoed"),
    "refresh": ("omitted", "echoed", "narrower", "reordered"),
    "recorder loses": ("nothing", "end", "tokens", "values", "response"),
    "asked": ("first", "step-up", "again", "unprompted"),
}
SPELLINGS = (
    "spelled plainly",
    "scheme in other letters",
    "name in other letters",
    "token value",
    "quoted pair",
    "blanks around =",
    "scheme before",
    "scheme after",
    "several lines",
    "empty element",
    "decoy",
    "malformed",
    "repeated parameter",
)
EPISODES = (
    "overlap",
    "moved",
    "another call brought a token",
    "attempts used up",
    "authorized before the first call",
    "challenge answered later",
    "deferred challenge answered",
    "default stated",
    "expired token not sent",
    "joined an earlier challenge",
    "less asked for after invalid_scope",
    "metadata of another issuer",
    "metadata of another resource",
    "name with a slash",
    "offline_access added",
    "refresh names scopes",
    "refresh refused",
    "refresh token rotated",
    "refreshed by the clock",
    "401 answered by a refresh",
    "403 answered by a refresh",
    "401 given up",
    "403 given up",
    "second 401 surfaced",
    "token from before",
    "restart in mid-call",
)


@lru_cache(maxsize=1)
def taken() -> Counter[str]:
    """How often each choice was taken, in the transcripts of all revisions."""
    counted: Counter[str] = Counter()
    for revision in REVISIONS:
        for sample in samples(revision):
            counted.update(sample.taken)
    return counted


def samples(revision: Revision) -> Iterator[Sample]:
    return (conform(seed, revision) for seed in range(MANY))


def is_accusation(finding: Finding) -> bool:
    """Whether a finding says that the client is wrong."""
    return finding.verdict != "unspecified"


@pytest.mark.parametrize("revision", REVISIONS)
def test_no_conforming_client_is_accused(revision: Revision) -> None:
    accused = []
    for seed, sample in enumerate(samples(revision)):
        accused += [(seed, finding) for finding in judge(sample.transcript) if is_accusation(finding)]
    shown = "\n".join(f"seed {seed}, event {f.event}: {f.clause} {f.verdict}: {f.because}" for seed, f in accused[:20])
    assert not accused, f"{len(accused)} findings in {MANY} transcripts of {revision}:\n{shown}"


def test_the_same_seed_makes_the_same_transcript() -> None:
    for seed in range(100):
        assert conform(seed, "2026-07-28") == conform(seed, "2026-07-28")


def test_headers_say_what_their_writer_means_and_no_more() -> None:
    draws = Draws(0)
    writer = Writer(draws, plain=False)
    for _ in range(3000):
        scope = draws.any_of((None, ("a",), ("a,b", "c"), ("https://x.example/y", "User.Read")))
        error = draws.any_of((None, "insufficient_scope", "invalid_token"))
        heading = writer.write(error, scope, draws.any_of((None, "https://rs.example/metadata")))
        parsed = parse_challenges(heading.lines)
        if heading.malformed:
            assert any(isinstance(part, MalformedChallenge) for part in parsed), heading
            continue
        (bearer,) = (part for part in parsed if isinstance(part, Challenge) and part.is_bearer)
        assert bearer.get("scope") == (None if scope is None else " ".join(scope)), heading
        assert bearer.get("error") == error, heading
        assert (bearer.get("resource_metadata") is not None) == heading.metadata, heading


@pytest.mark.parametrize("freedom", FREEDOMS)
def test_each_freedom_is_used_in_each_of_its_ways(freedom: str) -> None:
    rare = [kind for kind in FREEDOMS[freedom] if taken()[f"{freedom}: {kind}"] < FLOOR]
    assert not rare


def test_challenges_are_spelled_in_every_way() -> None:
    assert not [spelling for spelling in SPELLINGS if taken()[spelling] < 5 * FLOOR]


def test_each_kind_of_episode_occurs() -> None:
    assert not [episode for episode in EPISODES if taken()[episode] < SELDOM]


def test_every_kind_of_token_request_occurs() -> None:
    kinds = {name.removeprefix("token request: ") for name in taken() if name.startswith("token request: ")}
    assert len(kinds) == 4
    assert all(taken()[f"token request: {kind}"] >= FLOOR for kind in kinds)


def test_what_a_transcript_may_leave_out_is_there_and_not_there() -> None:
    for optional in (CallStarted, ClientReported, ClientRestarted, TokenRequest):
        there = sum(
            any(isinstance(event, optional) for event in sample.transcript.events)
            for revision in REVISIONS
            for sample in (conform(seed, revision) for seed in range(200))
        )
        assert 40 < there < 800 - 5, optional.__name__


def test_nearly_every_judged_clause_is_reached() -> None:
    reached: Counter[str] = Counter()
    for revision in REVISIONS:
        for seed in range(500):
            reached.update(judged(conform(seed, revision).transcript).reached)
    known = {clause.id for clause in CLAUSES.values() if not clause.excluded and not clause.unjudged}
    unreached = known - {clause for clause, count in reached.items() if count}
    assert len(unreached) <= 2, unreached  # some need more luck than so few transcripts bring

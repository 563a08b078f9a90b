"""The policies: each does what its document claims, or its release does."""

from itertools import product
from typing import Final

import pytest
from hypothesis import given

from choosing import all_sources, chosen, chosen_for_long
from scope_model.client import Call, granted_scopes
from scope_model.events import AuthorizationRequest, ClientReported, ConfiguredMode, Transcript
from scope_model.policies import Policy, own_function
from scope_model.scopes import NO_SCOPES, ScopeSet, scopes
from scope_model.selections import (
    Selection,
    Sources,
    configured,
    first_of,
    server_metadata,
)
from scope_model.servers import AuthorizationServer, Challenging, Granting, ResourceServer, Servers
from scope_oracle.releases import NAMED
from scope_properties.episodes import Episode, EpisodeStep, MakeCall, Plan, ReportGrant
from scope_properties.model_subject import ModelSubject
from scope_properties.runs import run

RS: Final = "https://rs.example/mcp"
AS: Final = "https://as.example"

# Every policy


def test_the_policies_are_known_by_name_the_reference_first() -> None:
    assert list(NAMED) == [
        "mcp-2026-07-28",
        "mcp-2025-11-25",
        "rust-sdk-before-888",
        "rust-sdk-after-888",
        "csharp-sdk-before-1238",
        "csharp-sdk-after-1238",
        "configured-subset",
        "typescript-sdk-described",
        "python-sdk-described",
        "python-sdk-1.30",
        "python-sdk-2.3",
        "typescript-sdk-1.32",
        "typescript-sdk-2.4",
        "rust-sdk-2.2",
        "rust-sdk-3.9",
        "go-sdk-1.8",
    ]
    assert [policy.name for policy in NAMED.values()] == list(NAMED)


every_policy = pytest.mark.parametrize("policy", NAMED.values(), ids=NAMED)


@every_policy
def test_a_policy_is_one_sentence_and_names_its_source(policy: Policy) -> None:
    assert policy.says.endswith(".")
    assert policy.source.startswith(
        ("https://modelcontextprotocol.io/specification/", "https://github.com/modelcontextprotocol/")
    )
    if not policy.name.startswith(("mcp", "configured")):
        assert f"/{policy.name.partition('-sdk')[0]}-sdk" in policy.source or "/csharp-sdk/" in policy.source


MODES: Final[dict[str, ConfiguredMode]] = {
    "csharp-sdk-after-1238": "override",
    "configured-subset": "ceiling",
    "python-sdk-described": "none",
    "python-sdk-1.30": "none",
    "python-sdk-2.3": "none",
    "rust-sdk-2.2": "override",
    "rust-sdk-3.9": "override",
    "go-sdk-1.8": "none",
}


@every_policy
def test_what_a_policy_makes_of_configured_scopes_is_what_it_says(policy: Policy) -> None:
    mode = MODES.get(policy.name, "fallback")
    assert policy.configured_mode == mode
    both = chosen(policy.select, challenge="a b", configured="b k")
    assert both == {"fallback": "a b", "override": "b k", "ceiling": "b", "none": "a b"}[mode]
    alone = chosen(policy.select, configured="k")
    assert alone == {"fallback": "k", "override": "k", "ceiling": None, "none": None}[mode]


@every_policy
def test_a_first_request_names_the_challenge_or_else_the_metadata(policy: Policy) -> None:
    joins = policy.name in ("rust-sdk-after-888", "rust-sdk-3.9")
    assert chosen(policy.select, challenge="a", resource_metadata="m") == ("a m" if joins else "a")
    assert chosen(policy.select, resource_metadata="m n") == "m n"
    assert chosen(policy.select) is None


@every_policy
def test_the_list_of_the_authorization_server_is_a_last_resort_of_some(policy: Policy) -> None:
    uses = policy.name.startswith(("rust", "python"))
    assert chosen(policy.select, server_metadata="s") == ("s" if uses else None)
    assert chosen(policy.select, server_metadata="s", resource_metadata="m") == "m"
    assert chosen(policy.select, server_metadata="s", challenge="a") == "a"


@every_policy
def test_some_add_offline_access(policy: Policy) -> None:
    known = {"challenge": "a", "resource_metadata": "m", "server_metadata": "offline_access"}
    wanted, unwanted = chosen_for_long(policy.select, **known), chosen(policy.select, **known)
    adds = {"mcp-2026-07-28", "python-sdk-2.3", "typescript-sdk-2.4", "go-sdk-1.8"}
    unasked = {"rust-sdk-2.2", "rust-sdk-3.9"}
    assert ("offline_access" in scopes(wanted or "")) == (policy.name in adds | unasked)
    assert ("offline_access" in scopes(unwanted or "")) == (policy.name in unasked)


# Whole clients

WORLD: Final = Servers(
    resources={
        RS: ResourceServer(RS, AS, {"one": scopes("a"), "two": scopes("b"), "three": scopes("c"), "four": scopes("d")})
    },
    issuers={AS: AuthorizationServer(AS)},
)


def world(*, listed: str | None = None, server_listed: str | None = None) -> Servers:
    """The world whose metadata lists these scopes."""
    resource = ResourceServer(RS, AS, WORLD.resources[RS].needs, None if listed is None else tuple(listed.split()))
    issuer = AuthorizationServer(AS, None if server_listed is None else tuple(server_listed.split()))
    return Servers({RS: resource}, {AS: issuer})


def call(operation: str, *challenges: Challenging, grant: Granting | None = None) -> MakeCall:
    """A call, with what the servers make of it."""
    return MakeCall(Call(RS, operation), challenges, () if grant is None else (grant,))


def played(
    policy: Policy,
    *steps: EpisodeStep,
    servers: Servers = WORLD,
    configured: str | None = None,
    wants_refresh_token: bool = False,
) -> Transcript:
    plan = Plan(
        servers,
        configured=None if configured is None else scopes(configured),
        wants_refresh_token=wants_refresh_token,
    )
    return run(Episode(plan, steps), ModelSubject(policy))


def asked(transcript: Transcript) -> list[str | None]:
    """What each authorization request asked for, in order."""
    return [
        event.scope
        for event in transcript.events
        if isinstance(event, AuthorizationRequest) and not isinstance(event.scope, tuple)
    ]


def held(policy: Policy, *steps: EpisodeStep) -> ScopeSet | None:
    """What a client says that it was granted, in the end."""
    reported = played(policy, *steps, ReportGrant(RS)).events[-1]
    assert isinstance(reported, ClientReported)
    return None if reported.granted is None else ScopeSet(reported.granted)


ROUNDS: Final = (call("one"), call("two"), call("three"))
OMITS: Final = Granting(says=False)
DECLINES_A: Final = Granting("narrower", scopes("a"))
MISSING: Final = Challenging(scope="missing")
UNNAMED: Final = Challenging(scope="unnamed")
UNAUTHORIZED: Final = Challenging("unauthorized")

# Three rounds of challenges: what is asked where the server says what it grants, and where it says nothing.
STEP_UPS: Final[dict[str, tuple[list[str], list[str]]]] = {
    "mcp-2026-07-28": (["a", "a b", "a b c"], ["a", "a b", "a b c"]),
    "mcp-2025-11-25": (["a", "b", "c"], ["a", "b", "c"]),
    "rust-sdk-before-888": (["a", "b", "c"], ["a", "b", "c"]),
    "rust-sdk-after-888": (["a", "a b", "a b c"], ["a", "a b", "a b c"]),
    "csharp-sdk-before-1238": (["a", "b", "c"], ["a", "b", "c"]),
    "csharp-sdk-after-1238": (["a", "b", "c"], ["a", "b", "c"]),
    "configured-subset": (["a", "a b", "a b c"], ["a", "a b", "a b c"]),
    "typescript-sdk-described": (["a", "b", "c"], ["a", "b", "c"]),
    "python-sdk-described": (["a", "b", "c"], ["a", "b", "c"]),
    "python-sdk-1.30": (["a", "b", "c"], ["a", "b", "c"]),
    "python-sdk-2.3": (["a", "a b", "a b c"], ["a", "a b", "a b c"]),
    "typescript-sdk-1.32": (["a", "b", "c"], ["a", "b", "c"]),
    "typescript-sdk-2.4": (["a", "a b", "a b c"], ["a", "b", "c"]),
    "rust-sdk-2.2": (["a", "a b", "a b c"], ["a", "b", "c"]),
    "rust-sdk-3.9": (["a", "a b", "a b c"], ["a", "a b", "a b c"]),
    "go-sdk-1.8": (["a", "a b", "a b c"], ["a", "a b", "a b c"]),
}


@every_policy
def test_three_rounds_of_challenges(policy: Policy) -> None:
    said, omitted = STEP_UPS[policy.name]
    assert asked(played(policy, *ROUNDS)) == said
    silent = (call(operation, grant=OMITS) for operation in ("one", "two", "three"))
    assert asked(played(policy, *silent)) == omitted


# A 401 to a token that was held, after one step-up: "a", "a b", then a challenge for c.
AGAIN: Final = {
    "mcp-2026-07-28": "a b c",
    "rust-sdk-after-888": "a b c",
    "configured-subset": "a b c",
    "go-sdk-1.8": "a b c",
}


@every_policy
def test_another_401_starts_afresh_for_some(policy: Policy) -> None:
    *_, last = asked(played(policy, call("one"), call("two"), call("three", UNAUTHORIZED)))
    assert last == AGAIN.get(policy.name, "c")


# A 403 that names no scope, after "a" was granted; the metadata lists m and n.
UNTOLD: Final = {
    "mcp-2026-07-28": "a m n",
    "rust-sdk-after-888": "a m n",
    "configured-subset": "a m n",
    "python-sdk-2.3": "a m n",
    "typescript-sdk-2.4": "a",
    "rust-sdk-2.2": "a",
    "rust-sdk-3.9": "a",
    "go-sdk-1.8": "a m n",
}


@every_policy
def test_a_step_up_that_is_not_told_what_for(policy: Policy) -> None:
    selection = policy.step_up or policy.select
    prior = {"requested": "a", "granted": "a", "resource_metadata": "m n"}
    assert chosen(selection, **prior) == UNTOLD.get(policy.name, "m n")


# The revisions of MCP


def test_2025_11_25_chooses_a_step_up_like_a_first_request() -> None:
    policy = NAMED["mcp-2025-11-25"]
    assert (policy.step_up, policy.reauthorize) == (None, None)
    assert repr(policy.select) == "first_of(challenge, resource_metadata, configured)"


def test_2026_07_28_asks_for_requested_granted_and_challenged() -> None:
    policy = NAMED["mcp-2026-07-28"]
    assert policy.step_up is not None
    assert policy.reauthorize is not None
    known = {"requested": "b c", "granted": "c d", "resource_metadata": "m"}
    assert chosen(policy.step_up, challenge="a b", **known) == "b c d a"
    assert chosen(policy.step_up, **known) == "b c d m"
    assert chosen(policy.reauthorize, challenge="a b", **known) == "b c d a"
    assert chosen(policy.reauthorize, **known) == "b c d"
    assert chosen(policy.reauthorize, resource_metadata="m", configured="k") == "m"
    assert chosen(policy.reauthorize, configured="k") == "k"


def test_2026_07_28_adds_offline_access_whenever_it_asks() -> None:
    policy = NAMED["mcp-2026-07-28"]
    for selection in (policy.select, policy.step_up, policy.reauthorize):
        assert selection is not None
        assert chosen_for_long(selection, challenge="a", server_metadata="offline_access") == "a offline_access"


def test_2026_07_28_takes_offline_access_along() -> None:
    transcript = played(
        NAMED["mcp-2026-07-28"],
        *ROUNDS[:2],
        servers=world(server_listed="offline_access"),
        wants_refresh_token=True,
    )
    assert asked(transcript) == ["a offline_access", "a offline_access b"]


# rust-sdk, pull request 888

BEFORE: Final = NAMED["rust-sdk-before-888"]
AFTER: Final = NAMED["rust-sdk-after-888"]


def test_before_888_one_source_wins() -> None:
    order = ("challenge", "resource_metadata", "server_metadata", "configured")
    known = dict(zip(order, "cmsk", strict=True))
    for name in order:
        assert chosen(BEFORE.select, **known) == known.pop(name)
    assert chosen(BEFORE.select) is None


def test_before_888_a_challenge_replaces_what_was_asked() -> None:
    assert chosen(BEFORE.select, requested="a", granted="a", challenge="b", resource_metadata="m") == "b"


def test_after_888_scopes_accumulate_over_many_rounds() -> None:
    rounds = (call(operation) for operation in ("one", "two", "three", "four"))
    assert asked(played(AFTER, *rounds)) == ["a", "a b", "a b c", "a b c d"]


def test_after_888_a_challenge_is_joined_and_replaces_nothing() -> None:
    assert chosen(AFTER.select, requested="a", granted="a", challenge="b") == "a b"


def test_after_888_a_challenge_already_requested_changes_nothing() -> None:
    assert chosen(AFTER.select, requested="a b", granted="a b", challenge="b") == "a b"
    assert chosen(AFTER.select, requested="a b", granted="a b", challenge="b a c") == "a b c"


def test_after_888_the_resource_metadata_joins_every_union() -> None:
    assert chosen(AFTER.select, challenge="b", resource_metadata="a m") == "b a m"
    assert chosen(AFTER.select, requested="a", challenge="b", resource_metadata="b m") == "a b m"
    assert asked(played(AFTER, *ROUNDS[:2], servers=world(listed="a m"))) == ["a m", "a m b"]


def test_after_888_the_authorization_server_and_the_defaults_only_seed_the_first_request() -> None:
    seeds = {"server_metadata": "s", "configured": "k"}
    assert chosen(AFTER.select, **seeds) == "s"
    assert chosen(AFTER.select, configured="k") == "k"
    for known in ("requested", "granted", "challenge", "resource_metadata"):
        assert chosen(AFTER.select, **seeds, **{known: "a"}) == "a"
    seeded = played(AFTER, call("one", UNNAMED), call("two"), servers=world(server_listed="a s"))
    assert asked(seeded) == ["a s", "a s b"]


def test_after_888_an_explicit_downgrade_is_honoured() -> None:
    narrowed = (call("two", Challenging(scope=scopes("b a")), grant=DECLINES_A), call("three", MISSING))
    assert held(AFTER, narrowed[0]) == scopes("b")
    assert asked(played(AFTER, *narrowed)) == ["b a", "b c"]
    # Even down to nothing: the union starts from the grant, which is empty and not unknown.
    assert chosen(AFTER.select, requested="a", granted="", challenge="b") == "b"


def test_after_888_an_omitted_scope_retains_and_before_it_cleared() -> None:
    rounds = (call("one", grant=OMITS), call("two", grant=OMITS))
    assert held(AFTER, *rounds) == scopes("a b")
    assert held(BEFORE, *rounds) == NO_SCOPES
    assert granted_scopes(AFTER, scopes("a b"), None, None) == scopes("a b")
    assert granted_scopes(BEFORE, scopes("a b"), None, None) == NO_SCOPES


@pytest.mark.parametrize("policy", [BEFORE, AFTER], ids=["before", "after"])
def test_at_888_an_explicit_scope_is_the_grant_before_and_after(policy: Policy) -> None:
    assert granted_scopes(policy, scopes("a b"), "a", None) == scopes("a")
    assert granted_scopes(policy, scopes("a"), "a b", None) == scopes("a b")


@given(all_sources)
def test_after_888_the_first_seen_come_first(sources: Sources) -> None:
    parts = (
        sources.requested if sources.granted is None else sources.granted,
        sources.challenge,
        sources.resource_metadata,
    )
    seen = list(dict.fromkeys(scope for part in parts for scope in part or ()))
    if seen:
        assert list(AFTER.select(sources) or ()) == seen


# csharp-sdk, pull request 1238

C_BEFORE: Final = NAMED["csharp-sdk-before-1238"]
C_AFTER: Final = NAMED["csharp-sdk-after-1238"]
SUBSET: Final = NAMED["configured-subset"]


def test_before_1238_configured_scopes_are_only_a_fallback() -> None:
    known = {"challenge": "c", "resource_metadata": "m", "configured": "k"}
    assert chosen(C_BEFORE.select, **known) == "c"
    del known["challenge"]
    assert chosen(C_BEFORE.select, **known) == "m"
    del known["resource_metadata"]
    assert chosen(C_BEFORE.select, **known) == "k"


def test_after_1238_configured_scopes_are_used_instead_of_the_advertised() -> None:
    known = {"challenge": "c", "resource_metadata": "m", "configured": "k"}
    assert chosen(C_AFTER.select, **known) == "k"
    del known["configured"]
    assert chosen(C_AFTER.select, **known) == "c"
    del known["challenge"]
    assert chosen(C_AFTER.select, **known) == "m"


def test_at_1238_a_caller_adds_offline_access() -> None:
    # The scope is not in the resource's metadata, since it is none of the resource's.
    wish = "a offline_access"
    for policy, request in ((C_BEFORE, "a m"), (C_AFTER, wish)):
        transcript = played(policy, call("one", UNNAMED), servers=world(listed="a m"), configured=wish)
        assert asked(transcript) == [request]


def test_at_1238_a_caller_supports_a_subset_of_the_metadata() -> None:
    some, every = "a b", "a b c d"
    for policy, request in ((C_BEFORE, every), (C_AFTER, some), (SUBSET, some)):
        transcript = played(policy, call("one", UNNAMED), servers=world(listed=every), configured=some)
        assert asked(transcript) == [request]


def test_a_client_that_supports_a_subset_never_asks_for_more() -> None:
    transcript = played(SUBSET, *ROUNDS, servers=world(listed="a b c d"), configured="b a")
    assert asked(transcript) == ["a", "a b"]
    assert SUBSET.step_up is not None
    assert SUBSET.reauthorize is not None
    for selection in (SUBSET.select, SUBSET.step_up, SUBSET.reauthorize):
        every = dict.fromkeys(("requested", "granted", "challenge", "resource_metadata"), "a b c")
        assert chosen(selection, configured="b", **every) == "b"


def test_a_client_that_supports_a_subset_accumulates_within_it() -> None:
    assert SUBSET.step_up is not None
    assert SUBSET.reauthorize is not None
    prior = {"requested": "a b x", "granted": "b c x", "resource_metadata": "m x", "configured": "a b c d m"}
    for selection in (SUBSET.step_up, SUBSET.reauthorize):
        assert chosen(selection, challenge="d x", **prior) == "a b c d"
        assert chosen(selection, resource_metadata="m x", configured="m") == "m"
    assert chosen(SUBSET.step_up, **prior) == "a b c m"
    assert chosen(SUBSET.reauthorize, **prior) == "a b c"


def test_after_1238_what_was_configured_answers_every_challenge() -> None:
    transcript = played(C_AFTER, *ROUNDS[:2], configured="a k")
    assert set(asked(transcript)) == {"a k"}


def test_at_1238_a_caller_may_choose_with_a_function_of_its_own() -> None:
    def without_delete(sources: Sources) -> ScopeSet | None:
        """What is challenged or was granted, without d."""
        known = (sources.granted or NO_SCOPES) | (sources.challenge or NO_SCOPES)
        return known - scopes("d")

    policy = own_function(without_delete)
    assert policy.name == "without_delete"
    assert policy.says == "What is challenged or was granted, without d."
    assert policy.source == C_AFTER.source
    assert repr(policy.select) == "chosen_by(without_delete)"
    wide = Challenging(scope=scopes("c d"))
    assert asked(played(policy, call("one"), call("three", wide))) == ["a", "a c"]


def test_a_function_without_a_sentence_gets_one() -> None:
    policy = own_function(lambda sources: sources.challenge)
    assert policy.says == "A caller's own selection function."


# The other SDKs, as that discussion describes them


def test_typescript_falls_back_to_the_client_metadata() -> None:
    policy = NAMED["typescript-sdk-described"]
    order = ("challenge", "resource_metadata", "configured")
    known = dict(zip(order, "cmk", strict=True))
    for name in order:
        assert chosen(policy.select, server_metadata="s", **known) == known.pop(name)
    assert chosen(policy.select, server_metadata="s") is None


def test_python_falls_back_to_the_authorization_server_and_overwrites_what_was_configured() -> None:
    policy = NAMED["python-sdk-described"]
    order = ("challenge", "resource_metadata", "server_metadata")
    known = dict(zip(order, "cms", strict=True))
    for name in order:
        assert chosen(policy.select, configured="k", **known) == known.pop(name)
    assert chosen(policy.select, configured="k") is None
    # And a step-up overwrites it again.
    assert asked(played(policy, *ROUNDS, configured="k")) == ["a", "b", "c"]


# The SDKs as released


def test_python_1_30_chooses_like_the_one_described() -> None:
    policy, described = NAMED["python-sdk-1.30"], NAMED["python-sdk-described"]
    assert policy.select == described.select
    assert held(policy, call("one", grant=OMITS)) is None


def test_python_2_3_adds_to_what_was_requested_or_granted() -> None:
    policy = NAMED["python-sdk-2.3"]
    assert policy.step_up is not None
    known = {"requested": "a b", "granted": "a x", "server_metadata": "s offline_access"}
    assert chosen(policy.step_up, challenge="c", **known) == "a b x c"
    assert chosen_for_long(policy.step_up, challenge="c", **known) == "a b x c offline_access"
    assert chosen(policy.step_up, **known) == "a b x s offline_access"


def test_python_2_3_forgets_after_a_401() -> None:
    transcript = played(NAMED["python-sdk-2.3"], *ROUNDS[:2], call("three", UNAUTHORIZED), call("four"))
    assert asked(transcript) == ["a", "a b", "c", "c d"]


def test_typescript_1_32_chooses_like_the_one_described() -> None:
    policy, described = NAMED["typescript-sdk-1.32"], NAMED["typescript-sdk-described"]
    assert policy.select == described.select
    assert held(policy, call("one", grant=OMITS)) is None


def test_typescript_2_4_adds_to_what_the_stored_token_says() -> None:
    policy = NAMED["typescript-sdk-2.4"]
    assert policy.step_up is not None
    assert chosen(policy.step_up, requested="p q", granted="p", challenge="c", resource_metadata="m") == "p c"
    assert chosen(policy.step_up, requested="p q", challenge="c") == "c"
    assert chosen(policy.step_up, requested="p q", resource_metadata="m", configured="k") == "m"
    assert chosen(policy.step_up, requested="p q", configured="k") == "k"


def test_rust_2_2_adds_to_what_the_token_response_said() -> None:
    policy = NAMED["rust-sdk-2.2"]
    assert policy.step_up is not None
    assert chosen(policy.step_up, requested="a b", granted="a", challenge="c", resource_metadata="m") == "a c"
    assert chosen(policy.step_up, requested="a b", challenge="c") == "c"
    assert held(policy, call("one", grant=OMITS)) == NO_SCOPES


def test_rust_3_9_joins_the_metadata_at_first_and_never_again() -> None:
    policy = NAMED["rust-sdk-3.9"]
    assert policy.step_up is not None
    assert chosen(policy.select, challenge="c", resource_metadata="p q") == "c p q"
    assert chosen(policy.step_up, requested="a", challenge="c", resource_metadata="m") == "a c"
    assert chosen(policy.step_up, requested="a b", granted="a", challenge="c") == "a c"


def test_go_1_8_asks_for_offline_access_alone() -> None:
    policy = NAMED["go-sdk-1.8"]
    assert chosen_for_long(policy.select, server_metadata="offline_access") == "offline_access"
    assert policy.reauthorize == policy.step_up
    assert policy.step_up is not None
    assert chosen(policy.step_up, requested="a b", granted="a", resource_metadata="m") == "a m"
    assert chosen(policy.step_up, requested="a", challenge="c", resource_metadata="m") == "a c"


# As they are read

SEEDS: Final = first_of(server_metadata, configured)


@pytest.mark.parametrize(
    ("selection", "text"),
    [
        (
            AFTER.select,
            f"accumulate(current, challenge, resource_metadata).or_else({SEEDS!r})",
        ),
        (BEFORE.select, "first_of(challenge, resource_metadata, server_metadata, configured)"),
        (C_BEFORE.select, "first_of(challenge, resource_metadata, configured)"),
        (C_AFTER.select, "first_of(configured, challenge, resource_metadata)"),
        (SUBSET.select, "within(configured, first_of(challenge, resource_metadata))"),
        (
            NAMED["mcp-2026-07-28"].select,
            "with_offline_access(first_of(challenge, resource_metadata, configured))",
        ),
        (
            NAMED["mcp-2026-07-28"].step_up,
            "with_offline_access(accumulate(requested, granted, first_of(challenge, resource_metadata)))",
        ),
        (
            NAMED["go-sdk-1.8"].step_up,
            "accumulate(current, with_offline_access(first_of(challenge, resource_metadata), alone=True))",
        ),
        (
            NAMED["rust-sdk-3.9"].step_up,
            "with_offline_access(accumulate(current, challenge), unasked=True)",
        ),
    ],
)
def test_a_policy_reads_like_its_sentence(selection: Selection | None, text: str) -> None:
    assert repr(selection) == text


def test_every_pair_of_documents_differs_somewhere_or_is_the_same_choice() -> None:
    # The three that are described alike: what a challenge, the metadata and the caller say, in that order.
    alike = {"mcp-2025-11-25", "csharp-sdk-before-1238", "typescript-sdk-described"}
    chosen_alike = {
        frozenset((left.name, right.name))
        for left, right in product(NAMED.values(), repeat=2)
        if left.name != right.name
        and (left.select, left.step_up, left.reauthorize, left.on_omitted_scope)
        == (right.select, right.step_up, right.reauthorize, right.on_omitted_scope)
    }
    assert chosen_alike == {frozenset(pair) for pair in product(alike, repeat=2) if len(set(pair)) == 2}

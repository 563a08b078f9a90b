"""What bounds a request for scopes: each function is one bound, and says what a request breaks of it.

    everything that the challenge asks for     <=   what is requested                        (CHAL-1)
    what was requested and granted before      <=   what is requested                        (ACC-1, ACC-2)
    what is requested   <=   before | challenge or metadata | configured | offline_access    (SEL-6)

Inclusion is always asked of the smaller set, and what is missing or surplus is named but never listed in full,
so that a request costs its own size whatever came before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from scope_spec import Verdict

from .events import CLIENT_CREDENTIALS, OFFLINE_ACCESS, TOKEN_EXCHANGE, WireScope
from .findings import Findings, Unless
from .ledger import Asking, Chain, Understood
from .misreadings import MISREADINGS, OF_NAMES, Misreading
from .scopes import NO_SCOPES, MalformedScope, Scope, ScopeSet, parse_scope, scopes

FEW: Final = 3
"""How many authorization requests one operation may cause: the bound of the official suite (RETRY-1)."""

ENDLESS: Final = 8
"""How many in a row show that there is no bound at all (RETRY-2)."""

_OFFLINE: Final = scopes(OFFLINE_ACCESS)
_SHOWN: Final = 4


def missing(required: ScopeSet, wanted: ScopeSet) -> Iterator[Scope]:
    """What `wanted` lacks of `required`, without offline_access, which has clauses of its own."""
    return (scope for scope in required if scope not in wanted and scope != OFFLINE_ACCESS)


def listing(names: Iterator[Scope]) -> str:
    """The first few of some scopes, for a sentence."""
    shown = list(islice(names, _SHOWN + 1))
    return " ".join(shown[:_SHOWN]) + (" ..." if len(shown) > _SHOWN else "")


def _mode(asking: Asking) -> str | None:
    """What the configured scopes mean, None where the transcript leaves that open (A11)."""
    return asking.header.configured_mode if asking.configured is not None else "none"


def _is_what_was_configured(asking: Asking) -> bool:
    configured = asking.configured
    return configured is not None and asking.wanted - _OFFLINE <= configured


# --- the form ---


def well_formed(findings: Findings, scope: WireScope) -> None:
    """At most one `scope` parameter, with a value by the grammar, without repeats (SEL-4, ORDER-3)."""
    if not findings.reach("SEL-4") or scope is None:
        return
    if not isinstance(scope, str):
        findings.broke("SEL-4", f"the scope parameter was sent {len(scope)} times")
        return
    if scope == "":
        literal = findings.readings["A6"] == "literal"
        findings.broke(
            "SEL-4",
            "the scope parameter was sent without a value, which means the same as leaving it out",
            disputed="A6",
            verdict=None if literal else "unspecified",
        )
        return
    parsed = parse_scope(scope)
    if isinstance(parsed, MalformedScope):
        findings.broke("SEL-4", f"the scope parameter is {scope[:80]!r}, but {parsed.reason}")
    elif findings.reach("ORDER-3") and len(parsed) != scope.count(" ") + 1:
        findings.broke("ORDER-3", "a scope is named twice in one request", unless=Unless("A15", "any"))


def in_first_seen_order(findings: Findings, asking: Asking) -> None:
    """Scopes stand in the order in which they were first seen (ORDER-3)."""
    account, wanted = asking.account, asking.wanted
    if len(wanted) < 2:
        return
    known = NO_SCOPES
    # What a challenge names that cannot be relied on may have been seen first, or not at all.
    unclear = asking.challenged is None and asking.challenge is not None and len(asking.challenge.tolerated) > 0
    news = None if unclear else asking.challenged or asking.listed
    for source in (account.requested, account.granted, news):
        if source is not None and len(source) <= len(wanted):
            known |= source
    asked = wanted - _OFFLINE
    expected = known & asked
    if len(expected) < 2 or not findings.reach("ORDER-3"):
        return
    if expected != asked & known:
        findings.broke(
            "ORDER-3",
            f"the order in which the scopes were first seen is {listing(iter(expected))}",
            unless=Unless("A15", "any"),
        )


# --- the lower bounds ---


def what_the_challenge_asks(findings: Findings, asking: Asking) -> None:
    """The challenge's scopes are authoritative (CHAL-1), however it is spelled (PARSE-1 to PARSE-9)."""
    challenge, challenged = asking.challenge, asking.challenged
    if challenge is not None and challenge.repeats:
        _never_merged(findings, asking, challenge.repeats)
    if challenge is None or challenged is None or not findings.reach("CHAL-1"):
        return
    if asking.grant_type == CLIENT_CREDENTIALS:
        findings.reach("GRANT-7")
        if challenge.insufficient:
            findings.reach("STEP-3")
    _reach_spelling(findings, challenge)
    if OFFLINE_ACCESS in challenged:
        findings.reach("OFFLINE-3")
    if asking.account.requested is not None:
        findings.reach("ACC-6")
    if asking.listed is not None and not challenged <= asking.listed:
        findings.reach("SEL-5")
    if not asking.initial:
        findings.reach("REG-2")
    if challenged <= asking.wanted:
        return
    lost = listing(scope for scope in challenged if scope not in asking.wanted)
    mode = _mode(asking)
    because = f"the challenge asks for {lost}, which the request leaves out"
    if challenge.disputed is not None:
        findings.broke("CHAL-1", because, disputed=challenge.disputed, verdict="unspecified")
    elif mode == "ceiling" and asking.configured is not None and not challenged <= asking.configured:
        findings.broke(
            "CHAL-1",
            f"{because}: the caller does not support it, so that no request can help",
            unless=Unless("A11", "ceiling"),
            verdict="unspecified",
        )
    elif mode in ("override", None) and _is_what_was_configured(asking):
        findings.broke(
            "CHAL-1",
            f"{because} in favour of what the caller configured",
            unless=Unless("A11", "override"),
            verdict="unspecified",
        )
    else:
        misread = diagnose(asking)
        if misread is not None:
            findings.broke(misread.clause, f"{because}, as if by a client that {misread.says}")
        else:
            clause = _how_lost(asking, challenged)
            findings.broke(clause, because, unless=Unless("A14", "hierarchical") if clause == "ACC-6" else None)


def _never_merged(findings: Findings, asking: Asking, repeats: ScopeSet) -> None:
    """Of a parameter that is repeated within a challenge the first may be read, or none (PARSE-2)."""
    known = asking.account.invented
    merged = [
        scope for scope in repeats if scope in asking.wanted and scope not in known and not _explained(asking, scope)
    ]
    if findings.reach("PARSE-2") and merged:
        findings.broke(
            "PARSE-2",
            f"the challenge repeats its scope parameter, and {listing(iter(merged))} stands in a later one",
            unless=Unless("A25", "merged"),
        )


def _reach_spelling(findings: Findings, challenge: Understood) -> None:
    for clause in {wrong.clause for wrong, seen in challenge.misread if seen.scope != challenge.text}:
        findings.reach(clause)


def _how_lost(asking: Asking, challenged: ScopeSet) -> str:
    """The clause that says best how a challenged scope came to be left out."""
    wanted, listed, registered, challenge = asking.wanted, asking.listed, asking.registered, asking.challenge
    lost = [scope for scope in challenged if scope not in wanted]
    kept = len(lost) < len(challenged)
    if challenge is None or challenge.can_be_misread or not challenge.plain:
        return "CHAL-1"
    if asking.grant_type == CLIENT_CREDENTIALS and asking.scope is None:
        return "GRANT-7"
    if asking.grant_type == CLIENT_CREDENTIALS:
        return "STEP-3" if challenge.insufficient else "CHAL-1"
    if lost == [OFFLINE_ACCESS] and (kept or not asking.initial):
        return "OFFLINE-3"
    before = asking.account.requested
    if before is not None and before <= wanted and all(_implied(scope, before) for scope in lost):
        return "ACC-6"
    # A client that goes by the metadata alone would have asked for what only the metadata lists.
    if kept and listed is not None and not listed <= challenged and not any(scope in listed for scope in lost):
        return "SEL-5"
    if (
        registered is not None
        and not asking.initial
        and wanted
        and wanted <= registered
        and not any(scope in registered for scope in lost)
    ):
        return "REG-2"
    return "CHAL-1"


def _implied(scope: Scope, wanted: ScopeSet) -> bool:
    """Whether the shape of its name suggests that something wanted implies `scope`, as `a` does `a:read`."""
    return any(scope[:at] in wanted for at, letter in enumerate(scope) if letter in ":./")


def diagnose(asking: Asking, *, telltale: bool = False) -> Misreading | None:
    """The misreading of the challenge that explains the request, where there is evidence of one.

    Evidence is something that only the misreading names (always asked for where `telltale`), or else a client
    that is known to read plain challenges in this situation and did not heed this one.
    """
    challenge, wanted = asking.challenge, asking.wanted
    if challenge is None or challenge.malformed:
        return None
    sent = set(asking.raw)
    known = wanted & (asking.challenged or NO_SCOPES)
    # A first 401 carries no error code: who heeds one needs none.
    needs_no_error = asking.initial or (asking.situation[0], "initial") in asking.reads_plain
    possible: dict[str, Misreading] = {}
    for wrong, misread in challenge.misread:
        if misread.scope == challenge.text or (wrong.clause == "CHAL-6" and needs_no_error):
            continue
        raw = misread.scope.split(" ") if misread.scope else []
        only_misread = [name for name in raw if not _explained(asking, name)]
        if only_misread and sent.issuperset(only_misread):
            return wrong
        if wrong.clause in OF_NAMES and not challenge.plain:
            continue  # a client that could not read the challenge never came to its names
        names = misread.scopes or NO_SCOPES
        heeds = all(scope in names or _explained(asking, scope, without_challenge=True) for scope in known)
        if wrong is not MISREADINGS[-1] and names <= wanted and heeds:
            possible.setdefault(wrong.clause, wrong)
    configured = asking.configured if _mode(asking) != "none" else None
    preferred = asking.scope is not None and configured is not None and asking.wanted <= configured
    if telltale or preferred or asking.situation not in asking.reads_plain or len(possible) != 1:
        return None
    return next(iter(possible.values()))


def _explained(asking: Asking, scope: str, *, without_challenge: bool = False) -> bool:
    sources = (asking.listed, asking.server_listed, asking.configured)
    if not without_challenge and asking.challenged is not None and scope in asking.challenged:
        return True
    if scope in asking.account.invented:
        return False
    return scope in asking.account.ever or any(known is not None and scope in known for known in sources)


def what_was_asked_and_granted_before(findings: Findings, asking: Asking) -> None:
    """Whoever authorizes again asks for what was requested and granted before (ACC-1, ACC-2, ACC-4, ACC-8)."""
    account, wanted, challenge = asking.account, asking.wanted, asking.challenge
    requested, granted = account.requested, account.granted
    if requested is None:
        return
    clause = "ACC-8" if account.restarted or account.refresh_failed else "ACC-1"
    reached = findings.reach(clause)
    if granted is not None:
        reached = findings.reach("ACC-2") or reached
    if not reached:
        return
    if account.narrowed is not None:
        findings.reach("RETAIN-2")
    if account.widened:
        findings.reach("ACC-4")
    if findings.readings["A1"] == "granted" and granted is not None:
        requested = requested & granted
    base = (granted or NO_SCOPES) if account.restarted else requested
    if base <= wanted and (granted is None or granted <= wanted):
        return
    mode = _mode(asking)
    if mode == "ceiling" or (mode in ("override", None) and _is_what_was_configured(asking)):
        return
    lost_requested = [] if account.restarted else list(islice(missing(requested, wanted), _SHOWN + 1))
    sourced = (scope for scope in missing(granted or NO_SCOPES, wanted) if scope not in account.invented)
    lost_granted = list(islice(sourced, _SHOWN + 1))
    lost = lost_granted or lost_requested
    if not lost:
        if OFFLINE_ACCESS in requested and not account.restarted:
            findings.broke(
                "ACC-1",
                "offline_access was requested before, and the new request leaves it out",
                unless=Unless("A12", "once"),
                verdict="unspecified",
            )
        return
    named = listing(iter(lost))
    again = challenge is not None and challenge.status == 401
    weaker = Unless("A8", "afresh") if again else None
    only: Verdict | None = "unspecified" if again else None
    narrowed = account.narrowed
    if narrowed is not None and lost_granted and all(scope not in narrowed for scope in lost):
        findings.broke(
            "RETAIN-2",
            f"{named} is missing: a refresh narrowed the token, but not the grant",
            unless=Unless("A3", "token"),
        )
    elif clause == "ACC-8":
        why = "a refresh failed" if account.refresh_failed else "the client restarted"
        findings.broke("ACC-8", f"{named} was granted before {why}, and is missing", unless=weaker, verdict=only)
    elif granted is not None and not lost_granted:
        findings.broke(
            "ACC-1",
            f"{named} was requested before, though not granted, and is missing",
            unless=Unless("A2", "drop"),
            verdict="unspecified",
        )
    elif again or not lost_requested:
        findings.broke(
            "ACC-2" if granted is not None else "ACC-1",
            f"{named} was granted before, and is missing",
            unless=weaker or Unless("A1", "requested"),
            verdict=only,
        )
    else:
        later = not any(scope in account.first for scope in lost_requested)
        findings.broke(
            "ACC-4" if later else "ACC-1",
            f"{named} was asked for before, and is missing",
        )


def what_the_metadata_lists(findings: Findings, asking: Asking) -> None:
    """At first, and without a challenge that names scopes: all that the resource metadata lists (SEL-2)."""
    listed, wanted = asking.listed, asking.wanted
    if not asking.initial or listed is None or asking.challenged is not None:
        return
    if asking.challenge is not None and asking.challenge.tolerated:
        return
    if diagnose(asking, telltale=True) is not None:
        return
    if not findings.reach("SEL-2") or listed <= wanted:
        return
    because = f"the resource metadata lists {listing(missing(listed, wanted))}, which the request leaves out"
    mode = _mode(asking)
    if mode in ("override", "ceiling"):
        return
    if asking.challenge is not None and asking.challenge.disputed == "A6":
        findings.broke("SEL-2", because, unless=Unless("A6", "literal"), verdict="unspecified")
    elif _is_what_was_configured(asking) and asking.scope is not None:
        findings.broke(
            "SEL-2",
            f"{because} in favour of what the caller configured",
            unless=Unless("A22", "subset"),
            verdict="unspecified",
        )
    elif OFFLINE_ACCESS in listed and listed - _OFFLINE <= wanted:
        findings.broke("OFFLINE-3", "the resource metadata lists offline_access, an ordinary scope there")
    else:
        findings.broke("SEL-2", because, unless=Unless("A22", "subset"))


# --- the upper bounds ---


def nothing_without_a_source(findings: Findings, asking: Asking, *, selects: bool) -> ScopeSet:
    """Nothing is asked for that no source names (SEL-1, SEL-3, SEL-6, SEL-7, META-1, META-3, ACC-3, ACC-7).

    Before 2025-11-25 (not `selects`) any source will do: no document says which to prefer. Answers with what has
    a source.
    """
    initial, challenged, listed = asking.initial, asking.challenged, asking.listed
    known = challenged is not None
    unclear = asking.challenge is not None and (asking.challenge.malformed or bool(asking.challenge.tolerated))
    silent = selects and initial and not known and not unclear and listed is None and not asking.malformed
    findings.reach("EXT-1" if asking.grant_type == TOKEN_EXCHANGE else "SEL-6")
    if initial and challenged is not None:
        findings.reach("SEL-1")
    elif not initial and challenged is not None:
        findings.reach("ACC-3")
    if asking.resource.publishes_empty and not known and not unclear:
        findings.reach("META-1")
    elif silent and asking.configured is None:
        findings.reach("SEL-3")
    if asking.server_listed is not None:
        findings.reach("SEL-7")
        if OFFLINE_ACCESS in asking.server_listed or OFFLINE_ACCESS in asking.wanted:
            findings.reach("OFFLINE-1")
    if asking.foreign:
        findings.reach("META-3")
    if len(asking.owners) > len(asking.account.ever):
        findings.reach("ACC-7")

    # Where the challenge was not heeded, or may not have been, what was asked for in its place is no fault of its own.
    heeded = challenged is None or (
        challenged <= asking.wanted
        and asking.challenge is not None
        and asking.challenge.plain
        and not asking.challenge.can_be_misread
    )
    surplus: dict[str, list[Scope]] = {}
    for scope in asking.wanted:
        where = _where_from(asking, scope, known=known)
        if where is not None and ((selects and heeded) or where not in ("listed", "configured", "server")):
            surplus.setdefault(where, []).append(scope)
    if selects and OFFLINE_ACCESS in asking.wanted:
        _offline_access(findings, asking, silent=silent)
    for where, names in surplus.items():
        _surplus(findings, asking, where, listing(iter(names)), silent=silent)
    invented = {scope for where in ("foreign", "misheard", "elsewhere", "nowhere") for scope in surplus.get(where, ())}
    return ScopeSet(scope for scope in asking.wanted if scope not in invented) if invented else asking.wanted


def _where_from(asking: Asking, scope: Scope, *, known: bool) -> str | None:
    """Where a scope came from that should not have been asked for, None where it was right to ask for it."""
    account, challenge = asking.account, asking.challenge
    requested, granted, listed = account.requested, account.granted, asking.listed
    if (
        scope == OFFLINE_ACCESS
        or scope in account.ever
        or scope in account.invented
        or scope in account.heard
        or (granted is not None and scope in granted)
    ):
        return None
    if requested is not None and scope in requested:
        return None
    if challenge is not None and (
        scope in challenge.tolerated or (challenge.scope is not None and scope in challenge.scope)
    ):
        return None
    if asking.configured is not None and scope in asking.configured:
        unlisted = listed is None or scope not in listed
        return "configured" if known or (listed is not None and unlisted) else None
    if listed is not None and scope in listed:
        return "listed" if known else None
    owner = asking.owners.get(scope)
    if scope in account.misheard:
        return "misheard"
    foreign = owner is not None and owner is not account
    if asking.server_listed is not None and scope in asking.server_listed:
        # Where it may be a list or a memory, nobody can tell which clause is broken.
        return None if foreign else "server"
    if scope in asking.foreign:
        return "foreign"
    return "elsewhere" if foreign else "nowhere"


def _surplus(findings: Findings, asking: Asking, where: str, named: str, *, silent: bool) -> None:
    match where:
        case "listed" if asking.initial:
            findings.broke(
                "SEL-1",
                f"the challenge names its scopes, and the request adds {named} from the resource metadata",
                unless=Unless("A9", "joined"),
            )
        case "listed":
            findings.broke(
                "ACC-3",
                f"the request joins {named} from the resource metadata to the challenge",
                unless=Unless("A9", "joined"),
            )
        case "configured":
            if asking.initial and _mode(asking) != "override":
                findings.broke(
                    "SEL-1" if asking.challenged is not None else "SEL-2",
                    f"the request adds {named}, which the caller configured",
                    unless=Unless("A11", "override"),
                    verdict="unspecified",
                )
        case "server":
            findings.broke(
                "SEL-7",
                f"only the authorization server's list names {named}",
                unless=Unless("A10", "fallback"),
            )
        case "foreign":
            findings.broke("META-3", f"{named} comes from metadata that speaks of another resource or issuer")
        case "misheard":
            wrong = next(asking.account.misheard[scope] for scope in asking.wanted if scope in asking.account.misheard)
            because = f"{named} is what a client saw in an earlier challenge that {wrong.says}"
            findings.broke(wrong.clause, because, verdict="discouraged")
        case "elsewhere" if diagnose(asking, telltale=True) is None:
            findings.broke("ACC-7", f"{named} belongs to another authorization server or resource")
        case _:
            misread = diagnose(asking, telltale=True)
            if misread is not None:
                if asking.challenged is None or asking.challenged <= asking.wanted:
                    findings.broke(
                        misread.clause,
                        f"{named} is what a client sees that {misread.says}",
                        verdict="discouraged",
                    )
                return
            disputed = asking.challenge is not None and asking.challenge.disputed is not None
            clause = "EXT-1" if asking.grant_type == TOKEN_EXCHANGE else "SEL-6"
            if clause == "SEL-6" and asking.challenged is None and asking.resource.publishes_empty:
                clause = "META-1"
            elif clause == "SEL-6" and silent and asking.configured is None and not disputed:
                clause = "SEL-3"
            findings.broke(clause, f"no source names {named}")


def _offline_access(findings: Findings, asking: Asking, *, silent: bool) -> None:
    """offline_access: only where it is wanted and listed, and never in place of everything else (OFFLINE-1, A12)."""
    account, challenge, listed = asking.account, asking.challenge, asking.listed
    named = (
        (challenge is not None and OFFLINE_ACCESS in challenge.tolerated)
        or (asking.challenged is not None and OFFLINE_ACCESS in asking.challenged)
        or (listed is not None and OFFLINE_ACCESS in listed)
        or (asking.configured is not None and OFFLINE_ACCESS in asking.configured)
        or OFFLINE_ACCESS in account.ever
        or OFFLINE_ACCESS in account.heard
        or (account.granted is not None and OFFLINE_ACCESS in account.granted)
    )
    if named:
        return
    server_lists = asking.server_listed is not None and OFFLINE_ACCESS in asking.server_listed
    if not server_lists:
        findings.broke("OFFLINE-1", "offline_access is requested, which the authorization server does not list")
    elif asking.header.wants_refresh_token is False:
        findings.broke("OFFLINE-1", "offline_access is requested by a client that wants no refresh token")
    elif silent and len(asking.wanted) == 1 and asking.configured is None:
        findings.broke(
            "SEL-3",
            "offline_access alone takes the place of the authorization server's default",
            unless=Unless("A12", "alone"),
            verdict="unspecified",
        )


# --- the number of requests ---


def few_attempts(findings: Findings, asking: Asking, challenge: Understood, chain: Chain) -> None:
    """An operation causes few authorization requests, and none that cannot help (RETRY-1 to RETRY-4, OFFLINE-6)."""
    account = asking.account
    named = challenge.scope or NO_SCOPES
    again = chain.in_a_row > 0
    if again and chain.named.issuperset(named):
        chain.grew = False
    findings.reach("RETRY-1")
    held = account.in_hand if findings.readings["A18"] == "token" else account.requested
    if challenge.insufficient and held is not None and not challenge.tolerated and asking.wanted - _OFFLINE <= held:
        findings.broke(
            "RETRY-3",
            "the challenge names no scope, and the request nothing that the token lacks",
            unless=Unless("A7", "prior-only"),
            verdict="unspecified",
        )
    if (
        again
        and challenge.scope is not None
        and challenge.insufficient
        and held is not None
        and (named - _OFFLINE <= held)
    ):
        fresh = asking.wanted - chain.asked
        if len(fresh) == 0:
            if not named <= _OFFLINE:  # that one no token shows
                because = "the token carries what the challenge asks for, and the same is requested again"
                findings.broke("RETRY-3", because)
        elif fresh <= _OFFLINE:
            findings.broke("OFFLINE-6", "nothing is new in the request but offline_access, which is no progress")
    chain.in_a_row += 1
    chain.since_served += 1
    chain.named.update(named)
    chain.asked = asking.wanted
    if chain.in_a_row == FEW + 1:
        clause = "RETRY-4" if chain.grew else "RETRY-1"
        findings.broke(clause, f"this is authorization request number {chain.in_a_row} for one call of one operation")
    elif chain.in_a_row == ENDLESS:
        findings.broke("RETRY-2", f"{ENDLESS} authorization requests for one call, and no end in sight")
    elif chain.since_served == FEW + 1:
        findings.broke(
            "RETRY-1",
            f"this is authorization request number {FEW + 1} for an operation that was never served since",
            unless=Unless("A17", "per-send"),
            verdict="unspecified",
        )
    if chain.in_a_row == FEW:
        findings.reach("RETRY-2")

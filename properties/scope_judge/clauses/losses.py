"""What a later request leaves out of what was requested and granted before: the first row that fits says it best."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from scope_judge.findings import HOLDS, Answer, Broken
from scope_judge.occasions import Asked, listing
from scope_model.events import CLIENT_CREDENTIALS, OFFLINE_ACCESS
from scope_model.scopes import NO_SCOPES, Scope


@dataclass(frozen=True, slots=True)
class Loss:
    """One way to lose scopes: the clause and the cause, when it fits, which scopes are named, and the sentence."""

    clause: str
    cause: str
    fits: Callable[[Asked], bool]
    names: Callable[[Asked], list[Scope]]
    says: str


def _granted(asked: Asked) -> list[Scope]:
    return asked.lost_granted


def _requested(asked: Asked) -> list[Scope]:
    return asked.lost_requested


def _goes_by_the_token(asked: Asked) -> bool:
    """After a narrower refresh the request loses only what the token does not carry (A3)."""
    narrowed = asked.account.narrowed
    if narrowed is None or not asked.lost_granted or not narrowed <= asked.wanted:
        return False
    return all(scope not in narrowed for scope in asked.lost_granted)


def _remembers_the_token(asked: Asked) -> bool:
    """And it keeps something that the token carries and no challenge names."""
    narrowed = asked.account.narrowed or NO_SCOPES
    return _goes_by_the_token(asked) and not narrowed <= (asked.challenged or NO_SCOPES)


def _forgets_a_round(asked: Asked) -> bool:
    """Of at least two rounds the first is kept, and what a later one asked for is lost."""
    account = asked.account
    kept = account.rounds > 1 and len(account.first) > 0 and account.first <= asked.wanted
    return kept and not any(scope in account.first for scope in asked.lost_requested)


def _began_afresh(asked: Asked) -> bool:
    """At a 401, or since one for which scopes were asked in vain (A8)."""
    return asked.answers_401 or len(asked.account.aborted or NO_SCOPES) > 0


def _names_nothing(asked: Asked) -> bool:
    return asked.grant_type == CLIENT_CREDENTIALS and asked.request.scope is None and asked.challenged is None


def _drops_offline_access(asked: Asked) -> bool:
    requested = asked.account.requested
    dropped = requested is not None and OFFLINE_ACCESS in requested.at_least and OFFLINE_ACCESS not in asked.wanted
    return dropped and asked.mode != "ceiling" and not asked.account.restarted and not asked.repeats_the_last


_LOSSES: Final = (
    Loss(
        "RETAIN-2",
        "narrowed",
        _remembers_the_token,
        _granted,
        "{} is missing: a refresh narrowed the token, but not the grant",
    ),
    Loss(
        "ACC-2",
        "narrowed",
        _goes_by_the_token,
        _granted,
        "{} was granted before, and is missing",
    ),
    Loss(
        "ACC-8",
        "unauthorized",
        lambda asked: bool(asked.account.forgot and asked.lost_granted and asked.answers_401),
        _granted,
        "{} was granted before {forgot}, and is missing",
    ),
    Loss(
        "ACC-8",
        "forgotten",
        lambda asked: bool(asked.account.forgot and asked.lost_granted),
        _granted,
        "{} was granted before {forgot}, and is missing",
    ),
    Loss(
        "ACC-1",
        "declined-unauthorized",
        lambda asked: bool(asked.lost_requested) and not asked.lost_granted and _began_afresh(asked),
        _requested,
        "{} was requested before, though not granted, and is missing",
    ),
    Loss(
        "ACC-1",
        "declined",
        lambda asked: bool(asked.lost_requested) and not asked.lost_granted,
        _requested,
        "{} was requested before, though not granted, and is missing",
    ),
    Loss(
        "ACC-2",
        "unauthorized",
        lambda asked: bool(asked.lost_granted) and asked.answers_401,
        _granted,
        "{} was granted before, and is missing",
    ),
    Loss(
        "GRANT-7",
        "parameter-left-out",
        lambda asked: bool(asked.lost_granted) and _names_nothing(asked),
        _granted,
        "{} was granted before, and the token request names no scope at all",
    ),
    Loss(
        "ACC-2",
        "granted-beyond",
        lambda asked: bool(asked.lost_granted) and not asked.lost_requested,
        _granted,
        "{} was granted before, and is missing",
    ),
    Loss(
        "ACC-4",
        "round-forgotten",
        lambda asked: bool(asked.lost_requested) and _forgets_a_round(asked),
        _requested,
        "{} was asked for before, and is missing",
    ),
    Loss(
        "ACC-1",
        "dropped",
        lambda asked: bool(asked.lost_requested),
        _requested,
        "{} was asked for before, and is missing",
    ),
    Loss(
        "ACC-1",
        "offline-access",
        _drops_offline_access,
        lambda _: [],
        "offline_access was requested before, and the new request leaves it out",
    ),
    Loss(
        "ACC-1",
        "aborted",
        lambda asked: bool(asked.lost_aborted),
        lambda asked: asked.lost_aborted,
        "{} was asked for before, in vain, and is missing",
    ),
)


def _keeps_all(asked: Asked) -> bool:
    requested, granted = asked.account.requested, asked.account.granted
    if requested is None or granted.one_of or len(asked.account.aborted) > 0:
        return False
    return requested.at_least <= asked.wanted and granted.at_least <= asked.wanted


@lru_cache(maxsize=1)  # several clauses look at one request after the other
def _loss(asked: Asked) -> Loss | None:
    return None if _keeps_all(asked) else next((loss for loss in _LOSSES if loss.fits(asked)), None)


def lost(asked: Asked, clause: str) -> Answer:
    """Whether this clause says best what the request leaves out."""
    if asked.is_excused:
        return HOLDS
    loss = _loss(asked)
    if loss is None or loss.clause != clause:
        return HOLDS
    return Broken(loss.cause, loss.says.format(listing(loss.names(asked)), forgot=asked.account.forgot))

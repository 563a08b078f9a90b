"""Whose requests they are: which clients called the MCP servers of a recording, and what of it each of them did.

A browser's recording holds logins at other providers, single sign-on and other applications beside the client. Of
requests to authorization servers those count that went to one which resource metadata names, or that are tied to a call
otherwise: the client was registered there, names the called resource, or its token was carried there; without metadata
also those that followed a challenge. Clients are told apart by their client id.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Final

from scope_oracle.transcripts import UnusableTranscript

from .exchanges import Exchange, one, origin, parameters, struck_out
from .messages import bearer, challenges, hides_challenge, introduction, operation
from .resources import Resources, called
from .survey import Request, Survey, challenge_of

MOST: Final = 256
"""How many clients of one recording are told apart: each is told all documents, and work is to stay linear."""


@dataclass(slots=True, eq=False)
class Client:
    """A client, by what it sent: `doubtful` where some of it may be another's."""

    requests: list[Request] = field(default_factory=list)
    calls: list[Exchange] = field(default_factory=list)
    doubtful: bool = False


@dataclass(slots=True, eq=False)
class _Party:
    """Whoever uses one client id: an MCP client, or anybody else."""

    client: str
    requests: list[Request] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    tied: bool = False
    close: bool = False
    contradicted: bool = False

    @property
    def at_servers(self) -> bool:
        """Whether it turned to an authorization server of an MCP server."""
        return any(request.standing == "theirs" for request in self.requests)


def clients(survey: Survey, resources: Resources) -> tuple[list[Client], bool]:
    """The clients of a recording, and whether there were requests of which nobody can tell whose they are."""
    parties = _parties(survey)
    ties = _Ties(survey, resources, parties)
    ours, unclear = ties.ours()
    joined = _joined_by_sessions(ours, survey.calls)
    if len(joined) < 2:
        alone = Client(_in_time(ours), survey.calls, doubtful=unclear)
        return [alone], unclear
    if len(joined) > MOST:
        raise UnusableTranscript(f"{len(joined)} clients were recorded, and no more than {MOST} are told apart")
    return _told_apart(joined, survey.calls), unclear


def _in_time(parties: Iterable[_Party]) -> list[Request]:
    requests = [request for party in parties for request in party.requests]
    return sorted(requests, key=lambda request: (request.exchange.begun, request.exchange.number))


# --- parties --------------------------------------------------------------------------------------


def _parties(survey: Survey) -> list[_Party]:
    """Requests by client id; where one names none, by the code, the verifier or the refresh token that it presents."""
    named = _Presented(survey)
    found: dict[str, _Party] = {}
    for request in survey.requests:
        client = "" if struck_out(request.client) else request.client
        client = client or named.client_of(request)
        party = found.setdefault(client, _Party(client))
        party.requests.append(request)
        named.learn(request, client)
        token = request.exchange.answer.get("access_token")
        if request.kind == "token" and isinstance(token, str) and not struck_out(token):
            party.tokens.add(token)
    nameless = found.pop("", None)
    parties = _with_unused_registrations(list(found.values()))
    if nameless is None:
        return parties
    return [_merged(parties[0], nameless)] if len(parties) == 1 else [*parties, nameless]


def _with_unused_registrations(parties: list[_Party]) -> list[_Party]:
    """Registrations whose client id nobody used are those of the one client there is, or of nobody that is known."""
    used: list[_Party] = []
    unused: list[_Party] = []
    for party in parties:
        acts = any(request.kind != "registration" for request in party.requests)
        (used if acts else unused).append(party)
    if len(used) < 2 and unused:
        return [reduce(_merged, (*used, *unused))]
    return used


def _merged(party: _Party, other: _Party) -> _Party:
    return _Party(party.client, _in_time((party, other)), party.tokens | other.tokens)


class _Presented:
    """What one request hands out and a later one presents."""

    def __init__(self, survey: Survey) -> None:
        self._known: dict[str, str] = {}
        self._by_state: dict[str, str] = {}
        for request in survey.requests:
            state = request.parameter("state")
            if request.kind == "authorization" and request.client and state is not None:
                self._by_state[state] = request.client
        for exchange in (*(request.exchange for request in survey.requests), *survey.returns):
            for place in (exchange.received_one("location"), exchange.redirect, f"?{exchange.query}"):
                if "code=" in place:
                    self._learn_code(place)

    def _learn_code(self, place: str) -> None:
        given = parameters(place.partition("?")[2].partition("#")[0])
        code, client = one(given, "code"), self._by_state.get(one(given, "state") or "")
        if code is not None and client is not None:
            self._known[f"code {code}"] = client

    def learn(self, request: Request, client: str) -> None:
        """Remember what a client was given, or will present."""
        if not client:
            return
        challenge, refresh = request.parameter("code_challenge"), request.exchange.answer.get("refresh_token")
        if challenge is not None:
            self._known[f"challenge {challenge}"] = client
        if isinstance(refresh, str) and not struck_out(refresh):
            self._known[f"refresh {refresh}"] = client

    def client_of(self, request: Request) -> str:
        """The client that a request shows itself to be from, empty where it shows nothing."""
        code, verifier, refresh = (request.parameter(name) for name in ("code", "code_verifier", "refresh_token"))
        keys = [f"code {code}", f"refresh {refresh}"]
        if verifier is not None:
            keys.append(f"challenge {challenge_of(verifier)}")
        return next((self._known[key] for key in keys if key in self._known), "")


# --- ties -----------------------------------------------------------------------------------------


class _Ties:
    """What ties a party to the calls of a recording."""

    def __init__(self, survey: Survey, resources: Resources, parties: list[_Party]) -> None:
        self._survey = survey
        self._parties = parties
        self._has_calls = bool(survey.calls)
        carried = {token for call in survey.calls if (token := bearer(call)) is not None and not struck_out(token)}
        refusals = sorted(call.begun for call in survey.calls if challenges(call) or hides_challenge(call))
        upstream = _Upstream(survey)
        for party in parties:
            party.tied = self._is_tied(party, resources) or not party.tokens.isdisjoint(carried)
            party.contradicted = bool(party.tokens) and len(carried) > 1 and party.tokens.isdisjoint(carried)
            first = party.requests[0].exchange
            party.close = bisect_left(refusals, first.begun) > 0 and not upstream.is_one(party)

    def _is_tied(self, party: _Party, resources: Resources) -> bool:
        for request in party.requests:
            if request.kind == "registration" and (request.standing == "theirs" or not self._survey.servers.named):
                return True
            named = request.parameter("resource")
            if named is not None and resources.is_called(named):
                return True
        return False

    def ours(self) -> tuple[list[_Party], bool]:
        """The parties that are MCP clients, and whether that had to be guessed among several."""
        tied = [party for party in self._parties if party.tied]
        served = [party for party in self._parties if party.at_servers and not party.contradicted]
        if tied:
            return [self._at_servers(party) for party in tied], False
        if served:
            close = [party for party in served if party.close] or served
            return [self._at_servers(party) for party in close], len(close) > 1
        if self._survey.servers.named:
            return [], bool(self._parties)
        if not self._has_calls:
            naming = [party for party in self._parties if any(each.parameter("resource") for each in party.requests)]
            return naming or self._not_upstream(), False
        close = [party for party in self._parties if party.close and not party.contradicted]
        # The first to come after a challenge answers it; of the others nobody can tell.
        return close[:1], len(close) > 1

    def _not_upstream(self) -> list[_Party]:
        upstream = _Upstream(self._survey)
        return [party for party in self._parties if not upstream.is_one(party)]

    @staticmethod
    def _at_servers(party: _Party) -> _Party:
        """A party with what it sent to the servers alone, where it knew any."""
        if party.at_servers:
            party.requests = [request for request in party.requests if request.standing == "theirs"]
        return party


class _Upstream:
    """Logins that an authorization server sends the user on to, as a client of another."""

    def __init__(self, survey: Survey) -> None:
        self._asking: dict[str, set[str]] = {}
        self._led_to: set[str] = set()
        for request in survey.requests:
            if request.kind == "authorization":
                self._asking.setdefault(origin(request.exchange.place), set()).add(request.client)
                target = request.exchange.received_one("location") or request.exchange.redirect
                self._led_to.add(target.partition("#")[0])

    def is_one(self, party: _Party) -> bool:
        """Whether a party's logins return to where another client is being authorized, or were led to from there."""
        return any(self._is_led(request) for request in party.requests if request.kind == "authorization")

    def _is_led(self, request: Request) -> bool:
        exchange = request.exchange
        if f"{exchange.place}?{exchange.query}" in self._led_to:
            return True
        back = origin(request.parameter("redirect_uri") or "")
        asking = self._asking.get(back, set())
        return len(asking) > (request.client in asking) and back != origin(exchange.place)


# --- telling them apart ---------------------------------------------------------------------------


def _joined_by_sessions(parties: list[_Party], calls: Iterable[Exchange]) -> list[list[_Party]]:
    """Parties whose tokens were carried in one session are one client, registered more than once."""
    by_token = {token: at for at, party in enumerate(parties) for token in party.tokens}
    of_session: dict[str, set[int]] = {}
    for call in calls:
        at = by_token.get(bearer(call) or "")
        if at is not None and "mcp-session-id" in call.sent:
            of_session.setdefault(call.sent_one("mcp-session-id"), set()).add(at)
    place_of = {party.client: at for at, party in enumerate(parties)}
    group_of = {at: [party] for at, party in enumerate(parties)}
    for together in of_session.values():
        first, *others = sorted(together)
        for at in others:
            if group_of[at] is not group_of[first]:
                small, large = sorted((group_of[first], group_of[at]), key=len)
                large.extend(small)
                group_of.update((place_of[party.client], large) for party in small)
    return list({id(group): group for group in group_of.values()}.values())


def _told_apart(groups: list[list[_Party]], calls: list[Exchange]) -> list[Client]:
    """Each client with its calls; one of which nobody can tell whose it is may be any's, and makes all doubtful."""
    found = [Client(_in_time(parties)) for parties in groups]
    by_token = {
        token: client
        for client, parties in zip(found, groups, strict=True)
        for each in parties
        for token in each.tokens
    }
    marks = _marks(calls, by_token)
    arrivals = _Arrivals(found)
    for call in calls:
        whose = by_token.get(bearer(call) or "")
        for mark in _marks_of(call) if whose is None else ():
            whose = whose or marks.get(mark)
        if whose is None and bearer(call) is None:
            whose = arrivals.caused_by(call)
        if whose is not None:
            whose.calls.append(call)
            continue
        for client in found:
            client.doubtful = True
            if len(found) <= _FEW:
                client.calls.append(call)
    return found


_FEW: Final = 8
"""To how many clients a call is given that may be any one's."""


class _Arrivals:
    """The clients in the order in which they first turn to an authorization server."""

    def __init__(self, found: Iterable[Client]) -> None:
        self._clients = sorted(found, key=lambda client: client.requests[0].exchange.begun)
        self._times = [client.requests[0].exchange.begun for client in self._clients]
        self._taken: dict[str | None, int] = {}

    def caused_by(self, call: Exchange) -> Client | None:
        """The client that a call without a token made turn to a server: the next that was not made to by one alike."""
        next_ = max(bisect_left(self._times, call.begun), self._taken.get(operation(call), 0))
        if next_ >= len(self._clients):
            return None
        if challenges(call):
            self._taken[operation(call)] = next_ + 1
        return self._clients[next_]


def _marks_of(call: Exchange) -> list[str]:
    """By what else than its token a client may be known, the surest first."""
    known = introduction(call)
    marks = [f"session {call.sent_one('mcp-session-id')}"] if "mcp-session-id" in call.sent else []
    marks += [f"name {known}"] if known is not None else []
    return [*marks, f"agent {call.sent_one('user-agent')} {call.sent_one('origin')} {called(call)}"]


def _marks(calls: Iterable[Exchange], by_token: Mapping[str, Client]) -> dict[str, Client | None]:
    """Whose each mark is; None where several clients bear it."""
    found: dict[str, Client | None] = {}
    for call in calls:
        client = by_token.get(bearer(call) or "")
        for mark in _marks_of(call) if client is not None else ():
            found[mark] = client if found.get(mark, client) is client else None
    return found

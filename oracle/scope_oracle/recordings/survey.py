"""What a recording holds of OAuth and MCP, found before anything is told: what is what may depend on what follows."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

from . import messages
from .exchanges import Exchange, Json, Parameters, one, origin, parameters, same_place, struck_out

Kind = Literal["authorization", "device", "token", "registration"]
Standing = Literal["theirs", "open"]


@dataclass(slots=True, eq=False)
class Request:
    """A request to an authorization server, whoever sent it; `given` is None where it cannot be read.

    `client` is empty where nobody can tell. `standing` is whether it went to an authorization server of an MCP server,
    or brought what was presented there.
    """

    kind: Kind
    exchange: Exchange
    given: Parameters | None
    client: str
    standing: Standing = "open"

    def parameter(self, name: str) -> str | None:
        """A parameter, None where it was not sent, or struck out."""
        value = one(self.given or (), name)
        return None if value is None or struck_out(value) else value


class Survey:
    """The exchanges of a recording, in the order of their time, sorted by what they are."""

    def __init__(self, exchanges: Iterable[Exchange]) -> None:
        self.documents: list[Exchange] = []
        self.server_documents: list[Exchange] = []
        self.unread_documents: list[Exchange] = []
        self.calls: list[Exchange] = []
        self.requests: list[Request] = []
        self.returns: list[Exchange] = []
        self._guarded: set[str] = set()
        self._pushed: dict[str, Parameters | None] = {}
        candidates = [exchange for exchange in _without_doubles(exchanges) if not self._is_document(exchange)]
        self.servers = AuthorizationServers(self.documents, self.server_documents)
        self._find_guarded(candidates)
        for exchange in candidates:
            self._sort(exchange)
        self._join_legs()
        self.keeps_challenges = any("www-authenticate" in call.received for call in self.calls)

    def _is_document(self, exchange: Exchange) -> bool:
        """Put a metadata document where it belongs."""
        if exchange.method != "GET":
            return False
        kinds = (
            (messages.is_resource_metadata, self.documents),
            (messages.is_server_metadata, self.server_documents),
            (messages.is_unread_metadata, self.unread_documents),
        )
        for is_one, those in kinds:
            if is_one(exchange):
                those.append(exchange)
                return True
        return False

    def _find_guarded(self, candidates: Iterable[Exchange]) -> None:
        """Find the places of MCP servers: what MCP is spoken to; where nobody says that it is MCP, what else is called.

        A challenge of something else counts where it points to resource metadata, stands before a stream at the same
        origin, or nothing speaks MCP.
        """
        speaking, other, challenging, streams = set[str](), set[str](), set[str](), set[str]()
        for exchange in candidates:
            if exchange.method == "OPTIONS" or _is_well_known(exchange) or _is_oauth(exchange):
                continue
            place = exchange.place
            if messages.speaks_mcp(exchange) or _points_to_metadata(exchange):
                speaking.add(place)
            elif messages.operation(exchange) is not None:
                other.add(place)
            elif messages.challenges(exchange) or messages.hides_challenge(exchange):
                (streams if "text/event-stream" in exchange.sent_one("accept") else challenging).add(place)
        named = {same_place(document.answer["resource"]) for document in self.documents}
        origins = {origin(place) for place in speaking}
        speaking |= {place for place in challenging | streams if same_place(place) in named}
        speaking |= {place for place in streams if origin(place) in origins}
        self._guarded = speaking or other | challenging | streams

    def _sort(self, exchange: Exchange) -> None:
        request = self._request(exchange)
        if request is not None:
            self.requests.append(request)
        elif exchange.place in self._guarded and exchange.method not in ("OPTIONS", "HEAD"):
            self.calls.append(exchange)
        elif _may_return(exchange):
            self.returns.append(exchange)

    def _join_legs(self) -> None:
        """Take the first leg of an exchange, which may go to anybody, to be of whoever presents its assertion."""
        presented = {request.parameter("assertion"): request for request in self.requests if request.kind == "token"}
        for request in self.requests:
            brought = request.exchange.answer.get("access_token")
            last = presented.get(brought) if isinstance(brought, str) and request.kind == "token" else None
            if last is not None:
                request.client, request.standing = last.client, last.standing

    def _request(self, exchange: Exchange) -> Request | None:
        """The request to an authorization server in an exchange, None where there is none."""
        if exchange.method not in ("GET", "POST"):
            return None
        standing = self.servers.standing(exchange)
        if messages.is_registration(exchange):
            client = exchange.answer.get("client_id")
            return Request("registration", exchange, (), client if isinstance(client, str) else "", standing)
        if messages.operation(exchange) is not None:
            return None
        if messages.grant_type(exchange) is not None:
            return Request("token", exchange, exchange.form, self._client(exchange, exchange.form), standing)
        if self.servers.is_token_endpoint(exchange):
            return Request("token", exchange, None, self._client(exchange, ()), standing)
        return self._authorization(exchange, standing)

    def _authorization(self, exchange: Exchange, standing: Standing) -> Request | None:
        query = parameters(exchange.query)
        if exchange.method == "POST" and "device_code" in exchange.answer:
            # A server that has this endpoint need not list it.
            known = self.servers.named and self.servers.issuer_of(exchange) is not None
            form, client = _readable(exchange.form), self._client(exchange, exchange.form)
            return Request("device", exchange, form, client, "theirs" if known else standing)
        sent = messages.authorization(exchange, query)
        if sent is None:
            return None
        if exchange.method == "POST" and "request_uri" in exchange.answer:
            self._pushed[str(exchange.answer["request_uri"])] = self._meant(sent)
            return None
        if exchange.method == "POST" and standing == "open":
            return None  # a form of somebody's own pages
        given = _readable(self._meant(sent))
        return Request("authorization", exchange, given, one(given or sent, "client_id") or "", standing)

    def _meant(self, sent: Parameters) -> Parameters | None:
        """What is asked for, by value, pushed (RFC 9126), or in an object (RFC 9101); None if that is unknown."""
        reference, by_value = one(sent, "request_uri"), one(sent, "request")
        if reference is None and by_value is None:
            return sent
        if reference is not None:
            return self._pushed.get(reference)
        inside = messages.request_object(by_value or "")
        if inside is None or one(inside, "request") is not None or one(inside, "request_uri") is not None:
            return None  # an object holds no other
        said = {name for name, _ in inside}
        return (*inside, *((name, value) for name, value in sent if name not in said and name == "client_id"))

    @staticmethod
    def _client(exchange: Exchange, form: Parameters) -> str:
        return one(form, "client_id") or messages.client_of_credentials(exchange) or ""


def _readable(given: Parameters | None) -> Parameters | None:
    """What is asked for, None where the scopes in it were struck out."""
    hidden = any(name == "scope" and value and struck_out(value) for name, value in given or ())
    return None if hidden else given


def _may_return(exchange: Exchange) -> bool:
    """Whether an exchange may be the way back from a login, or lead there; or hold a request that was pushed."""
    texts = (exchange.query, exchange.posted or "", exchange.redirect, exchange.received_one("location"))
    return any("code=" in text or "error=" in text for text in texts) or "request_uri" in exchange.answer


def _is_well_known(exchange: Exchange) -> bool:
    return "/.well-known/" in exchange.place


def _is_oauth(exchange: Exchange) -> bool:
    """Whether an exchange is one with an authorization server, by its form."""
    if messages.operation(exchange) is not None:
        return False
    if messages.is_registration(exchange) or messages.grant_type(exchange) is not None:
        return True
    return messages.authorization(exchange, parameters(exchange.query)) is not None


def _points_to_metadata(exchange: Exchange) -> bool:
    return messages.challenges(exchange) and any("resource_metadata" in line for line in _lines(exchange))


def _lines(exchange: Exchange) -> tuple[str, ...]:
    return exchange.received.get("www-authenticate", ())


def _without_doubles(exchanges: Iterable[Exchange]) -> list[Exchange]:
    """Each exchange once: a service worker's fetch stands beside that of its page, and was on its way with it."""
    kept: list[Exchange] = []
    latest: dict[tuple[str, ...], int] = {}
    for exchange in sorted(exchanges, key=lambda each: (each.begun, each.number)):
        key = (exchange.method, exchange.place, exchange.query, exchange.posted or "")
        at = latest.get(key)
        if at is None or not _are_one(kept[at], exchange):
            latest[key] = len(kept)
            kept.append(exchange)
        elif not exchange.doubled and (exchange.body or not kept[at].body):
            kept[at] = exchange
    return kept


def _are_one(first: Exchange, second: Exchange) -> bool:
    """Whether two alike exchanges are one: both under way at a time, with the same answer, one of them or both."""
    if first.method == "OPTIONS" or first.status != second.status:
        return False
    if first.body and second.body and first.body != second.body:
        return False
    if first.doubled != second.doubled:
        return second.begun <= first.ended or second.begun - first.begun < _A_MOMENT
    return first.method == "POST" and bool(first.posted) and first.begun <= second.begun < first.ended


_A_MOMENT: Final = 1.0


# --- authorization servers ------------------------------------------------------------------------


@dataclass(slots=True)
class AuthorizationServers:
    """The authorization servers that MCP servers name, and what is known of their endpoints."""

    documents: list[Exchange]
    server_documents: list[Exchange]
    endpoints: dict[str, str] = field(default_factory=dict)
    _token_endpoints: set[str] = field(default_factory=set)
    _issuers: dict[str, str] = field(default_factory=dict)
    _unseen: dict[str, str] = field(default_factory=dict)
    named: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for document in self.documents:
            for issuer in messages.texts(document.answer.get("authorization_servers")) or ():
                self.named.add(same_place(issuer))
                self._unseen[origin(issuer)] = issuer.rstrip("/")
        origins = {origin(issuer) for issuer in self.named}
        for document in self.server_documents:
            if self.is_trusted(document):
                self._learn(document.answer)
                self._unseen.pop(origin(document.place), None)
        self._unseen = {place: issuer for place, issuer in self._unseen.items() if place in origins}

    def is_trusted(self, document: Exchange) -> bool:
        """Whether a document is that of a server which resource metadata names; all are, where none was recorded."""
        if not self.named:
            return True
        origins = {origin(issuer) for issuer in self.named}
        return same_place(document.answer["issuer"]) in self.named or origin(document.place) in origins

    def _learn(self, answer: dict[str, Json]) -> None:
        issuer = answer["issuer"].rstrip("/")
        self._issuers[origin(issuer)] = issuer
        self._unseen.pop(origin(issuer), None)
        for name, endpoint in answer.items():
            if name.endswith("_endpoint") and isinstance(endpoint, str):
                self.endpoints[same_place(endpoint)] = issuer
                if name == "token_endpoint":
                    self._token_endpoints.add(same_place(endpoint))

    def standing(self, exchange: Exchange) -> Standing:
        """Whether an exchange is with one of these servers, as far as its address says."""
        place = same_place(exchange.place)
        if self.named and (place in self.endpoints or origin(place) in self._unseen):
            return "theirs"
        return "open"

    def is_token_endpoint(self, exchange: Exchange) -> bool:
        """Whether something is posted to a token endpoint."""
        return exchange.method == "POST" and same_place(exchange.place) in self._token_endpoints

    def issuer_of(self, exchange: Exchange) -> str | None:
        """The issuer of an endpoint, by its document, else by its origin."""
        place = same_place(exchange.place)
        return self.endpoints.get(place) or self._issuers.get(origin(place)) or self._unseen.get(origin(place))


def challenge_of(verifier: str) -> str:
    """The code challenge of a verifier (RFC 7636)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()

"""What one client of a recording did, as a transcript: the events, and a note on all that could not be read.

Nothing that is missing is made up. An answer that was not kept is one that nobody can read; a request that was not kept
leaves its grant unknown; and where the beginning, a challenge or a metadata document is missing, the transcript says
that it began midway, so that nothing is held to be too much.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from itertools import count
from types import MappingProxyType
from typing import Final

from scope_model.events import (
    AUTHORIZATION_CODE,
    CLIENT_CREDENTIALS,
    JWT_BEARER,
    OFFLINE_ACCESS,
    TOKEN_EXCHANGE,
    AuthorizationRequest,
    AuthorizationResponse,
    AuthorizationServerMetadata,
    ClientRegistration,
    Event,
    Header,
    ProtectedResourceMetadata,
    ResourceRequest,
    ResourceResponse,
    TokenRequest,
    TokenResponse,
    Transcript,
)
from scope_oracle.transcripts import UnusableTranscript
from scope_spec import REVISIONS, Revision

from . import messages
from .attribution import Client
from .exchanges import STRUCK_OUT, Exchange, Json, one, origin, parameters, same_place, struck_out
from .messages import DEVICE_CODE
from .resources import REDIRECTS, Resources
from .survey import Kind, Request, Survey

NEWEST: Final = REVISIONS[-1]
"""The revision that is taken where a recording names none."""

LONGEST: Final = 1 << 16
"""How many characters a parameter, or a header line, may have that is judged."""


@dataclass(frozen=True, slots=True)
class Told:
    """A client's transcript, and the notes on what could not be read of it."""

    transcript: Transcript
    notes: tuple[str, ...]


def transcribe(client: Client, survey: Survey, resources: Resources, revision: Revision | None) -> Told:
    """Tell what a client did; raises UnusableTranscript where it speaks a revision that is not known."""
    telling = _Telling(client, survey, resources)
    for exchange, tell in _in_time(client, survey):
        tell(telling, exchange)
    telling.finish()
    if _hides_tokens(client):
        telling.notes.add("no call shows the token that it carried, so what tokens are used for is not judged")
        telling.midway = telling.midway or telling.served_first
    if client.doubtful:
        telling.notes.add("some requests may be another client's, so only lower bounds are judged")
    if not resources.doubtful.isdisjoint(telling.called):
        telling.notes.add("one document may speak of several servers or of one, so only lower bounds are judged")
        telling.midway = True
    name, version = _introduced(client)
    midway = telling.midway or client.doubtful
    header = Header(revision or _spoken(client), name, version, began_midway=midway)
    return Told(Transcript(header, tuple(telling.events)), tuple(telling.notes.lines()))


def _in_time(client: Client, survey: Survey) -> list[tuple[Exchange, Callable[[_Telling, Exchange], None]]]:
    """All that tells of a client, in the order of its time, each with what tells it."""
    shown: list[tuple[Exchange, Callable[[_Telling, Exchange], None]]] = []
    shown += ((document, _Telling.resource_metadata) for document in survey.documents)
    shown += ((document, _Telling.unread_metadata) for document in survey.unread_documents)
    trusted = (document for document in survey.server_documents if survey.servers.is_trusted(document))
    shown += ((document, _Telling.server_metadata) for document in trusted)
    shown += ((call, _Telling.call) for call in client.calls)
    shown += ((other, _Telling.redirect) for other in survey.returns)
    shown += ((request.exchange, _Telling.request) for request in client.requests)
    return sorted(shown, key=lambda each: (each[0].begun, each[0].number))


def _hides_tokens(client: Client) -> bool:
    """Whether calls leave out, or strike out, the tokens that they carried."""
    served = any(200 <= call.status < 300 for call in client.calls)
    issued = any("access_token" in request.exchange.answer for request in client.requests)
    return served and issued and all(struck_out(messages.bearer(call) or "") for call in client.calls)


def _introduced(client: Client) -> tuple[str, str | None]:
    """The name and version that a client gives itself, else the name that it was registered by."""
    for call in client.calls:
        known = messages.introduction(call)
        if known is not None:
            return known
    for request in client.requests:
        sent = request.exchange.request if request.kind == "registration" else None
        if isinstance(sent, dict) and isinstance(sent.get("client_name"), str):
            return sent["client_name"], None
    return "unnamed", None


def _spoken(client: Client) -> Revision:
    """The revision that the client says it speaks, else the one that was agreed on or asked for, else the newest."""
    spoken = _said(client, messages.spoken_version)
    for version in (*spoken, *_said(client, messages.agreed_version), *_said(client, messages.proposed_version)):
        for known in REVISIONS:
            if version == known:
                return known
    if spoken:
        unknown = next(iter(spoken))[:40]
        raise UnusableTranscript(f"the client speaks MCP {unknown!r}, which is not known here; choose with --revision")
    return NEWEST


def _said(client: Client, version: Callable[[Exchange], str | None]) -> dict[str, None]:
    return dict.fromkeys(said for call in client.calls if (said := version(call)) is not None)


@dataclass(slots=True)
class _Notes:
    """What could not be read: each kind is said once, with the entry where it was first met, and how many follow."""

    _met: dict[str, list[int]] = field(default_factory=dict)

    def add(self, sentence: str, exchange: Exchange | None = None) -> None:
        """Note something that could not be read, and what is therefore not judged."""
        self._met.setdefault(sentence, []).extend(() if exchange is None else (exchange.number,))

    def lines(self) -> Iterator[str]:
        """Each note in one line."""
        for sentence, numbers in self._met.items():
            more = f" and {len(numbers) - 1} more" if len(numbers) > 1 else ""
            yield f"entry {numbers[0]}{more}: {sentence}" if numbers else sentence


@dataclass(slots=True, eq=False)
class _Asked:
    """An authorization that is under way; `key` tells it from the next one, `read` whether anybody saw what it asks."""

    key: tuple[str, ...]
    back: tuple[str, str | None]
    issuer: str | None
    resource: str | None
    read: bool


class _Telling:
    """Tells the exchanges of one client in turn."""

    def __init__(self, client: Client, survey: Survey, resources: Resources) -> None:
        self.events: list[Event] = []
        self.notes = _Notes()
        self.midway = False
        self.served_first = False
        self.called: set[str] = set()
        self._servers = survey.servers
        self._resources = resources
        self._keeps_challenges = survey.keeps_challenges
        self._requests = {id(request.exchange): request for request in client.requests}
        self._documents = {each.place: each for each in (*survey.documents, *survey.server_documents)}
        self._asked: dict[tuple[str, str | None], _Asked] = {}
        self._by_code: dict[str, _Asked] = {}
        self._last: _Asked | None = None
        self._turned_to_server = False
        self._has_calls = bool(client.calls)
        self._says_what_to_ask = True
        self._asks_again = False
        self._heard: set[str] = set()
        self._told: set[type[Event]] = set()
        self._names: dict[str, dict[str, str]] = {"t": {}, "r": {}}
        self._marks = count()
        # Answers on their way: when they come, in which order, and what they say.
        self._coming: list[tuple[float, int, TokenResponse]] = []
        self._order = count()
        self._expected: set[str | None] = set()

    # --- documents --------------------------------------------------------------------------------

    def resource_metadata(self, document: Exchange) -> None:
        """Tell a protected resource metadata document."""
        self._arrive(document.begun)
        answer = document.answer
        servers = tuple(issuer.rstrip("/") for issuer in messages.texts(answer.get("authorization_servers")) or ())
        listed = self._listed(document)
        self._told.add(ProtectedResourceMetadata)
        self.events.append(ProtectedResourceMetadata(answer["resource"], servers, listed, document.place))

    def server_metadata(self, document: Exchange) -> None:
        """Tell an authorization server metadata document."""
        self._arrive(document.begun)
        issuer = document.answer["issuer"].rstrip("/")
        self._told.add(AuthorizationServerMetadata)
        self.events.append(AuthorizationServerMetadata(issuer, self._listed(document)))

    def _listed(self, document: Exchange) -> tuple[str, ...] | None:
        listed = messages.texts(document.answer.get("scopes_supported"))
        if listed and any(struck_out(scope) for scope in listed):
            self._lack("the scopes of a metadata document were struck out, so only lower bounds are judged", document)
            return None
        return listed

    def unread_metadata(self, document: Exchange) -> None:
        """Tell a document that was found unchanged, or note that nobody can read it."""
        known = self._documents.get(document.place)
        if known is not None:
            self._arrive(document.begun)
            tell = _Telling.resource_metadata if messages.is_resource_metadata(known) else _Telling.server_metadata
            tell(self, known)
        elif self._concerns(document):
            what = "resource" if messages.RESOURCE_METADATA in document.place else "authorization server"
            self._lack(f"the {what} metadata was not kept, so only lower bounds are judged", document)

    def _concerns(self, document: Exchange) -> bool:
        """Whether a document at such a place may be one that the client goes by."""
        if messages.RESOURCE_METADATA in document.place or not self._servers.named:
            return True
        return origin(document.place) in {origin(issuer) for issuer in self._servers.named}

    def _lack(self, sentence: str, exchange: Exchange) -> None:
        """Note that something is missing which a scope may come from."""
        self.notes.add(sentence, exchange)
        self.midway = True

    # --- calls ------------------------------------------------------------------------------------

    def call(self, call: Exchange) -> None:
        """Tell a call, and its answer; one that is only redirected is told where it leads."""
        carried = messages.bearer(call)
        self._arrive(call.begun, presenting=carried)
        operation = messages.operation(call) or call.method
        if call.status in REDIRECTS:
            return
        token = None if carried is None else STRUCK_OUT if struck_out(carried) else self._name("t", carried)
        resource = self._resources.name(call)
        self.called.add(resource)
        self.served_first = self.served_first or (not self._turned_to_server and 200 <= call.status < 300)
        self.events.append(ResourceRequest(operation, token, resource))
        if _hides_challenge(call, keeps_challenges=self._keeps_challenges):
            self._lack("what a refused call was challenged for was not kept, so only lower bounds are judged", call)
        elif call.status:
            lines = call.received.get("www-authenticate", ())
            self._bound(call, *lines)
            if call.status in (401, 403):
                self._says_what_to_ask = any(map(_NAMES_SCOPE, lines))
                self._heard.update(*map(_WORDS, lines))
            self.events.append(ResourceResponse(operation, call.status, lines, resource))

    # --- requests to an authorization server ------------------------------------------------------

    def request(self, exchange: Exchange) -> None:
        """Tell a request to an authorization server, and what came of it."""
        request = self._requests[id(exchange)]
        if request.kind != "registration":
            self._begin(exchange)
        self._bound(exchange, *(value for _, value in request.given or ()))
        _KINDS[request.kind](self, request)

    def _begin(self, exchange: Exchange) -> None:
        if not self._turned_to_server and not self.called:
            self._lack("the recording begins in the middle, so only lower bounds are judged", exchange)
        self._turned_to_server = True

    def _registration(self, request: Request) -> None:
        self._arrive(request.exchange.begun)
        sent = request.exchange.request
        scope, types = sent.get("scope"), messages.texts(sent.get("grant_types"))
        issuer = self._servers.issuer_of(request.exchange)
        self.events.append(ClientRegistration(scope if isinstance(scope, str) else None, types, issuer))

    def _authorization(self, request: Request) -> None:
        self._arrive(request.exchange.begun)
        exchange = request.exchange
        names = ("client_id", "state", "code_challenge", "scope")
        key = tuple(one(request.given or (), name) or "" for name in names)
        back = same_place(request.parameter("redirect_uri") or ""), request.parameter("state")
        known = back in self._asked and self._asked[back].key == key and request.given is not None
        self.redirect(exchange)
        if known:
            return  # the user agent came back to it, from a login page for instance
        self._ask(request, request.parameter("prompt"), key, back)
        self.redirect(exchange, self._last if request.given is None else None)

    def _ask(self, request: Request, prompt: str | None, key: tuple[str, ...], back: tuple[str, str | None]) -> None:
        named = request.parameter("resource")
        resource = None if named is None else self._resources.named(named)
        issuer = self._servers.issuer_of(request.exchange)
        self._last = self._asked[back] = _Asked(key, back, issuer, resource, request.given is not None)
        if request.given is None:
            self.notes.add(
                "what an authorization request asks for was not kept, so it and its grant are not judged",
                request.exchange,
            )
        else:
            self._look_for_sources(request)
            self.events.append(AuthorizationRequest(messages.scope(request.given), prompt, issuer, resource))

    def _look_for_sources(self, request: Request) -> None:
        """Note where scopes may come from a document that was fetched before the recording began."""
        exchange, wanted = request.exchange, set((one(request.given or (), "scope") or "").split(" "))
        joins = self._asks_again and not wanted <= self._heard | {OFFLINE_ACCESS}  # as a step-up may (A9)
        if (joins or not self._says_what_to_ask) and ProtectedResourceMetadata not in self._told:
            self._lack("no resource metadata was recorded, so only lower bounds are judged", exchange)
        if OFFLINE_ACCESS in wanted and AuthorizationServerMetadata not in self._told:
            self._lack("no authorization server metadata was recorded, so only lower bounds are judged", exchange)
        self._heard |= wanted
        self._asks_again = True

    def _device(self, request: Request) -> None:
        """A device authorization asks the user each time, as `prompt=consent` makes a login page do (RFC 8628)."""
        self._arrive(request.exchange.begun)
        wanted = one(request.given or (), "scope") or ""
        self._ask(request, "consent" if OFFLINE_ACCESS in wanted.split(" ") else None, (), ("", "device"))

    def redirect(self, exchange: Exchange, own: _Asked | None = None) -> None:
        """Tell the way back: a Location header, or the request that follows it, whichever comes first."""
        if not self._asked:
            return
        leading = exchange.received.get("location", ()) or ((exchange.redirect,) if exchange.redirect else ())
        form = exchange.form if exchange.method == "POST" and "code" in (exchange.posted or "") else ()
        here = parameters(exchange.query)
        for place, given in (*((each, _after(each)) for each in leading), (exchange.place, (*here, *form))):
            code, error, state = (one(given, name) for name in ("code", "error", "state"))
            if code is None and error is None:
                continue
            if state is not None and struck_out(state):
                state = None
            asked = self._asked.pop((same_place(place), state), None) or self._asked.pop(("", state), None)
            if asked is None and own is not None:
                asked = self._asked.pop(own.back, own)
            if asked is not None:
                self._came_back(asked, code, error)

    def _came_back(self, asked: _Asked, code: str | None, error: str | None) -> None:
        if code is not None and not struck_out(code):
            self._by_code[code] = asked
        if asked.read:
            self.events.append(AuthorizationResponse(error is None, error, asked.issuer, asked.resource))

    def _token(self, request: Request) -> None:
        exchange = request.exchange
        presented = request.parameter("refresh_token")
        self._arrive(exchange.begun, presenting=presented)
        issuer = self._servers.issuer_of(exchange)
        answer = self._answer(exchange, issuer)
        if request.given is None:
            if answer is not None and answer.error is None:
                self.notes.add("what a token request asks for was not kept, so its grant is not judged", exchange)
                self._send(exchange, TokenResponse(issuer=issuer))
            return
        grant_type = one(request.given, "grant_type") or ""
        if grant_type == DEVICE_CODE and answer is not None and answer.error in _TO_BE_CONTINUED:
            return
        named = request.parameter("resource")
        resource = None if named is None else self._resources.named(named)
        used = self._presented(request)
        if grant_type in _SELECTS:
            self._look_for_sources(request)
        redeems = grant_type in (AUTHORIZATION_CODE, DEVICE_CODE)
        asked = self._by_code.get(request.parameter("code") or "", self._last) if redeems else None
        hidden = asked is not None and not asked.read
        if not hidden:
            self.events.append(TokenRequest(grant_type, messages.scope(request.given), used, issuer, resource))
        if answer is not None:
            unread = hidden or (answer.error is None and not self._has_calls)
            self._send(exchange, replace(TokenResponse(issuer=issuer) if unread else answer, resource=resource))

    def _presented(self, request: Request) -> str | None:
        """The name of the refresh token that a request presents; of a struck out one, only that it was stored."""
        sent = one(request.given or (), "refresh_token")
        if sent is None:
            return None
        if struck_out(sent):
            return None if self._names["r"] else STRUCK_OUT
        return self._name("r", sent)

    def _answer(self, exchange: Exchange, issuer: str | None) -> TokenResponse | None:
        """What a token endpoint answered, None where nothing came."""
        answer, error = exchange.answer, exchange.answer.get("error")
        access, renewed, scope = (answer.get(name) for name in ("access_token", "refresh_token", "scope"))
        if not exchange.status:
            return None
        if exchange.status >= 400 or isinstance(error, str):
            return TokenResponse(error=error if isinstance(error, str) else f"HTTP {exchange.status}", issuer=issuer)
        hidden = isinstance(scope, str) and bool(scope) and struck_out(scope)
        if not isinstance(access, str) or hidden:
            self.notes.add("a token response was not kept, so what was granted is unknown", exchange)
            return TokenResponse(issuer=issuer)
        self._bound(exchange, scope)
        self._heard.update(scope.split(" ") if isinstance(scope, str) else ())
        return TokenResponse(
            self._issued("t", access),
            scope if isinstance(scope, str) else None,
            self._issued("r", renewed) if isinstance(renewed, str) else None,
            None,
            issuer,
        )

    def _bound(self, exchange: Exchange, *given: Json) -> None:
        if any(isinstance(value, str) and len(value) > LONGEST for value in given):
            raise UnusableTranscript(
                f"entry {exchange.number}: holds a parameter of more than {LONGEST} characters, too long to judge"
            )

    # --- names and times --------------------------------------------------------------------------

    def _name(self, letter: str, token: str) -> str:
        known = self._names[letter]
        return known.setdefault(token, f"{letter}{len(known) + 1}")

    def _issued(self, letter: str, token: str) -> str:
        """The name of a token that was issued; of a struck out one, nobody knows whether it was issued before."""
        return self._name(letter, f"{token} {next(self._marks)}" if struck_out(token) else token)

    def _send(self, exchange: Exchange, answer: TokenResponse) -> None:
        heappush(self._coming, (exchange.ended, next(self._order), answer))
        self._expected |= {answer.access_token, answer.refresh_token}

    def _arrive(self, now: float, presenting: str | None = None) -> None:
        """Tell the answers that came before now, and all that came before one whose token is presented."""
        presented = {self._names[letter].get(presenting or "") for letter in "tr"} - {None}
        while self._coming and (self._coming[0][0] <= now + _ROUNDED or not presented.isdisjoint(self._expected)):
            answer = heappop(self._coming)[2]
            self._expected -= {answer.access_token, answer.refresh_token}
            self.events.append(answer)

    def finish(self) -> None:
        """Tell what is still on its way; where the end shows only how a session begins anew, it says nothing yet."""
        self._arrive(float("inf"))
        issued = next(
            (at for at in reversed(range(len(self.events))) if isinstance(self.events[at], TokenResponse)), None
        )
        after = () if issued is None else self.events[issued + 1 :]
        if all(_prepares(event) for event in after):
            del self.events[len(self.events) - len(after) :]


def _prepares(event: Event) -> bool:
    """Whether an event is part of what a client sends before its application asks for anything."""
    if isinstance(event, ProtectedResourceMetadata | AuthorizationServerMetadata | ClientRegistration):
        return True
    if not isinstance(event, ResourceRequest | ResourceResponse):
        return False
    return event.operation.startswith("notifications/") or event.operation in _PREPARING


_ROUNDED: Final = 0.01
"""Seconds by which a cause may seem later than what it caused: times are rounded, each in its own way."""

_PREPARING: Final = frozenset(("initialize", "server/discover", "ping", "tools/list", "response", "GET", "DELETE"))
_TO_BE_CONTINUED: Final = ("authorization_pending", "slow_down")

_KINDS: Final[Mapping[Kind, Callable[[_Telling, Request], None]]] = MappingProxyType(
    {
        "authorization": _Telling._authorization,  # noqa: SLF001 - the class's own methods
        "device": _Telling._device,  # noqa: SLF001
        "token": _Telling._token,  # noqa: SLF001
        "registration": _Telling._registration,  # noqa: SLF001
    }
)


def _after(place: str) -> tuple[tuple[str, str], ...]:
    """The parameters of a URL, of its fragment too."""
    query, _, fragment = place.partition("?")[2].partition("#")
    return (*parameters(query), *parameters(fragment))


_SELECTS: Final = (CLIENT_CREDENTIALS, TOKEN_EXCHANGE, JWT_BEARER)
_NAMES_SCOPE: Final = re.compile(r"(?<![\w-])scope\s*=", re.IGNORECASE).search
_WORDS: Final = re.compile(r"[^\s\"=]+").findall
_SAYS: Final = re.compile(r"\b(?:scope|error)\s*=\s*\"([^\"]+)\"", re.IGNORECASE)


def _hides_challenge(call: Exchange, *, keeps_challenges: bool) -> bool:
    """Whether nobody can read what a refused call was refused for: where no refusal has a reason, none was kept."""
    if messages.hides_challenge(call):
        return True
    if call.status not in (401, 403):
        return False
    lines = call.received.get("www-authenticate", ())
    return not keeps_challenges or any(struck_out(said) for line in lines for said in _SAYS.findall(line))

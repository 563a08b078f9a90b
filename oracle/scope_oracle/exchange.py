"""An exchange: a transcript as people read it, as data that each kind of report lays out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Final, assert_never

from scope_judge.findings import Finding
from scope_model.challenges import Challenge, parse_challenges
from scope_model.events import (
    AUTHORIZATION_CODE,
    REFRESH_TOKEN,
    AuthorizationRequest,
    AuthorizationResponse,
    AuthorizationServerMetadata,
    CallEnded,
    CallStarted,
    ClientRegistration,
    ClientReported,
    ClientRestarted,
    Event,
    ProtectedResourceMetadata,
    ResourceRequest,
    ResourceResponse,
    TokenExpired,
    TokenRequest,
    TokenResponse,
    Transcript,
    WireScope,
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an exchange: who says what to whom, and what is to be pointed out about it.

    `hearer` is empty for what merely happens; `more` are further lines of the same message.
    """

    event: int
    speaker: str
    hearer: str
    says: str
    aside: str = ""
    more: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Exchange:
    """A transcript to be read by people; `cast` says who is who where there are several of a kind."""

    lines: tuple[Line, ...]
    cast: Mapping[str, str]


def exchange(
    transcript: Transcript,
    marks: Mapping[int, Sequence[str]],
    *,
    until: int | None = None,
    shows_metadata: bool = False,
    calls: AbstractSet[int] = frozenset(),
) -> Exchange:
    """Tell a transcript, up to the event `until`, with every mark at its event, and where `calls` begin and end."""
    teller = _Teller(transcript.events, shows_metadata=shows_metadata, calls=calls)
    lines = []
    for at, event in enumerate(transcript.events):
        line, marked = teller.tell(at, event), tuple(marks.get(at, ()))
        if not teller.carries_nothing(line, event) or marked:
            lines.append(replace(line, marks=marked))
        if at == until:
            break
    return Exchange(tuple(lines), teller.cast)


def exchange_of(transcript: Transcript, finding: Finding) -> Exchange:
    """What leads to a finding, and why it is one; of what goes on for ever, the beginning and the end."""
    told = exchange(
        transcript,
        {finding.event: (finding.because,)},
        until=finding.event,
        shows_metadata=rests_on_metadata(finding),
        calls=calls_behind(transcript, finding),
    )
    if finding.cause != "broken-off" or len(told.lines) <= _BEGINNING + _END:
        return told
    left_out = told.lines[_BEGINNING:-_END]
    so_on = Line(left_out[0].event, "…", "", f"and so on: {len(left_out)} lines more")
    return replace(told, lines=(*told.lines[:_BEGINNING], so_on, *told.lines[-_END:]))


_BEGINNING: Final = 16
_END: Final = 4
"""How many lines of what goes on for ever are told."""


def rests_on_metadata(finding: Finding) -> bool:
    """Whether a finding is about where metadata is found."""
    return finding.clause.startswith("META")


_OF_A_TOKEN: Final = frozenset(("not-tried", "not-used"))
"""The causes that rest on what became of the newest token by the end of the call that it was issued in."""

_WITHIN_A_CALL: Final = frozenset(
    (
        "within-a-call",
        "sent-again",
        "renewed-again",
        *_OF_A_TOKEN,
        "given-up",
        "given-up-as-implied",
        "never-steps-up",
        "counted-together",
        "broken-off",
    )
)
"""The causes that rest on where a call of the application begins and ends."""


def calls_behind(transcript: Transcript, finding: Finding) -> frozenset[int]:
    """The calls that a finding rests on the beginning and end of: those that were open when it was made.

    What became of a token may be known later than the call ends that it was issued in.
    """
    marked = transcript.events[finding.event]
    if finding.cause not in _WITHIN_A_CALL and not isinstance(marked, CallStarted | CallEnded):
        return frozenset()
    begun, with_token = set[int](), frozenset[int]()
    for event in transcript.events[: finding.event]:
        match event:
            case CallStarted(call):
                begun.add(call)
            case CallEnded(call):
                begun.discard(call)
            case TokenResponse(access_token=str()):
                with_token = frozenset(begun)
            case _:
                pass
    return with_token.union(begun) if finding.cause in _OF_A_TOKEN else frozenset(begun)


_NUMBERS: Final = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_LONGEST: Final = 300
_LONG_TOKEN: Final = 8


def printable(text: str) -> str:
    """A text as one line that moves no cursor and turns no other text around: what is not printable is escaped."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def shown(text: str) -> str:
    """A text from elsewhere, safe to print, and not without end."""
    return printable(text if len(text) <= _LONGEST else text[:_LONGEST] + "…")


def _scope(scope: WireScope) -> str:
    match scope:
        case None:
            return "without scope"
        case str():
            return f"scope={shown(scope)}" if scope else "with an empty scope"
        case _:
            return "  ".join(map(_scope, scope))


class _Teller:
    """Turns events into lines; it knows the parties' short names, and which grant a token answers."""

    def __init__(self, events: Sequence[Event], *, shows_metadata: bool, calls: AbstractSet[int]) -> None:
        self._servers = _named("server", _members(events, "resource"))
        self._issuers = _named("AS", _members(events, "issuer"))
        self._tokens = token_names(events)
        self._published: dict[str, str] = {}
        self._shows_metadata = shows_metadata
        self._calls = calls
        self._refreshing = False
        self.cast = {
            name: shown(what)
            for known in (self._servers, self._issuers)
            if len(known) > 1
            for what, name in known.items()
        }

    def carries_nothing(self, line: Line, event: Event) -> bool:
        """Whether a line says nothing about scope that another does not say too."""
        match event:
            case AuthorizationResponse(code, error):
                return code and error is None
            case TokenRequest(grant_type, scope):
                return grant_type == AUTHORIZATION_CODE and scope is None
            case ClientRegistration(scope):
                return scope is None
            case CallStarted(call) | CallEnded(call):
                return call not in self._calls
            case AuthorizationServerMetadata() | ProtectedResourceMetadata():
                before = self._published.get(line.speaker)
                self._published[line.speaker] = line.says
                silent = isinstance(event, AuthorizationServerMetadata) and event.scopes_supported is None
                return before == line.says or (before is None and silent)
            case _:
                return False

    def tell(self, at: int, event: Event) -> Line:
        """The line of one event."""
        client = "client"
        match event:
            case ResourceRequest(operation, access_token):
                carried = "(no token)" if access_token is None else f"(token {self._token(access_token)})"
                return Line(at, client, self._server(event.resource), shown(operation), carried)
            case ResourceResponse():
                says, *more = self._answer(event)
                return Line(at, self._server(event.resource), client, says, more=tuple(more))
            case ProtectedResourceMetadata():
                says = f"metadata  {listed(event.scopes_supported)}"
                place = f"(at {shown(event.url)})" if self._shows_metadata and event.url is not None else ""
                return Line(at, self._server(event.resource), client, says, place)
            case AuthorizationServerMetadata():
                return Line(at, self._issuer(event.issuer), client, f"metadata  {listed(event.scopes_supported)}")
            case ClientRegistration(scope, grant_types):
                says = f"register  {_scope(scope)}"
                if grant_types is not None:
                    says += f"  grant_types={shown(' '.join(grant_types))}"
                return Line(at, client, self._issuer(event.issuer), says)
            case AuthorizationRequest(scope, prompt):
                says = f"authorize  {_scope(scope)}"
                if prompt is not None:
                    says += f"  prompt={shown(prompt)}"
                return Line(at, client, self._issuer(event.issuer), says, self._for(event.resource))
            case AuthorizationResponse(code, error):
                says = f"refused: {shown(error)}" if error is not None else "a code" if code else "no code"
                return Line(at, self._issuer(event.issuer), client, says, self._for(event.resource))
            case TokenRequest():
                return Line(at, client, self._issuer(event.issuer), self._asks(event), self._for(event.resource))
            case TokenResponse():
                return Line(at, self._issuer(event.issuer), client, *self._grants(event))
            case CallStarted(call, operation):
                return Line(at, client, "", f"call {call} of {shown(operation)} begins")
            case CallEnded(call, outcome):
                return Line(at, client, "", f"call {call} ends" + ("" if outcome is None else f": {shown(outcome)}"))
            case TokenExpired(access_token):
                return Line(at, client, "", f"token {self._token(access_token)} expires")
            case ClientRestarted():
                return Line(at, client, "", "restarts, its token storage kept")
            case ClientReported(granted):
                if granted is None:
                    return Line(at, client, "", "says that it does not know what it holds")
                held = shown(" ".join(granted)) or "nothing"
                return Line(at, client, "", f"says that it holds {held}", self._for(event.resource))
            case _:
                assert_never(event)

    def _answer(self, event: ResourceResponse) -> list[str]:
        lines, status = event.www_authenticate, shown(str(event.status))
        if not lines:
            return [status if event.status not in (401, 403) else f"{status}  without a challenge"]
        plain = _plainly(lines)
        if plain is None:
            return [status, *(f"WWW-Authenticate: {shown(line)}" for line in lines)]
        said = [plain["error"]] if "error" in plain else []
        if "scope" in plain:
            said.append(f'scope="{plain["scope"]}"')
        if self._shows_metadata and "resource_metadata" in plain:
            said.append(f'resource_metadata="{plain["resource_metadata"]}"')
        return ["  ".join([status, *map(shown, said)])]

    def _asks(self, event: TokenRequest) -> str:
        self._refreshing = event.grant_type == REFRESH_TOKEN
        match event.grant_type:
            case "refresh_token":
                which = "" if event.refresh_token is None else f" with {self._token(event.refresh_token)}"
                return f"refresh{which}  {_scope(event.scope)}"
            case "authorization_code":
                return "exchange the code" + ("" if event.scope is None else f"  {_scope(event.scope)}")
            case _:
                return f"{shown(event.grant_type.rpartition(':')[2])}  {_scope(event.scope)}"

    def _grants(self, event: TokenResponse) -> tuple[str, str]:
        if event.access_token is None:
            told = "is not read" if event.error is None else f"refused: {shown(event.error)}"
            return told, self._for(event.resource)
        tokens = f"token {self._token(event.access_token)}"
        if event.refresh_token is not None:
            tokens += f", refresh token {self._token(event.refresh_token)}"
        done = "refreshed" if self._refreshing else "granted"
        if event.scope is not None:
            return f"{done}: {shown(event.scope) or 'nothing'}", f"({tokens})"
        return ("refreshed, " if self._refreshing else "") + "says nothing about scope", f"({tokens})"

    def _server(self, resource: str | None) -> str:
        return "server" if resource is None else self._servers[resource]

    def _issuer(self, issuer: str | None) -> str:
        return "AS" if issuer is None else self._issuers[issuer]

    def _for(self, resource: str | None) -> str:
        return f"(for {self._servers[resource]})" if resource is not None and len(self._servers) > 1 else ""

    def _token(self, token: str) -> str:
        return self._tokens[token]


def _members(events: Iterable[Event], member: str) -> dict[str, None]:
    """What the events have as a member of that name, each once, in order."""
    return dict.fromkeys(name for event in events if (name := getattr(event, member, None)) is not None)


def token_names(events: Sequence[Event]) -> dict[str, str]:
    """The name of each token, by which a reader may tell it from others."""
    return _numbered("t", _members(events, "access_token")) | _numbered("r", _members(events, "refresh_token"))


def _named(role: str, known: Iterable[str]) -> dict[str, str]:
    """Short names for the parties of one role, numbered where there are several."""
    names = list(known)
    if len(names) == 1:
        return {names[0]: role}
    return {name: f"{role} {_NUMBERS[at] if at < len(_NUMBERS) else at + 1}" for at, name in enumerate(names)}


def _numbered(letter: str, tokens: Iterable[str]) -> dict[str, str]:
    """Short names for tokens: their own where these are short, since long ones may well be real."""
    known = list(tokens)
    if all(len(token) <= _LONG_TOKEN and token.isprintable() for token in known):
        return {token: token for token in known}
    return {token: f"{letter}{number}" for number, token in enumerate(known, 1)}


def listed(scopes: tuple[str, ...] | None) -> str:
    """What a metadata document says of scopes."""
    if scopes is None:
        return "lists no scopes"
    return f"lists {shown(' '.join(scopes))}" if scopes else "lists the empty list of scopes"


_PLAIN_PARAMETERS: Final = {"error", "scope", "resource_metadata"}


def _plainly(lines: tuple[str, ...]) -> dict[str, str] | None:
    """The parameters of a challenge that is spelled as the documents spell it, or None for any other."""
    parsed = parse_challenges(lines)
    if len(parsed) != 1 or not isinstance(parsed[0], Challenge):
        return None
    parameters = dict(parsed[0].parameters)
    written = ", ".join(f'{name}="{value}"' for name, value in parsed[0].parameters)
    plain = lines == (f"Bearer {written}".rstrip(),) and len(parameters) == len(parsed[0].parameters)
    return parameters if plain and parameters.keys() <= _PLAIN_PARAMETERS else None

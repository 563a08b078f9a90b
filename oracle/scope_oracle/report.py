"""Reports: what was found, as text for a terminal, as JSON, and as one HTML page.

A transcript is shown as an exchange: one line an event, the lines that carry nothing left out, and an arrow
at the event that breaks a clause. `Line` is that exchange as data, which each of the renderings lays out.

The JSON form of a result has the members `scopelaw` (1, the version of this form), `subject`, `version`,
`revision`, `readings` (those that differ from the defaults), `seed`, `examples`, `complete`, `clauses` and
`broken`. Each of `clauses` has `clause`, `title`, `state` ("holds", "broken" or "not reached"), `reached`,
and `verdict` where it is broken. Each of `broken` has `clause`, `verdict`, `event`, `because`, `reading` if
it rests on one, `replay`, and `transcript`, the list of its lines. Members may be added; none will change its
meaning.
"""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from string import Template
from typing import Final, Literal, assert_never

from rich.console import Console
from rich.text import Text

from scope_judge.findings import DEFAULT_READINGS, Finding
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
    Header,
    ProtectedResourceMetadata,
    ResourceRequest,
    ResourceResponse,
    TokenExpired,
    TokenRequest,
    TokenResponse,
    Transcript,
    WireScope,
)
from scope_model.policies import Policy
from scope_properties.episodes import Plan
from scope_spec import CLAUSES, READINGS, VERDICTS, Clause, Reading, Revision, Verdict

from .checking import Broken, Result
from .comparing import Difference
from .history import History, Life
from .subjects import DRIVEN, PYTHON_SDK
from .transcripts import records

FORM: Final = 1
"""The version of the JSON form of a result."""

SEVERITY: Final[Mapping[Verdict, int]] = {verdict: -place for place, verdict in enumerate(VERDICTS)}
"""How bad a verdict is: more is worse."""


# --- an exchange, as data -------------------------------------------------------------------------


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
) -> Exchange:
    """Tell a transcript, up to the event `until`, with every mark at its event."""
    teller = _Teller(transcript.events, shows_metadata=shows_metadata)
    lines = []
    for at, event in enumerate(transcript.events):
        line, marked = teller.tell(at, event), tuple(marks.get(at, ()))
        if not teller.carries_nothing(line, event) or marked:
            lines.append(replace(line, marks=marked))
        if at == until:
            break
    return Exchange(tuple(lines), teller.cast)


def exchange_of(transcript: Transcript, finding: Finding) -> Exchange:
    """What leads to a finding, and why it is one."""
    marks = {finding.event: (finding.because,)}
    return exchange(transcript, marks, until=finding.event, shows_metadata=finding.clause.startswith("META"))


_NUMBERS: Final = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_LONGEST: Final = 300
_LONG_TOKEN: Final = 8


def shown(text: str) -> str:
    """A text from elsewhere, safe to print: no control characters, and not without end."""
    if len(text) > _LONGEST:
        text = text[:_LONGEST] + "…"
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _scope(scope: WireScope) -> str:
    match scope:
        case None:
            return "without scope"
        case str():
            return f"scope={shown(scope) or chr(34) * 2}"
        case _:
            return "  ".join(f"scope={shown(each)}" for each in scope)


class _Teller:
    """Turns events into lines; it knows the parties' short names, and which grant a token answers."""

    def __init__(self, events: Sequence[Event], *, shows_metadata: bool) -> None:
        found: dict[str, dict[str, None]] = {
            member: {} for member in ("resource", "issuer", "access_token", "refresh_token")
        }
        for event in events:
            for member, names in found.items():
                name = getattr(event, member, None)
                if name is not None:
                    names[name] = None
        self._servers, self._issuers = _named("server", found["resource"]), _named("AS", found["issuer"])
        self._tokens = _numbered("t", found["access_token"]) | _numbered("r", found["refresh_token"])
        self._published: dict[str, str] = {}
        self._shows_metadata = shows_metadata
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
                listed = f"metadata  {_listed(event.scopes_supported)}"
                return Line(at, self._server(event.resource), client, listed)
            case AuthorizationServerMetadata():
                return Line(at, self._issuer(event.issuer), client, f"metadata  {_listed(event.scopes_supported)}")
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
            return f"refused: {shown(event.error or 'no token')}", self._for(event.resource)
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


def _listed(scopes: tuple[str, ...] | None) -> str:
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


# --- an exchange, as text -------------------------------------------------------------------------

_WIDEST: Final = 46
"""Where the column of what is said ends at the latest, so that one long line does not spread all others."""


def exchange_text(told: Exchange, width: int) -> Iterator[Text]:
    """An exchange in aligned columns, each mark beside its line where there is room, else below."""
    speakers = max((len(line.speaker) for line in told.lines), default=0)
    hearers = max((len(line.hearer) for line in told.lines), default=0)
    said = min(max((len(line.says) for line in told.lines if line.aside), default=0), _WIDEST)
    for name, what in told.cast.items():
        yield Text(f"  {name} is {what}", style="dim")
    for line in told.lines:
        start = f"  {line.speaker:<{speakers}}  {'→' if line.hearer else ' '}  {line.hearer:<{hearers}}  "
        row = Text(start + f"{line.says:<{said}}")
        if line.aside:
            row.append(f"  {line.aside}", style="dim")
        row.rstrip()
        below: list[Text] = [Text(" " * len(start) + more) for more in line.more]
        for mark in line.marks:
            if not below and "←" not in row.plain and len(row) + len(mark) + 4 <= width:
                row.append(f"  ← {mark}", style="bold red")
            else:
                below += _hanging(len(start) * " " + "↑ ", mark, width, "bold red")
        yield row
        yield from below


def _hanging(label: str, text: str, width: int, style: str = "") -> list[Text]:
    """A text that hangs from its label, within a width."""
    room = max(width - len(label), 24)
    lines = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) or [""]
    return [
        Text((label if first else " " * len(label)) + line, style=style)
        for first, line in zip([True] + [False] * (len(lines) - 1), lines, strict=True)
    ]


def rule(clause: Clause, revision: Revision) -> str:
    """What a clause says, and where that is written."""
    source = next((each for each in clause.sources if revision in each.document), clause.sources[0])
    return f"{clause.says.rstrip('.')} ({source.document}, {source.section})"


def reading_line(reading: Reading, value: str) -> str:
    """The reading on which a verdict rests, and what else it could be."""
    others = [each for each in reading.values if each != value]
    return f"{reading.id} {reading.name}={value}; the documents also allow {', '.join(others)}"


def finding_text(
    finding: Finding,
    transcript: Transcript,
    *,
    readings: Mapping[str, str],
    replay: str | None,
    width: int,
) -> Iterator[Text]:
    """One finding in full: the exchange that leads to it, why it is one, and how to see it again."""
    header = transcript.header
    client = " ".join(filter(None, (shown(header.client_name), shown(header.client_version or ""))))
    title = Text(f"{finding.clause}  ", style="bold")
    title.append(finding.verdict, style=_STYLES[finding.verdict])
    yield title.append(f"  {client}", style="not bold")
    yield from exchange_text(exchange_of(transcript, finding), width)
    yield from _hanging("  because:  ", rule(CLAUSES[finding.clause], header.revision), width)
    if finding.reading is not None:
        value = {**DEFAULT_READINGS, **readings}[finding.reading]
        yield from _hanging("  reading:  ", reading_line(READINGS[finding.reading], value), width)
    if replay is not None:
        # Never wrapped: it is there to be copied.
        yield Text(f"  replay:   {replay_command(_tested(header), readings, replay)}")


def release_of(subject: str, version: str) -> str:
    """A release of an SDK, as it is named on the command line."""
    return f"{subject} --sdk-version {version}"


def _tested(header: Header) -> str:
    """What was put under test, as it is named on the command line: the installed Python SDK needs no release."""
    name, release = header.client_name, header.client_version
    installed = name == PYTHON_SDK and find_spec("mcp") is not None and release == version("mcp")
    return name if release is None or name not in DRIVEN or installed else release_of(name, release)


def replay_command(subject: str, readings: Mapping[str, str], replay: str) -> str:
    """The command that shows a finding again; the revision is part of the episode."""
    chosen = "".join(
        f" --reading {READINGS[id_].name}={value}" for id_, value in readings.items() if value != DEFAULT_READINGS[id_]
    )
    return f"scopelaw check {subject}{chosen} --replay '{replay}'"


def transcript_text(
    transcript: Transcript, findings: Sequence[Finding], *, readings: Mapping[str, str], width: int
) -> Iterator[Text]:
    """A whole transcript with all that was found in it, and the rules behind."""
    header = transcript.header
    client = " ".join(filter(None, (shown(header.client_name), shown(header.client_version or ""))))
    yield Text(f"{client}, {header.revision}", style="bold")
    marks: dict[int, list[str]] = {}
    for finding in findings:
        marks.setdefault(finding.event, []).append(f"{finding.clause} {finding.verdict}: {finding.because}")
    yield from exchange_text(exchange(transcript, marks), width)
    if not findings:
        yield Text("  nothing found", style="green")
    for clause in dict.fromkeys(finding.clause for finding in findings):
        yield from _hanging(f"  {clause}:  ", rule(CLAUSES[clause], header.revision), width)
    for id_ in dict.fromkeys(finding.reading for finding in findings):
        if id_ is not None:
            value = {**DEFAULT_READINGS, **readings}[id_]
            yield from _hanging("  reading:  ", reading_line(READINGS[id_], value), width)


# --- the result of a check ------------------------------------------------------------------------

State = Literal["holds", "broken", "not reached"]

_STYLES: Final[Mapping[str, str]] = {
    "violates": "bold red",
    "discouraged": "yellow",
    "unspecified": "cyan",
    "holds": "green",
    "not reached": "dim",
}


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one clause."""

    clause: Clause
    state: State
    reached: int
    verdict: Verdict | None
    broken: tuple[Broken, ...]


def rows(result: Result) -> list[Row]:
    """A row for each clause that a transcript can break at this revision, in the catalogue's order."""
    found = []
    for clause in CLAUSES.values():
        if not clause.binds_at(result.revision) or clause.excluded or clause.unjudged:
            continue
        broken = tuple(each for each in result.broken if each.finding.clause == clause.id)
        verdict = max((each.finding.verdict for each in broken), key=SEVERITY.__getitem__, default=None)
        reached = result.reached.get(clause.id, 0)
        state: State = "broken" if broken else "holds" if reached else "not reached"
        found.append(Row(clause, state, reached, verdict, broken))
    return found


def summary(result: Result) -> list[str]:
    """What a result comes to: what was run, what came of it, and which clauses no run can judge."""
    version = f" {shown(result.version)}" if result.version else ""
    ran = f"{shown(result.subject)}{version}, {result.revision}: {result.examples} episodes, seed {result.seed}"
    states = [row.state for row in rows(result)]
    counts = f"{states.count('holds')} clauses hold, {states.count('broken')} broken, "
    counts += f"{states.count('not reached')} not reached"
    excluded = sum(clause.excluded is not None for clause in CLAUSES.values())
    kept = sum(clause.unjudged is not None for clause in CLAUSES.values())
    elsewhere = len(CLAUSES) - excluded - kept - len(states)
    apart = f"{excluded} more are excluded and {kept} are kept by the model's laws alone"
    if elsewhere:
        apart += f"; {elsewhere} do not bind at {result.revision}"
    return [
        ran if result.complete else f"{ran}; interrupted, and this is what was found so far",
        counts,
        f"{apart}: see scopelaw explain",
    ]


def result_text(result: Result, *, readings: Mapping[str, str], width: int) -> Iterator[Text]:
    """A row a clause, then each broken one in full, then what it comes to."""
    ran, counts, apart = summary(result)
    table = rows(result)
    clauses = max(len(row.clause.id) for row in table)
    states = max(len(_state(row)) for row in table)
    yield Text(ran, style="bold")
    yield Text()
    yield Text(f"  {'clause':<{clauses}}  {'':<{states}}  reached", style="dim")
    for row in table:
        line = Text(f"  {row.clause.id:<{clauses}}  ")
        line.append(f"{_state(row):<{states}}", style=_STYLES[row.verdict or row.state])
        line.append(f"  {row.reached or '':>7}  {row.clause.title}")
        line.truncate(max(width, 60), overflow="ellipsis")
        yield line
    for broken in (each for row in table for each in row.broken):
        yield Text()
        yield from finding_text(broken.finding, broken.transcript, readings=readings, replay=broken.replay, width=width)
    yield Text()
    yield Text(counts)
    yield from _hanging("", apart, width, "dim")


def _state(row: Row) -> str:
    return row.state if row.verdict is None else f"broken ({row.verdict})"


def result_json(result: Result, *, readings: Mapping[str, str]) -> dict[str, object]:
    """The JSON form of a result, as this module describes it."""
    return {
        "scopelaw": FORM,
        "subject": result.subject,
        "version": result.version,
        "revision": result.revision,
        "readings": {id_: value for id_, value in readings.items() if value != DEFAULT_READINGS[id_]},
        "seed": result.seed,
        "examples": result.examples,
        "complete": result.complete,
        "clauses": [
            {"clause": row.clause.id, "title": row.clause.title, "state": row.state, "reached": row.reached}
            | ({} if row.verdict is None else {"verdict": row.verdict})
            for row in rows(result)
        ],
        "broken": [
            finding_json(broken.finding) | {"replay": broken.replay, "transcript": list(records(broken.transcript))}
            for broken in result.broken
        ],
    }


def finding_json(finding: Finding) -> dict[str, object]:
    """The JSON form of a finding."""
    form: dict[str, object] = {
        "clause": finding.clause,
        "verdict": finding.verdict,
        "event": finding.event,
        "because": finding.because,
    }
    return form if finding.reading is None else form | {"reading": finding.reading}


# --- a history ------------------------------------------------------------------------------------


def history_text(subject: str, history: History) -> Iterator[Text]:
    """A row for each finding: from which release on, and until which."""
    yield Text(f"{subject}, {history.releases[0]} to {history.releases[-1]}", style="bold")
    yield Text(f"  ran {', '.join(history.ran)}", style="dim")
    for release, because in history.useless.items():
        yield Text(f"  passed over {release}: {because}", style="dim")
    for life in history.lives:
        finding = life.broken.finding
        line = Text(f"  {finding.clause:<10}")
        line.append(f"{finding.verdict:<12}", style=_STYLES[finding.verdict])
        yield line.append(f"  {life_line(life, history):<16}  {finding.because}")


def life_line(life: Life, history: History) -> str:
    """From which release on a finding is seen, and until which."""
    begun = "in all" if life.first == history.releases[0] else f"since {life.first}"
    return begun if life.gone is None else f"gone in {life.gone}"


def history_json(subject: str, history: History) -> dict[str, object]:
    """The JSON form of a history."""
    return {
        "scopelaw": FORM,
        "subject": subject,
        "releases": list(history.releases),
        "ran": list(history.ran),
        "useless": dict(history.useless),
        "lives": [
            finding_json(life.broken.finding) | {"first": life.first, "gone": life.gone, "replay": life.broken.replay}
            for life in history.lives
        ],
    }


# --- a difference ---------------------------------------------------------------------------------


def difference_text(difference: Difference | None, left: str, right: str, *, width: int) -> Iterator[Text]:
    """The world in which two subjects differ, then what each does in it, up to the request that differs."""
    if difference is None:
        yield Text(f"no difference found: {left} and {right} ask for the same scopes", style="green")
        return
    yield Text(f"{left} and {right} differ", style="bold")
    yield from _world_text(difference.episode.plan, width)
    asked = [_asked(at, scope) for at, scope in zip(difference.events, difference.requested, strict=True)]
    for side, name in enumerate((left, right)):
        transcript, at = difference.transcripts[side], difference.events[side]
        mark = f"{asked[side]}; {(right, left)[side]} {asked[1 - side]}"
        yield Text()
        yield Text(name, style="bold")
        yield from exchange_text(exchange(transcript, {} if at is None else {at: (mark,)}, until=at), width)
        if at is None:
            yield from _hanging("  ↑ ", mark, width, "bold red")
        yield Text(f"  replay:   {replay_command(name, {}, difference.replay)}")


def _asked(at: int | None, scope: WireScope) -> str:
    if at is None:
        return "asks no more"
    match scope:
        case None:
            return "leaves scope out"
        case str():
            return f"asks for {shown(scope) or 'the empty scope'}"
        case _:
            return f"asks for {shown(' and '.join(scope))}, in several parameters"


def _world_text(plan: Plan, width: int) -> Iterator[Text]:
    """The servers of a plan and how its client is set up, in a line each."""
    servers = plan.servers
    for resource in servers.resources.values():
        needs = "; ".join(f"{name} needs {needed or 'nothing'}" for name, needed in resource.needs.items())
        listed = f"its metadata {_listed(resource.scopes_supported)} and names {resource.issuer}"
        yield from _hanging("  server:  ", f"{resource.resource}: {needs}; {listed}", width, "dim")
    for issuer in servers.issuers.values():
        default = f"grants {issuer.default or 'nothing'} where nothing is asked"
        about = f"{issuer.issuer}: its metadata {_listed(issuer.scopes_supported)}; it {default}"
        yield from _hanging("  AS:      ", about, width, "dim")
    configured = "no scopes configured" if plan.configured is None else f"configured with {plan.configured}"
    refresh = "wants" if plan.wants_refresh_token else "does not want"
    about = f"{configured}; {refresh} refresh tokens; {plan.grant_type}; {plan.revision}"
    yield from _hanging("  client:  ", about, width, "dim")


def difference_json(difference: Difference | None, left: str, right: str) -> dict[str, object]:
    """The JSON form of a comparison: `difference` is null where there is none."""
    form: dict[str, object] = {"scopelaw": FORM, "left": left, "right": right, "difference": None}
    if difference is not None:
        form["difference"] = {
            "events": difference.events,
            "requested": difference.requested,
            "replay": difference.replay,
            "transcripts": [list(records(transcript)) for transcript in difference.transcripts],
        }
    return form


# --- explanations ---------------------------------------------------------------------------------

Notes = Iterable[tuple[str, str]]
"""What is known of something: labels and texts, in order."""


def explanation_text(name: str, title: str, notes: Notes, width: int) -> Iterator[Text]:
    """Something in full: its name, its title, and a paragraph for each thing that is known of it."""
    yield Text(f"{name}  {title}".rstrip(), style="bold")
    before = None
    for label, text in notes:
        yield from _hanging(f"  {'' if label == before else label:<12}  ", text, width)
        before = label


def clause_notes(clause: Clause) -> Notes:
    """All that the catalogue says of a clause."""
    yield "says", clause.says
    yield "level", f"{clause.level}, for the {' and the '.join(clause.binds)}"
    yield "verdict", f"a client that breaks it {_BREAKING[clause.verdict]} ({clause.verdict})"
    yield "rests on", clause.rests_on
    for source in clause.sources:
        yield "sources", f"{source.document}, {source.section}: {source.link}"
    yield "revisions", ", ".join(clause.revisions)
    yield "observed on", ", ".join(clause.observed)
    for id_ in clause.readings:
        yield "readings", f"{id_} {READINGS[id_].name}: {READINGS[id_].tension}"
    for check in clause.conformance_check:
        yield "official", f"{check} in the conformance suite of MCP"
    optional = (("differs", clause.differs), ("excluded", clause.excluded), ("unjudged", clause.unjudged))
    yield from ((label, text) for label, text in optional if text is not None)


_BREAKING: Final[Mapping[Verdict, str]] = {
    "violates": "does what is forbidden",
    "discouraged": "does what it should not",
    "unspecified": "departs from how the documents are read here",
}


def reading_notes(reading: Reading) -> Notes:
    """All that the catalogue says of a reading."""
    yield "tension", reading.tension
    for alternative in reading.alternatives:
        default = " (the default)" if alternative.value == reading.default else ""
        yield "values", f"{alternative.value}{default}: {alternative.says}"
    yield "because", reading.because
    yield "clauses", ", ".join(f"{id_} {CLAUSES[id_].title}" for id_ in reading.clauses)
    for source in reading.sources:
        yield "sources", f"{source.document}, {source.section}: {source.link}"
    yield "choose", f"--reading {reading.name}={reading.values[-1]}"


def policy_notes(policy: Policy) -> Notes:
    """A policy as its sentence, where that is from, and what it selects."""
    yield "says", policy.says
    yield "source", policy.source
    yield "select", repr(policy.select)
    yield "step_up", repr(policy.step_up or policy.select)
    yield "reauthorize", repr(policy.reauthorize or policy.select)
    yield "omitted", f"a token response without scope: {policy.on_omitted_scope}"
    yield "configured", f"what the caller configured: {policy.configured_mode}"
    yield "attempts", str(policy.attempts)


# --- one page -------------------------------------------------------------------------------------

_PAGE: Final = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>$title</title>
<style>
:root { color-scheme: light dark; --dim: #666; --good: #197a35; --bad: #c62828; --so: #8a5d00; }
@media (prefers-color-scheme: dark) { :root { --dim: #999; --good: #5fc77c; --bad: #ff7b72; --so: #e3b341; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 68rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.3rem; }
summary, .row { display: grid; grid-template-columns: 6.5rem 13rem 4.5rem 1fr; gap: .8rem; }
summary, .row { padding: .25rem .4rem; }
summary { cursor: pointer; }
summary:hover, summary:focus-visible { background: #8882; }
details, .row { border-top: 1px solid #8884; }
.n { text-align: right; color: var(--dim); font-variant-numeric: tabular-nums; }
.holds { color: var(--good); } .violates { color: var(--bad); font-weight: 600; }
.discouraged { color: var(--so); font-weight: 600; } .unspecified { font-weight: 600; }
.dim, .not-reached { color: var(--dim); }
.trace { overflow-x: auto; margin: .5rem 0 1rem 1rem; }
table { border-collapse: collapse; font: .85rem/1.6 ui-monospace, monospace; }
td { padding: 0 .9rem 0 0; white-space: pre; vertical-align: top; }
td.mark { color: var(--bad); white-space: normal; min-width: 14rem; }
td.more { white-space: pre-wrap; overflow-wrap: anywhere; }
code { font-size: .85rem; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: 5.5rem 1fr; margin: .5rem 0; }
dt { color: var(--dim); } dd { margin: 0; }
@media (max-width: 40rem) {
  summary, .row { grid-template-columns: 5rem 1fr 3rem; }
  .title { grid-column: 1 / -1; }
}
</style>
</head>
<body>
<h1>$title</h1>
<p>$counts</p>
<main>
$rows
</main>
<p class="dim">$apart</p>
</body>
</html>
""")


def result_html(result: Result, *, readings: Mapping[str, str]) -> str:
    """A result as one page without scripts: a row a clause, which opens into its trace."""
    ran, counts, apart = summary(result)
    return _PAGE.substitute(
        title=escape(f"scopelaw: {ran}"),
        counts=escape(counts),
        apart=escape(apart),
        rows="\n".join(_row_html(row, readings) for row in rows(result)),
    )


def _row_html(row: Row, readings: Mapping[str, str]) -> str:
    cells = (
        f"<span>{row.clause.id}</span>"
        f'<span class="{row.verdict or row.state.replace(" ", "-")}">{_state(row)}</span>'
        f'<span class="n">{row.reached}</span><span class="title">{escape(row.clause.title)}</span>'
    )
    if not row.broken:
        return f'<div class="row">{cells}</div>'
    traces = "".join(_broken_html(broken, readings) for broken in row.broken)
    return f'<details id="{row.clause.id}"><summary>{cells}</summary>{traces}</details>'


def _broken_html(broken: Broken, readings: Mapping[str, str]) -> str:
    finding, header = broken.finding, broken.transcript.header
    told = exchange_of(broken.transcript, finding)
    lines = "".join(_line_html(line) for line in told.lines)
    cast = "".join(f"<p>{escape(name)} is {escape(what)}</p>" for name, what in told.cast.items())
    command = replay_command(_tested(header), readings, broken.replay)
    notes = [("because", escape(rule(CLAUSES[finding.clause], header.revision)))]
    if finding.reading is not None:
        value = {**DEFAULT_READINGS, **readings}[finding.reading]
        notes.append(("reading", escape(reading_line(READINGS[finding.reading], value))))
    notes += [
        (
            "sources",
            ", ".join(_link(each.document, each.section, each.link) for each in CLAUSES[finding.clause].sources),
        ),
        ("replay", f"<code>{escape(command)}</code>"),
    ]
    listed = "".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in notes)
    return f'<div class="trace">{cast}<table>{lines}</table><dl>{listed}</dl></div>'


def _link(document: str, section: str, link: str) -> str:
    return f'<a href="{escape(link)}">{escape(f"{document}, {section}")}</a>'


def _line_html(line: Line) -> str:
    marks = escape("; ".join(line.marks))
    cells = (
        f"<td>{line.speaker}</td><td>{'→' if line.hearer else ''}</td><td>{line.hearer}</td>"
        f'<td>{escape(line.says)}</td><td class="dim">{escape(line.aside)}</td>'
    )
    # A header may be long: in a row of its own it pushes no mark out of sight.
    more = "".join(
        f'<tr><td colspan="3"></td><td colspan="3" class="more">{escape(each)}</td></tr>' for each in line.more
    )
    return f"<tr>{cells}<td class='mark'>{'← ' + marks if marks else ''}</td></tr>{more}"


def write_whole(path: Path, text: str) -> None:
    """Write a file whole or not at all: whoever reads it meanwhile sees the old one."""
    if path.exists() and not path.is_file():  # a device or a pipe is written to, never replaced
        path.write_text(text, "utf-8", "backslashreplace")
        return
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fresh.write_text(text, "utf-8", "backslashreplace")
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


# --- printing -------------------------------------------------------------------------------------

_PLAIN: Final = str.maketrans({"→": "->", "←": "<-", "↑": "^", "…": "...", "∪": "+", "⊆": "<="})


def show(console: Console, lines: Iterable[Text]) -> None:
    """Print lines as they are: not wrapped, and in ASCII where the terminal knows no more."""
    unicode = console.encoding.lower().startswith("utf")
    for line in lines:
        if not unicode:
            line.plain = line.plain.translate(_PLAIN)
        console.print(line, soft_wrap=True)

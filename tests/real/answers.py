"""What servers answer, in words that are the same for a real server and for ours: read off a HAR file's entries."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, parse_qsl, urlsplit

from drivers.reference import BACK
from scope_model.challenges import MalformedChallenge, bearer_challenge, parse_challenges
from scope_model.events import AUTHORIZATION_CODE, OFFLINE, OFFLINE_ACCESS, REFRESH_TOKEN
from scope_model.scopes import NO_SCOPES, ScopeSet, read_scope


class Answer(NamedTuple):
    """What was asked, and how it was answered."""

    asked: str
    how: str


# Any: JSON from elsewhere.
Json = Any
Parameters = Mapping[str, Sequence[str]]

_AN_HOUR: Final = 3_600


@dataclass
class Observer:
    """Tells the answers in one recording, one exchange after the other."""

    _asked: dict[str, str | None] = field(default_factory=dict)
    """What the authorization request asked for that a code answers."""
    _carries: dict[str, ScopeSet] = field(default_factory=dict)
    """What a token, of whichever kind, is known to carry."""
    _authorizing: Parameters = field(default_factory=dict)
    _listed: set[str] = field(default_factory=set)

    def observe(self, entry: Json) -> Iterator[Answer]:
        """What one exchange shows."""
        request, response = entry["request"], entry["response"]
        url = urlsplit(request["url"])
        status, document = response["status"], _document(response["content"]["text"])
        query, sent = parse_qs(url.query), request.get("postData", {}).get("text", "")
        form, message = parse_qs(sent), _document(sent)
        if "/.well-known/" in url.path:
            yield from self._metadata(url.path, status, document)
        elif "response_type" in query:
            self._authorizing = query
        elif "grant_type" in form:
            told = response["content"]["text"]
            yield from self._token(form, status, document or dict(parse_qsl(told, keep_blank_values=True)))
        elif "redirect_uris" in message:
            yield _registration(message, status, document)
        elif "jsonrpc" in message:
            yield from self._call(request, response)
        for place in _headers(response, "location"):
            if place.startswith(BACK):
                yield self._authorized(parse_qs(urlsplit(place).query))

    def _metadata(self, path: str, status: int, document: Json) -> Iterator[Answer]:
        of_resource = "oauth-protected-resource" in path
        whose = "resource metadata" if of_resource else "authorization server metadata"
        if status != 200:
            yield Answer(whose, f"{status}")
            return
        listed = document.get("scopes_supported")
        if of_resource:
            self._listed = set(listed or ())
            how = "no list of scopes" if listed is None else "an empty list of scopes" if not listed else "lists scopes"
        elif listed is None:
            how = "no list of scopes"
        else:
            how = "lists no scope of the resource" if not self._listed & {*listed} else "lists scopes of the resource"
            how += f", and {'' if OFFLINE_ACCESS in listed else 'not '}offline_access"
        yield Answer(whose, how)

    def _authorized(self, back: Parameters) -> Answer:
        scope = _one(self._authorizing, "scope")
        asked = "authorization request" if scope else "authorization request without scope"
        code, error = _one(back, "code"), _one(back, "error")
        if code is not None:
            self._asked[code] = scope
        return Answer(asked, f"{'a code' if error is None else error}, with {_all_of(set(back) - {'code', 'error'})}")

    def _token(self, form: Parameters, status: int, document: Json) -> Iterator[Answer]:
        grant_type = _one(form, "grant_type") or ""
        if grant_type not in _CALLED:
            return
        called = _CALLED[grant_type]
        if status != 200:
            error = f"{status} {document.get('error')}"
            more = set(document) - {"error"}
            yield Answer(f"token request with {called}", f"{error}, with {_all_of(more)}" if more else error)
            return
        used = _one(form, "refresh_token")
        asked = _one(form, "scope") or (self._scope_of(used) if used else self._asked.get(_one(form, "code") or ""))
        stated, renewed = document.get("scope"), document.get("refresh_token")
        yield Answer(f"scope in the answer to {called}", _said(asked, stated))
        yield Answer(f"refresh token in the answer to {called}", _renewed(used, renewed, asked))
        yield Answer("lifetime of an access token", _lifetime(document.get("expires_in", "")))
        yield Answer("token_type", document["token_type"])
        granted = read_scope((stated if stated is not None else asked) or "")
        self._carries[document["access_token"]] = granted
        if renewed is not None:
            self._carries[renewed] = self._carries.get(used or "", granted)

    def _scope_of(self, token: str) -> str | None:
        return str(self._carries[token]) if token in self._carries else None

    def _call(self, request: Json, response: Json) -> Iterator[Answer]:
        token = "".join(_headers(request, "authorization")).removeprefix("Bearer ")
        status, lines = response["status"], _headers(response, "www-authenticate")
        if status not in (401, 403):
            yield Answer(
                "call that is served", f"{status}, {''.join(_headers(response, 'content-type')).split(';')[0]}"
            )
            return
        presented = "a token" if token else "no token"
        called = f"call with {presented} that is answered {status}"
        challenges = parse_challenges(lines)
        bearer = bearer_challenge(challenges)
        if bearer is None:
            yield Answer(called, "no challenge")
            return
        error, names = bearer.get("error"), {name for name, _ in bearer.parameters} - {"error"}
        # What a challenge says beside is in the order and the spelling of the server, which change nothing here.
        yield Answer(called, f"{error or 'no error'}, with {_all_of(names & _OF_A_CHALLENGE)}")
        if any(isinstance(each, MalformedChallenge) for each in challenges):
            legible = bearer.parameters[-1][0] if bearer.parameters else "the scheme"
            yield Answer("challenge that is malformed", f"legible as far as {legible}")
        yield Answer(f"scope in a {status}", _named(bearer.get("scope"), self._carries.get(token, NO_SCOPES)))
        place = bearer.get("resource_metadata")
        if place is not None:
            inserted = urlsplit(place).path.startswith("/.well-known/")
            yield Answer(
                "place of the resource metadata", f"well-known name {'before' if inserted else 'after'} the path"
            )


_CALLED: Final = {AUTHORIZATION_CODE: "a code", REFRESH_TOKEN: "a refresh token"}
_OF_A_CHALLENGE: Final = {"scope", "resource_metadata", "error_description"}


def answers(entries: Iterable[Json]) -> list[Answer]:
    """All that the exchanges of one recording show, in their order."""
    observer = Observer()
    return [answer for entry in entries for answer in observer.observe(entry)]


def _registration(message: Json, status: int, document: Json) -> Answer:
    if status != 201:
        return Answer("registration", f"{status} {document.get('error')}")
    kind = "a client with a secret" if "client_secret" in document else "a public client"
    scope = "" if message.get("scope") == document.get("scope") else ", with another scope"
    return Answer("registration", f"{kind}{scope}")


def _said(asked: str | None, stated: str | None) -> str:
    """What the scope of a token response is to what was asked for."""
    wanted, said = read_scope(asked or ""), read_scope(stated or "")
    if stated is None:
        return "left out"
    if not said:
        return "empty"
    if not wanted:
        return "named, where none was asked for"
    if said == wanted:
        return "echoed" if str(said) == str(wanted) else "echoed in another order"
    if wanted - said == OFFLINE and said <= wanted:
        return "all but offline_access"
    return "narrowed" if said <= wanted else "widened" if wanted <= said else "exchanged"


def _renewed(used: str | None, renewed: str | None, asked: str | None) -> str:
    if used is not None:
        return "none" if renewed is None else "the same again" if used == renewed else "another"
    wanted = "" if OFFLINE_ACCESS in read_scope(asked or "") else "not "
    return f"{'none' if renewed is None else 'one'}, where offline_access was {wanted}asked for"


def _lifetime(seconds: int | str) -> str:
    return "not told" if seconds == "" else "an hour or more" if int(seconds) >= _AN_HOUR else "less than an hour"


def _named(scope: str | None, held: ScopeSet) -> str:
    """What a challenge names, to what the token carries."""
    if scope is None:
        return "none is named"
    named = read_scope(scope)
    if not named:
        return "empty"
    if not held:
        return "scopes are named"
    if not named - held:
        return "only what the token carries"
    if not named & held:
        return "only what the token lacks"
    return "what the token lacks, and what it carries"


def _all_of(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"


def _document(text: str) -> Json:
    """The JSON object that a body is, empty where it is none."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _headers(message: Json, name: str) -> list[str]:
    return [each["value"] for each in message["headers"] if each["name"].lower() == name]


def _one(parameters: Parameters, name: str) -> str | None:
    return next(iter(parameters.get(name, ())), None)

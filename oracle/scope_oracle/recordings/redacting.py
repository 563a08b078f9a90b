"""Redaction: every secret of a recording replaced by a stable name, so that it may be attached to a public issue.

Replaced are tokens, codes, verifiers, secrets, states, nonces, client ids, user info, what stands in a URL's path
beside the words that OAuth and MCP use there, and the values of its query. Equal values have equal names, so that the
recording is judged as before. Scopes, the spelling of challenges, host names and names of operations are kept: they
are what a report is about.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Final
from urllib.parse import urlencode

from scope_model.events import (
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
)

from .exchanges import STRUCK_OUT, Parameters, parameters, struck_out

WORDS: Final = frozenset(
    (
        *(
            "mcp",
            "sse",
            "message",
            "messages",
            "stream",
            "api",
            "tools",
            "metadata",
            "rs",
            "as",
            "idp",
            "server",
            "servers",
        ),
        *(".well-known", "oauth-protected-resource", "oauth-authorization-server", "openid-configuration"),
        *(
            "oauth",
            "oauth2",
            "oauth2.0",
            "oidc",
            "openid",
            "openid-connect",
            "connect",
            "protocol",
            "auth",
            "par",
            "request",
        ),
        *(
            "authorize",
            "authorization",
            "token",
            "tokens",
            "device",
            "device_authorization",
            "register",
            "registration",
        ),
        *(
            "reg",
            "clients-registrations",
            "login",
            "logout",
            "consent",
            "callback",
            "cb",
            "realms",
            "common",
            "default",
        ),
        *("organizations", "consumers", "public"),
    )
)
"""What a path may hold without telling whose it is; so may a version, such as v2."""

PLURALS: Final = {
    "t": "access tokens",
    "r": "refresh tokens",
    "p": "path segments",
    "u": "user names",
    "n": "nonces",
    "s": "states and sessions",
    "k": "codes and verifiers",
    "c": "client ids",
    "x": "other values",
}
"""What is replaced, by the letter that its names begin with."""

KEPT: Final = frozenset(
    (
        *(
            "response_type",
            "response_mode",
            "grant_type",
            "prompt",
            "scope",
            "error",
            "token_type",
            "expires_in",
            "display",
        ),
        *(
            "code_challenge_method",
            "client_assertion_type",
            "token_endpoint_auth_method",
            "application_type",
            "max_age",
        ),
        *("subject_token_type", "requested_token_type", "transportType"),
    )
)
"""Parameters whose values are words of a protocol, or what a report is about."""
_URLS: Final = frozenset(["redirect_uri", "resource", "url", "iss", "issuer", "audience", "error_uri", "jwks_uri"])
_LETTERS: Final = {
    "access_token": "t",
    "subject_token": "t",
    "refresh_token": "r",
    "state": "s",
    "nonce": "n",
    "code": "k",
    "code_verifier": "k",
    "code_challenge": "k",
    "device_code": "k",
    "user_code": "k",
    "client_id": "c",
}
_VERSION: Final = re.compile(r"v?\d{1,2}(?:\.\d{1,3})*|\d{4}-\d\d-\d\d")
_IN_A_TEXT: Final = re.compile(
    r"""(?P<url>(?<![\w+.-])[A-Za-z0-9+.-]*://[^\s"'<>,]+)"""
    r"|(?P<user>(?<![\w.+-])[\w.+-]+@[\w-]+\.[\w.-]+)"
    r"|(?P<random>(?<![\w.~+-])[\w.~+-]{24,}=*)"
)
"""What may tell whose a text is: URLs, addresses, and what is too long to be a word."""
_IN_A_LINE: Final = re.compile(
    r'(?P<kept>\b(?:scope|error)\s*=\s*(?:"(?:\\.|[^"\\])*"|[^\s,"]+))'
    r'|(?P<nonce>\bnonce\s*=\s*)(?:"(?P<quoted>[^"]*)"|(?P<bare>[^\s,"]+))',
    re.IGNORECASE,
)
"""What is kept in a line of WWW-Authenticate, and what is a secret there."""


class Redactor:
    """Replaces secrets, the same one by the same name; `names` are those that it gave, by their letter."""

    def __init__(self) -> None:
        self.names: dict[str, dict[str, str]] = {letter: {} for letter in PLURALS}
        # Most of a recording is the same few URLs and lines over and over.
        self.url: Callable[[str], str] = lru_cache(maxsize=4096)(self._url)
        self.line: Callable[[str], str] = lru_cache(maxsize=4096)(self._line)

    def name(self, letter: str, secret: str) -> str:
        """The name of a secret; what somebody struck out before is none, and stays unknown."""
        known = self.names[letter]
        name = known.get(secret)
        if name is None:
            if struck_out(secret) or secret == STRUCK_OUT:
                return secret
            name = known[secret] = f"{letter}{len(known) + 1}"
        return name

    def summary(self) -> str:
        """What was replaced, in one sentence."""
        parts = [f"{len(known)} {PLURALS[letter]}" for letter, known in self.names.items() if known]
        return f"replaced {', '.join(parts)}" if parts else "there was nothing to replace"

    # --- texts ------------------------------------------------------------------------------------

    def _url(self, text: str) -> str:
        scheme, colon, rest = text.partition("://")
        if not colon:
            return self._opaque(text)
        rest, hash_, fragment = rest.partition("#")
        rest, mark, query = rest.partition("?")
        authority, slash, path = rest.partition("/")
        user, at, host = authority.rpartition("@")
        if not scheme.lower().startswith("http"):
            host = self._segment(host)
        path = "/".join(map(self._segment, path.split("/")))
        return "".join(
            (
                scheme,
                colon,
                self.name("u", user) + at,
                host,
                slash,
                path,
                mark and mark + self._query(query),
                hash_ and hash_ + self._query(fragment),
            )
        )

    def _opaque(self, text: str) -> str:
        """A name that is no URL: a plain word or a well-known URN is kept, and a path is one."""
        if text.startswith("/"):
            path, mark, query = text.partition("?")
            return "/".join(map(self._segment, path.split("/"))) + (mark and mark + self._query(query))
        if text.isalpha() or text.startswith("urn:ietf:"):
            return text
        return self.name("x", text)

    def _segment(self, segment: str) -> str:
        if not segment or segment in WORDS or _VERSION.fullmatch(segment):
            return segment
        return self.name("p", segment)

    def _query(self, query: str) -> str:
        given = parameters(query)
        return urlencode(self.given(given)) if given else self.name("x", query)

    def given(self, given: Parameters) -> list[tuple[str, str]]:
        """The parameters of a query or a form."""
        return [(name, self.value(name, value)) for name, value in given]

    def value(self, name: str, value: str) -> str:
        """The value of a parameter, or of a member of a message, by its name."""
        if name in KEPT:
            return value
        if name in _URLS or (name == "client_id" and "://" in value) or name.endswith("_endpoint"):
            return self.url(value)
        return self.name(_LETTERS.get(name, "x"), value)

    def _line(self, line: str) -> str:
        """A line of WWW-Authenticate: what it asks for and how it is spelled stays."""
        parts: list[str] = []
        at = 0
        for found in _IN_A_LINE.finditer(line):
            parts += (self.text(line[at : found.start()]), found["kept"] or self._nonce(found))
            at = found.end()
        return "".join((*parts, self.text(line[at:])))

    def _nonce(self, found: re.Match[str]) -> str:
        if found["quoted"] is not None:
            return f'{found["nonce"]}"{self.name("n", found["quoted"])}"'
        return found["nonce"] + self.name("n", found["bare"])

    def text(self, text: str) -> str:
        """Free text: the URLs, the addresses and the secrets in it are replaced."""
        return _IN_A_TEXT.sub(self._in_a_text, text)

    def _in_a_text(self, found: re.Match[str]) -> str:
        if found["url"] is not None:
            return self.url(found["url"])
        if found["user"] is not None:
            return self.name("u", found["user"])
        secret = found["random"]
        # A long word is a word; only a machine mixes letters and digits for so long.
        return self.name("x", secret) if re.search(r"\d", secret) else secret

    # --- events -----------------------------------------------------------------------------------

    def events(self, events: Iterable[Event]) -> Iterator[Event]:
        """Each event of a transcript, as it comes."""
        return map(self.event, events)

    def event(self, event: Event) -> Event:
        """An event with names in place of its secrets."""
        match event:
            case ResourceRequest(operation, token, resource):
                return ResourceRequest(operation, self._token("t", token), self._maybe(resource))
            case ResourceResponse(operation, status, lines, resource):
                return ResourceResponse(operation, status, tuple(map(self.line, lines)), self._maybe(resource))
            case TokenExpired(token):
                return TokenExpired(self.name("t", token))
            case CallStarted(resource=resource):
                return replace(event, resource=self._maybe(resource))
            case CallEnded(outcome=outcome):
                return replace(event, outcome=None if outcome is None else self.text(outcome))
            case ClientRestarted():
                return event
            case ProtectedResourceMetadata():
                return replace(
                    event,
                    resource=self._maybe(event.resource),
                    authorization_servers=tuple(map(self.url, event.authorization_servers)),
                    url=self._maybe(event.url),
                )
            case AuthorizationServerMetadata() | ClientRegistration():
                return replace(event, issuer=self._maybe(event.issuer))
            case _:
                return self._placed(event)

    def _placed(
        self, event: AuthorizationRequest | AuthorizationResponse | TokenRequest | TokenResponse | ClientReported
    ) -> Event:
        """An event that names the issuer and the resource that it is for."""
        event = replace(event, issuer=self._maybe(event.issuer), resource=self._maybe(event.resource))
        match event:
            case TokenRequest():
                return replace(event, refresh_token=self._token("r", event.refresh_token))
            case TokenResponse():
                access, refresh = self._token("t", event.access_token), self._token("r", event.refresh_token)
                return replace(event, access_token=access, refresh_token=refresh, error=self._error(event.error))
            case AuthorizationResponse():
                return replace(event, error=self._error(event.error))
            case _:
                return event

    def _maybe(self, url: str | None) -> str | None:
        return None if url is None else self.url(url)

    def _token(self, letter: str, token: str | None) -> str | None:
        return None if token is None else self.name(letter, token)

    def _error(self, error: str | None) -> str | None:
        return None if error is None else self.text(error)

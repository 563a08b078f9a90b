"""A recording of a flow, and what becomes of recordings: what is beside the client, and what is left out."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlencode

from scope_model.events import Transcript
from scope_oracle.recordings import har as har_format
from scope_oracle.recordings.reading import told
from scope_spec import Revision

Entry = dict[str, Any]  # Any: JSON
Recording = list[Entry]

RS: Final = "https://rs.example/mcp"
AS: Final = "https://as.example"
BACK: Final = "http://127.0.0.1:33418/callback"
FOUND_AT: Final = "https://rs.example/.well-known/oauth-protected-resource/mcp"
BEGUN: Final = datetime(2026, 11, 1, 10, tzinfo=UTC)


def entry(
    method: str,
    url: str,
    status: int = 200,
    answer: object = "",
    *,
    body: object = None,
    sent: dict[str, str] | None = None,
    received: dict[str, str] | None = None,
) -> Entry:
    """One exchange as a browser records it; what is sent as a dict is a form."""
    headers = {"content-type": "application/json", **(sent or {})}
    request: Entry = {"method": method, "url": url, "headers": _pairs(headers)}
    if isinstance(body, dict):
        request["postData"] = {"mimeType": "application/x-www-form-urlencoded", "text": urlencode(body)}
    elif body is not None:
        request["postData"] = {"mimeType": "application/json", "text": body}
    text = answer if isinstance(answer, str) else json.dumps(answer)
    response = {
        "status": status,
        "headers": _pairs({"content-type": "application/json", **(received or {})}),
        "content": {"size": len(text), "mimeType": "application/json", "text": text},
        "redirectURL": (received or {}).get("Location", ""),
    }
    return {"time": 50, "request": request, "response": response}


def _pairs(headers: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in headers.items()]


def call(name: str, status: int, token: str | None = None, challenge: str | None = None, url: str = RS) -> Entry:
    """A call of a tool."""
    meta = {
        f"io.modelcontextprotocol/{key}": value for key, value in (("clientInfo", {"name": "mine", "version": "1.0"}),)
    }
    params = {"name": name, "arguments": {"private": "very-secret-argument"}, "_meta": meta}
    sent = {"MCP-Protocol-Version": "2026-07-28", "User-Agent": "mine/1.0"}
    return entry(
        "POST",
        url,
        status,
        {"jsonrpc": "2.0", "id": 1, "result": {"secret": "very-secret-result"}} if status == 200 else {},
        body=json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}),
        sent=sent if token is None else sent | {"Authorization": f"Bearer {token}"},
        received=None if challenge is None else {"WWW-Authenticate": challenge},
    )


def resource_metadata(resource: str = RS, place: str = FOUND_AT, *scopes: str) -> Entry:
    """A protected resource metadata document."""
    listed = {"scopes_supported": list(scopes)} if scopes else {}
    return entry("GET", place, answer={"resource": resource, "authorization_servers": [AS], **listed})


def server_metadata() -> Entry:
    """An authorization server metadata document."""
    names = {"authorization": "authorize", "token": "token", "registration": "register"}
    endpoints = {f"{name}_endpoint": f"{AS}/{path}" for name, path in names.items()}
    return entry("GET", f"{AS}/.well-known/oauth-authorization-server", answer={"issuer": AS, **endpoints})


def registration(client: str = "very-secret-client") -> Entry:
    """A dynamic registration."""
    sent = {"redirect_uris": [BACK], "grant_types": ["authorization_code", "refresh_token"], "client_name": "mine"}
    return entry("POST", f"{AS}/register", 201, {**sent, "client_id": client}, body=json.dumps(sent))


def authorization(
    number: int,
    scope: str,
    *,
    client: str = "very-secret-client",
    resource: str = RS,
    granted: str | None = None,
    refresh: bool = True,
    who: str = "",
) -> Recording:
    """A login, the way back, and the exchange of the code for a token; all of it has a number."""
    state, code, verifier = (f"very-secret-{name}-{who}{number}" for name in ("state", "code", "verifier"))
    asked = {
        "response_type": "code",
        "client_id": client,
        "redirect_uri": BACK,
        "state": state,
        "code_challenge": base64.urlsafe_b64encode(verifier.encode()).decode(),
        "code_challenge_method": "S256",
        "resource": resource,
        "scope": scope,
    }
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "client_id": client}
    form |= {"code_verifier": verifier, "resource": resource}
    back = f"{BACK}?{urlencode({'code': code, 'state': state})}"
    answer = {"access_token": f"very-secret-t-{who}{number}", "token_type": "Bearer"}
    answer |= {} if granted is None else {"scope": granted}
    answer |= {"refresh_token": f"very-secret-r-{who}{number}"} if refresh else {}
    return [
        entry("GET", f"{AS}/authorize?{urlencode(asked)}", 302, received={"Location": back}),
        entry("GET", back, sent={"accept": "text/html"}),
        entry("POST", f"{AS}/token", 200, answer, body=form),
    ]


def refresh(number: int, to: int, *, resource: str = RS) -> Entry:
    """A refresh of one grant's token."""
    form = {
        "grant_type": "refresh_token",
        "refresh_token": f"very-secret-r-{number}",
        "client_id": "very-secret-client",
    }
    answer = {"access_token": f"very-secret-t-{to}", "token_type": "Bearer", "refresh_token": f"very-secret-r-{to}"}
    return entry("POST", f"{AS}/token", 200, answer, body=form | {"resource": resource})


INSUFFICIENT: Final = f'Bearer error="insufficient_scope", scope="b", resource_metadata="{FOUND_AT}"'


def flow(*, replaces: bool, url: str = RS, resource: str = RS, documented: str = RS) -> Recording:
    """A first login, a step-up and a refresh, by a client that accumulates, or by one that replaces."""
    challenge = f'Bearer scope="a", resource_metadata="{FOUND_AT}"'
    return [
        call("read", 401, None, challenge, url),
        resource_metadata(documented),
        server_metadata(),
        registration(),
        *authorization(1, "a", resource=resource, granted="a"),
        call("read", 200, "very-secret-t-1", url=url),
        call("write", 403, "very-secret-t-1", INSUFFICIENT, url),
        resource_metadata(documented),
        *authorization(2, "b" if replaces else "a b", resource=resource),
        call("write", 200, "very-secret-t-2", url=url),
        refresh(2, 3, resource=resource),
        call("write", 200, "very-secret-t-3", url=url),
    ]


def timed(recording: Iterable[Entry]) -> Recording:
    """The entries a second apart, but for those that say when they were."""
    found = []
    for at, one in enumerate(recording):
        begun = BEGUN + timedelta(seconds=at)
        found.append({"startedDateTime": begun.isoformat().replace("+00:00", "Z"), **one})
    return found


def har(recording: Iterable[Entry]) -> bytes:
    """The file of these entries."""
    return json.dumps({"log": {"version": "1.2", "creator": {"name": "x"}, "entries": timed(recording)}}).encode()


def read_har(data: bytes, revision: Revision | None = None) -> Transcript:
    """The transcript of the one client in a HAR file."""
    (found,) = told(har_format.read(data), revision)
    return Transcript(found.header, tuple(found.events))


# --- what is beside the client --------------------------------------------------------------------

Change = Callable[[Recording], Recording]


def is_login(one: Entry) -> bool:
    """Whether an entry is the client's own authorization request."""
    url: str = one["request"]["url"]
    return url.startswith(f"{AS}/authorize?")


def is_exchange(one: Entry) -> bool:
    """Whether an entry is a visit to the token endpoint."""
    return str(one["request"]["url"]) == f"{AS}/token"


def is_document(one: Entry) -> bool:
    """Whether an entry is a metadata document."""
    return "/.well-known/" in one["request"]["url"]


def after_each(found: Callable[[Entry], bool], others: Callable[[Entry], Recording]) -> Change:
    """Others after each entry of a kind."""
    return lambda recording: [each for one in recording for each in (one, *(others(one) if found(one) else ()))]


def _upstream(*, led: bool) -> Change:
    """A login at another provider, which the authorization server leads to, or has a button for."""
    asked = {"response_type": "code", "client_id": "as-at-idp", "redirect_uri": f"{AS}/login/callback"}
    url = f"https://idp.example/auth?{urlencode(asked | {'scope': 'openid email', 'state': 'g'})}"

    def change(recording: Recording) -> Recording:
        changed: Recording = []
        for one in recording:
            if not is_login(one):
                changed.append(one)
                continue
            back = one["response"]["redirectURL"]
            first = deepcopy(one)
            first["response"] |= {"redirectURL": url if led else "", "status": 302 if led else 200}
            first["response"]["headers"] = _pairs({"Location": url} if led else {})
            to_server = f"{AS}/login/callback?code=up&state=g"
            changed += [
                first,
                entry("GET", url, 302, received={"Location": to_server}),
                entry("GET", to_server, 302, received={"Location": back}),
            ]
        return changed

    return change


def _upstream_exchange(_: Entry) -> Recording:
    form = {"grant_type": "authorization_code", "code": "up", "client_id": "as-at-idp", "client_secret": "very-secret"}
    answer = "access_token=gho_very-secret&scope=openid%2Cemail&token_type=bearer"
    form_answer = {"content-type": "application/x-www-form-urlencoded"}
    return [entry("POST", "https://idp.example/token", 200, answer, body=form, received=form_answer)]


def other_application(server: str) -> Recording:
    """What another application does: a silent login, a refresh, and calls of its own server."""
    form = {"grant_type": "refresh_token", "refresh_token": "very-secret-other", "client_id": "other-app"}
    asked = {"response_type": "code", "client_id": "other-app", "redirect_uri": "https://app.example/cb"}
    url = f"{server}/authorize?{urlencode(asked | {'scope': 'openid profile', 'state': 'o', 'prompt': 'none'})}"
    answer = {"access_token": "very-secret-app", "scope": "openid profile", "token_type": "Bearer"}
    return [
        entry("GET", url, 302, received={"Location": "https://app.example/cb?code=o1&state=o"}),
        entry("POST", f"{server}/token", 200, answer, body=form | {"scope": "openid profile x"}),
        entry("GET", "https://app.example/api/me", sent={"Authorization": "Bearer very-secret-app"}),
        entry("GET", "https://app.example/api/x", 401, received={"WWW-Authenticate": 'Bearer scope="x"'}),
    ]


BESIDE: Final[dict[str, Change]] = {
    "a login at another provider": _upstream(led=True),
    "a login at another provider, by a button": _upstream(led=False),
    "the exchange of a proxy's upstream": after_each(is_login, _upstream_exchange),
    "another application elsewhere": after_each(is_exchange, lambda _: other_application("https://elsewhere.example")),
    "another application at the same server": after_each(is_exchange, lambda _: other_application(AS)),
    "another application before": lambda recording: [*other_application(AS), *recording],
}


# --- what is left out -----------------------------------------------------------------------------


def each(found: Callable[[Entry], bool], change: Callable[[Entry], None]) -> Change:
    """Each entry of a kind changed."""

    def changed(recording: Recording) -> Recording:
        recording = deepcopy(recording)
        for one in filter(found, recording):
            change(one)
        return recording

    return changed


def without(found: Callable[[Entry], bool]) -> Change:
    """A recording without the entries of a kind."""
    return lambda recording: [one for one in recording if not found(one)]


def no_header(name: str, *parts: str) -> Callable[[Entry], None]:
    """No header of a name in the request, the response, or both."""

    def change(one: Entry) -> None:
        for part in parts:
            headers = one[part]["headers"]
            one[part]["headers"] = [each for each in headers if each["name"].lower() != name]

    return change


def _no_body(one: Entry) -> None:
    one["response"]["content"].pop("text", None)


def _any(_: Entry) -> bool:
    return True


def struck_out(*kinds: str) -> Change:
    """Everything secret replaced by one mark, wherever it stands."""

    def change(recording: Recording) -> Recording:
        text = json.dumps(recording)
        for kind in kinds:
            text = re.sub(rf"very-secret-{kind}-\w*\d", "[REDACTED]", text)
        return json.loads(text)  # type: ignore[no-any-return]

    return change


def _pushed(recording: Recording) -> Recording:
    """Each authorization request pushed before (RFC 9126), all by the same name."""
    changed: Recording = []
    for one in deepcopy(recording):
        if is_login(one):
            query = one["request"]["url"].partition("?")[2]
            given = {"request_uri": "urn:ietf:params:oauth:request_uri:x", "expires_in": 60}
            changed.append(entry("POST", f"{AS}/par", 201, given, body=dict(parse_qsl(query))))
            asked = {"client_id": "very-secret-client", "request_uri": given["request_uri"]}
            one["request"]["url"] = f"{AS}/authorize?{urlencode(asked)}"
        changed.append(one)
    return changed


def _in_an_object(*, encrypted: bool) -> Change:
    """Each authorization request in an object (RFC 9101)."""

    def change(one: Entry) -> None:
        asked = dict(parse_qsl(one["request"]["url"].partition("?")[2]))
        inside = base64.urlsafe_b64encode(json.dumps(asked).encode()).decode().rstrip("=")
        text = f"e30.{inside}.c2ln" if not encrypted else "e30.a.b.c.d"
        sent = {"client_id": "very-secret-client", "request": text}
        one["request"]["url"] = f"{AS}/authorize?{urlencode(sent)}"

    return each(is_login, change)


def _by_device(recording: Recording) -> Recording:
    """Device authorizations (RFC 8628) in place of redirects."""
    grant = "urn:ietf:params:oauth:grant-type:device_code"
    changed: Recording = []
    for one in recording:
        if is_login(one):
            asked = dict(parse_qsl(one["request"]["url"].partition("?")[2]))
            form = {name: asked[name] for name in ("client_id", "scope", "resource")}
            given = {"device_code": "very-secret-code-9", "user_code": "XY-Z", "interval": 5}
            changed.append(entry("POST", f"{AS}/device_authorization", 200, given, body=form))
        elif one["request"]["url"].startswith(BACK):
            continue
        elif is_exchange(one) and "authorization_code" in one["request"]["postData"]["text"]:
            form = {"grant_type": grant, "device_code": "very-secret-code-9", "client_id": "very-secret-client"}
            waiting = entry("POST", f"{AS}/token", 400, {"error": "authorization_pending"}, body=form)
            done = deepcopy(one)
            done["request"]["postData"]["text"] = urlencode(form | {"resource": RS})
            changed += [waiting, waiting, done]
        else:
            changed.append(one)
    return changed


def _as_json(one: Entry) -> None:
    form = dict(parse_qsl(one["request"]["postData"]["text"]))
    one["request"]["postData"] = {"mimeType": "application/json", "text": json.dumps(form)}


def _as_form(one: Entry) -> None:
    one["response"]["content"] = {"text": urlencode(json.loads(one["response"]["content"]["text"]))}
    one["response"]["headers"] = _pairs({"Content-Type": "application/x-www-form-urlencoded"})


def _as_params(one: Entry) -> None:
    form = parse_qsl(one["request"]["postData"]["text"])
    one["request"]["postData"] = {"params": [{"name": name, "value": quote(value, safe="")} for name, value in form]}


def _prefixed(prefix: str) -> Callable[[Entry], None]:
    def change(one: Entry) -> None:
        one["response"]["content"]["text"] = prefix + one["response"]["content"]["text"]

    return change


def _doubled(*, flagged: bool) -> Change:
    """What a service worker fetched beside the page that it fetched it for."""

    def change(recording: Recording) -> Recording:
        changed: Recording = []
        for one in timed(deepcopy(recording)):
            twin = deepcopy(one)
            begun = datetime.fromisoformat(one["startedDateTime"]) + timedelta(milliseconds=4)
            twin |= {"startedDateTime": begun.isoformat(), "time": 40}
            if flagged:
                one["response"]["_fetchedViaServiceWorker"] = True
            changed += [one, twin] if one["request"]["method"] == "POST" or flagged else [one]
        return changed

    return change


def _aborted(recording: Recording) -> Recording:
    """Each call made twice, the first time to no avail."""
    changed: Recording = []
    for one in recording:
        if one["request"]["url"] == RS:
            vain = deepcopy(one)
            vain["response"] = {"status": 0, "headers": [], "content": {"size": 0}, "_error": "net::ERR_ABORTED"}
            changed.append(vain)
        changed.append(one)
    return changed


def _unchanged(one: Entry) -> None:
    one["response"]["status"] = 304
    one["response"]["content"] = {"size": 0, "mimeType": "x-unknown"}


def _has_text(one: Entry) -> bool:
    return bool(one["response"]["content"].get("text"))


def _posts_form(one: Entry) -> bool:
    return is_exchange(one)


SHOWS_IT: Final[dict[str, Change]] = {
    "nothing": lambda recording: recording,
    "the Authorization headers": each(_any, no_header("authorization", "request")),
    "the Location headers": each(_any, no_header("location", "response")),
    "the ways back": without(lambda one: one["request"]["url"].startswith(BACK)),
    "the metadata documents": without(is_document),
    "the registration": without(lambda one: one["request"]["url"].endswith("/register")),
    "the bodies of documents": each(is_document, _no_body),
    "the documents, which had not changed": each(is_document, _unchanged),
    "the tokens": struck_out("t", "r"),
    "every secret": struck_out("t", "r", "state", "code", "verifier"),
    "requests, which were pushed": _pushed,
    "requests, which are in an object": _in_an_object(encrypted=False),
    "redirects, by a device": _by_device,
    "forms, for JSON": each(_posts_form, _as_json),
    "forms, for their parameters": each(_posts_form, _as_params),
    "JSON, for forms": each(is_exchange, _as_form),
    "the beginning of a body, for a byte order mark": each(_has_text, _prefixed("\ufeff")),
    "the beginning of a body, for a newline": each(_has_text, _prefixed("\r\n\t ")),
    "nothing, and a service worker's are beside": _doubled(flagged=True),
    "nothing, and alike ones are beside": _doubled(flagged=False),
    "nothing, and each call was aborted first": _aborted,
}
"""What is left out, where the step-up still shows that it replaces."""

HIDES_IT: Final[dict[str, Change]] = {
    "the bodies of tokens": each(is_exchange, _no_body),
    "all bodies": each(_any, _no_body),
    "requests, which are encrypted": _in_an_object(encrypted=True),
    "the scopes": lambda recording: json.loads(
        re.sub(r"scope=[ab+]+(?=[^ab+])", "scope=[REDACTED]", json.dumps(recording))
    ),
    "the challenges": each(_any, no_header("www-authenticate", "response")),
    "all headers": each(_any, lambda one: one["response"].update(headers=[])),
    "the token requests": without(is_exchange),
    "the logins": without(is_login),
    "the bodies of requests": each(is_exchange, lambda one: one["request"].pop("postData")),
}
"""What is left out, so that it may not show what the step-up does."""

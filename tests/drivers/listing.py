"""A conformance client that follows the redirect of its first challenge, lists the tools, and never calls one.

Started as `python listing.py [TIMES] SERVER_URL`, in any folder; it fetches each authorization URL so many times.
"""

import json
import sys
from itertools import count
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

VERIFIER = "v" * 43
CHALLENGE = "7w_YNF9DSfIdPf_pRjSq646_kPr-2-o9NAl16JGghdM"
BACK = "http://localhost:3000/callback"


class Stay(HTTPRedirectHandler):
    """Follow no redirect."""

    def redirect_request(self, *_: object) -> None:
        """Stay."""


OPENER = build_opener(Stay())


def send(url: str, body: bytes | None = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Send one request."""
    try:
        response = OPENER.open(Request(url, body, headers))  # noqa: S310 - on loopback, as every server here
    except HTTPError as refused:
        response = refused
    return response.status, {name.lower(): value for name, value in response.headers.items()}, response.read()


def main() -> int:
    """Begin, authorize once, and list the tools."""
    *times, url = sys.argv[1:]
    parts, serial, token = urlsplit(url), count(), ""

    def ask(method: str, number: int) -> int:
        message = {"jsonrpc": "2.0", "id": number, "method": method, "params": {}}
        carried = {"Authorization": f"Bearer {token}"} if token else {}
        return send(url, json.dumps(message).encode(), **carried)[0]

    first = next(serial)
    if ask("server/discover", first) == 401:
        _, _, body = send(f"{parts.scheme}://{parts.netloc}/.well-known/oauth-protected-resource{parts.path}")
        (issuer,) = json.loads(body)["authorization_servers"]
        registering = json.dumps({"redirect_uris": [BACK]}).encode()
        client_id = json.loads(send(f"{issuer}/register", registering)[2])["client_id"]
        asked = {"response_type": "code", "client_id": client_id, "redirect_uri": BACK, "state": "s", "scope": "a"}
        asked |= {"code_challenge": CHALLENGE, "code_challenge_method": "S256", "resource": url}
        locations = [
            send(f"{issuer}/authorize?{urlencode(asked)}")[1]["location"] for _ in range(int(times[0]) if times else 1)
        ]
        back = parse_qs(urlsplit(locations[-1]).query)
        redeeming = {"grant_type": "authorization_code", "code": back["code"][0], "redirect_uri": BACK}
        redeeming |= {"client_id": client_id, "code_verifier": VERIFIER, "resource": url}
        token = json.loads(send(f"{issuer}/token", urlencode(redeeming).encode())[2])["access_token"]
        ask("server/discover", first)
    ask("tools/list", next(serial))
    return 0


if __name__ == "__main__":
    sys.exit(main())

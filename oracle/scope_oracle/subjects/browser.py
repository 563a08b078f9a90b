"""The user's browser: opens an authorization URL, and brings the answer to the client as soon as that listens.

A program of its own, `browser.py APPLICATION URL`, where APPLICATION is the process group of the client. It goes on in
the background, since many a client listens only after its browser was opened. Where the authorization server sends
nobody back there is nothing left to do for the user, who closes the application.
"""

import os
import signal
import sys
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from time import monotonic, sleep
from urllib.parse import parse_qs, urlsplit

LISTENING = 10.0
"""Seconds that a client has to listen for the answer."""

REFUSING = 0.5
"""Seconds that a user takes to refuse: a client that opened the browser just now may not yet wait for an answer."""

_MOMENT = 0.02


def get(url: str) -> str | None:
    """Where the answer to a GET leads, if anywhere; raises OSError where nobody listens."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port)
    try:
        connection.request("GET", f"{parts.path or '/'}?{parts.query}")
        return connection.getresponse().getheader("Location")
    except HTTPException:  # whoever answered so was reached
        return None
    finally:
        connection.close()


def bring_back(url: str, application: int) -> bool:
    """Ask the authorization server, and tell the client what it says; whether there was a client to tell."""
    back = get(url)
    if back is not None and "error" in parse_qs(urlsplit(back).query):
        sleep(REFUSING)
    until = monotonic() + LISTENING
    while back is not None and monotonic() < until:
        try:
            get(back)
        except ConnectionRefusedError:
            os.killpg(application, 0)
            sleep(_MOMENT)
        else:
            return True
    return False


def main(application: int, url: str) -> None:
    """Be the browser of one authorization."""
    with suppress(OSError):  # the servers, or the application, have gone
        if not bring_back(url, application):
            os.killpg(application, signal.SIGTERM)


if __name__ == "__main__" and os.fork() == 0:
    main(int(sys.argv[1]), sys.argv[2])

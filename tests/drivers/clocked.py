"""The reference model as a conformance client that has a clock: it refreshes what is over before it is told.

Started from the folder above as `python -m drivers.clocked [--forgetful] SERVER_URL`; one that is forgetful begins anew
when its clock says that its token is over. Both open the stream of the server in the end, if there is one.
"""

import json
import sys
from dataclasses import dataclass, field, replace
from time import monotonic

from typing_extensions import override

from drivers.conformance_client import Methods, Remembering, operations
from drivers.reference import Answered
from scope_model.client import Call, Client, Failed, Illegal, Noted, Served, Setup, Storage, step
from scope_model.events import TokenExpired


@dataclass
class Clocked(Remembering):
    """Keeps until when each token lasts."""

    until: dict[str, float] = field(default_factory=dict)

    @override
    def send(self, method: str, url: str, body: str | None = None, headers: dict[str, str] | None = None) -> Answered:
        answered = super().send(method, url, body, headers)
        if url.endswith("/token") and answered.status == 200:
            said = json.loads(answered.body)
            self.until[said["access_token"]] = monotonic() + said["expires_in"]
        return answered


def main() -> int:
    """Make the calls in turn; end with 1 where one of them fails."""
    *names, url = sys.argv[1:]
    web, client = Clocked(), Client(Setup())
    front = Methods(web)
    for operation in operations(web):
        for token in [token for token, end in web.until.items() if end <= monotonic()]:
            del web.until[token]
            client, _ = step(client, TokenExpired(token))
            if names:
                client = replace(client, storage=Storage(registered=client.storage.registered))
        client, action = step(client, Call(url, operation))
        while not isinstance(action, Served | Failed | Noted | Illegal):
            client, action = step(client, front.answer(action))
        if not isinstance(action, Served):
            return 1
    web.send("GET", url)
    return 0


if __name__ == "__main__":
    sys.exit(main())

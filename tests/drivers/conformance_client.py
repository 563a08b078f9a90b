"""The reference model as a conformance client, over real HTTP: no finding may be made of it.

Started from the folder above as `python -m drivers.conformance_client [MUTANT] SERVER_URL`; a mutant must be caught
by the clause that it names.
"""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from drivers.reference import Answered, Front, TurnedAway, Web
from scope_model.client import Call, Client, Failed, Illegal, Noted, Served, Setup
from scope_model.events import ResourceRequest
from scope_properties.model_subject import ModelSubject
from scope_properties.mutants import MUTANTS

TOOL = "test-tool"
REVISION = os.environ.get("MCP_CONFORMANCE_PROTOCOL_VERSION", "")


@dataclass
class Remembering(Web):
    """Says which revision it speaks, and keeps what came last."""

    last: Answered | None = None

    def send(self, method: str, url: str, body: str | None = None, headers: dict[str, str] | None = None) -> Answered:
        self.last = super().send(method, url, body, {**(headers or {}), "MCP-Protocol-Version": REVISION})
        return self.last

    def is_to_go_on(self) -> bool:
        """Whether the tool has its call sent again (MCP 2026-07-28, Multi Round-Trip Requests)."""
        return self.last is not None and b'"input_required"' in self.last.body


def operations(web: Remembering) -> Iterator[str]:
    """Begin, list the tools, call the one for as long as it says so."""
    yield "server/discover" if REVISION == "2026-07-28" else "initialize"
    yield "tools/list"
    yield TOOL
    while web.is_to_go_on():
        yield TOOL


@dataclass
class Methods(Front):
    """The tool is called as any other; what else is requested are methods of MCP."""

    def message(self, request: ResourceRequest) -> dict[str, object]:
        return super().message(request) if request.operation == TOOL else {"method": request.operation, "params": {}}


def main() -> int:
    """Make the calls in turn; end with 1 where one of them fails."""
    *names, url = sys.argv[1:]
    subject = MUTANTS[names[0]].subject if names else ModelSubject()
    web = Remembering()
    front, client = Methods(web), Client(Setup(subject.policy))
    for operation in operations(web):
        client, action = subject.step(client, Call(url, operation))
        while not isinstance(action, Served | Failed | Noted | Illegal):
            client, action = subject.step(client, front.answer(action))
        if not isinstance(action, Served):
            return 1
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except TurnedAway:
        sys.exit(1)

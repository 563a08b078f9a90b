"""The reference model as a conformance client, over real HTTP: no finding may be made of it.

Started from the folder above as `python -m drivers.conformance_client [MUTANT] SERVER_URL`; a mutant must be caught
by the clause that it names.
"""

import os
import sys
from dataclasses import dataclass

from drivers.reference import Front, TurnedAway, Web
from scope_model.client import Call, Client, Failed, Illegal, Noted, Served, Setup
from scope_model.events import ResourceRequest
from scope_properties.model_subject import ModelSubject
from scope_properties.mutants import MUTANTS

TOOL = "test-tool"


@dataclass
class Methods(Front):
    """The tool is called as any other; what else is requested are methods of MCP."""

    def message(self, request: ResourceRequest) -> dict[str, object]:
        return super().message(request) if request.operation == TOOL else {"method": request.operation, "params": {}}


def main() -> int:
    """Begin, list the tools, call the one; end with 1 where one of it fails."""
    *names, url = sys.argv[1:]
    subject = MUTANTS[names[0]].subject if names else ModelSubject()
    newest = os.environ["MCP_CONFORMANCE_PROTOCOL_VERSION"] == "2026-07-28"
    front, client = Methods(Web()), Client(Setup(subject.policy))
    for operation in ("server/discover" if newest else "initialize", "tools/list", TOOL):
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

"""Chapter 7, offline access: when the scope is added, and what goes with it."""

from planted.planting import FLOW, READING, Bug, Edit
from planted.probes import READ, WRITE, call, more, probe

_LISTED = '        and "offline_access" in authorization_server_metadata.scopes_supported\n'
_WANTED = '        and "refresh_token" in client_grant_types\n'
_PROMPT = '            if "offline_access" in self.context.client_metadata.scope.split():\n'

BUGS = (
    Bug(
        "offline-unlisted",
        "OFFLINE-1",
        "adds offline_access where the authorization server has a list, whatever it lists",
        (Edit(READING, _LISTED, ""),),
        probe(READ, server_lists="a"),
    ),
    Bug(
        "offline-unwanted",
        "OFFLINE-1",
        "adds offline_access for a client that wants no refresh token",
        (Edit(READING, _WANTED, ""),),
        probe(READ, server_lists="offline_access", wants=False),
        commanded=False,
    ),
    Bug(
        "offline-without-prompt",
        "OFFLINE-5",
        "does not prompt for consent",
        (Edit(FLOW, _PROMPT, "            if False:\n"),),
        probe(READ, server_lists="offline_access"),
    ),
    Bug(
        "offline-prompts-once",
        "OFFLINE-5",
        "does not prompt for consent where it steps up",
        (Edit(FLOW, _PROMPT, _PROMPT.replace("if ", "if not self.context.current_tokens and ", 1)),),
        probe(READ, WRITE, server_lists="offline_access"),
    ),
    Bug(
        "offline-prompts-where-it-is-last",
        "OFFLINE-5",
        "prompts for consent only where offline_access stands last",
        (
            Edit(
                FLOW,
                _PROMPT,
                '            if self.context.client_metadata.scope.endswith("offline_access"):\n',
            ),
        ),
        probe(READ, WRITE, server_lists="offline_access"),
    ),
    Bug(
        "offline-filtered",
        "OFFLINE-3",
        "takes offline_access out of a challenge",
        (
            Edit(
                READING,
                "        selected_scope = www_authenticate_scope\n",
                '        named = [s for s in www_authenticate_scope.split() if s != "offline_access"]\n'
                '        selected_scope = " ".join(named)\n',
            ),
        ),
        probe(READ, call("write", more("b offline_access"))),
    ),
    Bug(
        "offline-twice",
        "ORDER-3",
        "adds offline_access beside the one that is challenged",
        (
            Edit(
                READING,
                '        and "offline_access" not in selected_scope.split()\n',
                "",
            ),
        ),
        probe(call("read"), needs={"read": "a offline_access"}, server_lists="offline_access"),
    ),
    Bug(
        "registers-for-no-refresh",
        "OFFLINE-4",
        "registers without the refresh token grant",
        (
            Edit(
                READING,
                '    return Request("POST", registration_url, json=registration_data,',
                '    registration_data["grant_types"] = ["authorization_code"]\n'
                '    return Request("POST", registration_url, json=registration_data,',
            ),
        ),
        probe(READ),
        commanded=False,
    ),
)

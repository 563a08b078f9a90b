"""Chapter 6, refresh: what a refresh asks for, and what it changes."""

from planted.planting import FLOW, Bug, Edit
from planted.probes import ALONE, EXPIRED, READ, REPORTED, SILENT, UNNAMED, call, narrower, probe
from scope_model.scopes import scopes
from scope_model.servers import Challenging

_DATA = '            "refresh_token": self.context.current_tokens.refresh_token,\n'
_SENT = "        refresh_data, headers = self.context.prepare_token_auth(refresh_data, headers)\n"
_SCOPE_KEPT = """            if token_response.scope is None and prior is not None:
                token_response.scope = prior.scope
"""
_TOKEN_KEPT = """            if token_response.refresh_token is None and prior is not None:
                token_response.refresh_token = prior.refresh_token
"""
_GRANTED = """        # Store tokens in context
        self.context.current_tokens = token_response
"""

BUGS = (
    Bug(
        "refreshes-what-it-requested",
        "REFRESH-1",
        "asks a refresh for what it requested, granted or not",
        (
            Edit(
                FLOW,
                _SENT,
                _SENT
                + "        if self.context.client_metadata.scope:\n"
                + '            refresh_data["scope"] = self.context.client_metadata.scope\n',
            ),
        ),
        probe(call("read", grants=(narrower("b"),)), EXPIRED, READ, needs={"read": "a b"}),
    ),
    Bug(
        "refreshes-for-offline-access",
        "REFRESH-1",
        "asks a refresh for offline_access as well",
        (
            Edit(
                FLOW,
                _SENT,
                _SENT
                + "        if self.context.current_tokens.scope:\n"
                + '            refresh_data["scope"] = self.context.current_tokens.scope + " offline_access"\n',
            ),
        ),
        probe(READ, EXPIRED, READ),
    ),
    Bug(
        "refreshes-by-guess",
        "REFRESH-2",
        "names a scope in a refresh where nobody said what was granted",
        (
            Edit(
                FLOW,
                _SENT,
                _SENT
                + "        if not self.context.current_tokens.scope:\n"
                + '            refresh_data["scope"] = "mcp"\n',
            ),
        ),
        probe(call("read", UNNAMED, grants=(SILENT,)), EXPIRED, READ, needs={"read": ""}),
    ),
    Bug(
        "loses-the-refresh-token",
        "RETAIN-3",
        "forgets its refresh token where a refresh brings no other",
        (Edit(FLOW, _TOKEN_KEPT, ""),),
        probe(READ, EXPIRED, call("read", grants=(ALONE,)), EXPIRED, READ),
    ),
    Bug(
        "keeps-a-replaced-token",
        "RETAIN-3",
        "keeps the old refresh token where a refresh brings another",
        (
            Edit(
                FLOW,
                _TOKEN_KEPT,
                _TOKEN_KEPT.replace("token_response.refresh_token is None and prior", "prior"),
            ),
        ),
        probe(READ, EXPIRED, READ, EXPIRED, READ),
    ),
    Bug(
        "outlived-refresh-token",
        "RETAIN-4",
        "goes on with the refresh token of an earlier grant where a new one brings none",
        (
            Edit(
                FLOW,
                _GRANTED,
                "        if token_response.refresh_token is None and self.context.current_tokens:\n"
                "            token_response.refresh_token = self.context.current_tokens.refresh_token\n" + _GRANTED,
            ),
        ),
        probe(READ, call("write", grants=(ALONE,)), EXPIRED, READ),
    ),
    Bug(
        "refresh-forgets-the-scope",
        "RETAIN-1",
        "forgets what was granted where a refresh does not say it again",
        (Edit(FLOW, _SCOPE_KEPT, ""),),
        probe(READ, EXPIRED, call("read", grants=(SILENT,)), REPORTED),
        commanded=False,
    ),
    Bug(
        "refresh-brings-what-was-requested",
        "RETAIN-1",
        "takes every refresh for a token of what was requested",
        (
            Edit(
                FLOW,
                _SCOPE_KEPT,
                "            token_response.scope = self.context.client_metadata.scope\n",
            ),
        ),
        probe(
            call("read", Challenging(scope=scopes("a b")), grants=(narrower("b"),)),
            EXPIRED,
            call("read", grants=(SILENT,)),
            REPORTED,
        ),
        commanded=False,
    ),
)

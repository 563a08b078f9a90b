"""Chapter 5, the grant: what is made of a token response, and of one that never came."""

from planted.planting import FLOW, Bug, Edit
from planted.probes import READ, REFUSED, REPORTED, RESTARTED, SILENT, UNNAMED, WRITE, call, narrower, probe, wider
from scope_model.scopes import scopes
from scope_model.servers import Challenging

_READ = "        token_response = await handle_token_response_scopes(response)\n"
_OMITTED = """        if token_response.scope is None:
            token_response.scope = self.context.client_metadata.scope
"""
_EXCHANGE = '            "code_verifier": code_verifier,\n        }\n'

BUGS = (
    Bug(
        "omitted-is-nothing",
        "GRANT-1",
        "takes a response without scope for a grant of nothing",
        (Edit(FLOW, _OMITTED, _OMITTED.replace("self.context.client_metadata.scope", '""')),),
        probe(call("read", grants=(SILENT,)), REPORTED),
        commanded=False,
    ),
    Bug(
        "omitted-is-as-before",
        "GRANT-1",
        "takes a response without scope for the grant that it had before",
        (
            Edit(
                FLOW,
                _OMITTED,
                "        earlier = self.context.current_tokens\n"
                "        if token_response.scope is None and earlier is not None:\n"
                "            token_response.scope = earlier.scope\n" + _OMITTED,
            ),
        ),
        probe(READ, call("write", grants=(SILENT,)), REPORTED),
        commanded=False,
    ),
    Bug(
        "granted-as-requested",
        "GRANT-2",
        "takes every response for a grant of what was requested",
        (Edit(FLOW, _OMITTED, "        token_response.scope = self.context.client_metadata.scope\n"),),
        probe(call("read", grants=(wider("d"),)), REPORTED),
        commanded=False,
    ),
    Bug(
        "nothing-said-is-the-list",
        "GRANT-4",
        "takes a grant that nobody named for one of some default",
        (
            Edit(
                FLOW,
                _OMITTED,
                _OMITTED + "        if token_response.scope is None:\n" + '            token_response.scope = "mcp"\n',
            ),
        ),
        probe(call("read", UNNAMED, grants=(SILENT,)), REPORTED, needs={"read": ""}),
        commanded=False,
    ),
    Bug(
        "narrower-is-an-error",
        "GRANT-3",
        "fails where less is granted than was requested",
        (
            Edit(
                FLOW,
                _READ,
                _READ
                + '        asked = set((self.context.client_metadata.scope or "").split())\n'
                + "        if token_response.scope is not None and asked - set(token_response.scope.split()):\n"
                + '            raise OAuthTokenError("not all was granted")\n',
            ),
        ),
        probe(call("read", Challenging(scope=scopes("a b")), grants=(narrower("b"),)), READ),
    ),
    Bug(
        "wider-is-an-error",
        "GRANT-3",
        "fails where more is granted than was requested",
        (
            Edit(
                FLOW,
                _READ,
                _READ
                + '        asked = set((self.context.client_metadata.scope or "").split())\n'
                + "        if asked and set((token_response.scope or '').split()) - asked:\n"
                + '            raise OAuthTokenError("more was granted")\n',
            ),
        ),
        probe(call("read", grants=(wider("d"),)), READ),
    ),
    Bug(
        "scope-at-the-exchange",
        "GRANT-6",
        "names the scope once more where it exchanges the code",
        (
            Edit(
                FLOW,
                _EXCHANGE,
                _EXCHANGE
                + "        if self.context.client_metadata.scope:\n"
                + '            token_data["scope"] = self.context.client_metadata.scope\n',
            ),
        ),
        probe(READ),
    ),
    Bug(
        "scope-at-the-second-exchange",
        "GRANT-6",
        "names the scope where it exchanges the code of a step-up",
        (
            Edit(
                FLOW,
                _EXCHANGE,
                _EXCHANGE
                + "        if self.context.client_metadata.scope and self.context.current_tokens:\n"
                + '            token_data["scope"] = self.context.client_metadata.scope\n',
            ),
        ),
        probe(READ, WRITE),
    ),
    Bug(
        "refusal-drops-the-token",
        "ACC-10",
        "drops the token that it holds where a step-up is refused",
        (
            Edit(
                FLOW,
                '                    logger.exception("OAuth flow error")\n',
                '                    logger.exception("OAuth flow error")\n'
                "                    self.context.clear_tokens()\n",
            ),
        ),
        probe(READ, call("write", grants=(REFUSED,)), READ),
        commanded=False,
    ),
    Bug(
        "stores-no-scope",
        "ACC-8",
        "stores the token of a step-up without its scope",
        (
            Edit(
                FLOW,
                "        self.context.update_token_expiry(token_response)\n"
                "        await self.context.storage.set_tokens(token_response)\n\n"
                "    async def _refresh_token",
                "        self.context.update_token_expiry(token_response)\n"
                "        await self.context.storage.set_tokens(token_response.model_copy(update={'scope': None}))\n\n"
                "    async def _refresh_token",
            ),
        ),
        probe(READ, RESTARTED, WRITE),
        commanded=False,
    ),
)

"""Chapter 3, selection: which source decides, and what becomes of its scopes; registration and client credentials."""

from planted.planting import FLOW, MACHINE, READING, Bug, Edit
from planted.probes import (
    ALONE,
    READ,
    REVOKED,
    UNNAMED,
    WRITE,
    call,
    probe,
    without_a_user,
)

_CHALLENGE = "        selected_scope = www_authenticate_scope\n"
_LIST = '        selected_scope = " ".join(protected_resource_metadata.scopes_supported)\n'
_HAS_LIST = (
    "    elif protected_resource_metadata is not None and protected_resource_metadata.scopes_supported is not None:\n"
)
_OFFLINE = "    # SEP-2207: append offline_access when the AS supports it"
_TOKEN_SCOPE = """        if self.context.client_metadata.scope:
            token_data["scope"] = self.context.client_metadata.scope

        token_url = self._get_token_endpoint()
        return httpx2.Request("POST", token_url, data=token_data, headers=headers)


def static_assertion_provider"""

BUGS = (
    Bug(
        "list-over-challenge",
        "CHAL-1",
        "takes the resource's list where there is one, whatever the challenge names",
        (
            Edit(
                READING,
                "    if www_authenticate_scope is not None:\n",
                "    if www_authenticate_scope is not None and not (\n"
                "        protected_resource_metadata is not None and protected_resource_metadata.scopes_supported\n"
                "    ):\n",
            ),
        ),
        probe(READ, lists="b"),
    ),
    Bug(
        "list-joined-at-first",
        "SEL-1",
        "joins the resource's list to the challenge",
        (
            Edit(
                READING,
                _CHALLENGE,
                _CHALLENGE
                + "        if protected_resource_metadata is not None:\n"
                + '            listed = " ".join(protected_resource_metadata.scopes_supported or ())\n'
                + "            selected_scope = union_scopes(selected_scope, listed)\n",
            ),
        ),
        probe(READ, lists="b"),
    ),
    Bug(
        "cut-to-the-list",
        "SEL-5",
        "asks for what both the challenge and the resource's list name",
        (
            Edit(
                READING,
                _CHALLENGE,
                _CHALLENGE
                + "        listed = protected_resource_metadata and protected_resource_metadata.scopes_supported\n"
                + "        common = [s for s in www_authenticate_scope.split() if s in (listed or ())]\n"
                + '        selected_scope = " ".join(common) or selected_scope\n',
            ),
        ),
        probe(call("read"), lists="a", needs={"read": "a b"}),
    ),
    Bug(
        "first-of-the-list",
        "SEL-2",
        "asks for no more than two scopes of the resource's list",
        (Edit(READING, _LIST, _LIST.replace("scopes_supported)", "scopes_supported[:2])")),),
        probe(call("read", UNNAMED), lists="a b c"),
    ),
    Bug(
        "server-list-first",
        "SEL-2",
        "prefers the authorization server's list to the resource's",
        (
            Edit(
                READING,
                _HAS_LIST,
                "    elif authorization_server_metadata and authorization_server_metadata.scopes_supported:\n"
                '        selected_scope = " ".join(authorization_server_metadata.scopes_supported)\n' + _HAS_LIST,
            ),
        ),
        probe(call("read", UNNAMED), lists="a", server_lists="b"),
    ),
    Bug(
        "server-list-joined",
        "SEL-7",
        "joins the authorization server's list to the challenge",
        (
            Edit(
                READING,
                _CHALLENGE,
                _CHALLENGE
                + "        if authorization_server_metadata is not None:\n"
                + '            listed = " ".join(authorization_server_metadata.scopes_supported or ())\n'
                + "            selected_scope = union_scopes(selected_scope, listed)\n",
            ),
        ),
        probe(READ, server_lists="x"),
    ),
    Bug(
        "openid-too",
        "SEL-6",
        "adds openid to what is challenged",
        (Edit(READING, _CHALLENGE, '        selected_scope = f"{www_authenticate_scope} openid"\n'),),
        probe(READ),
    ),
    Bug(
        "default-scope",
        "SEL-3",
        "asks for a scope of its own where nothing names any",
        (Edit(READING, _OFFLINE, '    if selected_scope is None:\n        selected_scope = "mcp"\n' + _OFFLINE),),
        probe(call("read", UNNAMED)),
    ),
    Bug(
        "default-for-an-empty-list",
        "META-1",
        "asks for a scope of its own where the resource's list is empty",
        (Edit(READING, _LIST, _LIST.rstrip("\n") + ' or "mcp"\n'),),
        probe(call("read", UNNAMED), lists=""),
    ),
    Bug(
        "metadata-of-anyone",
        "META-3",
        "uses metadata that speaks of another resource",
        (
            Edit(
                FLOW,
                "                                await self._validate_resource_match(prm)\n",
                "",
            ),
        ),
        probe(call("read", UNNAMED), lists="a", describes="https://elsewhere.example/mcp"),
    ),
    Bug(
        "metadata-once",
        "META-4",
        "fetches metadata once, and never again",
        (
            Edit(
                FLOW,
                "                    if response.status_code == 401 or self.context.oauth_metadata is None:\n",
                "                    if self.context.oauth_metadata is None:\n",
            ),
        ),
        probe(call("read", grants=(ALONE,)), call("read", REVOKED)),
    ),
    Bug(
        "configured-kept",
        "SEL-1",
        "joins what the caller configured to the first challenge",
        (
            Edit(
                FLOW,
                "                        self.context.client_metadata.scope = challenged_scope\n",
                "                        self.context.client_metadata.scope = union_scopes(\n"
                "                            challenged_scope, self.context.client_metadata.scope\n"
                "                        )\n",
            ),
        ),
        probe(READ, configured="k"),
        commanded=False,
    ),
    Bug(
        "cut-to-the-registration",
        "REG-2",
        "asks for no scope that it did not register",
        (
            Edit(
                FLOW,
                '            auth_params["scope"] = self.context.client_metadata.scope\n',
                '            known = (self.context.client_info.scope or "").split()\n'
                '            auth_params["scope"] = " ".join(\n'
                "                s for s in self.context.client_metadata.scope.split() if s in known or not known\n"
                "            )\n",
            ),
        ),
        probe(READ, WRITE),
    ),
    Bug(
        "registers-one-scope",
        "REG-1",
        "registers the first of the scopes that it will ask for",
        (
            Edit(
                READING,
                '    registration_data = client_metadata.model_dump(by_alias=True, mode="json", exclude_none=True)\n',
                "    registration_data = client_metadata.model_dump("
                'by_alias=True, mode="json", exclude_none=True)\n'
                '    if registration_data.get("scope"):\n'
                '        registration_data["scope"] = registration_data["scope"].split()[0]\n',
            ),
        ),
        probe(call("read"), needs={"read": "a b"}),
    ),
    Bug(
        "machine-steps-up-to-nothing",
        "GRANT-7",
        "leaves the scope out of a client credentials request once it holds a token",
        (
            Edit(
                MACHINE,
                _TOKEN_SCOPE,
                _TOKEN_SCOPE.replace(
                    "        if self.context.client_metadata.scope:\n",
                    "        if self.context.client_metadata.scope and not self.context.current_tokens:\n",
                    1,
                ),
            ),
        ),
        without_a_user(probe(READ, call("write", UNNAMED))),
        commanded=False,
    ),
    Bug(
        "machine-without-scope",
        "CHAL-1",
        "sends client credentials without a scope",
        (
            Edit(
                MACHINE,
                _TOKEN_SCOPE,
                _TOKEN_SCOPE.replace("        if self.context.client_metadata.scope:\n", "        if False:\n", 1),
            ),
        ),
        without_a_user(probe(READ)),
        commanded=False,
    ),
)

"""Chapter 2, challenges: how a header is read, and what is made of a status and an error."""

from planted.planting import FLOW, READING, Bug, Edit
from planted.probes import FORBIDDEN, READ, REVOKED, WRITE, call, more, probe, spelled

_PATTERN = """    pattern = rf'{field_name}=(?:"([^"]+)"|([^\\s,]+))'\n"""
_SEARCH = "    match = re.search(pattern, www_auth_header)\n"
_HEADER = '    www_auth_header = response.headers.get("WWW-Authenticate")\n'
_IS_STEP_UP = (
    '                response.status_code == 403 and extract_field_from_www_auth(response, "error") == '
    '"insufficient_scope"\n'
)
_LAST_SENT = """                # Retry with new tokens
                self._add_auth_header(request)
                yield request"""

BUGS = (
    Bug(
        "first-line",
        "PARSE-7",
        "reads the first of several header lines",
        (
            Edit(
                READING,
                _HEADER,
                '    www_auth_header = (response.headers.get_list("WWW-Authenticate") or [""])[0]\n',
            ),
        ),
        probe(call("read", spelled("on-the-second-line"))),
    ),
    Bug(
        "bearer-first",
        "PARSE-7",
        "reads a header that begins with Bearer, and no other",
        (
            Edit(
                READING,
                "    if not www_auth_header:\n",
                '    if not www_auth_header or not www_auth_header.lower().startswith("bearer"):\n',
            ),
        ),
        probe(call("read", spelled("after-basic"))),
    ),
    Bug(
        "quoted-only",
        "PARSE-4",
        "reads quoted values and no tokens",
        (Edit(READING, _PATTERN, """    pattern = rf'{field_name}=(?:"([^"]+)")()'\n"""),),
        probe(call("read", spelled("token-values"))),
    ),
    Bug(
        "last-of-two",
        "PARSE-2",
        "takes the last of two scope parameters",
        (Edit(READING, _SEARCH, "    match = ([*re.finditer(pattern, www_auth_header)] or [None])[-1]\n"),),
        probe(call("read", spelled("scope-twice"))),
    ),
    Bug(
        "merges-two",
        "PARSE-2",
        "joins the values of two scope parameters",
        (
            Edit(
                READING,
                _SEARCH,
                _SEARCH
                + '    if field_name == "scope" and match and www_auth_header.count(", scope=") == 2:\n'
                + '        return " ".join(m[1] or m[2] for m in re.finditer(pattern, www_auth_header))\n',
            ),
        ),
        probe(READ, call("write", more("b", "scope-twice"))),
    ),
    Bug(
        "only-with-an-error",
        "CHAL-6",
        "reads the scope of a challenge only where an error stands beside it",
        (
            Edit(
                READING,
                '    return extract_field_from_www_auth(response, "scope")',
                '    if extract_field_from_www_auth(response, "error") is None:\n'
                "        return None\n"
                '    return extract_field_from_www_auth(response, "scope")',
            ),
        ),
        probe(READ),
    ),
    Bug(
        "any-403",
        "CHAL-7",
        "takes every 403 for a wish for more scope",
        (Edit(FLOW, _IS_STEP_UP, "                response.status_code == 403\n"),),
        probe(READ, call("read", FORBIDDEN)),
    ),
    Bug(
        "sends-a-403-again",
        "CHAL-7",
        "sends a request that was refused with a bare 403 once more",
        (
            Edit(
                FLOW,
                "            if response.status_code == 401 or step_up:\n",
                "            if response.status_code == 403 and not step_up:\n"
                "                response = yield request\n"
                "            if response.status_code == 401 or step_up:\n",
            ),
        ),
        probe(READ, call("read", FORBIDDEN)),
    ),
    Bug(
        "renews-twice",
        "CHAL-8",
        "authorizes a second time where the same 401 follows a new token",
        (
            Edit(
                FLOW,
                _LAST_SENT,
                _LAST_SENT.replace("yield request", "response = yield request")
                + """
                if response.status_code == 401:
                    await self._handle_token_response((yield await self._perform_authorization()))
                    self._add_auth_header(request)
                    yield request""",
            ),
        ),
        probe(READ, call("read", REVOKED, REVOKED)),
    ),
    Bug(
        "scopes-of-a-401-only",
        "CHAL-1",
        "reads the scope of a 401 and not that of a 403",
        (
            Edit(
                READING,
                '    return extract_field_from_www_auth(response, "scope")',
                "    if response.status_code == 403:\n        return None\n"
                '    return extract_field_from_www_auth(response, "scope")',
            ),
        ),
        probe(READ, WRITE),
    ),
    Bug(
        "scopes-of-a-403-only",
        "CHAL-1",
        "reads the scope of a 403 and not that of a 401",
        (
            Edit(
                READING,
                '    return extract_field_from_www_auth(response, "scope")',
                "    if response.status_code == 401:\n        return None\n"
                '    return extract_field_from_www_auth(response, "scope")',
            ),
        ),
        probe(READ),
    ),
    Bug(
        "first-scope-only",
        "CHAL-1",
        "reads the first scope of a 403 that names several",
        (
            Edit(
                READING,
                '    return extract_field_from_www_auth(response, "scope")',
                '    scope = extract_field_from_www_auth(response, "scope")\n'
                '    return scope.split(" ")[0] if scope and response.status_code == 403 else scope',
            ),
        ),
        probe(READ, call("write", more("b c"))),
    ),
)

"""Chapter 8, retries: how often, and for what, a call asks again."""

from planted.planting import FLOW, Bug, Edit
from planted.probes import READ, REFUSED, WRITE, call, more, narrower, probe

_LAST = """                # Retry with new tokens
                self._add_auth_header(request)
                yield request"""
_AGAIN = """                for _ in range({times}):
                    self._add_auth_header(request)
                    response = yield request
                    if response.status_code != 403 or not extract_scope_from_www_auth(response):
                        return
                    {then}self.context.client_metadata.scope = union_scopes(
                        self.context.client_metadata.scope, extract_scope_from_www_auth(response)
                    )
                    await self._handle_token_response((yield await self._perform_authorization()))
                self._add_auth_header(request)
                yield request"""
_AUTHORIZES = """                    token_response = yield await self._perform_authorization()
                    await self._handle_token_response(token_response)
                except"""

BUGS = (
    Bug(
        "no-end",
        "RETRY-2",
        "steps up for as long as it is challenged",
        (Edit(FLOW, _LAST, _AGAIN.format(times=1000, then="")),),
        probe(READ, call("write", more("d"), grants=(narrower("d"),), persists=True)),
    ),
    Bug(
        "one-too-many",
        "RETRY-1",
        "steps up four times for one call",
        (Edit(FLOW, _LAST, _AGAIN.format(times=3, then="")),),
        probe(READ, call("write", more("d"), grants=(narrower("d"),), persists=True)),
    ),
    Bug(
        "goes-along-with-what-grows",
        "RETRY-4",
        "steps up for as long as each challenge names something new",
        (
            Edit(
                FLOW,
                _LAST,
                _AGAIN.format(
                    times=1000,
                    then="if set(extract_scope_from_www_auth(response).split()) <= set(\n"
                    "                        self.context.client_metadata.scope.split()\n"
                    "                    ):\n"
                    "                        return\n"
                    "                    ",
                ),
            ),
        ),
        probe(call("read", *map(more, "abcdefgh"))),
    ),
    Bug(
        "in-vain-once-more",
        "RETRY-3",
        "asks for the same once more where the new token is refused",
        (Edit(FLOW, _LAST, _AGAIN.format(times=1, then="")),),
        probe(READ, call("write", more("b"), more("b"))),
    ),
    Bug(
        "insists",
        "RETRY-5",
        "asks again at once where the user refuses",
        (
            Edit(
                FLOW,
                _AUTHORIZES,
                """                    try:
                        authorized = await self._perform_authorization()
                    except Exception:
                        authorized = await self._perform_authorization()
                    token_response = yield authorized
                    await self._handle_token_response(token_response)
                except""",
            ),
        ),
        probe(READ, call("write", grants=(REFUSED,))),
    ),
    Bug(
        "three-in-all",
        "RETRY-2",
        "steps up three times in all, whatever the operation",
        (
            Edit(
                FLOW,
                "            if response.status_code == 401 or step_up:\n",
                "            self.step_ups = getattr(self, 'step_ups', 0) + step_up\n"
                "            if response.status_code == 401 or (step_up and self.step_ups <= 3):\n",
            ),
        ),
        probe(READ, WRITE, call("delete", more("c")), call("delete", more("d")), call("read", more("e"))),
        commanded=False,  # it calls no four operations of which each steps up
    ),
)

"""Chapter 4, step-up: what a later request keeps, adds and loses, and what follows a challenge."""

from planted.planting import FLOW, READING, Bug, Edit
from planted.probes import DELETE, READ, REVOKED, WRITE, call, more, narrower, probe, wider

_PRIOR = "                        prior_scope = union_scopes(self.context.client_metadata.scope, granted_scope)\n"
_UNION = "                        self.context.client_metadata.scope = union_scopes(prior_scope, challenged_scope)\n"
_RETRY = "                # Retry with new tokens\n                self._add_auth_header(request)\n"
_HANDLED = "            if response.status_code == 401 or step_up:\n"
_REFRESHES = """                refreshed = yield await self._refresh_token()
                if await self._handle_refresh_response(refreshed):
                    self._add_auth_header(request)
                    response = yield request
                    step_up = False
"""

BUGS = (
    Bug(
        "replaces",
        "ACC-1",
        "steps up to the challenge alone",
        (Edit(FLOW, _UNION, "                        self.context.client_metadata.scope = challenged_scope\n"),),
        probe(READ, WRITE),
    ),
    Bug(
        "forgets-the-grant",
        "ACC-2",
        "steps up from what it requested, not from what it was granted",
        (Edit(FLOW, _PRIOR, "                        prior_scope = self.context.client_metadata.scope\n"),),
        probe(call("read", grants=(wider("d"),)), WRITE),
    ),
    Bug(
        "forgets-the-request",
        "ACC-1",
        "steps up from what it was granted, not from what it requested",
        (Edit(FLOW, _PRIOR, "                        prior_scope = granted_scope\n"),),
        probe(call("read", more("a b"), grants=(narrower("b"),)), DELETE),
    ),
    Bug(
        "second-step-up-forgets",
        "ACC-4",
        "steps up from what it asked for at first, each time",
        (
            Edit(
                FLOW,
                _UNION,
                "                        self.first_scope = getattr(self, 'first_scope', prior_scope)\n"
                "                        self.context.client_metadata.scope = union_scopes(\n"
                "                            self.first_scope, challenged_scope\n"
                "                        )\n",
            ),
        ),
        probe(READ, WRITE, DELETE),
    ),
    Bug(
        "third-step-up-forgets",
        "ACC-4",
        "keeps the two scopes that it has had the longest when it steps up",
        (
            Edit(
                FLOW,
                _UNION,
                '                        prior_scope = " ".join((prior_scope or "").split()[:2])\n' + _UNION,
            ),
        ),
        probe(READ, WRITE, DELETE, call("read", more("d"))),
    ),
    Bug(
        "replaces-what-it-holds",
        "ACC-1",
        "asks for the challenge alone where it holds all that it names",
        (
            Edit(
                FLOW,
                _UNION,
                '                        if set((challenged_scope or "").split()) <= '
                'set((granted_scope or "").split()):\n'
                "                            prior_scope = None\n" + _UNION,
            ),
        ),
        probe(READ, WRITE, call("read", more("a"))),
    ),
    Bug(
        "implied",
        "ACC-6",
        "leaves out a challenged scope that begins with the name of one that it has",
        (
            Edit(
                READING,
                "        if scope not in seen:\n",
                '        if not any(scope == s or scope.startswith(f"{s}:") for s in seen):\n',
            ),
        ),
        probe(READ, call("write", more("a:read"))),
    ),
    Bug(
        "list-joined-later",
        "ACC-3",
        "joins the resource's list when it steps up",
        (
            Edit(
                FLOW,
                _UNION,
                _UNION
                + "                        if self.context.protected_resource_metadata:\n"
                + "                            prm = self.context.protected_resource_metadata\n"
                + "                            listed = prm.scopes_supported or ()\n"
                + "                            self.context.client_metadata.scope = union_scopes(\n"
                + '                                self.context.client_metadata.scope, " ".join(listed)\n'
                + "                            )\n",
            ),
        ),
        probe(READ, WRITE, lists="d"),
    ),
    Bug(
        "refreshes-a-403",
        "STEP-5",
        "answers a 403 with a refresh where it has a refresh token",
        (
            Edit(
                FLOW,
                _HANDLED,
                "            if step_up and self.context.can_refresh_token():\n" + _REFRESHES + _HANDLED,
            ),
        ),
        probe(READ, WRITE),
    ),
    Bug(
        "refreshes-a-401",
        "CHAL-8",
        "answers a 401 with a refresh, and the same 401 to the new token with an authorization",
        (
            Edit(
                FLOW,
                _HANDLED,
                "            if response.status_code == 401 and self.context.can_refresh_token():\n"
                + _REFRESHES
                + _HANDLED,
            ),
        ),
        probe(READ, call("read", REVOKED, REVOKED)),
    ),
    Bug(
        "never-steps-up",
        "STEP-2",
        "leaves every 403 to the application",
        (Edit(FLOW, _HANDLED, "            if response.status_code == 401:\n"),),
        probe(READ, WRITE),
    ),
    Bug(
        "steps-up-without-trying-again",
        "STEP-7",
        "steps up and does not try the operation again",
        (
            Edit(
                FLOW,
                _RETRY,
                "                if step_up:\n                    return\n" + _RETRY,
            ),
        ),
        probe(READ, WRITE),
    ),
    Bug(
        "tries-again-with-the-old-token",
        "STEP-7",
        "tries again after a step-up with the token that was refused",
        (
            Edit(
                FLOW,
                "                # Retry with new tokens\n                self._add_auth_header(request)\n",
                "                if not step_up:\n                    self._add_auth_header(request)\n",
            ),
        ),
        probe(READ, WRITE),
    ),
)

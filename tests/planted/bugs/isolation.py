"""Chapter 9, isolation: what belongs to one server and one resource."""

from textwrap import indent

from planted.planting import FLOW, Bug, Edit
from planted.probes import EXPIRED, READ, TWO, UNNAMED, call, probe

_CONTEXT = "@dataclass\nclass OAuthContext:\n"
_SHARED = "_SHARED: dict[int, Any] = {}\n\n\n"
# A handler's owner is the application; what is kept of it beside its number keeps the number its own.
_WHOSE = """                        whose = getattr(self.context.redirect_handler, "__self__", self)
                        shared = _SHARED.setdefault(id(whose), [whose, None])
"""
_SELECTED = "                        self.context.client_metadata.scope = challenged_scope\n"

BUGS = (
    Bug(
        "shares-scopes",
        "ACC-7",
        "remembers what it asked for by the application, whatever the server",
        (
            Edit(FLOW, _CONTEXT, _SHARED + _CONTEXT),
            Edit(
                FLOW,
                _SELECTED,
                _WHOSE + "                        shared[1] = union_scopes(challenged_scope, shared[1])\n"
                "                        self.context.client_metadata.scope = shared[1]\n",
            ),
        ),
        probe(READ, call("read", at=TWO), second=True),
        commanded=False,
    ),
    Bug(
        "shares-metadata",
        "ACC-7",
        "takes the list of the server that was met last for that of every server",
        (
            Edit(FLOW, _CONTEXT, _SHARED + _CONTEXT),
            Edit(
                FLOW,
                "                                self.context.protected_resource_metadata = prm\n",
                indent(_WHOSE, " " * 8)
                + "                                shared[1] = prm.scopes_supported or shared[1]\n"
                "                                prm.scopes_supported = shared[1]\n"
                "                                self.context.protected_resource_metadata = prm\n",
            ),
        ),
        probe(READ, call("read", UNNAMED, at=TWO), second=True, lists="a b"),
        commanded=False,
    ),
    Bug(
        "names-the-origin",
        "ISO-1",
        "names the origin in place of the resource",
        (
            Edit(
                FLOW,
                "        return resource\n",
                "        return self.get_authorization_base_url(resource)\n",
            ),
        ),
        probe(READ),
    ),
    Bug(
        "slash-at-the-refresh",
        "ISO-1",
        "puts a slash after the resource of a refresh",
        (
            Edit(
                FLOW,
                '            refresh_data["resource"] = self.context.get_resource_url()',
                '            refresh_data["resource"] = self.context.get_resource_url() + "/"',
            ),
        ),
        probe(READ, EXPIRED, READ),
    ),
    Bug(
        "slash-at-the-exchange",
        "ISO-1",
        "puts a slash after the resource where it exchanges a code",
        (
            Edit(
                FLOW,
                '            token_data["resource"] = self.context.get_resource_url()',
                '            token_data["resource"] = self.context.get_resource_url() + "/"',
            ),
        ),
        probe(READ),
        commanded=False,  # no call ever carries a token: it is turned away as no client
    ),
)

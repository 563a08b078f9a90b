"""Chapter 1, scopes: how they are joined, taken apart, ordered and compared."""

from planted.planting import FLOW, READING, Bug, Edit
from planted.probes import READ, UNNAMED, WRITE, call, more, probe

BUGS = (
    Bug(
        "repeats",
        "ORDER-3",
        "joins what was requested and what is challenged without looking for repetitions",
        (Edit(READING, "        if scope not in seen:\n", "        if scope:\n"),),
        probe(READ, call("write", more("a b"))),
    ),
    Bug(
        "sorts-the-union",
        "ORDER-3",
        "sorts what it asks for when it steps up",
        (Edit(READING, 'return " ".join(merged)', 'return " ".join(sorted(merged))'),),
        probe(WRITE, READ),
    ),
    Bug(
        "latest-first",
        "ORDER-3",
        "puts what is challenged before what was requested",
        (
            Edit(
                FLOW,
                "union_scopes(prior_scope, challenged_scope)",
                "union_scopes(challenged_scope, prior_scope)",
            ),
        ),
        probe(READ, WRITE),
    ),
    Bug(
        "two-spaces",
        "SEL-4",
        "joins with two spaces when it steps up",
        (Edit(READING, 'return " ".join(merged)', 'return "  ".join(merged)'),),
        probe(READ, WRITE),
    ),
    Bug(
        "space-at-the-end",
        "SEL-4",
        "sends a space after the last scope of the authorization request",
        (
            Edit(
                FLOW,
                'auth_params["scope"] = self.context.client_metadata.scope\n',
                'auth_params["scope"] = self.context.client_metadata.scope + " "\n',
            ),
        ),
        probe(READ),
    ),
    Bug(
        "empty-parameter",
        "SEL-4",
        "sends an empty scope parameter where the list is empty",
        (
            Edit(
                FLOW,
                "if self.context.client_metadata.scope:  # pragma: no branch",
                "if self.context.client_metadata.scope is not None:",
            ),
        ),
        probe(call("read", UNNAMED), lists=""),
    ),
    Bug(
        "lists-in-commas",
        "SEL-2",
        "joins the resource's list with commas",
        (
            Edit(
                READING,
                'selected_scope = " ".join(protected_resource_metadata.scopes_supported)',
                'selected_scope = ",".join(protected_resource_metadata.scopes_supported)',
            ),
        ),
        probe(call("read", UNNAMED), lists="a b"),
    ),
    Bug(
        "cuts-at-commas",
        "PARSE-1",
        "takes a challenge apart at commas when it steps up",
        (Edit(READING, "for scope in new_scope.split():", 'for scope in new_scope.replace(",", " ").split():'),),
        probe(READ, call("write", more("e,f"))),
    ),
    Bug(
        "cuts-at-colons",
        "CHAL-1",
        "cuts a challenged scope off at its first colon",
        (
            Edit(
                READING,
                "selected_scope = www_authenticate_scope\n",
                'selected_scope = " ".join(s.partition(":")[0] for s in www_authenticate_scope.split(" "))\n',
            ),
        ),
        probe(call("read"), needs={"read": "b:read"}),
    ),
    Bug(
        "lower-case",
        "ORDER-2",
        "writes challenged scopes in lower case",
        (
            Edit(
                READING,
                "selected_scope = www_authenticate_scope\n",
                "selected_scope = www_authenticate_scope.lower()\n",
            ),
        ),
        probe(call("read"), needs={"read": "A"}),
    ),
    Bug(
        "same-but-for-case",
        "ORDER-2",
        "takes a challenged scope for one that it has where only capitals tell them apart",
        (
            Edit(READING, "    seen = set(merged)\n", "    seen = {scope.lower() for scope in merged}\n"),
            Edit(READING, "        if scope not in seen:\n", "        if scope.lower() not in seen:\n"),
        ),
        probe(READ, call("write", more("A"))),
    ),
    Bug(
        "two-of-three",
        "CHAL-1",
        "asks for no more than two scopes of a challenge",
        (
            Edit(
                READING,
                "selected_scope = www_authenticate_scope\n",
                'selected_scope = " ".join(www_authenticate_scope.split(" ")[:2])\n',
            ),
        ),
        probe(call("read"), needs={"read": "a b c"}),
    ),
    Bug(
        "as-a-set",
        "ORDER-3",
        "joins the resource's list in the order of a sorted set",
        (
            Edit(
                READING,
                'selected_scope = " ".join(protected_resource_metadata.scopes_supported)',
                'selected_scope = " ".join(sorted(set(protected_resource_metadata.scopes_supported)))',
            ),
        ),
        probe(call("read"), lists="b a", needs={"read": ""}),
    ),
)

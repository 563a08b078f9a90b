"""Chapter 9, isolation: what belongs to one authorization server and one resource (ACC-7, ISO-1, ISO-2)."""

from __future__ import annotations

from scope_judge.findings import HOLDS, Answer, Broken
from scope_judge.occasions import Asked, Registered, ResourceNamed, TokenShown, listing
from scope_judge.places import normal_form

from .book import clause


@clause("ACC-7", "SEL-6", on=Asked)
def scopes_of_another_are_not_asked_for(asked: Asked) -> Answer:
    """The scopes of a request depend on what happened at this authorization server and resource alone."""
    if not asked.others_exist:
        return None
    if names := asked.surplus.get("elsewhere"):
        return Broken("elsewhere", f"{listing(names)} belongs to another authorization server or resource")
    if names := asked.surplus.get("moved"):
        return Broken("moved", f"{listing(names)} was challenged where the resource had another authorization server")
    return HOLDS


@clause("ACC-7", on=Registered)
def scopes_of_another_are_not_registered(registered: Registered) -> Answer:
    """A registration names no scope that only another authorization server or its resources named (A20)."""
    strays = registered.strays
    if not strays:
        return None if strays is None else HOLDS
    return Broken("registered", f"the registration names {listing(strays)}, of another authorization server")


@clause("ISO-1", on=ResourceNamed)
def a_chain_names_one_resource(named: ResourceNamed) -> Answer:
    """Authorization, exchange and refresh name the resource that its metadata published, or else the same one.

    The same URI may be spelled in its normal form in place of the published one; any other spelling is A30.
    """
    if named.named is None or named.right is None:
        return None
    normal = normal_form(named.right)
    if named.named in (named.right, normal):
        return HOLDS
    cause = "spelled-otherwise" if normal_form(named.named) == normal else "another"
    return Broken(cause, f"the request names the resource {named.named}, and it is {named.right}")


@clause("ISO-2", on=TokenShown)
def a_token_is_shown_to_its_own_alone(shown: TokenShown) -> Answer:
    """A call carries no token of another authorization server, and none is sent the refresh token of another."""
    if shown.issuer in shown.right:
        return HOLDS
    what = shown.kind.replace("-", " ")
    because = f"the {what} was issued by {shown.issuer}, and is sent where those of {shown.right[0]} belong"
    return Broken(shown.kind, because)

"""Documents: the metadata of resources and of authorization servers, whose it is, and what clients registered there.

A document may be fetched before anything is called by the name that it speaks of, and it may speak of another.
"""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Final

from scope_model.events import AuthorizationServerMetadata, ProtectedResourceMetadata
from scope_model.scopes import NO_SCOPES, Scope, ScopeSet, read_scope

from .account import NEVER, Account, Resource
from .occasions import FOREIGN, OFFLINE, Owner
from .places import Places, canonical, is_parent, parents


class Documents:
    """The documents that were fetched, by what they speak of.

    `named` is who named each scope, and when; `issuers` are the authorization servers that resources name. At
    `foreign_at` a document was last seen that speaks of none of what is known.
    """

    def __init__(self, places: Places, named: dict[str, dict[Owner, int]]) -> None:
        self.issuers: set[str] = set()
        self.foreign_at = NEVER
        self.registered_at = self.used_at = NEVER
        self._places = places
        self._named = named
        self._of_resources: dict[str, tuple[ProtectedResourceMetadata, int]] = {}
        self._listed_by_servers: dict[str | None, ScopeSet | None] = {}
        self._registered: dict[str | None, tuple[ScopeSet | None, int]] = {}
        self._static: set[Scope] = set()

    @property
    def any_foreign(self) -> bool:
        """Whether any document spoke of nothing that is known."""
        return self.foreign_at != NEVER

    # --- of resources ---

    def hand_over(self, resource: Resource, name: str | None = None) -> None:
        """Give a resource the document that was fetched before anything was called by its name."""
        if not self._of_resources:
            return
        if resource.name is None and len(self._of_resources) == 1:
            (document, _) = next(iter(self._of_resources.values()))
            self._places.named(document.resource)
        if resource.document_at == NEVER and resource.name is not None:
            own = self._of_resources.pop(canonical(name or resource.name), None)
            if own is not None and is_parent(name or "", resource.name):
                if _speaks_of_a_child(name or "", own[0].url, resource):
                    self._take_from_a_parent(resource, own[0])
            elif own is not None:
                self._attach(resource, *own)
            elif resource.parent_listed is None:
                self._look_above(resource, resource.name)

    def _look_above(self, resource: Resource, name: str) -> None:
        """Take up what was fetched for a parent."""
        for above in parents(name):
            if above in self._of_resources:
                document, _ = self._of_resources[above]
                if _speaks_of_a_child(document.resource or "", document.url, resource):
                    self._take_from_a_parent(resource, document)
                    return

    def _take_from_a_parent(self, resource: Resource, document: ProtectedResourceMetadata) -> None:
        listed = _listed(document.scopes_supported) or NO_SCOPES
        resource.parent_listed = listed | (resource.parent_listed or NO_SCOPES)
        self._names(resource, document.authorization_servers)

    def of_a_resource(self, event: ProtectedResourceMetadata, at: int) -> Resource | None:
        """Take a document in; the resource whose own it is, None where that is not known."""
        name, current = event.resource, self._places.current
        resource = self._places.asked(None) if name is None else self._places.named(name)
        if resource is not None:
            self._attach(resource, event, at)
        elif current is not None and name is not None and _speaks_of_a_child(name, event.url, current):
            self._take_from_a_parent(current, event)
            self._replace_its_own(current)
            self._of_resources[canonical(name)] = (event, at)
        elif name is not None:
            self._of_resources[canonical(name)] = (event, at)
            if not self._places.will_be_called(name):
                self._take_for_foreign(_listed(event.scopes_supported), at)
        return resource

    def _replace_its_own(self, resource: Resource) -> None:
        """A document was looked for anew, and found above: its own binds no more, and what it listed stays known."""
        for scope in resource.listed or ():
            self._named.setdefault(scope, {})[resource] = resource.epoch
        resource.listed, resource.publishes_empty = None, False

    def _attach(self, resource: Resource, event: ProtectedResourceMetadata, at: int) -> None:
        resource.listed = _listed(event.scopes_supported)
        resource.publishes_empty = event.scopes_supported is not None and resource.listed is None
        resource.published, resource.document_at = event.resource, at
        self._names(resource, event.authorization_servers)

    def _names(self, resource: Resource, issuers: tuple[str, ...]) -> None:
        _set_aside(resource, issuers)
        resource.issuers = issuers
        self.issuers.update(map(canonical, issuers))

    def _take_for_foreign(self, scopes: ScopeSet | None, at: int) -> None:
        self.foreign_at = at
        for scope in scopes or ():
            self._named.setdefault(scope, {})[FOREIGN] = at

    # --- of authorization servers ---

    def of_a_server(self, event: AuthorizationServerMetadata, at: int) -> None:
        """Take in what an authorization server lists."""
        issuer = None if event.issuer is None else canonical(event.issuer)
        listed = _listed(event.scopes_supported)
        if issuer is not None and self.issuers and issuer not in self.issuers:
            self._take_for_foreign(listed, at)
        self._listed_by_servers[issuer] = listed

    def listed_by_the_server(self, account: Account, resource: Resource) -> ScopeSet | None:
        """What the authorization server of an account lists."""
        issuer = account.issuer or (resource.issuers[0] if len(resource.issuers) == 1 else None)
        known = self._listed_by_servers
        if issuer is not None and canonical(issuer) in known:
            return known[canonical(issuer)]
        return known.get(None) if issuer is not None or len(known) != 1 else next(iter(known.values()))

    # --- what clients register there ---

    def register(self, issuer: str | None, scope: ScopeSet | None, at: int) -> None:
        """Take in for which scope the client registered; one that nothing has used yet may still be the one in use."""
        earlier, registered_at = self._registered.get(issuer, (NO_SCOPES, NEVER))
        if registered_at > self.used_at:
            scope = None if scope is None or earlier is None else scope | earlier
        self._registered[issuer], self.registered_at = (scope, at), at

    def registration(self, account: Account, resource: Resource) -> tuple[ScopeSet | None, bool]:
        """The scope that the client registered, and whether it did since the resource answered."""
        known, issuer = self._registered, None if account.issuer is None else canonical(account.issuer)
        scope, at = known.get(issuer if issuer in known else None, (None, NEVER))
        return scope, at > resource.responded_at

    def strays(self, registered: ScopeSet, issuer: str | None, configured: ScopeSet | None) -> list[Scope] | None:
        """What of a registration is named at other authorization servers alone; what nobody named before is its own."""
        known = (configured, self._listed_by_servers.get(issuer), self._listed_by_servers.get(None))
        ours = reduce(or_, (scopes for scopes in known if scopes is not None), OFFLINE)
        strays = []
        for scope in registered - ours:
            namers = [*self._named.get(scope, ()), *(each for each in self._places.known if each.lists(scope))]
            if not namers:
                self._static.add(scope)
            elif scope not in self._static and not any(_may_be_at(owner, issuer) for owner in namers):
                if not any(scope in each.misread for each in self._places.known):
                    strays.append(scope)
        return None if issuer is None or len(self.issuers) < 2 else strays


_ROOT: Final = "/.well-known/oauth-protected-resource"


def _set_aside(resource: Resource, issuers: tuple[str, ...]) -> None:
    """Where none of the authorization servers is named any more that a token may be of, it may be set aside.

    So it may at the first document that is seen, where nobody saw the token issued.
    """
    account = resource.account
    if account is None or account.token is None or account.token.state != "in use" or not issuers:
        return
    before = resource.issuers if account.issuer is None else (account.issuer,)
    if set(map(canonical, before)).isdisjoint(map(canonical, issuers)):
        account.token.state = "set aside"


def _speaks_of_a_child(name: str, url: str | None, current: Resource) -> bool:
    """Whether a document of a parent may be meant for what is below: one that was not found at another place."""
    return is_parent(name, current.name) and (url is None or url.endswith(_ROOT))


def _listed(names: tuple[str, ...] | None) -> ScopeSet | None:
    """The scopes of a metadata list, None where it lists none."""
    return None if names is None else read_scope(" ".join(names)) or None


def _may_be_at(owner: Owner, issuer: str | None) -> bool:
    """Whether who named a scope may be at an authorization server, or have been."""
    if isinstance(owner, str):
        return True
    if isinstance(owner, Account):
        return owner.issuer is None or canonical(owner.issuer) == issuer
    at = [*owner.issuers, *([] if owner.account is None else [owner.account.issuer or ""])]
    return owner.epoch > 0 or not owner.issuers or any(canonical(each) == issuer for each in at)

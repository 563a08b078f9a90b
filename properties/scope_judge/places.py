"""Places: which resource and which account an event belongs to, where names may be left out or differ.

Where there is one issuer or one resource it may be named on any subset of the events, or on none. A name that differs
from the called one by a slash or a default port is the same name; one that a request gives right after a challenge is
another name of what was challenged, as long as nothing is called by it. Where something is called by it later, that
may still be the same, unless what was challenged goes by its own name. Where a recording begins in the middle, a name
of another origin may be that of what was called before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from .account import Account, Life, Resource

_PORTS: Final = {"http": 80, "https": 443}


@lru_cache(maxsize=1024)
def canonical(name: str) -> str:
    """A name without what makes no difference: a trailing slash, a default port, the case of scheme and host."""
    path, mark, query = normal_form(name).partition("#")[0].partition("?")
    return path.rstrip("/") + mark + query


@lru_cache(maxsize=1024)
def normal_form(name: str) -> str:
    """The one of the equivalent spellings of a URI that MCP prefers (RFC 9110 section 4.2.3).

    Scheme and host in lower case, no default port, and no slash after an origin. A slash after a path is another URI.
    """
    try:
        parts = urlsplit(name)
        port = parts.port
    except ValueError:
        return name
    if not parts.scheme or parts.hostname is None:
        return name
    host = parts.hostname if port in (None, _PORTS.get(parts.scheme)) else f"{parts.hostname}:{port}"
    path = "" if parts.path == "/" else parts.path
    query = f"?{parts.query}" if parts.query else ""
    fragment = f"#{parts.fragment}" if parts.fragment else ""
    return f"{parts.scheme}://{host}{path}{query}{fragment}"


def _are_the_same(name: str | None, other: str | None) -> bool:
    return name is not None and other is not None and canonical(name) == canonical(other)


def _origin(name: str) -> str:
    return "/".join(canonical(name).split("/")[:3])


def is_parent(name: str, of: str | None) -> bool:
    """Whether a name is that of an origin, or of a path above."""
    return of is not None and canonical(of).startswith(canonical(name) + "/")


def parents(name: str) -> Iterator[str]:
    """The canonical names above a name, the nearest first."""
    above = canonical(name)
    while above.count("/") > 2:
        above = above.rpartition("/")[0]
        yield above


class Places:
    """The resources and accounts of a transcript, found by name.

    `waiting` are the resources that may have a request coming: they were challenged, or their token ran out.
    `holders` says whose each token is that was issued, `carriers` the same of those that nobody saw issued. `called`
    are the names by which something is called sooner or later, as far as that is known.
    """

    def __init__(self, life: Life, called: Collection[str] = ()) -> None:
        self._life = life
        self._called = called
        self._resources: dict[str, Resource] = {}
        self._other_names: set[str] = set()
        self._at_origin: dict[str, list[Resource]] = {}
        self._uncalled: dict[str, list[Resource]] = {}
        self._accounts: dict[tuple[str, Resource], Account] = {}
        self.current: Resource | None = None
        self.waiting: dict[Resource, None] = {}
        self.holders: dict[str, tuple[Account, Resource]] = {}
        self.carriers: dict[str, tuple[Account, Resource]] = {}
        self.refreshed_by: dict[str, tuple[Account, Resource]] = {}
        self.known: list[Resource] = []

    def called(self, name: str | None) -> Resource:
        """The resource that is called, or answers, by this name."""
        self.current = self.known_as(name)
        return self.current

    def known_as(self, name: str | None) -> Resource:
        """The resource that is called by this name, or is about to be."""
        resource = self._named(name) or self._adopting(name) or self._new(name)
        resource.called_by_name = resource.called_by_name or name is not None
        self.current = self.current or resource
        return resource

    def asked(self, name: str | None, *, stored: bool = False) -> Resource:
        """The resource that a request to an authorization server is for; what was stored needs no challenge."""
        current = self.current
        if name is not None and canonical(name) in self._other_names and current is not None:
            if current.called and current.was_just_challenged:
                for spelled in (name, canonical(name)):  # it may be another name of this one, too
                    self._resources.pop(spelled, None)
        known = self._named(name) or self._adopting(name)
        resource = known or self._by_another_name(name, stored=stored) or self._new(name)
        resource.asked_by_name = resource.asked_by_name or _are_the_same(name, resource.name)
        self.current = resource
        return resource

    def named(self, name: str | None) -> Resource | None:
        """The resource of a document, if anything is called or asked for by its name."""
        return self._named(name) or self._adopting(name)

    def _named(self, name: str | None) -> Resource | None:
        if name is None:
            return self.current
        known = self._resources.get(name)
        if known is None:
            known = self._resources.get(canonical(name))
            if known is not None:
                self._resources[name] = known  # in this spelling, too
        return known

    def _adopting(self, name: str | None) -> Resource | None:
        """The one resource there is, if it has no name yet; or one that was only asked for, by the name of a parent."""
        if name is None:
            return None
        if len(self.known) == 1 and self.known[0].name is None:
            return self._name(self.known[0], name)
        origin = _origin(name)
        uncalled = [known for known in self._uncalled.get(origin, ()) if not known.called_by_name]
        self._uncalled[origin] = uncalled  # who is once called by name is never again looked at
        above = [known for known in uncalled if is_parent(known.name or "", name)]
        return self._name(above[0], name) if len(above) == 1 else None

    def will_be_called(self, name: str | None) -> bool:
        """Whether something is called by a name, sooner or later."""
        return name is not None and canonical(name) in self._called

    def _by_another_name(self, name: str | None, *, stored: bool) -> Resource | None:
        """The one resource below a name, or what was just challenged, by a name that nothing is called by."""
        if name is None:
            return None
        below = [known for known in self._at_origin.get(_origin(name), ()) if is_parent(name, known.name)]
        current = self.current
        challenged = not stored and current is not None and current.called and current.was_just_challenged
        if len(below) != 1 and not challenged:
            return None
        found = below[0] if len(below) == 1 else current
        if found is None or (found.goes_by_its_name and self._may_be_elsewhere(name, found)):
            return None
        self._resources[canonical(name)] = found
        self._other_names.add(canonical(name))
        return found

    def _may_be_elsewhere(self, name: str, found: Resource) -> bool:
        """Whether a name is that of something else: called by it, or at another origin, and called before."""
        return self.will_be_called(name) or (found.called_before and _origin(name) != _origin(found.name or ""))

    def _new(self, name: str | None) -> Resource:
        resource = Resource(None)
        self.known.append(resource)
        return resource if name is None else self._name(resource, name)

    def _name(self, resource: Resource, name: str) -> Resource:
        resource.name = name
        self._at_origin.setdefault(_origin(name), []).append(resource)
        self._uncalled.setdefault(_origin(name), []).append(resource)
        self._resources[canonical(name)] = resource
        return resource

    def account(self, resource: Resource, issuer: str | None) -> Account:
        """The account of a resource at an issuer, made where there is none; the resource's own from then on."""
        known = resource.account
        if issuer is None:
            issuer = resource.issuers[0] if len(resource.issuers) == 1 else None
        if known is not None and (
            issuer is None or known.issuer is None or canonical(known.issuer) == canonical(issuer)
        ):
            known.issuer = known.issuer or issuer
            account = known
        else:
            account = self._accounts.get((canonical(issuer or ""), resource)) or Account(self._life, issuer)
            resource.epoch += known is not None
        if account.issuer is not None:
            self._accounts[canonical(account.issuer), resource] = account
        resource.account = account
        return account

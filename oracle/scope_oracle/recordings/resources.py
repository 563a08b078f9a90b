"""Which resource is called at a URL: what requests name, what documents publish, and where redirects lead, decide."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final
from urllib.parse import urljoin

from .exchanges import Exchange, one, origin, parameters, same_place, struck_out
from .messages import RESOURCE_METADATA, bearer, operation
from .survey import Survey

REDIRECTS: Final = (301, 302, 307, 308)


class Resources:
    """The names of the resources that were called.

    A place that leads to another by a redirect is the same resource, and so is the pair of places that the older
    HTTP+SSE transport speaks at. It has the name that a document or a request gives it exactly, else the longest that
    one gives something above it, else that of what its token was issued for; else it is its own.
    """

    def __init__(self, survey: Survey) -> None:
        self.doubtful: set[str] = set()
        self._leads_to: dict[str, str] = {}
        self._names: dict[str, str] = {}
        documents = [document.answer["resource"] for document in survey.documents]
        asked = [named for request in survey.requests if (named := request.parameter("resource")) is not None]
        self._exact = {same_place(name): name for name in (*reversed(asked), *documents)}
        self._published = {same_place(name) for name in documents}
        self._described = {place for document in survey.documents if (place := _described(document.place)) is not None}
        self._asked = {same_place(name) for name in asked}
        self._join_redirects(survey.calls)
        self._join_streams(survey.calls)
        self._settle(survey)

    def name(self, exchange: Exchange) -> str:
        """The name of the resource that a call is for."""
        return self._names[self._class(called(exchange))]

    def named(self, given: str) -> str:
        """The name of the resource that a request names, which is what it says wherever a document was seen."""
        place = same_place(given)
        known = self._names.get(self._class(place))
        return given if known is None or same_place(known) in self._published else known

    def is_called(self, given: str) -> bool:
        """Whether what a request names is at the origin of anything that was called, or is its name."""
        place = same_place(given)
        return self._class(place) in self._names or origin(place) in self._origins

    def _class(self, place: str) -> str:
        """The one of several places of a resource that stands for all."""
        whole = place
        while whole in self._leads_to:
            whole = self._leads_to[whole]
        while place != whole:
            self._leads_to[place], place = whole, self._leads_to[place]
        return whole

    def _join(self, place: str, other: str) -> None:
        one_, another = self._class(place), self._class(other)
        if one_ != another:
            self._leads_to[one_] = another

    def _join_redirects(self, calls: Iterable[Exchange]) -> None:
        for call in calls:
            target = call.received_one("location") or call.redirect
            if call.status in REDIRECTS and target and operation(call) is not None:
                self._join(called(call), same_place(urljoin(call.place, target)))

    def _join_streams(self, calls: Iterable[Exchange]) -> None:
        """Join where messages are posted to with the stream that answers, by its `endpoint` event or their look."""
        streams: dict[str, dict[str, None]] = defaultdict(dict)
        posts: dict[str, bool] = {}
        for call in calls:
            place = called(call)
            if call.method == "POST" and operation(call) is not None:
                posts[place] = posts.get(place, False) or _names_session(call)
            elif call.method == "GET":
                streams[origin(call.place)][place] = None  # a proxy's stream stands for what is behind it
                endpoint = _endpoint_event(call)
                if endpoint is not None:
                    self._join(same_place(urljoin(call.place, endpoint)), place)
        # A stream whose own place takes messages is one of the newer transport.
        alone = {place: [stream for stream in those if stream not in posts] for place, those in streams.items()}
        for place, in_session in posts.items():
            those = alone.get(origin(place), [])
            if in_session and len(those) == 1:
                self._join(place, those[0])

    def _members(self, calls: Iterable[Exchange]) -> dict[str, dict[str, None]]:
        """The places of each resource, those that were called before those that a redirect led to."""
        members: dict[str, dict[str, None]] = defaultdict(dict)
        for call in calls:
            members[self._class(called(call))][called(call)] = None
        for place in self._leads_to:
            if self._class(place) in members:
                members[self._class(place)].setdefault(place)
        return members

    def _settle(self, survey: Survey) -> None:
        """Give each resource its name."""
        members = self._members(survey.calls)
        self._origins = {origin(place) for places in members.values() for place in places}
        above: dict[str, list[str]] = defaultdict(list)
        for whole, places in members.items():
            self._names[whole], covering = self._name_of(whole, places)
            if covering is not None:
                above[covering].append(whole)
        issued_for = _issued_for(survey)
        carried = _carried(survey.calls, self._class)
        spoken_of = self._exact.keys() | self._described
        for covering, classes in above.items():
            # One document for several: whether it is one resource or several, the tokens that were issued may tell.
            if len(classes) > 1 and covering not in self._asked and not _share(carried, classes):
                for whole in classes:
                    self._names[whole] = whole
                    self.doubtful.add(whole)
        for whole, places in members.items():
            if spoken_of.isdisjoint(places) and self._names[whole] == next(iter(places)):
                self._name_by_token(whole, carried[whole], issued_for)

    def _name_of(self, whole: str, places: Iterable[str]) -> tuple[str, str | None]:
        """The name of a resource, and the place that only covers it, where it has its name from there."""
        exact = [self._exact[place] for place in places if place in self._exact]
        if exact:
            return min(exact, key=lambda name: same_place(name) not in self._published), None
        for place in places:
            if place in self._described:
                return place, None  # what its own document calls it is another
            for higher in _above(place):
                if higher in self._exact:
                    return self._exact[higher], higher
        return next(iter(places), whole), None

    def _name_by_token(self, whole: str, tokens: Iterable[str], issued_for: Mapping[str, str]) -> None:
        names = {issued_for[token] for token in tokens if token in issued_for}
        if len(names) == 1:
            (name,) = names
            if self._class(same_place(name)) not in self._names:
                self._names[whole] = name


def _described(place: str) -> str | None:
    """The resource whose path is in the address of a document (RFC 9728 section 3.1), None where there is none."""
    host, _, path = place.partition(RESOURCE_METADATA)
    return same_place(host + path) if path.strip("/") else None


def _above(place: str) -> Iterator[str]:
    """The places above a place, the nearest first, as many as a path may sensibly have."""
    higher = place
    for _ in range(_DEEPEST):
        higher = higher.rpartition("/")[0]
        if higher.count("/") < 2:
            return
        yield higher


_DEEPEST: Final = 32


def called(exchange: Exchange) -> str:
    """The place that a call is for: that of the URL which a proxy is asked to call, or its own."""
    if "url=" in exchange.query:
        behind = one(parameters(exchange.query), "url")
        if behind is not None and behind.startswith(("http://", "https://")):
            return same_place(behind)
    return same_place(exchange.place)


def _names_session(exchange: Exchange) -> bool:
    return any(name.lower() in ("sessionid", "session_id") for name, _ in parameters(exchange.query))


def _endpoint_event(exchange: Exchange) -> str | None:
    """Where a stream of the older transport says that messages are to be posted."""
    lines = iter((exchange.body or "")[:_LONGEST_EVENT].splitlines())
    for line in lines:
        if line.replace(" ", "") == "event:endpoint":
            return next(lines, "").partition(":")[2].strip() or None
    return None


_LONGEST_EVENT: Final = 4096


def _issued_for(survey: Survey) -> dict[str, str]:
    """The resource that each token was asked for by name."""
    found = {}
    for request in survey.requests:
        token, named = request.exchange.answer.get("access_token"), request.parameter("resource")
        if request.kind == "token" and isinstance(token, str) and named is not None and not struck_out(token):
            found[token] = named
    return found


def _carried(calls: Iterable[Exchange], whole: Callable[[str], str]) -> dict[str, dict[str, None]]:
    """The tokens that were carried to each resource."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for call in calls:
        token = bearer(call)
        if token is not None and not struck_out(token):
            found[whole(called(call))][token] = None
    return found


def _share(carried: Mapping[str, Mapping[str, None]], classes: Iterable[str]) -> bool:
    """Whether one token was carried to two of these."""
    seen: set[str] = set()
    for each in classes:
        if not seen.isdisjoint(carried[each]):
            return True
        seen.update(carried[each])
    return False

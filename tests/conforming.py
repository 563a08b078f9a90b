"""Transcripts of clients that conform, in worlds of servers that do what they may: one for each seed and revision.

Nothing here is shared with the reference model, the judge or the properties but the vocabulary of events: it is
another reading of the same documents, and what the judge finds in it is a fault of one of the two.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

from conforming_challenges import Scopes, Writer
from conforming_clients import Client, Steps
from conforming_habits import Habits, Place
from conforming_recorder import Recorder
from conforming_servers import AuthorizationServer, ResourceServer, Token, Tokens, join
from draws import Draws
from scope_model.events import OFFLINE_ACCESS, Header, TokenExpired, Transcript
from scope_spec import Revision

VOCABULARIES: Final[tuple[Scopes, ...]] = (
    ("a", "b", "c", "d", "e"),
    ("files", "files:read", "files:write", "files:admin"),
    ("User.Read", "user.read", "Mail.Send", "https://graph.example/.default"),
    ("G,PG-13", "rating=G", "a,b", "[x]", "~!"),
    ("openid", "profile", "email", "repo"),
)
OPERATIONS: Final = ("read", "write", "list", "initialize")


@dataclass(frozen=True, slots=True)
class Sample:
    """One transcript of a conforming client, and how often each choice was taken in it."""

    transcript: Transcript
    taken: Counter[str]


class World:
    """Servers, a client, and an application that calls, all drawn from one seed."""

    def __init__(self, seed: int, revision: Revision) -> None:
        self.draws = Draws(seed)
        draws = self.draws
        self.tokens = Tokens()
        self.revision = revision
        self.named = draws.one_of("names", everywhere=50, nowhere=20, somewhere=30)
        several = draws.one_of("resources", one=65, two=25, three=10)
        issuers: Scopes = ("https://as.example", "https://login.example", "https://id.example")
        issuers = issuers[: draws.any_of((1, 1, 2, 3))]
        urls: Scopes = ("https://one.example/mcp", "https://two.example/mcp", "https://three.example/mcp")
        urls = urls[: ("one", "two", "three").index(several) + 1]
        vocabularies = draws.shuffled(VOCABULARIES)
        self.writer = Writer(draws, plain=draws.whether("all challenges plain", 0.3))
        resources = [self._resource(url, words, issuers) for url, words in zip(urls, vocabularies, strict=False)]
        habits = Habits.draw(draws, revision, resources[0].vocabulary)
        self.client = Client(draws, habits, self.tokens)
        self._going_on: dict[Steps[None], str] = {}
        everything = join(*(resource.vocabulary for resource in resources))
        self.client.servers = {issuer: self._issuer(issuer, everything) for issuer in issuers}
        self.client.places = [Place(resource, resource.issuer, resource.published) for resource in resources]
        self.header = Header(
            revision,
            "conforming",
            None,
            habits.configured,
            habits.mode,
            habits.wants_refresh_token,
        )

    def _resource(self, url: str, vocabulary: Scopes, issuers: Scopes) -> ResourceServer:
        draws = self.draws
        needs = {name: draws.some_of(vocabulary, 0.35) or vocabulary[:1] for name in OPERATIONS}
        published = f"{url}/" if draws.whether("name with a slash", 0.2) else url
        if draws.whether("metadata of the parent", 0.05):
            published = url.removesuffix("/mcp")
        return ResourceServer(
            draws,
            self.tokens,
            self.writer,
            url,
            published,
            vocabulary,
            needs,
            draws.shuffled(issuers)[: draws.any_of((1, 1, 2))],
            self._some_list(vocabulary),
            has_metadata=self.revision >= "2025-06-18" and draws.whether("resource metadata", 0.85),
            points_to_it=draws.whether("challenge points to the metadata", 0.6),
            mislabels=self.named == "everywhere" and draws.whether("resource mislabels", 0.1),
        )

    def _issuer(self, issuer: str, vocabulary: Scopes) -> AuthorizationServer:
        draws = self.draws
        listed = self._some_list(vocabulary)
        if draws.whether("server lists offline_access", 0.5):
            listed = join(listed, (OFFLINE_ACCESS,))
        return AuthorizationServer(
            draws,
            self.tokens,
            issuer,
            vocabulary,
            draws.some_of(vocabulary, 0.3),
            listed,
            refreshes=draws.whether("server refreshes", 0.7),
            rotates=draws.whether("server rotates", 0.5),
            mislabels=self.named == "everywhere" and draws.whether("server mislabels", 0.1),
        )

    def _some_list(self, vocabulary: Scopes) -> Scopes | None:
        match self.draws.one_of("scopes_supported", absent=30, empty=8, some=40, all=20, offline=2):
            case "absent":
                return None
            case "empty":
                return ()
            case "some":
                return self.draws.some_of(vocabulary) or vocabulary[:1]
            case "offline":
                return (*vocabulary[:2], OFFLINE_ACCESS)
            case _:
                return self.draws.shuffled(vocabulary)

    def _begin(self) -> None:
        """Perhaps the client holds a token from before the recording."""
        for at in self.client.places:
            if not self.draws.whether("token from before", 0.08):
                continue
            scope = self.draws.some_of(at.server.vocabulary)
            kept = Token(at.issuer, at.server.url, scope)
            account = at.account
            account.token, account.known, account.from_before = self.tokens.issue("t", kept), True, True
            account.granted = account.held = scope if self.draws.whether("grant from before known", 0.7) else None
            account.requested = self.draws.any_of(((), scope))
            if self.draws.whether("refresh token from before", 0.5):
                account.refresh_token = self.tokens.issue("r", kept)

    def run(self) -> Sample:
        """Let the application call, and things happen between, until it has had enough."""
        self._begin()
        client, draws = self.client, self.draws
        running: list[Steps[None]] = []
        if client.habits.fetches == "before":
            for at in client.places:
                list(client.prepare(at))
        calls = draws.number(1, 12)
        while calls or running:
            if (
                calls
                and len(running) < client.habits.at_once
                and (not running or draws.whether("begun meanwhile", 0.25))
            ):
                if running:
                    draws.taken["overlap"] += 1
                else:
                    self._at_rest()
                calls -= 1
                running.append(self._next())
            self._step(running)
        if client.habits.reports:
            client.report(draws.any_of(client.places))
        events = Recorder(draws, named=self.named, may_lose=self._may_lose()).write_down(client.events, self._alone())
        return Sample(Transcript(self.header, events), draws.taken)

    def _alone(self) -> list[str]:
        """The members that may be left out, since there is one of each."""
        counted = {"resource": len(self.client.places), "issuer": len(self.client.servers)}
        return [member for member, number in counted.items() if number == 1]

    def _may_lose(self) -> bool:
        """Whether tokens may go unrecorded: one from before the recording leaves no other trace."""
        accounts = [account for at in self.client.places for account in at.accounts.values()]
        return not any(account.from_before for account in accounts)

    def _step(self, running: list[Steps[None]]) -> None:
        if self.draws.whether("restart in mid-call", 0.002):
            for steps in running:
                steps.close()
            running.clear()
            self._going_on.clear()
            self.client.restart()
            return
        steps = self.draws.any_of(running)
        try:
            next(steps)
        except StopIteration:
            running.remove(steps)
            self._going_on.pop(steps, None)

    def _next(self) -> Steps[None]:
        client, draws = self.client, self.draws
        at = draws.any_of(client.places)
        if at.deferred is not None and draws.whether("deferred challenge answered", 0.4):
            return client.settle_deferred(at)
        # Two calls of one operation can only be told apart where the calls are written down.
        going_on = () if client.habits.speaks_of_calls else self._going_on.values()
        operation = draws.any_of([known for known in OPERATIONS if known not in going_on] or OPERATIONS)
        begun = client.call(at, operation)
        self._going_on[begun] = operation
        return begun

    def _at_rest(self) -> None:
        """What may happen while no call is under way."""
        client, draws = self.client, self.draws
        at = draws.any_of(client.places)
        match draws.one_of(
            "between calls",
            nothing=60,
            restart=6,
            expired=10,
            relisted=4,
            moved=8,
            revoked=6,
            needs=4,
            report=2,
            renewed=4,
        ):
            case "restart":
                client.restart()
            case "expired":
                self._expire(at)
            case "relisted":
                at.server.listed = self._some_list(at.server.vocabulary)
            case "moved":
                others = tuple(issuer for issuer in client.servers if issuer != at.server.issuer)
                at.server.issuers = draws.shuffled(others)[:1] or at.server.issuers
            case "revoked":
                self.tokens.good.pop(at.account.token or "", None)
            case "needs":
                at.server.needs[draws.any_of(OPERATIONS)] = draws.some_of(at.server.vocabulary)
            case "renewed":
                list(client.refresh_at_rest(at))
            case "report" if client.habits.reports:
                client.report(at)
            case _:
                pass

    def _expire(self, at: Place) -> None:
        account = at.account
        unseen = account.from_before and not at.sent and len(self.client.places) > 1
        if account.token is not None and not account.expired and not unseen:
            self.tokens.good.pop(account.token, None)
            self.client.events.append(TokenExpired(account.token))
            account.expired = True
            at.open.clear()


def conform(seed: int, revision: Revision) -> Sample:
    """The transcript of a conforming client; the same seed, the same transcript."""
    return World(seed, revision).run()

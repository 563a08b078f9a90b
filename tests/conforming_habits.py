"""What a client that conforms does in the same way each time, and what it knows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from conforming_challenges import Heading, Scopes
from conforming_servers import ResourceServer, join
from draws import Draws
from scope_model.events import AUTHORIZATION_CODE, CLIENT_CREDENTIALS, ConfiguredMode
from scope_spec import Revision


@dataclass(frozen=True, slots=True)
class Habits:
    """What a client does in the same way each time, drawn once."""

    revision: Revision
    grant_type: str
    wants_refresh_token: bool | None
    configured: Scopes | None
    mode: ConfiguredMode | None
    fetches: str
    offline: str
    order: str
    sources: str
    keeps_declined: bool
    keeps_failed: bool
    forgets_requested: bool
    accumulates: bool
    reads_commas: bool
    counts_per_call: bool
    renews_unasked: bool
    sure: bool
    speaks_of_calls: bool
    reports: bool
    at_once: int
    queues: bool

    @classmethod
    def draw(cls, draws: Draws, revision: Revision, vocabulary: Scopes) -> Habits:
        """Any client of this revision."""
        mode = draws.one_of("configured", no=64, none=4, fallback=10, override=8, ceiling=8, undeclared=6)
        configured = None if mode == "no" else draws.some_of(vocabulary, 0.6) or vocabulary[:1]
        grant_type = draws.one_of("grant type", authorization_code=76, client_credentials=16, token_exchange=8)
        if grant_type == "token_exchange" and revision < "2025-11-25":
            grant_type = AUTHORIZATION_CODE
        queues = not draws.whether("asks for several tokens at once", 0.1)
        return cls(
            revision=revision,
            grant_type=grant_type,
            wants_refresh_token=draws.any_of((None, True, True, False)),
            configured=configured,
            mode=None if mode in ("no", "undeclared") else mode,  # type: ignore[arg-type]  # the words are the modes
            fetches=draws.one_of("metadata fetched", each=50, once=35, before=15),
            offline=draws.one_of("offline_access", each=40, once=20, never=40),
            order=draws.one_of("order", seen=60, sorted=20, any=20),
            sources=draws.one_of("sources before 2025-11-25", challenge=50, metadata=20, all=10, any=20),
            keeps_declined=draws.whether("declined scopes are asked for again", 0.6) or not queues,
            keeps_failed=draws.whether("failed requests are remembered", 0.2),
            forgets_requested=draws.whether("requests are forgotten at a restart", 0.5),
            accumulates=revision == "2026-07-28" or draws.whether("union before 2026-07-28", 0.5),
            reads_commas=draws.whether("commas are read as separators", 0.5),
            counts_per_call=draws.whether("attempts are counted per call", 0.3),
            renews_unasked=draws.whether("renews before it is asked to", 0.5),
            sure=draws.whether("sure of what it holds", 0.8),
            speaks_of_calls=draws.whether("calls are written down", 0.5),
            reports=draws.whether("reports", 0.5),
            at_once=draws.any_of((1, 1, 1, 2, 3)),
            queues=queues,
        )

    @property
    def selects(self) -> bool:
        """Whether the revision has a scope selection strategy."""
        return self.revision >= "2025-11-25"

    @property
    def has_user(self) -> bool:
        """Whether it acts for a user, and so is expected to step up (STEP-2)."""
        return self.grant_type != CLIENT_CREDENTIALS


@dataclass(slots=True)
class Account:
    """What the client knows of one issuer and resource: None is unknown. `token` and `refresh_token` it holds."""

    requested: Scopes = ()
    granted: Scopes | None = ()
    held: Scopes | None = ()
    token: str | None = None
    refresh_token: str | None = None
    known: bool = False
    stated: bool = False
    expired: bool = False
    from_before: bool = False

    @property
    def asked_or_granted(self) -> Scopes:
        """Everything known to have been asked for or granted."""
        return join(self.requested, self.granted)


@dataclass(slots=True)
class Place:
    """A resource as the client sees it. `heard` are scopes of challenges that caused no request."""

    server: ResourceServer
    issuer: str
    name: str
    listed: Scopes | None = None
    fetched: bool = False
    heard: Scopes = ()
    busy: bool = False
    deferred: tuple[Call, Heading] | None = None
    accounts: dict[str, Account] = field(default_factory=dict)
    attempts: Counter[str] = field(default_factory=Counter)
    tried: set[str] = field(default_factory=set)
    open: dict[str, Scopes] = field(default_factory=dict)
    refusals: int = 0
    refused: dict[frozenset[str], int] = field(default_factory=dict)
    sent: bool = False
    served: bool = False

    @property
    def account(self) -> Account:
        """The account at the issuer that the client believes in."""
        return self.accounts.setdefault(self.issuer, Account())


@dataclass(slots=True)
class Call:
    """A call of the application, and what was done for it so far."""

    at: Place
    operation: str
    number: int
    renewed: bool = False
    refreshed: bool = False
    resent: bool = False
    refusals: int = 0

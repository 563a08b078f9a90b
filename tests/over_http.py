"""The reference model with HTTP between it and the world, in one process."""

from __future__ import annotations

from dataclasses import dataclass, field

from drivers.reference import Answered, Front
from scope_model.client import Action, Client, Failed, Illegal, Noted, Served, Setup, step
from scope_model.events import ConfiguredMode
from scope_model.policies import mcp_2026_07_28
from scope_oracle.world import ID_TOKEN, IDENTITY_PROVIDER, KNOWN, SECRET, Addresses, HttpRequest, HttpWorld
from scope_properties.episodes import Episode, Plan
from scope_properties.model_subject import ModelSession
from scope_properties.tables import USER_DELEGATED, WITHOUT_A_USER
from scope_properties.world import World


@dataclass
class Direct:
    """The way to servers that are in this process; `sent` is what went that way."""

    http: HttpWorld
    sent: list[HttpRequest] = field(default_factory=list)

    def send(self, method: str, url: str, body: str | None = None, headers: dict[str, str] | None = None) -> Answered:
        request = HttpRequest(method, url, tuple((headers or {}).items()), (body or "").encode())
        self.sent.append(request)
        response = self.http.handle(request)
        return Answered(response.status, [(name.lower(), value) for name, value in response.headers], response.body)


@dataclass(slots=True)
class OverHttp(ModelSession):
    """The model as it is, but for its way to the servers."""

    front: Front = field(kw_only=True)

    def _go_on(self, action: Action) -> None:
        """Go on over HTTP."""
        while not isinstance(action, Served | Failed | Noted | Illegal):
            action = self.hear(self.front.answer(action))


@dataclass(frozen=True)
class ModelOverHttp:
    """The reference model, with HTTP between it and the world, in which clients see what `addresses` says."""

    addresses: Addresses = field(default_factory=lambda: Addresses({}))
    name: str = "model"
    version: str | None = None
    configured_mode: ConfiguredMode | None = mcp_2026_07_28.configured_mode
    grant_types: tuple[str, ...] = (*USER_DELEGATED, *WITHOUT_A_USER)
    standalone: bool = False

    def playable(self, episode: Episode) -> Episode:
        """All of it."""
        return episode

    def open(self, plan: Plan, world: World) -> OverHttp:
        """Start a client with nothing stored."""
        setup = Setup(mcp_2026_07_28, plan.configured, bool(plan.wants_refresh_token), plan.grant_type)
        credentials = {"client_id": self.addresses.own(KNOWN), "client_secret": SECRET}
        provider = {"issuer": IDENTITY_PROVIDER, **credentials, "id_token": ID_TOKEN}
        front = Front(Direct(HttpWorld(world, self.addresses)), method="client_secret_post", provider=provider)
        return OverHttp(world, Client(setup), step, front=front)

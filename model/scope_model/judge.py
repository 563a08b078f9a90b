"""The oracle: what a client's wire events say about it, clause by clause.

`judge(transcript)` folds the events into findings. It judges by bounds, never by equality with the reference
client, so that it accepts every conforming client, and it knows nothing of who wrote the transcript. Where the
documents disagree, a reading decides: what breaks a clause under one reading only is `unspecified`.

Here the wire is turned into an account (`ledger`), and the clauses about tokens, refreshes and reports are
judged; what bounds one request for scopes is in `bounds`. Work is linear in the transcript: each event costs its
own size, whatever came before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import islice
from types import MappingProxyType
from typing import Any, Final

from scope_spec import REVISIONS

from .bounds import (
    FEW,
    few_attempts,
    in_first_seen_order,
    listing,
    nothing_without_a_source,
    well_formed,
    what_the_challenge_asks,
    what_the_metadata_lists,
    what_was_asked_and_granted_before,
)
from .events import (
    AUTHORIZATION_CODE,
    CLIENT_CREDENTIALS,
    JWT_BEARER,
    OFFLINE_ACCESS,
    REFRESH_TOKEN,
    TOKEN_EXCHANGE,
    AuthorizationRequest,
    AuthorizationResponse,
    AuthorizationServerMetadata,
    CallEnded,
    CallStarted,
    ClientRegistration,
    ClientReported,
    ClientRestarted,
    Event,
    Header,
    ProtectedResourceMetadata,
    ResourceRequest,
    ResourceResponse,
    TokenExpired,
    TokenRequest,
    TokenResponse,
    Transcript,
)
from .findings import DEFAULT_READINGS, Finding, Findings, Unless
from .ledger import (
    Account,
    Asking,
    Chain,
    PendingChallenge,
    Renewal,
    Resource,
    Situation,
    Understood,
    pieces,
    understand,
    wire_scopes,
)
from .misreadings import OF_NAMES
from .scopes import NO_SCOPES, Scope, ScopeSet, read_scope, same_scopes


def judge(transcript: Transcript, readings: Mapping[str, str] = DEFAULT_READINGS) -> list[Finding]:
    """Every finding in a transcript, in order. Total and linear."""
    judging = Judge(transcript.header, readings)
    for event in transcript.events:
        judging.hear(event)
    return judging.found


class Judge:
    """The fold itself: `hear` each event in turn, then read `found` and `reached`.

    `reads_plain` are the situations in which this client is known to heed a challenge that is spelled plainly, from
    this transcript or from an earlier one: what it makes of another spelling is then a matter of reading.
    """

    def __init__(
        self,
        header: Header,
        readings: Mapping[str, str] = DEFAULT_READINGS,
        reads_plain: Iterable[Situation] = (),
    ) -> None:
        self._findings = Findings(header.revision, readings)
        self._header = header
        age = REVISIONS.index(header.revision)
        self._selects = age >= REVISIONS.index("2025-11-25")
        configured = header.configured_scopes
        self._configured = None if configured is None else read_scope(" ".join(configured)) or None
        self._resources: dict[str | None, Resource] = {}
        self._listed_by_servers: dict[str | None, ScopeSet | None] = {}
        self._named_issuers: set[str] = set()
        self._accounts: dict[tuple[str | None, str | None], Account] = {}
        self._registered: dict[str | None, ScopeSet | None] = {}
        self._holders: dict[str, tuple[Account, Resource]] = {}
        self._refreshed_by: dict[str, tuple[Account, Resource]] = {}
        self._due: dict[str | None, None] = {}
        self._owners: dict[Scope, Account] = {}
        self._foreign: set[Scope] = set()
        self._resource: Resource | None = None
        self._account: Account | None = None
        self._names_resources = False
        self.reads_plain = set(reads_plain)
        self._authorizations = 0
        self._steps_up = False

    @property
    def found(self) -> list[Finding]:
        """The findings so far."""
        return self._findings.found

    @property
    def reached(self) -> Mapping[str, int]:
        """How often each clause's antecedent held."""
        return self._findings.reached

    def hear(self, event: Event) -> None:
        """Take the next event in."""
        self._findings.at += 1
        _HANDLERS[type(event)](self, event)

    # --- calls and challenges ---------------------------------------------------------------------

    def _resource_request(self, event: ResourceRequest) -> None:
        resource = self._resource_named(event.resource)
        self._names_resources = self._names_resources or event.resource is not None
        chain = self._chain(resource, event.operation)
        if chain.renewed is None:
            chain = Chain(since_served=chain.since_served, forbidden=chain.forbidden)
            resource.chains[event.operation] = chain
        chain.carried, chain.sent = event.access_token, True
        if resource.challenge is not None:
            self._unanswered(resource, resource.challenge, event.operation)
        account = resource.account
        if account is None or account.access_token is None:
            return
        account.in_use = event.access_token == account.access_token
        if account.fresh and account.retried in (None, event.operation):
            account.fresh = False
            clause = "GRANT-3" if account.differed else "STEP-7"
            if self._findings.reach(clause) and event.access_token != account.access_token:
                carried = "no token" if event.access_token is None else "an older one"
                self._findings.broke(clause, f"a new token was issued, and the request after it carries {carried}")
        elif not account.fresh and account.failed and not account.rejected:
            if self._findings.reach("ACC-10") and event.access_token is None:
                self._findings.broke(
                    "ACC-10", "an authorization failed, and the token that was held before is no longer used"
                )
            account.failed = False

    def _unanswered(self, resource: Resource, challenge: PendingChallenge, operation: str | None) -> None:
        """A challenge was not followed by an authorization request (STEP-2, STEP-5, RETRY-2)."""
        findings, account, says = self._findings, resource.account, challenge.says
        chain = self._chain(resource, challenge.operation)
        resource.challenge = None
        if account is not None:
            self._heard(account, challenge.says)
        if account is None or not says.insufficient or account.grant_type == CLIENT_CREDENTIALS:
            return
        if challenge.outdated or challenge.insisted:
            return
        scope, granted, in_hand = says.scope, account.granted, account.in_hand
        if challenge.refreshed:
            if scope is None or granted is None or operation != challenge.operation or scope <= granted:
                return
            lost = listing(name for name in scope if name not in granted)
            findings.broke("STEP-5", f"{lost} was never granted, so that the refresh that answered cannot bring it")
            return
        if scope is None or (in_hand is not None and scope <= in_hand):
            return
        if self._configured is not None and self._header.configured_mode not in ("none", "fallback"):
            return
        never = chain.since_served == 0
        misread = next((wrong for wrong, seen in says.misread if seen.error != "insufficient_scope"), None)
        if says.malformed:
            return
        # Whoever renewed the token just before did hear the challenge of then, and may have no attempt left.
        tried = challenge.renewed is not None
        budget = self._steps_up and self._authorizations >= FEW and not account.was_refused and not tried
        if not self._steps_up or misread is None or budget or tried:
            if budget and misread is None and never and findings.reach("RETRY-2"):
                findings.broke(
                    "RETRY-2",
                    f"{self._authorizations} authorization requests were made for other operations, and none for "
                    "this one: attempts are counted by resource and operation",
                )
            elif never:
                findings.broke(
                    "STEP-2",
                    "the challenge was not followed by an authorization request",
                    unless=Unless("A21", "optional"),
                )
        elif never:
            findings.broke(
                misread.clause,
                f"the challenge was not answered, as if by a client that {misread.says}",
                verdict="discouraged",
            )

    def _heard(self, account: Account, says: Understood) -> None:
        """Remember what a challenge named that caused no request: a client may, too."""
        for scope in says.tolerated:
            account.heard.add(scope)
            self._owners.setdefault(scope, account)
        for wrong, seen in () if says.plain else says.misread:
            for name in () if wrong.clause in OF_NAMES else (seen.scope or "").split(" "):
                if name not in says.tolerated:
                    account.misheard.setdefault(name, wrong)

    def _resource_response(self, event: ResourceResponse) -> None:
        resource = self._resource_named(event.resource)
        chain = self._chain(resource, event.operation)
        renewed, chain.renewed = chain.renewed, None
        sent, chain.sent = chain.sent, False
        account = resource.account
        if account is not None:
            account.refused = None
            account.just_issued_without_refresh_token = False
        if event.status not in (401, 403):
            resource.challenge = None
            if event.status < 300:
                resource.chains[event.operation] = Chain()
            return
        says = understand(event.status, event.www_authenticate, self._findings.readings["A16"])
        again = event.status == 401 and chain.lines == event.www_authenticate
        challenge = PendingChallenge(
            event.operation,
            says,
            renewed,
            repeated=renewed if again else None,
            outdated=sent and account is not None and chain.carried != account.access_token,
            insisted=chain.forbidden,
        )
        chain.lines, chain.forbidden = event.www_authenticate, event.status == 403 and not says.insufficient
        resource.answered = None
        if challenge.repeated is not None:
            self._findings.reach("CHAL-8")
        if chain.forbidden:
            self._findings.reach("CHAL-7")
        if says.insufficient and account is not None:
            self._reach_of_a_step_up(account, says.scope, chain)
        if event.status == 401 and account is not None and not challenge.outdated:
            account.rejected, account.expired = True, False
        if resource.challenge is not None and account is not None:
            self._heard(account, resource.challenge.says)
        resource.challenge = challenge
        resource.stale = says.names_metadata and resource.known

    def _reach_of_a_step_up(self, account: Account, scope: ScopeSet | None, chain: Chain) -> None:
        """Count the clauses that a step-up, or giving it up, can break (STEP-2, STEP-5, RETRY-3, RETRY-4, EXT-3)."""
        reach = self._findings.reach
        if account.grant_type == CLIENT_CREDENTIALS:
            reach("EXT-3")
        if chain.in_a_row >= FEW:
            reach("RETRY-4")
        if scope is None or account.in_hand is None:
            return
        if not scope <= account.in_hand:
            reach("STEP-2")
        elif chain.in_a_row:
            reach("RETRY-3")
            reach("OFFLINE-6")
        if account.refresh_token is not None and account.granted is not None and not scope <= account.granted:
            reach("STEP-5")

    # --- metadata and registration ----------------------------------------------------------------

    def _resource_metadata(self, event: ProtectedResourceMetadata) -> None:
        named = event.resource
        if named is not None and self._names_resources and named not in self._resources:
            self._foreign.update(read_scope(" ".join(event.scopes_supported or ())))
            return
        resource = self._resource_named(named if self._names_resources else None)
        listed = event.scopes_supported
        resource.listed = None if listed is None else read_scope(" ".join(listed)) or None
        resource.publishes_empty = listed is not None and resource.listed is None
        resource.known, resource.stale = True, False
        self._named_issuers.update(event.authorization_servers)
        resource.issuer = next(iter(event.authorization_servers), None)

    def _server_metadata(self, event: AuthorizationServerMetadata) -> None:
        listed = event.scopes_supported
        scopes = None if listed is None else read_scope(" ".join(listed)) or None
        if event.issuer is not None and self._named_issuers and event.issuer not in self._named_issuers:
            self._foreign.update(scopes or ())
            return
        self._listed_by_servers[event.issuer] = scopes

    def _registration(self, event: ClientRegistration) -> None:
        grant_types = event.grant_types or (AUTHORIZATION_CODE,)
        if self._header.wants_refresh_token and AUTHORIZATION_CODE in grant_types:
            if self._findings.reach("OFFLINE-4") and REFRESH_TOKEN not in grant_types:
                self._findings.broke("OFFLINE-4", "a client that wants a refresh token does not register for it")
        self._findings.reach("REG-1")
        self._registered[event.issuer] = wire_scopes(event.scope)

    # --- requests for scopes ----------------------------------------------------------------------

    def _authorization_request(self, event: AuthorizationRequest) -> None:
        asking = self._asking(event, AUTHORIZATION_CODE)
        account = asking.account
        if account.just_issued_without_refresh_token and asking.resource.challenge is None:
            if self._findings.reach("OFFLINE-2"):
                self._findings.broke(
                    "OFFLINE-2", "a token came without a refresh token, and authorization is asked for again"
                )
        if OFFLINE_ACCESS in asking.wanted and self._findings.reach("OFFLINE-5"):
            if "consent" not in (event.prompt or "").split(" "):
                self._findings.broke(
                    "OFFLINE-5",
                    "offline_access is requested without prompt=consent, which an OpenID provider may ignore",
                    unless=Unless("A24", "openid-only"),
                )
        self._judge_request(asking, event)
        self._authorizations += 1

    def _asking(self, event: AuthorizationRequest | TokenRequest, grant_type: str) -> Asking:
        resource = self._resource_named(event.resource)
        issuer = event.issuer if event.issuer is not None else resource.issuer
        key = (issuer if event.issuer is not None else None, resource.name)
        account = self._accounts.get(key)
        if account is None:
            account = self._accounts[key] = Account()
        resource.account = self._account = account
        if issuer is None and len(self._listed_by_servers) == 1:
            issuer = next(iter(self._listed_by_servers))
        answers = resource.challenge or resource.answered
        scope, raw = wire_scopes(event.scope), pieces(event.scope)
        return Asking(
            scope,
            resource,
            account,
            answers,
            None if answers is None else answers.says,
            grant_type,
            self._header,
            self._configured,
            self._listed_by_servers.get(issuer),
            self._foreign,
            self._registered.get(event.issuer),
            self._owners,
            self.reads_plain,
            raw,
            len(scope or ()) < len(set(raw)) and raw != ("",),
        )

    def _judge_request(self, asking: Asking, event: AuthorizationRequest | TokenRequest) -> None:
        findings, account, answers, challenge = self._findings, asking.account, asking.answers, asking.challenge
        well_formed(findings, event.scope)
        self._names_its_resource(event, asking.resource)
        bare = challenge is not None and challenge.status == 403 and not challenge.insufficient
        if challenge is not None and bare and not challenge.malformed:
            findings.broke("CHAL-7", "a 403 without insufficient_scope is no wish for other scopes")
        if answers is not None and answers.repeated == "authorization":
            findings.broke("CHAL-8", "the same 401 came again after a renewal, and authorization is asked for again")
        if asking.resource.known and challenge is not None and challenge.names_metadata:
            if findings.reach("META-4") and asking.resource.stale:
                findings.broke(
                    "META-4",
                    "the challenge points to the resource metadata, which was not fetched again",
                    unless=Unless("A23", "cached"),
                )
        if account.was_refused:
            findings.reach("RETRY-5")
        if account.refused is not None and challenge is not None and same_scopes(account.refused, asking.wanted):
            findings.broke("RETRY-5", "the request that was just refused is sent again unchanged")
        again = account.expired and asking.grant_type == CLIENT_CREDENTIALS and challenge is None
        # Who has no refresh token renews by asking for the same again.
        if self._selects and not (again and same_scopes(asking.wanted, account.pending or NO_SCOPES)):
            what_the_challenge_asks(findings, asking)
            what_the_metadata_lists(findings, asking)
            what_was_asked_and_granted_before(findings, asking)
        asking.sourced = nothing_without_a_source(findings, asking, selects=self._selects)
        in_first_seen_order(findings, asking)
        if answers is not None:
            few_attempts(findings, asking, answers.says, self._chain(asking.resource, answers.operation))
        self._registration_covers(asking)
        self._remember_request(asking)

    def _registration_covers(self, asking: Asking) -> None:
        registered = asking.registered
        if registered is None or not asking.initial:
            return
        if not asking.wanted <= registered:
            outside = listing(scope for scope in asking.wanted if scope not in registered)
            self._findings.broke(
                "REG-1",
                f"the client registered without {outside}",
                disputed="A20",
            )

    def _remember_request(self, asking: Asking) -> None:
        account, challenge = asking.account, asking.challenge
        challenged = asking.challenged
        if challenge is not None and challenged is not None and challenged <= asking.wanted:
            others = (asking.listed, asking.server_listed, asking.configured)
            guessed = any(known is not None and challenged <= known for known in others)
            if not guessed and any(scope not in account.ever for scope in challenged):
                self.reads_plain.add(asking.situation)
        if challenge is not None and challenge.insufficient:
            self._steps_up = True
        if asking.sourced is not asking.wanted:
            account.invented.update(asking.wanted - asking.sourced)
        account.ever.update(scope for scope in asking.sourced if scope not in account.invented)
        for named in (challenged, asking.listed):
            for scope in asking.wanted & named if named is not None else ():
                self._owners.setdefault(scope, account)
        account.pending, account.sourced = asking.scope, asking.sourced
        account.leg, account.malformed = asking.grant_type, asking.malformed
        asking.resource.answered, asking.resource.challenge = asking.answers, None

    def _about(self, event: TokenRequest) -> list[str | None]:
        """The resources that a request of client credentials may be about: several where it names none."""
        if event.resource is not None or event.grant_type != CLIENT_CREDENTIALS or self._resource is None:
            return [event.resource]
        known = ((name, self._accounts.get((event.issuer, name))) for name in self._due)
        # Two are as many as any number, and this is asked for each request.
        due = list(islice((name for name, account in known if account is not None and account.expired), 2))
        current = self._resource
        return list(dict.fromkeys([current.name, *due] if current.challenge is not None or not due else due))

    def _names_its_resource(self, event: AuthorizationRequest | TokenRequest, resource: Resource) -> None:
        """Every request names the resource, where the transcript names its resources (ISO-1)."""
        if self._names_resources and self._findings.reach("ISO-1") and event.resource is None:
            self._findings.broke("ISO-1", f"the request does not name the resource {resource.name}")

    def _authorization_response(self, event: AuthorizationResponse) -> None:
        account = self._account_named(event.issuer, event.resource)
        if account is not None and event.error is not None:
            self._refused(account)

    def _refused(self, account: Account) -> None:
        account.refused = account.pending if account.pending is not None else NO_SCOPES
        account.was_refused, account.failed = True, account.in_use
        if self._findings.readings["A19"] == "remembered" and account.requested is not None:
            account.requested |= account.refused
        if account.expired and account.grant_type == CLIENT_CREDENTIALS:
            account.refused = None  # a renewal that preceded a call: the next one is another call's
        self._findings.reach("RETRY-5")

    # --- tokens -----------------------------------------------------------------------------------

    def _token_request(self, event: TokenRequest) -> None:
        if event.grant_type in (CLIENT_CREDENTIALS, TOKEN_EXCHANGE):
            about = self._about(event)
            if len(about) > 1:
                # Nobody but the server can tell for which of them this is.
                well_formed(self._findings, event.scope)
                self._names_its_resource(event, self._resource_named(None))
                return
            named = replace(event, resource=about[0])
            self._judge_request(self._asking(named, event.grant_type), event)
            return
        if event.resource is None and event.refresh_token in self._refreshed_by:
            # A refresh token says by itself what it is for.
            account, resource = self._refreshed_by[event.refresh_token]
            self._account = account
        else:
            resource = self._resource_named(event.resource)
            known = self._account_named(event.issuer, event.resource)
            if known is None:
                return
            account = known
        account.leg = event.grant_type
        self._names_its_resource(event, resource)
        if event.grant_type == AUTHORIZATION_CODE:
            self._code_exchange(account, event)
        elif event.grant_type == REFRESH_TOKEN:
            well_formed(self._findings, event.scope)
            self._refresh_request(account, resource, event)

    def _code_exchange(self, account: Account, event: TokenRequest) -> None:
        """The exchange of a code defines no scope (GRANT-6)."""
        if not self._findings.reach("GRANT-6") or event.scope is None:
            return
        named = wire_scopes(event.scope) or NO_SCOPES
        widened = any(scope not in (account.pending or NO_SCOPES) and scope != OFFLINE_ACCESS for scope in named)
        self._findings.broke(
            "GRANT-6",
            "the exchange of the code names scopes" + (" beyond those that were authorized" if widened else ""),
            unless=None if widened else Unless("A13", "offline"),
            verdict=None if widened else "unspecified",
        )

    def _refresh_request(self, account: Account, resource: Resource, event: TokenRequest) -> None:
        """A refresh stays within the grant and uses the newest refresh token (REFRESH-1, REFRESH-2, RETAIN-3)."""
        findings, asked, granted = self._findings, wire_scopes(event.scope), account.granted
        if account.grant_type == CLIENT_CREDENTIALS and findings.reach("EXT-3") and account.refresh_token is None:
            findings.broke("EXT-3", "client credentials bring no refresh token, and a refresh is tried")
        if granted is None:
            # What a malformed parameter was taken for, nobody but the server knows.
            if not account.malformed and findings.reach("REFRESH-2") and asked is not None:
                findings.broke("REFRESH-2", "what was granted is unknown, and the refresh names scopes")
        elif findings.reach("REFRESH-1") and asked is not None and not asked <= granted:
            outside = listing(scope for scope in asked if scope not in granted)
            findings.broke("REFRESH-1", f"{outside} was not granted, and the refresh asks for it")
        if account.replaced and findings.reach("RETAIN-3") and event.refresh_token in account.replaced:
            findings.broke("RETAIN-3", "a new refresh token was issued, and the old one is used")
        if account.outlived and findings.reach("RETAIN-4") and event.refresh_token in account.outlived:
            findings.broke("RETAIN-4", "the refresh token belongs to an earlier grant than the one in use")
        challenge = resource.challenge
        if account.expired:
            # By the clock, before a call: it answers nothing of what came before.
            resource.challenge = resource.answered = None
        elif challenge is not None:
            if challenge.refreshed:
                findings.broke("CHAL-8", "the token was refreshed in answer to this challenge, and is refreshed again")
            elif challenge.repeated is not None:
                findings.broke("CHAL-8", "the same challenge came again for a new token, and that is refreshed at once")
            challenge.refreshed = True
            self._heard(account, challenge.says)
            resource.answered = challenge

    def _token_response(self, event: TokenResponse) -> None:
        account = self._account_named(event.issuer, event.resource)
        if account is None:
            return
        leg = account.leg
        if event.access_token is None:
            if leg == REFRESH_TOKEN:
                account.refresh_failed, account.refresh_token = True, None
            else:
                self._refused(account)
            return
        if leg == TOKEN_EXCHANGE:
            return
        said = None if event.scope is None else read_scope(event.scope)
        account.ever.update(said - (account.pending or NO_SCOPES) if said is not None else ())
        if leg == REFRESH_TOKEN:
            self._refreshed(account, event, said)
        else:
            self._granted(account, event, said)
        account.access_token = event.access_token
        account.reported_rightly = False
        account.fresh, account.rejected, account.expired, account.failed = True, False, False, False
        resource = self._resource_named(event.resource)
        account.in_use = True
        account.retried = None if resource.answered is None else resource.answered.operation
        self._holders[event.access_token] = (account, resource)
        self._due.pop(resource.name, None)
        if event.refresh_token is not None:
            self._refreshed_by[event.refresh_token] = (account, resource)
        if resource.answered is not None:
            renewed: Renewal = "refresh" if leg == REFRESH_TOKEN else "authorization"
            self._chain(resource, resource.answered.operation).renewed = renewed
            resource.answered = None

    def _granted(self, account: Account, event: TokenResponse, said: ScopeSet | None) -> None:
        """A grant: what the response says, else what this request asked, else nobody knows (GRANT-1 to GRANT-4)."""
        asked = None if account.leg == JWT_BEARER else account.pending
        if account.requested is None:
            account.first = account.pending or NO_SCOPES
        account.requested = account.sourced
        account.widened = not account.requested <= account.first
        account.earlier = account.granted
        if said is None and account.earlier is not None and self._findings.readings["A4"] == "earlier-grant":
            asked = account.earlier
        account.granted = account.in_hand = said if said is not None else asked
        account.told = "explicit" if said is not None else "omitted" if asked is not None else "both omitted"
        if account.malformed and said is None:
            account.granted = account.in_hand = None
            account.told = "nothing"
        account.differed = said is not None and asked is not None and not same_scopes(said, asked)
        account.narrowed, account.grant_type = None, account.leg
        account.restarted = account.refresh_failed = False
        if account.refresh_token is not None and event.refresh_token != account.refresh_token:
            account.outlived.add(account.refresh_token)
        account.refresh_token = event.refresh_token
        account.just_issued_without_refresh_token = event.refresh_token is None and account.leg == AUTHORIZATION_CODE
        if account.just_issued_without_refresh_token and self._header.wants_refresh_token is not False:
            self._findings.reach("OFFLINE-2")

    def _refreshed(self, account: Account, event: TokenResponse, said: ScopeSet | None) -> None:
        """A refresh narrows the token, never the grant, and may replace the refresh token (RETAIN-1 to RETAIN-3)."""
        account.in_hand = said if said is not None else account.granted
        if said is not None:
            account.told = "refresh explicit"
        elif account.granted is not None:
            account.told = "refresh omitted"
            if account.narrowed is not None:
                self._findings.reach("REFRESH-3")
        elif account.told == "refresh explicit":
            # What the grant is, nobody ever said; what an earlier refresh said of its own token may be remembered.
            account.told = "nothing"
        account.differed = False
        narrower = said is not None and account.granted is not None and not account.granted <= said
        if said is not None:
            account.narrowed = said if narrower else None
        if event.refresh_token is not None and event.refresh_token != account.refresh_token:
            if account.refresh_token is not None:
                account.replaced.add(account.refresh_token)
            account.refresh_token = event.refresh_token

    # --- around the wire --------------------------------------------------------------------------

    def _token_expired(self, event: TokenExpired) -> None:
        account, resource = self._holders.get(event.access_token, (None, None))
        if account is None or resource is None or account.access_token != event.access_token:
            return
        account.rejected = account.expired = True
        if account.grant_type == CLIENT_CREDENTIALS:
            # A client without a refresh token renews by asking again, which answers no challenge.
            self._due[resource.name] = None
            resource.challenge = resource.answered = account.refused = None

    def _restarted(self, _: ClientRestarted) -> None:
        self._authorizations = 0
        for account in self._accounts.values():
            account.restarted, account.failed = True, False
        for resource in self._resources.values():
            resource.challenge = resource.answered = None
            resource.chains = {}
            resource.known = resource.stale = False

    def _reported(self, event: ClientReported) -> None:
        """What a client says that it holds is what it was granted, or what its token carries (A3)."""
        findings = self._findings
        for resource in self._resources.values():
            if resource.challenge is not None:
                self._unanswered(resource, resource.challenge, None)
        account = self._account_named(event.issuer, event.resource)
        if account is None or account.told == "nothing":
            return
        said = None if event.granted is None else frozenset(event.granted)
        clause = self._clause_of_report(account)
        if not findings.reach(clause):
            return
        if said is None and account.granted is None:
            return
        if said is not None and account.granted is None and account.in_hand is None:
            empty = len(said) == 0
            findings.broke(
                clause,
                f"nobody said what was granted, and the client reports {_shown(said)}",
                unless=Unless("A5", "empty") if empty else None,
                verdict="unspecified" if empty else None,
            )
            return
        right = [known for known in (account.in_hand, account.granted) if known is not None]
        if said is not None and any(said == frozenset(known) for known in right):
            account.reported_rightly = True
            return
        if account.told == "omitted" and said is not None and account.earlier is not None:
            if said == frozenset(account.earlier):
                findings.broke(
                    clause,
                    f"the response omits the scope, and the client reports the earlier grant {_shown(said)}",
                    unless=Unless("A4", "earlier-grant"),
                    verdict="unspecified",
                )
                return
        was = _shown(frozenset(right[0]))
        findings.broke(clause, f"what was granted is {was}, and the client reports {_shown(said)}")

    @staticmethod
    def _clause_of_report(account: Account) -> str:
        """The clause on which the right answer rests now."""
        if account.reported_rightly and (account.restarted or account.refresh_failed):
            return "ACC-8"
        if account.reported_rightly and account.failed:
            return "ACC-10"
        if account.grant_type == JWT_BEARER and account.told in ("explicit", "omitted"):
            return "EXT-2"
        match account.told:
            case "refresh omitted":
                return "REFRESH-3" if account.narrowed is not None else "RETAIN-1"
            case "omitted":
                return "GRANT-1"
            case "both omitted":
                return "GRANT-4"
            case _:
                return "GRANT-2"

    # --- finding the place ------------------------------------------------------------------------

    def _resource_named(self, name: str | None) -> Resource:
        if name is None and self._resource is not None:
            return self._resource
        resource = self._resources.get(name)
        if resource is None:
            resource = self._resources[name] = Resource(name)
        self._resource = resource
        return resource

    def _account_named(self, issuer: str | None, resource: str | None) -> Account | None:
        if issuer is None and resource is None:
            return self._account
        known = self._accounts.get((issuer, resource))
        if known is not None:
            self._account = known
            return known
        return self._resources[resource].account if resource in self._resources else self._account

    @staticmethod
    def _chain(resource: Resource, operation: str) -> Chain:
        chain = resource.chains.get(operation)
        if chain is None:
            chain = resource.chains[operation] = Chain()
        return chain


def _shown(held: frozenset[str] | None) -> str:
    """What is held, for a sentence."""
    if held is None:
        return "nothing at all"
    return listing(iter(sorted(map(Scope, held)))) or "no scope"


# Any: each handler takes the event type that is its key, which a dict cannot say.
_HANDLERS: Final[Mapping[type[Event], Callable[[Judge, Any], None]]] = MappingProxyType(
    {
        ResourceRequest: Judge._resource_request,  # noqa: SLF001 - the class's own methods
        ResourceResponse: Judge._resource_response,  # noqa: SLF001
        ProtectedResourceMetadata: Judge._resource_metadata,  # noqa: SLF001
        AuthorizationServerMetadata: Judge._server_metadata,  # noqa: SLF001
        ClientRegistration: Judge._registration,  # noqa: SLF001
        AuthorizationRequest: Judge._authorization_request,  # noqa: SLF001
        AuthorizationResponse: Judge._authorization_response,  # noqa: SLF001
        TokenRequest: Judge._token_request,  # noqa: SLF001
        TokenResponse: Judge._token_response,  # noqa: SLF001
        CallStarted: lambda judge, event: None,
        CallEnded: lambda judge, event: None,
        TokenExpired: Judge._token_expired,  # noqa: SLF001
        ClientRestarted: Judge._restarted,  # noqa: SLF001
        ClientReported: Judge._reported,  # noqa: SLF001
    }
)

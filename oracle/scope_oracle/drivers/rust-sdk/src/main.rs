//! A driver for the Rust SDK (rmcp): the application that its OAuth guide describes, and no more.
//!
//! The contract is in ../../README.md; which documented path is taken, in ../README.md.

use std::collections::HashMap;
use std::error::Error;
use std::io::BufRead;
use std::sync::Arc;
use std::time::Duration;

use rmcp::RoleClient;
use rmcp::ServiceError;
use rmcp::model::{CallToolRequestParams, InitializeRequestParams, ProtocolVersion};
use rmcp::service::{ClientInitializeError, RunningService};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::auth::{
    AuthClient, AuthError, AuthorizationManager, ClientCredentialsConfig, CredentialStore,
    InMemoryCredentialStore, OAuthClientConfig, OAuthState,
};
use rmcp::transport::streamable_http_client::{
    StreamableHttpClientTransportConfig, StreamableHttpError,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{Mutex, mpsc};
use tokio::time::timeout;

const REDIRECT_URI: &str = "http://localhost:3030/callback";
const CLIENT_NAME: &str = "scopelaw";
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const INITIAL_SCOPES: &str = "initial-scope-selection";
const NOTHING_HELD: &str = "nothing is held to give an account of";
const PATIENCE: Duration = Duration::from_secs(10);
const CLOSING: Duration = Duration::from_secs(2);
const ERROR_LENGTH: usize = 300;
#[cfg(stateless)]
const STATELESS: &str = "2026-07-28";
const REVISIONS: &[&str] = &[
    "2025-03-26",
    "2025-06-18",
    "2025-11-25",
    #[cfg(stateless)]
    STATELESS,
];

type Service = RunningService<RoleClient, InitializeRequestParams>;

/// The members of `reset`.
#[derive(Deserialize)]
struct Settings {
    servers: HashMap<String, String>,
    revision: String,
    grant: String,
    registration: String,
    clients: Option<HashMap<String, Client>>,
    document_url: Option<String>,
    configured_scopes: Option<Vec<String>>,
    wants_refresh_token: bool,
    #[cfg_attr(not(enterprise), allow(dead_code))]
    identity_provider: Option<IdentityProvider>,
    setting: Option<String>,
}

/// Where the user of an enterprise has signed in.
#[derive(Clone, Deserialize)]
#[cfg_attr(not(enterprise), allow(dead_code))]
struct IdentityProvider {
    issuer: String,
    client_id: String,
    client_secret: String,
    id_token: String,
    vouches_for: HashMap<String, String>,
}

#[derive(Clone, Deserialize, PartialEq)]
struct Client {
    client_id: String,
    client_secret: Option<String>,
}

impl Settings {
    /// The client that is registered out of band, if that is how it is registered.
    fn known(&self) -> Option<Client> {
        let clients = self.clients.as_ref().filter(|_| self.registration == "known");
        clients.and_then(|clients| clients.values().next().cloned())
    }

    /// Whether there is more than one: the SDK is told of a client before it finds out about the issuer.
    fn has_clients(&self) -> bool {
        let known = self.known();
        self.clients.iter().flatten().any(|(_, client)| known.as_ref().is_some_and(|known| known != client))
    }
}

/// The application's HTTP clients, kept for all episodes so that connections stay open.
struct Http {
    mcp: reqwest::Client,
    oauth: reqwest::Client,
    browser: reqwest::Client,
}

impl Http {
    fn new() -> Result<Self, reqwest::Error> {
        // A server may close what is idle for 5 seconds: let go before, and never send into a closed connection.
        let builder = || reqwest::Client::builder().no_proxy().pool_idle_timeout(Duration::from_secs(4));
        Ok(Self {
            mcp: builder().build()?,
            oauth: builder().timeout(Duration::from_secs(30)).build()?,
            browser: builder().redirect(reqwest::redirect::Policy::none()).build()?,
        })
    }
}

/// What ended an attempt, and what the server asks for, if that is why.
struct Refusal {
    wants: Option<Wants>,
    text: String,
}

enum Wants {
    /// A 401, with its challenge; or the SDK found that what it has stored is of no use any more.
    Authorization(Option<String>),
    /// A 403, with the scope that it names, if it names one, and its challenge.
    Scope(Option<String>, String),
}

impl Refusal {
    /// The SDK's error, whatever it is wrapped in.
    fn of(error: &(dyn Error + 'static)) -> Self {
        let transport = match (error.downcast_ref(), error.downcast_ref()) {
            (Some(ServiceError::TransportSend(error)), _) => Some(&error.error),
            (_, Some(ClientInitializeError::TransportError { error, .. })) => Some(&error.error),
            _ => None,
        };
        let inner: &(dyn Error + 'static) = match transport {
            Some(error) => &**error,
            None => error,
        };
        let wants = match inner.downcast_ref() {
            Some(StreamableHttpError::<reqwest::Error>::AuthRequired(error)) => {
                Some(Wants::Authorization(Some(error.www_authenticate_header.clone())))
            }
            Some(StreamableHttpError::Auth(AuthError::AuthorizationRequired)) => Some(Wants::Authorization(None)),
            Some(StreamableHttpError::InsufficientScope(error)) => {
                let scope = error.get_required_scope().map(str::to_owned);
                Some(Wants::Scope(scope, error.www_authenticate_header.clone()))
            }
            _ => None,
        };
        Self { wants, text: inner.source().unwrap_or(inner).to_string() }
    }
}

impl<E: Error + 'static> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::of(&error)
    }
}

fn refusal(text: impl Into<String>) -> Refusal {
    Refusal { wants: None, text: text.into() }
}

/// One server as the application sees it: what is stored survives a restart, the session does not.
struct Server {
    uri: String,
    settings: Arc<Settings>,
    http: Arc<Http>,
    store: InMemoryCredentialStore,
    /// Held while connecting and while the user is away authorizing: one of these at a time.
    session: Mutex<Session>,
}

#[derive(Default)]
struct Session {
    auth: Option<AuthClient<reqwest::Client>>,
    service: Option<Arc<Service>>,
    /// Connections that calls may still be under way on.
    retired: Vec<Arc<Service>>,
    authorizations: u32,
    /// What an enterprise's exchange brought, and which scopes it was asked for.
    #[cfg(enterprise)]
    vouched: Option<rmcp::transport::auth::enterprise::EmaAccessToken>,
    #[cfg(enterprise)]
    asked: Vec<String>,
}

impl Server {
    fn new(uri: &str, settings: &Arc<Settings>, http: &Arc<Http>) -> Self {
        Self {
            uri: uri.to_owned(),
            settings: settings.clone(),
            http: http.clone(),
            store: InMemoryCredentialStore::new(),
            session: Mutex::default(),
        }
    }

    /// The same server after a restart.
    fn restarted(&self) -> Self {
        Self { store: self.store.clone(), ..Self::new(&self.uri, &self.settings, &self.http) }
    }

    async fn close(&self) {
        let session = std::mem::take(&mut *self.session.lock().await);
        for service in session.service.into_iter().chain(session.retired) {
            match Arc::try_unwrap(service) {
                Ok(service) => drop(service.cancel().await),
                Err(shared) => shared.cancellation_token().cancel(),
            }
        }
    }

    /// Call a tool; where the SDK leaves it to the application to authorize and to send again, do so.
    async fn call(&self, operation: &str, rounds: &mut u32) -> Result<(), Refusal> {
        let mut authorized = false;
        loop {
            let mut session = self.session.lock().await;
            let connected = self.connect(&mut session).await;
            let authorizations = session.authorizations;
            drop(session);
            let outcome = match connected {
                Ok(service) => {
                    let parameters = CallToolRequestParams::new(operation.to_owned());
                    service.call_tool(parameters).await.map_err(Refusal::from)
                }
                Err(refusal) => Err(refusal),
            };
            let refused = match outcome {
                Ok(result) if result.is_error == Some(true) => return Err(refusal("the tool failed")),
                Ok(_) => return Ok(()),
                Err(refused) => refused,
            };
            let Some(wants) = refused.wants else { return Err(refused) };
            *rounds += 1;
            let mut session = self.session.lock().await;
            // Another call may have authorized since this one was sent: then it is sent again first.
            if session.authorizations == authorizations {
                // No document of the SDK asks twice for one call.
                if std::mem::replace(&mut authorized, true) {
                    *rounds -= 1;
                    return Err(refusal(refused.text));
                }
                match wants {
                    #[cfg(enterprise)]
                    _ if self.settings.grant == EXCHANGE => self.exchange(&mut session, wants, refused.text).await?,
                    Wants::Authorization(challenge) => self.authorize(&mut session, challenge).await?,
                    // `auth_challenge` gives either of the two to begin with; there is nothing yet to step up from.
                    Wants::Scope(_, challenge) if session.auth.is_none() => {
                        self.authorize(&mut session, Some(challenge)).await?;
                    }
                    Wants::Scope(scope, _) => self.step_up(&mut session, scope, refused.text).await?,
                }
            }
        }
    }

    /// The connection, opened when it is first needed, with the credentials that there are.
    async fn connect(&self, session: &mut Session) -> Result<Arc<Service>, Refusal> {
        if let Some(service) = &session.service {
            return Ok(service.clone());
        }
        #[cfg(enterprise)]
        if self.settings.grant == EXCHANGE {
            return self.connect_as_vouched(session).await;
        }
        if session.auth.is_none() {
            let mut manager = self.manager().await?;
            if manager.initialize_from_store().await? {
                // It restores the client's id, and puts the server's own URL for the redirect URI.
                if self.settings.grant == "authorization_code" {
                    let (client_id, _) = manager.get_credentials().await?;
                    manager.configure_client(self.restored(client_id))?;
                }
                session.auth = Some(AuthClient::new(self.http.mcp.clone(), manager));
            } else if self.settings.grant == "client_credentials" || !cfg!(reactive) {
                self.authorize(session, None).await?;
            }
        }
        let config = StreamableHttpClientTransportConfig::with_uri(self.uri.as_str());
        let service = match &session.auth {
            Some(auth) => self.serve(StreamableHttpClientTransport::with_client(auth.clone(), config)).await,
            None => self.serve(StreamableHttpClientTransport::with_client(self.http.mcp.clone(), config)).await,
        };
        let service = Arc::new(service?);
        session.service = Some(service.clone());
        Ok(service)
    }

    /// The connection of an enterprise: its token is the application's to put on the transport, and to keep.
    #[cfg(enterprise)]
    async fn connect_as_vouched(&self, session: &mut Session) -> Result<Arc<Service>, Refusal> {
        let config = StreamableHttpClientTransportConfig::with_uri(self.uri.as_str());
        let config = match &session.vouched {
            Some(token) => config.auth_header(token.access_token.secret()),
            None => config,
        };
        let transport = StreamableHttpClientTransport::with_client(self.http.mcp.clone(), config);
        let service = Arc::new(self.serve(transport).await?);
        session.service = Some(service.clone());
        Ok(service)
    }

    /// Exchange the user's ID token for an access token, and connect anew.
    ///
    /// Which scopes to ask for, the exchange leaves to the application: those that it asked for or was granted before,
    /// and those that the SDK would select for a first authorization.
    #[cfg(enterprise)]
    async fn exchange(&self, session: &mut Session, wants: Wants, text: String) -> Result<(), Refusal> {
        use rmcp::transport::auth::default_oauth_http_client;
        use rmcp::transport::auth::enterprise::{EmaAuthorizationServer, EmaClientAuthentication, EmaExchangeRequest};
        let (Some(provider), Some(client)) = (&self.settings.identity_provider, self.settings.known()) else {
            return Err(refusal("there is no identity provider"));
        };
        let name = self.settings.servers.iter().find(|(_, uri)| **uri == self.uri).map(|(name, _)| name);
        let issuer = name.and_then(|name| provider.vouches_for.get(name)).ok_or_else(|| refusal("no issuer"))?;
        let challenge = match wants {
            Wants::Authorization(challenge) => challenge,
            Wants::Scope(Some(_), challenge) => Some(challenge),
            Wants::Scope(None, _) => return Err(refusal(text)), // nothing to ask for beyond what was asked for
        };
        let mut manager = self.manager().await?;
        let resolution = manager.resolve_metadata_from_challenge(challenge.as_deref()).await?;
        let endpoint = resolution.metadata.token_endpoint.clone();
        manager.set_metadata(resolution.metadata);
        let mut granted: Vec<_> = session.vouched.iter().flat_map(|token| token.scopes.iter().cloned()).collect();
        granted.sort();
        for scope in granted.into_iter().chain(manager.select_initial_scopes(&[]).await) {
            if !session.asked.contains(&scope) {
                session.asked.push(scope);
            }
        }
        let secret = |secret: String| EmaClientAuthentication::ClientSecretBasic(oauth2::ClientSecret::new(secret));
        let idp = EmaAuthorizationServer::new(
            &provider.issuer,
            format!("{}/token", provider.issuer),
            &provider.client_id,
        )
        .with_client_authentication(secret(provider.client_secret.clone()));
        let server = EmaAuthorizationServer::new(issuer, endpoint, &client.client_id)
            .with_client_authentication(secret(client.client_secret.unwrap_or_default()));
        let http = default_oauth_http_client()?;
        let request = EmaExchangeRequest::new_with_id_token(idp, server, &self.uri, &provider.id_token);
        let token = request.with_scopes(session.asked.iter().cloned()).exchange(&http, &http).await?;
        session.vouched = Some(token);
        session.retired.extend(session.service.take());
        session.authorizations += 1;
        Ok(())
    }

    async fn serve<T, E, A>(&self, transport: T) -> Result<Service, ClientInitializeError>
    where
        T: rmcp::transport::IntoTransport<RoleClient, E, A>,
        E: Error + Send + Sync + 'static,
    {
        let mut info = InitializeRequestParams::default();
        let revision: ProtocolVersion =
            serde_json::from_value(json!(self.settings.revision)).expect("any string is a revision");
        #[cfg(stateless)]
        if self.settings.revision == STATELESS {
            use rmcp::service::{ClientLifecycleMode, ClientServiceExt};
            let lifecycle = ClientLifecycleMode::Discover { preferred_versions: vec![revision] };
            return info.serve_with_lifecycle(transport, lifecycle).await;
        }
        info.protocol_version = revision;
        rmcp::ServiceExt::serve(info, transport).await
    }

    async fn manager(&self) -> Result<AuthorizationManager, AuthError> {
        let mut manager = AuthorizationManager::new(self.uri.as_str()).await?;
        manager.with_client(self.http.oauth.clone())?;
        manager.set_credential_store(self.store.clone());
        Ok(manager)
    }

    /// Authorize from the beginning, and connect anew.
    async fn authorize(&self, session: &mut Session, challenge: Option<String>) -> Result<(), Refusal> {
        let client = self.settings.known();
        let mut oauth = OAuthState::Unauthorized(self.manager().await?);
        if self.settings.grant == "client_credentials" {
            let client = client.ok_or_else(|| refusal("no client is registered out of band"))?;
            let config = ClientCredentialsConfig::ClientSecret {
                client_id: client.client_id,
                client_secret: client.client_secret.unwrap_or_default(),
                scopes: self.settings.configured_scopes.clone().unwrap_or_default(),
                resource: Some(self.uri.clone()),
            };
            oauth.authenticate_client_credentials(config).await?;
        } else {
            self.start(&mut oauth, client, challenge).await?;
            let back = self.browse(&oauth.get_authorization_url().await?).await?;
            #[cfg(callback_url)]
            oauth.handle_callback_url(&back).await?;
            #[cfg(not(callback_url))]
            {
                let (code, state) = callback(&back)?;
                oauth.handle_callback(&code, &state).await?;
            }
        }
        let manager = oauth.into_authorization_manager();
        let manager = manager.ok_or_else(|| refusal("the authorization is not complete"))?;
        session.auth = Some(AuthClient::new(self.http.mcp.clone(), manager));
        session.retired.extend(session.service.take());
        session.authorizations += 1;
        Ok(())
    }

    #[cfg(requests)]
    async fn start(
        &self, oauth: &mut OAuthState, client: Option<Client>, challenge: Option<String>,
    ) -> Result<(), AuthError> {
        use rmcp::transport::auth::AuthorizationRequest;
        let mut request = AuthorizationRequest::new(REDIRECT_URI).with_client_name(CLIENT_NAME);
        if let Some(scopes) = &self.settings.configured_scopes {
            request = request.with_scopes(scopes.iter().cloned());
        }
        #[cfg(initial_scopes)]
        if self.settings.setting.as_deref() == Some(INITIAL_SCOPES) {
            request = request.with_initial_scope_selection();
        }
        if let Some(url) = &self.settings.document_url {
            request = request.with_client_metadata_url(url);
        }
        if let Some(client) = client {
            request = request.with_preregistered_client(client.client_id);
            if let Some(secret) = client.client_secret {
                request = request.with_client_secret(secret);
            }
        }
        #[cfg(reactive)]
        if let Some(challenge) = challenge {
            request = request.with_challenge(challenge);
        }
        #[cfg(not(reactive))]
        drop(challenge);
        oauth.start_authorization(request).await
    }

    #[cfg(not(requests))]
    async fn start(
        &self, oauth: &mut OAuthState, _client: Option<Client>, _challenge: Option<String>,
    ) -> Result<(), AuthError> {
        let scopes = self.settings.configured_scopes.iter().flatten().map(String::as_str).collect::<Vec<_>>();
        let document = self.settings.document_url.as_deref();
        oauth.start_authorization_with_metadata_url(&scopes, REDIRECT_URI, Some(CLIENT_NAME), document).await
    }

    /// Ask for what a 403 names; the connection stays, and finds the new token in the same manager.
    async fn step_up(&self, session: &mut Session, scope: Option<String>, text: String) -> Result<(), Refusal> {
        let (Some(scope), Some(auth), "authorization_code") = (scope, &session.auth, &*self.settings.grant) else {
            return Err(refusal(text)); // `can_upgrade` says no, or there is no user to ask
        };
        let url = auth.auth_manager.lock().await.request_scope_upgrade(&scope).await?;
        let back = self.browse(&url).await?;
        #[cfg(callback_url)]
        {
            use rmcp::transport::auth::AuthorizationCallback;
            let back = AuthorizationCallback::from_redirect_url(&back)?;
            let manager = auth.auth_manager.lock().await;
            manager.exchange_code_for_token_with_issuer(&back.code, &back.csrf_token, back.issuer.as_deref()).await?;
        }
        #[cfg(not(callback_url))]
        {
            let (code, state) = callback(&back)?;
            auth.auth_manager.lock().await.exchange_code_for_token(&code, &state).await?;
        }
        session.authorizations += 1;
        Ok(())
    }

    /// A client that is restored: its redirect URI, and its secret where the application has one.
    fn restored(&self, client_id: String) -> OAuthClientConfig {
        let secret = self.settings.known().and_then(|client| client.client_secret);
        let config = OAuthClientConfig::new(client_id, REDIRECT_URI);
        match secret {
            Some(secret) => config.with_client_secret(secret),
            None => config,
        }
    }

    /// The user: opens the URL, and is sent back.
    async fn browse(&self, url: &str) -> Result<String, Refusal> {
        let response = self.http.browser.get(url).send().await?;
        let back = response.headers().get(reqwest::header::LOCATION).and_then(|value| value.to_str().ok());
        let back = back.ok_or_else(|| refusal(format!("the user was not sent back: HTTP {}", response.status())))?;
        let query = reqwest::Url::parse(back).map_err(|error| refusal(error.to_string()))?;
        match query.query_pairs().find(|(name, _)| name == "error") {
            Some((_, error)) => Err(refusal(format!("the authorization ended with {error}"))),
            None => Ok(back.to_owned()),
        }
    }

    /// Let the lifetime of the stored token be over: `get_access_token` reckons from when it was received.
    async fn expire(&self) -> Result<bool, AuthError> {
        let Some(mut stored) = self.store.load().await? else { return Ok(false) };
        let token = json!(stored.token_response);
        if token["expires_in"].is_null() || stored.token_received_at.is_none() {
            return Ok(false);
        }
        stored.token_received_at = Some(0);
        self.store.save(stored).await?;
        Ok(true)
    }
}

/// `code` and `state` of the URL that the user came back to.
#[cfg(not(callback_url))]
fn callback(url: &str) -> Result<(String, String), Refusal> {
    let url = reqwest::Url::parse(url).map_err(|error| refusal(error.to_string()))?;
    let query: HashMap<_, _> = url.query_pairs().into_owned().collect();
    match (query.get("code"), query.get("state")) {
        (Some(code), Some(state)) => Ok((code.clone(), state.clone())),
        _ => Err(refusal("the user came back without a code")),
    }
}

// --- the contract ---------------------------------------------------------------------------------

type Servers = HashMap<String, Arc<Server>>;

async fn called(server: Arc<Server>, operation: String) -> Value {
    let mut rounds = 0;
    let outcome = timeout(PATIENCE, server.call(&operation, &mut rounds)).await;
    let error = match outcome {
        Ok(Ok(())) => return json!({"outcome": "served", "host_rounds": rounds}),
        Ok(Err(refused)) => refused.text,
        Err(_) => "timeout".to_owned(),
    };
    let error: String = error.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(ERROR_LENGTH).collect();
    json!({"outcome": "refused", "error": error, "host_rounds": rounds})
}

async fn closed(servers: Servers) -> Value {
    for server in servers.into_values() {
        let _ = timeout(CLOSING, server.close()).await;
    }
    json!({"ok": true})
}

async fn expired(server: Arc<Server>) -> Value {
    match server.expire().await {
        Ok(true) => json!({"ok": true}),
        Ok(false) => skipped("no token with a lifetime is stored"),
        Err(error) => errored(error),
    }
}

/// Its account of an empty `scope` is one scope without a name: that is none. Where it refused what came, it has none.
async fn reported(server: Arc<Server>) -> Value {
    #[cfg(enterprise)]
    if server.settings.grant == EXCHANGE {
        let session = server.session.lock().await;
        let Some(token) = &session.vouched else { return skipped(NOTHING_HELD) };
        return json!({"granted": token.scopes.iter().collect::<Vec<_>>()});
    }
    let named = |scopes: Vec<String>| scopes.into_iter().filter(|scope| !scope.is_empty()).collect::<Vec<_>>();
    match server.store.load().await {
        // It writes down what the response says, as it came: nothing said is nothing known.
        Ok(Some(stored)) if stored.granted_scopes.is_empty() && json!(stored.token_response)["scope"].is_null() => {
            json!({"granted": null})
        }
        Ok(Some(stored)) => json!({"granted": named(stored.granted_scopes)}),
        Ok(None) => skipped(NOTHING_HELD),
        Err(error) => errored(error),
    }
}

fn skipped(message: impl Into<String>) -> Value {
    json!({"skipped": {"message": message.into()}})
}

fn errored(context: impl ToString) -> Value {
    json!({"errored": {"context": context.to_string()}})
}

/// Why the SDK cannot do what a reset asks for, if it cannot.
fn beyond(settings: &Settings) -> Option<&'static str> {
    if !REVISIONS.contains(&settings.revision.as_str()) {
        return Some("this release does not speak that revision");
    }
    if settings.has_clients() {
        return Some("the SDK takes one client, whatever the issuer");
    }
    let machine = settings.grant == "client_credentials";
    if settings.grant == EXCHANGE && !cfg!(enterprise) {
        return Some("this build has no enterprise-managed authorization");
    }
    if !machine && !settings.wants_refresh_token {
        return Some("the SDK has no switch for refresh tokens: it asks for them where it can");
    }
    if settings.setting.as_deref() == Some(INITIAL_SCOPES) && !cfg!(initial_scopes) {
        return Some("there is no such choice of initial scopes");
    }
    if !machine && settings.registration == "known" && !cfg!(requests) {
        return Some("this release has no path for a client that is registered out of band");
    }
    None
}

/// Begin what a command asks for; what it changes is changed at once, in the order of the commands.
fn begin(command: &Value, servers: &mut Servers, http: &Arc<Http>) -> Result<Work, Value> {
    let text = |name: &str| command[name].as_str().unwrap_or_default();
    let server = || servers.get(text("server")).cloned().ok_or_else(|| skipped("there is no such server"));
    Ok(match text("command") {
        "call" => Box::pin(called(server()?, text("operation").to_owned())),
        "expire" => Box::pin(expired(server()?)),
        "report" => Box::pin(reported(server()?)),
        // What an exchange brought, the SDK gives its application no store for.
        "restart" if servers.values().any(|server| server.settings.grant == EXCHANGE) => {
            return Err(skipped("an exchanged token is the application's to keep"));
        }
        "restart" => {
            let restarted = servers.iter().map(|(name, server)| (name.clone(), Arc::new(server.restarted())));
            let restarted = restarted.collect();
            Box::pin(closed(std::mem::replace(servers, restarted)))
        }
        "reset" => {
            let settings: Settings = serde_json::from_value(command.clone()).map_err(errored)?;
            let settings = Arc::new(settings);
            let beyond = beyond(&settings);
            let named = settings.servers.iter().filter(|_| beyond.is_none());
            let new = named.map(|(name, uri)| (name.clone(), Arc::new(Server::new(uri, &settings, http)))).collect();
            let closing = closed(std::mem::replace(servers, new));
            Box::pin(async move {
                let done = closing.await;
                beyond.map_or(done, skipped)
            })
        }
        other => return Err(errored(format!("the command {other:?} is unknown"))),
    })
}

type Work = std::pin::Pin<Box<dyn Future<Output = Value> + Send>>;

fn answer(mut body: Value, seq: &Value) {
    body["seq"] = seq.clone();
    println!("{body}");
}

fn hello() -> Value {
    let client = json!({"name": "rmcp", "version": env!("RMCP_VERSION"), "language": "Rust"});
    json!({"version": 1, "client": client, "revisions": REVISIONS})
}

// One thread: an episode waits for one answer after the other, and a second thread only adds hand-overs.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (sender, mut commands) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    let http = Arc::new(Http::new()?);
    let mut servers = Servers::new();
    while let Some(line) = commands.recv().await {
        let command: Value = serde_json::from_str(&line)?;
        match command["command"].as_str() {
            Some("start") => println!("{}", hello()),
            Some("stop") => break,
            _ => {
                let seq = command["seq"].clone();
                match begin(&command, &mut servers, &http) {
                    Ok(work) => {
                        tokio::spawn(async move {
                            let done = tokio::spawn(work).await;
                            answer(done.unwrap_or_else(errored), &seq);
                        });
                    }
                    Err(body) => answer(body, &seq),
                }
            }
        }
    }
    std::process::exit(0) // the thread that reads may be waiting for a line
}

// An application around the TypeScript SDK, v2 (@modelcontextprotocol/client). The contract is ../README.md.

import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

import * as sdk from '@modelcontextprotocol/client';

const PACKAGE = '@modelcontextprotocol/client';
const REDIRECT_URL = 'http://localhost:3030/callback';
const CALL_TIMEOUT = 10_000;
const NO_RECONNECTION = {
    initialReconnectionDelay: 0,
    maxReconnectionDelay: 0,
    reconnectionDelayGrowFactor: 1,
    maxRetries: 0
};
const MODERN = '2026-07-28';
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
// The first releases of the line speak the 2025 revisions only.
const NEGOTIATES = 'setVersionNegotiation' in sdk.Client.prototype;
// Older releases take the code alone: they do not look at `iss`.
const TAKES_CALLBACK = 'IssuerMismatchError' in sdk;
const REVISIONS = [...(NEGOTIATES ? [MODERN] : []), ...sdk.SUPPORTED_PROTOCOL_VERSIONS];
const MANIFEST = new URL(`node_modules/${PACKAGE}/package.json`, import.meta.url);
const RELEASE = JSON.parse(readFileSync(MANIFEST, 'utf8')).version;
const SCOPES_REFRESHES_SINCE = '2.4.0';

// Standard output is for answers.
console.log = console.info = console.debug = console.error;

class Skipped extends Error {}

/** What the application stores for one server, and all that survives a restart. */
class Storage {
    clients = new Map();
    tokens = undefined;
    verifier = undefined;
    discovery = undefined;
    dpop = undefined;
    granted = undefined;
}

/** The provider of docs/clients/oauth.md, with its storage taken out, and with invalidateCredentials. */
class UserProvider {
    constructor(settings, storage) {
        this.storage = storage;
        this.redirectUrl = REDIRECT_URL;
        this.clientMetadata = {
            client_name: 'scopelaw',
            redirect_uris: [REDIRECT_URL],
            grant_types: ['authorization_code', ...(settings.wants_refresh_token ? ['refresh_token'] : [])],
            ...scopeOf(settings)
        };
        if (settings.registration === 'document') this.clientMetadataUrl = settings.document_url;
        if (settings.registration === 'known') {
            // A client that is known beforehand is not to be saved: the SDK must not register another.
            this.clientInformation = context =>
                context === undefined ? onlyClient(settings.clients) : settings.clients[context.issuer];
            this.saveClientInformation = undefined;
        }
    }
    clientInformation(context) {
        return this.storage.clients.get(context?.issuer);
    }
    saveClientInformation(information, context) {
        this.storage.clients.set(context?.issuer, information);
    }
    tokens() {
        return this.storage.tokens;
    }
    saveTokens(tokens) {
        this.storage.tokens = tokens;
    }
    state() {
        return crypto.randomUUID();
    }
    saveDiscoveryState(state) {
        this.storage.discovery = state;
    }
    discoveryState() {
        return this.storage.discovery;
    }
    async redirectToAuthorization(url) {
        const callback = browse(url);
        this.redirect = { state: url.searchParams.get('state'), callback };
        // The user is back before the SDK goes on, so that nothing of a call is left when it ends.
        await callback.catch(() => {});
    }
    saveCodeVerifier(verifier) {
        this.storage.verifier = verifier;
    }
    codeVerifier() {
        if (!this.storage.verifier) throw new Error('no code verifier');
        return this.storage.verifier;
    }
    invalidateCredentials(what) {
        if (what === 'all' || what === 'client') this.storage.clients.clear();
        if (what === 'all' || what === 'tokens') this.storage.tokens = undefined;
        if (what === 'all' || what === 'verifier') this.storage.verifier = undefined;
        if (what === 'all' || what === 'discovery') this.storage.discovery = undefined;
    }
}

/** The SDK's own provider without a user. */
function machineProvider(settings) {
    const { client_id, client_secret } = onlyClient(settings.clients);
    const issuers = Object.keys(settings.clients);
    return new sdk.ClientCredentialsProvider({
        clientId: client_id,
        clientSecret: client_secret,
        // It holds one pair of credentials, and can be told of one issuer only.
        ...(issuers.length === 1 ? { expectedIssuer: issuers[0] } : {}),
        ...scopeOf(settings)
    });
}

/** The SDK's own provider for cross-app access, with the assertion that its documentation gives it. */
function enterpriseProvider(settings, url) {
    const { client_id, client_secret } = onlyClient(settings.clients);
    const { identity_provider: idp, servers } = settings;
    const [name] = Object.entries(servers).find(([, server]) => server === String(url));
    return new sdk.CrossAppAccessProvider({
        assertion: async context => {
            const granted = await sdk.discoverAndRequestJwtAuthGrant({
                idpUrl: idp.issuer,
                audience: context.authorizationServerUrl,
                resource: context.resourceUrl,
                idToken: idp.id_token,
                clientId: idp.client_id,
                clientSecret: idp.client_secret,
                scope: context.scope,
                fetchFn: context.fetchFn
            });
            return granted.jwtAuthGrant;
        },
        clientId: client_id,
        clientSecret: client_secret,
        expectedIssuer: idp.vouches_for[name]
    });
}

/** The settings of driver.toml: what each adds to a provider, and whether this release has it. */
const SETTINGS = {
    dpop: {
        there: 'DpopSession' in sdk,
        adds: storage => ({ dpop: () => (storage.dpop ??= sdk.DpopSession.create()) })
    },
    'scope-for-refresh': {
        there: RELEASE.localeCompare(SCOPES_REFRESHES_SINCE, 'en', { numeric: true }) >= 0,
        // "The returned value must not include a scope that was not originally granted."
        adds: storage => ({ scopeForRefresh: () => storage.granted })
    }
};

function providerFor(settings, storage, url) {
    const made = { client_credentials: machineProvider, [EXCHANGE]: enterpriseProvider }[settings.grant];
    const provider = made ? made(settings, url) : new UserProvider(settings, storage);
    return Object.assign(provider, SETTINGS[settings.setting]?.adds(storage));
}

const scopeOf = settings => (settings.configured_scopes ? { scope: settings.configured_scopes.join(' ') } : {});

/** The client registered out of band where it is the same at every issuer, else undefined. */
function onlyClient(clients) {
    const [first, ...others] = Object.values(clients ?? {});
    return others.every(other => JSON.stringify(other) === JSON.stringify(first)) ? first : undefined;
}

/** The user, who follows the link and comes back: the parameters of the callback. */
async function browse(url) {
    const response = await fetch(url, { redirect: 'manual' });
    await response.arrayBuffer();
    const location = response.headers.get('location');
    if (!location) throw new Error(`the user was not sent back (HTTP ${response.status})`);
    return new URL(location).searchParams;
}

/** One server as the application sees it: a provider, a storage, and a connection once it is needed. */
class Site {
    constructor(url, settings, storage = new Storage()) {
        this.url = new URL(url);
        this.settings = settings;
        this.storage = storage;
        this.calls = new Set();
        this.provider = providerFor(settings, storage, url);
    }

    /** The client, connected; calls that come together share the connection. */
    client() {
        this.connection ??= this.connect();
        return this.connection;
    }

    async connect() {
        const modern = this.settings.revision === MODERN;
        const client = new sdk.Client(
            { name: 'scopelaw', version: '0' },
            modern ? { versionNegotiation: { mode: { pin: MODERN } } } : {}
        );
        this.transport = new sdk.StreamableHTTPClientTransport(this.url, {
            authProvider: this.provider,
            reconnectionOptions: NO_RECONNECTION
        });
        try {
            await client.connect(this.transport);
        } catch (error) {
            this.connection = undefined; // a started transport cannot be restarted
            throw error;
        }
        return client;
    }

    /** Close the connection; what is under way on it is given up. */
    async close() {
        const { connection, transport } = this;
        this.connection = undefined;
        for (const call of this.calls) call.abort(new Error('the connection was closed'));
        const client = await Promise.race([connection, undefined]).catch(() => undefined);
        await (client ?? transport)?.close();
    }

    /** Finish the newest sign-in, and say which: there is one user, and room for one code verifier. */
    async signIn() {
        for (;;) {
            const { redirect } = this.provider;
            redirect.finished ??= this.finish(redirect); // calls that wait for it share it
            try {
                await redirect.finished;
                return redirect;
            } catch (error) {
                if (redirect === this.provider.redirect) throw error; // else the SDK has begun another meanwhile
            }
        }
    }

    async finish({ state, callback }) {
        const query = await callback;
        if (query.get('state') !== state) throw new Error('state mismatch');
        if (!TAKES_CALLBACK && !query.has('code')) {
            throw new Error(`the authorization failed: ${query.get('error')}`);
        }
        await this.transport.finishAuth(TAKES_CALLBACK ? query : query.get('code'));
        this.storage.granted = this.storage.tokens?.scope;
    }

    /** Call a tool, and do what the SDK leaves to the application when it throws UnauthorizedError. */
    async attempt(operation, signal, progress) {
        let last;
        for (;;) {
            signal.throwIfAborted();
            let client;
            try {
                client = await this.client();
                return await client.callTool({ name: operation }, { signal });
            } catch (error) {
                const { redirect } = this.provider;
                const asked = error instanceof sdk.UnauthorizedError && redirect && redirect !== last;
                // The guide signs in once, and sends again once: for the connection, and for the call.
                const step = client ? 'call' : 'connection';
                if (!asked || progress.signedIn.has(step)) throw error;
                progress.signedIn.add(step);
                last = await this.signIn();
                progress.rounds += 1;
                // "Hosts should call invalidateCredentials with scope 'discovery' on repeated 401s" (discoveryState).
                const settled = last === this.provider.redirect;
                if (progress.rounds > 1 && settled) this.provider.invalidateCredentials('discovery');
            }
        }
    }

    /** One call, bounded in time; what it began is ended with it. */
    async call(operation) {
        const progress = { rounds: 0, signedIn: new Set() };
        const giving = new AbortController();
        const timer = setTimeout(() => giving.abort(new Error('timeout')), CALL_TIMEOUT);
        const givenUp = new Promise((_, reject) => {
            giving.signal.addEventListener('abort', () => reject(giving.signal.reason));
        });
        this.calls.add(giving);
        try {
            await Promise.race([this.attempt(operation, giving.signal, progress), givenUp]);
            return { outcome: 'served', host_rounds: progress.rounds };
        } catch (error) {
            if (giving.signal.aborted) await this.close();
            if (isRepeated401(error)) this.provider.invalidateCredentials?.('discovery');
            return { outcome: 'refused', error: brief(error), host_rounds: progress.rounds };
        } finally {
            clearTimeout(timer);
            this.calls.delete(giving);
        }
    }
}

const isRepeated401 = error => error?.code !== undefined && error.code === sdk.SdkErrorCode?.ClientHttpAuthentication;

const brief = error => String(error?.message || error).replace(/\s+/g, ' ').slice(0, 300);

// --- the contract ---------------------------------------------------------------------------------

let sites = {};

function site(name) {
    const found = sites[name];
    if (!found) throw new Error(`there is no server ${name}`);
    return found;
}

const closeAll = () => Promise.allSettled(Object.values(sites).map(each => each.close()));

const commands = {
    async reset(settings) {
        await closeAll();
        sites = {};
        if (!REVISIONS.includes(settings.revision)) throw new Skipped(`it does not speak ${settings.revision}`);
        if (settings.grant === 'client_credentials') {
            if (!onlyClient(settings.clients)?.client_secret) {
                throw new Skipped('its provider for client credentials holds one client_id with its client_secret');
            }
        } else if (settings.grant === EXCHANGE) {
            if (!sdk.CrossAppAccessProvider) throw new Skipped('this release has no cross-app access');
            if (!onlyClient(settings.clients)?.client_secret) throw new Skipped('a provider holds one client');
        } else if (settings.grant !== 'authorization_code') {
            throw new Skipped(`the driver has no grant ${settings.grant}`);
        }
        if (SETTINGS[settings.setting]?.there === false) throw new Skipped(`this release has no ${settings.setting}`);
        for (const [name, url] of Object.entries(settings.servers)) sites[name] = new Site(url, settings);
        return { ok: true };
    },
    call: ({ server, operation }) => site(server).call(operation),
    async restart() {
        await closeAll();
        for (const [name, { url, settings, storage }] of Object.entries(sites)) {
            sites[name] = new Site(url, settings, storage);
        }
        return { ok: true };
    },
    async expire() {
        throw new Skipped('the SDK keeps no clock: it sends an access token until a server rejects it');
    },
    async report({ server }) {
        const tokens = site(server).provider.tokens();
        if (!tokens) throw new Skipped('no token is stored, and with it goes the only account of the SDK');
        return { granted: tokens.scope === undefined ? null : tokens.scope.split(' ').filter(Boolean) };
    }
};

function start({ version }) {
    if (version !== 1) return { errored: { context: `version ${version} of the contract is unknown here` } };
    const client = { name: PACKAGE, version: RELEASE, language: 'TypeScript' };
    return { version: 1, client, revisions: REVISIONS };
}

async function answer({ command, seq, ...rest }) {
    try {
        if (!Object.hasOwn(commands, command)) throw new Error(`there is no command ${command}`);
        return { seq, ...(await commands[command](rest)) };
    } catch (error) {
        if (error instanceof Skipped) return { seq, skipped: { message: error.message } };
        return { seq, errored: { context: brief(error) } };
    }
}

const say = result => process.stdout.write(`${JSON.stringify(result)}\n`);

process.on('unhandledRejection', error => console.error('unhandled:', error));

createInterface({ input: process.stdin })
    .on('line', line => {
        const request = JSON.parse(line);
        if (request.command === 'stop') process.exit(0);
        else if (request.command === 'start') say(start(request));
        else answer(request).then(say);
    })
    .on('close', () => process.exit(0));

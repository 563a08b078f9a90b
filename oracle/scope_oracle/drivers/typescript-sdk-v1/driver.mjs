// An application around the TypeScript SDK, v1 (@modelcontextprotocol/sdk). The contract is ../README.md.

import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

import * as auth from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { SUPPORTED_PROTOCOL_VERSIONS as REVISIONS } from '@modelcontextprotocol/sdk/types.js';

// Older releases have no provider without a user.
const extensions = await import('@modelcontextprotocol/sdk/client/auth-extensions.js').catch(() => ({}));

const PACKAGE = '@modelcontextprotocol/sdk';
const REDIRECT_URL = 'http://localhost:3030/callback';
const CALL_TIMEOUT = 10_000;
const NO_RECONNECTION = {
    initialReconnectionDelay: 0,
    maxReconnectionDelay: 0,
    reconnectionDelayGrowFactor: 1,
    maxRetries: 0
};

// Standard output is for answers.
console.log = console.info = console.debug = console.error;

class Skipped extends Error {}

/** What the application stores for one server, and all that survives a restart. */
class Storage {
    client = undefined;
    tokens = undefined;
    verifier = undefined;
}

/** The provider of the example simpleOAuthClientProvider, with its storage taken out, and invalidateCredentials. */
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
            this.clientInformation = () => onlyClient(settings.clients);
            this.saveClientInformation = undefined;
        }
    }
    clientInformation() {
        return this.storage.client;
    }
    saveClientInformation(information) {
        this.storage.client = information;
    }
    tokens() {
        return this.storage.tokens;
    }
    saveTokens(tokens) {
        this.storage.tokens = tokens;
    }
    async redirectToAuthorization(url) {
        const callback = browse(url);
        this.redirect = { callback };
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
        if (what === 'all' || what === 'client') this.storage.client = undefined;
        if (what === 'all' || what === 'tokens') this.storage.tokens = undefined;
        if (what === 'all' || what === 'verifier') this.storage.verifier = undefined;
    }
}

/** The SDK's own provider without a user. */
function machineProvider(settings) {
    const { client_id, client_secret } = onlyClient(settings.clients);
    const issuers = Object.keys(settings.clients);
    return new extensions.ClientCredentialsProvider({
        clientId: client_id,
        clientSecret: client_secret,
        // It holds one pair of credentials, and can be told of one issuer only.
        ...(issuers.length === 1 ? { expectedIssuer: issuers[0] } : {}),
        ...scopeOf(settings)
    });
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
        this.provider =
            settings.grant === 'client_credentials' ? machineProvider(settings) : new UserProvider(settings, storage);
    }

    /** The client, connected; calls that come together share the connection. */
    client() {
        this.connection ??= this.connect();
        return this.connection;
    }

    async connect() {
        const client = new Client({ name: 'scopelaw', version: '0' }, { capabilities: {} });
        this.transport = new StreamableHTTPClientTransport(this.url, {
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

    async finish({ callback }) {
        const query = await callback;
        if (!query.has('code')) throw new Error(`the authorization failed: ${query.get('error')}`);
        return this.transport.finishAuth(query.get('code'));
    }

    /** Call a tool, and do what the SDK leaves to the application when it throws UnauthorizedError. */
    async attempt(operation, signal, progress) {
        let last;
        for (;;) {
            signal.throwIfAborted();
            let client;
            try {
                client = await this.client();
                return await client.callTool({ name: operation }, undefined, { signal });
            } catch (error) {
                const { redirect } = this.provider;
                const asked = error instanceof auth.UnauthorizedError && redirect && redirect !== last;
                // The guide signs in once, and sends again once: for the connection, and for the call.
                const step = client ? 'call' : 'connection';
                if (!asked || progress.signedIn.has(step)) throw error;
                progress.signedIn.add(step);
                last = await this.signIn();
                progress.rounds += 1;
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
            return { outcome: 'refused', error: brief(error), host_rounds: progress.rounds };
        } finally {
            clearTimeout(timer);
            this.calls.delete(giving);
        }
    }
}

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
            if (!extensions.ClientCredentialsProvider) {
                throw new Skipped('this release has no provider for client credentials');
            }
            if (!onlyClient(settings.clients)?.client_secret) {
                throw new Skipped('its provider for client credentials holds one client_id with its client_secret');
            }
        } else if (settings.grant !== 'authorization_code') {
            throw new Skipped(`the driver has no grant ${settings.grant}`);
        }
        if (settings.registration === 'document' && !('isHttpsUrl' in auth)) {
            throw new Skipped('this release knows no client id metadata documents');
        }
        if (settings.registration === 'known' && !onlyClient(settings.clients)) {
            throw new Skipped('its provider is not told the issuer: it cannot tell several clients apart');
        }
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
    const manifest = new URL(`node_modules/${PACKAGE}/package.json`, import.meta.url);
    const release = JSON.parse(readFileSync(manifest, 'utf8')).version;
    const client = { name: PACKAGE, version: release, language: 'TypeScript' };
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

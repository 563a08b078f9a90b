// An application on the AI SDK's MCP client. Its user is a GET that follows no redirect.

import { auth, createMCPClient, UnauthorizedError } from "@ai-sdk/mcp";

const url = process.argv[2];
const redirectUrl = "http://localhost:3030/callback";
const kept = {};
let answer = new URLSearchParams();

const authProvider = {
  redirectUrl,
  clientMetadata: {
    client_name: "scopelaw",
    redirect_uris: [redirectUrl],
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    token_endpoint_auth_method: "none",
  },
  clientInformation: () => kept.client,
  saveClientInformation: (client) => void (kept.client = client),
  isClientInformationDynamicallyRegistered: () => true,
  tokens: () => kept.tokens,
  saveTokens: (tokens) => void (kept.tokens = tokens),
  codeVerifier: () => kept.verifier,
  saveCodeVerifier: (verifier) => void (kept.verifier = verifier),
  state: () => crypto.randomUUID(),
  saveState: (state) => void (kept.state = state),
  storedState: () => kept.state,
  invalidateCredentials: (scope) => {
    for (const name of { all: ["client", "tokens", "verifier"] }[scope] ?? [scope]) delete kept[name];
  },
  async redirectToAuthorization(authorizationUrl) {
    const { headers } = await fetch(authorizationUrl, { redirect: "manual" });
    answer = new URL(headers.get("location") ?? redirectUrl).searchParams;
  },
};

// Make a request, and once the user has authorized it, make it again: what is refused then, is refused.
async function authorized(request) {
  try {
    return await request();
  } catch (error) {
    if (!(error instanceof UnauthorizedError) || !answer.has("code")) throw error;
    const [authorizationCode, callbackState] = [answer.get("code"), answer.get("state")];
    await auth(authProvider, { serverUrl: url, authorizationCode, callbackState });
    return request();
  }
}

const client = await authorized(() => createMCPClient({ transport: { type: "http", url, authProvider } }));
try {
  const tools = await authorized(() => client.tools());
  await authorized(() => tools["test-tool"].execute({}, { toolCallId: "1", messages: [] }));
} finally {
  await client.close();
}

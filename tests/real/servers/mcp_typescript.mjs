// An MCP server: `@modelcontextprotocol/server` behind the bearer middleware of `@modelcontextprotocol/express`.
//
// Started as `node mcp_typescript.mjs OPTIONS`, where the options are JSON: `issuer`; `requires`, the scopes without
// which nothing is served; `lists`, those of its metadata; `tools`, what each tool needs besides. It says {"url": URL} on
// standard output.
import { createServer } from 'node:http';
import {
  createMcpExpressApp,
  getOAuthProtectedResourceMetadataUrl,
  mcpAuthMetadataRouter,
  requireBearerAuth,
} from '@modelcontextprotocol/express';
import { NodeStreamableHTTPServerTransport } from '@modelcontextprotocol/node';
import { McpServer, OAuthError, OAuthErrorCode, requireScopes } from '@modelcontextprotocol/server';
import { createRemoteJWKSet, jwtVerify } from 'jose';

process.stdin.resume().on('end', () => process.exit());
const options = JSON.parse(process.argv[2]);
const oauthMetadata = await (await fetch(`${options.issuer}/.well-known/oauth-authorization-server`)).json();
const keys = createRemoteJWKSet(new URL(oauthMetadata.jwks_uri));

const http = createServer();
http.listen(0, '127.0.0.1', () => {
  const url = new URL(`http://127.0.0.1:${http.address().port}/mcp`);

  async function verifyAccessToken(token) {
    try {
      const { payload } = await jwtVerify(token, keys, { issuer: options.issuer, audience: url.href });
      const scopes = (payload.scope ?? '').split(' ').filter(Boolean);
      return { token, clientId: payload.client_id, scopes, expiresAt: payload.exp, resource: url };
    } catch (wrong) {
      throw new OAuthError(OAuthErrorCode.InvalidToken, wrong.message);
    }
  }

  function mcp() {
    const server = new McpServer({ name: 'real', version: '1.0.0' });
    for (const [name, needs] of Object.entries(options.tools)) {
      const scopeChallenge = needs.length ? requireScopes(...needs) : undefined;
      server.registerTool(name, { scopeChallenge }, () => ({ content: [] }));
    }
    return server;
  }

  const app = createMcpExpressApp();
  app.use(mcpAuthMetadataRouter({ oauthMetadata, resourceServerUrl: url, scopesSupported: options.lists }));
  const resourceMetadataUrl = getOAuthProtectedResourceMetadataUrl(url);
  const auth = requireBearerAuth({
    verifier: { verifyAccessToken },
    requiredScopes: options.requires,
    resourceMetadataUrl,
    expectedResource: url,
  });
  app.post('/mcp', auth, async (request, response) => {
    const transport = new NodeStreamableHTTPServerTransport({ sessionIdGenerator: undefined });
    await mcp().connect(transport);
    await transport.handleRequest(request, response, request.body);
  });
  http.on('request', app);
  console.log(JSON.stringify({ url: url.href }));
});

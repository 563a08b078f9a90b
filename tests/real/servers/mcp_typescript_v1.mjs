// An MCP server: `@modelcontextprotocol/sdk`, the older line, behind its own bearer middleware.
//
// Its options are those of mcp_typescript.mjs, and so is what it says; here a tool needs nothing besides.
import { createServer } from 'node:http';
import { InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js';
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js';
import { getOAuthProtectedResourceMetadataUrl, mcpAuthMetadataRouter } from '@modelcontextprotocol/sdk/server/auth/router.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import express from 'express';
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
      throw new InvalidTokenError(wrong.message);
    }
  }

  function mcp() {
    const server = new McpServer({ name: 'real', version: '1.0.0' });
    for (const name of Object.keys(options.tools)) server.registerTool(name, {}, () => ({ content: [] }));
    return server;
  }

  const app = express();
  app.use(mcpAuthMetadataRouter({ oauthMetadata, resourceServerUrl: url, scopesSupported: options.lists }));
  const resourceMetadataUrl = getOAuthProtectedResourceMetadataUrl(url);
  const auth = requireBearerAuth({
    verifier: { verifyAccessToken },
    requiredScopes: options.requires,
    resourceMetadataUrl,
    expectedResource: url,
  });
  app.post('/mcp', auth, express.json(), async (request, response) => {
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined, enableJsonResponse: true });
    await mcp().connect(transport);
    await transport.handleRequest(request, response, request.body);
  });
  http.on('request', app);
  console.log(JSON.stringify({ url: url.href }));
});

// Gemini CLI's MCP client, at a terminal: where a server needs it, the user types `/mcp auth` and agrees to a browser.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const home = mkdtempSync(join(tmpdir(), "gemini-"));
Object.assign(process.env, { HOME: home, GEMINI_FORCE_FILE_STORAGE: "true" });
for (const stream of [process.stdin, process.stdout]) stream.isTTY = true;

const core = await import("@google/gemini-cli-core"); // which looks for its home when it is loaded

const name = "server";
const server = { url: process.argv[2], type: "http", oauth: { enabled: true } };
const workspace = { getDirectories: () => [], onDirectoriesChanged: () => () => {} };
const config = { sanitizationConfig: {}, emitMcpDiagnostic: (_, said) => console.error(said) };
const connect = () => core.connectToMcpServer("1", name, server, false, workspace, config);

core.coreEvents.on(core.CoreEvent.ConsentRequest, ({ onConfirm }) => onConfirm(true));
try {
  const client = await connect().catch(async (error) => {
    if (!core.mcpServerRequiresOAuth.get(name)) throw error;
    await new core.MCPOAuthProvider().authenticate(name, server.oauth, server.url);
    return connect();
  });
  await client.listTools();
  await client.callTool({ name: "test-tool", arguments: {} });
} catch (error) {
  console.error(error.message);
} finally {
  rmSync(home, { recursive: true, force: true });
  process.exit();
}

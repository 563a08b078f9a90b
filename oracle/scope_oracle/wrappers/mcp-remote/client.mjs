// A host that speaks MCP over stdio: mcp-remote is the server that it starts.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const storage = mkdtempSync(join(tmpdir(), "mcp-remote-"));
const proxy = spawn(process.execPath, ["node_modules/mcp-remote/dist/proxy.js", process.argv[2]], {
  stdio: ["pipe", "pipe", "inherit"],
  env: { ...process.env, MCP_REMOTE_CONFIG_DIR: storage },
});
const answers = createInterface({ input: proxy.stdout })[Symbol.asyncIterator]();
let serial = 0;

const send = (message) => proxy.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);

async function request(method, params) {
  send({ id: ++serial, method, params });
  for (;;) {
    const { value, done } = await answers.next();
    if (done) throw new Error("mcp-remote has ended");
    const message = JSON.parse(value);
    if (message.id !== serial || "method" in message) continue;
    if (message.error) throw new Error(message.error.message);
    return message.result;
  }
}

try {
  const clientInfo = { name: "scopelaw", version: "1" };
  await request("initialize", { protocolVersion: "2025-11-25", capabilities: {}, clientInfo });
  send({ method: "notifications/initialized" });
  await request("tools/list", {});
  await request("tools/call", { name: "test-tool", arguments: {} });
} catch (error) {
  console.error(error.message);
} finally {
  proxy.kill();
  rmSync(storage, { recursive: true, force: true });
}

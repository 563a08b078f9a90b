// The Inspector's command line, at a user's terminal: the user says yes to each step-up that it proposes.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

// A port that is free, and the same for every authorization: the redirect URI is registered with it.
const free = createServer().listen(0, "127.0.0.1");
await once(free, "listening");
const { port } = free.address();
free.close();

const storage = mkdtempSync(join(tmpdir(), "inspector-"));
const command = [
  "node_modules/@modelcontextprotocol/inspector/clients/cli/build/index.js",
  ...["--transport", "http", "--server-url", process.argv[2]],
  ...["--method", "tools/call", "--tool-name", "test-tool"],
  ...["--callback-url", `http://127.0.0.1:${port}/oauth/callback`],
];
const inspector = spawn(process.execPath, command, {
  stdio: ["pipe", "inherit", "pipe"],
  env: { ...process.env, HOME: storage, MCP_INSPECTOR_SECRET_STORE: "memory", MCP_AUTO_OPEN_ENABLED: "true" },
});
inspector.stderr.on("data", (said) => {
  process.stderr.write(said);
  if (said.includes("[y/N]")) inspector.stdin.write("y\n");
});
inspector.on("exit", () => rmSync(storage, { recursive: true, force: true }));

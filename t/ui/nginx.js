// A real nginx with the module, an MCP server behind it, and a client that makes sessions through it.

import { spawn } from "node:child_process";
import { chown, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomUUID } from "node:crypto";
import { serve, test as base, watch } from "./kit.js";

/** Answers what is asked as an MCP server of Streamable HTTP. `fail` among the arguments is a tool's error. */
function upstream() {
  const server = createServer(async (req, res) => {
    let text = "";
    for await (const chunk of req) text += chunk;
    const send = (status, body, headers = {}) => {
      res.writeHead(status, { "Content-Type": "application/json", ...headers });
      res.end(body === undefined ? "" : JSON.stringify(body));
    };
    if (req.method !== "POST") return send(req.method === "DELETE" ? 200 : 405);
    const { id, method, params } = JSON.parse(text);
    const answer = (result, headers) => send(200, { jsonrpc: "2.0", id, result }, headers);
    if (method === "initialize") return answer({ protocolVersion: params.protocolVersion, capabilities: {}, serverInfo: { name: "crm", version: "1.4" } }, { "Mcp-Session-Id": randomUUID() });
    if (id === undefined) return send(202);
    const failure = params.arguments?.fail;
    answer({ content: [{ type: "text", text: failure ?? "done" }], ...(failure ? { isError: true } : {}) });
  });
  return listening(server);
}

function listening(server) {
  return new Promise((done) => server.listen(0, "127.0.0.1", () => done(server)));
}

async function freePort() {
  const server = await listening(createServer());
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

function configuration({ place, port, behind }) {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${place}/${name};`).join(" ");
  return `
load_module ${process.env.TEST_MCP_MODULE};
${process.getuid() === 0 ? "user www-data;" : ""}
worker_processes 2; daemon off; pid ${place}/pid; error_log ${place}/error.log info;
events { worker_connections 512; }
http {
  access_log off; ${temporary}
  mcp_sessions_store ${place}/store; mcp_sessions on;
  server {
    listen 127.0.0.1:${port}; server_name localhost;
    location /crm/mcp { mcp_server_name crm; mcp_user $http_x_user; mcp_role $http_x_role; mcp_param tenant $http_x_tenant; mcp_capture results=masked; proxy_pass http://127.0.0.1:${behind}; }
    location /ops/console/ { mcp_console; }
  }
}`;
}

export const test = base.extend({
  nginx: async ({}, use) => {
    const place = await mkdtemp(join(tmpdir(), "mcp-ui-"));
    const server = await upstream();
    const port = await freePort();
    await mkdir(join(place, "store"), { mode: 0o700 });
    if (process.getuid() === 0) {
      const { uid, gid } = await account("www-data");
      await chown(place, uid, gid);
      await chown(join(place, "store"), uid, gid);
    }
    await writeFile(join(place, "nginx.conf"), configuration({ place, port, behind: server.address().port }));
    const child = spawn(process.env.TEST_MCP_NGINX_BINARY || "/usr/sbin/nginx", ["-c", join(place, "nginx.conf"), "-p", place], { stdio: ["ignore", "inherit", "inherit"] });
    const url = `http://127.0.0.1:${port}/`;
    const ended = new Promise((done) => child.once("exit", done));
    await answering(`${url}ops/console/api/v1/stats`, ended);
    // UI_PAGE=built: the page as it was built last, rather than the one in the module.
    const built = process.env.UI_PAGE === "built" ? await serve(["--sessions", "1", "--upstream", `${url}ops/console/`]) : null;
    await use({ url, console: built?.url ?? `${url}ops/console/`, begin: (who) => begin(`${url}crm/mcp`, who), api: async (path) => (await fetch(`${url}ops/console/api/v1/${path}`)).json() });
    built?.stop();
    child.kill("SIGQUIT");
    const timer = setTimeout(() => child.kill("SIGTERM"), 10_000);
    await ended;
    clearTimeout(timer);
    server.close();
    const errors = (await readFile(join(place, "error.log"), "utf8")).split("\n").filter((line) => /\[(alert|crit|emerg)\]/.test(line));
    await rm(place, { recursive: true, force: true });
    if (errors.length) throw new Error(errors.join("\n"));
  },

  /** Opens an address of the console that nginx serves. */
  visit: async ({ page, nginx }, use) => {
    const wrong = watch(page, new URL("/", nginx.console).href);
    await use((hash) => page.goto(nginx.console + hash));
    if (wrong.length) throw new Error(wrong.join("\n"));
  },
});

async function account(name) {
  const [, , uid, gid] = (await readFile("/etc/passwd", "utf8")).split("\n").find((line) => line.startsWith(`${name}:`)).split(":");
  return { uid: Number(uid), gid: Number(gid) };
}

async function answering(url, ended) {
  let over = false;
  ended.then(() => (over = true));
  for (;;) {
    if (over) throw new Error("nginx did not start");
    const answer = await fetch(url).catch(() => null);
    if (answer?.ok) return;
    await new Promise((done) => setTimeout(done, 100));
  }
}

/** Begins a session as somebody; what it gives makes calls in it. */
async function begin(url, { user, role = "", tenant = "acme", client = "claude-code", version = "2.1" }) {
  const headers = { "Content-Type": "application/json", Accept: "application/json, text/event-stream", "X-User": user, "X-Role": role, "X-Tenant": tenant };
  let id = 0;
  const post = async (method, params) => {
    const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify({ jsonrpc: "2.0", id: id++, method, params }) });
    await answer.text();
    return answer;
  };
  const first = await post("initialize", { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: client, version } });
  headers["Mcp-Session-Id"] = first.headers.get("mcp-session-id");
  return {
    session_id: headers["Mcp-Session-Id"],
    call: (name, args = {}) => post("tools/call", { name, arguments: args }),
    end: () => fetch(url, { method: "DELETE", headers }),
  };
}

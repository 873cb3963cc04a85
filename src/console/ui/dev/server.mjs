#!/usr/bin/env node
// Serves the built page and the API of the contract from a generated world, for work on the page and
// for its tests. Listens on 127.0.0.1 only.
//
// Usage: dev/server.mjs [--port N] [--prefix /mcp-sessions/] [--sessions N] [--longest N] [--growing]
//        dev/server.mjs --upstream http://127.0.0.1:8080/mcp-sessions/     with the answers of a real console
//
// A test talks to it under `_test/`: `POST _test/grow` lets the session that goes on make a call,
// `POST _test/fault {"path": "sessions", "status": 503, "times": 1, "delay_ms": 0, "body": {}}` makes
// answers slow or wrong (`hold` keeps one back until `POST _test/release`), `GET _test/log` tells what was asked and which policy reports came in.

import { readFile } from "node:fs/promises";
import { createServer, request } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import * as controls from "./controls.mjs";
import * as directory from "./directory.mjs";
import * as questions from "./questions.mjs";
import { World } from "./world.mjs";

const { values: options } = parseArgs({
  options: {
    port: { type: "string", default: "8088" }, prefix: { type: "string", default: "/mcp-sessions/" }, sessions: { type: "string", default: "900" },
    longest: { type: "string", default: "1200" }, growing: { type: "boolean", default: false }, upstream: { type: "string" }, empty: { type: "boolean", default: false }, "no-hostile": { type: "boolean", default: false },
  },
});
const DIST = fileURLToPath(new URL("../dist/", import.meta.url));
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".map": "application/json" };
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; report-uri _test/report";

const world = new World({ sessions: options.empty ? 0 : Number(options.sessions), longest: Number(options.longest), hostile: !options["no-hostile"] });
if (options.empty) {
  world.parts.length = 0;
}
const log = { requests: [], reports: [] };
const faults = [];
const held = [];
const live = new Set();

const RANGE = ["from", "to"];
const FILTERS = ["server", "user", "role", "session_id", "id_source", "client", "address", "request_id", "method", "primitive", "outcome", "status", "attack", "control", "action", "state", "q"];
const PAGE = ["limit", "cursor"];
/** What an endpoint takes; anything else is refused, as nginx does. */
const TAKES = {
  sessions: [...RANGE, ...FILTERS, ...PAGE, "format"], "sessions/*": [], "sessions/*/calls": [...RANGE, ...FILTERS, ...PAGE, "payloads"],
  calls: [...RANGE, ...FILTERS, ...PAGE, "sort", "format", "payloads"], "calls/*": [], attacks: [...RANGE, ...FILTERS, ...PAGE, "format"], "attacks/*": [], controls: RANGE, servers: RANGE, "servers/*": RANGE, "servers/*/primitives": [...RANGE, ...PAGE, "primitive_status"], "servers/*/history": ["kind", "name"],
  agents: [...RANGE, ...FILTERS], facets: [...RANGE, ...FILTERS, "field", "contains", "limit"], timeline: [...RANGE, ...FILTERS, "steps"], stats: [], live: FILTERS,
};

function checkParameters(path, query) {
  const segments = path.split("/");
  const taken = TAKES[segments.map((segment, i) => (i === 1 ? "*" : segment)).join("/")] ?? [];
  for (const name of query.keys()) {
    if (!taken.includes(name) && !(name.startsWith("param.") && taken.includes("user"))) throw new questions.Problem(400, "Bad Request", `there is no parameter ${name} here`, { parameter: name });
  }
}

const routes = [
  [/^sessions$/, (q) => questions.sessions(world, q)],
  [/^sessions\/([^/]+)$/, (q, id) => questions.session(world, id)],
  [/^sessions\/([^/]+)\/calls$/, (q, id) => questions.calls(world, q, id)],
  [/^calls$/, (q) => questions.calls(world, q)],
  [/^calls\/([^/]+)$/, (q, id) => questions.call(world, id)],
  [/^attacks$/, (q) => controls.attacks(world, q)],
  [/^attacks\/([^/]+)$/, (q, id) => controls.oneAttack(world, id)],
  [/^controls$/, () => controls.controls(world)],
  [/^servers$/, (q) => directory.servers(world, q)],
  [/^servers\/([^/]+)$/, (q, id) => directory.server(world, q, id)],
  [/^servers\/([^/]+)\/primitives$/, (q, id) => directory.primitives(world, q, id)],
  [/^servers\/([^/]+)\/history$/, (q, id) => directory.history(world, q, id)],
  [/^agents$/, (q) => directory.agents(world, q)],
  [/^facets$/, (q) => questions.facets(world, q)],
  [/^timeline$/, (q) => questions.timeline(world, q)],
  [/^stats$/, () => directory.stats(world)],
];

function missing(what) {
  throw new questions.Problem(404, "Not Found", `no such ${what}`);
}

function send(res, status, type, body, headers = {}) {
  res.writeHead(status, { "Content-Type": type, "Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store", ...headers });
  res.end(body);
}

/** Numbers with more digits than JavaScript's can hold stand in the world as "@digits@". */
const digits = (json) => json.replace(/"@(\d+)@"/g, "$1");

function announce(part) {
  for (const res of live) res.write(`event: session\ndata: ${JSON.stringify(questions.shown(part))}\n\nevent: mark\ndata: {}\n\n`);
}

function grow() {
  const part = world.grow();
  announce(part);
  return part;
}

async function api(path, query, res) {
  const fault = faults.find((f) => f.path === path && f.times > 0);
  if (fault) {
    fault.times--;
    if (fault.hold) await new Promise((done) => held.push(done));
    if (fault.delay_ms) await new Promise((done) => setTimeout(done, fault.delay_ms));
    if (fault.status) return send(res, fault.status, "application/problem+json", JSON.stringify({ title: "Fault", status: fault.status, ...fault.body }), fault.headers);
    if (fault.raw !== undefined) return send(res, 200, "application/json", fault.raw);
  }
  if (path === "live") {
    try {
      checkParameters(path, query);
    } catch {
      return send(res, 400, "text/plain", "");
    }
    res.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
    res.write(": hello\n\n");
    live.add(res);
    res.on("close", () => live.delete(res));
    return;
  }
  try {
    checkParameters(path, query);
    for (const [pattern, answer] of routes) {
      const match = pattern.exec(path);
      if (match) return send(res, 200, "application/json", digits(JSON.stringify(answer(query, ...match.slice(1).map(decodeURIComponent)))));
    }
    missing("resource");
  } catch (error) {
    if (!(error instanceof questions.Problem)) throw error;
    send(res, error.status, "application/problem+json", JSON.stringify(error.body));
  }
}

/** Passes a question on to a real console, and its answer back as it comes. */
function pass(path, req, res) {
  const { host, ...headers } = req.headers;
  const passed = request(new URL(path, options.upstream), { method: req.method, headers }, (answer) => {
    res.writeHead(answer.statusCode, answer.headers);
    answer.pipe(res);
  });
  passed.on("error", () => send(res, 502, "text/plain", "the console does not answer"));
  res.on("close", () => passed.destroy());
  passed.end();
}

async function control(path, body, res) {
  if (path === "grow") return send(res, 200, "application/json", JSON.stringify(grow()));
  if (path === "fault") faults.push({ times: 1, delay_ms: 0, ...JSON.parse(body) });
  if (path === "release") for (const go of held.splice(0)) go();
  if (path === "drop-live") for (const one of live) one.destroy();
  if (path === "report") log.reports.push(body);
  send(res, 200, "application/json", JSON.stringify(path === "log" ? log : {}));
}

async function asset(path, res) {
  const file = normalize(path === "" ? "index.html" : path);
  try {
    if (file.startsWith("..")) throw new Error("outside");
    send(res, 200, TYPES[extname(file)] ?? "application/octet-stream", await readFile(join(DIST, file)));
  } catch {
    send(res, 404, "text/plain", "no such file");
  }
}

const server = createServer(async (req, res) => {
  const url = new URL(req.url, "http://127.0.0.1");
  let body = "";
  for await (const chunk of req) body += chunk;
  if (!url.pathname.startsWith(options.prefix)) return send(res, 404, "text/plain", "outside the console");
  const path = url.pathname.slice(options.prefix.length);
  if (path.startsWith("_test/")) return control(path.slice(6), body, res);
  log.requests.push(path + url.search);
  if (path.startsWith("api/v1/") && options.upstream) return pass(path + url.search, req, res);
  if (path.startsWith("api/v1/")) return api(path.slice(7), url.searchParams, res);
  return asset(path, res);
});
server.listen(Number(options.port), "127.0.0.1", () => {
  process.stdout.write(`http://127.0.0.1:${server.address().port}${options.prefix}\n`);
});
if (options.growing) setInterval(grow, 2500);

// Sessions and calls of the past days, in the form in which the API tells them.

import { servers, users, clients } from "./cast.mjs";
import { NOT_LISTED } from "./catalogue.mjs";
import { attack, BLOCKED, DELETION, hostileAttack, judge } from "./controls.mjs";
import { marks, payload } from "./hostile.mjs";
import { random } from "./random.mjs";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const iso = (ms) => new Date(ms).toISOString();
const dayOf = (ms) => iso(ms).slice(0, 10);
const ERRORS = new Set(["tool_error", "rpc_error", "http_error", "aborted"]);

/** Everything there is: `parts` (session parts) and `calls` (by part id, in order). */
export class World {
  constructor({ seed = 7, sessions = 900, now = Date.now(), days = 7, longest = 1200, hostile = true } = {}) {
    this.now = now;
    this.random = random(seed);
    // Of its own, so that a control more does not make another world.
    this.dice = random(seed + 1);
    this.isHostile = hostile;
    this.parts = [];
    this.calls = new Map();
    this.byCall = new Map();
    this.numbers = new Map();
    const r = this.random;
    for (let n = 0; n < sessions; n++) {
      const age = r.next() ** 1.6 * days * DAY * 0.98;
      this.session(now - age - r.between(0, 40) * SECOND, { calls: Math.max(1, Math.round(6 / (r.next() + 0.03))) });
    }
    this.session(now - 3 * HOUR, { calls: longest, pauses: Math.min(0.12, 40 / longest), server: servers[1], user: users[1], client: clients[3] });
    this.storyOfTheDeletion(now - DAY);
    if (hostile) this.hostile(now - 20 * MINUTE);
    this.current = this.session(now - 4 * MINUTE, { calls: 14, server: servers[0], user: users[0], client: clients[0], live: true });
  }

  number(key) {
    const next = (this.numbers.get(key) ?? 0) + 1;
    this.numbers.set(key, next);
    return next;
  }

  part(at, { server, user, client, live = false, session_id, id_source }) {
    const r = this.random;
    const day = dayOf(at);
    const part = {
      id: `${day}.${this.number(day)}`, day, session_id: session_id ?? (["header", "configured"].includes(server.source) ? uuid(r) : r.hex(16)),
      id_source: id_source ?? server.source, server: server.name, user: user.name, users: user.name ? [user.name] : [],
      users_total: user.name ? 1 : 0, roles: user.roles, verified: user.verified, state: live ? "open" : "idle",
      client: { name: client.name, version: client.version }, server_info: server.info, protocol_version: server.revision,
      address: `10.${r.between(0, 3)}.${r.between(0, 20)}.${r.between(2, 250)}`, user_agent: client.agent,
      started_at: iso(at), last_at: iso(at), ended: null, calls: 0, errors: 0, attacks: 0, blocked: 0, bytes_in: 0, bytes_out: 0,
      methods: [], primitives: [], params: { tenant: r.pick(["acme", "globex", "initech"]) },
    };
    // An id of the client's own, which nginx.conf names: it is a parameter as well.
    if (part.id_source === "configured") part.params.conversation = part.session_id;
    this.parts.push(part);
    this.calls.set(part.id, []);
    return part;
  }

  call(part, at, fields) {
    const r = this.random;
    const calls = this.calls.get(part.id);
    const call = {
      id: `${part.id}.${calls.length + 1}`, at: iso(at), direction: "client", http_method: "POST", status: 200, rpc_id: calls.length,
      method: "tools/call", primitive: null, arguments: null, result: null, outcome: "ok", error: null, is_error: false,
      duration_ms: r.duration(12), first_event_ms: null, notifications: 0, bytes_in: r.between(90, 900), bytes_out: r.between(120, 9000),
      request_id: r.hex(32), session: part.id, session_id: part.session_id, server: part.server, user: part.user, roles: part.roles,
      verified: part.verified, address: part.address, client: part.client, user_agent: part.user_agent, protocol_version: part.protocol_version,
      params: part.params, carried: part.user && calls.length ? ["user", "roles", "client"] : [],
      coverage: { request: "full", response: "full" }, arguments_truncated: false, result_truncated: false, payloads_shed: false, id_source: part.id_source, continues: null, attacks: [], ...fields,
    };
    call.listed = call.primitive?.kind === "tool" && servers.some(({ name }) => name === part.server) ? !NOT_LISTED.has(call.primitive.name) : null;
    calls.push(call);
    this.byCall.set(call.id, call);
    part.calls++;
    part.errors += ERRORS.has(call.outcome) ? 1 : 0;
    part.attacks += call.attacks.length;
    part.blocked += call.outcome === "blocked" ? 1 : 0;
    part.bytes_in += call.bytes_in;
    part.bytes_out += call.bytes_out;
    const end = iso(at + (call.duration_ms ?? 0));
    if (end > part.last_at) part.last_at = end;
    bump(part.methods, (m) => m.name === call.method, () => ({ name: call.method, count: 0 }));
    if (call.primitive) {
      const { kind, name } = call.primitive;
      bump(part.primitives, (p) => p.kind === kind && p.name === name, () => ({ kind, name, count: 0 }));
    }
    return call;
  }

  opening(part, at) {
    if (part.protocol_version === "2026-07-28") {
      this.call(part, at, { method: "server/discover", result: { capabilities: { tools: {} } } });
      return at + 40;
    }
    this.call(part, at, {
      method: "initialize", arguments: { protocolVersion: part.protocol_version, capabilities: { roots: { listChanged: true }, sampling: {} }, clientInfo: part.client },
      result: { protocolVersion: "string(10)", capabilities: { tools: { listChanged: "bool" } }, serverInfo: { name: "string(3)", version: "string(5)" } }, duration_ms: this.random.duration(30),
    });
    this.call(part, at + 45, { method: "notifications/initialized", rpc_id: null, status: 202, outcome: "accepted", bytes_out: 0, duration_ms: 1.2 });
    this.call(part, at + 60, { method: "tools/list", result: { tools: ["object(4)", "… 11 more"] }, duration_ms: this.random.duration(14) });
    return at + 120;
  }

  session(at, options = {}) {
    const r = this.random;
    const server = options.server ?? r.zipf(servers);
    const part = this.part(at, { server, user: options.user ?? r.zipf(users), client: options.client ?? r.zipf(clients), ...options });
    let time = this.opening(part, at);
    for (let n = 0; n < (options.calls ?? 10); n++) {
      time += r.chance(options.pauses ?? 0.12) ? r.between(4, 240) * SECOND : r.between(20, 900);
      if (time > this.now) break;
      time = this.step(part, time, server);
    }
    if (!options.live && r.chance(0.55)) part.ended = part.last_at;
    part.state = part.ended ? "ended" : this.now - Date.parse(part.last_at) < 30 * MINUTE ? "open" : "idle";
    if (r.chance(0.06)) {
      part.users = [part.user, "alice@example.com", "olu@partner.example"].filter((user, i, all) => user && all.indexOf(user) === i);
      part.users_total = part.users.length;
    }
    return part;
  }

  /** One call of a tool, a resource or a prompt, and what may come with it. */
  step(part, at, server) {
    const r = this.random;
    const primitive = r.zipf(server.primitives);
    const method = { tool: "tools/call", resource: "resources/read", prompt: "prompts/get" }[primitive.kind];
    const fields = {
      method, primitive: { kind: primitive.kind, name: primitive.name }, arguments: primitive.make(r), result: primitive.result(r),
      duration_ms: r.duration(primitive.median_ms),
    };
    if (primitive.median_ms > 400 && r.chance(0.5)) {
      fields.notifications = r.between(2, 30);
      fields.first_event_ms = Math.round(fields.duration_ms * 0.2 * 10) / 10;
    }
    if (primitive.failure && r.chance(0.09)) {
      Object.assign(fields, { outcome: "tool_error", is_error: true, error: { code: null, message: primitive.failure }, result: { content: [{ type: "text", text: primitive.failure }], isError: true } });
    } else if (r.chance(0.012)) {
      Object.assign(fields, { outcome: "rpc_error", error: { code: -32602, message: `Invalid params: “limit” must be at most 100` }, result: null });
    } else if (r.chance(0.006)) {
      Object.assign(fields, { outcome: "http_error", status: 502, result: null, error: null, coverage: { request: "full", response: "unobserved" } });
    } else if (r.chance(0.006)) {
      Object.assign(fields, { outcome: "aborted", result: null, status: 499, coverage: { request: "full", response: "aborted" } });
    }
    if (fields.arguments?.body?.includes?.("bytes more")) fields.arguments_truncated = true;
    const call = this.call(part, at, judge(this, part, at, fields));
    if (call.outcome === "blocked") return at + 5;
    if (primitive.name === "create_pull_request" && r.chance(0.4)) return this.rounds(part, at, call);
    if (r.chance(0.02)) {
      this.call(part, at + 4, { direction: "server", method: "sampling/createMessage", primitive: null, rpc_id: `s${r.between(1, 90)}`, arguments: { messages: [{ role: "user", content: { type: "text", text: "string(811)" } }], maxTokens: 400 }, result: { role: "assistant", model: "string(17)" }, duration_ms: r.duration(2200) });
    }
    return at + (r.chance(0.2) ? 5 : call.duration_ms);
  }

  /** A call that asked for input and came again with it. */
  rounds(part, at, first) {
    Object.assign(first, { outcome: "input_required", result: { inputRequests: { confirm: { method: "elicitation/create", params: { message: "Open the pull request against main?" } } }, requestState: "••••" } });
    this.call(part, at + first.duration_ms + 2600, {
      method: first.method, primitive: first.primitive, arguments: first.arguments, duration_ms: 640, result: { content: [{ type: "text", text: "string(64)" }] },
      continues: first.id,
    });
    return at + first.duration_ms + 3400;
  }

  /** The analyst's question: who called delete_account yesterday, and what came back? */
  storyOfTheDeletion(at) {
    const part = this.part(at, { server: servers[0], user: users[7], client: clients[2] });
    const time = this.opening(part, at);
    this.call(part, time, { primitive: { kind: "tool", name: "search_accounts" }, arguments: { query: "halden", limit: 5 }, result: servers[0].primitives[0].result(this.random), duration_ms: 51.2 });
    this.call(part, time + 2100, { primitive: { kind: "tool", name: "delete_account" }, arguments: { id: 417, confirm: true, password: "••••" }, result: { content: [{ type: "text", text: "account has open invoices" }], isError: true }, outcome: "tool_error", is_error: true, error: { code: null, message: "account has open invoices" }, duration_ms: 38 });
    this.call(part, time + 6400, {
      primitive: { kind: "tool", name: "delete_account" }, arguments: { id: 417, confirm: true, force: true, password: "••••" }, ...BLOCKED,
      attacks: [attack(this, DELETION, time + 6400, { detail: "deny all, line 21" })],
    });
    part.ended = part.last_at;
    part.state = "ended";
  }

  hostile(at) {
    const evil = { name: marks[3], info: { name: marks[1], version: marks[8] }, revision: marks[10].slice(0, 12), source: "derived" };
    const part = this.part(at, { server: evil, user: { name: marks[0], roles: marks.slice(0, 6), verified: "no" }, client: { name: marks[8], version: marks[2], agent: marks[10] }, session_id: marks[9] });
    part.params = { [marks[1]]: marks[0], tenant: marks[8] };
    let time = this.opening(part, at);
    for (const mark of marks) {
      this.call(part, (time += 300), { method: mark.slice(0, 40), primitive: { kind: "tool", name: mark }, arguments: { mark, [mark]: mark }, result: { content: [{ type: "text", text: mark }] }, outcome: "rpc_error", error: { code: -32000, message: mark }, user_agent: mark, attacks: [hostileAttack(this, time, mark)] });
    }
    this.call(part, (time += 300), { primitive: { kind: "tool", name: marks[1] }, arguments: payload(), result: payload(), request_id: marks[0].slice(0, 32) });
    part.state = "open";
    return part;
  }

  /** The session that is going on makes one more call. */
  grow(at = Date.now()) {
    this.now = at;
    this.step(this.current, at - 60, servers[0]);
    return this.current;
  }
}

function bump(list, is, make) {
  let entry = list.find(is);
  if (!entry) list.push((entry = make()));
  entry.count++;
}

function uuid(r) {
  return [8, 4, 4, 4, 12].map((n) => r.hex(n)).join("-");
}

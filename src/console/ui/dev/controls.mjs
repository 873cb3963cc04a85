// Controls of the generated world, what they object to, and attacks and controls as the API tells them.

import { marks, payload } from "./hostile.mjs";
import { isWanted, matching, page, Problem } from "./questions.mjs";

const DAY = 86_400_000;
const dayOf = (ms) => new Date(ms).toISOString().slice(0, 10);

export const TYPES = { acl: "ACL violation", verify: "MCP request verification failure", tool_schema: "Invalid tool call", protocol_check: "Protocol violation", external: "External" };

export const DELETION = {
  kind: "acl", title: "only admins delete", place: "nginx.conf:17", mode: "block", server: "crm.example.com/mcp",
  text: `mcp_acl "only admins delete" {\n    methods    tools/call;\n    primitives delete_*;\n    allow role=admin ip=10.0.0.0/8;\n    deny  all;\n}`,
};

/** `objects` says what is wrong with a call that is about to be made, or nothing. */
const CONTROLS = [
  DELETION,
  {
    kind: "verify", title: "our tenants, reading", place: "warehouse.conf:31", mode: "monitoring", server: "warehouse.internal/analytics/mcp",
    text: `mcp_verify "our tenants, reading" {\n    methods tools/* resources/*;\n    require $mcp_jwt_tenant acme globex;\n    require_scope $mcp_jwt_scope any mcp:read mcp:write;\n    mode monitoring;\n}`,
    objects: (part, _, r) => part.params.tenant === "initech" && r.chance(0.3) && { detail: "require $mcp_jwt_tenant, line 33", point: null, expected: "acme or globex", found: "initech" },
  },
  {
    kind: "tool_schema", title: "as listed", place: "billing.conf:22", mode: "block", server: "billing.example.com/mcp",
    text: `mcp_tool_schema "as listed" {\n    tools *;\n    unknown_arguments deny;\n    undefined_tools deny;\n    grace 15m;\n}`,
    objects: (_, call, r) => {
      if (call.primitive?.name !== "refund" || !r.chance(0.25)) return null;
      if (r.chance(0.5)) {
        call.arguments = { ...call.arguments, amount_cents: String(call.arguments.amount_cents) };
        return { detail: "type, schema of refund", point: "/params/arguments/amount_cents", expected: "integer", found: JSON.stringify(call.arguments.amount_cents) };
      }
      call.arguments = { ...call.arguments, approve: { as: "admin" } };
      return { detail: "unknown_arguments deny, line 24", point: "/params/arguments/approve", expected: "no such argument", found: `{"as":"admin"}` };
    },
  },
  {
    kind: "protocol_check", title: null, place: "nginx.conf:12", mode: "monitoring", server: null, text: "mcp_protocol_check monitoring;",
    objects: (part, _, r) => part.client.name === "langgraph" && r.chance(0.02) && { detail: "header-mismatch", point: "header Mcp-Name", expected: "the name in the body", found: "search_acounts", count: r.pick([1, 1, 3, 48]) },
  },
  {
    kind: "external", title: null, place: "files.conf:9", mode: "monitoring", server: "files.example.com/sse", text: "mcp_attack $modsecurity_matched;",
    objects: (_, call, r) => call.arguments?.path?.includes("..") && r.chance(0.8) && { detail: "930110: Path Traversal Attack (/../)", point: null, expected: null, found: null },
  },
  {
    kind: "verify", title: "working hours", place: "github.conf:14", mode: "monitoring", server: "github", in_force: false, until: 3,
    text: `mcp_verify "working hours" {\n    primitives create_pull_request;\n    require $working_hours 1;\n}`,
    objects: (part, call, r) => call.primitive?.name === "create_pull_request" && r.chance(0.2) && { detail: "require $working_hours, line 16", point: null, expected: "1", found: null },
  },
  { kind: "acl", title: "analysts read", place: "warehouse.conf:24", mode: "monitoring", server: "warehouse.internal/analytics/mcp", text: `mcp_acl "analysts read" {\n    methods tools/call;\n    primitives run_query;\n    allow role=analyst;\n    allow role=admin;\n    deny all;\n}`, quiet: true },
];
const HOSTILE = { kind: "acl", title: marks[0], place: `${marks[8]}:1`, mode: "block", server: marks[3], text: marks.join("\n") };

export function nameOf(world, at) {
  return `${dayOf(at)}.a${world.number(`attacks of ${dayOf(at)}`)}`;
}

/** An attack as it stands in a call. */
export function attack(world, control, at, { action, count = 1, ...why }) {
  return { id: nameOf(world, at), type: TYPES[control.kind], control: control.title, place: control.place, verdict: "deny", action: action ?? (control.mode === "block" ? "blocked" : "passed"), expected: null, found: null, point: null, ...why, count, of: control };
}

/** Lets the controls see a call before it is made: it gets its attacks, and what was done about them. */
export function judge(world, part, at, fields) {
  const attacks = [];
  for (const control of CONTROLS) {
    if (!control.objects || (control.server && control.server !== part.server) || (control.until && at > world.now - control.until * DAY)) continue;
    const why = control.objects(part, fields, world.dice);
    if (why) attacks.push(attack(world, control, at, why));
  }
  if (!attacks.length) return fields;
  if (!attacks.some((one) => one.action === "blocked")) return { ...fields, attacks };
  return { ...fields, attacks, ...BLOCKED };
}

export const BLOCKED = { outcome: "blocked", result: null, is_error: false, error: { code: -32010, message: "blocked by policy" }, duration_ms: 0.4, first_event_ms: null, notifications: 0, bytes_out: 148 };

/** What the hostile session's calls were accused of. */
export function hostileAttack(world, at, mark) {
  return attack(world, HOSTILE, at, { action: "passed", detail: mark, point: mark, expected: mark, found: mark, count: 7 });
}

function told(call, one) {
  const { of, ...shown } = one;
  return {
    ...shown, at: call.at, last_at: new Date(Date.parse(call.at) + (one.count - 1) * 400).toISOString(), call: call.id, session: call.session, server: call.server, user: call.user, roles: call.roles,
    client: call.client, address: call.address, method: call.method, primitive: call.primitive,
  };
}

export function attacks(world, query) {
  const found = [...matching(world, query)].flatMap(({ calls }) => calls).flatMap((call) => call.attacks.filter((one) => isWanted(query, one)).map((one) => told(call, one)));
  found.sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : a.id < b.id ? 1 : -1));
  return page(found, query);
}

export function oneAttack(world, id) {
  for (const call of world.byCall.values()) {
    const one = call.attacks.find((attack) => attack.id === id);
    if (one) return { ...told(call, one), text: one.of.text, mode: one.of.mode, evidence: evidence(call, one) };
  }
  throw new Problem(404, "Not Found", "no such attack");
}

function evidence(call, one) {
  if (one.of.kind === "external") return null;
  const isHostile = one.of === HOSTILE;
  const body = JSON.stringify({ jsonrpc: "2.0", id: call.rpc_id, method: call.method, params: { name: call.primitive?.name, arguments: isHostile ? payload() : call.arguments } });
  return {
    line: isHostile ? `POST /${marks[8]} HTTP/1.1` : `POST /${call.server.split("/").slice(1).join("/") || "mcp"} HTTP/1.1`,
    headers: [
      ["Host", call.server.split("/")[0]], ["Content-Type", "application/json"], ["Accept", "application/json, text/event-stream"], ["User-Agent", call.user_agent], ["Authorization", "Bearer ••••"], ["Mcp-Session-Id", call.session_id],
      ...(one.point === "header Mcp-Name" ? [["Mcp-Name", one.found]] : []), ...(isHostile ? marks.map((mark) => [mark.slice(0, 60), mark]) : []),
    ],
    body: one.of.kind === "protocol_check" ? `${body.slice(0, -1)},"Method":"tools/call"}\n// sent twice` : body, truncated: isHostile,
  };
}

/** Controls with what they made of the calls of seven days. */
export function controls(world) {
  const all = [...CONTROLS, ...(world.isHostile ? [HOSTILE] : [])];
  const days = Array.from({ length: 7 }, (_, n) => dayOf(world.now - (6 - n) * DAY));
  return {
    items: world.parts.length === 0 ? [] : all.map((control) => {
      const tallies = new Map(days.map((day) => [day, { day, judged: 0, denied: 0, blocked: 0, unjudged: 0 }]));
      let last = null;
      for (const call of world.byCall.values()) {
        const tally = tallies.get(call.at.slice(0, 10));
        if (!tally || (control.server && call.server !== control.server) || (control.until && Date.parse(call.at) > world.now - control.until * DAY)) continue;
        tally.judged++;
        for (const one of call.attacks.filter((attack) => attack.of === control)) {
          tally.judged += one.count - 1;
          tally.denied += one.count;
          if (one.action === "blocked") tally.blocked += one.count;
          if (!last || call.at > last) last = call.at;
        }
        if (control.kind === "tool_schema" && call.rpc_id % 53 === 7) tally.unjudged++;
      }
      const list = [...tallies.values()];
      const sum = (name) => list.reduce((total, day) => total + day[name], 0);
      return {
        title: control.title ?? "", kind: control.kind, type: TYPES[control.kind], place: control.place, mode: control.mode, text: control.text, in_force: control.in_force ?? true, judged: sum("judged"), allowed: sum("judged") - sum("denied") - sum("unjudged"),
        denied: sum("denied"), blocked: sum("blocked"), unjudged: sum("unjudged"), unjudged_blocked: 0, last_attack: last, days: list.filter((day) => day.judged),
      };
    }),
    next: null,
  };
}

// Servers, agents and the recorder's health, over a world.

import { servers as cast } from "./cast.mjs";
import { LISTS_DIFFER, listed, NOT_LISTED, statusOf, UNUSED, versions } from "./catalogue.mjs";
import { counts, isError, matching, page, Problem } from "./questions.mjs";

function quantile(sorted, q) {
  return sorted.length ? sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] : null;
}

function summary(calls) {
  const times = calls.map((call) => call.duration_ms).filter((ms) => ms != null).sort((a, b) => a - b);
  const at = calls.map((call) => call.at).sort();
  const errors = calls.filter(isError).length;
  return { calls: calls.length, errors, error_rate: calls.length ? errors / calls.length : null, attacks: calls.reduce((n, c) => n + c.attacks.length, 0), p50_ms: quantile(times, 0.5), p95_ms: quantile(times, 0.95), first_seen_at: at[0] ?? null, last_seen_at: at[at.length - 1] ?? null };
}

function grouped(world, query, keyOf) {
  const groups = new Map();
  for (const { part, calls } of matching(world, query)) {
    const key = keyOf(part);
    const group = groups.get(key) ?? { parts: [], calls: [] };
    group.parts.push(part);
    for (const call of calls) group.calls.push(call);
    groups.set(key, group);
  }
  return groups;
}

/** How many tools, resources and prompts a server lists, and how many primitives are listed or called. */
function listedBy(name, calls) {
  const entries = [...(cast.find((one) => one.name === name)?.primitives ?? []), ...(UNUSED[name] ?? [])].filter((entry) => !NOT_LISTED.has(entry.name));
  const of = (kind) => entries.filter((entry) => entry.kind === kind).length;
  const keys = [...entries, ...calls.filter((call) => call.primitive).map((call) => call.primitive)].map(({ kind, name: of }) => JSON.stringify([kind, of]));
  return { primitives: new Set(keys).size, tools: of("tool"), resources: of("resource"), prompts: of("prompt") };
}

const list = (items) => ({ items, next: null });

export function servers(world, query) {
  const found = [...grouped(world, query, (part) => part.server)].map(([name, { parts, calls }]) => ({ id: idOf(name), name, sessions: parts.length, ...summary(calls), ...listedBy(name, calls) }));
  return list(found.sort((a, b) => b.calls - a.calls));
}

const idOf = (name) => cast.find((s) => s.name === name)?.id ?? "x" + Buffer.from(name).toString("hex").slice(0, 12);

function find(world, query, id) {
  for (const [name, group] of grouped(world, query, (part) => part.server)) if (idOf(name) === id) return { name, ...group };
  throw new Problem(404, "Not Found", "no such MCP server");
}

export function server(world, query, id) {
  const { name, parts, calls } = find(world, query, id);
  const share = (is) => calls.filter(is).length / calls.length;
  const isGuess = parts[0].id_source === "derived";
  const location = "location /mcp";
  const file = `/etc/nginx/conf.d/${name.split(/[./]/)[0].replace(/\W/g, "")}.conf`;
  const masked = (text) => (text ? `${text.slice(0, 2)}••••` : text);
  return {
    id, name, sessions: parts.length, ...summary(calls), ...listedBy(name, calls), lists_differ: LISTS_DIFFER.has(name),
    found: [
      { name: "user", share: share((c) => c.user), examples: counts(calls.map((c) => c.user).filter(Boolean)).slice(0, 3).map(({ value }) => masked(value)) },
      { name: "role", share: share((c) => c.roles.length), examples: counts(calls.flatMap((c) => c.roles)).slice(0, 3).map(({ value }) => value) },
      { name: "session_id", share: isGuess ? 0 : 1, examples: isGuess ? [] : parts.slice(0, 3).map((p) => masked(p.session_id)) },
    ],
    configuration: [
      { directive: "mcp_sessions", value: "on", place: "/etc/nginx/nginx.conf:14", location },
      { directive: "mcp_user", value: "$mcp_jwt_email $mcp_jwt_sub $remote_user", place: `${file}:9`, location },
      { directive: "mcp_role", value: "$mcp_jwt_roles", place: `${file}:10`, location },
      { directive: "mcp_param", value: "tenant $mcp_jwt_tenant", place: `${file}:11`, location },
    ],
    advice: [
      { reason: "Calls without a user are not covered by the places that mcp_user names. Add the place where those clients say who they are, behind the ones you have.", lines: "mcp_user $mcp_jwt_email $mcp_jwt_sub $remote_user $http_x_api_client;" },
      ...(isGuess ? [{ reason: "Sessions without an id of their own are a best guess. If clients send something that belongs to one conversation, name it.", lines: "mcp_session_id $http_x_conversation_id;" }] : []),
    ],
  };
}

/** What a server lists, and what was called without being listed. */
export function primitives(world, query, id) {
  const server = find(world, query, id);
  const isHostile = idOf(server.name).startsWith("x");
  const entries = cast.find((one) => one.name === server.name)?.primitives ?? [];
  const groups = new Map([...entries, ...(UNUSED[server.name] ?? [])].map(({ kind, name }) => [JSON.stringify({ kind, name }), []]));
  for (const call of server.calls) {
    if (!call.primitive) continue;
    const key = JSON.stringify(call.primitive);
    groups.set(key, [...(groups.get(key) ?? []), call]);
  }
  const days = Array.from({ length: 7 }, (_, n) => new Date(world.now - (6 - n) * 86_400_000).toISOString().slice(0, 10));
  const week = find(world, new URLSearchParams(), id).calls;
  const found = [...groups].map(([key, calls]) => {
    const { kind, name } = JSON.parse(key);
    const entry = entries.find((one) => one.kind === kind && one.name === name) ?? { kind, name };
    const { first_seen_at, last_seen_at, error_rate, ...sums } = summary(calls);
    const all = week.filter((call) => call.primitive?.kind === kind && call.primitive.name === name);
    const history = versions(entry, server.name, world.now, isHostile);
    const status = isHostile ? "new" : statusOf(name, all.length);
    return {
      kind, name, ...listed(entry, server.name, isHostile), listed: status !== "unlisted", status, first_seen: history[history.length - 1].seen_at, last_seen: new Date(world.now - 3_600_000).toISOString(), changed_at: history.length > 1 ? history[0].seen_at : null, ...sums,
      days: days.map((day) => { const of = all.filter((call) => call.at.startsWith(day)); return { day, calls: of.length, errors: of.filter(isError).length }; }), versions: history.length, versions_in_force: name === "merge_accounts" ? 2 : 1, cut: false,
    };
  });
  return page(found.sort((a, b) => b.calls - a.calls), query, 500);
}

export function history(world, query, id) {
  const { name: server } = find(world, new URLSearchParams(), id);
  const [kind, name] = [query.get("kind"), query.get("name")];
  const entry = cast.find((one) => one.name === server)?.primitives.find((one) => one.kind === kind && one.name === name) ?? { kind, name };
  return list(versions(entry, server, world.now, idOf(server).startsWith("x")));
}

export function agents(world, query) {
  const groups = grouped(world, query, (part) => JSON.stringify([part.user, part.client]));
  const named = (values) => counts(values).map(({ value, count }) => ({ name: value, count }));
  const found = [...groups].map(([key, { parts, calls }]) => {
    const [user, client] = JSON.parse(key);
    const { errors, attacks, last_seen_at, first_seen_at } = summary(calls);
    const [servers, tools] = [named(parts.map((part) => part.server)), named(calls.filter((c) => c.primitive).map((c) => c.primitive.name))];
    return { user, client, roles: parts[0].roles, sessions: parts.length, calls: calls.length, errors, attacks, servers: servers.slice(0, 10), servers_total: servers.length, tools: tools.slice(0, 10), tools_total: tools.length, first_seen_at, last_seen_at };
  });
  return list(found.sort((a, b) => (a.last_seen_at < b.last_seen_at ? 1 : -1)));
}

export function stats(world) {
  const days = [...new Set(world.parts.map((part) => part.day))].sort().reverse().map((day) => {
    const parts = world.parts.filter((part) => part.day === day);
    const calls = parts.reduce((n, part) => n + part.calls, 0);
    return { day, bytes: calls * 610 + 90112, sessions: parts.length, calls, payloads_shed: world.now - Date.parse(day) > 5 * 86_400_000, calls_shed: world.now - Date.parse(day) > 6 * 86_400_000 };
  });
  const written = days.reduce((n, day) => n + day.calls, 0);
  return {
    version: "0.1.0", handed: written + 44, written, unrecorded: 41, dropped: { queue_full: 0, memory_limit: 0, disk_full: 0, store_failed: 0, shutdown: 0, panic: 0 }, killed: 3, queued: 0, waiting: 0,
    calls_written: { ok: written }, stream_pieces_lost: 0, body_lost_bytes: 18220, panics: 0, commits: 9120, workers: 2, lag_ms: 84.2,
    bytes: days.reduce((n, day) => n + day.bytes, 0), days, catalog: {
      servers: 6, primitives: 23, versions: 27, bytes: 41_208, left_out: { servers: 0, truncated: 1, items: 0, duplicates: 0, text: 0, primitives: 0, changes: 14, bytes: 0, pending: 0 },
      limits: { servers: 10_000, primitives: 10_000, versions: 20, changes_an_hour: 6, server_bytes: 32 * 2 ** 20, bytes: 128 * 2 ** 20 },
    },
    limits: { retention_days: 7, max_size_bytes: 20 * 2 ** 30, min_free_bytes: 2 ** 30 },
  };
}

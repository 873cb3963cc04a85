// Filters, counts and pages over a world, as the API defines them.

const CALL_FILTERS = {
  user: (call) => (call.user ? [call.user, "*"] : [""]), role: (call) => call.roles, client: (call) => [call.client?.name ?? ""], address: (call) => [call.address],
  method: (call) => [call.method], primitive: (call) => [call.primitive?.name ?? ""], outcome: (call) => [call.outcome],
  status: (call) => [String(call.status)], request_id: (call) => [call.request_id],
  attack: (call) => (call.attacks.length ? ["any", ...call.attacks.map((a) => a.type)] : []), control: (call) => call.attacks.map((a) => a.control).filter(Boolean),
  action: (call) => call.attacks.map((a) => a.action),
};
const PART_FILTERS = {
  server: (part) => [part.server], session_id: (part) => [part.session_id], id_source: (part) => [part.id_source], state: (part) => [part.state],
};
const PAGE = 50;
const PAGE_MAX = 500;

export class Problem extends Error {
  constructor(status, title, detail, more = {}) {
    super(detail);
    this.status = status;
    this.body = { type: "about:blank", title, status, detail, ...more };
  }
}

function chosen(filters, query) {
  return Object.entries(filters).map(([name, of]) => [of, query.getAll(name), name]).filter(([, values]) => values.length);
}

const holds = (wanted, item) => wanted.every(([of, values]) => of(item).some((value) => values.includes(value)));

function within(query) {
  const from = query.get("from") ?? "";
  const to = query.get("to") ?? "9";
  for (const [name, value] of [["from", from], ["to", to]]) {
    if (query.has(name) && Number.isNaN(Date.parse(value))) throw new Problem(400, "Bad Request", `${name} is not a time`, { parameter: name });
  }
  return { from, to };
}

export const isError = (call) => ["tool_error", "rpc_error", "http_error", "aborted"].includes(call.outcome);

/** Parts in which the filters hold, each with the calls in which they hold. */
export function* matching(world, query) {
  const { from, to } = within(query);
  const onCalls = chosen(CALL_FILTERS, query);
  const onParts = chosen(PART_FILTERS, query);
  const text = (query.get("q") ?? "").toLowerCase();
  for (const part of world.parts) {
    if (part.last_at < from || part.started_at > to || !holds(onParts, part)) continue;
    const calls = world.calls.get(part.id).filter((call) => call.at >= from && call.at <= to && holds(onCalls, call));
    const hit = !text || calls.some((call) => [call.primitive?.name, call.user].some((t) => t?.toLowerCase().includes(text))) || part.session_id.toLowerCase().includes(text);
    if (hit && calls.length) yield { part, calls };
  }
}

export function page(items, query, usual = PAGE) {
  const limit = query.has("limit") ? Number(query.get("limit")) : usual;
  if (!(limit >= 1 && limit <= PAGE_MAX)) throw new Problem(400, "Bad Request", `limit must be 1 to ${PAGE_MAX}`, { parameter: "limit" });
  const start = query.has("cursor") ? Number(query.get("cursor")) : 0;
  const end = start + limit;
  return { items: items.slice(start, end), next: end < items.length ? String(end) : null };
}

const byLast = (a, b) => (a.last_at < b.last_at ? 1 : a.last_at > b.last_at ? -1 : a.id < b.id ? 1 : -1);

export function sessions(world, query) {
  const found = [...matching(world, query)].map(({ part, calls }) => shown(part, calls.length));
  found.sort(byLast);
  return page(found, query);
}

/** A part as lists show it: the ten most frequent names, and how many there are. */
export function shown({ params, user_agent, ...part }, matched = part.calls) {
  const most = (names) => [...names].sort((a, b) => b.count - a.count).slice(0, 10);
  return { ...part, matched, notifications: 0, methods: most(part.methods), methods_total: part.methods.length, primitives: most(part.primitives), primitives_total: part.primitives.length };
}

export function counts(pairs) {
  const sums = new Map();
  for (const value of pairs) sums.set(value, (sums.get(value) ?? 0) + 1);
  return [...sums].map(([value, count]) => ({ value, count, sessions: 1 })).sort((a, b) => b.count - a.count);
}

export function session(world, id) {
  const part = world.parts.find((p) => p.id === id);
  if (!part) throw new Problem(404, "Not Found", "no such session part");
  const calls = world.calls.get(id);
  const days = world.parts.filter((p) => p.session_id === part.session_id && p.server === part.server).map(({ id: other, day, started_at, last_at, calls: n }) => ({ id: other, day, started_at, last_at, calls: n }));
  const facets = {
    methods: counts(calls.map((c) => c.method)), primitives: counts(calls.filter((c) => c.primitive).map((c) => c.primitive.name)), users: counts(calls.map((c) => c.user).filter(Boolean)),
    roles: counts(calls.flatMap((c) => c.roles)), outcomes: counts(calls.map((c) => c.outcome)), attacks: counts(calls.flatMap((c) => c.attacks.map((a) => a.type))),
  };
  const events = part.id_source === "header" ? [{ at: part.started_at, kind: "stream_opened", count: 0, status: 200, request_id: null }] : [];
  if (part.ended) events.push({ at: part.ended, kind: "deleted", count: 0, status: 200, request_id: null });
  return { ...shown(part), params: part.params, grouped_by: groupedBy(part), user_agent: part.user_agent, facets, days, events, events_total: events.length };
}

function groupedBy(part) {
  if (part.id_source === "configured") return ["param.conversation"];
  if (part.id_source !== "derived") return ["session_id"];
  return [...(part.user ? ["user"] : ["address", "user_agent"]), ...(part.protocol_version >= "2026-07-28" ? ["client"] : [])];
}

export function call(world, id) {
  const found = world.byCall.get(id);
  if (!found) throw new Problem(404, "Not Found", "no such call");
  const calls = world.calls.get(found.session);
  const at = calls.indexOf(found);
  return { ...bare(found), continued_by: calls.filter((one) => one.continues === id).map((one) => one.id), batch: [], previous: calls[at - 1]?.id ?? null, following: calls[at + 1]?.id ?? null };
}

/** Without what only the world knows of its attacks. */
const bare = (call) => ({ ...call, attacks: call.attacks.map(({ of, ...attack }) => attack) });

export function calls(world, query, part) {
  let found;
  if (part) {
    if (!world.calls.has(part)) throw new Problem(404, "Not Found", "no such session part");
    const wanted = chosen(CALL_FILTERS, query);
    const { from, to } = within(query);
    found = world.calls.get(part).filter((one) => one.at >= from && one.at <= to && holds(wanted, one));
  } else {
    found = [...matching(world, query)].flatMap(({ calls }) => calls).sort((a, b) => (a.at < b.at ? 1 : -1));
    const sort = query.get("sort");
    if (sort === "duration") found.sort((a, b) => (b.duration_ms ?? -1) - (a.duration_ms ?? -1));
    if (sort === "bytes") found.sort((a, b) => b.bytes_in + b.bytes_out - a.bytes_in - a.bytes_out);
  }
  const brief = query.get("payloads") === "false";
  return page(found.map((one) => (brief ? { ...bare(one), arguments: null, result: null } : bare(one))), query);
}

/** Distinct values with counts of calls, and the sums of what all filters leave. */
export function facets(world, query) {
  const fields = { ...PART_FILTERS, ...CALL_FILTERS };
  delete fields.request_id;
  const wanted = query.getAll("field");
  const text = (query.get("contains") ?? "").toLowerCase();
  const limit = Number(query.get("limit") ?? 50);
  const left = [...matching(world, query)];
  const all = left.flatMap(({ calls }) => calls);
  const found = Object.entries(fields).filter(([name]) => !wanted.length || wanted.includes(name)).map(([name, of]) => {
    const values = [];
    for (const { part, calls } of left) for (const one of calls) values.push(...of(name in PART_FILTERS ? part : one));
    const most = counts(values.filter((v) => v !== "*" && v !== "any" && v.toLowerCase().includes(text)));
    return [name, { values: most.slice(0, limit), total: most.length }];
  });
  return { calls: all.length, errors: all.filter(isError).length, sessions: left.length, facets: Object.fromEntries(found) };
}

/** Whether the filters on attacks hold on one. */
export function isWanted(query, attack) {
  const fits = (name, value) => !query.has(name) || query.getAll(name).includes(value) || (name === "attack" && query.getAll(name).includes("any"));
  return fits("attack", attack.type) && fits("control", attack.control) && fits("action", attack.action);
}

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];

export function timeline(world, query) {
  const { from, to } = within(query);
  const start = Date.parse(from || world.parts[0]?.started_at);
  const end = query.has("to") ? Date.parse(to) : Date.now();
  const step_seconds = STEPS.find((step) => (end - start) / 1000 / step <= Number(query.get("steps") ?? 120)) ?? 86400;
  const step = step_seconds * 1000;
  const items = [];
  for (let at = Math.floor(start / step) * step; at < end; at += step) items.push({ at: new Date(at).toISOString(), calls: 0, errors: 0, attacks: 0 });
  const origin = Math.floor(start / step) * step;
  for (const { calls } of matching(world, query)) {
    for (const call of calls) {
      const slot = items[Math.floor((Date.parse(call.at) - origin) / step)];
      if (!slot) continue;
      slot.calls++;
      slot.errors += isError(call) ? 1 : 0;
      slot.attacks += call.attacks.filter((one) => isWanted(query, one)).length;
    }
  }
  return { step_s: step_seconds, items };
}

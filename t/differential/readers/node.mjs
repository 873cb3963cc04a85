// As python.py: bodies from standard input, each behind its length in four bytes; a line for each with
// the calls that Node.js servers would execute.
//
//     node.mjs VARIANT ...        (`sdk` with NODE_MODULES, the folder of the TypeScript SDK)
import { createRequire } from 'node:module';
import fs from 'node:fs';

const KEYS = {
  'tools/call': 'name', 'prompts/get': 'name', 'resources/read': 'uri', 'resources/subscribe': 'uri',
  'resources/unsubscribe': 'uri', 'tasks/get': 'taskId', 'tasks/result': 'taskId', 'tasks/cancel': 'taskId',
  'tasks/update': 'taskId',
};

// What a value becomes as the key of a lookup: `["wipe"]` finds `wipe`.
function text(value) {
  if (value === undefined || value === null) return null;
  try { return String(value); } catch { return null; }
}

function names(method, params) {
  if (params === null || typeof params !== 'object') return [null];
  if (Array.isArray(params)) return [method in KEYS ? text(params[0]) : null];
  if (method in KEYS) return [text(params[KEYS[method]])];
  const { ref, notifications } = params;
  if (method === 'completion/complete' && ref) return [text(ref.type === 'ref/resource' ? ref.uri : ref.name)];
  if (method === 'subscriptions/listen' && Array.isArray(notifications?.resourceSubscriptions)) {
    const uris = notifications.resourceSubscriptions;
    return uris.length ? uris.map(text) : [null];
  }
  return [null];
}

function calls(value) {
  if (Array.isArray(value)) return value.flatMap(calls);
  if (value === null || typeof value !== 'object') return [];
  const method = text(value.method);
  return method === null ? [] : names(method, value.params).map((name) => [method, name]);
}

// Merges as careless libraries do: `__proto__` and `constructor.prototype` are gone through.
function merged(value) {
  if (Array.isArray(value)) return value.map(merged);
  if (value === null || typeof value !== 'object') return value;
  const copy = {};
  for (const key of Object.keys(value)) {
    const inner = value[key];
    if (key === 'constructor' && inner?.prototype && typeof inner.prototype === 'object') Object.assign(copy, merged(inner.prototype));
    else copy[key] = merged(inner);
  }
  return copy;
}

const FOLDED = { taskid: 'taskId', resourcesubscriptions: 'resourceSubscriptions' };
function folded(value) {
  if (Array.isArray(value)) return value.map(folded);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => {
    const plain = key.split('\0')[0].trim().toLowerCase().toUpperCase().toLowerCase();
    return [FOLDED[plain] ?? plain, folded(inner)];
  }));
}

const decoded = (body) => new TextDecoder().decode(body);
const within = (value) => (typeof value === 'string' ? JSON.parse(value) : value);

function sdk() {
  const require = createRequire(`${process.env.NODE_MODULES}/`);
  const { JSONRPCMessageSchema } = require('@modelcontextprotocol/sdk/types.js');
  return (body) => {
    const raw = JSON.parse(body.toString('utf8'));
    const messages = Array.isArray(raw) ? raw.map((item) => JSONRPCMessageSchema.parse(item)) : JSONRPCMessageSchema.parse(raw);
    return calls(messages);
  };
}

const VARIANTS = {
  json: (body) => calls(JSON.parse(body.toString('utf8'))),
  fetch: (body) => calls(JSON.parse(decoded(body))),
  latin1: (body) => calls(JSON.parse(body.toString('latin1'))),
  utf16: (body) => calls(JSON.parse(new TextDecoder('utf-16le').decode(body))),
  merged: (body) => calls(merged(JSON.parse(decoded(body)))),
  folded: (body) => calls(folded(JSON.parse(decoded(body)))),
  within: (body) => calls(within(JSON.parse(decoded(body)))),
  lines: (body) => decoded(body).split(/[\n\r\x1e]+/).flatMap((line) => {
    try { return calls(JSON.parse(line)); } catch { return []; }
  }),
};

const digits = (value) => (value === null ? '-' : Buffer.from(value, 'utf8').toString('hex'));
const readers = process.argv.slice(2).map((name) => [name, name === 'sdk' ? sdk() : VARIANTS[name]]);

function line(body) {
  const found = [];
  for (const [variant, read] of readers) {
    try {
      for (const [method, name] of read(body)) found.push(`${variant}:${digits(method)}:${digits(name)}`);
    } catch { /* refused */ }
  }
  return `${found.join(' ')}\n`;
}

let rest = Buffer.alloc(0);
for await (const chunk of process.stdin) {
  rest = rest.length ? Buffer.concat([rest, chunk]) : chunk;
  let at = 0;
  let out = '';
  while (rest.length >= at + 4 && rest.length >= at + 4 + rest.readUInt32BE(at)) {
    const end = at + 4 + rest.readUInt32BE(at);
    out += line(rest.subarray(at + 4, end));
    at = end;
  }
  rest = rest.subarray(at);
  if (out) fs.writeSync(1, out);
}

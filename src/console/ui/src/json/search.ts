// Search in a document: which places match, and which have to be open for them to be seen.

import { Exact } from "../api/client";

export type Path = string;

/** The path of a member: RFC 6901. */
export function below(path: Path, key: string | number): Path {
  return `${path}/${String(key).replace(/~/g, "~0").replace(/\//g, "~1")}`;
}

export function entriesOf(value: unknown): [string | number, unknown][] | null {
  if (Array.isArray(value)) return value.map((item, i) => [i, item]);
  if (value !== null && typeof value === "object" && !(value instanceof Exact)) return Object.entries(value);
  return null;
}

/** A value that holds no others, as text. */
export function plain(value: unknown): string {
  return typeof value === "string" ? value : value instanceof Exact ? value.source : String(value);
}

export interface Found {
  /** Places whose key or value holds the text, in order. */
  matches: Path[];
  /** Places above them. */
  above: Set<Path>;
}

/** One place, and those above it. */
export function placeOf(path: Path): Found {
  const above = new Set<Path>();
  for (let end = path.lastIndexOf("/"); end >= 0; end = path.lastIndexOf("/", end - 1)) {
    above.add(path.slice(0, end));
    if (end === 0) break;
  }
  return { matches: [path], above };
}

const MATCHES_MAX = 1000;

interface Place {
  value: unknown;
  key: string | number | null;
  path: Path;
  above: Place | null;
}

export function search(root: unknown, text: string): Found {
  const found: Found = { matches: [], above: new Set() };
  const wanted = text.toLowerCase();
  if (!wanted) return found;
  // A stack of its own: documents may be deeper than the browser's.
  const stack: Place[] = [{ value: root, key: null, path: "", above: null }];
  for (let place = stack.pop(); place && found.matches.length < MATCHES_MAX; place = stack.pop()) {
    const { value, key, path } = place;
    const entries = entriesOf(value);
    const hit = (typeof key === "string" && key.toLowerCase().includes(wanted)) || (!entries && plain(value).toLowerCase().includes(wanted));
    if (hit) {
      found.matches.push(path);
      for (let above = place.above; above && !found.above.has(above.path); above = above.above) found.above.add(above.path);
    }
    for (const [name, item] of [...(entries ?? [])].reverse()) stack.push({ value: item, key: name, path: below(path, name), above: place });
  }
  return found;
}

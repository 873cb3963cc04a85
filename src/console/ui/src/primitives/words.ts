// What statuses and annotations of primitives are called.

import type { ServerPrimitive } from "../api/shapes";
import { wholeWeek } from "../range";

/** Its calls of seven days, those without any as well. */
export const weekOf = (primitive: ServerPrimitive) => wholeWeek(primitive.days ?? [], (day) => ({ day, calls: 0, errors: 0 }));

export const STATUSES: Record<string, [string, string]> = {
  new: ["New", "First listed within the last seven days"],
  changed: ["Changed", "Its description or schema changed within the last seven days"],
  unused: ["Unused", "Listed, and no call of it went well for seven days"],
  unlisted: ["Not listed", "Called, but in no list that the MCP server gave"],
  active: ["Active", "Listed, and in use"],
};

export interface Badge {
  text: string;
  tone: "good" | "bad" | "";
  title: string;
}

const HINTS: Record<string, [Badge["tone"], string, Badge["tone"], string]> = {
  readOnlyHint: ["good", "read-only", "", "writes"],
  destructiveHint: ["bad", "destructive", "", "not destructive"],
  idempotentHint: ["", "idempotent", "", "not idempotent"],
  openWorldHint: ["", "open world", "", "closed world"],
};

const OTHERS_MAX = 6;

/** What the MCP server says of a primitive, as badges: hints by their names, all else as it stands there. */
export function badgesOf(annotations: unknown): Badge[] {
  if (typeof annotations !== "object" || annotations === null || Array.isArray(annotations)) return [];
  const found: Badge[] = [];
  let others = 0;
  for (const [name, value] of Object.entries(annotations)) {
    const hint = Object.hasOwn(HINTS, name) && typeof value === "boolean" ? HINTS[name] : undefined;
    const title = "The MCP server says so of itself; nobody checked it";
    if (hint) found.push(value ? { text: hint[1], tone: hint[0], title } : { text: hint[3], tone: hint[2], title });
    else if (name !== "title" && others++ < OTHERS_MAX) found.push({ text: `${name}: ${typeof value === "string" ? value : (JSON.stringify(value) ?? "")}`.slice(0, 200), tone: "", title });
  }
  // What warns comes first, and hints before what only they know.
  return found.sort((a, b) => Number(b.tone === "bad") - Number(a.tone === "bad"));
}

// Addresses of the page turned into questions to the API.

import type { Span } from "../range";
import { filtersOf, FIELDS, OTHERS } from "./fields";

/** Filters and time as the API takes them. */
export function questionOf(params: URLSearchParams, span: Span, more: Record<string, string> = {}, without?: string, fields = FIELDS): string {
  const question = filtersOf(params, without, fields);
  question.set("from", span.from.toISOString());
  if (span.to) question.set("to", span.to.toISOString());
  for (const [name, value] of Object.entries(more)) question.set(name, value);
  return question.toString();
}

/** Prefix of the parameters that filter within the open session. */
export const INSIDE = "in.";

/** Which calls of the open session are asked for: its own filters, and the list's unless `all` is set. */
export function insideQuestion(params: URLSearchParams): URLSearchParams {
  const question = new URLSearchParams();
  const names = [...FIELDS.filter((field) => field.ofCalls).map((field) => field.name), ...OTHERS, ...[...params.keys()].filter((name) => name.startsWith("param."))];
  for (const name of new Set(names)) {
    const own = params.getAll(INSIDE + name);
    const values = own.length ? own : params.has("all") ? [] : params.getAll(name);
    for (const value of values) question.append(name, value);
  }
  return question;
}

/** Parameters that say what is open, to be dropped when something else is opened. */
export function closed(params: URLSearchParams): Record<string, null> {
  const changes: Record<string, null> = { session: null, call: null, all: null };
  for (const name of params.keys()) if (name.startsWith(INSIDE)) changes[name] = null;
  return changes;
}

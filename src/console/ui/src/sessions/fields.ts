// What sessions and calls can be filtered by.

export interface Field {
  /** The API's parameter. */
  name: string;
  title: string;
  /** Whether it holds on calls (rather than on the session). */
  ofCalls: boolean;
  /** What is typed may be a value of its own. */
  typed?: boolean;
  /** Its values are few, and may be called otherwise than the API does: found here, not asked for. */
  few?: boolean;
}

export const FIELDS: Field[] = [
  { name: "server", title: "MCP server", ofCalls: false },
  { name: "user", title: "User", ofCalls: true },
  { name: "role", title: "Role", ofCalls: true },
  { name: "client", title: "Client", ofCalls: true },
  { name: "method", title: "Method", ofCalls: true },
  { name: "primitive", title: "Primitive", ofCalls: true },
  { name: "outcome", title: "Outcome", ofCalls: true, few: true },
  { name: "status", title: "HTTP status", ofCalls: true, few: true },
  { name: "attack", title: "Attack", ofCalls: true, few: true },
  { name: "control", title: "Control", ofCalls: true },
  { name: "state", title: "Session status", ofCalls: false, few: true },
  { name: "address", title: "Address", ofCalls: true },
  { name: "session_id", title: "Session id", ofCalls: false, typed: true },
  { name: "id_source", title: "Id found in", ofCalls: false, few: true },
];

/** What attacks can be filtered by. */
export const ATTACK_FIELDS: Field[] = [
  { name: "attack", title: "Type", ofCalls: true, few: true },
  { name: "control", title: "Control", ofCalls: true },
  { name: "action", title: "Action", ofCalls: true, few: true },
  ...["server", "user", "role", "client", "method", "primitive", "address", "session_id"].flatMap((name) => FIELDS.filter((field) => field.name === name)),
];

/** Parameters without a pill of their own. */
export const OTHERS = ["request_id"];

export const fieldOf = (name: string): Field | undefined => FIELDS.find((field) => field.name === name);

/** Every parameter of the address that filters. */
export function isFilter(name: string, fields = FIELDS): boolean {
  return fields.some((field) => field.name === name) || OTHERS.includes(name) || name.startsWith("param.") || name === "q";
}

/** The filters of an address as the API takes them. */
export function filtersOf(params: URLSearchParams, without?: string, fields = FIELDS): URLSearchParams {
  const filters = new URLSearchParams();
  for (const [name, value] of params) {
    if (!isFilter(name, fields) || name === without || (value === "" && name !== "user")) continue;
    filters.append(name, value);
  }
  return filters;
}

/** What a value of a field is called on the screen. */
export function wordOf(field: string, value: string): string {
  if (field === "user" && value === "*") return "only with a user";
  if (field === "user" && value === "") return "only without a user";
  if (field === "outcome" || field === "state" || field === "id_source") return OUTCOMES[value] ?? value;
  if (field === "attack" && value === "any") return "any attack";
  return value;
}

const OUTCOMES: Record<string, string> = {
  ok: "ok",
  tool_error: "tool error",
  rpc_error: "JSON-RPC error",
  http_error: "HTTP error",
  input_required: "input required",
  accepted: "accepted",
  blocked: "blocked",
  cancelled: "cancelled",
  aborted: "aborted",
  pending: "pending",
  unobserved: "unobserved",
};

export const outcomeWord = (outcome: string): string => OUTCOMES[outcome] ?? outcome;

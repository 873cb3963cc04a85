// A JSON Schema as rows of a table. Schemas come from MCP servers: whatever stands in them, the rows
// are few, nothing is fetched, and nothing is followed twice.

export interface SchemaRow {
  /** How deep it stands, from 0. */
  depth: number;
  name: string;
  /** What the name is: an argument, or a word of the schema (`each item`, `option 2`). */
  isWord: boolean;
  required: boolean;
  type: string;
  description: string;
  /** Further rules: what they are called, and their value. */
  rules: [string, string][];
}

export interface SchemaRows {
  rows: SchemaRow[];
  /** There would have been more. */
  isCut: boolean;
  /** What holds for the whole. */
  rules: [string, string][];
}

const ROWS_MAX = 400;
const DEPTH_MAX = 8;
const ENTRIES_MAX = 500;
const RULE_CHARACTERS_MAX = 400;
const REFERENCES_MAX = 40;

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value);

/** Rules that have a value worth reading, and what they are called. */
const RULES: [string, string][] = [
  ["const", "is"], ["enum", "one of"], ["default", "default"], ["format", "format"], ["pattern", "pattern"], ["minimum", "≥"], ["exclusiveMinimum", ">"], ["maximum", "≤"], ["exclusiveMaximum", "<"],
  ["multipleOf", "multiple of"], ["minLength", "length ≥"], ["maxLength", "length ≤"], ["minItems", "items ≥"], ["maxItems", "items ≤"], ["minProperties", "members ≥"], ["maxProperties", "members ≤"],
  ["contentMediaType", "content"], ["contentEncoding", "encoding"],
];
/** Rules that are worth saying where they hold. */
const FLAGS: [string, string][] = [["uniqueItems", "all different"], ["readOnly", "read-only"], ["writeOnly", "write-only"], ["deprecated", "deprecated"]];

/** Rows of a schema, or of a prompt's arguments. */
export function rowsOf(schema: unknown): SchemaRows {
  if (Array.isArray(schema)) return argumentRows(schema);
  const reader = new Reader(schema);
  const root = reader.resolved(schema, new Set());
  if (!isObject(root.schema)) return { rows: [], isCut: false, rules: root.schema === true ? [["anything", ""]] : root.schema === false ? [["nothing is allowed", ""]] : [] };
  reader.members(root.schema, 0, root.seen);
  return { rows: reader.rows, isCut: reader.isCut, rules: [...(isObject(root.schema) && root.schema.type !== "object" && typeOf(root.schema) !== "object" ? [["type", typeOf(root.schema)] as [string, string]] : []), ...rulesOf(root.schema), ...root.rules] };
}

function argumentRows(list: unknown[]): SchemaRows {
  const rows = list.slice(0, ROWS_MAX).map((one): SchemaRow => {
    const of = isObject(one) ? one : {};
    return { depth: 0, name: textOf(of.name), isWord: false, required: of.required === true, type: "string", description: textOf(of.description), rules: [] };
  });
  return { rows, isCut: list.length > ROWS_MAX, rules: [] };
}

class Reader {
  rows: SchemaRow[] = [];
  isCut = false;
  constructor(private readonly root: unknown) {}

  /** What a schema refers to, together with what stands beside the reference. */
  resolved(schema: unknown, seen: Set<string>): { schema: unknown; seen: Set<string>; rules: [string, string][] } {
    let current = schema;
    let path = seen;
    while (isObject(current) && typeof current.$ref === "string") {
      const { $ref: reference, ...beside } = current as Json & { $ref: string };
      if (!reference.startsWith("#")) return { schema: beside, seen: path, rules: [["refers to", `${cut(reference)} (not fetched)`]] };
      if (path.has(reference) || path.size >= REFERENCES_MAX) return { schema: beside, seen: path, rules: [["as above", cut(reference)]] };
      path = new Set(path).add(reference);
      const target = this.at(reference);
      if (target === undefined) return { schema: beside, seen: path, rules: [["refers to", `${cut(reference)} (not there)`]] };
      if (!isObject(target)) return { schema: target, seen: path, rules: [] };
      current = { ...target, ...beside };
    }
    return { schema: current, seen: path, rules: [] };
  }

  private at(reference: string): unknown {
    let place: unknown = this.root;
    for (const part of reference.slice(1).split("/").slice(1, 60)) {
      let key = part;
      try {
        key = decodeURIComponent(part);
      } catch {
        // Taken as it is.
      }
      key = key.replace(/~1/g, "/").replace(/~0/g, "~");
      if (typeof place !== "object" || place === null || !Object.hasOwn(place, key)) return undefined;
      place = (place as Json)[key];
    }
    return place;
  }

  row(schema: unknown, name: string, depth: number, seen: Set<string>, { required = false, isWord = false } = {}): void {
    if (this.rows.length >= ROWS_MAX || depth > DEPTH_MAX) {
      this.isCut = true;
      return;
    }
    const { schema: of, seen: path, rules } = this.resolved(schema, seen);
    const known = isObject(of) ? of : {};
    const title = textOf(known.title);
    const description = textOf(known.description);
    this.rows.push({
      depth, name, isWord, required, type: of === true ? "anything" : of === false ? "not allowed" : isObject(of) ? typeOf(of) : "not a schema",
      description: title && title !== name ? (description ? `${title}: ${description}` : title) : description, rules: [...rulesOf(known), ...rules],
    });
    if (isObject(of)) this.members(of, depth + 1, path);
  }

  members(schema: Json, depth: number, seen: Set<string>): void {
    const required = new Set(Array.isArray(schema.required) ? schema.required.slice(0, ENTRIES_MAX) : []);
    for (const [name, one] of this.entries(schema.properties)) this.row(one, name, depth, seen, { required: required.has(name) });
    for (const [name, one] of this.entries(schema.patternProperties)) this.row(one, `like ${name}`, depth, seen, { isWord: true });
    if (isObject(schema.additionalProperties)) this.row(schema.additionalProperties, "any other", depth, seen, { isWord: true });
    if (isObject(schema.items) && saysMore(schema.items)) this.row(schema.items, "each item", depth, seen, { isWord: true });
    const listed = Array.isArray(schema.prefixItems) ? schema.prefixItems : Array.isArray(schema.items) ? schema.items : [];
    listed.slice(0, ENTRIES_MAX).forEach((one, i) => this.row(one, `item ${i + 1}`, depth, seen, { isWord: true }));
    for (const [word, title] of [["oneOf", "either"], ["anyOf", "any"], ["allOf", "also"]] as const) {
      const list = schema[word];
      if (Array.isArray(list)) list.slice(0, ENTRIES_MAX).forEach((one, i) => this.row(one, `${title} ${i + 1}`, depth, seen, { isWord: true }));
    }
    for (const [word, title] of [["not", "not"], ["if", "if"], ["then", "then"], ["else", "else"], ["contains", "contains"], ["propertyNames", "names"]] as const) {
      if (isObject(schema[word])) this.row(schema[word], title, depth, seen, { isWord: true });
    }
  }

  private entries(value: unknown): [string, unknown][] {
    if (!isObject(value)) return [];
    const all = Object.entries(value);
    if (all.length > ENTRIES_MAX) this.isCut = true;
    return all.slice(0, ENTRIES_MAX);
  }
}

/** Whether a schema says more than its type. */
const saysMore = (schema: Json): boolean => Object.keys(schema).some((key) => key !== "type");

function typeOf(schema: Json): string {
  const type = schema.type;
  const named = typeof type === "string" ? cut(type, 60) : Array.isArray(type) ? type.slice(0, 8).map((one) => cut(textOf(one), 60)).join(" or ") : "";
  if (named === "array" && isObject(schema.items) && typeof schema.items.type === "string") return `array of ${cut(schema.items.type, 60)}`;
  if (named) return named;
  if (isObject(schema.properties)) return "object";
  if (schema.items !== undefined) return "array";
  const kinds: [string, string][] = [["oneOf", "either of"], ["anyOf", "any of"], ["allOf", "all of"]];
  for (const [word, title] of kinds) if (Array.isArray(schema[word])) return `${title} ${(schema[word] as unknown[]).length}`;
  const sample = "const" in schema ? schema.const : Array.isArray(schema.enum) ? schema.enum[0] : undefined;
  return sample === undefined ? "any" : sample === null ? "null" : Array.isArray(sample) ? "array" : typeof sample;
}

function rulesOf(schema: Json): [string, string][] {
  const found: [string, string][] = [];
  for (const [key, title] of RULES) {
    if (!Object.hasOwn(schema, key)) continue;
    const value = schema[key];
    found.push([title, key === "enum" && Array.isArray(value) ? listOf(value) : valueOf(value)]);
  }
  for (const [key, title] of FLAGS) if (schema[key] === true) found.push([title, ""]);
  if (schema.additionalProperties === false || schema.unevaluatedProperties === false) found.push(["no others", ""]);
  return found;
}

const listOf = (values: unknown[]): string => cut(values.slice(0, 30).map(valueOf).join(", ")) + (values.length > 30 ? `, … ${values.length - 30} more` : "");

function valueOf(value: unknown): string {
  if (typeof value === "string") return cut(value);
  try {
    return cut(JSON.stringify(value) ?? "");
  } catch {
    return "…";
  }
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

function cut(text: string, characters_max = RULE_CHARACTERS_MAX): string {
  return text.length > characters_max ? `${text.slice(0, characters_max)}…` : text;
}

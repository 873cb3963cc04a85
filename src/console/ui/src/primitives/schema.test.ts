import { describe, expect, it } from "vitest";
import { rowsOf } from "./schema";

const shown = (schema: unknown) => rowsOf(schema).rows.map((row) => `${"  ".repeat(row.depth)}${row.name}${row.required ? "*" : ""}: ${row.type}${row.rules.length ? ` (${row.rules.map((rule) => rule.filter(Boolean).join(" ")).join("; ")})` : ""}`);

describe("a schema's table", () => {
  it("has a row for each argument, nested ones under theirs", () => {
    const schema = {
      type: "object", required: ["id", "set"], additionalProperties: false,
      properties: {
        id: { type: "integer", minimum: 1 }, tags: { type: "array", items: { type: "string" }, uniqueItems: true },
        set: { type: "object", properties: { stage: { enum: ["lead", "trial"], default: "lead" }, zip: { type: ["string", "null"], pattern: "^[0-9]{5}$" } }, required: ["zip"] },
        lines: { type: "array", items: { type: "object", properties: { sku: { type: "string" } } } },
      },
    };
    expect(shown(schema)).toEqual([
      "id*: integer (≥ 1)", "tags: array of string (all different)", "set*: object", "  stage: string (one of lead, trial; default lead)", "  zip*: string or null (pattern ^[0-9]{5}$)",
      "lines: array of object", "  each item: object", "    sku: string",
    ]);
    expect(rowsOf(schema).rules).toEqual([["no others", ""]]);
  });
  it("follows references within the schema, and says where one leads back to itself", () => {
    const schema = { properties: { head: { $ref: "#/$defs/node", description: "The first" } }, $defs: { node: { type: "object", properties: { next: { $ref: "#/$defs/node" }, value: { $ref: "#/$defs/a~1b%25" } } }, "a/b%": { type: "number" } } };
    expect(shown(schema)).toEqual(["head: object", "  next: any (as above #/$defs/node)", "  value: number"]);
    expect(rowsOf(schema).rows[0]?.description).toBe("The first");
  });
  it("fetches nothing, and says so", () => {
    expect(shown({ properties: { far: { $ref: "https://example.com/x.json" }, gone: { $ref: "#/nowhere" } } })).toEqual(["far: any (refers to https://example.com/x.json (not fetched))", "gone: any (refers to #/nowhere (not there))"]);
  });
  it("lists alternatives", () => {
    expect(shown({ properties: { to: { oneOf: [{ properties: { card: {} } }, { type: "null" }] } } })).toEqual(["to: either of 2", "  either 1: object", "    card: any", "  either 2: null"]);
  });
  it("reads a prompt's arguments", () => {
    expect(shown([{ name: "owner", required: true, description: "Whose week" }, 5])).toEqual(["owner*: string", ": string"]);
  });
  it("says what is no schema, and what allows everything or nothing", () => {
    expect(shown({ properties: { a: 5, b: true, c: false, d: null } })).toEqual(["a: not a schema", "b: anything", "c: not allowed", "d: not a schema"]);
    for (const odd of [null, undefined, 7, "text", true, { properties: [1], required: "all", items: "x", anyOf: 5, enum: {}, $ref: 17, type: {} }]) expect(rowsOf(odd).rows).toEqual([]);
  });
  it("takes a member named __proto__ for what it is", () => {
    expect(shown(JSON.parse('{"properties":{"__proto__":{"type":"string"},"x":{"$ref":"#/__proto__/y"}}}'))).toEqual(["__proto__: string", "x: any (refers to #/__proto__/y (not there))"]);
  });
  it("is bounded: members, depth, references that double at every level", () => {
    const many = rowsOf({ properties: Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`p${i}`, {}])) });
    expect([many.rows.length, many.isCut]).toEqual([400, true]);
    let deep: unknown = {};
    for (let i = 0; i < 3000; i++) deep = { properties: { d: deep } };
    expect([rowsOf(deep).rows.length, rowsOf(deep).isCut]).toEqual([9, true]);
    const doubling = { $ref: "#/$defs/0", $defs: Object.fromEntries(Array.from({ length: 60 }, (_, i) => [i, { allOf: [{ $ref: `#/$defs/${i + 1}` }, { $ref: `#/$defs/${i + 1}` }] }])) };
    const begin = performance.now();
    expect([rowsOf(doubling).rows.length, rowsOf(doubling).isCut]).toEqual([400, true]);
    const chain = { $ref: "#/$defs/0", $defs: Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [i, { $ref: `#/$defs/${i + 1}` }])) };
    expect(rowsOf(chain).rows).toEqual([]);
    expect(performance.now() - begin).toBeLessThan(2_000);
  });
});

import { describe, expect, it } from "vitest";
import { Exact, parseExactly } from "../api/client";
import { isShape, jsonInside, leftOut, marked } from "./marks";
import { below, search } from "./search";

describe("marks of the recorder", () => {
  it("are found in texts", () => {
    expect(marked("Bearer ••••, ok … 12 bytes more")).toEqual([
      { kind: "text", text: "Bearer " },
      { kind: "mask", text: "••••" },
      { kind: "text", text: ", ok " },
      { kind: "cut", text: "… 12 bytes more" },
    ]);
    expect(marked("plain")).toEqual([{ kind: "text", text: "plain" }]);
  });
  it("say how much was left out of lists and objects", () => {
    expect([leftOut(null, "… 12 more"), leftOut("…", "3 more"), leftOut("a", "3 more"), leftOut(null, "12 more")]).toEqual([12, 3, null, null]);
  });
  it("tell shapes from values", () => {
    expect(isShape({ a: "string(3)", b: ["number", "… 2 more"], c: null, "…": "1 more" })).toBe(true);
    expect([isShape({ a: "string(3)", b: 1 }), isShape({ a: "text" }), isShape({}), isShape(null)]).toEqual([false, false, false, false]);
  });
  it("find documents inside texts", () => {
    expect(jsonInside(' {"a": 1}')).toEqual({ a: 1 });
    expect([jsonInside("{a"), jsonInside("1"), jsonInside("")]).toEqual([undefined, undefined, undefined]);
  });
});

describe("search", () => {
  it("finds keys and values and what is above them", () => {
    const found = search({ a: { "b/c": ["Needle"] }, needle: 1, n: null }, "needle");
    expect(found.matches).toEqual(["/a/b~1c/0", "/needle"]);
    expect([...found.above].sort()).toEqual(["", "/a", "/a/b~1c"]);
    expect(below("", "~")).toBe("/~0");
  });
  it("does not mind the depth", () => {
    let deep: unknown = "needle";
    for (let i = 0; i < 4000; i++) deep = [deep];
    expect(search(deep, "needle").matches.length).toBe(1);
  });
});

describe("numbers of a document", () => {
  it("keep their digits", () => {
    const value = parseExactly('{"id": 12345678901234567890, "n": 1.5, "s": "12345678901234567890"}') as Record<string, unknown>;
    // Node.js 18 and 20 do not tell how a number was written; browsers do.
    if (value.id instanceof Exact) expect(value.id.source).toBe("12345678901234567890");
    expect(value.n).toBe(1.5);
    expect(value.s).toBe("12345678901234567890");
  });
});

import { describe, expect, it } from "vitest";
import { changed, format, link, parse } from "./address";
import { isOpen, rangeOf, setRange, spanOf, widerThan } from "./range";
import { filtersOf } from "./sessions/fields";
import { closed, insideQuestion, questionOf } from "./sessions/query";

describe("an address", () => {
  it("comes back as it was written", () => {
    const address = { view: "session", id: "2026-11-22.184/#?&x", params: new URLSearchParams([["user", "a&b=ü"], ["user", ""], ["q", "#"]]) };
    const again = parse(format(address));
    expect(again.view).toBe("session");
    expect(again.id).toBe(address.id);
    expect([...again.params]).toEqual([...address.params]);
  });
  it("is the start where there is none, and harmless where it is broken", () => {
    expect(parse("").view).toBe("sessions");
    expect(parse("#/servers/%E0%A4%A").id).toBe("%E0%A4%A");
  });
  it("changes only what is named", () => {
    const address = parse("#/sessions?user=a&user=b&q=x&session=s&call=c&in.method=m");
    expect(changed(address, { user: ["c"], q: null })).toBe("#/sessions?session=s&call=c&in.method=m&user=c");
    expect(changed(address, closed(address.params))).toBe("#/sessions?user=a&user=b&q=x");
    expect(link("sessions", null, { user: "a b", q: undefined })).toBe("#/sessions?user=a+b");
  });
});

describe("a question", () => {
  const span = { from: new Date("2026-11-25T00:00:00Z"), to: null };
  it("takes filters and nothing else of the address", () => {
    const params = new URLSearchParams("user=&user=a&param.tenant=x&session=s&range=1h&q=&evil=1&status=200");
    expect(filtersOf(params).toString()).toBe("user=&user=a&param.tenant=x&status=200");
    expect(questionOf(params, span, { limit: "1" }, "user")).toBe("param.tenant=x&status=200&from=2026-11-25T00%3A00%3A00.000Z&limit=1");
  });
  it("inside a session keeps the list's filters on calls until all are wanted", () => {
    const params = new URLSearchParams("server=s&state=open&user=a&method=m");
    expect(insideQuestion(params).toString()).toBe("user=a&method=m");
    params.append("in.method", "n");
    expect(insideQuestion(params).toString()).toBe("user=a&method=n");
    params.append("all", "1");
    expect(insideQuestion(params).toString()).toBe("method=n");
  });
});

describe("a range", () => {
  const now = new Date(2026, 10, 25, 12, 0, 0);
  it("is read from the address, today where that says nothing sensible", () => {
    expect(rangeOf(new URLSearchParams("range=1h"))).toEqual({ name: "1h" });
    expect(rangeOf(new URLSearchParams("range=7y"))).toEqual({ name: "today" });
    expect(rangeOf(new URLSearchParams("from=2026-11-25T01:00:00Z&to=2026-11-25T00:00:00Z"))).toEqual({ name: "today" });
  });
  it("begins at midnight of the browser's zone", () => {
    expect(spanOf({ name: "today" }, now)).toEqual({ from: new Date(2026, 10, 25), to: null });
    expect(spanOf({ name: "yesterday" }, now)).toEqual({ from: new Date(2026, 10, 24), to: new Date(2026, 10, 25) });
    expect(spanOf({ name: "1h" }, now)).toEqual({ from: new Date(2026, 10, 25, 11), to: null });
  });
  it("goes on with the clock only where it has no end", () => {
    expect([isOpen({ name: "1h" }), isOpen({ name: "yesterday" }), isOpen({ from: "a", to: "b" })]).toEqual([true, false, false]);
  });
  it("comes back from an address", () => {
    const params = new URLSearchParams("range=1h&user=a");
    setRange(params, { from: "2026-11-25T00:00:00.000Z", to: "2026-11-25T01:00:00.000Z" });
    expect(rangeOf(params)).toEqual({ from: "2026-11-25T00:00:00.000Z", to: "2026-11-25T01:00:00.000Z" });
    setRange(params, { name: "today" });
    expect(params.toString()).toBe("user=a");
  });
  it("has a wider one until the widest", () => {
    expect([widerThan({ name: "15m" })?.name, widerThan({ name: "today" })?.name, widerThan({ name: "7d" })]).toEqual(["30m", "7d", null]);
  });
});

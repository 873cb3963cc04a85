import { describe, expect, it } from "vitest";
import { bytes, count, counted, duration, percent, shortCount } from "./numbers";
import { ago, moment } from "./times";
import { pieces, visible, visibleJson } from "./visible";

describe("text from traffic", () => {
  it("keeps what can be seen", () => {
    expect(pieces("café 日本語 😀 <b>")).toEqual([{ text: "café 日本語 😀 <b>", escaped: false }]);
  });
  it("shows controls, bidirectional and invisible characters as escapes", () => {
    for (const [text, shown] of [
      ["a\u202Eb", "a\\u202eb"],
      ["\u2066x\u2069", "\\u2066x\\u2069"],
      ["\u0000\u001b[31m", "\\0\\u001b[31m"],
      ["a\u200Bb\uFEFF", "a\\u200bb\\ufeff"],
      ["\u{E0041}", "\\u{e0041}"],
      ["\u2028", "\\u2028"],
      ["\uD800x", "\\ud800x"],
      ["a\r\nb\t", "a\\r\\nb\\t"],
    ] as const) {
      expect(visible(text), JSON.stringify(text)).toBe(shown);
    }
  });
  it("keeps line breaks where lines are wanted, and nothing else", () => {
    expect(pieces("a\nb\rc", true).map((piece) => piece.text)).toEqual(["a\nb", "\\r", "c"]);
  });
  it("cuts piles of combining marks", () => {
    expect(visible(`Z${"\u0301".repeat(40)}x`)).toBe(`Z${"\u0301".repeat(4)}…x`);
  });
  it("leaves no hidden character, whatever it is given", () => {
    const hidden = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/;
    for (let code = 0; code < 0x3100; code++) expect(hidden.test(visible(String.fromCharCode(code)))).toBe(false);
  });
  it("copies JSON that means the same and hides nothing", () => {
    const value = { a: "x\u202Ey\u{E0041}", "\u200B": [1] };
    const text = visibleJson(JSON.stringify(value, null, 2));
    expect(JSON.parse(text)).toEqual(value);
    expect(text).toContain("\\u202e");
    expect(/[^\x20-\x7e\n]/.test(text)).toBe(false);
  });
});

describe("numbers", () => {
  it("are grouped, or short", () => {
    expect([count(1234567), shortCount(999), shortCount(9999), shortCount(12345), shortCount(999_999), shortCount(41e6)]).toEqual(["1,234,567", "999", "9,999", "12.3k", "1M", "41M"]);
  });
  it("have units", () => {
    expect([bytes(310), bytes(18230), bytes(1.5e6), bytes(null), bytes(999_999)]).toEqual(["310 B", "18 kB", "1.5 MB", "–", "1.0 MB"]);
    expect([duration(0.4), duration(820), duration(1240), duration(59_960), duration(1_057_000), duration(7_500_000), duration(273_600_000), duration(null)]).toEqual(["0.4 ms", "820 ms", "1.24 s", "1m 00s", "17m 37s", "2h 05m", "3d 4h", "–"]);
  });
  it("never say nothing for something, nor all for not all", () => {
    expect([percent(0), percent(0.00001), percent(0.003), percent(0.5), percent(0.9999), percent(1), percent(null)]).toEqual(["0 %", "<0.1 %", "0.3 %", "50 %", ">99 %", "100 %", "–"]);
  });
  it("agree with their noun", () => {
    expect([counted(1, "call"), counted(0, "call"), counted(2, "reply", "replies")]).toEqual(["1 call", "0 calls", "2 replies"]);
  });
});

describe("times", () => {
  const now = new Date(2026, 10, 25, 12, 0, 0);
  it("name the day where it is another", () => {
    expect(moment(new Date(2026, 10, 25, 9, 4, 3), now)).toBe("09:04:03");
    expect(moment(new Date(2026, 10, 24, 9, 4, 3), now)).toBe("24 Nov 09:04:03");
  });
  it("say how long ago", () => {
    expect([0, 5, 70, 7300, 200_000].map((s) => ago(new Date(now.getTime() - s * 1000), now))).toEqual(["now", "5 s ago", "1 min ago", "2 h ago", "2 d ago"]);
  });
});

import { describe, expect, it } from "vitest";
import { diff, steps } from "./diff";

const shown = (before: string, after: string) =>
  diff(before, after).lines.map(({ kind, words, skipped }) => (skipped ? `@${skipped}` : `${{ same: " ", old: "-", new: "+" }[kind]}${words.map(({ text, differs }) => (differs ? `[${text}]` : text)).join("")}`));

/** The length of the shortest way, by the plain table. */
function shortest(a: string[], b: string[]): number {
  const row = b.map((_, j) => j + 1);
  for (let i = 0; i < a.length; i++) {
    let [corner, left] = [i, i + 1];
    for (let j = 0; j < b.length; j++) {
      const above = row[j] ?? 0;
      const here = a[i] === b[j] ? corner : 1 + Math.min(above, left);
      [corner, left, row[j]] = [above, here, here];
    }
  }
  return row[b.length - 1] ?? a.length;
}

describe("a diff", () => {
  it("marks the words that changed in a line", () => {
    expect(shown("Gives money back.", "Gives all money back.")).toEqual(["-Gives money back.", "+Gives [all ]money back."]);
  });
  it("shows lines that came and went, and leaves out what is far from them", () => {
    const lines = Array.from({ length: 12 }, (_, i) => `line ${i}`);
    expect(shown(lines.join("\n"), [...lines.slice(0, 9), "other", ...lines.slice(9)].join("\n"))).toEqual(["@7", " line 7", " line 8", "+other", " line 9", " line 10", "@1"]);
  });
  it("says nothing of equal texts", () => {
    expect(shown("a\nb", "a\nb")).toEqual(["@2"]);
    expect(shown("", "")).toEqual([]);
  });
  it("begins and ends with nothing", () => {
    expect(shown("", "a\nb")).toEqual(["+a", "+b"]);
    expect(shown("a", "")).toEqual(["-a"]);
  });
  it("does not compare words of lines that have little in common", () => {
    expect(shown("completely other", "nothing of that here at all")).toEqual(["-completely other", "+nothing of that here at all"]);
  });
  it("leads from the one to the other by the shortest way, whatever they are", () => {
    let state = 17;
    const below = (n: number) => (state = (state * 48_271) % 2_147_483_647) % n;
    for (let round = 0; round < 600; round++) {
      const list = () => Array.from({ length: below(14) }, () => "abcd"[below(2 + below(3))] ?? "a");
      const [a, b] = [list(), list()];
      const found = steps(a, b);
      expect(found?.filter(({ kind }) => kind !== "new").map(({ text }) => text)).toEqual(a);
      expect(found?.filter(({ kind }) => kind !== "old").map(({ text }) => text)).toEqual(b);
      expect(found?.filter(({ kind }) => kind !== "same").length).toBe(a.length && b.length ? shortest(a, b) : a.length + b.length);
    }
  });
  it("is bounded where texts are long and have nothing in common", () => {
    const many = (word: string) => Array.from({ length: 50_000 }, (_, i) => `${word}${i}`).join("\n");
    const begin = performance.now();
    const found = diff(many("a"), many("b"));
    expect(found.isRough).toBe(true);
    expect(found.left_out).toBe(94_000);
    expect(found.lines.length).toBe(6_000);
    const one = diff("x ".repeat(200_000), "y ".repeat(200_000));
    expect(one.lines.map(({ kind }) => kind)).toEqual(["old", "new"]);
    expect(one.lines[0]?.words[0]?.text.length).toBe(20_001);
    // Generous: it takes some 30 ms.
    expect(performance.now() - begin).toBeLessThan(5_000);
  });
});

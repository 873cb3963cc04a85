import { describe, expect, it } from "vitest";
import { pauses, waterfall } from "./waterfall";

const call = (at_ms: number, duration_ms: number | null, first_event_ms: number | null = null) => ({ at: new Date(1e12 + at_ms).toISOString(), duration_ms, first_event_ms });

describe("a waterfall", () => {
  it("is true to scale while work goes on", () => {
    const bars = waterfall([call(0, 500), call(500, 500, 250)]);
    expect(bars[0]?.left).toBeCloseTo(0);
    expect(bars[0]?.width).toBeCloseTo(50);
    expect(bars[1]?.left).toBeCloseTo(50);
    expect(bars[1]?.first_event).toBeCloseTo(25);
  });
  it("shortens pauses", () => {
    const bars = waterfall([call(0, 1000), call(3_600_000, 1000)]);
    expect(bars[0]?.width).toBeGreaterThan(40);
    expect(bars[1]?.left).toBeGreaterThan(bars[0]!.left + bars[0]!.width);
    expect(bars[1]!.left + bars[1]!.width).toBeLessThanOrEqual(100.001);
  });
  it("stays inside its column, whatever it is given", () => {
    for (const calls of [[], [call(0, 0)], [call(5, null)], [call(0, null), call(10, 5)], [call(100, 5), call(0, 1000)], [call(0, 1e9), call(1, 0.1)]]) {
      for (const bar of waterfall(calls)) {
        expect(bar.left).toBeGreaterThanOrEqual(0);
        expect(bar.width).toBeGreaterThan(0);
        expect(bar.left + bar.width).toBeLessThanOrEqual(100.001);
        expect(Number.isFinite(bar.left + bar.width)).toBe(true);
      }
    }
  });
  it("tells pauses worth telling", () => {
    expect(pauses([call(0, 100), call(200, 10_000), call(5000, 1), call(60_000, 1)])).toEqual([null, null, null, 49_800]);
  });
});

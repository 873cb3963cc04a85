// What controls and their numbers are called.

import type { Control, ControlDay } from "../api/shapes";
import type { DayBar } from "../parts/Days";
import { dayRange, lastWeek, wholeWeek } from "../range";
import { count, counted } from "../text/numbers";

export const KINDS: Record<string, string> = { acl: "ACL policy", verify: "verification", tool_schema: "tool schema", protocol_check: "protocol", external: "external" };

/** The range of the page that the numbers are about: seven whole days. */
export function weekRange(now = new Date()): { from: string; to: string } {
  const days = lastWeek(now);
  return { from: dayRange(days[0] ?? "").from, to: dayRange(days[days.length - 1] ?? "").to };
}

/** Seven days, those without a call as well. */
export function daysOf(control: Control): ControlDay[] {
  return wholeWeek(control.days, (day) => ({ day, judged: 0, denied: 0, blocked: 0, unjudged: 0 }));
}

export function barsOf(control: Control): DayBar[] {
  return daysOf(control).map((day) => ({ day: day.day, all: day.judged, part: day.denied }));
}

/** What block mode would have done, for a control that watches; null where it has nothing to say. */
export function hintOf(control: Control): string | null {
  if (!control.in_force || control.mode !== "monitoring" || control.kind === "external" || control.judged === 0) return null;
  // What was blocked already was in block mode, before or elsewhere.
  const passed = control.denied - control.blocked;
  if (passed <= 0) return `would have blocked none of ${counted(control.judged, "call")} in seven days.`;
  return `would have blocked ${counted(passed, "call")} of ${count(control.judged)} in seven days.`;
}

// What controls and their numbers are called.

import type { Control } from "../api/shapes";
import type { DayBar } from "../parts/Days";
import { count, counted } from "../text/numbers";

export const KINDS: Record<string, string> = { acl: "ACL policy", verify: "verification", tool_schema: "tool schema", protocol_check: "protocol", external: "external" };

/** The range of the page that the numbers are about. */
export const WEEK = "7d";

/** Calls that it objected to: those that passed, and those that did not. */
export const objections = ({ denied, blocked }: { denied: number; blocked: number }): number => denied + blocked;

export function barsOf(control: Control): DayBar[] {
  return control.days.map((day) => ({ day: day.day, all: day.judged, part: objections(day) }));
}

/** What block mode would have done, for a control that watches; null where it has nothing to say. */
export function hintOf(control: Control): string | null {
  if (!control.in_force || control.mode !== "monitoring" || control.kind === "external" || control.judged === 0) return null;
  if (control.denied === 0) return `would have blocked none of ${counted(control.judged, "call")} in seven days.`;
  return `would have blocked ${counted(control.denied, "call")} of ${count(control.judged)} in seven days.`;
}

// The time that is looked at: one of the usual ranges, which move on with the clock, or from–to.

import { moment } from "./text/times";

/** A range as it stands in the address. */
export type Range = { name: string } | { from: string; to: string };

export const RANGES: { name: string; title: string; minutes?: number }[] = [
  { name: "15m", title: "15 minutes", minutes: 15 },
  { name: "30m", title: "30 minutes", minutes: 30 },
  { name: "1h", title: "1 hour", minutes: 60 },
  { name: "6h", title: "6 hours", minutes: 360 },
  { name: "12h", title: "12 hours", minutes: 720 },
  { name: "today", title: "Today" },
  { name: "yesterday", title: "Yesterday" },
  { name: "7d", title: "7 days", minutes: 7 * 1440 },
];

export const RANGE_DEFAULT = "today";

/** Reads the range of an address; what is not understood is the default. */
export function rangeOf(params: URLSearchParams): Range {
  const from = params.get("from");
  const to = params.get("to");
  if (from && to && Date.parse(from) < Date.parse(to)) return { from, to };
  const name = params.get("range") ?? RANGE_DEFAULT;
  return RANGES.some((range) => range.name === name) ? { name } : { name: RANGE_DEFAULT };
}

/** Writes a range into an address. */
export function setRange(params: URLSearchParams, range: Range): void {
  for (const name of ["range", "from", "to"]) params.delete(name);
  if ("from" in range) {
    params.set("from", range.from);
    params.set("to", range.to);
  } else if (range.name !== RANGE_DEFAULT) {
    params.set("range", range.name);
  }
}

/** From when to when; `to` is null where the range goes on with the clock. */
export interface Span {
  from: Date;
  to: Date | null;
}

function midnight(at: Date, days: number): Date {
  return new Date(at.getFullYear(), at.getMonth(), at.getDate() + days);
}

export function spanOf(range: Range, now: Date): Span {
  if ("from" in range) return { from: new Date(range.from), to: new Date(range.to) };
  if (range.name === "yesterday") return { from: midnight(now, -1), to: midnight(now, 0) };
  const minutes = RANGES.find((known) => known.name === range.name)?.minutes;
  return { from: minutes ? new Date(now.getTime() - minutes * 60_000) : midnight(now, 0), to: null };
}

/** Whether what happens now falls into it. */
export function isOpen(range: Range): boolean {
  return "name" in range && range.name !== "yesterday";
}

export function titleOf(range: Range, now: Date): string {
  if ("name" in range) return RANGES.find((known) => known.name === range.name)?.title ?? range.name;
  return `${moment(new Date(range.from), now)} – ${moment(new Date(range.to), now)}`;
}

/** The next wider of the usual ranges, to look further where nothing was found. */
export function widerThan(range: Range): { name: string; title: string } | null {
  const order = ["15m", "30m", "1h", "6h", "12h", "7d"];
  if ("from" in range) return RANGES.find((known) => known.name === "7d") ?? null;
  const next = range.name === "today" || range.name === "yesterday" ? "7d" : order[order.indexOf(range.name) + 1];
  return RANGES.find((known) => known.name === next) ?? null;
}

/** The last seven UTC days, today included, the oldest first. */
export function lastWeek(now: Date): string[] {
  return Array.from({ length: 7 }, (_, i) => new Date(now.getTime() - (6 - i) * 86_400_000).toISOString().slice(0, 10));
}

/** Days that an answer has, with those of the last week that it leaves out since nothing happened. */
export function wholeWeek<T extends { day: string }>(days: T[], nothing: (day: string) => T, now = new Date()): T[] {
  const known = new Map(days.map((day) => [day.day, day]));
  return lastWeek(now).map((day) => known.get(day) ?? nothing(day));
}

/** A UTC day as it stands in an address. */
export function dayRange(day: string): { from: string; to: string } {
  const from = new Date(`${day}T00:00:00Z`);
  return { from: from.toISOString(), to: new Date(from.getTime() + 86_400_000).toISOString() };
}

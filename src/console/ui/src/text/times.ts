// Moments as people read them: in the browser's zone, by the 24-hour clock.

const pad = (n: number, digits = 2) => String(n).padStart(digits, "0");
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** 09:14:03 */
export function clock(at: Date): string {
  return `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
}

/** 09:14:03.120 */
export function clockExact(at: Date): string {
  return `${clock(at)}.${pad(at.getMilliseconds(), 3)}`;
}

/** 25 Nov */
export function date(at: Date): string {
  return `${at.getDate()} ${MONTHS[at.getMonth()]}`;
}

/** 09:14:03 on the day of `now`, 24 Nov 09:14:03 before it. */
export function moment(at: Date, now: Date): string {
  return at.toDateString() === now.toDateString() ? clock(at) : `${date(at)} ${clock(at)}`;
}

/** The whole of it, for a title: 25 Nov 2026, 09:14:03.120 (UTC 2026-11-25T08:14:03.120Z) */
export function full(at: Date): string {
  return `${date(at)} ${at.getFullYear()}, ${clockExact(at)} (${at.toISOString()})`;
}

/** now, 12 s ago, 4 min ago, 3 h ago, 2 d ago */
export function ago(at: Date, now: Date): string {
  const s = Math.max(0, (now.getTime() - at.getTime()) / 1000);
  if (s < 2) return "now";
  if (s < 60) return `${Math.floor(s)} s ago`;
  if (s < 3600) return `${Math.floor(s / 60)} min ago`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ago`;
  return `${Math.floor(s / 86400)} d ago`;
}

/** The value of a `datetime-local` field. */
export function toField(at: Date): string {
  return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}T${clock(at)}`;
}

/** The browser's zone: Europe/Berlin, UTC+1 */
export function zone(now: Date): string {
  const name = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const minutes = -now.getTimezoneOffset();
  if (minutes === 0) return "UTC";
  const offset = `UTC${minutes < 0 ? "−" : "+"}${Math.floor(Math.abs(minutes) / 60)}${minutes % 60 ? `:${pad(Math.abs(minutes) % 60)}` : ""}`;
  return name ? `${name}, ${offset}` : offset;
}

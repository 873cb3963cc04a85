import { useEffect, useState } from "preact/hooks";
import { ago, clockExact, full, moment } from "../text/times";

/** The present, renewed every so often. */
export function useNow(every_ms = 10_000): Date {
  const [now, set] = useState(() => new Date());
  useEffect(() => {
    const timer = setInterval(() => set(new Date()), every_ms);
    return () => clearInterval(timer);
  }, [every_ms]);
  return now;
}

/** A moment, with all of it as the title. */
export function Moment({ at, now, exact = false }: { at: string | null; now: Date; exact?: boolean }) {
  if (!at) return <span class="none">–</span>;
  const date = new Date(at);
  return (
    <time dateTime={at} title={`${full(date)}, ${ago(date, now)}`} class="num">
      {exact ? clockExact(date) : moment(date, now)}
    </time>
  );
}

/** How long ago, with the moment as the title. */
export function Ago({ at, now }: { at: string | null; now: Date }) {
  if (!at) return <span class="none">–</span>;
  const date = new Date(at);
  return (
    <time dateTime={at} title={full(date)} class="num">
      {ago(date, now)}
    </time>
  );
}

// News as they are stored. A hidden page does not listen: browsers allow few connections to one host.

import { useEffect, useRef, useState } from "preact/hooks";
import type { Part } from "./shapes";

export type LiveState = "off" | "connecting" | "on" | "lost";

/** Tells `heard` of stored session parts (null: of anything) while `wanted`. The state is for showing. */
export function useLive(wanted: boolean, filters: string, heard: (part: Part | null) => void): LiveState {
  const [state, set] = useState<LiveState>("off");
  const latest = useRef(heard);
  latest.current = heard;
  useEffect(() => {
    if (!wanted || typeof EventSource === "undefined") {
      set("off");
      return;
    }
    let source: EventSource | null = null;
    let timer = 0;
    let tries = 0;
    const tell = (event: MessageEvent<string>) => latest.current(partOf(event.data));
    const open = () => {
      source?.close();
      set("connecting");
      source = new EventSource(filters ? `api/v1/live?${filters}` : "api/v1/live");
      source.onopen = () => {
        tries = 0;
        set("on");
        // What was stored between reading a list and listening was not heard of.
        latest.current(null);
      };
      source.onerror = () => {
        // A refusal (busy, worker going away) closes for good; the browser itself only tries again after a cut.
        set("lost");
        if (source?.readyState === EventSource.CLOSED) timer = window.setTimeout(open, Math.min(30_000, 2000 * 2 ** tries++));
      };
      for (const name of ["session", "call", "attack", "gap"]) source.addEventListener(name, tell);
    };
    const visibility = () => {
      if (document.hidden) {
        source?.close();
        source = null;
        window.clearTimeout(timer);
        set("off");
      } else if (!source) {
        open();
      }
    };
    if (!document.hidden) open();
    document.addEventListener("visibilitychange", visibility);
    return () => {
      document.removeEventListener("visibilitychange", visibility);
      window.clearTimeout(timer);
      source?.close();
    };
  }, [wanted, filters]);
  return state;
}

/**
 * Does `work` some time after it is asked for, once however often that was, and again where it was
 * asked for while it was at work: the answer may be older than the news. With another `key` all
 * that is under way is dropped; `work` learns of it by its signal.
 */
export function useLater(work: (signal: AbortSignal) => Promise<void>, wait_ms: number, key: string): () => void {
  const latest = useRef(work);
  latest.current = work;
  const begin = useRef<() => void>(() => {});
  useEffect(() => {
    const stop = new AbortController();
    let timer = 0;
    let atWork = false;
    let again = false;
    const run = async () => {
      timer = 0;
      atWork = true;
      try {
        await latest.current(stop.signal);
      } catch {
        // The next news ask again; the list itself says what does not work.
      }
      atWork = false;
      if (again && !stop.signal.aborted) {
        again = false;
        begin.current();
      }
    };
    begin.current = () => {
      if (atWork) again = true;
      else timer ||= window.setTimeout(run, wait_ms);
    };
    return () => {
      stop.abort();
      window.clearTimeout(timer);
      begin.current = () => {};
    };
  }, [key, wait_ms]);
  return useRef(() => begin.current()).current;
}

function partOf(data: string): Part | null {
  try {
    const value = JSON.parse(data) as { id?: unknown; last_at?: unknown };
    return typeof value.id === "string" && typeof value.last_at === "string" ? (value as Part) : null;
  } catch {
    return null;
  }
}

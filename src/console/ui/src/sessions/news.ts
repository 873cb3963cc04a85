// What came after the list was read: announced and counted, never pushed in under the reader's eyes.

import { useEffect, useRef, useState } from "preact/hooks";
import { ask } from "../api/client";
import type { Pages } from "../api/hooks";
import { useLater } from "../api/live";
import type { List } from "../api/shapes";

/** Between two looks at the head of the list, so that busy traffic does not become busy asking. */
const LOOK_EVERY_MS = 2_000;
const CHART_EVERY_MS = 15_000;
const HEAD = 100;

export interface News {
  /** Items that the list does not have. */
  count: number;
  /** Grows when the chart should be drawn anew. */
  beats: number;
  heard: () => void;
}

/** Watches the head of the list `name`, which is in order of `at`, the newest first. */
export function useNews<T extends { id: string }>(name: string, at: (item: T) => string, pages: Pages<T>, wanted: boolean, question: string, tick: number): News {
  const [count, setCount] = useState(0);
  const [beats, setBeats] = useState(0);
  const latest = useRef(pages);
  const beat = useRef(Date.now());
  latest.current = pages;
  useEffect(() => setCount(0), [question, tick]);

  // A head that is longer than the list's first page holds older items as well.
  const isNewer = (item: T, items: T[]) => {
    const last = items[items.length - 1];
    return !last || at(item) > at(last);
  };
  const look = async (signal: AbortSignal) => {
    const head = await ask<List<T>>(`${name}?${question}&limit=${HEAD}`, signal);
    // Before the list is there, or with another one, there is nothing to compare with.
    if (signal.aborted || latest.current.loading || latest.current.stale || latest.current.problem) return;
    const known = new Set(latest.current.items.map((item) => item.id));
    latest.current.replace(head.items.filter((item) => known.has(item.id)));
    setCount(head.items.filter((item) => !known.has(item.id) && isNewer(item, latest.current.items)).length);
    if (Date.now() - beat.current > CHART_EVERY_MS) {
      beat.current = Date.now();
      setBeats((n) => n + 1);
    }
  };
  const later = useLater(look, LOOK_EVERY_MS, `${question} ${tick}`);
  return { count, beats, heard: () => wanted && later() };
}

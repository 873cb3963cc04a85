// What came after the list was read: announced and counted, never pushed in under the reader's eyes.

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ask } from "../api/client";
import type { Pages } from "../api/hooks";
import type { List, Part } from "../api/shapes";

/** Between two looks at the head of the list, so that busy traffic does not become busy asking. */
const LOOK_EVERY_MS = 2_000;
const CHART_EVERY_MS = 15_000;
const HEAD = 100;

export interface News {
  /** Sessions that the list does not have. */
  count: number;
  /** Grows when the chart should be drawn anew. */
  beats: number;
  heard: () => void;
}

export function useNews(pages: Pages<Part>, wanted: boolean, question: string, tick: number): News {
  const [count, setCount] = useState(0);
  const [beats, setBeats] = useState(0);
  const timer = useRef(0);
  const latest = useRef(pages);
  const beat = useRef(Date.now());
  latest.current = pages;

  useEffect(() => {
    setCount(0);
    return () => {
      window.clearTimeout(timer.current);
      timer.current = 0;
    };
  }, [question, tick]);

  const heard = useCallback(() => {
    if (!wanted || timer.current) return;
    timer.current = window.setTimeout(async () => {
      try {
        const head = await ask<List<Part>>(`sessions?${question}&limit=${HEAD}`, new AbortController().signal);
        if (!timer.current) return;
        const known = new Set(latest.current.items.map((part) => part.id));
        latest.current.replace(head.items.filter((part) => known.has(part.id)));
        setCount(head.items.filter((part) => !known.has(part.id)).length);
        if (Date.now() - beat.current > CHART_EVERY_MS) {
          beat.current = Date.now();
          setBeats((n) => n + 1);
        }
      } catch {
        // The next news asks again; the list itself says what does not work.
      } finally {
        timer.current = 0;
      }
    }, LOOK_EVERY_MS);
  }, [question, wanted]);

  return { count, beats, heard };
}

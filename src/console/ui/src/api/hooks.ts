// Answers as parts of a view: what is there, what is being asked, what went wrong.

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ask, Problem } from "./client";
import type { List, Warning } from "./shapes";

export interface Answer<T> {
  /** The newest answer; of an earlier question while the next is asked. */
  data: T | null;
  /** The question `data` answers. */
  of: string | null;
  loading: boolean;
  problem: Problem | null;
  again: () => void;
}

const TRIES_MAX = 5;

/** Calls `ask` again as long as nginx says it is busy. */
async function askPatiently<T>(path: string, signal: AbortSignal, exactly = false): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await ask<T>(path, signal, exactly);
    } catch (error) {
      if (!(error instanceof Problem) || error.retry_s === null || tries === TRIES_MAX) throw error;
      await new Promise((done) => setTimeout(done, (error.retry_s ?? 1) * 1000));
      if (signal.aborted) throw error;
    }
  }
}

/** The answer to one question; `tick` asks it anew, `path` null asks nothing. */
export function useAnswer<T>(path: string | null, tick = 0, exactly = false): Answer<T> {
  const [state, set] = useState<Omit<Answer<T>, "again">>({ data: null, of: null, loading: path !== null, problem: null });
  const [tries, setTries] = useState(0);
  useEffect(() => {
    if (path === null) {
      set({ data: null, of: null, loading: false, problem: null });
      return;
    }
    const stop = new AbortController();
    set((old) => ({ ...old, loading: true, problem: null }));
    askPatiently<T>(path, stop.signal, exactly).then(
      (data) => !stop.signal.aborted && set({ data, of: path, loading: false, problem: null }),
      (error: unknown) => !stop.signal.aborted && set((old) => ({ ...old, loading: false, problem: asProblem(error) })),
    );
    return () => stop.abort();
  }, [path, tick, tries]);
  return { ...state, again: useCallback(() => setTries((n) => n + 1), []) };
}

function asProblem(error: unknown): Problem {
  return error instanceof Problem ? error : new Problem(0, "The page made a mistake", String(error));
}

/** Pages of a list that is wanted as a whole. */
const PAGES_MAX = 40;

/** A list read to its end, page by page; what is there is shown while further pages come. */
export function useAll<T>(path: string | null, tick = 0): Answer<List<T>> {
  const [state, set] = useState<Omit<Answer<List<T>>, "again">>({ data: null, of: null, loading: path !== null, problem: null });
  const [tries, setTries] = useState(0);
  useEffect(() => {
    if (path === null) return;
    const stop = new AbortController();
    set((old) => ({ ...old, loading: true, problem: null }));
    const read = async () => {
      let [items, cursor] = [[] as T[], ""];
      for (let page = 0; page < PAGES_MAX; page++) {
        const list: List<T> = await askPatiently<List<T>>(cursor ? `${path}${path.includes("?") ? "&" : "?"}cursor=${encodeURIComponent(cursor)}` : path, stop.signal);
        if (stop.signal.aborted) return;
        items = items.concat(list.items);
        cursor = list.next ?? "";
        set({ data: { ...list, items }, of: path, loading: cursor !== "" && page + 1 < PAGES_MAX, problem: null });
        if (!cursor) return;
      }
    };
    read().catch((error: unknown) => !stop.signal.aborted && set((old) => ({ ...old, loading: false, problem: asProblem(error) })));
    return () => stop.abort();
  }, [path, tick, tries]);
  return { ...state, again: useCallback(() => setTries((n) => n + 1), []) };
}

function merged(old: Warning[], fresh: Warning[]): Warning[] {
  const key = (warning: Warning) => `${warning.day} ${warning.message}`;
  return [...new Map([...old, ...fresh].map((warning) => [key(warning), warning])).values()];
}

export interface Pages<T> extends Omit<Answer<T[]>, "data"> {
  items: T[];
  /** The items are of an earlier question, until the answer comes. */
  stale: boolean;
  /** Whether there are further pages. */
  more: boolean;
  warnings: Warning[];
  loadMore: () => void;
  /** Puts changed items in the place of the old, by their id. */
  replace: (items: T[]) => void;
  /** Adds items at the end that came after the last page was read. */
  append: (items: T[]) => void;
}

interface Gathered<T> {
  of: string | null;
  items: T[];
  next: string | null;
  warnings: Warning[];
  loading: boolean;
  problem: Problem | null;
}

const NOTHING = { of: null, items: [], next: null, warnings: [], problem: null };

/** A list that is read page by page. */
export function usePages<T extends { id: string }>(path: string | null, tick = 0): Pages<T> {
  const [state, set] = useState<Gathered<T>>({ ...NOTHING, loading: path !== null });
  const [tries, setTries] = useState(0);
  const running = useRef<AbortController | null>(null);

  const load = (cursor: string | null) => {
    if (path === null) return;
    running.current?.abort();
    const stop = new AbortController();
    running.current = stop;
    const over = () => {
      if (running.current === stop) running.current = null;
    };
    set((old) => ({ ...old, loading: true, problem: null }));
    const question = cursor === null ? path : `${path}${path.includes("?") ? "&" : "?"}cursor=${encodeURIComponent(cursor)}`;
    askPatiently<List<T>>(question, stop.signal).then(
      (list) => {
        over();
        if (stop.signal.aborted) return;
        set((old) => {
          const before = cursor === null ? [] : old.items;
          const known = new Set(before.map((item) => item.id));
          return {
            of: path,
            items: [...before, ...list.items.filter((item) => !known.has(item.id))],
            next: list.next,
            warnings: merged(cursor === null ? [] : old.warnings, list.warnings ?? []),
            loading: false,
            problem: null,
          };
        });
      },
      (error: unknown) => {
        over();
        if (!stop.signal.aborted) set((old) => ({ ...old, loading: false, problem: asProblem(error) }));
      },
    );
  };

  useEffect(() => {
    if (path === null) set({ ...NOTHING, loading: false });
    else load(null);
    return () => running.current?.abort();
  }, [path, tick]);

  useEffect(() => {
    if (tries > 0) load(state.of === path && state.items.length ? state.next : null);
  }, [tries]);

  return {
    items: state.items,
    of: state.of,
    stale: state.loading && state.of !== null && state.of !== path,
    more: state.next !== null,
    warnings: state.warnings,
    loading: state.loading,
    problem: state.problem,
    again: () => setTries((n) => n + 1),
    loadMore: () => {
      // Asked by views that may have drawn an older state.
      if (!running.current && !state.loading && !state.problem && state.next !== null && state.of === path) load(state.next);
    },
    replace: (items) =>
      set((old) => {
        const fresh = new Map(items.map((item) => [item.id, item]));
        return { ...old, items: old.items.map((item) => fresh.get(item.id) ?? item) };
      }),
    append: (items) =>
      set((old) => {
        const known = new Set(old.items.map((item) => item.id));
        return { ...old, items: [...old.items, ...items.filter((item) => !known.has(item.id))] };
      }),
  };
}

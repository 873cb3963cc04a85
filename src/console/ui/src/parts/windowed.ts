// Of a long list only what can be seen is in the document.

import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useState } from "preact/hooks";

const BEYOND = 12;

export interface Window {
  first: number;
  end: number;
  /** Room above and below, in pixels. */
  above: number;
  below: number;
}

/** Which of `count` rows of `height_px` to draw in the pane `scroller`; calls `nearEnd` when few are left. */
export function useWindow(scroller: RefObject<HTMLElement | null>, count: number, height_px: number, nearEnd?: () => void): Window {
  const [range, set] = useState({ first: 0, end: 0 });
  useLayoutEffect(() => {
    const pane = scroller.current;
    if (!pane) return;
    let frame = 0;
    const measure = () => {
      frame = 0;
      const first = Math.max(0, Math.floor(pane.scrollTop / height_px) - BEYOND);
      const end = Math.ceil((pane.scrollTop + pane.clientHeight) / height_px) + BEYOND;
      set((old) => (old.first === first && old.end === end ? old : { first, end }));
    };
    const later = () => {
      frame ||= requestAnimationFrame(measure);
    };
    measure();
    pane.addEventListener("scroll", later, { passive: true });
    const observer = new ResizeObserver(later);
    observer.observe(pane);
    return () => {
      cancelAnimationFrame(frame);
      observer.disconnect();
      pane.removeEventListener("scroll", later);
    };
  }, [height_px, scroller.current]);
  useEffect(() => {
    if (range.end + BEYOND >= count) nearEnd?.();
  }, [range.end, count, nearEnd]);
  const end = Math.min(count, range.end);
  const first = Math.min(range.first, end);
  return { first, end, above: first * height_px, below: (count - end) * height_px };
}

/** The width of an element, as it changes. */
export function useWidth(element: RefObject<HTMLElement | null>): number {
  const [width, set] = useState(0);
  useLayoutEffect(() => {
    if (!element.current) return;
    const observer = new ResizeObserver((entries) => set(Math.round(entries[0]?.contentRect.width ?? 0)));
    observer.observe(element.current);
    set(element.current.clientWidth);
    return () => observer.disconnect();
  }, []);
  return width;
}

/** Brings row `index` into view. */
export function reveal(pane: HTMLElement | null, index: number, height_px: number, header_px: number): void {
  if (!pane) return;
  const top = index * height_px;
  if (top < pane.scrollTop) pane.scrollTop = top;
  else if (top + height_px + header_px > pane.scrollTop + pane.clientHeight) pane.scrollTop = top + height_px + header_px - pane.clientHeight;
}

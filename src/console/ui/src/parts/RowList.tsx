import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { go } from "../address";
import type { Pages } from "../api/hooks";
import { counted } from "../text/numbers";
import { useNow } from "./time";
import { reveal, useWidth, useWindow } from "./windowed";

const ROW_PX = 34;
const CARD_PX = 70;
const HEAD_PX = 30;
/** Below this width rows are cards. */
const CARDS_BELOW_PX = 640;

export interface RowColumn<T> {
  name: string;
  title: string;
  hint?: string;
  /** The least width; what is left is shared by `grow`. */
  width_px: number;
  grow?: number;
  /** Where room is short, higher ones go first. */
  rank: number;
  /** There are links in its cells. */
  linked?: boolean;
  cell: (item: T, now: Date) => ComponentChildren;
}

/** Columns that stand side by side in a width: as many as fit. */
export function fitting<T>(columns: RowColumn<T>[], width_px: number): RowColumn<T>[] {
  const kept = new Set<string>();
  let room = width_px;
  for (const column of [...columns].sort((a, b) => a.rank - b.rank)) {
    room -= column.width_px;
    if (room < 0) break;
    kept.add(column.name);
  }
  return columns.filter((column) => kept.has(column.name));
}

interface Props<T> {
  pages: Pages<T>;
  /** What the items are called, one of them. */
  noun: string;
  /** The table's class and its label. */
  name: string;
  label: string;
  columnsFor: (width_px: number) => RowColumn<T>[];
  card: (item: T, now: Date) => ComponentChildren;
  /** What a row says to those who hear it, after its first cell. */
  says: (item: T) => string;
  /** The id of the item that is open. */
  open: string | null;
  linkTo: (item: T) => string;
  /** Whether going up and down opens what is gone to. */
  follows: boolean;
  /** Grows when the list is read anew. */
  tick: number;
}

/** An endless list: rows where there is room, cards where there is not. */
export function RowList<T extends { id: string }>({ pages, noun, name, label, columnsFor, card, says, open, linkTo, follows, tick }: Props<T>) {
  const pane = useRef<HTMLDivElement>(null);
  const width = useWidth(pane);
  const now = useNow();
  const cards = width > 0 && width < CARDS_BELOW_PX;
  const row_px = cards ? CARD_PX : ROW_PX;
  const [active, activate] = useState(0);
  const latest = useRef(0);
  const setActive = (index: number) => {
    latest.current = index;
    activate(index);
  };
  const items = pages.items;
  const view = useWindow(pane, items.length, row_px, pages.loadMore);

  useEffect(() => {
    // Another question: the place in the old list means nothing any more.
    if (pane.current) pane.current.scrollTop = 0;
    setActive(0);
  }, [pages.of, tick]);
  useEffect(() => {
    const at = items.findIndex((item) => item.id === open);
    if (at >= 0) setActive(at);
  }, [open, items.length]);

  // Rows become cards and back when a session is opened beside the list: the place stays, and so
  // does the focus.
  const focused = useRef(false);
  const before = useRef(row_px);
  // As it was before shorter rows made the browser cut it.
  const top = useRef(0);
  const focusActive = () => pane.current?.querySelector<HTMLElement>(`[data-row="${latest.current}"] a`)?.focus({ preventScroll: true });
  useLayoutEffect(() => {
    const list = pane.current;
    if (!list || before.current === row_px) return;
    const offset = latest.current * before.current - top.current;
    const inView = offset > -before.current && offset < list.clientHeight;
    list.scrollTop = inView ? latest.current * row_px - Math.min(offset, list.clientHeight - 2 * row_px) : (top.current / before.current) * row_px;
    top.current = list.scrollTop;
    before.current = row_px;
    if (!focused.current || document.activeElement !== document.body) return;
    focusActive();
    const frame = requestAnimationFrame(() => requestAnimationFrame(() => document.activeElement === document.body && focusActive()));
    return () => cancelAnimationFrame(frame);
  }, [row_px]);

  const move = (to: number) => {
    const index = Math.max(0, Math.min(items.length - 1, to));
    setActive(index);
    reveal(pane.current, index, row_px, cards ? 0 : HEAD_PX);
    requestAnimationFrame(() => requestAnimationFrame(focusActive));
    const item = items[index];
    if (open && item && width > 0 && follows) go(linkTo(item), true);
  };
  const keys = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" && (event.target as HTMLElement).closest("[data-row]")) {
      // The focus may not have arrived yet where keys come quickly.
      const item = items[latest.current];
      event.preventDefault();
      if (item) go(linkTo(item));
      return;
    }
    const active = latest.current;
    const page = Math.max(1, Math.floor((pane.current?.clientHeight ?? 0) / row_px) - 1);
    const steps: Record<string, number> = { ArrowDown: active + 1, j: active + 1, ArrowUp: active - 1, k: active - 1, PageDown: active + page, PageUp: active - page, Home: 0, End: items.length - 1 };
    const to = steps[event.key];
    if (to === undefined) return;
    event.preventDefault();
    move(to);
  };
  const shown = cards ? [] : columnsFor(width - 2);
  const rows = items.slice(view.first, view.end);
  const share = (item: T, index: number) => ({ item, now, index, open: item.id === open, active: index === active, href: linkTo(item), focus: () => setActive(index) });
  return (
    <div
      class={pages.stale ? "list stale" : "list"}
      ref={pane}
      onKeyDown={keys}
      onScroll={(event) => (top.current = event.currentTarget.scrollTop)}
      onFocusIn={() => (focused.current = true)}
      onFocusOut={(event) => event.relatedTarget && (focused.current = pane.current?.contains(event.relatedTarget as Node) ?? false)}
      role="region"
      aria-label={`${noun[0]?.toUpperCase()}${noun.slice(1)}s`}
      tabIndex={-1}
    >
      {cards ? (
        <ul class="cards">
          <li aria-hidden="true" style={{ height: `${view.above}px` }} />
          {rows.map((item, i) => (
            <Card key={item.id} {...share(item, view.first + i)} card={card} />
          ))}
          <li aria-hidden="true" style={{ height: `${view.below}px` }} />
        </ul>
      ) : (
        <table class={`rows ${name}`} aria-rowcount={pages.more ? -1 : items.length + 1} aria-label={label}>
          <Columns of={shown} width={width} />
          <thead>
            <tr>
              {shown.map((column) => (
                <th key={column.name} scope="col" title={column.hint} class={`c-${column.name}`}>
                  {column.title}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            <tr aria-hidden="true" class="space" style={{ height: `${view.above}px` }} />
            {rows.map((item, i) => (
              <Row key={item.id} {...share(item, view.first + i)} columns={shown} says={says} />
            ))}
            <tr aria-hidden="true" class="space" style={{ height: `${view.below}px` }} />
          </tbody>
        </table>
      )}
      {items.length > 0 && (
        <p class="list-end" role="status">
          {pages.problem ? (
            <>
              The next page did not come: {pages.problem.title}.{" "}
              <button type="button" onClick={pages.again}>
                Try again
              </button>
            </>
          ) : pages.more ? (
            "Loading more…"
          ) : (
            `${counted(items.length, noun)}, no more in this time.`
          )}
        </p>
      )}
    </div>
  );
}

function Columns<T>({ of, width }: { of: RowColumn<T>[]; width: number }) {
  const least = of.reduce((sum, column) => sum + column.width_px, 0);
  const grow = of.reduce((sum, column) => sum + (column.grow ?? 0), 0) || 1;
  const rest = Math.max(0, width - least);
  return (
    <colgroup>
      {of.map((column) => (
        <col key={column.name} style={{ width: `${column.width_px + (rest * (column.grow ?? 0)) / grow}px` }} />
      ))}
    </colgroup>
  );
}

interface RowProps<T> {
  item: T;
  now: Date;
  index: number;
  open: boolean;
  active: boolean;
  href: string;
  focus: () => void;
}

/** A click anywhere opens; a selection of text, or a click meant for the link, does not. */
function opens(event: MouseEvent, href: string) {
  if ((event.target as HTMLElement).closest("a, button") || getSelection()?.toString()) return;
  if (event.ctrlKey || event.metaKey) window.open(href);
  else go(href);
}

function Row<T>({ item, now, index, open, active, href, focus, columns, says }: RowProps<T> & { columns: RowColumn<T>[]; says: (item: T) => string }) {
  return (
    <tr data-row={index} aria-rowindex={index + 2} class={open ? "open" : ""} aria-current={open ? "true" : undefined} onClick={(event) => opens(event, href)}>
      {columns.map((column, i) => (
        <td key={column.name} class={`c-${column.name}`}>
          {i === 0 ? (
            <>
              <a href={href} tabIndex={active ? 0 : -1} onFocus={focus}>
                {!column.linked && column.cell(item, now)}
                <span class="sr">: {says(item)}</span>
              </a>
              {column.linked && column.cell(item, now)}
            </>
          ) : (
            column.cell(item, now)
          )}
        </td>
      ))}
    </tr>
  );
}

function Card<T>({ item, now, index, open, active, href, focus, card }: RowProps<T> & { card: (item: T, now: Date) => ComponentChildren }) {
  return (
    <li data-row={index} class={open ? "card open" : "card"} aria-current={open ? "true" : undefined} onClick={(event) => opens(event, href)}>
      <a href={href} tabIndex={active ? 0 : -1} onFocus={focus}>
        {card(item, now)}
      </a>
    </li>
  );
}

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { changed, go, type Address } from "../address";
import type { Pages } from "../api/hooks";
import type { Part } from "../api/shapes";
import { useNow, Moment } from "../parts/time";
import { Line, None } from "../parts/Text";
import { reveal, useWidth, useWindow } from "../parts/windowed";
import { counted, shortCount } from "../text/numbers";
import { visible } from "../text/visible";
import { clientText, Few, SessionId, Status, User } from "./cells";
import { columnsFor, type Column } from "./columns";
import { closed } from "./query";

const ROW_PX = 34;
const CARD_PX = 70;
const HEAD_PX = 30;
/** Below this width rows are cards. */
const CARDS_BELOW_PX = 640;

interface Props {
  pages: Pages<Part>;
  address: Address;
  columns: string[] | null;
  /** Grows when the list is read anew. */
  tick: number;
}

/** Sessions, newest activity first: rows where there is room, cards where there is not. */
export function SessionList({ pages, address, columns, tick }: Props) {
  const pane = useRef<HTMLDivElement>(null);
  const width = useWidth(pane);
  const now = useNow();
  const cards = width > 0 && width < CARDS_BELOW_PX;
  const row_px = cards ? CARD_PX : ROW_PX;
  const open = address.params.get("session");
  const [active, activate] = useState(0);
  const latest = useRef(0);
  const setActive = (index: number) => {
    latest.current = index;
    activate(index);
  };
  const parts = pages.items;
  const view = useWindow(pane, parts.length, row_px, pages.loadMore);
  const linkTo = (part: Part) => changed(address, { ...closed(address.params), session: part.id });

  useEffect(() => {
    // Another question: the place in the old list means nothing any more.
    if (pane.current) pane.current.scrollTop = 0;
    setActive(0);
  }, [pages.of, tick]);
  useEffect(() => {
    const at = parts.findIndex((part) => part.id === open);
    if (at >= 0) setActive(at);
  }, [open, parts.length]);

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
    const index = Math.max(0, Math.min(parts.length - 1, to));
    setActive(index);
    reveal(pane.current, index, row_px, cards ? 0 : HEAD_PX);
    requestAnimationFrame(() => requestAnimationFrame(focusActive));
    const part = parts[index];
    if (open && part && width > 0 && !address.params.has("call")) go(linkTo(part), true);
  };
  const keys = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" && (event.target as HTMLElement).closest("[data-row]")) {
      // The focus may not have arrived yet where keys come quickly.
      const part = parts[latest.current];
      event.preventDefault();
      if (part) go(linkTo(part));
      return;
    }
    const active = latest.current;
    const page = Math.max(1, Math.floor((pane.current?.clientHeight ?? 0) / row_px) - 1);
    const steps: Record<string, number> = { ArrowDown: active + 1, j: active + 1, ArrowUp: active - 1, k: active - 1, PageDown: active + page, PageUp: active - page, Home: 0, End: parts.length - 1 };
    const to = steps[event.key];
    if (to === undefined) return;
    event.preventDefault();
    move(to);
  };
  const shown = cards ? [] : columnsFor(width - 2, columns);
  const rows = parts.slice(view.first, view.end);
  const share = (part: Part, index: number) => ({ part, now, index, open: part.id === open, active: index === active, href: linkTo(part), focus: () => setActive(index) });
  return (
    <div
      class={pages.stale ? "list stale" : "list"}
      ref={pane}
      onKeyDown={keys}
      onScroll={(event) => (top.current = event.currentTarget.scrollTop)}
      onFocusIn={() => (focused.current = true)}
      onFocusOut={(event) => event.relatedTarget && (focused.current = pane.current?.contains(event.relatedTarget as Node) ?? false)}
      role="region"
      aria-label="Sessions"
      tabIndex={-1}
    >
      {cards ? (
        <ul class="cards">
          <li aria-hidden="true" style={{ height: `${view.above}px` }} />
          {rows.map((part, i) => (
            <Card key={part.id} {...share(part, view.first + i)} />
          ))}
          <li aria-hidden="true" style={{ height: `${view.below}px` }} />
        </ul>
      ) : (
        <table class="rows sessions" aria-rowcount={pages.more ? -1 : parts.length + 1} aria-label="Sessions, newest activity first">
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
            {rows.map((part, i) => (
              <Row key={part.id} {...share(part, view.first + i)} columns={shown} />
            ))}
            <tr aria-hidden="true" class="space" style={{ height: `${view.below}px` }} />
          </tbody>
        </table>
      )}
      {parts.length > 0 && (
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
            `${counted(parts.length, "session")}, no more in this time.`
          )}
        </p>
      )}
    </div>
  );
}

function Columns({ of, width }: { of: Column[]; width: number }) {
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

interface RowProps {
  part: Part;
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

function Row({ part, now, index, open, active, href, focus, columns }: RowProps & { columns: Column[] }) {
  return (
    <tr data-row={index} aria-rowindex={index + 2} class={open ? "open" : ""} aria-current={open ? "true" : undefined} onClick={(event) => opens(event, href)}>
      {columns.map((column, i) => (
        <td key={column.name} class={`c-${column.name}`}>
          {i === 0 ? (
            <a href={href} tabIndex={active ? 0 : -1} onFocus={focus}>
              {column.cell(part, now)}
              <span class="sr">: {labelOf(part)}</span>
            </a>
          ) : (
            column.cell(part, now)
          )}
        </td>
      ))}
    </tr>
  );
}

function labelOf(part: Part): string {
  return visible(`session of ${part.user ?? "no user"} on ${part.server}`, 200);
}

function Card({ part, now, index, open, active, href, focus }: RowProps) {
  return (
    <li data-row={index} class={open ? "card open" : "card"} aria-current={open ? "true" : undefined} onClick={(event) => opens(event, href)}>
      <a href={href} tabIndex={active ? 0 : -1} onFocus={focus}>
        <span class="card-top">
          <Status part={part} />
          {part.user ? <User user={part.user} total={part.users_total} verified={null} /> : <span class="dim line">{clientText(part.client) || "no user"}</span>}
          <Moment at={part.last_at} now={now} />
        </span>
        <span class="card-mid">
          <Line of={part.server} />
          <span class="num">
            {part.matched !== undefined && part.matched < part.calls && `${shortCount(part.matched)} of `}
            {shortCount(part.calls)} {part.calls === 1 ? "call" : "calls"}
            {part.errors > 0 && <span class="warn"> · {shortCount(part.errors)} err</span>}
            {part.attacks > 0 && <span class="bad"> · {shortCount(part.attacks)} att</span>}
          </span>
        </span>
        <span class="card-low">
          {part.primitives.length ? <Few of={part.primitives.map((primitive) => primitive.name)} total={part.primitives_total} mono /> : part.id_source === "derived" ? <SessionId part={part} /> : <None />}
        </span>
      </a>
    </li>
  );
}

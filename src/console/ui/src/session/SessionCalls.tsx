import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { changed, go, type Address } from "../address";
import type { Pages } from "../api/hooks";
import type { Call } from "../api/shapes";
import { Text } from "../parts/Text";
import { reveal, useWidth, useWindow } from "../parts/windowed";
import { bytes, count, counted, duration } from "../text/numbers";
import { clockExact, full } from "../text/times";
import { visible } from "../text/visible";
import { Direction, NeverListed, Outcome, toneOf } from "./outcome";
import { pauses, waterfall, type Bar } from "./waterfall";

const ROW_PX = 30;
const HEAD_PX = 28;
const BEYOND = 12;

interface Place {
  call: Call;
  pause: number | null;
  bar: Bar | null;
}

interface Column {
  name: string;
  title: string;
  width_px: number;
  grow?: number;
  /** Where room is short, higher ones go first. */
  rank: number;
  cell: (place: Place) => ComponentChildren;
}

const COLUMNS: Column[] = [
  {
    name: "time",
    title: "Time",
    width_px: 112,
    rank: 0,
    cell: ({ call }) => <time dateTime={call.at}>{clockExact(new Date(call.at))}</time>,
  },
  { name: "pause", title: "", width_px: 66, rank: 6, cell: ({ pause }) => pause !== null && <span title={`Nothing for ${duration(pause)} before this call`}>+{duration(pause)}</span> },
  { name: "method", title: "Method", width_px: 132, grow: 0.5, rank: 4, cell: ({ call }) => <Method call={call} /> },
  { name: "name", title: "Call", width_px: 150, grow: 3, rank: 0, cell: ({ call }) => <Name call={call} /> },
  { name: "outcome", title: "Outcome", width_px: 134, grow: 0.5, rank: 2, cell: ({ call }) => <Outcome call={call} /> },
  { name: "status", title: "HTTP", width_px: 48, rank: 7, cell: ({ call }) => <span class={(call.status ?? 0) >= 400 ? "warn" : "dim"}>{call.status ?? "–"}</span> },
  { name: "ms", title: "Duration", width_px: 72, rank: 1, cell: ({ call }) => duration(call.duration_ms) },
  { name: "bytes", title: "Size", width_px: 66, rank: 8, cell: ({ call }) => <span class="dim" title={`${bytes(call.bytes_in)} in, ${bytes(call.bytes_out)} out`}>{bytes(call.bytes_in + call.bytes_out)}</span> },
  { name: "fall", title: "Waterfall", width_px: 130, grow: 3, rank: 3, cell: ({ call, bar }) => bar && <Fall bar={bar} call={call} /> },
];

function columnsFor(width_px: number, pauses: boolean): Column[] {
  let room = width_px;
  const kept = COLUMNS.filter((column) => pauses || column.name !== "pause")
    .sort((a, b) => a.rank - b.rank)
    .filter((column) => {
      room -= column.width_px;
      return room >= 0;
    })
    .map((column) => column.name);
  // Without a column of its own the outcome stands as a mark before the name.
  return COLUMNS.filter((column) => kept.includes(column.name) || column.rank === 0);
}

function Method({ call }: { call: Call }) {
  return (
    <span class="call-name dim">
      <Direction call={call} />
      <span class="line" title={visible(call.method ?? "")}>
        {call.method ? <Text of={call.method} max={100} /> : "answer"}
      </span>
    </span>
  );
}

function Name({ call }: { call: Call }) {
  const name = call.primitive?.name ?? call.method;
  return (
    <span class={call.continues ? "call-name joined" : "call-name"}>
      <span class="only-without-method">
        <Direction call={call} />
      </span>
      {call.continues && (
        <span class="round" title="Answers the input that an earlier call asked for">
          ↳
        </span>
      )}
      <span class={call.primitive ? "mono line" : "line dim no-primitive"} title={visible(name ?? "answer to the server")}>
        <Text of={name ?? "answer to the server"} max={160} />
      </span>
      {call.listed === false && <NeverListed />}
      {call.notifications > 0 && (
        <span class="tag num" title={counted(call.notifications, "notification of the server", "notifications of the server")}>
          {count(call.notifications)} ⋯
        </span>
      )}
    </span>
  );
}

function Fall({ bar, call }: { bar: Bar; call: Call }) {
  const tone = call.attacks.length ? "bad" : toneOf(call.outcome);
  return (
    <span class="fall">
      <i class={`${tone}${call.duration_ms === null ? " going" : ""}${call.outcome === "blocked" ? " blocked" : ""}`} style={{ left: `${bar.left}%`, width: `${bar.width}%` }}>
        {bar.first_event !== null && bar.width > 0 && <b style={{ width: `${Math.min(100, (100 * bar.first_event) / bar.width)}%` }} />}
      </i>
    </span>
  );
}

interface Props {
  pages: Pages<Call>;
  /** The pages' calls by time. */
  calls: Call[];
  address: Address;
  /** Calls that came while the end of the list was not in view. */
  unseen: number;
  showEnd: () => void;
  atEnd: (yes: boolean) => void;
}

/** A session's calls in order, with a waterfall of what is in view. */
export function SessionCalls({ pages, calls, address, unseen, showEnd, atEnd }: Props) {
  const pane = useRef<HTMLDivElement>(null);
  const width = useWidth(pane);
  const open = address.params.get("call");
  const [active, activate] = useState(0);
  const latest = useRef(0);
  const setActive = (index: number) => {
    latest.current = index;
    activate(index);
  };
  const view = useWindow(pane, calls.length, ROW_PX, pages.loadMore);
  const gaps = useMemo(() => pauses(calls), [calls]);
  const shown = columnsFor(width, gaps.some((pause) => pause !== null));
  const least = shown.reduce((sum, column) => sum + column.width_px, 0);
  const grow = shown.reduce((sum, column) => sum + (column.grow ?? 0), 0) || 1;
  // The scale of the waterfall is that of the rows in view.
  const [from, to] = [view.first === 0 ? 0 : view.first + BEYOND, Math.max(view.first + 1, view.end === calls.length ? view.end : view.end - BEYOND)];
  const bars = useMemo(() => waterfall(calls.slice(from, to)), [calls, from, to]);
  const linkTo = (call: Call) => changed(address, { call: call.id });
  const isAtEnd = view.end >= calls.length && !pages.more;
  useEffect(() => atEnd(isAtEnd), [isAtEnd]);
  useEffect(() => {
    const at = calls.findIndex((call) => call.id === open);
    if (at < 0) return;
    setActive(at);
    reveal(pane.current, at, ROW_PX, HEAD_PX);
  }, [open, calls.length > 0]);

  const move = (to: number) => {
    const index = Math.max(0, Math.min(calls.length - 1, to));
    setActive(index);
    reveal(pane.current, index, ROW_PX, HEAD_PX);
    requestAnimationFrame(() => requestAnimationFrame(() => pane.current?.querySelector<HTMLElement>(`[data-row="${index}"] a`)?.focus({ preventScroll: true })));
    const call = calls[index];
    if (open && call) go(linkTo(call), true);
  };
  const keys = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" && (event.target as HTMLElement).closest("[data-row]")) {
      // The focus may not have arrived yet where keys come quickly.
      const call = calls[latest.current];
      event.preventDefault();
      if (call) go(linkTo(call));
      return;
    }
    const active = latest.current;
    const page = Math.max(1, Math.floor((pane.current?.clientHeight ?? 0) / ROW_PX) - 2);
    const steps: Record<string, number> = { ArrowDown: active + 1, j: active + 1, ArrowUp: active - 1, k: active - 1, PageDown: active + page, PageUp: active - page, Home: 0, End: calls.length - 1 };
    const to = steps[event.key];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    move(to);
  };
  return (
    <div class="calls" ref={pane} onKeyDown={keys} role="region" aria-label="Calls" tabIndex={-1}>
      <table class={shown.some((column) => column.name === "method") ? "rows has-method" : "rows"} aria-rowcount={pages.more ? -1 : calls.length + 1} aria-label="Calls in order">
        <colgroup>
          {shown.map((column) => (
            <col key={column.name} style={{ width: `${column.width_px + (Math.max(0, width - least) * (column.grow ?? 0)) / grow}px` }} />
          ))}
        </colgroup>
        <thead>
          <tr>
            {shown.map((column) => (
              <th key={column.name} scope="col" class={`c-${column.name}`}>
                {column.title || <span class="sr">Pause before it</span>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <tr aria-hidden="true" class="space" style={{ height: `${view.above}px` }} />
          {calls.slice(view.first, view.end).map((call, i) => {
            const index = view.first + i;
            return (
              <Row
                key={call.id}
                place={{ call, pause: gaps[index] ?? null, bar: bars[index - from] ?? null }}
                columns={shown}
                index={index}
                open={call.id === open}
                active={index === active}
                href={linkTo(call)}
                focus={() => setActive(index)}
              />
            );
          })}
          <tr aria-hidden="true" class="space" style={{ height: `${view.below}px` }} />
        </tbody>
      </table>
      {pages.more && (
        <p class="list-end" role="status">
          {pages.problem ? (
            <>
              The next calls did not come: {pages.problem.title}.{" "}
              <button type="button" onClick={pages.again}>
                Try again
              </button>
            </>
          ) : (
            "Loading more…"
          )}
        </p>
      )}
      {unseen > 0 && (
        <button
          type="button"
          class="news low"
          onClick={() => {
            showEnd();
            if (pane.current) pane.current.scrollTop = pane.current.scrollHeight;
          }}
        >
          {counted(unseen, "new call")}. Show
        </button>
      )}
    </div>
  );
}

interface RowProps {
  place: Place;
  columns: Column[];
  index: number;
  open: boolean;
  active: boolean;
  href: string;
  focus: () => void;
}

function Row({ place, columns, index, open, active, href, focus }: RowProps) {
  const { call } = place;
  const tone = call.attacks.length ? "attacked" : "";
  const opens = (event: MouseEvent) => {
    if ((event.target as HTMLElement).closest("a, button") || getSelection()?.toString()) return;
    go(href);
  };
  const noOutcome = !columns.some((column) => column.name === "outcome");
  return (
    <tr data-row={index} aria-rowindex={index + 2} class={[open ? "open" : "", tone, place.pause !== null ? "after-pause" : ""].join(" ")} aria-current={open ? "true" : undefined} onClick={opens}>
      {columns.map((column) => (
        <td key={column.name} class={`c-${column.name}`} title={column.name === "time" ? full(new Date(call.at)) : undefined}>
          {column.name === "name" ? (
            <a href={href} tabIndex={active ? 0 : -1} onFocus={focus}>
              {noOutcome && <Outcome call={call} brief />}
              {column.cell(place)}
            </a>
          ) : (
            column.cell(place)
          )}
        </td>
      ))}
    </tr>
  );
}

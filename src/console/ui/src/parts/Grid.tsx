import type { ComponentChildren } from "preact";
import { useMemo, useState } from "preact/hooks";
import { count } from "../text/numbers";
import { Icon } from "./Icon";

export interface GridColumn<T> {
  name: string;
  title: string;
  /** Shares what the others leave. */
  wide?: boolean;
  number?: boolean;
  /** Left out on narrow screens. */
  optional?: boolean;
  /** Left out before all others. */
  spare?: boolean;
  /** Left out where there is hardly any room. */
  roomy?: boolean;
  cell: (row: T) => ComponentChildren;
  /** What to sort by. */
  by?: (row: T) => string | number | null;
}

/** Rows that are drawn at once; a server may list ten thousand tools. */
const ROWS_SHOWN = 300;

interface Props<T> {
  rows: T[];
  columns: GridColumn<T>[];
  keyOf: (row: T) => string;
  label: string;
  /** The column that is sorted by at first, descending. */
  first: string;
  /** Where a row leads. */
  href?: (row: T) => string;
  isOpen?: (row: T) => boolean;
}

/** A table that fits in one answer: every column can be sorted. */
export function Grid<T>({ rows, columns, keyOf, label, first, href, isOpen }: Props<T>) {
  const [sort, setSort] = useState({ name: first, down: true });
  const [shown, setShown] = useState(ROWS_SHOWN);
  const sorted = useMemo(() => {
    const by = columns.find((column) => column.name === sort.name)?.by;
    if (!by) return rows;
    const sign = sort.down ? -1 : 1;
    return [...rows].sort((a, b) => {
      const [x, y] = [by(a), by(b)];
      if (x === null || y === null) return x === y ? 0 : x === null ? 1 : -1;
      return x < y ? -sign : x > y ? sign : 0;
    });
  }, [rows, sort]);
  // What is open is drawn, wherever it stands.
  const end = Math.max(shown, isOpen ? sorted.findIndex(isOpen) + 1 : 0);
  return (
    <>
      <table class="rows grid" aria-label={label}>
        <colgroup>
          {columns.map((column) => (
            <col key={column.name} class={`${column.wide ? "" : column.number ? "number" : "text"}${column.optional ? " optional" : ""}${column.roomy ? " roomy" : ""}${column.spare ? " spare" : ""}`} />
          ))}
        </colgroup>
        <thead>
          <tr>
            {columns.map((column) => {
              const on = sort.name === column.name;
              return (
                <th key={column.name} scope="col" class={classes(column)} aria-sort={on ? (sort.down ? "descending" : "ascending") : undefined}>
                  {column.by ? (
                    <button type="button" class={on ? "sort on" : "sort"} onClick={() => setSort({ name: column.name, down: on ? !sort.down : column.number === true })}>
                      {column.title}
                      <span class={sort.down ? "" : "up"}>
                        <Icon name="down" size={10} />
                      </span>
                    </button>
                  ) : (
                    column.title
                  )}
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>
          {sorted.slice(0, end).map((row) => {
            const to = href?.(row);
            const open = isOpen?.(row) ?? false;
            const opens = (event: MouseEvent) => {
              if (to && !(event.target as HTMLElement).closest("a, button") && !getSelection()?.toString()) location.hash = to;
            };
            return (
              <tr key={keyOf(row)} class={open ? "open" : to ? "" : "still"} onClick={opens}>
                {columns.map((column, i) => (
                  <td key={column.name} class={classes(column)}>
                    {i === 0 && to ? <a href={to}>{column.cell(row)}</a> : column.cell(row)}
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
      {sorted.length > end && (
        <p class="list-end">
          <button type="button" onClick={() => setShown(end + ROWS_SHOWN * 3)}>
            Show more of {count(sorted.length)}
          </button>
        </p>
      )}
    </>
  );
}

function classes<T>(column: GridColumn<T>): string {
  return [column.wide ? "wide" : "", column.number ? "num right" : "", column.optional ? "optional" : "", column.roomy ? "roomy" : "", column.spare ? "spare" : ""].join(" ");
}

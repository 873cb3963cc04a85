import type { Part } from "../api/shapes";
import { fitting, type RowColumn } from "../parts/RowList";
import { Line, None } from "../parts/Text";
import { Moment } from "../parts/time";
import { duration } from "../text/numbers";
import { clientText, Few, SessionId, Status, Sums, User } from "./cells";

export type Column = RowColumn<Part>;

export const COLUMNS: Column[] = [
  { name: "last", title: "Last activity", width_px: 112, rank: 0, cell: (part, now) => <Moment at={part.last_at} now={now} /> },
  {
    name: "started",
    title: "Started",
    hint: "Started, and how long it went on",
    width_px: 172,
    rank: 6,
    cell: (part, now) => (
      <span class="started">
        <Moment at={part.started_at} now={now} />
        <span class="dim num">{duration(Date.parse(part.last_at) - Date.parse(part.started_at))}</span>
      </span>
    ),
  },
  { name: "state", title: "Status", width_px: 82, rank: 3, cell: (part) => <Status part={part} /> },
  { name: "sums", title: "Calls · err · att", hint: "Calls, errors and attacks", width_px: 132, rank: 1, linked: true, cell: (part) => <Sums part={part} /> },
  { name: "user", title: "User", width_px: 176, grow: 3, rank: 1, cell: (part) => <User user={part.user} total={part.users_total} verified={part.verified} /> },
  { name: "roles", title: "Roles", width_px: 128, grow: 1, rank: 8, cell: (part) => <Few of={part.roles} /> },
  { name: "client", title: "Client", width_px: 128, grow: 1, rank: 5, cell: (part) => (part.client ? <Line of={clientText(part.client)} /> : <None />) },
  { name: "address", title: "Address", width_px: 112, rank: 9, cell: (part) => (part.address ? <Line of={part.address} mono /> : <None />) },
  { name: "server", title: "MCP server", width_px: 168, grow: 2, rank: 2, cell: (part) => <Line of={part.server} /> },
  { name: "methods", title: "Methods", width_px: 176, grow: 2, rank: 10, cell: (part) => <Few of={part.methods.map((method) => method.name)} total={part.methods_total} /> },
  { name: "primitives", title: "Requested primitives", width_px: 232, grow: 4, rank: 4, cell: (part) => <Few of={part.primitives.map((primitive) => primitive.name)} total={part.primitives_total} mono /> },
  { name: "id", title: "Session id", width_px: 176, grow: 2, rank: 7, cell: (part) => <SessionId part={part} /> },
];

const STORED_AS = "mcp-sessions.columns";

/** The columns someone chose, or null: those that have room. */
export function chosenColumns(): string[] | null {
  try {
    const names = JSON.parse(localStorage.getItem(STORED_AS) ?? "null") as unknown;
    return Array.isArray(names) && names.length ? names.filter((name) => COLUMNS.some((column) => column.name === name)) : null;
  } catch {
    return null;
  }
}

export function rememberColumns(names: string[] | null): void {
  try {
    if (names) localStorage.setItem(STORED_AS, JSON.stringify(names));
    else localStorage.removeItem(STORED_AS);
  } catch {
    // Storage may be forbidden; the choice then lasts as long as the page.
  }
}

/** Columns that stand side by side in a width: the chosen ones, or as many as fit. */
export function columnsFor(width_px: number, chosen: string[] | null): Column[] {
  if (chosen) return COLUMNS.filter((column) => chosen.includes(column.name));
  return fitting(COLUMNS, width_px);
}

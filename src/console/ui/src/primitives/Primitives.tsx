import { changed, link, type Address } from "../address";
import type { Answer } from "../api/hooks";
import type { List, ServerDetails, ServerPrimitive } from "../api/shapes";
import { Days } from "../parts/Days";
import { Grid, type GridColumn } from "../parts/Grid";
import { Icon } from "../parts/Icon";
import { Empty, Failure, Skeleton } from "../parts/Notice";
import { Line, None, Text } from "../parts/Text";
import { Ago } from "../parts/time";
import { timeOf } from "../servers/ServersPage";
import { count, duration, percent } from "../text/numbers";
import { Badges, Status } from "./Badges";
import { STATUSES, weekOf } from "./words";

/** The statuses that can be asked for, in the order in which they matter. */
const ASKED = ["new", "changed", "unlisted", "unused"];

const isOpen = (address: Address) => (row: ServerPrimitive) => row.kind === address.params.get("kind") && row.name === address.params.get("primitive");

/** The primitive that the address names. */
export function openPrimitive(address: Address, rows: ServerPrimitive[]): ServerPrimitive | undefined {
  return address.params.has("primitive") ? rows.find(isOpen(address)) : undefined;
}

/** What an MCP server lists, and what was called of it. */
export function Primitives({ server, answer, address, now }: { server: ServerDetails; answer: Answer<List<ServerPrimitive>>; address: Address; now: Date }) {
  const all = answer.data?.items ?? [];
  const wanted = address.params.getAll("status");
  const rows = wanted.length ? all.filter((row) => wanted.includes(row.status ?? "active")) : all;
  const columns: GridColumn<ServerPrimitive>[] = [
    { name: "name", title: "Primitive", wide: true, cell: (row) => <Name row={row} />, by: (row) => row.name },
    { name: "kind", title: "Kind", cell: (row) => <span class="dim"><Text of={row.kind} max={40} /></span>, by: (row) => row.kind, optional: true },
    { name: "status", title: "Status", cell: (row) => ((row.status ?? "active") === "active" ? <None title="Active: listed, and in use" /> : <Status status={row.status ?? ""} />), by: (row) => row.status ?? "" },
    { name: "hints", title: "Says of itself", wide: true, cell: (row) => <span class="tags"><Badges of={row.annotations} max={2} /></span>, optional: true },
    {
      name: "calls",
      title: "Calls",
      number: true,
      cell: (row) =>
        row.calls > 0 ? (
          <a class="link" href={link("sessions", null, new URLSearchParams([...timeOf(address), ["server", server.name], ["primitive", row.name]]))} title="Its sessions">
            {count(row.calls)}
          </a>
        ) : (
          <span class="none">0</span>
        ),
      by: (row) => row.calls,
    },
    { name: "days", title: "7 days", cell: (row) => <Days of={weekOf(row).map(({ day, calls, errors }) => ({ day, all: calls, part: errors }))} all="call" part="failed" tone="warn" />, optional: true },
    { name: "rate", title: "Errors", number: true, roomy: true, cell: (row) => <span class={row.errors ? "warn" : "none"}>{percent(row.calls ? row.errors / row.calls : null)}</span>, by: (row) => (row.calls ? row.errors / row.calls : null) },
    { name: "p95", title: "95 %", number: true, cell: (row) => duration(row.p95_ms), by: (row) => row.p95_ms, optional: true },
    { name: "changed", title: "Changed", number: true, cell: (row) => <Ago at={row.changed_at} now={now} />, by: (row) => row.changed_at, optional: true },
  ];
  return (
    <section>
      <h2>Primitives</h2>
      {server.lists_differ && (
        <p class="lists-differ">
          <Icon name="warn" /> It lists different primitives to different users. What stands here, and what a tool schema control enforces, is all that any of them was shown.
        </p>
      )}
      {address.params.has("primitive") && answer.data && !all.some(isOpen(address)) && (
        <p class="narrowed" role="status">
          The primitive that the link names is not listed, and was not called in this time.
        </p>
      )}
      {all.length > 0 && (
        <p class="filters inline" role="group" aria-label="Filter by status">
          {ASKED.map((status) => {
            const n = all.filter((row) => row.status === status).length;
            const on = wanted.includes(status);
            return (
              <a key={status} class={on ? "pill on" : "pill"} aria-current={on ? "true" : undefined} href={changed(address, { status: on ? wanted.filter((one) => one !== status) : [...wanted, status] })} title={STATUSES[status]?.[1]}>
                <span class="pill-open">
                  {STATUSES[status]?.[0]} <b class="num">{count(n)}</b>
                </span>
              </a>
            );
          })}
          {wanted.length > 0 && (
            <a class="link" href={changed(address, { status: null })}>
              Show all {count(all.length)}
            </a>
          )}
        </p>
      )}
      {answer.problem && !answer.data ? (
        <Failure problem={answer.problem} again={answer.again} />
      ) : rows.length ? (
        <Grid
          rows={rows}
          columns={columns}
          keyOf={(row) => `${row.kind} ${row.name}`}
          label="Primitives"
          first="calls"
          href={(row) => changed(address, { kind: row.kind, primitive: row.name })}
          isOpen={isOpen(address)}
        />
      ) : answer.loading ? (
        <Skeleton rows={5} />
      ) : (
        <Empty title={wanted.length ? "None of this status" : "None listed, and none called in this time"} />
      )}
    </section>
  );
}

function Name({ row }: { row: ServerPrimitive }) {
  return (
    <span class="two-names">
      <Line of={row.name} mono />
      {row.title && row.title !== row.name && (
        <span class="dim line">
          <Text of={row.title} max={120} />
        </span>
      )}
    </span>
  );
}

import { useMemo, useState } from "preact/hooks";
import { link, type Address } from "../address";
import { useAnswer } from "../api/hooks";
import type { List, Server } from "../api/shapes";
import { Grid, type GridColumn } from "../parts/Grid";
import { Empty, Failure, Skeleton, Warnings } from "../parts/Notice";
import { Line } from "../parts/Text";
import { Ago, useNow } from "../parts/time";
import { TimeBar } from "../parts/TimeBar";
import { rangeOf, spanOf, titleOf } from "../range";
import { count, counted, duration, percent } from "../text/numbers";
import { AttackCount } from "../sessions/cells";
import { ServerPage } from "./ServerPage";

/** From and to as the API takes them. */
export function spanQuestion(address: Address): string {
  const span = spanOf(rangeOf(address.params), new Date());
  return new URLSearchParams({ from: span.from.toISOString(), ...(span.to ? { to: span.to.toISOString() } : {}) }).toString();
}

export function timeOf(address: Address): URLSearchParams {
  return new URLSearchParams([...address.params].filter(([name]) => ["range", "from", "to"].includes(name)));
}

/** MCP servers with what was asked of them; one of them in detail. */
export function ServersPage({ address }: { address: Address }) {
  return address.id ? <ServerPage key={address.id} id={address.id} address={address} /> : <ServerList address={address} />;
}

function ServerList({ address }: { address: Address }) {
  const [tick, setTick] = useState(0);
  const now = useNow();
  const range = JSON.stringify(rangeOf(address.params));
  const question = useMemo(() => spanQuestion(address), [range, tick]);
  const answer = useAnswer<List<Server>>(`servers?${question}`, tick);
  const columns: GridColumn<Server>[] = [
    { name: "name", title: "MCP server", wide: true, cell: (row) => <Line of={row.name} />, by: (row) => row.name },
    { name: "sessions", title: "Sessions", number: true, cell: (row) => count(row.sessions), by: (row) => row.sessions },
    { name: "calls", title: "Calls", number: true, cell: (row) => count(row.calls), by: (row) => row.calls },
    { name: "rate", title: "Errors", number: true, cell: (row) => <span class={row.errors ? "warn" : "none"}>{percent(row.error_rate)}</span>, by: (row) => row.error_rate },
    { name: "attacks", title: "Attacks", number: true, cell: (row) => <AttackCount n={row.attacks} href={link("attacks", null, new URLSearchParams([...timeOf(address), ["server", row.name]]))} />, by: (row) => row.attacks, optional: true },
    { name: "tools", title: "Tools", number: true, cell: (row) => <Listed n={row.tools} of={row} />, by: (row) => row.tools, optional: true },
    { name: "resources", title: "Resources", number: true, cell: (row) => <Listed n={row.resources} of={row} />, by: (row) => row.resources, optional: true },
    { name: "prompts", title: "Prompts", number: true, cell: (row) => <Listed n={row.prompts} of={row} />, by: (row) => row.prompts, optional: true },
    { name: "p50", title: "Median", number: true, cell: (row) => duration(row.p50_ms), by: (row) => row.p50_ms, optional: true, spare: true },
    { name: "p95", title: "95 %", number: true, cell: (row) => duration(row.p95_ms), by: (row) => row.p95_ms, roomy: true },
    { name: "first", title: "First seen", number: true, cell: (row) => <Ago at={row.first_seen_at} now={now} />, by: (row) => row.first_seen_at, optional: true, spare: true },
    { name: "last", title: "Last seen", number: true, cell: (row) => <Ago at={row.last_seen_at} now={now} />, by: (row) => row.last_seen_at, optional: true },
  ];
  const rows = answer.data?.items ?? [];
  return (
    <div class="view">
      <TimeBar title="MCP servers" address={address} now={now} refresh={() => setTick((n) => n + 1)} />
      <Warnings of={answer.data?.warnings ?? []} />
      <div class={answer.loading && answer.data ? "view-body stale" : "view-body"}>
        {answer.problem && !answer.data ? (
          <Failure problem={answer.problem} again={answer.again} />
        ) : rows.length ? (
          <Grid rows={rows} columns={columns} keyOf={(row) => row.id} label="MCP servers" first="calls" href={(row) => link("servers", row.id, timeOf(address))} />
        ) : answer.loading ? (
          <Skeleton />
        ) : (
          <Empty title={`No MCP server: ${titleOf(rangeOf(address.params), now).toLowerCase()}`}>
            <p>A server appears with its first 2xx answer to an MCP call, in any location where mcp_sessions is on.</p>
            <p class="steps">
              <a class="button" href={link("servers", null, { range: "7d" })}>
                Look at 7 days
              </a>
            </p>
          </Empty>
        )}
      </div>
    </div>
  );
}

/** How many an MCP server lists; what was called without being listed is in the sum only. */
function Listed({ n, of }: { n: number; of: Server }) {
  return (
    <span class={n ? "" : "none"} title={`${counted(of.primitives, "primitive")}, listed or called`}>
      {count(n)}
    </span>
  );
}

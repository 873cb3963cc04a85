import { useMemo, useState } from "preact/hooks";
import { link, type Address } from "../address";
import { useAnswer } from "../api/hooks";
import type { Agent, List } from "../api/shapes";
import { Grid, type GridColumn } from "../parts/Grid";
import { Empty, Failure, Skeleton, Warnings } from "../parts/Notice";
import { Line, None } from "../parts/Text";
import { Ago, useNow } from "../parts/time";
import { TimeBar } from "../parts/TimeBar";
import { rangeOf, titleOf } from "../range";
import { spanQuestion, timeOf } from "../servers/ServersPage";
import { AttackCount, clientText, Few } from "../sessions/cells";
import { count } from "../text/numbers";
import { AgentDay } from "./AgentDay";

const keyOf = (agent: Agent) => JSON.stringify([agent.user, agent.client?.name ?? null, agent.client?.version ?? null]);

/** Users and clients across servers; one of them with its timeline. */
export function AgentsPage({ address }: { address: Address }) {
  const [tick, setTick] = useState(0);
  const now = useNow();
  const range = JSON.stringify(rangeOf(address.params));
  const question = useMemo(() => spanQuestion(address), [range, tick]);
  const answer = useAnswer<List<Agent>>(`agents?${question}`, tick);
  const rows = answer.data?.items ?? [];
  const params = address.params;
  const open = params.has("user") || params.has("client");
  const isOpen = (agent: Agent) => open && (agent.user ?? "") === (params.get("user") ?? "") && (agent.client?.name ?? null) === params.get("client");
  const hrefOf = (agent: Agent) => {
    const next = timeOf(address);
    next.set("user", agent.user ?? "");
    if (agent.client?.name) next.set("client", agent.client.name);
    return link("agents", null, next);
  };
  const attacksOf = (agent: Agent) => link("attacks", null, new URLSearchParams([...timeOf(address), ["user", agent.user ?? ""], ...(agent.client?.name ? [["client", agent.client.name]] : [])]));
  const columns: GridColumn<Agent>[] = [
    { name: "user", title: "User", wide: true, cell: (row) => (row.user ? <Line of={row.user} /> : <span class="dim">no user</span>), by: (row) => row.user ?? "" },
    { name: "client", title: "Client", wide: true, cell: (row) => (row.client ? <Line of={clientText(row.client)} /> : <None />), by: (row) => row.client?.name ?? "" },
    { name: "sessions", title: "Sessions", number: true, cell: (row) => count(row.sessions), by: (row) => row.sessions },
    { name: "calls", title: "Calls", number: true, cell: (row) => count(row.calls), by: (row) => row.calls },
    { name: "errors", title: "Errors", number: true, cell: (row) => <span class={row.errors ? "warn" : "none"}>{count(row.errors)}</span>, by: (row) => row.errors, optional: true },
    { name: "attacks", title: "Attacks", number: true, cell: (row) => <AttackCount n={row.attacks} href={attacksOf(row)} />, by: (row) => row.attacks, optional: true },
    { name: "servers", title: "MCP servers", wide: true, cell: (row) => <Few of={row.servers.map((server) => server.name)} total={row.servers_total} />, by: (row) => row.servers_total, optional: true },
    { name: "tools", title: "Tools", wide: true, cell: (row) => <Few of={row.tools.map((tool) => tool.name)} total={row.tools_total} first={3} mono />, by: (row) => row.tools_total, optional: true },
    { name: "last", title: "Last seen", number: true, cell: (row) => <Ago at={row.last_seen_at} now={now} />, by: (row) => row.last_seen_at },
  ];
  return (
    <div class="view">
      <TimeBar title="Agents" address={address} now={now} refresh={() => setTick((n) => n + 1)} />
      <Warnings of={answer.data?.warnings ?? []} />
      {open && <AgentDay key={`${params.get("user")} ${params.get("client")} ${question}`} address={address} question={question} tick={tick} />}
      <div class={answer.loading && answer.data ? "view-body stale" : "view-body"}>
        {answer.problem && !answer.data ? (
          <Failure problem={answer.problem} again={answer.again} />
        ) : rows.length ? (
          <Grid rows={rows} columns={columns} keyOf={keyOf} label="Agents: users and their clients" first="last" href={hrefOf} isOpen={isOpen} />
        ) : answer.loading ? (
          <Skeleton />
        ) : (
          <Empty title={`No agent: ${titleOf(rangeOf(params), now).toLowerCase()}`}>
            <p>Nobody called an MCP server in this time.</p>
            <p class="steps">
              <a class="button" href={link("agents", null, { range: "7d" })}>
                Look at 7 days
              </a>
            </p>
          </Empty>
        )}
      </div>
    </div>
  );
}

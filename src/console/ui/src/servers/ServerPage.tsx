import { useMemo, useState } from "preact/hooks";
import { link, type Address } from "../address";
import { useAll, useAnswer } from "../api/hooks";
import type { ServerDetails, ServerPrimitive } from "../api/shapes";
import { Copy } from "../parts/Copy";
import { Icon } from "../parts/Icon";
import { Failure, Skeleton, Warnings } from "../parts/Notice";
import { Text } from "../parts/Text";
import { Ago, useNow } from "../parts/time";
import { TimeBar } from "../parts/TimeBar";
import { PrimitivePanel } from "../primitives/PrimitivePanel";
import { openPrimitive, Primitives } from "../primitives/Primitives";
import { rangeOf } from "../range";
import { count, duration, percent } from "../text/numbers";
import { visible } from "../text/visible";
import { spanQuestion, timeOf } from "./ServersPage";

/** One MCP server: its primitives, its configuration, and what would let nginx find more. */
export function ServerPage({ id, address }: { id: string; address: Address }) {
  const [tick, setTick] = useState(0);
  const now = useNow();
  const range = JSON.stringify(rangeOf(address.params));
  const question = useMemo(() => spanQuestion(address), [range, tick]);
  const path = `servers/${encodeURIComponent(id)}`;
  const answer = useAnswer<ServerDetails>(`${path}?${question}`, tick);
  const primitives = useAll<ServerPrimitive>(`${path}/primitives?${question}`, tick);
  const server = answer.data;
  const time = timeOf(address);
  const sessionsOf = (more: Record<string, string>) => {
    const params = new URLSearchParams(time);
    for (const [name, value] of Object.entries(more)) params.append(name, value);
    return link("sessions", null, params);
  };
  const title = (
    <>
      <a class="back" href={link("servers", null, time)} aria-label="All MCP servers" title="All MCP servers">
        <Icon name="left" />
      </a>
      {server ? <Text of={server.name} max={200} /> : "MCP server"}
    </>
  );
  const open = openPrimitive(address, primitives.data?.items ?? []);
  return (
    <div class={open ? "sessions-page with-panel even" : "sessions-page"}>
      <div class="view sessions-side">
        <TimeBar title={title} address={address} now={now} refresh={() => setTick((n) => n + 1)}>
          {server && (
            <a class="button" href={sessionsOf({ server: server.name })}>
              Its sessions
            </a>
          )}
        </TimeBar>
        <div class="view-body">
          {answer.problem && !server ? (
            <Failure problem={answer.problem} again={answer.again} />
          ) : !server ? (
            <Skeleton />
          ) : (
            <div class="server">
              <Warnings of={server.warnings ?? []} />
              <Numbers server={server} now={now} attacks={link("attacks", null, new URLSearchParams([...time, ["server", server.name]]))} />
              <Primitives server={server} answer={primitives} address={address} now={now} />
              <Found server={server} />
              <Configured server={server} />
            </div>
          )}
        </div>
      </div>
      {open && server && <PrimitivePanel key={`${open.kind} ${open.name}`} primitive={open} server={server} address={address} />}
    </div>
  );
}

function Numbers({ server, now, attacks }: { server: ServerDetails; now: Date; attacks: string }) {
  return (
    <dl class="numbers num">
      <div>
        <dt>Sessions</dt>
        <dd>{count(server.sessions)}</dd>
      </div>
      <div>
        <dt>Calls</dt>
        <dd>{count(server.calls)}</dd>
      </div>
      <div>
        <dt>Errors</dt>
        <dd class={server.errors ? "warn" : ""}>{percent(server.error_rate)}</dd>
      </div>
      <div>
        <dt>Attacks</dt>
        <dd class={server.attacks ? "bad" : ""}>{server.attacks ? <a href={attacks}>{count(server.attacks)}</a> : "0"}</dd>
      </div>
      <div>
        <dt>Median</dt>
        <dd>{duration(server.p50_ms)}</dd>
      </div>
      <div>
        <dt>95 %</dt>
        <dd>{duration(server.p95_ms)}</dd>
      </div>
      <div>
        <dt>Last seen</dt>
        <dd>
          <Ago at={server.last_seen_at} now={now} />
        </dd>
      </div>
    </dl>
  );
}

const FOUND: Record<string, string> = { user: "User", role: "Roles", session_id: "Session id" };
/** Below this share something is worth improving. */
const GOOD_SHARE = 0.95;

/** In which share of calls user, roles and session id were found. */
function Found({ server }: { server: ServerDetails }) {
  return (
    <section>
      <h2>What was found in its calls</h2>
      <ul class="found">
        {server.found.map(({ name, share, examples }) => (
          <li key={name}>
            <span>{FOUND[name] ?? <Text of={name} max={60} />}</span>
            <span class={share !== null && share < GOOD_SHARE ? "num warn" : "num"}>{percent(share)}</span>
            <span class="meter" role="img" aria-label={`${percent(share)} of calls`}>
              <i style={{ width: `${100 * (share ?? 0)}%` }} />
            </span>
            <span class="dim line mono">{examples.length ? <Text of={examples.join("  ")} max={200} /> : "no example"}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Configured({ server }: { server: ServerDetails }) {
  const locations = [...new Set(server.configuration.map((line) => line.location))];
  return (
    <>
      {locations.map((location) => (
        <section key={location}>
          <h2>
            Configuration in force{" "}
            <small class="dim">
              <Text of={location} max={200} />
            </small>
          </h2>
          <table class="conf mono" aria-label={`Directives in force in ${visible(location, 200)}`}>
            <tbody>
              {server.configuration
                .filter((line) => line.location === location)
                .map((line, i) => (
                  <tr key={i}>
                    <th scope="row">{line.directive}</th>
                    <td class="wrap">
                      <Text of={line.value} max={600} />
                    </td>
                    <td class="dim">{line.place ? <Text of={line.place} max={300} /> : "default"}</td>
                  </tr>
                ))}
            </tbody>
          </table>
        </section>
      ))}
      {server.advice.length > 0 && (
        <section>
          <h2>What would find more</h2>
          {server.advice.map(({ reason, lines }) => (
            <div key={reason} class="advice">
              <p>
                <Text of={reason} lines max={2000} />
              </p>
              <pre>
                <Text of={lines} lines max={4000} />
                <Copy text={lines} what="these lines" label="Copy" />
              </pre>
            </div>
          ))}
        </section>
      )}
    </>
  );
}

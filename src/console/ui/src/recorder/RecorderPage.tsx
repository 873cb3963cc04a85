import { useEffect, useState } from "preact/hooks";
import { useAnswer } from "../api/hooks";
import type { Catalog, Stats } from "../api/shapes";
import { Icon } from "../parts/Icon";
import { Empty, Failure, Skeleton } from "../parts/Notice";
import { Text } from "../parts/Text";
import { bytes, count, counted, duration } from "../text/numbers";

const EVERY_MS = 5000;

/** The recorder's health: what was written and what was not, how far behind it is, what is on disk. */
export function RecorderPage() {
  const [tick, setTick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => !document.hidden && setTick((n) => n + 1), EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  const answer = useAnswer<Stats>("stats", tick);
  const stats = answer.data;
  return (
    <div class="view">
      <div class="toolbar view-head">
        <h1>Recorder</h1>
        <span class="grow" />
        <span class="dim">{stats?.version && <>Version {stats.version}</>}</span>
      </div>
      <div class="view-body" tabIndex={0} role="region" aria-label="Health of the recorder">
        {answer.problem && !stats ? <Failure problem={answer.problem} again={answer.again} /> : stats ? <Health stats={stats} /> : <Skeleton />}
      </div>
    </div>
  );
}

function Health({ stats }: { stats: Stats }) {
  const reasons = { ...stats.dropped, ...(stats.killed === undefined ? {} : { killed: stats.killed }) };
  const dropped = Object.entries(reasons).sort((a, b) => b[1] - a[1]);
  const lost = dropped.reduce((sum, [, n]) => sum + n, 0);
  return (
    <div class="server">
      <p class={lost ? "verdict lost" : "verdict"} role="status">
        <Icon name={lost ? "warn" : "done"} />
        {lost ? `${counted(lost, "exchange")} lost since nginx was started; the reasons are below.` : "Everything that was seen has been recorded."}
      </p>
      <dl class="numbers num">
        <Number name="Written" value={stats.written === undefined ? "–" : count(stats.written)} />
        <Number name="Waiting" value={stats.queued === undefined ? "–" : count(stats.queued)} {...(stats.waiting ? { hint: `${count(stats.waiting)} for another worker` } : {})} />
        <Number name="Behind" value={duration(stats.lag_ms)} />
        <Number name="Dropped" value={count(lost)} bad={lost > 0} />
        {stats.unrecorded !== undefined && <Number name="Not MCP" value={count(stats.unrecorded)} hint="looked at, not recorded" />}
        {stats.body_lost_bytes !== undefined && <Number name="Bodies cut" value={bytes(stats.body_lost_bytes)} hint="over a limit" />}
        {stats.workers !== undefined && <Number name="Workers" value={count(stats.workers)} />}
        {!!stats.panics && <Number name="Bugs caught" value={count(stats.panics)} bad />}
      </dl>
      <section>
        <h2>Dropped, by reason</h2>
        <ul class="found">
          {dropped.map(([reason, n]) => (
            <li key={reason} class={n ? "" : "none"}>
              <span>{REASONS[reason]?.[0] ?? <Text of={reason.replace(/_/g, " ")} max={80} />}</span>
              <span class={n ? "num bad" : "num"}>{count(n)}</span>
              <span class="dim wide">{n > 0 && REASONS[reason]?.[1]}</span>
            </li>
          ))}
        </ul>
        {!dropped.length && <p class="dim">nginx counts no drops.</p>}
      </section>
      {stats.catalog && <Lists catalog={stats.catalog} />}
      <Days stats={stats} />
    </div>
  );
}

/** What a reason means, and what helps. */
const REASONS: Record<string, [string, string]> = {
  queue_full: ["Queue full", "The writer could not keep up: raise queue= of mcp_sessions_store, or give it a faster disk."],
  memory_limit: ["Memory", "mcp_memory_limit was reached: raise it, or lower mcp_body_limit."],
  killed: ["Worker killed", "A worker ended without its writer's last commit."],
  disk_full: ["Disk full", "Make room, or lower max_size= and raise min_free=."],
  shutdown: ["At a shutdown", "The worker had to end before its queue was written."],
  panic: ["A bug", "A bug of the module was caught; please report what the error log says."],
  store_failed: ["Store failed", "A day file could not be written; nginx's error log says why."],
};

/** What MCP servers were heard to offer, how much of its room that takes, and what had none. */
function Lists({ catalog }: { catalog: Catalog }) {
  const { limits } = catalog;
  const left = Object.entries(catalog.left_out).filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1]);
  const room: [string, string, number, number | undefined, string][] = [
    ["MCP servers", count(catalog.servers), catalog.servers, limits.servers, limits.servers === undefined ? "" : `of ${count(limits.servers)}`],
    ["Texts and schemas", bytes(catalog.bytes), catalog.bytes, limits.bytes, limits.bytes === undefined ? "" : `of ${bytes(limits.bytes)}`],
  ];
  return (
    <section aria-label="Catalogue">
      <h2>
        Catalogue <small class="dim num">what MCP servers list: {counted(catalog.primitives, "primitive")} in {counted(catalog.versions, "version")}</small>
      </h2>
      <ul class="found">
        {room.map(([name, value, n, most, of]) => (
          <li key={name}>
            <span>{name}</span>
            <span class={most !== undefined && n >= most ? "num bad" : "num"}>{value}</span>
            <span class="meter">
              <i style={{ width: `${Math.min(100, (100 * n) / Math.max(1, most ?? n))}%` }} />
            </span>
            <span class="dim num-free">{of}</span>
          </li>
        ))}
        {left.map(([reason, n]) => (
          <li key={reason}>
            <span>{LEFT_OUT[reason]?.[0] ?? <Text of={reason.replace(/_/g, " ")} max={80} />}</span>
            <span class="num bad">{count(n)}</span>
            <span class="dim wide">{LEFT_OUT[reason]?.[1](limits)}</span>
          </li>
        ))}
      </ul>
      <p class="dim">{left.length ? "Calls of what is not here are recorded all the same. Counted since the catalogue was made; a list that is looked at anew counts anew." : "Everything that was listed had room."}</p>
    </section>
  );
}

type Bounds = Catalog["limits"];
const bound = (limits: Bounds, name: string) => (limits[name] === undefined ? "the most there can be" : count(limits[name]));

/** What a bound of the catalogue means, and what follows from it. */
const LEFT_OUT: Record<string, [string, (limits: Bounds) => string]> = {
  servers: ["Servers over the bound", (limits) => `There are ${bound(limits, "servers")} MCP servers already; further ones are kept under their host.`],
  truncated: ["Lists cut", () => "A list was longer than mcp_response_limit and could not be read to its end: raise it."],
  items: ["Items left out", () => "An item had no name, or a list too many items."],
  duplicates: ["Named twice", () => "A list named the same twice; the first one counts."],
  text: ["Texts too long", () => "A description or schema is too long to be kept. Its primitive is known without it: no schema, no enforcement."],
  primitives: ["Too many primitives", (limits) => `An MCP server lists more than ${bound(limits, "primitives")} of a kind.`],
  changes: ["Changes too fast", (limits) => `A primitive changed more than ${bound(limits, "changes_an_hour")} times in an hour; its history lacks what came in between.`],
  bytes: ["No room", (limits) => `The texts and schemas of a server reach ${limits.server_bytes === undefined ? "their bound" : bytes(limits.server_bytes)}, or of all servers ${limits.bytes === undefined ? "theirs" : bytes(limits.bytes)}.`],
  pending: ["Not written", () => "The catalogue was locked for so long that lists were given up; they are learned when they pass again."],
};

function Number({ name, value, hint, bad = false }: { name: string; value: string; hint?: string; bad?: boolean }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd class={bad ? "bad" : ""}>
        {value}
        {hint && <small class="dim">{hint}</small>}
      </dd>
    </div>
  );
}

function Days({ stats }: { stats: Stats }) {
  const days = [...(stats.days ?? [])].sort((a, b) => (a.day < b.day ? 1 : -1));
  const most = Math.max(1, ...days.map((day) => day.bytes));
  const total = stats.bytes ?? days.reduce((sum, day) => sum + day.bytes, 0);
  return (
    <section>
      <h2>
        Days on disk <small class="dim num">{bytes(total)}, days are UTC</small>
      </h2>
      {days.length ? (
        <table class="days num" aria-label="Days on disk">
          <tbody>
            {days.map((day) => (
              <tr key={day.day}>
                <th scope="row">{day.day}</th>
                <td class="right">{day.calls == null ? "–" : counted(day.calls, "call")}</td>
                <td class="right">{bytes(day.bytes)}</td>
                <td class="wide">
                  <span class="meter">
                    <i style={{ width: `${(100 * day.bytes) / most}%` }} />
                  </span>
                </td>
                <td>
                  {day.calls_shed ? (
                    <span class="tag doubt" title="The disk's bound was reached (max_size, min_free): of this day only attacked calls are kept, with their sessions and evidence. The other calls are gone, from lists and from sums.">
                      attacks only
                    </span>
                  ) : (
                    day.payloads_shed && (
                      <span class="tag doubt" title="The disk's bound was reached (max_size, min_free): arguments and results of this day were given up; its calls are all there.">
                        without arguments
                      </span>
                    )
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : (
        <Empty title="No day on disk yet">
          <p>The first MCP call makes one.</p>
        </Empty>
      )}
      {days.some((day) => day.calls_shed) && <p class="dim">Attacks only: max_size or min_free was reached, and of such a day only attacked calls are kept. Its other calls are gone, from lists and from sums.</p>}
      {days.some((day) => day.payloads_shed && !day.calls_shed) && <p class="dim">Without arguments: max_size or min_free was reached, and arguments and results of such a day were given up. Its calls are all there.</p>}
    </section>
  );
}

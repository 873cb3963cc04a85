import { useEffect, useState } from "preact/hooks";
import { useAnswer } from "../api/hooks";
import type { Stats } from "../api/shapes";
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
      <div class="view-body">
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
                <td>{day.payloads_shed && <span class="tag doubt" title="Arguments and results of this day were given up for room">without arguments</span>}</td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : (
        <Empty title="No day on disk yet">
          <p>The first MCP call makes one.</p>
        </Empty>
      )}
    </section>
  );
}

import { useMemo } from "preact/hooks";
import { link, type Address } from "../address";
import { usePages } from "../api/hooks";
import type { Part } from "../api/shapes";
import { Icon } from "../parts/Icon";
import { Empty, Failure, Skeleton } from "../parts/Notice";
import { Line, Text } from "../parts/Text";
import { rangeOf, spanOf } from "../range";
import { timeOf } from "../servers/ServersPage";
import { count, counted, duration } from "../text/numbers";
import { clock, date } from "../text/times";
import { visible } from "../text/visible";

const SESSIONS_MAX = 500;
const LANES_MAX = 30;
/** Steps between ticks, in minutes. */
const STEPS = [1, 5, 10, 30, 60, 120, 180, 360, 720, 1440, 2880, 10_080];
const TICKS_MAX = 8;

/** Round times of the browser's zone. */
function ticksOf(from: number, to: number): number[] {
  const step = (STEPS.find((minutes) => (to - from) / 60_000 / minutes <= TICKS_MAX) ?? 20_160) * 60_000;
  const offset = new Date(from).getTimezoneOffset() * 60_000;
  const found: number[] = [];
  for (let time = Math.ceil((from - offset) / step) * step + offset; time < to - (to - from) * 0.04; time += step) found.push(time);
  return found;
}

/** One agent's time: a lane for every server it touched, a bar for every session. */
export function AgentDay({ address, question, tick }: { address: Address; question: string; tick: number }) {
  const params = address.params;
  const user = params.get("user");
  const client = params.get("client");
  const filters = useMemo(() => {
    const asked = new URLSearchParams(question);
    if (user !== null) asked.set("user", user);
    if (client) asked.set("client", client);
    asked.set("limit", String(SESSIONS_MAX));
    return asked;
  }, [question, user, client]);
  const pages = usePages<Part>(`sessions?${filters}`, tick);
  const span = spanOf(rangeOf(params), new Date());
  const [from, to] = [span.from.getTime(), (span.to ?? new Date()).getTime()];
  const lanes = useMemo(() => {
    const found = new Map<string, Part[]>();
    for (const part of pages.items) found.set(part.server, [...(found.get(part.server) ?? []), part]);
    return [...found].sort((a, b) => b[1].length - a[1].length);
  }, [pages.items]);
  const place = (time: number) => (100 * Math.min(Math.max(time - from, 0), to - from)) / Math.max(1, to - from);
  const list = timeOf(address);
  if (user !== null) list.append("user", user);
  if (client) list.append("client", client);
  const linkTo = (part: Part) => {
    const next = new URLSearchParams(list);
    next.set("session", part.id);
    return link("sessions", null, next);
  };
  return (
    <section class="agent" aria-label="Timeline of one agent">
      <header>
        <h2>
          {user ? <Text of={user} max={120} /> : "No user"}
          {client && (
            <span class="dim">
              {" with "}
              <Text of={client} max={80} />
            </span>
          )}
        </h2>
        <span class="dim num">{pages.items.length > 0 && `${counted(pages.items.length, "session")}${pages.more ? " (the newest)" : ""} on ${counted(lanes.length, "server")}`}</span>
        <span class="grow" />
        <a class="button" href={link("sessions", null, list)}>
          Sessions
        </a>
        <a class="button control square plain" href={link("agents", null, timeOf(address))} aria-label="Close the timeline" title="Close">
          <Icon name="close" />
        </a>
      </header>
      {pages.problem && !pages.items.length ? (
        <Failure problem={pages.problem} again={pages.again} />
      ) : lanes.length ? (
        <div class="lanes">
          {lanes.slice(0, LANES_MAX).map(([server, parts]) => (
            <div class="lane" key={server}>
              <Line of={server} />
              <span class="track">
                {parts.map((part) => {
                  const [begin, end] = [Date.parse(part.started_at), Date.parse(part.last_at)];
                  const left = Math.min(place(begin), 99.6);
                  const tone = part.attacks ? "bad" : part.errors ? "warn" : "";
                  const words = `${clock(new Date(begin))}, ${duration(end - begin)}: ${counted(part.matched ?? part.calls, "call")}, ${counted(part.errors, "error")}`;
                  return (
                    <a
                      key={part.id}
                      class={tone}
                      href={linkTo(part)}
                      title={`${words}\n${part.primitives.slice(0, 6).map((one) => visible(one.name, 60)).join(", ")}`}
                      aria-label={`Session on ${visible(server, 100)}, ${words}`}
                      style={{ left: `${left}%`, width: `${Math.max(0.4, place(end) - left)}%` }}
                    />
                  );
                })}
              </span>
            </div>
          ))}
          <div class="lane ticks num" aria-hidden="true">
            <span />
            <span class="track">
              {ticksOf(from, to).map((time) => (
                <span key={time} style={{ left: `${place(time)}%` }}>
                  {to - from > 2 * 86_400_000 ? date(new Date(time)) : clock(new Date(time)).slice(0, 5)}
                </span>
              ))}
            </span>
          </div>
          {lanes.length > LANES_MAX && <p class="dim">and {count(lanes.length - LANES_MAX)} more servers</p>}
        </div>
      ) : pages.loading ? (
        <Skeleton rows={3} />
      ) : (
        <Empty title="No session of this agent in this time" />
      )}
    </section>
  );
}

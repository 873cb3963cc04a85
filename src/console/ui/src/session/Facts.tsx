import type { ComponentChildren } from "preact";
import { changed, type Address } from "../address";
import { useAnswer } from "../api/hooks";
import type { Facets as Counts, PartDetails, Value } from "../api/shapes";
import { Copy } from "../parts/Copy";
import { Text } from "../parts/Text";
import { Moment } from "../parts/time";
import { dayRange } from "../range";
import { clientText, SessionId, Trust } from "../sessions/cells";
import { fieldOf, wordOf } from "../sessions/fields";
import { INSIDE } from "../sessions/query";
import { bytes, count, counted, duration, percent } from "../text/numbers";
import { visible } from "../text/visible";

/** What is known of a session. */
export function Facts({ part, address, now }: { part: PartDetails; address: Address; now: Date }) {
  const params = Object.entries(part.params ?? {});
  const others = part.days.filter((other) => other.id !== part.id);
  return (
    <dl class="facts">
      <Fact name="Server">
        <Text of={part.server} />
        <small>
          {part.server_info && <Text of={clientText(part.server_info)} max={120} />}
          {part.protocol_version && (
            <>
              {part.server_info && " · "}revision <Text of={part.protocol_version} max={40} />
            </>
          )}
        </small>
      </Fact>
      <Fact name="Session id">
        <span class="with-copy">
          <SessionId part={part} whole />
          <Copy text={part.session_id} what="session id" />
        </span>
        <small>
          {SOURCES[part.id_source] ?? part.id_source}
          <GroupedBy part={part} />
        </small>
      </Fact>
      <Fact name={part.users_total > 1 ? `Users (${part.users_total})` : "User"}>
        {part.users.length ? (
          part.users.map((user) => (
            <span key={user} class="block">
              <Text of={user} />
            </span>
          ))
        ) : (
          <span class="none">none found</span>
        )}
        {part.users.length > 0 && (part.verified === "yes" ? <small>verified token</small> : <Trust verified={part.verified} />)}
      </Fact>
      {part.roles.length > 0 && (
        <Fact name="Roles">
          <span class="chips">
            {part.roles.map((role) => (
              <span key={role} class="chip">
                <Text of={role} max={120} />
              </span>
            ))}
          </span>
        </Fact>
      )}
      <Fact name="Client">
        {part.client ? <Text of={clientText(part.client)} /> : <span class="none">did not say</span>}
        <small>
          {part.address && <Text of={part.address} max={80} />}
          {part.user_agent && (
            <>
              {part.address && " · "}
              <Text of={part.user_agent} max={200} />
            </>
          )}
        </small>
      </Fact>
      {params.map(([name, value]) => (
        <Fact key={name} name={<Text of={name} max={80} />}>
          <Text of={typeof value === "string" ? value : JSON.stringify(value)} max={400} />
          {part.grouped_by?.includes(`param.${name}`) && (
            <span class="block">
              <span class="tag key-tag" title="Calls with the same value of it are one session">
                grouping key
              </span>
            </span>
          )}
        </Fact>
      ))}
      <Fact name="Time">
        <Moment at={part.started_at} now={now} /> – <Moment at={part.last_at} now={now} />
        <small>
          {duration(Date.parse(part.last_at) - Date.parse(part.started_at))}
          {part.ended ? ", ended" : ""} · day {part.day} UTC
        </small>
      </Fact>
      <Fact name="Size">
        <span class="num">
          {bytes(part.bytes_in)} in, {bytes(part.bytes_out)} out
        </span>
        {part.notifications > 0 && <small>{counted(part.notifications, "server notification")}</small>}
      </Fact>
      {others.length > 0 && (
        <Fact name="Other days">
          {others.map((other) => (
            <a key={other.id} class="block link num" href={changed(address, { session: other.id, call: null })}>
              {other.day} UTC <small>{counted(other.calls, "call")}</small>
            </a>
          ))}
        </Fact>
      )}
      {part.events.length > 0 && (
        <Fact name="Events">
          {part.events.slice(0, 12).map((event, i) => (
            <span key={i} class="block">
              {EVENTS[event.kind] ?? <Text of={event.kind} max={40} />} <Moment at={event.at} now={now} />
              {event.count > 0 && <small>{counted(event.count, "notification")}</small>}
            </span>
          ))}
          {part.events_total > 12 && <small>and {count(part.events_total - 12)} more</small>}
        </Fact>
      )}
    </dl>
  );
}

const EVENTS: Record<string, string> = {
  stream_opened: "Stream opened",
  stream_closed: "Stream closed",
  stream_refused: "Stream refused",
  deleted: "Ended by the client",
  delete_refused: "End refused",
  not_found: "Unknown to the server (404)",
};

/** What calls without an id of their own, or with one that a parameter is, were put together by. */
function GroupedBy({ part }: { part: PartDetails }) {
  const by = (part.grouped_by ?? []).filter((key) => key !== "session_id");
  if (!by.length) return null;
  return (
    <span class="block">
      grouped by{" "}
      {by.map((key, i) => (
        <>
          {i > 0 && (i === by.length - 1 ? " and " : ", ")}
          <Text of={KEYS[key] ?? key.replace(/^param\./, "")} max={80} />
        </>
      ))}
    </span>
  );
}

const KEYS: Record<string, string> = { user: "user", credential: "credential", address: "address", user_agent: "user agent", client: "client" };

const SOURCES: Record<string, string> = {
  header: "from the Mcp-Session-Id header",
  query: "from the event stream's endpoint",
  configured: "from where mcp_session_id says",
  derived: "a best guess: the traffic carries no id",
  none: "probes and refused logins of one client",
};

function Fact({ name, children }: { name: ComponentChildren; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

const SHOWN = 8;
/** A filter, and where the answer has its values. */
const NAMES = [
  ["primitive", "primitives"],
  ["method", "methods"],
  ["outcome", "outcomes"],
  ["attack", "attacks"],
  ["user", "users"],
  ["role", "roles"],
] as const;

/** What of the calls is how frequent; a click filters by it. */
export function SessionFacets({ part, address, tick }: { part: PartDetails; address: Address; tick: number }) {
  // The part's own facets have no HTTP statuses; those of all calls have, for its session on its day.
  const { from, to } = dayRange(part.day);
  const statuses = useAnswer<Counts>(`facets?${new URLSearchParams({ server: part.server, session_id: part.session_id, from, to, field: "status", limit: "20" })}`, tick).data?.facets["status"]?.values ?? [];
  return (
    <div class="facets">
      {NAMES.map(([name, place]) => {
        const values = part.facets[place] ?? [];
        // One value everywhere says nothing.
        if (!values.length || ((name === "user" || name === "role") && values.every((value) => value.count === part.calls))) return null;
        return <FacetList key={name} name={name} values={values} total={part.calls} address={address} />;
      })}
      {statuses.length > 1 && <FacetList name="status" values={statuses} total={part.calls} address={address} />}
    </div>
  );
}

function FacetList({ name, values, total, address }: { name: string; values: Value[]; total: number; address: Address }) {
  const chosen = address.params.getAll(INSIDE + name);
  const title = fieldOf(name)?.title ?? name;
  const shown = values.filter((value, i) => i < SHOWN || chosen.includes(value.value));
  return (
    <section>
      <h3>{title}</h3>
      <ul>
        {shown.map(({ value, count: n }) => {
          const on = chosen.includes(value);
          const next = on ? chosen.filter((one) => one !== value) : [...chosen, value];
          return (
            <li key={value}>
              <a href={changed(address, { [INSIDE + name]: next, call: null })} class={on ? "facet on" : "facet"} aria-current={on ? "true" : undefined} title={`${visible(value, 200)}: ${counted(n, "call")}`}>
                <span class="line">
                  <Text of={wordOf(name, value)} max={200} />
                </span>
                <span class="num">{count(n)}</span>
                <span class="num dim">{percent(n / Math.max(1, total))}</span>
                <i style={{ width: `${(100 * n) / Math.max(1, total)}%` }} />
              </a>
            </li>
          );
        })}
      </ul>
      {values.length > shown.length && <small class="dim">and {count(values.length - shown.length)} more</small>}
    </section>
  );
}

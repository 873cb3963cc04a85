import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { changed, go, link, type Address } from "../address";
import { useAnswer } from "../api/hooks";
import type { Attack, Call, CallDetails } from "../api/shapes";
import { placeInArguments, Times, Why } from "../attacks/Why";
import { Tree } from "../json/Tree";
import { Copy } from "../parts/Copy";
import { Icon } from "../parts/Icon";
import { Failure, Skeleton } from "../parts/Notice";
import { Text } from "../parts/Text";
import { Moment, useNow } from "../parts/time";
import { Direction, NeverListed, Outcome } from "../session/outcome";
import { clientText, Trust } from "../sessions/cells";
import { bytes, counted, duration } from "../text/numbers";

/** What stands beside a call in the list: null for nothing, undefined where only the API knows. */
export interface Neighbours {
  before?: string | null | undefined;
  after?: string | null | undefined;
}

/** One call: what was asked, what came back, and everything that is known of it. */
export function CallPane({ id, address, before, after }: { id: string; address: Address } & Neighbours) {
  const answer = useAnswer<CallDetails>(`calls/${encodeURIComponent(id)}`, 0, true);
  const call = answer.data;
  const to = (other: string | null) => (other ? changed(address, { call: other }) : undefined);
  return (
    <section class="call" aria-label="Call">
      <header class="call-head">
        <div class="call-title">
          <h3>
            {call && <Direction call={call} />}
            <span class="mono wrap">
              <Text of={call ? (call.primitive?.name ?? call.method ?? "answer to the server") : "Call"} max={400} />
            </span>
          </h3>
          {call && (
            <p class="call-sums num">
              <Outcome call={call} />
              {call.listed === false && <NeverListed />}
              {call.primitive && call.method && <span class="dim"><Text of={call.method} max={80} /></span>}
              <span class="dim">{duration(call.duration_ms)}</span>
            </p>
          )}
        </div>
        <span class="steps-pair">
          <Step name="left" title="Call before" href={to(before === undefined ? (call?.previous ?? null) : before)} />
          <Step name="right" title="Call after" href={to(after === undefined ? (call?.following ?? null) : after)} />
        </span>
        <Copy text={() => new URL(link("session", call?.session ?? "", { call: id }), location.href).href} what="link to this call" label="Link" />
        <button type="button" class="control square plain" onClick={() => go(changed(address, { call: null }))} title="Close (Esc)" aria-label="Close call">
          <Icon name="close" />
        </button>
      </header>
      <div class="call-body" tabIndex={-1}>
        {answer.problem ? <Failure problem={answer.problem} again={answer.again} /> : call ? <Body call={call} address={address} /> : <Skeleton rows={10} />}
      </div>
    </section>
  );
}

function Step({ name, title, href }: { name: string; title: string; href: string | undefined }) {
  return href ? (
    <a class="button control square plain" href={href} title={title} aria-label={title}>
      <Icon name={name} />
    </a>
  ) : (
    <span class="button control square plain off" aria-hidden="true">
      <Icon name={name} />
    </span>
  );
}

function Body({ call, address }: { call: CallDetails; address: Address }) {
  const first = useRef<HTMLDivElement>(null);
  useEffect(() => first.current?.parentElement?.scrollTo(0, 0), [call.id]);
  return (
    <div ref={first}>
      {call.attacks.map((attack) => (
        <AttackNote key={attack.id} attack={attack} />
      ))}
      {call.error && (
        <div class="error-note">
          <b>
            {call.outcome === "tool_error" ? "The tool failed" : "Error"}
            {call.error.code !== null && <span class="num"> {call.error.code}</span>}
          </b>
          {call.error.message && (
            <p class="wrap">
              <Text of={call.error.message} lines max={4000} />
            </p>
          )}
        </div>
      )}
      {call.payloads_shed && <p class="note">Arguments and result were given up to keep the store within its size (max_size, min_free).</p>}
      {call.arguments != null && <Tree value={call.arguments} name="Arguments" truncated={call.arguments_truncated} mark={call.attacks.map((attack) => placeInArguments(attack.point)).find((place) => place !== null) ?? null} />}
      {call.result != null && <Tree value={call.result} name="Result" truncated={call.result_truncated} />}
      {call.arguments == null && call.result == null && !call.payloads_shed && <p class="note">{why(call)}</p>}
      <Known call={call} address={address} />
    </div>
  );
}

function why(call: Call): string {
  if (call.outcome === "pending") return "No arguments; the answer has not come yet.";
  if (call.coverage.request === "discarded") return "nginx answered before it read the body, so its arguments were never seen.";
  if (call.coverage.response !== "full" && call.coverage.response !== "unobserved") return "No arguments; the answer could not be read (see coverage).";
  return "No arguments and no result: it had none, or mcp_capture leaves them out.";
}

function AttackNote({ attack }: { attack: Attack }) {
  return (
    <div class={attack.action === "blocked" ? "attack-note" : "attack-note passed"}>
      <p class="attack-head">
        <b>
          <Text of={attack.type} max={80} />, {attack.action} <Times of={attack.count} />
        </b>
        <a class="link" href={link("attack", attack.id)}>
          Evidence
        </a>
      </p>
      <Why attack={attack} />
    </div>
  );
}

const COVERAGE: Record<string, string> = {
  full: "seen whole",
  truncated: "cut: longer than mcp_body_limit or mcp_response_limit",
  undecoded: "in a coding that cannot be read",
  discarded: "nginx answered without reading it",
  aborted: "broken off",
  unobserved: "not seen",
};

function Known({ call, address }: { call: CallDetails; address: Address }) {
  const now = useNow();
  const carried = (name: string) => call.carried.includes(name) && <small title="Said earlier in the session, not by this request">carried over</small>;
  const time = new URLSearchParams([...address.params].filter(([name]) => ["range", "from", "to"].includes(name)));
  const same = call.primitive ? { method: call.method ?? undefined, primitive: call.primitive.name } : { method: call.method ?? undefined };
  const across = new URLSearchParams(time);
  for (const [name, value] of Object.entries({ ...same, server: call.server })) if (value) across.append(name, value);
  return (
    <>
      <dl class="facts two">
        <Fact name="Time">
          <Moment at={call.at} now={now} exact /> <small>{new Date(call.at).toISOString().slice(0, 10)} UTC</small>
        </Fact>
        <Fact name="Duration">
          <span class="num">{call.duration_ms === null ? "not answered" : duration(call.duration_ms)}</span>
          {call.first_event_ms !== null && <small>first event after {duration(call.first_event_ms)}</small>}
        </Fact>
        <Fact name="HTTP">
          <span class="num">
            {call.http_method} {call.status ?? "–"}
          </span>
        </Fact>
        <Fact name="Size">
          <span class="num">
            {bytes(call.bytes_in)} in, {bytes(call.bytes_out)} out
          </span>
          {call.notifications > 0 && <small>{counted(call.notifications, "notification")} on the way</small>}
        </Fact>
        <Fact name="Request">
          <span class={call.coverage.request === "full" ? "" : "warn"}>{COVERAGE[call.coverage.request] ?? call.coverage.request}</span>
        </Fact>
        <Fact name="Answer">
          <span class={["full", "unobserved"].includes(call.coverage.response) ? "" : "warn"}>{COVERAGE[call.coverage.response] ?? call.coverage.response}</span>
        </Fact>
        <Fact name="User">
          {call.user ? <Text of={call.user} /> : <span class="none">none found</span>} {call.verified === "yes" ? <small>verified</small> : <Trust verified={call.verified} />} {carried("user")}
        </Fact>
        <Fact name="Roles">
          {call.roles.length ? <Text of={call.roles.join(", ")} /> : <span class="none">none found</span>} {carried("roles")}
        </Fact>
        <Fact name="Client">
          {call.client ? <Text of={clientText(call.client)} /> : <span class="none">did not say</span>} {carried("client")}
          {call.user_agent && (
            <small class="block">
              <Text of={call.user_agent} max={200} />
            </small>
          )}
        </Fact>
        <Fact name="Address">{call.address ? <Text of={call.address} /> : <span class="none">–</span>}</Fact>
        {Object.entries(call.params).map(([name, value]) => (
          <Fact key={name} name={<Text of={name} max={80} />}>
            <Text of={typeof value === "string" ? value : JSON.stringify(value)} max={400} /> {carried("params")}
          </Fact>
        ))}
        <Fact name="JSON-RPC id">{call.rpc_id === null ? <span class="none">none: a notification</span> : <span class="mono wrap"><Text of={typeof call.rpc_id === "string" ? call.rpc_id : JSON.stringify(call.rpc_id)} max={200} /></span>}</Fact>
        {call.protocol_version && (
          <Fact name="Revision">
            <Text of={call.protocol_version} max={60} /> {carried("protocol_version")}
          </Fact>
        )}
        {call.request_id && (
          <Fact name="Request id">
            <span class="with-copy">
              <span class="mono wrap">
                <Text of={call.request_id} max={200} />
              </span>
              <Copy text={call.request_id} what="request id" />
            </span>
          </Fact>
        )}
      </dl>
      <Linked call={call} address={address} />
      <p class="steps across">
        <a class="button" href={link("sessions", null, across)}>
          {call.primitive ? `Same ${call.primitive.kind === "other" ? "primitive" : call.primitive.kind}` : "Same method"}, all sessions
        </a>
      </p>
    </>
  );
}

function Linked({ call, address }: { call: CallDetails; address: Address }) {
  const links: [string, string][] = [
    ...(call.continues ? [["Answers the input asked for by", call.continues] as [string, string]] : []),
    ...call.continued_by.map((id): [string, string] => ["Continued with the input by", id]),
    ...call.batch.filter((id) => id !== call.id).map((id): [string, string] => ["In the same batch", id]),
  ];
  if (!links.length) return null;
  return (
    <section class="linked">
      <h3>Linked calls</h3>
      <ul>
        {links.slice(0, 50).map(([words, id]) => (
          <li key={words + id}>
            {words}{" "}
            <a class="link num" href={changed(address, { call: id })}>
              call {id.split(".").pop()}
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Fact({ name, children }: { name: ComponentChildren; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

// Small pieces that tables and panels share.

import type { Part, Verified } from "../api/shapes";
import { link } from "../address";
import { Line, None, Text } from "../parts/Text";
import { dayRange } from "../range";
import { count, counted, shortCount } from "../text/numbers";
import { visible } from "../text/visible";

/** open, ended, idle; blocked where a control stopped something. */
export function Status({ part }: { part: Part }) {
  const state = part.blocked > 0 ? "blocked" : part.state;
  const title = part.blocked > 0 ? `${counted(part.blocked, "call")} blocked; the session is ${part.state}` : STATES[part.state];
  return (
    <span class={`status ${["open", "ended", "idle", "blocked"].includes(state) ? state : ""}`} title={title}>
      <i />
      {state}
    </span>
  );
}

const STATES: Record<string, string> = {
  open: "Open: no end seen, and not idle",
  ended: "Ended by the client (DELETE) or the server (404)",
  idle: "No end seen, but nothing for longer than a session stays idle",
};

/** calls / errors / attacks, in three columns of their own. */
export function Sums({ part }: { part: Part }) {
  const matched = part.matched !== undefined && part.matched < part.calls ? part.matched : null;
  const words = `${matched === null ? "" : `${count(matched)} match of `}${counted(part.calls, "call")}, ${counted(part.errors, "error")}, ${counted(part.attacks, "attack")}`;
  return (
    <span class="sums num" title={words}>
      <span>
        {matched !== null && <b>{shortCount(matched)}</b>}
        {matched !== null && <span class="dim">/</span>}
        <span class={matched !== null ? "dim" : ""}>{shortCount(part.calls)}</span>
      </span>
      <span class={part.errors ? "warn" : "none"}>{shortCount(part.errors)}</span>
      <AttackCount n={part.attacks} href={attacksOf(part)} inRow />
    </span>
  );
}

/** Attacks of a session part: those of its session on its day. */
export function attacksOf(part: Pick<Part, "session_id" | "server" | "day">): string {
  return link("attacks", null, { ...dayRange(part.day), server: part.server, session_id: part.session_id });
}

/** A number of attacks, leading to them. Rows have one stop for the keyboard; there it is not one more. */
export function AttackCount({ n, href, inRow = false }: { n: number; href: string; inRow?: boolean }) {
  if (!n) return <span class="none">0</span>;
  return (
    <a class="bad" href={href} title={`${counted(n, "attack")}: show ${n === 1 ? "it" : "them"}`} tabIndex={inRow ? -1 : undefined}>
      {shortCount(n)}
    </a>
  );
}

export function User({ user, total = 1, verified }: { user: string | null; total?: number; verified: Verified }) {
  if (!user) return <None title="No user was found in this session" />;
  return (
    <span class="user">
      <Line of={user} />
      {total > 1 && <span class="plus num" title={counted(total, "user")}>+{total - 1}</span>}
      <Trust verified={verified} />
    </span>
  );
}

const TRUST: Record<string, [string, string]> = {
  no: ["unverified", "The token was not verified: anyone can claim this"],
  front: ["by proxy", "Verified by something in front of nginx, as configured"],
};

export function Trust({ verified }: { verified: Verified }) {
  const words = verified ? TRUST[verified] : undefined;
  return words ? (
    <span class={`tag ${verified === "no" ? "doubt" : ""}`} title={words[1]}>
      {words[0]}
    </span>
  ) : null;
}

/** The first few of a list, "+n" for the rest. */
export function Few({ of, total = of.length, first = 2, mono = false }: { of: string[]; total?: number; first?: number; mono?: boolean }) {
  if (!of.length) return <None />;
  const rest = Math.max(total, of.length) - first;
  return (
    <span class="few" title={of.slice(0, 40).map((text) => visible(text, 120)).join("\n")}>
      {of.slice(0, first).map((text) => (
        <span key={text} class={mono ? "chip mono" : "chip"}>
          <Text of={text} max={120} />
        </span>
      ))}
      {rest > 0 && <span class="plus num">+{rest}</span>}
    </span>
  );
}

export function clientText(client: { name: string | null; version: string | null } | null): string {
  return client ? [client.name, client.version].filter(Boolean).join(" ") : "";
}

const SOURCES: Record<string, string> = {
  header: "The server gave it in Mcp-Session-Id",
  query: "From the endpoint that the event stream announced",
  configured: "From where mcp_session_id says",
  derived: "A best guess: the traffic carries no id. Grouped by server, user or address, client and time",
  none: "Probes and refused logins, kept together per client and day",
};

/** A session id and how it was found; a guess looks like one. */
export function SessionId({ part, whole = false }: { part: Pick<Part, "session_id" | "id_source">; whole?: boolean }) {
  const guess = part.id_source === "derived" || part.id_source === "none";
  return (
    <span class={guess ? "sid guess" : "sid"} title={SOURCES[part.id_source]}>
      {guess && <span class="tag">{part.id_source === "none" ? "no session" : "derived"}</span>}
      <span class={whole ? "mono wrap" : "mono line"}>
        <Text of={part.session_id} max={300} />
      </span>
      {!guess && part.id_source !== "header" && <span class="tag">{part.id_source}</span>}
    </span>
  );
}

import type { RefObject } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { changed, go, link, type Address } from "../address";
import { ask } from "../api/client";
import { useAnswer, usePages } from "../api/hooks";
import { useLater, useLive } from "../api/live";
import type { Call, List, PartDetails } from "../api/shapes";
import { CallPane, type Neighbours } from "../call/CallPane";
import { Copy } from "../parts/Copy";
import { Icon } from "../parts/Icon";
import { Empty, Failure, Skeleton, Warnings } from "../parts/Notice";
import { Text } from "../parts/Text";
import { useNow } from "../parts/time";
import { useWidth } from "../parts/windowed";
import { attacksOf, Status } from "../sessions/cells";
import { fieldOf, wordOf } from "../sessions/fields";
import { closed, INSIDE, insideQuestion } from "../sessions/query";
import { count, counted } from "../text/numbers";
import { Facts, SessionFacets } from "./Facts";
import { SessionCalls } from "./SessionCalls";

const PAGE = 200;
/** Between two looks at a session that goes on. */
const LOOK_EVERY_MS = 1_500;

interface Props {
  id: string;
  address: Address;
  /** The list it stands beside; without one it has the page to itself. */
  beside?: RefObject<HTMLElement | null>;
}

/** One session part: facts and facets, its calls, and the call that is open. */
export function SessionPanel({ id, address, beside }: Props) {
  const root = useRef<HTMLElement>(null);
  const width = useWidth(root);
  const now = useNow();
  const [tick, setTick] = useState(0);
  const [facts, showFacts] = useState(false);
  const details = useAnswer<PartDetails>(`sessions/${encodeURIComponent(id)}`, tick);
  const inside = insideQuestion(address.params);
  const question = inside.toString();
  const pages = usePages<Call>(`sessions/${encodeURIComponent(id)}/calls?${new URLSearchParams([...inside, ["limit", String(PAGE)], ["payloads", "false"]])}`);
  // The API tells them in the order of recording, which is that of answers where several workers record.
  const calls = useMemo(() => [...pages.items].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0)), [pages.items]);
  const part = details.data;
  const growing = useGrowing(id, part, question, pages, () => setTick((n) => n + 1));
  const call = address.params.get("call");
  const close = () => go(beside ? changed(address, closed(address.params)) : link("sessions"));

  useEffect(() => {
    // Beside the list the focus stays in the list, so that arrow keys go on from session to session.
    if (!document.activeElement?.closest(".list")) root.current?.focus({ preventScroll: true });
  }, []);
  useEffect(() => {
    const escape = (event: KeyboardEvent) => {
      if (event.key !== "Escape" || event.defaultPrevented) return;
      const from = event.target as HTMLElement;
      if (from.matches("input, textarea") && (from as HTMLInputElement).value) return;
      if (address.params.has("call")) {
        go(changed(address, { call: null }));
        requestAnimationFrame(() => root.current?.querySelector<HTMLElement>(".calls tr a[tabindex='0']")?.focus());
      } else {
        close();
        requestAnimationFrame(() => beside?.current?.querySelector<HTMLElement>(".list a[tabindex='0']")?.focus());
      }
    };
    document.addEventListener("keydown", escape);
    return () => document.removeEventListener("keydown", escape);
  }, [address]);

  const room = width >= 1150 ? "wide" : width >= 720 ? "mid" : "narrow";
  return (
    <section ref={root} class={`session ${room}${call ? " with-call" : ""}${facts ? " facts-shown" : ""}`} aria-label="Session" tabIndex={-1}>
      <header class="session-head">
        <button type="button" class="control square plain" onClick={close} title={beside ? "Close (Esc)" : "All sessions"} aria-label={beside ? "Close session" : "All sessions"}>
          <Icon name={beside ? "close" : "left"} />
        </button>
        <div class="session-title">
          <h2>
            {part ? part.user ? <Text of={part.user} max={80} /> : <span class="dim">No user</span> : "Session"}
            {part && (
              <span class="dim">
                {" on "}
                <Text of={part.server} max={80} />
              </span>
            )}
          </h2>
          {part && <Summary part={part} />}
        </div>
        <button type="button" class="control facts-toggle" aria-expanded={facts} onClick={() => showFacts(!facts)}>
          Facts
        </button>
        <Copy text={() => new URL(link("session", id), location.href).href} what="link to this session" label="Link" />
        {beside && (
          <a class="button control square plain" href={link("session", id)} title="On a page of its own" aria-label="Show on a page of its own">
            <Icon name="wide" />
          </a>
        )}
      </header>
      {details.problem && !part ? (
        <Failure problem={details.problem} again={details.again} />
      ) : (
        <div class="session-body">
          <aside class="session-side" aria-label="Facts and filters">
            {part ? (
              <>
                <Facts part={part} address={address} now={now} />
                <SessionFacets part={part} address={address} tick={tick} />
              </>
            ) : (
              <Skeleton rows={8} />
            )}
          </aside>
          <div class="session-calls">
            <Narrowed address={address} part={part} listed={question !== ""} />
            <Warnings of={pages.warnings.length ? pages.warnings : (part?.warnings ?? [])} />
            {pages.problem && !pages.items.length ? (
              <Failure problem={pages.problem} again={pages.again} />
            ) : pages.items.length ? (
              <SessionCalls pages={pages} calls={calls} address={address} unseen={growing.unseen} showEnd={growing.showEnd} atEnd={growing.atEnd} />
            ) : pages.loading ? (
              <Skeleton />
            ) : (
              <Empty title={question ? "No call matches" : "No calls"}>
                <p>{question ? "No call of this session fits the filters." : "nginx saw signs of this session on this day, but no call: a stream, a refused login, or its end."}</p>
                {question && (
                  <p class="steps">
                    <a class="button" href={allCalls(address)}>
                      Show all requests
                    </a>
                  </p>
                )}
              </Empty>
            )}
          </div>
          {call && <CallPane key={call} id={call} address={address} {...around(calls, call, pages.more)} />}
        </div>
      )}
    </section>
  );
}

/** The calls that stand before and after one in the list: null for none, undefined where the list does not know. */
function around(calls: Call[], id: string, more: boolean): Neighbours {
  const at = calls.findIndex((call) => call.id === id);
  return at < 0 ? {} : { before: calls[at - 1]?.id ?? null, after: calls[at + 1]?.id ?? (more ? undefined : null) };
}

function Summary({ part }: { part: PartDetails }) {
  return (
    <p class="session-sums num">
      <Status part={part} />
      <span>{counted(part.calls, "call")}</span>
      {part.errors > 0 && <span class="warn">{counted(part.errors, "error")}</span>}
      {part.attacks > 0 && (
        <a class="bad link" href={attacksOf(part)} title="Show them">
          {counted(part.attacks, "attack")}
        </a>
      )}
    </p>
  );
}

/** The address without any filter on calls, of the list or of the session. */
function allCalls(address: Address): string {
  const own = [...address.params.keys()].filter((name) => name.startsWith(INSIDE));
  return changed(address, { ...Object.fromEntries(own.map((name) => [name, null])), all: "1" });
}

/** Says by what the calls are narrowed, and offers all of them. */
function Narrowed({ address, part, listed }: { address: Address; part: PartDetails | null; listed: boolean }) {
  if (!listed) return null;
  const filters = insideQuestion(address.params);
  const names = [...new Set(filters.keys())];
  return (
    <p class="narrowed">
      <span>
        Only{" "}
        {names.map((name, i) => (
          <span key={name}>
            {i > 0 && ", "}
            {(fieldOf(name)?.title ?? name).toLowerCase()}{" "}
            <b>
              <Text of={filters.getAll(name).map((value) => wordOf(name, value)).join(" or ")} max={120} />
            </b>
          </span>
        ))}
      </span>
      <a class="link" href={allCalls(address)}>
        Show all {part ? count(part.calls) : ""} requests
      </a>
    </p>
  );
}

/** Keeps up with a session that goes on: new calls are added at the end, answers are filled in. */
function useGrowing(id: string, part: PartDetails | null, question: string, pages: ReturnType<typeof usePages<Call>>, changedPart: () => void) {
  const [unseen, setUnseen] = useState(0);
  const seesEnd = useRef(true);
  const latest = useRef(pages);
  latest.current = pages;
  const filters = useMemo(() => (part ? new URLSearchParams({ session_id: part.session_id, server: part.server }).toString() : ""), [part?.session_id, part?.server]);

  const look = async (signal: AbortSignal) => {
    changedPart();
    const { items, more, loading } = latest.current;
    // Before the end is reached, further pages bring what is new by themselves.
    if (more) return;
    if (loading) return later();
    const waiting = items.slice(-100).find((call) => call.duration_ms === null) ?? items[items.length - 1];
    const asked = new URLSearchParams(question);
    if (waiting) asked.set("from", waiting.at);
    asked.set("limit", "500");
    asked.set("payloads", "false");
    const list = await ask<List<Call>>(`sessions/${encodeURIComponent(id)}/calls?${asked}`, signal);
    if (signal.aborted) return;
    const known = new Set(items.map((call) => call.id));
    const fresh = list.items.filter((call) => !known.has(call.id));
    latest.current.replace(list.items.filter((call) => known.has(call.id)));
    latest.current.append(fresh);
    if (!seesEnd.current) setUnseen((n) => n + fresh.length);
  };
  const later = useLater(look, LOOK_EVERY_MS, `${id} ${question}`);
  useLive(part?.state === "open", filters, (news) => {
    if (!news || news.id === id) later();
  });
  return {
    unseen,
    showEnd: () => setUnseen(0),
    atEnd: (yes: boolean) => {
      seesEnd.current = yes;
      if (yes) setUnseen(0);
    },
  };
}

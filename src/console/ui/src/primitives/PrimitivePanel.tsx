import { useState } from "preact/hooks";
import { changed, go, link, type Address } from "../address";
import type { ServerDetails, ServerPrimitive } from "../api/shapes";
import { Days } from "../parts/Days";
import { Pane } from "../parts/Pane";
import { Text } from "../parts/Text";
import { Moment, useNow } from "../parts/time";
import { dayRange } from "../range";
import { count, counted, duration } from "../text/numbers";
import { Badges, Status } from "./Badges";
import { History } from "./History";
import { SchemaTable } from "./SchemaTable";
import { weekOf } from "./words";

/** One primitive of an MCP server: what it says it is and takes, what it said before, and who asks for it. */
export function PrimitivePanel({ primitive, server, address }: { primitive: ServerPrimitive; server: ServerDetails; address: Address }) {
  const days = weekOf(primitive);
  const now = useNow();
  const sessions = (more: Record<string, string>) => link("sessions", null, { ...more, server: server.name, primitive: primitive.name });
  const inputs = primitive.kind === "prompt" ? "Arguments" : "Input schema";
  return (
    <Pane
      label="Primitive"
      title={
        <>
          <span class="mono">
            <Text of={primitive.name} max={200} />
          </span>{" "}
          <span class="dim">
            <Text of={primitive.kind} max={40} />
          </span>
        </>
      }
      close={() => go(changed(address, { kind: null, primitive: null }))}
      beside
      home="MCP server"
      alone={link("servers", server.id, { kind: primitive.kind, primitive: primitive.name })}
      hasPage={false}
    >
      <div class="attack">
        <p class="tags">
          {primitive.status && <Status status={primitive.status} />}
          <Badges of={primitive.annotations} />
          {primitive.mime_type && (
            <span class="tag mono">
              <Text of={primitive.mime_type} max={120} />
            </span>
          )}
        </p>
        {!primitive.listed && <p class="hint-note">It is called, but no list of this MCP server that passed nginx names it. A list may have come another way; or somebody guesses names.</p>}
        {(primitive.versions_in_force ?? 1) > 1 && <p class="hint-note">{count(primitive.versions_in_force ?? 0)} versions are in force together: different users are shown different ones. This is the newest.</p>}
        {primitive.cut && <p class="note">Some of it was longer than the catalogue keeps, and is cut or left out.</p>}
        {(primitive.title || primitive.description) && (
          <section aria-label="Description" class="described">
            {primitive.title && (
              <h3>
                <Text of={primitive.title} max={300} />
              </h3>
            )}
            {primitive.description && (
              <Prose text={primitive.description} />
            )}
          </section>
        )}
        <section aria-label="Requests over seven days">
          <h3>
            Requests over seven days <Days of={days.map(({ day, calls, errors }) => ({ day, all: calls, part: errors }))} all="call" part="failed" tone="warn" />
            <span class="grow" />
            <a class="link" href={sessions({ range: "7d" })}>
              All sessions
            </a>
          </h3>
          <ul class="week">
            {days.map(({ day, calls, errors }) => (
              <li key={day}>
                <span class="dim num">{day.slice(5)}</span>
                {calls > 0 ? (
                  <a class="link num" href={sessions(dayRange(day))} title={`${day} UTC: ${counted(calls, "call")}, ${counted(errors, "error")}`}>
                    {count(calls)}
                  </a>
                ) : (
                  <span class="none">0</span>
                )}
                <span class={errors ? "warn num" : "none"}>{errors ? `${count(errors)} err` : "–"}</span>
              </li>
            ))}
          </ul>
          <dl class="facts two">
            <Fact name="Median">{duration(primitive.p50_ms)}</Fact>
            <Fact name="95 %">{duration(primitive.p95_ms)}</Fact>
            <Fact name="Attacks">
              {primitive.attacks > 0 ? (
                <a class="bad" href={link("attacks", null, { range: "7d", server: server.name, primitive: primitive.name })}>
                  {count(primitive.attacks)}
                </a>
              ) : (
                "0"
              )}
            </Fact>
            <Fact name="First listed">
              <Moment at={primitive.first_seen} now={now} />
            </Fact>
            <Fact name="Last listed">
              <Moment at={primitive.last_seen} now={now} />
            </Fact>
          </dl>
        </section>
        <SchemaTable schema={primitive.input_schema} name={inputs} />
        <SchemaTable schema={primitive.output_schema} name="Output schema" />
        {primitive.listed && (
          <section aria-label="History">
            <h3>
              History <span class="dim num">{counted(primitive.versions ?? 1, "version")}</span>
            </h3>
            <History server={server.id} kind={primitive.kind} name={primitive.name} now={now} />
          </section>
        )}
      </div>
    </Pane>
  );
}

const PROSE_SHOWN = 1500;

/** A description; they may be as long as their author likes. */
function Prose({ text }: { text: string }) {
  const [whole, setWhole] = useState(false);
  return (
    <>
      <p class="wrap prose">
        <Text of={text} lines max={whole ? 60_000 : PROSE_SHOWN} />
      </p>
      {text.length > PROSE_SHOWN && (
        <button type="button" class="tiny" onClick={() => setWhole(!whole)}>
          {whole ? "Show less" : `Show all ${count(text.length)} characters`}
        </button>
      )}
    </>
  );
}

function Fact({ name, children }: { name: string; children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd class="num">{children}</dd>
    </div>
  );
}

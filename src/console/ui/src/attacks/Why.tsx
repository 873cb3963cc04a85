import type { ComponentChildren } from "preact";
import { link } from "../address";
import type { Attack } from "../api/shapes";
import { Copy } from "../parts/Copy";
import { Text } from "../parts/Text";
import { marked } from "../json/marks";
import { count } from "../text/numbers";
import { visible } from "../text/visible";

/** What a control without a title is called. */
const UNTITLED: Record<string, string> = { "Protocol violation": "Protocol check", External: "Found by others (mcp_attack)" };

export function controlName(control: { control?: string | null; title?: string | null; type: string }): string {
  return control.control || control.title || (UNTITLED[control.type] ?? "without a title");
}

/** The address of a control's own page: kind and title are its identity. */
export function controlLink({ type, control }: { type: string; control: string | null }, time?: URLSearchParams): string {
  const params = new URLSearchParams(time);
  params.set("type", type);
  if (control) params.set("control", control);
  return link("controls", null, params);
}

/** ×3, where the same happened more than once within a minute. */
export function Times({ of }: { of: number | undefined }) {
  return of && of > 1 ? (
    <span class="times num" title={`${count(of)} times within a minute, told as one`}>
      ×{count(of)}
    </span>
  ) : null;
}

/** What was done about it. */
export function Action({ action }: { action: string }) {
  const title = action === "blocked" ? "The call did not reach the MCP server" : "Monitoring: the call went on to the MCP server";
  return (
    <span class={action === "blocked" ? "action blocked" : "action"} title={title}>
      {action}
    </span>
  );
}

function Value({ of }: { of: string }) {
  return (
    <span class="mono wrap">
      {marked(of).map((piece) => (piece.kind === "text" ? <Text of={piece.text} lines max={4000} /> : <span class={piece.kind}>{piece.text}</span>))}
    </span>
  );
}

function Line({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** Why a control objects: which control, which rule, where, what it wants and what stood there. */
export function Why({ attack, mode }: { attack: Attack; mode?: string }) {
  return (
    <dl class="why">
      <Line name="Control">
        <a class="link" href={controlLink(attack)} title={visible(`Control: ${controlName(attack)}`)}>
          <Text of={controlName(attack)} max={200} />
        </a>
        {attack.place && (
          <span class="dim mono">
            <Text of={attack.place} max={200} />
          </span>
        )}
        {mode && <span class="tag">{mode}</span>}
      </Line>
      <Line name="Verdict">
        <span>
          <Text of={attack.verdict} max={40} />, <Action action={attack.action} />
        </span>
      </Line>
      {attack.detail && (
        <Line name="Rule">
          <span class="wrap">
            <Text of={attack.detail} lines max={1000} />
          </span>
        </Line>
      )}
      {attack.point && (
        <Line name="Where">
          <Value of={attack.point} />
          <Copy text={attack.point} what="this place" />
        </Line>
      )}
      {attack.expected && (
        <Line name="Expected">
          <Value of={attack.expected} />
        </Line>
      )}
      {attack.found && (
        <Line name="Found">
          <Value of={attack.found} />
        </Line>
      )}
    </dl>
  );
}

/** Where an attack points to, within the call's arguments. */
export function placeInArguments(point: string | null): string | null {
  return /^\/params\/arguments(\/.*)$/s.exec(point ?? "")?.[1] ?? null;
}

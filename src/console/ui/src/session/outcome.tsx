import type { Call } from "../api/shapes";
import { controlName } from "../attacks/Why";
import { outcomeWord } from "../sessions/fields";
import { visible } from "../text/visible";

/** What kind of news an outcome is. */
export function toneOf(outcome: string): "good" | "warn" | "bad" | "info" | "none" {
  if (outcome === "ok" || outcome === "accepted") return "good";
  if (outcome === "blocked") return "bad";
  if (outcome === "pending" || outcome === "input_required") return "info";
  return outcome === "cancelled" || outcome === "unobserved" ? "none" : "warn";
}

/** What came of a call; an attack on it goes first. */
export function Outcome({ call, brief = false }: { call: Call; brief?: boolean }) {
  const attack = call.attacks[0];
  const tone = attack ? "bad" : toneOf(call.outcome);
  const title = [attack && `${attack.type}: ${controlName(attack)} (${attack.action})`, call.error?.message].filter(Boolean).join("\n");
  return (
    <span class={`outcome ${tone}${call.outcome === "blocked" ? " blocked" : ""}`} title={title ? visible(title) : outcomeWord(call.outcome)}>
      <i />
      {!brief && <span class="line">{attack ? `${attack.type}${attack.action === "blocked" ? ", blocked" : ""}` : outcomeWord(call.outcome)}</span>}
      {brief && <span class="sr">{outcomeWord(call.outcome)}</span>}
    </span>
  );
}

/** Who sent it. */
export function Direction({ call }: { call: Call }) {
  const [sign, words] = call.direction === "server" ? ["←", "from the MCP server to the client"] : ["→", "from the client to the MCP server"];
  return (
    <span class={call.direction === "server" ? "direction back" : "direction"} title={words}>
      <span aria-hidden="true">{sign}</span>
      <span class="sr">{words}</span>
    </span>
  );
}

/** Of a call to a tool that is in no list its MCP server gave. */
export function NeverListed() {
  return (
    <span class="tag doubt never-listed" title="A tool of this name is in no list that the MCP server gave">
      never listed
    </span>
  );
}

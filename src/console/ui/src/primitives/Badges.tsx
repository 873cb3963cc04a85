import { Text } from "../parts/Text";
import { visible } from "../text/visible";
import { badgesOf, STATUSES } from "./words";

export function Status({ status }: { status: string }) {
  const [word, title] = STATUSES[status] ?? [visible(status, 40), ""];
  return (
    <span class={`tag state-${STATUSES[status] ? status : "other"}`} title={title}>
      {word}
    </span>
  );
}

/** What the MCP server says of a primitive; `max` of them, "+n" for the rest. */
export function Badges({ of, max = Infinity }: { of: unknown; max?: number }) {
  const all = badgesOf(of);
  return (
    <>
      {all.slice(0, max).map((badge, i) => (
        <span key={i} class={`tag ${badge.tone}-tag`} title={badge.title}>
          <Text of={badge.text} max={80} />
        </span>
      ))}
      {all.length > max && (
        <span class="plus num" title={all.slice(max).map(({ text }) => visible(text, 80)).join("\n")}>
          +{all.length - max}
        </span>
      )}
    </>
  );
}

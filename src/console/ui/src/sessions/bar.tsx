import { Icon } from "../parts/Icon";
import { Popover } from "../parts/Popover";

/** Whether news are listened for. */
export function LiveMark({ state, range, what = "sessions" }: { state: string; range: boolean; what?: string }) {
  const words: Record<string, [string, string]> = {
    on: ["Live", `New ${what} are announced as they are stored`],
    connecting: ["Live", "Connecting"],
    lost: ["Offline", "The live stream was cut; trying again"],
    off: [range ? "Paused" : "Fixed time", range ? "The page was hidden" : "This time range has ended: nothing new falls into it"],
  };
  const [word, title] = words[state] ?? ["", ""];
  return (
    <span class={`live ${state}`} title={title}>
      <i />
      {word}
    </span>
  );
}

/** Links to all that the filters hold on, as files. */
export function Export({ question, of }: { question: string; of: string[] }) {
  return (
    <Popover class="control square" title="Export" label={<Icon name="save" />} right>
      {() => (
        <div class="menu links">
          {of.flatMap((what) =>
            (["csv", "ndjson"] as const).map((form) => (
              <a key={what + form} href={`api/v1/${what}?${question}&format=${form}`} download={`${what}.${form}`}>
                {what[0]?.toUpperCase()}
                {what.slice(1)} as {form.toUpperCase()}
              </a>
            )),
          )}
          <p class="hint">With these filters, in this time.</p>
        </div>
      )}
    </Popover>
  );
}

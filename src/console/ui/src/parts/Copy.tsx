import { useState } from "preact/hooks";
import { Icon } from "./Icon";

/** Copies a text; says so. */
export function Copy({ text, what, label }: { text: string | (() => string); what: string; label?: string }) {
  const [state, set] = useState<"" | "done" | "failed">("");
  const copy = async (event: Event) => {
    event.preventDefault();
    event.stopPropagation();
    const value = typeof text === "function" ? text() : text;
    set((await toClipboard(value)) ? "done" : "failed");
    setTimeout(() => set(""), 1600);
  };
  return (
    <button type="button" class={`copy ${state}`} onClick={copy} aria-label={`Copy ${what}`} title={`Copy ${what}`}>
      <Icon name={state === "done" ? "done" : state === "failed" ? "close" : "copy"} size={13} />
      {label && <span>{state === "done" ? "Copied" : state === "failed" ? "Not copied" : label}</span>}
      <span class="sr" role="status">
        {state === "done" ? `${what} copied` : state === "failed" ? "copying failed" : ""}
      </span>
    </button>
  );
}

async function toClipboard(value: string): Promise<boolean> {
  try {
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(value);
      return true;
    }
  } catch {
    // Not allowed, or not a secure context: the old way below.
  }
  // Over plain http from another machine there is no clipboard API.
  const field = document.createElement("textarea");
  field.value = value;
  field.className = "sr";
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  return done;
}

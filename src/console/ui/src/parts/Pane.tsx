import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Copy } from "./Copy";
import { Icon } from "./Icon";

interface Props {
  label: string;
  title: ComponentChildren;
  close: () => void;
  /** Whether it stands beside a list; else it has the page to itself. */
  beside: boolean;
  /** Where closing leads without a list. */
  home: string;
  /** Its address on a page of its own, which is also what is shared. */
  alone: string;
  /** Whether there is such a page; else the link leads to the list with it open. */
  hasPage?: boolean;
  children: ComponentChildren;
}

/** What is open beside a list, over it where there is no room. Escape closes it. */
export function Pane({ label, title, close, beside, home, alone, hasPage = true, children }: Props) {
  const root = useRef<HTMLElement>(null);
  const latest = useRef(close);
  latest.current = close;
  useEffect(() => {
    // Beside the list the focus stays in the list, so that arrow keys go on from one to the next.
    if (!document.activeElement?.closest(".list")) root.current?.focus({ preventScroll: true });
    const escape = (event: KeyboardEvent) => {
      if (event.key !== "Escape" || event.defaultPrevented) return;
      const from = event.target as HTMLElement;
      if (from.matches("input, textarea") && (from as HTMLInputElement).value) return;
      latest.current();
      requestAnimationFrame(() => document.querySelector<HTMLElement>(".list a[tabindex='0'], .grid tr.open a")?.focus());
    };
    document.addEventListener("keydown", escape);
    return () => document.removeEventListener("keydown", escape);
  }, []);
  return (
    <section ref={root} class="pane" aria-label={label} tabIndex={-1}>
      <header class="session-head">
        <button type="button" class="control square plain" onClick={close} title={beside ? "Close (Esc)" : home} aria-label={beside ? `Close ${label.toLowerCase()}` : home}>
          <Icon name={beside ? "close" : "left"} />
        </button>
        <div class="session-title">
          <h2>{title}</h2>
        </div>
        <Copy text={() => new URL(alone, location.href).href} what={`link to this ${label.toLowerCase()}`} label="Link" />
        {beside && hasPage && (
          <a class="button control square plain" href={alone} title="On a page of its own" aria-label="Show on a page of its own">
            <Icon name="wide" />
          </a>
        )}
      </header>
      <div class="pane-body" tabIndex={-1}>
        {children}
      </div>
    </section>
  );
}

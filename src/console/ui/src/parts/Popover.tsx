import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

interface Props {
  label: ComponentChildren;
  title: string;
  class?: string;
  /** Whether to align the panel with the right edge of its button. */
  right?: boolean;
  children: (close: () => void) => ComponentChildren;
  onOpen?: () => void;
}

/** A button that opens a small panel under it. Escape and a click elsewhere close it. */
export function Popover({ label, title, class: name = "", right = false, children, onOpen }: Props) {
  const [open, set] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const panel = useRef<HTMLDivElement>(null);
  const close = () => {
    set(false);
    button.current?.focus();
  };
  useEffect(() => {
    if (!open) return;
    const outside = (event: Event) => {
      const target = event.target as Node;
      if (!panel.current?.contains(target) && !button.current?.contains(target)) set(false);
    };
    document.addEventListener("pointerdown", outside);
    document.addEventListener("focusin", outside);
    return () => {
      document.removeEventListener("pointerdown", outside);
      document.removeEventListener("focusin", outside);
    };
  }, [open]);
  useLayoutEffect(() => {
    const [box, at] = [panel.current, button.current];
    if (!open || !box || !at) return;
    // Fixed, so that no scrolling strip cuts it off; kept inside the window.
    const place = at.getBoundingClientRect();
    const width = Math.min(box.offsetWidth, window.innerWidth - 16);
    const left = Math.max(8, Math.min(right ? place.right - width : place.left, window.innerWidth - width - 8));
    box.style.left = `${left}px`;
    box.style.top = `${place.bottom + 4}px`;
    box.style.maxHeight = `${Math.max(160, window.innerHeight - place.bottom - 16)}px`;
    (box.querySelector<HTMLElement>("[data-first]") ?? box.querySelector<HTMLElement>("input, button, a") ?? box).focus();
  }, [open]);
  const keys = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || !open) return;
    event.stopPropagation();
    close();
  };
  return (
    <span class="popover" onKeyDown={keys}>
      <button
        ref={button}
        type="button"
        class={name}
        title={title}
        aria-haspopup="dialog"
        aria-expanded={open}
        onClick={() => {
          if (!open) onOpen?.();
          set(!open);
        }}
      >
        {label}
      </button>
      {open && (
        <div ref={panel} class="panel" role="dialog" aria-label={title} tabIndex={-1}>
          {children(close)}
        </div>
      )}
    </span>
  );
}

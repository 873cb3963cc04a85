import { useEffect, useRef, useState } from "preact/hooks";
import { changed, go, type Address } from "../address";
import { Icon } from "../parts/Icon";
import { Text } from "../parts/Text";
import type { Span } from "../range";
import { FilterPill } from "./FilterPill";
import { FIELDS, OTHERS, type Field } from "./fields";

/** Free text. */
export function SearchBox({ address }: { address: Address }) {
  const asked = address.params.get("q") ?? "";
  const [typed, set] = useState(asked);
  const timer = useRef(0);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => set(asked), [asked]);
  useEffect(() => {
    const slash = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (event.key !== "/" || event.ctrlKey || event.metaKey || target.matches("input, textarea, select")) return;
      event.preventDefault();
      field.current?.focus();
      field.current?.select();
    };
    document.addEventListener("keydown", slash);
    return () => document.removeEventListener("keydown", slash);
  }, []);
  const apply = (value: string, wait_ms: number) => {
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => go(changed(address, { q: value.trim() || null }), true), wait_ms);
  };
  useEffect(() => () => window.clearTimeout(timer.current), [address]);
  return (
    <label class="search">
      <Icon name="search" />
      <span class="sr">Search in primitives, users and session ids</span>
      <input
        ref={field}
        type="search"
        placeholder="Tool, user or session id"
        value={typed}
        maxLength={200}
        onInput={(event) => {
          set(event.currentTarget.value);
          apply(event.currentTarget.value, 350);
        }}
        onKeyDown={(event) => event.key === "Enter" && apply(typed, 0)}
      />
      <kbd aria-hidden="true">/</kbd>
    </label>
  );
}

/** Filters as pills. What has no pill of its own (a link brought it) is shown as one that can be removed. */
export function FilterBar({ address, span, activeFirst, of = FIELDS }: { address: Address; span: Span; activeFirst: boolean; of?: Field[] }) {
  const params = address.params;
  // In a strip that scrolls, what filters has to be in view.
  const fields = activeFirst ? [...of].sort((a, b) => Number(params.has(b.name)) - Number(params.has(a.name))) : of;
  const foreign = [...new Set([...params.keys()].filter((name) => OTHERS.includes(name) || name.startsWith("param.")))];
  const active = [...of.map((field) => field.name), ...foreign, "q"].filter((name) => params.has(name));
  const clear = () => go(changed(address, Object.fromEntries(active.map((name) => [name, null]))));
  return (
    <div class="filters" role="group" aria-label="Filters">
      {fields.map((field) => (
        <FilterPill key={field.name} field={field} address={address} span={span} all={of} />
      ))}
      {foreign.map((name) => (
        <span key={name} class="pill on">
          <span class="pill-open">
            <span>
              <Text of={name} max={60} />
            </span>
            <b>
              <Text of={params.getAll(name).join(", ")} max={60} />
            </b>
          </span>
          <button type="button" class="pill-off" aria-label={`Remove filter ${name}`} onClick={() => go(changed(address, { [name]: null }))}>
            <Icon name="close" size={12} />
          </button>
        </span>
      ))}
      {active.length > 0 && (
        <button type="button" class="quiet" onClick={clear}>
          Clear {active.length === 1 ? "filter" : `${active.length} filters`}
        </button>
      )}
    </div>
  );
}

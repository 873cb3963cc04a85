import { useEffect, useMemo, useState } from "preact/hooks";
import { changed, go, type Address } from "../address";
import { useAnswer } from "../api/hooks";
import type { Facets, Value } from "../api/shapes";
import { Icon } from "../parts/Icon";
import { Popover } from "../parts/Popover";
import { Text } from "../parts/Text";
import type { Span } from "../range";
import { count, shortCount } from "../text/numbers";
import { visible } from "../text/visible";
import { wordOf, type Field } from "./fields";
import { questionOf } from "./query";

interface Props {
  field: Field;
  address: Address;
  span: Span;
  /** What the view can be filtered by. */
  all: Field[];
}

/** One filter: what is chosen, and a list of values with counts that follows what is typed. */
export function FilterPill({ field, address, span, all }: Props) {
  const chosen = address.params.getAll(field.name);
  const set = (values: string[]) => go(changed(address, { [field.name]: values }));
  const first = chosen[0];
  const label = (
    <>
      <span>{field.title}</span>
      {first !== undefined && (
        <b>
          <Text of={wordOf(field.name, first)} max={40} />
          {chosen.length > 1 && ` +${chosen.length - 1}`}
        </b>
      )}
      <Icon name="down" size={12} />
    </>
  );
  return (
    <span class={chosen.length ? "pill on" : "pill"}>
      <Popover class="pill-open" title={`Filter by ${field.title}${chosen.length ? `: ${chosen.map((value) => visible(wordOf(field.name, value), 60)).join(", ")}` : ""}`} label={label}>
        {(close) => <Values field={field} address={address} span={span} all={all} chosen={chosen} set={set} close={close} />}
      </Popover>
      {chosen.length > 0 && (
        <button type="button" class="pill-off" aria-label={`Remove filter ${field.title}`} title="Remove" onClick={() => set([])}>
          <Icon name="close" size={12} />
        </button>
      )}
    </span>
  );
}

interface ValuesProps extends Props {
  chosen: string[];
  set: (values: string[]) => void;
  close: () => void;
}

function Values({ field, address, span, all, chosen, set, close }: ValuesProps) {
  const [typed, setTyped] = useState("");
  const asked = useLater(field.few ? "" : typed.trim());
  // The field's own filter does not narrow its values; the time stays as it was when the list opened.
  const question = useMemo(() => {
    const more: Record<string, string> = { field: field.name, limit: "100" };
    if (asked) more.contains = asked;
    return `facets?${questionOf(address.params, span, more, field.name, all)}`;
  }, [asked, field.name]);
  const answer = useAnswer<Facets>(question);
  const found = answer.data?.facets[field.name];
  const values = useMemo(() => ordered(matching(field, found?.values ?? [], typed), chosen, typed), [found, typed, chosen.join("\0")]);
  const toggle = (value: string) => set(chosen.includes(value) ? chosen.filter((one) => one !== value) : [...chosen, value]);
  const most = Math.max(1, ...values.map((value) => value.count));
  const keys = (event: KeyboardEvent) => {
    const rows = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>("input[type=text], [role=option]")];
    const at = rows.indexOf(document.activeElement as HTMLElement);
    if (event.key === "ArrowDown") rows[Math.min(at + 1, rows.length - 1)]?.focus();
    else if (event.key === "ArrowUp") rows[Math.max(at - 1, 0)]?.focus();
    else return;
    event.preventDefault();
  };
  const enter = (event: KeyboardEvent) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    const value = typed && !values.some((one) => one.value === typed) ? (field.typed ? typed : values[0]?.value) : typed || values[0]?.value;
    if (value === undefined) return;
    toggle(value);
    close();
  };
  return (
    <div class="values" onKeyDown={keys}>
      <div class="values-search">
        <Icon name="search" />
        <input type="text" data-first placeholder={`Find ${field.title}`} aria-label={`Find ${field.title}`} value={typed} maxLength={200} onInput={(event) => setTyped(event.currentTarget.value)} onKeyDown={enter} />
      </div>
      <div role="listbox" aria-label={field.title} aria-multiselectable="true" class={answer.loading ? "stale" : ""}>
        {field.name === "user" &&
          !typed &&
          ["*", ""].map((value) => (
            <Option key={`special ${value}`} field={field} value={{ value, count: -1, sessions: 0 }} on={chosen.includes(value)} most={1} toggle={() => set(chosen.includes(value) ? [] : [value])} />
          ))}
        {values.map((value) => (
          <Option key={value.value} field={field} value={value} on={chosen.includes(value.value)} most={most} toggle={() => toggle(value.value)} />
        ))}
      </div>
      <p class="hint" role="status">
        {answer.problem
          ? `The values cannot be listed: ${answer.problem.title}.`
          : answer.loading && !found
            ? "Loading…"
            : values.length === 0
              ? field.typed && typed
                ? "Press Enter to filter by what you typed."
                : "No such value in this time."
              : found && found.total > values.length
                ? `${count(values.length)} of ${count(found.total)}, type to find others.`
                : "Counts are calls."}
      </p>
    </div>
  );
}

function Option({ field, value, on, most, toggle }: { field: Field; value: Value; on: boolean; most: number; toggle: () => void }) {
  return (
    <button type="button" role="option" aria-selected={on} class="option" onClick={toggle} title={visible(value.value)}>
      <i class="tick">{on && <Icon name="done" size={12} />}</i>
      <span class="line">
        <Text of={wordOf(field.name, value.value)} max={200} />
      </span>
      {value.count >= 0 && <span class="num dim">{shortCount(value.count)}</span>}
      {value.count > 0 && <i class="bar" style={{ width: `${(100 * value.count) / most}%` }} />}
    </button>
  );
}

function matching(field: Field, values: Value[], typed: string): Value[] {
  const wanted = typed.trim().toLowerCase();
  return wanted && field.few ? values.filter(({ value }) => `${value} ${wordOf(field.name, value)}`.toLowerCase().includes(wanted)) : values;
}

/** A value once it has stood still for a moment, so that not every key asks. */
function useLater(value: string, wait_ms = 150): string {
  const [later, set] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => set(value), wait_ms);
    return () => clearTimeout(timer);
  }, [value]);
  return later;
}

/** What is chosen first, also where it has no calls in this time. */
function ordered(found: Value[], chosen: string[], typed: string): Value[] {
  const known = new Map(found.map((value) => [value.value, value]));
  const first = typed ? [] : chosen.filter((value) => value !== "*" && value !== "").map((value) => known.get(value) ?? { value, count: 0, sessions: 0 });
  const taken = new Set(first.map((value) => value.value));
  return [...first, ...found.filter((value) => value.value !== "" && !taken.has(value.value))];
}

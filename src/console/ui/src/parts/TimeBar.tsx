import type { ComponentChildren } from "preact";
import type { Address } from "../address";
import { Icon } from "./Icon";
import { RangePicker } from "./RangePicker";

/** The head of a view that is about a time range. */
export function TimeBar({ title, address, now, refresh, children }: { title: ComponentChildren; address: Address; now: Date; refresh: () => void; children?: ComponentChildren }) {
  return (
    <div class="toolbar view-head">
      <h1>{title}</h1>
      {children}
      <span class="grow" />
      <button type="button" class="control square" onClick={refresh} title="Refresh" aria-label="Refresh">
        <Icon name="again" />
      </button>
      <RangePicker address={address} now={now} />
    </div>
  );
}

import { useState } from "preact/hooks";
import { go, format, type Address } from "../address";
import { RANGES, rangeOf, setRange, spanOf, titleOf, type Range } from "../range";
import { toField, zone } from "../text/times";
import { Icon } from "./Icon";
import { Popover } from "./Popover";

/** Chooses the time: a usual range or from–to, in the browser's zone. */
export function RangePicker({ address, now }: { address: Address; now: Date }) {
  const range = rangeOf(address.params);
  const choose = (next: Range) => {
    const params = new URLSearchParams(address.params);
    setRange(params, next);
    go(format({ ...address, params }));
  };
  const label = (
    <>
      <Icon name="clock" />
      <span class="num">{titleOf(range, now)}</span>
      <Icon name="down" size={12} />
    </>
  );
  return (
    <Popover class="control range" title="Time range" label={label} right>
      {(close) => (
        <div class="ranges">
          <ul>
            {RANGES.map(({ name, title }) => {
              const on = "name" in range && range.name === name;
              return (
                <li key={name}>
                  <button type="button" aria-pressed={on} {...(on ? { "data-first": true } : {})} onClick={() => (choose({ name }), close())}>
                    {title}
                  </button>
                </li>
              );
            })}
          </ul>
          <FromTo range={range} now={now} choose={(next) => (choose(next), close())} />
        </div>
      )}
    </Popover>
  );
}

function FromTo({ range, now, choose }: { range: Range; now: Date; choose: (range: Range) => void }) {
  const span = spanOf(range, now);
  const [from, setFrom] = useState(toField(span.from));
  const [to, setTo] = useState(toField(span.to ?? now));
  const [wrong, setWrong] = useState("");
  const apply = (event: Event) => {
    event.preventDefault();
    const [begin, end] = [new Date(from), new Date(to)];
    if (!(begin.getTime() < end.getTime())) return setWrong("“From” must be earlier than “to”.");
    choose({ from: begin.toISOString(), to: end.toISOString() });
  };
  return (
    <form onSubmit={apply}>
      <label>
        From
        <input type="datetime-local" step="1" value={from} onInput={(event) => setFrom(event.currentTarget.value)} required />
      </label>
      <label>
        To
        <input type="datetime-local" step="1" value={to} onInput={(event) => setTo(event.currentTarget.value)} required />
      </label>
      {wrong && <p role="alert">{wrong}</p>}
      <button type="submit" class="primary">
        Show
      </button>
      <p class="hint">
        {zone(now)}. Days on disk are UTC days: {now.toISOString().slice(0, 10)} UTC is today's.
      </p>
    </form>
  );
}

import { changed, go, link, type Address } from "../address";
import type { Control, ControlDay } from "../api/shapes";
import { controlLink, controlName } from "../attacks/Why";
import { Copy } from "../parts/Copy";
import { Days } from "../parts/Days";
import { Pane } from "../parts/Pane";
import { Text } from "../parts/Text";
import { Moment, useNow } from "../parts/time";
import { dayRange } from "../range";
import { count, counted } from "../text/numbers";
import { barsOf, daysOf, hintOf, KINDS, weekRange } from "./words";

/** One control: its text, what it did day by day, and where its attacks are. */
export function ControlPanel({ control, address }: { control: Control; address: Address }) {
  const now = useNow();
  const hint = hintOf(control);
  const attacks = (more: Record<string, string> = weekRange()) => link("attacks", null, { ...more, attack: control.type, ...(control.title ? { control: control.title } : {}) });
  return (
    <Pane
      label="Control"
      title={<Text of={controlName(control)} max={200} />}
      close={() => go(changed(address, { type: null, control: null }))}
      beside
      home="Controls"
      alone={controlLink({ type: control.type, control: control.title })}
      hasPage={false}
    >
      <div class="attack">
        {!control.in_force && <p class="note">It stands in nginx.conf no more. What it did in the days kept is still here.</p>}
        {hint && <p class="hint-note">In block mode it {hint}</p>}
        <dl class="facts two">
          <div>
            <dt>Kind</dt>
            <dd>{KINDS[control.kind] ?? <Text of={control.kind} max={40} />}</dd>
          </div>
          <div>
            <dt>Mode</dt>
            <dd>
              <Mode control={control} />
            </dd>
          </div>
          <div>
            <dt>Place</dt>
            <dd class="mono wrap">{control.place ? <Text of={control.place} max={300} /> : "–"}</dd>
          </div>
          <div>
            <dt>Last attack</dt>
            <dd>
              <Moment at={control.last_attack} now={now} />
            </dd>
          </div>
        </dl>
        <p class="steps">
          <a class="button" href={attacks()}>
            Its attacks
          </a>
        </p>
        <section aria-label="Text">
          <h3>Text</h3>
          <div class="lines">
            <pre tabIndex={0} role="group" aria-label="Text of the control">
              <Text of={control.text} lines max={20_000} />
            </pre>
            <Copy text={control.text} what="the control" />
          </div>
        </section>
        <section aria-label="Seven days">
          <h3>
            Seven days <Days of={barsOf(control)} all="call" part="denied" />
          </h3>
          <div class="scroll" tabIndex={0} role="group" aria-label="Calls by day">
            <table class="days" aria-label="Calls by day">
              <thead>
                <tr>
                  <th scope="col">Day, UTC</th>
                  {NUMBERS.map(([name, title, words]) => (
                    <th key={name} scope="col" class="right" title={words}>
                      {title}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {daysOf(control).reverse().map((day) => (
                  <tr key={day.day}>
                    <th scope="row" class="num">
                      {day.denied > 0 ? (
                        <a class="link" href={attacks(dayRange(day.day))} title={`${counted(day.denied, "attack")} on this day`}>
                          {day.day}
                        </a>
                      ) : (
                        day.day
                      )}
                    </th>
                    {NUMBERS.map(([name, , , tone]) => (
                      <td key={name} class={`num right ${day[name] ? tone : "none"}`}>
                        {count(day[name])}
                      </td>
                    ))}
                  </tr>
                ))}
                <tr>
                  <th scope="row">All</th>
                  {NUMBERS.map(([name, , , tone]) => (
                    <td key={name} class={`num right ${control[name] ? tone : "none"}`}>
                      <b>{count(control[name])}</b>
                    </td>
                  ))}
                </tr>
              </tbody>
            </table>
          </div>
          {control.unjudged > 0 && (
            <p class="note">
              {counted(control.unjudged, "call")} could not be judged (body over the limit, arguments or a schema that cost too much to check)
              {control.unjudged_blocked > 0 ? `; ${count(control.unjudged_blocked)} of them were blocked for that (mcp_fail closed).` : "."}
            </p>
          )}
        </section>
      </div>
    </Pane>
  );
}

const NUMBERS: [keyof Omit<ControlDay, "day">, string, string, string][] = [
  ["judged", "Judged", "Calls that it covers", ""],
  ["denied", "Denied", "Calls that it objected to", "warn"],
  ["blocked", "Blocked", "Of these, calls that did not reach the MCP server", "bad"],
  ["unjudged", "Unjudged", "Calls that it could not judge", "warn"],
];

/** How strict it is. */
export function Mode({ control }: { control: Control }) {
  const title = control.mode === "block" ? "Calls that it objects to do not reach the MCP server" : control.mode === "off" ? "It judges nothing" : "Calls that it objects to are reported, and pass";
  return (
    <span class={`mode ${control.mode === "block" ? "block" : ""}`} title={title}>
      <Text of={control.mode} max={20} />
    </span>
  );
}

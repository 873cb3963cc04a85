import { useState } from "preact/hooks";
import { changed, link, type Address } from "../address";
import { useAnswer } from "../api/hooks";
import type { Control, List } from "../api/shapes";
import { controlName } from "../attacks/Why";
import { Days } from "../parts/Days";
import { Grid, type GridColumn } from "../parts/Grid";
import { Icon } from "../parts/Icon";
import { Failure, Skeleton, Warnings } from "../parts/Notice";
import { Line, Text } from "../parts/Text";
import { Ago, useNow } from "../parts/time";
import { count } from "../text/numbers";
import { ControlPanel, Mode } from "./ControlPanel";
import { FirstControl } from "./FirstControl";
import { barsOf, hintOf, KINDS, weekRange } from "./words";

/** Controls that someone wrote, as against what nginx checks by itself. */
const isWritten = (control: Control) => ["acl", "verify", "tool_schema"].includes(control.kind);

/** Controls with what they made of the calls of seven days; one of them opened beside the list. */
export function ControlsPage({ address }: { address: Address }) {
  const [tick, setTick] = useState(0);
  const now = useNow();
  const answer = useAnswer<List<Control>>(`controls?${new URLSearchParams({ from: weekRange(now).from })}`, tick);
  const rows = answer.data?.items ?? [];
  const params = address.params;
  const isOpen = (control: Control) => control.type === params.get("type") && (control.title ?? "") === (params.get("control") ?? "");
  const open = params.has("type") ? rows.find(isOpen) : undefined;
  const columns: GridColumn<Control>[] = [
    {
      name: "title",
      title: "Control",
      wide: true,
      cell: (row) => (
        <span class={row.in_force ? "control-title" : "control-title gone"}>
          <Line of={controlName(row)} />
          {!row.in_force && (
            <span class="tag" title="It judged calls in the days kept, and stands in nginx.conf no more">
              not in force
            </span>
          )}
        </span>
      ),
      by: (row) => controlName(row).toLowerCase(),
    },
    { name: "kind", title: "Kind", cell: (row) => <span class="dim">{KINDS[row.kind] ?? <Text of={row.kind} max={40} />}</span>, by: (row) => row.kind, optional: true },
    { name: "mode", title: "Mode", roomy: true, cell: (row) => <Mode control={row} />, by: (row) => row.mode },
    { name: "place", title: "Place", wide: true, cell: (row) => <Line of={row.place ?? ""} mono />, by: (row) => row.place ?? "", optional: true },
    { name: "days", title: "7 days", roomy: true, cell: (row) => <Days of={barsOf(row)} all="call" part="denied" /> },
    { name: "judged", title: "Judged", number: true, cell: (row) => count(row.judged), by: (row) => row.judged, optional: true },
    { name: "denied", title: "Denied", number: true, cell: (row) => <span class={row.denied ? "warn" : "none"}>{count(row.denied)}</span>, by: (row) => row.denied },
    { name: "blocked", title: "Blocked", number: true, cell: (row) => <span class={row.blocked ? "bad" : "none"}>{count(row.blocked)}</span>, by: (row) => row.blocked },
    { name: "unjudged", title: "Unjudged", number: true, cell: (row) => <span class={row.unjudged ? "warn" : "none"}>{count(row.unjudged)}</span>, by: (row) => row.unjudged, optional: true },
    { name: "last", title: "Last attack", number: true, cell: (row) => <Ago at={row.last_attack} now={now} />, by: (row) => row.last_attack, optional: true },
  ];
  const hrefOf = (row: Control) => changed(address, { type: row.type, control: row.title || null });
  return (
    <div class={open ? "sessions-page with-panel roomy" : "sessions-page"}>
      <section class="sessions-side view" aria-label="Controls">
        <div class="toolbar view-head">
          <h1>Controls</h1>
          <span class="dim">What they made of calls in seven days (UTC)</span>
          <span class="grow" />
          <button type="button" class="control square" onClick={() => setTick((n) => n + 1)} title="Refresh" aria-label="Refresh">
            <Icon name="again" />
          </button>
        </div>
        <Warnings of={answer.data?.warnings ?? []} />
        {params.has("type") && answer.data && !open && (
          <p class="narrowed" role="status">
            The control that the link names is not in force, and judged nothing in seven days.
          </p>
        )}
        <div class={answer.loading && answer.data ? "view-body stale" : "view-body"}>
          {answer.problem && !answer.data ? (
            <Failure problem={answer.problem} again={answer.again} />
          ) : !answer.data ? (
            <Skeleton />
          ) : (
            <>
              {rows.length > 0 && <Grid rows={rows} columns={columns} keyOf={(row) => `${row.kind} ${row.title ?? ""}`} label="Controls" first="denied" href={hrefOf} isOpen={isOpen} />}
              {rows.some((row) => hintOf(row)) && <Hints rows={rows} now={now} />}
              {!rows.some(isWritten) && <FirstControl />}
            </>
          )}
        </div>
      </section>
      {open && <ControlPanel key={`${open.kind} ${open.title}`} control={open} address={address} />}
    </div>
  );
}

/** What block mode would stop, for controls that only watch. */
function Hints({ rows, now }: { rows: Control[]; now: Date }) {
  return (
    <ul class="hints" aria-label="Before you switch to block">
      {rows.map((row) => {
        const hint = hintOf(row);
        return (
          hint && (
            <li key={`${row.kind} ${row.title}`}>
              <b>
                <Text of={controlName(row)} max={120} />
              </b>{" "}
              {hint}{" "}
              {row.denied > row.blocked && <a class="link" href={link("attacks", null, { ...weekRange(now), attack: row.type, ...(row.title ? { control: row.title } : {}) })}>
                Look at them
              </a>}
            </li>
          )
        );
      })}
    </ul>
  );
}

import { useCallback, useMemo, useRef, useState } from "preact/hooks";
import { changed, format, go, type Address } from "../address";
import { useAnswer, usePages } from "../api/hooks";
import { useLive } from "../api/live";
import type { Facets, Part, Timeline } from "../api/shapes";
import { Icon } from "../parts/Icon";
import { Empty, Failure, Skeleton, Warnings } from "../parts/Notice";
import { RangePicker } from "../parts/RangePicker";
import { useNow } from "../parts/time";
import { useWidth } from "../parts/windowed";
import { isOpen, rangeOf, setRange, spanOf, titleOf, widerThan } from "../range";
import { SessionPanel } from "../session/SessionPanel";
import { count, counted } from "../text/numbers";
import { Chart } from "./Chart";
import { Export, LiveMark } from "./bar";
import { ColumnMenu } from "./ColumnMenu";
import { chosenColumns } from "./columns";
import { filtersOf } from "./fields";
import { FilterBar, SearchBox } from "./FilterBar";
import { questionOf } from "./query";
import { SessionList } from "./SessionList";
import { useNews } from "./news";

/** The start: sessions in a time range, filtered, with a chart; one of them opened beside the list. */
export function SessionsPage({ address }: { address: Address }) {
  const [tick, setTick] = useState(0);
  const [columns, setColumns] = useState(chosenColumns);
  const now = useNow(30_000);
  const params = address.params;
  const range = rangeOf(params);
  const filterKey = filtersOf(params).toString();
  const rangeKey = JSON.stringify(range);
  const span = useMemo(() => spanOf(range, new Date()), [rangeKey, filterKey, tick]);
  const question = useMemo(() => questionOf(params, span), [span, filterKey]);
  const pages = usePages<Part>(`sessions?${question}`, tick);
  const refresh = useCallback(() => setTick((n) => n + 1), []);

  const news = useNews<Part>("sessions", (part) => part.last_at, pages, isOpen(range), question, tick);
  const live = useLive(isOpen(range), filterKey, news.heard);
  const chartSpan = useMemo(() => spanOf(range, new Date()), [rangeKey, filterKey, tick, news.beats]);
  // One field with one value: what is wanted are the sums.
  const sums = useAnswer<Facets>(`facets?${questionOf(params, chartSpan, { field: "state", limit: "1" })}`, tick + news.beats);
  const timeline = useAnswer<Timeline>(`timeline?${questionOf(params, chartSpan)}`, tick + news.beats);
  const select = (from: Date, to: Date) => {
    const next = new URLSearchParams(params);
    setRange(next, { from: from.toISOString(), to: to.toISOString() });
    go(format({ ...address, params: next }));
  };
  const open = params.get("session");
  const list = useRef<HTMLElement>(null);
  const narrow = useWidth(list) < 720;
  return (
    <div class={open ? "sessions-page with-panel" : "sessions-page"}>
      <section class={narrow ? "sessions-side narrow" : "sessions-side"} ref={list} aria-label="MCP Sessions">
        <div class="toolbar">
          <SearchBox address={address} />
          <span class="grow" />
          <LiveMark state={live} range={isOpen(range)} />
          <button type="button" class="control square" onClick={refresh} title="Refresh" aria-label="Refresh">
            <Icon name="again" />
          </button>
          <ColumnMenu columns={columns} set={setColumns} />
          <Export question={question} of={["sessions", "calls"]} />
          <RangePicker address={address} now={now} />
        </div>
        <FilterBar address={address} span={span} activeFirst={narrow} />
        <Totals sums={sums.data} timeline={timeline.data} />
        {timeline.problem ? <p class="chart-failed">The chart cannot be drawn: {timeline.problem.title}.</p> : <Chart timeline={timeline.data} span={chartSpan} loading={timeline.loading && !timeline.data} select={select} />}
        <Warnings of={pages.warnings} />
        <div class="list-frame">
          {news.count > 0 && (
            <button type="button" class="news" onClick={refresh}>
              {counted(news.count, "new session")}. Show
            </button>
          )}
          <span class="sr" role="status">
            {news.count > 0 ? `${counted(news.count, "new session")} since the list was read` : ""}
          </span>
          {pages.problem && !pages.items.length ? (
            <Failure problem={pages.problem} again={pages.again} />
          ) : pages.items.length ? (
            <SessionList pages={pages} address={address} columns={columns} tick={tick} />
          ) : pages.loading ? (
            <Skeleton />
          ) : (
            <NothingFound address={address} filtered={filterKey !== ""} />
          )}
        </div>
      </section>
      {open && <SessionPanel key={open} id={open} address={address} beside={list} />}
    </div>
  );
}

function Totals({ sums, timeline }: { sums: Facets | null; timeline: Timeline | null }) {
  const attacks = (timeline?.items ?? []).reduce((total, step) => total + step.attacks, 0);
  if (!sums) return <p class="totals">&nbsp;</p>;
  return (
    <p class="totals num" role="status">
      <span>
        <b>{count(sums.sessions)}</b> {sums.sessions === 1 ? "session" : "sessions"}
      </span>
      <span class="key k-calls">
        <b>{count(sums.calls)}</b> {sums.calls === 1 ? "call" : "calls"}
      </span>
      <span class="key k-errors">
        <b>{count(sums.errors)}</b> {sums.errors === 1 ? "error" : "errors"}
      </span>
      <span class="key k-attacks">
        <b>{count(attacks)}</b> {attacks === 1 ? "attack" : "attacks"}
      </span>
    </p>
  );
}

/** Nothing there: why that may be, and the next step. */
function NothingFound({ address, filtered }: { address: Address; filtered: boolean }) {
  const range = rangeOf(address.params);
  const wider = widerThan(range);
  const widen = () => {
    const params = new URLSearchParams(address.params);
    if (wider) setRange(params, wider);
    return format({ ...address, params });
  };
  const bare = changed(address, Object.fromEntries([...filtersOf(address.params).keys()].map((name) => [name, null])));
  return (
    <Empty title={filtered ? "Nothing matches" : `No MCP sessions: ${titleOf(range, new Date()).toLowerCase()}`}>
      <p>
        {filtered
          ? "No session in this time has a call for which all filters hold at once."
          : "nginx recorded nothing in this time. Sessions appear here within a second of the first MCP call through a location with mcp_sessions on."}
      </p>
      <p class="steps">
        {wider && (
          <a class="button" href={widen()}>
            Look at {wider.title.toLowerCase()}
          </a>
        )}
        {filtered && (
          <a class="button" href={bare}>
            Clear filters
          </a>
        )}
        {!filtered && (
          <a class="button" href="#/recorder">
            Is the recorder well?
          </a>
        )}
      </p>
    </Empty>
  );
}

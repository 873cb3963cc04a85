import { useCallback, useMemo, useRef, useState } from "preact/hooks";
import { changed, format, go, link, type Address } from "../address";
import { useAnswer, usePages } from "../api/hooks";
import { useLive } from "../api/live";
import type { Facets, ListedAttack, Timeline } from "../api/shapes";
import { Icon } from "../parts/Icon";
import { Empty, Failure, Skeleton, Warnings } from "../parts/Notice";
import { RangePicker } from "../parts/RangePicker";
import { RowList } from "../parts/RowList";
import { useNow } from "../parts/time";
import { useWidth } from "../parts/windowed";
import { isOpen, rangeOf, setRange, spanOf, titleOf, widerThan } from "../range";
import { Export, LiveMark } from "../sessions/bar";
import { Chart } from "../sessions/Chart";
import { ATTACK_FIELDS, filtersOf } from "../sessions/fields";
import { FilterBar, SearchBox } from "../sessions/FilterBar";
import { useNews } from "../sessions/news";
import { questionOf } from "../sessions/query";
import { count, counted } from "../text/numbers";
import { visible } from "../text/visible";
import { AttackPanel } from "./AttackPanel";
import { attackColumns, Card } from "./columns";
import { controlName } from "./Why";

const ATTACKS = ["attacks"] as const;

/** Attacks in a time range, filtered, with a chart; one of them opened beside the list. */
export function AttacksPage({ address }: { address: Address }) {
  const [tick, setTick] = useState(0);
  const now = useNow(30_000);
  const params = address.params;
  const range = rangeOf(params);
  const filterKey = filtersOf(params, undefined, ATTACK_FIELDS).toString();
  const rangeKey = JSON.stringify(range);
  const span = useMemo(() => spanOf(range, new Date()), [rangeKey, filterKey, tick]);
  const question = useMemo(() => questionOf(params, span, {}, undefined, ATTACK_FIELDS), [span, filterKey]);
  const pages = usePages<ListedAttack>(`attacks?${question}`, tick);
  const refresh = useCallback(() => setTick((n) => n + 1), []);
  // Questions about calls have to be told that only those with attacks are meant.
  const only: Record<string, string> = params.has("attack") ? {} : { attack: "any" };
  const news = useNews<ListedAttack>("attacks", (attack) => attack.at, pages, isOpen(range), question, tick);
  const live = useLive(isOpen(range), new URLSearchParams([...new URLSearchParams(filterKey), ...Object.entries(only)]).toString(), news.heard);
  const chartSpan = useMemo(() => spanOf(range, new Date()), [rangeKey, filterKey, tick, news.beats]);
  const sums = useAnswer<Facets>(`facets?${questionOf(params, chartSpan, { ...only, field: "outcome", limit: "20" }, undefined, ATTACK_FIELDS)}`, tick + news.beats);
  const timeline = useAnswer<Timeline>(`timeline?${questionOf(params, chartSpan, only, undefined, ATTACK_FIELDS)}`, tick + news.beats);
  const select = (from: Date, to: Date) => {
    const next = new URLSearchParams(params);
    setRange(next, { from: from.toISOString(), to: to.toISOString() });
    go(format({ ...address, params: next }));
  };
  const open = params.get("open");
  const list = useRef<HTMLElement>(null);
  const narrow = useWidth(list) < 720;
  return (
    <div class={open ? "sessions-page with-panel" : "sessions-page"}>
      <section class={narrow ? "sessions-side narrow" : "sessions-side"} ref={list} aria-label="Attacks">
        <div class="toolbar">
          <SearchBox address={address} />
          <span class="grow" />
          <LiveMark state={live} range={isOpen(range)} what="attacks" />
          <button type="button" class="control square" onClick={refresh} title="Refresh" aria-label="Refresh">
            <Icon name="again" />
          </button>
          <Export question={new URLSearchParams([...new URLSearchParams(question), ...Object.entries(only)]).toString()} of={["attacks", "calls"]} />
          <RangePicker address={address} now={now} />
        </div>
        <FilterBar address={address} span={span} activeFirst={narrow} of={ATTACK_FIELDS} />
        <Totals sums={sums.data} timeline={timeline.data} />
        {timeline.problem ? (
          <p class="chart-failed">The chart cannot be drawn: {timeline.problem.title}.</p>
        ) : (
          <Chart timeline={timeline.data} span={chartSpan} loading={timeline.loading && !timeline.data} select={select} series={ATTACKS} />
        )}
        <Warnings of={pages.warnings} />
        <div class="list-frame">
          {news.count > 0 && (
            <button type="button" class="news" onClick={refresh}>
              {counted(news.count, "new attack")}. Show
            </button>
          )}
          <span class="sr" role="status">
            {news.count > 0 ? `${counted(news.count, "new attack")} since the list was read` : ""}
          </span>
          {pages.problem && !pages.items.length ? (
            <Failure problem={pages.problem} again={pages.again} />
          ) : pages.items.length ? (
            <RowList
              pages={pages}
              noun="attack"
              name="attacks"
              label="Attacks, newest first"
              columnsFor={attackColumns}
              card={(attack, at) => <Card attack={attack} now={at} />}
              says={(attack) => visible(`${attack.type}, ${attack.action}, by ${controlName(attack)}`, 200)}
              open={open}
              linkTo={(attack) => changed(address, { open: attack.id })}
              follows
              tick={tick}
            />
          ) : pages.loading ? (
            <Skeleton />
          ) : (
            <NothingFound address={address} filtered={filterKey !== ""} />
          )}
        </div>
      </section>
      {open && <AttackPanel key={open} id={open} address={address} beside />}
    </div>
  );
}

function Totals({ sums, timeline }: { sums: Facets | null; timeline: Timeline | null }) {
  if (!sums) return <p class="totals">&nbsp;</p>;
  const attacks = timeline?.items.reduce((total, step) => total + step.attacks, 0);
  const blocked = sums.facets["outcome"]?.values.find(({ value }) => value === "blocked")?.count ?? 0;
  return (
    <p class="totals num" role="status">
      {attacks !== undefined && (
        <span class="key k-attacks">
          <b>{count(attacks)}</b> {attacks === 1 ? "attack" : "attacks"}
        </span>
      )}
      <span class={attacks === undefined ? "key k-attacks" : ""}>
        {attacks !== undefined && "in "}
        <b>{count(sums.calls)}</b> {sums.calls === 1 ? "call" : "calls"}
      </span>
      <span>
        <b>{count(blocked)}</b> of them blocked
      </span>
      <span>
        <b>{count(sums.sessions)}</b> {sums.sessions === 1 ? "session" : "sessions"}
      </span>
    </p>
  );
}

/** No attack: that may be good news, or no control may be there to tell. */
function NothingFound({ address, filtered }: { address: Address; filtered: boolean }) {
  const range = rangeOf(address.params);
  const wider = widerThan(range);
  const widen = () => {
    const params = new URLSearchParams(address.params);
    if (wider) setRange(params, wider);
    return format({ ...address, params });
  };
  const bare = changed(address, Object.fromEntries([...ATTACK_FIELDS.map((field) => field.name), ...filtersOf(address.params).keys()].map((name) => [name, null])));
  return (
    <Empty title={filtered ? "Nothing matches" : `No attacks: ${titleOf(range, new Date()).toLowerCase()}`}>
      <p>{filtered ? "No attack in this time is one for which all filters hold." : "No control objected to a call in this time. Which controls there are, and how many calls they judged, is told under Controls."}</p>
      <p class="steps">
        {wider && (
          <a class="button" href={widen()}>
            Look at {wider.title.toLowerCase()}
          </a>
        )}
        <a class="button" href={filtered ? bare : link("controls")}>
          {filtered ? "Clear filters" : "Controls"}
        </a>
      </p>
    </Empty>
  );
}

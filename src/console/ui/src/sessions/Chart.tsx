import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Timeline } from "../api/shapes";
import { useWidth } from "../parts/windowed";
import type { Span } from "../range";
import { count, duration, shortCount } from "../text/numbers";
import { clock, date } from "../text/times";
import { bars } from "./bars";

const HEIGHT_PX = 92;
const ALL = ["calls", "errors", "attacks"] as const;

interface Props {
  timeline: Timeline | null;
  span: Span;
  loading: boolean;
  select: (from: Date, to: Date) => void;
  series?: readonly (typeof ALL)[number][];
}

/** Calls, errors and attacks over time. Dragging, or arrow keys with Shift and Enter, choose a range. */
export function Chart({ timeline, span, loading, select, series = ALL }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const width = useWidth(box);
  const theme = useTheme();
  const [hover, setHover] = useState<number | null>(null);
  const [mark, setMark] = useState<[number, number] | null>(null);
  const selected = useRef(select);
  selected.current = select;

  const step_s = timeline?.step_s ?? 60;
  const items = timeline?.items ?? [];
  const end = (span.to ?? new Date()).getTime() / 1000;
  const data = useMemo<uPlot.AlignedData>(
    () => [items.map((item) => Date.parse(item.at) / 1000), ...series.map((name) => items.map((item) => item[name]))] as uPlot.AlignedData,
    [timeline],
  );

  useEffect(() => {
    if (!canvas.current || width < 40) return;
    const style = getComputedStyle(canvas.current);
    const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
    const font = `11px ${style.fontFamily}`;
    const axis = { stroke: colour("dim"), font, ticks: { show: false }, gap: 4 };
    const made = new uPlot(
      {
        width,
        height: HEIGHT_PX,
        padding: [6, 8, 0, 0],
        legend: { show: false },
        cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: false } },
        scales: { x: { range: () => [span.from.getTime() / 1000, end] }, y: { range: (_, __, high) => [0, Math.max(4, high * 1.05)] } },
        axes: [
          { ...axis, size: 20, grid: { show: false }, values: (_, ticks) => timeTicks(ticks) },
          { ...axis, size: 44, space: 26, grid: { stroke: colour("line"), width: 1 }, values: (_, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? shortCount(tick) : "")) },
        ],
        series: [{}, ...series.map((name) => ({ label: name, fill: colour(`chart-${name}`), paths: bars(step_s), points: { show: false } }))],
        hooks: {
          setCursor: [(u) => setHover(u.cursor.idx ?? null)],
          setSelect: [
            (u) => {
              if (u.select.width < 4) return;
              const [from, to] = [u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x")];
              u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
              selected.current(new Date(Math.round(from * 1000)), new Date(Math.round(to * 1000)));
            },
          ],
        },
      },
      data,
      canvas.current,
    );
    plot.current = made;
    return () => {
      made.destroy();
      plot.current = null;
    };
  }, [data, width, theme, step_s]);

  const keys = (event: KeyboardEvent) => {
    if (!items.length) return;
    const at = mark ?? [items.length - 1, items.length - 1];
    const move = event.key === "ArrowLeft" ? -1 : event.key === "ArrowRight" ? 1 : 0;
    if (move) {
      const to = Math.min(items.length - 1, Math.max(0, at[1] + move));
      setMark(event.shiftKey ? [at[0], to] : [to, to]);
    } else if (event.key === "Enter" && mark) {
      const [first, last] = [items[Math.min(...mark)], items[Math.max(...mark)]];
      if (first && last) select(new Date(first.at), new Date(Date.parse(last.at) + step_s * 1000));
      setMark(null);
    } else if (event.key === "Escape" && mark) {
      setMark(null);
      event.stopPropagation();
    } else return;
    event.preventDefault();
  };
  useEffect(() => {
    const [u, first, last] = [plot.current, mark && items[Math.min(...mark)], mark && items[Math.max(...mark)]];
    if (!u) return;
    const left = first ? u.valToPos(Date.parse(first.at) / 1000, "x") : 0;
    const right = last ? u.valToPos(Date.parse(last.at) / 1000 + step_s, "x") : 0;
    u.setSelect({ left, top: 0, width: right - left, height: u.over.clientHeight }, false);
  }, [mark]);

  const shown = items[mark ? mark[1] : (hover ?? -1)];
  return (
    <div class={loading ? "chart stale" : "chart"} ref={box} onBlur={() => setMark(null)}>
      <div
        ref={canvas}
        class="chart-canvas"
        role="application"
        tabIndex={0}
        aria-label={`${series.length > 1 ? "Calls, errors and attacks" : "Attacks"} over time. Arrow keys move, with Shift they select, Enter shows what is selected.`}
        onKeyDown={keys}
      />
      <p class="chart-says num" role="status">
        {shown
          ? `${date(new Date(shown.at))} ${clock(new Date(shown.at)).slice(0, 5)} + ${duration(step_s * 1000)}: ${series.map((name) => `${count(shown[name])} ${name}`).join(", ")}`
          : ""}
      </p>
    </div>
  );
}

function timeTicks(ticks: number[]): string[] {
  const days = ticks.length > 1 && (ticks[1] ?? 0) - (ticks[0] ?? 0) >= 86_400;
  return ticks.map((tick) => {
    const at = new Date(tick * 1000);
    if (days || (at.getHours() === 0 && at.getMinutes() === 0 && at.getSeconds() === 0)) return date(at);
    return tick % 60 ? clock(at) : clock(at).slice(0, 5);
  });
}

/** Which of light and dark the system wants: the canvas has to be drawn anew for it. */
function useTheme(): boolean {
  const query = useMemo(() => matchMedia("(prefers-color-scheme: dark)"), []);
  const [dark, set] = useState(query.matches);
  useEffect(() => {
    const listener = () => set(query.matches);
    query.addEventListener("change", listener);
    return () => query.removeEventListener("change", listener);
  }, []);
  return dark;
}

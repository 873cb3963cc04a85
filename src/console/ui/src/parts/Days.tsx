import { counted } from "../text/numbers";

export interface DayBar {
  day: string;
  /** The whole, and the part of it that is drawn in front. */
  all: number;
  part: number;
}

const WIDTH = 9;
const GAP = 2;
const HEIGHT = 22;
/** What is not nothing can be seen: one blocked call among a million is what the bars are for. */
const LEAST = 2.5;

function height(n: number, most: number): number {
  return n ? Math.max(LEAST, (HEIGHT * n) / Math.max(1, most)) : 0;
}

/** Days as small bars from zero: calls, and in front of them those that are worth seeing. */
export function Days({ of, all, part, tone = "bad" }: { of: DayBar[]; all: string; part: string; tone?: "bad" | "warn" }) {
  const most = Math.max(...of.map((day) => Math.max(day.all, day.part)), 1);
  const words = of.map((day) => `${day.day}: ${counted(day.all, all)}${day.part ? `, ${day.part} ${part}` : ""}`).join("; ");
  const width = Math.max(1, of.length) * (WIDTH + GAP) - GAP;
  return (
    <svg class={`days-bars ${tone}`} width={width} height={HEIGHT} viewBox={`0 0 ${width} ${HEIGHT}`} role="img" aria-label={words || "no days"}>
      {of.map((day, i) => {
        const x = i * (WIDTH + GAP);
        const [high, front] = [height(day.all, most), height(day.part, most)];
        return (
          <g key={day.day}>
            <title>
              {day.day}: {counted(day.all, all)}
              {day.part ? `, ${day.part} ${part}` : ""}
            </title>
            <rect x={x} y={HEIGHT - 1} width={WIDTH} height={1} class="zero" />
            <rect x={x} y={HEIGHT - high} width={WIDTH} height={high} class="all" />
            {front > 0 && <rect x={x} y={HEIGHT - front} width={WIDTH} height={front} class="part" />}
          </g>
        );
      })}
    </svg>
  );
}

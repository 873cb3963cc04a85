// Where the bars of a waterfall stand. People pause between the bursts of an agent; a pause is drawn
// as a short step, so that what happened stays readable.

/** A bar: from where, how long, and where the answer's first event came, in per cent of the width. */
export interface Bar {
  left: number;
  width: number;
  first_event: number | null;
}

export interface Timed {
  at: string;
  duration_ms: number | null;
  first_event_ms: number | null;
}

/** A pause longer than this is shortened. */
const PAUSE_MS = 1500;
/** What a shortened pause takes, in per cent of what the work takes. */
const PAUSE_SHARE = 0.04;
const WIDTH_MIN = 0.8;

/** Bars of calls in order; `null` durations are not over yet and go to the end. */
export function waterfall(calls: Timed[]): Bar[] {
  const begins = calls.map((call) => Date.parse(call.at));
  const last = Math.max(...calls.map((call, i) => (begins[i] ?? 0) + (call.duration_ms ?? 0)), 0);
  const ends = calls.map((call, i) => (call.duration_ms === null ? last : (begins[i] ?? 0) + call.duration_ms));
  const order = calls.map((_, i) => i).sort((a, b) => (begins[a] ?? 0) - (begins[b] ?? 0));
  // Stretches of work: from, to.
  const work: [number, number][] = [];
  for (const i of order) {
    const [begin, end] = [begins[i] ?? 0, ends[i] ?? 0];
    const current = work[work.length - 1];
    if (current && begin - current[1] <= PAUSE_MS) current[1] = Math.max(current[1], end);
    else work.push([begin, end]);
  }
  const busy = work.reduce((sum, [from, to]) => sum + (to - from), 0);
  const pause = Math.max(busy * PAUSE_SHARE, 1) / Math.max(1, (work.length - 1) / 4);
  const total = busy + pause * (work.length - 1) || 1;
  const starts: number[] = [];
  let place = 0;
  for (const [from, to] of work) {
    starts.push(place);
    place += to - from + pause;
  }
  const at = (time: number): number => {
    let i = work.length - 1;
    while (i > 0 && time < (work[i]?.[0] ?? 0)) i--;
    const [from, to] = work[i] ?? [0, 0];
    return (100 * ((starts[i] ?? 0) + Math.min(time, to) - from)) / total;
  };
  return calls.map((call, i) => {
    const [begin, end] = [begins[i] ?? 0, ends[i] ?? 0];
    const left = Math.min(at(begin), 100 - WIDTH_MIN);
    return {
      left,
      width: Math.min(100 - left, Math.max(WIDTH_MIN, at(end) - left)),
      first_event: call.first_event_ms === null ? null : at(begin + call.first_event_ms) - left,
    };
  });
}

/** How long nothing happened before each call, where it is worth saying. */
export function pauses(calls: Timed[]): (number | null)[] {
  let end = 0;
  return calls.map((call) => {
    const begin = Date.parse(call.at);
    const pause = end ? begin - end : 0;
    end = Math.max(end, begin + (call.duration_ms ?? 0));
    return pause > PAUSE_MS ? pause : null;
  });
}

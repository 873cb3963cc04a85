// What changed between two texts, line by line, and within a line word by word. Bounded: texts come
// from MCP servers, and two that have nothing in common must not keep the page busy.

export type Kind = "same" | "old" | "new";

/** A piece of a line: whether it is what differs from its counterpart. */
export interface Word {
  text: string;
  differs: boolean;
}

/** A line, or (`skipped` above 0) how many equal lines are left out here. */
export interface DiffLine {
  kind: Kind;
  words: Word[];
  skipped: number;
}

export interface Diff {
  lines: DiffLine[];
  /** The texts differ too much to be compared, or are too long: the old stands before the new. */
  isRough: boolean;
  /** Lines that were too many to be looked at. */
  left_out: number;
}

const LINES_MAX = 3000;
const EDITS_MAX = 500;
const WORDS_MAX = 1500;
const CONTEXT = 2;
const LINE_CHARACTERS_MAX = 20_000;

interface Step {
  kind: Kind;
  text: string;
}

/** The shortest way from one list to another (Myers), or null where it has more than `edits_max` steps. */
export function steps(a: string[], b: string[], edits_max = EDITS_MAX): Step[] | null {
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  const middle = shortest(a.slice(head, a.length - tail), b.slice(head, b.length - tail), edits_max);
  if (!middle) return null;
  const same = (text: string): Step => ({ kind: "same", text });
  return [...a.slice(0, head).map(same), ...middle, ...a.slice(a.length - tail).map(same)];
}

function shortest(a: string[], b: string[], edits_max: number): Step[] | null {
  if (!a.length) return b.map((text) => ({ kind: "new", text }));
  if (!b.length) return a.map((text) => ({ kind: "old", text }));
  const most = Math.min(edits_max, a.length + b.length);
  const middle = most + 1;
  const reach = new Int32Array(2 * most + 3);
  const trail: Int32Array[] = [];
  for (let edits = 0; edits <= most; edits++) {
    trail.push(reach.slice(middle - edits - 1, middle + edits + 2));
    for (let k = -edits; k <= edits; k += 2) {
      const down = k === -edits || (k !== edits && (reach[middle + k - 1] ?? 0) < (reach[middle + k + 1] ?? 0));
      let x = down ? (reach[middle + k + 1] ?? 0) : (reach[middle + k - 1] ?? 0) + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x++;
      reach[middle + k] = x;
      if (x >= a.length && x - k >= b.length) return backwards(a, b, trail, edits);
    }
  }
  return null;
}

function backwards(a: string[], b: string[], trail: Int32Array[], edits: number): Step[] {
  const found: Step[] = [];
  let [x, y] = [a.length, b.length];
  for (let d = edits; d > 0; d--) {
    const reach = trail[d] ?? new Int32Array();
    const at = (k: number) => reach[k + d + 1] ?? 0;
    const k = x - y;
    const down = k === -d || (k !== d && at(k - 1) < at(k + 1));
    const before = down ? k + 1 : k - 1;
    // From where the equal run after this edit began.
    const start = at(before) + (down ? 0 : 1);
    while (x > start) {
      found.push({ kind: "same", text: a[--x] ?? "" });
      y--;
    }
    if (down) found.push({ kind: "new", text: b[--y] ?? "" });
    else found.push({ kind: "old", text: a[--x] ?? "" });
  }
  while (x > 0) found.push({ kind: "same", text: a[--x] ?? "" });
  return found.reverse();
}

const whole = (text: string, differs = false): Word[] => [{ text, differs }];

/** Compares two texts line by line. */
export function diff(before: string, after: string): Diff {
  const [a, b] = [linesOf(before), linesOf(after)];
  const left_out = a.left_out + b.left_out;
  const found = steps(a.lines, b.lines);
  if (!found) {
    const rough = [...a.lines.map((text): Step => ({ kind: "old", text })), ...b.lines.map((text): Step => ({ kind: "new", text }))];
    return { lines: rough.map(({ kind, text }) => ({ kind, words: whole(text), skipped: 0 })), isRough: true, left_out };
  }
  return { lines: folded(paired(found)), isRough: false, left_out };
}

function linesOf(text: string): { lines: string[]; left_out: number } {
  const all = text === "" ? [] : text.split("\n");
  const lines = all.slice(0, LINES_MAX).map((line) => (line.length > LINE_CHARACTERS_MAX ? `${line.slice(0, LINE_CHARACTERS_MAX)}…` : line));
  return { lines, left_out: all.length - lines.length };
}

/** Old lines that stand before new ones are compared with them word by word. */
function paired(found: Step[]): DiffLine[] {
  const lines: DiffLine[] = [];
  for (let i = 0; i < found.length; ) {
    const step = found[i];
    if (!step) break;
    if (step.kind === "same") {
      lines.push({ kind: "same", words: whole(step.text), skipped: 0 });
      i++;
      continue;
    }
    const block: Step[] = [];
    for (let next = found[i]; next && next.kind !== "same"; next = found[++i]) block.push(next);
    const [olds, news] = [block.filter(({ kind }) => kind === "old"), block.filter(({ kind }) => kind === "new")];
    const pairs = olds.map(({ text }, n) => wordsOf(text, news[n]?.text));
    olds.forEach(({ text }, n) => lines.push({ kind: "old", words: pairs[n]?.[0] ?? whole(text), skipped: 0 }));
    news.forEach(({ text }, n) => lines.push({ kind: "new", words: pairs[n]?.[1] ?? whole(text), skipped: 0 }));
  }
  return lines;
}

/** Both lines in words, those marked that differ; null where the lines have too little in common for that. */
function wordsOf(before: string, after: string | undefined): [Word[], Word[]] | null {
  if (after === undefined) return null;
  const [a, b] = [words(before), words(after)];
  if (a.length > WORDS_MAX || b.length > WORDS_MAX) return null;
  const found = steps(a, b);
  if (!found) return null;
  const common = found.filter(({ kind, text }) => kind === "same" && text.trim()).reduce((sum, { text }) => sum + text.length, 0);
  if (common * 3 < Math.min(before.length, after.length)) return null;
  const side = (kind: Kind) => joined(found.filter((step) => step.kind === kind || step.kind === "same").map(({ kind: is, text }) => ({ text, differs: is !== "same" })));
  return [side("old"), side("new")];
}

const words = (line: string): string[] => line.match(/\s+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) ?? [];

function joined(all: Word[]): Word[] {
  const found: Word[] = [];
  for (const word of all) {
    const last = found[found.length - 1];
    if (last && last.differs === word.differs) last.text += word.text;
    else found.push({ ...word });
  }
  return found;
}

/** Leaves out equal lines that are far from any change. */
function folded(lines: DiffLine[]): DiffLine[] {
  const near = new Uint8Array(lines.length);
  lines.forEach((line, i) => {
    if (line.kind !== "same") near.fill(1, Math.max(0, i - CONTEXT), Math.min(lines.length, i + CONTEXT + 1));
  });
  const found: DiffLine[] = [];
  for (const [i, line] of lines.entries()) {
    if (near[i]) {
      found.push(line);
      continue;
    }
    const last = found[found.length - 1];
    if (last && last.skipped > 0) last.skipped++;
    else found.push({ kind: "same", words: [], skipped: 1 });
  }
  return found;
}

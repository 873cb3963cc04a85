// What the recorder writes where it left something out: masks, cuts and shapes (docs/directives.md,
// mcp_capture).

export const MASK = "••••";

/** A piece of a stored text: as it passed, masked, or cut. */
export interface Marked {
  kind: "text" | "mask" | "cut";
  text: string;
}

const CUT_TEXT = /… ?(\d+) bytes more$/;
const CUT_LIST = /^… (\d+) more$/;

/** Splits a stored text at its marks. */
export function marked(text: string): Marked[] {
  const cut = CUT_TEXT.exec(text);
  const rest = cut ? text.slice(0, cut.index) : text;
  const found: Marked[] = [];
  rest.split(MASK).forEach((piece, i) => {
    if (i > 0) found.push({ kind: "mask", text: MASK });
    if (piece) found.push({ kind: "text", text: piece });
  });
  if (cut) found.push({ kind: "cut", text: cut[0] });
  return found;
}

/** How many members or elements a mark says were left out; null where it is no such mark. */
export function leftOut(key: string | null, value: unknown): number | null {
  if (typeof value !== "string") return null;
  if (key === "…") return Number(/^(\d+) more$/.exec(value)?.[1] ?? NaN) || null;
  return Number(CUT_LIST.exec(value)?.[1] ?? NaN) || null;
}

/** The value for which there was no room at all. */
export const isNoRoom = (value: unknown): boolean => value === "…";

const SHAPE = /^(string\(\d+\)|number|bool|object\(\d+\)|array\(\d+\))$/;
const VALUES_MAX = 2000;

/** Whether a document is a shape: no value in it but the words of shapes. */
export function isShape(value: unknown): boolean {
  let words = 0;
  let left = VALUES_MAX;
  const visit = (one: unknown, key: string | null, depth: number): boolean => {
    if (left-- <= 0 || depth > 200) return true;
    if (one === null) return true;
    if (typeof one === "string") {
      if (SHAPE.test(one)) words++;
      else return leftOut(key, one) !== null || isNoRoom(one);
      return true;
    }
    if (Array.isArray(one)) return one.every((item) => visit(item, null, depth + 1));
    if (typeof one === "object") return Object.entries(one).every(([name, item]) => visit(item, name, depth + 1));
    return false;
  };
  return visit(value, null, 0) && words > 0;
}

/** The document inside a text, if there is an object or a list in it. */
export function jsonInside(text: string): unknown {
  const first = text.trimStart()[0];
  if ((first !== "{" && first !== "[") || text.length > 2_000_000) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

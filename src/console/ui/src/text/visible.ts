// Text from traffic, made harmless: what cannot be seen, or turns what stands beside it around, is
// shown as an escape. Nothing here makes markup; the page only ever sets text nodes.

/** A piece of text: as it is, or the escape of one character. */
export interface Piece {
  text: string;
  escaped: boolean;
}

// Controls (C0, DEL, C1), soft hyphen, bidirectional marks and overrides, zero-width and invisible
// characters, line separators, fillers, tags, variation selectors' supplement, lone surrogates.
const HIDDEN =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202f\u205f-\u206f\u3164\ud800-\udfff\ufeff\uffa0\ufff0-\ufffb\u{e0000}-\u{e0fff}]/gu;
// More combining marks in a row than any script needs grow over the lines around them.
const STACKED = /(\p{M}{4})\p{M}+/gu;

const SHORT: Record<string, string> = { "\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0" };

function escape(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (SHORT[character]) return SHORT[character];
  return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, "0")}`;
}

/** Splits text into what can be shown and what is shown as an escape. `lines` keeps line breaks and tabs. */
export function pieces(text: string, lines = false): Piece[] {
  const found: Piece[] = [];
  const calm = text.replace(STACKED, "$1…");
  let from = 0;
  HIDDEN.lastIndex = 0;
  for (const match of calm.matchAll(HIDDEN)) {
    const character = match[0];
    if (lines && (character === "\n" || character === "\t")) continue;
    if (match.index > from) found.push({ text: calm.slice(from, match.index), escaped: false });
    found.push({ text: escape(character), escaped: true });
    from = match.index + character.length;
  }
  if (from < calm.length) found.push({ text: calm.slice(from), escaped: false });
  return found;
}

/** The same as one text, for titles and labels. */
export function visible(text: string, characters_max = 500): string {
  const all = pieces(text.slice(0, characters_max), false)
    .map((piece) => piece.text)
    .join("");
  return text.length > characters_max ? `${all}…` : all;
}

/** JSON whose strings hold no character that could not be seen where it is pasted. */
export function visibleJson(json: string): string {
  return json.replace(HIDDEN, (character) =>
    character === "\n" ? character : [...Array(character.length)].map((_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`).join(""),
  );
}

import { pieces, visible } from "../text/visible";

const CHARACTERS_MAX = 2000;

/** Text from traffic. Always through here: what cannot be seen becomes visible, nothing becomes markup. */
export function Text({ of, lines = false, max = CHARACTERS_MAX }: { of: string; lines?: boolean; max?: number }) {
  const shown = of.length > max ? of.slice(0, max) : of;
  return (
    <bdi class="t">
      {pieces(shown, lines).map((piece) =>
        piece.escaped ? <span class="esc" title="an invisible character, shown as its escape">{piece.text}</span> : piece.text,
      )}
      {of.length > max && "…"}
    </bdi>
  );
}

/** One line that is cut where room ends; the whole of it as the title. */
export function Line({ of, mono = false }: { of: string; mono?: boolean }) {
  return (
    <span class={mono ? "line mono" : "line"} title={visible(of)}>
      <Text of={of} max={300} />
    </span>
  );
}

/** Stands for "nothing". */
export function None({ title }: { title?: string }) {
  return (
    <span class="none" title={title}>
      –
    </span>
  );
}

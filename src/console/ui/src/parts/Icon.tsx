const PATHS: Record<string, string> = {
  search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10Zm3.6-1.4L14 14",
  close: "M4 4l8 8M12 4l-8 8",
  down: "M4 6l4 4 4-4",
  right: "M6 4l4 4-4 4",
  left: "M10 4L6 8l4 4",
  copy: "M6 6V3.5A1.5 1.5 0 0 1 7.5 2h5A1.5 1.5 0 0 1 14 3.5v5a1.5 1.5 0 0 1-1.5 1.5H10M3.500 6h5A1.500 1.500 0 0 1 10 7.500v5A1.500 1.500 0 0 1 8.500 14h-5A1.500 1.500 0 0 1 2 12.500v-5A1.500 1.500 0 0 1 3.500 6Z",
  done: "M3 8.500l3.500 3.500L13 4.500",
  clock: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 4.800V8l2.200 1.600",
  columns: "M2.500 3h11v10h-11zM6.200 3v10M9.800 3v10",
  link: "M6.500 9.500l3-3M7 4.500l1.500-1.500a2.800 2.800 0 0 1 4 4L11 8.500M9 11.500L7.500 13a2.800 2.800 0 0 1-4-4L5 7.500",
  again: "M13 8a5 5 0 1 1-1.500-3.600M13 2v3h-3",
  out: "M6 3H3v10h10v-3M9 2.500h4.500V7M13 3L7.500 8.500",
  save: "M8 2.500v7.500M5 7.200L8 10.200l3-3M3 13h10",
  warn: "M8 2.500L14.300 13.500H1.700ZM8 6.500v3.500M8 11.700v.300",
  plus: "M8 3.500v9M3.500 8h9",
  wide: "M9.500 2.500h4v4M6.500 13.500h-4v-4M13.500 2.500L9 7M2.500 13.500L7 9",
  more: "M3.500 8h.010M8 8h.010M12.500 8h.010",
};

export function Icon({ name, size = 16 }: { name: string; size?: number }) {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}

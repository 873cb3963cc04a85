// Numbers as people read them.

const grouped = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** 12,345 */
export function count(n: number): string {
  return grouped.format(n);
}

/** 980, 12.3k, 4.1M: where there is room for four characters. */
export function shortCount(n: number): string {
  if (n < 10_000) return grouped.format(n);
  for (const [unit, size] of [["k", 1e3], ["M", 1e6], ["G", 1e9]] as const) {
    const scaled = n / size;
    if (scaled < 999.5) return (scaled < 100 ? scaled.toFixed(1).replace(/\.0$/, "") : scaled.toFixed(0)) + unit;
  }
  return n.toExponential(1);
}

/** "1 call", "2 calls". */
export function counted(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** 310 B, 18.2 kB, 4.1 MB (powers of 1000, as in nginx's logs of bytes sent). */
export function bytes(n: number | null | undefined): string {
  if (n == null) return "–";
  if (n < 1000) return `${n} B`;
  let size = n;
  for (const unit of ["kB", "MB", "GB", "TB"]) {
    size /= 1000;
    if (size < 999.5 || unit === "TB") return `${size < 10 ? size.toFixed(1) : size.toFixed(0)} ${unit}`;
  }
  return "–";
}

/** 0.4 ms, 12 ms, 1.24 s, 17m 37s, 2h 05m, 3d 4h */
export function duration(ms: number | null | undefined): string {
  if (ms == null) return "–";
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const s = ms / 1000;
  if (s < 10) return `${s.toFixed(2)} s`;
  if (s < 59.95) return `${s.toFixed(1)} s`;
  const whole = Math.round(s);
  const [d, h, m] = [Math.floor(whole / 86400), Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60];
  if (d) return `${d}d ${h}h`;
  if (h) return `${h}h ${String(m).padStart(2, "0")}m`;
  return `${m}m ${String(whole % 60).padStart(2, "0")}s`;
}

/** 0 %, 0.3 %, 12 %, 100 %: never 0 for something, never 100 for not all. */
export function percent(share: number | null | undefined): string {
  if (share == null || Number.isNaN(share)) return "–";
  const p = share * 100;
  if (p === 0) return "0 %";
  if (p < 0.1) return "<0.1 %";
  if (p < 10) return `${p.toFixed(1).replace(/\.0$/, "")} %`;
  if (p < 100 && p > 99) return ">99 %";
  return `${Math.round(p)} %`;
}

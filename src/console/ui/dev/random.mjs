// Reproducible chance: the same seed gives the same world.

export function random(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const below = (n) => Math.floor(next() * n);
  return {
    next,
    below,
    between: (low, high) => low + below(high - low + 1),
    pick: (list) => list[below(list.length)],
    /** The first of a list most often, as names in real traffic are. */
    zipf: (list) => {
      let rest = next() * list.reduce((sum, _, i) => sum + 1 / (i + 1), 0);
      for (const [i, item] of list.entries()) {
        rest -= 1 / (i + 1);
        if (rest <= 0) return item;
      }
      return list[list.length - 1];
    },
    chance: (p) => next() < p,
    /** Long-tailed durations around `median` milliseconds. */
    duration: (median) => Math.round(median * Math.exp((next() + next() + next() - 1.5) * 1.3) * 10) / 10,
    hex: (digits) => Array.from({ length: digits }, () => below(16).toString(16)).join(""),
  };
}

// Bars from zero, one behind the other. A bar that is not nothing is never lower than can be seen:
// one attack among a million calls is what the chart is for.

import type uPlot from "uplot";

const HEIGHT_MIN_PX = 3;

/** Paths of one series for uPlot; `share` is the part of a step that a bar fills. */
export function bars(step_s: number, share = 0.78): uPlot.Series.PathBuilder {
  return (plot, series, first, last) => {
    const fill = new Path2D();
    const times = plot.data[0];
    const values = plot.data[series];
    const scale = plot.series[series]?.scale ?? "y";
    const zero = plot.valToPos(0, scale, true);
    const dot = devicePixelRatio || 1;
    for (let i = first; i <= last; i++) {
      const [at, value] = [times?.[i], values?.[i]];
      if (at == null || !value) continue;
      const left = plot.valToPos(at, "x", true);
      const width = Math.max(dot, (plot.valToPos(at + step_s, "x", true) - left) * share);
      const height = Math.max(HEIGHT_MIN_PX * dot, zero - plot.valToPos(value, scale, true));
      fill.rect(Math.round(left), Math.round(zero - height), Math.max(1, Math.round(width)), Math.round(height));
    }
    return { stroke: null, fill, clip: null, band: null, gaps: null, flags: 0 } as unknown as uPlot.Series.Paths;
  };
}

// @ts-check
// What the charts of a page have in common: the view, the axes and the lines of events.

import { COLOURS, colour } from "../chart.js";
import { number } from "../format.js";
import { utcOffset } from "../history.js";

/** @typedef {import("../history.js").Series} Series */
/**
 * @typedef {object} View what all charts of a page have in common
 * @property {number} start in milliseconds since 1970
 * @property {number} end
 * @property {string} zone
 * @property {Record<string, string>} labels of sensors
 * @property {Record<string, Record<string, [string, boolean]>>} states by sensor and value: its
 *   text, and whether it is a fault
 * @property {Array<{at: number, words: string}>} marks events to show as vertical lines
 * @property {number | null} cell to highlight
 */

/** Decimals by unit. */
export const DIGITS = /** @type {Record<string, number>} */ ({ V: 3, A: 2, W: 1, "°C": 1, mV: 1 });

/** The colours of lines: on a dark page the darkest and a lighter one change places. */
export function palette() {
  const dark = document.documentElement.getAttribute("data-bs-theme") === "dark";
  const [first, ...rest] = COLOURS;
  return dark ? [rest[4], ...rest.slice(0, 4), first, ...rest.slice(5)] : COLOURS;
}

/**
 * Return the options that all charts share: the grid and the time axis.
 * @param {View} view
 * @returns {any}
 */
export function frame(view) {
  const shift = utcOffset(view.zone, view.end);
  return {
    useUTC: true,
    animation: false,
    grid: { left: 8, right: 16, top: 16, bottom: 8, containLabel: true },
    xAxis: {
      type: "time",
      min: view.start + shift,
      max: view.end + shift,
      axisLabel: {
        hideOverlap: true,
        formatter: {
          year: "{yyyy}",
          month: "{yyyy}-{MM}",
          day: "{MM}-{dd}",
          hour: "{HH}:{mm}",
          minute: "{HH}:{mm}",
          second: "{HH}:{mm}:{ss}",
          millisecond: "{HH}:{mm}:{ss}",
        },
      },
      splitLine: { show: false },
    },
    aria: { enabled: false },
  };
}

/**
 * Return an axis for measured values.
 * @param {Series[]} series
 * @param {View} view
 * @param {string} unit
 * @param {number} least minimum span of the axis
 */
export function valueAxis(series, view, unit, least) {
  let low = Infinity;
  let high = -Infinity;
  for (const one of series) {
    one.times.forEach((at, i) => {
      const [a, b] = [one.low[i], one.high[i]];
      if (a === null || b === null || at < view.start || at > view.end) return;
      low = Math.min(low, a);
      high = Math.max(high, b);
    });
  }
  if (low > high) return { type: "value", min: 0, max: 1, axisLabel: { show: false } };
  const missing = Math.max(0, least - (high - low)) / 2;
  const margin = (high - low) * 0.06 + missing;
  const digits = Math.max(0, Math.min(3, 1 - Math.floor(Math.log10(high - low + 2 * margin || 1))));
  return {
    type: "value",
    min: low - margin,
    max: high + margin,
    axisLabel: {
      showMinLabel: false,
      showMaxLabel: false,
      formatter: (/** @type {number} */ value) => number(value, unit === "mV" ? 0 : digits),
    },
  };
}

/**
 * Return an axis for values that are whole numbers.
 * @param {Series[]} series
 * @param {View} view
 */
export function stepAxis(series, view) {
  const axis = /** @type {any} */ (valueAxis(series, view, "", 2));
  axis.min = Math.floor(axis.min);
  axis.max = Math.ceil(axis.max);
  axis.minInterval = 1;
  return axis;
}

/**
 * Return the events of a view as vertical lines.
 * @param {View} view
 * @param {boolean} labelled whether their texts are shown
 */
export function marks(view, labelled) {
  const shift = utcOffset(view.zone, view.end);
  const inside = view.marks.filter(({ at }) => at > view.start && at < view.end);
  return {
    type: "line",
    data: [],
    silent: true,
    tooltip: { show: false },
    markLine: {
      symbol: "none",
      silent: true,
      animation: false,
      lineStyle: { color: colour("--pms-text-faint"), type: "dashed" },
      label: {
        show: labelled,
        position: "insideEndTop",
        color: colour("--pms-text"),
        backgroundColor: colour("--pms-raised"),
        padding: [1, 3],
        fontSize: 11,
        width: 190,
        overflow: "truncate",
      },
      data: inside.map(({ at, words }) => ({ xAxis: at + shift, label: { formatter: words } })),
    },
  };
}

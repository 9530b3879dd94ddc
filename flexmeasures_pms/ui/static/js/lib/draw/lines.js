// @ts-check
// ECharts' options for readings as lines, with the range of each column behind them.

import { colour } from "../chart.js";
import { utcOffset } from "../history.js";
import { frame, marks, palette, stepAxis, valueAxis } from "./axes.js";
import { tooltip } from "./tooltip.js";

/** @typedef {import("../history.js").Series} Series */
/** @typedef {import("./axes.js").View} View */

// Signs as high as the text: a scrolling legend cuts off what is higher than its signs.
const LEGEND = { type: "scroll", bottom: 0, icon: "roundRect", itemWidth: 14, itemHeight: 14 };

/**
 * Return the options of a chart of lines.
 * @param {Series[]} series
 * @param {View} view
 * @param {string} unit
 * @param {{step?: boolean, least?: number, ends?: boolean}} [options] step: whether values are whole
 *   numbers that hold until the next one; least: minimum span of the axis; ends: whether each line has
 *   its name at its end
 * @returns {any}
 */
export function lines(series, view, unit, options = {}) {
  const several = series.length > 1;
  const colours = palette();
  const option = frame(view);
  if (several) option.grid.bottom = 36;
  if (options.ends) option.grid.right = 96;
  return {
    ...option,
    yAxis: options.step ? stepAxis(series, view) : valueAxis(series, view, unit, options.least || 0),
    legend: { ...LEGEND, show: several },
    tooltip: tooltip(series, view, unit),
    series: [
      ...series.map((one, i) => ({
        ...line(one, view, colours[i % colours.length], options.step),
        ...(options.ends && named(one, view, i >= colours.length)),
      })),
      ...(options.step ? [] : series.map((one, i) => band(one, view, colours[i % colours.length]))),
      marks(view, false),
    ],
  };
}

/**
 * Return a series as a line.
 * @param {Series} one
 * @param {View} view
 * @param {string} shade
 * @param {boolean} [step]
 */
export function line(one, view, shade, step = false) {
  const shift = utcOffset(view.zone, view.end);
  return {
    type: "line",
    name: view.labels[one.name] || one.name,
    data: one.times.map((at, i) => [at + shift, one.values[i]]),
    showSymbol: one.times.length < 40,
    symbolSize: 4,
    step: step || one.held ? "end" : false,
    color: shade,
    lineStyle: { width: 1.6, color: shade },
    emphasis: { disabled: true },
  };
}

/**
 * Return what a line with its name at its end has in addition: there may be more lines than colours.
 * @param {Series} one
 * @param {View} view
 * @param {boolean} dashed
 */
function named(one, view, dashed) {
  return {
    lineStyle: { width: 1.6, type: dashed ? "dashed" : "solid" },
    endLabel: { show: true, formatter: () => view.labels[one.name], color: colour("--pms-text") },
    labelLayout: { moveOverlap: "shiftY" },
  };
}

/**
 * Return the range of a series, from the lowest to the highest value of each column.
 * @param {Series} one
 * @param {View} view
 * @param {string} shade
 */
export function band(one, view, shade) {
  const pieces = ranges(one, view);
  return {
    type: "custom",
    name: view.labels[one.name] || one.name,
    silent: true,
    tooltip: { show: false },
    clip: true,
    z: 1,
    data: pieces.map((piece, i) => [piece[0][0], piece[0][1], i]),
    renderItem: (/** @type {any} */ _params, /** @type {any} */ api) => {
      const piece = pieces[api.value(2)];
      const upper = piece.map(([at, , high]) => api.coord([at, high]));
      const lower = piece.map(([at, low]) => api.coord([at, low])).reverse();
      return { type: "polygon", shape: { points: [...upper, ...lower] }, style: { fill: shade, opacity: 0.22 } };
    },
  };
}

/**
 * Return the pieces of a range between its gaps, as lists of [time, lowest, highest].
 * @param {Series} one
 * @param {View} view
 */
function ranges(one, view) {
  /** @type {Array<Array<[number, number, number]>>} */
  const pieces = [[]];
  if (one.low === one.values && one.high === one.values) return [];
  const shift = utcOffset(view.zone, view.end);
  one.times.forEach((at, i) => {
    const [low, high] = [one.low[i], one.high[i]];
    if (low === null || high === null) pieces.push([]);
    else if (at >= view.start && at <= view.end) pieces[pieces.length - 1].push([at + shift, low, high]);
  });
  return pieces.filter((piece) => piece.length > 1);
}

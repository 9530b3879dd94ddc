// @ts-check
// ECharts' options for the cells of a pack: the weakest cell stands out, and a cell to highlight.

import { COLOURS, colour } from "../chart.js";
import { weakest } from "../history.js";
import { frame, marks, valueAxis } from "./axes.js";
import { band, line } from "./lines.js";
import { tooltip } from "./tooltip.js";

/** @typedef {import("../history.js").Series} Series */
/** @typedef {import("./axes.js").View} View */

/**
 * @param {Series[]} series
 * @param {View} view
 * @returns {any}
 */
export function cells(series, view) {
  const weak = weakest(series)?.name;
  const wanted = view.cell ? `cell ${String(view.cell).padStart(2, "0")} voltage` : "";
  const highlight = (/** @type {Series} */ one) =>
    one.name === weak ? colour("--pms-fill-low") : one.name === wanted ? COLOURS[4] : "";
  const option = frame(view);
  option.grid.right = 64;
  return {
    ...option,
    yAxis: valueAxis(series, view, "V", 0.02),
    tooltip: tooltip(series, view, "V", weak),
    series: [
      ...series.map((one) => cell(one, view, highlight(one))),
      ...series.filter(highlight).map((one) => band(one, view, highlight(one))),
      marks(view, true),
    ],
  };
}

/**
 * @param {Series} one
 * @param {View} view
 * @param {string} highlight its colour, or nothing for a faint line
 */
function cell(one, view, highlight) {
  const shade = highlight || colour("--pms-fill");
  return {
    ...line(one, view, shade),
    z: highlight ? 5 : 2,
    lineStyle: { width: highlight ? 2.5 : 1, opacity: highlight ? 1 : 0.6, color: shade },
    endLabel: {
      show: Boolean(highlight),
      formatter: () => view.labels[one.name],
      color: colour("--pms-text"),
      fontWeight: 600,
    },
  };
}

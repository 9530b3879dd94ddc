// @ts-check
// What stands beside the pointer on a chart of lines: a table with the value of each line.

import { colour } from "../chart.js";
import { moment, number } from "../format.js";
import { utcOffset } from "../history.js";
import { DIGITS } from "./axes.js";

/** @typedef {import("../history.js").Series} Series */

/**
 * @param {Series[]} series in the order of the lines
 * @param {import("./axes.js").View} view
 * @param {string} unit
 * @param {string} [weakest] the name of the weakest series
 */
export function tooltip(series, view, unit, weakest) {
  const shift = utcOffset(view.zone, view.end);
  return {
    trigger: "axis",
    confine: true,
    transitionDuration: 0,
    axisPointer: { lineStyle: { color: colour("--pms-text-faint") } },
    formatter: (/** @type {any[]} */ events) => {
      const shown = events.filter((e) => e.seriesType === "line" && e.value?.[1] !== null && e.value?.[1] !== undefined);
      if (!shown.length) return "";
      const box = document.createElement("div");
      const title = document.createElement("strong");
      title.textContent = moment(shown[0].value[0] - shift, view.zone);
      const table = document.createElement("table");
      table.className = "chart-tooltip";
      for (const event of shown) {
        const one = series[event.seriesIndex];
        if (one) addRow(table, event, one, unit, one.name === weakest);
      }
      box.append(title, table);
      return box;
    },
  };
}

/**
 * @param {HTMLTableElement} table
 * @param {any} event ECharts' description of a point
 * @param {Series} one
 * @param {string} unit
 * @param {boolean} weakest
 */
function addRow(table, event, one, unit, weakest) {
  const digits = DIGITS[unit] ?? 0;
  const [low, high] = [one.low[event.dataIndex], one.high[event.dataIndex]];
  const row = table.insertRow();
  const sign = row.insertCell();
  sign.textContent = weakest ? "▼" : "■";
  sign.style.color = event.color;
  row.insertCell().textContent = event.seriesName;
  row.insertCell().textContent = `${number(event.value[1], digits)} ${unit}`;
  row.insertCell().textContent = low === high ? "" : `${number(low, digits)} … ${number(high, digits)}`;
}

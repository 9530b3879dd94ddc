// @ts-check
// The strip above the slider: it shows at which moments to look, as a line and as a table.

import { colour } from "../lib/chart.js";
import { moment, number } from "../lib/format.js";
import { table } from "../lib/table.js";
import { t } from "../lib/words.js";
import { byId, digits, map, states, times, worst } from "./data.js";

const worsts = times.map((_, column) => worst(column));
export const stripLabel = map.strip;
const unit = states ? t("open") : map.unit;

/** @param {number} column the moment that the map shows */
export function stripOption(column) {
  return {
    animation: false,
    aria: { enabled: false },
    grid: { left: 8, right: 8, top: 4, bottom: 2 },
    xAxis: { type: "category", data: times, show: false, boundaryGap: false },
    yAxis: { type: "value", show: false, min: 0 },
    tooltip: {
      trigger: "axis",
      confine: true,
      formatter: (/** @type {any} */ [point]) =>
        `${moment(times[point.dataIndex], map.zone)}: ${number(worsts[point.dataIndex], digits)} ${unit}`,
    },
    series: [
      {
        type: "line",
        data: worsts,
        showSymbol: false,
        step: states ? "end" : false,
        lineStyle: { width: 1.5 },
        areaStyle: { opacity: 0.2 },
        markLine: {
          symbol: "none",
          silent: true,
          label: { show: false },
          lineStyle: { type: "solid", width: 2, color: colour("--pms-text") },
          data: [{ xAxis: column }],
        },
      },
    ],
  };
}

/** @returns {import("../lib/table.js").Content} */
function content() {
  return {
    caption: `${stripLabel}${states ? "" : ` [${unit}]`}, ${map.zone}`,
    heads: [{ name: unit, parts: [] }],
    rows: times.length,
    row: (column) => [moment(times[column], map.zone), number(worsts[column], digits)],
  };
}

/** Fill the table of the strip when it is opened. */
export function watchStripTable() {
  const details = byId("pms-strip-table");
  details.hidden = false;
  details.addEventListener("toggle", () => {
    const place = details.querySelector("[data-rows]");
    if (details.open) table(place, content);
    else place.replaceChildren();
  });
}

// @ts-check
// ECharts' options for states as lanes: a bar for as long as each state kept its value.

import { COLOURS, colour } from "../chart.js";
import { moment } from "../format.js";
import { runs, utcOffset } from "../history.js";
import { t } from "../words.js";
import { frame, marks } from "./axes.js";

/** @typedef {import("../history.js").Series} Series */
/** @typedef {import("./axes.js").View} View */

const LANE = 20;
/** Of states that are no fault, by value; their text stands beside them. */
const NORMAL = [COLOURS[5], COLOURS[2], COLOURS[0], COLOURS[4]];

/**
 * Return the height of a chart in CSS pixels.
 * @param {number} count of lanes
 */
export function height(count) {
  return 60 + LANE * count;
}

/**
 * @param {Series[]} series
 * @param {View} view
 * @returns {any}
 */
export function lanes(series, view) {
  const option = frame(view);
  return {
    ...option,
    yAxis: {
      type: "category",
      data: series.map((one) => view.labels[one.name] || one.name),
      inverse: true,
      axisTick: { show: false },
      axisLine: { show: false },
      axisLabel: { interval: 0, fontSize: 12 },
      splitLine: { show: false },
    },
    tooltip: {
      trigger: "item",
      confine: true,
      formatter: (/** @type {any} */ event) => tooltip(event.value, series, view),
    },
    series: [
      {
        type: "custom",
        data: bars(series, view),
        encode: { x: [1, 2], y: 0 },
        clip: true,
        renderItem: (/** @type {any} */ _params, /** @type {any} */ api) => bar(api, series, view),
      },
      marks(view, false),
    ],
  };
}

/**
 * Return what is drawn, as [lane, begin, end, value, whether it changed within].
 * @param {Series[]} series
 * @param {View} view
 */
function bars(series, view) {
  const shift = utcOffset(view.zone, view.end);
  return series.flatMap((one, lane) =>
    runs(one)
      .filter(([begin, end]) => end > view.start && begin < view.end)
      .map(([begin, end, value, mixed]) => [
        lane, Math.max(begin, view.start) + shift, Math.min(end, view.end) + shift, value, mixed ? 1 : 0,
      ]),
  );
}

/**
 * Draw a bar.
 * @param {any} api ECharts' of a custom series
 * @param {Series[]} series
 * @param {View} view
 */
function bar(api, series, view) {
  const [lane, begin, end, value, mixed] = [0, 1, 2, 3, 4].map((i) => api.value(i));
  const texts = view.states[series[lane].name];
  const [left, middle] = api.coord([begin, lane]);
  const width = Math.max(1, api.coord([end, lane])[0] - left);
  const thin = !texts && value === 0 && !mixed;
  const tall = thin ? 3 : LANE - 6;
  const [text, bad] = texts?.[String(value)] || ["", !thin];
  const fill = bad ? colour("--pms-fill-low") : texts ? NORMAL[value % NORMAL.length] : colour("--pms-fill-none");
  return {
    type: "rect",
    shape: { x: left, y: middle - tall / 2, width, height: tall },
    style: { fill, opacity: texts && !bad ? 0.35 : mixed ? 0.55 : 1 },
    textContent: {
      style: { text: width > text.length * 7 ? text : "", fill: colour("--pms-text"), fontSize: 11 },
    },
    textConfig: { position: "insideLeft" },
  };
}

/**
 * @param {number[]} value of a bar
 * @param {Series[]} series
 * @param {View} view
 */
function tooltip([lane, begin, end, value, mixed], series, view) {
  const shift = utcOffset(view.zone, view.end);
  const { name } = series[lane];
  const state = view.states[name]?.[String(value)]?.[0] || (value ? t("open") : t("closed"));
  const box = document.createElement("div");
  const title = document.createElement("strong");
  title.textContent = `${view.labels[name]}: ${mixed ? t("changed several times") : state}`;
  const times = document.createElement("div");
  times.textContent = [begin, end].map((at) => moment(at - shift, view.zone)).join(" – ");
  box.append(title, times);
  return box;
}

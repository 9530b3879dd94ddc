// @ts-check
// ECharts' options for readings of a time: lines with the range of each column behind them,
// steps, and lanes of states.

import { COLOURS, colour } from "./chart.js";
import { moment, number } from "./format.js";
import { ahead, runs, weakest } from "./past.js";
import { t } from "./words.js";

/** @typedef {import("./past.js").Series} Series */
/**
 * @typedef {object} View what all charts of a page have in common
 * @property {number} start in milliseconds since 1970
 * @property {number} end
 * @property {string} zone
 * @property {Record<string, string>} labels of sensors
 * @property {Record<string, Record<string, [string, boolean]>>} states by sensor and value: words,
 *   and whether it is a fault
 * @property {Array<{at: number, words: string}>} marks
 * @property {number | null} cell that is looked for
 */

export const DIGITS = /** @type {Record<string, number>} */ ({ V: 3, A: 2, W: 1, "°C": 1, mV: 1 });
const LANE = 20;
/** Of states that are no fault, by value; their words stand beside them. */
const CALM = [COLOURS[5], COLOURS[2], COLOURS[0], COLOURS[4]];

/** The colours of lines: on a dark page the darkest of them changes places with a lighter one. */
function palette() {
  const dark = document.documentElement.getAttribute("data-bs-theme") === "dark";
  const [first, ...rest] = COLOURS;
  return dark ? [rest[4], ...rest.slice(0, 4), first, ...rest.slice(5)] : COLOURS;
}

// Signs as high as the words: a legend that scrolls cuts off what is higher than its signs.
const LEGEND = { type: "scroll", bottom: 0, icon: "roundRect", itemWidth: 14, itemHeight: 14 };

/** @param {number} lanes */
export function height(lanes) {
  return 60 + LANE * lanes;
}

/**
 * @param {View} view
 * @returns {any}
 */
function frame(view) {
  const shift = ahead(view.zone, view.end);
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
 * @param {Series[]} series
 * @param {View} view
 * @param {string} unit
 * @param {number} least span of the axis
 */
function valueAxis(series, view, unit, least) {
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
  const room = (high - low) * 0.06 + missing;
  const digits = Math.max(0, Math.min(3, 1 - Math.floor(Math.log10(high - low + 2 * room || 1))));
  return {
    type: "value",
    min: low - room,
    max: high + room,
    axisLabel: {
      showMinLabel: false,
      showMaxLabel: false,
      formatter: (/** @type {number} */ value) => number(value, unit === "mV" ? 0 : digits),
    },
  };
}

/**
 * Lines, with what lies between the least and the greatest of each column behind them.
 * @param {Series[]} series
 * @param {View} view
 * @param {string} unit
 * @param {{step?: boolean, least?: number, named?: boolean}} [options]
 * @returns {any}
 */
export function lines(series, view, unit, options = {}) {
  const shift = ahead(view.zone, view.end);
  const many = series.length > 1;
  const inks = palette();
  const option = frame(view);
  if (many) option.grid.bottom = 36;
  return {
    ...option,
    yAxis: options.step ? stepAxis(series, view) : valueAxis(series, view, unit, options.least || 0),
    legend: { ...LEGEND, show: many },
    tooltip: tooltip(series, view, unit),
    series: [
      ...series.map((one, i) => line(one, view, shift, inks[i % inks.length], options.step)),
      ...(options.step ? [] : series.map((one, i) => band(one, shift, inks[i % inks.length], view))),
      marks(view, shift, Boolean(options.named)),
    ],
  };
}

/**
 * @param {Series[]} series
 * @param {View} view
 */
function stepAxis(series, view) {
  const axis = /** @type {any} */ (valueAxis(series, view, "", 2));
  axis.min = Math.floor(axis.min);
  axis.max = Math.ceil(axis.max);
  axis.minInterval = 1;
  return axis;
}

/**
 * The cells of a pack: the weakest stands out, and one that is looked for.
 * @param {Series[]} series
 * @param {View} view
 * @returns {any}
 */
export function cells(series, view) {
  const shift = ahead(view.zone, view.end);
  const weak = weakest(series);
  const wanted = view.cell ? `cell ${String(view.cell).padStart(2, "0")} voltage` : "";
  const faint = colour("--pms-fill");
  const drawn = series.map((one) => {
    const mark = one.name === weak?.name ? colour("--pms-fill-low") : one.name === wanted ? COLOURS[4] : "";
    const base = line(one, view, shift, mark || faint);
    return {
      ...base,
      z: mark ? 5 : 2,
      lineStyle: { width: mark ? 2.5 : 1, opacity: mark ? 1 : 0.6, color: mark || faint },
      endLabel: {
        show: Boolean(mark),
        formatter: () => view.labels[one.name],
        color: colour("--pms-text"),
        fontWeight: 600,
      },
    };
  });
  const shown = series.filter((one) => one.name === weak?.name || one.name === wanted);
  const option = frame(view);
  option.grid.right = 64;
  return {
    ...option,
    yAxis: valueAxis(series, view, "V", 0.02),
    tooltip: tooltip(series, view, "V", weak?.name),
    series: [
      ...drawn,
      ...shown.map((one) => band(one, shift, one.name === weak?.name ? colour("--pms-fill-low") : COLOURS[4], view)),
      marks(view, shift, true),
    ],
  };
}

/**
 * @param {Series} one
 * @param {View} view
 * @param {number} shift
 * @param {string} ink
 * @param {boolean} [step]
 */
function line(one, view, shift, ink, step = false) {
  return {
    type: "line",
    name: view.labels[one.name] || one.name,
    data: one.times.map((at, i) => [at + shift, one.values[i]]),
    showSymbol: one.times.length < 40,
    symbolSize: 4,
    step: step || one.held ? "end" : false,
    color: ink,
    lineStyle: { width: 1.6, color: ink },
    emphasis: { disabled: true },
  };
}

/**
 * @param {Series} one
 * @param {number} shift
 * @param {string} ink
 * @param {View} view
 */
function band(one, shift, ink, view) {
  /** @type {Array<Array<[number, number, number]>>} */
  const pieces = [[]];
  if (one.low !== one.values || one.high !== one.values) {
    one.times.forEach((at, i) => {
      const [low, high] = [one.low[i], one.high[i]];
      if (low === null || high === null) pieces.push([]);
      else if (at >= view.start && at <= view.end) pieces[pieces.length - 1].push([at + shift, low, high]);
    });
  }
  const full = pieces.filter((piece) => piece.length > 1);
  return {
    type: "custom",
    name: view.labels[one.name] || one.name,
    silent: true,
    tooltip: { show: false },
    clip: true,
    z: 1,
    data: full.map((piece, i) => [piece[0][0], piece[0][1], i]),
    renderItem: (/** @type {any} */ params, /** @type {any} */ api) => {
      const piece = full[api.value(2)];
      const upper = piece.map(([at, , high]) => api.coord([at, high]));
      const lower = piece.map(([at, low]) => api.coord([at, low])).reverse();
      return { type: "polygon", shape: { points: [...upper, ...lower] }, style: { fill: ink, opacity: 0.22 } };
    },
  };
}

/**
 * @param {View} view
 * @param {number} shift
 * @param {boolean} named
 */
function marks(view, shift, named) {
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
        show: named,
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

/**
 * States as lanes: a bar for as long as each had a value.
 * @param {Series[]} series
 * @param {View} view
 * @returns {any}
 */
export function lanes(series, view) {
  const shift = ahead(view.zone, view.end);
  const names = series.map((one) => view.labels[one.name] || one.name);
  const found = series.flatMap((one, lane) =>
    runs(one)
      .filter(([begin, end]) => end > view.start && begin < view.end)
      .map(([begin, end, value, mixed]) => [
        lane, Math.max(begin, view.start) + shift, Math.min(end, view.end) + shift, value, mixed ? 1 : 0,
      ]),
  );
  const option = frame(view);
  return {
    ...option,
    yAxis: {
      type: "category",
      data: names,
      inverse: true,
      axisTick: { show: false },
      axisLine: { show: false },
      axisLabel: { interval: 0, fontSize: 12 },
      splitLine: { show: false },
    },
    tooltip: {
      trigger: "item",
      confine: true,
      formatter: (/** @type {any} */ event) => told(event.value, series, view, shift),
    },
    series: [
      {
        type: "custom",
        data: found,
        encode: { x: [1, 2], y: 0 },
        clip: true,
        renderItem: (/** @type {any} */ _, /** @type {any} */ api) => lane(api, series, view),
      },
      marks(view, shift, false),
    ],
  };
}

/**
 * @param {any} api ECharts' of a custom series
 * @param {Series[]} series
 * @param {View} view
 */
function lane(api, series, view) {
  const [number_, begin, end, value, mixed] = [0, 1, 2, 3, 4].map((i) => api.value(i));
  const words = view.states[series[number_].name];
  const [left, middle] = api.coord([begin, number_]);
  const width = Math.max(1, api.coord([end, number_])[0] - left);
  const thin = !words && value === 0 && !mixed;
  const tall = thin ? 3 : LANE - 6;
  const [text, bad] = words?.[String(value)] || ["", !thin];
  const ink = bad ? colour("--pms-fill-low") : words ? CALM[value % CALM.length] : colour("--pms-fill-none");
  return {
    type: "rect",
    shape: { x: left, y: middle - tall / 2, width, height: tall },
    style: { fill: ink, opacity: words && !bad ? 0.35 : mixed ? 0.55 : 1 },
    textContent: {
      style: { text: width > text.length * 7 ? text : "", fill: colour("--pms-text"), fontSize: 11 },
    },
    textConfig: { position: "insideLeft" },
  };
}

/**
 * @param {number[]} value of a lane's bar
 * @param {Series[]} series
 * @param {View} view
 * @param {number} shift
 */
function told([number_, begin, end, value, mixed], series, view, shift) {
  const { name } = series[number_];
  const words = view.states[name]?.[String(value)]?.[0] || (value ? t("open") : t("closed"));
  const box = document.createElement("div");
  const title = document.createElement("strong");
  const said = mixed ? t("changed several times") : words;
  title.textContent = `${view.labels[name]}: ${said}`;
  const times = document.createElement("div");
  times.textContent = [begin, end].map((at) => moment(at - shift, view.zone)).join(" – ");
  box.append(title, times);
  return box;
}

/**
 * @param {Series[]} series in the order of the lines
 * @param {View} view
 * @param {string} unit
 * @param {string} [marked] the weakest
 */
function tooltip(series, view, unit, marked) {
  const shift = ahead(view.zone, view.end);
  const digits = DIGITS[unit] ?? 0;
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
      box.append(title);
      const table = document.createElement("table");
      table.className = "chart-told";
      for (const event of shown) {
        const one = series[event.seriesIndex];
        if (!one) continue;
        const [low, high] = [one.low[event.dataIndex], one.high[event.dataIndex]];
        const row = table.insertRow();
        const sign = row.insertCell();
        sign.textContent = one.name === marked ? "▼" : "■";
        sign.style.color = event.color;
        row.insertCell().textContent = event.seriesName;
        row.insertCell().textContent = `${number(event.value[1], digits)} ${unit}`;
        row.insertCell().textContent = low === high ? "" : `${number(low, digits)} … ${number(high, digits)}`;
      }
      box.append(table);
      return box;
    },
  };
}

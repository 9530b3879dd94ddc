// @ts-check
// The map of cells: one moment at a time, with a slider through all of them.

import { chart, colour, still } from "./lib/chart.js";
import { moment, number, NOTHING } from "./lib/format.js";
import { table } from "./lib/table.js";
import { t } from "./lib/words.js";

/**
 * @typedef {{case: string, dock: number | null, cabinet: string | null, begin: string,
 *   end: string, href: string, cells: Array<Array<number | null>>}} Pack
 * @typedef {{pms: string, quantity: "voltage" | "difference" | "open", start: string,
 *   seconds: number, columns: number, zone: string, packs: Pack[]}} Map
 */

// Cividis: light and dark tell as much as its hues do, to colour-blind eyes as well.
const SCALE = ["#00224e", "#35456c", "#666970", "#948e77", "#c8b866", "#fee838"];
const CLOSED = "#c9d1da";
const OPEN = "#d55e00";
const NARROW = 700;
const PLAY_EVERY = 400;
// [mV]: so that the noise of sound cells does not look like trouble.
const LEAST_SPAN = 60;
// A tie of more is no sign of a weak cell.
const MOST_MARKED = 2;

/** @param {string} id @returns {any} */
const byId = (id) => document.getElementById(id);

/** @type {Map} */
const map = JSON.parse(byId("pms-cells").textContent);
const slider = byId("pms-slider");
const element = byId("pms-cells-chart");
const cells = map.packs[0].cells.length;
const start = Date.parse(map.start);
const times = Array.from({ length: map.columns }, (_, i) => start + (i + 1) * map.seconds * 1000);
const range = map.quantity === "open" ? [0, 1] : scale();

/** Places along the packs' axis: a blank one between two cabinets. @type {Array<Pack | null>} */
const places = [];
for (const [i, pack] of map.packs.entries()) {
  if (i && pack.cabinet !== map.packs[i - 1].cabinet) places.push(null);
  places.push(pack);
}

/** Return the lowest and highest value of the scale; a few wild readings do not stretch it. */
function scale() {
  const all = /** @type {number[]} */ (
    map.packs.flatMap((pack) => pack.cells.flat()).filter((value) => value !== null)
  ).sort((a, b) => a - b);
  if (!all.length) return [0, 1];
  const at = (/** @type {number} */ share) => all[Math.floor(share * (all.length - 1))];
  const middle = at(0.5);
  const low = Math.max(all[0], middle - Math.max(6 * (middle - at(0.02)), LEAST_SPAN));
  const high = Math.min(all[all.length - 1], middle + Math.max(6 * (at(0.98) - middle), LEAST_SPAN));
  const lacking = Math.max(0, LEAST_SPAN - (high - low));
  if (map.quantity === "difference") return [0, high + lacking];
  return [low - Math.ceil(lacking / 2), high + Math.floor(lacking / 2)];
}

/** @param {Pack} pack @param {number} column */
function wasThere(pack, column) {
  return Date.parse(pack.begin) < times[column] && times[column] <= Date.parse(pack.end);
}

/** @param {Pack} pack @param {number} column @returns {number | null} */
function lowestOf(pack, column) {
  const values = pack.cells.map((cell) => cell[column]).filter((value) => value !== null);
  if (values.length < 2) return null;
  const least = Math.min(...values);
  return least < Math.max(...values) ? least : null;
}

/** @param {number | null} value @returns {string} */
function words(value) {
  if (value === null) return t("no reading");
  if (map.quantity === "open") return value ? t("open") : t("closed");
  if (map.quantity === "voltage") return `${number(value / 1000, 3)} V`;
  return `${number(value)} mV`;
}

/** @param {Pack} pack @returns {string} */
function named(pack) {
  return pack.dock === null ? pack.case : `${pack.dock} · ${pack.case}`;
}

let narrow = element.clientWidth < NARROW;
const size = () =>
  narrow ? places.length * 22 + 110 : Math.min(34, Math.max(24, element.clientWidth / 46)) * cells + 150;

/** The squares of a column: those with a value, and those without. @param {number} column */
function squares(column) {
  const read = [];
  const gaps = [];
  for (const [place, pack] of places.entries()) {
    if (!pack || !wasThere(pack, column)) continue;
    const marked = marks(pack, column);
    for (let cell = 0; cell < cells; cell++) {
      const value = pack.cells[cell][column];
      const at = narrow ? [cell, place] : [place, cell];
      if (value === null) gaps.push(at);
      else read.push({ value: [...at, value], label: { show: value === marked, color: markColour(value) } });
    }
  }
  return { read, gaps };
}

/** The value whose cells get a mark: that of open ones, or of the lowest. @param {Pack} pack @param {number} column */
function marks(pack, column) {
  if (map.quantity === "open") return 1;
  const lowest = lowestOf(pack, column);
  const sharing = pack.cells.filter((cell) => cell[column] === lowest).length;
  return sharing <= MOST_MARKED ? lowest : null;
}

function hatching() {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 8;
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  pen.strokeStyle = colour("--pms-fill-none");
  pen.lineWidth = 1.5;
  for (const shift of [-8, 0, 8]) {
    pen.moveTo(shift - 1, 9);
    pen.lineTo(shift + 9, -1);
  }
  pen.stroke();
  return { image: canvas, repeat: "repeat" };
}

/** @param {number} column */
function option(column) {
  const { read, gaps } = squares(column);
  const pattern = hatching();
  const line = colour("--pms-surface");
  const packs = {
    type: "category",
    data: places.map((pack) => (pack ? named(pack) : "")),
    axisTick: { show: false },
    axisLine: { show: false },
    splitLine: { show: false },
    axisLabel: { rotate: narrow ? 0 : 90, interval: 0, fontSize: 11 },
    name: narrow ? "" : t("dock · pack"),
    nameLocation: "middle",
    nameGap: 76,
  };
  const numbers = {
    type: "category",
    data: Array.from({ length: cells }, (_, i) => String(i + 1)),
    axisTick: { show: false },
    axisLine: { show: false },
    splitLine: { show: false },
    axisLabel: { interval: 0, fontSize: 11 },
    name: t("cell"),
    nameLocation: narrow ? "middle" : "start",
    nameGap: narrow ? 22 : 8,
  };
  return {
    animation: false,
    aria: { enabled: false },
    grid: narrow
      ? { left: 84, right: 8, top: 40, bottom: 64 }
      : { left: 44, right: 8, top: 26, bottom: 128 },
    xAxis: narrow ? { ...numbers, position: "top" } : packs,
    yAxis: narrow ? { ...packs, inverse: true } : { ...numbers, inverse: true },
    tooltip: { trigger: "item", confine: true, formatter: tip },
    visualMap: visual(),
    series: [
      {
        name: "cells",
        type: "heatmap",
        data: read,
        itemStyle: { borderColor: line, borderWidth: 1 },
        label: { formatter: map.quantity === "open" ? "○" : "▼", fontSize: 11 },
        emphasis: { itemStyle: { borderColor: colour("--pms-focus"), borderWidth: 2 } },
      },
      {
        name: "gaps",
        type: "custom",
        data: gaps,
        renderItem: (/** @type {any} */ _params, /** @type {any} */ api) => {
          const [x, y] = api.coord([api.value(0), api.value(1)]);
          const [width, height] = api.size([1, 1]);
          const shape = { x: x - width / 2 + 1, y: y - height / 2 + 1, width: width - 2, height: height - 2 };
          return { type: "rect", shape, style: { fill: pattern, stroke: colour("--pms-fill-none") } };
        },
      },
    ],
  };
}

/** White on the darker half of the scale. @param {number} value */
function markColour(value) {
  const [low, high] = range;
  return map.quantity !== "open" && value < (low + high) / 2 ? "#ffffff" : "#000000";
}

function visual() {
  const shared = {
    seriesIndex: 0,
    dimension: 2,
    orient: "horizontal",
    left: "center",
    bottom: 0,
    textStyle: { color: colour("--pms-text") },
  };
  if (map.quantity === "open") {
    const pieces = [
      { value: 1, label: t("open"), color: OPEN },
      { value: 0, label: t("closed"), color: CLOSED },
    ];
    return { ...shared, type: "piecewise", pieces, selectedMode: false };
  }
  const [min, max] = range;
  return {
    ...shared,
    type: "continuous",
    min,
    max,
    calculable: false,
    hoverLink: false,
    itemHeight: Math.min(280, element.clientWidth / 2),
    text: [words(max), words(min)],
    inRange: { color: SCALE },
  };
}

/** @param {any} event @returns {Pack | null} */
function packAt(event) {
  const value = Array.isArray(event.data) ? event.data : event.data.value;
  return places[value[narrow ? 1 : 0]];
}

/** The words beside the pointer, as an element: nothing in it is read as HTML. @param {any} event */
function tip(event) {
  const pack = packAt(event);
  const value = Array.isArray(event.data) ? event.data : event.data.value;
  const cell = value[narrow ? 0 : 1];
  const box = document.createElement("div");
  if (!pack) return box;
  const column = Number(slider.value);
  const here = pack.cells[cell][column];
  const lines = [t("Pack {pack}, cell {cell}", { pack: pack.case, cell: cell + 1 }), words(here)];
  if (map.quantity === "voltage" && here !== null) {
    const lowest = lowestOf(pack, column);
    if (here === lowest) lines.push(t("the lowest of its pack"));
    else if (lowest !== null) lines.push(t("{n} mV above the lowest", { n: number(here - lowest) }));
  }
  for (const [i, text] of lines.entries()) {
    const line = document.createElement(i ? "div" : "strong");
    line.textContent = text;
    box.append(line);
  }
  return box;
}

// The strip above the slider shows where to look.

/** The largest difference within a pack, or how many cells are open. @param {number} column */
function worst(column) {
  let most = null;
  for (const pack of map.packs) {
    const values = pack.cells.map((cell) => cell[column]).filter((value) => value !== null);
    if (!values.length) continue;
    if (map.quantity === "open") most = (most || 0) + values.reduce((sum, v) => sum + v, 0);
    else most = Math.max(most || 0, Math.max(...values) - Math.min(...values));
  }
  return most;
}

const worsts = times.map((_, column) => worst(column));
const stripLabel =
  map.quantity === "open" ? t("Open cells at each moment") : t("Largest difference within a pack at each moment");

function stripOption() {
  return {
    animation: false,
    aria: { enabled: false },
    grid: { left: 8, right: 8, top: 4, bottom: 2 },
    xAxis: { type: "category", data: times, show: false, boundaryGap: false },
    yAxis: { type: "value", show: false, min: 0 },
    tooltip: {
      trigger: "axis",
      confine: true,
      formatter: (/** @type {any} */ [point]) => {
        const unit = map.quantity === "open" ? t("open") : "mV";
        return `${moment(times[point.dataIndex], map.zone)}: ${number(worsts[point.dataIndex])} ${unit}`;
      },
    },
    series: [
      {
        type: "line",
        data: worsts,
        showSymbol: false,
        step: map.quantity === "open" ? "end" : false,
        lineStyle: { width: 1.5 },
        areaStyle: { opacity: 0.2 },
        markLine: {
          symbol: "none",
          silent: true,
          label: { show: false },
          lineStyle: { type: "solid", width: 2, color: colour("--pms-text") },
          data: [{ xAxis: Number(slider.value) }],
        },
      },
    ],
  };
}

/** @returns {import("./lib/table.js").Content} */
function stripContent() {
  const unit = map.quantity === "open" ? "" : " [mV]";
  return {
    caption: `${stripLabel}${unit}, ${map.zone}`,
    heads: [{ name: map.quantity === "open" ? t("open") : "mV", parts: [] }],
    rows: times.length,
    row: (column) => [moment(times[column], map.zone), number(worsts[column])],
  };
}

const stripTable = byId("pms-strip-table");
stripTable.hidden = false;
stripTable.addEventListener("toggle", () => {
  const place = stripTable.querySelector("[data-rows]");
  if (stripTable.open) table(place, stripContent);
  else place.replaceChildren();
});

// Showing a moment.

const texts = [...document.querySelectorAll(".pms-cells-table tbody tr")].map((row) => [
  ...row.querySelectorAll("td.pms-number"),
]);

/** @param {number} column */
function fillTable(column) {
  for (const [i, pack] of map.packs.entries()) {
    for (const [cell, place] of texts[i].entries()) {
      const value = pack.cells[cell][column];
      place.toggleAttribute("data-open", map.quantity === "open" && value === 1);
      if (value === null) place.textContent = NOTHING;
      else place.textContent = map.quantity === "open" ? words(value) : number(value);
    }
  }
}

/** @param {number} column */
function show(column) {
  const text = moment(times[column], map.zone);
  byId("pms-moment").textContent = text;
  byId("pms-table-moment").textContent = text;
  slider.setAttribute("aria-valuetext", text);
  drawn.set({ series: seriesOf(column) });
  strip.set({ series: [{ markLine: { data: [{ xAxis: column }] } }] });
  fillTable(column);
  const address = new URL(location.href);
  address.searchParams.set("start", new Date(start).toISOString());
  address.searchParams.set("end", new Date(times[times.length - 1]).toISOString());
  address.searchParams.set("at", new Date(times[column]).toISOString());
  history.replaceState(null, "", address);
}

/** @param {number} column */
function seriesOf(column) {
  const { read, gaps } = squares(column);
  return [{ data: read }, { data: gaps }];
}

/** @param {number} column */
function go(column) {
  slider.value = String(Math.max(0, Math.min(map.columns - 1, column)));
  show(Number(slider.value));
}

let playing = 0;
const play = byId("pms-play");

function stop() {
  clearInterval(playing);
  playing = 0;
  play.setAttribute("aria-pressed", "false");
  play.firstChild.textContent = "▶ ";
  play.lastElementChild.textContent = t("Play");
}

play.addEventListener("click", () => {
  if (playing) return stop();
  if (Number(slider.value) === map.columns - 1) go(0);
  play.setAttribute("aria-pressed", "true");
  play.firstChild.textContent = "❚❚ ";
  play.lastElementChild.textContent = t("Pause");
  playing = window.setInterval(() => {
    go(Number(slider.value) + 1);
    if (Number(slider.value) === map.columns - 1) stop();
  }, still() ? 3 * PLAY_EVERY : PLAY_EVERY);
});
slider.addEventListener("input", () => {
  if (playing) stop();
  show(Number(slider.value));
});
byId("pms-back").addEventListener("click", () => go(Number(slider.value) - 1));
byId("pms-on").addEventListener("click", () => go(Number(slider.value) + 1));

for (const hidden of document.querySelectorAll(".pms-scrub, .pms-cells-key")) {
  hidden.removeAttribute("hidden");
}
element.style.height = `${size()}px`;

const label = () =>
  t("Map of {quantity} by pack and cell. The table below has the same figures.", {
    quantity: byId("pms-map-title").textContent,
  });

const drawn = chart(element, option(Number(slider.value)), {
  name: `${map.pms} cells`,
  label: label(),
  rows: () => [
    ["time", "dock", "pack", "cell", map.quantity === "open" ? "open" : `${map.quantity} [mV]`],
    ...times.flatMap((time, column) =>
      map.packs.flatMap((pack) =>
        pack.cells.map((cell, i) => [new Date(time).toISOString(), pack.dock, pack.case, i + 1, cell[column]]),
      ),
    ),
  ],
});
const strip = chart(byId("pms-cells-strip"), stripOption(), { name: "strip", label: stripLabel });

drawn.on("click", (event) => {
  const pack = packAt(event);
  if (!pack) return;
  const at = times[Number(slider.value)];
  const around = Math.max(1800, map.seconds) * 1000;
  const address = new URL(pack.href, location.href);
  address.searchParams.set("start", new Date(at - around).toISOString());
  address.searchParams.set("end", new Date(at + around).toISOString());
  location.assign(address);
});

new MutationObserver(() => {
  drawn.set(option(Number(slider.value)), true);
  strip.set(stripOption(), true);
}).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
new ResizeObserver(() => {
  const now = element.clientWidth < NARROW;
  if (now === narrow) return;
  narrow = now;
  element.style.height = `${size()}px`;
  drawn.set(option(Number(slider.value)), true);
}).observe(element);

// @ts-check
// The heat map of cells: one moment at a time, with a slider through all of them.

import { byId, csvRows, map, start, times, valueText } from "./heatmap/data.js";
import { cellAt, columnSeries, height, mapOption } from "./heatmap/map.js";
import { watchPlay } from "./heatmap/play.js";
import { stripLabel, stripOption, watchStripTable } from "./heatmap/strip.js";
import { chart } from "./lib/chart.js";
import { moment, number, NOTHING } from "./lib/format.js";
import { t } from "./lib/words.js";

const NARROW = 700; // CSS pixels

const slider = byId("pms-slider");
const element = byId("pms-cells-chart");
const current = () => Number(slider.value);
const layout = () => ({ narrow, width: element.clientWidth });
let narrow = element.clientWidth < NARROW;

watchStripTable();
for (const hidden of document.querySelectorAll(".pms-scrub, .pms-cells-key")) {
  hidden.removeAttribute("hidden");
}
element.style.height = `${height(layout())}px`;

const mapChart = chart(element, mapOption(current(), layout(), current), {
  name: `${map.pms} cells`,
  label: t("Map of {quantity} by pack and cell. The table below has the same values.", {
    quantity: byId("pms-map-title").textContent,
  }),
  rows: csvRows,
});
const stripChart = chart(byId("pms-cells-strip"), stripOption(current()), { name: "strip", label: stripLabel });

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
      else place.textContent = map.quantity === "open" ? valueText(value) : number(value);
    }
  }
}

/** Show a moment. @param {number} column */
function show(column) {
  const text = moment(times[column], map.zone);
  byId("pms-moment").textContent = text;
  byId("pms-table-moment").textContent = text;
  slider.setAttribute("aria-valuetext", text);
  mapChart.set({ series: columnSeries(column, narrow) });
  stripChart.set({ series: [{ markLine: { data: [{ xAxis: column }] } }] });
  fillTable(column);
  const address = new URL(location.href);
  address.searchParams.set("start", new Date(start).toISOString());
  address.searchParams.set("end", new Date(times[times.length - 1]).toISOString());
  address.searchParams.set("at", new Date(times[column]).toISOString());
  history.replaceState(null, "", address);
}

/** Move the slider to a moment, and show it. @param {number} column */
function go(column) {
  slider.value = String(Math.max(0, Math.min(map.columns - 1, column)));
  show(current());
}

const stop = watchPlay(current, go);
slider.addEventListener("input", () => {
  stop();
  show(current());
});
byId("pms-back").addEventListener("click", () => go(current() - 1));
byId("pms-on").addEventListener("click", () => go(current() + 1));

mapChart.on("click", (event) => {
  const [pack] = cellAt(event, narrow);
  if (!pack) return;
  const at = times[current()];
  const around = Math.max(1800, map.seconds) * 1000;
  const address = new URL(pack.href, location.href);
  address.searchParams.set("start", new Date(at - around).toISOString());
  address.searchParams.set("end", new Date(at + around).toISOString());
  location.assign(address);
});

new MutationObserver(() => {
  mapChart.set(mapOption(current(), layout(), current), true);
  stripChart.set(stripOption(current()), true);
}).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
new ResizeObserver(() => {
  const now = element.clientWidth < NARROW;
  if (now === narrow) return;
  narrow = now;
  element.style.height = `${height(layout())}px`;
  mapChart.set(mapOption(current(), layout(), current), true);
}).observe(element);

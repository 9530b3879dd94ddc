// @ts-check
// The heat map of cells: one moment at a time, with a slider through all of them.

import { keepInLinks, keepMoment } from "./heatmap/address.js";
import { byId, csvRows, map, shortText, start, states, times } from "./heatmap/data.js";
import { cellAt, columnSeries, height, mapOption } from "./heatmap/map.js";
import { watchPlay } from "./heatmap/play.js";
import { stripLabel, stripOption, watchStripTable } from "./heatmap/strip.js";
import { heading, periodText } from "./lib/caption.js";
import { chart } from "./lib/chart.js";
import { moment } from "./lib/format.js";
import { follow, spread, touched } from "./lib/touch.js";
import { t } from "./lib/words.js";

const NARROW = 700; // CSS pixels

const title = byId("pms-map-title").textContent + (states ? "" : ` [${map.unit}]`);
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
  caption: () => [title, heading(), `${moment(times[current()], map.zone)} · ${periodText(start, times[map.columns - 1], map.zone)}`],
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
      place.toggleAttribute("data-open", states && value === 1);
      place.textContent = shortText(value);
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
  keepMoment(column);
}

/** Move the slider to a moment, and show it. @param {number} column */
function go(column) {
  slider.value = String(Math.max(0, Math.min(map.columns - 1, column)));
  show(current());
}

const stop = watchPlay(current, go);
keepInLinks(current());
slider.addEventListener("input", () => {
  stop();
  show(current());
});
byId("pms-back").addEventListener("click", () => go(current() - 1));
byId("pms-on").addEventListener("click", () => go(current() + 1));

/** The cell and the moment that were tapped before: the first tap shows the value. */
let tapped = "";

mapChart.on("click", (event) => {
  const [pack, cell] = cellAt(event, narrow);
  if (!pack) return;
  const place = `${pack.href} ${cell} ${current()}`;
  if (touched() && place !== tapped) {
    tapped = place;
    return;
  }
  const at = times[current()];
  const around = Math.max(1800, map.seconds) * 1000;
  location.assign(withPeriod(pack.href, at - around, at + around));
});

/** @param {string} href @param {number} from @param {number} to */
function withPeriod(href, from, to) {
  const address = new URL(href, location.href);
  address.searchParams.set("start", new Date(from).toISOString());
  address.searchParams.set("end", new Date(to).toISOString());
  return address;
}

// A drag with a finger goes through the moments, a pinch shows a shorter or longer period.
for (const place of [element, byId("pms-cells-strip")]) {
  let [from, zoom] = [current(), 1];
  follow(place, {
    begin: () => {
      from = current();
      stop();
    },
    move: (fingers) => {
      const [one, other] = fingers;
      if (other) zoom = spread(fingers);
      else if (zoom === 1) go(from + Math.round(((one.to - one.from) / place.clientWidth) * map.columns));
    },
    end: (cancelled) => {
      if (!cancelled && zoom > 0 && (zoom > 1.2 || zoom < 0.8)) zoomTo(1 / zoom);
      zoom = 1;
    },
  });
}

/** Show a period that is longer or shorter by a factor, around the moment. @param {number} factor */
function zoomTo(factor) {
  const at = times[current()];
  const last = times[map.columns - 1];
  const length = Math.max(60_000, (last - start) * factor);
  const share = (at - start) / (last - start);
  location.assign(withPeriod(location.href, at - length * share, at + length * (1 - share)));
}

new MutationObserver(() => {
  mapChart.set(mapOption(current(), layout(), current), true);
  stripChart.set(stripOption(current()), true);
}).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
let width = element.clientWidth;
new ResizeObserver(() => {
  const now = element.clientWidth < NARROW;
  if (now === narrow && width === element.clientWidth) return;
  width = element.clientWidth;
  narrow = now;
  element.style.height = `${height(layout())}px`;
  mapChart.set(mapOption(current(), layout(), current), true);
}).observe(element);

// @ts-check
// The cards of a page, each with a chart, a sentence and a table.

import { heading, periodText } from "../lib/caption.js";
import { chart } from "../lib/chart.js";
import { content } from "../lib/chart_table.js";
import { cells } from "../lib/draw/cells.js";
import { height, lanes } from "../lib/draw/lanes.js";
import { lines } from "../lib/draw/lines.js";
import { csvRows, weakest } from "../lib/history.js";
import { number } from "../lib/format.js";
import { t } from "../lib/words.js";
import { crosshair } from "./crosshair.js";
import { select } from "./select.js";
import { page, seriesOf, shownCharts, state, view } from "./state.js";

/** @typedef {import("./state.js").Spec} Spec */

/** Minimum spans of axes, by unit. */
const LEAST_SPANS = /** @type {Record<string, number>} */ ({ V: 0.05, A: 0.5, W: 5, "°C": 2, mV: 5 });

/** @type {Map<string, import("../lib/chart.js").Chart>} */
const drawn = new Map();

/**
 * Draw the readings that are there, and remove the charts that are no longer shown.
 * @param {import("./select.js").Show} show shows the period that a reader selects on a chart
 */
export function drawCards(show) {
  for (const spec of shownCharts()) {
    const card = document.getElementById(`card-${spec.code}`);
    const element = document.getElementById(`chart-${spec.code}`);
    if (!card || !element) continue;
    const series = seriesOf(spec);
    if (spec.look === "lanes") element.style.height = `${height(Math.max(1, series.length))}px`;
    const known = drawn.get(spec.code);
    if (known) known.set(option(spec), true);
    else drawn.set(spec.code, newChart(spec, element, show));
    card.toggleAttribute("data-nothing", series.length === 0);
    summarise(card, spec);
  }
  const codes = shownCharts().map((spec) => spec.code);
  for (const [code, one] of drawn) {
    if (codes.includes(code)) continue;
    one.dispose();
    drawn.delete(code);
  }
}

/** Return the width of the widest chart, in CSS pixels. */
export function widest() {
  const widths = shownCharts().map((spec) => document.getElementById(`chart-${spec.code}`)?.clientWidth || 0);
  return Math.max(...widths, 0);
}

/**
 * Return what the table of a chart shows; null before its readings are there.
 * @param {string} code of the chart
 */
export function tableOf(code) {
  const spec = page.charts.find((/** @type {Spec} */ one) => one.code === code);
  return state.history && content(spec, seriesOf(spec), view());
}

/** @param {Spec} spec */
function option(spec) {
  const series = seriesOf(spec);
  if (spec.look === "cells") return cells(series, view());
  if (spec.look === "lanes") return lanes(series, view());
  if (spec.look === "steps") return lines(series, view(), spec.unit, { step: true });
  const least = LEAST_SPANS[spec.unit] || 0.1;
  if (spec.look === "ends") return lines(series, view(), spec.unit, { least, ends: true });
  return lines(series, view(), spec.unit, { least });
}

/**
 * @param {Spec} spec
 * @param {HTMLElement} element
 * @param {import("./select.js").Show} show
 */
function newChart(spec, element, show) {
  const made = chart(element, option(spec), {
    name: `${page.name} ${spec.code}`,
    label: [spec.title, t("Its values are in the table below, and can be saved as CSV.")].join(". "),
    caption: () => [title(spec), heading(), periodText(state.start, state.end, page.zone)],
    rows: () => csvRows(seriesOf(spec), page.zone, [state.start, state.end]),
  });
  select(element, made, show);
  crosshair(element, made);
  return made;
}

/** @param {Spec} spec */
const title = (spec) => (spec.unit ? `${spec.title} [${spec.unit}]` : spec.title);

/**
 * Show the sentence of a card: that there are no readings, or which cell is the weakest.
 * @param {HTMLElement} card
 * @param {Spec} spec
 */
function summarise(card, spec) {
  const place = card.querySelector("[data-summary]");
  if (!place) return;
  const series = seriesOf(spec);
  const weak = spec.look === "cells" ? weakest(series) : null;
  if (!series.length) place.textContent = t("No readings in this period.");
  else if (weak) {
    const values = { cell: page.labels[weak.name], mv: number(weak.below * 1000, 1) };
    place.textContent = t("{cell} is the weakest: on average {mv} mV below the others.", values);
    card.setAttribute("data-weakest", weak.name);
  } else place.textContent = "";
}

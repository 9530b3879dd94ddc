// @ts-check
// What the charts of a page show: which charts, which period, and the readings of it.

/** @typedef {import("../lib/history.js").Series} Series */
/**
 * @typedef {object} Spec a chart, as the server describes it
 * @property {string} code
 * @property {string} title
 * @property {string} unit
 * @property {"lines" | "steps" | "cells" | "lanes" | "ends"} look
 * @property {string[]} sensors their names
 * @property {boolean} shown
 */

export const page = JSON.parse(document.getElementById("pms-charts")?.textContent || "{}");

export const state = {
  start: Date.parse(page.start),
  end: Date.parse(page.end),
  /** @type {string | null} the name of the period, such as "24h" */
  period: page.period,
  /** Whether the period ends now, and moves on with the clock. */
  follows: Boolean(page.follows),
  /** @type {import("../lib/history.js").History | null} */
  history: null,
};

const ahead = Date.parse(page.now) - Date.now();

/** The time by the server's clock, in milliseconds since 1970. */
export const now = () => Date.now() + ahead;

/** Whether a period shows now: it ends a little earlier at most. @param {number} start @param {number} end */
export function showsNow(start, end) {
  return start < now() && end >= now() - Math.min(60_000, Math.max(5000, (end - start) / 200));
}

/** @returns {Spec[]} the charts that are shown */
export const shownCharts = () => page.charts.filter((/** @type {Spec} */ spec) => spec.shown);

/**
 * Return the readings of a chart.
 * @param {Spec} spec
 * @returns {Series[]}
 */
export function seriesOf(spec) {
  return spec.sensors.flatMap((name) => state.history?.series.get(name) ?? []);
}

/** @returns {import("../lib/draw/axes.js").View} */
export function view() {
  const marks = page.marks.map((/** @type {any} */ mark) => ({ ...mark, at: Date.parse(mark.at) }));
  const { start, end } = state;
  return { start, end, marks, zone: page.zone, labels: page.labels, states: page.states, cell: page.cell || null };
}

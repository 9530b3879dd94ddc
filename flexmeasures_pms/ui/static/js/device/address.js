// @ts-check
// The period and the charts of a page in its address, its form, its links and its timeline.

import { utcOffset } from "../lib/history.js";
import { canGoBack, replace } from "./past.js";
import { page, shownCharts, state } from "./state.js";

/**
 * Bring them up to date with the state of the page.
 * @param {string[]} tables the charts whose tables are open
 * @param {{followed?: boolean}} [how] followed: the period moved on with the clock, by itself
 */
export function updateAddress(tables, how = {}) {
  const url = new URL(location.href);
  writeQuery(url.searchParams, tables);
  replace(url);
  const form = /** @type {HTMLFormElement} */ (document.getElementById("charts-time"));
  // What somebody types there stays.
  if (!how.followed || !form.contains(document.activeElement)) writeFields(form);
  for (const link of document.querySelectorAll("[data-period]")) {
    const current = link.getAttribute("data-period") === state.period;
    if (current) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  for (const link of /** @type {NodeListOf<HTMLAnchorElement>} */ (document.querySelectorAll("a[data-same-period]"))) {
    const address = new URL(link.href);
    writePeriod(address.searchParams);
    link.href = address.href;
  }
  enableBack();
  markTimeline();
}

/** @param {HTMLFormElement} form */
function writeFields(form) {
  for (const name of /** @type {const} */ (["start", "end"])) {
    const field = /** @type {HTMLInputElement} */ (form.elements.namedItem(name));
    field.value = new Date(state[name] + utcOffset(page.zone, state[name])).toISOString().slice(0, 19);
  }
}

/** Let the page's own "Back" be used where another period was shown before. */
export function enableBack() {
  const back = /** @type {HTMLButtonElement | null} */ (document.querySelector('[data-move="back"]'));
  if (back) back.disabled = !canGoBack();
}

/**
 * @param {URLSearchParams} query
 * @param {string[]} tables
 */
function writeQuery(query, tables) {
  writePeriod(query);
  const codes = shownCharts().map((spec) => spec.code);
  if (codes.length === page.charts.length) query.delete("charts");
  else query.set("charts", codes.join(","));
  if (tables.length) query.set("tables", tables.join(","));
  else query.delete("tables");
}

/** @param {URLSearchParams | FormData} query */
export function writePeriod(query) {
  for (const name of ["start", "end", "period"]) query.delete(name);
  if (state.period) query.set("period", state.period);
  else {
    query.set("start", new Date(state.start).toISOString());
    query.set("end", new Date(state.end).toISOString());
  }
}

/** Mark the period of the charts on the timeline of a pack. */
export function markTimeline() {
  const box = document.getElementById("life-window");
  if (!box) return;
  const begin = Date.parse(box.dataset.begin || "");
  const whole = Date.now() - begin;
  const share = (/** @type {number} */ at) => Math.min(1, Math.max(0, (at - begin) / whole));
  box.style.setProperty("--from", String(share(state.start)));
  box.style.setProperty("--to", String(share(state.end)));
  box.hidden = false;
}

// @ts-check
// The page of a pack, MPPT or inverter: its newest reading, live, and its charts, which fetch
// what their period and their width need. The page that compares packs has a chart only.

import { enableBack, markTimeline, updateAddress } from "./device/address.js";
import { drawCards, tableOf, widest } from "./device/cards.js";
import { note } from "./device/note.js";
import { push, watchPast } from "./device/past.js";
import { now, page, shownCharts, showsNow, state } from "./device/state.js";
import { watchTables } from "./lib/chart_table.js";
import { fetchHistories } from "./lib/history.js";
import { patch } from "./lib/patch.js";
import { poll } from "./lib/poll.js";
import { t } from "./lib/words.js";

// The shortest and longest period that can be shown, in milliseconds.
const SHORTEST = 10_000;
const LONGEST = 20 * 366 * 86_400_000;
// The most columns that are fetched: more can't be seen.
const WIDEST = 2000;

const noteElement = /** @type {HTMLElement} */ (document.getElementById("charts-note"));
/** @type {AbortController | undefined} */
let request;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let retrying;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let settling;
let fetchedAt = 0;

const tables = watchTables(tableOf, update);

function draw() {
  drawCards(show);
  tables.update();
}

/** @param {{followed?: boolean}} [how] */
function update(how) {
  updateAddress(tables.open(), how);
}

/** Fetch the readings of the period, and draw them. */
async function load() {
  clearTimeout(retrying);
  request?.abort();
  const mine = (request = new AbortController());
  const quantities = shownCharts().map((spec) => spec.code);
  if (!quantities.length) return;
  const grid = /** @type {HTMLElement} */ (document.getElementById("charts-grid"));
  grid.setAttribute("aria-busy", "true");
  try {
    const { start, end } = state;
    const width = Math.max(100, Math.min(WIDEST, widest() - 70));
    const history = await fetchHistories(page.sources, quantities, start, end, width, mine.signal);
    state.history = history;
    fetchedAt = performance.now();
    draw();
    noteElement.textContent = note(history, page.zone);
    if (history.failed) retrying = setTimeout(load, 5000);
    grid.dataset.step = String(history.exact ? 0 : history.step);
  } catch (error) {
    if (mine !== request) return;
    noteElement.textContent = t("The readings can't be loaded. Trying again …");
    retrying = setTimeout(load, 5000);
  } finally {
    if (mine === request) grid.removeAttribute("aria-busy");
  }
}

/**
 * Show another period.
 * @param {number} start
 * @param {number} end
 * @param {{period?: string | null, follows?: boolean, keep?: boolean, soon?: boolean}} [how]
 *   keep: whether "Back" returns to the present period; soon: more changes may follow at once
 *   follows: whether it moves on with the clock; by default if it shows now
 * @returns {boolean} whether it is another one than before
 */
function show(start, end, how = {}) {
  if (!(end > start)) return false;
  const middle = (start + end) / 2;
  const half = Math.min(LONGEST, Math.max(SHORTEST, end - start)) / 2;
  const other = { start: Math.round(middle - half), end: Math.round(middle + half) };
  const differs = other.start !== state.start || other.end !== state.end;
  if (!differs && how.period === undefined) return false;
  if (how.keep !== false) push();
  Object.assign(state, other);
  state.period = how.period ?? null;
  state.follows = how.follows ?? showsNow(state.start, state.end);
  if (state.history) draw();
  clearTimeout(settling);
  if (how.soon) settling = setTimeout(settle, 200);
  else settle();
  return differs;
}

/** Keep the period in the address, and fetch it. Browsers refuse to do the first for every step. */
function settle() {
  update();
  load();
}

/** @param {string} how */
function move(how) {
  const { start, end } = state;
  const length = end - start;
  if (how === "earlier") show(start - length / 2, end - length / 2);
  else if (how === "later") show(start + length / 2, end + length / 2);
  else if (how === "in") show(start + length / 4, end - length / 4);
  else if (how === "out") show(start - length / 2, end + length / 2);
  else history.back();
}

/** Move a period that shows now on with the clock; not while somebody reads the tables. */
function follow() {
  if (!state.follows || document.hidden || tables.open().length) return;
  const every = Math.min(60_000, Math.max(4_000 * page.sources.length, state.history?.step || 0));
  if (performance.now() - fetchedAt < every) return;
  const end = Math.max(state.end, now());
  if (state.period !== "life") state.start += end - state.end;
  state.end = end;
  update({ followed: true });
  load();
}

/** @param {MouseEvent} event */
function clicked(event) {
  const target = event.target instanceof Element ? event.target.closest("[data-at], [data-period], [data-move]") : null;
  if (!(target instanceof HTMLElement) || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (target.dataset.move) return move(target.dataset.move);
  if (target.dataset.period) return; // a link: the server chooses the period
  event.preventDefault();
  const url = new URL(/** @type {HTMLAnchorElement} */ (target).href);
  show(Date.parse(url.searchParams.get("start") || ""), Date.parse(url.searchParams.get("end") || ""));
  const smooth = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
  document.getElementById("charts-title")?.scrollIntoView({ behavior: smooth });
}

/** @param {Event} event a change of which charts are shown */
function chosen(event) {
  const box = /** @type {HTMLInputElement} */ (event.target);
  for (const spec of page.charts) if (spec.code === box.name) spec.shown = box.checked;
  document.getElementById(`card-${box.name}`)?.toggleAttribute("hidden", !box.checked);
  update();
  load();
}

function start() {
  for (const element of document.querySelectorAll("#charts-choice, .charts-moves")) {
    /** @type {HTMLElement} */ (element).hidden = false;
  }
  document.addEventListener("click", clicked);
  document.getElementById("charts-choice")?.addEventListener("change", chosen);
  // After the charts have taken on another theme: they would keep the colours of the one before.
  new MutationObserver(() => queueMicrotask(() => state.history && draw())).observe(document.documentElement, {
    attributeFilter: ["data-bs-theme"],
  });
  state.follows ||= showsNow(state.start, state.end);
  watchPast(show);
  addEventListener("online", () => void load());
  enableBack();
  markTimeline();
  load();
  setInterval(follow, 1000);
}

const part = document.querySelector("#pack-live, #device-live");
if (part) {
  const address = new URL(location.href);
  const query = new URLSearchParams({ live: "1" });
  const organisation = address.searchParams.get("organisation");
  if (organisation) query.set("organisation", organisation);
  poll(`${address.pathname}?${query}`, (data) => patch(part, data.html));
}
if (page.charts) start();

// @ts-check
// The page of a pack, MPPT or inverter: its newest reading, live, and its charts, which fetch
// what their period and their width need.

import { markTimeline, updateAddress } from "./device/address.js";
import { drawCards, tableOf, widest } from "./device/cards.js";
import { note } from "./device/note.js";
import { page, shownCharts, state } from "./device/state.js";
import { watchTables } from "./lib/chart_table.js";
import { fetchHistory } from "./lib/history.js";
import { patch } from "./lib/patch.js";
import { poll } from "./lib/poll.js";
import { t } from "./lib/words.js";

// The shortest and longest period that can be shown, in milliseconds.
const SHORTEST = 10_000;
const LONGEST = 20 * 366 * 86_400_000;
// The most columns that are fetched: more can't be seen.
const WIDEST = 2000;

const noteElement = /** @type {HTMLElement} */ (document.getElementById("charts-note"));
const opened = { at: performance.now(), end: state.end };
/** The periods that were shown before. @type {Array<[number, number, string | null, boolean]>} */
const before = [];
/** @type {AbortController | undefined} */
let request;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let waiting;
let fetchedAt = 0;

const tables = watchTables(tableOf, update);

function draw() {
  drawCards(show);
  tables.update();
}

function update() {
  updateAddress(tables.open(), before.length > 0);
}

/** Fetch the readings of the period, and draw them. */
async function load() {
  clearTimeout(waiting);
  request?.abort();
  const mine = (request = new AbortController());
  const quantities = shownCharts().map((spec) => spec.code);
  if (!quantities.length) return;
  const grid = /** @type {HTMLElement} */ (document.getElementById("charts-grid"));
  grid.setAttribute("aria-busy", "true");
  try {
    const { start, end } = state;
    const width = Math.max(100, Math.min(WIDEST, widest() - 70));
    const history = await fetchHistory(page.history, quantities, start, end, width, mine.signal);
    state.history = history;
    fetchedAt = performance.now();
    draw();
    noteElement.textContent = note(history, page.zone);
    grid.dataset.step = String(history.exact ? 0 : history.step);
  } catch (error) {
    if (mine !== request) return;
    noteElement.textContent = t("The readings can't be loaded. Trying again …");
    waiting = setTimeout(load, 5000);
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
 */
function show(start, end, how = {}) {
  if (!(end > start)) return;
  if (how.keep !== false) before.push([state.start, state.end, state.period, state.follows]);
  const middle = (start + end) / 2;
  const half = Math.min(LONGEST, Math.max(SHORTEST, end - start)) / 2;
  Object.assign(state, { start: Math.round(middle - half), end: Math.round(middle + half) });
  state.period = how.period ?? null;
  state.follows = how.follows ?? false;
  update();
  if (state.history) draw();
  clearTimeout(waiting);
  if (how.soon) waiting = setTimeout(load, 200);
  else load();
}

/** @param {string} how */
function move(how) {
  const { start, end } = state;
  const length = end - start;
  if (how === "earlier") show(start - length / 2, end - length / 2);
  else if (how === "later") show(start + length / 2, end + length / 2);
  else if (how === "in") show(start + length / 4, end - length / 4);
  else if (how === "out") show(start - length / 2, end + length / 2);
  else {
    const last = before.pop();
    if (last) show(last[0], last[1], { period: last[2], follows: last[3], keep: false });
  }
}

/** Move a period that ends now on with the clock; not while somebody reads the tables. */
function follow() {
  if (!state.follows || document.hidden || tables.open().length) return;
  const every = Math.min(60_000, Math.max(4_000, state.history?.step || 0));
  if (performance.now() - fetchedAt < every) return;
  const end = opened.end + performance.now() - opened.at;
  state.start += end - state.end;
  state.end = end;
  markTimeline();
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
  new MutationObserver(() => state.history && draw()).observe(document.documentElement, {
    attributeFilter: ["data-bs-theme"],
  });
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

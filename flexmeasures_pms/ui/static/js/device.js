// @ts-check
// The page of a pack, MPPT or inverter: its newest reading, live, and its charts, which fetch
// what their time and their width need.

import { chart } from "./lib/chart.js";
import { cells, height, lanes, lines } from "./lib/draw.js";
import { moment, number } from "./lib/format.js";
import { ahead, fetchPast, rows, weakest } from "./lib/past.js";
import { patch } from "./lib/patch.js";
import { poll } from "./lib/poll.js";
import { content, tables } from "./lib/told.js";
import { t } from "./lib/words.js";

const SHORTEST = 10_000;
const LONGEST = 20 * 366 * 86_400_000;
const WIDEST = 2000;

const page = JSON.parse(document.getElementById("pms-charts")?.textContent || "{}");
const note = /** @type {HTMLElement} */ (document.getElementById("charts-note"));
const state = {
  start: Date.parse(page.start),
  end: Date.parse(page.end),
  /** @type {string | null} */
  period: page.period,
  follows: Boolean(page.follows),
};
const opened = { at: performance.now(), end: state.end };
/** @type {Array<[number, number, string | null, boolean]>} */
const before = [];
/** @type {import("./lib/past.js").Past | null} */
let past = null;
/** @type {AbortController | undefined} */
let asking;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let waiting;
let fetchedAt = 0;

/** @type {Map<string, {spec: any, drawn: import("./lib/chart.js").Chart, element: HTMLElement}>} */
const drawn = new Map();

const shown = () => page.charts.filter((/** @type {any} */ spec) => spec.shown);

/** @param {any} spec */
const seriesOf = (spec) =>
  spec.sensors.map((/** @type {string} */ name) => past?.series.get(name)).filter(Boolean);

/** @returns {import("./lib/draw.js").View} */
function view() {
  const marks = page.marks.map((/** @type {any} */ mark) => ({ ...mark, at: Date.parse(mark.at) }));
  return { ...state, marks, zone: page.zone, labels: page.labels, states: page.states, cell: page.cell || null };
}

/** @param {any} spec */
function option(spec) {
  const series = seriesOf(spec);
  if (spec.look === "cells") return cells(series, view());
  if (spec.look === "lanes") return lanes(series, view());
  if (spec.look === "steps") return lines(series, view(), spec.unit, { step: true });
  const least = { V: 0.05, A: 0.5, W: 5, "°C": 2, mV: 5 }[/** @type {"V"} */ (spec.unit)] || 0.1;
  return lines(series, view(), spec.unit, { least });
}

/** Draw what has been fetched. */
function draw() {
  for (const spec of shown()) {
    const card = document.getElementById(`card-${spec.code}`);
    const element = document.getElementById(`chart-${spec.code}`);
    if (!card || !element) continue;
    const series = seriesOf(spec);
    if (spec.look === "lanes") element.style.height = `${height(Math.max(1, series.length))}px`;
    const known = drawn.get(spec.code);
    if (known) known.drawn.set(option(spec), true);
    else drawn.set(spec.code, { spec, element, drawn: make(spec, element) });
    card.toggleAttribute("data-nothing", series.length === 0);
    say(card, spec, series);
  }
  for (const [code, one] of drawn) {
    if (!one.spec.shown) {
      one.drawn.dispose();
      drawn.delete(code);
    }
  }
  read.update();
}

/** @param {string} code of a chart */
function told(code) {
  const spec = page.charts.find((/** @type {any} */ one) => one.code === code);
  return past && content(spec, seriesOf(spec), view());
}

const read = tables(told, mirror);

/**
 * @param {any} spec
 * @param {HTMLElement} element
 */
function make(spec, element) {
  const made = chart(element, option(spec), {
    name: `${page.name} ${spec.code}`,
    label: [spec.title, t("Its figures are in the table below it, and can be saved as CSV.")].join(". "),
    rows: () => rows(seriesOf(spec), page.zone, [state.start, state.end]),
  });
  select(element, made);
  return made;
}

/**
 * @param {HTMLElement} card
 * @param {any} spec
 * @param {import("./lib/past.js").Series[]} series
 */
function say(card, spec, series) {
  const place = card.querySelector("[data-said]");
  if (!place) return;
  const weak = spec.look === "cells" ? weakest(series) : null;
  if (!series.length) place.textContent = t("No readings in this time.");
  else if (weak) {
    const values = { cell: page.labels[weak.name], mv: number(weak.below * 1000, 1) };
    place.textContent = t("{cell} is the weakest: on average {mv} mV below the others.", values);
    card.setAttribute("data-weakest", weak.name);
  } else place.textContent = "";
}

/** Fetch what is to be seen, and draw it. */
async function load() {
  clearTimeout(waiting);
  asking?.abort();
  const mine = (asking = new AbortController());
  const quantities = shown().map((/** @type {any} */ spec) => spec.code);
  if (!quantities.length) return;
  const grid = /** @type {HTMLElement} */ (document.getElementById("charts-grid"));
  grid.setAttribute("aria-busy", "true");
  try {
    const { start, end } = state;
    const width = Math.max(100, Math.min(WIDEST, widest() - 70));
    past = await fetchPast(page.history, quantities, start, end, width, mine.signal);
    fetchedAt = performance.now();
    draw();
    tell();
    grid.dataset.step = String(past.exact ? 0 : past.step);
  } catch (error) {
    if (mine !== asking) return;
    note.textContent = t("The readings can't be fetched just now. Trying again …");
    waiting = setTimeout(load, 5000);
  } finally {
    if (mine === asking) grid.removeAttribute("aria-busy");
  }
}

function widest() {
  const all = shown().map((/** @type {any} */ s) => document.getElementById(`chart-${s.code}`)?.clientWidth || 0);
  return Math.max(...all, 0);
}

/** Say what the charts show: from which devices, and at which resolution. */
function tell() {
  if (!past) return;
  const from = [...new Set(past.reporters.map((one) => one.id))];
  const said = [];
  if (!past.series.size) said.push(t("There are no readings in this time."));
  else if (past.exact) said.push(t("Every reading, as it was taken."));
  else if (past.sample !== null) {
    const parts = { sample: lasted(Math.ceil(past.sample / 1000) * 1000), step: lasted(past.step) };
    said.push(t("A sample: lines are means of the first {sample} of every {step}.", parts));
  } else said.push(t("Lines are means of {step}, with the lowest and highest behind them.", { step: lasted(past.step) }));
  if (from.length > 1) {
    const runs = past.reporters.map((one) => `${one.id} (${moment(one.begin, page.zone, { seconds: false })} – ${moment(one.end, page.zone, { seconds: false })})`);
    said.push(t("Reported by {devices}.", { devices: runs.length > 6 ? from.join(", ") : runs.join(", ") }));
  } else if (from.length) said.push(t("Reported by {devices}.", { devices: from[0] }));
  note.textContent = said.join(" ");
}

/** @param {number} ms */
function lasted(ms) {
  const n = (/** @type {number} */ unit) => number(ms / unit, ms % unit ? 1 : 0);
  if (ms < 60_000) return t("{n} s", { n: n(1000) });
  if (ms < 3_600_000) return t("{n} min", { n: n(60_000) });
  return ms < 86_400_000 ? t("{n} h", { n: n(3_600_000) }) : t("{n} d", { n: n(86_400_000) });
}

/**
 * Show another time.
 * @param {number} start
 * @param {number} end
 * @param {{period?: string | null, follows?: boolean, keep?: boolean, soon?: boolean}} [how]
 *   keep: whether the way back leads here; soon: more moves may follow at once
 */
function show(start, end, how = {}) {
  if (!(end > start)) return;
  if (how.keep !== false) before.push([state.start, state.end, state.period, state.follows]);
  const middle = (start + end) / 2;
  const half = Math.min(LONGEST, Math.max(SHORTEST, end - start)) / 2;
  Object.assign(state, { start: Math.round(middle - half), end: Math.round(middle + half) });
  state.period = how.period ?? null;
  state.follows = how.follows ?? false;
  mirror();
  if (past) draw();
  clearTimeout(waiting);
  if (how.soon) waiting = setTimeout(load, 200);
  else load();
}

/** Let the address, the fields and the timeline say what is seen. */
function mirror() {
  const url = new URL(location.href);
  const query = url.searchParams;
  for (const name of ["start", "end", "period"]) query.delete(name);
  if (state.period) query.set("period", state.period);
  else {
    query.set("start", new Date(state.start).toISOString());
    query.set("end", new Date(state.end).toISOString());
  }
  const codes = shown().map((/** @type {any} */ spec) => spec.code);
  if (codes.length === page.charts.length) query.delete("charts");
  else query.set("charts", codes.join(","));
  if (read.open().length) query.set("tables", read.open().join(","));
  else query.delete("tables");
  history.replaceState(null, "", url);
  const form = /** @type {HTMLFormElement} */ (document.getElementById("charts-time"));
  for (const name of /** @type {const} */ (["start", "end"])) {
    const field = /** @type {HTMLInputElement} */ (form.elements.namedItem(name));
    field.value = new Date(state[name] + ahead(page.zone, state[name])).toISOString().slice(0, 19);
  }
  for (const link of document.querySelectorAll("[data-period]")) {
    const current = link.getAttribute("data-period") === state.period;
    if (current) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  const back = /** @type {HTMLButtonElement | null} */ (document.querySelector('[data-move="back"]'));
  if (back) back.disabled = !before.length;
  markLife();
}

/** Mark on the timeline the time that the charts show. */
function markLife() {
  const box = document.getElementById("life-window");
  if (!box) return;
  const begin = Date.parse(box.dataset.begin || "");
  const whole = Date.now() - begin;
  const share = (/** @type {number} */ at) => Math.min(1, Math.max(0, (at - begin) / whole));
  box.style.setProperty("--from", String(share(state.start)));
  box.style.setProperty("--to", String(share(state.end)));
  box.hidden = false;
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

/**
 * Let a drag across a chart choose a time, and the wheel zoom and move.
 * @param {HTMLElement} element
 * @param {import("./lib/chart.js").Chart} made
 */
function select(element, made) {
  const box = document.createElement("div");
  box.className = "chart-select";
  box.hidden = true;
  element.append(box);
  let from = NaN;
  const place = (/** @type {MouseEvent} */ event) => event.clientX - element.getBoundingClientRect().left;
  const time = (/** @type {number} */ x) =>
    made.echart.convertFromPixel({ xAxisIndex: 0 }, x) - ahead(page.zone, state.end);

  element.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "mouse" && event.button === 0) from = place(event);
  });
  addEventListener("pointermove", (event) => {
    if (Number.isNaN(from)) return;
    const to = place(event);
    box.hidden = Math.abs(to - from) < 5;
    box.style.left = `${Math.min(from, to)}px`;
    box.style.width = `${Math.abs(to - from)}px`;
  });
  addEventListener("pointerup", (event) => {
    const begin = from;
    from = NaN;
    if (box.hidden) return;
    box.hidden = true;
    const [a, b] = [time(begin), time(place(event))].sort((x, y) => x - y);
    show(Math.max(a, state.start), Math.min(b, state.end));
  });
  element.addEventListener(
    "wheel",
    (event) => {
      const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
      if (event.ctrlKey) {
        const at = time(place(event));
        const factor = 1.2 ** Math.sign(event.deltaY);
        show(at - (at - state.start) * factor, at + (state.end - at) * factor, { soon: true, keep: false });
      } else if (sideways && Math.abs(sideways) >= Math.abs(event.shiftKey ? 0 : event.deltaY)) {
        const by = ((state.end - state.start) * Math.sign(sideways)) / 20;
        show(state.start + by, state.end + by, { soon: true, keep: false });
      } else return;
      event.preventDefault();
    },
    { passive: false },
  );
}

/** Keep charts that end now up with the clock; not while somebody reads their tables. */
function follow() {
  if (!state.follows || document.hidden || read.open().length) return;
  const every = Math.min(60_000, Math.max(4_000, past?.step || 0));
  if (performance.now() - fetchedAt < every) return;
  const end = opened.end + performance.now() - opened.at;
  state.start += end - state.end;
  state.end = end;
  markLife();
  load();
}

function start() {
  for (const element of document.querySelectorAll("#charts-choice, .charts-moves")) {
    /** @type {HTMLElement} */ (element).hidden = false;
  }
  document.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target.closest("[data-at], [data-period], [data-move]") : null;
    if (!(target instanceof HTMLElement) || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (target.dataset.move) return move(target.dataset.move);
    if (target.dataset.period) return; // its address is right at any time
    event.preventDefault();
    const url = new URL(/** @type {HTMLAnchorElement} */ (target).href);
    show(Date.parse(url.searchParams.get("start") || ""), Date.parse(url.searchParams.get("end") || ""));
    const smooth = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
    document.getElementById("charts-title")?.scrollIntoView({ behavior: smooth });
  });
  document.getElementById("charts-choice")?.addEventListener("change", (event) => {
    const box = /** @type {HTMLInputElement} */ (event.target);
    for (const spec of page.charts) if (spec.code === box.name) spec.shown = box.checked;
    document.getElementById(`card-${box.name}`)?.toggleAttribute("hidden", !box.checked);
    mirror();
    load();
  });
  new MutationObserver(() => past && draw()).observe(document.documentElement, {
    attributeFilter: ["data-bs-theme"],
  });
  markLife();
  load();
  setInterval(follow, 1000);
}

const part = document.querySelector("#pack-live, #device-live");
if (part) {
  const address = new URL(location.href);
  const query = new URLSearchParams({ live: "1" });
  const named = address.searchParams.get("organisation");
  if (named) query.set("organisation", named);
  poll(`${address.pathname}?${query}`, (data) => patch(part, data.html));
}
if (page.charts) start();

// @ts-check
// Selecting a period on a chart: a drag zooms in, the wheel zooms and moves; a finger moves, two zoom.

import { utcOffset } from "../lib/history.js";
import { follow, middle, spread } from "../lib/touch.js";
import { page, state } from "./state.js";

/** @typedef {import("../lib/chart.js").Chart} Chart */
/**
 * Shows another period.
 * @callback Show
 * @param {number} start
 * @param {number} end
 * @param {{keep?: boolean, soon?: boolean}} [how]
 * @returns {boolean} whether it is another one than before
 */

/** A shorter drag is a click, in CSS pixels. */
const SHORTEST = 5;
/** How much one turn of the wheel zooms. */
const ZOOM = 1.2;

/** Turns of the wheel that follow each other this fast are undone together, in milliseconds. */
const BURST = 1000;

/** The charts of elements: one that was removed can be drawn again. @type {Map<HTMLElement, Chart>} */
const charts = new Map();
let turned = -Infinity;

/** @param {HTMLElement} element @param {number} x in CSS pixels @returns {number} its time */
function timeAt(element, x) {
  return charts.get(element)?.echart.convertFromPixel({ xAxisIndex: 0 }, x) - utcOffset(page.zone, state.end);
}

/** @param {HTMLElement} element @param {number} time @returns {number} where it is, in CSS pixels */
function placeOf(element, time) {
  return charts.get(element)?.echart.convertToPixel({ xAxisIndex: 0 }, time + utcOffset(page.zone, state.end));
}

/**
 * @param {HTMLElement} element of the chart
 * @param {Chart} chart
 * @param {Show} show
 */
export function select(element, chart, show) {
  const known = charts.has(element);
  charts.set(element, chart);
  if (known) return;
  const place = (/** @type {MouseEvent} */ event) => event.clientX - element.getBoundingClientRect().left;
  drag(element, place, (from, to) => {
    const [start, end] = [timeAt(element, from), timeAt(element, to)].sort((x, y) => x - y);
    show(Math.max(start, state.start), Math.min(end, state.end));
  });
  touch(element, show);
  element.addEventListener(
    "wheel",
    (event) => {
      const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
      const how = { soon: true, keep: event.timeStamp - turned > BURST };
      let changed;
      if (event.ctrlKey) {
        const at = timeAt(element, place(event));
        const factor = ZOOM ** Math.sign(event.deltaY);
        changed = show(at - (at - state.start) * factor, at + (state.end - at) * factor, how);
      } else if (sideways && Math.abs(sideways) >= Math.abs(event.shiftKey ? 0 : event.deltaY)) {
        const by = ((state.end - state.start) * Math.sign(sideways)) / 20;
        changed = show(state.start + by, state.end + by, how);
      } else return;
      if (changed) turned = event.timeStamp;
      event.preventDefault();
    },
    { passive: false },
  );
}

/**
 * Let a finger move a chart through time, and two zoom it.
 * @param {HTMLElement} element
 * @param {Show} show
 */
function touch(element, show) {
  let keep = true;
  let [start, left, right, perPixel] = [0, 0, 0, 0];
  follow(element, {
    begin: () => {
      start = state.start;
      [left, right] = [placeOf(element, state.start), placeOf(element, state.end)];
      perPixel = (state.end - state.start) / (right - left);
    },
    move: (fingers) => {
      const { from, to } = middle(fingers);
      const scale = perPixel / spread(fingers);
      if (!Number.isFinite(scale)) return; // the fingers are on one place
      const begin = start + (from - left) * perPixel - (to - left) * scale;
      if (show(begin, begin + (right - left) * scale, { soon: true, keep })) keep = false;
    },
    end: () => (keep = true),
  });
}

/**
 * Let a drag with the mouse draw a box across a chart.
 * @param {HTMLElement} element of the chart
 * @param {(event: MouseEvent) => number} place of the pointer on the chart
 * @param {(from: number, to: number) => void} dragged called at the end of a drag
 */
function drag(element, place, dragged) {
  const box = document.createElement("div");
  box.className = "chart-select";
  box.hidden = true;
  element.append(box);
  let from = NaN;

  element.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "mouse" && event.button === 0) from = place(event);
  });
  addEventListener("pointermove", (event) => {
    if (Number.isNaN(from)) return;
    const to = place(event);
    if (!box.isConnected) element.append(box); // a chart that is drawn anew empties its element
    box.hidden = Math.abs(to - from) < SHORTEST;
    box.style.left = `${Math.min(from, to)}px`;
    box.style.width = `${Math.abs(to - from)}px`;
  });
  addEventListener("pointerup", (event) => {
    const begin = from;
    from = NaN;
    if (box.hidden) return;
    box.hidden = true;
    dragged(begin, place(event));
  });
}

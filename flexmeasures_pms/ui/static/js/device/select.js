// @ts-check
// Selecting a period on a chart: a drag zooms in, the wheel zooms and moves.

import { utcOffset } from "../lib/history.js";
import { page, state } from "./state.js";

/**
 * Shows another period.
 * @callback Show
 * @param {number} start
 * @param {number} end
 * @param {{keep?: boolean, soon?: boolean}} [how]
 * @returns {void}
 */

/** A shorter drag is a click, in CSS pixels. */
const SHORTEST = 5;
/** How much one turn of the wheel zooms. */
const ZOOM = 1.2;

/**
 * @param {HTMLElement} element of the chart
 * @param {import("../lib/chart.js").Chart} chart
 * @param {Show} show
 */
export function select(element, chart, show) {
  const place = (/** @type {MouseEvent} */ event) => event.clientX - element.getBoundingClientRect().left;
  const time = (/** @type {number} */ x) =>
    chart.echart.convertFromPixel({ xAxisIndex: 0 }, x) - utcOffset(page.zone, state.end);

  drag(element, place, (from, to) => {
    const [start, end] = [time(from), time(to)].sort((x, y) => x - y);
    show(Math.max(start, state.start), Math.min(end, state.end));
  });
  element.addEventListener(
    "wheel",
    (event) => {
      const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
      if (event.ctrlKey) {
        const at = time(place(event));
        const factor = ZOOM ** Math.sign(event.deltaY);
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

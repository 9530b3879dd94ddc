// @ts-check
// The moment below the pointer as a line on all charts of a page.

/** @typedef {import("../lib/chart.js").Chart} Chart */

/** @type {Map<HTMLElement, {chart: Chart, line: HTMLElement}>} */
const charts = new Map();

/**
 * Let a chart share the line.
 * @param {HTMLElement} element
 * @param {Chart} chart
 */
export function crosshair(element, chart) {
  const known = charts.get(element);
  const line = known?.line || document.createElement("div");
  line.className = "chart-crosshair";
  line.hidden = true;
  charts.set(element, { chart, line });
  if (known) return;
  element.addEventListener("pointermove", (event) => point(element, event));
  element.addEventListener("pointerdown", (event) => point(element, event));
  element.addEventListener("pointerleave", hide);
}

/** @param {HTMLElement} element @param {PointerEvent} event */
function point(element, event) {
  const { left, top } = element.getBoundingClientRect();
  const place = [event.clientX - left, event.clientY - top];
  const { echart } = /** @type {{chart: Chart}} */ (charts.get(element)).chart;
  if (!echart.containPixel("grid", place)) return hide();
  const at = echart.convertFromPixel({ xAxisIndex: 0 }, place[0]);
  for (const [other, { chart, line }] of charts) {
    if (!other.clientWidth) continue; // a chart that is not shown
    if (!line.isConnected) other.append(line); // a chart that is drawn anew empties its element
    line.hidden = false;
    line.style.left = `${chart.echart.convertToPixel({ xAxisIndex: 0 }, at)}px`;
  }
}

function hide() {
  for (const { line } of charts.values()) line.hidden = true;
}

// @ts-check
// ECharts with the pages' colours. Each chart follows its size and the theme, leaves out animation
// where the reader wants that, has a label for screen readers, and can be saved as PNG and CSV.

import { withCaption } from "./caption.js";
import { watchPrint } from "./print.js";

/** Okabe and Ito's colours, safe for colour-blind readers; the first suits both themes. */
export const COLOURS = [
  "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#999999", "#B8A900",
];

/**
 * @typedef {object} Options
 * @property {string} name of the saved files
 * @property {string} label what the chart shows, for screen readers
 * @property {() => string[]} [caption] the lines above a saved picture: its title with the unit,
 *   what it is of, the period and the zone
 * @property {() => Array<Array<string | number | null>>} [rows] what is saved as CSV, the header first
 *
 * @typedef {object} Chart
 * @property {any} echart the ECharts instance. It is a new one after a change of the theme: read
 *   it each time, or use `on`
 * @property {(option: any, notMerge?: boolean) => void} set changes its options
 * @property {(event: string, handler: (event: any) => void) => void} on
 * @property {() => number} width in CSS pixels
 * @property {() => void} dispose
 */

/** @param {string} name of a CSS variable, such as "--pms-text" */
export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Whether the reader wants reduced motion. */
export function still() {
  return window.matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/**
 * Draw a chart in an element that has a height.
 * @param {HTMLElement} element
 * @param {any} option ECharts' option
 * @param {Options} options
 * @returns {Chart}
 */
export function chart(element, option, options) {
  /** @type {Array<[string, (event: any) => void]>} */
  const handlers = [];
  let instance = start();
  let shown = option;
  instance.setOption(option);

  function start() {
    const made = echarts.init(element, theme(), { renderer: "canvas", locale: "EN" });
    for (const [event, handler] of handlers) made.on(event, handler);
    return made;
  }

  const sizes = new ResizeObserver(() => instance.resize());
  sizes.observe(element);
  const themes = new MutationObserver(() => {
    shown = instance.getOption();
    instance.dispose();
    instance = start();
    instance.setOption(withoutColours(shown));
  });
  themes.observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
  const printing = watchPrint(() => {
    instance.resize();
    instance.getZr().flush(); // paper does not wait for the next frame
  });

  element.setAttribute("role", "img");
  element.setAttribute("aria-label", options.label);
  for (const button of document.querySelectorAll(`[data-chart="${CSS.escape(element.id)}"]`)) {
    button.addEventListener("click", () => {
      if (button.getAttribute("data-save") === "png") savePng(instance, options);
      else if (options.rows) saveCsv(options.name, options.rows());
    });
  }

  return {
    get echart() {
      return instance;
    },
    set: (changes, notMerge = false) => instance.setOption(changes, { notMerge }),
    on: (event, handler) => {
      handlers.push([event, handler]);
      instance.on(event, handler);
    },
    width: () => instance.getWidth(),
    dispose: () => {
      sizes.disconnect();
      themes.disconnect();
      printing.stop();
      instance.dispose();
    },
  };
}

/** The theme of a chart: the page's own colours. */
function theme() {
  const text = colour("--pms-text");
  const line = colour("--pms-line");
  const faint = colour("--pms-text-faint");
  const axis = {
    axisLine: { lineStyle: { color: faint } },
    axisTick: { lineStyle: { color: faint } },
    axisLabel: { color: text },
    nameTextStyle: { color: text },
    splitLine: { lineStyle: { color: line } },
  };
  return {
    color: COLOURS,
    animation: !still(),
    backgroundColor: "transparent",
    textStyle: { color: text, fontFamily: "Poppins, sans-serif" },
    title: { textStyle: { color: text } },
    legend: { textStyle: { color: text }, pageTextStyle: { color: text } },
    tooltip: {
      backgroundColor: colour("--pms-raised"),
      borderColor: line,
      textStyle: { color: text },
    },
    categoryAxis: axis,
    valueAxis: axis,
    timeAxis: axis,
    aria: { enabled: true },
  };
}

/**
 * Remove what ECharts copied from the theme into an option: another theme has other colours.
 * @param {any} option
 * @returns {any}
 */
function withoutColours(option) {
  const kept = { ...option };
  for (const key of ["textStyle", "backgroundColor", "color", "aria"]) delete kept[key];
  return kept;
}

/**
 * @param {any} instance of ECharts
 * @param {Options} options
 */
function savePng(instance, { name, caption }) {
  const [ratio, background, text] = [2, colour("--pms-surface"), colour("--pms-text")];
  const picture = instance.renderToCanvas({ pixelRatio: ratio, backgroundColor: background });
  const whole = withCaption(picture, ratio, caption?.() || [name], { text, background });
  save(`${name}.png`, whole.toDataURL("image/png"));
}

/**
 * Save rows as CSV, with decimal points in every language: programs read it.
 * @param {string} name of the file, without extension
 * @param {Array<Array<string | number | null>>} rows the header first
 */
export function saveCsv(name, rows) {
  const text = rows.map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  save(`${name}.csv`, url);
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

/**
 * Return one cell of CSV. A text that a spreadsheet would run as a formula gets an apostrophe.
 * @param {string | number | null | undefined} value
 * @returns {string}
 */
export function cell(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : "";
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * @param {string} name
 * @param {string} url
 */
function save(name, url) {
  const anchor = document.createElement("a");
  anchor.href = url;
  anchor.download = name.replace(/[^\w.()-]+/g, "_");
  anchor.click();
}


// @ts-check
// The colours of the heat map, and the scale below it with the limit marked.

import { colour } from "../lib/chart.js";
import { t } from "../lib/words.js";
import { map, range, states, valueText } from "./data.js";

// Cividis: its brightness shows as much as its hue, also to colour-blind eyes.
const SCALE = ["#00224e", "#35456c", "#666970", "#948e77", "#c8b866", "#fee838"];
// From below the others over none to above: orange and blue are told apart by all eyes.
const DEVIATION = ["#d55e00", "#efa468", "#eef0f2", "#8cc4e8", "#0072b2"];
const CLOSED = "#c9d1da";
const OPEN = "#d55e00";
const FONT = "12px Poppins, sans-serif";
const BAR = 12; // CSS pixels

const colours = map.quantity === "deviation" ? DEVIATION : SCALE;

/** Black, but white on the darker half of Cividis. @param {number} value */
export function markColour(value) {
  const [low, high] = range;
  return !states && colours === SCALE && value < (low + high) / 2 ? "#ffffff" : "#000000";
}

/** Return how values become colours. */
export function colourScale() {
  const shared = { seriesIndex: 0, dimension: 2 };
  if (states) {
    const pieces = [
      { value: 1, label: t("open"), color: OPEN },
      { value: 0, label: t("closed"), color: CLOSED },
    ];
    const place = { orient: "horizontal", left: "center", bottom: 0, textStyle: { color: colour("--pms-text") } };
    return { ...shared, ...place, type: "piecewise", pieces, selectedMode: false };
  }
  const [min, max] = range;
  return { ...shared, type: "continuous", show: false, min, max, inRange: { color: colours } };
}

/**
 * Return the scale as ECharts' graphic elements: a bar, its ends, and where the limit is.
 * @param {import("./map.js").Layout} layout
 */
export function scaleKey({ width }) {
  if (states) return [];
  const length = Math.min(280, width * 0.6);
  const [low, high] = range;
  const [least, most] = map.scale ? ["≤ ", "≥ "] : ["", ""];
  const below = BAR + 7;
  const children = [
    bar(length),
    text(least + valueText(low), 0, below, "left"),
    text(most + valueText(high), length, below, "right"),
  ];
  if (map.limit !== null) {
    const at = (length * (map.limit - low)) / (high - low);
    children.push(tick(at), text(t("limit {value}", { value: valueText(map.limit) }), at, -18, "center"));
  }
  return [{ type: "group", id: "scale", left: "center", bottom: 6, silent: true, children }];
}

/** @param {number} length @returns {any} */
function bar(length) {
  const stops = colours.map((color, i) => ({ offset: i / (colours.length - 1), color }));
  const fill = { type: "linear", x: 0, y: 0, x2: 1, y2: 0, colorStops: stops };
  return { type: "rect", shape: { x: 0, y: 0, width: length, height: BAR }, style: { fill } };
}

/** @param {number} at @returns {any} */
function tick(at) {
  const style = { stroke: colour("--pms-text"), lineWidth: 2 };
  return { type: "line", shape: { x1: at, y1: -4, x2: at, y2: BAR + 3 }, style };
}

/** @param {string} words @param {number} x @param {number} y @param {string} align @returns {any} */
function text(words, x, y, align) {
  return { type: "text", x, y, style: { text: words, fill: colour("--pms-text"), font: FONT, textAlign: align } };
}

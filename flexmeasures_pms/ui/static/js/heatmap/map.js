// @ts-check
// ECharts' options for the heat map: a square for each cell of each pack at one moment.

import { colour } from "../lib/chart.js";
import { t } from "../lib/words.js";
import { cells, map, marked, ofCells, places, states, wasThere } from "./data.js";
import { colourScale, markColour, scaleKey } from "./scale.js";
import { tooltip } from "./tooltip.js";

/** @typedef {import("./data.js").Pack} Pack */
/**
 * @typedef {object} Layout
 * @property {boolean} narrow whether packs go down, cells across: on a phone
 * @property {number} width of the map in CSS pixels
 */

/**
 * Return the height of the map in CSS pixels.
 * @param {Layout} layout
 */
export function height({ narrow, width }) {
  return narrow ? places.length * 22 + 120 : Math.min(34, Math.max(24, width / 46)) * cells + 180;
}

/**
 * Return all options of the map.
 * @param {number} column
 * @param {Layout} layout
 * @param {() => number} current the column that is shown by then
 */
export function mapOption(column, layout, current) {
  const { narrow } = layout;
  const [values, gaps] = columnSeries(column, narrow);
  const [packs, numbers] = axes(narrow);
  return {
    animation: false,
    aria: { enabled: false },
    grid: narrow
      ? { left: 84, right: 8, top: 40, bottom: 74 }
      : { left: ofCells ? 44 : 76, right: 8, top: 26, bottom: 152 },
    xAxis: narrow ? { ...numbers, position: "top" } : packs,
    yAxis: narrow ? { ...packs, inverse: true } : { ...numbers, inverse: true },
    tooltip: {
      trigger: "item",
      confine: true,
      formatter: (/** @type {any} */ event) => tooltip(...cellAt(event, narrow), current()),
    },
    visualMap: colourScale(),
    graphic: scaleKey(layout),
    series: [
      {
        name: "cells",
        type: "heatmap",
        ...values,
        itemStyle: { borderColor: colour("--pms-surface"), borderWidth: 1 },
        label: { formatter: states ? "○" : map.unit === "°C" ? "▲" : "▼", fontSize: 11 },
        emphasis: { itemStyle: { borderColor: colour("--pms-focus"), borderWidth: 2 } },
      },
      { name: "gaps", type: "custom", ...gaps, renderItem: hatched() },
    ],
  };
}

/**
 * Return what a column changes in the options: the squares with a value, and those without.
 * @param {number} column
 * @param {boolean} narrow
 */
export function columnSeries(column, narrow) {
  const values = [];
  const gaps = [];
  for (const [place, pack] of places.entries()) {
    if (!pack || !wasThere(pack, column)) continue;
    const isMarked = marked(pack, column);
    for (let cell = 0; cell < cells; cell++) {
      const value = pack.cells[cell][column];
      const at = narrow ? [cell, place] : [place, cell];
      if (value === null) gaps.push(at);
      else values.push({ value: [...at, value], label: { show: isMarked(value), color: markColour(value) } });
    }
  }
  return [{ data: values }, { data: gaps }];
}

/**
 * Return the pack and the cell that an event is about.
 * @param {any} event
 * @param {boolean} narrow
 * @returns {[Pack | null, number]}
 */
export function cellAt(event, narrow) {
  const value = Array.isArray(event.data) ? event.data : event.data.value;
  const [place, cell] = narrow ? [value[1], value[0]] : value;
  return [places[place], cell];
}

/** @param {boolean} narrow @returns {any[]} the axis of packs and that of cells */
function axes(narrow) {
  const plain = {
    type: "category",
    axisTick: { show: false },
    axisLine: { show: false },
    splitLine: { show: false },
  };
  const packs = {
    ...plain,
    data: places.map((pack) => (pack ? packLabel(pack) : "")),
    axisLabel: { rotate: narrow ? 0 : 90, interval: 0, fontSize: 11 },
    name: narrow ? "" : t("dock · pack"),
    nameLocation: "middle",
    nameGap: 76,
  };
  const numbers = {
    ...plain,
    data: map.heads,
    axisLabel: { interval: 0, fontSize: 11 },
    name: ofCells ? t("cell") : "",
    nameLocation: narrow ? "middle" : "start",
    nameGap: narrow ? 22 : 8,
  };
  return [packs, numbers];
}

/** @param {Pack} pack @returns {string} */
function packLabel(pack) {
  return pack.dock === null ? pack.case : `${pack.dock} · ${pack.case}`;
}

/** Return how a square without a value is drawn: hatched. */
function hatched() {
  const fill = hatching();
  return (/** @type {any} */ _params, /** @type {any} */ api) => {
    const [x, y] = api.coord([api.value(0), api.value(1)]);
    const [width, height] = api.size([1, 1]);
    const shape = { x: x - width / 2 + 1, y: y - height / 2 + 1, width: width - 2, height: height - 2 };
    return { type: "rect", shape, style: { fill, stroke: colour("--pms-fill-none") } };
  };
}

function hatching() {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 8;
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  pen.strokeStyle = colour("--pms-fill-none");
  pen.lineWidth = 1.5;
  for (const shift of [-8, 0, 8]) {
    pen.moveTo(shift - 1, 9);
    pen.lineTo(shift + 9, -1);
  }
  pen.stroke();
  return { image: canvas, repeat: "repeat" };
}

// @ts-check
// The values of the heat map: for each moment, pack, and cell or other sensor.

import { NOTHING, number } from "../lib/format.js";
import { t } from "../lib/words.js";

/**
 * @typedef {{case: string, dock: number | null, cabinet: string | null, begin: string,
 *   end: string, href: string, cells: Array<Array<number | null>>}} Pack
 * @typedef {object} CellMap
 * @property {string} pms
 * @property {"deviation" | "voltage" | "difference" | "open" | "temperature" | "fet-temperature" |
 *   "fet-open"} quantity
 * @property {"mV" | "°C" | "dimensionless"} unit
 * @property {string} start
 * @property {string} end
 * @property {number} seconds
 * @property {number} columns
 * @property {string[]} readAt when the readings of each column were the newest
 * @property {string} zone
 * @property {Pack[]} packs
 * @property {string[]} heads what the sensors are called: cells by their numbers
 * @property {string} strip what stands above the slider
 * @property {number | null} limit from which a value stands out
 * @property {[number, number] | null} scale null for one that follows the values
 */

// [mV]: so that the noise of healthy cells does not look like a fault.
const LEAST_SPAN = 60;
// A tie of more is no sign of a weak cell.
const MOST_MARKED = 2;

/** @param {string} id @returns {any} */
export const byId = (id) => document.getElementById(id);

/** @type {CellMap} */
export const map = JSON.parse(byId("pms-cells").textContent);
export const cells = map.heads.length;
export const start = Date.parse(map.start);
const end = Date.parse(map.end);
/** The moments, one for each column, the last one the end: in milliseconds since 1970. */
export const times = Array.from({ length: map.columns }, (_, i) => start + ((end - start) * (i + 1)) / map.columns);
const readAt = map.readAt.map((text) => Date.parse(text));
/** Whether the values are states: 0 for closed, 1 for open. */
export const states = map.unit === "dimensionless";
/** Whether the sensors are cells, which are called by their numbers. */
export const ofCells = map.unit === "mV" || map.quantity === "open";
/** The lowest and the highest value of the scale. */
export const range = states ? [0, 1] : map.scale || scale();
/** Places along the axis of packs: an empty one between two cabinets. */
export const places = packPlaces();

function packPlaces() {
  /** @type {Array<Pack | null>} */
  const found = [];
  for (const [i, pack] of map.packs.entries()) {
    if (i && pack.cabinet !== map.packs[i - 1].cabinet) found.push(null);
    found.push(pack);
  }
  return found;
}

/** Return the lowest and highest value of the scale; a few outliers do not stretch it. */
function scale() {
  const all = /** @type {number[]} */ (
    map.packs.flatMap((pack) => pack.cells.flat()).filter((value) => value !== null)
  ).sort((a, b) => a - b);
  if (!all.length) return [0, 1];
  const at = (/** @type {number} */ share) => all[Math.floor(share * (all.length - 1))];
  const middle = at(0.5);
  const low = Math.max(all[0], middle - Math.max(6 * (middle - at(0.02)), LEAST_SPAN));
  const high = Math.min(all[all.length - 1], middle + Math.max(6 * (at(0.98) - middle), LEAST_SPAN));
  const lacking = Math.max(0, LEAST_SPAN - (high - low));
  if (map.quantity === "difference") return [0, high + lacking];
  return [low - Math.ceil(lacking / 2), high + Math.floor(lacking / 2)];
}

/** Whether a pack was in this PMS, by when its readings were the newest. @param {Pack} pack @param {number} column */
export function wasThere(pack, column) {
  // The first quarter of a long period may have ended before it: such a column has no readings.
  const at = Math.max(start + 1, readAt[column]);
  return Date.parse(pack.begin) < at && at <= Date.parse(pack.end);
}

/** @param {Pack} pack @param {number} column @returns {number | null} */
export function lowestOf(pack, column) {
  const values = pack.cells.map((cell) => cell[column]).filter((value) => value !== null);
  if (values.length < 2) return null;
  const least = Math.min(...values);
  return least < Math.max(...values) ? least : null;
}

/**
 * Return whether a value of a pack gets a mark: what is open, beyond the limit, or the lowest.
 * @param {Pack} pack
 * @param {number} column
 * @returns {(value: number) => boolean}
 */
export function marked(pack, column) {
  const { limit } = map;
  if (states) return (value) => value === 1;
  if (limit !== null) return (value) => (map.unit === "°C" ? value >= limit : value <= limit);
  const lowest = lowestOf(pack, column);
  const sharing = pack.cells.filter((cell) => cell[column] === lowest).length;
  return (value) => sharing <= MOST_MARKED && value === lowest;
}

/** Return what the strip shows of a moment: how bad the worst pack is. @param {number} column */
export function worst(column) {
  const packs = map.packs
    .map((pack) => /** @type {number[]} */ (pack.cells.map((cell) => cell[column]).filter((value) => value !== null)))
    .filter((values) => values.length);
  if (!packs.length) return null;
  if (states) return packs.flat().reduce((sum, value) => sum + value, 0);
  if (map.unit === "°C") return Math.max(...packs.flat());
  if (map.quantity === "deviation") return -Math.min(...packs.flat());
  return Math.max(...packs.map((values) => Math.max(...values) - Math.min(...values)));
}

/** Decimals of values. */
export const digits = map.unit === "°C" ? 1 : 0;

/** @param {number | null} value @returns {string} the value alone, as the table has it */
export function shortText(value) {
  if (value === null) return NOTHING;
  if (states) return value ? t("open") : t("closed");
  return number(value, digits, { sign: map.quantity === "deviation" });
}

/** @param {number | null} value @returns {string} */
export function valueText(value) {
  if (value === null) return t("no reading");
  if (states) return shortText(value);
  if (map.quantity === "voltage") return `${number(value / 1000, 3)} V`;
  return `${shortText(value)} ${map.unit}`;
}

/** Return the rows of the CSV file, the header first. */
export function csvRows() {
  const place = ofCells ? "cell" : "sensor";
  return [
    ["time", "dock", "pack", place, states ? map.quantity : `${map.quantity} [${map.unit}]`],
    ...times.flatMap((time, column) =>
      map.packs.flatMap((pack) =>
        pack.cells.map((cell, i) => [
          new Date(time).toISOString(), pack.dock, pack.case, ofCells ? i + 1 : map.heads[i], cell[column],
        ]),
      ),
    ),
  ];
}

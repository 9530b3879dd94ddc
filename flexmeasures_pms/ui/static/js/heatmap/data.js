// @ts-check
// The values of the heat map of cells: for each moment, pack and cell.

import { number } from "../lib/format.js";
import { t } from "../lib/words.js";

/**
 * @typedef {{case: string, dock: number | null, cabinet: string | null, begin: string,
 *   end: string, href: string, cells: Array<Array<number | null>>}} Pack
 * @typedef {{pms: string, quantity: "voltage" | "difference" | "open", start: string,
 *   seconds: number, columns: number, zone: string, packs: Pack[]}} CellMap
 */

// [mV]: so that the noise of healthy cells does not look like a fault.
const LEAST_SPAN = 60;
// A tie of more is no sign of a weak cell.
const MOST_MARKED = 2;

/** @param {string} id @returns {any} */
export const byId = (id) => document.getElementById(id);

/** @type {CellMap} */
export const map = JSON.parse(byId("pms-cells").textContent);
export const cells = map.packs[0].cells.length;
export const start = Date.parse(map.start);
/** The moments, one for each column: in milliseconds since 1970. */
export const times = Array.from({ length: map.columns }, (_, i) => start + (i + 1) * map.seconds * 1000);
/** The lowest and the highest value of the scale. */
export const range = map.quantity === "open" ? [0, 1] : scale();
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

/** Whether a pack was in this PMS. @param {Pack} pack @param {number} column */
export function wasThere(pack, column) {
  return Date.parse(pack.begin) < times[column] && times[column] <= Date.parse(pack.end);
}

/** @param {Pack} pack @param {number} column @returns {number | null} */
export function lowestOf(pack, column) {
  const values = pack.cells.map((cell) => cell[column]).filter((value) => value !== null);
  if (values.length < 2) return null;
  const least = Math.min(...values);
  return least < Math.max(...values) ? least : null;
}

/** The value whose cells get a mark: that of open cells, or the lowest. @param {Pack} pack @param {number} column */
export function markedValue(pack, column) {
  if (map.quantity === "open") return 1;
  const lowest = lowestOf(pack, column);
  const sharing = pack.cells.filter((cell) => cell[column] === lowest).length;
  return sharing <= MOST_MARKED ? lowest : null;
}

/** Return the largest difference within a pack, or how many cells are open. @param {number} column */
export function worst(column) {
  let most = null;
  for (const pack of map.packs) {
    const values = pack.cells.map((cell) => cell[column]).filter((value) => value !== null);
    if (!values.length) continue;
    if (map.quantity === "open") most = (most || 0) + values.reduce((sum, v) => sum + v, 0);
    else most = Math.max(most || 0, Math.max(...values) - Math.min(...values));
  }
  return most;
}

/** @param {number | null} value @returns {string} */
export function valueText(value) {
  if (value === null) return t("no reading");
  if (map.quantity === "open") return value ? t("open") : t("closed");
  if (map.quantity === "voltage") return `${number(value / 1000, 3)} V`;
  return `${number(value)} mV`;
}

/** Return the rows of the CSV file, the header first. */
export function csvRows() {
  return [
    ["time", "dock", "pack", "cell", map.quantity === "open" ? "open" : `${map.quantity} [mV]`],
    ...times.flatMap((time, column) =>
      map.packs.flatMap((pack) =>
        pack.cells.map((cell, i) => [new Date(time).toISOString(), pack.dock, pack.case, i + 1, cell[column]]),
      ),
    ),
  ];
}

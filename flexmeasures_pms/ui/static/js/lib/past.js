// @ts-check
// Readings of a time, as the route …/history gives them, and times on the clock of a site.

import { moment } from "./format.js";

/**
 * @typedef {object} Series
 * @property {string} name of the sensor
 * @property {string} unit
 * @property {boolean} state
 * @property {boolean} held it is written when it changes, and holds until it is written again
 * @property {number | null} mean of all readings
 * @property {number[]} times in milliseconds since 1970
 * @property {Array<number | null>} values a reading, the mean of a column, or the last state;
 *   null where a gap begins
 * @property {Array<number | null>} low the least of each column
 * @property {Array<number | null>} high the greatest
 *
 * @typedef {object} Past
 * @property {number} step milliseconds of a column
 * @property {boolean} exact every reading stands as it was taken
 * @property {number | null} sample milliseconds of each column that were looked at, if not all
 * @property {Array<{kind: string, id: string, begin: string, end: string}>} reporters
 * @property {Map<string, Series>} series by name
 */

/**
 * Fetch readings.
 * @param {string} address of the route, with a query
 * @param {string[]} quantities sensors or charts
 * @param {number} start in milliseconds since 1970
 * @param {number} end
 * @param {number} width most columns
 * @param {AbortSignal} signal
 * @returns {Promise<Past>}
 */
export async function fetchPast(address, quantities, start, end, width, signal) {
  const url = new URL(address, location.href);
  url.searchParams.set("start", new Date(start).toISOString());
  url.searchParams.set("end", new Date(end).toISOString());
  url.searchParams.set("width", String(width));
  for (const quantity of quantities) url.searchParams.append("quantity", quantity);
  const response = await fetch(url, { headers: { Accept: "application/json" }, signal });
  if (!response.ok) throw new Error(String(response.status));
  return read(await response.json());
}

/**
 * @param {any} body of a reply
 * @returns {Past}
 */
export function read(body) {
  const start = Date.parse(body.start);
  const axes = body.times.map((/** @type {number[]} */ axis) => axis.map((at) => start + at));
  const series = new Map();
  for (const one of body.series) {
    const { low = one.values, high = one.values } = one;
    series.set(one.name, { ...one, low, high, times: axes[one.times] });
  }
  return { step: body.step, exact: body.exact, sample: body.sample, reporters: body.reporters, series };
}

/**
 * Return how far a site's clock is ahead of UTC at a time, in milliseconds.
 * @param {string} zone an IANA name
 * @param {number} at in milliseconds since 1970
 */
export function ahead(zone, at) {
  const whole = Math.floor(at / 1000) * 1000;
  return Date.parse(`${moment(whole, zone).replace(" ", "T")}Z`) - whole;
}

/**
 * Return a time with its offset, on the clock of a site: "2026-03-01T19:00:06+07:00".
 * @param {number} at in milliseconds since 1970
 * @param {string} zone
 */
export function iso(at, zone) {
  const offset = ahead(zone, at);
  const text = new Date(at + offset).toISOString().replace(".000", "").replace("Z", "");
  const minutes = Math.abs(offset) / 60000;
  const two = (/** @type {number} */ n) => String(Math.floor(n)).padStart(2, "0");
  return `${text}${offset < 0 ? "-" : "+"}${two(minutes / 60)}:${two(minutes % 60)}`;
}

/**
 * @typedef {object} Grid figures by time
 * @property {Array<{one: Series, parted: boolean}>} columns parted ones have the mean, the least
 *   and the greatest, others a value
 * @property {number[]} times in order, in milliseconds since 1970
 * @property {(at: number) => Array<number | null>} row the figures of a time
 */

/**
 * Return series as figures by time; of columns their least and greatest, too.
 * @param {Series[]} series
 * @param {[number, number]} range which times, from and to
 * @returns {Grid}
 */
export function grid(series, [from, to]) {
  /** @type {Map<number, Array<number | null>>} */
  const table = new Map();
  const columns = series.map((one) => ({ one, parted: one.low !== one.values || one.high !== one.values }));
  let width = 0;
  for (const { one, parted } of columns) {
    one.times.forEach((at, i) => {
      if (one.values[i] === null || at < from || at > to) return;
      const row = table.get(at) || [];
      row[width] = one.values[i];
      if (parted) [row[width + 1], row[width + 2]] = [one.low[i], one.high[i]];
      table.set(at, row);
    });
    width += parted ? 3 : 1;
  }
  const times = [...table.keys()].sort((a, b) => a - b);
  return { columns, times, row: (at) => Array.from({ length: width }, (_, i) => table.get(at)?.[i] ?? null) };
}

/**
 * Return series as rows of a file with a head.
 * @param {Series[]} series
 * @param {string} zone
 * @param {[number, number]} range which times, from and to
 * @returns {Array<Array<string | number | null>>}
 */
export function rows(series, zone, range) {
  const { columns, times, row } = grid(series, range);
  const head = columns.flatMap(({ one, parted }) => {
    const name = one.unit === "dimensionless" ? one.name : `${one.name} [${one.unit}]`;
    return parted ? [name, `${name} lowest`, `${name} highest`] : [name];
  });
  return [["time", ...head], ...times.map((at) => [iso(at, zone), ...row(at)])];
}

/**
 * Return the series with the lowest mean, and how far it is below the mean of the others.
 * @param {Series[]} series
 * @returns {{name: string, below: number} | null}
 */
export function weakest(series) {
  const known = series.filter((one) => one.mean !== null);
  if (known.length < 2) return null;
  const means = known.map((one) => Number(one.mean));
  const low = Math.min(...means);
  const total = means.reduce((sum, mean) => sum + mean, 0);
  const below = (total - low) / (means.length - 1) - low;
  return { name: known[means.indexOf(low)].name, below };
}

/**
 * Return for how long a state had which value: [begin, end, value, whether it changed within].
 * @param {Series} series of a state
 * @returns {Array<[number, number, number, boolean]>}
 */
export function runs(series) {
  /** @type {Array<[number, number, number, boolean]>} */
  const found = [];
  series.values.forEach((value, i) => {
    if (value === null || i + 1 >= series.times.length) return;
    const mixed = series.low[i] !== series.high[i];
    const last = found[found.length - 1];
    const same = last && last[1] === series.times[i] && last[2] === value && last[3] === mixed;
    if (same) last[1] = series.times[i + 1];
    else found.push([series.times[i], series.times[i + 1], value, mixed]);
  });
  return found;
}

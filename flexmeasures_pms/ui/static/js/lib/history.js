// @ts-check
// Readings of a period, as the route …/history returns them, and times in a site's time zone.

import { moment } from "./format.js";

/**
 * @typedef {object} Series
 * @property {string} name of the sensor
 * @property {string} unit
 * @property {boolean} state
 * @property {boolean} held whether it is valid until the next reading
 * @property {number | null} mean of all readings
 * @property {number[]} times in milliseconds since 1970
 * @property {Array<number | null>} values a reading, the mean of a column, or the last state;
 *   null where a gap begins
 * @property {Array<number | null>} low the lowest value of each column
 * @property {Array<number | null>} high the highest value of each column
 *
 * @typedef {object} History
 * @property {number} step milliseconds of a column
 * @property {boolean} exact whether these are single readings, not means of columns
 * @property {Array<{kind: string, id: string, begin: string, end: string}>} reporters
 * @property {Map<string, Series>} series by name
 * @property {boolean} [failed] whether a part of the readings could not be fetched
 */

/**
 * Fetch the readings of a period.
 * @param {string} address of the route, with a query
 * @param {string[]} quantities sensors or charts
 * @param {number} start in milliseconds since 1970
 * @param {number} end
 * @param {number} width maximum number of columns
 * @param {AbortSignal} signal
 * @returns {Promise<History>}
 */
async function fetchHistory(address, quantities, start, end, width, signal) {
  const url = new URL(address, location.href);
  url.searchParams.set("start", new Date(start).toISOString());
  url.searchParams.set("end", new Date(end).toISOString());
  url.searchParams.set("width", String(width));
  for (const quantity of quantities) url.searchParams.append("quantity", quantity);
  const response = await fetch(url, { headers: { Accept: "application/json" }, signal });
  if (!response.ok) throw new Error(String(response.status));
  return decode(await response.json());
}

/**
 * @typedef {object} Source where readings are
 * @property {string} history address of the route
 * @property {string} prefix what is put before the names of its sensors
 * @property {string[]} [quantities] sensors or charts, if not those that are asked for
 */

/**
 * Fetch the readings of a period from several sources, as one history: of those that answer.
 * @param {Source[]} sources
 * @param {string[]} quantities sensors or charts
 * @param {number} start in milliseconds since 1970
 * @param {number} end
 * @param {number} width maximum number of columns
 * @param {AbortSignal} signal
 * @returns {Promise<History>}
 */
export async function fetchHistories(sources, quantities, start, end, width, signal) {
  const replies = await Promise.allSettled(
    sources.map((one) => fetchHistory(one.history, one.quantities || quantities, start, end, width, signal)),
  );
  signal.throwIfAborted();
  const found = [];
  const series = new Map();
  for (const [i, reply] of replies.entries()) {
    if (reply.status === "rejected") continue;
    found.push(reply.value);
    for (const [name, own] of reply.value.series) {
      const whole = sources[i].prefix + name;
      series.set(whole, { ...own, name: whole });
    }
  }
  const refused = replies.find((reply) => reply.status === "rejected");
  if (refused && !found.length) throw refused.reason;
  return {
    failed: Boolean(refused),
    step: Math.max(0, ...found.map((one) => one.step)),
    exact: found.every((one) => one.exact),
    reporters: found.flatMap((one) => one.reporters),
    series,
  };
}

/**
 * @param {any} body of a reply
 * @returns {History}
 */
function decode(body) {
  const start = Date.parse(body.start);
  const axes = body.times.map((/** @type {number[]} */ axis) => axis.map((at) => start + at));
  const series = new Map();
  for (const one of body.series) {
    const { low = one.values, high = one.values } = one;
    series.set(one.name, { ...one, low, high, times: axes[one.times] });
  }
  return { step: body.step, exact: body.exact, reporters: body.reporters, series };
}

/**
 * Return the UTC offset of a time zone at a time, in milliseconds.
 * @param {string} zone an IANA name
 * @param {number} at in milliseconds since 1970
 */
export function utcOffset(zone, at) {
  const whole = Math.floor(at / 1000) * 1000;
  return Date.parse(`${moment(whole, zone).replace(" ", "T")}Z`) - whole;
}

/**
 * Return a time in a time zone, with its UTC offset: "2026-03-01T19:00:06+07:00".
 * @param {number} at in milliseconds since 1970
 * @param {string} zone
 */
export function iso(at, zone) {
  const offset = utcOffset(zone, at);
  const text = new Date(at + offset).toISOString().replace(".000", "").replace("Z", "");
  const minutes = Math.abs(offset) / 60000;
  const two = (/** @type {number} */ n) => String(Math.floor(n)).padStart(2, "0");
  return `${text}${offset < 0 ? "-" : "+"}${two(minutes / 60)}:${two(minutes % 60)}`;
}

/**
 * @typedef {object} Grid values by time
 * @property {Array<{one: Series, ranged: boolean}>} columns three values (mean, lowest, highest) for
 *   a series with ranges, else one
 * @property {number[]} times in order, in milliseconds since 1970
 * @property {(at: number) => Array<number | null>} row the values of a time
 */

/**
 * Arrange series as values by time.
 * @param {Series[]} series
 * @param {[number, number]} range the first and the last time
 * @returns {Grid}
 */
export function grid(series, [from, to]) {
  /** @type {Map<number, Array<number | null>>} */
  const table = new Map();
  const columns = series.map((one) => ({ one, ranged: one.low !== one.values || one.high !== one.values }));
  let width = 0;
  for (const { one, ranged } of columns) {
    one.times.forEach((at, i) => {
      if (one.values[i] === null || at < from || at > to) return;
      const row = table.get(at) || [];
      row[width] = one.values[i];
      if (ranged) [row[width + 1], row[width + 2]] = [one.low[i], one.high[i]];
      table.set(at, row);
    });
    width += ranged ? 3 : 1;
  }
  const times = [...table.keys()].sort((a, b) => a - b);
  return { columns, times, row: (at) => Array.from({ length: width }, (_, i) => table.get(at)?.[i] ?? null) };
}

/**
 * Return series as rows of a CSV file, the header first.
 * @param {Series[]} series
 * @param {string} zone
 * @param {[number, number]} range the first and the last time
 * @returns {Array<Array<string | number | null>>}
 */
export function csvRows(series, zone, range) {
  const { columns, times, row } = grid(series, range);
  const header = columns.flatMap(({ one, ranged }) => {
    const name = one.unit === "dimensionless" ? one.name : `${one.name} [${one.unit}]`;
    return ranged ? [name, `${name} lowest`, `${name} highest`] : [name];
  });
  return [["time", ...header], ...times.map((at) => [iso(at, zone), ...row(at)])];
}

/**
 * Find the series with the lowest mean, and how far it is below the mean of the others.
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
 * Return the periods in which a state kept its value: [begin, end, value, whether it changed
 * within a column].
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

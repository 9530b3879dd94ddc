// @ts-check
// Numbers, ages and times as the pages show them: the same as ui/language/figures.py on the server.

import { language, t } from "./words.js";

export const NOTHING = "–";

/** @type {Map<string, Intl.NumberFormat>} */
const numbers = new Map();
/** @type {Map<string, Intl.DateTimeFormat>} */
const clocks = new Map();

/**
 * Return a number with that many decimals, or a dash for none.
 * @param {number | null | undefined} value
 * @param {number} [digits]
 * @param {{sign?: boolean}} [options] sign: whether positive numbers have a plus sign
 * @returns {string}
 */
export function number(value, digits = 0, options = {}) {
  if (value === null || value === undefined || !Number.isFinite(value)) return NOTHING;
  const key = String(digits);
  let format = numbers.get(key);
  if (!format) {
    const both = { minimumFractionDigits: digits, maximumFractionDigits: digits };
    // As on the server: halves are rounded to the even digit.
    format = new Intl.NumberFormat(language, { ...both, roundingMode: "halfEven" });
    numbers.set(key, format);
  }
  const text = format.format(Math.abs(value));
  if (Number(Math.abs(value).toFixed(digits)) === 0) return text;
  return (value < 0 ? "−" : options.sign ? "+" : "") + text;
}

/**
 * Return how long ago something was, in a suitable unit.
 * @param {number} seconds
 * @returns {string}
 */
export function ago(seconds) {
  if (seconds < -60) return t("in the future"); // less is a difference between clocks
  if (seconds < 120) return t("{n} s ago", { n: Math.max(0, Math.floor(seconds)) });
  if (seconds < 7200) return t("{n} min ago", { n: Math.floor(seconds / 60) });
  if (seconds < 172800) return t("{n} h ago", { n: Math.floor(seconds / 3600) });
  return t("{n} days ago", { n: Math.floor(seconds / 86400) });
}

/**
 * Return how long ago a time was, or "never" without one.
 * @param {string | number | Date | null | undefined} time
 * @param {number} [now] in milliseconds
 * @returns {string}
 */
export function age(time, now = Date.now() + serverAhead) {
  if (time === null || time === undefined || time === "") return t("never");
  return ago((now - new Date(time).getTime()) / 1000);
}

/**
 * Return a time in a site's time zone: "2026-03-01 19:00:06".
 * @param {string | number | Date | null | undefined} time
 * @param {string} [zone] an IANA name
 * @param {{seconds?: boolean}} [options]
 * @returns {string}
 */
export function moment(time, zone = "UTC", options = {}) {
  if (time === null || time === undefined || time === "") return NOTHING;
  let format = clocks.get(zone);
  if (!format) {
    // Dates in Swedish have the format of ISO 8601.
    const style = { dateStyle: "short", timeStyle: "medium", timeZone: zone };
    format = new Intl.DateTimeFormat("sv-SE", /** @type {Intl.DateTimeFormatOptions} */ (style));
    clocks.set(zone, format);
  }
  const text = format.format(new Date(time));
  return options.seconds === false ? text.slice(0, 16) : text;
}

/** How far the server's clock is ahead of this one, in milliseconds. */
let serverAhead = 0;

/**
 * Read the server's clock from a reply, so that ages are right even if the clock here is wrong.
 * @param {Response} response
 */
export function setClock(response) {
  const date = Date.parse(response.headers.get("Date") || "");
  // The header has whole seconds: a difference of a second or two means nothing.
  if (Number.isFinite(date)) serverAhead = Math.abs(date - Date.now()) > 2000 ? date - Date.now() : 0;
}

/** Update every <time data-age> on the page. */
function tick() {
  for (const element of document.querySelectorAll("time[data-age]")) {
    const text = age(element.getAttribute("datetime"));
    if (element.textContent !== text) element.textContent = text;
  }
}

setInterval(tick, 1000);

// @ts-check
// Numbers, ages and times as the pages show them: the same as ui/language/figures.py on the server.

import { language, t } from "./words.js";

export const NOTHING = "–";

/** @type {Map<string, Intl.NumberFormat>} */
const numbers = new Map();
/** @type {Map<string, Intl.DateTimeFormat>} */
const clocks = new Map();

/**
 * Return a number with so many decimals, or a dash for none.
 * @param {number | null | undefined} value
 * @param {number} [digits]
 * @param {{sign?: boolean}} [options] sign: whether positive numbers show theirs too
 * @returns {string}
 */
export function number(value, digits = 0, options = {}) {
  if (value === null || value === undefined || !Number.isFinite(value)) return NOTHING;
  const key = String(digits);
  let format = numbers.get(key);
  if (!format) {
    const both = { minimumFractionDigits: digits, maximumFractionDigits: digits };
    // As the server: a half goes to the even digit.
    format = new Intl.NumberFormat(language, { ...both, roundingMode: "halfEven" });
    numbers.set(key, format);
  }
  const text = format.format(Math.abs(value));
  if (Number(Math.abs(value).toFixed(digits)) === 0) return text;
  return (value < 0 ? "−" : options.sign ? "+" : "") + text;
}

/**
 * Return how long ago something was, in the largest unit that says enough.
 * @param {number} seconds
 * @returns {string}
 */
export function ago(seconds) {
  if (seconds < 0) return t("in the future");
  if (seconds < 120) return t("{n} s ago", { n: Math.floor(seconds) });
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
 * Return a time on the clock of a site: "2026-03-01 19:00:06".
 * @param {string | number | Date | null | undefined} time
 * @param {string} [zone] an IANA name
 * @param {{seconds?: boolean}} [options]
 * @returns {string}
 */
export function moment(time, zone = "UTC", options = {}) {
  if (time === null || time === undefined || time === "") return NOTHING;
  let format = clocks.get(zone);
  if (!format) {
    // Swedish writes dates as ISO 8601 does.
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
 * Take the server's clock from a reply, so that a wrong clock here makes no wrong ages.
 * @param {Response} response
 */
export function setClock(response) {
  const date = Date.parse(response.headers.get("Date") || "");
  // The header has whole seconds: less than a second or two says nothing.
  if (Number.isFinite(date)) serverAhead = Math.abs(date - Date.now()) > 2000 ? date - Date.now() : 0;
}

/** Keep every <time data-age> on the page right. */
function tick() {
  for (const element of document.querySelectorAll("time[data-age]")) {
    const text = age(element.getAttribute("datetime"));
    if (element.textContent !== text) element.textContent = text;
  }
}

setInterval(tick, 1000);

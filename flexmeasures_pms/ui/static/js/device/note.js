// @ts-check
// The note above the charts: at which resolution the readings are, and which devices sent them.

import { moment, number } from "../lib/format.js";
import { t } from "../lib/words.js";

/** More periods than this are not listed one by one. */
const MOST_PERIODS = 6;

/**
 * @param {import("../lib/history.js").History} history
 * @param {string} zone
 * @returns {string}
 */
export function note(history, zone) {
  const senders = reporters(history, zone);
  const missing = history.failed ? [t("Some readings can't be loaded. Trying again …")] : [];
  if (missing.length && !history.series.size) return missing[0];
  return [...missing, resolution(history), ...(senders ? [t("Reported by {devices}.", { devices: senders })] : [])].join(" ");
}

/** @param {import("../lib/history.js").History} history */
function resolution(history) {
  if (!history.series.size) return t("There are no readings in this period.");
  if (history.exact) return t("Single readings, not averaged.");
  return t("Lines are means of {step}, with the lowest and highest behind them.", { step: duration(history.step) });
}

/**
 * @param {import("../lib/history.js").History} history
 * @param {string} zone
 */
function reporters(history, zone) {
  const ids = [...new Set(history.reporters.map((one) => one.id))];
  if (ids.length <= 1 || history.reporters.length > MOST_PERIODS) return ids.join(", ");
  const clock = (/** @type {string} */ time) => moment(time, zone, { seconds: false });
  return history.reporters.map((one) => `${one.id} (${clock(one.begin)} – ${clock(one.end)})`).join(", ");
}

/** @param {number} ms */
function duration(ms) {
  const n = (/** @type {number} */ unit) => number(ms / unit, ms % unit ? 1 : 0);
  if (ms < 60_000) return t("{n} s", { n: n(1000) });
  if (ms < 3_600_000) return t("{n} min", { n: n(60_000) });
  return ms < 86_400_000 ? t("{n} h", { n: n(3_600_000) }) : t("{n} d", { n: n(86_400_000) });
}

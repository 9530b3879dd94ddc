// @ts-check
// The values of a chart as a table: as text, with units, in the site's time zone.

import { DIGITS } from "./draw/axes.js";
import { moment, NOTHING, number } from "./format.js";
import { grid } from "./history.js";
import { table } from "./table.js";
import { t } from "./words.js";

/** @typedef {import("./history.js").Series} Series */

/**
 * Return what the table of a chart shows.
 * @param {{title: string, unit: string, look: string}} spec of the chart
 * @param {Series[]} series
 * @param {import("./draw/axes.js").View} view
 * @returns {import("./table.js").Content}
 */
export function content(spec, series, view) {
  const { columns, times, row } = grid(series, [view.start, view.end]);
  const states = spec.look === "lanes";
  const title = spec.unit ? `${spec.title} [${spec.unit}]` : spec.title;
  const span = { title, start: moment(view.start, view.zone), end: moment(view.end, view.zone), zone: view.zone };
  return {
    caption: t("{title}, from {start} to {end}, time zone {zone}", span),
    heads: columns.map(({ one, ranged }) => ({
      name: view.labels[one.name] || one.name,
      parts: ranged && !states ? [t("mean"), t("lowest"), t("highest")] : [],
    })),
    rows: times.length,
    row: (i) => {
      const values = row(times[i]);
      let place = 0;
      const texts = columns.flatMap(({ one, ranged }) => {
        const own = values.slice(place, (place += ranged ? 3 : 1));
        return states ? [stateText(one, own, view)] : own.map((value) => number(value, DIGITS[spec.unit] ?? 0));
      });
      return [moment(times[i], view.zone), ...texts];
    },
  };
}

/**
 * @param {Series} one of states
 * @param {Array<number | null>} own its value, and the lowest and highest where it has a range
 * @param {import("./draw/axes.js").View} view
 */
function stateText(one, [value, low = value, high = value], view) {
  if (value === null) return NOTHING;
  if (low !== high) return t("changed several times");
  return view.states[one.name]?.[String(value)]?.[0] || (value ? t("open") : t("closed"));
}

/**
 * Fill the tables below charts when they are opened, each a <details data-table="its chart">.
 * @param {(code: string) => import("./table.js").Content | null} read what the table of a chart
 *   shows now; null before its readings are there
 * @param {() => void} changed called after a table was opened or closed
 * @returns {{update: () => void, open: () => string[]}} update: fills the open tables again;
 *   open: returns the charts whose tables are open
 */
export function watchTables(read, changed) {
  const all = /** @type {HTMLDetailsElement[]} */ ([...document.querySelectorAll("details[data-table]")]);
  /** @type {Map<HTMLDetailsElement, () => void>} */
  const filled = new Map();

  /** @param {HTMLDetailsElement} details */
  function fill(details) {
    const code = details.dataset.table || "";
    const place = /** @type {HTMLElement} */ (details.querySelector("[data-rows]"));
    const show = filled.get(details);
    const known = details.open ? read(code) : null;
    if (!details.open) {
      filled.delete(details);
      place.replaceChildren();
    } else if (show) show();
    else if (known) filled.set(details, table(place, () => read(code) || known));
  }

  for (const details of all) {
    details.addEventListener("toggle", () => {
      fill(details);
      changed();
    });
  }
  return {
    update: () => all.forEach(fill),
    open: () => all.filter((one) => one.open).map((one) => one.dataset.table || ""),
  };
}

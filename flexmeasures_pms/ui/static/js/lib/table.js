// @ts-check
// The values of a chart as a table, for screen readers and for reading them: one page of rows at a
// time, so that the browser does not have to hold them all.

import { number } from "./format.js";
import { t } from "./words.js";

const ROWS = 50;

/**
 * @typedef {object} Content
 * @property {string} caption what it shows, of which period, in which time zone
 * @property {Array<{name: string, parts: string[]}>} heads the column heads after that of the time;
 *   parts: the second row of heads, where a head has several columns
 * @property {number} rows how many there are
 * @property {(row: number) => string[]} row the time and the values
 */

/**
 * Fill an element with a table.
 * @param {HTMLElement} place
 * @param {() => Content} read returns the present content
 * @returns {() => void} shows the present content again, on the same page of rows if there is one
 */
export function table(place, read) {
  let first = 0;
  const pages = document.createElement("p");
  pages.className = "chart-table-pages";
  const status = document.createElement("span");
  status.setAttribute("role", "status");
  const [earlier, later] = [button(() => turn(-ROWS)), button(() => turn(ROWS))];
  pages.append(earlier, status, later);
  const scroll = document.createElement("div");
  scroll.className = "pms-scroll";
  scroll.tabIndex = 0;
  scroll.setAttribute("role", "region");
  place.replaceChildren(pages, scroll);

  /** @param {number} by */
  function turn(by) {
    first += by;
    show();
    scroll.scrollTop = 0;
  }

  function show() {
    const content = read();
    const all = content.rows;
    first = Math.max(0, Math.min(first, ROWS * Math.floor((all - 1) / ROWS)));
    const end = Math.min(all, first + ROWS);
    earlier.textContent = ["‹", t("Earlier rows")].join(" ");
    later.textContent = [t("Later rows"), "›"].join(" ");
    earlier.disabled = first === 0;
    later.disabled = end === all;
    for (const one of [earlier, later]) one.hidden = all <= ROWS;
    const values = { first: number(first + 1), last: number(end), all: number(all) };
    status.textContent = all ? t("Rows {first} to {last} of {all}", values) : t("No readings in this period.");
    scroll.setAttribute("aria-label", content.caption);
    scroll.hidden = !all;
    scroll.replaceChildren(built(content, first, end));
  }

  show();
  return show;
}

/** @param {() => void} press */
function button(press) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "pms-button";
  made.addEventListener("click", press);
  return made;
}

/**
 * @param {Content} content
 * @param {number} first
 * @param {number} end
 */
function built(content, first, end) {
  const table = document.createElement("table");
  table.className = "pms-table";
  table.createCaption().textContent = content.caption;
  heads(table.createTHead(), content.heads);
  const body = table.createTBody();
  for (let i = first; i < end; i++) {
    const row = body.insertRow();
    const [time, ...values] = content.row(i);
    head(row, time, "row");
    for (const text of values) {
      const cell = row.insertCell();
      cell.className = "pms-number";
      cell.textContent = text;
    }
  }
  return table;
}

/**
 * @param {HTMLTableSectionElement} section
 * @param {Content["heads"]} wanted
 */
function heads(section, wanted) {
  const parted = wanted.some((one) => one.parts.length > 1);
  const upper = section.insertRow();
  const time = head(upper, t("Time"), "col");
  if (parted) time.rowSpan = 2;
  const lower = parted ? section.insertRow() : upper;
  for (const { name, parts } of wanted) {
    const several = parts.length > 1;
    const cell = head(upper, name, several ? "colgroup" : "col");
    cell.className = "pms-number";
    if (several) {
      cell.colSpan = parts.length;
      for (const part of parts) head(lower, part, "col").className = "pms-number";
    } else if (parted) cell.rowSpan = 2;
  }
}

/**
 * @param {HTMLTableRowElement} row
 * @param {string} text
 * @param {string} scope
 */
function head(row, text, scope) {
  const cell = document.createElement("th");
  cell.scope = scope;
  cell.textContent = text;
  row.append(cell);
  return cell;
}

// @ts-check
// The period and the moment of the heat map in the page's address, its form and its links: another
// quantity or order shows the same moment.

import { byId, start, times } from "./data.js";

const form = /** @type {HTMLFormElement} */ (byId("pms-cells-form"));
/** Browsers refuse to change the address more often than this, in milliseconds. */
const EVERY = 200;
let at = times[times.length - 1];
let written = 0;
let waiting = 0;

/** @param {URLSearchParams} query */
function write(query) {
  query.set("start", new Date(start).toISOString());
  query.set("end", new Date(times[times.length - 1]).toISOString());
  query.set("at", new Date(at).toISOString());
}

/** Keep a moment in the links, as on a page that was just opened. @param {number} column */
export function keepInLinks(column) {
  at = times[column];
  const links = document.querySelectorAll("a[data-same], .pms-foot nav a");
  for (const link of /** @type {NodeListOf<HTMLAnchorElement>} */ (links)) {
    const url = new URL(link.href);
    write(url.searchParams);
    link.href = url.href;
  }
}

/** Keep a moment that was chosen, also in the address. @param {number} column */
export function keepMoment(column) {
  keepInLinks(column);
  waiting ||= window.setTimeout(writeAddress, Math.max(0, written + EVERY - performance.now()));
}

function writeAddress() {
  waiting = 0;
  written = performance.now();
  const address = new URL(location.href);
  write(address.searchParams);
  history.replaceState(history.state, "", address);
}

// The fields have whole seconds: what was not changed stays as exact as it is.
form.addEventListener("formdata", ({ formData }) => {
  const kept = new URLSearchParams();
  write(kept);
  const changed = ["start", "end"].filter((name) => {
    const field = form.elements.namedItem(name);
    return field instanceof HTMLInputElement && field.value !== field.defaultValue;
  });
  for (const [name, text] of kept) if (!changed.includes(name)) formData.set(name, text);
  if (changed.length) formData.delete("at"); // it may be outside of the new period
});
byId("pms-quantity").addEventListener("change", () => form.requestSubmit());

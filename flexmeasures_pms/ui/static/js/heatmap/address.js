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

/** Keep a moment. @param {number} column */
export function keepMoment(column) {
  at = times[column];
  const links = document.querySelectorAll("a[data-same], .pms-foot a");
  for (const link of /** @type {NodeListOf<HTMLAnchorElement>} */ (links)) {
    const url = new URL(link.href);
    write(url.searchParams);
    link.href = url.href;
  }
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
  for (const [name, text] of kept) {
    const field = form.elements.namedItem(name);
    const changed = field instanceof HTMLInputElement && field.value !== field.defaultValue;
    if (!changed) formData.set(name, text);
  }
});
byId("pms-quantity").addEventListener("change", () => form.requestSubmit());

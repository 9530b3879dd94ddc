// @ts-check
// The fleet follows new readings, and searches while the reader types.

import { patch } from "./lib/patch.js";
import { poll } from "./lib/poll.js";

// A larger fleet takes the server longer, so it is polled less often: 5 s, 7.5 s for 250 rows.
const EVERY = 5000 + 10 * document.querySelectorAll(".fleet tbody tr").length;
const PAUSE = 250; // milliseconds without a key before the search

const part = document.getElementById("fleet-live");
const form = document.getElementById("fleet-search");
const field = document.getElementById("fleet-q");

/** @returns {string} the address of the live part of the page */
function liveAddress() {
  const address = new URL(location.href);
  address.searchParams.set("live", "1");
  return address.pathname + address.search;
}

if (part && form instanceof HTMLFormElement && field instanceof HTMLInputElement) {
  const polled = poll(liveAddress(), (data) => patch(part, data.html), { every: EVERY });
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let typed;

  const search = () => {
    clearTimeout(typed);
    const address = new URL(location.href);
    if (field.value.trim()) address.searchParams.set("q", field.value.trim());
    else address.searchParams.delete("q");
    address.searchParams.delete("page");
    history.replaceState(null, "", address);
    polled.move(liveAddress());
  };
  field.addEventListener("input", () => {
    clearTimeout(typed);
    typed = setTimeout(search, PAUSE);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    search();
  });
}

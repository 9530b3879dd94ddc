// @ts-check
// The periods that were shown before, as entries of the browser's history: its Back undoes a zoom.

import { state } from "./state.js";

/** @typedef {{start: number, end: number, period: string | null, follows: boolean, depth: number}} Entry */

/** @returns {Entry | undefined} */
const entry = () => history.state?.pms;
const depth = () => entry()?.depth || 0;

/** Whether another period of this page was shown before. */
export const canGoBack = () => depth() > 0;

/** @param {number} at how many periods were shown before */
function entryOf(at) {
  const { start, end, period, follows } = state;
  return { pms: { start, end, period, follows, depth: at } };
}

/** Keep the period that is shown, so that the browser's Back returns to it. */
export function push() {
  history.replaceState(entryOf(depth()), "");
  history.pushState(entryOf(depth() + 1), "");
}

/** Write the period that is shown, and its address, into the present entry. @param {URL} [address] */
export function replace(address) {
  history.replaceState(entryOf(depth()), "", address);
}

/**
 * Show the period of an entry when the browser goes to it.
 * @param {(start: number, end: number, how: {period: string | null, follows: boolean, keep: false}) => void} show
 */
export function watchPast(show) {
  replace();
  addEventListener("popstate", () => {
    const found = entry();
    if (!found) return;
    const { period, follows } = found;
    show(found.start, found.end, { period, follows, keep: false });
  });
}

// @ts-check
// Printing: a page becomes as wide as the paper. Charts are pictures, so they are drawn anew for it.

/** @type {Set<() => void>} */
const redraws = new Set();

// What theme.js changes before and after printing is seen by the charts only after the event.
for (const event of ["beforeprint", "afterprint"]) addEventListener(event, () => queueMicrotask(redrawAll));

function redrawAll() {
  for (const redraw of redraws) redraw();
}

/**
 * Call a function when the page is about to be as wide as paper, and when it is no longer.
 * @param {() => void} redraw
 * @returns {{stop: () => void}}
 */
export function watchPrint(redraw) {
  redraws.add(redraw);
  return { stop: () => void redraws.delete(redraw) };
}

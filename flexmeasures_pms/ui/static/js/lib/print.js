// @ts-check
// Printing: on white paper, as wide as the paper. Charts are pictures, so they are drawn anew for it.

/** @type {Set<() => void>} */
const redraws = new Set();
let theme = "";

addEventListener("beforeprint", () => {
  const page = document.documentElement;
  if (page.hasAttribute("data-printing")) return;
  theme = page.getAttribute("data-bs-theme") || "light";
  page.setAttribute("data-bs-theme", "light");
  page.setAttribute("data-printing", "");
  // The charts see another theme only after this event.
  queueMicrotask(redrawAll);
});

addEventListener("afterprint", () => {
  document.documentElement.removeAttribute("data-printing");
  document.documentElement.setAttribute("data-bs-theme", theme);
  queueMicrotask(redrawAll);
});

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

// @ts-check
// Updating a part of the page to new HTML without touching what stayed the same: focus, selection,
// scrolling and open details are kept. Elements with an id stay the same elements when they move.

/**
 * Replace the content of an element by newer HTML of the same template.
 * The HTML is the server's own, escaped there like the rest of the page.
 * @param {Element} element
 * @param {string} html
 */
export function patch(element, html) {
  const { Idiomorph } = globalThis;
  if (Idiomorph) Idiomorph.morph(element, html, { morphStyle: "innerHTML", callbacks: { beforeAttributeUpdated } });
  // A package that was built without npm does not have it: the page still shows what is new.
  else element.innerHTML = html;
}

/**
 * Keep details as the reader left them.
 * @param {string} name
 * @param {Element} element
 * @returns {boolean} whether to update the attribute
 */
function beforeAttributeUpdated(name, element) {
  return !(name === "open" && element instanceof HTMLDetailsElement);
}

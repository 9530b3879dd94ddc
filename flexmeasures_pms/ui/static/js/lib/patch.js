// @ts-check
// Bringing a part of the page up to date with what the server shows now, without touching what
// stayed the same: focus, selection and scrolling stay where they are.

/**
 * Replace the content of an element by newer HTML of the same template.
 * The HTML is the server's own, escaped there like the rest of the page.
 * @param {Element} element
 * @param {string} html
 */
export function patch(element, html) {
  const fresh = new DOMParser().parseFromString(html, "text/html").body;
  children(element, fresh);
}

/**
 * @param {Node} node
 * @returns {string | null} what tells it from its neighbours, if anything
 */
function key(node) {
  return node instanceof Element ? node.getAttribute("data-key") : null;
}

/**
 * @param {Node} old
 * @param {Node} fresh
 */
function update(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (old instanceof Text && fresh instanceof Text) {
    old.data = fresh.data;
  } else if (old instanceof Element && fresh instanceof Element && old.nodeName === fresh.nodeName) {
    attributes(old, fresh);
    children(old, fresh);
  } else {
    old.parentNode?.replaceChild(document.importNode(fresh, true), old);
  }
}

/**
 * @param {Element} old
 * @param {Element} fresh
 */
function attributes(old, fresh) {
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
}

/**
 * @param {Node} old
 * @param {Node} fresh
 */
function children(old, fresh) {
  const known = new Map([...old.childNodes].map((node) => [key(node), node]));
  let next = old.firstChild;
  for (const node of [...fresh.childNodes]) {
    const name = key(node);
    const same = name === null ? next : known.get(name);
    if (!same || key(same) !== name) {
      old.insertBefore(document.importNode(node, true), next);
      continue;
    }
    if (same !== next) old.insertBefore(same, next);
    else next = same.nextSibling;
    update(same, node);
  }
  while (next) {
    const after = next.nextSibling;
    old.removeChild(next);
    next = after;
  }
}

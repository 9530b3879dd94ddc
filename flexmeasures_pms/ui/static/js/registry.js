// @ts-check
// The registry's pages work without this script. It loads branches of the tree in place, sends a
// form only once, and scrolls to the result of a change.

/**
 * Load a branch of the tree when it is opened.
 * @param {HTMLDetailsElement} details
 */
async function load(details) {
  const address = details.dataset.branch;
  if (!details.open || !address || details.getAttribute("aria-busy") === "true") return;
  details.setAttribute("aria-busy", "true");
  try {
    const reply = await fetch(address, { credentials: "same-origin" });
    if (!reply.ok || reply.redirected) throw new Error(String(reply.status));
    const page = new DOMParser().parseFromString(await reply.text(), "text/html");
    details.querySelector(":scope > .tree-more")?.remove();
    for (const part of [...page.body.children]) details.append(document.adoptNode(part));
    delete details.dataset.branch;
    watch(details);
  } catch {
    // The link in its place leads to the same branch.
  } finally {
    details.removeAttribute("aria-busy");
  }
}

/** @param {ParentNode} root */
function watch(root) {
  for (const found of root.querySelectorAll("details[data-branch]")) {
    const details = /** @type {HTMLDetailsElement} */ (found);
    details.addEventListener("toggle", () => void load(details));
  }
}

watch(document);

for (const form of document.querySelectorAll("form[data-once]")) {
  form.addEventListener("submit", (event) => {
    if (form.getAttribute("aria-busy") === "true") event.preventDefault();
    form.setAttribute("aria-busy", "true");
  });
}
// After the browser's "Back" the form can be sent again.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-once]")) form.removeAttribute("aria-busy");
});

document.getElementById("found")?.scrollIntoView({ block: "center" });
const done = document.getElementById("done");
if (done) done.focus({ preventScroll: true });

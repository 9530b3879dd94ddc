// @ts-check
// The registry's pages work without this script. It loads branches of the tree in place, keeps
// those that are open in the address, sends a form only once, shows the docks of the cabinet that
// is chosen, and scrolls to the result of a change.

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

/** Keep in the address which branches are open. */
function remember() {
  const address = new URL(location.href);
  address.searchParams.delete("branch");
  for (const found of document.querySelectorAll(".tree details[open]")) {
    const details = /** @type {HTMLDetailsElement} */ (found);
    if (details.parentElement?.closest("details:not([open])")) continue;
    if (details.dataset.key) address.searchParams.append("branch", details.dataset.key);
  }
  if (address.href !== location.href) history.replaceState(history.state, "", address);
}

/** @param {ParentNode} root */
function watch(root) {
  for (const found of root.querySelectorAll("details[data-key]")) {
    const details = /** @type {HTMLDetailsElement} */ (found);
    // What is open from the beginning says so too, once: that is nobody's choice.
    let open = details.open;
    details.addEventListener("toggle", async () => {
      if (details.open === open) return;
      open = details.open;
      await load(details);
      remember();
    });
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

/**
 * Show the fields that follow from a choice, such as the docks of another cabinet.
 * @param {HTMLFormElement} form
 */
async function follow(form) {
  const sent = new FormData(form);
  sent.set("refresh", "yes");
  form.setAttribute("aria-busy", "true");
  try {
    const reply = await fetch(form.action, { method: "POST", body: sent, credentials: "same-origin" });
    if (!reply.ok || reply.redirected) throw new Error(String(reply.status));
    // Of the page only its form: the rest has styles that are for that reply alone.
    const text = await reply.text();
    const start = text.lastIndexOf("<form", text.indexOf('class="registry-form" data-once>'));
    const part = text.slice(start, text.indexOf("</form>", start));
    const page = new DOMParser().parseFromString(part, "text/html");
    if (!page.querySelector("[data-follows]")) throw new Error("no fields");
    const before = [...form.querySelectorAll("[data-follows]")];
    const after = [...page.querySelectorAll("[data-follows]")];
    before[0]?.before(...after.map((field) => document.adoptNode(field)));
    for (const field of before) field.remove();
  } catch {
    // The button that shows them is there.
    const button = /** @type {HTMLElement | null} */ (form.querySelector("[data-refresh]"));
    if (button) button.hidden = false;
  } finally {
    form.removeAttribute("aria-busy");
  }
}

for (const found of document.querySelectorAll("form:has([data-decides])")) {
  const form = /** @type {HTMLFormElement} */ (found);
  const button = /** @type {HTMLElement | null} */ (form.querySelector("[data-refresh]"));
  if (button) button.hidden = true;
  form.addEventListener("change", (event) => {
    if (/** @type {Element} */ (event.target).matches("[data-decides]")) void follow(form);
  });
}

document.getElementById("found")?.scrollIntoView({ block: "center" });
const done = document.getElementById("done");
if (done) done.focus({ preventScroll: true });

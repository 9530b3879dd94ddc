// @ts-check
// Selects all samples of a page at once, requires a note before samples are discarded, and goes to
// what the page asks.

const button = document.getElementById("pms-tick-all");
const form = document.getElementById("pms-quarantine");

/** @returns {HTMLInputElement[]} */
const boxes = () => [.../** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll(".pms-tick input"))];

if (button) {
  button.hidden = false;
  button.addEventListener("click", () => {
    const tick = boxes().some((box) => !box.checked);
    for (const box of boxes()) box.checked = tick;
  });
}

document.getElementById("pms-form-notice")?.focus();

form?.addEventListener("submit", (event) => {
  const pressed = /** @type {SubmitEvent} */ (event).submitter;
  const note = /** @type {HTMLInputElement | null} */ (document.getElementById("pms-note"));
  if (!note || !pressed) return;
  note.required = pressed.getAttribute("value") === "discard";
  if (!note.checkValidity()) {
    event.preventDefault();
    note.reportValidity();
  }
});

// @ts-check
// The form of the page that compares packs: other packs, cells or another quantity, same period.

import { writePeriod } from "./device/address.js";
import { page } from "./device/state.js";

const form = /** @type {HTMLFormElement} */ (document.getElementById("compare-form"));

form.addEventListener("formdata", ({ formData }) => {
  const packs = formData.getAll("case").filter((name) => String(name).trim());
  formData.delete("case");
  for (const name of packs) formData.append("case", name);
  if (page.charts) writePeriod(formData);
});

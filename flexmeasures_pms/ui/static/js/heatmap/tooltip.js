// @ts-check
// What stands beside the pointer on the heat map, as an element: no text is read as HTML.

import { number } from "../lib/format.js";
import { t } from "../lib/words.js";
import { lowestOf, map, valueText } from "./data.js";

/**
 * @param {import("./data.js").Pack | null} pack
 * @param {number} cell its index
 * @param {number} column
 */
export function tooltip(pack, cell, column) {
  const box = document.createElement("div");
  if (!pack) return box;
  const value = pack.cells[cell][column];
  const lines = [t("Pack {pack}, cell {cell}", { pack: pack.case, cell: cell + 1 }), valueText(value)];
  if (map.quantity === "voltage" && value !== null) {
    const lowest = lowestOf(pack, column);
    if (value === lowest) lines.push(t("the lowest of its pack"));
    else if (lowest !== null) lines.push(t("{n} mV above the lowest", { n: number(value - lowest) }));
  }
  for (const [i, text] of lines.entries()) {
    const line = document.createElement(i ? "div" : "strong");
    line.textContent = text;
    box.append(line);
  }
  return box;
}

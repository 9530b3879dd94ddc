// @ts-check
// What stands beside the pointer on the heat map, as an element: no text is read as HTML.

import { number } from "../lib/format.js";
import { t } from "../lib/words.js";
import { touched } from "../lib/touch.js";
import { lowestOf, map, marked, ofCells, valueText } from "./data.js";

/**
 * @param {import("./data.js").Pack | null} pack
 * @param {number} cell its index
 * @param {number} column
 */
export function tooltip(pack, cell, column) {
  const box = document.createElement("div");
  if (!pack) return box;
  const value = pack.cells[cell][column];
  const place = ofCells ? t("cell {n}", { n: cell + 1 }) : map.heads[cell];
  const lines = [t("Pack {pack}, {place}", { pack: pack.case, place }), valueText(value)];
  if (value !== null && map.limit !== null && marked(pack, column)(value)) lines.push(t("beyond the limit"));
  if (map.quantity === "voltage" && value !== null) {
    const lowest = lowestOf(pack, column);
    if (value === lowest) lines.push(t("the lowest of its pack"));
    else if (lowest !== null) lines.push(t("{n} mV above the lowest", { n: number(value - lowest) }));
  }
  if (touched()) lines.push(t("Tap again to see its pack."));
  for (const [i, text] of lines.entries()) {
    const line = document.createElement(i ? "div" : "strong");
    line.textContent = text;
    box.append(line);
  }
  return box;
}

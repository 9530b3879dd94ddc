// @ts-check
// What a saved picture of a chart says above the chart, and how it becomes part of the picture.

import { moment } from "./format.js";
import { iso } from "./history.js";

const FONT = "Poppins, sans-serif";
const [TITLE, LINE, MARGIN] = [18, 14, 12]; // CSS pixels

/** The heading of the page, such as "Pack 0241". */
export const heading = () => document.querySelector("h1")?.textContent?.trim() || "";

/**
 * @param {number} start in milliseconds since 1970
 * @param {number} end
 * @param {string} zone an IANA name
 */
export function periodText(start, end, zone) {
  const offset = iso(Math.floor(end / 1000) * 1000, zone).slice(-6);
  return `${moment(start, zone)} – ${moment(end, zone)}, ${zone} (UTC${offset})`;
}

/**
 * Return a picture with lines of text above it.
 * @param {HTMLCanvasElement} picture
 * @param {number} ratio how many of its pixels are a CSS pixel
 * @param {string[]} lines the title first
 * @param {{text: string, background: string}} colours
 * @returns {HTMLCanvasElement}
 */
export function withCaption(picture, ratio, lines, { text, background }) {
  const above = MARGIN + TITLE * 1.4 + (lines.length - 1) * LINE * 1.4;
  const canvas = document.createElement("canvas");
  canvas.width = picture.width;
  canvas.height = picture.height + above * ratio;
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  pen.fillStyle = background;
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(picture, 0, above * ratio);
  pen.scale(ratio, ratio);
  pen.fillStyle = text;
  pen.textBaseline = "top";
  let y = MARGIN;
  for (const [i, line] of lines.entries()) {
    const size = i ? LINE : TITLE;
    pen.font = `${i ? 400 : 600} ${size}px ${FONT}`;
    // A line that is too long is squeezed rather than cut off.
    pen.fillText(line, MARGIN, y, picture.width / ratio - 2 * MARGIN);
    y += size * 1.4;
  }
  return canvas;
}

// @ts-check
// The button that plays the moments one after another.

import { still } from "../lib/chart.js";
import { t } from "../lib/words.js";
import { byId, map } from "./data.js";

const EVERY = 400; // milliseconds

/**
 * @param {() => number} current the column that is shown
 * @param {(column: number) => void} go shows another one
 * @returns {() => void} stops playing
 */
export function watchPlay(current, go) {
  const button = byId("pms-play");
  const last = map.columns - 1;
  let playing = 0;

  function stop() {
    if (!playing) return;
    clearInterval(playing);
    playing = 0;
    button.setAttribute("aria-pressed", "false");
    button.firstChild.textContent = "▶ ";
    button.lastElementChild.textContent = t("Play");
  }

  button.addEventListener("click", () => {
    if (playing) return stop();
    if (current() === last) go(0);
    button.setAttribute("aria-pressed", "true");
    button.firstChild.textContent = "❚❚ ";
    button.lastElementChild.textContent = t("Pause");
    playing = window.setInterval(() => {
      go(current() + 1);
      if (current() === last) stop();
    }, still() ? 3 * EVERY : EVERY);
  });
  return stop;
}

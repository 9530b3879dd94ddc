// @ts-check
// A calendar of squares: the text of a square is shown for the pointer and for the arrow keys.

const text = document.getElementById("pms-square-text");

/** @param {Element | null} square */
function showText(square) {
  const label = square?.getAttribute("aria-label");
  if (text && label && text.textContent !== label) text.textContent = label;
}

/** @param {HTMLTableElement} table */
function watch(table) {
  const rows = [...table.tBodies[0].rows].map((row) =>
    [...row.cells].slice(1).map((cell) => /** @type {HTMLElement | null} */ (cell.querySelector(".pms-square"))),
  );
  const squares = rows.flat().filter((square) => square !== null);
  if (!squares.length) return;
  for (const square of squares) square.tabIndex = -1;
  squares[squares.length - 1].tabIndex = 0;

  /** @param {HTMLElement} from @param {number} down @param {number} right */
  function step(from, down, right) {
    let row = rows.findIndex((found) => found.includes(from));
    let column = rows[row].indexOf(from);
    do {
      row += down;
      column += right;
    } while (rows[row]?.[column] === null);
    return rows[row]?.[column];
  }

  table.addEventListener("keydown", (event) => {
    const from = /** @type {HTMLElement} */ (event.target);
    /** @type {Record<string, () => HTMLElement | null | undefined>} */
    const moves = {
      ArrowLeft: () => step(from, 0, -1),
      ArrowRight: () => step(from, 0, 1),
      ArrowUp: () => step(from, -1, 0),
      ArrowDown: () => step(from, 1, 0),
      Home: () => squares[0],
      End: () => squares[squares.length - 1],
    };
    const to = moves[event.key]?.();
    if (!moves[event.key]) return;
    event.preventDefault();
    if (!to) return;
    from.tabIndex = -1;
    to.tabIndex = 0;
    to.focus();
  });
  table.addEventListener("focusin", (event) => showText(/** @type {Element} */ (event.target)));
  table.addEventListener("pointerover", (event) => {
    showText(/** @type {Element} */ (event.target).closest(".pms-square"));
  });
}

for (const table of document.querySelectorAll("table.pms-squares")) {
  watch(/** @type {HTMLTableElement} */ (table));
}

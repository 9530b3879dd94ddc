// @ts-check
// A calendar of squares that says what each of them means: under the pointer, or by arrow keys.

const told = document.getElementById("pms-told");

/** @param {Element | null} square */
function tell(square) {
  const words = square?.getAttribute("aria-label");
  if (told && words && told.textContent !== words) told.textContent = words;
}

/** @param {HTMLTableElement} table */
function operable(table) {
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
  table.addEventListener("focusin", (event) => tell(/** @type {Element} */ (event.target)));
  table.addEventListener("pointerover", (event) => {
    tell(/** @type {Element} */ (event.target).closest(".pms-square"));
  });
}

for (const table of document.querySelectorAll("table.pms-squares")) {
  operable(/** @type {HTMLTableElement} */ (table));
}

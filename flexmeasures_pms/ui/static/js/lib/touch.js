// @ts-check
// Touch: whether the reader touches the screen, and drags and pinches of an element.

let kind = "mouse";
for (const event of ["pointerdown", "pointermove"]) {
  addEventListener(event, (moved) => (kind = /** @type {PointerEvent} */ (moved).pointerType), {
    capture: true,
    passive: true,
  });
}

/** Whether the last thing that pointed at the page was a finger. */
export const touched = () => kind === "touch";

/** How far a finger moves before it drags, in CSS pixels. */
const SLOP = 8;
/** How far apart fingers must begin to pinch, in CSS pixels: nearer ones say little of a scale. */
const APART = 30;

/**
 * @typedef {object} Finger
 * @property {number} from where it began, in CSS pixels from the left of the element
 * @property {number} to where it is
 * @property {number} fromY where it began, from the top of the window
 * @property {number} toY
 *
 * @typedef {object} Gesture what is done with the fingers, one that drags or two that pinch
 * @property {() => void} begin called when a gesture begins, or fingers are added or taken away
 * @property {(fingers: Finger[]) => void} move
 * @property {(cancelled: boolean) => void} end called when the last finger is taken away, or the
 *   browser took one for something else, such as to scroll
 */

/** Return where the middle of the fingers began, and where it is. @param {Finger[]} fingers */
export function middle(fingers) {
  const mean = (/** @type {"from" | "to"} */ name) => fingers.reduce((sum, one) => sum + one[name], 0) / fingers.length;
  return { from: mean("from"), to: mean("to") };
}

/**
 * Return how many times as far apart two fingers are as when they began, in any direction; 1 if
 * they pinch nothing.
 * @param {Finger[]} fingers
 */
export function spread([one, other]) {
  if (!other) return 1;
  const before = Math.hypot(other.from - one.from, other.fromY - one.fromY);
  return before < APART ? 1 : Math.hypot(other.to - one.to, other.toY - one.toY) / before;
}

/**
 * Follow the fingers on an element. Up and down they scroll the page, as everywhere.
 * @param {HTMLElement} element
 * @param {Gesture} gesture
 */
export function follow(element, gesture) {
  /** @type {Map<number, Finger>} */
  const fingers = new Map();
  let moving = false;
  let cancelled = false;
  let frame = 0;
  const place = (/** @type {PointerEvent} */ event) => event.clientX - element.getBoundingClientRect().left;
  element.style.touchAction = "pan-y";

  /** Begin anew from where the fingers are. */
  function rebase() {
    for (const finger of fingers.values()) Object.assign(finger, { from: finger.to, fromY: finger.toY });
    if (fingers.size && (moving || fingers.size > 1)) {
      moving = true;
      gesture.begin();
    }
  }

  function tell() {
    frame = 0;
    gesture.move([...fingers.values()]);
  }

  /** @param {PointerEvent} event */
  function lift(event) {
    if (!fingers.has(event.pointerId)) return;
    cancelled ||= event.type === "pointercancel";
    if (frame) {
      cancelAnimationFrame(frame);
      frame = 0;
      if (!cancelled) tell();
    }
    fingers.delete(event.pointerId);
    if (fingers.size) return rebase();
    if (moving) gesture.end(cancelled);
    moving = cancelled = false;
  }

  element.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "touch") return;
    const [x, y] = [place(event), event.clientY];
    fingers.set(event.pointerId, { from: x, to: x, fromY: y, toY: y });
    rebase();
  });
  addEventListener("pointermove", (event) => {
    const finger = fingers.get(event.pointerId);
    if (!finger) return;
    Object.assign(finger, { to: place(event), toY: event.clientY });
    if (!moving && Math.abs(finger.to - finger.from) < SLOP) return;
    if (!moving) {
      moving = true;
      gesture.begin();
    }
    frame ||= requestAnimationFrame(tell);
  });
  addEventListener("pointerup", lift);
  addEventListener("pointercancel", lift);
}

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

/**
 * @typedef {object} Finger
 * @property {number} from where it began, in CSS pixels from the left of the element
 * @property {number} to where it is
 *
 * @typedef {object} Gesture what is done with the fingers, one that drags or two that pinch
 * @property {() => void} begin called when a gesture begins, or fingers are added or taken away
 * @property {(fingers: Finger[]) => void} move
 * @property {() => void} end called when the last finger is taken away
 */

/**
 * Follow the fingers on an element. Up and down they scroll the page, as everywhere.
 * @param {HTMLElement} element
 * @param {Gesture} gesture
 */
export function follow(element, gesture) {
  /** @type {Map<number, Finger>} */
  const fingers = new Map();
  let moving = false;
  let frame = 0;
  const place = (/** @type {PointerEvent} */ event) => event.clientX - element.getBoundingClientRect().left;
  element.style.touchAction = "pan-y";

  /** Begin anew from where the fingers are. */
  function rebase() {
    for (const finger of fingers.values()) finger.from = finger.to;
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
    if (frame) {
      cancelAnimationFrame(frame);
      tell();
    }
    fingers.delete(event.pointerId);
    if (fingers.size) rebase();
    else if (moving) {
      moving = false;
      gesture.end();
    }
  }

  element.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "touch") return;
    fingers.set(event.pointerId, { from: place(event), to: place(event) });
    rebase();
  });
  addEventListener("pointermove", (event) => {
    const finger = fingers.get(event.pointerId);
    if (!finger) return;
    finger.to = place(event);
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

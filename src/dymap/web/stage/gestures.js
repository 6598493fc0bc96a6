// @ts-check
/** Mouse, fingers and wheel on the picture move the camera. What is grabbed follows the pointer. */

import { dollied, lensOf, lookedAround, moved, orbited, rolled } from "./camera.js";

/**
 * @typedef {object} Surface
 * @property {HTMLElement} element that is touched
 * @property {import("./motion.js").Motion} motion
 * @property {import("./state.js").Store} store
 * @property {() => DOMRect} place of the picture in the window
 * @property {(x: number, y: number) => void} tapped without a drag; CSS pixels in the picture
 * @property {(x: number, y: number) => void} hovered
 */

const TAP = 6; // CSS pixels that a finger may move in a tap
const WHEEL = 0.0016; // of an e-fold for one pixel of scrolling
const LINE = 20; // pixels of a line, for wheels that count in lines

/** @param {Surface} surface */
export function listenToGestures(surface) {
  const { element, motion, store } = surface;
  /** @type {Map<number, {x: number, y: number, mode: string}>} */
  const pointers = new Map();
  let travelled = 0;

  element.addEventListener("pointerdown", event => {
    if (event.target instanceof Element && event.target.closest(".divider, button, a, input")) return;
    if (pointers.size === 3) return;
    element.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY, mode: modeOf(event) });
    if (pointers.size === 1) travelled = 0;
    element.focus({ preventScroll: true });
    if (event.button === 1) event.preventDefault(); // it would scroll
  });

  element.addEventListener("pointermove", event => {
    const pointer = pointers.get(event.pointerId);
    if (!pointer) return void (pointers.size === 0 && surface.hovered(...within(event)));
    const [dx, dy] = [event.clientX - pointer.x, event.clientY - pointer.y];
    const before = [...pointers.values()].map(one => ({ ...one }));
    [pointer.x, pointer.y] = [event.clientX, event.clientY];
    travelled += Math.hypot(dx, dy);
    if (travelled <= TAP) return;
    store.set({ handling: true });
    if (pointers.size === 2) pinch(before, [...pointers.values()]);
    else if (pointers.size === 3) drag("look", dx / 3, dy / 3); // the middle of the fingers
    else drag(pointer.mode, dx, dy);
  });

  for (const kind of ["pointerup", "pointercancel", "lostpointercapture"]) {
    element.addEventListener(kind, event => {
      const { pointerId } = /** @type {PointerEvent} */ (event);
      if (!pointers.delete(pointerId) || pointers.size) return;
      store.set({ handling: false });
      if (kind === "pointerup" && travelled <= TAP) surface.tapped(...within(/** @type {PointerEvent} */ (event)));
    });
  }

  element.addEventListener("contextmenu", event => event.preventDefault());
  element.addEventListener("dragstart", event => event.preventDefault());
  element.addEventListener(
    "wheel",
    event => {
      event.preventDefault();
      if (store.state.compare !== "off") return;
      const pixels = event.deltaY * (event.deltaMode ? LINE : 1) * (event.ctrlKey ? 6 : 1); // ctrl: two fingers on a trackpad
      motion.move(pose =>
        dollied(pose, Math.exp(Math.max(Math.min(pixels, 400), -400) * WHEEL), rayOf(event.clientX, event.clientY)),
      );
    },
    { passive: false },
  );

  function drag(mode, dx, dy) {
    const place = surface.place(),
      radians = Math.PI / Math.max(Math.min(place.width, place.height), 200);
    if (mode === "pan") pan(dx, dy);
    else if (mode === "look") motion.move(pose => lookedAround(pose, -dx / lens().fx, dy / lens().fx, motion.up));
    else motion.move(pose => orbited(pose, -dx * radians, dy * radians, motion.up));
  }

  function pan(dx, dy) {
    const { fx } = lens();
    motion.move(pose => moved(pose, [(-dx * pose.distance) / fx, (-dy * pose.distance) / fx, 0]));
  }

  /** Two fingers: the middle shifts, the distance zooms, the angle turns the picture if the horizon need not be level. */
  function pinch(/** @type {any[]} */ [a, b], /** @type {any[]} */ [c, d]) {
    const middle = [(c.x + d.x) / 2, (c.y + d.y) / 2];
    pan(middle[0] - (a.x + b.x) / 2, middle[1] - (a.y + b.y) / 2);
    const spread = Math.hypot(b.x - a.x, b.y - a.y) / Math.max(Math.hypot(d.x - c.x, d.y - c.y), 1);
    motion.move(pose => dollied(pose, spread, rayOf(middle[0], middle[1])));
    const twist = Math.atan2(d.y - c.y, d.x - c.x) - Math.atan2(b.y - a.y, b.x - a.x);
    if (!store.state.level) motion.move(pose => rolled(pose, -Math.atan2(Math.sin(twist), Math.cos(twist))));
  }

  /** @param {PointerEvent} event @returns {[number, number]} CSS pixels in the picture */
  function within(event) {
    const place = surface.place();
    return [event.clientX - place.left, event.clientY - place.top];
  }

  function lens() {
    const place = surface.place();
    return lensOf(store.state.fov, place.width, place.height);
  }

  function rayOf(x, y) {
    const place = surface.place(),
      { fx, fy, cx, cy } = lens();
    return [(x - place.left - cx) / fx, (y - place.top - cy) / fy];
  }
}

/** What a drag does: left turns, right and middle shift, with shift too; with alt the camera looks around. @param {PointerEvent} event */
function modeOf(event) {
  if (event.altKey) return "look";
  return event.button > 0 || event.shiftKey ? "pan" : "orbit";
}

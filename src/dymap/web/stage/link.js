// @ts-check
/** A link with camera and time: numbers behind the # of the address, checked when they are read. */

import { LAYERS } from "./state.js";
import { toQuaternion, toRotation } from "./vectors.js";

/** @typedef {import("./state.js").State} State */

const LARGEST = 1e5; // of a number in a link: metres

/** @param {State} state @returns {string} without # */
export function linkOf(state) {
  const { pose, fov, frame, layer, background } = state,
    short = value => String(Number(value.toPrecision(6)));
  const parts = new URLSearchParams({
    frame: String(frame),
    at: pose.position.map(short).join("_"),
    turn: toQuaternion(pose.R).map(short).join("_"),
    ahead: short(pose.distance),
    lens: short((fov * 180) / Math.PI),
  });
  if (layer !== "colour") parts.set("layer", layer);
  if (background !== "black") parts.set("background", background);
  return parts.toString();
}

/**
 * What a link says, as far as it makes sense.
 * @param {string} hash with or without # @param {number} frames of the clip @returns {Partial<State>}
 */
export function fromLink(hash, frames) {
  const parts = new URLSearchParams(hash.replace(/^#/, ""));
  /** @type {Partial<State>} */
  const patch = {};
  const frame = Number(parts.get("frame") ?? NaN);
  if (Number.isInteger(frame) && frame >= 0 && frame < frames) patch.frame = frame;
  const position = numbersOf(parts.get("at"), 3),
    turn = numbersOf(parts.get("turn"), 4);
  const ahead = Number(parts.get("ahead") ?? NaN),
    lens = Number(parts.get("lens") ?? NaN);
  if (position && turn && Math.hypot(...turn) > 0.5 && ahead > 1e-3 && ahead < LARGEST) {
    patch.pose = { position, R: toRotation(turn), distance: ahead };
  }
  if (lens >= 1 && lens <= 150) patch.fov = (lens * Math.PI) / 180;
  const layer = parts.get("layer");
  if (layer && LAYERS.includes(layer)) patch.layer = /** @type {State["layer"]} */ (layer);
  const background = parts.get("background") ?? "";
  if (/^(white|grey|checker|transparent|#[0-9a-f]{6})$/i.test(background)) patch.background = background;
  return patch;
}

/** @param {string | null} text @param {number} count @returns {number[] | null} */
function numbersOf(text, count) {
  const numbers = (text ?? "").split("_").map(part => (part.trim() ? Number(part) : NaN));
  return numbers.length === count && numbers.every(value => Number.isFinite(value) && Math.abs(value) < LARGEST)
    ? numbers
    : null;
}

// @ts-check
/** The camera of <dymap-player> as programs see it, and the page's poses. */

import { forwardOf, lookAlong, lookingAt, pivotOf, translationOf } from "../stage/camera.js";
import { norm, scaled, unrotated } from "../stage/vectors.js";

/**
 * @typedef {object} PlayerCamera
 * @property {number[]} position [3] world, metres
 * @property {number[]} target [3] world, metres: what it looks at and turns around
 * @property {number[]} up [3] world: the picture's upward direction
 * @property {number} fov vertical field of view, radians
 * @property {number[]} R [9] world to camera, row by row: right, down, forward
 * @property {number[]} T [3] metres: x_camera = R x + T
 */

/** @param {import("../stage/camera.js").Pose} pose @param {number} fov @returns {PlayerCamera} */
export const cameraOf = (pose, fov) => ({
  position: [...pose.position], target: pivotOf(pose), up: scaled(pose.R.slice(3, 6), -1), fov, R: [...pose.R],
  T: translationOf(pose),
});

/**
 * What a program asks for: what it leaves out stays. R and T go before position and target.
 * @param {Partial<PlayerCamera>} asked
 * @param {{pose: import("../stage/camera.js").Pose, fov: number}} now @param {ArrayLike<number>} up of the clip
 * @returns {{pose: import("../stage/camera.js").Pose, fov: number}}
 * Throws TypeError for what is no camera.
 */
export function askedCamera(asked, now, up) {
  const fov = asked.fov ?? now.fov;
  if (!(fov > 0 && fov < Math.PI)) throw new TypeError(`fov ${fov}: expected radians above 0 and below 3.14`);
  for (const [name, count] of /** @type {[keyof PlayerCamera, number][]} */ ([["position", 3], ["target", 3], ["up", 3], ["R", 9], ["T", 3]])) {
    const value = asked[name];
    if (value !== undefined && !isNumbers(value, count)) throw new TypeError(`${name}: expected ${count} finite numbers`);
  }
  if (asked.R) {
    const R = Array.from(asked.R);
    if (!isTurn(R)) throw new TypeError("R: expected a rotation, row by row");
    const position = asked.T ? scaled(unrotated(R, asked.T), -1) : [...now.pose.position];
    return { pose: { position, R, distance: now.pose.distance }, fov };
  }
  if (!asked.position && !asked.target && !asked.up) return { pose: now.pose, fov };
  const position = Array.from(asked.position ?? now.pose.position), upward = asked.up ?? up;
  const target = Array.from(asked.target ?? pivotOf(now.pose));
  const pose = lookingAt(position, target, upward);
  if (pose.distance > 1e-6) return { pose, fov };
  return { pose: { position, R: lookAlong(forwardOf(now.pose), upward), distance: now.pose.distance }, fov };
}

/** @param {unknown} value @param {number} count */
const isNumbers = (value, count) => {
  const numbers = Array.from(/** @type {any} */ (value ?? []));
  return numbers.length === count && numbers.every(Number.isFinite);
};

/** @param {number[]} R */
const isTurn = R => [0, 3, 6].every(row => Math.abs(norm(R.slice(row, row + 3)) - 1) < 1e-3)
  && Math.abs(R[0] * R[3] + R[1] * R[4] + R[2] * R[5]) < 1e-3
  && Math.abs(R[6] - (R[1] * R[5] - R[2] * R[4])) < 1e-2
  && Math.abs(R[7] - (R[2] * R[3] - R[0] * R[5])) < 1e-2
  && Math.abs(R[8] - (R[0] * R[4] - R[1] * R[3])) < 1e-2;

// @ts-check
/** Where the camera begins, and the captured camera that is nearest to a pose. */

import { centreOf, fovOf, lensOf, lookingAt, projected } from "./camera.js";
import { cross, dot, limited, minus, norm, plus, scaled, unit } from "./vectors.js";

/** @typedef {import("./camera.js").Pose} Pose */
/** @typedef {ArrayLike<number>} Numbers */
/** @typedef {{K: Numbers, R: Numbers, T: Numbers, width: number, height: number, name: string, test: boolean}} ClipCamera */

const ROOM = 1.12; // of the window that the box may not fill
const LENSES = [0.35, 1.05]; // radians: of what is wider or narrower, a window shows too much or too little around

/** @param {Numbers} box [6] min xyz, max xyz, metres @returns {number[]} [3] */
export const middleOf = box => [0, 1, 2].map(k => (box[k] + box[k + 3]) / 2);

/** @param {Numbers} box [6] @returns {number[][]} eight corners [3] */
export const cornersOf = box =>
  [0, 1, 2, 3, 4, 5, 6, 7].map(k => [box[k & 1 ? 3 : 0], box[k & 2 ? 4 : 1], box[k & 4 ? 5 : 2]]);

/**
 * The first view: from the side of camera 0, upright, with the whole box in the window.
 * @param {{box: Numbers, up: Numbers, cameras: ClipCamera[]}} clip @param {number} aspect width / height of the window
 * @returns {{pose: Pose, fov: number}} fov: vertical, radians
 */
export function firstView(clip, aspect) {
  const middle = middleOf(clip.box),
    first = clip.cameras[0];
  const eye = first ? centreOf(first) : plus(middle, scaled(sideOf(clip.up), 3));
  const fov = limited(first ? fovOf(first) : 0.8, LENSES[0], LENSES[1]);
  const way = minus(eye, middle);
  const direction = norm(way) > 1e-6 ? unit(way) : sideOf(clip.up);
  const size = norm(minus(clip.box.length ? Array.from(clip.box).slice(3) : middle, middle));
  const corners = cornersOf(clip.box),
    lens = lensOf(fov, 2 * aspect, 2);
  const fits = distance => {
    const pose = lookingAt(plus(middle, scaled(direction, distance)), middle, clip.up);
    return corners.every(corner => {
      const [x, y, z] = projected(corner, pose, lens);
      return z > 0 && Math.abs(x - aspect) * ROOM <= aspect && Math.abs(y - 1) * ROOM <= 1;
    });
  };
  let near = 0,
    far = Math.max(size, 1e-3);
  for (let k = 0; k < 40 && !fits(far); k++) [near, far] = [far, far * 2];
  for (let k = 0; k < 24; k++) fits((near + far) / 2) ? (far = (near + far) / 2) : (near = (near + far) / 2);
  return { pose: lookingAt(plus(middle, scaled(direction, far)), middle, clip.up), fov };
}

/** Some horizontal direction. @param {Numbers} up */
const sideOf = up => unit(cross(Math.abs(up[0]) < 0.9 ? [1, 0, 0] : [0, 1, 0], up));

/**
 * What a captured camera sees, as a pose that turns around a point as far away as the middle of the box.
 * @param {ClipCamera} camera @param {Numbers} box [6]
 * @returns {{pose: Pose, fov: number}}
 */
export function viewOfCamera(camera, box) {
  const position = centreOf(camera),
    R = Array.from(camera.R),
    way = minus(middleOf(box), position);
  const ahead = dot(way, R.slice(6));
  return { pose: { position, R, distance: ahead > 0.1 ? ahead : Math.max(norm(way), 0.1) }, fov: fovOf(camera) };
}

/**
 * The camera that sees the subject from the most similar side; of equal ones the closer.
 * @param {ClipCamera[]} cameras @param {Pose} pose @param {Numbers} box [6] @returns {number} its index, -1 without any
 */
export function nearestCamera(cameras, pose, box) {
  const middle = middleOf(box),
    side = minus(pose.position, middle);
  let best = -1,
    least = Infinity;
  cameras.forEach((camera, index) => {
    const other = minus(centreOf(camera), middle);
    const angle = Math.acos(limited(dot(unit(side), unit(other)), -1, 1));
    const cost = angle + 0.1 * Math.abs(Math.log(norm(other) / norm(side)));
    if (cost < least) [best, least] = [index, cost];
  });
  return best;
}

/** @param {Pose} pose @param {Pose} other @returns {boolean} */
export const samePose = (pose, other) =>
  norm(minus(pose.position, other.position)) < 1e-6 && pose.R.every((value, k) => Math.abs(value - other.R[k]) < 1e-6);

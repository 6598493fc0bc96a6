// @ts-check
/**
 * The mathematics of the camera: pure functions from a pose to a pose.
 *
 * A pose is a camera in the world: metres, OpenCV's axes (x right, y down, z forward), and how far ahead of it the point
 * lies that it turns around. x_cam = R x + T with T = -R position.
 */

import {
  about,
  between,
  cross,
  dot,
  limited,
  minus,
  norm,
  plus,
  rotated,
  scaled,
  slerp,
  timesTransposed,
  toQuaternion,
  toRotation,
  unit,
  unrotated,
} from "./vectors.js";

/** @typedef {ArrayLike<number>} Numbers */
/**
 * @typedef {object} Pose
 * @property {number[]} position [3] world, metres
 * @property {number[]} R [9] world to camera, row by row: right, down, forward
 * @property {number} distance metres, along forward, to the point that it turns around
 */
/** @typedef {{fx: number, fy: number, cx: number, cy: number}} Lens pixels, measured from the picture's corner */

const STEEPEST = 1.5533; // radians of 89 degrees: a level camera never looks straight up or down
const DISTANCES = [0.02, 1000]; // metres

/** @param {Pose} pose @returns {number[]} [3] unit, world */
export const forwardOf = pose => pose.R.slice(6);

/** @param {Pose} pose @returns {number[]} [3] world: what it turns around */
export const pivotOf = pose => plus(pose.position, scaled(forwardOf(pose), pose.distance));

/** @param {Pose} pose @returns {number[]} T [3], metres */
export const translationOf = pose => scaled(rotated(pose.R, pose.position), -1);

/**
 * R [9] of a camera that looks along a direction, upright. If it looks straight up or down, any such.
 * @param {Numbers} direction [3] world @param {Numbers} up [3] world
 */
export function lookAlong(direction, up) {
  const forward = unit(direction);
  let right = cross(forward, up);
  if (norm(right) < 1e-6) right = cross(forward, Math.abs(forward[0]) < 0.9 ? [1, 0, 0] : [0, 1, 0]);
  right = unit(right);
  return [...right, ...cross(forward, right), ...forward];
}

/** @param {Numbers} position @param {Numbers} target @param {Numbers} up @returns {Pose} that turns around the target */
export function lookingAt(position, target, up) {
  const way = minus(target, position);
  return { position: Array.from(position), R: lookAlong(way, up), distance: norm(way) };
}

/**
 * Turn around the pivot.
 * @param {Pose} pose @param {number} yaw radians, to the right @param {number} pitch radians, upwards
 * @param {Numbers | null} up [3] world, to stay level; null: about the picture's own axes
 * @returns {Pose}
 */
export function orbited(pose, yaw, pitch, up) {
  const pivot = pivotOf(pose),
    R = turnedRotation(pose.R, -yaw, pitch, up);
  return { position: minus(pivot, scaled(R.slice(6), pose.distance)), R, distance: pose.distance };
}

/** Look around from where the camera is. @param {Pose} pose @param {number} yaw @param {number} pitch @param {Numbers | null} up @returns {Pose} */
export const lookedAround = (pose, yaw, pitch, up) => ({ ...pose, R: turnedRotation(pose.R, yaw, -pitch, up) });

/** R [9] after a turn: yaw to the right, pitch downwards, radians. */
function turnedRotation(R, yaw, pitch, up) {
  if (!up) {
    const sideways = timesTransposed(R, about(R.slice(3, 6), yaw));
    return timesTransposed(sideways, about(sideways.slice(0, 3), -pitch));
  }
  const straight = levelRotation(R, up);
  const steepness = Math.asin(limited(dot(straight.slice(6), up), -1, 1));
  const sideways = timesTransposed(straight, about(up, -yaw));
  const turn = limited(steepness - pitch, -STEEPEST, STEEPEST) - steepness;
  return timesTransposed(sideways, about(sideways.slice(0, 3), turn));
}

/** R [9] without roll, nearly straight down or up too. */
function levelRotation(R, up) {
  const right = minus(R.slice(0, 3), scaled(up, dot(R.slice(0, 3), up)));
  const forward = R.slice(6);
  if (norm(cross(forward, up)) > 1e-3 || norm(right) < 1e-3) return lookAlong(forward, up);
  const side = unit(right); // its own right says which way a camera is turned that looks down
  const ahead = unit(minus(forward, scaled(side, dot(forward, side))));
  return [...side, ...cross(ahead, side), ...ahead];
}

/** @param {Pose} pose @param {Numbers} up [3] world @returns {Pose} with its horizon level, around the same point */
export function levelled(pose, up) {
  const pivot = pivotOf(pose),
    R = levelRotation(pose.R, up);
  return { position: minus(pivot, scaled(R.slice(6), pose.distance)), R, distance: pose.distance };
}

/** @param {Pose} pose @param {number} angle radians, the picture turns counterclockwise @returns {Pose} */
export const rolled = (pose, angle) => ({ ...pose, R: timesTransposed(pose.R, about(forwardOf(pose), angle)) });

/** Move along the camera's own axes. @param {Pose} pose @param {Numbers} way [3] metres right, down, forward @returns {Pose} */
export const moved = (pose, way) => ({ ...pose, position: plus(pose.position, unrotated(pose.R, way)) });

/**
 * Come closer (factor < 1) or go away, so that what is under a ray stays there.
 * @param {Pose} pose @param {number} factor of the distance
 * @param {Numbers} ray [2] right and down for one forward
 * @returns {Pose}
 */
export function dollied(pose, factor, ray) {
  const distance = limited(pose.distance * factor, DISTANCES[0], DISTANCES[1]);
  const way = pose.distance - distance;
  return { ...moved(pose, [ray[0] * way, ray[1] * way, way]), distance };
}

/** @param {Pose} a @param {Pose} b @param {number} share 0: a, 1: b @returns {Pose} on the way, around what they turn around */
export function glided(a, b, share) {
  const R = toRotation(slerp(toQuaternion(a.R), toQuaternion(b.R), share));
  const distance = a.distance + (b.distance - a.distance) * share;
  const pivot = between(pivotOf(a), pivotOf(b), share);
  return { position: minus(pivot, scaled(R.slice(6), distance)), R, distance };
}

/** @param {number} fov vertical, radians @param {number} width pixels @param {number} height @returns {Lens} */
export function lensOf(fov, width, height) {
  const focal = height / 2 / Math.tan(fov / 2);
  return { fx: focal, fy: focal, cx: width / 2, cy: height / 2 };
}

/**
 * A camera's own lens in a picture of another size: its K counts pixel centres from 0, a page its corner.
 * @param {{K: Numbers, width: number, height: number}} camera @param {number} width @param {number} height @returns {Lens}
 */
export function lensOfCamera(camera, width, height) {
  const x = width / camera.width,
    y = height / camera.height;
  return { fx: camera.K[0] * x, fy: camera.K[4] * y, cx: (camera.K[2] + 0.5) * x, cy: (camera.K[5] + 0.5) * y };
}

/** @param {{K: Numbers, height: number}} camera @returns {number} its vertical field of view, radians */
export const fovOf = camera => 2 * Math.atan(camera.height / 2 / camera.K[4]);

/** @param {{R: Numbers, T: Numbers}} camera @returns {number[]} its position [3] world, metres */
export const centreOf = camera => scaled(unrotated(camera.R, camera.T), -1);

/**
 * Where a point of the world is in the picture.
 * @param {Numbers} point [3] world @param {Pose} pose @param {Lens} lens
 * @returns {number[]} [3] column, row (pixels from the corner), metres forward: negative behind the camera
 */
export function projected(point, pose, lens) {
  const [x, y, z] = rotated(pose.R, minus(point, pose.position));
  return [lens.cx + (lens.fx * x) / z, lens.cy + (lens.fy * y) / z, z];
}

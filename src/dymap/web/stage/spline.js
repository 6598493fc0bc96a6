// @ts-check
/** A camera path: key views in time, and the smooth way between them. Pure functions. */

import { between, nearSide, norm, slerp, toQuaternion, toRotation } from "./vectors.js";

/**
 * @typedef {object} Key
 * @property {number} at seconds into the film
 * @property {number} frame position in the clip
 * @property {import("./camera.js").Pose} pose
 * @property {number} fov vertical, radians
 */
/**
 * @typedef {object} Path
 * @property {Key[]} keys in the order of time
 * @property {"runs"|"keys"} time runs: the clip plays on and on from the first key's frame; keys: frames are those of the keys
 * @property {number} fps images a second of the film
 */

export const LONGEST = 1000; // seconds of a film

/** @param {Path} path @returns {number} seconds */
export const durationOf = path => (path.keys.length ? path.keys[path.keys.length - 1].at - path.keys[0].at : 0);

/** @param {Path} path @returns {number} images of its film */
export const imagesOf = path => (path.keys.length ? Math.round(durationOf(path) * path.fps) + 1 : 0);

/**
 * The camera at a time of the film.
 * @param {Path} path of at least one key @param {number} at seconds
 * @param {{fps: number, frames: number}} clip
 * @returns {{pose: import("./camera.js").Pose, fov: number, frame: number}}
 */
export function pathAt(path, at, clip) {
  const { keys } = path;
  const { index, share } = spanOf(keys, at);
  const [before, first, second, after] = [-1, 0, 1, 2].map(
    k => keys[Math.min(Math.max(index + k, 0), keys.length - 1)],
  );
  const four = [before, first, second, after];
  const spline = read =>
    hermite(
      four.map(key => key.at),
      four.map(read),
      share,
    );
  const position = [0, 1, 2].map(k => spline(key => key.pose.position[k]));
  const pose = {
    position,
    R: toRotation(
      turnAt(
        four.map(key => toQuaternion(key.pose.R)),
        share,
      ),
    ),
    distance: 1,
  };
  pose.distance = Math.exp(spline(key => Math.log(key.pose.distance)));
  return {
    pose,
    fov: between([first.fov], [second.fov], share)[0],
    frame: frameAt(path, at, first, second, share, clip),
  };
}

/** Between which two keys a time lies, and where. @param {Key[]} keys @param {number} at */
function spanOf(keys, at) {
  let index = 0;
  while (index < keys.length - 2 && at >= keys[index + 1].at) index++;
  if (keys.length < 2) return { index: 0, share: 0 };
  const length = keys[index + 1].at - keys[index].at;
  return { index, share: length > 0 ? Math.min(Math.max((at - keys[index].at) / length, 0), 1) : 1 };
}

/** The clip's frame at a time of the film. */
function frameAt(path, at, first, second, share, clip) {
  if (path.time === "keys") return Math.round(first.frame + (second.frame - first.frame) * share);
  const begin = path.keys[0],
    passed = Math.floor((Math.max(at, begin.at) - begin.at) * clip.fps + 1e-6);
  return (begin.frame + passed) % clip.frames;
}

/**
 * A cubic through the middle two of four values at four times; its slopes there are those of the parabola through each
 * and its neighbours (Catmull and Rom's spline for uneven times).
 */
function hermite(times, values, share) {
  const [t0, t1, t2, t3] = times,
    [v0, v1, v2, v3] = values,
    length = t2 - t1;
  if (length <= 0) return share < 1 ? v1 : v2;
  const slope = (v2 - v1) / length;
  const before = t1 > t0 ? (((v1 - v0) / (t1 - t0)) * length + slope * (t1 - t0)) / (t2 - t0) : slope;
  const after = t3 > t2 ? (slope * (t3 - t2) + ((v3 - v2) / (t3 - t2)) * length) / (t3 - t1) : slope;
  const s = share,
    a = s * s * (3 - 2 * s),
    b = s * (1 - s) * (1 - s),
    c = s * s * (s - 1);
  return v1 * (1 - a) + v2 * a + length * (before * b + after * c);
}

/** A rotation between the middle two of four: slerp, rounded at the keys (squad, Shoemake 1987). [4] */
function turnAt(quaternions, share) {
  const [q0, q1, q2, q3] = quaternions;
  const second = nearSide(q2, q1);
  const [a, b] = [control(nearSide(q0, q1), q1, second), control(q1, second, nearSide(q3, second))];
  return slerp(slerp(q1, second, share), slerp(a, b, share), 2 * share * (1 - share));
}

/** The inner control of squad at q: q exp(-(log(q^-1 next) + log(q^-1 before)) / 4); at an end, q. */
function control(before, q, next) {
  const inverse = [q[0], -q[1], -q[2], -q[3]];
  const [one, other] = [next, before].map(end => logarithm(product4(inverse, end)));
  if (norm(one) < 1e-9 || norm(other) < 1e-9) return q;
  const half = [0, 1, 2].map(k => -(one[k] + other[k]) / 4),
    angle = norm(half);
  const factor = angle > 1e-9 ? Math.sin(angle) / angle : 1;
  return product4(q, [Math.cos(angle), half[0] * factor, half[1] * factor, half[2] * factor]);
}

/** Half the rotation vector [3] of a unit quaternion. */
function logarithm(q) {
  const sine = Math.hypot(q[1], q[2], q[3]);
  const factor = sine > 1e-9 ? Math.atan2(sine, q[0]) / sine : 1;
  return [q[1] * factor, q[2] * factor, q[3] * factor];
}

/** The product of two quaternions. */
const product4 = (p, q) => [
  p[0] * q[0] - p[1] * q[1] - p[2] * q[2] - p[3] * q[3],
  p[0] * q[1] + p[1] * q[0] + p[2] * q[3] - p[3] * q[2],
  p[0] * q[2] - p[1] * q[3] + p[2] * q[0] + p[3] * q[1],
  p[0] * q[3] + p[1] * q[2] - p[2] * q[1] + p[3] * q[0],
];

/**
 * A path with a key more, after a chosen one.
 * @param {Path} path @param {Omit<Key, "at">} view @param {number} after index, or -1: at the end @param {number} pause seconds
 * @returns {{path: Path, index: number}} index: of the new key
 */
export function withKey(path, view, after, pause) {
  const { keys } = path,
    index = after < 0 ? keys.length : after + 1;
  const previous = keys[index - 1],
    next = keys[index];
  const at = !previous ? 0 : next ? (previous.at + next.at) / 2 : previous.at + pause;
  return { path: { ...path, keys: [...keys.slice(0, index), { ...view, at }, ...keys.slice(index)] }, index };
}

/**
 * A path with a key at another time: no other is passed, and the first is always at 0.
 * @param {Path} path @param {number} index @param {number} at seconds @returns {Path}
 */
export function retimed(path, index, at) {
  const { keys } = path,
    least = 1 / path.fps;
  if (index === 0) return path;
  const low = keys[index - 1].at + least,
    high = index + 1 < keys.length ? keys[index + 1].at - least : LONGEST;
  const time = Math.max(Math.min(at, high), low);
  return { ...path, keys: keys.map((key, k) => (k === index ? { ...key, at: time } : key)) };
}

/**
 * A path with a key at another place in the order; the times stay.
 * @param {Path} path @param {number} from @param {number} to @returns {Path}
 */
export function reordered(path, from, to) {
  const times = path.keys.map(key => key.at),
    keys = [...path.keys];
  keys.splice(to, 0, ...keys.splice(from, 1));
  return { ...path, keys: keys.map((key, k) => ({ ...key, at: times[k] })) };
}

/** @param {Path} path @param {number} index @returns {Path} without a key; it begins at 0 */
export function withoutKey(path, index) {
  const keys = path.keys.filter((_, k) => k !== index),
    begin = keys.length ? keys[0].at : 0;
  return { ...path, keys: keys.map(key => ({ ...key, at: key.at - begin })) };
}

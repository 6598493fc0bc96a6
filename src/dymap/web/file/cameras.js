// @ts-check
/** Cameras of a header, and what is up for them. */
import { asList, asMapping, asNumber, asNumbers, asText, asWhole } from "./checks.js";
import { ClipFault, shortText } from "./faults.js";

const MAX_CLIP_CAMERAS = 4096;
const MAX_CAMERA_SIDE = 65535; // pixels
const MAX_CAMERA_PIXELS = 2 ** 26;
const MIN_FOCAL = 1e-3; // pixels
const MAX_FOCAL = 1e12;
const MAX_CAMERA_DISTANCE = 1e9; // metres from the origin
const ROTATION_TOLERANCE = 1e-2; // by how much R R^T may differ from the identity: files round

/**
 * @typedef {object} ClipCamera
 * @property {string} name
 * @property {number[]} K [9] pixels, row by row; pixel centres are at whole numbers
 * @property {number[]} R [9] world to camera, row by row: x_cam = R x + T; x right, y down, z forward
 * @property {number[]} T [3] metres
 * @property {number} width pixels @property {number} height pixels
 * @property {boolean} test whether it was kept out of training
 */

/**
 * @param {unknown} held
 * @param {number[]} testViews
 * @returns {ClipCamera[]}
 */
export function camerasOf(held, testViews) {
  const test = new Set(testViews);
  return asList(held, "cameras", MAX_CLIP_CAMERAS).map((entry, index) => readCamera(asMapping(entry, "a camera"), test.has(index)));
}

/**
 * Unit vector [3] of the world: what is up if the cameras were held level, z without cameras.
 *
 * Level cameras have their x axes in the horizontal plane, whichever way they are pitched: up is perpendicular to all of
 * them, on the side of the mean camera. If all look the same way it is the mean camera's.
 * @param {ClipCamera[]} cameras
 */
export function upDirection(cameras) {
  const spread = new Array(9).fill(0); // sum of x x^T
  let up = [0, 0, 0];
  for (const { R } of cameras) {
    for (let i = 0; i < 9; i++) spread[i] += R[Math.floor(i / 3)] * R[i % 3];
    up = up.map((sum, axis) => sum - R[3 + axis]);
  }
  const axes = symmetricAxes(spread);
  if (axes[1].value > 0.01 * axes[2].value) {
    const side = axes[0].axis.reduce((sum, value, i) => sum + value * up[i], 0) >= 0 ? 1 : -1;
    up = axes[0].axis.map((value) => side * value);
  }
  const length = Math.hypot(...up);
  return length > 1e-6 ? up.map((value) => value / length) : [0, 0, 1];
}

/**
 * @param {Record<string, any>} entry
 * @param {boolean} test
 * @returns {ClipCamera}
 */
function readCamera(entry, test) {
  const name = asText(entry.name, "the name of a camera");
  const what = (/** @type {string} */ key) => `${key} of camera ${shortText(name)}`;
  const width = asWhole(entry.width, what("width"), 1, MAX_CAMERA_SIDE);
  const height = asWhole(entry.height, what("height"), 1, MAX_CAMERA_SIDE);
  if (width * height > MAX_CAMERA_PIXELS) throw new ClipFault(`camera of ${width} x ${height} pixels, expected ${MAX_CAMERA_PIXELS} at most`);
  const K = asNumbers(entry.K, what("K"), 9, -MAX_FOCAL, MAX_FOCAL);
  const R = asNumbers(entry.R, what("R"), 9);
  const T = asNumbers(entry.T, what("T"), 3, -MAX_CAMERA_DISTANCE, MAX_CAMERA_DISTANCE);
  const offset = asNumber(entry.pixel_offset, what("pixel_offset"), -1, 1);
  const upright = Math.abs(K[3]) <= 1e-6 * Math.abs(K[4]) && Math.max(Math.abs(K[6]), Math.abs(K[7]), Math.abs(K[8] - 1)) <= 1e-6;
  if (!upright || !(Math.min(K[0], K[4]) >= MIN_FOCAL)) throw new ClipFault(`${what("K")} is none of a camera`);
  if (!isRotation(R)) throw new ClipFault(`${what("R")} is no rotation`);
  const lens = [K[0], K[1], K[2] - offset, 0, K[4], K[5] - offset, 0, 0, 1];
  return { name, K: lens, R, T, width, height, test };
}

/**
 * The rigid 4x4 matrix that moved the cameras, row by row; or nothing.
 * @param {unknown} held
 */
export function checkTransform(held) {
  if (asList(held, "transform").length === 0) return;
  const M = asNumbers(held, "transform", 16);
  const turned = isRotation([...M.slice(0, 3), ...M.slice(4, 7), ...M.slice(8, 11)]);
  if (!turned || M.slice(12).join() !== "0,0,0,1") {
    throw new ClipFault(`transform is ${shortText(M, 80)}, expected a rotation, a shift, and 0 0 0 1 below`);
  }
}

/** @param {number[]} R */
function isRotation(R) {
  const [a, b, c, d, e, f, g, h, i] = R;
  for (let row = 0; row < 3; row++) {
    for (let other = 0; other < 3; other++) {
      const dot = R[3 * row] * R[3 * other] + R[3 * row + 1] * R[3 * other + 1] + R[3 * row + 2] * R[3 * other + 2];
      if (!(Math.abs(dot - (row === other ? 1 : 0)) <= ROTATION_TOLERANCE)) return false;
    }
  }
  return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g) > 0;
}

/**
 * Eigenvalues and unit eigenvectors of a symmetric matrix [9], in ascending order (Jacobi's rotations).
 * @param {number[]} matrix
 */
function symmetricAxes(matrix) {
  const a = [0, 3, 6].map((row) => matrix.slice(row, row + 3));
  const v = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]; // prettier-ignore
  for (let sweep = 0; sweep < 30; sweep++) {
    for (const [p, q] of [[0, 1], [0, 2], [1, 2]]) { // prettier-ignore
      const angle = 0.5 * Math.atan2(2 * a[p][q], a[q][q] - a[p][p]);
      const [c, s] = [Math.cos(angle), Math.sin(angle)];
      for (const row of [...a, ...v]) [row[p], row[q]] = [c * row[p] - s * row[q], s * row[p] + c * row[q]];
      for (let k = 0; k < 3; k++) [a[p][k], a[q][k]] = [c * a[p][k] - s * a[q][k], s * a[p][k] + c * a[q][k]];
    }
  }
  const axes = [0, 1, 2].map((k) => ({ value: a[k][k], axis: v.map((row) => row[k]) }));
  return axes.sort((one, other) => one.value - other.value);
}

// @ts-check
/**
 * Vectors [3], rotations [9] (row by row) and unit quaternions [4] (w, x, y, z) as plain arrays: pure functions.
 */

/** @typedef {ArrayLike<number>} Numbers */

/** @param {Numbers} a @param {Numbers} b @returns {number[]} a + b */
export const plus = (a, b) => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];

/** @param {Numbers} a @param {Numbers} b @returns {number[]} a - b */
export const minus = (a, b) => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];

/** @param {Numbers} a @param {number} factor @returns {number[]} */
export const scaled = (a, factor) => [a[0] * factor, a[1] * factor, a[2] * factor];

/** @param {Numbers} a @param {Numbers} b @returns {number} */
export const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

/** @param {Numbers} a @param {Numbers} b @returns {number[]} */
export const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];

/** @param {Numbers} a @returns {number} */
export const norm = a => Math.hypot(a[0], a[1], a[2]);

/** @param {Numbers} a not 0 @returns {number[]} of length 1 */
export const unit = a => scaled(a, 1 / norm(a));

/** @param {Numbers} a @param {Numbers} b @param {number} share 0: a, 1: b @returns {number[]} of a's length */
export const between = (a, b, share) => Array.from(a, (value, k) => value + (b[k] - value) * share);

/** @param {number} value @param {number} low @param {number} high @returns {number} */
export const limited = (value, low, high) => Math.min(Math.max(value, low), high);

/** @param {Numbers} R [9] @param {Numbers} v @returns {number[]} R v */
export const rotated = (R, v) => [0, 3, 6].map(row => R[row] * v[0] + R[row + 1] * v[1] + R[row + 2] * v[2]);

/** @param {Numbers} R [9] @param {Numbers} v @returns {number[]} R^T v, which undoes a rotation */
export const unrotated = (R, v) =>
  [0, 1, 2].map(column => R[column] * v[0] + R[column + 3] * v[1] + R[column + 6] * v[2]);

/** @param {Numbers} A [9] @param {Numbers} B [9] @returns {number[]} A B^T */
export function timesTransposed(A, B) {
  const product = [];
  for (const row of [0, 3, 6]) {
    for (const column of [0, 3, 6])
      product.push(A[row] * B[column] + A[row + 1] * B[column + 1] + A[row + 2] * B[column + 2]);
  }
  return product;
}

/**
 * The rotation by an angle about an axis, counterclockwise for whom the axis points at (Rodrigues).
 * @param {Numbers} axis [3] unit @param {number} angle radians @returns {number[]} [9]
 */
export function about(axis, angle) {
  const [x, y, z] = [axis[0], axis[1], axis[2]],
    c = Math.cos(angle),
    s = Math.sin(angle),
    d = 1 - c;
  return [
    c + x * x * d,
    x * y * d - z * s,
    x * z * d + y * s,
    y * x * d + z * s,
    c + y * y * d,
    y * z * d - x * s,
    z * x * d - y * s,
    z * y * d + x * s,
    c + z * z * d,
  ];
}

/** @param {Numbers} q [4] of any length but 0 @returns {number[]} [9] */
export function toRotation(q) {
  const length = Math.hypot(q[0], q[1], q[2], q[3]);
  const [w, x, y, z] = [0, 1, 2, 3].map(k => q[k] / length);
  return [
    1 - 2 * (y * y + z * z),
    2 * (x * y - w * z),
    2 * (x * z + w * y),
    2 * (x * y + w * z),
    1 - 2 * (x * x + z * z),
    2 * (y * z - w * x),
    2 * (x * z - w * y),
    2 * (y * z + w * x),
    1 - 2 * (x * x + y * y),
  ];
}

/**
 * The quaternion of a rotation, w >= 0: of four formulas the one that divides by the largest number (Shepperd 1978).
 * @param {Numbers} R [9] @returns {number[]} [4]
 */
export function toQuaternion(R) {
  const squares = [
    // four times the squares of w, x, y, z
    1 + R[0] + R[4] + R[8],
    1 + R[0] - R[4] - R[8],
    1 - R[0] + R[4] - R[8],
    1 - R[0] - R[4] + R[8],
  ];
  const largest = squares.indexOf(Math.max(...squares));
  const sums = [
    // four times the products of each with the largest
    [squares[0], R[7] - R[5], R[2] - R[6], R[3] - R[1]],
    [R[7] - R[5], squares[1], R[1] + R[3], R[2] + R[6]],
    [R[2] - R[6], R[1] + R[3], squares[2], R[5] + R[7]],
    [R[3] - R[1], R[2] + R[6], R[5] + R[7], squares[3]],
  ][largest];
  const scale = (sums[0] < 0 ? -1 : 1) / Math.hypot(...sums);
  return sums.map(value => value * scale);
}

/** @param {Numbers} a [4] @param {Numbers} b [4] @returns {number} */
export const dot4 = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3];

/** @param {Numbers} q [4] @param {Numbers} other [4] @returns {number[]} q or -q, the same rotation: the nearer to the other */
export const nearSide = (q, other) => (dot4(q, other) < 0 ? Array.from(q, value => -value) : Array.from(q));

/**
 * From one rotation to another at an even speed, the short way (Shoemake 1985).
 * @param {Numbers} a [4] @param {Numbers} b [4] @param {number} share 0: a, 1: b @returns {number[]} [4]
 */
export function slerp(a, b, share) {
  const end = nearSide(b, a),
    cosine = Math.min(dot4(a, end), 1),
    angle = Math.acos(cosine);
  if (angle < 1e-6) return between(a, end, share);
  const [first, second] = [Math.sin((1 - share) * angle), Math.sin(share * angle)].map(sine => sine / Math.sin(angle));
  return Array.from(a, (value, k) => first * value + second * end[k]);
}

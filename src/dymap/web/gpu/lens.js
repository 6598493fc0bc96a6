// @ts-check
/** A view becomes rays: the numbers that march.wgsl begins with. */

/**
 * @typedef {object} ViewRays pixel (i, j) of a picture looks along right i + down j + ahead, world
 * @property {number[]} right [3] @property {number[]} down [3] @property {number[]} ahead [3]
 * @property {number[]} origin [3] world, metres
 */

/**
 * The rays of a view's picture. A lens by its field of view has its principal point in the middle, and pixel centres at
 * + 0.5; one by K has them at whole numbers, shows all of its image and widens to the picture's shape.
 * @param {import("../engines/engine.js").View} view
 * @param {number} width of the picture, pixels
 * @param {number} height
 * @returns {ViewRays}
 */
export function raysOfView(view, width, height) {
  const { R, T } = view;
  const { fx, fy, cx, cy, skew } = view.K ? fittedLens(view.K, Number(view.width), Number(view.height), width, height) : openLens(Number(view.fov), width, height);
  // x_cam = K^-1 [i, j, 1]: columns of the inverse.
  const columns = [[1 / fx, 0, 0], [-skew / (fx * fy), 1 / fy, 0], [(skew * cy) / (fx * fy) - cx / fx, -cy / fy, 1]]; // prettier-ignore
  const [right, down, ahead] = columns.map((column) => turnedBack(R, column));
  return { right, down, ahead, origin: turnedBack(R, T).map((x) => -x) };
}

/**
 * R^T v.
 * @param {ArrayLike<number>} R [9]
 * @param {ArrayLike<number>} v [3]
 */
function turnedBack(R, v) {
  return [0, 1, 2].map((k) => R[k] * v[0] + R[3 + k] * v[1] + R[6 + k] * v[2]);
}

/**
 * @param {number} fov vertical, radians
 * @param {number} width
 * @param {number} height
 */
function openLens(fov, width, height) {
  const focal = height / 2 / Math.tan(fov / 2);
  return { fx: focal, fy: focal, cx: width / 2 - 0.5, cy: height / 2 - 0.5, skew: 0 };
}

/**
 * `Camera.fitted` (docs/conventions.md): the field of view stays along the side that is the shorter one against the
 * camera's own image, and widens along the other, equally on both sides.
 * @param {ArrayLike<number>} K [9]
 * @param {number} ownWidth of K's image, pixels
 * @param {number} ownHeight
 * @param {number} width
 * @param {number} height
 */
function fittedLens(K, ownWidth, ownHeight, width, height) {
  const scale = Math.min(width / ownWidth, height / ownHeight);
  return {
    fx: K[0] * scale,
    fy: K[4] * scale,
    cx: K[2] * scale + (width - scale * ownWidth) / 2,
    cy: K[5] * scale + (height - scale * ownHeight) / 2,
    skew: K[1] * scale,
  };
}

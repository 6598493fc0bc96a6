// @ts-check
/** Depths out of what the march writes: [height * width * 2] metres along the ray, and where it leaves the box. */

const AWAY = 1e38; // metres: rays that miss the box end beyond

/**
 * [height * width] metres along the ray, of which the light that passes has a share at the ray's end; infinity if a ray
 * misses the box.
 * @param {Float32Array} both
 */
export function rayDepths(both) {
  return Float32Array.from({ length: both.length / 2 }, (_, i) => (both[2 * i + 1] < AWAY ? both[2 * i] : Infinity));
}

/**
 * [height * width] metres along the ray to what is seen: the share of the ray's end is taken out. Infinity where nothing
 * is seen.
 * @param {Float32Array} colours [height * width * 4] the last of each four is opacity
 * @param {Float32Array} both
 */
export function seenDepths(colours, both) {
  return Float32Array.from({ length: both.length / 2 }, (_, i) => {
    const opacity = colours[4 * i + 3];
    return opacity > 0 ? (both[2 * i] - (1 - opacity) * both[2 * i + 1]) / Math.max(opacity, 1e-6) : Infinity;
  });
}

/**
 * Distances between which everything lies that a camera sees of a clip's boxes, metres: one scale for the whole clip.
 * @param {import("../engines/engine.js").View} view
 * @param {Float32Array} boxes [frames * 6] metres, world
 * @returns {number[]} nearest and farthest
 */
export function depthRange({ R, T }, boxes) {
  const eye = [0, 1, 2].map((k) => -(R[k] * T[0] + R[3 + k] * T[1] + R[6 + k] * T[2]));
  let [near, far] = [Infinity, 0];
  for (let at = 0; at < boxes.length; at += 6) {
    let [closest, farthest] = [0, 0];
    for (let k = 0; k < 3; k++) {
      const [low, high] = [boxes[at + k] - eye[k], boxes[at + 3 + k] - eye[k]];
      closest += Math.max(low, -high, 0) ** 2;
      farthest += Math.max(-low, high) ** 2;
    }
    [near, far] = [Math.min(near, closest), Math.max(far, farthest)];
  }
  return [Math.sqrt(near), Math.sqrt(far)];
}

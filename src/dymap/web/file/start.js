// @ts-check
/** What a decoder's parameters began with, out of a seed (docs/format.md, Version 2). */

/**
 * factor x number for some values of a parameter.
 * @param {string} kind uniform, normal or blocks
 * @param {number} factor
 * @param {number} seed
 * @param {number} index of the parameter among all
 * @param {number} first of the values, in C order; with `blocks`, which are kernels [a, b, 4, 4], a multiple of 16
 * @param {number} count with `blocks` a multiple of 16
 * @returns {Float64Array} [count]
 */
export function begunWith(kind, factor, seed, index, first, count) {
  const values = new Float64Array(count);
  const key = mixedWord(index ^ mixedWord(seed));
  if (kind === "uniform") {
    for (let i = 0; i < count; i++) values[i] = factor * (2 * unitOf((first + i) ^ key) - 1);
  } else if (kind === "normal") {
    for (let i = 0; i < count; i++) values[i] = factor * normalNumber(first + i, key);
  } else {
    for (let block = 0; block < count / 4; block++) {
      const value = factor * normalNumber(first / 4 + block, key);
      const at = 16 * (block >> 2) + 8 * ((block >> 1) & 1) + 2 * (block & 1);
      values[at] = values[at + 1] = values[at + 4] = values[at + 5] = value;
    }
  }
  return values;
}

/**
 * @param {number} k
 * @param {number} key
 */
function normalNumber(k, key) {
  return Math.sqrt(-2 * Math.log(unitOf((2 * k) ^ key))) * Math.cos(2 * Math.PI * unitOf((2 * k + 1) ^ key));
}

/** @param {number} word */
function unitOf(word) {
  return ((mixedWord(word) >>> 0) + 0.5) / 2 ** 32;
}

/** @param {number} word */
function mixedWord(word) {
  word ^= word >>> 16;
  word = Math.imul(word, 0x7feb352d);
  word ^= word >>> 15;
  word = Math.imul(word, 0x846ca68b);
  return word ^ (word >>> 16);
}

// @ts-check
/** The configuration in a header: options of the field, of rendering and of baking, each within its bounds. */
import { asMapping, asNumber, asNumbers, asWhole } from "./checks.js";
import { ClipFault, shortText } from "./faults.js";

/**
 * @typedef {object} HashOptions
 * @property {number} levels @property {number} log2_size @property {number} features F
 * @property {number} base @property {number} finest @property {number} time_share
 *
 * @typedef {object} FieldOptions
 * @property {HashOptions} hash
 * @property {number} code_dim @property {number} width
 * @property {number} plane_size P @property {number} map_size S
 * @property {number} hidden H @property {number} layers 2 or 3 @property {boolean} overlap
 * @property {"fourier" | "sh"} directions @property {number} direction_degree
 * @property {number} channels C: levels * F
 * @property {number} view_dim V: length of the view embedding
 * @property {number} map_params parameters of one tiny MLP
 */

/** @typedef {(value: unknown, what: string) => any} OptionCheck */

/** @type {Record<string, [OptionCheck, any]>} of each option its check and its default */
const HASH_OPTIONS = {
  levels: [wholeWithin(1, 64), 16],
  log2_size: [wholeWithin(1, 28), 19],
  features: [wholeWithin(1, 64), 2],
  base: [wholeWithin(2, 4096), 16],
  finest: [wholeWithin(2, 16384), 1024],
  time_share: [(value, what) => asNumber(value, what, Number.MIN_VALUE, 1), 1],
};
/** @type {Record<string, [OptionCheck, any]>} */
const FIELD_OPTIONS = {
  hash: [hashOptions, {}],
  codes: [oneOf("embedding"), "embedding"],
  encoder_views: [(value, what) => asNumbers(value, what, 0), []],
  code_dim: [wholeWithin(1, 65536), 256],
  width: [wholeWithin(4, 16384), 256],
  plane_size: [powerOfTwo(8, 8192), 256],
  map_size: [powerOfTwo(1, 8192), 16],
  hidden: [wholeWithin(1, 4096), 32],
  layers: [oneOf(2, 3), 3],
  overlap: [oneOf(true, false), true],
  directions: [oneOf("fourier", "sh"), "fourier"],
  direction_degree: [wholeWithin(0, 16), 2],
};
/** @type {Record<string, [OptionCheck, any]>} */
const RENDER_OPTIONS = {
  samples: [wholeWithin(1, 65536), 64],
  max_samples: [wholeWithin(1, 65536), 256],
  background: [oneOf("black", "white"), "black"],
};
/** @type {Record<string, [OptionCheck, any]>} */
const BAKE_OPTIONS = {
  grid: [(value, what) => asNumbers(value, what, 3).map((one) => asWhole(one, what, 1, 4096)), [24, 24, 48]],
  subsamples: [(value, what) => asNumbers(value, what, 3).map((one) => asWhole(one, what, 2, 64)), [5, 5, 5]],
  threshold: [(value, what) => asNumber(value, what, -1e38, 1e38), 5],
};

/**
 * @param {unknown} held
 * @returns {FieldOptions}
 */
export function fieldOptions(held) {
  const field = checkedOptions(held, "field", FIELD_OPTIONS);
  if (field.map_size > field.plane_size || (field.overlap && field.map_size < 2)) {
    throw new ClipFault(`field.map_size is ${field.map_size} with planes of ${field.plane_size}`);
  }
  if (field.directions === "sh" && !(field.direction_degree >= 1 && field.direction_degree <= 4)) {
    throw new ClipFault(`field.direction_degree is ${field.direction_degree}, expected 1 to 4 with directions = sh`);
  }
  const channels = field.hash.levels * field.hash.features;
  const degree = field.direction_degree;
  const views = field.directions === "fourier" ? 3 * (2 * degree + 1) : degree ** 2;
  const H = field.hidden;
  const last = H * 3;
  const map_params = field.layers === 3 ? channels * H + (H + views) * H + last : (channels + views) * H + last;
  return { ...field, channels, view_dim: views, map_params };
}

/**
 * @param {unknown} held
 * @returns {{samples: number, max_samples: number, background: "black" | "white"}}
 */
export function renderOptions(held) {
  return checkedOptions(held, "render", RENDER_OPTIONS);
}

/**
 * @param {unknown} held
 * @returns {{grid: number[], subsamples: number[], threshold: number}}
 */
export function bakeOptions(held) {
  return checkedOptions(held, "bake", BAKE_OPTIONS);
}

/**
 * @param {unknown} held
 * @returns {HashOptions}
 */
function hashOptions(held) {
  const hash = checkedOptions(held, "field.hash", HASH_OPTIONS);
  if (hash.finest < hash.base) throw new ClipFault(`field.hash.finest is ${hash.finest}, expected ${hash.base} or more`);
  return hash;
}

/**
 * @param {unknown} held
 * @param {string} what
 * @param {Record<string, [OptionCheck, any]>} options
 * @returns {any} all options
 */
function checkedOptions(held, what, options) {
  const given = asMapping(held, what);
  for (const key of Object.keys(given)) {
    if (!Object.hasOwn(options, key)) throw new ClipFault(`${what} has an unknown key ${shortText(key)}`);
  }
  return Object.fromEntries(
    Object.entries(options).map(([key, [check, usual]]) => {
      return [key, check(Object.hasOwn(given, key) ? given[key] : usual, `${what}.${key}`)];
    }),
  );
}

/**
 * @param {number} low
 * @param {number} high
 * @returns {OptionCheck}
 */
function wholeWithin(low, high) {
  return (value, what) => asWhole(value, what, low, high);
}

/**
 * @param {number} low
 * @param {number} high
 * @returns {OptionCheck}
 */
function powerOfTwo(low, high) {
  return (value, what) => {
    const found = asWhole(value, what, low, high);
    if (found & (found - 1)) throw new ClipFault(`${what} is ${found}, expected a power of two`);
    return found;
  };
}

/**
 * @param {...any} choices
 * @returns {OptionCheck}
 */
function oneOf(...choices) {
  return (value, what) => {
    if (!choices.includes(value)) throw new ClipFault(`${what} is ${shortText(value)}, expected ${choices.join(" or ")}`);
    return value;
  };
}

// @ts-check
/** Checks of what a header says: plain values of JSON, each of the kind and within the bounds that it must have. */
import { ClipFault, shortText } from "./faults.js";

/**
 * @param {unknown} value
 * @param {string} what
 * @returns {Record<string, any>}
 */
export function asMapping(value, what) {
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    throw new ClipFault(`${what} is ${shortText(value)}, expected a mapping`);
  }
  return value;
}

/**
 * @param {unknown} value
 * @param {string} what
 * @param {number} [most]
 * @returns {any[]}
 */
export function asList(value, what, most = Infinity) {
  if (!Array.isArray(value) || value.length > most) {
    throw new ClipFault(`${what} is ${shortText(value)}, expected a list${most < Infinity ? ` of at most ${most}` : ""}`);
  }
  return value;
}

/**
 * @param {unknown} value
 * @param {string} what
 * @param {number} [most] letters
 */
export function asText(value, what, most = Infinity) {
  if (typeof value !== "string" || value.length > most) throw new ClipFault(`${what} is ${shortText(value)}, expected a text`);
  return value;
}

/**
 * A finite number from `low` to `high`.
 * @param {unknown} value
 * @param {string} what
 * @param {number} low
 * @param {number} high
 */
export function asNumber(value, what, low = -Number.MAX_VALUE, high = Number.MAX_VALUE) {
  if (typeof value !== "number" || !(value >= low && value <= high)) {
    throw new ClipFault(`${what} is ${shortText(value)}, expected a number from ${low} to ${high}`);
  }
  return value;
}

/**
 * @param {unknown} value
 * @param {string} what
 * @param {number} low
 * @param {number} high
 */
export function asWhole(value, what, low, high) {
  if (!Number.isInteger(value)) throw new ClipFault(`${what} is ${shortText(value)}, expected a whole number`);
  return asNumber(value, what, low, high);
}

/**
 * @param {unknown} value
 * @param {string} what
 * @param {number} count
 * @param {number} [low]
 * @param {number} [high]
 * @returns {number[]} so many finite numbers; lists of lists are one after the other
 */
export function asNumbers(value, what, count, low, high) {
  const values = asList(value, what).flat();
  if (values.length !== count) throw new ClipFault(`${what} holds ${values.length} numbers, expected ${count}`);
  return values.map((one) => asNumber(one, what, low, high));
}

/**
 * @param {unknown} value
 * @param {string} what
 * @param {number} most how many
 * @param {number} below
 * @returns {number[]}
 */
export function asWholeNumbers(value, what, most, below) {
  return asList(value, what, most).map((one) => asWhole(one, what, 0, below - 1));
}

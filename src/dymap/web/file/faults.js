// @ts-check
/** What is wrong with a file or a source, in one sentence that people can read. Anything else that is thrown is a bug. */
export class ClipFault extends Error {
  /** @param {string} message */
  constructor(message) {
    super(message);
    this.name = "ClipFault";
  }
}

/**
 * Text of a stranger's file for a sentence: short, and on one line.
 * @param {unknown} value
 * @param {number} [most] letters
 */
export function shortText(value, most = 40) {
  const text = typeof value === "string" ? value.slice(0, 10 * most) : plainText(value, most);
  const shown = text.replace(/[^\p{L}\p{N}\p{P}\p{S} ]/gu, "?");
  return shown.length > most ? `${shown.slice(0, most)}...` : shown;
}

/**
 * @param {unknown} value
 * @param {number} most
 * @returns {string}
 */
function plainText(value, most) {
  if (Array.isArray(value)) return `[${value.slice(0, most).map((one) => (one && typeof one === "object" ? "..." : String(one))).join(", ")}]`;
  return value && typeof value === "object" ? "a mapping" : String(value);
}

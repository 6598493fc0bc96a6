// @ts-check
/**
 * What a page has asked for before its modules were there (early_requests.js): the first bytes of its clip.
 *
 * @typedef {{start: number, stop: number, answer: Promise<Response>}} EarlyAnswer
 */

/**
 * The answers of an address, in order and back to back from byte 0; each can be read once, so they are given once.
 * @param {string} address
 * @returns {EarlyAnswer[]}
 */
export function earlyAnswers(address) {
  const told = /** @type {any} */ (globalThis).dymapEarly;
  if (!told || told.address !== absolute(address)) return [];
  delete (/** @type {any} */ (globalThis).dymapEarly);
  return told.parts;
}

/** @param {string} address */
function absolute(address) {
  const base = globalThis.document?.baseURI;
  return URL.canParse(address, base) ? new URL(address, base).href : address;
}

// @ts-check
/**
 * What a page has asked for before its modules were there (early_requests.js): the first bytes of its clip, and the GPU.
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
  return told?.address === absolute(address) ? told.parts.splice(0) : [];
}

/** @returns {Promise<GPUAdapter | null> | undefined} the adapter, of which one device can be had */
export function earlyAdapter() {
  const told = /** @type {any} */ (globalThis).dymapEarly;
  const adapter = told?.adapter;
  if (told) told.adapter = undefined;
  return adapter;
}

/** @param {string} address */
function absolute(address) {
  const base = globalThis.document?.baseURI;
  return URL.canParse(address, base) ? new URL(address, base).href : address;
}

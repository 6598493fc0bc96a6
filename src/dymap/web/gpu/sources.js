// @ts-check
/** Where shaders come from: the one place where they are read. A bundle carries them with their addresses. */

/** @type {Map<string, Promise<string>>} each is read once */
const shaderTexts = new Map();

/**
 * The text of a template, `web/gpu/NAME.wgsl`.
 * @param {string} name
 * @returns {Promise<string>}
 */
export function shaderText(name) {
  const found = shaderTexts.get(name) ?? readShader(name);
  shaderTexts.set(name, found);
  found.catch(() => shaderTexts.delete(name)); // whoever asks next tries again
  return found;
}

/**
 * @param {string} name
 * @returns {Promise<string>}
 */
async function readShader(name) {
  const address = new URL(`./${name}.wgsl`, import.meta.url);
  const { carried } = /** @type {{carried?: string}} */ (/** @type {any} */ (address));
  if (carried !== undefined) return carried;
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${name}.wgsl is missing beside this page (${answer.status}); was the folder copied whole?`);
  return answer.text();
}

// @ts-check
/** Where shaders come from: the one place where they are read. A bundle replaces this function. */

/**
 * The text of a template, `web/gpu/NAME.wgsl`.
 * @param {string} name
 * @returns {Promise<string>}
 */
export async function shaderText(name) {
  const answer = await fetch(new URL(`./${name}.wgsl`, import.meta.url));
  if (!answer.ok) throw new Error(`${name}.wgsl is missing beside this page (${answer.status}); was the folder copied whole?`);
  return answer.text();
}

// @ts-check
/**
 * Shaders out of their templates; `dymap/gpu/template.py` does the same.
 *
 * A template is WGSL with loops that are written out: the lines between `$for NAME COUNT` and `$end`, COUNT times, with
 * the number of the turn for `$NAME`. COUNT is a number, or the name of a constant. Loops may lie within each other.
 */

const MOST_SHADER_LINES = 200_000; // larger ones take minutes to compile

/**
 * WGSL out of templates, one behind the other, with constants (whole numbers, u32) before them.
 * @param {string[]} parts
 * @param {Record<string, number>} constants
 * @returns {string}
 */
export function writeShader(parts, constants) {
  const lines = Object.entries(constants).map(([name, value]) => `const ${name} = ${value}u;`);
  for (const part of parts) lines.push(...writtenOut(part.replace(/\n$/, "").split("\n"), constants));
  return lines.join("\n") + "\n";
}

/**
 * @param {string[]} lines
 * @param {Record<string, number>} constants
 * @returns {string[]}
 */
function writtenOut(lines, constants) {
  /** @type {string[]} */
  const out = [];
  for (let at = 0; at < lines.length; at++) {
    const found = /^\s*\$for (\w+) (\w+)\s*$/.exec(lines[at]);
    if (!found) {
      out.push(lines[at]);
      continue;
    }
    const [, name, count] = found;
    const end = endOfLoop(lines, at);
    const body = lines.slice(at + 1, end);
    const number = new RegExp(`\\$${name}\\b`, "g");
    const turns = /^\d+$/.test(count) ? Number(count) : constants[count];
    for (let turn = 0; turn < turns; turn++) {
      out.push(...writtenOut(body.map((line) => line.replace(number, String(turn))), constants));
      if (out.length > MOST_SHADER_LINES) throw new Error(`a shader of more than ${MOST_SHADER_LINES} lines`);
    }
    at = end;
  }
  return out;
}

/**
 * The line with the `$end` of the loop that begins at a line.
 * @param {string[]} lines
 * @param {number} first
 */
function endOfLoop(lines, first) {
  let depth = 0;
  for (let at = first; at < lines.length; at++) {
    if (lines[at].trimStart().startsWith("$for ")) depth++;
    if (lines[at].trim() === "$end") depth--;
    if (depth === 0) return at;
  }
  throw new Error(`a loop without end: ${lines[first].trim()}`);
}

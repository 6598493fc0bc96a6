// @ts-check
/** The sizes that a configuration gives: shapes of the decoder's parameters and levels of the hash grids (docs/method.md). */
import { asList, asMapping, asNumber, asNumbers, asWhole } from "./checks.js";
import { ClipFault } from "./faults.js";

/**
 * Names and shapes of the decoder's parameters in the order of the file.
 * @param {import("./options.js").FieldOptions} field
 * @returns {[string, number[]][]}
 */
export function decoderShapes(field) {
  const { width, channels } = field;
  const steps = Math.log2(field.plane_size) - 2;
  const last = width >> 2;
  /** @type {[string, number[]][]} */
  const shapes = [];
  const layer = (/** @type {string} */ name, /** @type {number[]} */ weight, /** @type {number[]} */ bias) => {
    shapes.push([`decoder.${name}.weight`, weight], [`decoder.${name}.bias`, bias]);
  };
  layer("code", [16 * width, field.code_dim], [16 * width]);
  let inputs = width;
  for (let step = 0; step < steps; step++) {
    const outputs = step === steps - 1 ? last : step % 2 ? inputs >> 1 : inputs;
    const size = 8 * 2 ** step;
    layer(`up.${step}`, [inputs, outputs, 4, 4], [outputs, size, size]);
    inputs = outputs;
  }
  layer("features", [3 * channels, last, 3, 3], [3 * channels]);
  layer("density", [3 * channels, last, 3, 3], [3 * channels]);
  inputs = last;
  for (let step = 0; step < Math.log2(field.plane_size / field.map_size); step++) {
    const outputs = step % 2 ? 2 * inputs : inputs;
    layer(`trunk.${2 * step}`, [outputs, inputs, 3, 3], [outputs]);
    inputs = outputs;
  }
  for (const axis of "xyz") layer(`map_${axis}`, [field.map_params, inputs, 3, 3], [field.map_params]);
  return shapes;
}

/**
 * The header's own list of shapes, which must be what the configuration gives.
 * @param {unknown} held
 * @param {[string, number[]][]} expected
 */
export function checkShapes(held, expected) {
  const found = Object.entries(asMapping(held, "decoder_shapes"));
  const same = (/** @type {[string, any]} */ [name, shape], /** @type {number} */ index) => {
    const [wanted, sides] = expected[index] ?? ["", []];
    return name === wanted && Array.isArray(shape) && shape.length === sides.length && sides.every((n, k) => n === shape[k]);
  };
  if (found.length !== expected.length || !found.every(same)) {
    throw new ClipFault("decoder_shapes are not those of the field's configuration");
  }
}

/**
 * Levels of each of the three hash tables.
 * @typedef {object} HashLevels
 * @property {number[]} scales cells along an axis of [0, 1]
 * @property {number[]} resolutions vertices along an axis
 * @property {number[]} lengths entries
 * @property {number[]} offsets [levels + 1] running sums of lengths
 */

/**
 * The header's levels, which must be what the configuration gives; powers may differ in their last bits.
 * @param {unknown} held
 * @param {import("./options.js").HashOptions} hash
 * @returns {HashLevels}
 */
export function hashLevels(held, hash) {
  const given = asMapping(held, "hash_levels");
  const scales = asNumbers(given.scales, "hash_levels.scales", hash.levels, 1, 2 * hash.finest);
  const resolutions = asList(given.resolutions, "hash_levels.resolutions");
  const lengths = asList(given.lengths, "hash_levels.lengths");
  const growth = Math.log2(hash.finest / hash.base) / Math.max(hash.levels - 1, 1);
  const offsets = [0];
  for (let level = 0; level < hash.levels; level++) {
    const scale = hash.base * 2 ** (level * growth) - 1;
    asNumber(scales[level], "a scale of hash_levels", scale * (1 - 1e-5), scale * (1 + 1e-5));
    const side = Math.ceil(scales[level]) + 1;
    asWhole(resolutions[level], "a resolution of hash_levels", side, side);
    const entries = Math.min(2 ** hash.log2_size, side ** 3);
    asWhole(lengths[level], "a length of hash_levels", entries, entries);
    offsets.push(offsets[level] + entries);
  }
  if (resolutions.length !== hash.levels || lengths.length !== hash.levels) {
    throw new ClipFault(`hash_levels has ${resolutions.length} resolutions and ${lengths.length} lengths for ${hash.levels} levels`);
  }
  return { scales, resolutions, lengths, offsets };
}

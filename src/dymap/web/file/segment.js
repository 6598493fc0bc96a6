// @ts-check
/** A segment out of the bytes of its chunk: numbers as a GPU wants them (docs/format.md). */
import { ClipFault } from "./faults.js";
import { readHash } from "./hash.js";
import { readOccupancy } from "./occupancy.js";
import { begunWith } from "./start.js";
import { VALUES_PIECE, readValues, valuesOf } from "./values.js";

/**
 * @typedef {Record<string, Float32Array>} DecoderValues by name, in C order of the shapes in Facts
 *
 * @typedef {object} SegmentNumbers
 * @property {Float32Array} codes [frames, code_dim]
 * @property {DecoderValues | null} decoder null: that of the clip
 * @property {Float32Array[]} hash xyt, xzt, yzt: [entries, F]; levels one after the other, see Facts.levels
 * @property {Uint32Array} occupancy [frames, words], a bit a voxel, see occupancy.js
 */

/** @typedef {Pick<import("./facts.js").Facts, "field" | "grid" | "levels" | "shapes" | "spans" | "quantiser" | "start">} Plan */

/** Decodes the parts of one clip, in steps between which others may do something. */
export class SegmentDecoder {
  /**
   * @param {Plan} plan
   * @param {boolean} changes whether a segment has a decoder of its own
   */
  constructor(plan, changes) {
    this.plan = plan;
    this.changes = changes;
    /** @type {Map<string, Int32Array> | null} symbols of the decoder that segments share, if any differs from it */
    this.shared = null;
  }

  /**
   * The decoder that segments share.
   * @param {Uint8Array} data
   * @returns {Generator<void, DecoderValues>}
   */
  *decoder(data) {
    const symbols = yield* ofPart("decoder", readValues(data, this.plan.shapes));
    if (this.changes) this.shared = symbols;
    return yield* this.values(symbols);
  }

  /**
   * A segment, once the shared decoder was decoded.
   * @param {number} index
   * @param {Record<string, Uint8Array>} sections
   * @returns {Generator<void, SegmentNumbers>}
   */
  *segment(index, sections) {
    const { field, grid, levels, spans, quantiser } = this.plan;
    const frames = spans[index].stop - spans[index].first;
    const steps = quantiser.segments[index];
    const named = (/** @type {string} */ part) => `segment ${index}, ${part}`;
    const codes = yield* ofPart(named("codes"), readValues(sections.codes, [["codes.weight", [frames, field.code_dim]]]));
    const decoder = sections.decoder.length ? yield* ofPart(named("decoder"), this.changed(sections.decoder)) : null;
    const hash = yield* ofPart(named("hash"), readHash(sections.hash, levels.lengths, field.hash.features, steps.hash));
    const occupancy = yield* ofPart(named("occupancy"), readOccupancy(sections.occupancy, frames, grid));
    const symbols = /** @type {Int32Array} */ (codes.get("codes.weight"));
    const numbers = new Float32Array(symbols.length);
    valuesOf(symbols, steps.codes, null, numbers);
    yield* checkFinite("codes.weight", numbers);
    for (const table of hash) yield* checkFinite("a hash table", table);
    return { codes: numbers, decoder, hash, occupancy };
  }

  /**
   * The shared decoder and what is added to it.
   * @param {Uint8Array} data
   * @returns {Generator<void, DecoderValues>}
   */
  *changed(data) {
    const symbols = yield* readValues(data, this.plan.shapes);
    for (const [name, shared] of /** @type {Map<string, Int32Array>} */ (this.shared)) {
      const own = /** @type {Int32Array} */ (symbols.get(name));
      for (let i = 0; i < own.length; i++) own[i] += shared[i];
    }
    return yield* this.values(symbols);
  }

  /**
   * @param {Map<string, Int32Array>} symbols
   * @returns {Generator<void, DecoderValues>}
   */
  *values(symbols) {
    const { quantiser, start } = this.plan;
    /** @type {DecoderValues} */
    const values = {};
    for (const [index, [name, found]] of [...symbols].entries()) {
      const [kind, factor] = start?.[name] ?? [null, 0];
      const own = (values[name] = new Float32Array(found.length));
      for (let at = 0; at < own.length; at += VALUES_PIECE) {
        const piece = own.subarray(at, at + VALUES_PIECE);
        const begun = kind && begunWith(kind, factor, /** @type {number} */ (quantiser.start), index, at, piece.length);
        valuesOf(found.subarray(at, at + VALUES_PIECE), quantiser.decoder[name], begun || null, piece);
        yield;
      }
      yield* checkFinite(name, own);
    }
    return values;
  }
}

/**
 * The same steps; what is wrong is said of a part.
 * @template T
 * @param {string} part
 * @param {Generator<void, T>} steps
 * @returns {Generator<void, T>}
 */
function* ofPart(part, steps) {
  try {
    return yield* steps;
  } catch (error) {
    throw error instanceof ClipFault ? new ClipFault(`damaged file (${part}: ${error.message})`) : error;
  }
}

/**
 * @param {string} name
 * @param {Float32Array} values
 * @returns {Generator<void, void>}
 */
function* checkFinite(name, values) {
  let sum = 0;
  for (let at = 0; at < values.length; at += 64 * VALUES_PIECE) {
    const stop = Math.min(at + 64 * VALUES_PIECE, values.length);
    for (let i = at; i < stop; i++) sum += values[i] - values[i]; // 0, or NaN from then on
    yield;
  }
  if (sum !== 0) throw new ClipFault(`${name} holds values that are not finite; the file is damaged`);
}

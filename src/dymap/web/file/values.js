// @ts-check
/** Quantised parameters as a stream (docs/format.md, Values), and what their symbols stand for. */
import { Stream } from "./rans.js";

/** Symbols that are decoded in one go: whole rounds of lanes, so that a call in pieces is the same call. */
export const VALUES_PIECE = 2 ** 14;

/**
 * The symbols of some parameters, one after the other; whoever asks may do something else in between.
 * @param {Uint8Array} data
 * @param {[string, number[]][]} shapes names and shapes, in the order of the file
 * @returns {Generator<void, Map<string, Int32Array>>} of each parameter its symbols in C order
 * Throws ClipFault if the stream is none of those.
 */
export function* readValues(data, shapes) {
  const stream = new Stream(data, 2 * shapes.length);
  const out = new Map();
  for (const [index, [name, shape]] of shapes.entries()) {
    const values = new Int32Array(shapeSize(shape));
    if (inBlocks(name, shape)) yield* readBlocks(stream, 2 * index, values);
    else yield* readNumbers(stream, 2 * index, values);
    out.set(name, values);
  }
  stream.finish();
  return out;
}

/**
 * What symbols stand for: the one place where a value is made (docs/format.md, Version 2).
 * @param {Int32Array} symbols
 * @param {number} step
 * @param {Float64Array | null} begun what the parameter began with: factor x number
 * @param {Float32Array} values to be filled
 */
export function valuesOf(symbols, step, begun, values) {
  if (begun) for (let i = 0; i < values.length; i++) values[i] = (symbols[i] + Math.round(begun[i] / step)) * step;
  else for (let i = 0; i < values.length; i++) values[i] = symbols[i] * step;
}

/** @param {number[]} shape */
export function shapeSize(shape) {
  return shape.reduce((size, side) => size * side, 1);
}

/**
 * Whether a parameter is the kernel of an upsampling [a, b, 4, 4], which is coded in blocks of 2 x 2.
 * @param {string} name
 * @param {number[]} shape
 */
export function inBlocks(name, shape) {
  return name.startsWith("decoder.up.") && name.endsWith(".weight") && shape.length === 4 && shape[2] === 4 && shape[3] === 4;
}

/**
 * One call for whole numbers.
 * @param {Stream} stream
 * @param {number} table
 * @param {Int32Array} values
 * @returns {Generator<void, void>}
 */
function* readNumbers(stream, table, values) {
  for (let at = 0; at < values.length; at += VALUES_PIECE) {
    const piece = values.subarray(at, at + VALUES_PIECE);
    stream.symbolsOf(table, piece.length, piece);
    stream.unfold(piece, piece.length);
    yield;
  }
}

/**
 * @param {Stream} stream
 * @param {number} table
 * @param {Int32Array} values [a b, 4, 4]
 * @returns {Generator<void, void>}
 */
function* readBlocks(stream, table, values) {
  const count = values.length / 4;
  const first = new Int32Array(count);
  const other = new Int32Array(count);
  for (let place = 0; place < 4; place++) {
    yield* readNumbers(stream, table + (place ? 1 : 0), place ? other : first);
    const inside = 4 * (place >> 1) + (place & 1);
    for (let block = 0; block < count; block++) {
      // Blocks of a kernel: row, column; numbers of a block: row, column.
      const at = 16 * (block >> 2) + 8 * ((block >> 1) & 1) + 2 * (block & 1) + inside;
      values[at] = place ? first[block] + other[block] : first[block];
    }
    yield;
  }
}

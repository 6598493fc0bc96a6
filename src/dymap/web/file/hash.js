// @ts-check
/** Quantised hash tables as a stream (docs/format.md, Hash tables). */
import { ClipFault } from "./faults.js";
import { Stream } from "./rans.js";
import { VALUES_PIECE } from "./values.js";

const HASH_FLAG_TABLES = 41;
const HASH_FINE = 4; // grids of flags, from the finest on, that have tables of their own
const HASH_KINDS = 6; // of entries, by the sum of the magnitudes of their features so far
const KIND_OF_SUM = Uint8Array.of(0, 1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 5);

/**
 * Three hash tables [entries, F] as numbers; whoever asks may do something else in between.
 * @param {Uint8Array} data
 * @param {number[]} lengths entries of each level
 * @param {number} features F
 * @param {number[]} steps of each level
 * @returns {Generator<void, Float32Array[]>} xyt, xzt, yzt
 * Throws ClipFault if the stream is none of such sizes.
 */
export function* readHash(data, lengths, features, steps) {
  const ofLevel = 1 + (features - 1) * HASH_KINDS;
  const stream = new Stream(data, HASH_FLAG_TABLES + lengths.length * ofLevel);
  const scratch = new HashScratch(Math.max(...lengths));
  const entries = lengths.reduce((sum, length) => sum + length, 0);
  const tables = [];
  for (let table = 0; table < 3; table++) {
    const values = new Float32Array(entries * features);
    let first = 0;
    for (const [level, length] of lengths.entries()) {
      const held = yield* readFlags(stream, length, scratch);
      const part = values.subarray(first * features, (first + length) * features);
      yield* readFeatures(stream, HASH_FLAG_TABLES + level * ofLevel, held, features, steps[level], part, scratch);
      first += length;
    }
    tables.push(values);
  }
  stream.finish();
  return tables;
}

/** Memory for a level of at most so many entries. */
class HashScratch {
  /** @param {number} most */
  constructor(most) {
    this.places = new Int32Array(most); // of flags that are set, in order
    this.parents = new Int32Array(most);
    this.flags = new Uint8Array(most + 3); // of a grid, one place further on, so that there is one before the first
    this.coarser = new Uint8Array(most + 3);
    this.which = new Uint16Array(most);
    this.even = new Int32Array(most);
    this.odd = new Int32Array(most);
    this.sums = new Uint8Array(most);
  }
}

/**
 * The pyramid of flags from coarse to fine.
 * @param {Stream} stream
 * @param {number} length entries
 * @param {HashScratch} scratch
 * @returns {Generator<void, number>} how many entries hold something: the first of scratch.places
 */
function* readFlags(stream, length, scratch) {
  const { which, even, odd } = scratch;
  const sizes = [length];
  while (sizes[sizes.length - 1] > 1) sizes.push((sizes[sizes.length - 1] + 1) >> 1);
  stream.symbolsOf(HASH_FLAG_TABLES - 1, 1, even);
  checkFlags(even[0]);
  let count = even[0];
  scratch.places[0] = 0;
  scratch.flags.fill(0, 0, 4);
  scratch.flags[1] = even[0];
  for (let depth = sizes.length - 2; depth >= 0; depth--) {
    const size = sizes[depth];
    const table = 8 * Math.min(depth, HASH_FINE);
    const parents = scratch.parents;
    parents.set(scratch.places.subarray(0, count));
    [scratch.flags, scratch.coarser] = [scratch.coarser, scratch.flags];
    const { flags, coarser, places } = scratch;
    flags.fill(0, 0, size + 3);
    for (let i = 0; i < count; i++) which[i] = table + 2 * coarser[parents[i]] + coarser[parents[i] + 2];
    yield* readSymbols(stream, which, count, even);
    let all = 0;
    for (let i = 0; i < count; i++) {
      flags[2 * parents[i] + 1] = even[i];
      all |= even[i];
    }
    const pairs = count && 2 * parents[count - 1] + 1 >= size ? count - 1 : count; // the last may have one child only
    for (let i = 0; i < pairs; i++) which[i] = table + 4 + 2 * even[i] + flags[2 * parents[i] + 3];
    yield* readSymbols(stream, which, pairs, odd);
    let found = 0;
    for (let i = 0; i < count; i++) {
      if (even[i]) places[found++] = 2 * parents[i];
      if (i < pairs && odd[i]) {
        places[found++] = 2 * parents[i] + 1;
        flags[2 * parents[i] + 2] = odd[i];
        all |= odd[i];
      }
    }
    checkFlags(all);
    count = found;
    if (size > VALUES_PIECE / 8) yield;
  }
  return count;
}

/**
 * Symbols each of a table of its own, a piece at a time.
 * @param {Stream} stream
 * @param {Uint16Array} which
 * @param {number} count
 * @param {Int32Array} out
 * @returns {Generator<void, void>}
 */
function* readSymbols(stream, which, count, out) {
  for (let at = 0; at < count; at += VALUES_PIECE) {
    if (at) yield;
    stream.symbols(which.subarray(at, at + VALUES_PIECE), Math.min(count - at, VALUES_PIECE), out.subarray(at, at + VALUES_PIECE));
  }
}

/** @param {number} flag */
function checkFlags(flag) {
  if (flag > 1) throw new ClipFault("a flag that is neither 0 nor 1");
}

/**
 * What the entries hold that hold something.
 * @param {Stream} stream
 * @param {number} table the level's first
 * @param {number} held how many, at the first of scratch.places
 * @param {number} features
 * @param {number} step
 * @param {Float32Array} values [entries of the level, features], zeros
 * @param {HashScratch} scratch
 * @returns {Generator<void, void>}
 */
function* readFeatures(stream, table, held, features, step, values, scratch) {
  const { places, sums, which, even: found } = scratch;
  sums.fill(0, 0, held);
  for (let feature = 0; feature < features; feature++) {
    const first = table + 1 + HASH_KINDS * (feature - 1);
    for (let at = 0; at < held; at += VALUES_PIECE) {
      if (at) yield;
      const stop = Math.min(at + VALUES_PIECE, held);
      const piece = found.subarray(at, stop);
      if (feature === 0) stream.symbolsOf(table, stop - at, piece);
      else {
        for (let i = at; i < stop; i++) which[i] = first + KIND_OF_SUM[sums[i]];
        stream.symbols(which.subarray(at, stop), stop - at, piece);
      }
      stream.unfold(piece, stop - at);
      for (let i = at; i < stop; i++) {
        const symbol = found[i];
        values[places[i] * features + feature] = symbol * step;
        const sum = sums[i] + (symbol < 0 ? -symbol : symbol);
        sums[i] = sum < 16 ? sum : 16;
      }
    }
    yield;
  }
}

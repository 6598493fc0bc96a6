// @ts-check
/**
 * A stream of symbols and whole numbers (docs/format.md, Streams): static rANS in 32 interleaved lanes.
 *
 * A stream is read in the calls in which it was written: which table a symbol has may depend on all calls before.
 * States are held as the bits of whole numbers of 32 bits, of whatever sign.
 */
import { ClipFault } from "./faults.js";

const RANS_LANES = 32;
const RANS_TOTAL = 4096;
const RANS_HEAD = 128; // bytes of the states
const RANS_ESCAPE = 255; // the symbol of numbers that have none of their own

export class Stream {
  /**
   * @param {Uint8Array} data the whole section
   * @param {number} tables how many there are
   * Throws ClipFault for what cannot be a stream.
   */
  constructor(data, tables) {
    this.symbolCount = 0; // of the alphabet
    this.frequencies = new Uint16Array(0); // [tables, symbols]
    /** @type {(Int32Array | null)[]} what a slot says, of the tables that were used: symbol, frequency - 1, distance */
    this.slots = [];
    const head = new VarintReader(data);
    this.readTables(head, tables);
    const length = head.next();
    if (length > data.length - head.at) throw new ClipFault("it ends before its numbers");
    this.escaped = new VarintReader(data.subarray(head.at, head.at + length));
    const coded = data.slice(head.at + length); // where words lie at even places of the memory
    if (coded.length < RANS_HEAD) throw new ClipFault("it ends before its symbols");
    this.states = new Int32Array(coded.buffer, 0, RANS_LANES);
    this.words = new Uint16Array(coded.buffer, RANS_HEAD, (coded.length - RANS_HEAD) >> 1);
    this.word = 0; // the next one
    this.whole = coded.length % 2 === 0;
  }

  /**
   * The next `count` symbols, all of one table, into `out`.
   * @param {number} table
   * @param {number} count
   * @param {Int32Array} out [count] or longer
   */
  symbolsOf(table, count, out) {
    const { states, words } = this;
    const slots = this.slots[table] ?? this.makeSlots(table);
    let word = this.word;
    for (let i = 0; i < count; i++) {
      let x = states[i & 31];
      const slot = slots[x & 4095];
      x = (Math.imul(((slot >>> 8) & 4095) + 1, x >>> 12) + (slot >>> 20)) | 0;
      if (x >>> 16 === 0) x = (x << 16) | words[word++];
      states[i & 31] = x;
      out[i] = slot & 255;
    }
    this.advance(word);
  }

  /**
   * The next `count` symbols, each of a table of its own.
   * @param {Uint16Array} which [count] or longer: tables
   * @param {number} count
   * @param {Int32Array} out [count] or longer
   */
  symbols(which, count, out) {
    const { states, words, slots } = this;
    let word = this.word;
    for (let i = 0; i < count; i++) {
      let x = states[i & 31];
      const slot = (slots[which[i]] ?? this.makeSlots(which[i]))[x & 4095];
      x = (Math.imul(((slot >>> 8) & 4095) + 1, x >>> 12) + (slot >>> 20)) | 0;
      if (x >>> 16 === 0) x = (x << 16) | words[word++];
      states[i & 31] = x;
      out[i] = slot & 255;
    }
    this.advance(word);
  }

  /**
   * The same of an alphabet of one or two symbols: no slots are needed.
   * @param {Uint16Array} which
   * @param {number} count
   * @param {Uint8Array} out
   */
  bits(which, count, out) {
    const { states, words, frequencies, symbolCount } = this;
    let word = this.word;
    for (let i = 0; i < count; i++) {
      let x = states[i & 31];
      const zero = frequencies[symbolCount * which[i]];
      const slot = x & 4095;
      const one = (zero - 1 - slot) >> 31; // all bits, or none: nobody could foretell where this branches
      x = (Math.imul(zero + (one & (4096 - 2 * zero)), x >>> 12) + slot - (one & zero)) | 0;
      if (x >>> 16 === 0) x = (x << 16) | words[word++];
      states[i & 31] = x;
      out[i] = one & 1;
    }
    this.advance(word);
  }

  /**
   * Folded symbols in `values` become whole numbers: 0, 1, 2, 3, 4 .. are 0, -1, 1, -2, 2 ..; 255 says that more follows.
   * @param {Int32Array} values
   * @param {number} count
   */
  unfold(values, count) {
    for (let i = 0; i < count; i++) {
      const folded = values[i];
      values[i] = folded === RANS_ESCAPE ? unfolded(RANS_ESCAPE + this.escaped.next()) : (folded >>> 1) ^ -(folded & 1);
    }
  }

  /** Throws ClipFault if something is left. */
  finish() {
    const left = this.escaped.at < this.escaped.data.length || this.word !== this.words.length || !this.whole;
    if (left || this.states.some((state) => state !== 65536)) throw new ClipFault("it does not end where its symbols do");
  }

  /** @param {number} word */
  advance(word) {
    if (word > this.words.length) throw new ClipFault("it ends before its symbols");
    this.word = word;
  }

  /**
   * @param {VarintReader} head
   * @param {number} tables
   */
  readTables(head, tables) {
    const symbols = (this.symbolCount = head.next());
    if (symbols < 1 || symbols > 256) throw new ClipFault(`${symbols} symbols`);
    this.frequencies = new Uint16Array(tables * symbols);
    this.slots = new Array(tables).fill(null);
    for (let table = 0; table < tables; table++) {
      const held = head.next();
      if (held > symbols) throw new ClipFault("a table of too many symbols");
      let left = RANS_TOTAL;
      for (let symbol = 0; symbol < held - 1; symbol++) {
        const often = head.next();
        left -= often;
        if (left < 0) throw new ClipFault("frequencies of a table that sum up to too much");
        this.frequencies[table * symbols + symbol] = often;
      }
      this.frequencies[table * symbols + Math.max(held - 1, 0)] = left;
    }
  }

  /** @param {number} table */
  makeSlots(table) {
    const slots = new Int32Array(RANS_TOTAL);
    const first = table * this.symbolCount;
    let at = 0;
    for (let symbol = 0; symbol < this.symbolCount; symbol++) {
      const often = this.frequencies[first + symbol];
      for (let distance = 0; distance < often; distance++) slots[at++] = symbol | ((often - 1) << 8) | (distance << 20);
    }
    this.slots[table] = slots;
    return slots;
  }
}

/**
 * Beyond 32 bits, too.
 * @param {number} folded
 */
function unfolded(folded) {
  return folded % 2 ? -(folded + 1) / 2 : folded / 2;
}

/** Whole numbers below 2^31 in bytes of 7 bits, the lowest first. */
class VarintReader {
  /** @param {Uint8Array} data */
  constructor(data) {
    this.data = data;
    this.at = 0;
  }

  next() {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      if (this.at >= this.data.length || scale > 2 ** 28) throw new ClipFault("a number without end");
      const byte = this.data[this.at++];
      value += (byte & 127) * scale;
      if (byte < 128) break;
    }
    if (value >= 2 ** 31) throw new ClipFault("a number that is too large");
    return value;
  }
}

// @ts-check
/**
 * Parts of a file: half-open intervals of bytes.
 *
 * @typedef {{start: number, stop: number}} Interval
 */

/**
 * What of an interval is in none of the others.
 * @param {Interval} wanted
 * @param {Iterable<Interval>} held in any order; they may overlap
 * @returns {Interval[]} in order
 */
export function missingParts(wanted, held) {
  const parts = [];
  let at = wanted.start;
  for (const { start, stop } of [...held].sort((a, b) => a.start - b.start)) {
    if (stop <= at || start >= wanted.stop) continue;
    if (start > at) parts.push({ start: at, stop: start });
    at = stop;
  }
  if (at < wanted.stop) parts.push({ start: at, stop: wanted.stop });
  return parts;
}

/**
 * Neighbours become one: those that touch or overlap.
 * @param {Interval[]} parts
 * @param {number} most bytes that one may become; longer ones stay as they are
 * @returns {Interval[]} in order
 */
export function mergedParts(parts, most) {
  /** @type {Interval[]} */
  const merged = [];
  for (const { start, stop } of [...parts].sort((a, b) => a.start - b.start)) {
    const last = merged[merged.length - 1];
    const together = last && Math.max(stop, last.stop) - last.start;
    if (last && (start < last.stop || (start === last.stop && together <= most))) last.stop = last.start + together;
    else merged.push({ start, stop });
  }
  return merged;
}

/** Bytes of a file that are at hand; those that were used least recently go first. */
export class KeptBytes {
  /** @param {number} most bytes that all may take together */
  constructor(most) {
    this.most = most;
    /** @type {{start: number, stop: number, data: Uint8Array}[]} the most recently used last; none overlap */
    this.blocks = [];
  }

  /**
   * @param {number} start
   * @param {Uint8Array} data none of which is at hand
   */
  add(start, data) {
    this.blocks.push({ start, stop: start + data.length, data });
  }

  /**
   * Lets bytes go until the others fit.
   * @param {Interval[]} wanted what must stay
   */
  trim(wanted) {
    let sum = this.blocks.reduce((total, block) => total + block.data.length, 0);
    this.blocks = this.blocks.filter((block) => {
      if (sum <= this.most || wanted.some((one) => one.start < block.stop && block.start < one.stop)) return true;
      sum -= block.data.length;
      return false;
    });
  }

  /**
   * The bytes of an interval; null: they are not all at hand.
   * @param {number} start
   * @param {number} stop
   * @returns {Uint8Array | null}
   */
  take(start, stop) {
    const used = this.blocks.filter((block) => block.start < stop && start < block.stop);
    if (missingParts({ start, stop }, used).length) return null;
    if (stop > start) this.blocks = [...this.blocks.filter((block) => !used.includes(block)), ...used];
    if (used.length === 1) return used[0].data.subarray(start - used[0].start, stop - used[0].start);
    const data = new Uint8Array(stop - start);
    for (const block of used) {
      const part = block.data.subarray(Math.max(start - block.start, 0), stop - block.start);
      data.set(part, Math.max(block.start - start, 0));
    }
    return data;
  }
}

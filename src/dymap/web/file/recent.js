// @ts-check
/** Segments that were used last, kept while they fit into memory; the next is loaded ahead. */

const MAX_SEGMENT_BYTES = 256 * 2 ** 20;

/**
 * @typedef {import("./clip.js").ClipSegment} ClipSegment
 * @typedef {{promise: Promise<ClipSegment>, abort: AbortController, waiting: number, ahead: boolean}} Loading
 */

export class RecentSegments {
  /**
   * @param {(index: number, signal: AbortSignal, priority: number) => Promise<ClipSegment>} load
   * @param {() => void} changed other segments are here
   * @param {number} [maxBytes] what all may take together; the one used last always stays
   */
  constructor(load, changed, maxBytes = MAX_SEGMENT_BYTES) {
    this.load = load;
    this.changed = changed;
    this.maxBytes = maxBytes;
    this.count = 0; // segments of the clip
    /** @type {Map<number, ClipSegment>} the most recently used last */
    this.kept = new Map();
    /** @type {Map<number, Loading>} */
    this.loading = new Map();
    this.failed = -1; // the segment that could not be loaded ahead: not tried again before somebody asks for it
  }

  /** @param {number} index */
  has(index) {
    return this.kept.has(index);
  }

  /**
   * @param {number} index
   * @param {AbortSignal} [signal]
   * @returns {Promise<ClipSegment>}
   */
  async take(index, signal) {
    signal?.throwIfAborted();
    let segment = this.kept.get(index);
    if (!segment) {
      for (const [other, one] of this.loading) if (one.ahead && other !== index) this.cancel(other, one);
      segment = await this.wait(index, this.loading.get(index) ?? this.begin(index, false), signal);
    }
    this.kept.delete(index);
    this.kept.set(index, segment);
    this.trim();
    this.beginNext(segment);
    return segment;
  }

  close() {
    for (const [index, one] of this.loading) this.cancel(index, one);
    this.kept.clear();
  }

  /**
   * @param {number} index
   * @param {Loading} loading
   * @param {AbortSignal} [signal]
   * @returns {Promise<ClipSegment>}
   */
  async wait(index, loading, signal) {
    loading.waiting++;
    loading.ahead = false;
    const given = signal && new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
    try {
      return await /** @type {Promise<ClipSegment>} */ (given ? Promise.race([loading.promise, given]) : loading.promise);
    } finally {
      loading.waiting--;
      if (signal?.aborted && loading.waiting === 0) this.cancel(index, loading);
    }
  }

  /**
   * @param {number} index
   * @param {boolean} ahead whether nobody asked for it yet
   * @returns {Loading}
   */
  begin(index, ahead) {
    const abort = new AbortController();
    const load = async () => {
      try {
        const segment = await this.load(index, abort.signal, ahead ? 0 : 1);
        abort.signal.throwIfAborted();
        this.kept.set(index, segment);
        this.trim();
        this.changed();
        return segment;
      } catch (error) {
        if (!abort.signal.aborted) this.failed = index;
        throw error;
      } finally {
        if (this.loading.get(index)?.abort === abort) this.loading.delete(index);
      }
    };
    const loading = { promise: load(), abort, waiting: 0, ahead };
    loading.promise.catch(() => {}); // whoever waits is told; an error ahead is told when somebody asks
    this.loading.set(index, loading);
    return loading;
  }

  /**
   * The next segment, after the last the first, if there is room for it beside this one and nothing else is loaded.
   * @param {ClipSegment} segment
   */
  beginNext(segment) {
    const next = (segment.index + 1) % this.count;
    if (this.kept.has(next) || this.loading.size || this.failed === next || 2 * segment.nbytes > this.maxBytes) return;
    this.begin(next, true);
  }

  /**
   * @param {number} index
   * @param {Loading} loading
   */
  cancel(index, loading) {
    if (this.loading.get(index) === loading) this.loading.delete(index);
    loading.abort.abort();
  }

  /** Lets the least recently used go until the others fit. */
  trim() {
    let sum = 0;
    for (const segment of this.kept.values()) sum += segment.nbytes;
    for (const [index, segment] of this.kept) {
      if (sum <= this.maxBytes || this.kept.size === 1) return;
      this.kept.delete(index);
      sum -= segment.nbytes;
      this.changed();
    }
  }
}

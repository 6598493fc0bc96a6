// @ts-check
/** Frames that are on the GPU: decoded when they are needed or ahead, kept while there is room. */
import { GpuDecoder } from "./decoder.js";
import { destroyFrame, GpuSegment } from "./segment.js";

const FRAME_BYTES = 192 * 2 ** 20; // what decoded frames may take; two always stay
const MOST_SEGMENTS = 3; // whose tables are on the GPU: two in an overlap, and the next

/** @typedef {import("./segment.js").GpuFrame} GpuFrame */

export class GpuFrames {
  /**
   * @param {import("./kernels.js").Kernels} kernels
   * @param {import("../file/clip.js").Clip} clip
   * @param {number} [maxBytes]
   */
  constructor(kernels, clip, maxBytes = FRAME_BYTES) {
    this.kernels = kernels;
    this.clip = clip;
    this.facts = /** @type {import("../file/facts.js").Facts} */ (clip.facts);
    this.maxBytes = maxBytes;
    /** @type {Map<string, GpuFrame>} the most recently used last */
    this.frames = new Map();
    /** @type {Map<number, GpuSegment>} the most recently used last */
    this.segments = new Map();
    /** @type {WeakMap<object, GpuDecoder>} by the parameters that they were made of */
    this.decoders = new WeakMap();
    this.bytes = 0;
    /** @type {Map<GpuFrame, number>} frames that are being drawn, and by how many */
    this.held = new Map();
  }

  /**
   * What shows a frame of the clip: one frame of a segment or, in an overlap, two with their shares.
   * @param {number} frame
   * @param {AbortSignal} [signal] if the segment need not be loaded any more
   * @returns {Promise<{frame: GpuFrame, weight: number}[]>}
   */
  async take(frame, signal) {
    const shares = this.clip.shares(frame);
    const missing = shares.filter((share) => !this.frames.has(keyOf(share)));
    const loaded = await Promise.all(missing.map(({ segment }) => this.clip.segment(segment, { signal })));
    const here = new Map(loaded.map((segment) => [segment.index, segment]));
    return shares.map((share) => {
      const key = keyOf(share);
      let found = this.frames.get(key);
      if (!found) {
        found = this.segment(/** @type {any} */ (here.get(share.segment))).frame(share.frame);
        this.bytes += found.bytes;
      }
      this.frames.delete(key);
      this.frames.set(key, found);
      this.trim();
      return { frame: found, weight: share.weight };
    });
  }

  /**
   * Whether a frame could be taken without waiting for its file.
   * @param {number} frame
   */
  ready(frame) {
    return this.clip.shares(frame).every((share) => this.frames.has(keyOf(share)) || this.clip.recent.has(share.segment));
  }

  /** @param {import("../file/clip.js").ClipSegment} segment */
  segment(segment) {
    let found = this.segments.get(segment.index);
    if (!found) {
      found = new GpuSegment(this.kernels, segment, this.decoder(segment.decoder), this.facts.levels);
    }
    this.segments.delete(segment.index);
    this.segments.set(segment.index, found);
    for (const [index, other] of this.segments) {
      if (this.segments.size <= MOST_SEGMENTS) break;
      other.destroy();
      this.segments.delete(index);
    }
    return found;
  }

  /** @param {Record<string, Float32Array>} values */
  decoder(values) {
    let found = this.decoders.get(values);
    if (!found) {
      found = new GpuDecoder(this.kernels, values, this.facts.shapes);
      this.decoders.set(values, found);
    }
    return found;
  }

  /**
   * While a picture is drawn, its frames stay, whatever others take.
   * @param {{frame: GpuFrame}[]} parts
   * @returns {() => void} lets go
   */
  hold(parts) {
    const add = (/** @type {number} */ more) => {
      for (const { frame } of parts) {
        const count = (this.held.get(frame) ?? 0) + more;
        if (count) this.held.set(frame, count);
        else this.held.delete(frame);
      }
    };
    add(1);
    return () => add(-1);
  }

  /** Lets go the frames that were used longest ago, until all fit. */
  trim() {
    for (const [key, frame] of this.frames) {
      if (this.bytes <= this.maxBytes || this.frames.size <= 2) break;
      if (this.held.has(frame)) continue;
      this.frames.delete(key);
      this.bytes -= frame.bytes;
      destroyFrame(frame);
    }
  }

  destroy() {
    for (const frame of this.frames.values()) destroyFrame(frame);
    for (const segment of this.segments.values()) segment.destroy();
    this.frames.clear();
    this.segments.clear();
    this.bytes = 0;
  }
}

/** @param {{segment: number, frame: number}} share */
function keyOf({ segment, frame }) {
  return `${segment}/${frame}`;
}

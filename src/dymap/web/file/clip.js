// @ts-check
/**
 * A clip: opened with its first bytes, then segment by segment, each read, checked and decoded when it is needed.
 *
 *     const clip = new Clip("video.dymap");
 *     const description = await clip.open();
 *     for (const share of clip.shares(frame)) await clip.segment(share.segment);
 *
 * Events: "clip": the description has changed; "buffer": other segments are here.
 */
import { readChunk, readContainer, sectionsOf, FIRST_REQUEST } from "./container.js";
import { Decoding } from "./decoding.js";
import { factsOf } from "./facts.js";
import { ClipFault } from "./faults.js";
import { RecentSegments } from "./recent.js";
import { makeSource } from "./source.js";
import { framesHere, sharesOf } from "./spans.js";

const MAX_BOX_DISTANCE = 1e6; // metres from the origin

/**
 * What people and pages are told of a clip.
 * @typedef {object} ClipDescription
 * @property {string} name @property {string} title @property {string} author @property {string} licence
 * @property {number} fps @property {number} frames how many
 * @property {Float32Array} boxes [frames * 6] minimum, maximum, metres, world; the median box before they are here
 * @property {number[]} box [6] what a viewer frames, of the median box @property {number[]} viewerBox [4] its scale, shift
 * @property {import("./cameras.js").ClipCamera[]} cameras @property {number[]} up [3] unit vector, world
 * @property {string | null} poster address of a picture, to be used until the clip is closed
 * @property {number} bytes of the file
 *
 * A segment. Frame i of n is at the time i / n x field.hash.time_share.
 * @typedef {object} SegmentOwn
 * @property {number} index @property {number} first @property {number} stop frames of the clip
 * @property {import("./segment.js").DecoderValues} decoder the same object for all segments that share it
 * @property {Float32Array} boxes [frames of the segment * 6]
 * @property {number} nbytes memory that it takes, without the shared decoder
 * @typedef {SegmentOwn & Omit<import("./segment.js").SegmentNumbers, "decoder">} ClipSegment
 */

export class Clip extends EventTarget {
  /**
   * @param {Parameters<typeof makeSource>[0]} from an address, a file, or bytes
   * @param {{maxBytes?: number, makeWorker?: (() => Worker) | null}} [options] maxBytes: what decoded segments may take
   *   of the memory; the one used last always stays
   */
  constructor(from, { maxBytes, makeWorker } = {}) {
    super();
    this.source = makeSource(from);
    this.makeWorker = makeWorker;
    /** @type {import("./container.js").Chunk[]} */
    this.chunks = [];
    /** @type {Decoding | null} */
    this.decoding = null;
    /** @type {Decoding | null} decodes what segments share, while the other decodes the first of them */
    this.beside = null;
    /** @type {Promise<import("./segment.js").DecoderValues> | null} */
    this.sharedDecoder = null;
    this.recent = new RecentSegments(
      (index, signal, priority) => this.load(index, signal, priority),
      () => this.dispatchEvent(new Event("buffer")),
      maxBytes,
    );
    this.closed = false;
    this.changes = false; // whether a segment has a decoder of its own, which is added to the shared one
  }

  /**
   * Reads the header, and poster and boxes if they came with it.
   * @returns {Promise<ClipDescription>}
   * Rejects with ClipFault that names what is wrong.
   */
  async open() {
    this.beginDecoding();
    const { header, chunks, bytes } = await readContainer(this.source);
    /** @type {import("./facts.js").Facts} */
    this.facts = factsOf(this.source.name, header, chunks);
    this.chunks = chunks;
    this.recent.count = this.facts.spans.length;
    this.tellDecoders();
    const { name, title, author, licence, fps, box, viewerBox, cameras, up } = this.facts;
    const frames = this.facts.numbers.length;
    const boxes = new Float32Array(frames * 6).map((_, i) => box[i % 6]);
    /** @type {ClipDescription} */
    this.description = { name, title, author, licence, fps, frames, boxes, box: framedBox(box, viewerBox), viewerBox, cameras, up, poster: null, bytes };
    const shared = this.chunk("common");
    await this.unlessLater(this.readBoxes(), shared);
    if (chunks[0].kind === "poster") await this.unlessLater(this.readPoster(chunks[0]), chunks[0]);
    return this.description;
  }

  /**
   * A segment, decoded; kept as long as there is room for it, the next being loaded ahead.
   * @param {number} index
   * @param {{signal?: AbortSignal}} [options] if everybody who asked aborts, it is loaded no further
   * @returns {Promise<ClipSegment>}
   */
  segment(index, { signal } = {}) {
    if (!(index in this.spans)) throw new RangeError(`segment ${index} is outside the clip of ${this.spans.length} segments`);
    return this.recent.take(index, signal);
  }

  /**
   * Which segments show a frame, and how much.
   * @param {number} frame of the clip
   */
  shares(frame) {
    if (!(frame >= 0 && frame < this.spans[this.spans.length - 1].stop)) throw new RangeError(`frame ${frame} is outside the clip`);
    return sharesOf(this.spans, frame);
  }

  /** Frames whose segments are decoded: [[first, stop], ...]. */
  buffered() {
    return framesHere(this.spans, (index) => this.recent.has(index));
  }

  get spans() {
    return /** @type {import("./facts.js").Facts} */ (this.facts).spans;
  }

  close() {
    this.closed = true;
    this.recent.close();
    this.decoding?.close();
    this.beside?.close();
    this.source.close();
    if (this.description?.poster) URL.revokeObjectURL(this.description.poster);
  }

  /**
   * Waits for what came with the first request; the rest comes later.
   * @param {Promise<void>} reading
   * @param {import("./container.js").Chunk} chunk
   */
  async unlessLater(reading, chunk) {
    if (chunk.offset + chunk.length <= FIRST_REQUEST) await reading;
    else reading.then(() => this.dispatchEvent(new Event("clip")), () => {}); // prettier-ignore
  }

  async readBoxes() {
    const { boxes } = await this.readShared();
    const description = /** @type {ClipDescription} */ (this.description);
    if (boxes.length !== description.frames * 24) {
      throw new ClipFault(`${this.source.name}: damaged file (boxes of ${boxes.length} bytes for ${description.frames} frames)`);
    }
    const numbers = new Float32Array(boxes.slice().buffer);
    for (let i = 0; i < numbers.length; i++) {
      const low = i % 6 < 3;
      if (!(Math.abs(numbers[i]) <= MAX_BOX_DISTANCE && (!low || numbers[i] < numbers[i + 3]))) {
        throw new ClipFault(`${this.source.name}: boxes that cannot be: expected minimum below maximum, within ${MAX_BOX_DISTANCE} m of the origin`);
      }
    }
    description.boxes = numbers;
  }

  /** @param {import("./container.js").Chunk} chunk */
  async readPoster(chunk) {
    const data = await readChunk(this.source, chunk);
    if (this.closed || !(data[0] === 0xff && data[1] === 0xd8)) return;
    const description = /** @type {ClipDescription} */ (this.description);
    description.poster = URL.createObjectURL(new Blob([data.slice()], { type: "image/jpeg" }));
  }

  /** The sections of the chunk that all segments share; its bytes are at hand once it was read. */
  async readShared() {
    const chunk = this.chunk("common");
    return sectionsOf(chunk, await readChunk(this.source, chunk, { priority: 1 }));
  }

  /**
   * @param {number} index
   * @param {AbortSignal} signal
   * @param {number} priority
   * @returns {Promise<ClipSegment>}
   */
  async load(index, signal, priority) {
    const chunk = this.chunk("segment", index);
    const ofShared = this.decoder();
    ofShared.catch(() => {}); // told below, unless something else is wrong
    const reading = readChunk(this.source, chunk, { signal, priority });
    const [data] = await Promise.all([reading, this.changes ? ofShared : null]); // what is added needs what it is added to
    const sections = ownSections(sectionsOf(chunk, data));
    const decoding = this.named(this.decodingNow().segment(index, sections, signal));
    const [{ codes, decoder, hash, occupancy }, shared] = await Promise.all([decoding, ofShared]);
    const { first, stop } = this.spans[index];
    const boxes = /** @type {ClipDescription} */ (this.description).boxes.slice(6 * first, 6 * stop);
    const own = [codes, occupancy, boxes, ...hash, ...Object.values(decoder ?? {})];
    const nbytes = own.reduce((sum, array) => sum + array.byteLength, 0);
    return { index, first, stop, codes, decoder: decoder ?? shared, hash, occupancy, boxes, nbytes };
  }

  /** The decoder that segments share, decoded once; boxes are here when it is. */
  decoder() {
    const begin = async () => {
      const [{ decoder }] = await Promise.all([this.readShared(), this.readBoxes()]);
      try {
        return await this.named((this.beside ?? this.decodingNow()).decoder(decoder.slice()));
      } finally {
        this.beside?.close();
        this.beside = null;
      }
    };
    this.sharedDecoder ??= begin().catch((error) => {
      this.sharedDecoder = null; // whoever asks next tries again
      throw error;
    });
    return this.sharedDecoder;
  }

  /** Workers take a while to begin. */
  beginDecoding() {
    if (this.decoding) return;
    this.decoding = new Decoding(this.makeWorker);
    if (this.decoding.apart) this.beside = new Decoding(this.makeWorker);
  }

  /** What they must know before they decode. */
  tellDecoders() {
    const { field, grid, levels, shapes, spans, quantiser, start } = /** @type {import("./facts.js").Facts} */ (this.facts);
    this.changes = this.chunks.some(({ kind, sections }) => kind === "segment" && /** @type {any} */ (sections)[1][1] > 0);
    if (this.changes) {
      this.beside?.close(); // whoever decodes segments needs the symbols of what they share
      this.beside = null;
    }
    const plan = { field, grid, levels, shapes, spans, quantiser, start };
    for (const one of [this.decodingNow(), this.beside]) one?.open(plan, this.changes).catch(() => {}); // told with the next
  }

  decodingNow() {
    if (this.closed || !this.decoding) throw new DOMException("the clip is closed", "AbortError");
    return this.decoding;
  }

  /**
   * @param {string} kind
   * @param {unknown} [segment]
   */
  chunk(kind, segment) {
    return /** @type {import("./container.js").Chunk} */ (this.chunks.find((one) => one.kind === kind && one.segment === segment));
  }

  /**
   * @template T
   * @param {Promise<T>} decoded
   * @returns {Promise<T>} faults say of which file
   */
  named(decoded) {
    return decoded.catch((error) => {
      throw error instanceof ClipFault ? new ClipFault(`${this.source.name}: ${error.message}`) : error;
    });
  }
}

/**
 * Copies: a message to a worker would take the whole memory that they lie in along.
 * @param {Record<string, Uint8Array>} sections
 */
function ownSections(sections) {
  return Object.fromEntries(Object.entries(sections).map(([name, data]) => [name, data.slice()]));
}

/**
 * What a viewer frames of a box [6]: scaled about its centre, then shifted.
 * @param {number[]} box
 * @param {number[]} viewerBox [4] scale, shift
 */
export function framedBox(box, [scale, ...shift]) {
  return box.map((_, i) => {
    const [low, high] = [box[i % 3], box[3 + (i % 3)]];
    return (low + high) / 2 + ((i < 3 ? -1 : 1) * scale * (high - low)) / 2 + shift[i % 3];
  });
}

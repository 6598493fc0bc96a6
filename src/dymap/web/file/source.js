// @ts-check
/**
 * Where the bytes of a clip come from: an address, a file that was dropped on the page, or the page itself.
 *
 * @typedef {object} ReadOptions
 * @property {AbortSignal} [signal] whoever asked wants it no more
 * @property {number} [priority] of several reads that wait, those with a higher one go first
 *
 * @typedef {object} Source
 * @property {string} name for messages
 * @property {() => Promise<number | null>} size bytes; null: nobody knows before the end is reached
 * @property {(offset: number, length: number, options?: ReadOptions) => Promise<Uint8Array>} read exactly so many bytes,
 *   which nobody may change; rejects with ClipFault
 * @property {() => void} close
 */
import { ClipFault, shortText } from "./faults.js";
import { HttpSource } from "./http.js";

/**
 * @param {string | URL | Blob | Uint8Array | ArrayBuffer} from an address, a file, or bytes
 * @returns {Source}
 */
export function makeSource(from) {
  if (typeof from === "string" || from instanceof URL) return new HttpSource(String(from));
  if (from instanceof Blob) return new BlobSource(from);
  return new BytesSource(from instanceof ArrayBuffer ? new Uint8Array(from) : from);
}

/** A file of the visitor's own. */
export class BlobSource {
  /** @param {Blob} blob */
  constructor(blob) {
    this.blob = blob;
    this.name = shortText("name" in blob ? blob.name : "the file", 80);
  }

  async size() {
    return this.blob.size;
  }

  /**
   * @param {number} offset
   * @param {number} length
   * @param {ReadOptions} [options]
   */
  async read(offset, length, options) {
    options?.signal?.throwIfAborted();
    checkRange(this.name, offset, length, this.blob.size);
    try {
      return new Uint8Array(await this.blob.slice(offset, offset + length).arrayBuffer());
    } catch {
      throw new ClipFault(`${this.name}: cannot be read; it may have been moved or changed since it was opened`);
    }
  }

  close() {}
}

/** Bytes that are in memory. */
export class BytesSource {
  /** @param {Uint8Array} data */
  constructor(data, name = "the clip in this page") {
    this.data = data;
    this.name = name;
  }

  async size() {
    return this.data.length;
  }

  /**
   * @param {number} offset
   * @param {number} length
   * @param {ReadOptions} [options]
   */
  async read(offset, length, options) {
    options?.signal?.throwIfAborted();
    checkRange(this.name, offset, length, this.data.length);
    return this.data.subarray(offset, offset + length);
  }

  close() {}
}

/**
 * @param {string} name
 * @param {number} offset
 * @param {number} length
 * @param {number} size
 */
function checkRange(name, offset, length, size) {
  if (offset + length > size) throw new ClipFault(`${name}: cut file (it ends at byte ${size}, expected at least ${offset + length})`);
}

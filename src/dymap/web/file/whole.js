// @ts-check
/** The body of an answer that holds a whole file: parts of it can be read as soon as they have come. */
import { ClipFault } from "./faults.js";

const MAX_WHOLE = 2 ** 30; // bytes

export class WholeBody {
  /**
   * @param {string} name for messages
   * @param {Response} response
   */
  constructor(name, response) {
    this.name = name;
    this.data = new Uint8Array(2 ** 18);
    this.length = 0;
    /** @type {number | null} bytes that are to come in all; of packed answers and those of other origins nobody knows */
    this.told = response.type === "cors" || response.headers.has("Content-Encoding") ? null : sizeIn(response);
    this.ended = false;
    /** @type {Error | null} */
    this.fault = null;
    /** @type {ReadableStreamDefaultReader<Uint8Array> | undefined} */
    this.reader = undefined;
    /** @type {Set<{stop: number, resolve: () => void, reject: (why: Error) => void}>} */
    this.waiting = new Set();
    if ((this.told ?? 0) > MAX_WHOLE) this.end(this.tooLarge());
    else this.receive((this.reader = response.body?.getReader()));
  }

  close() {
    this.end(new DOMException("the clip was closed", "AbortError"));
    this.reader?.cancel().catch(() => {});
  }

  /** @returns {Promise<number>} */
  async size() {
    if (this.told !== null && !this.fault) return this.told;
    await this.until(Infinity);
    return this.length;
  }

  /**
   * @param {number} offset
   * @param {number} length
   * @param {AbortSignal} [signal]
   */
  async read(offset, length, signal) {
    await this.until(offset + length, signal);
    if (offset + length > this.length) {
      throw new ClipFault(`${this.name}: cut file (it ends at byte ${this.length}, expected at least ${offset + length})`);
    }
    return this.data.subarray(offset, offset + length);
  }

  /** @param {ReadableStreamDefaultReader<Uint8Array> | undefined} reader none: there is no body */
  async receive(reader) {
    try {
      while (reader) {
        const { done, value } = await reader.read();
        if (done) break;
        if (this.length + value.length > MAX_WHOLE) {
          reader.cancel();
          return this.end(this.tooLarge());
        }
        this.append(value);
      }
    } catch {
      return this.end(new ClipFault(`${this.name}: the connection broke after ${this.length} bytes; load the page again`));
    }
    const wrong = this.told !== null && this.told !== this.length;
    this.end(wrong ? new ClipFault(`${this.name}: the server sent ${this.length} bytes, and had announced ${this.told}`) : null);
  }

  /** @param {Uint8Array} part */
  append(part) {
    if (this.length + part.length > this.data.length) {
      const larger = new Uint8Array(Math.max(2 * this.data.length, this.length + part.length));
      larger.set(this.data.subarray(0, this.length));
      this.data = larger; // what was given away stays in the memory that it was in
    }
    this.data.set(part, this.length);
    this.length += part.length;
    for (const one of this.waiting) if (one.stop <= this.length) one.resolve();
  }

  /** @param {Error | null} fault */
  end(fault) {
    if (this.ended) return;
    this.ended = true;
    this.fault = fault;
    for (const one of this.waiting) fault ? one.reject(fault) : one.resolve();
  }

  /**
   * Until so many bytes are here, or no more come.
   * @param {number} stop
   * @param {AbortSignal} [signal]
   * @returns {Promise<void>}
   */
  async until(stop, signal) {
    if (stop <= this.length) return;
    if (this.fault) throw this.fault;
    if (this.ended) return;
    /** @type {any} */
    let one;
    try {
      await new Promise((resolve, reject) => {
        this.waiting.add((one = { stop, resolve: () => resolve(undefined), reject }));
        signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
      });
    } finally {
      this.waiting.delete(one);
    }
  }

  tooLarge() {
    return new ClipFault(`${this.name}: its server gives no parts of files (HTTP Range), and the whole is too large to be kept`);
  }
}

/** @param {Response} response */
function sizeIn(response) {
  const size = Number(response.headers.get("Content-Length") ?? NaN);
  return Number.isSafeInteger(size) && size >= 0 ? size : null;
}

// @ts-check
/** A clip on a server: parts of the file by HTTP Range, each fetched once; or the whole file if a server knows no parts. */
import { FIRST_REQUEST } from "./container.js";
import { earlyAnswers } from "./early.js";
import { ClipFault, shortText } from "./faults.js";
import { KeptBytes, mergedParts, missingParts } from "./intervals.js";
import { WholeBody } from "./whole.js";

const AT_ONCE = 2; // requests
const MAX_REQUEST = 8 * 2 ** 20; // bytes of neighbours in one request
const MAX_KEPT = 64 * 2 ** 20; // bytes that are kept to be decoded again
const RETRY_AFTER = [300, 1200]; // milliseconds

/**
 * @typedef {{start: number, stop: number, priority: number, resolve: (data: Uint8Array) => void, reject: (why: Error) => void}} Wish
 * @typedef {{start: number, stop: number, abort: AbortController, early?: boolean}} PartRequest early: begun by the page
 *   before anybody wished for it, and wanted whatever wishes there are
 */

export class HttpSource {
  /** @param {string} address */
  constructor(address) {
    this.address = address;
    this.name = shortText(decodedName(address), 80);
    /** @type {number | null} bytes of the file, if the server says so */
    this.total = null;
    this.kept = new KeptBytes(MAX_KEPT);
    /** @type {Set<Wish>} */
    this.wishes = new Set();
    /** @type {Set<PartRequest>} */
    this.requests = new Set();
    /** @type {WholeBody | null} */
    this.whole = null;
    /** @type {Promise<void> | null} */
    this.opening = null;
    this.planned = false;
    this.closing = new AbortController();
  }

  /** @returns {Promise<number | null>} */
  async size() {
    await this.open();
    return this.whole ? this.whole.size() : this.total;
  }

  /**
   * @param {number} offset
   * @param {number} length
   * @param {import("./source.js").ReadOptions} [options]
   * @returns {Promise<Uint8Array>}
   */
  async read(offset, length, { signal, priority = 0 } = {}) {
    await this.open();
    signal?.throwIfAborted();
    if (this.whole) return this.whole.read(offset, length, signal);
    const stop = offset + length;
    if (this.total !== null && stop > this.total) {
      throw new ClipFault(`${this.name}: cut file (it ends at byte ${this.total}, expected at least ${stop})`);
    }
    return new Promise((resolve, reject) => {
      const wish = { start: offset, stop, priority, resolve, reject };
      this.wishes.add(wish);
      this.plan();
      const wanted = () => {
        if (!this.wishes.delete(wish)) return;
        reject(signal?.reason);
        this.plan();
      };
      signal?.addEventListener("abort", wanted, { once: true });
    });
  }

  close() {
    this.closing.abort();
    for (const { abort } of this.requests) abort.abort();
    this.whole?.close();
    this.refuse(new DOMException("the clip was closed", "AbortError"), { start: 0, stop: Infinity });
  }

  /** The first request, once; the page may have asked for it, and for what comes after it, before this module was here. */
  open() {
    if (this.opening) return this.opening;
    const [first, ...others] = earlyAnswers(this.address);
    const part = { start: 0, stop: first?.stop ?? FIRST_REQUEST };
    this.opening = this.fetchPart(part, this.closing.signal, first?.answer).catch((error) => {
      this.opening = null; // whoever asks next tries again
      throw error;
    });
    this.opening.then(() => others.forEach(({ start, stop, answer }) => this.whole || this.begin({ start, stop }, answer)), () => {}); // prettier-ignore
    return this.opening;
  }

  /** Looks at the wishes when all that are made now are made: neighbours are fetched together. */
  plan() {
    if (this.planned) return;
    this.planned = true;
    queueMicrotask(() => {
      this.planned = false;
      this.serve();
      this.dropUnwanted();
      this.request();
      this.kept.trim([...this.wishes]);
    });
  }

  /** Gives what is at hand. */
  serve() {
    for (const wish of this.wishes) {
      const data = this.kept.take(wish.start, wish.stop);
      if (!data) continue;
      this.wishes.delete(wish);
      wish.resolve(data);
    }
  }

  /** Ends requests for what nobody wants any more. */
  dropUnwanted() {
    for (const request of this.requests) {
      if (request.early || [...this.wishes].some((wish) => wish.start < request.stop && request.start < wish.stop)) continue;
      this.requests.delete(request);
      request.abort.abort();
    }
  }

  /** Asks for what is neither at hand nor on its way, most important wishes first. */
  request() {
    const priorities = [...new Set([...this.wishes].map((wish) => wish.priority))].sort((a, b) => b - a);
    for (const priority of priorities) {
      const group = [...this.wishes].filter((wish) => wish.priority === priority);
      const missing = group.flatMap((wish) => missingParts(wish, [...this.kept.blocks, ...this.requests]));
      for (const part of mergedParts(missing, MAX_REQUEST)) {
        if (this.requests.size >= AT_ONCE) return;
        this.begin(part);
      }
    }
  }

  /**
   * @param {import("./intervals.js").Interval} part
   * @param {Promise<Response>} [early] its answer, if the page asked for it
   */
  async begin(part, early) {
    const request = { ...part, abort: new AbortController(), early: Boolean(early) };
    this.requests.add(request);
    const signal = request.abort.signal;
    try {
      await this.fetchPart(part, signal, early);
    } catch (error) {
      if (!signal.aborted) this.refuse(/** @type {Error} */ (error), part);
    } finally {
      this.requests.delete(request);
      this.plan();
    }
  }

  /**
   * Fetches a part into what is at hand, as it comes. After a connection that broke, the rest is asked for again.
   * @param {import("./intervals.js").Interval} part
   * @param {AbortSignal} signal
   * @param {Promise<Response>} [early]
   */
  async fetchPart(part, signal, early) {
    const rest = { ...part };
    for (let attempt = 0; ; attempt++) {
      const headers = { Range: `bytes=${rest.start}-${rest.stop - 1}` };
      try {
        const response = await (attempt === 0 && early ? early : fetch(this.address, { headers, signal }));
        if (response.status < 500 || attempt === RETRY_AFTER.length) return await this.accept(response, rest, signal);
      } catch (error) {
        if (signal.aborted || error instanceof ClipFault) throw error;
        if (attempt === RETRY_AFTER.length) throw new ClipFault(`${this.name}: ${unreachable(this.address)}`);
      }
      await delay(RETRY_AFTER[attempt], signal);
    }
  }

  /**
   * @param {Response} response
   * @param {import("./intervals.js").Interval} rest its start goes on with what has come
   * @param {AbortSignal} signal
   */
  async accept(response, rest, signal) {
    if (response.status === 200) {
      this.whole = new WholeBody(this.name, response);
      for (const wish of this.wishes) this.whole.read(wish.start, wish.stop - wish.start).then(wish.resolve, wish.reject);
      this.wishes.clear();
      return;
    }
    if (response.status !== 206) throw new ClipFault(`${this.name}: ${refusal(response.status)}`);
    const range = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(response.headers.get("Content-Range") ?? "");
    const total = range ? Number(range[3]) : null; // servers of other origins may keep it from a page
    this.checkSame(total);
    const { start } = rest;
    const stop = this.total === null ? rest.stop : Math.min(rest.stop, this.total);
    if (range && Number(range[1]) !== start) throw this.otherBytes(Number(range[2]) + 1 - Number(range[1]), start, stop);
    await this.receive(response, rest, stop, signal);
    const shorter = this.total === null && start === 0 && rest.start < stop; // a small file of unknown size
    if (rest.start !== stop && !shorter) throw this.otherBytes(rest.start - start, start, stop);
    if (shorter) this.total = rest.start;
  }

  /**
   * Takes what comes to what is at hand, piece by piece: whoever wants only the first of it need not wait for the last.
   * @param {Response} response
   * @param {import("./intervals.js").Interval} rest
   * @param {number} stop
   * @param {AbortSignal} signal
   */
  async receive(response, rest, stop, signal) {
    const { start } = rest;
    const reader = response.body?.getReader();
    const end = () => reader?.cancel().catch(() => {});
    signal.addEventListener("abort", end, { once: true }); // an early answer was asked for without this signal
    try {
      while (reader) {
        const { done, value } = await reader.read();
        signal.throwIfAborted();
        if (done) return;
        if (rest.start + value.length > stop) throw this.otherBytes(rest.start + value.length - start, start, stop);
        this.kept.add(rest.start, value);
        rest.start += value.length;
        this.plan();
      }
    } catch (error) {
      end();
      throw error;
    } finally {
      signal.removeEventListener("abort", end);
    }
  }

  /**
   * @param {number} count
   * @param {number} start
   * @param {number} stop
   */
  otherBytes(count, start, stop) {
    return new ClipFault(`${this.name}: the server sent ${count} bytes and not those that were asked for, ${start} to ${stop}`);
  }

  /** @param {number | null} total */
  checkSame(total) {
    const other = this.total !== null && total !== null && total !== this.total;
    if (other) throw new ClipFault(`${this.name}: the file on the server has changed since it was opened; load the page again`);
    this.total ??= total;
  }

  /**
   * @param {Error} why
   * @param {import("./intervals.js").Interval} part
   */
  refuse(why, part) {
    for (const wish of this.wishes) {
      if (wish.start >= part.stop || part.start >= wish.stop) continue;
      this.wishes.delete(wish);
      wish.reject(why);
    }
  }
}

/** @param {number} status */
function refusal(status) {
  if (status === 404 || status === 410) return `not found on the server (${status})`;
  if (status === 401 || status === 403) return `the server does not give it to this page (${status}); it may ask for a password`;
  if (status === 416) return "the file on the server is empty, or ends before what was asked for";
  return `the server answered with status ${status}`;
}

/** @param {string} address */
function unreachable(address) {
  if (address.startsWith("file:") || globalThis.location?.protocol === "file:") {
    return "a page that was opened from a disk may not read other files; drop the file onto the page";
  }
  return "it cannot be fetched: there is no connection, or its server does not let this page read it (CORS)";
}

/** @param {string} address */
function decodedName(address) {
  const last = address.replace(/[?#].*$/s, "").replace(/\/+$/, "").split("/").pop();
  try {
    return decodeURIComponent(last || address);
  } catch {
    return last || address;
  }
}

/**
 * @param {number} milliseconds
 * @param {AbortSignal} signal
 */
function delay(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

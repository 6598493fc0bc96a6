// @ts-check
/**
 * Where decoding happens: in a worker; or, if none can be made (a page opened from a disk), on the page's own thread, a
 * few milliseconds at a time.
 */
import { ClipFault } from "./faults.js";
import { SegmentDecoder } from "./segment.js";
import { nextTurn } from "./turns.js";

const SLICE = 12; // milliseconds of decoding on the page's own thread, before it may do something else
const NO_ROOM = "there is not enough memory to decode it";
const WORKER_SLICE = 30; // the same in a worker, which looks at its messages then

/**
 * A worker that decodes: the one place where one is made. A bundle replaces this function.
 * @returns {Worker}
 */
export function makeDecodingWorker() {
  return new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
}

/**
 * What is asked of a decoder: `open` first, then `decoder`, then segments; `cancel` ends a question with that number.
 * @typedef {{id: number, ask: "open", plan: import("./segment.js").Plan, changes: boolean}
 *   | {id: number, ask: "decoder", data: Uint8Array}
 *   | {id: number, ask: "segment", index: number, sections: Record<string, Uint8Array>}
 *   | {id: number, ask: "cancel"}} Question
 *
 * @typedef {{id: number, value?: any, fault?: string, bug?: string}} Answer fault: a sentence for people
 */

/** Answers questions one after the other, in slices. The same in a worker and on the page's own thread. */
export class DecodingDesk {
  /**
   * @param {(answer: Answer, buffers: ArrayBuffer[]) => void} answer
   * @param {number} slice milliseconds
   */
  constructor(answer, slice) {
    this.answer = answer;
    this.slice = slice;
    /** @type {SegmentDecoder | null} */
    this.decoder = null;
    this.last = Promise.resolve();
    /** @type {Set<number>} */
    this.open = new Set();
  }

  /** @param {Question} question */
  ask(question) {
    if (question.ask === "cancel") this.open.delete(question.id);
    else {
      this.open.add(question.id);
      this.last = this.last.then(() => this.work(question));
    }
  }

  /** @param {Question} question */
  async work(question) {
    const { id } = question;
    try {
      const steps = this.stepsOf(question);
      for (let ended = false; !ended; ) {
        const until = performance.now() + this.slice;
        while (!ended && performance.now() < until) {
          if (!this.open.has(id)) return;
          const { done, value } = steps.next();
          if ((ended = !!done)) this.answer({ id, value }, buffersOf(value));
        }
        await nextTurn();
      }
    } catch (error) {
      const full = error instanceof RangeError && /alloc|array length|memory/i.test(error.message);
      const fault = full ? NO_ROOM : error instanceof ClipFault ? error.message : undefined;
      this.answer(fault === undefined ? { id, bug: String(error) } : { id, fault }, []);
    } finally {
      this.open.delete(id);
    }
  }

  /**
   * @param {Question} question
   * @returns {Generator<void, any>}
   */
  stepsOf(question) {
    if (question.ask === "open") {
      this.decoder = new SegmentDecoder(question.plan, question.changes);
      return nothingToDo();
    }
    const decoder = /** @type {SegmentDecoder} */ (this.decoder);
    if (question.ask === "decoder") return decoder.decoder(question.data);
    const { index, sections } = /** @type {Extract<Question, {ask: "segment"}>} */ (question);
    return decoder.segment(index, sections);
  }
}

/** Asks a worker, or the desk of this thread. */
export class Decoding {
  /** @param {(() => Worker) | null} [make] a worker; null: none */
  constructor(make = makeDecodingWorker) {
    /** @type {Map<number, {question: Question, resolve: (value: any) => void, reject: (error: Error) => void}>} */
    this.waiting = new Map();
    this.asked = 0;
    /** @type {Error | null} why nothing is decoded any more */
    this.ended = null;
    /** @type {Worker | null} */
    this.worker = null;
    /** @type {DecodingDesk | null} */
    this.desk = null;
    this.heard = false; // whether the worker answered ever
    if (make) this.begin(make);
    if (!this.worker) this.beginHere();
  }

  /** Whether another thread decodes. */
  get apart() {
    return this.worker !== null;
  }

  /**
   * @param {import("./segment.js").Plan} plan
   * @param {boolean} changes whether a segment has a decoder of its own
   * @returns {Promise<void>}
   */
  open(plan, changes) {
    return this.ask({ id: 0, ask: "open", plan, changes });
  }

  /**
   * @param {Uint8Array} data
   * @returns {Promise<import("./segment.js").DecoderValues>}
   */
  decoder(data) {
    return this.ask({ id: 0, ask: "decoder", data });
  }

  /**
   * @param {number} index
   * @param {Record<string, Uint8Array>} sections
   * @param {AbortSignal} [signal]
   * @returns {Promise<import("./segment.js").SegmentNumbers>}
   */
  segment(index, sections, signal) {
    return this.ask({ id: 0, ask: "segment", index, sections }, signal);
  }

  /** @param {Error} why */
  close(why = new DOMException("the clip was closed", "AbortError")) {
    this.ended = why;
    this.worker?.terminate();
    for (const { reject } of this.waiting.values()) reject(why);
    this.waiting.clear();
    this.desk = null;
    this.worker = null;
  }

  /**
   * @param {Question} question
   * @param {AbortSignal} [signal]
   * @returns {Promise<any>}
   */
  ask(question, signal) {
    question.id = ++this.asked;
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      if (this.ended) throw this.ended;
      this.waiting.set(question.id, { question, resolve, reject });
      signal?.addEventListener("abort", () => {
        if (!this.waiting.delete(question.id)) return;
        this.send({ id: question.id, ask: "cancel" });
        reject(signal.reason);
      }, { once: true }); // prettier-ignore
      this.send(question);
    });
  }

  /** @param {Question} question */
  send(question) {
    if (this.worker) this.worker.postMessage(question);
    else this.desk?.ask(question);
  }

  /** @param {Answer} answer */
  hear(answer) {
    this.heard = true;
    const waiting = this.waiting.get(answer.id);
    if (!waiting) return;
    this.waiting.delete(answer.id);
    const { resolve, reject } = waiting;
    if (answer.fault !== undefined) reject(new ClipFault(answer.fault));
    else if (answer.bug !== undefined) reject(new Error(answer.bug));
    else resolve(answer.value);
  }

  /** @param {() => Worker} make */
  begin(make) {
    try {
      this.worker = make();
    } catch {
      return; // an origin that may not make workers
    }
    this.worker.onmessage = ({ data }) => this.hear(data);
    this.worker.onerror = () => {
      if (this.heard) {
        this.close(new ClipFault("decoding ended unexpectedly, perhaps because memory ran out"));
        return;
      }
      this.beginHere();
      for (const { question } of this.waiting.values()) this.send(question);
    };
  }

  beginHere() {
    this.worker?.terminate();
    this.worker = null;
    this.desk = new DecodingDesk((answer) => this.hear(answer), SLICE);
  }
}

/**
 * Lets a worker answer questions that its page sends.
 * @param {{postMessage: (message: any, transfer: Transferable[]) => void, onmessage: any}} scope
 */
export function serveDecoding(scope) {
  const desk = new DecodingDesk((answer, buffers) => scope.postMessage(answer, buffers), WORKER_SLICE);
  scope.onmessage = (/** @type {MessageEvent} */ { data }) => desk.ask(data);
}

/**
 * The memory of typed arrays, wherever they are in a value.
 * @param {any} value
 * @returns {ArrayBuffer[]}
 */
function buffersOf(value) {
  if (ArrayBuffer.isView(value)) return [/** @type {ArrayBuffer} */ (value.buffer)];
  return value && typeof value === "object" ? Object.values(value).flatMap(buffersOf) : [];
}

/** @returns {Generator<void, void>} */
function* nothingToDo() {}

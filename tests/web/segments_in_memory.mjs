// Which segments are loaded, kept and cancelled, and what a decoder does that is cancelled or closed. Prints what each
// scene found.
import assert from "node:assert/strict";
import { mergedParts, missingParts } from "../../src/dymap/web/file/intervals.js";
import { RecentSegments } from "../../src/dymap/web/file/recent.js";
import { DecodingDesk } from "../../src/dymap/web/file/decoding.js";
import { framesHere } from "../../src/dymap/web/file/spans.js";
import { tell } from "./scenes.mjs";

const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

/** Segments of 100 bytes each that come when they are told to; `loads` are the open ones by their numbers. */
function segments(count, maxBytes, onchange = () => {}) {
  const loads = new Map();
  const asked = [];
  const load = (index, signal, priority) =>
    new Promise((resolve, reject) => {
      asked.push([index, priority]);
      const come = () => resolve({ index, nbytes: 100 });
      loads.set(index, { come, fail: reject, signal });
      signal.addEventListener("abort", () => reject(signal.reason));
    });
  const recent = new RecentSegments(load, onchange, maxBytes);
  recent.count = count;
  return { recent, loads, asked };
}

const scenes = {
  async "the next is loaded ahead, after the last the first, and nothing twice"() {
    const { recent, loads, asked } = segments(3, 1000);
    const both = [recent.take(2), recent.take(2)];
    await turn();
    loads.get(2).come();
    assert.equal(await both[0], await both[1]);
    assert.deepEqual(asked, [[2, 1], [0, 0]]); // prettier-ignore
    loads.get(0).come();
    await turn();
    assert.equal((await recent.take(0)).index, 0);
    assert.deepEqual(asked.slice(2), [[1, 0]]);
  },
  async "what is loaded ahead makes way for what is asked for"() {
    const { recent, loads } = segments(9, 1000);
    const first = recent.take(0);
    await turn();
    loads.get(0).come();
    await first;
    recent.take(5);
    await turn();
    assert(loads.get(1).signal.aborted);
    assert(!loads.get(5).signal.aborted);
  },
  async "a load ends when nobody waits any more"() {
    const { recent, loads } = segments(9, 1000);
    const [one, two] = [new AbortController(), new AbortController()];
    const takes = [recent.take(3, one.signal), recent.take(3, two.signal)];
    one.abort();
    await assert.rejects(takes[0], { name: "AbortError" });
    assert(!loads.get(3).signal.aborted);
    two.abort();
    await assert.rejects(takes[1], { name: "AbortError" });
    assert(loads.get(3).signal.aborted);
    const again = recent.take(3);
    await turn();
    loads.get(3).come();
    assert.equal((await again).index, 3);
  },
  async "an error is told and not kept"() {
    const { recent, loads } = segments(9, 1000);
    const take = recent.take(3);
    await turn();
    loads.get(3).fail(new Error("damaged"));
    await assert.rejects(take, /damaged/);
    const again = recent.take(3);
    await turn();
    loads.get(3).come();
    await again;
    assert.deepEqual([...recent.kept.keys()], [3]);
  },
  async "what could not be loaded ahead is tried again when it is asked for"() {
    const { recent, loads, asked } = segments(9, 1000);
    const take = recent.take(0);
    await turn();
    loads.get(0).come();
    await take;
    loads.get(1).fail(new Error("no connection"));
    await turn();
    await recent.take(0);
    assert.equal(asked.length, 2);
    const again = recent.take(1);
    await turn();
    loads.get(1).come();
    await again;
  },
  async "memory is bounded, the one used last stays, and the page is told"() {
    let changes = 0;
    const { recent, loads, asked } = segments(9, 250, () => changes++);
    for (const index of [0, 4, 8]) {
      const take = recent.take(index);
      await turn();
      loads.get(index).come();
      await take;
    }
    assert.deepEqual([...recent.kept.keys()], [4, 8]);
    assert(changes >= 4);
    recent.maxBytes = 150; // no room for two: nothing is loaded ahead
    const before = asked.length;
    await recent.take(4);
    assert.deepEqual([...recent.kept.keys()], [4]);
    assert.equal(asked.length, before);
  },
  async "a decoder does what is not cancelled, in order"() {
    const answers = [];
    const desk = new DecodingDesk((answer) => answers.push(answer.id), 1);
    let steps = 0;
    desk.stepsOf = function* ({ id }) {
      for (let step = 0; step < 50; step++) {
        steps++;
        const until = performance.now() + 1;
        while (performance.now() < until);
        yield;
      }
      return id;
    };
    for (const id of [1, 2, 3]) desk.ask({ id, ask: "segment" });
    await turn();
    desk.ask({ id: 1, ask: "cancel" });
    desk.ask({ id: 2, ask: "cancel" });
    await desk.last;
    assert.deepEqual(answers, [3]);
    assert(steps < 80);
    desk.stepsOf = () => { throw new TypeError("a bug"); }; // prettier-ignore
    desk.ask({ id: 4, ask: "segment" });
    await desk.last;
    assert.deepEqual(answers, [3, 4]);
  },
  async "a decoder that gets no memory says so, and goes on"() {
    const answers = [];
    const desk = new DecodingDesk((answer) => answers.push(answer), 1);
    desk.stepsOf = () => { throw new RangeError("Array buffer allocation failed"); }; // prettier-ignore
    desk.ask({ id: 1, ask: "segment" });
    await desk.last;
    desk.stepsOf = function* () { yield; return 7; }; // prettier-ignore
    desk.ask({ id: 2, ask: "segment" });
    await desk.last;
    assert.deepEqual(answers, [{ id: 1, fault: "there is not enough memory to decode it" }, { id: 2, value: 7 }]);
  },
  async "intervals are what sets of bytes are"() {
    let state = 1;
    const random = (below) => (state = (state * 48271) % 2147483647) % below;
    const set = (parts) => new Set(parts.flatMap(({ start, stop }) => Array.from({ length: stop - start }, (_, i) => start + i)));
    const draw = () => ({ start: random(40), stop: 0 });
    for (let round = 0; round < 300; round++) {
      const parts = Array.from({ length: random(6) }, draw).map(({ start }) => ({ start, stop: start + random(12) }));
      const wanted = { start: random(40), stop: 0 };
      wanted.stop = wanted.start + random(20);
      const held = set(parts);
      const missing = [...set([wanted])].filter((byte) => !held.has(byte));
      assert.deepEqual([...set(missingParts(wanted, parts))], missing);
      const solid = parts.filter(({ start, stop }) => stop > start);
      const merged = mergedParts(solid, 1000);
      assert.deepEqual([...set(merged)].sort((a, b) => a - b), [...held].sort((a, b) => a - b));
      for (let i = 1; i < merged.length; i++) assert(merged[i].start > merged[i - 1].stop);
    }
    assert.equal(mergedParts([{ start: 0, stop: 5 }, { start: 5, stop: 9 }], 8).length, 2); // prettier-ignore
  },
  async "frames that can be shown need all segments that share them"() {
    const spans = [[0, 4], [2, 5], [4, 6], [5, 9]].map(([first, stop]) => ({ first, stop })); // prettier-ignore
    const here = (...held) => framesHere(spans, (k) => held.includes(k));
    assert.deepEqual(here(0, 1, 2, 3), [[0, 9]]);
    assert.deepEqual(here(0), [[0, 2]]);
    assert.deepEqual(here(1), []);
    assert.deepEqual(here(0, 1), [[0, 4]]);
    assert.deepEqual(here(3), [[6, 9]]);
    assert.deepEqual(here(), []);
  },
};
await tell(scenes);

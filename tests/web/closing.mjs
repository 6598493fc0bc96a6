// Clips that are closed or left in the middle: node closing.mjs ADDRESS_OF_A_CLIP; prints what each scene found. Nothing
// may be rejected that nobody waits for: node ends with an error then.
import assert from "node:assert/strict";
import { Clip } from "../../src/dymap/web/file/clip.js";
import { tell } from "./scenes.mjs";

const address = process.argv[2];
const aborted = { name: "AbortError" };
const scenes = {
  async "closed while it is opened"() {
    const clip = new Clip(address);
    const opening = clip.open();
    clip.close();
    await assert.rejects(opening, aborted);
    await assert.rejects(new Clip(`${address}.lost`).open(), { name: "ClipFault" });
  },
  async "closed while a segment is read, and while it is decoded"() {
    for (const wait of [0, 1, 5, 20]) {
      const clip = new Clip(address);
      await clip.open();
      const taking = [clip.segment(0), clip.segment(1), clip.segment(0)];
      for (let turn = 0; turn < wait; turn++) await new Promise((resolve) => setTimeout(resolve, 1));
      clip.close();
      for (const result of await Promise.allSettled(taking)) assert(result.value || result.reason.name === "AbortError", result.reason);
      await assert.rejects(clip.segment(2), aborted);
    }
  },
  async "left by whoever asked, and asked again"() {
    const clip = new Clip(address);
    await clip.open();
    for (let round = 0; round < 5; round++) {
      const controller = new AbortController();
      const taking = clip.segment(round % 4, { signal: controller.signal });
      if (round) await new Promise((resolve) => setTimeout(resolve, round));
      controller.abort();
      await taking.catch((error) => assert.equal(error.name, "AbortError"));
    }
    const all = await Promise.all([0, 1, 2, 3].map((index) => clip.segment(index)));
    assert.deepEqual(all.map(({ index }) => index), [0, 1, 2, 3]); // prettier-ignore
    assert.equal(await clip.segment(3), all[3], "it is kept");
    assert.deepEqual(clip.buffered(), [[0, 9]]);
    assert.throws(() => clip.shares(9), RangeError);
    await assert.rejects(async () => clip.segment(4), RangeError);
    clip.close();
  },
  async "told of boxes and other segments"() {
    const clip = new Clip(address);
    let changes = 0;
    clip.addEventListener("buffer", () => changes++);
    const { boxes, box } = await clip.open();
    assert(boxes.some((value, i) => value !== Math.fround(box[i % 6])));
    await clip.segment(3);
    assert(changes > 0);
    clip.close();
  },
};
await tell(scenes, 50);

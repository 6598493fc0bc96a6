// Reads clips whole and prints what became of each, as JSON: node read_clip.mjs FOLDER [FILE ...]
// With a FOLDER other than "-" the numbers are written there: arrays one after the other, and where each of them lies.
import { readFileSync, writeFileSync } from "node:fs";
import { Clip } from "../../src/dymap/web/file/clip.js";
import { sha } from "./digest.mjs";

const [folder, ...files] = process.argv.slice(2);
const told = [];
for (const file of files) {
  const before = process.cpuUsage();
  let result;
  try {
    result = await readWhole(new Uint8Array(readFileSync(file)), folder === "-" ? null : folder);
  } catch (error) {
    result = error.name === "ClipFault" ? { refused: error.message } : { bug: `${error.stack}` };
  }
  const { user, system } = process.cpuUsage(before); // a busy machine takes longer, but computes no more
  told.push({ file, ...result, seconds: (user + system) / 1e6, memory: process.memoryUsage().arrayBuffers });
}
console.log(JSON.stringify(told));

async function readWhole(data, out) {
  const clip = new Clip(data, { maxBytes: 0 });
  try {
    const description = await clip.open();
    const { field, levels, grid, spans, shapes } = clip.facts;
    const segments = [];
    for (let index = 0; index < spans.length; index++) {
      const { decoder, codes, occupancy, boxes, hash, first, stop } = await clip.segment(index);
      const arrays = { ...decoder, "codes.weight": codes, occupancy, boxes, xyt: hash[0], xzt: hash[1], yzt: hash[2] };
      segments.push({ first, stop, shared: decoder === (await clip.decoder()), arrays: written(arrays, out, index) });
    }
    const shares = Array.from({ length: description.frames }, (_, frame) => clip.shares(frame));
    return { description: { ...description, boxes: [...description.boxes] }, field, levels, grid, shapes, segments, shares };
  } finally {
    clip.close();
  }
}

function written(arrays, out, index) {
  if (!out) return Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, sha(array)]));
  const bytes = Object.values(arrays).map((array) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
  writeFileSync(`${out}/segment-${index}.bin`, Buffer.concat(bytes));
  return Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, array.length]));
}

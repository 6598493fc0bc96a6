// How fast a browser's engine decodes a file of version 2, part by part, on one core:
//
//     node benchmarks/web_decode.mjs video.dymap
//
// Symbols: all that come out of streams. Output: the numbers that a GPU gets, of 4 bytes; of occupancy, a byte a voxel,
// as numpy has it. Milliseconds are of a core (and not of a clock), the mean of several runs. `decoder, start`: with the
// numbers that a decoder began with.
import { readFileSync } from "node:fs";
import { crc32 } from "../src/dymap/web/file/crc.js";
import { readContainer, sectionsOf } from "../src/dymap/web/file/container.js";
import { factsOf } from "../src/dymap/web/file/facts.js";
import { readHash } from "../src/dymap/web/file/hash.js";
import { readOccupancy } from "../src/dymap/web/file/occupancy.js";
import { Stream } from "../src/dymap/web/file/rans.js";
import { SegmentDecoder } from "../src/dymap/web/file/segment.js";
import { BytesSource } from "../src/dymap/web/file/source.js";
import { readValues } from "../src/dymap/web/file/values.js";

const LASTING = 700; // milliseconds of a core for each part: a system counts them in steps of some
const data = new Uint8Array(readFileSync(process.argv[2]));
const { header, chunks } = await readContainer(new BytesSource(data));
const facts = factsOf(process.argv[2], header, chunks);
const at = (kind) => {
  const chunk = chunks.find((one) => one.kind === kind);
  return sectionsOf(chunk, data.slice(chunk.offset, chunk.offset + chunk.length));
};
const [common, segment] = [at("common"), at("segment")];
const frames = facts.spans[0].stop - facts.spans[0].first;
const size = (arrays) => arrays.reduce((sum, array) => sum + array.byteLength, 0);
const parts = {
  "checksums": [() => crc32(data), () => data.length],
  "decoder": [() => finished(readValues(common.decoder, facts.shapes)), (found) => size([...found.values()])],
  "decoder, start": [() => finished(new SegmentDecoder(facts, false).decoder(common.decoder)), (found) => size(Object.values(found))],
  "hash tables": [
    () => finished(readHash(segment.hash, facts.levels.lengths, facts.field.hash.features, facts.quantiser.segments[0].hash)),
    size,
  ],
  "occupancy": [() => finished(readOccupancy(segment.occupancy, frames, facts.grid)), () => frames * facts.grid.reduce((a, b) => a * b)],
};

console.log(`${process.argv[2]}: ${data.length} bytes, segment 0 of ${frames} frames, grid ${facts.grid.join(" x ")}`);
console.log("part            symbols  Msymbols/s  output MB    MB/s      ms  ms a frame");
for (const [name, [work, bytes]] of Object.entries(parts)) {
  const symbols = counted(work);
  for (let warm = 0; warm < 3; warm++) work();
  const before = process.cpuUsage();
  let [runs, spent, found] = [0, 0, null];
  for (; spent < LASTING; runs++) {
    found = work();
    spent = process.cpuUsage(before).user / 1e3;
  }
  const [mean, output] = [spent / runs, bytes(found)];
  const cells = [symbols, symbols / mean / 1e3, output / 1e6, output / mean / 1e3, mean, mean / frames];
  const widths = [9, 12, 11, 8, 8, 12];
  console.log(name.padEnd(14) + cells.map((cell, i) => cell.toFixed([0, 1, 2, 0, 1, 2][i]).padStart(widths[i])).join(""));
}

function finished(steps) {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** How many symbols it decodes. */
function counted(work) {
  let count = 0;
  const kept = {};
  for (const name of ["symbolsOf", "symbols", "bits"]) {
    kept[name] = Stream.prototype[name];
    Stream.prototype[name] = function (which, some, out) {
      count += some;
      return kept[name].call(this, which, some, out);
    };
  }
  work();
  Object.assign(Stream.prototype, kept);
  return count;
}

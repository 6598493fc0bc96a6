// What is asked of a server when parts are read: node http_reads.mjs ADDRESS; the server has a file of 2 MiB, byte i being
// i * i % 251. Prints what each scene found.
import assert from "node:assert/strict";
import { HttpSource } from "../../src/dymap/web/file/http.js";
import { tell } from "./scenes.mjs";

const address = process.argv[2];
const first = 256 * 1024;
const real = globalThis.fetch;
let asked = [];
let held = false; // while it is, no answer comes
globalThis.fetch = async (url, options) => {
  asked.push({ range: options.headers.Range.slice(6), signal: options.signal });
  if (held) await new Promise((resolve) => options.signal.addEventListener("abort", resolve));
  return real(url, options);
};
const right = (data, offset) => data.every((byte, i) => byte === ((offset + i) ** 2) % 251);
const opened = async () => {
  held = false;
  const source = new HttpSource(address);
  assert.equal(await source.size(), 2 ** 21);
  asked = [];
  return source;
};
const read = async (source, offset, length, options) => {
  const data = await source.read(offset, length, options);
  assert.equal(data.length, length);
  assert(right(data, offset));
};
const ranges = () => asked.map(({ range }) => range);

const scenes = {
  async "what came with the first request is not asked for again"() {
    const source = await opened();
    await Promise.all([read(source, 0, 24), read(source, 24, 1000), read(source, first - 10, 10)]);
    assert.deepEqual(ranges(), []);
  },
  async "neighbours are fetched together, and nothing twice"() {
    const source = await opened();
    await Promise.all([read(source, first + 1000, 500), read(source, first - 50, 1050), read(source, first + 1200, 900)]);
    assert.deepEqual(ranges(), [`${first}-${first + 2099}`]);
    await read(source, first + 3, 2000);
    assert.equal(asked.length, 1);
  },
  async "what is on its way is not asked for again"() {
    const source = await opened();
    const one = read(source, 2 ** 20, 5000);
    await new Promise((resolve) => setTimeout(resolve, 0));
    await Promise.all([one, read(source, 2 ** 20 + 100, 6000)]);
    assert.deepEqual(ranges(), [`${2 ** 20}-${2 ** 20 + 4999}`, `${2 ** 20 + 5000}-${2 ** 20 + 6099}`]);
  },
  async "the most important is asked for first, and two at once"() {
    const source = await opened();
    const places = [600_000, 700_000, 800_000, 900_000];
    await Promise.all(places.map((place, i) => read(source, place, 10, { priority: i })));
    assert.deepEqual(ranges(), ["900000-900009", "800000-800009", "700000-700009", "600000-600009"]);
  },
  async "what nobody wants any more is not fetched to its end"() {
    const source = await opened();
    held = true;
    const [one, two] = [new AbortController(), new AbortController()];
    const reads = [one, two].map(({ signal }) => source.read(10 ** 6, 10 ** 6, { signal }));
    await new Promise((resolve) => setTimeout(resolve, 0));
    one.abort();
    await assert.rejects(reads[0], { name: "AbortError" });
    assert(!asked[0].signal.aborted, "another still wants it");
    two.abort();
    await assert.rejects(reads[1], { name: "AbortError" });
    await new Promise((resolve) => setTimeout(resolve, 0));
    assert(asked[0].signal.aborted);
    held = false;
    await read(source, 10 ** 6, 100);
  },
  async "beyond the end is said at once"() {
    const source = await opened();
    await assert.rejects(source.read(2 ** 21 - 5, 6), /cut file \(it ends at byte 2097152, expected at least 2097153\)/);
    assert.deepEqual(ranges(), []);
  },
  async "memory for what is kept is bounded, and what is wanted stays"() {
    const source = await opened();
    source.kept.most = 1000;
    await Promise.all([read(source, 400_000, 900), read(source, 500_000, 900)]);
    await read(source, 400_000, 900);
    await read(source, 500_000, 100_000);
    await new Promise((resolve) => setTimeout(resolve, 0));
    assert(source.kept.blocks.reduce((sum, { data }) => sum + data.length, 0) <= 1000);
  },
  async "a closed source ends what it reads"() {
    const source = await opened();
    held = true;
    const reading = source.read(10 ** 6, 10);
    await new Promise((resolve) => setTimeout(resolve, 0));
    source.close();
    await assert.rejects(reading, { name: "AbortError" });
  },
};
await tell(scenes);

// Decodes three hash tables of one level each: node hash_steps.mjs FILE ENTRIES FEATURES. Prints how many symbols the
// longest step decodes, between which a page does something else, and a digest of the tables.
import { readFileSync } from "node:fs";
import { readHash } from "../../src/dymap/web/file/hash.js";
import { Stream } from "../../src/dymap/web/file/rans.js";
import { sha } from "./digest.mjs";

const [file, entries, features] = [process.argv[2], ...process.argv.slice(3).map(Number)];
let [symbols, longest] = [0, 0];
for (const name of ["symbolsOf", "symbols"]) {
  const decode = Stream.prototype[name];
  Stream.prototype[name] = function (which, count, out) {
    symbols += count;
    return decode.call(this, which, count, out);
  };
}
const steps = readHash(new Uint8Array(readFileSync(file)), [entries], features, [1]);
for (;;) {
  symbols = 0;
  const { done, value } = steps.next();
  longest = Math.max(longest, symbols);
  if (done) {
    console.log(JSON.stringify({ longest, tables: value.map(sha) }));
    break;
  }
}
